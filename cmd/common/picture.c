/* SPDX-License-Identifier: BSD-2-Clause */
/* Bars as long as numbers are large. */
#include "picture.h"
#include "histogram_json.h"
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>

#define BAR 50

static double real(const json_t *event, const char *field)
{
	return json_number_value(json_object_get(event, field));
}

void picture_rates(const struct picture_rate *rates, unsigned n, FILE *to)
{
	static const char full[] = "==================================================";
	double most = 1, value;
	char text[32];
	unsigned i;

	for (i = 0; i < n; i++)
		if (real(rates[i].end, rates[i].field) > most)
			most = real(rates[i].end, rates[i].field);
	for (i = 0; i < n; i++) {
		value = real(rates[i].end, rates[i].field);
		fprintf(to, "  %10s %-*.*s %s\n", rates[i].name, BAR,
		        (int)(value / most * BAR + 0.5), full,
		        format_rate(value, "pps", text));
	}
}

void picture_fates(const json_t *rx, FILE *to)
{
	static const char *const fates[] = {"lost", "reordered", "duplicated",
	                                    "corrupted"};
	char text[32];
	unsigned i;

	fprintf(to, "  of %s flows", format_count((uint64_t)real(rx, "flows"), text));
	for (i = 0; i < sizeof(fates) / sizeof(fates[0]); i++)
		fprintf(to, "%s %s %s", i ? "," : ":", fates[i],
		        format_count((uint64_t)real(rx, fates[i]), text));
	fputc('\n', to);
}

void picture_latency(const json_t *rx, FILE *to)
{
	static const struct {
		const char *field, *name;
	} shown[] = {{"min", "min"},    {"p50", "p50"},      {"p99", "p99"},
	             {"p999", "p99.9"}, {"p9999", "p99.99"}, {"max", "max"}};
	const json_t *latency = json_object_get(rx, "latency_ns");
	struct histogram *h = malloc(sizeof(*h));
	char text[32];
	unsigned i;

	if (h)
		histogram_init(h);
	if (h && histogram_add_json(h, latency)) {
		fputs("  latency", to);
		for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			fprintf(to, "%s %s %s", i ? "," : "", shown[i].name,
			        format_ns(real(latency, shown[i].field), text));
		fprintf(to, " (%s, +%s)\n",
		        json_string_value(json_object_get(latency, "method")),
		        format_ns(real(latency, "error"), text));
		histogram_print_bars(h, to);
	}
	free(h);
}
