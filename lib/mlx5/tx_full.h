/* SPDX-License-Identifier: BSD-2-Clause */
/* A WQE for whatever else a packet may want: several descriptors, headers in the WQE, TSO. */
#ifndef LIB_MLX5_TX_FULL_H
#define LIB_MLX5_TX_FULL_H

#include "tx.h"

#include <linux/if_ether.h>

#define HEADERS_MAX   256u /* of a TSO packet, with a VLAN tag */
#define ETH_ADDRS     12u
#define VLAN_LEN      4u
#define TSO_BYTES_MAX (256u << 10)

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

#endif
