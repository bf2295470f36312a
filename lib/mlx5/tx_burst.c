/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Send bursts.  One body, tx_burst(), with constant features: each variant keeps the branches of
 * what its queue asked for, and no others.  A packet is one of three forms:
 *
 *   plain   one descriptor without wishes (or the same checksums as its neighbours), eMPW card:
 *           shares a multi-packet WQE        ctrl eth data data data ...
 *   single  the same on a card without eMPW  ctrl eth data          one WQEBB, 64 bytes
 *   full    anything else                    ctrl eth [headers] data ...
 */
#include "sq.h"

#include "lib/verbs/frame.h"

#include <assert.h>
#include <linux/if_ether.h>
#include <string.h>

#define LEN_MIN 14u /* an Ethernet header */
#define SESSION_MAX                                                                      \
	32u /* packets of a multi-packet WQE: what DPDK has proven in the field */
#define HEADERS_MAX   256u /* of a TSO packet, with a VLAN tag */
#define ETH_ADDRS     12u
#define VLAN_LEN      4u
#define TSO_BYTES_MAX (256u << 10)

/* Flags that a packet in plain or single form must not have.  Flags of what the queue was not made
 * for mean nothing, as on every backend. */
#define WISHES(f)                                                                        \
	(((f)&TX_SEGMENTS ? RAWQ_MORE : 0) |                                             \
	 ((f)&TX_HEADERS ? RAWQ_TX_VLAN | RAWQ_TX_TSO : 0))

/* Where a burst stands; in registers while it runs. */
struct cursor {
	uint32_t pi;   /* WQEBBs */
	uint32_t last; /* where the last WQE begins */
	uint32_t room; /* WQEBBs */
	uint32_t addr_pi;
	uint64_t packets, bytes;
};

static always_inline void write_data(struct hw_data_seg *data, uint32_t len,
                                     uint32_t lkey, uint64_t addr)
{
	*data = (struct hw_data_seg){
		.byte_count = to_be32(len), .lkey = to_be32(lkey), .addr = to_be64(addr)};
}

static always_inline bool is_plain(const struct mlx5_txq *q, const struct rawq_pkt *p,
                                   const unsigned f)
{
	return p->len - LEN_MIN <= q->len_max - LEN_MIN && !(p->flags & WISHES(f));
}

/* Remember one descriptor's address for reaping. */
static always_inline void keep(struct mlx5_txq *q, struct cursor *c,
                               const struct rawq_pkt *p)
{
	q->addrs[c->addr_pi++ & (q->depth - 1)] = p->addr;
	c->bytes += p->len;
}

/* ---- checksums ---- */

static always_inline uint8_t checksums(const struct mlx5_txq *q, const struct rawq_pkt *p)
{
	uint32_t asked = p->flags & (RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM | RAWQ_TX_TSO);
	uint8_t cs = 0;

	if (likely(!asked))
		return 0;
	if (asked & (RAWQ_TX_L3_CSUM | RAWQ_TX_TSO))
		cs |= HW_ETH_CS_L3;
	if (asked & (RAWQ_TX_L4_CSUM | RAWQ_TX_TSO))
		cs |= HW_ETH_CS_L4;
	return cs &
	       frame_checksums((const uint8_t *)(uintptr_t)(q->base + p->addr), p->len);
}

/* ---- single: one packet, one WQEBB ---- */

struct wqe {
	struct hw_ctrl_seg ctrl;
	struct hw_eth_seg eth;
	struct hw_data_seg data;
};

struct min_inline_wqe {
	struct hw_ctrl_seg ctrl;
	struct hw_eth_seg eth;
	uint8_t more_headers[16]; /* behind the two bytes in eth */
	struct hw_data_seg data;
};
static_assert(sizeof(struct min_inline_wqe) == HW_WQEBB, "one block");

/* The first 18 bytes go into the WQE; of a frame that has no more, zeros fill up what the wire
 * would be padded with anyway. */
