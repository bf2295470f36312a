/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving through ibv_poll_cq.  A WQE has one frame, or as many as the longest packet needs;
 * those that a packet did not use are posted again at once.  The queue is a WQ, so that rules
 * can spread over several; but libmlx5 reports checksum verdicts of a QP's own queue alone, so
 * one that asks for them is that, and so is every one of a device without WQs.
 */
#include "verbs.h"

#include "lib/error.h"
#include "lib/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define POLL_MAX 32 /* completions per call */

static uint64_t *held(const struct verbs_rxq *q, uint32_t index)
{
	return q->held + (size_t)(index & (q->wqes - 1)) * q->segments;
}

static void fill_wr(const struct verbs_rxq *q, uint32_t index, struct ibv_recv_wr *wr,
                    struct ibv_sge *sge)
{
	for (uint32_t s = 0; s < q->segments; s++)
		sge[s] = (struct ibv_sge){.addr = q->base + held(q, index)[s],
		                          .length = (uint32_t)q->frame_mask + 1,
		                          .lkey = q->lkey};
	*wr = (struct ibv_recv_wr){
		.wr_id = index, .sg_list = sge, .num_sge = (int)q->segments};
}

/* Post WQEs [rq_pi, end), whose addresses are held. */
static void post_wqes(struct verbs_rxq *q, uint32_t end)
{
	struct ibv_recv_wr wr[VERBS_BATCH], *bad;
	struct ibv_sge sge[VERBS_BATCH][VERBS_SEGMENTS_MAX];

	while (q->rq_pi != end) {
		uint32_t n = 0;

		for (; n < VERBS_BATCH && q->rq_pi + n != end; n++) {
			fill_wr(q, q->rq_pi + n, &wr[n], sge[n]);
			wr[n].next = &wr[n + 1];
		}
		wr[n - 1].next = NULL;
		q->rq_pi += n;
		if (q->rdma.wq ? ibv_post_wq_recv(q->rdma.wq, wr, &bad)
		               : ibv_post_recv(q->rdma.qp, wr, &bad)) {
			q->last_error = "the driver refused to post a frame";
			q->status = -EIO;
			return;
		}
	}
}

static unsigned rx_post(struct rawq_rxq *rxq, const uint64_t *addrs, unsigned n)
{
	struct verbs_rxq *q = (struct verbs_rxq *)rxq;
	uint32_t end = q->rq_pi;
	unsigned i = 0;

	if (unlikely(q->status))
		return 0;
	for (; i < n && end - q->rq_ci < q->wqes; i++) {
		held(q, end)[q->partial++] = addrs[i] & ~q->frame_mask;
		if (q->partial == q->segments) {
			q->partial = 0;
			end++;
		}
	}
	post_wqes(q, end);
	return i;
}

/* ---- completions ---- */

static uint16_t verdicts(const struct ibv_wc *wc)
{
	/* One bit says that both checksums are there and right. */
	return wc->wc_flags & IBV_WC_IP_CSUM_OK ? RAWQ_RX_L3_OK | RAWQ_RX_L4_OK : 0;
}

/* Deliver what fits of the packet that waits; 0: nothing fits. */
static unsigned deliver(struct verbs_rxq *q, struct rawq_pkt *p, unsigned n,
                        bool first_of_burst)
{
	uint32_t size = (uint32_t)q->frame_mask + 1, len = q->waiting.byte_len;
	uint32_t used = len ? (len + size - 1) / size : 1;
	const uint64_t *from = held(q, q->rq_ci);
	unsigned k = 0;

	if (used - q->given > n && !first_of_burst)
		return 0;
	for (; k < n && q->given < used; k++, q->given++) {
		p[k].addr = from[q->given];
		p[k].len = q->given + 1 < used ? size : len - q->given * size;
		p[k].flags =
			q->given ? 0 : verdicts(&q->waiting) & (uint16_t)q->rdma.offloads;
		if (q->given + 1 < used)
			p[k].flags |= RAWQ_MORE;
	}
	if (q->given == used) {
		uint64_t rest[VERBS_SEGMENTS_MAX];
		uint32_t left = 0;

		while (q->given < q->segments)
			rest[left++] = from[q->given++];
		q->given = 0;
		q->is_waiting = false;
		q->rq_ci++;
		q->packets++;
		q->bytes += len;
		if (left)
			rx_post(&q->rdma.rxq.calls, rest, left);
	}
	return k;
}

