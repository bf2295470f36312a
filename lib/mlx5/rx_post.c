/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Posting frames to receive into.  Of a WQE only addresses ever change; they are kept a second
 * time (held), in our byte order and close together, for the bursts to hand out.  Publishing is
 * the doorbell record alone: the card reads it when it wants a WQE, no register is rung.
 */
#include "rx.h"

static always_inline struct hw_data_seg *wqe_at(const struct mlx5_rxq *q, uint32_t index)
{
	return q->ring + ((size_t)(index & (q->wqes - 1)) << q->log_segments);
}

static void publish(struct mlx5_rxq *q)
{
	dma_give32(&q->dbrec[HW_DBR_RQ], q->rq_pi & HW_DBR_QP_MASK);
}

/* Addresses of WQEs from index on, no ring's end between. */
static always_inline void put(const struct mlx5_rxq *q, uint32_t index,
                              const uint64_t *addrs, uint32_t n, const bool striding)
{
	const uint64_t base = q->base, frame = ~q->frame_mask;
	const uint32_t first = index & (q->wqes - 1);
	uint64_t *held = &q->held[first];

	UNROLL(4)
	for (uint32_t i = 0; i < n; i++) {
		uint64_t addr = addrs[i] & frame;

		held[i] = addr;
		if (striding)
			q->striding[first + i].data.addr = to_be64(base + addr);
		else
			q->ring[first + i].addr = to_be64(base + addr);
	}
}

static always_inline unsigned post(struct rawq_rxq *rxq, const uint64_t *addrs,
                                   unsigned n, const bool striding)
{
	struct mlx5_rxq *q = (struct mlx5_rxq *)rxq;
	uint32_t room = q->wqes - (q->rq_pi - q->rq_ci);
	uint32_t to_end = q->wqes - (q->rq_pi & (q->wqes - 1)), first;

	n = least(n, room);
	if (!n)
		return 0;
	first = least(n, to_end);
	put(q, q->rq_pi, addrs, first, striding);
	put(q, 0, addrs + first, n - first, striding);
	q->rq_pi += n;
	publish(q);
	return n;
}

unsigned mlx5_rx_post(struct rawq_rxq *q, const uint64_t *addrs, unsigned n)
{
	return post(q, addrs, n, false);
}

unsigned mlx5_rx_post_strides(struct rawq_rxq *q, const uint64_t *addrs, unsigned n)
{
	return post(q, addrs, n, true);
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