static always_inline uint32_t write_min_inline(struct mlx5_txq *q,
                                               struct min_inline_wqe *w,
                                               const struct rawq_pkt *p)
{
	const uint8_t *frame = (const uint8_t *)(uintptr_t)(q->base + p->addr);
	uint8_t head[HW_ETH_INLINE_HDR_L2] = {0};

	if (likely(p->len > sizeof(head)))
		memcpy(head, frame, sizeof(head));
	else
		memcpy(head, frame, p->len);
	w->eth = (struct hw_eth_seg){.inline_hdr_sz = to_be16(sizeof(head)),
	                             .inline_hdr = {head[0], head[1]}};
	memcpy(w->more_headers, head + 2, sizeof(w->more_headers));
	if (unlikely(p->len <= sizeof(head)))
		return 3;
	write_data(&w->data, p->len - HW_ETH_INLINE_HDR_L2, q->lkey,
	           q->base + p->addr + HW_ETH_INLINE_HDR_L2);
	return 4;
}

/* What the packets of a run have in common. */
struct run {
	uint64_t base;
	uint32_t span; /* of lengths that can be sent */
	be32 lkey;
	uint8_t cs;
};

static always_inline bool fits_run(const struct mlx5_txq *q, const struct run *r,
                                   const struct rawq_pkt *p, const unsigned f)
{
	if (unlikely(p->len - LEN_MIN > r->span || p->flags & WISHES(f)))
		return false;
	return !(f & TX_CSUM) || checksums(q, p) == r->cs;
}

#define NEXT_INDEX ((uint64_t)1 << 40) /* in ctrl.what */

/* One WQE; returns the frame's length.  ctrl is this one's, and becomes the next one's. */
static always_inline uint32_t put_single(struct mlx5_txq *q, const struct run *r,
                                         const struct rawq_pkt *p, struct wqe *wqe,
                                         uint64_t *addr, struct ctrl *ctrl,
                                         const unsigned f)
{
	struct ctrl c = *ctrl;
	uint64_t at = p->addr;
	uint32_t len = p->len;

	if (f & TX_MIN_INLINE) {
		c.what |= write_min_inline(q, (struct min_inline_wqe *)wqe, p);
	} else {
		wqe->eth = (struct hw_eth_seg){0};
		wqe->data = (struct hw_data_seg){.byte_count = to_be32(len),
		                                 .lkey = r->lkey,
		                                 .addr = to_be64(r->base + at)};
	}
	ctrl_put(&wqe->ctrl, c);
	*addr = at;
	ctrl->what += NEXT_INDEX;
	ctrl->then++;
	return len;
}

/* WQEs of one packet each, up to the first that wants another form.  No ring ends in here, so
 * neither the 16 bits of the index nor the 32 of the address overflow into what is above. */
static always_inline unsigned single_run(struct mlx5_txq *q, const struct rawq_pkt *p,
                                         unsigned n, uint64_t *addrs, struct cursor *c,
                                         const unsigned f)
{
	const struct run r = {
		.base = q->base, .span = q->len_max - LEN_MIN, .lkey = to_be32(q->lkey)};
	struct ctrl ctrl = ctrl_make(q->sq->qpn, c->pi, HW_WQE_OP_SEND,
	                             f & TX_MIN_INLINE ? 0 : 3, c->addr_pi);
	uint8_t *at = segment(q->sq, c->pi * SEGS_PER_BB);
	uint64_t sum = 0;
	unsigned k = 0;

	for (; k + 4 <= n; k += 4, p += 4, addrs += 4, at += 4 * HW_WQEBB) {
		if (unlikely(!fits_run(q, &r, &p[0], f) || !fits_run(q, &r, &p[1], f) ||
		             !fits_run(q, &r, &p[2], f) || !fits_run(q, &r, &p[3], f)))
			break;
		sum += put_single(q, &r, &p[0], (void *)at, &addrs[0], &ctrl, f);
		sum += put_single(q, &r, &p[1], (void *)(at + HW_WQEBB), &addrs[1], &ctrl,
		                  f);
		sum += put_single(q, &r, &p[2], (void *)(at + 2 * HW_WQEBB), &addrs[2],
		                  &ctrl, f);
		sum += put_single(q, &r, &p[3], (void *)(at + 3 * HW_WQEBB), &addrs[3],
		                  &ctrl, f);
	}
	for (; k < n && fits_run(q, &r, p, f); k++, at += HW_WQEBB)
		sum += put_single(q, &r, p++, (void *)at, addrs++, &ctrl, f);
	c->pi += k;
	c->last = k ? c->pi - 1 : c->last;
	c->addr_pi += k;
	c->room -= k;
	c->packets += k;
	c->bytes += sum;
	return k;
}

