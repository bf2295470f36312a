/* SPDX-License-Identifier: BSD-2-Clause */
/* An open device and the ioctl() on it; see context.h. */
#include "emu/uverbs/context.h"
#include "emu/uverbs/call.h"
#include "emu/preload/real.h"
#include "emu/uverbs/clock.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/event.h"
#include "emu/uverbs/methods.h"
#include "emu/uverbs/report.h"
#include "emu/uverbs/uar.h"

#include <errno.h>
#include <pthread.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/mlx5-abi.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

/* Calls are made one at a time. */
static pthread_mutex_t call_lock = PTHREAD_MUTEX_INITIALIZER;
/* The devices' lists of contexts: a lock of its own, because port events come under the card's. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;

void context_event(struct object *o, uint32_t event)
{
	struct ib_uverbs_async_event_desc desc = {
		.element = o->user_handle,
		.event_type = event,
	};

	report_trace("%s: event %u of %s %u", o->ctx->dev->name, event,
	             object_name(o->type), o->handle);
	if (o->ctx->async)
		event_push(o->ctx->async, &desc, o, &o->async_reported);
}

void context_port_event(struct device *dev, uint32_t event)
{
	struct ib_uverbs_async_event_desc desc = {.element = 1, .event_type = event};
	struct context *ctx;

	report_trace("%s: port event %u", dev->name, event);
	pthread_mutex_lock(&list_lock);
	for (ctx = dev->contexts; ctx; ctx = ctx->next)
		if (ctx->async)
			event_push(ctx->async, &desc, NULL, NULL);
	pthread_mutex_unlock(&list_lock);
}

/* ---- Methods ---- */

static int alloc_async_event(struct call *c)
{
	struct event_queue *q;
	int fd, err;

	err = event_queue_create(sizeof(struct ib_uverbs_async_event_desc), &fd, &q);
	if (err)
		return err;
	pthread_mutex_lock(&list_lock);
	event_queue_put(c->ctx->async);
	c->ctx->async = q;
	pthread_mutex_unlock(&list_lock);
	return call_out_handle(c, UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE, fd);
}

/* Attribute ids known: 0..core-1 and 0x1000..0x1000+driver-1. */
struct method {
	uint16_t object, id;
	uint8_t core, driver;
	const char *name;
	int (*run)(struct call *c);
};

static const struct method methods[] = {
	{UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE, 3, 2, "write", write_command},
	{UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_PORT, 2, 0, "query_port", query_port},
	{UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT, 2, 2, "get_context",
         get_context},
	{UVERBS_OBJECT_ASYNC_EVENT, UVERBS_METHOD_ASYNC_EVENT_ALLOC, 1, 0, "async_event",
         alloc_async_event},
	{UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_CREATE, 1, 0, "create_counters",
         counters_create},
	{UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_DESTROY, 1, 0, "destroy_counters",
         counters_destroy},
	{UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_READ, 3, 0, "read_counters",
         counters_read},
	{UVERBS_OBJECT_PD, MLX5_IB_METHOD_PD_QUERY, 0, 2, "query_pd", pd_query},
	{MLX5_IB_OBJECT_UAR, MLX5_IB_METHOD_UAR_OBJ_ALLOC, 0, 5, "alloc_uar", uar_alloc},
	{MLX5_IB_OBJECT_UAR, MLX5_IB_METHOD_UAR_OBJ_DESTROY, 0, 1, "destroy_uar",
         uar_destroy},
	{MLX5_IB_OBJECT_FLOW_MATCHER, MLX5_IB_METHOD_FLOW_MATCHER_CREATE, 0, 6,
         "create_matcher", matcher_create},
	{MLX5_IB_OBJECT_FLOW_MATCHER, MLX5_IB_METHOD_FLOW_MATCHER_DESTROY, 0, 1,
         "destroy_matcher", matcher_destroy},
	{UVERBS_OBJECT_FLOW, MLX5_IB_METHOD_CREATE_FLOW, 0, 10, "create_flow_dv",
         dv_flow_create},
	{UVERBS_OBJECT_FLOW, MLX5_IB_METHOD_DESTROY_FLOW, 0, 1, "destroy_flow_dv",
         dv_flow_destroy},
	{UVERBS_OBJECT_FLOW, UVERBS_METHOD_FLOW_DESTROY, 1, 0, "destroy_flow",
         flow_method_destroy},
};

static const struct method *find_method(uint16_t object, uint16_t id)
{
	size_t i;

	for (i = 0; i < sizeof methods / sizeof *methods; i++)
		if (methods[i].object == object && methods[i].id == id)
			return &methods[i];
	return NULL;
}

/* ---- The ioctl ---- */

/* As the kernel: an unknown attribute is refused only if it is mandatory; one given twice is. */
static int check_attrs(const struct method *m, struct call *c)
{
	unsigned i, j, id, known = 0;

	for (i = 0; i < c->nattrs; i++) {
		id = c->attrs[i].attr_id;
		if (id < UVERBS_UDATA_DRIVER_DATA_FLAG ? id >= m->core
		                                       : id - 0x1000 >= m->driver) {
			if (c->attrs[i].flags & UVERBS_ATTR_F_MANDATORY)
				return -EPROTONOSUPPORT;
			continue;
		}
		if (c->attrs[i].flags & ~UVERBS_ATTR_F_MANDATORY)
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (c->attrs[j].attr_id == id)
				return -EINVAL;
		known++;
	}
	return known ? 0 : -EINVAL;
}

