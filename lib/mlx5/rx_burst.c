/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive bursts.  One body, rx_burst(), with constant features, as for sending.  Completions of
 * one queue come in the order of its WQEs, so entry and WQE advance together; the frame's
 * address is read back from the WQE, which is ours to read.
 *
 * A compressed session (PRM "CQE compression") is a title entry that tells how many packets
 * follow and what they share, and arrays of 8 minis in the slots behind it: see hw/mlx5.h.
 */
#include "mlx5.h"

#include "lib/dma.h"

#include <assert.h>
#include <string.h>

#define NSEC_PER_SEC UINT64_C(1000000000)

/* What a run has counted. */
struct tally {
	uint64_t bytes, no_frame;
	unsigned packets;
};

static always_inline struct hw_data_seg *wqe_at(const struct mlx5_rxq *q, uint32_t index)
{
	return q->ring + ((size_t)(index & (q->wqes - 1)) << q->log_segments);
}

/* Our verdict bits from the entry's: L3 counts for IPv4 alone, which has a checksum there. */
static always_inline uint16_t verdicts(const struct hw_cqe *cqe)
{
	static_assert(RAWQ_RX_L3_OK == HW_CQE_L3_OK >> 1 &&
	                      RAWQ_RX_L4_OK == HW_CQE_L4_OK >> 1,
	              "a shift turns the entry's verdicts into ours");
	static_assert(HW_CQE_L3_IPV4 == 1 << 3, "bit 3 of the header type says IPv4");

	return (cqe->hds_ip_ext >> 1) & (RAWQ_RX_L4_OK | (cqe->hdr_type >> 3 & 1));
}

static always_inline uint16_t meta(const struct hw_cqe *cqe, struct rawq_pkt *p,
                                   uint32_t offloads)
{
	uint32_t mark = from_be32(cqe->sop_drop_qpn) & 0xffffff, flags = 0;

	p->hash = from_be32(cqe->rx_hash);
	p->vlan = from_be16(cqe->vlan_info);
	p->mark = mark;
	flags |= cqe->rx_hash_type ? RAWQ_RX_HASH : 0;
	flags |= cqe->hdr_type & HW_CQE_VLAN_STRIPPED ? RAWQ_RX_VLAN : 0;
	flags |= mark ? RAWQ_RX_MARK : 0;
	return (uint16_t)(flags & offloads);
}

static always_inline uint64_t time_of(const struct mlx5_rxq *q, const struct hw_cqe *cqe)
{
	uint64_t t = from_be64(cqe->timestamp);

	if (q->clock_kind == MLX5_CLOCK_REAL_TIME) /* seconds above, nanoseconds below */
		return (t >> 32) * NSEC_PER_SEC + (uint32_t)t;
	return mlx5dv_ts_to_ns((struct mlx5dv_clock_info *)(uintptr_t)&q->clock, t);
}

/* Everything about a packet but where it lies. */
static always_inline void describe(struct mlx5_rxq *q, const struct hw_cqe *cqe,
                                   struct rawq_pkt *p, const unsigned f)
{
	uint16_t flags = 0;

	if (f & RX_VERDICTS)
		flags |= verdicts(cqe);
	if (f & RX_META)
		flags |= meta(cqe, p, q->rdma.offloads);
	if (f & RX_TIME) {
		p->time_ns = time_of(q, cqe);
		flags |= RAWQ_RX_TIME;
	}
	p->flags = flags;
}

/* ---- where a packet lies ---- */