static always_inline unsigned singles(struct mlx5_txq *q, const struct rawq_pkt *pkts,
                                      unsigned n, struct cursor *c, const unsigned f)
{
	unsigned done = 0, run, k;

	n = n < c->room ? n : c->room;
	while (done < n) {
		uint32_t at = c->pi & (q->sq->wqebbs - 1),
			 slot = c->addr_pi & (q->depth - 1);

		run = n - done;
		run = run < q->sq->wqebbs - at ? run : q->sq->wqebbs - at;
		run = run < q->depth - slot ? run : q->depth - slot;
		k = single_run(q, pkts + done, run, &q->addrs[slot], c, f);
		done += k;
		if (k < run)
			break;
	}
	return done;
}

/* ---- plain: multi-packet WQE ---- */

/* Copy a short frame behind its length word; the ring may end in between. */
static always_inline void write_inline(const struct mlx5_sq *sq, uint32_t seg,
                                       const uint8_t *frame, uint32_t len)
{
	struct hw_inline_seg *head = segment(sq, seg);
	uint32_t first = HW_WQE_DS - sizeof(*head), at = first;

	head->byte_count = to_be32(HW_INLINE_BIT | len);
	memcpy(head + 1, frame, len < first ? len : first);
	for (seg++; at < len; seg++, at += HW_WQE_DS)
		memcpy(segment(sq, seg), frame + at,
		       len - at < HW_WQE_DS ? len - at : HW_WQE_DS);
}

static always_inline uint32_t put(const struct run *r, const struct rawq_pkt *p,
                                  struct hw_data_seg *data, uint64_t *addr)
{
	uint64_t at = p->addr;
	uint32_t len = p->len;

	*addr = at;
	*data = (struct hw_data_seg){.byte_count = to_be32(len),
	                             .lkey = r->lkey,
	                             .addr = to_be64(r->base + at)};
	return len;
}

/* Data segments for plain packets, up to the first that is none; neither ring ends in here.
 * Four at a time: the loop's own work is a third of one packet's. */
static always_inline unsigned data_run(const struct mlx5_txq *q, const struct rawq_pkt *p,
                                       unsigned n, struct hw_data_seg *data,
                                       uint64_t *addrs, uint8_t cs, uint64_t *bytes,
                                       const unsigned f)
{
	const struct run r = {.base = q->base,
	                      .span = q->len_max - LEN_MIN,
	                      .lkey = to_be32(q->lkey),
	                      .cs = cs};
	uint64_t sum = 0;
	unsigned k = 0;

	for (; k + 4 <= n; k += 4, p += 4, data += 4, addrs += 4) {
		if (unlikely(!fits_run(q, &r, &p[0], f) || !fits_run(q, &r, &p[1], f) ||
		             !fits_run(q, &r, &p[2], f) || !fits_run(q, &r, &p[3], f)))
			break;
		sum += put(&r, &p[0], &data[0], &addrs[0]);
		sum += put(&r, &p[1], &data[1], &addrs[1]);
		sum += put(&r, &p[2], &data[2], &addrs[2]);
		sum += put(&r, &p[3], &data[3], &addrs[3]);
	}
	for (; k < n && fits_run(q, &r, p, f); k++)
		sum += put(&r, p++, data++, addrs++);
	*bytes += sum;
	return k;
}

/* The body of a multi-packet WQE without copies; returns how many packets it took. */
static always_inline unsigned session_data(struct mlx5_txq *q,
                                           const struct rawq_pkt *pkts, unsigned n,
                                           struct cursor *c, uint8_t cs, const unsigned f)
{
	const uint32_t segs = q->sq->wqebbs * SEGS_PER_BB;
	uint32_t seg = c->pi * SEGS_PER_BB + 2;
	unsigned k = 0, run, took;

	do {
		uint32_t at = seg & (segs - 1), slot = c->addr_pi & (q->depth - 1);

		run = n - k;
		run = run < segs - at ? run : segs - at;
		run = run < q->depth - slot ? run : q->depth - slot;
		took = data_run(q, pkts + k, run, segment(q->sq, at), &q->addrs[slot], cs,
		                &c->bytes, f);
		k += took;
		seg += took;
		c->addr_pi += took;
	} while (took == run && k < n);
	return k;
}

