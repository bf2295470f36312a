/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq compare: two runs' end events side by side, and whether the second is worse. */
#include "verbs.h"

#include "common/report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Far more than an end event with 10,000 flows. */
#define LINE_MAX_BYTES (64u << 20)

static struct {
	const char *tolerance;
	bool json;
} opt = {.tolerance = "5%"};

static const struct option_row options[] = {
	ROW_STRING("tolerance", "N%", &opt.tolerance,
                   "how much worse is still the same (default: 5%)"),
	ROW_FLAG("json", &opt.json, "print one JSON object"),
	{.name = NULL},
};

/* What is compared; where more is worse, less_is_better. */
static const struct quantity {
	const char *object, *field; /* object: NULL for the event itself */
	bool less_is_better;
} quantities[] = {
	{NULL, "tx_pps", false},      {NULL, "rx_pps", false},
	{NULL, "lost", true},         {NULL, "reordered", true},
	{NULL, "duplicated", true},   {NULL, "corrupted", true},
	{NULL, "late", true},         {NULL, "dropped", true},
	{NULL, "errors", true},       {NULL, "netdev_dropped", true},
	{"latency_ns", "min", true},  {"latency_ns", "p50", true},
	{"latency_ns", "p90", true},  {"latency_ns", "p99", true},
	{"latency_ns", "p999", true}, {"latency_ns", "p9999", true},
	{"latency_ns", "max", true},
};

#define QUANTITIES (sizeof(quantities) / sizeof(quantities[0]))

struct row {
	const struct quantity *quantity;
	double before, after;
	double change; /* per cent; infinite from 0 */
	bool is_worse;
};

/* The last end event of a file of one object a line; NULL, the reason having been printed. */
static json_t *read_end(const char *path)
{
	json_t *end = NULL, *event;
	const char *name;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	FILE *f = fopen(path, "re");

	if (!f) {
		fail_environment(&verb_compare, "%s: %s", path, strerror(errno));
		return NULL;
	}
	while ((len = getline(&line, &room, f)) > 0 && len < LINE_MAX_BYTES) {
		event = json_loads(line, 0, NULL);
		name = json_string_value(json_object_get(event, "event"));
		if (name && !strcmp(name, "end")) {
			json_decref(end);
			end = event;
		} else {
			json_decref(event);
		}
	}
	free(line);
	fclose(f);
	if (!end)
		fail_environment(&verb_compare,
		                 "%s: no end event in it; give what a verb printed with "
		                 "--json",
		                 path);
	return end;
}

static const json_t *look_up(const json_t *event, const struct quantity *q)
{
	if (q->object)
		event = json_object_get(event, q->object);
	return json_object_get(event, q->field);
}

/* The quantities that both have and that are not 0 in both. */
static unsigned compare(const json_t *before, const json_t *after, double tolerance,
                        struct row *rows)
{
	const struct quantity *q;
	unsigned n = 0;

	for (q = quantities; q < quantities + QUANTITIES; q++) {
		const json_t *a = look_up(before, q), *b = look_up(after, q);
		struct row *row = &rows[n];
		double more;

		if (!json_is_number(a) || !json_is_number(b))
			continue;
		row->quantity = q;
		row->before = json_number_value(a);
		row->after = json_number_value(b);
		if (fabs(row->before) + fabs(row->after) <= 0)
			continue;
		more = row->after - row->before;
		row->change = more / row->before * 100;
		row->is_worse = (q->less_is_better ? more : -more) >
		                row->before * tolerance / 100;
		n++;
	}
	return n;
}

/* What the two runs did not have in common: set up, or found around them. */
static json_t *differences(const json_t *before, const json_t *after)
{
	static const char *const objects[] = {"config", "environment"};
	json_t *list = json_array(), *a, *b, *both;
	const char *key;
	unsigned i;

	for (i = 0; i < 2; i++) {
		a = json_object_get(before, objects[i]);
		b = json_object_get(after, objects[i]);
		both = json_object();
		json_object_update(both, a);
		json_object_update(both, b);
		json_object_foreach(both, key, b)
		{
			a = json_object_get(json_object_get(before, objects[i]), key);
			b = json_object_get(json_object_get(after, objects[i]), key);
			if (!json_equal(a, b))
				json_array_append_new(
					list, json_pack("{s:s, s:s, s:O?, s:O?}", "of",
				                        objects[i], "field", key,
				                        "before", a, "after", b));
		}
		json_decref(both);
	}
	return list;
}

