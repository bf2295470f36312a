/* SPDX-License-Identifier: BSD-2-Clause */
/* The option tables at work: getopt_long built from rows, help printed from rows, refusals. */
#include "options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More rows than any verb has. */
#define ROWS_MAX 64
/* "+:h", a letter and a colon for each. */
#define LETTERS_MAX (2 * ROWS_MAX + 4)
/* Where the help text of an option begins. */
#define HELP_COLUMN 24

static void print_failure(const struct verb *verb, const char *fmt, va_list ap)
{
	if (verb)
		fprintf(stderr, "rawq %s: ", verb->name);
	else
		fputs("rawq: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int fail_usage(const struct verb *verb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_failure(verb, fmt, ap);
	va_end(ap);
	return EXIT_USAGE;
}

int fail_environment(const struct verb *verb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_failure(verb, fmt, ap);
	va_end(ap);
	return EXIT_ENVIRONMENT;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein's distance with neighbours swapped as one slip (optimal string alignment), a row at
 * a time; 64 and more letters are far from everything. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][64], *before = rows[0], *above = rows[1], *row = rows[2],
			      *free_row;
	unsigned i, j;
	size_t n = strlen(b);

	if (n >= 64)
		return 64;
	for (j = 0; j <= n; j++)
		above[j] = j;
	for (i = 1; a[i - 1]; i++) {
		row[0] = i;
		for (j = 1; j <= n; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
			              above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[n];
}

const char *nearest_name(const char *word, const char *const *names)
{
	const char *best = NULL;
	unsigned best_distance = 3; /* beyond two slips it is another word */
	unsigned d;

	for (; *names; names++) {
		d = distance(word, *names);
		if (d < best_distance && d < strlen(*names)) {
			best_distance = d;
			best = *names;
		}
	}
	return best;
}

static const char *parse_enum(const struct option_row *row, const char *text)
{
	static char valid[256];
	size_t len = 0;
	unsigned i;

	for (i = 0; row->choices[i]; i++)
		if (!strcmp(text, row->choices[i])) {
			*(unsigned *)row->value = i;
			return NULL;
		}
	valid[0] = '\0';
	for (i = 0; row->choices[i] && len < sizeof(valid); i++)
		len += (size_t)snprintf(valid + len, sizeof(valid) - len, "%s%s",
		                        i ? ", " : "one of ", row->choices[i]);
	return valid;
}

/* Returns NULL, or the valid forms. */
static const char *parse_number(const struct option_row *row, const char *text)
{
	static char valid[128];
	const char *(*parse)(const char *, uint64_t *) =
		row->type == OPTION_COUNT  ? parse_count
		: row->type == OPTION_SIZE ? parse_size
					   : parse_duration;
	const char *why;
	uint64_t value;

	why = parse(text, &value);
	if (why)
		return why;
	if (value < row->min || (row->max && value > row->max)) {
		if (row->max)
			snprintf(valid, sizeof(valid), "%llu to %llu%s",
			         (unsigned long long)row->min,
			         (unsigned long long)row->max,
			         row->type == OPTION_DURATION ? " ns" : "");
		else
			snprintf(valid, sizeof(valid), "at least %llu",
			         (unsigned long long)row->min);
		return valid;
	}
	*(uint64_t *)row->value = value;
	return NULL;
}

static const char *add_string(struct string_list *list, const char *text)
{
	if (list->count == STRING_LIST_MAX)
		return "it at most 16 times";
	list->text[list->count++] = text;
	return NULL;
}

/* Returns NULL, or the valid forms. */
static const char *parse_value(const struct option_row *row, const char *text)
{
	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)row->value = true;
		return NULL;
	case OPTION_COUNT:
	case OPTION_SIZE:
	case OPTION_DURATION:
		return parse_number(row, text);
	case OPTION_RATE:
		return parse_rate(text, row->value);
	case OPTION_CPUS:
		return parse_cpus(text, row->value);
	case OPTION_ENUM:
		return parse_enum(row, text);
	case OPTION_STRING:
		*(const char **)row->value = text;
		return NULL;
	case OPTION_STRINGS:
		return add_string(row->value, text);
	}
	return "unknown";
}

static void print_row(const struct option_row *row)
{
	const char *line, *end;
	int column;

	column = row->letter ? printf("  -%c, ", row->letter) : printf("  ");
	column += printf("--%s%s%s", row->name, row->metavar ? " " : "",
	                 row->metavar ? row->metavar : "");
	for (line = row->help; line; line = *end ? end + 1 : NULL) {
		end = line + strcspn(line, "\n");
		if (column >= HELP_COLUMN) {
			putchar('\n');
			column = 0;
		}
		printf("%*s%.*s\n", HELP_COLUMN - column, "", (int)(end - line), line);
		column = 0;
	}
}

static void print_help(const struct verb *verb)
{
	static const struct option_row help = {.name = "help", .help = "print this"};
	const struct option_row *row;

	printf("usage: rawq %s%s%s%s\n%s\n\n", verb->name, *verb->operands ? " " : "",
	       verb->operands, verb->options ? " [OPTION...]" : "", verb->summary);
	for (row = verb->options; row && row->name; row++)
		print_row(row);
	print_row(&help);
	if (verb->help)
		printf("\n%s", verb->help);
}

