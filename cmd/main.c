/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq: the table of verbs, and the way from the command line to one of them. */
#include "verbs.h"

#include "rawq.h"

#include <stdio.h>
#include <string.h>

/* Where the summaries begin in the list of verbs. */
#define SUMMARY_COLUMN 26

/* In the order in which --help lists them. */
/* clang-format off */
const struct verb *const verbs[] = {
	&verb_demo,
	&verb_probe,
	&verb_tx,
	&verb_show,
	&verb_replay,
	&verb_rx,
	&verb_fwd,
	&verb_cap,
	&verb_echo,
	&verb_ping,
	&verb_lat,
	&verb_compare,
	&verb_rules,
	&verb_run,
	&verb_emu,
	NULL,
};
/* clang-format on */

static const struct verb *find_verb(const char *word)
{
	const struct verb *const *verb = verbs;

	while (*verb && strcmp((*verb)->name, word))
		verb++;
	return *verb;
}

/* Long operands push the summary to a line of its own. */
static void print_summary(FILE *to, const struct verb *verb)
{
	int column = fprintf(to, "  %-8s %s", verb->name, verb->operands);

	if (column >= SUMMARY_COLUMN) {
		fputc('\n', to);
		column = 0;
	}
	fprintf(to, "%*s%s\n", SUMMARY_COLUMN - column, "", verb->summary);
}

static int print_usage(FILE *to)
{
	const struct verb *const *verb;

	fputs("usage: rawq VERB [OPERAND...] [OPTION...]\n"
	      "Ethernet queues in user space, beside the kernel's netdev.\n\n",
	      to);
	for (verb = verbs; *verb; verb++)
		print_summary(to, *verb);
	fputs("\nrawq VERB --help says more; rawq --version says which one this is.\n"
	      "Exit codes: 0 ok, 1 an expectation failed, 2 usage, 3 environment.\n",
	      to);
	return to == stdout ? EXIT_OK : EXIT_USAGE;
}

static int unknown_verb(const char *word)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])];
	const char *near;
	unsigned n = 0;

	while (verbs[n]) {
		names[n] = verbs[n]->name;
		n++;
	}
	names[n] = NULL;
	near = nearest_name(word, names);
	if (near)
		return fail_usage(NULL, "unknown verb '%s'; did you mean '%s'?", word,
		                  near);
	return fail_usage(NULL, "unknown verb '%s'; rawq --help lists them", word);
}

/* argv[0] stands for the verb's name. */
static int run_verb(const struct verb *verb, int argc, char **argv)
{
	int exit_code, first = options_parse(verb, &argc, argv, &exit_code);

	return first < 0 ? exit_code : verb->run(argc - first, argv + first);
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 2)
		return print_usage(stderr);
	if (!strcmp(argv[1], "--version")) {
		puts("rawq " RAWQ_VERSION);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return print_usage(stdout);
	/* Wireshark calls an extcap program with options alone: cap's */
	if (!strncmp(argv[1], "--extcap-", 9) || !strcmp(argv[1], "--capture"))
		return run_verb(&verb_cap, argc, argv);
	verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	return run_verb(verb, argc - 1, argv + 1);
}