/* Hand over a packet of several frames; p[0] is described.  0: n are too few to begin with. */
static always_inline unsigned take_frames(struct mlx5_rxq *q, uint32_t rq_ci,
                                          uint32_t len, struct rawq_pkt *p, unsigned n,
                                          bool first_of_burst)
{
	uint32_t size = (uint32_t)q->frame_mask + 1,
		 used = len ? (len + size - 1) / size : 1;
	const struct hw_data_seg *data = wqe_at(q, rq_ci);
	uint16_t flags = p->flags;
	unsigned k = 0;

	if (used - q->given > n && !first_of_burst)
		return 0;
	for (; k < n && q->given < used; k++, q->given++) {
		p[k].addr = from_be64(data[q->given].addr) - q->base;
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

static void next_array(struct mlx5_rxq *q)
{
	/* The first array lies behind the title, the others where the slots of their packets are. */
	uint32_t slot = q->cq.ci + (q->session.index == 0);

	memcpy(q->session.minis, mlx5_cqe_at(&q->cq, slot), sizeof(q->session.minis));
}

/* The slot goes back to the card, which will not write op_own of slots that a session covers:
 * what is left there of an earlier lap must not look like a completion. */
static always_inline void slot_give(struct hw_cqe *slot)
{
	__atomic_store_n(&slot->op_own, HW_CQE_OP_INVALID << HW_CQE_OPCODE_SHIFT,
	                 __ATOMIC_RELAXED);
}

/* Packets of the array at hand; each is an entry of the CQ, a slot and a WQE.  No ring ends in
 * here, nor does the array. */
static always_inline void session_run(struct mlx5_rxq *q, struct rawq_pkt *p, unsigned n,
                                      struct tally *t, const unsigned f)
{
	struct mlx5_session *s = &q->session;
	const struct hw_mini_hash *mini = &s->minis[s->index % HW_MINI_PER_SLOT];
	const struct hw_data_seg *wqe = wqe_at(q, q->rq_ci);
	struct hw_cqe *slot = mlx5_cqe_at(&q->cq, q->cq.ci);
	const struct rawq_pkt shared = {
		.flags = s->flags, .vlan = s->vlan, .mark = s->mark};
	const uint64_t base = q->base;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++, p++, mini++, wqe++, slot++) {
		p->addr = from_be64(wqe->addr) - base;
		p->len = from_be32(mini->byte_count);
		p->flags = shared.flags;
		if (f & RX_META) {
			p->vlan = shared.vlan;
			p->mark = shared.mark;
			p->hash = from_be32(mini->rx_hash);
		}
		bytes += p->len;
		slot_give(slot);
	}
	t->bytes += bytes;
	t->packets += n;
	q->rq_ci += n;
	q->cq.ci += n;
	s->index += n;
	s->left -= n;
}

/* The session's next packet where packets may have several frames. */
static always_inline unsigned session_segments(struct mlx5_rxq *q, struct rawq_pkt *p,
                                               unsigned n, bool first_of_burst,
                                               struct tally *t, const unsigned f)
{
	struct mlx5_session *s = &q->session;
	const struct hw_mini_hash *mini = &s->minis[s->index % HW_MINI_PER_SLOT];
	uint32_t len = from_be32(mini->byte_count);
	unsigned k;

	p->flags = s->flags;
	if (f & RX_META) {
		p->vlan = s->vlan;
		p->mark = s->mark;
		p->hash = from_be32(mini->rx_hash);
	}
	k = take_frames(q, q->rq_ci, len, p, n, first_of_burst);
	if (!k || q->given)
		return k;
	t->bytes += len;
	t->packets++;
	q->rq_ci++;
	slot_give(mlx5_cqe_at(&q->cq, q->cq.ci++));
	s->index++;
	s->left--;
	return k;
}

static always_inline uint32_t min3(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Entries, or WQEs, up to where a ring ends. */
static always_inline uint32_t to_end(const struct mlx5_rxq *q)
{
	uint32_t entries = 1u << q->cq.log_size;
	uint32_t cq = entries - (q->cq.ci & (entries - 1)),
		 rq = q->wqes - (q->rq_ci & (q->wqes - 1));

	return cq < rq ? cq : rq;
}

static always_inline unsigned session_burst(struct mlx5_rxq *q, struct rawq_pkt *pkts,
                                            unsigned n, struct tally *t, const unsigned f)
{
	struct mlx5_session *s = &q->session;
	unsigned i = 0, k;

	while (i < n && s->left) {
		uint32_t in_array = HW_MINI_PER_SLOT - s->index % HW_MINI_PER_SLOT;

		if (in_array == HW_MINI_PER_SLOT && !q->given)
			next_array(q);
		if (f & RX_SEGMENTS) {
			k = session_segments(q, &pkts[i], n - i, i == 0, t, f);
			i += k;
			if (!k || q->given)
				break;
		} else {
			k = min3(n - i, s->left, min3(in_array, to_end(q), UINT32_MAX));
			session_run(q, &pkts[i], k, t, f);
			i += k;
		}
	}
	return i;
}

static void session_open(struct mlx5_rxq *q, const struct hw_cqe *title)
{
	struct rawq_pkt p = {0};

	p.flags = meta(title, &p, q->rdma.offloads);
	if (q->rdma.offloads & (RAWQ_RX_L3_OK | RAWQ_RX_L4_OK))
		p.flags |= verdicts(title);
	q->session.left = from_be32(title->byte_count);
	q->session.index = 0;
	q->session.flags = p.flags;
	q->session.vlan = p.vlan;
	q->session.mark = p.mark;
}

/* ---- plain entries ---- */

/* Plain entries in a row, each a packet in one frame; no ring ends in here.  Stops ahead of an
 * entry of another kind or of none. */
static always_inline unsigned plain_run(struct mlx5_rxq *q, struct rawq_pkt *p,
                                        unsigned n, struct tally *t, const unsigned f)
{
	const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci);
	const struct hw_data_seg *wqe = wqe_at(q, q->rq_ci);
	const uint8_t due = (uint8_t)(HW_CQE_OP_RECEIVED << HW_CQE_OPCODE_SHIFT |
	                              mlx5_cq_parity(&q->cq, q->cq.ci));
	const uint64_t base = q->base;
	uint64_t bytes = 0, no_frame = 0;
	unsigned i = 0;

	for (; i < n && dma_take8(&cqe->op_own) == due; i++, cqe++, wqe++, p++) {
		describe(q, cqe, p, f);
		p->addr = from_be64(wqe->addr) - base;
		p->len = from_be32(cqe->byte_count);
		bytes += p->len;
		no_frame += *(const uint8_t *)&cqe
		                     ->sop_drop_qpn; /* [31:24]: lost since the last */
	}
	q->cq.ci += i;
	q->rq_ci += i;
	t->bytes += bytes;
	t->no_frame += no_frame;
	t->packets += i;
	return i;
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

		run = to_end(q) < n - i ? to_end(q) : n - i;
		/* Read behind the owner, which plain_run() looks at again. */
		if (dma_take8(&cqe->op_own) >> HW_CQE_OPCODE_SHIFT !=
		            HW_CQE_OP_RECEIVED ||
		    !in_turn(q))
			break;
		k = plain_run(q, pkts + i, run, t, f);
		i += k;
	} while (k == run && i < n);
	return i;
}