static int wq_state(struct verbs_rxq *q, enum ibv_wq_state state)
{
	struct ibv_wq_attr attr = {.attr_mask = IBV_WQ_ATTR_STATE, .wq_state = state};

	return -ibv_modify_wq(q->rdma.wq, &attr);
}

/* Everything from the start, with the same frames. */
static noinline void recover(struct verbs_rxq *q)
{
	const struct rdma_port *p = (const struct rdma_port *)q->rdma.rxq.port;
	uint32_t n = 0;
	struct ibv_wc wc[16];
	int ret;

	for (uint32_t i = q->rq_ci; i != q->rq_pi; i++) {
		for (uint32_t s = 0; s < q->segments; s++)
			q->spare[n++] = held(q, i)[s];
	}
	for (uint32_t s = 0; s < q->partial; s++)
		q->spare[n++] = held(q, q->rq_pi)[s];
	ret = q->rdma.wq ? wq_state(q, IBV_WQS_RESET) : rdma_qp_reset(q->rdma.qp);
	while (ibv_poll_cq(q->cq, 16, wc) > 0)
		;
	if (!ret)
		ret = q->rdma.wq ? wq_state(q, IBV_WQS_RDY)
		                 : rdma_qp_start(p, q->rdma.qp);
	if (ret) {
		q->status = ret == -ENODEV ? -ENETDOWN : -EIO;
		return;
	}
	q->rq_pi = q->rq_ci = q->partial = 0;
	rx_post(&q->rdma.rxq.calls, q->spare, n);
}

/* A packet too long costs its WQE alone; any other error stops the queue, which is reset. */
static noinline void failed(struct verbs_rxq *q, const struct ibv_wc *wc)
{
	uint64_t again[VERBS_SEGMENTS_MAX];

	q->errors++;
	q->last_error = rdma_status_text(wc->status);
	if (wc->status != IBV_WC_LOC_LEN_ERR) {
		recover(q);
		return;
	}
	for (uint32_t s = 0; s < q->segments; s++)
		again[s] = held(q, q->rq_ci)[s];
	q->rq_ci++;
	rx_post(&q->rdma.rxq.calls, again, q->segments);
}

static unsigned rx_burst(struct rawq_rxq *rxq, struct rawq_pkt *pkts, unsigned n)
{
	struct verbs_rxq *q = (struct verbs_rxq *)rxq;
	struct ibv_wc wc[POLL_MAX];
	unsigned i = 0;

	if (unlikely(q->status))
		return 0;
	if (unlikely(q->is_waiting)) {
		i = deliver(q, pkts, n, true);
		if (q->is_waiting)
			return i;
	}
	while (i < n) {
		/* Of packets of several descriptors, one at a time: it may have to wait. */
		int want = q->segments > 1    ? 1
		           : n - i < POLL_MAX ? (int)(n - i)
		                              : POLL_MAX;
		int got = ibv_poll_cq(q->cq, want, wc);

		for (int k = 0; k < got; k++) {
			if (unlikely(wc[k].status != IBV_WC_SUCCESS)) {
				failed(q, &wc[k]);
				return i;
			}
			q->waiting = wc[k];
			q->is_waiting = true;
			i += deliver(q, pkts + i, n - i, i == 0);
		}
		if (got < want || q->is_waiting)
			break;
	}
	return i;
}

/* ---- set-up ---- */

static int wq_create(struct verbs_port *p, struct verbs_rxq *q)
{
	struct ibv_wq_init_attr attr = {.wq_type = IBV_WQT_RQ,
	                                .max_wr = q->wqes,
	                                .max_sge = q->segments,
	                                .pd = p->rdma.pd,
	                                .cq = q->cq};
	int ret;

	q->rdma.wq = ibv_create_wq(p->rdma.context, &attr);
	if (!q->rdma.wq)
		return -errno;
	ret = wq_state(q, IBV_WQS_RDY);
	if (ret)
		ibv_destroy_wq(q->rdma.wq);
	return ret;
}

static int qp_create(struct verbs_port *p, struct verbs_rxq *q)
{
	struct ibv_qp_init_attr attr = {
		.qp_type = IBV_QPT_RAW_PACKET,
		.send_cq = q->cq,
		.recv_cq = q->cq,
		.cap = {.max_recv_wr = q->wqes, .max_recv_sge = q->segments}};
	int ret;

	q->rdma.qp = ibv_create_qp(p->rdma.pd, &attr);
	if (!q->rdma.qp)
		return -errno;
	ret = rdma_qp_start(&p->rdma, q->rdma.qp);
	if (ret)
		ibv_destroy_qp(q->rdma.qp);
	return ret;
}

