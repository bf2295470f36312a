/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing to a send queue's ring, for bursts and for the NOP that ends a lull. */
#ifndef LIB_MLX5_SQ_H
#define LIB_MLX5_SQ_H

#include "mlx5.h"

#include "lib/dma.h"

#include <assert.h>
#include <string.h>

#define SEGS_PER_BB (HW_WQEBB / HW_WQE_DS)

static always_inline void *segment(const struct mlx5_sq *sq, uint32_t seg)
{
	return sq->ring + (size_t)(seg & (sq->wqebbs * SEGS_PER_BB - 1)) * HW_WQE_DS;
}

/* A control segment as two words: opmod_index_opcode with qpn_ds, signature and fm_ce_se with
 * imm.  imm is the caller's in a send: here, the first descriptor, for when the WQE fails. */
struct ctrl {
	uint64_t what, then;
};
static_assert(sizeof(struct ctrl) == sizeof(struct hw_ctrl_seg), "the whole segment");

static always_inline struct ctrl ctrl_make(uint32_t qpn, uint32_t pi, uint32_t opcode,
                                           uint32_t ds, uint32_t addr)
{
	return (struct ctrl){.what = (uint64_t)((pi & 0xffff) << 8 | opcode) << 32 |
	                             qpn << 8 | ds,
	                     .then = (uint64_t)HW_CE_ONLY_1ST_ERROR << 32 | addr};
}

static always_inline void ctrl_put(struct hw_ctrl_seg *ctrl, struct ctrl c)
{
	const be64 words[2] = {to_be64(c.what), to_be64(c.then)};

	memcpy(ctrl, words, sizeof(words));
}

static always_inline void write_ctrl(struct hw_ctrl_seg *ctrl, uint32_t qpn, uint32_t pi,
                                     uint32_t opcode, uint32_t ds, uint32_t addr)
{
	ctrl_put(ctrl, ctrl_make(qpn, pi, opcode, ds, addr));
}

/* Ask the WQE at index to complete, which ends the open group; the next one goes to the next
 * lane, so that a completion covers packets of one lane alone. */
static inline void sq_signal(struct mlx5_txq *q, uint32_t index)
{
	struct mlx5_sq *sq = q->sq;
	struct hw_ctrl_seg *ctrl = segment(sq, index * SEGS_PER_BB);
	unsigned lane = (unsigned)(sq - q->lane);

	ctrl->fm_ce_se = HW_CE_ALWAYS;
	q->groups[q->group_pi++ & q->group_mask] =
		(struct mlx5_group){.addr_end = q->addr_pi,
	                            .sq_end = sq->pi,
	                            .wqe_index = (uint16_t)index,
	                            .lane = (uint8_t)lane};
	sq->signalled_pi = sq->pi;
	q->group_start = q->addr_pi;
	q->sq = &q->lane[lane + 1 < q->lanes ? lane + 1 : 0];
}

/*
 * Publish the WQEs up to pi, the last of which begins at index: record, then register (PRM
 * "Posting a work request").  A lone WQE goes to the register whole, which saves the card
 * reading it from memory, if it fits and does not straddle the ring's end.
 */
static always_inline void sq_doorbell(struct mlx5_sq *sq, uint32_t index, bool lone)
{
	const uint8_t *last = segment(sq, index * SEGS_PER_BB);
	uint32_t bbs = sq->pi - index;
	uint64_t head;

	dma_give32(&sq->dbrec[HW_DBR_SQ], sq->pi & HW_DBR_QP_MASK);
	if (lone && bbs * HW_WQEBB <= sq->bf_size &&
	    (index & (sq->wqebbs - 1)) + bbs <= sq->wqebbs) {
		dma_ring_with(sq->bf + sq->bf_offset, last, bbs);
	} else {
		memcpy(&head, last, sizeof(head));
		dma_ring(sq->bf + sq->bf_offset, head);
	}
	sq->bf_offset ^= sq->bf_size;
}

#endif
