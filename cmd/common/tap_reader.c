/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading taps.  Nothing in the rings is trusted. */
#include "tap_reader.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MEMORY_SIZE tap_ring_offset(TAP_QUEUES_MAX)
#define LISTED      8

/* ---- finding -------------------------------------------------------------- */

/* The process that a line of /proc/net/unix says offers the port; 0: none. */
static int offered_by(const char *line, const char *netdev)
{
	char prefix[64];
	const char *name = strchr(line, '@');

	snprintf(prefix, sizeof(prefix), "@" TAP_PREFIX "%s/", netdev);
	if (!name || strncmp(name, prefix, strlen(prefix)) != 0)
		return 0;
	return atoi(name + strlen(prefix));
}

/* The processes that offer the port in this network namespace, each once. */
static unsigned list_offers(const char *netdev, int pids[LISTED])
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512];
	unsigned n = 0, i;
	int pid;

	while (f && n < LISTED && fgets(line, sizeof(line), f)) {
		pid = offered_by(line, netdev);
		for (i = 0; i < n && pids[i] != pid; i++)
			;
		if (pid && i == n)
			pids[n++] = pid;
	}
	if (f)
		fclose(f);
	return n;
}

static int choose(const struct verb *verb, const char *netdev, int *pid)
{
	int pids[LISTED];
	unsigned n = list_offers(netdev, pids);

	if (!n)
		return fail_environment(
			verb,
			"--tap: no rawq process works on %s in this network "
			"namespace",
			netdev);
	if (n > 1)
		return fail_usage(
			verb,
			"--tap: %u rawq processes work on %s, %d and %d among them; "
			"say which with --pid",
			n, netdev, pids[0], pids[1]);
	*pid = pids[0];
	return EXIT_OK;
}

/* ---- connecting ----------------------------------------------------------- */

static int connect_to(const char *netdev, int pid)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
	                   TAP_PREFIX "%s/%d", netdev, pid);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&name,
	             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	                         (size_t)len)))
		return fd;
	len = -errno;
	close(fd);
	return len;
}

/* The memfd, or -errno. */
static int take_answer(int fd)
{
	struct tap_answer a = {0, 0};
	struct iovec data = {&a, sizeof(a)};
	char control[CMSG_SPACE(sizeof(int))];
	struct msghdr m = {.msg_iov = &data,
	                   .msg_iovlen = 1,
	                   .msg_control = control,
	                   .msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct cmsghdr *c;
	int memory_fd;

	if (poll(&p, 1, 1000) != 1)
		return -EBUSY; /* it serves another, and has not accepted us */
	if (recvmsg(fd, &m, MSG_CMSG_CLOEXEC) != sizeof(a) || a.magic != TAP_MAGIC)
		return -EPROTO;
	c = CMSG_FIRSTHDR(&m);
	if (a.error || !c || c->cmsg_type != SCM_RIGHTS)
		return a.error ? -a.error : -EPROTO;
	memcpy(&memory_fd, CMSG_DATA(c), sizeof(memory_fd));
	return memory_fd;
}

static int map(struct tap_reader *t, int memory_fd)
{
	void *at =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);

	close(memory_fd);
	if (at == MAP_FAILED)
		return -errno;
	t->memory = at;
	return ((struct tap_head *)at)->magic == TAP_MAGIC ? 0 : -EPROTO;
}

static const char *reason(int err)
{
	switch (err) {
	case -EBUSY:
		return "another one taps it";
	case -EPERM:
		return "it is another user's";
	case -EAGAIN:
		return "another one taps it, and more wait";
	case -ECONNREFUSED:
		return "no such rawq process works there";
	default:
		return strerror(-err);
	}
}

static struct tap_ring *ring_at(const struct tap_reader *t, unsigned i)
{
	return (void *)(t->memory + tap_ring_offset(i));
}

static uint64_t count_lost(const struct tap_reader *t)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < TAP_QUEUES_MAX; i++)
		sum += __atomic_load_n(&ring_at(t, i)->lost, __ATOMIC_RELAXED);
	return sum;
}

/* What was left in the rings by an earlier reader is not ours. */
static void begin(struct tap_reader *t)
{
	unsigned i;

	for (i = 0; i < TAP_QUEUES_MAX; i++)
		__atomic_store_n(&ring_at(t, i)->tail,
		                 __atomic_load_n(&ring_at(t, i)->head, __ATOMIC_ACQUIRE),
		                 __ATOMIC_RELEASE);
	t->lost_before = count_lost(t);
}

