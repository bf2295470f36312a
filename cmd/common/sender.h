/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One send queue kept full, or at its rates.  Its frames are cut into slots, each as long as the
 * longest packet: a slot is free, or holds one packet that is to be given or was given to the
 * queue, until the packet's last descriptor is reaped.
 */
#ifndef CMD_COMMON_SENDER_H
#define CMD_COMMON_SENDER_H

#include "departures.h"
#include "histogram.h"
#include "packet/packet.h"
#include "run.h"
#include "schedule.h"

#include "rawq.h"

#define SENDER_BURST_MAX 1024
/* Descriptors of one packet: PACKET_MAX in frames of 2048. */
#define SENDER_PIECES_MAX 5

struct slot {
	const void *held;  /* packet_write()'s */
	uint64_t stamp_ns; /* the time in its signature */
	uint64_t last;     /* address of the packet's last descriptor */
	uint32_t flow;     /* number of its plan */
};

/* What became of the packets of one plan. */
struct flow_count {
	uint64_t given, completed;
};

struct sender {
	/* The caller's, before sender_init() */
	const char *netdev;
	struct rawq_txq *q;
	unsigned burst, index, senders;
	uint64_t count;                /* packets to send */
	const struct flow_plan *plans; /* of all senders together; none: no rate */
	unsigned plan_count;
	struct departures *departures; /* of a queue with RAWQ_TX_TIME; or NULL */

	struct packet_source *source;
	bool constant;   /* packet_is_constant() */
	bool one_by_one; /* each packet of the text by its own plan */
	uint8_t *base;   /* of our frames, and their first address */
	uint64_t offset;
	uint32_t frame_size, slot_size;
	struct slot *slots;
	uint32_t *free; /* slots, last in first out */
	unsigned free_count;
	uint64_t written, completed; /* packets */
	uint64_t stamp_ns;           /* for those that are written now */
	struct schedule schedule;
	/* Descriptors written and not yet given, and their packets. */
	struct rawq_pkt pkts[SENDER_BURST_MAX * SENDER_PIECES_MAX];
	unsigned first_pkt, pkt_count;
	struct pick picks[SENDER_BURST_MAX];
	unsigned first_pick;

	/* What happened, of paced packets */
	struct flow_count *flows; /* plan_count of them */
	struct histogram gaps;    /* ns between packets as they were given */
	struct histogram late;    /* ns from when a packet was due until it was given */
	uint64_t given_ns;        /* the latest */
	/* since the clocks were begun: asleep or the CPU offered to others; the thread's CPU time then */
	uint64_t began_ns, idle_ns, cpu_ns;
};

/* Use the frames [first, first + frames) of the region.  -1: no memory. */
int sender_init(struct sender *s, const struct packet *packet, struct rawq_region *region,
                uint32_t first, uint32_t frames, uint32_t frames_per_slot);
void sender_free(struct sender *s);

/* Send until the count is reached or the run ends, then wait until all is reaped. */
void sender_run(struct sender *s, struct worker *worker);

/* The parts of that.  Start the clock; -1: no memory, the worker has failed. */
int sender_start(struct sender *s, struct worker *worker);
/* Send until then or as above; false when there is nothing more to send. */
bool sender_go_on(struct sender *s, struct worker *worker, uint64_t until_ns);
/* The time since the start that it was neither waiting nor running: others had its CPU. */
uint64_t sender_away_ns(const struct sender *s);
/* Wait for the last packets, and tell the times. */
void sender_finish(struct sender *s, struct worker *worker);
/* Give what was written, and wait until all has come back: somebody else may go on. */
void sender_settle(struct sender *s, struct worker *worker);
/* Go on behind n packets that somebody else has sent. */
void sender_follow(struct sender *s, uint64_t n);

#endif
