/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device says of itself.  The numbers are a ConnectX-6 Dx's with firmware 22.32, except
 * where they speak of what this one does not have (RDMA transports, atomics, memory windows).
 */
#include "emu/uverbs/query.h"
#include "emu/uverbs/call.h"
#include "emu/uverbs/clock.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/methods.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/mlx5-abi.h>
#include <string.h>

#define RAW_PACKET (1u << IBV_QPT_RAW_PACKET)

/* ---- Context ---- */

int get_context(struct call *c)
{
	struct mlx5_ib_alloc_ucontext_req_v2 req;
	struct mlx5_ib_alloc_ucontext_resp resp = {
		.qp_tab_size = 1u << 18,
		.bf_reg_size = HW_UAR_BF_SIZE,
		.tot_bfregs = 0, /* all UARs are objects of their own */
		.cache_line_size = 64,
		.max_sq_desc_sz = 1024,
		.max_rq_desc_sz = 512,
		.max_send_wqebb = QUERY_MAX_WQEBB,
		.max_recv_wr = QUERY_MAX_WR,
		.max_srq_recv_wr = QUERY_MAX_WR,
		.num_ports = 1,
		.comp_mask = MLX5_IB_ALLOC_UCONTEXT_RESP_MASK_CORE_CLOCK_OFFSET,
		.response_length = sizeof resp,
		.cqe_version = 1,
		.cmds_supp_uhw = MLX5_USER_CMDS_SUPP_UHW_QUERY_DEVICE |
	                         MLX5_USER_CMDS_SUPP_UHW_CREATE_AH,
		.eth_min_inline = MLX5_USER_INLINE_MODE_NONE,
		.clock_info_versions = 1u << MLX5_IB_CLOCK_INFO_V1,
		.hca_core_clock_offset = CLOCK_TIMER_OFFSET,
		.log_uar_size = 12,
		.num_uars_per_page = 1,
	};
	uint32_t vectors = 1;
	uint64_t support = 0;
	int err;

	if (c->ctx->established)
		return -EINVAL;
	err = call_in(c, CALL_UHW_IN, &req, sizeof req,
	              sizeof(struct mlx5_ib_alloc_ucontext_req));
	if (err)
		return err == -ENOSPC ? -EINVAL : err;
	/* No DevX: the firmware is not emulated.  libmlx5 asks again without. */
	if (req.flags || !req.total_num_bfregs)
		return -EINVAL;
	/* Static UARs are what libraries before rdma-core 29 want. */
	if (!(req.lib_caps & MLX5_LIB_CAP_DYN_UAR) || req.max_cqe_version < 1)
		return -EOPNOTSUPP;
	err = call_out(c, UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS, &vectors,
	               sizeof vectors);
	if (!err)
		err = call_out(c, UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT, &support,
		               sizeof support);
	if (!err)
		err = call_out(c, CALL_UHW_OUT, &resp, sizeof resp);
	if (!err)
		c->ctx->established = true;
	return err;
}

/* ---- Port ---- */

/* RoCE's MTU: the largest that fits the netdev's with the headers of RoCE v2. */
static uint8_t roce_mtu(uint32_t mtu)
{
	static const uint32_t bytes[] = {4096, 2048, 1024, 512, 256};
	uint8_t i;

	for (i = 0; i < 4; i++)
		if (mtu >= bytes[i] + 66u)
			break;
	return (uint8_t)(IBV_MTU_4096 - i);
}

int query_port(struct call *c)
{
	const struct device *dev = c->ctx->dev;
	bool active = __atomic_load_n(&dev->active, __ATOMIC_RELAXED);
	struct ib_uverbs_query_port_resp_ex resp = {
		.legacy_resp =
			{
				.port_cap_flags =
					IBV_PORT_CM_SUP | IBV_PORT_IP_BASED_GIDS,
				.max_msg_sz = 1u << 30,
				.gid_tbl_len = QUERY_GIDS,
				.pkey_tbl_len = 1,
				.state = active ? IBV_PORT_ACTIVE : IBV_PORT_DOWN,
				.max_mtu = IBV_MTU_4096,
				.active_mtu = roce_mtu(dev->netdev.mtu),
				.max_vl_num = 0,
				.active_width = 2,            /* 4 lanes */
				.active_speed = 32,           /* of 25 Gb/s: EDR */
				.phys_state = active ? 5 : 3, /* LinkUp, Disabled */
				.link_layer = IBV_LINK_LAYER_ETHERNET,
			},
	};
	uint64_t port;
	int err = call_in_u64(c, UVERBS_ATTR_QUERY_PORT_PORT_NUM, &port);

	if (err)
		return err;
	if (port != 1)
		return -EINVAL;
	return call_out(c, UVERBS_ATTR_QUERY_PORT_RESP, &resp, sizeof resp);
}

/* ---- Device ---- */

