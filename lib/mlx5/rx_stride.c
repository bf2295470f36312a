/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive bursts of striding queues (PRM "Multi-packet receive queue").  A WQE is one frame of
 * the region, cut into strides; a packet lies in as many strides in a row as it needs, and stays
 * there: the caller is given its address inside the frame.  A packet that no longer fits opens
 * the next WQE; an entry without a packet (filler) tells of the strides left over.
 *
 * The caller has the frame back once a packet of the next one is taken, which is marked.  Until
 * then a WQE counts as posted, so there is room for an entry per stride of all that are.
 */
#include "rx_wide.h"

/* Strides up to here are used; the last one ends the WQE. */
static always_inline void used_up_to(struct mlx5_rxq *q, uint32_t stride)
{
	q->stride = stride;
	if (stride == q->strides) {
		q->stride = 0;
		q->rq_ci++;
	}
}

/* ---- compressed sessions, which are of one WQE each ---- */

/* The minis' last one, too, ends inside the WQE, and only that one is a filler. */
static always_inline bool minis_fit(const struct mlx5_rxq *q, const union mlx5_mini *mini,
                                    unsigned n)
{
	uint32_t last = from_be32(mini[n - 1].csum.byte_count);
	uint32_t used = strides_used(last),
		 from = from_be16(mini[n - 1].csum.stride_index);

	return used && from + used <= q->strides;
}

/* n packets, the last of which may be a filler.  No ring ends in here.  Returns how many are
 * packets. */
static always_inline unsigned session_run(struct mlx5_rxq *q, const union mlx5_mini *mini,
                                          struct rawq_pkt *p, unsigned n, struct tally *t,
                                          const unsigned f)
{
	const uint32_t last = from_be32(mini[n - 1].csum.byte_count);
	struct hw_cqe *slot = mlx5_cqe_at(&q->cq, q->cq.ci);
	unsigned packets = n - (last >> 31);
	uint32_t end;

	end = from_be16(mini[n - 1].csum.stride_index) + strides_used(last);
	if (likely(packets == HW_MINI_PER_SLOT)) {
		t->bytes += wide_stride_minis(q, mini, p, f);
	} else {
		for (unsigned i = 0; i < packets; i++)
			t->bytes += one_stride_mini(q, &mini[i], &p[i], f);
	}
	if (!q->stride && packets)
		p[0].flags |= RAWQ_RX_STRIDING;
	if (likely(n == HW_MINI_PER_SLOT)) {
		slots_give(slot); /* only now: the minis are read */
	} else {
		for (unsigned i = 0; i < n; i++)
			slot_give(&slot[i]);
	}
	t->packets += packets;
	used_up_to(q, end);
	return packets;
}

static always_inline unsigned session_burst(struct mlx5_rxq *q, struct rawq_pkt *pkts,
                                            unsigned n, struct tally *t, const unsigned f)
{
	const union mlx5_mini *minis;
	unsigned i = 0;
	uint32_t k;

	while (i < n && q->session.left) {
		minis = session_next(q, n - i, &k);
		if (unlikely(from_be16(minis->csum.stride_index) != q->stride ||
		             !minis_fit(q, minis, k))) {
			mlx5_rx_out_of_turn(q);
			break;
		}
		i += session_run(q, minis, &pkts[i], k, t, f);
		session_passed(q, k);
	}
	return i;
}

/* ---- plain entries ---- */

/* Plain entries of WQE rq_ci in a row.  Stops ahead of an entry of another kind or of none, or
 * out of turn, and where the WQE or a ring ends. */
