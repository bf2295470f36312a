/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The book: every rule on a netdev with its owner, in memory that all its members share (a memfd),
 * and the one place where the steering program's maps are changed.
 *
 * Threads, processes. Between book_lock() and book_unlock() the book is the caller's.  The lock is
 * a robust mutex in the book: should its holder die, the next one to lock makes the maps anew from
 * the rules, which are entered first and taken out last.
 */
#ifndef LIB_XDP_BOOK_H
#define LIB_XDP_BOOK_H

#include "lib/backend.h"
#include "lib/xdp/steer.h"

#include <pthread.h>
#include <stdbool.h>

/* Sets of prefixes: different rules apart from the prefix. */
#define BOOK_SETS_MAX 1024

/* What members hand each other: descriptors of the kernel's objects and of the book. */
enum {
	FD_BOOK,
	FD_LINK, /* holds the program on the netdev */
	FD_CONFIG,
	FD_SHAPES,
	FD_CHAINS,
	FD_RULES,
	FD_PREFIXES,
	FD_SOCKETS,
	FD_RINGS,
	FD_RING_STATES,
	FD_COUNTERS,
	FD_FENCE, /* a ring buffer that nobody writes: see quiesce() */
	FD_COUNT
};

struct book_member {
	uint32_t present;
	int32_t pid;
	char comm[16];
};

struct book_rule {
	uint32_t state;  /* enum in book.c */
	uint32_t member; /* whose it is */
	struct rule_identity id;
	uint32_t queue_count, mark, count;
	uint32_t counter;
	/* What follows is worked out from the above. */
	uint32_t shape;          /* of book.shapes */
	uint32_t next, previous; /* of the shape's rules; 0: none */
	uint32_t set;            /* of book.sets, if the shape has a prefix */
	struct steer_value value;
	struct steer_prefix_key prefix;
};

struct book_shape {
	uint32_t rules; /* 0: this place is free */
	uint32_t first; /* of its rules */
	uint32_t id, priority, prefix;
	uint32_t slot; /* of the map */
	uint64_t mask[STEER_WORDS];
};

struct book_set {
	uint32_t rules; /* 0: this place is free */
	uint32_t id;
};

struct book {
	pthread_mutex_t lock;
	uint32_t mode; /* RAWQ_NATIVE_XDP or RAWQ_GENERIC_XDP */
	uint32_t next_id;
	uint32_t rules_used; /* rules from this one on were never used */
	uint32_t rule_free;  /* a rule that may be; the search goes on from here */
	uint32_t rebuilding; /* publish nothing until all is there */
	uint8_t slot_state[STEER_SHAPE_SLOTS];
	uint8_t counter_used[STEER_COUNTERS_MAX];
	struct book_member members[STEER_MEMBERS_MAX];
	struct book_shape shapes[STEER_SHAPES_MAX];
	struct book_set sets[BOOK_SETS_MAX];
	struct book_rule rules[STEER_RULES_MAX];
};

/* One member's view of it all. */
struct maps {
	int fd[FD_COUNT];
	struct book *book;
	struct steer_config *config;
	struct steer_shape *shapes;
	struct steer_rule *chains;
	struct steer_ring *rings;
};

/* Make a book; its descriptor, or -errno. */
int book_create(void);
/* Map what the descriptors name; -errno.  maps_close() unmaps and closes. */
int maps_open(struct maps *m);
void maps_close(struct maps *m);

/* -EBUSY: another process holds the lock and does not let go for seconds. */
int book_lock(struct maps *m);
void book_unlock(struct maps *m);

/* Enter a rule and have the program follow it; its number, or:
 * -EEXIST *other is the same rule; -ENOSPC, -EMLINK, -E2BIG no room for one more shape, for one more
 * with these values, for one more at all; -EUSERS no counter; -ENOMEM and what bpf(2) returns.
 * replaces: a rule that may be the same one; 0: none. */
int book_add(struct maps *m, uint32_t member, const struct rawq_rule_opts *o,
             uint32_t replaces, uint32_t *other);
void book_remove(struct maps *m, uint32_t rule);
/* Remove all that a member has. */
void book_remove_member(struct maps *m, uint32_t member);
bool book_has_rules(const struct maps *m, uint32_t member);

void book_stats(const struct maps *m, uint32_t rule, struct rawq_rule_stats *stats);

/* The rules in use, from rule 1 on: the next one after `rule`, or 0. */
uint32_t book_next(const struct maps *m, uint32_t rule);

/* No run of the program that began before this call is left. */
void book_quiesce(const struct maps *m);

#endif