/* The same with short frames copied; *end: behind the last segment. */
static always_inline unsigned session_inline(struct mlx5_txq *q,
                                             const struct rawq_pkt *pkts, unsigned n,
                                             struct cursor *c, uint8_t cs, uint32_t room,
                                             uint32_t *end, const unsigned f)
{
	const struct mlx5_sq *sq = q->sq;
	uint32_t begin = c->pi * SEGS_PER_BB, seg = begin + 2;
	unsigned k = 0;

	for (; k < n; k++) {
		const struct rawq_pkt *p = &pkts[k];
		bool copy = p->len <= q->inline_max;
		uint32_t segs = copy ? (p->len + 4 + HW_WQE_DS - 1) / HW_WQE_DS : 1;

		if (unlikely(!is_plain(q, p, f)) || seg - begin + segs > room)
			break;
		if (f & TX_CSUM && checksums(q, p) != cs)
			break;
		if (copy)
			write_inline(sq, seg,
			             (const uint8_t *)(uintptr_t)(q->base + p->addr),
			             p->len);
		else
			write_data(segment(sq, seg), p->len, q->lkey, q->base + p->addr);
		seg += segs;
		keep(q, c, p);
	}
	*end = seg;
	return k;
}

/* Packets that can share a WQE, up to the first that cannot; 0: not even the first. */
static always_inline unsigned session(struct mlx5_txq *q, const struct rawq_pkt *pkts,
                                      unsigned n, struct cursor *c, const unsigned f)
{
	const struct mlx5_sq *sq = q->sq;
	uint32_t begin = c->pi * SEGS_PER_BB, addr = c->addr_pi, end, bbs, k;
	uint32_t room = c->room > 15 ? HW_WQE_MAX_DS : c->room * SEGS_PER_BB;
	uint8_t cs = f & TX_CSUM ? checksums(q, pkts) : 0;

	n = n < SESSION_MAX ? n : SESSION_MAX;
	if (unlikely(!room))
		return 0;
	if (f & TX_INLINE) {
		k = session_inline(q, pkts, n, c, cs, room, &end, f);
	} else {
		k = session_data(q, pkts, n < room - 2 ? n : room - 2, c, cs, f);
		end = begin + 2 + k;
	}
	if (unlikely(!k))
		return 0;
	bbs = (end - begin + SEGS_PER_BB - 1) / SEGS_PER_BB;
	*(struct hw_eth_seg *)segment(sq, begin + 1) =
		(struct hw_eth_seg){.cs_flags = cs};
	write_ctrl(segment(sq, begin), sq->qpn, c->pi,
	           k > 1 ? HW_WQE_OP_EMPW : HW_WQE_OP_SEND, end - begin, addr);
	c->packets += k;
	c->last = c->pi;
	c->pi += bbs;
	c->room -= bbs;
	return k;
}

/* ---- full: several descriptors, headers in the WQE, TSO ---- */

/* What a packet's WQE will be. */
struct plan {
	uint64_t bytes;
	uint32_t descriptors;
	uint32_t headers; /* bytes copied from the packet's begin into the WQE */
	uint32_t segs;    /* descriptors with bytes beyond those */
	uint32_t tag;     /* 4: a VLAN tag goes between the copied bytes */
	uint32_t ds;
	bool tso;
};

/* False: no packet that this queue can send. */
static always_inline bool make_plan(const struct mlx5_txq *q, const struct rawq_pkt *pkts,
                                    unsigned n, struct plan *plan, const unsigned f)
{
	uint32_t max = f & TX_SEGMENTS ? MLX5_SEGMENTS_MAX : 1, header_bytes;
	uint32_t vlan = f & TX_HEADERS && pkts->flags & RAWQ_TX_VLAN;

	*plan = (struct plan){.tso = f & TX_HEADERS && pkts->flags & RAWQ_TX_TSO};
	plan->headers = f & TX_MIN_INLINE ? HW_ETH_INLINE_HDR_L2 : 0;
	if (plan->tso)
		plan->headers = pkts->header_len;
	plan->tag = vlan && plan->headers ? VLAN_LEN : 0;
	for (uint32_t i = 0;; i++) {
		if (i == n || i == max)
			return false;
		plan->bytes += pkts[i].len;
		plan->descriptors++;
		plan->segs += plan->bytes > plan->headers && pkts[i].len;
		if (!(pkts[i].flags & RAWQ_MORE))
			break;
	}
	if (plan->tso ? plan->headers < LEN_MIN || plan->headers >= plan->bytes ||
	                        plan->headers > HEADERS_MAX - VLAN_LEN || !pkts->mss ||
	                        pkts->mss > UINT16_MAX || plan->bytes > TSO_BYTES_MAX
	              : plan->bytes < LEN_MIN || plan->bytes > q->len_max)
		return false;
	/* The Ethernet segment has room for two bytes of headers, then come whole segments. */
	header_bytes = plan->headers + plan->tag;
	plan->ds = 2 +
	           (header_bytes ? (header_bytes - 2 + HW_WQE_DS - 1) / HW_WQE_DS : 0) +
	           plan->segs;
	return plan->ds <= HW_WQE_MAX_DS;
}

