/* SPDX-License-Identifier: BSD-2-Clause */
/* Histograms against sorting: no percentile below the true value, none 0.8 % above. */
#include "tap.h"
#include "common/histogram.h"
#include "common/histogram_json.h"

#include <math.h>
#include <string.h>

#define VALUES 20000
#define SEEDS  200

static const struct {
	uint64_t part, whole;
} asked[] = {{0, 1},      {1, 100},      {1, 2},          {9, 10}, {99, 100},
             {999, 1000}, {9999, 10000}, {99999, 100000}, {1, 1},  {1, 3}};

static uint64_t random_state;

/* splitmix64 */
static uint64_t random64(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank, from the definition: the least value with at least part/whole at or below. */
static uint64_t exact_at(const uint64_t *sorted, uint64_t n, uint64_t part,
                         uint64_t whole)
{
	uint64_t k = 1;

	while (k < n && k * whole < n * part)
		k++;
	return sorted[k - 1];
}

static unsigned wrong(const struct histogram *h, uint64_t *values, unsigned n)
{
	unsigned i, bad = 0;
	uint64_t want, got;

	qsort(values, n, sizeof(*values), compare);
	for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		want = exact_at(values, n, asked[i].part, asked[i].whole);
		got = histogram_at(h, asked[i].part, asked[i].whole);
		bad += got < want || (double)got > (double)want * (1 + 1.0 / 128);
	}
	return bad + (h->min != values[0]) + (h->max != values[n - 1]) + (h->n != n);
}

/* Values of a spread that varies with the seed, cut over two histograms and added. */
static unsigned one_seed(uint64_t seed)
{
	static struct histogram a, b;
	static uint64_t values[VALUES];
	unsigned i, n, width;

	random_state = seed;
	histogram_init(&a);
	histogram_init(&b);
	n = 1 + (unsigned)(random64() % 2000);
	width = 1 + (unsigned)(random64() % (HISTOGRAM_TOP - 1));
	for (i = 0; i < n; i++) {
		values[i] = random64() >> (64 - width) >> random64() % width;
		histogram_add(random64() % 2 ? &a : &b, values[i]);
	}
	histogram_merge(&a, &b);
	return wrong(&a, values, n);
}

static void against_sorting(void)
{
	uint64_t seed;
	unsigned bad = 0;

	for (seed = 1; seed <= SEEDS; seed++)
		if (one_seed(seed)) {
			printf("# seed %" PRIu64 "\n", seed);
			bad++;
		}
	is_u(bad, 0, "percentiles of 200 random sets, merged from two, against sorting");
}

static void edges(void)
{
	static struct histogram h;

	histogram_init(&h);
	is_u(histogram_at(&h, 1, 2), 0, "no values: 0");
	histogram_add(&h, 0);
	is_u(histogram_at(&h, 1, 1), 0, "a zero is a value");
	histogram_add(&h, UINT64_MAX);
	is_u(histogram_at(&h, 1, 1), UINT64_MAX, "the largest value there is");
	is_u(h.count[HISTOGRAM_BUCKETS - 1], 1, "is in the last bucket");
	is_u(histogram_bucket(((uint64_t)1 << HISTOGRAM_TOP) - 1), HISTOGRAM_BUCKETS - 1,
	     "which begins below 2^40");
	is_u(histogram_bucket(127), 127, "small values are exact");
	is_u(histogram_bucket(255), 255, "up to 255");
	is_u(histogram_bucket(256), 256, "from 256 on two share a bucket");
	is_u(histogram_bucket(257), 256, "...");
}

/* What HdrHistogram's plotter needs: four columns, ascending, the last line the maximum. */
static void hgrm(void)
{
	static struct histogram h;
	char *text = NULL, line[200];
	double value, percentile, last_value = -1, last_percentile = -1;
	unsigned long count = 0;
	unsigned i, rows = 0, bad = 0;
	size_t size;
	FILE *f;

	histogram_init(&h);
	for (i = 1; i <= 100000; i++)
		histogram_add(&h, i * 10);
	f = open_memstream(&text, &size);
	histogram_print_hgrm(&h, f);
	fclose(f);
	f = fmemopen(text, size, "r");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lf %lf %lu", &value, &percentile, &count) != 3)
			continue;
		rows++;
		bad += value < last_value || percentile <= last_percentile;
		/* 10 us of value for each 1000 values */
		bad += fabs((double)count - value * 100) > (double)count * 0.01 + 1;
		last_value = value;
		last_percentile = percentile;
	}
	fclose(f);
	ok(strstr(text, "1/(1-Percentile)"), ".hgrm has the columns' names");
	ok(rows > 50, ".hgrm has %u rows", rows);
	is_u(bad, 0, "in ascending order, value and count agreeing");
	ok(last_value == 1000 && last_percentile == 1 && count == 100000,
	   "the last is the largest, of all values");
	ok(strstr(text, "#[Mean    =      500.005"), "the mean is exact");
	free(text);
}

static void drawings(void)
{
	static struct histogram h;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	histogram_init(&h);
	histogram_print_svg(&h, "nothing <yet>", f);
	histogram_add(&h, 1000);
	histogram_print_svg(&h, "one", f);
	histogram_print_bars(&h, f);
	fclose(f);
	ok(strstr(text, "nothing &lt;yet&gt;"), "a title is text, not markup");
	ok(!strstr(text, "nan") && !strstr(text, "inf"), "no value and one can be drawn");
	free(text);
}

static json_t *as_event(const struct histogram *h)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "packets", (json_int_t)h->n, "min",
	                 (json_int_t)h->min, "mean", (json_int_t)histogram_mean(h), "max",
	                 (json_int_t)h->max, "buckets", histogram_json(h));
}

/* What two runs told, added, is what one run with all the values would have told. */
static void json(void)
{
	static struct histogram parts[2], all, merged;
	json_t *event;
	unsigned i;

	random_state = 1;
	histogram_init(&parts[0]);
	histogram_init(&parts[1]);
	histogram_init(&all);
	histogram_init(&merged);
	for (i = 0; i < VALUES; i++) {
		uint64_t value = random64() >> random64() % 64;

		histogram_add(&parts[i % 2], value);
		histogram_add(&all, value);
	}
	for (i = 0; i < 2; i++) {
		event = as_event(&parts[i]);
		ok(histogram_add_json(&merged, event),
		   "a histogram goes to JSON and back");
		json_decref(event);
	}
	ok(!memcmp(merged.count, all.count, sizeof(all.count)) && merged.n == all.n,
	   "two are added by adding counts");
	event = as_event(&all);
	json_object_set_new(event, "packets", json_integer(1));
	ok(!histogram_add_json(&merged, event), "one that contradicts itself is refused");
	json_decref(event);
	is_u(merged.n, all.n, "and adds nothing");
}

int main(void)
{
	against_sorting();
	edges();
	hgrm();
	drawings();
	json();
	return done();
}
