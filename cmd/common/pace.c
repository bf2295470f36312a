/* SPDX-License-Identifier: BSD-2-Clause */
/* When packets are due. */
#include "pace.h"

#include <math.h>

/* IEEE 802.3: FCS, preamble with start delimiter, smallest gap. */
#define WIRE_OVERHEAD (4 + 8 + 12)
/* Packets; far more than the rounding of doubles, far less than one packet. */
#define ROUNDING 1e-6

/* ---- the schedule: packets by a time after the start, and the inverse of that ---- */

static uint32_t train_of(const struct pace_shape *shape)
{
	return shape->train > 1 ? shape->train : 1;
}

/* Trains within which the rate holds, each with its gap behind it. */
static double gapped_packets_by(double rate, const struct pace_shape *shape, double ns)
{
	double train = train_of(shape), length = rate > 0 ? train / rate : 0;
	double period = length + (double)shape->gap_ns, whole = floor(ns / period);
	double within = rate > 0 ? (ns - whole * period) * rate : train;

	return whole * train + fmin(within, train);
}

static double gapped_time_of(double rate, const struct pace_shape *shape, uint64_t packet)
{
	uint64_t train = train_of(shape), trains = packet / train;
	double length = rate > 0 ? (double)train / rate : 0;

	return (double)trains * (length + (double)shape->gap_ns) +
	       (rate > 0 ? (double)(packet % train) / rate : 0);
}

static double packets_by(double rate, const struct pace_shape *shape, double ns)
{
	double ramp_ns = (double)shape->ramp_ns;

	if (shape->gap_ns)
		return gapped_packets_by(rate, shape, ns);
	if (ns < ramp_ns)
		return rate * ns * ns / (2 * ramp_ns);
	return rate * (ns - ramp_ns / 2);
}

static double time_of(double rate, const struct pace_shape *shape, uint64_t packet)
{
	double ramp_ns = (double)shape->ramp_ns, first;

	if (shape->gap_ns)
		return gapped_time_of(rate, shape, packet);
	first = (double)(shape->train > 1 ? packet - packet % shape->train : packet);
	if (first < rate * ramp_ns / 2)
		return sqrt(2 * ramp_ns * first / rate);
	return first / rate + ramp_ns / 2;
}

double pace_packets(double pps, const struct pace_shape *shape, uint64_t time_ns)
{
	return packets_by(pps / 1e9, shape, (double)time_ns);
}

static uint64_t due_time(const struct pacer *p, uint64_t packet)
{
	return p->start_ns +
	       (uint64_t)ceil(time_of(p->packets_per_ns, &p->shape, packet));
}

/* A train goes whole once its first packet is due, if nothing says how fast within it. */
static bool goes_in_trains(const struct pacer *p)
{
	return p->shape.train > 1 && (!p->shape.gap_ns || p->packets_per_ns <= 0);
}

uint64_t pacer_scheduled(const struct pacer *p, uint64_t now_ns)
{
	uint64_t n, train;

	if (now_ns < p->start_ns)
		return 0;
	if (p->shape.poisson)
		return p->sent + ((double)(now_ns - p->start_ns) >= p->arrival_ns);
	n = (uint64_t)(packets_by(p->packets_per_ns, &p->shape,
	                          (double)(now_ns - p->start_ns)) +
	               ROUNDING);
	if (!p->shape.gap_ns || p->packets_per_ns > 0)
		n++; /* the one that is due now */
	train = goes_in_trains(p) ? p->shape.train : 1;
	return (n + train - 1) / train * train;
}

/* ---- start ---- */

/* 0 < u <= 1, by Marsaglia's xorshift64*. */
static double draw_uniform(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (double)((*state * 0x2545f4914f6cdd1d >> 11) + 1) / 9007199254740992.0;
}

static void draw_arrival(struct pacer *p)
{
	p->arrival_ns -= log(draw_uniform(&p->random)) / p->packets_per_ns;
}

/* A sender's part of the burst by which all together may exceed the rate. */
static void start_credit(struct pacer *p, double pps, unsigned n, uint64_t now_ns)
{
	double burst = fmax(p->shape.burst, pps / 1e9 * (double)PACE_BURST_NS) / n;
	double train = train_of(&p->shape);

	p->credit = train;
	p->credit_max = fmax(burst / 2, train);
	p->payback = fmax(burst / 2, 0.5) / (double)PACE_WINDOW_NS;
	p->credit_ns = now_ns;
}

void pacer_start_shaped(struct pacer *p, double pps, unsigned i, unsigned n,
                        uint64_t now_ns, const struct pace_shape *shape)
{
	*p = (struct pacer){
		.packets_per_ns = pps / 1e9 / n, .start_ns = now_ns, .shape = *shape};
	if (!shape->poisson) {
		if (pps > 0)
			p->start_ns += (uint64_t)(i * 1e9 / pps);
		start_credit(p, pps, n, p->start_ns);
		return;
	}
	/* independent of the others: the sum of Poisson processes is one */
	p->random = (shape->seed + 1) * 0x9e3779b97f4a7c15 + i * 0xd1342543de82ef95;
	if (!p->random)
		p->random = 1;
	draw_arrival(p);
}

