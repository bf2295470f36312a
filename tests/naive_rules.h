/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may have a frame, by the text of rawq.h: every rule is asked, one after the other.  Of
 * fragments and cut headers that text says too little; there it follows doc/steering.md, by
 * backend. */
#ifndef TESTS_NAIVE_RULES_H
#define TESTS_NAIVE_RULES_H

#include "rawq.h"

#include <stdbool.h>
#include <stdint.h>

#define FRAME_MAX  128u
#define PRIORITIES 4u

struct frame {
	uint8_t bytes[FRAME_MAX];
	unsigned len;
};

static inline unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* What a frame has, field by field. */
struct seen {
	const uint8_t *b;
	unsigned tci, type, proto, sport, dport, tunnel;
	bool tagged, ip, ports, id;
	const uint8_t *src, *dst;
	unsigned ip_bytes;
};

struct naive_rules {
	enum rawq_backend backend;
	const struct rawq_rule_opts *rules;
	unsigned count;
};

struct seen look_at(enum rawq_backend backend, const struct frame *f);
/* The best priority of all that fit, or PRIORITIES. */
unsigned best_priority(const struct naive_rules *n, const struct seen *s);
/* May rule i, or with i == count the drop, have the frame? */
bool may_have(const struct naive_rules *n, const struct seen *s, unsigned i);

#endif
