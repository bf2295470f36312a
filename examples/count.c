/* SPDX-License-Identifier: BSD-2-Clause */
/* Take what comes to a UDP port away from the kernel and count it: count NETDEV PORT PACKETS */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include "rawq.h"

#define DEPTH 512

int main(int argc, char **argv)
{
	struct rawq_error err = {"usage: count NETDEV PORT PACKETS"};
	struct rawq_port *port;
	struct rawq_region *region;
	struct rawq_rxq *rxq;
	struct rawq_rule *rule;
	struct rawq_rule_opts udp = {
		.size = sizeof(udp),
		.value = {.ethertype = htons(0x0800), .ip_proto = 17},
		.mask = {.ethertype = 0xffff, .ip_proto = 0xff, .dst_port = 0xffff},
		.queues = &rxq,
		.queue_count = 1};
	struct rawq_pkt pkts[64];
	uint64_t addrs[DEPTH];
	unsigned long wanted, packets = 0;

	if (argc == 4)
		udp.value.dst_port = htons((uint16_t)atoi(argv[2]));
	if (argc != 4 || rawq_port_open(argv[1], NULL, &port, &err) ||
	    rawq_region_create(NULL, &region, &err) ||
	    rawq_rxq_create(port, region, NULL, &rxq, &err) ||
	    rawq_rule_add(port, &udp, &rule, &err)) {
		fprintf(stderr, "count: %s\n", err.text);
		return 1;
	}
	wanted = strtoul(argv[3], NULL, 0);
	for (uint64_t i = 0; i < DEPTH; i++)
		addrs[i] = i * rawq_region_frame_size(region);
	rawq_rx_post(rxq, addrs, DEPTH);
	while (packets < wanted) {
		unsigned n = rawq_rx_burst(rxq, pkts, 64);

		for (unsigned i = 0; i < n; i++)
			addrs[i] = pkts[i].addr;
		rawq_rx_post(rxq, addrs, n);
		packets += n;
		if (!n && rawq_rxq_status(rxq, NULL))
			break;
		if (!n)
			poll(&(struct pollfd){rawq_rxq_arm(rxq), POLLIN, 0}, 1, -1);
	}
	printf("%lu packets\n", packets);
	rawq_rule_remove(rule);
	rawq_rxq_destroy(rxq);
	rawq_region_destroy(region);
	rawq_port_close(port);
	return packets < wanted;
}
