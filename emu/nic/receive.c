/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive engine: frames that a wire brings are steered, hashed, scattered into the program's
 * buffers, and reported in a CQE.
 *
 * A wire that can pause is told to when a queue has no WQE, but not for ever: a queue that stays
 * empty for PATIENCE_NS loses frames until it is filled again, so that one queue cannot stop a
 * port.
 */
#include "emu/nic/checksum.h"
#include "emu/nic/fcs.h"
#include "emu/nic/mr.h"
#include "emu/nic/owned.h"
#include "emu/nic/rss.h"

#define PATIENCE_NS 1000000000u /* longer than a busy machine keeps a program waiting */
#define VLAN_TAG_AT 12          /* behind the two MACs */
#define VLAN_TAG    4
#define PIECES_MAX  (WIRE_SEGS_MAX + 3) /* a cut for the tag, and the FCS */

/* One frame on its way to one queue. */
struct arrival {
	struct port *port;
	struct nic_rq *rq;
	const struct packet *p;
	const struct wire_frame *frame;
	struct iovec pieces[PIECES_MAX]; /* what is to be written */
	unsigned count;
	uint32_t len;
	bool stripped;
	uint8_t fcs[4];
};

/* ---- What is written ---- */

/* The frame without its outermost VLAN tag. */
static void strip(struct arrival *a)
{
	const struct wire_frame *f = a->frame;
	uint32_t at = 0;

	for (unsigned i = 0; i < f->nsegs; i++) {
		uint8_t *base = f->segs[i].iov_base;
		uint32_t here = (uint32_t)f->segs[i].iov_len, end = at + here, cut = 0;

		if (at < VLAN_TAG_AT) {
			cut = end < VLAN_TAG_AT ? here : VLAN_TAG_AT - at;
			a->pieces[a->count++] = (struct iovec){base, cut};
		}
		while (cut < here && at + cut < VLAN_TAG_AT + VLAN_TAG)
			cut++;
		if (cut < here)
			a->pieces[a->count++] = (struct iovec){base + cut, here - cut};
		at = end;
	}
	a->len -= VLAN_TAG;
}

static void prepare(struct arrival *a)
{
	const struct wire_frame *f = a->frame;

	a->len = f->len;
	a->count = 0;
	a->stripped = a->rq->opts.vlan_strip && a->p->outer.vlans;
	if (a->stripped) {
		strip(a);
	} else {
		memcpy(a->pieces, f->segs, f->nsegs * sizeof(f->segs[0]));
		a->count = f->nsegs;
	}
	if (a->rq->opts.scatter_fcs) {
		fcs_of(f->segs, f->nsegs, a->fcs);
		a->pieces[a->count++] = (struct iovec){a->fcs, sizeof(a->fcs)};
		a->len += (uint32_t)sizeof(a->fcs);
	}
}

/* Where the next byte goes: data segments of one WQE. */
struct scatter {
	struct nic_rq *rq;
	const uint8_t *segs; /* in the ring */
	unsigned count, at;
	uint8_t *to;
	uint32_t room;   /* at `to` */
	const char *why; /* refused */
	uint32_t lkey, seg_len;
	uint64_t addr;
};

static bool next_segment(struct scatter *s)
{
	struct hw_data_seg seg;

	if (s->at >= s->count)
		return false;
	memcpy(&seg, s->segs + (size_t)s->at++ * sizeof(seg), sizeof(seg));
	s->lkey = from_be32(seg.lkey);
	s->seg_len = from_be32(seg.byte_count) & ~HW_INLINE_BIT;
	s->addr = from_be64(seg.addr);
	if (s->lkey == HW_LKEY_INVALID)
		return false;
	s->to = mr_translate(s->rq->nic, &s->rq->mr, s->lkey, s->addr, s->seg_len,
	                     s->rq->opts.pd, true);
	s->room = s->seg_len;
	if (!s->to)
		s->why = mr_refusal(s->rq->nic, s->lkey, s->addr, s->seg_len,
		                    s->rq->opts.pd, true);
	return s->to != NULL;
}

static struct scatter scatter_start(struct nic_rq *rq)
{
	const uint8_t *wqe = rq->ring + (size_t)(rq->ci & rq->mask) * rq->wqe_size;
	uint32_t skip = rq->opts.striding && rq->opts.linked
	                        ? (uint32_t)sizeof(struct hw_next_seg)
	                        : 0;

	return (struct scatter){.rq = rq,
	                        .segs = wqe + skip,
	                        .count = (rq->wqe_size - skip) /
	                                 (uint32_t)sizeof(struct hw_data_seg)};
}