int tap_open(struct tap_reader *t, const struct verb *verb, const char *netdev, int pid,
             uint32_t snap)
{
	const struct tap_request request = {TAP_MAGIC, snap};
	int err, code;

	memset(t, 0, sizeof(*t));
	t->fd = -1;
	code = pid ? EXIT_OK : choose(verb, netdev, &pid);
	if (code)
		return code;
	t->pid = pid;
	t->fd = err = connect_to(netdev, pid);
	if (err >= 0)
		err = send(t->fd, &request, sizeof(request), MSG_NOSIGNAL) < 0
		              ? -errno
		              : take_answer(t->fd);
	if (err >= 0)
		err = map(t, err);
	if (err)
		return fail_environment(verb, "--tap: process %d on %s: %s", pid, netdev,
		                        reason(err));
	begin(t);
	return EXIT_OK;
}

void tap_close(struct tap_reader *t)
{
	unsigned i;

	if (t->memory)
		munmap(t->memory, MEMORY_SIZE);
	if (t->fd >= 0)
		close(t->fd);
	for (i = 0; i < TAP_QUEUES_MAX; i++)
		free(t->assembly[i].bytes);
}

/* ---- packets -------------------------------------------------------------- */

/* A piece goes to what came of its packet; 1 when that is whole. */
static int assemble(struct tap_assembly *a, const struct tap_record *r,
                    const uint8_t *bytes, struct tap_packet *packet)
{
	uint32_t room;

	if (!a->bytes)
		a->bytes = malloc(TAP_PACKET_MAX);
	if (!a->bytes)
		return -ENOMEM;
	if (r->flags & TAP_FIRST) /* whatever was there lost its end */
		a->kept = a->len = 0;
	room = TAP_PACKET_MAX - a->kept;
	/* a packet's later pieces go on where the earlier were kept whole */
	if (a->kept == a->len) {
		memcpy(a->bytes + a->kept, bytes, r->kept < room ? r->kept : room);
		a->kept += r->kept < room ? r->kept : room;
	}
	a->len += r->len;
	if (r->flags & TAP_MORE)
		return 0;
	packet->bytes = a->bytes;
	packet->kept = a->kept;
	packet->len = a->len;
	packet->time_ns = r->time_ns;
	return 1;
}

/* The next record of a ring.  1: it ended a packet; 0: the ring is empty. */
static int read_ring(struct tap_reader *t, unsigned i, struct tap_packet *packet)
{
	struct tap_ring *ring = ring_at(t, i);
	uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE); /* copy_all()'s */
	uint64_t tail = ring->tail;
	const uint8_t *at;
	struct tap_record r;
	uint32_t end;
	int done = 0;

	while (!done && tail != head) {
		end = TAP_RING_SIZE - (uint32_t)(tail & (TAP_RING_SIZE - 1));
		at = (uint8_t *)ring + TAP_PAGE + TAP_RING_SIZE - end;
		memcpy(&r, at, 8);
		if (r.len == TAP_SKIP) {
			tail += end;
			continue;
		}
		if (end < sizeof(r) || head - tail > TAP_RING_SIZE)
			return -EPROTO;
		memcpy(&r, at, sizeof(r));
		if (r.size > end || r.size < sizeof(r) || r.kept > r.size - sizeof(r) ||
		    r.kept > r.len)
			return -EPROTO;
		done = assemble(&t->assembly[i], &r, at + sizeof(r), packet);
		tail += r.size;
	}
	packet->is_sent = ring->sends;
	__atomic_store_n(&ring->tail, tail,
	                 __ATOMIC_RELEASE); /* pairs with make_room()'s */
	return done;
}

static bool is_gone(const struct tap_reader *t)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

int tap_next(struct tap_reader *t, struct tap_packet *packet)
{
	struct tap_head *head = (void *)t->memory;
	unsigned n = __atomic_load_n(&head->queues, __ATOMIC_ACQUIRE), i;
	int got;

	if (n > TAP_QUEUES_MAX)
		return -EPROTO;
	for (i = 0; i < n; i++) {
		got = read_ring(t, t->next % n, packet);
		t->next++;
		if (got)
			return got;
	}
	/* empty; once more after the port has gone, for what it wrote last */
	if (t->is_gone)
		return -EPIPE;
	t->is_gone = is_gone(t);
	return 0;
}

uint64_t tap_lost(const struct tap_reader *t)
{
	return t->memory ? count_lost(t) - t->lost_before : 0;
}
