/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pacing: packet n of a sender is due n / rate after its start and never goes before that, so
 * that no stretch from the start on is faster than asked.  A sender that falls behind catches
 * up, but by no more than PACE_CATCH_UP_NS: what is lost beyond is not sent later in one flood.
 */
#ifndef CMD_COMMON_PACE_H
#define CMD_COMMON_PACE_H

#include "options.h"

#include <stdbool.h>

/* A time slice of a busy machine's scheduler, and then some. */
#define PACE_CATCH_UP_NS UINT64_C(20000000)

/* What a rate is in detail; zero is one packet after the other, evenly. */
struct pace_shape {
	bool poisson;     /* gaps are exponentially distributed, the rate is their mean */
	uint32_t train;   /* packets at once, trains evenly; 0 and 1: single ones */
	uint64_t ramp_ns; /* the rate grows evenly from 0 in this time */
	uint64_t seed;    /* of poisson */
};

struct pacer {
	double packets_per_ns;
	uint64_t
		start_ns; /* when packet 0 was due; moves on when lost time is given up */
	uint64_t sent;
	struct pace_shape shape;
	/* poisson */
	uint64_t random;
	uint64_t arrived;  /* that have been drawn */
	double arrival_ns; /* of the next one, after the start */
};

/* Sender i of n that share a rate: their packets are due in turns. */
void pacer_start(struct pacer *p, double pps, unsigned i, unsigned n, uint64_t now_ns);

/* The same with a shape. */
void pacer_start_shaped(struct pacer *p, double pps, unsigned i, unsigned n,
                        uint64_t now_ns, const struct pace_shape *shape);

/* How many packets a rate makes in a time, from the start on. */
double pace_packets(double pps, const struct pace_shape *shape, uint64_t time_ns);

/* How many packets may go now. */
uint64_t pacer_due(struct pacer *p, uint64_t now_ns);

static inline void pacer_sent(struct pacer *p, unsigned n)
{
	p->sent += n;
}

/* When the next packet is due. */
uint64_t pacer_next_ns(const struct pacer *p);

/* A rate in packets/s for frames of len bytes; 0 if it needs a link speed that is not known. */
double rate_pps(const struct rate *rate, double len, uint32_t link_mbps);

#endif
