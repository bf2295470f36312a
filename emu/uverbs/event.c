/* SPDX-License-Identifier: BSD-2-Clause */
/* Event descriptors; see event.h. */
#include "emu/uverbs/event.h"
#include "emu/preload/fds.h"
#include "emu/preload/real.h"
#include "emu/uverbs/call.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct event {
	struct event *next;
	const void *owner;
	uint32_t *reported;
	uint8_t bytes[EVENT_SIZE_MAX];
};

struct event_queue {
	struct emu_file file; /* first: the two are cast into each other */
	pthread_mutex_t lock;
	int fd; /* ours: a copy of the program's, of the same eventfd */
	size_t size;
	struct event *first, **last;
};

static void wake(struct event_queue *q)
{
	uint64_t one = 1;

	/* Fails only when 2^64 - 2 events are unread. */
	if (write(q->fd, &one, sizeof one) < 0)
		abort();
}

/* The list became empty: so does the eventfd.  Never blocks: it counts at least one, and only
 * the holder of the lock reads it. */
static void sleep_again(struct event_queue *q)
{
	uint64_t count;

	if (real()->read(q->fd, &count, sizeof count) < 0 && errno != EAGAIN)
		abort();
}

/* Take the first event if there is one. */
static int take(struct event_queue *q, void *buf)
{
	struct event *e = q->first;
	int err;

	if (!e)
		return -EAGAIN;
	err = user_write((uint64_t)(uintptr_t)buf, e->bytes, q->size);
	if (err)
		return err;
	if (e->reported)
		++*e->reported;
	q->first = e->next;
	if (!q->first) {
		q->last = &q->first;
		sleep_again(q);
	}
	free(e);
	return 0;
}

static ssize_t queue_read(struct emu_file *f, int fd, void *buf, size_t size)
{
	struct event_queue *q = (struct event_queue *)f;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int err;

	if (size < q->size)
		return -EINVAL;
	for (;;) {
		pthread_mutex_lock(&q->lock);
		err = take(q, buf);
		pthread_mutex_unlock(&q->lock);
		if (!err)
			return (ssize_t)q->size;
		if (err != -EAGAIN)
			return err;
		if (real()->fcntl(fd, F_GETFL) & O_NONBLOCK)
			return -EAGAIN;
		if (poll(&p, 1, -1) < 0)
			return -errno;
	}
}

static void queue_release(struct emu_file *f)
{
	struct event_queue *q = (struct event_queue *)f;
	struct event *e;

	while ((e = q->first)) {
		q->first = e->next;
		free(e);
	}
	real()->close(q->fd);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static const struct emu_file_ops queue_ops = {
	.read = queue_read,
	.release = queue_release,
};

int event_queue_create(size_t size, int *fd, struct event_queue **out)
{
	struct event_queue *q = calloc(1, sizeof *q);
	int theirs, err;

	if (!q)
		return -ENOMEM;
	theirs = eventfd(0, EFD_CLOEXEC);
	if (theirs < 0) {
		err = -errno;
		goto free_queue;
	}
	q->fd = real()->fcntl(theirs, F_DUPFD_CLOEXEC, 0);
	if (q->fd < 0) {
		err = -errno;
		goto close_theirs;
	}
	q->file.ops = &queue_ops;
	q->file.references = 2;
	q->size = size;
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	err = fds_install(theirs, &q->file);
	if (err)
		goto close_ours;
	*fd = theirs;
	*out = q;
	return 0;
close_ours:
	pthread_mutex_destroy(&q->lock);
	real()->close(q->fd);
close_theirs:
	real()->close(theirs);
free_queue:
	free(q);
	return err;
}

struct event_queue *event_queue_get(int fd)
{
	struct emu_file *f = fds_get(fd);

	if (f && f->ops != &queue_ops) {
		fds_put(f);
		return NULL;
	}
	return (struct event_queue *)f;
}

void event_queue_hold(struct event_queue *q)
{
	fds_hold(&q->file);
}

void event_queue_put(struct event_queue *q)
{
	if (q)
		fds_put(&q->file);
}

void event_push(struct event_queue *q, const void *event, const void *owner,
                uint32_t *reported)
{
	struct event *e = calloc(1, sizeof *e);

	if (!e)
		return; /* as the kernel: GFP_ATOMIC failed, the event is lost */
	memcpy(e->bytes, event, q->size);
	e->owner = owner;
	e->reported = reported;
	pthread_mutex_lock(&q->lock);
	*q->last = e;
	q->last = &e->next;
	wake(q);
	pthread_mutex_unlock(&q->lock);
}

void event_forget(struct event_queue *q, const void *owner)
{
	struct event **at, *e;
	bool had;

	pthread_mutex_lock(&q->lock);
	had = q->first != NULL;
	for (at = &q->first; (e = *at);) {
		if (e->owner == owner) {
			*at = e->next;
			free(e);
		} else {
			at = &e->next;
		}
	}
	q->last = at;
	if (had && !q->first)
		sleep_again(q);
	pthread_mutex_unlock(&q->lock);
}
