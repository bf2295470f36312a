/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pacing: packet n of a sender is due n / rate after its start and never goes before that.  A
 * sender that was held up catches up, but slowly: in no stretch of PACE_WINDOW_NS does it send
 * more than the rate makes and one burst on top.  Half of that burst may go at once, the other
 * half is spread over the window; what is more than PACE_BEHIND_NS late is given up.
 */
#ifndef CMD_COMMON_PACE_H
#define CMD_COMMON_PACE_H

#include "options.h"

#include <stdbool.h>

#define PACE_WINDOW_NS UINT64_C(10000000)
#define PACE_BEHIND_NS UINT64_C(1000000000)
/* A burst is at least what the rate makes in this time: interrupts take no longer as a rule. */
#define PACE_BURST_NS UINT64_C(100000)

/* What a rate is in detail; zero is one packet after the other, evenly. */
struct pace_shape {
	bool poisson;     /* gaps are exponentially distributed, the rate is their mean */
	uint32_t train;   /* packets at once, trains evenly; 0 and 1: single ones */
	uint64_t gap_ns;  /* not 0: nothing for so long behind each train, and within a
	                   * train the rate holds; without a rate, one train at a time */
	uint64_t ramp_ns; /* the rate grows evenly from 0 in this time */
	uint64_t seed;    /* of poisson */
	uint32_t burst;   /* of a late sender; 0: 1 */
};

struct pacer {
	double packets_per_ns; /* 0: trains alone */
	uint64_t
		start_ns; /* when packet 0 was due; moves on when lost time is given up */
	uint64_t sent;
	uint64_t given_up_ns; /* all that start_ns has moved */
	struct pace_shape shape;
	/* What a late sender may send: packets, their most, packets per ns besides the rate. */
	double credit, credit_max, payback;
	uint64_t credit_ns; /* when it was counted last */
	/* poisson */
	uint64_t random;
	double arrival_ns; /* of the next one, after the start */
};

/* Sender i of n that share a rate: their packets are due in turns.  A rate of 0 needs a shape
 * with train and gap_ns. */
void pacer_start(struct pacer *p, double pps, unsigned i, unsigned n, uint64_t now_ns);

/* The same with a shape. */
void pacer_start_shaped(struct pacer *p, double pps, unsigned i, unsigned n,
                        uint64_t now_ns, const struct pace_shape *shape);

/* How many packets a rate makes in a time, from the start on. */
double pace_packets(double pps, const struct pace_shape *shape, uint64_t time_ns);

/* Take up to max packets that may go now: they count as sent.  due_ns[i]: when the i-th was due. */
unsigned pacer_take(struct pacer *p, uint64_t now_ns, unsigned max, uint64_t *due_ns);

/* When the next packet may go. */
uint64_t pacer_next_ns(const struct pacer *p);

/* How many packets were due by now, those given up left out. */
uint64_t pacer_scheduled(const struct pacer *p, uint64_t now_ns);

/* A rate in packets/s for frames of len bytes; 0 if it needs a link speed that is not known. */
double rate_pps(const struct rate *rate, double len, uint32_t link_mbps);

#endif
