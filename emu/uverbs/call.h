/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One call of the program into the kernel's part: its attributes, and copying between them and
 * our memory with the kernel's care (a bad pointer is -EFAULT, never a crash).
 */
#ifndef EMU_UVERBS_CALL_H
#define EMU_UVERBS_CALL_H

#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stddef.h>
#include <stdint.h>

struct context;

#define CALL_ATTRS_MAX 32 /* no method has as many */

struct call {
	struct context *ctx;
	const char *name; /* of the method, for trace and faults */
	struct ib_uverbs_attr attrs[CALL_ATTRS_MAX];
	struct ib_uverbs_attr *user_attrs; /* where outputs by value are written */
	unsigned nattrs;
};

/* Copy from or to the program's memory: 0 or -EFAULT. */
int user_read(void *dst, uint64_t src, size_t len);
int user_write(uint64_t dst, const void *src, size_t len);
/* Are all pages there, and writable if asked?  Brings them in as pinning does. */
int user_pages(uint64_t addr, uint64_t len, int writable);

/* A ring: there, writable, and aligned to the 64 bytes that the card counts offsets in. */
int user_ring(uint64_t addr, uint64_t len);
/* A doorbell record: two words. */
int user_record(uint64_t addr);

/* Attribute by id, or NULL. */
const struct ib_uverbs_attr *call_attr(const struct call *c, unsigned id);

/* The first `len` bytes of an input structure.  The program's may be shorter (the rest is zero) or
 * longer (the rest must be zero, else -EOPNOTSUPP), but not shorter than `min` (-ENOSPC). */
int call_in(const struct call *c, unsigned id, void *dst, size_t len, size_t min);
/* Bytes of an input behind `offset`, as they are: the tail array of a structure. */
int call_in_tail(const struct call *c, unsigned id, size_t offset, void *dst, size_t len);
size_t call_len(const struct call *c, unsigned id); /* 0: not there */
/* A mandatory input of up to 8 bytes. */
int call_in_u64(const struct call *c, unsigned id, uint64_t *out);
int call_in_u32(const struct call *c, unsigned id, uint32_t *out);
/* The handle of an object; -ENOENT: not given. */
int call_handle(const struct call *c, unsigned id, uint32_t *out);

/* Write a structure to an output as far as it has room and zero what it has more; no output is
 * no error.  Sets its VALID_OUTPUT flag. */
int call_out(const struct call *c, unsigned id, const void *src, size_t len);
/* The value of a new object's or descriptor's attribute. */
int call_out_handle(const struct call *c, unsigned id, int64_t value);

/* The structures of a write command, through INVOKE_WRITE. */
#define CALL_CMD_IN  UVERBS_ATTR_CORE_IN
#define CALL_CMD_OUT UVERBS_ATTR_CORE_OUT
#define CALL_UHW_IN  UVERBS_ATTR_UHW_IN
#define CALL_UHW_OUT UVERBS_ATTR_UHW_OUT

#endif