static always_inline unsigned strides_run(struct mlx5_rxq *q, struct rawq_pkt *p,
                                          unsigned n, struct tally *t, const unsigned f)
{
	const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci), *begin = cqe,
			    *end = cqe + cq_to_end(&q->cq);
	const struct rawq_pkt *first = p, *p_end = p + n;
	const uint64_t frame = held_at(q, q->rq_ci)[0];
	const uint32_t strides = q->strides, log_stride = q->log_stride;
	const uint8_t due = op_own_due(&q->cq);
	uint32_t stride = q->stride, no_frame = 0, bytes = 0;

	for (; p < p_end && stride < strides && cqe < end; cqe++) {
		uint32_t word, used, len;

		if (dma_take8(&cqe->op_own) != due)
			break;
		word = from_be32(cqe->byte_count);
		used = strides_used(word);
		if (unlikely(from_be16(cqe->wqe_counter) != stride ||
		             used - 1 >= strides - stride))
			break;
		no_frame += lost_before(cqe);
		if (likely(!(word & HW_STRIDING_FILLER))) {
			describe(q, cqe, p, f);
			len = word & HW_STRIDING_LEN_MASK;
			p->addr = frame + ((uint64_t)stride << log_stride);
			p->len = len;
			bytes += len;
			p++;
		}
		stride += used;
	}
	n = (unsigned)(p - first);
	if (n && !q->stride)
		p[-(int)n].flags |= RAWQ_RX_STRIDING;
	q->cq.ci += (uint32_t)(cqe - begin);
	used_up_to(q, stride);
	t->bytes += bytes;
	t->no_frame += no_frame;
	t->packets += n;
	return n;
}

static always_inline unsigned strides_burst(struct mlx5_rxq *q, struct rawq_pkt *pkts,
                                            unsigned n, struct tally *t, const unsigned f)
{
	uint32_t begin;
	unsigned i = 0;

	do {
		const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci);

		begin = q->cq.ci;
		/* Read behind the owner, which strides_run() looks at again. */
		if (dma_take8(&cqe->op_own) != op_own_due(&q->cq) ||
		    !stride_is_in_turn(q, cqe))
			break;
		i += strides_run(q, pkts + i, n - i, t, f);
	} while (i < n && q->cq.ci != begin);
	return i;
}

/* ---- the burst ---- */

static always_inline unsigned rx_burst(struct rawq_rxq *rxq, struct rawq_pkt *pkts,
                                       unsigned n, const unsigned f)
{
	struct mlx5_rxq *q = (struct mlx5_rxq *)rxq;
	uint32_t begin = q->cq.ci;
	struct tally t = {0};
	unsigned i = 0;

	if (f & RX_TIME)
		mlx5_clock_read(q);
	for (;;) {
		if (f & RX_COMPRESSED && q->session.left)
			i += session_burst(q, pkts + i, n - i, &t, f);
		if (!(f & RX_COMPRESSED) || !q->session.left)
			i += strides_burst(q, pkts + i, n - i, &t, f);
		if (i == n || !mlx5_rx_other(q))
			break;
	}
	burst_end(q, begin, &t);
	return i;
}

#define VARIANT(name, features)                                                          \
	static unsigned name(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n)      \
	{                                                                                \
		return rx_burst(q, pkts, n, features);                                   \
	}
#define VARIANTS(form, features)                                                         \
	VARIANT(form, features)                                                          \
	VARIANT(form##_verdicts, (features) | RX_VERDICTS)                               \
	VARIANT(form##_meta, (features) | RX_META)                                       \
	VARIANT(form##_verdicts_meta, (features) | RX_VERDICTS | RX_META)

VARIANTS(strides, 0)
VARIANTS(strides_timed, RX_TIME)
VARIANTS(strides_compressed, RX_COMPRESSED)

static_assert(RX_VERDICTS == 1 << 0 && RX_META == 1 << 1, "wishes index a row");

#define ROW(form)                                                                        \
	{                                                                                \
		form, form##_verdicts, form##_meta, form##_verdicts_meta                 \
	}

mlx5_rx_burst_fn *RX_NAME(mlx5_rx_strides_for)(uint32_t f)
{
	static mlx5_rx_burst_fn *const table[3][4] = {ROW(strides), ROW(strides_timed),
	                                              ROW(strides_compressed)};
	unsigned form = f & RX_TIME ? 1 : f & RX_COMPRESSED ? 2 : 0;

	return table[form][f & (RX_VERDICTS | RX_META)];
}
