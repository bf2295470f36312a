/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet with a SEND of one WQEBB to itself: cards without multi-packet WQEs. */
#ifndef LIB_MLX5_TX_SINGLE_H
#define LIB_MLX5_TX_SINGLE_H

#include "tx.h"

struct wqe {
	struct hw_ctrl_seg ctrl;
	struct hw_eth_seg eth;
	struct hw_data_seg data;
};

struct min_inline_wqe {
	struct hw_ctrl_seg ctrl;
	struct hw_eth_seg eth;
	uint8_t more_headers[16]; /* behind the two bytes in eth */
	struct hw_data_seg data;
};
static_assert(sizeof(struct min_inline_wqe) == HW_WQEBB, "one block");

/* The first 18 bytes go into the WQE; of a frame that has no more, zeros fill up what the wire
 * would be padded with anyway. */
static always_inline uint32_t write_min_inline(struct mlx5_txq *q,
                                               struct min_inline_wqe *w,
                                               const struct rawq_pkt *p)
{
	const uint8_t *frame = (const uint8_t *)(uintptr_t)(q->base + p->addr);
	uint8_t head[HW_ETH_INLINE_HDR_L2] = {0};

	if (likely(p->len > sizeof(head)))
		memcpy(head, frame, sizeof(head));
	else
		memcpy(head, frame, p->len);
	w->eth = (struct hw_eth_seg){.inline_hdr_sz = to_be16(sizeof(head)),
	                             .inline_hdr = {head[0], head[1]}};
	memcpy(w->more_headers, head + 2, sizeof(w->more_headers));
	if (unlikely(p->len <= sizeof(head)))
		return 3;
	write_data(&w->data, p->len - HW_ETH_INLINE_HDR_L2, q->lkey,
	           q->base + p->addr + HW_ETH_INLINE_HDR_L2);
	return 4;
}

#define NEXT_INDEX ((uint64_t)1 << 40) /* in ctrl.what */

/* One WQE; returns the frame's length.  ctrl is this one's, and becomes the next one's. */
static always_inline uint32_t put_single(struct mlx5_txq *q, const struct run *r,
                                         const struct rawq_pkt *p, struct wqe *wqe,
                                         uint64_t *addr, struct ctrl *ctrl,
                                         const unsigned f)
{
	struct ctrl c = *ctrl;
	uint64_t at = p->addr;
	uint32_t len = p->len;

	if (f & TX_MIN_INLINE) {
		c.what |= write_min_inline(q, (struct min_inline_wqe *)wqe, p);
	} else {
		wqe->eth = (struct hw_eth_seg){0};
		wqe->data = (struct hw_data_seg){.byte_count = to_be32(len),
		                                 .lkey = r->lkey,
		                                 .addr = to_be64(r->base + at)};
	}
	ctrl_put(&wqe->ctrl, c);
	*addr = at;
	ctrl->what += NEXT_INDEX;
	ctrl->then++;
	return len;
}

/* WQEs of one packet each, up to the first that wants another form.  No ring ends in here, so
 * neither the 16 bits of the index nor the 32 of the address overflow into what is above. */
static always_inline unsigned single_run(struct mlx5_txq *q, const struct rawq_pkt *p,
                                         unsigned n, uint64_t *addrs, struct cursor *c,
                                         const unsigned f)
{
	const struct run r = {
		.base = q->base, .span = q->len_max - LEN_MIN, .lkey = to_be32(q->lkey)};
	struct ctrl ctrl = ctrl_make(q->sq->qpn, c->pi, HW_WQE_OP_SEND,
	                             f & TX_MIN_INLINE ? 0 : 3, c->addr_pi);
	uint8_t *at = segment(q->sq, c->pi * SEGS_PER_BB);
	uint64_t sum = 0;
	unsigned k = 0;

	for (; k + 4 <= n; k += 4, p += 4, addrs += 4, at += 4 * HW_WQEBB) {
		if (unlikely(!fits_run(q, &r, &p[0], f) || !fits_run(q, &r, &p[1], f) ||
		             !fits_run(q, &r, &p[2], f) || !fits_run(q, &r, &p[3], f)))
			break;
		sum += put_single(q, &r, &p[0], (void *)at, &addrs[0], &ctrl, f);
		sum += put_single(q, &r, &p[1], (void *)(at + HW_WQEBB), &addrs[1], &ctrl,
		                  f);
		sum += put_single(q, &r, &p[2], (void *)(at + 2 * HW_WQEBB), &addrs[2],
		                  &ctrl, f);
		sum += put_single(q, &r, &p[3], (void *)(at + 3 * HW_WQEBB), &addrs[3],
		                  &ctrl, f);
	}
	for (; k < n && fits_run(q, &r, p, f); k++, at += HW_WQEBB)
		sum += put_single(q, &r, p++, (void *)at, addrs++, &ctrl, f);
	c->pi += k;
	c->last = k ? c->pi - 1 : c->last;
	c->addr_pi += k;
	c->room -= k;
	c->packets += k;
	c->bytes += sum;
	return k;
}

static always_inline unsigned singles(struct mlx5_txq *q, const struct rawq_pkt *pkts,
                                      unsigned n, struct cursor *c, const unsigned f)
{
	unsigned done = 0, run, k;

	n = n < c->room ? n : c->room;
	while (done < n) {
		uint32_t at = c->pi & (q->sq->wqebbs - 1),
			 slot = c->addr_pi & (q->depth - 1);

		run = n - done;
		run = run < q->sq->wqebbs - at ? run : q->sq->wqebbs - at;
		run = run < q->depth - slot ? run : q->depth - slot;
		k = single_run(q, pkts + done, run, &q->addrs[slot], c, f);
		done += k;
		if (k < run)
			break;
	}
	return done;
}

#endif
