/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of `rawq emu`: the directory that the preloaded library reads, the netdevs made for it,
 * the program, and what is left to tell afterwards.
 */
#ifndef CMD_EMU_RUN_H
#define CMD_EMU_RUN_H

#include "common/options.h"

#include <limits.h>
#include <net/if.h>

#define EMU_PORTS_MAX 16 /* two PCI devices of 8 functions */

struct emu_port {
	const char *wire;
	char pci[16];
	char netdev[IF_NAMESIZE]; /* empty: none */
	uint8_t mac[6];
	int tap; /* keeps a netdev made for the run; -1 */
};

struct emu_run {
	const struct verb *verb;
	char dir[64];
	char library[PATH_MAX];
	unsigned ports;
	struct emu_port port[EMU_PORTS_MAX];
	bool strict, thorough, trap;
	const char *faults, *trace, *stats; /* may be NULL */
};

/* netdev.c: give each port its netdev: `names` in order, then a TAP each ("none": none).  An
 * ordinary user gets a network namespace to make them in. Returns an exit code. */
int emu_netdevs_make(struct emu_run *run, const struct string_list *names);
void emu_netdevs_close(struct emu_run *run);

/* dir.c: find the library; write the directory; remove it. */
int emu_find_library(struct emu_run *run);
int emu_dir_make(struct emu_run *run);
void emu_dir_remove(const struct emu_run *run);

/* program.c: run it and return what it returned (128 + n when signal n ended it). */
int emu_program_run(const struct emu_run *run, char **argv);
/* Nothing can be put in front of a static program's calls: false, with a sentence said. */
bool emu_program_is_dynamic(const struct verb *verb, const char *name);

/* summary.c: gather what the processes wrote into the file run->stats. */
int emu_summary_write(const struct emu_run *run, int exit_code);

#endif
