/* SPDX-License-Identifier: BSD-2-Clause */
/* The guard of rawq_rule_add(). */
#include "guard.h"

#include "lib/backend.h"
#include "lib/error.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* Thousands of rules are added at a time; addresses and children come and go by hand. */
#define BELIEVED_NS 1000000000ull

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What the kernel does not tell cannot be guarded: what any netdev has still is.  A netdev of
 * another MAC is not this port's: an emulated port's index means nothing to the kernel. */
static int look(struct rawq_port *port)
{
	struct guard *g = &port->guard;
	struct facts facts;
	bool told;
	int ret;

	told = !facts_read(port->info.ifindex, false, &facts) &&
	       !memcmp(facts.mac, port->info.mac, 6);
	stakes_free(&g->stakes);
	ret = stakes_make(port->info.mac, told ? &facts : NULL, NULL, &g->stakes);
	facts_free(&facts);
	g->read_ns = ret ? 0 : monotonic_ns();
	return ret;
}

int guard_refuse(const char *netdev, const struct rawq_stake *lost,
                 struct rawq_error *err)
{
	return fail(
		err, -EACCES,
		"rule: it would take %s from %s and the kernel: name less, or ask for "
		"everything by name",
		lost->what, netdev);
}

int guard_check(struct rawq_port *port, const struct rawq_rule_opts *rule,
                struct rawq_error *err)
{
	const struct rawq_stake *lost;

	if (rule->take_everything || rule->copy)
		return 0;
	if ((!port->guard.read_ns ||
	     monotonic_ns() - port->guard.read_ns > BELIEVED_NS) &&
	    look(port))
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	lost = stakes_lost_to(&port->guard.stakes, rule);
	return lost ? guard_refuse(port->info.netdev, lost, err) : 0;
}

void guard_free(struct guard *g)
{
	stakes_free(&g->stakes);
}
