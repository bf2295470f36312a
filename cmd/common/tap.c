/* SPDX-License-Identifier: BSD-2-Clause */
/* Taps, the port's side: a thread that waits for a reader, and bursts that copy for it. */
#include "tap.h"
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MEMORY_SIZE tap_ring_offset(TAP_QUEUES_MAX)
/* A reader that connects has so long to say what it wants. */
#define REQUEST_MS 1000

/* A queue of a port.  While it is hooked its thread alone touches ring, hidden and dropping. */
struct tapped {
	const void *q; /* NULL: a free place */
	struct tap *tap;
	union {
		struct rawq_rxq *rx;
		struct rawq_txq *tx;
	} queue;
	bool sends, is_hooked;
	union {
		unsigned (*rx)(struct rawq_rxq *, struct rawq_pkt *, unsigned);
		unsigned (*tx)(struct rawq_txq *, const struct rawq_pkt *, unsigned);
	} burst; /* its own */
	const uint8_t *base;
	struct tap_ring *ring;
	bool is_inside; /* of a packet of several descriptors */
	bool is_lost;   /* that packet */
};

struct tap {
	int listen_fd, stop_fd, memory_fd;
	uint8_t *memory; /* MEMORY_SIZE, from the first reader on */
	unsigned rings;  /* given out */
	uint32_t snap;
	bool is_tapped;
	pthread_t thread;
};

/* All queues of the process: a burst function is told nothing but its queue. */
static struct tapped queues[2 * TAP_QUEUES_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* on them and the taps */

static struct tapped *find(const void *q)
{
	unsigned i = 0;

	while (i < 2 * TAP_QUEUES_MAX - 1 &&
	       __atomic_load_n(&queues[i].q, __ATOMIC_RELAXED) != q)
		i++;
	return &queues[i];
}

/* ---- copying -------------------------------------------------------------- */

static uint8_t *at(struct tap_ring *ring, uint64_t offset)
{
	return (uint8_t *)ring + TAP_PAGE + (offset & (TAP_RING_SIZE - 1));
}

/* Room for a record in one piece behind head; moves head over what is skipped. */
static bool make_room(struct tap_ring *ring, uint64_t *head, uint32_t size)
{
	static const uint32_t skip[2] = {0, TAP_SKIP};
	uint64_t used =
		*head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE); /* reader's */
	uint32_t end = TAP_RING_SIZE - (uint32_t)(*head & (TAP_RING_SIZE - 1));
	uint32_t need = end < size ? end + size : size;

	if (used > TAP_RING_SIZE || TAP_RING_SIZE - used < need)
		return false;
	if (end < size) {
		memcpy(at(ring, *head), skip, sizeof(skip));
		*head += end;
	}
	return true;
}

static void copy(struct tapped *t, const struct rawq_pkt *pkt, uint64_t now,
                 uint64_t *head)
{
	uint32_t kept = pkt->len < t->tap->snap ? pkt->len : t->tap->snap;
	struct tap_record r = {
		.size = (uint32_t)(sizeof(r) + kept + 7) & ~7u,
		.len = pkt->len,
		.kept = kept,
		.flags = (t->is_inside ? 0 : TAP_FIRST) |
	                 (pkt->flags & RAWQ_MORE ? TAP_MORE : 0),
		.time_ns = now,
	};

	if (!t->is_inside)
		t->is_lost = false;
	if (!t->is_lost && make_room(t->ring, head, r.size)) {
		memcpy(at(t->ring, *head), &r, sizeof(r));
		memcpy(at(t->ring, *head) + sizeof(r), t->base + pkt->addr, kept);
		*head += r.size;
	} else if (!t->is_lost) {
		t->is_lost = true;
		__atomic_fetch_add(&t->ring->lost, 1, __ATOMIC_RELAXED);
	}
	t->is_inside = pkt->flags & RAWQ_MORE;
}

