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
#include "rx.h"

static always_inline uint32_t strides_used(uint32_t byte_count)
{
	return byte_count >> HW_STRIDING_STRIDES_SHIFT & HW_STRIDING_STRIDES_MASK;
}

/* Strides up to here are used; the last one ends the WQE. */
static always_inline void used_up_to(struct mlx5_rxq *q, uint32_t stride)
{
	q->stride = stride;
	if (stride == q->strides) {
		q->stride = 0;
		q->rq_ci++;
	}
}

bool mlx5_rx_stride_is_in_turn(const struct mlx5_rxq *q, const struct hw_cqe *cqe)
{
	uint32_t used = strides_used(from_be32(cqe->byte_count));

	return ((from_be16(cqe->wqe_id) ^ q->rq_ci) & (q->wqes - 1)) == 0 &&
	       from_be16(cqe->wqe_counter) == q->stride && used &&
	       used <= q->strides - q->stride;
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
	const struct rawq_pkt shared = {.flags = q->session.flags,
	                                .vlan = q->session.vlan,
	                                .mark = q->session.mark};
	const uint64_t frame = held_at(q, q->rq_ci)[0], inside = q->frame_mask;
	const uint32_t last = from_be32(mini[n - 1].csum.byte_count),
		       log_stride = q->log_stride;
	struct hw_cqe *slot = mlx5_cqe_at(&q->cq, q->cq.ci);
	unsigned packets = n - (last >> 31);
	uint32_t bytes = 0, end;

	end = from_be16(mini[n - 1].csum.stride_index) + strides_used(last);
	UNROLL(8)
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = from_be32(mini[i].csum.byte_count) & HW_STRIDING_LEN_MASK;
		uint64_t at = (uint64_t)from_be16(mini[i].csum.stride_index)
		              << log_stride;

		/* Whatever the card says, inside the frame. */
		p[i].addr = frame + (at & inside);
		p[i].len = len;
		p[i].flags = shared.flags;
		if (f & RX_META) {
			p[i].vlan = shared.vlan;
			p[i].mark = shared.mark;
		}
		bytes += len;
	}
	if (!q->stride && packets)
		p[0].flags |= RAWQ_RX_STRIDING;
	UNROLL(8)
	for (unsigned i = 0; i < n; i++)
		slot_give(&slot[i]);
	t->bytes += bytes;
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
		if (likely(k == HW_MINI_PER_SLOT))
			i += session_run(q, minis, &pkts[i], HW_MINI_PER_SLOT, t, f);
		else
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
	const uint64_t frame = held_at(q, q->rq_ci)[0];
	const uint8_t due = op_own_due(&q->cq);
	uint32_t stride = q->stride, no_frame = 0, bytes = 0;
	unsigned i = 0;

	for (; i < n && stride < q->strides && cqe < end; cqe++) {
		uint32_t word, used;

		if (dma_take8(&cqe->op_own) != due)
			break;
		word = from_be32(cqe->byte_count);
		used = strides_used(word);
		if (unlikely(from_be16(cqe->wqe_counter) != stride ||
		             used - 1 >= q->strides - stride))
			break;
		no_frame += lost_before(cqe);
		if (likely(!(word & HW_STRIDING_FILLER))) {
			describe(q, cqe, &p[i], f);
			p[i].addr = frame + ((uint64_t)stride << q->log_stride);
			p[i].len = word & HW_STRIDING_LEN_MASK;
			p[i].flags |= stride ? 0 : RAWQ_RX_STRIDING;
			bytes += p[i].len;
			i++;
		}
		stride += used;
	}
	q->cq.ci += (uint32_t)(cqe - begin);
	used_up_to(q, stride);
	t->bytes += bytes;
	t->no_frame += no_frame;
	t->packets += i;
	return i;
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
		    !mlx5_rx_stride_is_in_turn(q, cqe))
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

unsigned (*mlx5_rx_strides_for(uint32_t f))(struct rawq_rxq *, struct rawq_pkt *,
                                            unsigned)
{
	static unsigned (*const table[3][4])(struct rawq_rxq *, struct rawq_pkt *,
	                                     unsigned) = {
		ROW(strides), ROW(strides_timed), ROW(strides_compressed)};
	unsigned form = f & RX_TIME ? 1 : f & RX_COMPRESSED ? 2 : 0;

	return table[form][f & (RX_VERDICTS | RX_META)];
}
