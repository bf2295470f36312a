/* SPDX-License-Identifier: BSD-2-Clause */
/* Making send queues: lanes of raw packet QPs, their rings taken over from libmlx5. */
#include "sq.h"

#include "lib/error.h"
#include "lib/region.h"

#include <errno.h>
#include <stdlib.h>

#define WQEBBS_MIN   64u
#define SIGNAL_EVERY 64u /* descriptors per completion, of a deep queue */
/* ConnectX-4 sends about 16 Mpps per queue and reaches its 64 with four (Snabb's measurements);
 * cards with multi-packet WQEs need one. */
#define LANES_WITHOUT_EMPW 4u

/* ---- one lane ---- */

/* A register of its own lets a queue use BlueFlame without a lock; shared ones must not. */
static struct ibv_pd *own_register(struct mlx5_port *p, struct mlx5_sq *sq)
{
	struct ibv_td_init_attr td_attr = {0};
	struct ibv_parent_domain_init_attr pd_attr = {.pd = p->rdma.pd};

	sq->td = ibv_alloc_td(p->rdma.context, &td_attr);
	if (!sq->td)
		return NULL;
	pd_attr.td = sq->td;
	sq->pd = ibv_alloc_parent_domain(p->rdma.context, &pd_attr);
	if (!sq->pd) {
		ibv_dealloc_td(sq->td);
		sq->td = NULL;
	}
	return sq->pd;
}

static void give_register_back(struct mlx5_sq *sq)
{
	if (!sq->td)
		return;
	ibv_dealloc_pd(sq->pd);
	ibv_dealloc_td(sq->td);
}

static int sq_ring(struct mlx5_sq *sq)
{
	struct mlx5dv_qp dv = {0};
	struct mlx5dv_obj obj = {.qp = {.in = sq->qp, .out = &dv}};

	if (mlx5dv_init_obj(&obj, MLX5DV_OBJ_QP))
		return -EIO;
	if (dv.sq.stride != HW_WQEBB || dv.sq.wqe_cnt < 8 ||
	    dv.sq.wqe_cnt & (dv.sq.wqe_cnt - 1))
		return -ENOTSUP;
	sq->ring = dv.sq.buf;
	sq->wqebbs = dv.sq.wqe_cnt;
	sq->qpn = sq->qp->qp_num;
	sq->dbrec = (be32 *)dv.dbrec;
	sq->bf = dv.bf.reg;
	sq->bf_size = sq->td ? dv.bf.size : 0;
	return 0;
}

static int sq_create(struct mlx5_port *p, struct mlx5_sq *sq, uint32_t depth,
                     const struct mlx5_cq_opts *cq_opts)
{
	struct ibv_qp_init_attr_ex attr = {
		.qp_type = IBV_QPT_RAW_PACKET,
		.comp_mask = IBV_QP_INIT_ATTR_PD,
		.cap = {.max_send_wr = depth < WQEBBS_MIN ? WQEBBS_MIN : depth,
	                .max_send_sge = 1},
		.sq_sig_all = 0,
	};
	int ret;

	ret = mlx5_cq_create(p, cq_opts, &sq->cq);
	if (ret)
		return ret;
	attr.send_cq = attr.recv_cq = sq->cq.cq;
	attr.pd = own_register(p, sq);
	if (!attr.pd)
		attr.pd = p->rdma.pd;
	sq->qp = ibv_create_qp_ex(p->rdma.context, &attr);
	if (!sq->qp) {
		ret = -errno;
		goto no_qp;
	}
	ret = sq_ring(sq);
	if (!ret)
		ret = rdma_qp_start(&p->rdma, sq->qp);
	if (ret)
		goto no_ring;
	return 0;
no_ring:
	ibv_destroy_qp(sq->qp);
no_qp:
	give_register_back(sq);
	mlx5_cq_destroy(&sq->cq);
	errno = -ret;
	return ret;
}

static void sq_destroy(struct mlx5_sq *sq)
{
	ibv_destroy_qp(sq->qp);
	give_register_back(sq);
	mlx5_cq_destroy(&sq->cq);
}

int mlx5_sq_reset(struct mlx5_sq *sq, const struct rdma_port *p)
{
	int ret = rdma_qp_reset(sq->qp);

	if (ret)
		return ret;
	/* Nothing is written to the CQ any more, and nothing is read from the ring. */
	mlx5_cq_drain(&sq->cq);
	sq->pi = sq->ci = sq->signalled_pi = 0;
	dma_give32(&sq->dbrec[HW_DBR_SQ], 0);
	return rdma_qp_start(p, sq->qp);
}

/* ---- the queue ---- */