static int rings_create(struct verbs_port *p, struct verbs_rxq *q)
{
	bool verdicts = q->rdma.offloads & (RAWQ_RX_L3_OK | RAWQ_RX_L4_OK);
	int ret;

	q->channel = ibv_create_comp_channel(p->rdma.context);
	if (!q->channel)
		return -errno;
	fcntl(q->channel->fd, F_SETFL, O_NONBLOCK);
	q->cq = ibv_create_cq(p->rdma.context, (int)q->wqes, NULL, q->channel, 0);
	if (!q->cq) {
		ret = -errno;
		goto no_cq;
	}
	ret = verdicts || !p->has_wqs ? qp_create(p, q) : wq_create(p, q);
	if (ret)
		goto no_queue;
	return 0;
no_queue:
	ibv_destroy_cq(q->cq);
no_cq:
	ibv_destroy_comp_channel(q->channel);
	errno = -ret;
	return ret;
}

static uint32_t segments_needed(const struct verbs_port *p, uint32_t frame_size,
                                uint32_t depth)
{
	uint32_t n = 1;

	while (n * frame_size < rdma_frame_max(&p->rdma) && n * 2 <= p->segments_max &&
	       n * 4 <= depth)
		n *= 2;
	return n;
}

static void queue_free(struct verbs_rxq *q)
{
	free(q->held);
	free(q->spare);
	free(q);
}

int verbs_rxq_create(struct rawq_port *port, struct rawq_region *region,
                     const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                     struct rawq_error *err)
{
	struct verbs_port *p = (struct verbs_port *)port;
	struct verbs_rxq *q = calloc(1, sizeof(*q));
	int ret;

	if (!q)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	q->rdma.offloads = opts->offloads;
	q->base = (uint64_t)(uintptr_t)region->base;
	q->frame_mask = region->frame_size - 1;
	q->segments = opts->offloads & RAWQ_RX_SEGMENTS
	                      ? segments_needed(p, region->frame_size, opts->depth)
	                      : 1;
	q->wqes = opts->depth / q->segments;
	q->rdma.rxq.calls.burst = rx_burst;
	q->rdma.rxq.calls.post = rx_post;
	q->held = calloc(opts->depth, sizeof(*q->held));
	q->spare = calloc(opts->depth, sizeof(*q->spare));
	if (!q->held || !q->spare)
		ret = fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	else
		ret = rdma_lkey(&p->rdma, region, &q->lkey, err);
	if (!ret && rings_create(p, q))
		ret = rdma_fail(&p->rdma, err, "a receive queue");
	if (ret) {
		queue_free(q);
		return ret;
	}
	*out = &q->rdma.rxq.calls;
	return 0;
}

void verbs_rxq_destroy(struct rawq_rxq *rxq)
{
	struct verbs_rxq *q = (struct verbs_rxq *)rxq;

	if (q->rdma.wq)
		ibv_destroy_wq(q->rdma.wq);
	else
		ibv_destroy_qp(q->rdma.qp);
	ibv_destroy_cq(q->cq);
	ibv_destroy_comp_channel(q->channel);
	queue_free(q);
}

int verbs_rxq_status(const struct rawq_rxq *rxq, struct rawq_queue_stats *stats)
{
	const struct verbs_rxq *q = (const struct verbs_rxq *)rxq;

	*stats = (struct rawq_queue_stats){.packets = q->packets,
	                                   .bytes = q->bytes,
	                                   .errors = q->errors,
	                                   .last_error = q->last_error};
	return q->status;
}

void verbs_rxq_info(const struct rawq_rxq *rxq, struct rawq_queue_info *info)
{
	const struct verbs_rxq *q = (const struct verbs_rxq *)rxq;

	*info = (struct rawq_queue_info){
		.number = 1,
		.depth = q->wqes * q->segments,
		.mode = RAWQ_ZERO_COPY |
	                (q->rdma.rxq.region->huge_pages ? RAWQ_HUGE_PAGES : 0)};
}

/* mlx5 and mlx4 raise the event also for a completion that is there already. */
int verbs_rxq_arm(struct rawq_rxq *rxq)
{
	struct verbs_rxq *q = (struct verbs_rxq *)rxq;
	struct ibv_cq *of;
	void *context;

	while (!ibv_get_cq_event(q->channel, &of, &context))
		ibv_ack_cq_events(of, 1);
	if (ibv_req_notify_cq(q->cq, 0))
		return -ENOTSUP;
	return q->channel->fd;
}
