/* SPDX-License-Identifier: BSD-2-Clause */
/* The mlx5 backend: what the card can do, asked of libmlx5. */
#include "mlx5.h"

#include "lib/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECTX_5 4119u /* vendor_part_id; older ones want the L2 header in the WQE */

#define DEPTH_MAX 32768u /* of 65536, which the rings' 16-bit counters tell apart */

static uint32_t rx_offloads(const struct mlx5_port *p)
{
	const struct ibv_device_attr_ex *caps = &p->rdma.caps;
	uint32_t o = RAWQ_RX_MARK | RAWQ_RX_HASH | RAWQ_RX_SEGMENTS;

	if (caps->orig_attr.device_cap_flags & IBV_DEVICE_RAW_IP_CSUM)
		o |= RAWQ_RX_L3_OK | RAWQ_RX_L4_OK;
	if (caps->raw_packet_caps & IBV_RAW_PACKET_CAP_CVLAN_STRIPPING)
		o |= RAWQ_RX_VLAN;
	if (p->clock != MLX5_CLOCK_NONE)
		o |= RAWQ_RX_TIME;
	if (p->dv.striding_rq_caps.supported_qpts & 1u << IBV_QPT_RAW_PACKET)
		o |= RAWQ_RX_STRIDING;
	return o;
}

static uint32_t tx_offloads(const struct mlx5_port *p)
{
	const struct ibv_device_attr_ex *caps = &p->rdma.caps;
	uint32_t o = RAWQ_TX_VLAN | RAWQ_TX_SEGMENTS;

	if (caps->orig_attr.device_cap_flags & IBV_DEVICE_RAW_IP_CSUM)
		o |= RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM;
	if (caps->tso_caps.max_tso &&
	    caps->tso_caps.supported_qpts & 1u << IBV_QPT_RAW_PACKET)
		o |= RAWQ_TX_TSO;
	if (p->clock != MLX5_CLOCK_NONE)
		o |= RAWQ_TX_TIME;
	return o;
}

/* Entries show either the time of day, or a counter that the kernel explains in a shared page. */
static enum mlx5_clock_kind find_clock(const struct mlx5_port *p)
{
	struct mlx5dv_clock_info info;

	if (p->dv.flags & MLX5DV_CONTEXT_FLAGS_REAL_TIME_TS)
		return MLX5_CLOCK_REAL_TIME;
	if (!mlx5dv_get_clock_info(p->rdma.context, &info))
		return MLX5_CLOCK_KERNEL;
	return MLX5_CLOCK_NONE;
}

static uint32_t compressions(const struct mlx5_port *p)
{
	uint32_t formats =
		p->dv.cqe_comp_caps.max_num ? p->dv.cqe_comp_caps.supported_format : 0;

	return (formats & MLX5DV_CQE_RES_FORMAT_HASH ? 1 << RAWQ_COMPRESS_HASH : 0) |
	       (formats & MLX5DV_CQE_RES_FORMAT_CSUM ? 1 << RAWQ_COMPRESS_CSUM : 0);
}

/* The functions of one card have one clock if they show it alike: as the time of day, or explained
 * by the same numbers. */
static uint32_t clock_number(const struct mlx5_port *p)
{
	uint64_t card = p->rdma.caps.orig_attr.sys_image_guid, offset = 0;
	struct mlx5dv_clock_info info;

	if (p->clock == MLX5_CLOCK_NONE)
		return 0;
	if (p->clock == MLX5_CLOCK_KERNEL &&
	    !mlx5dv_get_clock_info(p->rdma.context, &info))
		offset = info.nsec - (info.last_cycles * info.mult >> info.shift);
	card ^= offset * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(card ^ card >> 32) | 1;
}

static void describe(struct mlx5_port *p)
{
	struct rawq_port_info *info = &p->rdma.port.info;
	uint32_t depth = 2;

	while (depth * 2 <= DEPTH_MAX &&
	       depth * 2 <= (uint32_t)p->rdma.caps.orig_attr.max_qp_wr)
		depth *= 2;
	info->depth_max = depth;
	info->frame_max = 65536;
	info->segments_max = MLX5_SEGMENTS_MAX;
	info->lanes_max = MLX5_LANES_MAX;
	info->inline_max = p->empw ? MLX5_INLINE_MAX : 0;
	info->compressions = compressions(p);
	info->rx_offloads = rx_offloads(p);
	info->clock = clock_number(p);
	if (p->rdma.caps.hca_core_clock)
		info->clock_step_ns =
			(uint32_t)((1000000 + p->rdma.caps.hca_core_clock - 1) /
		                   p->rdma.caps.hca_core_clock);
	info->tx_offloads = tx_offloads(p);
	rdma_rule_limits(&p->rdma, info);
	snprintf(info->choice, sizeof(info->choice), "Direct Verbs on %s, %s",
	         ibv_get_device_name(p->rdma.context->device),
	         p->empw ? "multi-packet descriptors" : "a descriptor per packet");
}

static int mlx5_port_open(const struct rawq_port_info *netdev, uint32_t flags,
                          struct rawq_port **out, struct rawq_error *err)
{
	struct mlx5_port *p = calloc(1, sizeof(*p));
	int ret;

	(void)flags; /* of the xdp backend */
	if (!p)
		return fail(err, -ENOMEM, "%s: out of memory", netdev->netdev);
	ret = rdma_open(&p->rdma, netdev, err);
	if (ret)
		goto free_port;
	p->dv.comp_mask =
		MLX5DV_CONTEXT_MASK_CQE_COMPRESION | MLX5DV_CONTEXT_MASK_STRIDING_RQ;
	if (!mlx5dv_is_supported(p->rdma.context->device) ||
	    mlx5dv_query_device(p->rdma.context, &p->dv)) {
		ret = fail(err, -ENOTSUP,
		           "%s: its RDMA device %s is no mlx5 one (verbs drives it)",
		           netdev->netdev, ibv_get_device_name(p->rdma.context->device));
		goto close;
	}
	p->empw = p->dv.flags & MLX5DV_CONTEXT_FLAGS_ENHANCED_MPW;
	p->min_inline = p->empw || p->rdma.caps.orig_attr.vendor_part_id >= CONNECTX_5
	                        ? 0
	                        : HW_ETH_INLINE_HDR_L2;
	p->clock = find_clock(p);
	describe(p);
	*out = &p->rdma.port;
	return 0;
close:
	rdma_close(&p->rdma);
free_port:
	free(p);
	return ret;
}

static void mlx5_port_close(struct rawq_port *port)
{
	struct mlx5_port *p = (struct mlx5_port *)port;

	rdma_close(&p->rdma);
	free(p);
}

const struct backend mlx5_backend = {
	.id = RAWQ_MLX5,
	.name = "mlx5",
	.port_open = mlx5_port_open,
	.port_close = mlx5_port_close,
	.rxq_create = mlx5_rxq_create,
	.txq_create = mlx5_txq_create,
	.rxq_destroy = mlx5_rxq_destroy,
	.txq_destroy = mlx5_txq_destroy,
	.rxq_status = mlx5_rxq_status,
	.txq_status = mlx5_txq_status,
	.rxq_info = mlx5_rxq_info,
	.txq_info = mlx5_txq_info,
	.rxq_arm = mlx5_rxq_arm,
	.txq_arm = mlx5_txq_arm,
	.rule_check = rdma_rule_check,
	.rule_add = rdma_rule_add,
	.rule_replace = rdma_rule_replace,
	.rule_remove = rdma_rule_remove,
	.rule_stats = rdma_rule_stats,
	.rules_of_others = rdma_rules_of_others,
};
