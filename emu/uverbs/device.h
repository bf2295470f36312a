/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated devices of the process: mlx5_0, mlx5_1, ...; one card with a port for each.
 */
#ifndef EMU_UVERBS_DEVICE_H
#define EMU_UVERBS_DEVICE_H

#include "emu/nic/nic.h"
#include "emu/uverbs/config.h"
#include "emu/uverbs/netdev.h"

#include <stdbool.h>

struct context;

struct device {
	unsigned port; /* of the card, and number of the device */
	char name[16]; /* mlx5_0 */
	const struct config_port *config;
	bool plugged; /* wire and steering are there: the device was opened once */
	struct wire *wire;
	struct steering *steering;
	struct netdev netdev;
	bool wire_up;             /* as the card said last */
	bool active;              /* the port's state as the program was told last */
	struct context *contexts; /* under a lock of context.c */
};

/* Once, before any other call.  The configuration stays the caller's. */
int device_start(const struct config *config);
unsigned device_count(void); /* 0: not started */
struct device *device_at(unsigned i);
struct nic *device_nic(void); /* NULL before the first device is opened */
const struct config *device_config(void);

/* open("/dev/infiniband/uverbsN"): a descriptor, or -1 and errno. */
int device_open(unsigned port, int flags);
/* munmap() of a range: true if it was about doorbell pages and *ret is its answer, 0 or -errno. */
bool device_munmap(void *addr, size_t length, int *ret);

/* Is a call to fail on purpose?  0 or -errno; fault plans name calls. */
int device_fault(const char *call);

/* The netdev or the wire changed: tell the card and the program.  No lock held. */
void device_changed(struct device *dev);

/* A file of counters is about to be read: make those of its device fresh. */
void device_refresh_counters(const char *path);
/* The program ends: counters, leaks and statistics. */
void device_finish(void);
/* In a child after fork: nothing of the parent's card is ours. */
void device_forget(void);

#endif
