/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of the book and of the steering program's maps. */
#include "book.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static int lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;
	int ret = pthread_mutexattr_init(&attr);

	if (!ret)
		ret = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!ret)
		ret = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (!ret)
		ret = pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return -ret;
}

int book_create(void)
{
	int fd = memfd_create("rawq_rules", MFD_CLOEXEC), ret;
	struct book *b = MAP_FAILED;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(*b)))
		goto failed;
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (b == MAP_FAILED)
		goto failed;
	b->rules_used = b->rule_free = b->next_id = 1;
	ret = lock_init(&b->lock);
	munmap(b, sizeof(*b));
	if (!ret)
		return fd;
	errno = -ret;
failed:
	ret = -errno;
	close(fd);
	return ret;
}

static void *map_all(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Array maps round their element to 8 bytes: all of these are multiples. */
#define CHAINS_SIZE (STEER_RULES_MAX * sizeof(struct steer_rule))
#define SHAPES_SIZE (STEER_SHAPE_SLOTS * sizeof(struct steer_shape))
#define RINGS_SIZE  (STEER_SLOTS * sizeof(struct steer_ring))
static_assert(sizeof(struct steer_rule) % 8 == 0 && sizeof(struct steer_shape) % 8 == 0 &&
                      sizeof(struct steer_ring) % 8 == 0,
              "elements lie as in an array of C");

int maps_open(struct maps *m)
{
	m->book = map_all(m->fd[FD_BOOK], sizeof(*m->book));
	m->config = map_all(m->fd[FD_CONFIG], sizeof(*m->config));
	m->shapes = map_all(m->fd[FD_SHAPES], SHAPES_SIZE);
	m->chains = map_all(m->fd[FD_CHAINS], CHAINS_SIZE);
	m->rings = map_all(m->fd[FD_RING_STATES], RINGS_SIZE);
	return m->book && m->config && m->shapes && m->chains && m->rings ? 0 : -ENOMEM;
}

static void unmap(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

void maps_close(struct maps *m)
{
	unmap(m->book, sizeof(*m->book));
	unmap(m->config, sizeof(*m->config));
	unmap(m->shapes, SHAPES_SIZE);
	unmap(m->chains, CHAINS_SIZE);
	unmap(m->rings, RINGS_SIZE);
	for (unsigned i = 0; i < FD_COUNT; i++) {
		if (m->fd[i] >= 0)
			close(m->fd[i]);
	}
}