/* Pass over len bytes (from NULL), or write them.  False: no room, or refused. */
static bool scatter_write(struct scatter *s, const void *from, size_t len)
{
	const uint8_t *bytes = from;

	while (len) {
		size_t n;

		if (!s->room && !next_segment(s))
			return false;
		n = len < s->room ? len : s->room;
		if (bytes) {
			memcpy(s->to, bytes, n);
			bytes += n;
		}
		s->to += n;
		s->room -= (uint32_t)n;
		len -= n;
	}
	return true;
}

/* Room that the WQE's list offers in all. */
static uint64_t scatter_capacity(struct scatter s)
{
	uint64_t total = 0;

	for (; s.at < s.count; s.at++) {
		struct hw_data_seg seg;

		memcpy(&seg, s.segs + (size_t)s.at * sizeof(seg), sizeof(seg));
		if (from_be32(seg.lkey) == HW_LKEY_INVALID)
			break;
		total += from_be32(seg.byte_count) & ~HW_INLINE_BIT;
	}
	return total;
}

/* ---- CQE ---- */

static uint8_t header_type(const struct packet_headers *h, const uint8_t *head)
{
	uint8_t type = h->l3_kind == L3_IPV4   ? HW_CQE_L3_IPV4
	               : h->l3_kind == L3_IPV6 ? HW_CQE_L3_IPV6
	                                       : HW_CQE_L3_NONE;

	if (h->fragment)
		return type | HW_CQE_FRAGMENT | (h->ip_options ? HW_CQE_IP_OPTIONS : 0);
	if (h->ip_options)
		type |= HW_CQE_IP_OPTIONS;
	if (h->l4_kind == L4_UDP)
		type |= HW_CQE_L4_UDP;
	if (h->l4_kind == L4_TCP) {
		const uint8_t *tcp = head + h->l4;
		uint32_t end = (uint32_t)h->l3 + h->l3_len;

		if (!(tcp[13] & 0x10))
			type |= HW_CQE_L4_TCP;
		else if (end <= h->l4 + (tcp[12] >> 4) * 4u)
			type |= HW_CQE_L4_TCP_EMPTY_ACK;
		else
			type |= HW_CQE_L4_TCP_ACK;
	}
	return type;
}

/* All but where the frame went.  The types and the verdicts are of the inner headers when there
 * are any, and pkt_info tells of the outer ones. */
static void describe(const struct arrival *a, const struct steering_dest *dest,
                     const struct rss_result *rss, struct hw_cqe *cqe)
{
	const struct packet *p = a->p;
	bool tunnel = p->tunnel != TUNNEL_NONE;
	const struct packet_headers *h = tunnel ? &p->inner : &p->outer;
	struct csum_verdict v;

	csum_judge(&v, p, h, a->frame->segs, a->frame->nsegs);
	*cqe = (struct hw_cqe){
		.flags_rqn = to_be32(a->rq->number),
		.srqn_user_index = to_be32(a->rq->opts.user_index),
		.rx_hash = to_be32(rss->hash),
		.rx_hash_type = rss->type,
		.checksum = to_be16(v.sum),
		.hds_ip_ext = (uint8_t)(HW_CQE_L2_OK | (v.l3_ok ? HW_CQE_L3_OK : 0) |
	                                (v.l4_ok ? HW_CQE_L4_OK : 0)),
		.hdr_type = header_type(h, p->head),
		.timestamp = to_be64(a->port->arrival_clock),
		.sop_drop_qpn = to_be32(dest->has_tag ? dest->tag : 0),
	};
	if (tunnel)
		cqe->pkt_info =
			(uint8_t)(HW_CQE_TUNNELED |
		                  (p->outer.l3_kind == L3_IPV4 ? HW_CQE_OUTER_IPV4 : 0));
	if (a->stripped) {
		cqe->hdr_type |= HW_CQE_VLAN_STRIPPED;
		cqe->vlan_info = to_be16(p->outer.vlan[0]);
	}
}

/* ---- Queues ---- */

static void fail_wqe(struct arrival *a, uint8_t syndrome, uint8_t vendor)
{
	struct nic_rq *rq = a->rq;

	cq_write_error(rq->opts.cq, HW_CQE_OP_RECV_ERROR, syndrome, vendor,
	               rq->opts.user_index, rq->number, rq->ci);
	a->port->counters.cqe_errors++;
	rq->ci++;
	rq->stride = 0;
}

