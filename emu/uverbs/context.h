/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An open device: what ibv_open_device() gets.  All calls into the kernel's part are made one at
 * a time, under the lock of context.c; it is taken before the card's.
 */
#ifndef EMU_UVERBS_CONTEXT_H
#define EMU_UVERBS_CONTEXT_H

#include "emu/preload/fds.h"
#include "emu/uverbs/object.h"

#include <rdma/ib_user_verbs.h>
#include <stdbool.h>

struct device;

struct context {
	struct emu_file file; /* first: the two are cast into each other */
	struct device *dev;
	struct context *next; /* of the device */
	bool established;     /* GET_CONTEXT was called */
	struct event_queue *async;
	struct object_table objects;
	/* Events that the program read about the object destroyed last. */
	uint32_t gone_async, gone_comp;
};

/* A descriptor for the device, as open("/dev/infiniband/uverbs...") returns; or -1 and errno. */
int context_open(struct device *dev, int fd);
/* Fuzzing: a context without a descriptor; and one call into it. */
struct context *context_create(struct device *dev);
int context_ioctl(struct context *ctx, unsigned long request, void *arg);

/* Tell the program about an object: event is an IB_EVENT_* (enum ibv_event_type). */
void context_event(struct object *o, uint32_t event);
/* The same about the port, to all contexts of the device. Any lock may be held. */
void context_port_event(struct device *dev, uint32_t event);

/* Destroy and report what contexts have left, at the program's end. */
void context_report_leaks(struct device *dev);
void context_forget(void); /* after fork */

#endif
