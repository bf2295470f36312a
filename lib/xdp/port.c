/* SPDX-License-Identifier: BSD-2-Clause */
/* The AF_XDP backend: what it can do on a netdev, asked of the kernel. */
#include "xdp.h"

#include "hw/netdev.h"
#include "lib/error.h"
#include "lib/netdev.h"
#include "lib/xdp/socket.h"
#include "lib/xdp/steer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* May we, and does the kernel have AF_XDP at all? */
static int try_socket(const char *netdev, struct rawq_error *err)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	switch (errno) {
	case EPERM:
		return fail(
			err, -EPERM,
			"%s: AF_XDP needs the capability CAP_NET_RAW (sudo, or setcap "
			"cap_net_raw,cap_net_admin,cap_bpf,cap_perfmon,cap_ipc_lock+ep "
			"on the program)",
			netdev);
	case EAFNOSUPPORT:
		return fail(err, -ENOTSUP,
		            "%s: this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)", netdev);
	default:
		return fail(err, -ENOMEM, "%s: no AF_XDP socket: %s", netdev,
		            strerror(errno));
	}
}

static void describe(struct rawq_port_info *info, uint32_t flags)
{
	uint64_t features = 0;
	const char *how;

	if (flags & RAWQ_XDP_COPY)
		how = "copy mode, as asked";
	else if (!netdev_xdp_features(info->ifindex, &features))
		how = "zero copy if the driver has it (this kernel cannot tell "
		      "beforehand)";
	else if (features & HW_XDP_ACT_XSK_ZEROCOPY)
		how = "the driver has zero copy";
	else
		how = "copy mode: the driver has no zero copy";
	snprintf(info->choice, sizeof(info->choice), "AF_XDP, %s", how);
}

static int xdp_port_open(const struct rawq_port_info *netdev, uint32_t flags,
                         struct rawq_port **out, struct rawq_error *err)
{
	struct xdp_port *p;
	int ret = try_socket(netdev->netdev, err);

	if (ret)
		return ret;
	p = calloc(1, sizeof(*p));
	if (!p)
		return fail(err, -ENOMEM, "%s: out of memory", netdev->netdev);
	p->port.info = *netdev;
	p->flags = flags;
	p->port.info.depth_max = XDP_DEPTH_MAX;
	p->port.info.frame_max = (uint32_t)sysconf(_SC_PAGESIZE);
	p->port.info.segments_max = 1;
	if (kernel_knows_bind_flag(XDP_USE_SG)) {
		p->port.info.rx_offloads = RAWQ_RX_SEGMENTS;
		p->port.info.tx_offloads = RAWQ_TX_SEGMENTS;
		p->port.info.segments_max = XDP_SEGMENTS_MAX;
	}
	p->port.info.rx_offloads |= RAWQ_RX_MARK;
	p->port.info.rule_abilities = RAWQ_RULE_COUNT | RAWQ_RULE_RANGE |
	                              RAWQ_RULE_VXLAN | RAWQ_RULE_GRE | RAWQ_RULE_SHARED;
	p->port.info.rule_priorities = STEER_PRIORITIES;
	p->port.info.rules_max = STEER_RULES_MAX - 1;
	p->port.info.rule_masks_max = STEER_SHAPES_MAX;
	describe(&p->port.info, flags);
	*out = &p->port;
	return 0;
}

static void xdp_port_close(struct rawq_port *port)
{
	free(port);
}

const struct backend xdp_backend = {
	.id = RAWQ_XDP,
	.name = "xdp",
	.port_open = xdp_port_open,
	.port_close = xdp_port_close,
	.rxq_create = xdp_rxq_create,
	.txq_create = xdp_txq_create,
	.rxq_destroy = xdp_rxq_destroy,
	.txq_destroy = xdp_txq_destroy,
	.rxq_status = xdp_rxq_status,
	.txq_status = xdp_txq_status,
	.rxq_info = xdp_rxq_info,
	.txq_info = xdp_txq_info,
	.rxq_arm = xdp_rxq_arm,
	.txq_arm = xdp_txq_arm,
	.rule_check = xdp_rule_check,
	.rule_add = xdp_rule_add,
	.rule_replace = xdp_rule_replace,
	.rule_remove = xdp_rule_remove,
	.rule_stats = xdp_rule_stats,
	.rules_of_others = xdp_rules_of_others,
};
