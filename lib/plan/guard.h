/* SPDX-License-Identifier: BSD-2-Clause */
/* The guard: a rule may not take from the kernel what it lives on, unless it says so. */
#ifndef LIB_PLAN_GUARD_H
#define LIB_PLAN_GUARD_H

#include "lib/plan/stakes.h"

struct rawq_port;

/* A port's memory of what its netdev has at stake; zero at first. */
struct guard {
	struct stakes stakes;
	uint64_t read_ns; /* CLOCK_MONOTONIC; 0: never */
};

/* -EACCES with the sentence, or 0. */
int guard_check(struct rawq_port *port, const struct rawq_rule_opts *rule,
                struct rawq_error *err);
void guard_free(struct guard *g);

/* The sentence of a refusal. */
int guard_refuse(const char *netdev, const struct rawq_stake *lost,
                 struct rawq_error *err);

#endif