/* The same where a packet may have several frames. */
static always_inline unsigned segments_run(struct mlx5_rxq *q, struct rawq_pkt *pkts,
                                           unsigned n, struct tally *t, const unsigned f)
{
	unsigned i = 0;

	while (i < n) {
		const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci);
		uint8_t due = HW_CQE_OP_RECEIVED << HW_CQE_OPCODE_SHIFT |
		              mlx5_cq_parity(&q->cq, q->cq.ci);
		uint32_t len, k;

		if (dma_take8(&cqe->op_own) != due)
			break;
		if (unlikely(from_be16(cqe->wqe_counter) != (uint16_t)q->rq_ci))
			break;
		len = from_be32(cqe->byte_count);
		describe(q, cqe, &pkts[i], f);
		k = take_frames(q, q->rq_ci, len, &pkts[i], n - i, i == 0);
		i += k;
		if (!k || q->given)
			break;
		t->bytes += len;
		t->no_frame += from_be32(cqe->sop_drop_qpn) >> 24;
		t->packets++;
		q->cq.ci++;
		q->rq_ci++;
	}
	return i;
}

/* ---- the burst ---- */

/* The entry that stopped a run.  True: it opened a session, go on. */
static noinline bool other(struct mlx5_rxq *q)
{
	const struct hw_cqe *cqe = mlx5_cqe_at(&q->cq, q->cq.ci);
	uint8_t op_own = dma_take8(&cqe->op_own);

	if (!mlx5_cqe_is_ready(op_own, mlx5_cq_parity(&q->cq, q->cq.ci)))
		return false;
	if (q->features & RX_COMPRESSED &&
	    (op_own & HW_CQE_FORMAT_MASK) == HW_CQE_COMPRESSED &&
	    from_be32(cqe->byte_count) - 1 < 1u << q->cq.log_size) {
		session_open(q, cqe);
		return true;
	}
	if (op_own >> HW_CQE_OPCODE_SHIFT != HW_CQE_OP_RECEIVED || !in_turn(q))
		mlx5_rx_error(q, cqe);
	return false; /* or a packet that came meanwhile, or has to wait for more room */
}

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
			i += f & RX_SEGMENTS ? segments_run(q, pkts + i, n - i, &t, f)
			                     : plain_burst(q, pkts + i, n - i, &t, f);
		if (i == n || (f & RX_COMPRESSED && q->session.left) || !other(q))
			break;
	}
	if (q->cq.ci != begin)
		dma_give32(&q->cq.dbrec[HW_DBR_CQ_CI], q->cq.ci & HW_DBR_CQ_MASK);
	q->packets += t.packets;
	q->bytes += t.bytes;
	q->no_frame += t.no_frame;
	return i;
}

unsigned mlx5_rx_burst_stopped(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n)
{
	(void)q;
	(void)pkts;
	(void)n;
	return 0;
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

unsigned (*mlx5_rx_burst_for(uint32_t f))(struct rawq_rxq *, struct rawq_pkt *, unsigned)
{
	static unsigned (*const table[3][2][4])(struct rawq_rxq *, struct rawq_pkt *,
	                                        unsigned) = {
		{ROW(plain), ROW(segments)},
		{ROW(timed), ROW(timed_segments)},
		{ROW(compressed), ROW(compressed_segments)}};
	unsigned form = f & RX_TIME ? 1 : f & RX_COMPRESSED ? 2 : 0;

	return table[form][!!(f & RX_SEGMENTS)][f & (RX_VERDICTS | RX_META)];
}
