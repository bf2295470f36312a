/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers with their units: 1.5M, 64KiB, 9.5Gbps, 100us, 0,2-3. */
#include "options.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A unit as it is written, and how many of the base unit it is. */
struct unit {
	const char *name;
	double factor;
};

static const struct unit count_units[] = {
	{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {NULL, 0}};

static const struct unit size_units[] = {
	{"", 1},     {"B", 1},         {"k", 1e3},       {"kB", 1e3},      {"MB", 1e6},
	{"GB", 1e9}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};

static const struct unit duration_units[] = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                             {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
                                             {NULL, 0}};

static const struct unit pps_units[] = {
	{"pps", 1}, {"kpps", 1e3}, {"Mpps", 1e6}, {"Gpps", 1e9}, {NULL, 0}};

static const struct unit bps_units[] = {
	{"bps", 1}, {"kbps", 1e3}, {"Mbps", 1e6}, {"Gbps", 1e9}, {NULL, 0}};

static const struct unit percent_units[] = {{"%", 1}, {NULL, 0}};

/* A plain decimal, digits and at most one point: strtod alone would take hex, inf and "1e3",
 * and the decimal point of the locale.  Returns what follows, or NULL. */
static const char *parse_decimal(const char *text, double *out)
{
	double value = 0, place = 1;
	const char *p = text;

	if (!isdigit((unsigned char)*p))
		return NULL;
	for (; isdigit((unsigned char)*p); p++)
		value = value * 10 + (*p - '0');
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return NULL;
		for (; isdigit((unsigned char)*p); p++) {
			value = value * 10 + (*p - '0');
			place *= 10;
		}
	}
	if (!isfinite(value) || !isfinite(place)) /* more than 308 digits */
		return NULL;
	*out = value / place;
	return p;
}

static bool parse_with_unit(const char *text, const struct unit *units, double *out)
{
	double number;
	const char *rest = parse_decimal(text, &number);

	if (!rest)
		return false;
	for (; units->name; units++)
		if (!strcmp(rest, units->name)) {
			*out = number * units->factor;
			return true;
		}
	return false;
}

/* Whole, and exact in a double, which ends at 2^53. */
static bool to_u64(double value, uint64_t *out)
{
	if (value > 9007199254740992.0 || value != (double)(uint64_t)value)
		return false;
	*out = (uint64_t)value;
	return true;
}

const char *parse_count(const char *text, uint64_t *out)
{
	double value;

	if (parse_with_unit(text, count_units, &value) && to_u64(value, out))
		return NULL;
	return "a whole number, as 1000, 10k, 1.5M or 2G";
}

const char *parse_size(const char *text, uint64_t *out)
{
	double value;

	if (parse_with_unit(text, size_units, &value) && to_u64(value, out))
		return NULL;
	return "bytes, as 64, 64B, 9kB or 2KiB";
}

const char *parse_duration(const char *text, uint64_t *out_ns)
{
	double value;

	if (parse_with_unit(text, duration_units, &value) && to_u64(value, out_ns))
		return NULL;
	return "a time with its unit (ns, us, ms, s, m, h), as 100us or 5s";
}

const char *parse_rate(const char *text, struct rate *out)
{
	static const char valid[] =
		"a rate above 0 with its unit, as 1Mpps, 9.5Gbps or 30%";
	struct rate rate;

	if (parse_with_unit(text, pps_units, &rate.value))
		rate.unit = RATE_PPS;
	else if (parse_with_unit(text, bps_units, &rate.value))
		rate.unit = RATE_BPS;
	else if (parse_with_unit(text, percent_units, &rate.value) && rate.value <= 100)
		rate.unit = RATE_PERCENT;
	else
		return valid;
	if (rate.value <= 0)
		return valid;
	*out = rate;
	return NULL;
}

/* A CPU number; returns what follows, or NULL. */
static const char *parse_cpu(const char *text, unsigned *out)
{
	char *end;
	unsigned long cpu;

	if (!isdigit((unsigned char)*text))
		return NULL;
	cpu = strtoul(text, &end, 10);
	if (cpu >= CPU_SETSIZE)
		return NULL;
	*out = (unsigned)cpu;
	return end;
}

const char *parse_cpus(const char *text, struct cpu_list *out)
{
	static const char valid[] = "CPU numbers and ranges, as 0,2-3";
	struct cpu_list list = {0};
	unsigned first = 0, last;

	for (;;) {
		text = parse_cpu(text, &first);
		last = first;
		if (text && *text == '-')
			text = parse_cpu(text + 1, &last);
		if (!text || last < first || list.count + (last - first) >= CPU_LIST_MAX)
			return valid;
		for (; first <= last; first++)
			list.cpu[list.count++] = (uint16_t)first;
		if (!*text)
			break;
		if (*text++ != ',')
			return valid;
	}
	*out = list;
	return NULL;
}
