/* SPDX-License-Identifier: BSD-2-Clause */
/* Send the same minimal Ethernet frame again and again: send NETDEV PACKETS */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rawq.h"

#define BURST 64
#define LEN   60 /* a minimal frame without its FCS */

int main(int argc, char **argv)
{
	static const uint8_t header[14] = {2, 0, 0, 0, 0, 2,    2,
	                                   0, 0, 0, 0, 1, 0x88, 0xb5};
	struct rawq_error err = {"usage: send NETDEV PACKETS"};
	struct rawq_port *port;
	struct rawq_region *region;
	struct rawq_txq *txq;
	struct rawq_pkt pkts[BURST];
	uint64_t free_frames[512];
	unsigned long wanted, sent = 0, reaped = 0;
	unsigned frames = 512, n;

	if (argc != 3 || rawq_port_open(argv[1], NULL, &port, &err) ||
	    rawq_region_create(NULL, &region, &err) ||
	    rawq_txq_create(port, region, NULL, &txq, &err)) {
		fprintf(stderr, "send: %s\n", err.text);
		return 1;
	}
	wanted = strtoul(argv[2], NULL, 0);
	for (unsigned i = 0; i < frames; i++) {
		free_frames[i] = (uint64_t)i * rawq_region_frame_size(region);
		memcpy((uint8_t *)rawq_region_base(region) + free_frames[i], header,
		       sizeof(header));
	}
	while (reaped < wanted) {
		for (n = 0; n < BURST && n < frames && sent + n < wanted; n++)
			pkts[n] = (struct rawq_pkt){.addr = free_frames[frames - n - 1],
			                            .len = LEN};
		n = rawq_tx_burst(txq, pkts, n);
		sent += n;
		frames -= n;
		n = rawq_tx_reap(txq, free_frames + frames, 512 - frames);
		reaped += n;
		frames += n;
		if (!n && rawq_txq_status(txq, NULL))
			break;
		if (!n)
			poll(&(struct pollfd){rawq_txq_arm(txq), POLLOUT, 0}, 1, 10);
	}
	printf("%lu packets\n", reaped);
	rawq_txq_destroy(txq);
	rawq_region_destroy(region);
	rawq_port_close(port);
	return reaped < wanted;
}
