/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving through a BPF ring buffer: what a queue does when the kernel's one place for memory on
 * its receive queue is another program's.  The steering program copies each packet into the ring,
 * the burst from there into the frames that were posted.
 */
#include "xdp.h"

#include "lib/error.h"
#include "lib/xdp/steering.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Kernel documentation, bpf/ringbuf.rst: the head of a record, in front of its data. */
#define RECORD_HEAD 8u
/* As in front of a frame that AF_XDP received: XDP_PACKET_HEADROOM. */
#define HEADROOM 256u
/* A ring has room for as many packets of this length as the queue has descriptors. */
#define PACKET_ROOM 2048u

struct ring_rxq {
	struct xdp_rxq q;
	uint64_t *consumer;       /* shared with the kernel, ours to move */
	const uint64_t *producer; /* the kernel's */
	const uint8_t *data;      /* mapped twice in a row: a record never wraps */
	size_t page, size;
	bool segments;
	uint32_t depth, posted;
	uint64_t frames[]; /* posted, the last one is taken first */
};

/* The record at the consumer; NULL: none is there.  *next is where the one behind it begins. */
static const struct steer_packet *record(const struct ring_rxq *r, uint64_t at,
                                         uint64_t *next)
{
	const uint32_t *header = (const void *)(r->data + (at & (r->size - 1)));
	/* Pairs with the kernel's xchg of the length in bpf_ringbuf_commit(). */
	uint32_t len = __atomic_load_n(header, __ATOMIC_ACQUIRE);

	if (len & BPF_RINGBUF_BUSY_BIT)
		return NULL;
	*next = at + ((RECORD_HEAD + (len & ~BPF_RINGBUF_DISCARD_BIT) + 7) & ~7u);
	return len & BPF_RINGBUF_DISCARD_BIT
	               ? NULL
	               : (const void *)(r->data + (at & (r->size - 1)) + RECORD_HEAD);
}

/* Frames that a packet takes, or 0: it is too long for what was asked for. */
static uint32_t frames_for(const struct ring_rxq *r, uint32_t len)
{
	uint32_t room = r->q.rxq.region->frame_size - HEADROOM;
	uint32_t frames = (len + room - 1) / room;

	return frames > 1 && (!r->segments || frames > XDP_SEGMENTS_MAX) ? 0 : frames;
}

/* Copy a packet into posted frames; its descriptors. */
static void take_packet(struct ring_rxq *r, const struct steer_packet *p, uint32_t frames,
                        struct rawq_pkt *pkts)
{
	uint32_t room = r->q.rxq.region->frame_size - HEADROOM, left = p->len;
	const uint8_t *from = (const uint8_t *)(p + 1);

	for (uint32_t i = 0; i < frames; i++) {
		uint32_t len = left < room ? left : room;
		uint64_t addr = r->frames[--r->posted] + HEADROOM;

		memcpy(r->q.rxq.region->base + addr, from, len);
		pkts[i] = (struct rawq_pkt){.addr = addr,
		                            .len = len,
		                            .flags = i + 1 < frames ? (uint16_t)RAWQ_MORE
		                                                    : 0};
		from += len;
		left -= len;
	}
	if (r->q.marks && p->mark) {
		pkts[0].mark = p->mark;
		pkts[0].flags |= RAWQ_RX_MARK;
	}
	r->q.packets++;
	r->q.bytes += p->len;
}

static unsigned ring_burst(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n)
{
	struct ring_rxq *r = (struct ring_rxq *)q;
	uint64_t at = *r->consumer, next = at;
	/* Pairs with the kernel's store of the producer behind a new record's busy bit. */
	uint64_t end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	unsigned got = 0;

	if (end - at > r->size)
		end = at; /* not a position that this ring can have */
	while (at != end && got < n) {
		const struct steer_packet *p = record(r, at, &next);
		uint32_t frames = p ? frames_for(r, p->len) : 0;

		if (!p && next == at)
			break;
		if (frames > r->posted || frames > n - got)
			break;
		if (p && !frames)
			r->q.errors++;
		else if (p)
			take_packet(r, p, frames, pkts + got);
		got += frames;
		at = next;
	}
	/* Pairs with the kernel's acquire of the consumer in __bpf_ringbuf_reserve(): we are done
	 * with the records that it will write over. */
	__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	return got;
}

