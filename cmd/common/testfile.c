/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of runs: libyaml's events one by one, each key looked up in the verb's tables. */
#include "testfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { PAIRS_MAX = TESTFILE_FIELDS_MAX, NAME_MAX_LEN = 32 };

/* One key with one value; a sequence makes several with the same key. */
struct pair {
	char *key, *value;
	size_t line;
};

struct reading {
	const struct verb *self;
	const char *name;
	yaml_parser_t parser;
	struct pair pairs[PAIRS_MAX];
	unsigned count;
};

static int refuse(const struct reading *r, size_t line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(const struct reading *r, size_t line, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail_usage(r->self, "%s:%zu: %s", r->name, line, text);
}

/* ---- YAML to pairs ---- */

static int next_event(struct reading *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event))
		return EXIT_OK;
	return refuse(r, r->parser.problem_mark.line + 1, "%s%s%s",
	              r->parser.context ? r->parser.context : "",
	              r->parser.context ? ": " : "",
	              r->parser.problem ? r->parser.problem : "no valid YAML");
}

static char *scalar_text(const yaml_event_t *event)
{
	return strndup((const char *)event->data.scalar.value, event->data.scalar.length);
}

static int add_pair(struct reading *r, const char *key, const yaml_event_t *event)
{
	struct pair *pair = &r->pairs[r->count];
	size_t line = event->start_mark.line + 1;

	if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
		return refuse(r, line, "%s: a value with a zero byte in it", key);
	if (r->count == PAIRS_MAX)
		return refuse(r, line, "more than %d fields", PAIRS_MAX);
	pair->key = strdup(key);
	pair->value = scalar_text(event);
	pair->line = line;
	r->count++;
	return pair->key && pair->value ? EXIT_OK
	                                : fail_environment(r->self, "no memory");
}

static int take_sequence(struct reading *r, const char *key)
{
	yaml_event_t event;
	int code = EXIT_OK;
	bool ended = false;

	while (!code && !ended) {
		code = next_event(r, &event);
		if (code)
			return code;
		if (event.type == YAML_SCALAR_EVENT)
			code = add_pair(r, key, &event);
		else if (event.type == YAML_SEQUENCE_END_EVENT)
			ended = true;
		else
			code = refuse(r, event.start_mark.line + 1,
			              "%s: a list of plain values is expected", key);
		yaml_event_delete(&event);
	}
	return code;
}

static int take_value(struct reading *r, const char *key)
{
	yaml_event_t event;
	int code = next_event(r, &event);

	if (code)
		return code;
	if (event.type == YAML_SCALAR_EVENT)
		code = add_pair(r, key, &event);
	else if (event.type == YAML_SEQUENCE_START_EVENT)
		code = take_sequence(r, key);
	else
		code = refuse(r, event.start_mark.line + 1,
		              "%s: a value or a list of values is expected", key);
	yaml_event_delete(&event);
	return code;
}

/* The pairs of the mapping that has begun. */
static int take_mapping(struct reading *r)
{
	yaml_event_t event;
	char *key;
	int code = EXIT_OK;

	while (!code) {
		code = next_event(r, &event);
		if (code)
			return code;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return EXIT_OK;
		}
		key = event.type == YAML_SCALAR_EVENT ? scalar_text(&event) : NULL;
		if (key)
			code = take_value(r, key);
		else
			code = refuse(r, event.start_mark.line + 1,
			              "a field's name is expected");
		free(key);
		yaml_event_delete(&event);
	}
	return code;
}

static int take_document(struct reading *r)
{
	yaml_event_t event;
	yaml_event_type_t type;
	size_t line;
	int code;

	do {
		code = next_event(r, &event);
		if (code)
			return code;
		type = event.type;
		line = event.start_mark.line + 1;
		yaml_event_delete(&event);
	} while (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT);
	if (type != YAML_MAPPING_START_EVENT)
		return refuse(r, line, "fields are expected, as verb: tx");
	return take_mapping(r);
}

/* ---- pairs to a verb ---- */

/* The n-th operand's name in the synopsis "IF [PACKET]": "if"; false: there is none. */
static bool operand_name(const struct verb *verb, unsigned n, char name[NAME_MAX_LEN])
{
	const char *p = verb->operands;
	unsigned len;

	for (;;) {
		while (*p && !isalnum((unsigned char)*p))
			p++;
		if (!*p)
			return false;
		len = 0;
		for (; isalnum((unsigned char)*p); p++)
			if (len < NAME_MAX_LEN - 1)
				name[len++] = (char)tolower((unsigned char)*p);
		name[len] = 0;
		if (!n--)
			return true;
	}
}

static int operand_index(const struct verb *verb, const char *key)
{
	char name[NAME_MAX_LEN];
	unsigned i;

	for (i = 0; i < verb->operands_max && operand_name(verb, i, name); i++)
		if (!strcmp(name, key))
			return (int)i;
	return -1;
}

