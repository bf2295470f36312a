/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Histograms as JSON: [[highest value, how many], ...] of the buckets that are not empty, in
 * ascending order.  Those of several runs are merged by adding the counts of equal values.
 */
#ifndef CMD_COMMON_HISTOGRAM_JSON_H
#define CMD_COMMON_HISTOGRAM_JSON_H

#include "histogram.h"

#include <jansson.h>
#include <stdbool.h>

json_t *histogram_json(const struct histogram *h);

/* h += a latency_ns object of an end event: its min, mean, max, packets and buckets.  False, h as
 * it was: something is missing or contradicts itself. */
bool histogram_add_json(struct histogram *h, const json_t *latency);

#endif