static const struct ib_uverbs_query_device_resp device_caps = {
	.fw_ver = QUERY_FW_VER,
	.max_mr_size = UINT64_MAX,
	.page_size_cap = 0xfffffffffffff000u,
	.vendor_id = 0x02c9,
	.vendor_part_id = QUERY_PCI_DEVICE,
	.max_qp = 131072,
	.max_qp_wr = QUERY_MAX_WR,
	.device_cap_flags =
		IB_UVERBS_DEVICE_BAD_PKEY_CNTR | IB_UVERBS_DEVICE_BAD_QKEY_CNTR |
		IB_UVERBS_DEVICE_CHANGE_PHY_PORT | IB_UVERBS_DEVICE_PORT_ACTIVE_EVENT |
		IB_UVERBS_DEVICE_SYS_IMAGE_GUID | IB_UVERBS_DEVICE_RAW_IP_CSUM |
		IB_UVERBS_DEVICE_MANAGED_FLOW_STEERING,
	.max_sge = QUERY_MAX_SGE,
	.max_sge_rd = QUERY_MAX_SGE,
	.max_cq = 1u << 24,
	.max_cqe = QUERY_MAX_CQE,
	.max_mr = 1u << 24,
	.max_pd = 1u << 23,
	.max_raw_ethy_qp = 131072,
	.max_pkeys = 128,
	.local_ca_ack_delay = 16,
	.phys_port_cnt = 1,
};

static struct ib_uverbs_query_device_resp describe(const struct device *dev)
{
	struct ib_uverbs_query_device_resp resp = device_caps;
	uint64_t guid = query_guid(dev);

	resp.node_guid = htobe64(guid);
	resp.sys_image_guid = htobe64(query_card_guid());
	return resp;
}

int query_device(struct call *c)
{
	struct ib_uverbs_query_device_resp resp = describe(c->ctx->dev);

	return call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
}

static const struct mlx5_ib_query_device_resp mlx5_caps = {
	.tso_caps = {.max_tso = QUERY_MAX_TSO, .supported_qpts = RAW_PACKET},
	.rss_caps = {.rx_hash_fields_mask = QUERY_RSS_FIELDS,
                     .rx_hash_function = MLX5_RX_HASH_FUNC_TOEPLITZ},
	.cqe_comp_caps = {.max_num = 64,
                          .supported_format = MLX5_IB_CQE_RES_FORMAT_HASH |
                                              MLX5_IB_CQE_RES_FORMAT_CSUM |
                                              MLX5_IB_CQE_RES_FORMAT_CSUM_STRIDX},
	.packet_pacing_caps = {.qp_rate_limit_min = 1,
                               .qp_rate_limit_max = QUERY_MAX_RATE_KBPS,
                               .supported_qpts = RAW_PACKET,
                               .cap_flags = MLX5_IB_PP_SUPPORT_BURST},
	.mlx5_ib_support_multi_pkt_send_wqes = MLX5_IB_ALLOW_MPW | MLX5_IB_SUPPORT_EMPW,
	.striding_rq_caps = {.min_single_stride_log_num_of_bytes = QUERY_STRIDE_MIN,
                             .max_single_stride_log_num_of_bytes = QUERY_STRIDE_MAX,
                             .min_single_wqe_log_num_of_strides = QUERY_STRIDES_MIN,
                             .max_single_wqe_log_num_of_strides = QUERY_STRIDES_MAX,
                             .supported_qpts = RAW_PACKET},
	.tunnel_offloads_caps = MLX5_IB_TUNNELED_OFFLOADS_VXLAN |
                                MLX5_IB_TUNNELED_OFFLOADS_GRE |
                                MLX5_IB_TUNNELED_OFFLOADS_GENEVE,
};

int query_device_ex(struct call *c)
{
	struct ib_uverbs_ex_query_device cmd;
	struct ib_uverbs_ex_query_device_resp resp = {
		.base = describe(c->ctx->dev),
		.timestamp_mask = UINT64_MAX,
		.hca_core_clock = NIC_CLOCK_KHZ,
		.device_cap_flags_ex =
			device_caps.device_cap_flags | IB_UVERBS_DEVICE_RAW_SCATTER_FCS,
		.rss_caps = {.supported_qpts = RAW_PACKET,
	                     .max_rwq_indirection_tables = 1u << 20,
	                     .max_rwq_indirection_table_size = QUERY_MAX_IND_TABLE},
		.max_wq_type_rq = 1u << 20,
		.raw_packet_caps = IB_UVERBS_RAW_PACKET_CAP_CVLAN_STRIPPING |
	                           IB_UVERBS_RAW_PACKET_CAP_SCATTER_FCS |
	                           IB_UVERBS_RAW_PACKET_CAP_IP_CSUM,
	};
	struct mlx5_ib_query_device_resp mlx5 = mlx5_caps;
	size_t room = call_len(c, CALL_CMD_OUT), driver_room = call_len(c, CALL_UHW_OUT);
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	if (cmd.comp_mask || cmd.reserved ||
	    (driver_room &&
	     driver_room < offsetof(struct mlx5_ib_query_device_resp, tso_caps)))
		return -EINVAL;
	resp.response_length = (uint32_t)(room < sizeof resp ? room : sizeof resp);
	err = call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
	if (err)
		return err;
	mlx5.response_length =
		(uint32_t)(driver_room < sizeof mlx5 ? driver_room : sizeof mlx5);
	return call_out(c, CALL_UHW_OUT, &mlx5, sizeof mlx5);
}

uint64_t query_guid(const struct device *dev)
{
	const uint8_t *m = dev->config->mac;

	/* EUI-64 of the MAC: the universal bit is inverted, ff:fe in the middle. */
	return (uint64_t)(m[0] ^ 2) << 56 | (uint64_t)m[1] << 48 | (uint64_t)m[2] << 40 |
	       UINT64_C(0xfffe) << 24 | (uint64_t)m[3] << 16 | (uint64_t)m[4] << 8 | m[5];
}

uint64_t query_card_guid(void)
{
	return query_guid(device_at(0));
}
