/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of lib/xdp: a network namespace of the test's own that holds one veth pair,
 *
 *     v0, which rawq works on  <---->  v1, where a packet socket sends and listens
 *
 * and dies with the process.  The packet sockets are the independent witness.
 */
#ifndef TESTS_VETH_H
#define TESTS_VETH_H

#include "rawq.h"
#include "tap.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS                                                                          \
	2000 /* for what must come: long on any machine, and not waited for as a rule */

static inline void shell(const char *command)
{
	if (system(command)) {
		printf("Bail out! %s\n", command);
		exit(1);
	}
}

/* queues: receive and send queues of each end. */
static inline void veth_pair(unsigned queues, unsigned mtu)
{
	char text[512];

	if (geteuid())
		skip_all("needs root");
	if (unshare(CLONE_NEWNET)) {
		puts("Bail out! no network namespace");
		exit(1);
	}
	snprintf(text, sizeof(text),
	         "ip link add v0 mtu %u numrxqueues %u numtxqueues %u type veth "
	         "peer name v1 mtu %u numrxqueues %u numtxqueues %u && "
	         "for i in v0 v1; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; "
	         "ip link set $i arp off up; done",
	         mtu, queues, queues, mtu, queues, queues);
	shell(text);
}

/* A packet socket that sees all that the named netdev receives. */
static inline int witness(const char *netdev)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
	                         .sll_protocol = htons(ETH_P_ALL),
	                         .sll_ifindex = (int)if_nametoindex(netdev)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1, room = 8 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room))) {
		perror("Bail out! packet socket");
		exit(1);
	}
	return fd;
}

/* The next frame, or 0 when none comes within so long. */
static inline size_t witness_next(int fd, void *frame, size_t size, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t len;

	if (poll(&p, 1, wait_ms) < 1)
		return 0;
	len = recv(fd, frame, size, MSG_TRUNC);
	return len < 0 ? 0 : (size_t)len;
}

/* A frame of an ethertype for experiments (IEEE 802, 0x88b5) that carries a number; every byte
 * behind it depends on it. */
static inline void numbered_frame(uint8_t *frame, size_t len, uint32_t number)
{
	static const uint8_t head[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

	memcpy(frame, head, sizeof(head));
	memcpy(frame + 14, &number, 4);
	for (size_t i = 18; i < len; i++)
		frame[i] = (uint8_t)(number * 31 + i);
}

static inline int frame_is(const uint8_t *frame, size_t len, uint32_t number)
{
	uint8_t want[16384];

	numbered_frame(want, len, number);
	return !memcmp(frame, want, len);
}

static inline void send_frame(int fd, const void *frame, size_t len)
{
	if (send(fd, frame, len, 0) != (ssize_t)len) {
		perror("Bail out! send");
		exit(1);
	}
}

/* Everything that gets to v0, from any sender. */
static inline struct rawq_rule_opts take_all(struct rawq_rxq **queues, unsigned count)
{
	return (struct rawq_rule_opts){.size = sizeof(struct rawq_rule_opts),
	                               .queues = queues,
	                               .queue_count = count,
	                               .take_everything = 1};
}

/* A call that must succeed for the rest of the test to mean anything. */
#define must(call)                                                                       \
	do {                                                                             \
		err.text[0] = 0;                                                         \
		if (call) {                                                              \
			printf("Bail out! " #call ": %s\n", err.text);                   \
			exit(1);                                                         \
		}                                                                        \
	} while (0)

/* rx_burst until something comes or WAIT_MS is over. */
static inline unsigned burst_wait(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n)
{
	unsigned got = rawq_rx_burst(q, pkts, n);

	for (int ms = 0; !got && ms < WAIT_MS; ms++) {
		struct pollfd p = {.fd = rawq_rxq_arm(q), .events = POLLIN};

		poll(&p, 1, 1);
		got = rawq_rx_burst(q, pkts, n);
	}
	return got;
}

#endif
