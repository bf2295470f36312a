/* SPDX-License-Identifier: BSD-2-Clause */
/* Files for rawq run, of any bytes: read or refused, and what was read is written and read again
 * to the same. */
#include <stdlib.h>
#include <string.h>

#include "common/testfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	uint64_t count, size, duration;
	struct rate rate;
	struct cpu_list cpus;
	unsigned choice;
	bool flag;
	const char *string;
} opt;

static const char *const choices[] = {"one", "two", NULL};

static const struct option_row options[] = {
	{.name = "count", .metavar = "N", .type = OPTION_COUNT, .value = &opt.count},
	{.name = "size", .metavar = "N", .type = OPTION_SIZE, .value = &opt.size},
	{.name = "for", .metavar = "T", .type = OPTION_DURATION, .value = &opt.duration},
	{.name = "rate", .metavar = "R", .type = OPTION_RATE, .value = &opt.rate},
	{.name = "cpus", .metavar = "L", .type = OPTION_CPUS, .value = &opt.cpus},
	{.name = "choice",
         .metavar = "C",
         .type = OPTION_ENUM,
         .value = &opt.choice,
         .choices = choices},
	{.name = "flag", .type = OPTION_FLAG, .value = &opt.flag},
	{.name = "string", .metavar = "S", .type = OPTION_STRING, .value = &opt.string},
	{.name = NULL},
};

static const struct verb self = {.name = "run", .operands = "FILE"};
static const struct verb tx = {.name = "tx",
                               .operands = "IF [PACKET]",
                               .options = options,
                               .operands_min = 1,
                               .operands_max = 2};
static const struct verb *const verbs[] = {&tx, NULL};

static json_t *read_text(const char *text, size_t size)
{
	struct testfile file;
	json_t *config = NULL;

	memset(&opt, 0, sizeof(opt));
	if (!testfile_read_text(&self, "input", text, size, verbs, &file))
		config = testfile_json(file.verb, file.argc, file.argv);
	testfile_free(&file);
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	json_t *first, *again;
	char *text;

	if (!null)
		null = stderr = fopen("/dev/null", "w"); /* libFuzzer keeps its own */
	first = read_text((const char *)data, size);
	/* what is no UTF-8 has no JSON */
	text = first ? json_dumps(first, JSON_COMPACT) : NULL;
	if (text) {
		again = read_text(text, strlen(text));
		if (!again || !json_equal(first, again))
			abort();
		json_decref(again);
	}
	free(text);
	json_decref(first);
	return 0;
}