static unsigned ring_post(struct rawq_rxq *q, const uint64_t *addrs, unsigned n)
{
	struct ring_rxq *r = (struct ring_rxq *)q;
	unsigned i;

	for (i = 0; i < n && r->posted < r->depth && addrs[i] < r->q.region_size; i++)
		r->frames[r->posted++] = addrs[i] & r->q.frame_mask;
	return i;
}

static int ring_map(struct ring_rxq *r)
{
	int fd = r->q.ring_fd;

	r->consumer = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	r->producer = mmap(NULL, r->page + 2 * r->size, PROT_READ, MAP_SHARED, fd,
	                   (off_t)r->page);
	if (r->consumer == MAP_FAILED || r->producer == MAP_FAILED)
		return -errno;
	r->data = (const uint8_t *)r->producer + r->page;
	return 0;
}

static void ring_unmap_all(struct ring_rxq *r)
{
	if (r->consumer && r->consumer != MAP_FAILED)
		munmap(r->consumer, r->page);
	if (r->producer && r->producer != MAP_FAILED)
		munmap((void *)(uintptr_t)r->producer, r->page + 2 * r->size);
	if (r->q.ring_fd >= 0)
		close(r->q.ring_fd);
	free(r);
}

int ring_rxq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, uint32_t queue_id,
                    struct rawq_rxq **out, struct rawq_error *err)
{
	struct ring_rxq *r = calloc(1, sizeof(*r) + opts->depth * sizeof(r->frames[0]));
	int ret;

	if (!r)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	r->depth = opts->depth;
	r->segments = opts->offloads & RAWQ_RX_SEGMENTS;
	for (r->size = r->page; r->size < (size_t)opts->depth * PACKET_ROOM;)
		r->size *= 2;
	r->q.rxq.calls.burst = ring_burst;
	r->q.rxq.calls.post = ring_post;
	r->q.frame_mask = ~((uint64_t)region->frame_size - 1);
	r->q.region_size = region->size;
	r->q.marks = opts->offloads & RAWQ_RX_MARK;
	r->q.queue_id = queue_id;
	r->q.fd = -1;
	r->q.ring_fd = steering_ring_create((uint32_t)r->size);
	ret = r->q.ring_fd < 0 ? r->q.ring_fd : ring_map(r);
	if (ret) {
		ring_unmap_all(r);
		return fail(err, ret == -EPERM ? -EPERM : -ENOMEM,
		            "%s: queue %u is in use by another program's AF_XDP socket, "
		            "and there is no ring buffer to stand in for it: %s",
		            port->info.netdev, queue_id + 1, strerror(-ret));
	}
	*out = &r->q.rxq.calls;
	return 0;
}

void ring_rxq_destroy(struct xdp_rxq *q)
{
	ring_unmap_all((struct ring_rxq *)q);
}

static struct steer_ring *state_of(const struct xdp_rxq *q)
{
	const struct xdp_port *port = (const struct xdp_port *)q->rxq.port;

	return port->steering && q->steered == port->steering->number
	               ? steering_ring_state(port->steering, q->queue_id)
	               : NULL;
}

void ring_rxq_status(const struct xdp_rxq *q, struct rawq_queue_stats *stats)
{
	const struct steer_ring *state = state_of(q);

	*stats = (struct rawq_queue_stats){
		.packets = q->packets,
		.bytes = q->bytes,
		.errors = q->errors,
		.full = state ? __atomic_load_n(&state->lost, __ATOMIC_RELAXED) : 0,
	};
}

void ring_rxq_info(const struct xdp_rxq *q, struct rawq_queue_info *info)
{
	const struct xdp_port *port = (const struct xdp_port *)q->rxq.port;

	*info = (struct rawq_queue_info){
		.number = q->queue_id + 1,
		.depth = ((const struct ring_rxq *)q)->depth,
		.mode = RAWQ_BPF_RING |
	                (q->rxq.region->huge_pages ? RAWQ_HUGE_PAGES : 0u) |
	                (port->steering ? steering_mode(port->steering) : 0u),
	};
}

int ring_rxq_arm(struct xdp_rxq *q)
{
	struct steer_ring *state = state_of(q);

	/* A packet that comes before poll(2) finds it readable all the same: the kernel looks at
	 * the positions then. */
	if (state)
		__atomic_store_n(&state->armed, 1, __ATOMIC_SEQ_CST);
	return q->ring_fd;
}
