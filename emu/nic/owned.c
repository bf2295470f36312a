/* SPDX-License-Identifier: BSD-2-Clause */
#include "emu/nic/mr.h"
#include "emu/nic/owned.h"
#include "emu/nic/ring.h"

/* FNV-1a over 64-bit words. */
#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t digest(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		hash = (hash ^ word) * FNV_PRIME;
	}
	for (; len; p++, len--)
		hash = (hash ^ *p) * FNV_PRIME;
	return hash;
}

/* The memory of one data segment, if the card may read it. */
static uint64_t digest_data(struct nic *nic, struct mr_cache *mr, uint32_t pd,
                            const struct hw_data_seg *seg, uint64_t hash)
{
	uint32_t len = from_be32(seg->byte_count) & ~HW_INLINE_BIT;
	const uint8_t *bytes = mr_translate(nic, mr, from_be32(seg->lkey),
	                                    from_be64(seg->addr), len, pd, false);

	return bytes ? digest(hash, bytes, len) : hash;
}

/* Segments of a send WQE from `at` on that point somewhere; inline data is part of the WQE. */
static uint64_t digest_pointed(struct nic_sq *sq, uint32_t base, unsigned at, unsigned ds)
{
	uint64_t hash = FNV_BASIS;

	while (at < ds) {
		struct hw_data_seg seg;
		uint32_t word;

		ring_segment(sq, base + at, &seg);
		word = from_be32(seg.byte_count);
		if (word & HW_INLINE_BIT) {
			at += ring_inline_segments(word & ~HW_INLINE_BIT);
			continue;
		}
		hash = digest_data(sq->nic, &sq->mr, sq->opts.pd, &seg, hash);
		at++;
	}
	return hash;
}

/* Returns the WQE's length in WQEBBs. */
static uint16_t digest_wqe(struct nic_sq *sq, uint16_t index, struct owned *out)
{
	uint32_t base = (uint32_t)index * (HW_WQEBB / HW_WQE_DS);
	struct hw_eth_seg eth;
	struct hw_ctrl_seg ctrl;
	unsigned ds, header;

	ring_segment(sq, base, &ctrl);
	ring_segment(sq, base + 1, &eth);
	ds = from_be32(ctrl.qpn_ds) & HW_WQE_DS_MASK;
	header = from_be16(eth.inline_hdr_sz);
	header = header & HW_ETH_INSERT_VLAN ? 0 : header;
	out->wqe = FNV_BASIS;
	for (unsigned i = 0; i < ds; i++) {
		struct hw_data_seg seg;

		ring_segment(sq, base + i, &seg);
		out->wqe = digest(out->wqe, &seg, sizeof(seg));
	}
	out->data = FNV_BASIS;
	if ((from_be32(ctrl.opmod_index_opcode) & 0xff) != HW_WQE_OP_NOP)
		out->data = digest_pointed(sq, base, 1 + ring_eth_segments(header), ds);
	return ring_wqebbs(ds);
}

void owned_sq_take(struct nic_sq *sq, uint16_t from, uint16_t to)
{
	while ((int16_t)(to - from) > 0)
		from = (uint16_t)(from +
		                  digest_wqe(sq, from, &sq->owned[from & sq->mask]));
}

void owned_sq_check(struct nic_sq *sq, uint16_t from, uint16_t to)
{
	while ((int16_t)(to - from) > 0) {
		struct owned *was = &sq->owned[from & sq->mask], is;
		uint16_t next = (uint16_t)(from + digest_wqe(sq, from, &is));

		if (is.wqe != was->wqe) {
			violate(sq->nic, &sq->shown, RULE_WQE_CHANGED,
			        "SQ 0x%x, WQE %u: changed after its doorbell, before its "
			        "completion",
			        sq->number, from);
			return; /* where the next one starts is not known any more */
		}
		if (is.data != was->data)
			violate(sq->nic, &sq->shown, RULE_DATA_CHANGED,
			        "SQ 0x%x, WQE %u: its frame changed after the doorbell, "
			        "before its completion",
			        sq->number, from);
		from = next;
	}
}

static void digest_receive(struct nic_rq *rq, uint16_t index, struct owned *out)
{
	const uint8_t *wqe = rq->ring + (size_t)(index & rq->mask) * rq->wqe_size;
	uint32_t at =
		rq->opts.striding && rq->opts.linked ? sizeof(struct hw_next_seg) : 0;

	out->wqe = digest(FNV_BASIS, wqe, rq->wqe_size);
	out->data = FNV_BASIS;
	for (; at + sizeof(struct hw_data_seg) <= rq->wqe_size;
	     at += sizeof(struct hw_data_seg)) {
		struct hw_data_seg seg;

		memcpy(&seg, wqe + at, sizeof(seg));
		if (from_be32(seg.lkey) == HW_LKEY_INVALID)
			break;
		out->data = digest_data(rq->nic, &rq->mr, rq->opts.pd, &seg, out->data);
	}
}

void owned_rq_take(struct nic_rq *rq, uint16_t from, uint16_t to)
{
	for (; from != to; from++)
		digest_receive(rq, from, &rq->owned[from & rq->mask]);
}

void owned_rq_check(struct nic_rq *rq, uint16_t index)
{
	struct owned *was = &rq->owned[index & rq->mask], is;

	digest_receive(rq, index, &is);
	if (is.wqe != was->wqe)
		violate(rq->nic, &rq->shown, RULE_WQE_CHANGED,
		        "RQ 0x%x, WQE %u: changed after it was posted, before its "
		        "completion",
		        rq->number, index);
	else if (is.data != was->data)
		violate(rq->nic, &rq->shown, RULE_DATA_CHANGED,
		        "RQ 0x%x, WQE %u: its buffer was written while the card owned it",
		        rq->number, index);
}
