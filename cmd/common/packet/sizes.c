/* SPDX-License-Identifier: BSD-2-Clause */
/* Frame lengths and the order they come in: 64, 64..1518, rand(64..1518), list(..), imix. */
#include "compiled.h"

#include <errno.h>
#include <stdlib.h>

static const struct field length_field = {.name = "a frame length", .width = 16};
static const struct field weight_field = {.name = "a weight", .width = 12};

struct weighted {
	uint32_t length, weight;
};

/* The usual 7:4:1 mix of IPv4 packets of 40, 576 and 1,500 bytes, in Ethernet frames. */
static const struct weighted standard_imix[] = {{60, 7}, {590, 4}, {1514, 1}};

void sizes_free(struct size_plan *plan)
{
	free(plan->lengths);
	free(plan->order);
}

static int check_length(const struct expr *expr, struct span span, uint64_t length,
                        unsigned min, struct packet_error *err)
{
	if (length < PACKET_MIN || length > PACKET_MAX)
		return expr_error(err, expr->text, span, NULL,
		                  "a frame has %d to %d bytes (without FCS)", PACKET_MIN,
		                  PACKET_MAX);
	if (length < min)
		return expr_error(err, expr->text, span, NULL,
		                  "%llu bytes do not hold this packet, which takes %u",
		                  (unsigned long long)length, min);
	return 0;
}

static int reserve(struct size_plan *plan, uint64_t lengths, uint64_t order)
{
	plan->lengths = calloc(lengths, sizeof(*plan->lengths));
	plan->order = calloc(order, sizeof(*plan->order));
	plan->length_count = (uint32_t)lengths;
	plan->order_count = (uint32_t)order;
	return plan->lengths && plan->order ? 0 : -ENOMEM;
}

/* At each step the one that is furthest behind its share. */
void spread(const uint32_t *weights, unsigned n, uint32_t *order)
{
	uint32_t total = 0, given[WEIGHTS_MAX] = {0};
	int64_t behind, most;
	unsigned i, k, best;

	for (i = 0; i < n; i++)
		total += weights[i];
	for (k = 0; k < total; k++) {
		most = INT64_MIN;
		best = 0;
		for (i = 0; i < n; i++) {
			behind =
				(int64_t)weights[i] * (k + 1) - (int64_t)given[i] * total;
			if (behind > most) {
				most = behind;
				best = i;
			}
		}
		given[best]++;
		order[k] = best;
	}
}

static int plan_weighted(const struct weighted *mix, unsigned n, struct size_plan *plan)
{
	uint32_t weights[WEIGHTS_MAX], total = 0;
	unsigned i;
	int err;

	for (i = 0; i < n; i++)
		total += weights[i] = mix[i].weight;
	err = reserve(plan, n, total);
	if (err)
		return err;
	for (i = 0; i < n; i++)
		plan->lengths[i] = mix[i].length;
	spread(weights, n, plan->order);
	return 0;
}

/* 594:4 */
static int parse_weighted(const struct expr *expr, struct span span, unsigned min,
                          struct weighted *out, struct packet_error *err)
{
	struct span part = span;
	struct value v;
	int ret;

	for (part.len = 0; part.len < span.len && expr->text[span.at + part.len] != ':';)
		part.len++;
	if (part.len == span.len)
		return expr_error(err, expr->text, span, "as in imix(60:7,590:4,1514:1)",
		                  "a length and its weight are expected");
	ret = value_parse(expr->text, part, &length_field, &v, err);
	if (!ret)
		ret = check_length(expr, part, v.low, min, err);
	if (ret)
		return ret;
	out->length = (uint32_t)v.low;
	part.at += part.len + 1;
	part.len = span.len - part.len - 1;
	ret = value_parse(expr->text, part, &weight_field, &v, err);
	if (!ret && !v.low)
		ret = expr_error(err, expr->text, part, NULL, "a weight is at least 1");
	out->weight = (uint32_t)v.low;
	return ret;
}

static int parse_imix(const struct expr *expr, const struct arg *arg, unsigned min,
                      struct size_plan *plan, struct packet_error *err)
{
	struct weighted mix[WEIGHTS_MAX] = {0};
	unsigned i;
	int ret;

	if (!arg->function.len) {
		ret = check_length(expr, arg->whole, standard_imix[0].length, min, err);
		return ret ? ret : plan_weighted(standard_imix, 3, plan);
	}
	if (arg->items > WEIGHTS_MAX)
		return expr_error(err, expr->text, arg->whole, NULL,
		                  "more than 64 lengths");
	for (i = 0; i < arg->items; i++) {
		ret = parse_weighted(expr, expr->items[arg->first_item + i], min, &mix[i],
		                     err);
		if (ret)
			return ret;
	}
	return plan_weighted(mix, arg->items, plan);
}

static uint64_t pattern_value(const struct pattern *p, uint64_t i)
{
	return p->kind == PATTERN_LIST ? p->list[i].low : p->first.low + i * p->step;
}

static int plan_pattern(const struct expr *expr, const struct arg *arg,
                        const struct pattern *pattern, unsigned min,
                        struct size_plan *plan, struct packet_error *err)
{
	uint32_t i;
	int ret;

	ret = reserve(plan, pattern->count, pattern->count);
	for (i = 0; !ret && i < plan->length_count; i++) {
		ret = check_length(expr, arg->whole, pattern_value(pattern, i), min, err);
		plan->lengths[i] = (uint32_t)pattern_value(pattern, i);
		plan->order[i] = i;
	}
	plan->is_random = pattern->kind == PATTERN_RAND;
	return ret;
}

int sizes_plan(const struct expr *expr, const struct arg *arg, unsigned min,
               struct size_plan *plan, struct packet_error *err)
{
	struct span name = arg->function.len ? arg->function : arg->whole;
	struct pattern pattern;
	int ret;

	if (span_is(expr->text, name, "imix"))
		return parse_imix(expr, arg, min, plan, err);
	ret = pattern_parse(expr, arg, &length_field, &pattern, err);
	if (ret)
		return ret;
	ret = plan_pattern(expr, arg, &pattern, min, plan, err);
	free(pattern.list);
	return ret;
}

int sizes_parse(const char *text, unsigned min, struct size_plan *out,
                struct packet_error *err)
{
	struct expr *expr;
	int ret;

	*out = (struct size_plan){0};
	if (!text) {
		ret = reserve(out, 1, 1);
		if (!ret)
			out->lengths[0] = min < PACKET_PADDED ? PACKET_PADDED : min;
		return ret;
	}
	expr = malloc(sizeof(*expr));
	if (!expr)
		return -ENOMEM;
	ret = expr_parse_value(text, expr, err);
	if (!ret)
		ret = sizes_plan(expr, &expr->args[0], min, out, err);
	free(expr);
	return ret;
}
