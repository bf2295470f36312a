/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A verb and its options as data: one table row per option gives its parser, its value and its
 * line of --help.  Values carry their units in the text (1Mpps, 100us, 1.5k) and every refusal
 * is one sentence that names the option, the value and the valid forms.
 */
#ifndef CMD_COMMON_OPTIONS_H
#define CMD_COMMON_OPTIONS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of the command. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_EXPECTATION = 1, /* an --expect, or the run itself, did not hold */
	EXIT_USAGE = 2,       /* the command line */
	EXIT_ENVIRONMENT =
		3, /* the machine: no such interface, no permission, no memory */
};

/* What the value pointer of an option points to. */
enum option_type {
	OPTION_FLAG,     /* bool */
	OPTION_COUNT,    /* uint64_t; 1000, 1k, 1.5M, 2G */
	OPTION_SIZE,     /* uint64_t bytes; 64, 64B, 2kB, 2KiB, 1MiB */
	OPTION_RATE,     /* struct rate; 1Mpps, 9.5Gbps, 30% */
	OPTION_DURATION, /* uint64_t ns; 100us, 5s, 2m */
	OPTION_CPUS,     /* struct cpu_list; 0,2-3 */
	OPTION_ENUM,     /* unsigned: the index in choices */
	OPTION_STRING,   /* const char * */
	OPTION_STRINGS,  /* struct string_list; each time the option is given adds one */
};

enum rate_unit { RATE_UNSET, RATE_PPS, RATE_BPS, RATE_PERCENT };

/* bps counts the bytes of the frames without FCS, as every length in rawq does; per cent is of
 * the link's speed, with FCS, preamble and gap. */
struct rate {
	enum rate_unit unit;
	double value; /* packets/s, bits/s or per cent */
};

#define CPU_LIST_MAX 256

struct cpu_list {
	unsigned count;
	uint16_t cpu[CPU_LIST_MAX]; /* in the order given */
};

#define STRING_LIST_MAX 16

struct string_list {
	unsigned count;
	const char *text[STRING_LIST_MAX]; /* in the order given */
};

/* A row; a table ends with a row without a name. */
struct option_row {
	const char *name;    /* "rate" for --rate */
	const char *metavar; /* "RATE"; NULL for a flag */
	enum option_type type;
	char letter;                /* 'w' for -w as well; 0: none */
	void *value;                /* set when the option is given, else left alone */
	const char *const *choices; /* OPTION_ENUM: NULL-terminated */
	uint64_t min, max; /* OPTION_COUNT, OPTION_SIZE, OPTION_DURATION; max 0: none */
	/* OPTION_STRING: may the value go on in the next word?  NULL: never. */
	bool (*takes_second)(const char *first, const char *second);
	const char *help; /* lines are broken at \n */
};

/* Rows; a value of another type than the option's does not compile. */
#define ROW_VALUE(type, p) (1 ? (p) : (type)NULL)

#define ROW_FLAG(name_, value_, help_)                                                   \
	{                                                                                \
		.name = name_, .type = OPTION_FLAG, .value = ROW_VALUE(bool *, value_),  \
		.help = help_                                                            \
	}
#define ROW_NUMBER(type_, name_, metavar_, value_, min_, max_, help_)                    \
	{                                                                                \
		.name = name_, .metavar = metavar_, .type = type_,                       \
		.value = ROW_VALUE(uint64_t *, value_), .min = min_, .max = max_,        \
		.help = help_                                                            \
	}
#define ROW_COUNT(...)    ROW_NUMBER(OPTION_COUNT, __VA_ARGS__)
#define ROW_SIZE(...)     ROW_NUMBER(OPTION_SIZE, __VA_ARGS__)
#define ROW_DURATION(...) ROW_NUMBER(OPTION_DURATION, __VA_ARGS__)
#define ROW_ENUM(name_, metavar_, value_, choices_, help_)                               \
	{                                                                                \
		.name = name_, .metavar = metavar_, .type = OPTION_ENUM,                 \
		.value = ROW_VALUE(unsigned *, value_), .choices = choices_,             \
		.help = help_                                                            \
	}
#define ROW_TEXT(type_, pointer_, name_, metavar_, value_, help_)                        \
	{                                                                                \
		.name = name_, .metavar = metavar_, .type = type_,                       \
		.value = ROW_VALUE(pointer_, value_), .help = help_                      \
	}
#define ROW_RATE(...)    ROW_TEXT(OPTION_RATE, struct rate *, __VA_ARGS__)
#define ROW_CPUS(...)    ROW_TEXT(OPTION_CPUS, struct cpu_list *, __VA_ARGS__)
#define ROW_STRING(...)  ROW_TEXT(OPTION_STRING, const char **, __VA_ARGS__)
#define ROW_STRINGS(...) ROW_TEXT(OPTION_STRINGS, struct string_list *, __VA_ARGS__)

struct verb {
	const char *name;
	const char *operands; /* as in the synopsis: "IF [PACKET]" */
	const char *summary;  /* one line, for the list of verbs */
	const char *help;     /* paragraphs below the options; may be NULL */
	const struct option_row *options;
	unsigned operands_min, operands_max;
	bool runs_program; /* the operands are a command line: options end at the first */
	/* Returns an exit_code; argv[0..argc) are the operands. */
	int (*run)(int argc, char **argv);
};

/* Parse the options of a verb; argv[0] is the verb's name.  Returns the index of the first
 * operand in the permuted argv of *argc words, fewer where two became one; or -1 when the program is to end with *exit_code, --help or the
 * refusal having been printed. */
int options_parse(const struct verb *verb, int *argc, char **argv, int *exit_code);

/* Print "rawq VERB: sentence" on stderr and return the exit code, for use in return. */
int fail_usage(const struct verb *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int fail_environment(const struct verb *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The name in names[] (NULL-terminated) that is nearest to a mistyped word, or NULL. */
const char *nearest_name(const char *word, const char *const *names);

/* The parsers.  Each returns NULL, or the valid forms in words and leaves *out alone. */
const char *parse_count(const char *text, uint64_t *out);
const char *parse_size(const char *text, uint64_t *out);
const char *parse_rate(const char *text, struct rate *out);
const char *parse_duration(const char *text, uint64_t *out_ns);
const char *parse_cpus(const char *text, struct cpu_list *out);

#endif
