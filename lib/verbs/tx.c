/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending through ibv_post_send: a burst is a chain of work requests with one completion at its
 * end.  The send queue is as deep in work requests as in descriptors.
 */
#include "verbs.h"

#include "frame.h"

#include "lib/error.h"
#include "lib/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEN_MIN       14u /* an Ethernet header */
#define TSO_BYTES_MAX (256u << 10)

/* ---- one packet, one work request ---- */

/* The headers must lie apart from the payload; take them off the scatter list's begin. */
static bool make_tso(struct verbs_txq *q, struct ibv_send_wr *wr,
                     const struct rawq_pkt *p, uint64_t bytes)
{
	uint8_t *headers = q->headers[wr - q->wr];
	uint32_t need = p->header_len;

	if (need < LEN_MIN || need > sizeof(q->headers[0]) || need >= bytes || !p->mss ||
	    p->mss > UINT16_MAX || bytes > TSO_BYTES_MAX)
		return false;
	wr->opcode = IBV_WR_TSO;
	wr->tso.mss = (uint16_t)p->mss;
	wr->tso.hdr = headers;
	wr->tso.hdr_sz = (uint16_t)need;
	wr->send_flags = IBV_SEND_IP_CSUM;
	for (int i = 0; need; i++) {
		struct ibv_sge *s = &wr->sg_list[i];
		uint32_t take = need < s->length ? need : s->length;

		memcpy(headers, (const uint8_t *)(uintptr_t)s->addr, take);
		headers += take;
		need -= take;
		s->addr += take;
		s->length -= take;
	}
	return true;
}

/* Descriptors of the packet at pkts, put into wr; 0: none that can be sent. */
static unsigned make_wr(struct verbs_txq *q, const struct rawq_pkt *pkts, unsigned n,
                        struct ibv_send_wr *wr)
{
	bool segments = q->offloads & RAWQ_TX_SEGMENTS;
	uint32_t max = segments ? q->segments_max : 1, k = 0;
	struct ibv_sge *sge = q->sge[wr - q->wr];
	uint64_t bytes = 0;
	bool more;

	do {
		if (k == n || k == max)
			return 0;
		sge[k] = (struct ibv_sge){.addr = q->base + pkts[k].addr,
		                          .length = pkts[k].len,
		                          .lkey = q->lkey};
		bytes += pkts[k].len;
		more = segments && pkts[k].flags & RAWQ_MORE;
		k++;
	} while (more);
	*wr = (struct ibv_send_wr){.wr_id = q->addr_pi,
	                           .sg_list = sge,
	                           .num_sge = (int)k,
	                           .opcode = IBV_WR_SEND};
	if (pkts->flags & q->offloads & RAWQ_TX_TSO)
		return make_tso(q, wr, pkts, bytes) ? k : 0;
	if (pkts->flags & q->offloads & (RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM) &&
	    frame_checksums((const uint8_t *)(uintptr_t)sge->addr, sge->length))
		wr->send_flags = IBV_SEND_IP_CSUM;
	return bytes >= LEN_MIN && bytes <= q->len_max ? k : 0;
}

static void keep(struct verbs_txq *q, const struct rawq_pkt *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		q->addrs[q->addr_pi++ & (q->depth - 1)] = pkts[i].addr;
		q->bytes += pkts[i].len;
	}
	q->packets++;
}