/* Gather the first plan->headers bytes, zeros behind the packet's end, the tag in its place. */
static noinline void gather_headers(const struct mlx5_txq *q, const struct rawq_pkt *pkts,
                                    const struct plan *plan, uint8_t *to)
{
	uint32_t at = 0;
	be16 tag[2] = {to_be16(ETH_P_8021Q), to_be16(pkts->vlan)};

	memset(to, 0, plan->headers + plan->tag);
	for (uint32_t i = 0; i < plan->descriptors && at < plan->headers; i++) {
		uint32_t take = plan->headers - at;

		take = take < pkts[i].len ? take : pkts[i].len;
		memcpy(to + at, (const uint8_t *)(uintptr_t)(q->base + pkts[i].addr),
		       take);
		at += take;
	}
	if (plan->tag) {
		memmove(to + ETH_ADDRS + VLAN_LEN, to + ETH_ADDRS,
		        plan->headers - ETH_ADDRS);
		memcpy(to + ETH_ADDRS, tag, sizeof(tag));
	}
}

/* Put the headers into the Ethernet segment and those that follow; returns the next segment. */
static uint32_t write_headers(const struct mlx5_sq *sq, uint32_t seg,
                              const uint8_t *headers, uint32_t len)
{
	struct hw_eth_seg *eth = segment(sq, seg++);
	uint32_t at = sizeof(eth->inline_hdr);

	eth->inline_hdr_sz = to_be16((uint16_t)len);
	memcpy(eth->inline_hdr, headers, at);
	for (; at < len; at += HW_WQE_DS)
		memcpy(segment(sq, seg++), headers + at,
		       len - at < HW_WQE_DS ? len - at : HW_WQE_DS);
	return seg;
}

static always_inline unsigned full(struct mlx5_txq *q, const struct rawq_pkt *pkts,
                                   unsigned n, struct cursor *c, const unsigned f)
{
	struct mlx5_sq *sq = q->sq;
	uint32_t seg = c->pi * SEGS_PER_BB, skip, addr = c->addr_pi, bbs;
	uint8_t headers[HEADERS_MAX];
	struct hw_eth_seg *eth = segment(sq, seg + 1);
	struct plan plan;

	if (!make_plan(q, pkts, n, &plan, f))
		return 0;
	bbs = (plan.ds + SEGS_PER_BB - 1) / SEGS_PER_BB;
	if (bbs > c->room)
		return 0;
	write_ctrl(segment(sq, seg), sq->qpn, c->pi,
	           plan.tso ? HW_WQE_OP_TSO : HW_WQE_OP_SEND, plan.ds, addr);
	*eth = (struct hw_eth_seg){.cs_flags = f & TX_CSUM ? checksums(q, pkts) : 0,
	                           .mss = to_be16(plan.tso ? (uint16_t)pkts->mss : 0)};
	if (plan.headers) {
		gather_headers(q, pkts, &plan, headers);
		seg = write_headers(sq, seg + 1, headers, plan.headers + plan.tag);
	} else {
		if (f & TX_HEADERS && pkts->flags & RAWQ_TX_VLAN) {
			be16 tci = to_be16(pkts->vlan);

			eth->inline_hdr_sz = to_be16(HW_ETH_INSERT_VLAN);
			memcpy(eth->inline_hdr, &tci, sizeof(tci));
		}
		seg += 2;
	}
	skip = plan.headers;
	for (uint32_t i = 0; i < plan.descriptors; i++) {
		uint32_t gone = skip < pkts[i].len ? skip : pkts[i].len;

		if (pkts[i].len > gone) /* a count of 0 would mean 2 GB */
			write_data(segment(sq, seg++), pkts[i].len - gone, q->lkey,
			           q->base + pkts[i].addr + gone);
		skip -= gone;
		keep(q, c, &pkts[i]);
	}
	c->packets++;
	c->last = c->pi;
	c->pi += bbs;
	c->room -= bbs;
	return plan.descriptors;
}