static void copy_all(struct tapped *t, const struct rawq_pkt *pkts, unsigned n)
{
	uint64_t head = t->ring->head, now = realtime_ns();
	unsigned i;

	for (i = 0; i < n; i++)
		copy(t, &pkts[i], now, &head);
	/* pairs with the reader's load */
	__atomic_store_n(&t->ring->head, head, __ATOMIC_RELEASE);
}

static unsigned tapped_rx_burst(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n)
{
	struct tapped *t = find(q);

	n = t->burst.rx(q, pkts, n);
	if (n)
		copy_all(t, pkts, n);
	return n;
}

/* The frames are the queue's now, but stay as they are until this thread reaps them. */
static unsigned tapped_tx_burst(struct rawq_txq *q, const struct rawq_pkt *pkts,
                                unsigned n)
{
	struct tapped *t = find(q);

	n = t->burst.tx(q, pkts, n);
	if (n)
		copy_all(t, pkts, n);
	return n;
}

/* ---- hooking, with the lock held ------------------------------------------ */

static void hook(struct tapped *t)
{
	struct tap *tap = t->tap;

	if (!t->ring && tap->rings < TAP_QUEUES_MAX) {
		t->ring = (void *)(tap->memory + tap_ring_offset(tap->rings));
		t->ring->sends = t->sends;
		tap->rings++;
		__atomic_store_n(&((struct tap_head *)(void *)tap->memory)->queues,
		                 tap->rings, __ATOMIC_RELEASE);
	}
	if (!t->ring)
		return;
	t->is_hooked = true;
	if (t->sends) {
		t->burst.tx = t->queue.tx->burst;
		__atomic_store_n(&t->queue.tx->burst, tapped_tx_burst, __ATOMIC_RELEASE);
	} else {
		t->burst.rx = t->queue.rx->burst;
		__atomic_store_n(&t->queue.rx->burst, tapped_rx_burst, __ATOMIC_RELEASE);
	}
}

/* A queue that failed meanwhile has a burst function of the library's, which stays. */
static void unhook(struct tapped *t)
{
	if (t->is_hooked && t->sends && t->queue.tx->burst == tapped_tx_burst)
		__atomic_store_n(&t->queue.tx->burst, t->burst.tx, __ATOMIC_RELEASE);
	if (t->is_hooked && !t->sends && t->queue.rx->burst == tapped_rx_burst)
		__atomic_store_n(&t->queue.rx->burst, t->burst.rx, __ATOMIC_RELEASE);
	t->is_hooked = false;
}

static void for_each(struct tap *tap, void (*what)(struct tapped *))
{
	unsigned i;

	for (i = 0; i < 2 * TAP_QUEUES_MAX; i++)
		if (queues[i].q && queues[i].tap == tap)
			what(&queues[i]);
}

static int map_rings(struct tap *tap)
{
	void *at;
	int fd;

	if (tap->memory)
		return 0;
	fd = memfd_create("rawq-tap", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)MEMORY_SIZE))
		goto fail;
	at = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		goto fail;
	tap->memory = at;
	tap->memory_fd = fd;
	((struct tap_head *)at)->magic = TAP_MAGIC;
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	return -ENOMEM;
}

/* ---- readers -------------------------------------------------------------- */

static void answer(int fd, int error, int memory_fd)
{
	struct tap_answer a = {TAP_MAGIC, error};
	struct iovec data = {&a, sizeof(a)};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (!error) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &memory_fd, sizeof(int));
	}
	sendmsg(fd, &m, MSG_NOSIGNAL);
}

static bool may_tap(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) &&
	       (!who.uid || who.uid == geteuid());
}

