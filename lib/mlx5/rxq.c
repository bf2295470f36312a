/* SPDX-License-Identifier: BSD-2-Clause */
/* Making receive queues: a CQ and a WQ, their rings taken over from libmlx5. */
#include "mlx5.h"

#include "lib/error.h"
#include "lib/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which minis the queue gets: MLX5DV_CQE_RES_FORMAT_*, 0 for none.  A session has one time for
 * all its packets, and a hash for each in one of its formats only. */
static uint32_t mini_format(const struct mlx5_port *p, const struct rawq_queue_opts *o)
{
	uint32_t can =
		p->dv.cqe_comp_caps.max_num ? p->dv.cqe_comp_caps.supported_format : 0;

	if (o->compression == RAWQ_COMPRESS_OFF || o->offloads & RAWQ_RX_TIME)
		return 0;
	if (o->offloads & RAWQ_RX_HASH)
		can &= MLX5DV_CQE_RES_FORMAT_HASH;
	if (o->compression != RAWQ_COMPRESS_CSUM && can & MLX5DV_CQE_RES_FORMAT_HASH)
		return MLX5DV_CQE_RES_FORMAT_HASH;
	return can & MLX5DV_CQE_RES_FORMAT_CSUM;
}

static uint32_t features_of(uint32_t offloads, uint32_t minis)
{
	uint32_t f = minis ? RX_COMPRESSED : 0;

	if (offloads & (RAWQ_RX_L3_OK | RAWQ_RX_L4_OK))
		f |= RX_VERDICTS;
	if (offloads & (RAWQ_RX_HASH | RAWQ_RX_MARK | RAWQ_RX_VLAN))
		f |= RX_META;
	if (offloads & RAWQ_RX_SEGMENTS)
		f |= RX_SEGMENTS;
	if (offloads & RAWQ_RX_TIME)
		f |= RX_TIME;
	return f;
}

/* Segments of a WQE, so that the longest frame that the port takes fits. */
static uint32_t log_segments(const struct mlx5_port *p, uint32_t frame_size,
                             uint32_t depth)
{
	uint32_t longest = rdma_frame_max(&p->rdma), log = 0;

	while (frame_size << log < longest && 1u << log < MLX5_SEGMENTS_MAX &&
	       4u << log <= depth)
		log++;
	return log;
}

static int wq_ring(struct mlx5_rxq *q)
{
	struct mlx5dv_rwq dv = {0};
	struct mlx5dv_obj obj = {.rwq = {.in = q->rdma.wq, .out = &dv}};

	if (mlx5dv_init_obj(&obj, MLX5DV_OBJ_RWQ))
		return -EIO;
	if (dv.stride != sizeof(struct hw_data_seg) << q->log_segments ||
	    dv.wqe_cnt != q->wqes)
		return -ENOTSUP;
	q->ring = dv.buf;
	q->dbrec = (be32 *)dv.dbrec;
	return 0;
}

static int wq_create(struct mlx5_port *p, struct mlx5_rxq *q)
{
	struct ibv_wq_init_attr attr = {.wq_type = IBV_WQT_RQ,
	                                .max_wr = q->wqes,
	                                .max_sge = 1u << q->log_segments,
	                                .pd = p->rdma.pd,
	                                .cq = q->cq.cq};
	struct ibv_wq_attr ready = {.attr_mask = IBV_WQ_ATTR_STATE,
	                            .wq_state = IBV_WQS_RDY};
	int ret;

	if (q->rdma.offloads & RAWQ_RX_VLAN) {
		attr.comp_mask = IBV_WQ_INIT_ATTR_FLAGS;
		attr.create_flags = IBV_WQ_FLAGS_CVLAN_STRIPPING;
	}
	q->rdma.wq = ibv_create_wq(p->rdma.context, &attr);
	if (!q->rdma.wq)
		return -errno;
	ret = wq_ring(q);
	if (!ret) {
		mlx5_rx_ring_init(q);
		ret = -ibv_modify_wq(q->rdma.wq, &ready);
	}
	if (ret) {
		ibv_destroy_wq(q->rdma.wq);
		errno = -ret;
	}
	return ret;
}

