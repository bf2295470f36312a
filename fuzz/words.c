/* SPDX-License-Identifier: BSD-2-Clause */
/* What people type: rules, expectations and the units of both. */
#include "common/expect.h"
#include "common/options.h"
#include "common/rule.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct metric metrics[] = {
	{.name = "loss", .has_percent = true, .is_known = true, .value = 1, .whole = 10},
	{.name = "p99", .kind = METRIC_NS, .is_known = true, .value = 5000},
	{.name = "rate", .kind = METRIC_RATE, .has_percent = true},
	{.name = NULL},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule rule;
	char *text = malloc(size + 1);
	struct expect_error no_verdict;
	struct packet_error no_rule;
	struct expect expect;
	uint64_t n;

	memcpy(text, data, size);
	text[size] = '\0';
	/* a value outside of its mask would be refused by the library */
	if (!rule_parse(text, &rule, &no_rule))
		for (n = 0; n < sizeof(rule.opts.value); n++)
			if (((uint8_t *)&rule.opts.value)[n] &
			    ~((uint8_t *)&rule.opts.mask)[n])
				abort();
	if (!expect_parse(text, metrics, &expect, &no_verdict)) {
		expect_is_met(&expect, metrics);
		json_decref(expect_json(&expect, metrics));
	}
	parse_duration(text, &n);
	parse_count(text, &n);
	free(text);
	return 0;
}
