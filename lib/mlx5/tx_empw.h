/* SPDX-License-Identifier: BSD-2-Clause */
/* Enhanced multi-packet WQEs: ctrl, eth, then a data segment (or the bytes) of each packet. */
#ifndef LIB_MLX5_TX_EMPW_H
#define LIB_MLX5_TX_EMPW_H

#include "tx.h"
#ifdef MLX5_AVX2
#include "tx_avx2.h"
#endif

#define SESSION_MAX 32u /* packets of a WQE: what DPDK has proven in the field */

static always_inline uint32_t put(const struct run *r, const struct rawq_pkt *p,
                                  struct hw_data_seg *data, uint64_t *addr)
{
	uint64_t at = p->addr;
	uint32_t len = p->len;

	*addr = at;
	*data = (struct hw_data_seg){.byte_count = to_be32(len),
	                             .lkey = r->lkey,
	                             .addr = to_be64(r->base + at)};
	return len;
}

/* Do four packets fit, each by itself?  Lengths are or-ed first: if that is short enough, so is
 * each of them, and it nearly always is. */
static always_inline bool four_fit(const struct mlx5_txq *q, const struct run *r,
                                   const struct rawq_pkt *p, const unsigned f)
{
	uint32_t over = (p[0].len - LEN_MIN) | (p[1].len - LEN_MIN) |
	                (p[2].len - LEN_MIN) | (p[3].len - LEN_MIN);
	uint32_t flags = p[0].flags | p[1].flags | p[2].flags | p[3].flags;

	if (!(f & TX_CSUM) && likely(over <= r->span && !(flags & WISHES(f))))
		return true;
	return fits_run(q, r, &p[0], f) && fits_run(q, r, &p[1], f) &&
	       fits_run(q, r, &p[2], f) && fits_run(q, r, &p[3], f);
}

/* Data segments for plain packets, up to the first that is none; neither ring ends in here.
 * Four at a time: the loop's own work is a third of one packet's. */
static always_inline unsigned data_run(const struct mlx5_txq *q, const struct run *r,
                                       const struct rawq_pkt *p, unsigned n,
                                       struct hw_data_seg *data, uint64_t *addrs,
                                       uint64_t *bytes, const unsigned f)
{
	const struct rawq_pkt *begin = p, *end = p + n, *fours = p + (n & ~3u);
	uint64_t sum = 0;

#ifdef MLX5_AVX2
	if (!(f & TX_CSUM) && likely(data_fours(r, p, n & ~3u, data, addrs, bytes, f))) {
		p = fours;
		data += n & ~3u;
		addrs += n & ~3u;
	}
#endif
	for (; p != fours && likely(four_fit(q, r, p, f));
	     p += 4, data += 4, addrs += 4) {
		sum += put(r, &p[0], &data[0], &addrs[0]);
		sum += put(r, &p[1], &data[1], &addrs[1]);
		sum += put(r, &p[2], &data[2], &addrs[2]);
		sum += put(r, &p[3], &data[3], &addrs[3]);
	}
	for (; p != end && fits_run(q, r, p, f); p++)
		sum += put(r, p, data++, addrs++);
	*bytes += sum;
	return (unsigned)(p - begin);
}

/* How many packets the next multi-packet WQE may have: as many as were proven, have room, and
 * end before either ring does, which costs a short WQE per lap and no care within. */
static always_inline unsigned session_limit(const struct mlx5_txq *q, unsigned n,
                                            uint32_t room, uint32_t at, uint32_t slot)
{
	uint32_t segs = q->sq->wqebbs - at < room ? q->sq->wqebbs - at : room;

	segs *= SEGS_PER_BB;
	n = n < SESSION_MAX ? n : SESSION_MAX;
	n = n < q->depth - slot ? n : q->depth - slot;
	return segs < n + 2 ? (segs ? segs - 2 : 0) : n;
}

