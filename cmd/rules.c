/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq rules: who takes what from an interface, and what a rule would do to it. */
#include "verbs.h"

#include "rules/rules.h"

#include "rawq.h"

#include <string.h>

static struct rules_opts opt;

static const struct option_row options[] = {
	WISH_RULE_ROWS(opt.wish, "explain: a further rule"),
	ROW_FLAG("take-everything", &opt.wish.take_everything,
                 "explain: as if the verb said it"),
	ROW_STRING("pcap", "FILE", &opt.pcap,
                   "explain: who would get each frame of this capture"),
	ROW_FLAG("frames", &opt.frames, "with --pcap: a line for every frame"),
	ROW_FLAG("all", &opt.all, "explain: name what is not touched, too"),
	ROW_FLAG("json", &opt.json, "print JSON objects, one a line"),
	NIC_OPTION_ROWS(opt.choice),
	{.name = NULL},
};

static int rules_run(int argc, char **argv)
{
	if (!strcmp(argv[0], "list") && argc == 2)
		return rules_list(&verb_rules, &opt, argv[1]);
	if (!strcmp(argv[0], "list"))
		return fail_usage(&verb_rules, "list takes an interface and no rule");
	if (strcmp(argv[0], "explain"))
		return fail_usage(&verb_rules, "'%s': say list IF or explain IF 'RULE'",
		                  argv[0]);
	if (argc == 3 && opt.wish.rules.count == STRING_LIST_MAX)
		return fail_usage(&verb_rules, "at most %d rules", STRING_LIST_MAX);
	if (argc == 3)
		opt.wish.rules.text[opt.wish.rules.count++] = argv[2];
	if (!opt.wish.rules.count && !opt.wish.as)
		return fail_usage(&verb_rules, "explain what? give a rule or --as WHO");
	return rules_explain(&verb_rules, &opt, argv[1]);
}

const struct verb verb_rules = {
	.name = "rules",
	.operands = "list|explain IF [RULE]",
	.summary = "what steers an interface, and what a rule would do",
	.help = "list tells the rules on the interface, rawq's with their owners and "
		"counters, and\n"
		"what else takes frames ahead of the kernel.  explain changes nothing: "
		"it says what\n"
		"the program would get, what the kernel keeps and loses, why a rule "
		"would "
		"be\n"
		"refused and which smaller one would do.  Exit code 1: it would be "
		"refused.\n"
		"The words of rules: rawq rx --help.\n\n"
		"  rawq rules list eth0\n"
		"  rawq rules explain eth0 'tcp dport 80' --pcap office.pcapng\n"
		"  rawq rules explain eth0 --as ip 10.0.0.5\n",
	.options = options,
	.operands_min = 2,
	.operands_max = 3,
	.run = rules_run,
};
