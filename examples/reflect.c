/* SPDX-License-Identifier: BSD-2-Clause */
/* Send every frame of an experimental ethertype back where it came from: reflect NETDEV */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>

#include "rawq.h"

#define DEPTH 512

static void swap_macs(uint8_t *frame)
{
	for (int i = 0; i < 6; i++) {
		uint8_t dst = frame[i];

		frame[i] = frame[i + 6];
		frame[i + 6] = dst;
	}
}

int main(int argc, char **argv)
{
	struct rawq_error err = {"usage: reflect NETDEV"};
	struct rawq_port *port;
	struct rawq_region *region;
	struct rawq_rxq *rxq;
	struct rawq_txq *txq;
	struct rawq_rule *rule;
	struct rawq_rule_opts experiment = {
		.size = sizeof(experiment), .queues = &rxq, .queue_count = 1};
	struct rawq_pkt pkts[64];
	uint64_t addrs[DEPTH];

	experiment.value.ethertype = htons(0x88b5);
	experiment.mask.ethertype = 0xffff;
	if (argc != 2 || rawq_port_open(argv[1], NULL, &port, &err) ||
	    rawq_region_create(NULL, &region, &err) ||
	    rawq_rxq_create(port, region, NULL, &rxq, &err) ||
	    rawq_txq_create(port, region, NULL, &txq, &err) ||
	    rawq_rule_add(port, &experiment, &rule, &err)) {
		fprintf(stderr, "reflect: %s\n", err.text);
		return 1;
	}
	for (unsigned i = 0; i < DEPTH; i++)
		addrs[i] = (uint64_t)i * rawq_region_frame_size(region);
	rawq_rx_post(rxq, addrs, DEPTH);
	for (;;) {
		unsigned n = rawq_rx_burst(rxq, pkts, 64), sent = 0;

		for (unsigned i = 0; i < n; i++)
			swap_macs((uint8_t *)rawq_region_base(region) + pkts[i].addr);
		do { /* also with nothing to send: what was sent comes back later */
			sent += rawq_tx_burst(txq, pkts + sent, n - sent);
			rawq_rx_post(rxq, addrs, rawq_tx_reap(txq, addrs, DEPTH));
		} while (sent < n);
		if (!n)
			poll(&(struct pollfd){rawq_rxq_arm(rxq), POLLIN, 0}, 1, 10);
	}
}
