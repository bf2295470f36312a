/* SPDX-License-Identifier: BSD-2-Clause */
/* The objects of a context; see object.h. */
#include "emu/uverbs/object.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/event.h"
#include "emu/uverbs/report.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_STEP 64u
#define OBJECTS_MAX  (1u << 20) /* of one context: a bound for a program that leaks */

const char *object_name(enum object_type type)
{
	static const char *const names[OBJECT_TYPES] = {
		[OBJECT_FLOW] = "flow",
		[OBJECT_MATCHER] = "flow matcher",
		[OBJECT_COUNTERS] = "counters set",
		[OBJECT_QP] = "QP",
		[OBJECT_IND_TABLE] = "RWQ indirection table",
		[OBJECT_WQ] = "WQ",
		[OBJECT_CQ] = "CQ",
		[OBJECT_MR] = "MR",
		[OBJECT_UAR] = "UAR",
		[OBJECT_PD] = "PD",
	};

	return names[type];
}

static int take_slot(struct object_table *t, struct object *o)
{
	struct object **slots;
	unsigned i;

	for (i = t->low; i < t->count; i++)
		if (!t->slots[i])
			goto found;
	if (t->count >= OBJECTS_MAX)
		return -ENOMEM;
	slots = realloc(t->slots, (t->count + OBJECTS_STEP) * sizeof *slots);
	if (!slots)
		return -ENOMEM;
	memset(slots + t->count, 0, OBJECTS_STEP * sizeof *slots);
	t->slots = slots;
	t->count += OBJECTS_STEP;
found:
	t->slots[i] = o;
	t->low = i + 1;
	o->handle = i;
	return 0;
}

int object_create(struct context *ctx, enum object_type type, size_t size,
                  int (*destroy)(struct object *o), void *out)
{
	struct object *o = calloc(1, size);

	if (!o)
		return -ENOMEM;
	o->type = type;
	o->ctx = ctx;
	o->destroy = destroy;
	if (take_slot(&ctx->objects, o)) {
		free(o);
		return -ENOMEM;
	}
	*(void **)out = o;
	return 0;
}

void object_discard(struct object *o)
{
	struct object_table *t = &o->ctx->objects;

	t->slots[o->handle] = NULL;
	if (o->handle < t->low)
		t->low = o->handle;
	free(o);
}

void *object_find(const struct context *ctx, enum object_type type, uint32_t handle)
{
	struct object *o =
		handle < ctx->objects.count ? ctx->objects.slots[handle] : NULL;

	return o && o->type == type ? o : NULL;
}

int object_destroy(struct object *o)
{
	int err;

	if (o->users) {
		report_violation("%s handle %u is destroyed while %u other objects use "
		                 "it; destroy those first",
		                 object_name(o->type), o->handle, o->users);
		return -EBUSY;
	}
	err = o->destroy(o);
	if (err)
		return err;
	/* Nothing speaks of it any more: its count of events is final. */
	if (o->ctx->async)
		event_forget(o->ctx->async, o);
	o->ctx->gone_async = o->async_reported;
	object_discard(o);
	return 0;
}

int object_destroy_handle(struct context *ctx, enum object_type type, uint32_t handle)
{
	struct object *o = object_find(ctx, type, handle);

	return o ? object_destroy(o) : -ENOENT;
}

static unsigned destroy_type(struct object_table *t, enum object_type type)
{
	unsigned i, n = 0;
	int refused;

	for (i = 0; i < t->count; i++) {
		struct object *o = t->slots[i];

		if (!o || o->type != type)
			continue;
		n++;
		refused = object_destroy(o);
		assert((refused || !t->slots[i]) && "an object's handle is its slot");
	}
	return n;
}

void object_destroy_all(struct context *ctx, const char *device, const char *when)
{
	char list[256] = "";
	unsigned type, n;
	int at = 0;

	for (type = 0; type < OBJECT_TYPES; type++) {
		n = destroy_type(&ctx->objects, type);
		if (n && at < (int)sizeof list - 40)
			at += snprintf(list + at, sizeof list - (size_t)at, "%s%u %s%s",
			               at ? ", " : "", n, object_name(type),
			               n == 1 ? "" : "s");
	}
	if (at)
		report_leak("%s: %s with %s not destroyed", device, when, list);
	free(ctx->objects.slots);
	ctx->objects = (struct object_table){0};
}