/* Multi-packet WQEs, up to the first packet that is not plain. */
static always_inline unsigned sessions(struct mlx5_txq *q, const struct rawq_pkt *pkts,
                                       unsigned n, struct cursor *c, const unsigned f)
{
	const struct mlx5_sq *sq = q->sq;
	struct run r = {
		.base = q->base, .span = q->len_max - LEN_MIN, .lkey = to_be32(q->lkey)};
	unsigned done = 0, limit, k;

	while (done < n) {
		uint32_t at = c->pi & (sq->wqebbs - 1),
			 slot = c->addr_pi & (q->depth - 1);
		struct hw_ctrl_seg *ctrl = (void *)(sq->ring + (size_t)at * HW_WQEBB);
		struct hw_eth_seg *eth = (void *)(ctrl + 1);

		limit = session_limit(q, n - done, c->room, at, slot);
		r.cs = f & TX_CSUM ? checksums(q, &pkts[done]) : 0;
		k = data_run(q, &r, &pkts[done], limit, (void *)(eth + 1),
		             &q->addrs[slot], &c->bytes, f);
		if (unlikely(!k))
			break;
		*eth = (struct hw_eth_seg){.cs_flags = r.cs};
		write_ctrl(ctrl, sq->qpn, c->pi, k > 1 ? HW_WQE_OP_EMPW : HW_WQE_OP_SEND,
		           k + 2, c->addr_pi);
		done += k;
		c->last = c->pi;
		c->pi += (k + 2 + SEGS_PER_BB - 1) / SEGS_PER_BB;
		c->room -= (k + 2 + SEGS_PER_BB - 1) / SEGS_PER_BB;
		c->addr_pi += k;
	}
	c->packets += done;
	return done;
}

/* ---- with short frames copied ---- */

/* Copy a short frame behind its length word; the ring may end in between. */
static always_inline void write_inline(const struct mlx5_sq *sq, uint32_t seg,
                                       const uint8_t *frame, uint32_t len)
{
	struct hw_inline_seg *head = segment(sq, seg);
	uint32_t first = HW_WQE_DS - sizeof(*head), at = first;

	head->byte_count = to_be32(HW_INLINE_BIT | len);
	memcpy(head + 1, frame, len < first ? len : first);
	for (seg++; at < len; seg++, at += HW_WQE_DS)
		memcpy(segment(sq, seg), frame + at,
		       len - at < HW_WQE_DS ? len - at : HW_WQE_DS);
}

/* The body of a multi-packet WQE with short frames copied; *end: behind the last segment. */
static always_inline unsigned session_inline(struct mlx5_txq *q,
                                             const struct rawq_pkt *pkts, unsigned n,
                                             struct cursor *c, uint8_t cs, uint32_t room,
                                             uint32_t *end, const unsigned f)
{
	const struct mlx5_sq *sq = q->sq;
	uint32_t begin = c->pi * SEGS_PER_BB, seg = begin + 2;
	unsigned k = 0;

	for (; k < n; k++) {
		const struct rawq_pkt *p = &pkts[k];
		bool copy = p->len <= q->inline_max;
		uint32_t segs = copy ? (p->len + 4 + HW_WQE_DS - 1) / HW_WQE_DS : 1;

		if (unlikely(!is_plain(q, p, f)) || seg - begin + segs > room)
			break;
		if (f & TX_CSUM && checksums(q, p) != cs)
			break;
		if (copy)
			write_inline(sq, seg,
			             (const uint8_t *)(uintptr_t)(q->base + p->addr),
			             p->len);
		else
			write_data(segment(sq, seg), p->len, q->lkey, q->base + p->addr);
		seg += segs;
		keep(q, c, p);
	}
	*end = seg;
	return k;
}

/* One multi-packet WQE with copies; 0: not even the first packet is plain or fits. */
static always_inline unsigned copying_session(struct mlx5_txq *q,
                                              const struct rawq_pkt *pkts, unsigned n,
                                              struct cursor *c, const unsigned f)
{
	const struct mlx5_sq *sq = q->sq;
	uint32_t begin = c->pi * SEGS_PER_BB, addr = c->addr_pi, end, bbs, k;
	uint32_t room = c->room > 15 ? HW_WQE_MAX_DS : c->room * SEGS_PER_BB;
	uint8_t cs = f & TX_CSUM ? checksums(q, pkts) : 0;

	k = session_inline(q, pkts, n < SESSION_MAX ? n : SESSION_MAX, c, cs, room, &end,
	                   f);
	if (unlikely(!k))
		return 0;
	bbs = (end - begin + SEGS_PER_BB - 1) / SEGS_PER_BB;
	*(struct hw_eth_seg *)segment(sq, begin + 1) =
		(struct hw_eth_seg){.cs_flags = cs};
	write_ctrl(segment(sq, begin), sq->qpn, c->pi,
	           k > 1 ? HW_WQE_OP_EMPW : HW_WQE_OP_SEND, end - begin, addr);
	c->packets += k;
	c->last = c->pi;
	c->pi += bbs;
	c->room -= bbs;
	return k;
}

#endif