/* Up to VERBS_BATCH packets with one call; returns their descriptors. */
static unsigned send_batch(struct verbs_txq *q, const struct rawq_pkt *pkts, unsigned n)
{
	uint32_t room = q->depth - (q->addr_pi - q->addr_ci), wrs = 0;
	uint32_t wr_room = q->depth - (q->wr_pi - q->wr_ci);
	struct ibv_send_wr *bad;
	unsigned done = 0, k;

	n = n < room ? n : room;
	wr_room = wr_room < VERBS_BATCH ? wr_room : VERBS_BATCH;
	while (wrs < wr_room && done < n &&
	       (k = make_wr(q, pkts + done, n - done, &q->wr[wrs]))) {
		keep(q, pkts + done, k);
		q->wr[wrs].next = &q->wr[wrs + 1];
		done += k;
		wrs++;
	}
	if (!wrs)
		return 0;
	q->wr[wrs - 1].next = NULL;
	q->wr[wrs - 1].send_flags |= IBV_SEND_SIGNALED;
	q->wr_pi += wrs;
	q->groups[q->group_pi++ & (q->depth - 1)] =
		(struct verbs_group){.addr_end = q->addr_pi, .wr_end = q->wr_pi};
	if (unlikely(ibv_post_send(q->qp, q->wr, &bad))) {
		/* Part of the chain may be on its way; the reset that follows returns all. */
		q->last_error = "the driver refused a descriptor";
		q->broken = true;
	}
	return done;
}

static unsigned tx_burst(struct rawq_txq *txq, const struct rawq_pkt *pkts, unsigned n)
{
	struct verbs_txq *q = (struct verbs_txq *)txq;
	unsigned done = 0, k;

	if (unlikely(q->broken || q->status))
		return 0;
	while (done < n && (k = send_batch(q, pkts + done, n - done)))
		done += k;
	return done;
}

/* ---- completions ---- */

/* All that is outstanding comes back unsent; the queue pair starts anew. */
static noinline void recover(struct verbs_txq *q)
{
	struct ibv_wc wc[16];
	int ret = rdma_qp_reset(q->qp);

	while (ibv_poll_cq(q->cq, 16, wc) > 0)
		;
	if (!ret)
		ret = rdma_qp_start((const struct rdma_port *)q->txq.port, q->qp);
	if (ret)
		q->status = ret == -ENODEV ? -ENETDOWN : -EIO;
	q->errors += q->addr_pi - q->addr_done;
	q->addr_done = q->addr_pi;
	q->wr_ci = q->wr_pi;
	q->group_ci = q->group_pi;
	q->broken = false;
}

static void completed(struct verbs_txq *q, const struct ibv_wc *wc)
{
	const struct verbs_group *g = &q->groups[q->group_ci & (q->depth - 1)];

	if (unlikely(wc->status != IBV_WC_SUCCESS || q->group_ci == q->group_pi)) {
		uint32_t sent = (uint32_t)wc->wr_id - q->addr_done;

		/* wr_id is the first descriptor of the one that failed; those ahead went out. */
		if (!q->broken && sent <= q->addr_pi - q->addr_done)
			q->addr_done += sent;
		if (wc->status != IBV_WC_WR_FLUSH_ERR || !q->last_error)
			q->last_error = rdma_status_text(wc->status);
		q->broken = true;
		return;
	}
	if (q->broken)
		return;
	q->addr_done = g->addr_end;
	q->wr_ci = g->wr_end;
	q->group_ci++;
}

static unsigned tx_reap(struct rawq_txq *txq, uint64_t *addrs, unsigned n)
{
	struct verbs_txq *q = (struct verbs_txq *)txq;
	uint32_t ready, first, slot = q->addr_ci & (q->depth - 1);
	struct ibv_wc wc[16];
	int got;

	got = ibv_poll_cq(q->cq, 16, wc);
	for (int i = 0; i < got; i++)
		completed(q, &wc[i]);
	if (unlikely(q->broken && !q->status))
		recover(q);
	ready = q->addr_done - q->addr_ci;
	n = n < ready ? n : ready;
	first = q->depth - slot < n ? q->depth - slot : n;
	memcpy(addrs, q->addrs + slot, first * sizeof(*addrs));
	memcpy(addrs + first, q->addrs, (n - first) * sizeof(*addrs));
	q->addr_ci += n;
	return n;
}

/* ---- set-up ---- */