/* ---- the burst ---- */

static always_inline unsigned tx_burst(struct rawq_txq *txq, const struct rawq_pkt *pkts,
                                       unsigned n, const unsigned f)
{
	struct mlx5_txq *q = (struct mlx5_txq *)txq;
	struct mlx5_sq *sq = q->sq;
	uint32_t free = q->depth - (q->addr_pi - q->addr_ci);
	struct cursor c = {.pi = sq->pi,
	                   .addr_pi = q->addr_pi,
	                   .room = sq->wqebbs - (sq->pi - sq->ci)};
	unsigned done = 0, k;

	n = n < free ? n : free;
	while (done < n) {
		if (f & TX_EMPW)
			k = session(q, pkts + done, n - done, &c, f);
		else
			k = singles(q, pkts + done, n - done, &c, f);
		if (!k && f & (TX_CSUM | TX_SEGMENTS | TX_HEADERS))
			k = full(q, pkts + done, n - done, &c, f);
		if (!k)
			break;
		done += k;
	}
	if (unlikely(!done))
		return 0;
	q->addr_pi = c.addr_pi;
	q->packets += c.packets;
	q->bytes += c.bytes;
	sq->pi = c.pi;
	/* The lane may change with the signal, so ring by our own pointer. */
	if (c.addr_pi - q->group_start >= q->signal_every ||
	    c.pi - sq->signalled_pi >= sq->wqebbs / 4)
		sq_signal(q, c.last);
	sq_doorbell(sq, c.last, n == 1);
	return done;
}

unsigned mlx5_tx_burst_stopped(struct rawq_txq *q, const struct rawq_pkt *pkts,
                               unsigned n)
{
	(void)q;
	(void)pkts;
	(void)n;
	return 0;
}

/* Every mixture of wishes, on each kind of card. */
#define VARIANT(name, features)                                                          \
	static unsigned name(struct rawq_txq *q, const struct rawq_pkt *pkts,            \
	                     unsigned n)                                                 \
	{                                                                                \
		return tx_burst(q, pkts, n, features);                                   \
	}
#define VARIANTS(card, features)                                                         \
	VARIANT(card, features)                                                          \
	VARIANT(card##_csum, (features) | TX_CSUM)                                       \
	VARIANT(card##_segments, (features) | TX_SEGMENTS)                               \
	VARIANT(card##_csum_segments, (features) | TX_CSUM | TX_SEGMENTS)                \
	VARIANT(card##_headers, (features) | TX_HEADERS)                                 \
	VARIANT(card##_csum_headers, (features) | TX_CSUM | TX_HEADERS)                  \
	VARIANT(card##_segments_headers, (features) | TX_SEGMENTS | TX_HEADERS)          \
	VARIANT(card##_all, (features) | TX_CSUM | TX_SEGMENTS | TX_HEADERS)

VARIANTS(plain, 0)
VARIANTS(min_inline, TX_MIN_INLINE)
VARIANTS(empw, TX_EMPW)
VARIANTS(empw_inline, TX_EMPW | TX_INLINE)

static_assert(TX_CSUM == 1 << 0 && TX_SEGMENTS == 1 << 1 && TX_HEADERS == 1 << 2,
              "wishes index a row");

#define ROW(card)                                                                        \
	{                                                                                \
		card, card##_csum, card##_segments, card##_csum_segments,                \
			card##_headers, card##_csum_headers, card##_segments_headers,    \
			card##_all                                                       \
	}

unsigned (*mlx5_tx_burst_for(uint32_t features))(struct rawq_txq *,
                                                 const struct rawq_pkt *, unsigned)
{
	static unsigned (*const table[4][8])(struct rawq_txq *, const struct rawq_pkt *,
	                                     unsigned) = {ROW(plain), ROW(min_inline),
	                                                  ROW(empw), ROW(empw_inline)};
	unsigned card = features & TX_MIN_INLINE      ? 1
	                : (features & TX_EMPW) == 0   ? 0
	                : (features & TX_INLINE) == 0 ? 2
	                                              : 3;

	return table[card][features & (TX_CSUM | TX_SEGMENTS | TX_HEADERS)];
}
