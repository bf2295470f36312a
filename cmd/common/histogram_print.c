/* SPDX-License-Identifier: BSD-2-Clause */
/* Histograms for the eye and for plotters. */
#include "histogram.h"

#include <inttypes.h>
#include <math.h>

/* HdrHistogram's own choice: points for each halving of the distance to 100 %. */
#define POINTS_PER_HALVING 5
/* Parts of one that percentiles are computed in. */
#define WHOLE UINT64_C(1000000000000)

#define BARS_MAX   16
#define BAR_LENGTH 50

char *format_ns(double ns, char text[32])
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	unsigned i = 0;

	for (; ns >= 1000 && i < 3; i++)
		ns /= 1000;
	snprintf(text, 32, "%.*f %s",
	         !i || ns >= 100 ? 0
	         : ns >= 10      ? 1
	                         : 2,
	         ns, units[i]);
	return text;
}

/* How many values lie in buckets up to the one of value. */
static uint64_t count_up_to(const struct histogram *h, uint64_t value)
{
	unsigned i, last = histogram_bucket(value);
	uint64_t n = 0;

	for (i = 0; i <= last; i++)
		n += h->count[i];
	return n;
}

static double deviation(const struct histogram *h)
{
	double mean = histogram_mean(h), sum = 0, distance;
	unsigned i, shift;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!h->count[i])
			continue;
		shift = i >> HISTOGRAM_BITS ? (i >> HISTOGRAM_BITS) - 1 : 0;
		distance = ldexp(i - (shift << HISTOGRAM_BITS) + 0.5, (int)shift) - mean;
		sum += distance * distance * (double)h->count[i];
	}
	return h->n ? sqrt(sum / (double)h->n) : 0;
}

/* The next percentile to tell, in parts of WHOLE. */
static uint64_t next_part(uint64_t part)
{
	double left = 1 - (double)part / (double)WHOLE;
	double halvings = floor(-log2(left)) + 1;
	double step = (double)WHOLE / (POINTS_PER_HALVING * exp2(halvings));

	return part + (step < 1 ? 1 : (uint64_t)step);
}

void histogram_print_hgrm(const struct histogram *h, FILE *to)
{
	uint64_t part = 0, value, count = 0;

	fprintf(to, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
	        "1/(1-Percentile)");
	while (h->n && part < WHOLE) {
		value = histogram_at(h, part, WHOLE);
		count = count_up_to(h, value);
		if (count == h->n)
			break;
		fprintf(to, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", (double)value / 1e3,
		        (double)part / (double)WHOLE, count,
		        1 / (1 - (double)part / (double)WHOLE));
		part = next_part(part);
	}
	if (h->n)
		fprintf(to, "%12.3f %2.12f %10" PRIu64 "\n", (double)h->max / 1e3, 1.0,
		        h->n);
	fprintf(to,
	        "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n"
	        "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n"
	        "#[Buckets = %12d, SubBuckets     = %12d]\n",
	        histogram_mean(h) / 1e3, deviation(h) / 1e3, (double)h->max / 1e3, h->n,
	        HISTOGRAM_TOP - HISTOGRAM_BITS, 1 << HISTOGRAM_BITS);
}

/* Cut low..high into ranges that are equally wide on a logarithmic scale: the top of each and how
 * many values it has.  Returns how many ranges. */
static unsigned spread(const struct histogram *h, uint64_t low, uint64_t high,
                       uint64_t *tops, uint64_t *counts)
{
	double first = log((double)(low ? low : 1)), last = log((double)high + 1);
	uint64_t before = 0, up_to;
	unsigned i, n = 0;

	for (i = 1; i <= BARS_MAX; i++) {
		uint64_t top =
			i == BARS_MAX
				? high
				: (uint64_t)exp(first + (last - first) * i / BARS_MAX);

		if (n && top <= tops[n - 1])
			continue;
		up_to = count_up_to(h, top);
		tops[n] = top;
		counts[n++] = up_to - before;
		before = up_to;
	}
	return n;
}

