/* SPDX-License-Identifier: BSD-2-Clause */
#include "emu/nic/frame.h"

#include "emu/nic/checksum.h"
#include "emu/nic/mr.h"
#include "emu/nic/ring.h"
#include "emu/nic/tso.h"

/* Pieces of one WQE: 62 segments of data at most, of which one may wrap, and a header. */
#define WQE_PIECES_MAX 66
/* What libmlx5 is told: tso_caps.max_tso. */
#define TSO_PAYLOAD_MAX 262144u

#define CS_ANY (HW_ETH_CS_L3 | HW_ETH_CS_L4 | HW_ETH_CS_L3_INNER | HW_ETH_CS_L4_INNER)

static const struct wqe_error bad_wqe = {HW_SYNDROME_LOCAL_QP_OP, VENDOR_WQE};
static const struct wqe_error bad_memory = {HW_SYNDROME_LOCAL_PROT, VENDOR_PROTECTION};
static const struct wqe_error bad_length = {HW_SYNDROME_LOCAL_LENGTH, VENDOR_LENGTH};

/* One WQE on its way into the batch. */
struct expansion {
	struct nic_sq *sq;
	struct batch *b;
	struct wqe *w;
	uint16_t index;
	uint32_t skip; /* frames still to be left out */
	struct wqe_error *error;
};

#define REFUSE(x, rule, code, ...)                                                       \
	do {                                                                             \
		violate((x)->sq->nic, &(x)->sq->shown, (rule), __VA_ARGS__);             \
		*(x)->error = (code);                                                    \
	} while (0)

/* ---- Reading ---- */

void frame_read_wqe(struct nic_sq *sq, uint16_t index, struct wqe *w)
{
	struct hw_ctrl_seg ctrl;
	uint32_t head, qpn_ds;

	*w = (struct wqe){.base = (uint32_t)index * DS_PER_WQEBB};
	ring_segment(sq, w->base, &ctrl);
	ring_segment(sq, w->base + 1, &w->eth);
	head = from_be32(ctrl.opmod_index_opcode);
	qpn_ds = from_be32(ctrl.qpn_ds);
	w->opcode = (uint8_t)head;
	w->named_index = (uint16_t)(head >> 8);
	w->named_queue = qpn_ds >> 8;
	w->ce = ctrl.fm_ce_se;
	w->ds = (uint8_t)(qpn_ds & HW_WQE_DS_MASK);
	w->next = (uint16_t)(index + ring_wqebbs(w->ds));
	w->header = from_be16(w->eth.inline_hdr_sz);
	if (w->header & HW_ETH_INSERT_VLAN)
		w->header = 0;
	w->body = 1 + ring_eth_segments(w->header);
	w->reserved = ctrl.reserved[0] | ctrl.reserved[1] | head >> 24 | (qpn_ds & 0xc0);
	if (w->opcode != HW_WQE_OP_NOP)
		w->reserved |= w->eth.swp_flags ||
		               (w->eth.mss.raw && w->opcode != HW_WQE_OP_TSO &&
		                w->opcode != HW_WQE_OP_EMPW);
}

/* What is wrong with the control segment; false: the WQE cannot be executed. */
static bool check_ctrl(struct expansion *x)
{
	struct nic_sq *sq = x->sq;
	const struct wqe *w = x->w;

	if (w->named_queue != sq->number) {
		REFUSE(x, RULE_WQE_QUEUE, bad_wqe,
		       "SQ 0x%x, WQE %u: its control segment names queue 0x%x",
		       sq->number, x->index, w->named_queue);
		return false;
	}
	if (!w->ds || (uint16_t)(w->next - x->index) > (uint16_t)(sq->pi - x->index)) {
		REFUSE(x, RULE_WQE_SIZE, bad_wqe,
		       "SQ 0x%x, WQE %u: size of %u segments, where the doorbell was for "
		       "%u",
		       sq->number, x->index, w->ds,
		       (uint16_t)(sq->pi - x->index) * DS_PER_WQEBB);
		return false;
	}
	if (w->named_index != x->index)
		violate(sq->nic, &sq->shown, RULE_WQE_INDEX,
		        "SQ 0x%x, WQE %u: its control segment says it is WQE %u",
		        sq->number, x->index, w->named_index);
	if (w->reserved)
		violate(sq->nic, &sq->shown, RULE_WQE_RESERVED,
		        "SQ 0x%x, WQE %u: reserved bits are set", sq->number, x->index);
	return true;
}