static void refuse_segment(struct arrival *a, const struct scatter *s)
{
	violate(a->rq->nic, &a->rq->shown, RULE_SEGMENT_MEMORY,
	        "RQ 0x%x, WQE %u: segment of %u bytes at 0x%llx, lkey 0x%x: %s",
	        a->rq->number, a->rq->ci, s->seg_len, (unsigned long long)s->addr,
	        s->lkey, s->why);
	fail_wqe(a, HW_SYNDROME_LOCAL_PROT, VENDOR_PROTECTION);
	rq_to_error(a->rq);
}

static void too_long(struct arrival *a)
{
	a->port->counters.rx_too_long++;
	fail_wqe(a, HW_SYNDROME_LOCAL_LENGTH, VENDOR_LENGTH);
}

/* Returns false when the WQE was refused. */
static bool write_pieces(struct arrival *a, struct scatter *s)
{
	for (unsigned i = 0; i < a->count; i++) {
		if (!scatter_write(s, a->pieces[i].iov_base, a->pieces[i].iov_len)) {
			if (s->why)
				refuse_segment(a, s);
			else
				too_long(a);
			return false;
		}
	}
	return true;
}

static bool fill_cyclic(struct arrival *a, struct hw_cqe *cqe)
{
	struct nic_rq *rq = a->rq;
	struct scatter s = scatter_start(rq);

	if (scatter_capacity(s) < a->len) {
		too_long(a);
		return false;
	}
	if (!write_pieces(a, &s))
		return false;
	cqe->byte_count = to_be32(a->len);
	cqe->wqe_counter = to_be16(rq->ci);
	rq->ci++;
	return true;
}

/* The rest of the striding WQE is not used: a CQE tells so. */
static void write_filler(struct nic_rq *rq, uint32_t strides)
{
	struct hw_cqe cqe = {
		.flags_rqn = to_be32(rq->number),
		.srqn_user_index = to_be32(rq->opts.user_index),
		.wqe_id = to_be16(rq->ci),
		.byte_count = to_be32(HW_STRIDING_FILLER |
	                              strides << HW_STRIDING_STRIDES_SHIFT),
		.wqe_counter = to_be16((uint16_t)rq->stride),
	};

	cq_write_received(rq->opts.cq, &cqe);
	rq->stride = 0;
	rq->ci++;
}

static bool fill_striding(struct arrival *a, struct hw_cqe *cqe, uint32_t strides)
{
	struct nic_rq *rq = a->rq;
	uint32_t shift = rq->opts.two_byte_shift ? 2 : 0;
	struct scatter s = scatter_start(rq);

	if (!scatter_write(&s, NULL, (size_t)rq->stride << rq->opts.log_stride_size) ||
	    !scatter_write(&s, "\0", shift)) {
		if (s.why)
			refuse_segment(a, &s);
		else
			too_long(a);
		return false;
	}
	if (!write_pieces(a, &s))
		return false;
	cqe->wqe_id = to_be16(rq->ci);
	cqe->byte_count = to_be32(strides << HW_STRIDING_STRIDES_SHIFT | a->len);
	cqe->wqe_counter = to_be16((uint16_t)rq->stride);
	rq->stride += strides;
	if (rq->stride == 1u << rq->opts.log_strides) {
		rq->stride = 0;
		rq->ci++;
	}
	return true;
}

/* ---- Delivery ---- */

static bool has_wqe(struct nic_rq *rq)
{
	if (rq->ci == rq->pi)
		rq_look(rq);
	return rq->ci != rq->pi;
}

static uint32_t strides_needed(const struct arrival *a)
{
	const struct nic_rq_opts *o = &a->rq->opts;
	uint32_t size = 1u << o->log_stride_size;

	return (a->len + (o->two_byte_shift ? 2 : 0) + size - 1) >> o->log_stride_size;
}

/* A striding WQE whose rest is too small makes place; afterwards there may be none. */
static void make_place(struct arrival *a)
{
	struct nic_rq *rq = a->rq;
	uint32_t strides = 1u << rq->opts.log_strides, needed;

	if (!rq->opts.striding || rq->ci == rq->pi || !rq->stride)
		return;
	needed = strides_needed(a);
	if (needed <= strides && needed > strides - rq->stride)
		write_filler(rq, strides - rq->stride);
}

static bool planned_fault(struct arrival *a)
{
	struct fault_cqe fault;

	if (!a->rq->nic->opts.faults ||
	    !faults_wqe(a->rq->nic->opts.faults, FAULT_RQ, a->rq->number, &fault))
		return false;
	fail_wqe(a, fault.syndrome, fault.vendor);
	rq_to_error(a->rq);
	return true;
}

