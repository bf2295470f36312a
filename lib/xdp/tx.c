/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending: descriptors go to the kernel through the TX ring; their addresses come back through
 * the completion ring.  In copy mode the kernel sends inside our system call.
 */
#include "xdp.h"

#include "lib/error.h"
#include "lib/xdp/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define always_inline inline __attribute__((always_inline))
#define unlikely(x)   __builtin_expect(!!(x), 0)

/* Have the kernel send what it was given.  That it is busy (EAGAIN, EBUSY, ENOBUFS) is no
 * error: the descriptors stay, and the next burst or reap asks again. */
static void tx_wake(struct xdp_txq *q)
{
	if (!q->busy_poll && !ring_needs_wakeup(&q->tx))
		return;
	if (sendto(q->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 &&
	    (errno == ENETDOWN || errno == ENXIO))
		q->status = -ENETDOWN;
}

/* What the kernel would swallow without a completion (xskq_cons_is_valid_desc) must not reach
 * it: an empty packet, or one beyond its frame or the region. */
static always_inline bool is_sendable(const struct xdp_txq *q, const struct rawq_pkt *p)
{
	uint64_t last = p->addr + p->len - 1;

	return p->len && last < q->region_size && !((p->addr ^ last) & q->frame_mask);
}

/* How many of pkts[0..n) end a packet that is not longer than the kernel takes. */
static uint32_t whole_packets(const struct rawq_pkt *pkts, uint32_t n)
{
	uint32_t whole = 0;

	for (uint32_t i = 0; i < n && i - whole < XDP_SEGMENTS_MAX; i++) {
		if (!(pkts[i].flags & RAWQ_MORE))
			whole = i + 1;
	}
	return whole;
}

static always_inline unsigned tx_burst(struct rawq_txq *txq, const struct rawq_pkt *pkts,
                                       unsigned n, bool segments)
{
	struct xdp_txq *q = (struct xdp_txq *)txq;
	uint32_t room = ring_room(&q->tx, n), sent, i;
	uint64_t bytes = 0, packets = 0;

	for (i = 0; i < room && is_sendable(q, &pkts[i]); i++)
		;
	sent = segments ? whole_packets(pkts, i) : i;
	for (i = 0; i < sent; i++) {
		bool goes_on = segments && (pkts[i].flags & RAWQ_MORE);

		q->tx.desc[(q->tx.pi + i) & q->tx.mask] =
			(struct xdp_desc){.addr = pkts[i].addr,
		                          .len = pkts[i].len,
		                          .options = goes_on ? XDP_PKT_CONTD : 0};
		bytes += pkts[i].len;
		packets += !goes_on;
	}
	if (sent) {
		ring_give(&q->tx, sent);
		q->outstanding += sent;
		q->packets += packets;
		q->bytes += bytes;
		tx_wake(q);
	}
	return sent;
}

static unsigned tx_burst_single(struct rawq_txq *q, const struct rawq_pkt *pkts,
                                unsigned n)
{
	return tx_burst(q, pkts, n, false);
}

static unsigned tx_burst_segments(struct rawq_txq *q, const struct rawq_pkt *pkts,
                                  unsigned n)
{
	return tx_burst(q, pkts, n, true);
}

static unsigned tx_reap(struct rawq_txq *txq, uint64_t *addrs, unsigned n)
{
	struct xdp_txq *q = (struct xdp_txq *)txq;
	struct ring *done = &q->channel->completion;
	uint32_t ready = ring_ready(done, n);

	/* The kernel stopped halfway (its budget, a full device): nobody but us moves it on. */
	if (!ring_is_drained(&q->tx))
		tx_wake(q);
	if (unlikely(ready > q->outstanding))
		ready = q->outstanding;
	if (!ready)
		return 0;
	for (uint32_t i = 0; i < ready; i++)
		addrs[i] = done->addr[(done->ci + i) & done->mask];
	ring_release(done, ready);
	q->outstanding -= ready;
	return ready;
}

int xdp_txq_create(struct rawq_port *port, struct rawq_region *region,
                   const struct rawq_queue_opts *opts, struct rawq_txq **out,
                   struct rawq_error *err)
{
	struct queue_socket s;
	struct xdp_txq *q = calloc(1, sizeof(*q));
	int ret;

	if (!q)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	ret = channel_open((struct xdp_port *)port, region, opts, false, &s, err);
	if (ret) {
		free(q);
		return ret == -EADDRINUSE ? packet_txq_create(port, region, opts,
		                                              s.queue_id, out, err)
		                          : ret;
	}
	q->txq.calls.burst =
		opts->offloads & RAWQ_TX_SEGMENTS ? tx_burst_segments : tx_burst_single;
	q->txq.calls.reap = tx_reap;
	q->frame_mask = ~((uint64_t)region->frame_size - 1);
	q->region_size = region->size;
	q->tx = s.ring;
	q->channel = s.channel;
	q->fd = s.fd;
	q->busy_poll = s.busy_poll;
	*out = &q->txq.calls;
	return 0;
}

void xdp_txq_destroy(struct rawq_txq *txq)
{
	struct xdp_txq *q = (struct xdp_txq *)txq;

	if (!q->channel) {
		packet_txq_destroy(q);
		return;
	}
	channel_close(q->channel, q->fd, &q->tx, false);
	free(q);
}

int xdp_txq_status(const struct rawq_txq *txq, struct rawq_queue_stats *stats)
{
	const struct xdp_txq *q = (const struct xdp_txq *)txq;
	struct xdp_statistics s = {0};
	socklen_t len = sizeof(s);

	if (!stats)
		return q->status;
	if (q->channel)
		getsockopt(q->fd, SOL_XDP, XDP_STATISTICS, &s, &len);
	*stats = (struct rawq_queue_stats){
		.packets = q->packets,
		.bytes = q->bytes,
		.errors = q->errors + s.tx_invalid_descs,
	};
	return q->status;
}

void xdp_txq_info(const struct rawq_txq *txq, struct rawq_queue_info *info)
{
	const struct xdp_txq *q = (const struct xdp_txq *)txq;

	if (!q->channel) {
		packet_txq_info(q, info);
		return;
	}
	*info = (struct rawq_queue_info){
		.number = q->channel->queue_id + 1,
		.depth = q->tx.size,
		.mode = channel_mode(q->channel) |
	                (q->busy_poll && socket_has_napi(q->fd) ? RAWQ_BUSY_POLL : 0u),
	};
}

int xdp_txq_arm(struct rawq_txq *txq)
{
	struct xdp_txq *q = (struct xdp_txq *)txq;

	if (q->channel && !ring_is_drained(&q->tx))
		tx_wake(q);
	return q->fd;
}