static uint32_t features_of(const struct mlx5_port *p, uint32_t offloads, bool inlines)
{
	uint32_t f = p->min_inline ? TX_MIN_INLINE : p->empw ? TX_EMPW : 0;

#ifdef MLX5_HAS_AVX2
	f |= __builtin_cpu_supports("avx2") ? TX_AVX2 : 0;
#endif
	if (f & TX_EMPW && inlines)
		f |= TX_INLINE;
	if (offloads & (RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM | RAWQ_TX_TSO))
		f |= TX_CSUM;
	if (offloads & RAWQ_TX_SEGMENTS)
		f |= TX_SEGMENTS;
	if (offloads & (RAWQ_TX_VLAN | RAWQ_TX_TSO))
		f |= TX_HEADERS;
	return f;
}

static int lanes_create(struct mlx5_port *p, struct mlx5_txq *q)
{
	struct mlx5_cq_opts cq = {.entries = q->group_mask + 1, .times = q->is_timed};
	int ret;

	for (uint32_t i = 0; i < q->lanes; i++) {
		ret = sq_create(p, &q->lane[i], q->depth, &cq);
		if (ret) {
			while (i-- > 0)
				sq_destroy(&q->lane[i]);
			return ret;
		}
	}
	return 0;
}

/* Groups outstanding at most: each has signal_every descriptors or a quarter of a lane, and
 * there is the NOP, and those that recovery closes. */
static uint32_t groups_max(const struct mlx5_txq *q)
{
	uint32_t n = 8 + q->depth / q->signal_every + 6 * q->lanes, size = 16;

	while (size < n)
		size *= 2;
	return size;
}

static void queue_init(struct mlx5_port *p, struct rawq_region *region,
                       const struct rawq_queue_opts *opts, struct mlx5_txq *q)
{
	q->depth = opts->depth;
	q->signal_every = opts->depth / 4 < SIGNAL_EVERY ? opts->depth / 4 : SIGNAL_EVERY;
	q->is_timed = opts->offloads & RAWQ_TX_TIME;
	if (!q->signal_every || q->is_timed)
		q->signal_every = 1;
	q->base = (uint64_t)(uintptr_t)region->base;
	q->len_max = rdma_frame_max(&p->rdma);
	q->lanes = opts->lanes ? opts->lanes : p->empw ? 1 : LANES_WITHOUT_EMPW;
	q->inline_max = opts->inline_max;
	q->features = features_of(p, opts->offloads, opts->inline_max > 0);
	q->group_mask = groups_max(q) - 1;
	q->sq = &q->lane[0];
	q->nudge_pi = UINT32_MAX;
	q->txq.calls.burst = mlx5_tx_burst_for(q->features);
	q->txq.calls.reap = mlx5_tx_reap;
}

int mlx5_txq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, struct rawq_txq **out,
                    struct rawq_error *err)
{
	struct mlx5_port *p = (struct mlx5_port *)port;
	struct mlx5_txq *q;
	int ret;

	q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);
	if (!q)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	memset(q, 0, sizeof(*q));
	queue_init(p, region, opts, q);
	ret = rdma_lkey(&p->rdma, region, &q->lkey, err);
	if (ret)
		goto free_queue;
	q->addrs = calloc(q->depth, sizeof(*q->addrs));
	q->groups = calloc(q->group_mask + 1, sizeof(*q->groups));
	if (!q->addrs || !q->groups) {
		ret = fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
		goto free_rings;
	}
	if (lanes_create(p, q)) {
		ret = rdma_fail(&p->rdma, err, "a send queue");
		goto free_rings;
	}
	*out = &q->txq.calls;
	return 0;
free_rings:
	free(q->groups);
	free(q->addrs);
free_queue:
	free(q);
	return ret;
}

void mlx5_txq_destroy(struct rawq_txq *txq)
{
	struct mlx5_txq *q = (struct mlx5_txq *)txq;

	for (uint32_t i = 0; i < q->lanes; i++)
		sq_destroy(&q->lane[i]);
	free(q->groups);
	free(q->addrs);
	free(q);
}

int mlx5_txq_status(const struct rawq_txq *txq, struct rawq_queue_stats *stats)
{
	const struct mlx5_txq *q = (const struct mlx5_txq *)txq;

	*stats = (struct rawq_queue_stats){.packets = q->packets,
	                                   .bytes = q->bytes,
	                                   .errors = q->errors,
	                                   .last_error = q->last_error};
	return q->status;
}

void mlx5_txq_info(const struct rawq_txq *txq, struct rawq_queue_info *info)
{
	const struct mlx5_txq *q = (const struct mlx5_txq *)txq;

	*info = (struct rawq_queue_info){
		.number = 1,
		.depth = q->depth,
		.mode = RAWQ_ZERO_COPY |
	                (q->txq.region->huge_pages ? RAWQ_HUGE_PAGES : 0)};
}

int mlx5_txq_arm(struct rawq_txq *q)
{
	(void)q;
	return -ENOTSUP;
}
