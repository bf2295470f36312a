/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive bursts of cyclic queues.  One body, rx_burst(), with constant features, as for sending.
 * Completions of one queue come in the order of its WQEs, so entry and WQE advance together.
 */
#include "rx_wide.h"

/* Entries, or WQEs, up to where a ring ends. */
static always_inline uint32_t to_end(const struct mlx5_rxq *q)
{
	return least(cq_to_end(&q->cq), q->wqes - (q->rq_ci & (q->wqes - 1)));
}

/* ---- packets of several frames ---- */

/* Hand over a packet of several frames; p[0] is described.  0: n are too few to begin with. */
static always_inline unsigned take_frames(struct mlx5_rxq *q, uint32_t rq_ci,
                                          uint32_t len, struct rawq_pkt *p, unsigned n,
                                          bool first_of_burst)
{
	uint32_t size = (uint32_t)q->frame_mask + 1,
		 used = len ? (len + size - 1) / size : 1;
	const uint64_t *held = held_at(q, rq_ci);
	uint16_t flags = p->flags;
	unsigned k = 0;

	if (used - q->given > n && !first_of_burst)
		return 0;
	for (; k < n && q->given < used; k++, q->given++) {
		p[k].addr = held[q->given];
		p[k].len = q->given + 1 < used ? size : len - q->given * size;
		p[k].flags = (uint16_t)((q->given ? 0 : flags) |
		                        (q->given + 1 < used ? RAWQ_MORE : 0));
	}
	if (q->given == used) {
		q->missing[rq_ci & (q->wqes - 1)] = (uint8_t)used;
		q->given = 0;
	}
	return k;
}

/* ---- compressed sessions ---- */

/* Entries, slots and WQEs of n packets are passed. */
static always_inline void session_done(struct mlx5_rxq *q, uint32_t n, uint32_t bytes,
                                       struct tally *t)
{
	t->bytes += bytes;
	t->packets += n;
	q->rq_ci += n;
	session_passed(q, n);
}

/* Whole arrays in a row, as long as no ring ends.  Returns packets, which may be none. */
static always_inline unsigned session_arrays(struct mlx5_rxq *q, struct rawq_pkt *p,
                                             unsigned n, struct tally *t,
                                             const unsigned f)
{
	const struct mlx5_shared shared = q->session.shared;
	const uint64_t *held = held_at(q, q->rq_ci);
	struct hw_cqe *slot = mlx5_cqe_at(&q->cq, q->cq.ci), *array = slot;
	uint32_t bytes = 0;

	n = least(least(n, q->session.left), to_end(q)) & ~(HW_MINI_PER_SLOT - 1u);
	array += q->session.index == 0; /* as session_next() says */
	for (unsigned i = 0; i < n; i += HW_MINI_PER_SLOT) {
		bytes += wide_minis(&shared, (const union mlx5_mini *)array, held, p, f);
		slots_give(slot); /* only now: the minis are read */
		slot += HW_MINI_PER_SLOT;
		array = slot;
		held += HW_MINI_PER_SLOT;
		p += HW_MINI_PER_SLOT;
	}
	session_done(q, n, bytes, t);
	return n;
}

/* Packets of one array; no ring ends in here. */
static always_inline unsigned session_part(struct mlx5_rxq *q, struct rawq_pkt *p,
                                           unsigned n, struct tally *t, const unsigned f)
{
	const uint64_t *held = held_at(q, q->rq_ci);
	struct hw_cqe *slot = mlx5_cqe_at(&q->cq, q->cq.ci);
	uint32_t bytes = 0, k;
	const union mlx5_mini *mini = session_next(q, least(n, to_end(q)), &k);

	for (unsigned i = 0; i < k; i++)
		bytes += one_mini(&q->session.shared, &mini[i], held[i], &p[i], f);
	for (unsigned i = 0; i < k; i++)
		slot_give(&slot[i]);
	session_done(q, k, bytes, t);
	return k;
}

/* The session's next packet where packets may have several frames. */
static always_inline unsigned session_segments(struct mlx5_rxq *q,
                                               const union mlx5_mini *mini,
                                               struct rawq_pkt *p, unsigned n,
                                               bool first_of_burst, struct tally *t,
                                               const unsigned f)
{
	uint32_t len = from_be32(mini->hash.byte_count);
	unsigned k;

	one_mini(&q->session.shared, mini, 0, p, f);
	k = take_frames(q, q->rq_ci, len, p, n, first_of_burst);
	if (!k || q->given)
		return k;
	t->bytes += len;
	t->packets++;
	q->rq_ci++;
	slot_give(mlx5_cqe_at(&q->cq, q->cq.ci));
	return k;
}

static always_inline unsigned session_burst(struct mlx5_rxq *q, struct rawq_pkt *pkts,
                                            unsigned n, bool begun, struct tally *t,
                                            const unsigned f)
{
	const union mlx5_mini *minis;
	unsigned i = 0, taken;
	uint32_t k;

	while (i < n && q->session.left) {
		if (f & RX_SEGMENTS) {
			/* One at a time, and always from the copy: it may have to wait. */
			minis = session_next(q, 1, &k);
			taken = session_segments(q, minis, &pkts[i], n - i, !begun && !i,
			                         t, f);
			i += taken;
			if (!taken || q->given)
				break;
			session_passed(q, 1);
			continue;
		}
		if (q->session.index % HW_MINI_PER_SLOT == 0)
			i += session_arrays(q, &pkts[i], n - i, t, f);
		if (i < n && q->session.left)
			i += session_part(q, &pkts[i], n - i, t, f);
	}
	return i;
}

