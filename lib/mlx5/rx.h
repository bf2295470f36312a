/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all receive bursts have in common: what an entry says of a packet, and sessions of
 * compressed entries.
 *
 * A session (PRM "CQE compression") is a title entry that tells how many packets follow and what
 * they share, and arrays of 8 minis in the slots behind it: see hw/mlx5.h.
 */
#ifndef LIB_MLX5_RX_H
#define LIB_MLX5_RX_H

#include "mlx5.h"

#include "lib/dma.h"

#include <assert.h>
#include <string.h>

/* What a burst has counted: up to a ring of 32768 packets of up to 64 KiB. */
struct tally {
	uint32_t bytes, no_frame, packets;
};

/* ---- what an entry says ---- */

/* Our verdict bits from the entry's: L3 counts for IPv4 alone, which has a checksum there. */
static always_inline uint16_t verdicts(const struct hw_cqe *cqe)
{
	static_assert(RAWQ_RX_L3_OK == HW_CQE_L3_OK >> 1 &&
	                      RAWQ_RX_L4_OK == HW_CQE_L4_OK >> 1,
	              "a shift turns the entry's verdicts into ours");
	static_assert(HW_CQE_L3_IPV4 == 1 << 3, "bit 3 of the header type says IPv4");

	return (cqe->hds_ip_ext >> 1) & (RAWQ_RX_L4_OK | (cqe->hdr_type >> 3 & 1));
}

static always_inline uint16_t meta(const struct hw_cqe *cqe, struct rawq_pkt *p,
                                   uint32_t offloads)
{
	uint32_t mark = from_be32(cqe->sop_drop_qpn) & 0xffffff, flags = 0;

	p->hash = from_be32(cqe->rx_hash);
	p->vlan = from_be16(cqe->vlan_info);
	p->mark = mark;
	flags |= cqe->rx_hash_type ? RAWQ_RX_HASH : 0;
	flags |= cqe->hdr_type & HW_CQE_VLAN_STRIPPED ? RAWQ_RX_VLAN : 0;
	flags |= mark ? RAWQ_RX_MARK : 0;
	return (uint16_t)(flags & offloads);
}

static always_inline uint64_t time_of(const struct mlx5_rxq *q, const struct hw_cqe *cqe)
{
	uint64_t t = from_be64(cqe->timestamp);

	if (q->clock_kind == MLX5_CLOCK_REAL_TIME) /* seconds above, nanoseconds below */
		return (t >> 32) * NSEC_PER_SEC + (uint32_t)t;
	return mlx5dv_ts_to_ns((struct mlx5dv_clock_info *)(uintptr_t)&q->clock, t);
}

/* Everything about a packet but where it lies. */
static always_inline void describe(struct mlx5_rxq *q, const struct hw_cqe *cqe,
                                   struct rawq_pkt *p, const unsigned f)
{
	uint16_t flags = 0;

	if (f & RX_VERDICTS)
		flags |= verdicts(cqe);
	if (f & RX_META)
		flags |= meta(cqe, p, q->rdma.offloads);
	if (f & RX_TIME) {
		p->time_ns = time_of(q, cqe);
		flags |= RAWQ_RX_TIME;
	}
	p->flags = flags;
}

/* Packets that the card lost since the entry before, for want of a frame: sop_drop_qpn[31:24]. */
static always_inline unsigned lost_before(const struct hw_cqe *cqe)
{
	return *(const uint8_t *)&cqe->sop_drop_qpn;
}

/* ---- rings ---- */

/* Frames of a WQE, in the order of its segments. */
static always_inline uint64_t *held_at(const struct mlx5_rxq *q, uint32_t index)
{
	return q->held + ((size_t)(index & (q->wqes - 1)) << q->log_segments);
}

static always_inline uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static always_inline uint32_t cq_to_end(const struct mlx5_cq *cq)
{
	uint32_t entries = 1u << cq->log_size;

	return entries - (cq->ci & (entries - 1));
}

/* What op_own of a received packet's entry is in the lap that ci is in. */
static always_inline uint8_t op_own_due(const struct mlx5_cq *cq)
{
	return (uint8_t)(HW_CQE_OP_RECEIVED << HW_CQE_OPCODE_SHIFT |
	                 mlx5_cq_parity(cq, cq->ci));
}

/* The entries from begin on are read: the card may write them anew. */
static always_inline void burst_end(struct mlx5_rxq *q, uint32_t begin,
                                    const struct tally *t)
{
	if (q->cq.ci != begin)
		dma_give32(&q->cq.dbrec[HW_DBR_CQ_CI], q->cq.ci & HW_DBR_CQ_MASK);
	q->packets += t->packets;
	q->bytes += t->bytes;
	q->no_frame += t->no_frame;
}

