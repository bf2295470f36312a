/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports as verbs use them. */
#include "nic.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ethernet header with two VLAN tags. */
#define L2_HEADER_MAX 22
/* What the kernel keeps free before a packet in a frame (XDP_PACKET_HEADROOM); other backends
 * need less. */
#define HEADROOM_MAX   256
#define FRAME_SIZE_MIN 2048
/* Measured on AF_XDP: fewer lose more when a CPU is late, more fall out of the cache. */
#define DEPTH_DEFAULT 512

const char *const backend_names[] = {"auto", "mlx5", "verbs", "xdp", NULL};

int nic_open(const struct verb *verb, const char *netdev, const struct nic_choice *choice,
             struct nic *nic)
{
	struct rawq_port_opts opts = {.size = sizeof(opts)};
	struct rawq_error err;

	opts.backend = (enum rawq_backend)choice->backend;
	if (choice->copy)
		opts.flags |= RAWQ_XDP_COPY;
	if (choice->generic)
		opts.flags |= RAWQ_XDP_GENERIC;
	if (rawq_port_open(netdev, &opts, &nic->port, &err))
		return fail_environment(verb, "%s", err.text);
	rawq_port_info(nic->port, &nic->info);
	nic->tap = tap_create(nic->info.netdev);
	return EXIT_OK;
}

int nic_read_mac(const struct verb *verb, const char *netdev, struct nic *nic)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	memset(nic, 0, sizeof(*nic));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", netdev);
	ret = fd < 0 ? -1 : ioctl(fd, SIOCGIFHWADDR, &ifr);
	if (fd >= 0)
		close(fd);
	if (ret || strlen(netdev) >= sizeof(ifr.ifr_name))
		return fail_environment(verb,
		                        "%s: no such interface here (ip link shows "
		                        "those there are)",
		                        netdev);
	snprintf(nic->info.netdev, sizeof(nic->info.netdev), "%s", ifr.ifr_name);
	memcpy(nic->info.mac, ifr.ifr_hwaddr.sa_data, sizeof(nic->info.mac));
	return EXIT_OK;
}

void nic_close(struct nic *nic)
{
	tap_destroy(nic->tap);
	nic->tap = NULL;
	rawq_port_close(nic->port);
	nic->port = NULL;
}

int nic_rxq_create(const struct nic *nic, struct rawq_region *region,
                   const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                   struct rawq_error *err)
{
	int ret = rawq_rxq_create(nic->port, region, opts, out, err);

	if (!ret)
		tap_add_rxq(nic->tap, *out, region);
	return ret;
}

int nic_txq_create(const struct nic *nic, struct rawq_region *region,
                   const struct rawq_queue_opts *opts, struct rawq_txq **out,
                   struct rawq_error *err)
{
	int ret = rawq_txq_create(nic->port, region, opts, out, err);

	if (!ret)
		tap_add_txq(nic->tap, *out, region);
	return ret;
}

void nic_rxq_destroy(const struct nic *nic, struct rawq_rxq *q)
{
	tap_remove(nic->tap, q);
	rawq_rxq_destroy(q);
}

void nic_txq_destroy(const struct nic *nic, struct rawq_txq *q)
{
	tap_remove(nic->tap, q);
	rawq_txq_destroy(q);
}

unsigned nic_queues(const struct verb *verb, const struct nic *nic, uint64_t asked,
                    bool receive)
{
	unsigned has = receive ? nic->info.rx_queues : nic->info.tx_queues;

	if (!asked)
		return has;
	if (asked <= has)
		return (unsigned)asked;
	fail_environment(
		verb, "--queues %llu: %s has %u %s queue%s (ethtool -L %s sets how many)",
		(unsigned long long)asked, nic->info.netdev, has,
		receive ? "receive" : "send", has == 1 ? "" : "s", nic->info.netdev);
	return 0;
}

uint32_t nic_frame_size(const struct nic *nic, bool *segments)
{
	uint32_t need = nic->info.mtu + L2_HEADER_MAX + HEADROOM_MAX;
	uint32_t size = FRAME_SIZE_MIN;

	while (size < need && size < nic->info.frame_max)
		size *= 2;
	*segments = size < need;
	return size;
}

uint32_t nic_depth(const struct nic *nic, uint64_t asked)
{
	uint32_t longest = nic->info.mtu + L2_HEADER_MAX, pieces = 1;
	uint32_t room; /* for packet bytes in a frame */
	bool segments;

	if (asked)
		return (uint32_t)asked;
	room = nic_frame_size(nic, &segments) - HEADROOM_MAX;
	while (segments && pieces * room < longest)
		pieces *= 2;
	return DEPTH_DEFAULT * pieces;
}

int nic_promiscuous(const struct verb *verb, const struct nic *nic)
{
	struct packet_mreq wish = {.mr_ifindex = nic->info.ifindex,
	                           .mr_type = PACKET_MR_PROMISC};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    !setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &wish, sizeof(wish)))
		return fd;
	fail_environment(verb, "%s: cannot take frames to every MAC: %s",
	                 nic->info.netdev, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

void nic_describe(const struct nic *nic, uint32_t mode, char *text, size_t size)
{
	const char *program = mode & RAWQ_NATIVE_XDP    ? ", native XDP"
	                      : mode & RAWQ_GENERIC_XDP ? ", generic XDP"
	                                                : "";

	snprintf(text, size, "%s%s, %s%s", backend_names[nic->info.backend], program,
	         mode & RAWQ_ZERO_COPY ? "zero copy" : "copy",
	         mode & RAWQ_BUSY_POLL ? ", busy polling" : "");
}

json_t *nic_json(const struct nic *nic, uint32_t mode)
{
	const char *program = mode & RAWQ_NATIVE_XDP    ? "native"
	                      : mode & RAWQ_GENERIC_XDP ? "generic"
	                                                : NULL;

	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:b, s:s?, s:b, s:b}", "interface",
	                 nic->info.netdev, "driver", nic->info.driver, "backend",
	                 backend_names[nic->info.backend], "mtu", (int)nic->info.mtu,
	                 "link_mbps", (int)nic->info.link_mbps, "zero_copy",
	                 !!(mode & RAWQ_ZERO_COPY), "xdp_program", program, "busy_poll",
	                 !!(mode & RAWQ_BUSY_POLL), "huge_pages",
	                 !!(mode & RAWQ_HUGE_PAGES));
}
