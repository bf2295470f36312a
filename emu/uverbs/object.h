/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects of a context: a handle each, a count of those that depend on them, and the
 * kernel's refusal (EBUSY) to destroy one in use.
 */
#ifndef EMU_UVERBS_OBJECT_H
#define EMU_UVERBS_OBJECT_H

#include <stddef.h>
#include <stdint.h>

struct context;
struct event_queue;
struct object;

/* In the order in which they can be destroyed: users before what they use. */
enum object_type {
	OBJECT_FLOW,
	OBJECT_MATCHER,
	OBJECT_COUNTERS,
	OBJECT_QP,
	OBJECT_IND_TABLE,
	OBJECT_WQ,
	OBJECT_CQ,
	OBJECT_MR,
	OBJECT_UAR,
	OBJECT_PD,
	OBJECT_TYPES
};

struct object {
	enum object_type type;
	uint32_t handle;
	struct context *ctx;
	unsigned users;                   /* objects that depend on this one */
	int (*destroy)(struct object *o); /* frees all but the object itself; or -errno */
	uint64_t user_handle;    /* the program's name for it in asynchronous events */
	uint32_t async_reported; /* asynchronous events that the program has read */
};

struct object_table {
	struct object **slots; /* by handle */
	unsigned count;
	unsigned low; /* no free slot below this one */
};

const char *object_name(enum object_type type); /* "QP" */

/* A zeroed object of `size` bytes, struct object first, with a handle. -ENOMEM. */
int object_create(struct context *ctx, enum object_type type, size_t size,
                  int (*destroy)(struct object *o), void *out);
/* It is not to be after all: give back handle and memory. */
void object_discard(struct object *o);
/* NULL: no such handle, or of another type. */
void *object_find(const struct context *ctx, enum object_type type, uint32_t handle);
/* -EBUSY: in use, which is a violation as well. */
int object_destroy(struct object *o);
/* The same by handle; -ENOENT. */
int object_destroy_handle(struct context *ctx, enum object_type type, uint32_t handle);
/* Destroy all objects of a context, users first; says what was left when `leaked`. */
void object_destroy_all(struct context *ctx, const char *device, const char *when);

#endif
