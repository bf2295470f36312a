/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel tells of a netdev. */
#include "netdev.h"

#include "hw/netdev.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One request about a netdev; ifr keeps the answer. */
static int ask(int fd, const char *netdev, unsigned long request, struct ifreq *ifr)
{
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", netdev);
	return ioctl(fd, request, ifr) ? -errno : 0;
}

static int ask_ethtool(int fd, const char *netdev, void *command)
{
	struct ifreq ifr = {.ifr_data = command};

	return ask(fd, netdev, SIOCETHTOOL, &ifr);
}

static void read_driver(int fd, struct rawq_port_info *info)
{
	struct ethtool_drvinfo drv = {.cmd = ETHTOOL_GDRVINFO};

	info->driver[0] = '\0';
	if (!ask_ethtool(fd, info->netdev, &drv))
		snprintf(info->driver, sizeof(info->driver), "%.31s", drv.driver);
}

static uint32_t read_speed(int fd, const char *netdev)
{
	/* Asked twice, see linux/ethtool.h: the first answer is how long the three masks behind
	 * the struct are (at most 127 words each). */
	uint32_t words[sizeof(struct ethtool_link_settings) / 4 + 3 * 127] = {0};
	struct ethtool_link_settings *link = (struct ethtool_link_settings *)words;

	link->cmd = ETHTOOL_GLINKSETTINGS;
	if (ask_ethtool(fd, netdev, link) || link->link_mode_masks_nwords >= 0)
		return 0;
	link->link_mode_masks_nwords = (int8_t)-link->link_mode_masks_nwords;
	link->cmd = ETHTOOL_GLINKSETTINGS;
	if (ask_ethtool(fd, netdev, link) || link->speed == (uint32_t)SPEED_UNKNOWN)
		return 0;
	return link->speed;
}

/* The driver's carrier: it sends as soon as that is there.  IFF_RUNNING is the operational state,
 * which follows up to a second later (Documentation/networking/operstates.rst). */
static uint32_t read_carrier(int ifindex)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct rtnl_link *link = NULL;
	uint32_t carrier = 0;

	if (sock && !nl_connect(sock, NETLINK_ROUTE) &&
	    !rtnl_link_get_kernel(sock, ifindex, NULL, &link))
		carrier = rtnl_link_get_carrier(link) == 1;
	rtnl_link_put(link);
	nl_socket_free(sock);
	return carrier;
}

/* The queues in use now; one of each where the driver has no channels to speak of. */
static void read_queues(int fd, struct rawq_port_info *info)
{
	struct ethtool_channels ch = {.cmd = ETHTOOL_GCHANNELS};

	info->rx_queues = info->tx_queues = 1;
	if (ask_ethtool(fd, info->netdev, &ch))
		return;
	if (ch.combined_count + ch.rx_count)
		info->rx_queues = ch.combined_count + ch.rx_count;
	if (ch.combined_count + ch.tx_count)
		info->tx_queues = ch.combined_count + ch.tx_count;
}

static int read_numa_node(const char *netdev)
{
	char path[64 + IFNAMSIZ];
	int node = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device/numa_node", netdev);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%d", &node) != 1)
		node = -1;
	fclose(f);
	return node;
}

int netdev_read(struct rawq_port_info *info)
{
	struct ifreq ifr = {0};
	int fd, ret;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = ask(fd, info->netdev, SIOCGIFINDEX, &ifr);
	if (ret)
		goto close_fd;
	info->ifindex = ifr.ifr_ifindex;
	if (!ask(fd, info->netdev, SIOCGIFHWADDR, &ifr))
		memcpy(info->mac, ifr.ifr_hwaddr.sa_data, sizeof(info->mac));
	if (!ask(fd, info->netdev, SIOCGIFMTU, &ifr))
		info->mtu =
			(uint16_t)(ifr.ifr_mtu > UINT16_MAX ? UINT16_MAX : ifr.ifr_mtu);
	info->link_up = read_carrier(info->ifindex);
	info->link_mbps = info->link_up ? read_speed(fd, info->netdev) : 0;
	read_driver(fd, info);
	read_queues(fd, info);
	info->numa_node = read_numa_node(info->netdev);
close_fd:
	close(fd);
	return ret;
}

bool netdev_is_up(const char *netdev)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	if (fd < 0)
		return false;
	up = !ask(fd, netdev, SIOCGIFFLAGS, &ifr) && (ifr.ifr_flags & IFF_UP);
	close(fd);
	return up;
}

struct features {
	uint64_t bits;
	bool told;
};

static int read_features(struct nl_msg *msg, void *arg)
{
	struct features *f = arg;
	struct nlattr *attr =
		nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, HW_NETDEV_A_XDP_FEATURES);

	if (attr && nla_len(attr) >= (int)sizeof(uint64_t)) {
		f->bits = nla_get_u64(attr);
		f->told = true;
	}
	return NL_OK;
}

bool netdev_xdp_features(int ifindex, uint64_t *features)
{
	struct features f = {0};
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg = nlmsg_alloc();
	int family;

	if (!sock || !msg || genl_connect(sock))
		goto out;
	family = genl_ctrl_resolve(sock, HW_NETDEV_FAMILY);
	if (family < 0 ||
	    !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0,
	                 HW_NETDEV_CMD_DEV_GET, HW_NETDEV_VERSION) ||
	    nla_put_u32(msg, HW_NETDEV_A_IFINDEX, (uint32_t)ifindex))
		goto out;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, read_features, &f);
	if (nl_send_auto(sock, msg) >= 0)
		nl_recvmsgs_default(sock);
out:
	nlmsg_free(msg);
	nl_socket_free(sock);
	*features = f.bits;
	return f.told;
}

void process_self(int *pid, char comm[16])
{
	*pid = (int)getpid();
	prctl(PR_GET_NAME, comm, 0, 0, 0);
}
