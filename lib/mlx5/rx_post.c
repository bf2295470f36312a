/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Posting frames to receive into, and what happens to them when a completion is an error.  Of a
 * WQE only addresses ever change.  Publishing is the doorbell record alone: the card reads it
 * when it wants a WQE, no register is rung.
 */
#include "mlx5.h"

#include "lib/dma.h"

#include <errno.h>

static always_inline struct hw_data_seg *wqe_at(const struct mlx5_rxq *q, uint32_t index)
{
	return q->ring + ((size_t)(index & (q->wqes - 1)) << q->log_segments);
}

static void publish(struct mlx5_rxq *q)
{
	dma_give32(&q->dbrec[HW_DBR_RQ], q->rq_pi & HW_DBR_QP_MASK);
}

static always_inline void put(const struct mlx5_rxq *q, uint32_t index,
                              const uint64_t *addrs, uint32_t n)
{
	const uint64_t base = q->base, frame = ~q->frame_mask;
	struct hw_data_seg *wqe = &q->ring[index & (q->wqes - 1)];

	for (uint32_t i = 0; i < n; i++)
		wqe[i].addr = to_be64(base + (addrs[i] & frame));
}

unsigned mlx5_rx_post(struct rawq_rxq *rxq, const uint64_t *addrs, unsigned n)
{
	struct mlx5_rxq *q = (struct mlx5_rxq *)rxq;
	uint32_t room = q->wqes - (q->rq_pi - q->rq_ci);
	uint32_t to_end = q->wqes - (q->rq_pi & (q->wqes - 1)), first;

	n = n < room ? n : room;
	if (!n)
		return 0;
	first = n < to_end ? n : to_end;
	put(q, q->rq_pi, addrs, first);
	put(q, 0, addrs + first, n - first);
	q->rq_pi += n;
	publish(q);
	return n;
}

/* A received packet leaves the last segments of its WQE with their frames; only the first ones,
 * which are missing, are filled anew. */
unsigned mlx5_rx_post_segments(struct rawq_rxq *rxq, const uint64_t *addrs, unsigned n)
{
	struct mlx5_rxq *q = (struct mlx5_rxq *)rxq;
	uint32_t before = q->rq_pi;
	unsigned i = 0;

	for (; i < n && q->rq_pi - q->rq_ci < q->wqes; i++) {
		wqe_at(q, q->rq_pi)[q->post_segment++].addr =
			to_be64(q->base + (addrs[i] & ~q->frame_mask));
		if (q->post_segment == q->missing[q->rq_pi & (q->wqes - 1)]) {
			q->post_segment = 0;
			q->rq_pi++;
		}
	}
	if (q->rq_pi != before)
		publish(q);
	return i;
}

void mlx5_rx_ring_init(struct mlx5_rxq *q)
{
	uint32_t segments = 1u << q->log_segments;

	for (uint32_t i = 0; i < q->wqes; i++) {
		for (uint32_t s = 0; s < segments; s++)
			wqe_at(q, i)[s] = (struct hw_data_seg){
				.byte_count = to_be32((uint32_t)q->frame_mask + 1),
				.lkey = to_be32(q->lkey)};
		if (q->missing)
			q->missing[i] = (uint8_t)segments;
	}
}

/* ---- errors ---- */

/* Addresses of the frames that the queue has, in order, from segment `given` of WQE rq_ci on. */
static unsigned frames_held(struct mlx5_rxq *q)
{
	uint32_t segments = 1u << q->log_segments, from = q->given;
	unsigned n = 0;

	for (uint32_t i = q->rq_ci; i != q->rq_ci + q->wqes; i++) {
		uint32_t missing = q->missing ? q->missing[i & (q->wqes - 1)] : 1;

		for (uint32_t s = 0; s < segments; s++) {
			bool filled = i - q->rq_ci < q->rq_pi - q->rq_ci ||
			              s >= missing ||
			              (i == q->rq_pi && s < q->post_segment);

			if (filled && s >= from)
				q->spare[n++] = from_be64(wqe_at(q, i)[s].addr) - q->base;
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
	q->rq_pi = q->rq_ci = q->post_segment = q->given = 0;
	q->session.left = 0;
	mlx5_rx_ring_init(q);
	publish(q);
	attr.wq_state = IBV_WQS_RDY;
	ret = ibv_modify_wq(q->rdma.wq, &attr);
	if (ret)
		return -ret;
	q->rdma.rxq.calls.post(&q->rdma.rxq.calls, q->spare, held);
	return 0;
}

/* Give the frames of a WQE that completed without a packet straight back to the card. */
static void post_again(struct mlx5_rxq *q)
{
	uint32_t segments = 1u << q->log_segments, n = 0;

	for (uint32_t s = q->given; s < segments; s++)
		q->spare[n++] = from_be64(wqe_at(q, q->rq_ci)[s].addr) - q->base;
	if (q->missing)
		q->missing[q->rq_ci & (q->wqes - 1)] = (uint8_t)segments;
	q->given = 0;
	q->cq.ci++;
	q->rq_ci++;
	q->rdma.rxq.calls.post(&q->rdma.rxq.calls, q->spare, n);
}

/* PRM "Receive queue error handling": a packet too long for its WQE costs that WQE alone; any
 * other error stops the queue, which is reset. */
void mlx5_rx_error(struct mlx5_rxq *q, const struct hw_cqe *cqe)
{
	const struct hw_error_cqe *error = (const struct hw_error_cqe *)cqe;
	bool is_error = cqe->op_own >> HW_CQE_OPCODE_SHIFT == HW_CQE_OP_RECV_ERROR;
	int ret;

	q->errors++;
	q->last_error = is_error ? mlx5_syndrome_text(error->syndrome)
	                         : "the device completed a descriptor out of turn";
	if (is_error && error->syndrome == HW_SYNDROME_LOCAL_LENGTH &&
	    from_be16(error->wqe_counter) == (uint16_t)q->rq_ci) {
		post_again(q);
		return;
	}
	ret = reset(q);
	if (!ret)
		return;
	q->status = ret == -ENODEV ? -ENETDOWN : -EIO;
	q->rdma.rxq.calls.burst = mlx5_rx_burst_stopped;
}
