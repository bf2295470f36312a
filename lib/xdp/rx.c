/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving: frames go to the kernel through the fill ring and come back, in any order, through
 * the RX ring.
 */
#include "xdp.h"

#include "lib/error.h"
#include "lib/xdp/socket.h"
#include "lib/xdp/steer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define always_inline inline __attribute__((always_inline))
#define unlikely(x)   __builtin_expect(!!(x), 0)

/* Let the driver look at what was posted, and see whether the netdev is still up and there. */
static void rx_kick(struct xdp_rxq *q)
{
	if (recvfrom(q->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) < 0 &&
	    (errno == ENETDOWN || errno == ENXIO))
		q->status = -ENETDOWN;
}

/* An empty ring: a system call only if the driver waits for one (zero copy) or if busy polling
 * was asked for. */
static void rx_wake(struct xdp_rxq *q)
{
	if (q->busy_poll || ring_needs_wakeup(&q->channel->fill))
		rx_kick(q);
}

/* How many of n descriptors make whole packets.  A packet longer than the caller's array is
 * handed out in parts: else it would never come. */
static uint32_t whole_packets(const struct xdp_rxq *q, uint32_t n, unsigned asked)
{
	uint32_t whole = n;

	while (whole &&
	       (q->rx.desc[(q->rx.ci + whole - 1) & q->rx.mask].options & XDP_PKT_CONTD))
		whole--;
	return whole || n < asked ? whole : n;
}

/* The mark in front of a frame.  What was read is wiped, so that it is not taken for the next
 * packet's, should that one come without. */
static always_inline void take_mark(const struct xdp_rxq *q, struct rawq_pkt *pkt)
{
	struct steer_mark *m = (void *)(q->rxq.region->base + pkt->addr - sizeof(*m));

	if (m->magic == STEER_MARK_MAGIC && m->mark) {
		pkt->mark = m->mark;
		pkt->flags |= RAWQ_RX_MARK;
	}
	m->magic = 0;
}

static always_inline unsigned rx_burst(struct rawq_rxq *rxq, struct rawq_pkt *pkts,
                                       unsigned n, bool segments, bool marks)
{
	struct xdp_rxq *q = (struct xdp_rxq *)rxq;
	uint32_t ready = ring_ready(&q->rx, n);
	uint64_t bytes = 0, more = 0;

	if (segments)
		ready = whole_packets(q, ready, n);
	if (!ready) {
		rx_wake(q);
		return 0;
	}
	for (uint32_t i = 0; i < ready; i++) {
		const struct xdp_desc *d = &q->rx.desc[(q->rx.ci + i) & q->rx.mask];
		bool goes_on = segments && (d->options & XDP_PKT_CONTD);

		pkts[i] = (struct rawq_pkt){.addr = d->addr,
		                            .len = d->len,
		                            .flags = goes_on ? (uint16_t)RAWQ_MORE : 0};
		if (marks && (!i || !(pkts[i - 1].flags & RAWQ_MORE)))
			take_mark(q, &pkts[i]);
		bytes += d->len;
		more += goes_on;
	}
	ring_release(&q->rx, ready);
	q->packets += ready - more;
	q->bytes += bytes;
	return ready;
}

static unsigned rx_burst_single(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n)
{
	return rx_burst(q, pkts, n, false, false);
}

static unsigned rx_burst_segments(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n)
{
	return rx_burst(q, pkts, n, true, false);
}

static unsigned rx_burst_marks(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n)
{
	return rx_burst(q, pkts, n, false, true);
}

static unsigned rx_burst_segments_marks(struct rawq_rxq *q, struct rawq_pkt *pkts,
                                        unsigned n)
{
	return rx_burst(q, pkts, n, true, true);
}

/* Stops at an address that is none of the region's: the kernel would swallow it. */
static unsigned rx_post(struct rawq_rxq *rxq, const uint64_t *addrs, unsigned n)
{
	struct xdp_rxq *q = (struct xdp_rxq *)rxq;
	struct ring *fill = &q->channel->fill;
	uint32_t room = ring_room(fill, n), i;

	for (i = 0; i < room; i++) {
		if (unlikely(addrs[i] >= q->region_size))
			break;
		fill->addr[(fill->pi + i) & fill->mask] = addrs[i] & q->frame_mask;
	}
	if (i)
		ring_give(fill, i);
	return i;
}

