/* SPDX-License-Identifier: BSD-2-Clause */
/* Receive WQEs of several segments, and striding ones: made, and posted (see rx_post.c). */
#include "rx.h"

static always_inline struct hw_data_seg *wqe_at(const struct mlx5_rxq *q, uint32_t index)
{
	return q->ring + ((size_t)(index & (q->wqes - 1)) << q->log_segments);
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

/* One frame each; there are few of them. */
unsigned mlx5_rx_post_strides(struct rawq_rxq *rxq, const uint64_t *addrs, unsigned n)
{
	struct mlx5_rxq *q = (struct mlx5_rxq *)rxq;
	unsigned i = 0;

	for (; i < n && q->rq_pi - q->rq_ci < q->wqes; i++, q->rq_pi++) {
		uint64_t addr = addrs[i] & ~q->frame_mask;

		held_at(q, q->rq_pi)[0] = addr;
		q->striding[q->rq_pi & (q->wqes - 1)].data.addr = to_be64(q->base + addr);
	}
	if (i)
		publish(q);
	return i;
}

void mlx5_rx_ring_init(struct mlx5_rxq *q)
{
	const struct hw_data_seg frame = {.byte_count =
	                                          to_be32((uint32_t)q->frame_mask + 1),
	                                  .lkey = to_be32(q->lkey)};
	uint32_t segments = 1u << q->log_segments;

	for (uint32_t i = 0; i < q->wqes; i++) {
		if (q->features & RX_STRIDES) {
			q->striding[i] = (struct mlx5_striding_wqe){.data = frame};
			continue;
		}
		for (uint32_t s = 0; s < segments; s++)
			wqe_at(q, i)[s] = frame;
		if (q->missing)
			q->missing[i] = (uint8_t)segments;
	}
}
