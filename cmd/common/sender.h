/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One send queue kept full, or at its rate.  Its frames are cut into slots, each as long as the
 * longest packet: a slot is free, or holds one packet that is to be given or was given to the
 * queue, until the packet's last descriptor is reaped.
 */
#ifndef CMD_COMMON_SENDER_H
#define CMD_COMMON_SENDER_H

#include "departures.h"
#include "pace.h"
#include "packet/packet.h"
#include "run.h"

#include "rawq.h"

#define SENDER_BURST_MAX 1024
/* Descriptors of one packet: PACKET_MAX in frames of 2048. */
#define SENDER_PIECES_MAX 5

struct slot {
	const void *held;  /* packet_write()'s */
	uint64_t stamp_ns; /* the time in its signature */
	uint64_t last;     /* address of the packet's last descriptor */
};

struct sender {
	/* The caller's, before sender_init() */
	const char *netdev;
	struct rawq_txq *q;
	unsigned burst, index, senders;
	uint64_t count; /* packets to send */
	double pps;     /* of all senders together; 0: as fast as it goes */
	struct pace_shape shape;
	struct departures *departures; /* of a queue with RAWQ_TX_TIME; or NULL */

	struct packet_source *source;
	bool constant; /* packet_is_constant() */
	uint8_t *base; /* of our frames, and their first address */
	uint64_t offset;
	uint32_t frame_size, slot_size;
	struct slot *slots;
	uint32_t *free; /* slots, last in first out */
	unsigned free_count;
	uint64_t written, completed; /* packets */
	uint64_t stamp_ns;           /* for those that are written now */
	struct pacer pacer;
	/* Descriptors written and not yet given. */
	struct rawq_pkt pkts[SENDER_BURST_MAX * SENDER_PIECES_MAX];
	unsigned first_pkt, pkt_count;
};

/* Use the frames [first, first + frames) of the region.  -1: no memory. */
int sender_init(struct sender *s, const struct packet *packet, struct rawq_region *region,
                uint32_t first, uint32_t frames, uint32_t frames_per_slot);
void sender_free(struct sender *s);

/* Send until the count is reached or the run ends, then wait until all is reaped. */
void sender_run(struct sender *s, struct worker *worker);

#endif
