/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which receivers get a frame: the rules of one port, in the order in which the kernel's mlx5
 * driver lays them into the card.
 *
 *   SNIFFER      every rule's destination gets a copy, whatever happens below
 *   BYPASS       NORMAL and DV rules, priority 2 * user + !dont_trap, lower first
 *   KERNEL       the netdev: its MAC, broadcast, multicast it joined, all when promiscuous
 *   LEFTOVERS    ALL_DEFAULT and MC_DEFAULT (multicast alone); both get what fits both
 *   (miss)       the frame is nobody's: counted as a steering miss
 *
 * A match is a value and a mask in the card's own layout, hw/mlx5_match.h: rules of
 * ibv_create_flow() are translated into it with match_field(), DV matchers are it already.
 *
 * Threads: every call under the engine's lock.
 */
#ifndef EMU_NIC_STEERING_H
#define EMU_NIC_STEERING_H

#include "emu/nic/packet.h"
#include "hw/mlx5_match.h"

#include <stddef.h>

struct steering;
struct steering_rule;

/* Receivers of one frame at most: half of them by SNIFFER and dont_trap rules, the others with equal
 * matches.  A rule that could make it more is refused. */
#define STEERING_DESTS_MAX 64
/* What the kernel's driver has; see steering_add(). */
#define STEERING_PRIORITIES 16
#define STEERING_GROUPS     6

struct match {
	uint8_t enable; /* HW_MATCH_ENABLE_* */
	uint8_t value[HW_MATCH_SIZE], mask[HW_MATCH_SIZE];
};

/* Demand `field` (HW_MATCH_*) of the section that starts at byte `section` (HW_MATCH_OUTER...):
 * value and mask are big-endian, (width + 7) / 8 bytes, right-aligned. A mask of zeros does nothing.
 * Sets the section's enable bit. */
void match_field(struct match *m, unsigned section, unsigned field, const void *value,
                 const void *mask);
/* The same for fields of up to 32 bits, host order. */
void match_u32(struct match *m, unsigned section, unsigned field, uint32_t value,
               uint32_t mask);
/* From a DV matcher's mask (mask_size bytes) and a rule's value; what exceeds HW_MATCH_SIZE must be
 * zero. -EINVAL: a size is not a multiple of 4; -EOPNOTSUPP: a mask bit that is not modelled. */
int match_from_dv(struct match *m, uint8_t enable, const void *mask, size_t mask_size,
                  const void *value, size_t value_size);

enum steering_kind {
	STEERING_NORMAL,
	STEERING_ALL_DEFAULT,
	STEERING_MC_DEFAULT,
	STEERING_SNIFFER
};

/* ibv_counters / flow counters: owned by who made it, outlives the rules that name it. */
struct steering_counter {
	uint64_t packets, bytes;
};

struct steering_rule_opts {
	enum steering_kind kind;
	uint32_t priority;         /* the user's; NORMAL only */
	bool dont_trap;            /* copy and go on; NORMAL only */
	const struct match *match; /* NULL: every frame; NORMAL only */
	void *dest; /* receiver, opaque; NULL with drop, or to count and go on */
	bool drop;
	bool has_tag;
	uint32_t tag;                     /* 24 bits */
	struct steering_counter *counter; /* may be NULL */
	bool default_miss; /* DV action: leave the bypass tables, on to the kernel */
};

struct steering *steering_create(void);    /* NULL: no memory */
void steering_destroy(struct steering *s); /* and its rules */

/* Add a rule; refuses as the kernel does:
 * -EINVAL  a value bit outside the mask; dont_trap on another kind than NORMAL or with drop; a tag on
 *          leftovers; tag wider than 24 bits; neither destination nor drop nor default_miss
 * -ENOMEM  priority beyond the last one (the kernel's own choice of errno), or no memory
 * -ENOSPC  the table of that priority is full: STEERING_GROUPS masks have room for 9362 rules each,
 *          every further mask takes one entry of the 9364 that remain
 * -EEXIST  the same match with different actions (tag)
 * -EOPNOTSUPP a field that the parser does not know
 * Equal match and priority with another destination: both get a copy. */
int steering_add(struct steering *s, const struct steering_rule_opts *opts,
                 struct steering_rule **out);
void steering_remove(struct steering *s, struct steering_rule *rule);

/* What the kernel's netdev takes. */
struct steering_netdev {
	uint8_t mac[6];
	bool up, promisc, allmulti;
	const uint8_t (*multicast)[6]; /* copied */
	unsigned multicasts;
};
int steering_set_netdev(struct steering *s,
                        const struct steering_netdev *netdev); /* -ENOMEM */

struct steering_dest {
	void *dest;
	uint32_t tag;
	bool has_tag;
};
struct steering_verdict {
	unsigned count; /* of dests; each gets a copy */
	bool kernel;    /* the netdev gets it */
	bool dropped;   /* by a rule */
	struct steering_dest dests[STEERING_DESTS_MAX];
};

/* Decide, and count in the rules' counters.  count == 0, !kernel, !dropped: a miss. */
void steering_decide(struct steering *s, const struct packet *p,
                     struct steering_verdict *v);

/* Visit the rules in the order in which they are asked; stops when fn returns non-zero, and
 * returns that.  (The netdev wire asks for what they want.) */
int steering_visit(const struct steering *s,
                   int (*fn)(void *arg, const struct steering_rule_opts *rule),
                   void *arg);

/* Grows with every change of the rules or the netdev. */
uint64_t steering_generation(const struct steering *s);

#endif
