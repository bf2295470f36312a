/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs backend: what the device can do. */
#include "verbs.h"

#include "lib/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 32768u

static uint32_t rx_offloads(const struct verbs_port *p)
{
	uint32_t o = p->segments_max > 1 ? RAWQ_RX_SEGMENTS : 0;

	/* A work completion has one bit for both verdicts, and no hash, mark or tag. */
	if (p->rdma.caps.orig_attr.device_cap_flags & IBV_DEVICE_RAW_IP_CSUM)
		o |= RAWQ_RX_L3_OK | RAWQ_RX_L4_OK;
	return o;
}

static uint32_t tx_offloads(const struct verbs_port *p)
{
	const struct ibv_device_attr_ex *caps = &p->rdma.caps;
	uint32_t o = p->segments_max > 1 ? RAWQ_TX_SEGMENTS : 0;

	if (caps->orig_attr.device_cap_flags & IBV_DEVICE_RAW_IP_CSUM)
		o |= RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM;
	if (caps->tso_caps.max_tso &&
	    caps->tso_caps.supported_qpts & 1u << IBV_QPT_RAW_PACKET)
		o |= RAWQ_TX_TSO;
	return o;
}

static void describe(struct verbs_port *p)
{
	const struct ibv_device_attr *caps = &p->rdma.caps.orig_attr;
	struct rawq_port_info *info = &p->rdma.port.info;
	uint32_t depth = 2;

	while (depth * 2 <= DEPTH_MAX && depth * 2 <= (uint32_t)caps->max_qp_wr)
		depth *= 2;
	p->segments_max = caps->max_sge < (int)VERBS_SEGMENTS_MAX
	                          ? (uint32_t)caps->max_sge
	                          : VERBS_SEGMENTS_MAX;
	info->depth_max = depth;
	info->frame_max = 65536;
	info->segments_max = p->segments_max;
	info->rx_offloads = rx_offloads(p);
	info->tx_offloads = tx_offloads(p);
	rdma_rule_limits(&p->rdma, info);
	snprintf(info->choice, sizeof(info->choice), "ibverbs on %s",
	         ibv_get_device_name(p->rdma.context->device));
}

static int verbs_port_open(const struct rawq_port_info *netdev, uint32_t flags,
                           struct rawq_port **out, struct rawq_error *err)
{
	struct verbs_port *p = calloc(1, sizeof(*p));
	int ret;

	(void)flags; /* of the xdp backend */
	if (!p)
		return fail(err, -ENOMEM, "%s: out of memory", netdev->netdev);
	ret = rdma_open(&p->rdma, netdev, err);
	if (ret)
		goto free_port;
	if (!p->rdma.caps.raw_packet_caps &&
	    !(p->rdma.caps.rss_caps.supported_qpts & 1u << IBV_QPT_RAW_PACKET)) {
		ret = fail(err, -ENOTSUP,
		           "%s: its RDMA device %s has no raw packet queues",
		           netdev->netdev, ibv_get_device_name(p->rdma.context->device));
		goto close;
	}
	p->has_wqs = p->rdma.caps.rss_caps.supported_qpts & 1u << IBV_QPT_RAW_PACKET;
	describe(p);
	*out = &p->rdma.port;
	return 0;
close:
	rdma_close(&p->rdma);
free_port:
	free(p);
	return ret;
}

static void verbs_port_close(struct rawq_port *port)
{
	struct verbs_port *p = (struct verbs_port *)port;

	rdma_close(&p->rdma);
	free(p);
}

const struct backend verbs_backend = {
	.id = RAWQ_VERBS,
	.name = "verbs",
	.port_open = verbs_port_open,
	.port_close = verbs_port_close,
	.rxq_create = verbs_rxq_create,
	.txq_create = verbs_txq_create,
	.rxq_destroy = verbs_rxq_destroy,
	.txq_destroy = verbs_txq_destroy,
	.rxq_status = verbs_rxq_status,
	.txq_status = verbs_txq_status,
	.rxq_info = verbs_rxq_info,
	.txq_info = verbs_txq_info,
	.rxq_arm = verbs_rxq_arm,
	.txq_arm = verbs_txq_arm,
	.rule_check = rdma_rule_check,
	.rule_add = rdma_rule_add,
	.rule_replace = rdma_rule_replace,
	.rule_remove = rdma_rule_remove,
	.rule_stats = rdma_rule_stats,
	.rules_of_others = rdma_rules_of_others,
};