static bool is_flag(const struct verb *verb, const char *name)
{
	const struct option_row *row;

	for (row = verb->options; row && row->name; row++)
		if (!strcmp(row->name, name))
			return row->type == OPTION_FLAG;
	return false;
}

/* Say that an option is unknown, and which one was perhaps meant. */
static int refuse_option(const struct verb *verb, const char *given)
{
	const char *names[ROWS_MAX + 2];
	const char *near;
	unsigned n = 0;
	char word[64];

	while (verb->options && n < ROWS_MAX && verb->options[n].name) {
		names[n] = verb->options[n].name;
		n++;
	}
	names[n++] = "help";
	names[n] = NULL;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(given, "="), given);
	if (!strncmp(word, "--", 2) && is_flag(verb, word + 2))
		return fail_usage(verb, "%s takes no value", word);
	near = !strncmp(word, "--", 2) ? nearest_name(word + 2, names) : NULL;
	if (near)
		return fail_usage(verb, "unknown option %s; did you mean --%s?", word,
		                  near);
	return fail_usage(verb, "unknown option %s; rawq %s --help lists them", word,
	                  verb->name);
}

static void build_long_options(const struct verb *verb, struct option *longopts)
{
	unsigned n = 0;

	for (; verb->options && n < ROWS_MAX && verb->options[n].name; n++) {
		longopts[n].name = verb->options[n].name;
		longopts[n].has_arg = verb->options[n].type == OPTION_FLAG
		                              ? no_argument
		                              : required_argument;
		longopts[n].flag = NULL;
		longopts[n].val = 0;
	}
	longopts[n] = (struct option){"help", no_argument, NULL, 'h'};
	longopts[n + 1] = (struct option){NULL, 0, NULL, 0};
}

/* The letters for getopt. */
static void short_options(const struct verb *verb, char text[LETTERS_MAX])
{
	const struct option_row *row;
	char *p = stpcpy(text, verb->runs_program ? "+:h" : ":h");

	for (row = verb->options; row && row->name; row++)
		if (row->letter) {
			*p++ = row->letter;
			if (row->type != OPTION_FLAG)
				*p++ = ':';
		}
	*p = '\0';
}

static const struct option_row *find_letter(const struct verb *verb, int letter)
{
	const struct option_row *row = verb->options;

	while (row->letter != letter)
		row++;
	return row;
}

/* One option that getopt returned; false when the program is to end with *exit_code. */
static bool take_option(const struct verb *verb, int c, int index, char **argv,
                        int *exit_code)
{
	const struct option_row *row;
	const char *valid;

	*exit_code = EXIT_OK;
	if (c == 'h')
		print_help(verb);
	else if (c == ':')
		*exit_code =
			fail_usage(verb, "%s needs a value; rawq %s --help says which",
		                   argv[optind - 1], verb->name);
	else if (c == '?')
		*exit_code = refuse_option(verb, argv[optind - 1]);
	else {
		row = c ? find_letter(verb, c) : &verb->options[index];
		valid = parse_value(row, optarg);
		if (!valid)
			return true;
		*exit_code =
			fail_usage(verb, "--%s %s: give %s", row->name, optarg, valid);
	}
	return false;
}

/* Make one word of the two of `--as mac 02:..`, so that getopt sees a value.  The joined word
 * lives as long as the program, like argv. */
static int join_words(const struct option_row *row, int argc, char **argv, int at)
{
	size_t size;
	char *joined;

	if (at + 2 >= argc || !row->takes_second(argv[at + 1], argv[at + 2]))
		return argc;
	size = strlen(argv[at + 1]) + strlen(argv[at + 2]) + 2;
	joined = malloc(size);
	if (!joined)
		return argc;
	snprintf(joined, size, "%s %s", argv[at + 1], argv[at + 2]);
	argv[at + 1] = joined;
	memmove(argv + at + 2, argv + at + 3,
	        (size_t)(argc - at - 2) * sizeof(*argv)); /* argv[argc] is NULL */
	return argc - 1;
}

static int join_values(const struct verb *verb, int argc, char **argv)
{
	const struct option_row *row;
	int i;

	for (row = verb->options; row && row->name; row++)
		for (i = 1; row->takes_second && i < argc && strcmp(argv[i], "--"); i++)
			if (!strncmp(argv[i], "--", 2) && !strcmp(argv[i] + 2, row->name))
				argc = join_words(row, argc, argv, i);
	return argc;
}

int options_parse(const struct verb *verb, int *argc, char **argv, int *exit_code)
{
	struct option longopts[ROWS_MAX + 2];
	char letters[LETTERS_MAX];
	int c, index, operands;

	short_options(verb, letters);
	build_long_options(verb, longopts);
	opterr = 0;
	optind = 0; /* glibc: start anew */
	*argc = join_values(verb, *argc, argv);
	while ((c = getopt_long(*argc, argv, letters, longopts, &index)) != -1)
		if (!take_option(verb, c, index, argv, exit_code))
			return -1;
	operands = *argc - optind;
	if (operands < (int)verb->operands_min)
		*exit_code = fail_usage(verb, "too few operands: rawq %s %s", verb->name,
		                        verb->operands);
	else if (operands > (int)verb->operands_max)
		*exit_code = fail_usage(verb, "unexpected '%s': rawq %s %s",
		                        argv[optind + (int)verb->operands_max],
		                        verb->name, verb->operands);
	else
		return optind;
	return -1;
}