static void choose_calls(struct xdp_rxq *q, uint32_t offloads)
{
	q->marks = offloads & RAWQ_RX_MARK;
	if (offloads & RAWQ_RX_SEGMENTS)
		q->rxq.calls.burst =
			q->marks ? rx_burst_segments_marks : rx_burst_segments;
	else
		q->rxq.calls.burst = q->marks ? rx_burst_marks : rx_burst_single;
	q->rxq.calls.post = rx_post;
}

int xdp_rxq_create(struct rawq_port *port, struct rawq_region *region,
                   const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                   struct rawq_error *err)
{
	struct queue_socket s;
	struct xdp_rxq *q = calloc(1, sizeof(*q));
	int ret;

	if (!q)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	ret = channel_open((struct xdp_port *)port, region, opts, true, &s, err);
	if (ret) {
		free(q);
		return ret == -EADDRINUSE
		               ? ring_rxq_create(port, region, opts, s.queue_id, out, err)
		               : ret;
	}
	choose_calls(q, opts->offloads);
	q->frame_mask = ~((uint64_t)region->frame_size - 1);
	q->region_size = region->size;
	q->rx = s.ring;
	q->channel = s.channel;
	q->queue_id = s.queue_id;
	q->fd = s.fd;
	q->ring_fd = -1;
	q->busy_poll = s.busy_poll;
	*out = &q->rxq.calls;
	return 0;
}

void xdp_rxq_destroy(struct rawq_rxq *rxq)
{
	struct xdp_rxq *q = (struct xdp_rxq *)rxq;
	struct steering *steering = ((struct xdp_port *)q->rxq.port)->steering;

	if (steering)
		steering_forget_queue(steering, q);
	if (!q->channel) {
		ring_rxq_destroy(q);
		return;
	}
	channel_close(q->channel, q->fd, &q->rx, true);
	free(q);
}

int xdp_rxq_status(const struct rawq_rxq *rxq, struct rawq_queue_stats *stats)
{
	const struct xdp_rxq *q = (const struct xdp_rxq *)rxq;
	struct xdp_statistics s = {0};
	socklen_t len = sizeof(s);

	if (!stats)
		return q->status;
	if (!q->channel) {
		ring_rxq_status(q, stats);
		return q->status;
	}
	getsockopt(q->fd, SOL_XDP, XDP_STATISTICS, &s, &len);
	/* The kernel counts a packet without a fill entry twice: where it looked for the entry and
	 * where it dropped the packet (xsk_rcv, "rx_dropped"). */
	*stats = (struct rawq_queue_stats){
		.packets = q->packets,
		.bytes = q->bytes,
		.no_frame = s.rx_fill_ring_empty_descs,
		.full = s.rx_ring_full,
		.errors = s.rx_invalid_descs +
	                  (s.rx_dropped > s.rx_fill_ring_empty_descs
	                           ? s.rx_dropped - s.rx_fill_ring_empty_descs
	                           : 0),
	};
	return q->status;
}

void xdp_rxq_info(const struct rawq_rxq *rxq, struct rawq_queue_info *info)
{
	const struct xdp_rxq *q = (const struct xdp_rxq *)rxq;

	if (!q->channel) {
		ring_rxq_info(q, info);
		return;
	}
	*info = (struct rawq_queue_info){
		.number = q->channel->queue_id + 1,
		.depth = q->rx.size,
		.mode = channel_mode(q->channel) |
	                (q->busy_poll && socket_has_napi(q->fd) ? RAWQ_BUSY_POLL : 0u),
	};
}

int xdp_rxq_arm(struct rawq_rxq *rxq)
{
	struct xdp_rxq *q = (struct xdp_rxq *)rxq;

	if (!q->channel)
		return ring_rxq_arm(q);
	rx_kick(q); /* before the caller sleeps on it */
	return q->fd;
}
