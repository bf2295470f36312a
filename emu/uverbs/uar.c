/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbell pages.  As in the kernel, a page that is mapped when its object is destroyed stays
 * until it is unmapped, and a mapping keeps its file open.
 */
#include "emu/uverbs/uar.h"
#include "emu/nic/nic.h"
#include "emu/preload/real.h"
#include "emu/uverbs/call.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/methods.h"

#include <errno.h>
#include <pthread.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <rdma/mlx5_user_ioctl_verbs.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096u

/* Shared by the object and its mappings; the last one destroys the card's page. */
struct page {
	struct nic_uar *nic;
	unsigned references;
};

struct uar {
	struct object object;
	struct page *page;
};

struct mapping {
	struct mapping *next;
	void *addr;
	struct page *page;
	struct context *ctx;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of mappings and references */
static struct mapping *mappings;

static int page_put(struct page *p)
{
	bool last;
	int err = 0;

	pthread_mutex_lock(&lock);
	last = !--p->references;
	pthread_mutex_unlock(&lock);
	if (!last)
		return 0;
	nic_lock(device_nic());
	err = nic_uar_destroy(p->nic);
	nic_unlock(device_nic());
	free(p);
	return err;
}

static int destroy(struct object *o)
{
	return page_put(((struct uar *)o)->page);
}

int uar_alloc(struct call *c)
{
	uint32_t length = PAGE, page_id;
	struct uar *uar;
	uint64_t type, offset;
	int err;

	err = call_in_u64(c, MLX5_IB_ATTR_UAR_OBJ_ALLOC_TYPE, &type);
	if (err)
		return err;
	if (type != MLX5_IB_UAPI_UAR_ALLOC_TYPE_BF &&
	    type != MLX5_IB_UAPI_UAR_ALLOC_TYPE_NC)
		return -EOPNOTSUPP;
	err = object_create(c->ctx, OBJECT_UAR, sizeof *uar, destroy, &uar);
	if (err)
		return err;
	uar->page = calloc(1, sizeof *uar->page);
	if (!uar->page) {
		err = -ENOMEM;
		goto discard;
	}
	uar->page->references = 1;
	nic_lock(device_nic());
	err = nic_uar_create(device_nic(), &uar->page->nic);
	nic_unlock(device_nic());
	if (err)
		goto free_page;
	page_id = uar->object.handle;
	offset = (uint64_t)(UAR_MMAP_START + uar->object.handle) * PAGE;
	err = call_out_handle(c, MLX5_IB_ATTR_UAR_OBJ_ALLOC_HANDLE, uar->object.handle);
	if (!err)
		err = call_out(c, MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_OFFSET, &offset,
		               sizeof offset);
	if (!err)
		err = call_out(c, MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_LENGTH, &length,
		               sizeof length);
	if (!err)
		err = call_out(c, MLX5_IB_ATTR_UAR_OBJ_ALLOC_PAGE_ID, &page_id,
		               sizeof page_id);
	if (err)
		object_destroy(&uar->object);
	return err;
free_page:
	free(uar->page);
discard:
	object_discard(&uar->object);
	return err;
}

int uar_destroy(struct call *c)
{
	uint32_t handle;
	int err = call_handle(c, MLX5_IB_ATTR_UAR_OBJ_DESTROY_HANDLE, &handle);

	return err ? err : object_destroy_handle(c->ctx, OBJECT_UAR, handle);
}

void *uar_mmap(struct context *ctx, void *addr, int prot, int flags, uint64_t page)
{
	struct uar *uar =
		page - UAR_MMAP_START > UINT32_MAX
			? NULL
			: object_find(ctx, OBJECT_UAR, (uint32_t)(page - UAR_MMAP_START));
	struct mapping *m;

	errno = EINVAL;
	if (!uar || !(prot & PROT_WRITE))
		return MAP_FAILED;
	m = calloc(1, sizeof *m);
	if (!m)
		return MAP_FAILED;
	m->addr = nic_uar_map(uar->page->nic, addr, flags);
	if (m->addr == MAP_FAILED) {
		free(m);
		return MAP_FAILED;
	}
	m->page = uar->page;
	m->ctx = ctx;
	fds_hold(&ctx->file);
	pthread_mutex_lock(&lock);
	uar->page->references++;
	m->next = mappings;
	mappings = m;
	pthread_mutex_unlock(&lock);
	return m->addr;
}

/* Take a mapping in the range off the list. */
static struct mapping *take(const void *addr, size_t length)
{
	struct mapping **at, *m;

	pthread_mutex_lock(&lock);
	for (at = &mappings; (m = *at); at = &m->next)
		if ((uintptr_t)m->addr - (uintptr_t)addr < length) {
			*at = m->next;
			break;
		}
	pthread_mutex_unlock(&lock);
	return m;
}

bool uar_munmap(void *addr, size_t length, int *ret)
{
	struct mapping *m;
	unsigned found = 0;

	*ret = 0;
	if (!__atomic_load_n(&mappings, __ATOMIC_RELAXED))
		return false;
	while ((m = take(addr, length))) {
		nic_lock(device_nic());
		if (nic_uar_unmap(m->page->nic, m->addr))
			*ret = -EINVAL;
		nic_unlock(device_nic());
		page_put(m->page);
		fds_put(&m->ctx->file);
		free(m);
		found++;
	}
	/* What else lies in the range is the kernel's. */
	if (found && length > found * PAGE && real()->munmap(addr, length))
		*ret = -errno;
	return found;
}

void uar_forget(void)
{
	pthread_mutex_init(&lock, NULL);
	mappings = NULL;
}