static const struct option_row *find_option(const struct verb *verb, const char *key)
{
	const struct option_row *row;

	for (row = verb->options; row && row->name; row++)
		if (!strcmp(row->name, key))
			return row;
	return NULL;
}

static int unknown_field(const struct reading *r, const struct verb *verb,
                         const struct pair *pair)
{
	const char *names[PAIRS_MAX], *near;
	char operands[TESTFILE_OPERANDS_MAX][NAME_MAX_LEN];
	const struct option_row *row;
	unsigned n = 0, i;

	for (i = 0; i < TESTFILE_OPERANDS_MAX && operand_name(verb, i, operands[i]); i++)
		names[n++] = operands[i];
	for (row = verb->options; row && row->name && n < PAIRS_MAX - 1; row++)
		names[n++] = row->name;
	names[n] = NULL;
	near = nearest_name(pair->key, names);
	if (near)
		return refuse(r, pair->line, "%s has no field '%s'; did you mean '%s'?",
		              verb->name, pair->key, near);
	return refuse(r, pair->line,
	              "%s has no field '%s'; rawq %s --help lists its options",
	              verb->name, pair->key, verb->name);
}

/* As --KEY VALUE, by the verb's own parser, whose refusal then names file and line. */
static int set_option(const struct reading *r, const struct verb *verb,
                      const struct option_row *row, struct pair *pair)
{
	char where[128], option[NAME_MAX_LEN + 3];
	char *argv[] = {where, option, pair->value, NULL};
	struct verb located = *verb;
	bool is_flag = row->type == OPTION_FLAG;
	int code = EXIT_OK, argc = is_flag ? 2 : 3;

	if (is_flag && !strcmp(pair->value, "false"))
		return EXIT_OK;
	if (is_flag && strcmp(pair->value, "true"))
		return refuse(r, pair->line, "%s: true or false", pair->key);
	snprintf(where, sizeof(where), "%s: %.80s:%zu", r->self->name, r->name,
	         pair->line);
	snprintf(option, sizeof(option), "--%.*s", NAME_MAX_LEN, row->name);
	located.name = where;
	located.operands_min = 0;
	if (options_parse(&located, &argc, argv, &code) < 0)
		return code;
	return EXIT_OK;
}

static int set_field(struct reading *r, struct testfile *out, struct pair *pair)
{
	int operand = operand_index(out->verb, pair->key);
	const struct option_row *row = find_option(out->verb, pair->key);
	unsigned i;

	for (i = 0; &r->pairs[i] < pair; i++)
		if (!strcmp(r->pairs[i].key, pair->key) &&
		    (!row || row->type != OPTION_STRINGS))
			return refuse(r, pair->line, "%s is given twice", pair->key);
	if (operand < 0)
		return row ? set_option(r, out->verb, row, pair)
		           : unknown_field(r, out->verb, pair);
	if (operand >= TESTFILE_OPERANDS_MAX)
		return refuse(r, pair->line, "too many operands");
	out->argv[operand] = strdup(pair->value);
	return out->argv[operand] ? EXIT_OK : fail_environment(r->self, "no memory");
}

static int find_verb(const struct reading *r, const struct verb *const *verbs,
                     const struct verb **out)
{
	unsigned i;

	for (i = 0; i < r->count; i++) {
		if (strcmp(r->pairs[i].key, "verb"))
			continue;
		for (; *verbs; verbs++)
			if (!strcmp((*verbs)->name, r->pairs[i].value) &&
			    strcmp((*verbs)->name, r->self->name)) {
				*out = *verbs;
				return EXIT_OK;
			}
		return refuse(r, r->pairs[i].line, "verb: there is no verb '%s' to run",
		              r->pairs[i].value);
	}
	return refuse(r, 1, "no field says which verb it is, as verb: tx");
}

/* Operands must be there from the first on. */
static int count_operands(const struct reading *r, struct testfile *out)
{
	char name[NAME_MAX_LEN];
	unsigned i, last = 0;

	for (i = 0; i < TESTFILE_OPERANDS_MAX; i++)
		if (out->argv[i])
			last = i + 1;
	if (last < out->verb->operands_min)
		last = out->verb->operands_min;
	for (i = 0; i < last; i++)
		if (!out->argv[i] && operand_name(out->verb, i, name))
			return refuse(r, 1, "%s: the field '%s' is missing",
			              out->verb->name, name);
	out->argc = (int)last;
	return EXIT_OK;
}

static int to_verb(struct reading *r, const struct verb *const *verbs,
                   struct testfile *out)
{
	int code = find_verb(r, verbs, &out->verb);
	unsigned i;

	for (i = 0; i < r->count && !code; i++)
		if (strcmp(r->pairs[i].key, "verb"))
			code = set_field(r, out, &r->pairs[i]);
	return code ? code : count_operands(r, out);
}

static void free_keys(struct reading *r)
{
	unsigned i;

	for (i = 0; i < r->count; i++)
		free(r->pairs[i].key);
}

