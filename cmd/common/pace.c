/* SPDX-License-Identifier: BSD-2-Clause */
/* When packets are due. */
#include "pace.h"

#include <math.h>

/* IEEE 802.3: FCS, preamble with start delimiter, smallest gap. */
#define WIRE_OVERHEAD (4 + 8 + 12)

void pacer_start(struct pacer *p, double pps, unsigned i, unsigned n, uint64_t now_ns)
{
	p->packets_per_ns = pps / 1e9 / n;
	p->start_ns = now_ns + (uint64_t)(i * 1e9 / pps);
	p->sent = 0;
}

uint64_t pacer_next_ns(const struct pacer *p)
{
	return p->start_ns + (uint64_t)ceil((double)p->sent / p->packets_per_ns);
}

uint64_t pacer_due(struct pacer *p, uint64_t now_ns)
{
	uint64_t next = pacer_next_ns(p);

	if (now_ns < next)
		return 0;
	if (now_ns - next > PACE_CATCH_UP_NS)
		p->start_ns += now_ns - next - PACE_CATCH_UP_NS;
	return (uint64_t)((double)(now_ns - p->start_ns) * p->packets_per_ns) + 1 -
	       p->sent;
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
