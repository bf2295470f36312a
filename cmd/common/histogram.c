/* SPDX-License-Identifier: BSD-2-Clause */
/* Log-linear histograms: counting, adding, percentiles. */
#include "histogram.h"

#include <string.h>

__extension__ typedef unsigned __int128 uint128;

void histogram_init(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	unsigned i;

	into->n += from->n;
	into->sum += from->sum;
	if (from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->count[i] += from->count[i];
}

uint64_t histogram_top(unsigned bucket)
{
	unsigned shift = bucket >> HISTOGRAM_BITS;

	if (bucket == HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	if (shift)
		shift--;
	return (((uint64_t)bucket - (shift << HISTOGRAM_BITS) + 1) << shift) - 1;
}

void histogram_add_counts(struct histogram *h, const uint64_t *counts)
{
	uint64_t low = 0, top, i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++, low = top + 1) {
		top = histogram_top((unsigned)i);
		if (!counts[i])
			continue;
		if (low < h->min)
			h->min = low;
		if (i == HISTOGRAM_BUCKETS - 1)
			top = low;
		if (top > h->max)
			h->max = top;
		h->n += counts[i];
		h->sum += (double)counts[i] * ((double)low + (double)top) / 2;
		h->count[i] += counts[i];
	}
}

uint64_t histogram_at(const struct histogram *h, uint64_t part, uint64_t whole)
{
	uint64_t rank = (uint64_t)(((uint128)h->n * part + whole - 1) / whole);
	uint64_t seen = 0, top;
	unsigned i;

	if (!h->n)
		return 0;
	if (rank <= 1)
		return h->min;
	for (i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += h->count[i];
		if (seen >= rank)
			break;
	}
	top = histogram_top(i);
	return top < h->max ? top : h->max;
}

double histogram_mean(const struct histogram *h)
{
	return h->n ? h->sum / (double)h->n : 0;
}