/* ---- Pieces ---- */

/* One pointer as a piece. */
static bool point(struct expansion *x, const struct hw_data_seg *seg, struct iovec *out)
{
	struct nic_sq *sq = x->sq;
	uint32_t lkey = from_be32(seg->lkey), len = from_be32(seg->byte_count);
	uint64_t addr = from_be64(seg->addr);

	if (!len) {
		REFUSE(x, RULE_SEGMENT_EMPTY, bad_memory,
		       "SQ 0x%x, WQE %u: a segment of byte count 0, which means 2 GB",
		       sq->number, x->index);
		return false;
	}
	out->iov_len = len;
	out->iov_base =
		mr_translate(sq->nic, &sq->mr, lkey, addr, len, sq->opts.pd, false);
	if (out->iov_base)
		return true;
	REFUSE(x, RULE_SEGMENT_MEMORY, bad_memory,
	       "SQ 0x%x, WQE %u: segment of %u bytes at 0x%llx, lkey 0x%x: %s",
	       sq->number, x->index, len, (unsigned long long)addr, lkey,
	       mr_refusal(sq->nic, lkey, addr, len, sq->opts.pd, false));
	return false;
}

/* The segment at *at, which moves on: one piece or two. 0: refused. */
static unsigned take_segment(struct expansion *x, unsigned *at, struct iovec *out)
{
	const struct wqe *w = x->w;
	struct hw_data_seg seg;
	uint32_t len;
	unsigned room =
		(w->ds - *at) * HW_WQE_DS - (unsigned)sizeof(struct hw_inline_seg);
	uint32_t at_ds = w->base + *at;

	ring_segment(x->sq, at_ds, &seg);
	len = from_be32(seg.byte_count);
	if (!(len & HW_INLINE_BIT)) {
		++*at;
		return point(x, &seg, out) ? 1 : 0;
	}
	len &= ~HW_INLINE_BIT;
	if (!len || len > room) {
		REFUSE(x, RULE_INLINE, bad_wqe,
		       "SQ 0x%x, WQE %u: %u bytes inline, where the WQE has room for 1 "
		       "to %u",
		       x->sq->number, x->index, len, room);
		return 0;
	}
	*at += ring_inline_segments(len);
	return ring_pieces(x->sq, at_ds, sizeof(struct hw_inline_seg), len, out);
}

/* All segments of the body; -1: refused. */
static int take_body(struct expansion *x, struct iovec *out)
{
	unsigned n = 0;

	for (unsigned at = x->w->body; at < x->w->ds;) {
		unsigned more = take_segment(x, &at, out + n);

		if (!more)
			return -1;
		n += more;
	}
	return (int)n;
}

static bool check_header(struct expansion *x)
{
	const struct wqe *w = x->w;

	if (w->body > w->ds) {
		REFUSE(x, RULE_INLINE, bad_wqe,
		       "SQ 0x%x, WQE %u: inline header of %u bytes runs past the WQE's "
		       "%u segments",
		       x->sq->number, x->index, w->header, w->ds);
		return false;
	}
	if (w->header >= x->sq->opts.min_inline)
		return true;
	REFUSE(x, RULE_INLINE, bad_wqe,
	       "SQ 0x%x, WQE %u: %u header bytes inline, this queue needs %u",
	       x->sq->number, x->index, w->header, x->sq->opts.min_inline);
	return false;
}

static uint32_t pieces_length(const struct iovec *segs, unsigned n)
{
	uint64_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += segs[i].iov_len;
	return len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
}

/* ---- Frames ---- */

static bool batch_is_full(const struct batch *b)
{
	return b->frames_count == BATCH_FRAMES ||
	       b->iovs_count + WQE_PIECES_MAX + 1 > BATCH_IOVS;
}

/* VLAN tags do not count against the port's longest frame. */
static uint32_t tags_length(const struct iovec *segs, unsigned n)
{
	uint8_t peek[PACKET_PEEK];
	struct packet p;
	uint32_t head_len;
	const void *head = packet_peek(segs, n, peek, &head_len);

	packet_parse(&p, head, head_len, pieces_length(segs, n));
	return p.outer.vlans * 4u;
}

