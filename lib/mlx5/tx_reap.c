/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completions of sends, and bringing a lane back that failed.  A completion covers the group of
 * packets that its WQE ended; groups are remembered in order, so no WQE is read on the way.
 */
#include "sq.h"

#include <errno.h>

/* The groups and the open one that a failed lane still owes; nothing comes for them any more. */
static void lane_failed(struct mlx5_txq *q, unsigned lane, uint32_t first_lost)
{
	uint32_t start = q->addr_done;

	/* What the open group has may be on this lane too. */
	if (q->sq == &q->lane[lane] && q->addr_pi != q->group_start) {
		q->groups[q->group_pi++ & q->group_mask] = (struct mlx5_group){
			.addr_end = q->addr_pi, .lane = (uint8_t)lane};
		q->group_start = q->addr_pi;
	}
	for (uint32_t i = q->group_ci; i != q->group_pi; i++) {
		struct mlx5_group *g = &q->groups[i & q->group_mask];

		if (g->lane == lane) {
			uint32_t sent = first_lost - start;

			/* Those ahead of the failed WQE went out, all if it is a NOP; those
			 * behind it did not. */
			q->errors += g->addr_end - start;
			if (i == q->group_ci && sent <= g->addr_end - start)
				q->errors -= sent;
			g->failed = true;
		}
		start = g->addr_end;
	}
}

unsigned mlx5_tx_burst_stopped(struct rawq_txq *q, const struct rawq_pkt *pkts,
                               unsigned n)
{
	(void)q;
	(void)pkts;
	(void)n;
	return 0;
}

static void lane_recover(struct mlx5_txq *q, unsigned lane, uint32_t first_lost)
{
	struct mlx5_sq *sq = &q->lane[lane];
	int ret;

	lane_failed(q, lane, first_lost);
	ret = mlx5_sq_reset(sq, (const struct rdma_port *)q->txq.port);
	if (!ret)
		return;
	/* Without this lane the order of packets could not be kept: stop, and give all back. */
	q->status = ret == -ENODEV ? -ENETDOWN : -EIO;
	q->txq.calls.burst = mlx5_tx_burst_stopped;
	for (uint32_t i = q->group_ci; i != q->group_pi; i++)
		q->groups[i & q->group_mask].failed = true;
	q->errors += q->addr_pi - q->group_start;
	q->group_start = q->addr_pi;
	q->groups[q->group_pi++ & q->group_mask] =
		(struct mlx5_group){.addr_end = q->addr_pi, .failed = true};
}

/* Anything but a plain completion of the WQE that was due. */
static noinline void completion_failed(struct mlx5_txq *q, const struct mlx5_group *g,
                                       const struct hw_cqe *cqe)
{
	const struct hw_error_cqe *error = (const struct hw_error_cqe *)cqe;
	const struct mlx5_sq *sq = &q->lane[g->lane];
	const struct hw_ctrl_seg *ctrl =
		segment(sq, (uint32_t)from_be16(error->wqe_counter) * SEGS_PER_BB);
	bool is_error = cqe->op_own >> HW_CQE_OPCODE_SHIFT == HW_CQE_OP_SEND_ERROR;

	q->last_error = is_error ? mlx5_syndrome_text(error->syndrome)
	                         : "the device completed a descriptor out of turn";
	/* The failed WQE says which descriptor it began with: sq.h, write_ctrl(). */
	lane_recover(q, g->lane, is_error ? from_be32(ctrl->imm) : q->addr_done);
}

static uint64_t time_of(const struct mlx5_txq *q, const struct hw_cqe *cqe)
{
	const struct mlx5_port *p = (const struct mlx5_port *)q->txq.port;
	uint64_t t = from_be64(cqe->timestamp);
	struct mlx5dv_clock_info clock;

	if (p->clock == MLX5_CLOCK_REAL_TIME) /* seconds above, nanoseconds below */
		return (t >> 32) * NSEC_PER_SEC + (uint32_t)t;
	return mlx5dv_get_clock_info(p->rdma.context, &clock)
	               ? 0
	               : mlx5dv_ts_to_ns(&clock, t);
}

/* Take the completions that are there; each ends the oldest group.  Of a timed queue no more than
 * one is taken, and none while packets of the last one are still to be returned. */
static void poll(struct mlx5_txq *q)
{
	while (q->group_ci != q->group_pi &&
	       !(q->is_timed && q->addr_done != q->addr_ci)) {
		struct mlx5_group *g = &q->groups[q->group_ci & q->group_mask];
		struct mlx5_sq *sq = &q->lane[g->lane];
		struct mlx5_cq *cq = &sq->cq;
		const struct hw_cqe *cqe = mlx5_cqe_at(cq, cq->ci);

		if (!g->failed) {
			uint8_t op_own = dma_take8(&cqe->op_own);

			if (!mlx5_cqe_is_ready(op_own, mlx5_cq_parity(cq, cq->ci)))
				return;
			if (unlikely(op_own >> HW_CQE_OPCODE_SHIFT != HW_CQE_OP_SENT ||
			             from_be16(cqe->wqe_counter) != g->wqe_index)) {
				completion_failed(q, g, cqe);
				continue;
			}
			if (q->is_timed)
				q->txq.time_ns = time_of(q, cqe);
			sq->ci = g->sq_end;
			cq->ci++;
			dma_give32(&cq->dbrec[HW_DBR_CQ_CI], cq->ci & HW_DBR_CQ_MASK);
		}
		if (g->failed)
			q->txq.time_ns = 0;
		q->addr_done = g->addr_end;
		q->group_ci++;
	}
}

/* Packets wait for a completion that nobody asked for, and no more packets come: ask by a NOP. */
static void nudge(struct mlx5_txq *q)
{
	struct mlx5_sq *sq = q->sq;
	uint32_t index = sq->pi;

	write_ctrl(segment(sq, index * SEGS_PER_BB), sq->qpn, index, HW_WQE_OP_NOP, 1,
	           q->addr_pi);
	sq->pi++;
	sq_signal(q, index);
	sq_doorbell(sq, index, false);
}

unsigned mlx5_tx_reap(struct rawq_txq *txq, uint64_t *addrs, unsigned n)
{
	struct mlx5_txq *q = (struct mlx5_txq *)txq;
	uint32_t ready, first, slot = q->addr_ci & (q->depth - 1);

	poll(q);
	ready = q->addr_done - q->addr_ci;
	n = n < ready ? n : ready;
	if (!ready && q->group_ci == q->group_pi && q->addr_pi != q->addr_ci) {
		/* At the second empty reap: the first may be between two bursts. */
		if (q->nudge_pi == q->addr_pi)
			nudge(q);
		q->nudge_pi = q->addr_pi;
	}
	first = q->depth - slot < n ? q->depth - slot : n;
	memcpy(addrs, q->addrs + slot, first * sizeof(*addrs));
	if (unlikely(first < n))
		memcpy(addrs + first, q->addrs, (n - first) * sizeof(*addrs));
	q->addr_ci += n;
	return n;
}
