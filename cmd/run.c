/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq run: a verb with its operands and options from a file. */
#include "verbs.h"

#include "common/testfile.h"

static int run_run(int argc, char **argv)
{
	struct testfile file;
	int code = testfile_read(&verb_run, argv[0], verbs, &file);

	(void)argc;
	if (!code)
		code = file.verb->run(file.argc, file.argv);
	testfile_free(&file);
	return code;
}

const struct verb verb_run = {
	.name = "run",
	.operands = "FILE",
	.summary = "do what a YAML or JSON file says",
	.help = "The fields are the verb, its operands by their names and its "
		"options:\n\n"
		"  verb: tx\n"
		"  if: eth0\n"
		"  packet: eth/ip(dst=10.0.0.2)/udp(dport=9)\n"
		"  rate: 1Mpps\n"
		"  for: 5s\n\n"
		"rawq show --yaml -- tx eth0 udp --rate 1Mpps writes such a file.\n",
	.operands_min = 1,
	.operands_max = 1,
	.run = run_run,
};
