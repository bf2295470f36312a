/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Send engine.  WQEs are expanded into a batch of frames, whose pieces point into the program's
 * memory; the wire takes as many as it can, and only those WQEs are done that it took whole.
 * What it did not take is expanded again later: nothing is kept but a count of frames.
 *
 * On a wire that discards, plain SEND and multi-packet WQEs are only checked and counted.
 */
#include "emu/nic/frame.h"
#include "emu/nic/mr.h"
#include "emu/nic/owned.h"
#include "emu/nic/ring.h"

#include <stdlib.h>

struct batch *batch_create(void)
{
	return calloc(1, sizeof(struct batch));
}

/* ---- Completion ---- */

static void complete(struct nic_sq *sq, uint16_t index, uint16_t next, uint8_t opcode)
{
	struct hw_cqe cqe = {
		.srqn_user_index = to_be32(sq->opts.user_index),
		.timestamp =
			to_be64(sq->departure_ns ? nic_clock_at(sq->nic, sq->departure_ns)
	                                         : nic_clock(sq->nic)),
		.sop_drop_qpn = to_be32((uint32_t)opcode << 24 | sq->number),
		.wqe_counter = to_be16(index),
	};

	if (sq->owned)
		owned_sq_check(sq, sq->reported, next);
	sq->reported = next;
	cq_write(sq->opts.cq, &cqe, HW_CQE_OP_SENT);
}

static void done(struct nic_sq *sq, const struct wqe *w)
{
	uint16_t index = sq->ci;

	sq->ci = w->next;
	sq->skip = 0;
	if ((w->ce & HW_CE_MASK) >= HW_CE_ALWAYS)
		complete(sq, index, w->next, w->opcode);
}

static void count_frame(struct nic_port_counters *c, const struct wire_frame *frame)
{
	const uint8_t *mac = frame->segs[0].iov_base;
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	c->tx_packets++;
	c->tx_bytes += frame->len;
	if (!(mac[0] & 1))
		c->tx_unicast++;
	else if (frame->segs[0].iov_len >= 6 && !memcmp(mac, broadcast, 6))
		c->tx_broadcast++;
	else
		c->tx_multicast++;
}

/* Offer the batch; true if all of it was taken. */
static bool batch_flush(struct nic_sq *sq, struct batch *b)
{
	struct port *port = &sq->nic->ports[sq->opts.port];
	unsigned n = b->frames_count, sent;

	if (!n)
		return true;
	b->frames_count = b->iovs_count = 0;
	sq->departure_ns = nic_real_ns(sq->nic);
	for (unsigned i = 0; i < n; i++)
		b->frames[i].time_ns = sq->departure_ns;
	sent = wire_send(port->wire, b->frames, n);
	for (unsigned i = 0; i < sent; i++) {
		count_frame(&port->counters, &b->frames[i]);
		if (sq->rate_kbps)
			sq->tokens -= b->frames[i].len;
		if (b->marks[i].last)
			done(sq, &b->marks[i].wqe);
		else
			sq->skip++;
	}
	sq->departure_ns = 0;
	return sent == n;
}

/* ---- Fast path ---- */

static bool length_is_fine(uint32_t len, uint32_t max)
{
	return len - 14 <= max - 14; /* 14..max; a shorter one wraps round */
}

/* One data segment of a WQE that is only counted; 0: not as simple as that. */
static inline uint32_t plain_length(struct nic_sq *sq, const struct hw_data_seg *seg)
{
	uint32_t len = from_be32(seg->byte_count);

	if (len - 1 >= HW_INLINE_BIT - 1 ||
	    !mr_translate(sq->nic, &sq->mr, from_be32(seg->lkey), from_be64(seg->addr),
	                  len, sq->opts.pd, false))
		return 0;
	return len;
}

struct sums {
	uint64_t frames, bytes;
	uint32_t max;
};

/* SEND of one pointer behind 0 or 18 bytes of inline header; true if it was that. */
static inline bool discard_send(struct nic_sq *sq, const uint8_t *wqe, uint32_t ds,
                                struct sums *sums)
{
	struct hw_eth_seg eth;
	struct hw_data_seg seg;
	uint32_t header, len;

