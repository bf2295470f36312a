/* SPDX-License-Identifier: BSD-2-Clause */
/* When packets are due. */
#include "pace.h"

#include <math.h>

/* IEEE 802.3: FCS, preamble with start delimiter, smallest gap. */
#define WIRE_OVERHEAD (4 + 8 + 12)

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

void pacer_start_shaped(struct pacer *p, double pps, unsigned i, unsigned n,
                        uint64_t now_ns, const struct pace_shape *shape)
{
	*p = (struct pacer){
		.packets_per_ns = pps / 1e9 / n, .start_ns = now_ns, .shape = *shape};
	if (!shape->poisson) {
		p->start_ns += (uint64_t)(i * 1e9 / pps);
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

/* Packets due before `ns` after the start, and the inverse of that. */
static double packets_by(double packets_per_ns, double ramp_ns, double ns)
{
	if (ns < ramp_ns)
		return packets_per_ns * ns * ns / (2 * ramp_ns);
	return packets_per_ns * (ns - ramp_ns / 2);
}

static double time_of(double packets_per_ns, double ramp_ns, double packet)
{
	if (packet < packets_per_ns * ramp_ns / 2)
		return sqrt(2 * ramp_ns * packet / packets_per_ns);
	return packet / packets_per_ns + ramp_ns / 2;
}

double pace_packets(double pps, const struct pace_shape *shape, uint64_t time_ns)
{
	return packets_by(pps / 1e9, (double)shape->ramp_ns, (double)time_ns);
}

uint64_t pacer_next_ns(const struct pacer *p)
{
	uint64_t train = p->shape.train > 1 ? p->shape.train : 1;
	uint64_t first = p->sent / train * train; /* of the train that is next */

	if (p->shape.poisson)
		return p->arrived > p->sent ? p->start_ns
		                            : p->start_ns + (uint64_t)ceil(p->arrival_ns);
	return p->start_ns +
	       (uint64_t)ceil(time_of(p->packets_per_ns, (double)p->shape.ramp_ns,
	                              (double)first));
}

static uint64_t poisson_due(struct pacer *p, uint64_t now_ns)
{
	double now = (double)(now_ns - p->start_ns), behind = (double)PACE_CATCH_UP_NS;

	if (p->arrival_ns < now - behind) {
		p->start_ns += (uint64_t)(now - behind - p->arrival_ns);
		now = (double)(now_ns - p->start_ns);
	}
	for (; p->arrival_ns <= now; p->arrived++)
		draw_arrival(p);
	return p->arrived - p->sent;
}

uint64_t pacer_due(struct pacer *p, uint64_t now_ns)
{
	uint64_t next = pacer_next_ns(p), due;

	if (now_ns < next)
		return 0;
	if (p->shape.poisson)
		return poisson_due(p, now_ns);
	if (now_ns - next > PACE_CATCH_UP_NS)
		p->start_ns += now_ns - next - PACE_CATCH_UP_NS;
	due = (uint64_t)packets_by(p->packets_per_ns, (double)p->shape.ramp_ns,
	                           (double)(now_ns - p->start_ns)) +
	      1;
	if (p->shape.train > 1) /* a train that has begun goes whole */
		due = (due + p->shape.train - 1) / p->shape.train * p->shape.train;
	return due > p->sent ? due - p->sent : 0;
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
