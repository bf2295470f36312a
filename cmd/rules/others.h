/* SPDX-License-Identifier: BSD-2-Clause */
/* Filters of the kernel's own on an interface: ethtool's and tc's. */
#ifndef CMD_RULES_OTHERS_H
#define CMD_RULES_OTHERS_H

#include <stdbool.h>

struct rules_list {
	const char *netdev;
	bool json;
};

/* Tell each in words; how many there are.  What the driver or the kernel does not tell is none. */
unsigned others_tell(int ifindex, const char *netdev,
                     void (*tell)(void *arg, const char *what), void *arg);

#endif