void histogram_print_bars(const struct histogram *h, FILE *to)
{
	static const char full[] = "##################################################";
	uint64_t tops[BARS_MAX], counts[BARS_MAX], most = 1;
	unsigned i, n, length;
	char text[32];

	if (!h->n)
		return;
	n = spread(h, h->min, h->max, tops, counts);
	for (i = 0; i < n; i++)
		if (counts[i] > most)
			most = counts[i];
	for (i = 0; i < n; i++) {
		length = (unsigned)(counts[i] * BAR_LENGTH / most);
		if (counts[i] && !length)
			length = 1;
		fprintf(to, "  %10s %-*.*s %" PRIu64 "\n",
		        format_ns((double)tops[i], text), BAR_LENGTH, (int)length, full,
		        counts[i]);
	}
}

/* ---- SVG ------------------------------------------------------------------ */

enum { WIDTH = 760, HEIGHT = 420, LEFT = 70, RIGHT = 20, TOP = 40, BOTTOM = 50 };

/* The percentiles with a label, and how far: halvings of the distance to 100 %. */
static const struct {
	const char *label;
	double left;
} marks[] = {{"0", 1},        {"50", 0.5},       {"90", 0.1},        {"99", 0.01},
             {"99.9", 0.001}, {"99.99", 0.0001}, {"99.999", 0.00001}};

static double x_of(double left)
{
	return LEFT + (WIDTH - LEFT - RIGHT) * -log10(left) / 5;
}

static double y_of(double value, double low, double high)
{
	return HEIGHT - BOTTOM -
	       (HEIGHT - TOP - BOTTOM) * (log10(value) - low) / (high - low);
}

static void svg_axes(double low, double high, FILE *to)
{
	unsigned i;
	double at;
	char text[32];
	int e;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		at = x_of(marks[i].left);
		fprintf(to,
		        "<path d=\"M%.1f %d V%d\" class=\"grid\"/>"
		        "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s%%</text>\n",
		        at, TOP, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 18,
		        marks[i].label);
	}
	for (e = (int)low; e <= (int)high; e++) {
		at = y_of(pow(10, e), low, high);
		fprintf(to,
		        "<path d=\"M%d %.1f H%d\" class=\"grid\"/>"
		        "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
		        LEFT, at, WIDTH - RIGHT, LEFT - 6, at + 4,
		        format_ns(pow(10, e), text));
	}
}

static void print_escaped(const char *text, FILE *to)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '&':
			fputs("&amp;", to);
			break;
		default:
			fputc(*text, to);
		}
}

void histogram_print_svg(const struct histogram *h, const char *title, FILE *to)
{
	double least = h->n && h->min ? (double)h->min : 1;
	double most = h->n && h->max ? (double)h->max : 1;
	double low = floor(log10(least)), high = floor(log10(most)) + 1, left;
	uint64_t part, value;
	char command = 'M';

	fprintf(to,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
	        "font-family=\"sans-serif\" font-size=\"12\">\n"
	        "<style>.grid{stroke:#ccc}.curve{stroke:#06c;stroke-width:2;fill:none}"
	        "</style>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n"
	        "<text x=\"%d\" y=\"24\" font-size=\"15\">",
	        WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
	print_escaped(title, to);
	fputs("</text>\n", to);
	svg_axes(low, high, to);
	fputs("<path class=\"curve\" d=\"", to);
	for (part = 0; h->n && part < WHOLE; part = next_part(part)) {
		left = 1 - (double)part / (double)WHOLE;
		if (left < marks[sizeof(marks) / sizeof(marks[0]) - 1].left)
			break;
		value = histogram_at(h, part, WHOLE);
		fprintf(to, "%c%.1f %.1f ", command, x_of(left),
		        y_of(value ? (double)value : 1, low, high));
		command = 'L';
	}
	fputs("\"/>\n</svg>\n", to);
}
