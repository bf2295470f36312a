/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows and their counters: what ibv_create_flow() and Direct-Verbs rules have in common. */
#ifndef EMU_UVERBS_FLOW_H
#define EMU_UVERBS_FLOW_H

#include "emu/nic/steering.h"
#include "emu/uverbs/object.h"

struct qp;
struct call;

/* IB_COUNTER_PACKETS or _BYTES, and the word of the program's array it is added to. */
struct counters_point {
	uint32_t what, index;
};
#define COUNTERS_POINTS_MAX 32u

struct counters {
	struct object object;
	struct steering_counter value; /* the card's, written under its lock */
	struct counters_point points[COUNTERS_POINTS_MAX];
	unsigned npoints, words; /* words: the array's length at least */
};

struct flow {
	struct object object;
	struct steering_rule *rule;
	struct qp *qp;             /* NULL: drops */
	struct counters *counters; /* or NULL */
	struct object *matcher;    /* or NULL */
};

/* Put the rule in force for a flow whose qp, counters and matcher are set; opts names the rest.
 * On failure the flow is discarded. */
int flow_install(struct flow *flow, struct steering_rule_opts *opts);
int flow_create_object(struct call *c, struct flow **out);

/* counters.c: bind the set of a COUNT spec to its points, given at flow creation. */
int counters_bind(struct call *c, struct counters *counters);

#endif
