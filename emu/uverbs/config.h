/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `rawq emu` asks of the preloaded library: a file `config` in the run's directory, which
 * the environment variable RAWQ_EMU names.  Lines of key and value; cmd/emu/ writes them:
 *
 *	port PCI NETDEV MAC WIRE   one per port, in order; NETDEV "-": none
 *	strict                     the first violation aborts the program
 *	thorough                   the costly checks too
 *	doorbell poll|trap
 *	faults PATH, trace PATH    absolute
 */
#ifndef EMU_UVERBS_CONFIG_H
#define EMU_UVERBS_CONFIG_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_ENV       "RAWQ_EMU"
#define CONFIG_PORTS_MAX 16 /* two 8-function PCI devices */
#define CONFIG_WIRE_MAX  512

struct config_port {
	char pci[16];             /* 0000:e1:00.0 */
	char netdev[IF_NAMESIZE]; /* empty: none */
	uint8_t mac[6];
	char wire[CONFIG_WIRE_MAX];
};

struct config {
	char dir[PATH_MAX]; /* of the run */
	unsigned ports;
	struct config_port port[CONFIG_PORTS_MAX];
	bool strict, thorough, trap;
	char faults[PATH_MAX], trace[PATH_MAX];
};

/* -ENOENT and the like; -EINVAL: err says which line. */
int config_load(const char *dir, struct config *out, char *err, size_t size);

#endif
