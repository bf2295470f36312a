/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the steering program (steer.bpf.c, in the kernel) and its owner (rules.c) agree on.
 *
 * Rules with the same mask and priority form a group.  The table lists the groups by priority;
 * a frame's key is masked and looked up once per group, so the cost depends on the number of
 * different masks, not of rules.  A group of one rule is compared in place, without the lookup.
 */
#ifndef LIB_XDP_STEER_H
#define LIB_XDP_STEER_H

#include <linux/types.h>

/* struct rawq_rule_key as 64-bit words. */
#define STEER_WORDS      8
#define STEER_GROUPS_MAX 64
#define STEER_RULES_MAX  65536
/* More than anybody counts; the numbers need no room. */
#define STEER_PRIORITIES 65536
/* Receive queues of one netdev; NICs have up to a few hundred. */
#define STEER_QUEUES_MAX 512

enum steer_action {
	STEER_DROP,
	STEER_TO_QUEUE, /* the socket of the receive queue that the frame came in on */
};

struct steer_group {
	__u64 mask[STEER_WORDS];
	__u64 value[STEER_WORDS]; /* of the only rule, if rules == 1 */
	__u32 id;                 /* of this group in struct steer_key */
	__u32 rules;
	__u32 action; /* of the only rule */
	__u32 pad;
};

struct steer_table {
	__u32 groups;
	__u32 parse; /* 0: the first group takes every frame, whatever is in it */
	struct steer_group group[STEER_GROUPS_MAX];
};

struct steer_key {
	__u32 group;
	__u32 pad;
	__u64 value[STEER_WORDS];
};

#endif
