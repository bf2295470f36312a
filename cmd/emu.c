/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq emu: run a program on emulated ConnectX ports. */
#include "verbs.h"

#include "emu/run.h"

#include <stdio.h>
#include <string.h>

static const char *const doorbells[] = {"poll", "trap", NULL};
enum doorbell { DOORBELL_POLL, DOORBELL_TRAP };

static struct {
	uint64_t ports;
	struct string_list wires, netdevs;
	const char *faults, *trace, *stats;
	unsigned doorbell;
	bool strict, thorough;
} opt;

static const struct option_row options[] = {
	ROW_COUNT("ports", "N", &opt.ports, 1, EMU_PORTS_MAX,
                  "devices, mlx5_0 and on (default: one per --wire)"),
	ROW_STRINGS("wire", "SPEC", &opt.wires,
                    "where the next port's frames go; the last one given serves the\n"
                    "ports that are left: drop (the default), loop, cable,\n"
                    "cable:NAME[,loss][,up], netdev=IF, pcap=IN,OUT"),
	ROW_STRINGS("netdev", "IF", &opt.netdevs,
                    "the next port's netdev: one that is there, or none (default:\n"
                    "the interface of a netdev wire, else a TAP made for the run)"),
	ROW_ENUM("doorbell", "HOW", &opt.doorbell, doorbells,
                 "poll: a thread looks at the registers; trap: each store stops\n"
                 "the program and the card works at once: slow, and every run\n"
                 "alike (default: poll)"),
	ROW_FLAG("strict", &opt.strict, "the first violation aborts the program"),
	ROW_FLAG("thorough", &opt.thorough,
                 "find descriptors and frames changed while the card has them;\n"
                 "costs speed"),
	ROW_STRING("faults", "FILE", &opt.faults,
                   "what is to go wrong, and when; seed=NUMBER draws a plan"),
	ROW_STRING("trace", "FILE", &opt.trace,
                   "append a line per call into the kernel's part and per event"),
	ROW_STRING("stats", "FILE", &opt.stats,
                   "write counters, violations and leaks as JSON at the end"),
	{.name = NULL},
};

static void describe(struct emu_run *run)
{
	unsigned i, last;

	run->ports = (unsigned)opt.ports;
	if (!run->ports)
		run->ports = opt.wires.count ? opt.wires.count : 1;
	for (i = 0; i < run->ports; i++) {
		last = i < opt.wires.count ? i : opt.wires.count - 1;
		run->port[i].wire = opt.wires.count ? opt.wires.text[last] : "drop";
		run->port[i].tap = -1;
	}
	run->strict = opt.strict;
	run->thorough = opt.thorough;
	run->trap = opt.doorbell == DOORBELL_TRAP;
	run->faults = opt.faults;
	run->trace = opt.trace;
	run->stats = opt.stats;
}

static int run_emu(int argc, char **argv)
{
	static struct emu_run run = {.verb = &verb_emu};
	int code, written;

	(void)argc;
	describe(&run);
	if (opt.wires.count > run.ports || opt.netdevs.count > run.ports)
		return fail_usage(&verb_emu, "%u ports, but %u wires and %u netdevs",
		                  run.ports, opt.wires.count, opt.netdevs.count);
	if (!emu_program_is_dynamic(&verb_emu, argv[0]))
		return EXIT_ENVIRONMENT;
	code = emu_find_library(&run);
	if (code)
		return code;
	code = emu_netdevs_make(&run, &opt.netdevs);
	if (code)
		goto close_netdevs;
	code = emu_dir_make(&run);
	if (code)
		goto close_netdevs;
	code = emu_program_run(&run, argv);
	if (run.stats) {
		written = emu_summary_write(&run, code);
		code = code ? code : written;
	}
	emu_dir_remove(&run);
close_netdevs:
	emu_netdevs_close(&run);
	return code;
}

const struct verb verb_emu = {
	.name = "emu",
	.operands = "-- PROGRAM...",
	.summary = "run a program on an emulated ConnectX",
	.help = "PROGRAM, unmodified, finds ConnectX-6 Dx ports by libibverbs, DPDK and\n"
		"sysfs; its exit code is kept (128 + n when signal n ended it).  Broken\n"
		"rules and objects left behind are told on stderr.\n"
		"\n"
		"An ordinary user's PROGRAM runs in a network namespace of its own, "
		"where\n"
		"the netdevs can be made; --netdev none leaves it where it is.",
	.options = options,
	.operands_min = 1,
	.operands_max = 1u << 30,
	.runs_program = true,
	.run = run_emu,
};
