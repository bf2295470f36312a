/* SPDX-License-Identifier: BSD-2-Clause */
/* Making receive queues: a CQ and a WQ, their rings taken over from libmlx5. */
#include "mlx5.h"

#include "lib/error.h"
#include "lib/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One that the card fills, one that the caller is about to have back, and as many again. */
#define STRIDING_FRAMES_MIN 4u

/* Which minis the queue gets: MLX5DV_CQE_RES_FORMAT_*, 0 for none.  A session has one time for
 * all its packets, and a hash for each in one of its formats only. */
static uint32_t mini_format(const struct mlx5_port *p, const struct rawq_queue_opts *o)
{
	uint32_t can =
		p->dv.cqe_comp_caps.max_num ? p->dv.cqe_comp_caps.supported_format : 0;

	if (o->compression == RAWQ_COMPRESS_OFF || o->offloads & RAWQ_RX_TIME)
		return 0;
	if (o->offloads & RAWQ_RX_STRIDING) /* those that tell the stride */
		return o->offloads & RAWQ_RX_HASH
		               ? 0
		               : can & MLX5DV_CQE_RES_FORMAT_CSUM_STRIDX;
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
	if (offloads & RAWQ_RX_STRIDING)
		f |= RX_STRIDES; /* a frame is longer than any packet */
	else if (offloads & RAWQ_RX_SEGMENTS)
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
	if (dv.stride != (q->features & RX_STRIDES
	                          ? sizeof(struct mlx5_striding_wqe)
	                          : sizeof(struct hw_data_seg) << q->log_segments) ||
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
	struct mlx5dv_wq_init_attr dv = {
		.comp_mask = MLX5DV_WQ_INIT_ATTR_MASK_STRIDING_RQ,
		.striding_rq_attrs = {
			.single_stride_log_num_of_bytes = q->log_stride,
			.single_wqe_log_num_of_strides =
				(uint32_t)__builtin_ctz(q->strides | 1u << 31)}};
	struct ibv_wq_attr ready = {.attr_mask = IBV_WQ_ATTR_STATE,
	                            .wq_state = IBV_WQS_RDY};
	int ret;

	if (q->rdma.offloads & RAWQ_RX_VLAN) {
		attr.comp_mask = IBV_WQ_INIT_ATTR_FLAGS;
		attr.create_flags = IBV_WQ_FLAGS_CVLAN_STRIPPING;
	}
	q->rdma.wq = q->features & RX_STRIDES
	                     ? mlx5dv_create_wq(p->rdma.context, &attr, &dv)
	                     : ibv_create_wq(p->rdma.context, &attr);
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

/* Strides as short as the card has them, so that short packets lie close; as many as make a
 * frame.  Posted are frames for depth packets of one stride each. */
static void strides_init(const struct mlx5_port *p, struct mlx5_rxq *q, uint32_t depth)
{
	const struct mlx5dv_striding_rq_caps *caps = &p->dv.striding_rq_caps;
	uint32_t log_frame = (uint32_t)__builtin_ctzll(q->frame_mask + 1);

	q->log_stride = caps->min_single_stride_log_num_of_bytes;
	if (log_frame - q->log_stride > caps->max_single_wqe_log_num_of_strides)
		q->log_stride = log_frame - caps->max_single_wqe_log_num_of_strides;
	q->strides = 1u << (log_frame - q->log_stride);
	q->wqes = depth / q->strides;
	if (q->wqes < STRIDING_FRAMES_MIN)
		q->wqes = STRIDING_FRAMES_MIN;
}

/* The shortest frame that a striding queue of the port can have. */
static uint32_t striding_frame_min(const struct mlx5_port *p)
{
	const struct mlx5dv_striding_rq_caps *caps = &p->dv.striding_rq_caps;
	uint32_t least = 1u << (caps->min_single_stride_log_num_of_bytes +
	                        caps->min_single_wqe_log_num_of_strides);

	while (least < rdma_frame_max(&p->rdma))
		least *= 2;
	return least;
}

static void choose_calls(struct mlx5_rxq *q)
{
	struct rawq_rxq *calls = &q->rdma.rxq.calls;

	calls->burst = mlx5_rx_burst_for(q->features);
	calls->post = mlx5_rx_post;
#ifdef MLX5_HAS_AVX2
	if (__builtin_cpu_supports("avx2")) {
		calls->burst = mlx5_rx_burst_for_avx2(q->features);
		calls->post = mlx5_rx_post_avx2;
	}
#endif
	if (q->features & RX_STRIDES)
		calls->post = mlx5_rx_post_strides;
	else if (q->features & RX_SEGMENTS)
		calls->post = mlx5_rx_post_segments;
}

static void queue_init(struct mlx5_port *p, struct rawq_region *region,
                       const struct rawq_queue_opts *opts, struct mlx5_rxq *q)
{
	q->mini_format = mini_format(p, opts);
	q->features = features_of(opts->offloads, q->mini_format);
	q->rdma.offloads = opts->offloads;
	q->base = (uint64_t)(uintptr_t)region->base;
	q->frame_mask = region->frame_size - 1;
	if (q->features & RX_SEGMENTS)
		q->log_segments = log_segments(p, region->frame_size, opts->depth);
	q->wqes = opts->depth >> q->log_segments;
	if (q->features & RX_STRIDES)
		strides_init(p, q, opts->depth);
	q->clock_kind = p->clock;
	choose_calls(q);
	q->rdma.rxq.calls.post = q->features & RX_STRIDES    ? mlx5_rx_post_strides
	                         : q->features & RX_SEGMENTS ? mlx5_rx_post_segments
	                                                     : mlx5_rx_post;
}

static int rings_create(struct mlx5_port *p, struct mlx5_rxq *q, struct rawq_error *err)
{
	/* A packet or a filler has a stride at least. */
	struct mlx5_cq_opts cq = {.entries = q->wqes * (q->strides ? q->strides : 1),
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

static int check_striding(const struct mlx5_port *p, const struct rawq_region *region,
                          const struct rawq_queue_opts *o, struct rawq_error *err)
{
	const char *netdev = p->rdma.port.info.netdev;

	if (!(o->offloads & RAWQ_RX_STRIDING))
		return 0;
	if (region->frame_size < striding_frame_min(p))
		return fail(err, -ENOTSUP,
		            "%s: a striding queue takes frames of %u to 65536 bytes, not "
		            "%u (rawq_region_opts.frame_size)",
		            netdev, striding_frame_min(p), region->frame_size);
	if (o->compression > RAWQ_COMPRESS_OFF &&
	    (o->compression != RAWQ_COMPRESS_CSUM || !mini_format(p, o)))
		return fail(err, -ENOTSUP,
		            "%s: a striding queue has no such compression; auto, off or "
		            "csum, where the card tells strides in it",
		            netdev);
	return 0;
}

int mlx5_rxq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                    struct rawq_error *err)
{
	struct mlx5_port *p = (struct mlx5_port *)port;
	struct mlx5_rxq *q;
	int ret = check_striding(p, region, opts, err);

	if (ret)
		return ret;
	q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);
	if (!q)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	memset(q, 0, sizeof(*q));
	queue_init(p, region, opts, q);
	q->spare = calloc((size_t)q->wqes << q->log_segments, sizeof(*q->spare));
	q->held = calloc((size_t)q->wqes << q->log_segments, sizeof(*q->held));
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