	memcpy(&eth, wqe + 16, sizeof(eth));
	header = from_be16(eth.inline_hdr_sz);
	if (header != (ds == 3 ? 0 : HW_ETH_INLINE_HDR_L2) ||
	    header < sq->opts.min_inline || (eth.cs_flags | eth.swp_flags | eth.mss.raw))
		return false;
	memcpy(&seg, wqe + (ds - 1) * HW_WQE_DS, sizeof(seg));
	len = plain_length(sq, &seg);
	if (!len || !length_is_fine(len + header, sums->max))
		return false;
	sums->frames++;
	sums->bytes += len + header;
	return true;
}

/* eMPW of pointers and inline data; true if every packet is plain. */
static bool discard_empw(struct nic_sq *sq, uint32_t base, uint32_t ds, struct sums *sums)
{
	uint64_t frames = 0, bytes = 0;
	struct hw_eth_seg eth;

	ring_segment(sq, base + 1, &eth);
	if (eth.inline_hdr_sz.raw || (eth.cs_flags | eth.swp_flags | eth.mss.raw) ||
	    sq->opts.min_inline)
		return false;
	for (uint32_t at = 2; at < ds;) {
		struct hw_data_seg seg;
		uint32_t len;

		ring_segment(sq, base + at, &seg);
		len = from_be32(seg.byte_count);
		if (len & HW_INLINE_BIT) {
			len &= ~HW_INLINE_BIT;
			at += ring_inline_segments(len);
			if (at > ds)
				return false;
		} else {
			len = plain_length(sq, &seg);
			at++;
		}
		if (!length_is_fine(len, sums->max))
			return false;
		frames++;
		bytes += len;
	}
	sums->frames += frames;
	sums->bytes += bytes;
	return frames != 0;
}

/* The first WQE, if it is plain: done. */
static inline bool discard_one(struct nic_sq *sq, struct sums *sums)
{
	uint16_t ci = sq->ci;
	const uint8_t *wqe = sq->ring + (size_t)(ci & sq->mask) * HW_WQEBB;
	struct hw_ctrl_seg ctrl;
	uint32_t head, ds;
	uint16_t blocks;

	__builtin_prefetch(sq->ring + (size_t)((ci + 8u) & sq->mask) * HW_WQEBB);
	memcpy(&ctrl, wqe, sizeof(ctrl));
	head = from_be32(ctrl.opmod_index_opcode);
	ds = from_be32(ctrl.qpn_ds) - (sq->number << 8); /* big if of another queue */
	if (ctrl.reserved[0] | ctrl.reserved[1])
		return false;
	if (head == ((uint32_t)ci << 8 | HW_WQE_OP_SEND)) {
		if (ds - 3 > 1 || !discard_send(sq, wqe, ds, sums))
			return false;
		blocks = 1;
	} else {
		blocks = ring_wqebbs(ds & HW_WQE_DS_MASK);
		if (head != ((uint32_t)ci << 8 | HW_WQE_OP_EMPW) || ds > HW_WQE_MAX_DS ||
		    blocks > (uint16_t)(sq->pi - ci) ||
		    !discard_empw(sq, (uint32_t)ci * DS_PER_WQEBB, ds, sums))
			return false;
	}
	sq->ci = (uint16_t)(ci + blocks);
	if ((ctrl.fm_ce_se & HW_CE_MASK) >= HW_CE_ALWAYS)
		complete(sq, ci, sq->ci, (uint8_t)head);
	return true;
}

/* Returns how many WQEs it did. */
static unsigned run_discarding(struct nic_sq *sq, unsigned budget)
{
	struct port *port = &sq->nic->ports[sq->opts.port];
	struct sums sums = {.max = port->frame_max};
	unsigned n = 0;

	while (n < budget && sq->ci != sq->pi && discard_one(sq, &sums))
		n++;
	wire_discard(port->wire, sums.frames, sums.bytes);
	port->counters.tx_packets += sums.frames;
	port->counters.tx_bytes += sums.bytes;
	return n;
}