static int read_header(void *arg, struct ib_uverbs_ioctl_hdr *hdr, struct call *c)
{
	if (user_read(hdr, (uint64_t)(uintptr_t)arg, sizeof *hdr))
		return -EFAULT;
	if (hdr->length > PAGE ||
	    hdr->length != sizeof *hdr + hdr->num_attrs * sizeof *c->attrs)
		return -EINVAL;
	if (hdr->reserved1 || hdr->reserved2)
		return -EPROTONOSUPPORT;
	if (hdr->num_attrs > CALL_ATTRS_MAX)
		return -EINVAL;
	c->nattrs = hdr->num_attrs;
	c->user_attrs = (void *)((uint8_t *)arg + sizeof *hdr);
	return user_read(c->attrs, (uint64_t)(uintptr_t)c->user_attrs,
	                 hdr->num_attrs * sizeof *c->attrs);
}

int context_ioctl(struct context *ctx, unsigned long request, void *arg)
{
	struct call c = {.ctx = ctx};
	struct ib_uverbs_ioctl_hdr hdr;
	const struct method *m;
	int err;

	if (request != RDMA_VERBS_IOCTL)
		return -ENOTTY;
	err = read_header(arg, &hdr, &c);
	if (err)
		return err;
	m = find_method(hdr.object_id, hdr.method_id);
	if (!m)
		return -EPROTONOSUPPORT;
	if (hdr.driver_id != RDMA_DRIVER_MLX5)
		return -EINVAL;
	err = check_attrs(m, &c);
	if (err)
		return err;
	if (!ctx->established && m->run != get_context)
		return -EINVAL;
	c.name = m->name;
	if (m->run != write_command)
		err = device_fault(m->name);
	pthread_mutex_lock(&call_lock);
	if (!err)
		err = m->run(&c);
	pthread_mutex_unlock(&call_lock);
	if (m->run != write_command)
		report_trace("%s: %s: %s", ctx->dev->name, c.name,
		             err ? strerrorname_np(-err) : "ok");
	return err;
}

/* ---- The file ---- */

static int file_ioctl(struct emu_file *f, unsigned long request, void *arg)
{
	return context_ioctl((struct context *)f, request, arg);
}

/* What lies where, in pages: below 0x900 the command is in bits 15:8 as mlx5-abi.h has it. */
static void *file_mmap(struct emu_file *f, void *addr, size_t length, int prot, int flags,
                       off_t offset)
{
	struct context *ctx = (struct context *)f;
	uint64_t page = (uint64_t)offset / PAGE;
	void *at = MAP_FAILED;

	errno = -device_fault("mmap");
	if (errno)
		return MAP_FAILED;
	errno = EINVAL;
	if (!ctx->established || length != PAGE || (flags & MAP_TYPE) == MAP_PRIVATE)
		return MAP_FAILED;
	pthread_mutex_lock(&call_lock);
	if (page >= UAR_MMAP_START)
		at = uar_mmap(ctx, addr, prot, flags, page);
	else if (page == MLX5_IB_MMAP_CORE_CLOCK << 8)
		at = clock_mmap(CLOCK_PAGE_TIMER, addr, prot, flags);
	else if (page == MLX5_IB_MMAP_CLOCK_INFO << 8)
		at = clock_mmap(CLOCK_PAGE_INFO, addr, prot, flags);
	pthread_mutex_unlock(&call_lock);
	return at;
}

static void file_release(struct emu_file *f)
{
	struct context *ctx = (struct context *)f, **at;

	pthread_mutex_lock(&call_lock);
	object_destroy_all(ctx, ctx->dev->name, "closed");
	pthread_mutex_unlock(&call_lock);
	pthread_mutex_lock(&list_lock);
	for (at = &ctx->dev->contexts; *at && *at != ctx; at = &(*at)->next)
		;
	if (*at)
		*at = ctx->next;
	pthread_mutex_unlock(&list_lock);
	event_queue_put(ctx->async);
	report_trace("%s: closed", ctx->dev->name);
	free(ctx);
}

static const struct emu_file_ops context_ops = {
	.ioctl = file_ioctl,
	.mmap = file_mmap,
	.release = file_release,
};

struct context *context_create(struct device *dev)
{
	struct context *ctx = calloc(1, sizeof *ctx);

	if (!ctx)
		return NULL;
	ctx->file.ops = &context_ops;
	ctx->file.references = 1;
	ctx->dev = dev;
	pthread_mutex_lock(&list_lock);
	ctx->next = dev->contexts;
	dev->contexts = ctx;
	pthread_mutex_unlock(&list_lock);
	return ctx;
}

int context_open(struct device *dev, int fd)
{
	struct context *ctx = context_create(dev);
	int err = ctx ? fds_install(fd, &ctx->file) : -ENOMEM;

	if (!err) {
		report_trace("%s: opened", dev->name);
		return fd;
	}
	if (ctx)
		file_release(&ctx->file);
	real()->close(fd);
	errno = -err;
	return -1;
}

void context_report_leaks(struct device *dev)
{
	struct context *ctx;

	pthread_mutex_lock(&call_lock);
	for (ctx = dev->contexts; ctx; ctx = ctx->next)
		object_destroy_all(ctx, dev->name, "program ended");
	pthread_mutex_unlock(&call_lock);
}

void context_forget(void)
{
	pthread_mutex_init(&call_lock, NULL);
	pthread_mutex_init(&list_lock, NULL);
}