/* The next frame of the batch, from n pieces at its iovs' end. */
static bool append(struct expansion *x, unsigned n)
{
	struct batch *b = x->b;
	struct iovec *segs = &b->iovs[b->iovs_count];
	uint32_t len = pieces_length(segs, n);
	uint32_t max = x->sq->nic->ports[x->sq->opts.port].frame_max;

	if (len < 14 || (len > max && len > max + tags_length(segs, n))) {
		REFUSE(x, RULE_FRAME_LENGTH, bad_length,
		       "SQ 0x%x, WQE %u: frame of %u bytes, the port sends 14 to %u",
		       x->sq->number, x->index, len, max);
		return false;
	}
	b->frames[b->frames_count] =
		(struct wire_frame){.segs = segs, .nsegs = n, .len = len};
	b->marks[b->frames_count] = (struct mark){.wqe = *x->w};
	b->frames_count++;
	b->iovs_count += n;
	x->w->frames++;
	return true;
}

/* Take `from` bytes off the front of the pieces; returns the first that is left. */
static unsigned drop_front(struct iovec *segs, unsigned n, uint32_t from)
{
	unsigned i = 0;

	for (; i < n && from >= segs[i].iov_len; i++)
		from -= (uint32_t)segs[i].iov_len;
	if (i < n) {
		segs[i].iov_base = (uint8_t *)segs[i].iov_base + from;
		segs[i].iov_len -= from;
	}
	return i;
}

static void insert_vlan(uint8_t *head, uint32_t head_len, const struct hw_eth_seg *eth)
{
	bool service = from_be16(eth->inline_hdr_sz) & HW_ETH_INSERT_SVLAN;

	memmove(head + 16, head + 12, head_len - 12);
	head[12] = service ? 0x88 : 0x81;
	head[13] = service ? 0xa8 : 0x00;
	memcpy(head + 14, eth->inline_hdr, 2);
}

/* Inner headers first: the outer L4 checksum covers them. */
static void insert_checksums(struct expansion *x, uint8_t *head, uint32_t head_len,
                             const struct iovec *segs, unsigned n, uint8_t flags)
{
	uint32_t len = pieces_length(segs, n);
	struct packet p;

	packet_parse(&p, head, head_len, len);
	if (p.outer.l3_kind == L3_NONE && flags & (HW_ETH_CS_L3 | HW_ETH_CS_L4))
		violate(x->sq->nic, &x->sq->shown, RULE_CHECKSUM,
		        "SQ 0x%x, WQE %u: checksums asked for a frame that is not IP",
		        x->sq->number, x->index);
	if (p.tunnel != TUNNEL_NONE) {
		if (flags & HW_ETH_CS_L4_INNER)
			csum_insert_l4(head, &p.inner, segs, n, len);
		if (flags & HW_ETH_CS_L3_INNER)
			csum_insert_l3(head, &p.inner);
	}
	if (flags & HW_ETH_CS_L4)
		csum_insert_l4(head, &p.outer, segs, n, len);
	if (flags & HW_ETH_CS_L3)
		csum_insert_l3(head, &p.outer);
}

/* The card changes the frame: its front goes into a buffer of the card's own.  The pieces are
 * at the end of the batch's iovs; returns how many they are then. */
static unsigned edit(struct expansion *x, unsigned n)
{
	struct batch *b = x->b;
	struct iovec rest[WQE_PIECES_MAX + 1], *segs = &b->iovs[b->iovs_count];
	uint8_t *head = b->heads[b->frames_count];
	uint32_t head_len = pieces_length(segs, n), at = 0;
	bool insert = from_be16(x->w->eth.inline_hdr_sz) & HW_ETH_INSERT_VLAN;
	unsigned first;

	if (head_len > PACKET_PEEK)
		head_len = PACKET_PEEK;
	if (head_len < 14)
		return n; /* append() will refuse it */
	for (unsigned i = 0; at < head_len; i++) {
		uint32_t here = (uint32_t)segs[i].iov_len;

		if (here > head_len - at)
			here = head_len - at;
		memcpy(head + at, segs[i].iov_base, here);
		at += here;
	}
	memcpy(rest, segs, n * sizeof(*segs));
	first = drop_front(rest, n, head_len);
	if (insert) {
		insert_vlan(head, head_len, &x->w->eth);
		head_len += 4;
	}
	segs[0] = (struct iovec){head, head_len};
	memcpy(segs + 1, rest + first, (n - first) * sizeof(*segs));
	n = n - first + 1;
	if (x->w->eth.cs_flags & CS_ANY)
		insert_checksums(x, head, head_len, segs, n, x->w->eth.cs_flags);
	return n;
}

