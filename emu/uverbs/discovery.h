/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file tree in which programs find the devices: what sysfs would have for a ConnectX, its
 * netdev and its PCI function, and /dev/infiniband.  It is made once per run, in DIR/tree.
 */
#ifndef EMU_UVERBS_DISCOVERY_H
#define EMU_UVERBS_DISCOVERY_H

#include "emu/uverbs/config.h"

#define DISCOVERY_TREE "tree"

struct device;

/* Make the tree unless another process of the run has. 0 or -errno. */
int discovery_start(const struct config *config);

/* Write a file of the directory `dir` ("counters/", or "") below .../ports/1. */
void discovery_port_file(const struct device *dev, const char *dir, const char *name,
                         const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Write the netdev's attributes where the system's sysfs does not have them. */
void discovery_netdev_files(const struct device *dev);

#endif
