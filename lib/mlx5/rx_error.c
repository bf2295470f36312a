/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries that are no packet: titles of compressed sessions, and errors, after which the queue
 * goes on with the frames that it had.
 */
#include "rx.h"

#include <errno.h>

/* Addresses of the frames that the queue has, in order, from segment `given` of WQE rq_ci on.  A
 * frame with packets in it that were handed out is left to the caller, who learns so from the
 * first packet in another. */
static unsigned frames_held(struct mlx5_rxq *q)
{
	uint32_t segments = 1u << q->log_segments, from = q->stride ? segments : q->given;
	unsigned n = 0;

	for (uint32_t i = q->rq_ci; i != q->rq_ci + q->wqes; i++) {
		uint32_t missing = q->missing ? q->missing[i & (q->wqes - 1)] : 1;

		for (uint32_t s = 0; s < segments; s++) {
			bool filled = i - q->rq_ci < q->rq_pi - q->rq_ci ||
			              s >= missing ||
			              (i == q->rq_pi && s < q->post_segment);

			if (filled && s >= from)
				q->spare[n++] = held_at(q, i)[s];
		}
		from = 0;
	}
	return n;
}

/* Everything from the start, with the same frames. */
static int reset(struct mlx5_rxq *q)
{
	struct ibv_wq_attr attr = {.attr_mask = IBV_WQ_ATTR_STATE,
	                           .wq_state = IBV_WQS_RESET};
	unsigned held = frames_held(q);
	int ret = ibv_modify_wq(q->rdma.wq, &attr);

	if (ret)
		return -ret;
	/* Nothing is written to the CQ any more; the record must be 0 when the WQ is ready. */
	mlx5_cq_drain(&q->cq);
	q->rq_pi = q->rq_ci = q->post_segment = q->given = q->stride = 0;
	q->session.left = 0;
	mlx5_rx_ring_init(q);
	dma_give32(&q->dbrec[HW_DBR_RQ], 0);
	attr.wq_state = IBV_WQS_RDY;
	ret = ibv_modify_wq(q->rdma.wq, &attr);
	if (ret)
		return -ret;
	q->rdma.rxq.calls.post(&q->rdma.rxq.calls, q->spare, held);
	return 0;
}

/* Give the frames of a WQE that completed without a packet straight back to the card; a striding
 * one may have had packets before, then it is the caller's. */
static void post_again(struct mlx5_rxq *q)
{
	uint32_t segments = 1u << q->log_segments, n = 0;

	for (uint32_t s = q->stride ? segments : q->given; s < segments; s++)
		q->spare[n++] = held_at(q, q->rq_ci)[s];
	if (q->missing)
		q->missing[q->rq_ci & (q->wqes - 1)] = (uint8_t)segments;
	q->given = q->stride = 0;
	q->cq.ci++;
	q->rq_ci++;
	q->rdma.rxq.calls.post(&q->rdma.rxq.calls, q->spare, n);
}

static unsigned stopped(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n)
{
	(void)q;
	(void)pkts;
	(void)n;
	return 0;
}

/* PRM "Receive queue error handling": an error stops the queue, which is reset. */
static void recover(struct mlx5_rxq *q)
{
	int ret = reset(q);

	if (!ret)
		return;
	q->status = ret == -ENODEV ? -ENETDOWN : -EIO;
	q->rdma.rxq.calls.burst = stopped;
}

static void out_of_turn(struct mlx5_rxq *q)
{
	q->errors++;
	q->last_error = "the device completed a descriptor out of turn";
	recover(q);
}

void mlx5_rx_out_of_turn(struct mlx5_rxq *q)
{
	while (q->session.left) {
		slot_give(mlx5_cqe_at(&q->cq, q->cq.ci));
		session_passed(q, 1);
	}
	out_of_turn(q);
}

/* A packet too long for its WQE costs that WQE alone. */
static void failed(struct mlx5_rxq *q, const struct hw_error_cqe *e)
{
	q->errors++;
	q->last_error = mlx5_syndrome_text(e->syndrome);
	if (e->syndrome == HW_SYNDROME_LOCAL_LENGTH &&
	    from_be16(e->wqe_counter) == (uint16_t)q->rq_ci)
		post_again(q);
	else
		recover(q);
}

static void session_open(struct mlx5_rxq *q, const struct hw_cqe *title)
{
	struct rawq_pkt p = {0};

	p.flags = meta(title, &p, q->rdma.offloads);
	if (q->rdma.offloads & (RAWQ_RX_L3_OK | RAWQ_RX_L4_OK))
		p.flags |= verdicts(title);
	q->session.left = from_be32(title->byte_count);
	q->session.index = 0;
	q->session.shared.flags = p.flags;
	q->session.shared.vlan = p.vlan;
	q->session.shared.mark = p.mark;
	q->no_frame += lost_before(title);
}

/* The next entry is of the next WQE, as it has to be. */
static bool is_in_turn(const struct mlx5_rxq *q, const struct hw_cqe *cqe)
{
	if (q->features & RX_STRIDES)
		return stride_is_in_turn(q, cqe);
	return from_be16(cqe->wqe_counter) == (uint16_t)q->rq_ci;
}

bool mlx5_rx_other(struct mlx5_rxq *q)
{
	const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci);
	uint8_t op_own = dma_take8(&cqe->op_own);

	if (!mlx5_cqe_is_ready(op_own, mlx5_cq_parity(&q->cq, q->cq.ci)))
		return false;
	if (q->features & RX_COMPRESSED && mlx5_cqe_is_title(op_own) &&
	    from_be32(cqe->byte_count) - 1 < 1u << q->cq.log_size) {
		session_open(q, cqe);
		return true;
	}
	if (op_own >> HW_CQE_OPCODE_SHIFT == HW_CQE_OP_RECV_ERROR)
		failed(q, (const struct hw_error_cqe *)cqe);
	else if (op_own >> HW_CQE_OPCODE_SHIFT != HW_CQE_OP_RECEIVED ||
	         !is_in_turn(q, cqe))
		out_of_turn(q);
	return false; /* or a packet that came meanwhile, or has to wait for more room */
}