/* Put the frame into the WQE that is there. */
static void fill(struct arrival *a, const struct steering_dest *dest,
                 const struct rss_result *rss)
{
	struct nic_rq *rq = a->rq;
	struct nic_port_counters *c = &a->port->counters;
	struct hw_cqe cqe;
	bool filled;

	if (planned_fault(a))
		return;
	if (rq->owned && !rq->stride)
		owned_rq_check(rq, rq->ci);
	describe(a, dest, rss, &cqe);
	if (!rq->opts.striding) {
		filled = fill_cyclic(a, &cqe);
	} else if (strides_needed(a) > 1u << rq->opts.log_strides) {
		too_long(a);
		return;
	} else {
		filled = fill_striding(a, &cqe, strides_needed(a));
	}
	if (!filled)
		return;
	c->rx_packets++;
	c->rx_bytes += a->frame->len;
	cq_write_received(rq->opts.cq, &cqe);
}

/* No WQE: true if the wire shall wait. */
static bool be_patient(struct nic_rq *rq)
{
	uint64_t now = monotonic_ns();

	if (!rq->stalled_ns)
		rq->stalled_ns = now;
	return now - rq->stalled_ns < PATIENCE_NS;
}

/* False: the wire shall offer the frame again. */
static bool deliver(struct port *port, const struct packet *p,
                    const struct wire_frame *frame, const struct steering_dest *dest,
                    bool may_wait)
{
	struct arrival a;
	struct rss_result rss;

	rss_select(dest->dest, p, &rss);
	if (rss.rq->opts.cq->dead && rss.rq->state == NIC_QUEUE_READY)
		rq_to_error(rss.rq);
	if (rss.rq->state != NIC_QUEUE_READY) {
		port->counters.rx_not_ready++;
		return true;
	}
	a.port = port;
	a.rq = rss.rq;
	a.p = p;
	a.frame = frame;
	prepare(&a);
	make_place(&a);
	if (has_wqe(rss.rq)) {
		fill(&a, dest, &rss);
		return true;
	}
	if (may_wait && be_patient(rss.rq))
		return false;
	rss.rq->out_of_buffer++;
	port->counters.rx_out_of_buffer++;
	return true;
}

static void count_cast(struct nic_port_counters *c, const uint8_t *mac)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (!(mac[0] & 1))
		c->rx_unicast++;
	else if (!memcmp(mac, broadcast, sizeof(broadcast)))
		c->rx_broadcast++;
	else
		c->rx_multicast++;
}

/* False: the wire shall offer the frame again; then its verdict is kept, for counters in the
 * rules have counted it already. */
static bool receive_one(struct port *port, const struct wire_frame *frame)
{
	struct steering_verdict *v = &port->verdict;
	uint8_t peek[PACKET_PEEK];
	uint32_t head_len;
	const void *head = packet_peek(frame->segs, frame->nsegs, peek, &head_len);
	struct packet p;

	packet_parse(&p, head, head_len, frame->len);
	if (frame->len < 14 || frame->len > port->frame_max + 4u * p.outer.vlans) {
		port->counters.rx_too_long += frame->len >= 14;
		return true;
	}
	if (!port->stalled.valid ||
	    port->stalled.generation != steering_generation(port->steering))
		steering_decide(port->steering, &p, v);
	port->stalled.valid = false;
	if (v->count == 1 &&
	    !deliver(port, &p, frame, &v->dests[0], port->wire->pauses)) {
		port->stalled.valid = true;
		port->stalled.generation = steering_generation(port->steering);
		return false;
	}
	for (unsigned i = 0; v->count > 1 && i < v->count; i++)
		deliver(port, &p, frame, &v->dests[i], false);
	count_cast(&port->counters, head);
	port->counters.rx_kernel += v->kernel;
	port->counters.rx_dropped += v->dropped;
	port->counters.rx_missed += !v->count && !v->kernel && !v->dropped;
	return true;
}

unsigned port_receive(void *client, const struct wire_frame *frames, unsigned n)
{
	struct port *port = client;
	unsigned i = 0;

	if (!port->steering)
		return n;
	for (port->arrival_clock = nic_clock(port->nic); i < n; i++) {
		if (frames[i].time_ns)
			port->arrival_clock = nic_clock_at(port->nic, frames[i].time_ns);
		if (!receive_one(port, &frames[i]))
			break;
	}
	return i;
}
