/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The netdev beside an emulated device: its state as the kernel has it, and the answers that a
 * ConnectX's netdev would give where the real interface behind it is another kind.
 */
#ifndef EMU_UVERBS_NETDEV_H
#define EMU_UVERBS_NETDEV_H

#include <stdbool.h>
#include <stdint.h>

struct device;

struct netdev {
	unsigned index; /* 0: there is none */
	uint8_t mac[6];
	uint32_t mtu;
	bool up, promisc, allmulti;
};

/* Read the state anew.  Without a netdev: the configured MAC, MTU 1500, up. */
void netdev_read(struct device *dev);
/* Give the card's steering what the netdev takes. */
void netdev_steer(struct device *dev);
/* Follow changes (device_changed) in a thread of its own.  0 or -errno. */
int netdev_watch(void);
void netdev_forget(void); /* after fork */

/* ioctl(): true if it is a question that we answer ourselves; *ret is 0 or -errno. */
bool netdev_answers(unsigned long request, void *arg, int *ret);
/* After a real ioctl(): changes of an emulated netdev take effect before it returns. */
int netdev_amend(unsigned long request, void *arg, int ret);

#endif