static bool append_edited(struct expansion *x, unsigned n)
{
	if (x->w->eth.cs_flags & CS_ANY ||
	    from_be16(x->w->eth.inline_hdr_sz) & HW_ETH_INSERT_VLAN)
		n = edit(x, n);
	return append(x, n);
}

/* ---- Opcodes ---- */

static enum frame_result expand_send(struct expansion *x)
{
	struct iovec *segs = &x->b->iovs[x->b->iovs_count];
	unsigned n = 0;
	int body;

	if (!check_header(x))
		return FRAME_BAD;
	if (x->w->header)
		n = ring_pieces(x->sq, x->w->base + 1,
		                offsetof(struct hw_eth_seg, inline_hdr), x->w->header,
		                segs);
	body = take_body(x, segs + n);
	if (body < 0 || !append_edited(x, n + (unsigned)body))
		return FRAME_BAD;
	x->b->marks[x->b->frames_count - 1].last = true;
	return FRAME_DONE;
}

static bool check_empw(struct expansion *x)
{
	const struct wqe *w = x->w;
	const char *why = NULL;

	if (x->sq->opts.min_inline)
		why = "multi-packet sends need a queue without minimal inline";
	else if (w->eth.inline_hdr_sz.raw)
		why = "multi-packet sends have no inline header and insert no VLAN";
	else if (w->eth.mss.raw)
		why = "multi-packet sends have no MSS";
	else if (w->ds <= 2)
		why = "a multi-packet send without a packet";
	if (why)
		REFUSE(x, RULE_EMPW, bad_wqe, "SQ 0x%x, WQE %u: %s", x->sq->number,
		       x->index, why);
	return !why;
}

static enum frame_result expand_empw(struct expansion *x)
{
	if (!check_empw(x))
		return FRAME_BAD;
	for (unsigned at = 2; at < x->w->ds;) {
		unsigned n = take_segment(x, &at, &x->b->iovs[x->b->iovs_count]);

		if (!n)
			return FRAME_BAD;
		if (x->skip) {
			x->skip--;
			continue;
		}
		if (!append_edited(x, n))
			return FRAME_BAD;
		if (at >= x->w->ds)
			x->b->marks[x->b->frames_count - 1].last = true;
		else if (batch_is_full(x->b))
			return FRAME_FULL;
	}
	return FRAME_DONE;
}

/* The pieces of `len` bytes from *cursor on, which moves behind them. */
struct cursor {
	const struct iovec *segs;
	unsigned count, at;
	size_t offset;
};

static unsigned slice(struct cursor *c, uint32_t len, struct iovec *out)
{
	unsigned n = 0;

	while (len && c->at < c->count) {
		const struct iovec *seg = &c->segs[c->at];
		size_t here = seg->iov_len - c->offset;

		if (here > len) {
			here = len;
			out[n++] = (struct iovec){(uint8_t *)seg->iov_base + c->offset,
			                          here};
			c->offset += here;
			break;
		}
		out[n++] = (struct iovec){(uint8_t *)seg->iov_base + c->offset, here};
		len -= (uint32_t)here;
		c->offset = 0;
		c->at++;
	}
	return n;
}

/* The header of a TSO WQE in one piece; NULL: refused. */
static const char *read_tso_header(struct expansion *x, uint8_t *head, struct packet *p)
{
	struct iovec pieces[2];
	uint32_t len = x->w->header;

	if (len < 14 || len > PACKET_PEEK)
		return "its inline header is not 14 to 256 bytes long";
	if (!x->w->eth.mss.raw)
		return "its MSS is 0";
	ring_pieces(x->sq, x->w->base + 1, offsetof(struct hw_eth_seg, inline_hdr), len,
	            pieces);
	memcpy(head, pieces[0].iov_base, pieces[0].iov_len);
	memcpy(head + pieces[0].iov_len, pieces[1].iov_base, pieces[1].iov_len);
	packet_parse(p, head, len, len);
	return tso_refusal(p);
}

