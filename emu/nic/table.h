/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One flow table of the card as the kernel fills it: entries (FTE) in groups of one mask each, the
 * groups in the order of their place in the table.  For steering.c.
 */
#ifndef EMU_NIC_TABLE_H
#define EMU_NIC_TABLE_H

#include "emu/nic/match.h"

/* Entries of a table; of each of the first STEERING_GROUPS groups.  Kernel: fs_core.c divides a
 * table by one more than its groups and keeps the rest for groups of a single entry. */
#define TABLE_ENTRIES    65536
#define TABLE_GROUP_SIZE (TABLE_ENTRIES / (STEERING_GROUPS + 1))

struct steering_rule {
	struct steering_rule_opts opts; /* match points to our copy */
	struct match match;
	struct entry
		*entries[2]; /* leftovers: multicast and unicast; others: the first */
	struct table *table;
	uint64_t number;    /* order of adding */
	bool first_of_dest; /* of its entries: delivers, while equal ones only count */
};

/* Destinations of equal matches; what happens to a frame that hits. */
struct entry {
	struct entry *next; /* of its hash bucket */
	struct group *group;
	uint64_t words[MATCH_WORDS]; /* the value, at the group's words only */
	uint32_t hash;
	struct steering_rule **rules;
	unsigned count, room;
};

struct group {
	struct group *next; /* by start */
	struct match mask;  /* value unused */
	unsigned start, size, used;
	unsigned nwords;
	uint8_t word[MATCH_WORDS]; /* indexes of mask words that are not zero */
	uint64_t word_mask[MATCH_WORDS];
	struct entry **buckets;
	unsigned buckets_mask;
};

struct table {
	struct group *groups;
	unsigned large_groups; /* of TABLE_GROUP_SIZE */
	unsigned rules;
};

/* Find or make the entry for a match and put the rule into it.  -EEXIST, -ENOSPC, -ENOMEM. */
int flow_table_add(struct table *t, const struct match *m, struct steering_rule *rule,
                   struct entry **out);
/* Take the rule out; an empty entry and an empty group go. */
void flow_table_remove(struct table *t, struct entry *e, struct steering_rule *rule);

/* The first entry that the frame hits, NULL: none.  Sections are built as they are needed. */
struct entry *table_find(const struct table *t, const struct packet *p,
                         struct match_key *key);

#endif
