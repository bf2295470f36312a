/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Posting frames to receive into.  Of a WQE only addresses ever change; they are kept a second
 * time (held), in our byte order and close together, for the bursts to hand out.  Publishing is
 * the doorbell record alone: the card reads it when it wants a WQE, no register is rung.
 */
#include "mlx5.h"

#include "lib/dma.h"

static always_inline struct hw_data_seg *wqe_at(const struct mlx5_rxq *q, uint32_t index)
{
	return q->ring + ((size_t)(index & (q->wqes - 1)) << q->log_segments);
}

static always_inline uint64_t *held_at(const struct mlx5_rxq *q, uint32_t index)
{
	return q->held + ((size_t)(index & (q->wqes - 1)) << q->log_segments);
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
	uint64_t *held = &q->held[index & (q->wqes - 1)];

	UNROLL(4)
	for (uint32_t i = 0; i < n; i++) {
		uint64_t addr = addrs[i] & frame;

		held[i] = addr;
		wqe[i].addr = to_be64(base + addr);
	}
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
		uint64_t addr = addrs[i] & ~q->frame_mask;

		held_at(q, q->rq_pi)[q->post_segment] = addr;
		wqe_at(q, q->rq_pi)[q->post_segment++].addr = to_be64(q->base + addr);
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
