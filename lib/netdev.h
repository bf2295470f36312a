/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel tells of a netdev: ioctls of netdevice(7), ethtool, generic netlink. */
#ifndef LIB_NETDEV_H
#define LIB_NETDEV_H

#include "rawq.h"

#include <stdbool.h>

/* Fill in all that the kernel knows of info->netdev; choice, offloads and limits stay.
 * -ENODEV; -EMFILE and the like from socket(2). */
int netdev_read(struct rawq_port_info *info);

/* IFF_UP. */
bool netdev_is_up(const char *netdev);

/* NETDEV_XDP_ACT_* of linux/netdev.h; false: this kernel cannot tell (before 6.3). */
bool netdev_xdp_features(int ifindex, uint64_t *features);

/* This process as others know it: pid and the kernel's name for it. */
void process_self(int *pid, char comm[16]);

#endif
