/* SPDX-License-Identifier: BSD-2-Clause */
/* What one flow of a rule matches and does. */
#ifndef LIB_VERBS_FLOW_H
#define LIB_VERBS_FLOW_H

#include "device.h"

#include "lib/range.h"

#include <stdbool.h>

/* One flow of a rule: what it matches on top of the rule's key, and what its hash covers. */
struct kind {
	uint16_t ethertype; /* 0: any */
	uint8_t ip_proto;   /* 0: any */
	uint8_t level;
	uint64_t hash_fields;
};

/* One of the values and masks that a rule's port ranges become. */
struct part {
	struct range_part src, dst;
};

/* Is it a copy of all that arrives?  A flow type of its own, ahead of every priority. */
bool flow_is_sniffer(const struct rawq_rule_opts *o);

/* priority: the device's.  counters may be NULL.  NULL and errno as ibv_create_flow() sets it. */
struct ibv_flow *flow_create(const struct rdma_port *p, struct ibv_qp *qp,
                             const struct rawq_rule_opts *o, const struct kind *k,
                             const struct part *part, unsigned priority,
                             struct ibv_counters *counters);

#endif
