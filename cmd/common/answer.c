/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder's socket and thread. */
#include "answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct answerer {
	uint8_t mac[6];
	struct wish_address address[WISH_ADDRESSES_MAX + 1];
	unsigned address_count;
	int fd, stop_fd; /* packet socket, eventfd */
	pthread_t thread;
	bool is_running;
};

bool answer_frame(struct answerer *a, const uint8_t *frame, uint32_t len)
{
	uint8_t out[ANSWER_MAX];
	uint32_t n = answer_make(a->mac, a->address, a->address_count, frame, len, out);

	/* An answer that cannot be sent is lost like one on the wire: it is asked for again. */
	if (n)
		(void)!send(a->fd, out, n, MSG_DONTWAIT);
	return n > 0;
}

static void *answer_loop(void *arg)
{
	struct answerer *a = arg;
	struct pollfd fds[2] = {{.fd = a->fd, .events = POLLIN},
	                        {.fd = a->stop_fd, .events = POLLIN}};
	uint8_t frame[ANSWER_MAX];
	struct sockaddr_ll from = {0};
	socklen_t size;
	ssize_t n;

	while (!(fds[1].revents & POLLIN)) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL;
		size = sizeof(from);
		n = recvfrom(a->fd, frame, sizeof(frame), MSG_DONTWAIT,
		             (struct sockaddr *)&from, &size);
		if (n > 0 && from.sll_pkttype != PACKET_OUTGOING)
			answer_frame(a, frame, (uint32_t)n);
		else if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN)
			return NULL;
	}
	return NULL;
}

/* ---- set-up --------------------------------------------------------------- */

/* Untagged ARP, ICMP and ICMPv6; the kernel has taken a tag out of the frame by now. */
static int set_filter(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                 (uint32_t)SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 9, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 3, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* Have the netdev receive a MAC as long as the socket is open. */
static int accept_mac(const struct answerer *a, int ifindex, uint16_t type,
                      const uint8_t mac[6])
{
	struct packet_mreq wish = {.mr_ifindex = ifindex, .mr_type = type, .mr_alen = 6};

	memcpy(wish.mr_address, mac, 6);
	return setsockopt(a->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &wish, sizeof(wish));
}

static int accept_macs(const struct answerer *a, const struct nic *nic)
{
	int ret = 0;

	if (memcmp(a->mac, nic->info.mac, 6))
		ret = accept_mac(a, nic->info.ifindex, PACKET_MR_UNICAST, a->mac);
	for (unsigned i = 0; i < a->address_count && !ret; i++) {
		const uint8_t *ip = a->address[i].ip;
		uint8_t group[6] = {0x33, 0x33, 0xff, ip[13], ip[14], ip[15]};

		if (a->address[i].v6)
			ret = accept_mac(a, nic->info.ifindex, PACKET_MR_MULTICAST,
			                 group);
	}
	return ret;
}

static int open_socket(struct answerer *a, const struct nic *nic)
{
	struct sockaddr_ll here = {.sll_family = AF_PACKET,
	                           .sll_protocol = htons(ETH_P_ALL),
	                           .sll_ifindex = nic->info.ifindex};

	/* Protocol 0: nothing comes in before the filter and the binding stand. */
	a->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (a->fd < 0 || set_filter(a->fd) || accept_macs(a, nic) ||
	    bind(a->fd, (struct sockaddr *)&here, sizeof(here)))
		return -errno;
	return 0;
}

/* Tell switches and neighbours where the addresses are from now on. */
static void announce(const struct answerer *a)
{
	uint8_t out[ANSWER_MAX];
	uint32_t n;

	for (unsigned i = 0; i < a->address_count; i++) {
		n = answer_announce(a->mac, &a->address[i], out);
		(void)!send(a->fd, out, n, 0);
	}
}

int answer_start(const struct verb *verb, const struct nic *nic, const struct wish *wish,
                 struct answerer **out)
{
	struct answerer *a = calloc(1, sizeof(*a));
	int ret;

	if (!a)
		return fail_environment(verb, "no memory");
	a->fd = a->stop_fd = -1;
	memcpy(a->mac, wish->mac, sizeof(a->mac));
	if (!wish->silent) {
		memcpy(a->address, wish->address, sizeof(a->address));
		a->address_count = wish->address_count;
	}
	ret = open_socket(a, nic);
	if (!ret) {
		a->stop_fd = eventfd(0, EFD_CLOEXEC);
		ret = a->stop_fd < 0 ? -errno : 0;
	}
	if (!ret && a->address_count)
		ret = -pthread_create(&a->thread, NULL, answer_loop, a);
	if (ret) {
		fail_environment(verb, "%s: cannot take frames to a MAC of one's own: %s",
		                 nic->info.netdev, strerror(-ret));
		answer_stop(a);
		return EXIT_ENVIRONMENT;
	}
	a->is_running = a->address_count;
	announce(a);
	*out = a;
	return EXIT_OK;
}

void answer_stop(struct answerer *a)
{
	uint64_t one = 1;

	if (!a)
		return;
	if (a->is_running && write(a->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(a->thread, NULL);
	if (a->fd >= 0)
		close(a->fd);
	if (a->stop_fd >= 0)
		close(a->stop_fd);
	free(a);
}