/* Until the reader goes or the port is closed. */
static void serve(struct tap *tap, int fd, const struct tap_request *r)
{
	struct pollfd p[2] = {{.fd = fd}, {.fd = tap->stop_fd, .events = POLLIN}};
	int err;

	pthread_mutex_lock(&lock);
	err = map_rings(tap);
	if (!err) {
		tap->snap = r->snap;
		tap->is_tapped = true;
		answer(fd, 0, tap->memory_fd);
		for_each(tap, hook);
	}
	pthread_mutex_unlock(&lock);
	if (err) {
		answer(fd, -err, -1);
		return;
	}
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	pthread_mutex_lock(&lock);
	tap->is_tapped = false;
	for_each(tap, unhook);
	pthread_mutex_unlock(&lock);
}

static void meet(struct tap *tap, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct tap_request r;

	if (!may_tap(fd)) {
		answer(fd, EPERM, -1);
		return;
	}
	if (poll(&p, 1, REQUEST_MS) == 1 && recv(fd, &r, sizeof(r), 0) == sizeof(r) &&
	    r.magic == TAP_MAGIC)
		serve(tap, fd, &r);
}

static void *wait_for_readers(void *arg)
{
	struct tap *tap = arg;
	struct pollfd p[2] = {{.fd = tap->listen_fd, .events = POLLIN},
	                      {.fd = tap->stop_fd, .events = POLLIN}};
	int fd;

	while (poll(p, 2, -1) >= 0 || errno == EINTR) {
		if (p[1].revents)
			break;
		fd = accept4(tap->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		meet(tap, fd);
		close(fd);
	}
	return NULL;
}

/* ---- set-up --------------------------------------------------------------- */

static int listen_at(const char *netdev)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
	                   TAP_PREFIX "%s/%d", netdev, (int)getpid());
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!bind(fd, (struct sockaddr *)&name,
	          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	                      (size_t)len)) &&
	    !listen(fd, 1))
		return fd;
	close(fd);
	return -1;
}

/* It takes no signals: those are the verb's. */
static int start_thread(struct tap *tap)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&tap->thread, NULL, wait_for_readers, tap);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

struct tap *tap_create(const char *netdev)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (!tap)
		return NULL;
	tap->memory_fd = -1;
	tap->listen_fd = listen_at(netdev);
	tap->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (tap->listen_fd >= 0 && tap->stop_fd >= 0 && !start_thread(tap))
		return tap;
	if (tap->listen_fd >= 0)
		close(tap->listen_fd);
	if (tap->stop_fd >= 0)
		close(tap->stop_fd);
	free(tap);
	return NULL;
}

void tap_destroy(struct tap *tap)
{
	uint64_t one = 1;

	if (!tap)
		return;
	if (write(tap->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(tap->thread, NULL);
	close(tap->listen_fd);
	close(tap->stop_fd);
	if (tap->memory) {
		munmap(tap->memory, MEMORY_SIZE);
		close(tap->memory_fd);
	}
	free(tap);
}

/* Take a place for a queue, t being all but its place. */
static void add(const struct tapped *t, const void *q)
{
	struct tapped *place;

	if (!t->tap)
		return;
	pthread_mutex_lock(&lock);
	place = find(NULL);
	if (!place->q) {
		*place = *t;
		__atomic_store_n(&place->q, q, __ATOMIC_RELAXED);
		if (place->tap->is_tapped)
			hook(place);
	}
	pthread_mutex_unlock(&lock);
}

void tap_add_rxq(struct tap *tap, struct rawq_rxq *q, const struct rawq_region *region)
{
	add(&(struct tapped){.tap = tap, .queue.rx = q, .base = rawq_region_base(region)},
	    q);
}

void tap_add_txq(struct tap *tap, struct rawq_txq *q, const struct rawq_region *region)
{
	add(&(struct tapped){.tap = tap,
	                     .queue.tx = q,
	                     .sends = true,
	                     .base = rawq_region_base(region)},
	    q);
}

void tap_remove(struct tap *tap, const void *q)
{
	struct tapped *t;

	if (!tap || !q)
		return;
	pthread_mutex_lock(&lock);
	t = find(q);
	if (t->q == q) {
		unhook(t);
		__atomic_store_n(&t->q, NULL, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&lock);
}
