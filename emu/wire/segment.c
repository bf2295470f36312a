/* SPDX-License-Identifier: BSD-2-Clause */
/* Making, joining, reclaiming and leaving the shared memory of a cable. */
#include "emu/wire/segment.h"
#include "emu/wire/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC   0x7261776cu /* "rawl" */
#define VERSION 1u

/* Bytes of the file that are locked: one per end, and one for joining and leaving. */
enum { LOCK_END, LOCK_SETUP = 2 };

/* All segments of this process, so that a forked child lets go of their locks. */
static struct segment *joined;
static pthread_mutex_t joined_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* In the child: a lock lives as long as any descriptor of the description that took it. */
static void after_fork(void)
{
	for (struct segment *s = joined; s; s = s->next)
		close(s->fd);
	joined = NULL;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, after_fork);
}

static int lock_byte(int fd, int cmd, short type, off_t byte)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	return fcntl(fd, cmd, &lock) < 0 ? -errno : 0;
}

/* Does another description hold the byte? */
static bool is_locked(int fd, off_t byte)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int segment_open(struct segment *s, char *err, size_t size)
{
	struct stat st;

	s->fd = shm_open(s->name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return wire_refuse(err, size, -errno, "cable: cannot open /dev/shm%s: %s",
		                   s->name, strerror(errno));
	if (fstat(s->fd, &st) || st.st_uid != geteuid()) {
		close(s->fd);
		return wire_refuse(err, size, -EACCES,
		                   "cable: /dev/shm%s belongs to another user", s->name);
	}
	return 0;
}

/* Open the file and take its setup lock.  Who leaves last removes the file under that lock, so it
 * may be gone by the time we hold it: then the next one is made. */
static int segment_open_locked(struct segment *s, char *err, size_t size)
{
	struct stat st;
	int ret;

	for (;;) {
		ret = segment_open(s, err, size);
		if (ret)
			return ret;
		ret = lock_byte(s->fd, F_OFD_SETLKW, F_WRLCK, LOCK_SETUP);
		if (ret) {
			close(s->fd);
			return wire_refuse(err, size, ret,
			                   "cable: cannot lock /dev/shm%s: %s", s->name,
			                   strerror(-ret));
		}
		if (!fstat(s->fd, &st) && st.st_nlink)
			return 0;
		close(s->fd);
	}
}

/* Nobody is there: what a dead pair left behind is wiped. */
static int segment_format(struct segment *s, char *err, size_t size)
{
	int ret = ftruncate(s->fd, 0) ? errno : 0;

	/* Allocated now: a full /dev/shm would be a SIGBUS later. */
	if (!ret)
		ret = posix_fallocate(s->fd, 0, sizeof(*s->shared));
	if (ret)
		return wire_refuse(err, size, -ret, "cable: %zu bytes of /dev/shm%s: %s",
		                   sizeof(*s->shared), s->name, strerror(ret));
	return 0;
}

/* Map by a descriptor of its own: a mapping keeps the description alive that it was made with, in
 * forked children as well, and the locks must not live that long. */
static void *map_shared(const struct segment *s)
{
	int fd = shm_open(s->name, O_RDWR | O_CLOEXEC, 0600);
	void *p;

	if (fd < 0)
		return MAP_FAILED;
	p = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p;
}

static int segment_map(struct segment *s, bool fresh, char *err, size_t size)
{
	struct stat st;
	void *p;

	if (fstat(s->fd, &st) || st.st_size != (off_t)sizeof(*s->shared))
		return wire_refuse(
			err, size, -EINVAL,
			"cable: /dev/shm%s was made by another version of rawq", s->name);
	p = map_shared(s);
	if (p == MAP_FAILED)
		return wire_refuse(err, size, -errno, "cable: cannot map /dev/shm%s: %s",
		                   s->name, strerror(errno));
	s->shared = p;
	if (fresh) {
		s->shared->magic = MAGIC;
		s->shared->version = VERSION;
		s->shared->size = sizeof(*s->shared);
	}
	if (s->shared->magic == MAGIC && s->shared->version == VERSION &&
	    s->shared->size == sizeof(*s->shared))
		return 0;
	munmap(p, sizeof(*s->shared));
	return wire_refuse(err, size, -EINVAL,
	                   "cable: /dev/shm%s was made by another version of rawq",
	                   s->name);
}

/* Take a free end; under the setup lock. */
static int segment_take_end(struct segment *s, char *err, size_t size)
{
	for (s->end = 0; s->end < 2; s->end++)
		if (!lock_byte(s->fd, F_OFD_SETLK, F_WRLCK, LOCK_END + s->end))
			return 0;
	return wire_refuse(
		err, size, -EBUSY,
		"cable: two ports hold /dev/shm%s already; choose another name", s->name);
}

static void segment_remember(struct segment *s)
{
	pthread_once(&fork_once, watch_forks);
	pthread_mutex_lock(&joined_lock);
	s->next = joined;
	joined = s;
	pthread_mutex_unlock(&joined_lock);
}

static void segment_forget(struct segment *s)
{
	struct segment **at;

	pthread_mutex_lock(&joined_lock);
	for (at = &joined; *at && *at != s; at = &(*at)->next)
		;
	if (*at)
		*at = s->next;
	pthread_mutex_unlock(&joined_lock);
}

static void ring_empty(struct segment_ring *r)
{
	atomic_store_explicit(&r->frames_ci, atomic_load(&r->frames_pi),
	                      memory_order_relaxed);
	/* Release: pairs with the sender's acquire of bytes_ci. */
	atomic_store_explicit(&r->bytes_ci, atomic_load(&r->bytes_pi),
	                      memory_order_release);
}

int segment_join(struct segment *s, const char *cable, char *err, size_t size)
{
	bool fresh;
	int ret;

	snprintf(s->name, sizeof(s->name), "/rawq-%u-%s", geteuid(), cable);
	ret = segment_open_locked(s, err, size);
	if (ret)
		return ret;
	ret = segment_take_end(s, err, size);
	if (ret)
		goto close;
	fresh = !is_locked(s->fd, LOCK_END + !s->end);
	if (fresh)
		ret = segment_format(s, err, size);
	if (!ret)
		ret = segment_map(s, fresh, err, size);
	if (ret)
		goto close;
	ring_empty(&s->shared->rings[!s->end]); /* what was for our predecessor */
	atomic_store(&s->shared->ends[s->end].up, 1);
	atomic_fetch_add(&s->shared->ends[s->end].epoch, 1);
	atomic_store(&s->shared->ends[s->end].attached, 1);
	lock_byte(s->fd, F_OFD_SETLK, F_UNLCK, LOCK_SETUP);
	segment_remember(s);
	return 0;
close:
	close(s->fd); /* and with it every lock */
	return ret;
}

void segment_leave(struct segment *s)
{
	lock_byte(s->fd, F_OFD_SETLKW, F_WRLCK, LOCK_SETUP);
	atomic_store(&s->shared->ends[s->end].attached, 0);
	if (!is_locked(s->fd, LOCK_END + !s->end))
		shm_unlink(s->name);
	segment_forget(s);
	munmap(s->shared, sizeof(*s->shared));
	close(s->fd);
}

bool segment_peer_lives(const struct segment *s)
{
	return is_locked(s->fd, LOCK_END + !s->end);
}

uint64_t segment_drain(struct segment *s)
{
	struct segment_ring *r = &s->shared->rings[s->end];
	uint64_t frames = 0;

	lock_byte(s->fd, F_OFD_SETLKW, F_WRLCK, LOCK_SETUP);
	if (!segment_peer_lives(s)) {
		frames = atomic_load(&r->frames_pi) - atomic_load(&r->frames_ci);
		ring_empty(r);
	}
	lock_byte(s->fd, F_OFD_SETLK, F_UNLCK, LOCK_SETUP);
	return frames;
}