static void print_value(const json_t *value)
{
	char *text = json_is_null(value)
	                     ? strdup("-")
	                     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT |
	                                                 JSON_REAL_PRECISION(9));

	printf(" %18.40s", text ? text : "");
	free(text);
}

static void print_differences(const json_t *list)
{
	json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		printf("  %-18s", json_string_value(json_object_get(row, "field")));
		print_value(json_object_get(row, "before"));
		print_value(json_object_get(row, "after"));
		putchar('\n');
	}
}

static void print_rows(const struct row *rows, unsigned n)
{
	const struct row *row;
	char name[40];

	printf("  %-18s %18s %18s %10s\n", "", "before", "after", "change");
	for (row = rows; row < rows + n; row++) {
		snprintf(name, sizeof(name), "%s%s%s",
		         row->quantity->object ? "latency " : "", row->quantity->field,
		         row->quantity->object ? ", ns" : "");
		printf("  %-18s %18.0f %18.0f ", name, row->before, row->after);
		if (isfinite(row->change))
			printf("%+9.1f%%", row->change);
		else
			printf("%10s", "new");
		puts(row->is_worse ? "  WORSE" : "");
	}
}

static void print_json(const struct row *rows, unsigned n, json_t *differ)
{
	json_t *list = json_array();
	const struct row *row;

	for (row = rows; row < rows + n; row++)
		json_array_append_new(
			list, json_pack("{s:s?, s:s, s:f, s:f, s:o, s:b}", "of",
		                        row->quantity->object, "field",
		                        row->quantity->field, "before", row->before,
		                        "after", row->after, "change_percent",
		                        isfinite(row->change) ? json_real(row->change)
		                                              : json_null(),
		                        "worse", row->is_worse));
	list = json_pack("{s:s, s:o, s:O}", "event", "end", "compared", list,
	                 "differences", differ);
	json_dumpf(list, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
	putchar('\n');
	json_decref(list);
}

static int compare_run(int argc, char **argv)
{
	struct row rows[QUANTITIES];
	json_t *before, *after = NULL, *differ;
	struct rate tolerance;
	int code = EXIT_ENVIRONMENT;
	unsigned i, n;

	(void)argc;
	if (parse_rate(opt.tolerance, &tolerance) || tolerance.unit != RATE_PERCENT)
		return fail_usage(&verb_compare,
		                  "--tolerance %s: give a percentage, as 5%%",
		                  opt.tolerance);
	before = read_end(argv[0]);
	if (before)
		after = read_end(argv[1]);
	if (after) {
		n = compare(before, after, tolerance.value, rows);
		differ = differences(before, after);
		if (opt.json) {
			print_json(rows, n, differ);
		} else {
			print_rows(rows, n);
			print_differences(differ);
		}
		json_decref(differ);
		code = EXIT_OK;
		for (i = 0; i < n; i++)
			if (rows[i].is_worse)
				code = EXIT_EXPECTATION;
	}
	json_decref(before);
	json_decref(after);
	return code;
}

const struct verb verb_compare = {
	.name = "compare",
	.operands = "BEFORE AFTER",
	.summary = "two runs side by side; exit code 1 if the second is worse",
	.help = "Both were written by --result, or are what a verb printed with --json; "
		"their last end "
		"events are\n"
		"compared: rates, losses, latency; then what differs in configuration "
		"and\n"
		"environment.\n\n"
		"  rawq lat eth0 eth1 --for 10s --result before.json\n"
		"  rawq compare before.json after.json --tolerance 10%\n",
	.options = options,
	.operands_min = 2,
	.operands_max = 2,
	.run = compare_run,
};
