/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Posting frames to receive into.  Of a WQE only addresses ever change; they are kept a second
 * time (held), in our byte order and close together, for the bursts to hand out.  Publishing is
 * the doorbell record alone: the card reads it when it wants a WQE, no register is rung.
 */
#include "rx_wide.h"

unsigned RX_NAME(mlx5_rx_post)(struct rawq_rxq *rxq, const uint64_t *addrs, unsigned n)
{
	struct mlx5_rxq *q = (struct mlx5_rxq *)rxq;
	uint32_t room = q->wqes - (q->rq_pi - q->rq_ci);
	uint32_t at = q->rq_pi & (q->wqes - 1), first;

	n = least(n, room);
	if (!n)
		return 0;
	first = least(n, q->wqes - at);
	wide_put(q, at, addrs, first);
	if (first < n)
		wide_put(q, 0, addrs + first, n - first);
	q->rq_pi += n;
	publish(q);
	return n;
}