/* ---- plain entries ---- */

/* The card writes entries in their order, so the last one's owner is asked first: behind it all
 * four are there, and it remains to see that they are all of one kind. */
static always_inline bool four_are(const struct hw_cqe *cqe, uint8_t due)
{
	return dma_take8(&cqe[3].op_own) == due && cqe[0].op_own == due &&
	       cqe[1].op_own == due && cqe[2].op_own == due;
}

/* Plain entries in a row, each a packet in one frame; no ring ends in here.  Stops ahead of an
 * entry of another kind or of none. */
static always_inline unsigned plain_run(struct mlx5_rxq *q, struct rawq_pkt *p,
                                        unsigned n, struct tally *t, const unsigned f)
{
	const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci);
	const uint64_t *held = held_at(q, q->rq_ci);
	const struct rawq_pkt *begin = p, *end = p + n;
	const uint8_t due = op_own_due(&q->cq);
	struct tally run = {0};

	for (; end - p >= 4 && four_are(cqe, due); p += 4, cqe += 4, held += 4)
		wide_plain(q, cqe, held, p, &run, f);
	for (; p < end && dma_take8(&cqe->op_own) == due; p++, cqe++, held++)
		one_plain(q, cqe, *held, p, &run, f);
	n = (unsigned)(p - begin);
	q->cq.ci += n;
	q->rq_ci += n;
	t->bytes += run.bytes;
	t->no_frame += run.no_frame;
	t->packets += n;
	return n;
}

/* The next entry is of the next WQE, as it has to be: looked at once per run. */
static always_inline bool in_turn(const struct mlx5_rxq *q)
{
	const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci);

	return from_be16(cqe->wqe_counter) == (uint16_t)q->rq_ci;
}

static always_inline unsigned plain_burst(struct mlx5_rxq *q, struct rawq_pkt *pkts,
                                          unsigned n, struct tally *t, const unsigned f)
{
	unsigned i = 0, run, k;

	do {
		const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci);

		run = least(to_end(q), n - i);
		/* Read behind the owner, which plain_run() looks at again. */
		if (dma_take8(&cqe->op_own) != op_own_due(&q->cq) || !in_turn(q))
			break;
		k = plain_run(q, pkts + i, run, t, f);
		i += k;
	} while (k == run && i < n);
	return i;
}

/* The same where a packet may have several frames. */
static always_inline unsigned segments_run(struct mlx5_rxq *q, struct rawq_pkt *pkts,
                                           unsigned n, bool begun, struct tally *t,
                                           const unsigned f)
{
	unsigned i = 0;

	while (i < n) {
		const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci);
		uint32_t len, k;

		if (dma_take8(&cqe->op_own) != op_own_due(&q->cq))
			break;
		if (unlikely(from_be16(cqe->wqe_counter) != (uint16_t)q->rq_ci))
			break;
		len = from_be32(cqe->byte_count);
		describe(q, cqe, &pkts[i], f);
		k = take_frames(q, q->rq_ci, len, &pkts[i], n - i, !begun && !i);
		i += k;
		if (!k || q->given)
			break;
		t->bytes += len;
		t->no_frame += lost_before(cqe);
		t->packets++;
		q->cq.ci++;
		q->rq_ci++;
	}
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
			i += session_burst(q, pkts + i, n - i, i > 0, &t, f);
		if (!(f & RX_COMPRESSED) || !q->session.left)
			i += f & RX_SEGMENTS
			             ? segments_run(q, pkts + i, n - i, i > 0, &t, f)
			             : plain_burst(q, pkts + i, n - i, &t, f);
		if (i == n || (f & RX_COMPRESSED && q->session.left) || !mlx5_rx_other(q))
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
/* Times are per packet, so a queue with them is never compressed. */
#define VARIANTS(form, features)                                                         \
	VARIANT(form, features)                                                          \
	VARIANT(form##_verdicts, (features) | RX_VERDICTS)                               \
	VARIANT(form##_meta, (features) | RX_META)                                       \
	VARIANT(form##_verdicts_meta, (features) | RX_VERDICTS | RX_META)

VARIANTS(plain, 0)
VARIANTS(segments, RX_SEGMENTS)
VARIANTS(timed, RX_TIME)
VARIANTS(timed_segments, RX_TIME | RX_SEGMENTS)
VARIANTS(compressed, RX_COMPRESSED)
VARIANTS(compressed_segments, RX_COMPRESSED | RX_SEGMENTS)

static_assert(RX_VERDICTS == 1 << 0 && RX_META == 1 << 1, "wishes index a row");

#define ROW(form)                                                                        \
	{                                                                                \
		form, form##_verdicts, form##_meta, form##_verdicts_meta                 \
	}

mlx5_rx_burst_fn *RX_NAME(mlx5_rx_burst_for)(uint32_t f)
{
	static mlx5_rx_burst_fn *const table[3][2][4] = {
		{ROW(plain), ROW(segments)},
		{ROW(timed), ROW(timed_segments)},
		{ROW(compressed), ROW(compressed_segments)}};
	unsigned form = f & RX_TIME ? 1 : f & RX_COMPRESSED ? 2 : 0;

	if (f & RX_STRIDES)
		return RX_NAME(mlx5_rx_strides_for)(f);
	return table[form][!!(f & RX_SEGMENTS)][f & (RX_VERDICTS | RX_META)];
}