/* ---- The whole of it ---- */

/* Bytes that pacing allows now, and whether that is any. */
static bool may_send_now(struct nic_sq *sq)
{
	uint64_t now, gained;

	if (!sq->rate_kbps)
		return true;
	now = monotonic_ns();
	gained = (now - sq->paced_ns) * sq->rate_kbps /
	         8000000u; /* kbps * ns / 8e6 = bytes */
	if (gained) {
		sq->tokens += (int64_t)gained;
		sq->paced_ns = now;
		if (sq->tokens > (int64_t)sq->burst)
			sq->tokens = (int64_t)sq->burst;
	}
	return sq->tokens > 0;
}

/* An error that the fault plan wants for this WQE. Asked once for each, with nothing batched. */
static bool planned_fault(struct nic_sq *sq, struct wqe_error *error)
{
	struct fault_cqe fault;

	if (!sq->nic->opts.faults || (int16_t)(sq->judged - sq->ci) > 0)
		return false;
	sq->judged = (uint16_t)(sq->ci + 1);
	if (!faults_wqe(sq->nic->opts.faults, FAULT_SQ, sq->number, &fault))
		return false;
	*error = (struct wqe_error){fault.syndrome, fault.vendor};
	return true;
}

/* The WQE at `at`, behind those in the batch: false when the queue must stop for now. */
static bool run_one(struct nic_sq *sq, struct batch *b, uint16_t *at)
{
	struct wqe_error error = {0};
	struct wqe w;
	enum frame_result result = FRAME_BAD;

	if ((sq->nic->opts.faults || sq->rate_kbps) && !batch_flush(sq, b))
		return false;
	if (!may_send_now(sq))
		return false;
	frame_read_wqe(sq, *at, &w);
	if (!planned_fault(sq, &error))
		result = frame_expand(sq, b, &w, *at == sq->ci ? sq->skip : 0, &error);
	if (result == FRAME_DONE && w.frames) {
		*at = w.next;
		return true;
	}
	/* A full batch, a WQE without frames, or a bad one: what is before it comes first. */
	if (!batch_flush(sq, b))
		return false;
	if (result == FRAME_BAD)
		sq_fail(sq, (uint16_t)(w.next - sq->ci), w.opcode, error.syndrome,
		        error.vendor);
	else if (result == FRAME_DONE)
		done(sq, &w);
	*at = sq->ci;
	return true;
}

static unsigned run_batched(struct nic_sq *sq, unsigned budget, bool *blocked)
{
	struct batch *b = sq->nic->batch;
	uint16_t at = sq->ci;
	unsigned n = 0;

	b->frames_count = b->iovs_count = 0;
	while (!*blocked && n < budget && sq->state == NIC_QUEUE_READY && at != sq->pi) {
		*blocked = !run_one(sq, b, &at);
		n++;
	}
	if (!batch_flush(sq, b))
		*blocked = true;
	return n;
}

bool sq_run(struct nic_sq *sq, unsigned budget)
{
	struct port *port = &sq->nic->ports[sq->opts.port];
	bool simple = port->wire && port->wire->discards && !sq->nic->opts.faults &&
	              !sq->nic->opts.thorough && !sq->rate_kbps;
	bool blocked = false, worked = sq_late(sq);

	while (budget && sq->ci != sq->pi && !blocked) {
		unsigned n = 0;

		if (sq->opts.cq->dead && sq->state == NIC_QUEUE_READY)
			sq_to_error(sq);
		if (sq->state == NIC_QUEUE_ERROR) {
			sq_flush_one(sq);
			n = 1;
		} else if (!port->wire) {
			return worked;
		} else if (simple) {
			n = run_discarding(sq, budget);
		}
		if (!n)
			n = run_batched(sq, simple ? 1 : budget, &blocked);
		budget -= n;
		worked = true;
	}
	return worked && !blocked;
}