void pacer_start(struct pacer *p, double pps, unsigned i, unsigned n, uint64_t now_ns)
{
	static const struct pace_shape even;

	pacer_start_shaped(p, pps, i, n, now_ns, &even);
}

/* ---- going on ---- */

/* How many packets must be able to go together now: what is left of a train. */
static double needed(const struct pacer *p)
{
	return goes_in_trains(p) ? p->shape.train - (double)(p->sent % p->shape.train)
	                         : 1;
}

uint64_t pacer_next_ns(const struct pacer *p)
{
	uint64_t due;
	double missing;

	if (p->shape.poisson)
		return p->start_ns + (uint64_t)ceil(p->arrival_ns);
	due = due_time(p, p->sent);
	missing = needed(p) - ROUNDING - p->credit;
	/* The rate may be lower than its final one: then this is too early, and asked again. */
	if (p->packets_per_ns > 0 && missing > 0) {
		uint64_t paid = p->credit_ns +
		                (uint64_t)(missing / (p->packets_per_ns + p->payback));

		return paid > due ? paid : due;
	}
	return due;
}

static unsigned take_poisson(struct pacer *p, uint64_t now_ns, unsigned max,
                             uint64_t *due_ns)
{
	double now = (double)(now_ns - p->start_ns), behind = (double)PACE_BEHIND_NS;
	unsigned n = 0;

	if (p->arrival_ns < now - behind) {
		p->start_ns += (uint64_t)(now - behind - p->arrival_ns);
		p->given_up_ns += (uint64_t)(now - behind - p->arrival_ns);
		now = (double)(now_ns - p->start_ns);
	}
	for (; n < max && p->arrival_ns <= now; n++) {
		due_ns[n] = p->start_ns + (uint64_t)ceil(p->arrival_ns);
		draw_arrival(p);
	}
	p->sent += n;
	return n;
}

static void add_credit(struct pacer *p, uint64_t now_ns)
{
	double before = (double)(p->credit_ns - p->start_ns);
	double now = (double)(now_ns - p->start_ns);

	if (p->credit_ns < p->start_ns)
		before = 0;
	p->credit += packets_by(p->packets_per_ns, &p->shape, now) -
	             packets_by(p->packets_per_ns, &p->shape, before) +
	             (now - before) * p->payback;
	if (p->credit > p->credit_max)
		p->credit = p->credit_max;
	p->credit_ns = now_ns;
}

/* What may go of the packets that are due. */
static uint64_t allowed(const struct pacer *p, uint64_t due)
{
	uint64_t credit = (uint64_t)(p->credit + ROUNDING), rest = (uint64_t)needed(p);

	if (p->packets_per_ns <= 0)
		return due < rest ? due : rest;
	if (credit >= due)
		return due;
	if (!goes_in_trains(p))
		return credit;
	return credit < rest ? 0
	                     : rest + (credit - rest) / p->shape.train * p->shape.train;
}

/* Without a rate a train's gap begins when the last of it has gone. */
static void begin_gap(struct pacer *p, uint64_t now_ns)
{
	uint64_t next = p->start_ns + p->sent / p->shape.train * p->shape.gap_ns;

	if (p->packets_per_ns <= 0 && p->sent % p->shape.train == 0 &&
	    next < now_ns + p->shape.gap_ns)
		p->start_ns += now_ns + p->shape.gap_ns - next;
}

unsigned pacer_take(struct pacer *p, uint64_t now_ns, unsigned max, uint64_t *due_ns)
{
	uint64_t next, due;
	unsigned n, i;

	if (p->shape.poisson)
		return now_ns < p->start_ns ? 0 : take_poisson(p, now_ns, max, due_ns);
	next = due_time(p, p->sent);
	if (now_ns < next)
		return 0;
	if (now_ns - next > PACE_BEHIND_NS) {
		p->start_ns += now_ns - next - PACE_BEHIND_NS;
		p->given_up_ns += now_ns - next - PACE_BEHIND_NS;
	}
	add_credit(p, now_ns);
	due = pacer_scheduled(p, now_ns);
	due = allowed(p, due > p->sent ? due - p->sent : 1);
	n = due < max ? (unsigned)due : max;
	for (i = 0; i < n; i++)
		due_ns[i] = due_time(p, p->sent + i);
	p->sent += n;
	p->credit -= n;
	if (p->shape.gap_ns)
		begin_gap(p, now_ns);
	return n;
}

double rate_pps(const struct rate *rate, double len, uint32_t link_mbps)
{
	switch (rate->unit) {
	case RATE_PPS:
		return rate->value;
	case RATE_BPS:
		return rate->value / 8 / len;
	case RATE_PERCENT:
		return rate->value / 100 * link_mbps * 1e6 / 8 / (len + WIRE_OVERHEAD);
	case RATE_UNSET:
		break;
	}
	return 0;
}
