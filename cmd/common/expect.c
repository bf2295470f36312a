/* SPDX-License-Identifier: BSD-2-Clause */
/* Expectations: metric, comparison, value with unit; joined by commas. */
#include "expect.h"
#include "histogram.h"
#include "options.h"
#include "report.h"

#include <ctype.h>
#include <string.h>

/* The longer ones first: each is tried in turn. */
static const struct {
	const char *text;
	enum expect_op op;
} ops[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE},
           {"<", OP_LT},  {">", OP_GT},  {"=", OP_EQ}};

static int refuse(struct expect_error *err, const char *at, const char *expected)
{
	snprintf(err->text, sizeof(err->text), "at '%.60s': %s", at, expected);
	return -1;
}

static int find_metric(const char *word, const struct metric *metrics, unsigned *out,
                       struct expect_error *err)
{
	const char *names[64];
	const char *near;
	char text[140];
	unsigned n;
	size_t len = 0;

	for (n = 0; n < 63 && metrics[n].name; n++) {
		names[n] = metrics[n].name;
		if (!strcmp(word, names[n])) {
			*out = n;
			return 0;
		}
	}
	names[n] = NULL;
	near = nearest_name(word, names);
	if (near) {
		snprintf(text, sizeof(text), "no such number; did you mean '%s'?", near);
		return refuse(err, word, text);
	}
	text[0] = '\0';
	for (n = 0; names[n] && len < sizeof(text); n++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
		                        n ? " " : "give one of ", names[n]);
	return refuse(err, word, text);
}

/* The value behind the comparison; NULL, or the valid forms. */
static const char *parse_value(const char *text, const struct metric *metric,
                               struct expectation *e)
{
	const char *why;
	struct rate rate;
	uint64_t n;

	if (strchr(text, '%') || metric->kind == METRIC_RATE) {
		why = parse_rate(text, &rate);
		if (why || (rate.unit == RATE_PERCENT && !metric->has_percent) ||
		    (rate.unit != RATE_PERCENT && metric->kind != METRIC_RATE))
			return metric->kind == METRIC_RATE
			               ? (metric->has_percent
			                          ? "a rate as 1Mpps, 1Gbps, 99%"
			                          : "a rate as 1Mpps or 1Gbps")
			               : (metric->has_percent
			                          ? "a count or a percentage"
			                          : "a plain number; it has no "
			                            "percentage");
		e->value = rate.value;
		e->unit = rate.unit == RATE_PERCENT ? UNIT_PERCENT
		          : rate.unit == RATE_BPS   ? UNIT_BPS
		                                    : UNIT_PPS;
		return NULL;
	}
	e->unit = metric->kind == METRIC_NS ? UNIT_NS : UNIT_PLAIN;
	/* 0 is the same in every unit */
	if (metric->kind == METRIC_NS && strcmp(text, "0"))
		why = parse_duration(text, &n);
	else
		why = parse_count(text, &n);
	if (!why)
		e->value = (double)n;
	return why;
}

static int parse_one(char *text, const struct metric *metrics, struct expectation *e,
                     struct expect_error *err)
{
	size_t name = strcspn(text, "=!<> \t"), at = name + strspn(text + name, " \t");
	const char *why, *value;
	char word[48];
	unsigned i;

	snprintf(e->text, sizeof(e->text), "%s", text);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strncmp(text + at, ops[i].text, strlen(ops[i].text)))
			break;
	if (!name || i == sizeof(ops) / sizeof(ops[0]))
		return refuse(err, text,
		              "give NAME, then one of == != < <= > >=, then a value");
	snprintf(word, sizeof(word), "%.*s", (int)name, text);
	if (find_metric(word, metrics, &e->metric, err))
		return -1;
	e->op = ops[i].op;
	value = text + at + strlen(ops[i].text);
	value += strspn(value, " \t");
	why = parse_value(value, &metrics[e->metric], e);
	return why ? refuse(err, text, why) : 0;
}

int expect_parse(const char *text, const struct metric *metrics, struct expect *out,
                 struct expect_error *err)
{
	char part[sizeof(out->list[0].text)];
	size_t len;

	out->n = 0;
	for (;; text++) {
		text += strspn(text, " \t");
		len = strcspn(text, ",");
		if (len >= sizeof(part))
			return refuse(err, text, "too long for an expectation");
		memcpy(part, text, len);
		text += len;
		while (len && isspace((unsigned char)part[len - 1]))
			len--;
		part[len] = '\0';
		if (out->n == EXPECT_MAX)
			return refuse(err, part, "no more than 32 expectations");
		if (parse_one(part, metrics, &out->list[out->n], err))
			return -1;
		out->n++;
		if (!*text)
			return 0;
	}
}

/* In the unit that was asked for; false: there is none. */
static bool measured(const struct expectation *e, const struct metric *metrics,
                     double *value)
{
	const struct metric *m = &metrics[e->metric];

	*value = m->value;
	if (e->unit == UNIT_BPS)
		*value = m->bps;
	else if (e->unit == UNIT_PERCENT)
		*value = m->whole > 0 ? 100 * m->value / m->whole : 0;
	return m->is_known && (e->unit != UNIT_PERCENT || m->whole > 0);
}

bool expectation_is_met(const struct expectation *e, const struct metric *metrics)
{
	double value;

	if (!measured(e, metrics, &value))
		return false;
	switch (e->op) {
	case OP_EQ:
		return value >= e->value && value <= e->value;
	case OP_NE:
		return value < e->value || value > e->value;
	case OP_LE:
		return value <= e->value;
	case OP_GE:
		return value >= e->value;
	case OP_LT:
		return value < e->value;
	case OP_GT:
		return value > e->value;
	}
	return false;
}

bool expect_is_met(const struct expect *expect, const struct metric *metrics)
{
	unsigned i;

	for (i = 0; i < expect->n; i++)
		if (!expectation_is_met(&expect->list[i], metrics))
			return false;
	return true;
}

static const char *tell(const struct expectation *e, const struct metric *metrics,
                        char text[32])
{
	double value;

	if (!measured(e, metrics, &value))
		return "not measured";
	switch (e->unit) {
	case UNIT_PLAIN:
		snprintf(text, 32, "%.0f", value);
		return text;
	case UNIT_NS:
		return format_ns(value, text);
	case UNIT_PPS:
		return format_rate(value, "pps", text);
	case UNIT_BPS:
		return format_rate(value, "bit/s", text);
	case UNIT_PERCENT:
		snprintf(text, 32, "%.6g%%", value);
		return text;
	}
	return "";
}

void expect_print(const struct expect *expect, const struct metric *metrics, FILE *to)
{
	const struct expectation *e;
	char text[32];

	for (e = expect->list; e < expect->list + expect->n; e++)
		fprintf(to, "  expected %s: %s, %s\n", e->text,
		        expectation_is_met(e, metrics) ? "met" : "MISSED",
		        tell(e, metrics, text));
}

json_t *expect_json(const struct expect *expect, const struct metric *metrics)
{
	json_t *list = json_array();
	const struct expectation *e;
	double value;

	for (e = expect->list; e < expect->list + expect->n; e++) {
		bool known = measured(e, metrics, &value);

		json_array_append_new(
			list, json_pack("{s:s, s:b, s:o}", "expect", e->text, "met",
		                        expectation_is_met(e, metrics), "value",
		                        known ? json_real(value) : json_null()));
	}
	return list;
}