static int qp_create(struct verbs_port *p, struct verbs_txq *q)
{
	struct ibv_qp_init_attr_ex attr = {
		.qp_type = IBV_QPT_RAW_PACKET,
		.comp_mask = IBV_QP_INIT_ATTR_PD,
		.pd = p->rdma.pd,
		.cap = {.max_send_wr = q->depth,
	                .max_send_sge =
	                        q->offloads & RAWQ_TX_SEGMENTS ? q->segments_max : 1},
	};
	int ret;

	/* Bursts of one packet have a completion each. */
	q->cq = ibv_create_cq(p->rdma.context, (int)q->depth, NULL, NULL, 0);
	if (!q->cq)
		return -errno;
	if (q->offloads & RAWQ_TX_TSO) {
		attr.comp_mask |= IBV_QP_INIT_ATTR_MAX_TSO_HEADER;
		attr.max_tso_header = sizeof(q->headers[0]);
	}
	attr.send_cq = attr.recv_cq = q->cq;
	q->qp = ibv_create_qp_ex(p->rdma.context, &attr);
	if (!q->qp) {
		ret = -errno;
		goto no_qp;
	}
	ret = rdma_qp_start(&p->rdma, q->qp);
	if (ret)
		goto no_start;
	return 0;
no_start:
	ibv_destroy_qp(q->qp);
no_qp:
	ibv_destroy_cq(q->cq);
	errno = -ret;
	return ret;
}

static void queue_free(struct verbs_txq *q)
{
	free(q->addrs);
	free(q->groups);
	free(q);
}

int verbs_txq_create(struct rawq_port *port, struct rawq_region *region,
                     const struct rawq_queue_opts *opts, struct rawq_txq **out,
                     struct rawq_error *err)
{
	struct verbs_port *p = (struct verbs_port *)port;
	struct verbs_txq *q = calloc(1, sizeof(*q));
	int ret;

	if (!q)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	q->depth = opts->depth;
	q->offloads = opts->offloads;
	q->segments_max = p->segments_max;
	q->base = (uint64_t)(uintptr_t)region->base;
	q->len_max = rdma_frame_max(&p->rdma);
	q->txq.calls.burst = tx_burst;
	q->txq.calls.reap = tx_reap;
	q->addrs = calloc(q->depth, sizeof(*q->addrs));
	q->groups = calloc(q->depth, sizeof(*q->groups));
	if (!q->addrs || !q->groups)
		ret = fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	else
		ret = rdma_lkey(&p->rdma, region, &q->lkey, err);
	if (!ret && qp_create(p, q))
		ret = rdma_fail(&p->rdma, err, "a send queue");
	if (ret) {
		queue_free(q);
		return ret;
	}
	*out = &q->txq.calls;
	return 0;
}

void verbs_txq_destroy(struct rawq_txq *txq)
{
	struct verbs_txq *q = (struct verbs_txq *)txq;

	ibv_destroy_qp(q->qp);
	ibv_destroy_cq(q->cq);
	queue_free(q);
}

int verbs_txq_status(const struct rawq_txq *txq, struct rawq_queue_stats *stats)
{
	const struct verbs_txq *q = (const struct verbs_txq *)txq;

	*stats = (struct rawq_queue_stats){.packets = q->packets,
	                                   .bytes = q->bytes,
	                                   .errors = q->errors,
	                                   .last_error = q->last_error};
	return q->status;
}

void verbs_txq_info(const struct rawq_txq *txq, struct rawq_queue_info *info)
{
	const struct verbs_txq *q = (const struct verbs_txq *)txq;

	*info = (struct rawq_queue_info){
		.number = 1,
		.depth = q->depth,
		.mode = RAWQ_ZERO_COPY |
	                (q->txq.region->huge_pages ? RAWQ_HUGE_PAGES : 0)};
}

int verbs_txq_arm(struct rawq_txq *q)
{
	(void)q;
	return -ENOTSUP;
}
