/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log-linear histograms (as HdrHistogram's): 2^HISTOGRAM_BITS buckets to every power of two, so
 * that a bucket is at most 1/128 of its values wide.  Any percentile is told as the highest
 * value of its bucket: never below the true one and at most 0.8 % above.  Smallest, largest and
 * mean are exact.  Adding two histograms is adding their counts.
 */
#ifndef CMD_COMMON_HISTOGRAM_H
#define CMD_COMMON_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum {
	HISTOGRAM_BITS = 7,
	HISTOGRAM_TOP =
		40, /* values from 2^40 ns (18 minutes) on share the last bucket */
	HISTOGRAM_BUCKETS = (HISTOGRAM_TOP - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS,
};

struct histogram {
	uint64_t n, min, max; /* min is UINT64_MAX while n is 0 */
	double sum;
	uint64_t count[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *h);

static inline unsigned histogram_bucket(uint64_t value)
{
	unsigned shift;

	if (value >> HISTOGRAM_TOP)
		return HISTOGRAM_BUCKETS - 1;
	shift = 63u - (unsigned)__builtin_clzll(value | 1u << HISTOGRAM_BITS) -
	        HISTOGRAM_BITS;
	return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->n++;
	h->sum += (double)value;
	if (value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count[histogram_bucket(value)]++;
}

/* Take over counts made elsewhere: least and largest are then those of their buckets. */
void histogram_add_counts(struct histogram *h, const uint64_t *counts);

/* into += from */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value that part of whole values do not exceed (nearest rank), as 999 of 1000 for p99.9;
 * 0 if there are no values. */
uint64_t histogram_at(const struct histogram *h, uint64_t part, uint64_t whole);

/* The highest value that a bucket holds. */
uint64_t histogram_top(unsigned bucket);

double histogram_mean(const struct histogram *h);

/* The text that HdrHistogram's plotter reads; values in ns are told in us. */
void histogram_print_hgrm(const struct histogram *h, FILE *to);

/* Bars for a terminal, a line for each range of values. */
void histogram_print_bars(const struct histogram *h, FILE *to);

/* The values over the percentiles, both axes logarithmic, as a drawing of its own. */
void histogram_print_svg(const struct histogram *h, const char *title, FILE *to);

/* "850 ns", "12.5 us", "1.25 s"; returns text. */
char *format_ns(double ns, char text[32]);

#endif
