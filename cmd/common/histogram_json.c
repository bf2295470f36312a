/* SPDX-License-Identifier: BSD-2-Clause */
/* Histograms to JSON and back. */
#include "histogram_json.h"

json_t *histogram_json(const struct histogram *h)
{
	json_t *pairs = json_array();
	uint64_t top;
	unsigned i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!h->count[i])
			continue;
		top = histogram_top(i);
		if (top > INT64_MAX) /* of the last bucket, which has no end */
			top = INT64_MAX;
		json_array_append_new(pairs, json_pack("[I, I]", (json_int_t)top,
		                                       (json_int_t)h->count[i]));
	}
	return pairs;
}

static uint64_t number(const json_t *object, const char *field)
{
	return (uint64_t)json_integer_value(json_object_get(object, field));
}

/* What the pairs sum up to; 0 if they are none. */
static uint64_t count_pairs(const json_t *pairs)
{
	uint64_t sum = 0;
	size_t i;
	json_t *pair;

	json_array_foreach(pairs, i, pair) sum +=
		(uint64_t)json_integer_value(json_array_get(pair, 1));
	return sum;
}

bool histogram_add_json(struct histogram *h, const json_t *latency)
{
	const json_t *pairs = json_object_get(latency, "buckets");
	uint64_t n = number(latency, "packets"), min = number(latency, "min");
	uint64_t max = number(latency, "max"), top;
	size_t i;
	json_t *pair;

	if (!n || count_pairs(pairs) != n)
		return false;
	json_array_foreach(pairs, i, pair)
	{
		top = (uint64_t)json_integer_value(json_array_get(pair, 0));
		h->count[histogram_bucket(top)] +=
			(uint64_t)json_integer_value(json_array_get(pair, 1));
	}
	h->n += n;
	h->sum += (double)number(latency, "mean") * (double)n;
	h->min = min < h->min ? min : h->min;
	h->max = max > h->max ? max : h->max;
	return true;
}
