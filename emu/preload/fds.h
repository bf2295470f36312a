/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which file descriptors of the program are ours.  A file has as many references as descriptors
 * (dup) and users; the last one to go closes it.
 */
#ifndef EMU_PRELOAD_FDS_H
#define EMU_PRELOAD_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct emu_file;

/* What a kind of file answers; NULL: the call goes to the kernel's own file below. */
struct emu_file_ops {
	int (*ioctl)(struct emu_file *f, unsigned long request, void *arg);  /* -errno */
	ssize_t (*read)(struct emu_file *f, int fd, void *buf, size_t size); /* -errno */
	/* MAP_FAILED and errno, as mmap(). */
	void *(*mmap)(struct emu_file *f, void *addr, size_t length, int prot, int flags,
	              off_t offset);
	void (*release)(struct emu_file *f); /* the last reference went; frees it */
};

struct emu_file {
	const struct emu_file_ops *ops;
	unsigned references; /* of fds.c */
};

/* The descriptor takes over the caller's reference.  -EMFILE: the number is too large. */
int fds_install(int fd, struct emu_file *f);
/* The file behind a descriptor with a reference taken, or NULL: not ours. */
struct emu_file *fds_get(int fd);
void fds_hold(struct emu_file *f);
void fds_put(struct emu_file *f);
/* The descriptor `to` is a copy of `from`, which may or may not be ours. */
void fds_copy(int from, int to);
/* The descriptor is about to be closed by the program. */
void fds_remove(int fd);
/* The same for all in first..last. */
void fds_remove_range(unsigned first, unsigned last);
/* In a child after fork: descriptors are no longer ours, and nothing is released. */
void fds_forget(void);

#endif
