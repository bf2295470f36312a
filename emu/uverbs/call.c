/* SPDX-License-Identifier: BSD-2-Clause */
/* One call of the program into the kernel's part; see call.h. */
#include "emu/uverbs/call.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096u

/* Bytes moved at once when clearing or checking the rest of a structure. */
#define CHUNK 256u

static int move_memory(void *ours, uint64_t theirs, size_t len, int write)
{
	struct iovec local = {ours, len};
	struct iovec remote = {(void *)(uintptr_t)theirs, len};
	ssize_t n;

	if (!len)
		return 0;
	n = write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
	          : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	if (n == (ssize_t)len)
		return 0;
	if (n >= 0 || errno == EFAULT)
		return -EFAULT;
	/* A sandbox forbids the call: trust the pointer. */
	if (write)
		memcpy((void *)(uintptr_t)theirs, ours, len);
	else
		memcpy(ours, (void *)(uintptr_t)theirs, len);
	return 0;
}

int user_read(void *dst, uint64_t src, size_t len)
{
	return move_memory(dst, src, len, 0);
}

int user_write(uint64_t dst, const void *src, size_t len)
{
	return move_memory((void *)(uintptr_t)src, dst, len, 1);
}

int user_pages(uint64_t addr, uint64_t len, int writable)
{
	uint64_t start = addr & ~(uint64_t)(PAGE - 1);
	uint64_t end;

	if (__builtin_add_overflow(addr, len, &end) || end > UINT64_MAX - PAGE)
		return -EINVAL;
	end = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	if (end == start)
		return 0;
	if (madvise((void *)(uintptr_t)start, end - start,
	            writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ))
		return errno == EHWPOISON ? -EHWPOISON : -EFAULT;
	return 0;
}

int user_ring(uint64_t addr, uint64_t len)
{
	return addr & 63 ? -EINVAL : user_pages(addr, len, 1);
}

int user_record(uint64_t addr)
{
	return addr & 7 ? -EINVAL : user_pages(addr, 8, 1);
}

const struct ib_uverbs_attr *call_attr(const struct call *c, unsigned id)
{
	unsigned i;

	for (i = 0; i < c->nattrs; i++)
		if (c->attrs[i].attr_id == id)
			return &c->attrs[i];
	return NULL;
}

size_t call_len(const struct call *c, unsigned id)
{
	const struct ib_uverbs_attr *a = call_attr(c, id);

	return a ? a->len : 0;
}

int call_in_tail(const struct call *c, unsigned id, size_t offset, void *dst, size_t len)
{
	const struct ib_uverbs_attr *a = call_attr(c, id);

	if (!a || offset + len > a->len)
		return -ENOSPC;
	/* Up to 8 bytes travel in the attribute itself. */
	if (a->len <= sizeof a->data) {
		memcpy(dst, (const uint8_t *)&a->data + offset, len);
		return 0;
	}
	return user_read(dst, a->data + offset, len);
}

static int rest_is_zero(const struct call *c, unsigned id, size_t from, size_t to)
{
	uint8_t bytes[CHUNK];
	size_t n, i;
	int err;

	for (; from < to; from += n) {
		n = to - from < CHUNK ? to - from : CHUNK;
		err = call_in_tail(c, id, from, bytes, n);
		if (err)
			return err;
		for (i = 0; i < n; i++)
			if (bytes[i])
				return -EOPNOTSUPP;
	}
	return 0;
}

int call_in(const struct call *c, unsigned id, void *dst, size_t len, size_t min)
{
	size_t given = call_len(c, id);
	size_t n = given < len ? given : len;
	int err;

	if (given < min)
		return -ENOSPC;
	memset(dst, 0, len);
	if (!n)
		return 0;
	err = call_in_tail(c, id, 0, dst, n);
	return err ? err : rest_is_zero(c, id, len, given);
}

int call_in_u64(const struct call *c, unsigned id, uint64_t *out)
{
	size_t len = call_len(c, id);

	*out = 0;
	if (!call_attr(c, id) || !len || len > sizeof *out)
		return -EINVAL;
	return call_in_tail(c, id, 0, out, len);
}

int call_in_u32(const struct call *c, unsigned id, uint32_t *out)
{
	uint64_t value;
	int err = call_in_u64(c, id, &value);

	if (!err && value > UINT32_MAX)
		err = -EINVAL;
	if (!err)
		*out = (uint32_t)value;
	return err;
}

int call_handle(const struct call *c, unsigned id, uint32_t *out)
{
	const struct ib_uverbs_attr *a = call_attr(c, id);

	if (!a)
		return -ENOENT;
	if (a->len || a->data > UINT32_MAX)
		return -EINVAL;
	*out = (uint32_t)a->data;
	return 0;
}

static int mark_valid(const struct call *c, const struct ib_uverbs_attr *a)
{
	size_t at = (size_t)(a - c->attrs);
	uint16_t flags = a->flags | UVERBS_ATTR_F_VALID_OUTPUT;

	return user_write((uint64_t)(uintptr_t)&c->user_attrs[at].flags, &flags,
	                  sizeof flags);
}

int call_out(const struct call *c, unsigned id, const void *src, size_t len)
{
	static const uint8_t zeros[CHUNK];
	const struct ib_uverbs_attr *a = call_attr(c, id);
	size_t n, at;
	int err;

	if (!a)
		return 0;
	n = a->len < len ? a->len : len;
	err = user_write(a->data, src, n);
	for (at = n; !err && at < a->len; at += n) {
		n = a->len - at < CHUNK ? a->len - at : CHUNK;
		err = user_write(a->data + at, zeros, n);
	}
	return err ? err : mark_valid(c, a);
}

int call_out_handle(const struct call *c, unsigned id, int64_t value)
{
	const struct ib_uverbs_attr *a = call_attr(c, id);

	if (!a)
		return -EINVAL;
	return user_write((uint64_t)(uintptr_t)&c->user_attrs[a - c->attrs].data_s64,
	                  &value, sizeof value);
}
