/* SPDX-License-Identifier: BSD-2-Clause */
/* The units of the command line: what each text means, and which texts are refused. */
#include "tap.h"
#include "common/options.h"

#include <string.h>

static const struct {
	const char *text;
	uint64_t want;
} counts[] =
	{
		{"0", 0},          {"1000", 1000},     {"1k", 1000},
		{"1.5M", 1500000}, {"2G", 2000000000}, {"0.001k", 1},
},
  sizes[] =
	  {
		  {"64", 64},     {"64B", 64},       {"9kB", 9000},
		  {"2KiB", 2048}, {"1MiB", 1048576},
},
  durations[] = {
	  {"1ns", 1},          {"100us", 100000},     {"1.5ms", 1500000},
	  {"5s", 5000000000u}, {"2m", 120000000000u}, {"1h", 3600000000000u},
};

static const char *const bad_counts[] = {"",     "-1",  "1K", "k",  "1.5",          "1e3",
                                         "0x10", "1 k", "1.", ".5", "99999999999G", "1kk",
                                         "inf",  NULL};
static const char *const bad_sizes[] = {"", "64b", "0.5", "2KB", "-64", NULL};
static const char *const bad_durations[] = {"",    "5",     "5 s",  "5S",
                                            "-5s", "0.5ns", "5sec", NULL};
static const char *const bad_rates[] = {"",       "5",    "1Mbit", "0pps", "-1pps",
                                        "1 Mpps", "101%", "1mpps", "Mpps", NULL};
static const char *const bad_cpus[] = {"",   ",",   "0,",    "a",    "3-1", "0-",
                                       "-1", "0 1", "99999", "0,,1", NULL};

static const struct {
	const char *text;
	enum rate_unit unit;
	double value;
} rates[] = {
	{"1pps", RATE_PPS, 1},       {"1Mpps", RATE_PPS, 1e6},
	{"2.5kpps", RATE_PPS, 2500}, {"9.5Gbps", RATE_BPS, 9.5e9},
	{"30%", RATE_PERCENT, 30},   {"0.5%", RATE_PERCENT, 0.5},
};

#define EACH(table) (i = 0; i < sizeof(table) / sizeof(table[0]); i++)

static void check_numbers(void)
{
	uint64_t got;
	size_t i;

	for
		EACH(counts)
		{
			got = 0;
			ok(!parse_count(counts[i].text, &got), "count '%s'",
			   counts[i].text);
			is_u(got, counts[i].want, "is right");
		}
	for
		EACH(sizes)
		{
			got = 0;
			ok(!parse_size(sizes[i].text, &got), "size '%s'", sizes[i].text);
			is_u(got, sizes[i].want, "is right");
		}
	for
		EACH(durations)
		{
			got = 0;
			ok(!parse_duration(durations[i].text, &got), "time '%s'",
			   durations[i].text);
			is_u(got, durations[i].want, "is right");
		}
}

static void check_rates(void)
{
	struct rate got;
	size_t i;

	for
		EACH(rates)
		{
			memset(&got, 0, sizeof(got));
			ok(!parse_rate(rates[i].text, &got), "rate '%s'", rates[i].text);
			ok(got.unit == rates[i].unit && got.value == rates[i].value,
			   "is right");
		}
}

/* More digits than a double has room for are no number, on either side of the point. */
static void check_long(void)
{
	char text[1024];
	struct rate rate;
	uint64_t n;

	memset(text, '4', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	ok(parse_count(text, &n), "a count of 1023 digits is refused");
	text[1] = '.';
	ok(parse_count(text, &n), "a count of 1021 decimals is refused");
	memcpy(text + sizeof(text) - 4, "pps", 4);
	ok(parse_rate(text, &rate), "so is a rate");
}

static void check_refusals(void)
{
	uint64_t n = 7;
	struct rate rate = {.value = 7};
	struct cpu_list cpus = {.count = 7};
	const char *const *bad;

	for (bad = bad_counts; *bad; bad++)
		ok(parse_count(*bad, &n) && n == 7, "count '%s' is refused", *bad);
	for (bad = bad_sizes; *bad; bad++)
		ok(parse_size(*bad, &n) && n == 7, "size '%s' is refused", *bad);
	for (bad = bad_durations; *bad; bad++)
		ok(parse_duration(*bad, &n) && n == 7, "time '%s' is refused", *bad);
	for (bad = bad_rates; *bad; bad++)
		ok(parse_rate(*bad, &rate) && rate.value == 7, "rate '%s' is refused",
		   *bad);
	for (bad = bad_cpus; *bad; bad++)
		ok(parse_cpus(*bad, &cpus) && cpus.count == 7, "CPUs '%s' are refused",
		   *bad);
}

static void check_cpus(void)
{
	struct cpu_list got;

	ok(!parse_cpus("3,0-2,7", &got), "a CPU list with a range");
	is_u(got.count, 5, "has five CPUs");
	ok(got.cpu[0] == 3 && got.cpu[1] == 0 && got.cpu[3] == 2 && got.cpu[4] == 7,
	   "in the order given");
}

static void check_names(void)
{
	static const char *const names[] = {"tx", "rx", "probe", "demo", NULL};

	ok(!strcmp(nearest_name("prob", names), "probe"), "a slip finds its verb");
	ok(!strcmp(nearest_name("dmeo", names), "demo"),
	   "two letters the wrong way round");
	ok(!nearest_name("capture", names), "another word finds nothing");
	ok(!nearest_name("", names), "no word finds nothing");
}

int main(void)
{
	check_numbers();
	check_rates();
	check_cpus();
	check_names();
	check_refusals();
	check_long();
	return done();
}