/* String options point at the values. */
static void keep_values(struct reading *r, struct testfile *out)
{
	unsigned i;

	for (i = 0; i < r->count; i++)
		out->values[out->value_count++] = r->pairs[i].value;
}

int testfile_read_text(const struct verb *self, const char *name, const char *text,
                       size_t size, const struct verb *const *verbs, struct testfile *out)
{
	struct reading *r = calloc(1, sizeof(*r));
	int code;

	*out = (struct testfile){0};
	if (!r || !yaml_parser_initialize(&r->parser)) {
		free(r);
		return fail_environment(self, "no memory");
	}
	r->self = self;
	r->name = name;
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, size);
	code = take_document(r);
	if (!code)
		code = to_verb(r, verbs, out);
	yaml_parser_delete(&r->parser);
	keep_values(r, out);
	free_keys(r);
	free(r);
	return code;
}

int testfile_read(const struct verb *self, const char *path,
                  const struct verb *const *verbs, struct testfile *out)
{
	enum { SIZE_MAX_BYTES = 1 << 20 };
	FILE *from = fopen(path, "rb");
	char *text = malloc(SIZE_MAX_BYTES);
	size_t size;
	int code;

	*out = (struct testfile){0};
	if (!from || !text) {
		code = fail_environment(self, "%s: %s", path, strerror(errno));
	} else {
		size = fread(text, 1, SIZE_MAX_BYTES, from);
		if (ferror(from))
			code = fail_environment(self, "%s: %s", path, strerror(errno));
		else if (size == SIZE_MAX_BYTES)
			code = fail_usage(self, "%s: longer than 1 MiB", path);
		else
			code = testfile_read_text(self, path, text, size, verbs, out);
	}
	if (from)
		fclose(from);
	free(text);
	return code;
}

void testfile_free(struct testfile *file)
{
	unsigned i;

	for (i = 0; i < TESTFILE_OPERANDS_MAX; i++)
		free(file->argv[i]);
	for (i = 0; i < file->value_count; i++)
		free(file->values[i]);
}

/* ---- a verb to JSON and YAML ---- */

static json_t *rate_json(const struct rate *rate)
{
	static const char *const units[] = {"", "pps", "bps", "%"};

	if (rate->unit == RATE_UNSET)
		return NULL;
	return json_sprintf("%.*f%s",
	                    rate->value == (double)(uint64_t)rate->value ? 0 : 6,
	                    rate->value, units[rate->unit]);
}

static json_t *cpus_json(const struct cpu_list *cpus)
{
	char text[CPU_LIST_MAX * 6] = "";
	size_t used = 0;
	unsigned i;

	for (i = 0; i < cpus->count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u",
		                         i ? "," : "", cpus->cpu[i]);
	return cpus->count ? json_string(text) : NULL;
}

static json_t *strings_json(const struct string_list *list)
{
	json_t *array = list->count ? json_array() : NULL;
	unsigned i;

	for (i = 0; i < list->count; i++)
		json_array_append_new(array, json_string(list->text[i]));
	return array;
}

/* NULL: not set, and no default either. */
static json_t *value_json(const struct option_row *row)
{
	uint64_t number;

	switch (row->type) {
	case OPTION_FLAG:
		return *(const bool *)row->value ? json_true() : NULL;
	case OPTION_COUNT:
	case OPTION_SIZE:
		number = *(const uint64_t *)row->value;
		return number ? json_integer((json_int_t)number) : NULL;
	case OPTION_DURATION:
		number = *(const uint64_t *)row->value;
		return number ? json_sprintf("%lluns", (unsigned long long)number) : NULL;
	case OPTION_RATE:
		return rate_json(row->value);
	case OPTION_CPUS:
		return cpus_json(row->value);
	case OPTION_ENUM:
		return json_string(row->choices[*(const unsigned *)row->value]);
	case OPTION_STRING:
		return *(const char *const *)row->value
		               ? json_string(*(const char *const *)row->value)
		               : NULL;
	case OPTION_STRINGS:
		return strings_json(row->value);
	}
	return NULL;
}

json_t *testfile_json(const struct verb *verb, int argc, char *const *argv)
{
	json_t *config = json_pack("{s:s}", "verb", verb->name), *value;
	const struct option_row *row;
	char name[NAME_MAX_LEN];
	int i;

	for (i = 0; i < argc && operand_name(verb, (unsigned)i, name); i++)
		json_object_set_new(config, name, json_string(argv[i]));
	for (row = verb->options; row && row->name; row++) {
		value = value_json(row);
		if (value)
			json_object_set_new(config, row->name, value);
	}
	return config;
}

void testfile_print_yaml(FILE *to, const json_t *config)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)config, key, value)
	{
		fprintf(to, "%s: ", key);
		json_dumpf(value, to, JSON_ENCODE_ANY | JSON_COMPACT);
		fputc('\n', to);
	}
}