static void queue_init(struct mlx5_port *p, struct rawq_region *region,
                       const struct rawq_queue_opts *opts, struct mlx5_rxq *q)
{
	q->mini_format = mini_format(p, opts);
	q->features = features_of(opts->offloads, q->mini_format);
	q->rdma.offloads = opts->offloads;
	q->mini_shared = opts->offloads;
	if (q->mini_format == MLX5DV_CQE_RES_FORMAT_CSUM)
		q->mini_shared &= ~(uint32_t)RAWQ_RX_HASH;
	q->base = (uint64_t)(uintptr_t)region->base;
	q->frame_mask = region->frame_size - 1;
	if (q->features & RX_SEGMENTS)
		q->log_segments = log_segments(p, region->frame_size, opts->depth);
	q->wqes = opts->depth >> q->log_segments;
	q->clock_kind = p->clock;
	q->rdma.rxq.calls.burst = mlx5_rx_burst_for(q->features);
	q->rdma.rxq.calls.post =
		q->features & RX_SEGMENTS ? mlx5_rx_post_segments : mlx5_rx_post;
}

static int rings_create(struct mlx5_port *p, struct mlx5_rxq *q, struct rawq_error *err)
{
	struct mlx5_cq_opts cq = {.entries = q->wqes,
	                          .mini_format = q->mini_format,
	                          .events = true,
	                          .times = q->features & RX_TIME};

	if (mlx5_cq_create(p, &cq, &q->cq))
		return rdma_fail(&p->rdma, err, "a completion queue");
	if (wq_create(p, q)) {
		int ret = rdma_fail(&p->rdma, err, "a receive queue");

		mlx5_cq_destroy(&q->cq);
		return ret;
	}
	return 0;
}

static void queue_free(struct mlx5_rxq *q)
{
	free(q->missing);
	free(q->held);
	free(q->spare);
	free(q);
}

int mlx5_rxq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                    struct rawq_error *err)
{
	struct mlx5_port *p = (struct mlx5_port *)port;
	struct mlx5_rxq *q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);
	int ret;

	if (!q)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	memset(q, 0, sizeof(*q));
	queue_init(p, region, opts, q);
	q->spare = calloc(opts->depth, sizeof(*q->spare));
	q->held = calloc(opts->depth, sizeof(*q->held));
	if (q->features & RX_SEGMENTS)
		q->missing = calloc(q->wqes, 1);
	if (!q->spare || !q->held || (q->features & RX_SEGMENTS && !q->missing))
		ret = fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	else
		ret = rdma_lkey(&p->rdma, region, &q->lkey, err);
	if (!ret)
		ret = rings_create(p, q, err);
	if (ret) {
		queue_free(q);
		return ret;
	}
	*out = &q->rdma.rxq.calls;
	return 0;
}

void mlx5_rxq_destroy(struct rawq_rxq *rxq)
{
	struct mlx5_rxq *q = (struct mlx5_rxq *)rxq;

	ibv_destroy_wq(q->rdma.wq);
	mlx5_cq_destroy(&q->cq);
	queue_free(q);
}

int mlx5_rxq_status(const struct rawq_rxq *rxq, struct rawq_queue_stats *stats)
{
	const struct mlx5_rxq *q = (const struct mlx5_rxq *)rxq;

	*stats = (struct rawq_queue_stats){.packets = q->packets,
	                                   .bytes = q->bytes,
	                                   .no_frame = q->no_frame,
	                                   .errors = q->errors,
	                                   .last_error = q->last_error};
	return q->status;
}

void mlx5_rxq_info(const struct rawq_rxq *rxq, struct rawq_queue_info *info)
{
	const struct mlx5_rxq *q = (const struct mlx5_rxq *)rxq;

	*info = (struct rawq_queue_info){
		.number = 1,
		.depth = q->wqes << q->log_segments,
		.mode = RAWQ_ZERO_COPY |
	                (q->rdma.rxq.region->huge_pages ? RAWQ_HUGE_PAGES : 0)};
}

int mlx5_rxq_arm(struct rawq_rxq *q)
{
	return mlx5_cq_arm(&((struct mlx5_rxq *)q)->cq);
}

void mlx5_clock_read(struct mlx5_rxq *q)
{
	if (q->clock_kind == MLX5_CLOCK_KERNEL)
		mlx5dv_get_clock_info(q->rdma.wq->context, &q->clock);
}
