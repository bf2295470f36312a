/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the forms of a send WQE share: see tx_burst.c.  All is always inlined with f, the features
 * that a variant is made for, constant.
 */
#ifndef LIB_MLX5_TX_H
#define LIB_MLX5_TX_H

#include "sq.h"

#include "lib/verbs/frame.h"

#define LEN_MIN 14u /* an Ethernet header */

/* Flags that a packet in plain or single form must not have.  Flags of what the queue was not made
 * for mean nothing, as on every backend. */
#define WISHES(f)                                                                        \
	(((f)&TX_SEGMENTS ? RAWQ_MORE : 0) |                                             \
	 ((f)&TX_HEADERS ? RAWQ_TX_VLAN | RAWQ_TX_TSO : 0))

/* Where a burst stands; in registers while it runs. */
struct cursor {
	uint32_t pi;   /* WQEBBs */
	uint32_t last; /* where the last WQE begins */
	uint32_t room; /* WQEBBs */
	uint32_t addr_pi;
	uint64_t packets, bytes;
};

static always_inline void write_data(struct hw_data_seg *data, uint32_t len,
                                     uint32_t lkey, uint64_t addr)
{
	*data = (struct hw_data_seg){
		.byte_count = to_be32(len), .lkey = to_be32(lkey), .addr = to_be64(addr)};
}

static always_inline bool is_plain(const struct mlx5_txq *q, const struct rawq_pkt *p,
                                   const unsigned f)
{
	return p->len - LEN_MIN <= q->len_max - LEN_MIN && !(p->flags & WISHES(f));
}

/* Remember one descriptor's address for reaping. */
static always_inline void keep(struct mlx5_txq *q, struct cursor *c,
                               const struct rawq_pkt *p)
{
	q->addrs[c->addr_pi++ & (q->depth - 1)] = p->addr;
	c->bytes += p->len;
}

/* ---- checksums ---- */

static always_inline uint8_t checksums(const struct mlx5_txq *q, const struct rawq_pkt *p)
{
	uint32_t asked = p->flags & (RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM | RAWQ_TX_TSO);
	uint8_t cs = 0;

	if (likely(!asked))
		return 0;
	if (asked & (RAWQ_TX_L3_CSUM | RAWQ_TX_TSO))
		cs |= HW_ETH_CS_L3;
	if (asked & (RAWQ_TX_L4_CSUM | RAWQ_TX_TSO))
		cs |= HW_ETH_CS_L4;
	return cs &
	       frame_checksums((const uint8_t *)(uintptr_t)(q->base + p->addr), p->len);
}

/* What the packets of a run have in common. */
struct run {
	uint64_t base;
	uint32_t span; /* of lengths that can be sent */
	be32 lkey;
	uint8_t cs;
};

static always_inline bool fits_run(const struct mlx5_txq *q, const struct run *r,
                                   const struct rawq_pkt *p, const unsigned f)
{
	if (unlikely(p->len - LEN_MIN > r->span || p->flags & WISHES(f)))
		return false;
	return !(f & TX_CSUM) || checksums(q, p) == r->cs;
}

#endif
