/* SPDX-License-Identifier: BSD-2-Clause */
/* An option table against command lines: values set, operands left, exit codes of refusals. */
#include "tap.h"
#include "common/options.h"

#include <string.h>

static struct {
	bool json;
	uint64_t count, burst, for_ns;
	struct rate rate;
	unsigned poll;
	const char *rule;
} got;

static const char *const polls[] = {"busy", "sleep", NULL};

static const struct option_row rows[] = {
	ROW_FLAG("json", &got.json, "as JSON"),
	ROW_COUNT("count", "N", &got.count, 0, 0, "n"),
	ROW_COUNT("burst", "N", &got.burst, 1, 256, "n"),
	ROW_DURATION("for", "TIME", &got.for_ns, 0, 0, "time"),
	ROW_RATE("rate", "RATE", &got.rate, "rate"),
	ROW_ENUM("poll", "HOW", &got.poll, polls, "how"),
	ROW_STRING("rule", "TEXT", &got.rule, "rule"),
	{.name = NULL},
};

static const struct verb verb = {
	.name = "try",
	.operands = "IF [PACKET]",
	.summary = "tries",
	.options = rows,
	.operands_min = 1,
	.operands_max = 2,
};

/* Each command line is the words behind the verb; first: the first operand, or NULL. */
static const struct {
	const char *words[6];
	int exit_code;
	const char *first;
} lines[] = {
	{{"eth0"}, 0, "eth0"},
	{{"eth0", "--json"}, 0, "eth0"},
	{{"--json", "eth0", "--count", "1M", "udp"}, 0, "eth0"},
	{{"--count=1M", "eth0"}, 0, "eth0"},
	{{"--", "eth0", "--json"}, 0, "eth0"},
	{{"--help"}, EXIT_OK, NULL},
	{{"eth0", "-h"}, EXIT_OK, NULL},
	{{NULL}, EXIT_USAGE, NULL},
	{{"a", "b", "c"}, EXIT_USAGE, NULL},
	{{"eth0", "--cuont", "5"}, EXIT_USAGE, NULL},
	{{"eth0", "-x"}, EXIT_USAGE, NULL},
	{{"eth0", "--count"}, EXIT_USAGE, NULL},
	{{"eth0", "--count", "5x"}, EXIT_USAGE, NULL},
	{{"eth0", "--burst", "0"}, EXIT_USAGE, NULL},
	{{"eth0", "--burst", "257"}, EXIT_USAGE, NULL},
	{{"eth0", "--for", "5"}, EXIT_USAGE, NULL},
	{{"eth0", "--rate", "5"}, EXIT_USAGE, NULL},
	{{"eth0", "--poll", "never"}, EXIT_USAGE, NULL},
	{{"eth0", "--json=1"}, EXIT_USAGE, NULL},
};

static int parse(const char *const *words, char **argv, int *exit_code)
{
	int argc = 0;

	memset(&got, 0, sizeof(got));
	argv[argc++] = (char *)"try";
	while (words[argc - 1] && argc < 7) {
		argv[argc] = (char *)words[argc - 1];
		argc++;
	}
	argv[argc] = NULL;
	return options_parse(&verb, &argc, argv, exit_code);
}

/* What is printed is not TAP. */
static void check_lines(void)
{
	char *argv[8];
	size_t i;
	int first, code;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		code = 0;
		printf("# line %zu\n", i);
		fflush(stdout);
		first = parse(lines[i].words, argv, &code);
		fflush(stdout);
		is_u(code, lines[i].exit_code, "line %zu: exit code", i);
		if (lines[i].first)
			ok(first > 0 && !strcmp(argv[first], lines[i].first),
			   "line %zu: first operand", i);
		else
			ok(first == -1, "line %zu: ends here", i);
	}
}

static void check_values(void)
{
	static const char *const words[] = {
		"eth0",      "--burst=64",         "--for=5s",
		"--rate=2%", "--rule=udp dport 9", "--poll=sleep",
		NULL};
	char *argv[8];
	int code;

	parse(words, argv, &code);
	is_u(got.burst, 64, "a count lands in its variable");
	is_u(got.for_ns, 5000000000u, "a time lands in its variable");
	ok(got.rate.unit == RATE_PERCENT && got.rate.value == 2, "so does a rate");
	is_u(got.poll, 1, "a choice is its index");
	ok(!strcmp(got.rule, "udp dport 9"), "a string is kept as given");
	ok(!got.json && !got.count, "what is not given is left alone");
}

int main(void)
{
	check_values();
	check_lines();
	return done();
}