/* One segment: its header in the card's own memory, then its slice of the payload. */
static bool append_segment(struct expansion *x, const struct packet *whole,
                           uint32_t index, uint32_t payload, struct cursor *c)
{
	struct batch *b = x->b;
	uint32_t mss = from_be16(x->w->eth.mss), offset = index * mss;
	uint32_t len = payload - offset < mss ? payload - offset : mss;
	struct iovec *segs = &b->iovs[b->iovs_count];
	uint8_t *head = b->heads[b->frames_count];
	bool last = offset + len == payload;
	unsigned n;

	memcpy(head, whole->head, whole->head_len);
	tso_edit(head, whole, index, offset, len, last);
	segs[0] = (struct iovec){head, whole->head_len};
	n = 1 + slice(c, len, segs + 1);
	insert_checksums(x, head, whole->head_len, segs, n,
	                 whole->tunnel == TUNNEL_NONE ? HW_ETH_CS_L3 | HW_ETH_CS_L4
	                                              : CS_ANY & x->w->eth.cs_flags);
	if (!append(x, n))
		return false;
	b->marks[b->frames_count - 1].last = last;
	return true;
}

static enum frame_result expand_tso(struct expansion *x)
{
	struct iovec payload[WQE_PIECES_MAX];
	uint8_t head[PACKET_PEEK];
	struct cursor c = {.segs = payload};
	uint32_t len, mss = from_be16(x->w->eth.mss);
	struct packet whole;
	const char *why;
	int n;

	if (!check_header(x))
		return FRAME_BAD;
	why = read_tso_header(x, head, &whole);
	n = why ? 0 : take_body(x, payload);
	if (n < 0)
		return FRAME_BAD;
	len = pieces_length(payload, (unsigned)n);
	if (!why && (!len || len > TSO_PAYLOAD_MAX))
		why = "its payload is not 1 to 262144 bytes long";
	if (why) {
		REFUSE(x, RULE_TSO, bad_wqe,
		       "SQ 0x%x, WQE %u: segmentation asked, but %s", x->sq->number,
		       x->index, why);
		return FRAME_BAD;
	}
	c.count = (unsigned)n;
	c.at = drop_front(payload, (unsigned)n, x->skip * mss);
	for (uint32_t i = x->skip; i < (len + mss - 1) / mss; i++) {
		if (batch_is_full(x->b))
			return FRAME_FULL;
		if (!append_segment(x, &whole, i, len, &c))
			return FRAME_BAD;
	}
	return FRAME_DONE;
}

static enum frame_result expand(struct expansion *x)
{
	if (!check_ctrl(x))
		return FRAME_BAD;
	if (batch_is_full(x->b))
		return FRAME_FULL;
	switch (x->w->opcode) {
	case HW_WQE_OP_NOP:
		return FRAME_DONE;
	case HW_WQE_OP_SEND:
		return expand_send(x);
	case HW_WQE_OP_TSO:
		return expand_tso(x);
	case HW_WQE_OP_EMPW:
		return expand_empw(x);
	default:
		REFUSE(x, RULE_WQE_OPCODE, bad_wqe,
		       "SQ 0x%x, WQE %u: opcode 0x%02x, which an Ethernet queue does not "
		       "know",
		       x->sq->number, x->index, x->w->opcode);
		return FRAME_BAD;
	}
}

enum frame_result frame_expand(struct nic_sq *sq, struct batch *b, struct wqe *w,
                               uint32_t skip, struct wqe_error *error)
{
	struct expansion x = {.sq = sq,
	                      .b = b,
	                      .w = w,
	                      .index = (uint16_t)(w->base / DS_PER_WQEBB),
	                      .skip = skip,
	                      .error = error};
	unsigned frames = b->frames_count, iovs = b->iovs_count;
	enum frame_result result = expand(&x);

	if (result == FRAME_BAD) {
		b->frames_count = frames;
		b->iovs_count = iovs;
		if ((uint16_t)(w->next - x.index) > (uint16_t)(sq->pi - x.index))
			w->next = sq->pi;
	}
	return result;
}
