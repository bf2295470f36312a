/* SPDX-License-Identifier: BSD-2-Clause */
/* Which file descriptors of the program are ours; see fds.h. */
#include "emu/preload/fds.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define FDS_MAX 65536u /* descriptors above this number are never ours */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct emu_file *table[FDS_MAX];
static unsigned installed; /* how many; 0 lets every call pass without the lock */

int fds_install(int fd, struct emu_file *f)
{
	if (fd < 0 || (unsigned)fd >= FDS_MAX)
		return -EMFILE;
	pthread_mutex_lock(&lock);
	table[fd] = f;
	__atomic_add_fetch(&installed, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
	return 0;
}

/* Cheap enough for every read() and close() of the program. */
static bool may_be_ours(int fd)
{
	return fd >= 0 && (unsigned)fd < FDS_MAX &&
	       __atomic_load_n(&table[fd], __ATOMIC_RELAXED);
}

struct emu_file *fds_get(int fd)
{
	struct emu_file *f;

	if (!may_be_ours(fd))
		return NULL;
	pthread_mutex_lock(&lock);
	f = table[fd];
	if (f)
		f->references++;
	pthread_mutex_unlock(&lock);
	return f;
}

void fds_hold(struct emu_file *f)
{
	pthread_mutex_lock(&lock);
	f->references++;
	pthread_mutex_unlock(&lock);
}

void fds_put(struct emu_file *f)
{
	unsigned left;

	pthread_mutex_lock(&lock);
	left = --f->references;
	pthread_mutex_unlock(&lock);
	if (!left)
		f->ops->release(f);
}

void fds_remove(int fd)
{
	struct emu_file *f;

	if (!may_be_ours(fd))
		return;
	pthread_mutex_lock(&lock);
	f = table[fd];
	if (f) {
		table[fd] = NULL;
		__atomic_sub_fetch(&installed, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&lock);
	if (f)
		fds_put(f);
}

void fds_copy(int from, int to)
{
	struct emu_file *f;

	if (from == to)
		return;
	fds_remove(to);
	f = fds_get(from);
	if (f && fds_install(to, f))
		fds_put(f);
}

void fds_remove_range(unsigned first, unsigned last)
{
	unsigned fd;

	if (!__atomic_load_n(&installed, __ATOMIC_RELAXED))
		return;
	for (fd = first; fd <= last && fd < FDS_MAX; fd++)
		fds_remove((int)fd);
}

void fds_forget(void)
{
	pthread_mutex_init(&lock, NULL); /* its owner is not in this process */
	memset(table, 0, sizeof table);
	installed = 0;
}
