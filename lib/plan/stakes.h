/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel has at stake, as kinds of frames. */
#ifndef LIB_PLAN_STAKES_H
#define LIB_PLAN_STAKES_H

#include "facts.h"
#include "rawq.h"

struct stakes {
	struct rawq_stake *list;
	unsigned count;
};

/* All that facts say of the netdev, which may be NULL: then what any netdev with this MAC has.
 * session as in rawq_plan_opts, or NULL.  0 or -ENOMEM; stakes_free() in any case. */
int stakes_make(const uint8_t mac[6], const struct facts *facts,
                const struct rawq_rule_key *session, struct stakes *out);
void stakes_free(struct stakes *s);

/* The fate of each under rules in the order of their priorities. */
void stakes_judge(struct stakes *s, const struct rawq_rule_opts *const *by_priority,
                  const uint32_t *number, unsigned rules);

/* The first vital stake that the rule alone would take whole; NULL: none. */
const struct rawq_stake *stakes_lost_to(const struct stakes *s,
                                        const struct rawq_rule_opts *rule);

#endif
