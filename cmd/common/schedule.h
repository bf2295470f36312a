/* SPDX-License-Identifier: BSD-2-Clause */
/* Which packet goes when: one pacer for a text, or one for each of its packets that has a rate of
 * its own, the earliest first. */
#ifndef CMD_COMMON_SCHEDULE_H
#define CMD_COMMON_SCHEDULE_H

#include "pace.h"
#include "packet/packet.h"

/* One rate of a run, of all senders together. */
struct flow_plan {
	double pps; /* 0: trains, one at a time */
	struct pace_shape shape;
	uint64_t count; /* packets, at most */
};

/* A packet that may go. */
struct pick {
	uint64_t due_ns;
	unsigned flow; /* number of its plan */
};

struct scheduled_flow {
	struct pacer pacer;
	uint64_t next_ns, left;
};

struct schedule {
	struct scheduled_flow *flows; /* count of them; none: as fast as it goes */
	unsigned count;
};

/* Sender i of n of these plans.  -1: no memory. */
int schedule_init(struct schedule *s, const struct flow_plan *plans, unsigned count,
                  unsigned i, unsigned n, uint64_t now_ns);
void schedule_free(struct schedule *s);

/* Take up to max packets that may go now, by the times that they were due at. */
unsigned schedule_take(struct schedule *s, uint64_t now_ns, unsigned max,
                       struct pick *picks);
/* n packets of the only plan went another way. */
void schedule_skip(struct schedule *s, uint64_t n);
/* When the next one may go; UINT64_MAX: none ever. */
uint64_t schedule_next_ns(const struct schedule *s);
/* Packets that were due by now, those given up left out. */
uint64_t schedule_due(const struct schedule *s, uint64_t now_ns);

#endif
