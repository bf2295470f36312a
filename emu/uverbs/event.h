/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event descriptors: completion channels and asynchronous events.  The program polls and reads
 * an eventfd that is readable exactly while events are queued.
 *
 * Threads: every call from any thread; the lock inside is a leaf.
 */
#ifndef EMU_UVERBS_EVENT_H
#define EMU_UVERBS_EVENT_H

#include <stddef.h>
#include <stdint.h>

struct event_queue;

#define EVENT_SIZE_MAX 16 /* struct ib_uverbs_async_event_desc */

/* A queue of events of `size` bytes with one reference for the caller and one for the new
 * descriptor *fd. */
int event_queue_create(size_t size, int *fd, struct event_queue **out);
struct event_queue *event_queue_get(
	int fd); /* by its descriptor, with a reference; or NULL */
void event_queue_hold(struct event_queue *q);
void event_queue_put(struct event_queue *q);

/* Queue an event that concerns `owner`, an object or NULL; *reported counts those that the
 * program has read. */
void event_push(struct event_queue *q, const void *event, const void *owner,
                uint32_t *reported);
/* The owner goes: its unread events vanish, its counters are not touched again. */
void event_forget(struct event_queue *q, const void *owner);

#endif