static always_inline void publish(struct mlx5_rxq *q)
{
	dma_give32(&q->dbrec[HW_DBR_RQ], q->rq_pi & HW_DBR_QP_MASK);
}

/* ---- strides ---- */

static always_inline uint32_t strides_used(uint32_t byte_count)
{
	return byte_count >> HW_STRIDING_STRIDES_SHIFT & HW_STRIDING_STRIDES_MASK;
}

/* A plain entry is of the strides that are next. */
static always_inline bool stride_is_in_turn(const struct mlx5_rxq *q,
                                            const struct hw_cqe *cqe)
{
	uint32_t used = strides_used(from_be32(cqe->byte_count));

	return ((from_be16(cqe->wqe_id) ^ q->rq_ci) & (q->wqes - 1)) == 0 &&
	       from_be16(cqe->wqe_counter) == q->stride && used &&
	       used <= q->strides - q->stride;
}

/* ---- sessions ---- */

/* The slot goes back to the card, which will not write op_own of slots that a session covers:
 * what is left there of an earlier lap must not look like a completion. */
static always_inline void slot_give(struct hw_cqe *slot)
{
	__atomic_store_n(&slot->op_own, HW_CQE_OP_INVALID << HW_CQE_OPCODE_SHIFT,
	                 __ATOMIC_RELAXED);
}

static always_inline void slots_give(struct hw_cqe *slot)
{
	UNROLL(8)
	for (unsigned i = 0; i < HW_MINI_PER_SLOT; i++)
		slot_give(&slot[i]);
}

/* The next minis of the session: *k of them, no more than n, and no ring ends in their slots.
 * They are read where the card wrote them if the whole array is taken at once; else from a
 * copy, since their slot is among those that are given back meanwhile. */
static always_inline const union mlx5_mini *session_next(struct mlx5_rxq *q, uint32_t n,
                                                         uint32_t *k)
{
	struct mlx5_session *s = &q->session;
	uint32_t at = s->index % HW_MINI_PER_SLOT;
	uint32_t left = least(HW_MINI_PER_SLOT - at, s->left);
	const union mlx5_mini *array = s->minis;

	*k = least(least(left, n), cq_to_end(&q->cq));
	if (!at) {
		/* The first array lies behind the title, the others where the slots of their
		 * packets are. */
		array = (const union mlx5_mini *)mlx5_cqe_at(&q->cq,
		                                             q->cq.ci + (s->index == 0));
		if (*k < left)
			array = memcpy(s->minis, array, sizeof(s->minis));
	}
	return array + at;
}

/* Their packets are delivered. */
static always_inline void session_passed(struct mlx5_rxq *q, uint32_t k)
{
	q->cq.ci += k;
	q->session.index += k;
	q->session.left -= k;
}

/* ---- one packet ---- */

static always_inline void one_put(const struct mlx5_rxq *q, uint64_t *held,
                                  struct hw_data_seg *wqe, uint64_t addr)
{
	*held = addr & ~q->frame_mask;
	wqe->addr = to_be64(q->base + *held);
}

static always_inline void one_plain(struct mlx5_rxq *q, const struct hw_cqe *cqe,
                                    uint64_t held, struct rawq_pkt *p, struct tally *t,
                                    const unsigned f)
{
	uint32_t len = from_be32(cqe->byte_count);

	describe(q, cqe, p, f);
	p->addr = held;
	p->len = len;
	t->bytes += len;
	t->no_frame += lost_before(cqe);
}

static always_inline uint32_t one_mini(const struct mlx5_shared *s,
                                       const union mlx5_mini *mini, uint64_t held,
                                       struct rawq_pkt *p, const unsigned f)
{
	uint32_t len = from_be32(mini->hash.byte_count);

	p->addr = held;
	p->len = len;
	p->flags = s->flags;
	if (f & RX_META) {
		p->vlan = s->vlan;
		p->mark = s->mark;
		p->hash = from_be32(mini->hash.rx_hash);
	}
	return len;
}

static always_inline uint32_t one_stride_mini(const struct mlx5_rxq *q,
                                              const union mlx5_mini *mini,
                                              struct rawq_pkt *p, const unsigned f)
{
	uint32_t len = from_be32(mini->csum.byte_count) & HW_STRIDING_LEN_MASK;
	uint64_t at = (uint64_t)from_be16(mini->csum.stride_index) << q->log_stride;

	/* Whatever the card says, inside the frame. */
	p->addr = held_at(q, q->rq_ci)[0] + (at & q->frame_mask);
	p->len = len;
	p->flags = q->session.shared.flags;
	if (f & RX_META) {
		p->vlan = q->session.shared.vlan;
		p->mark = q->session.shared.mark;
	}
	return len;
}

#endif
