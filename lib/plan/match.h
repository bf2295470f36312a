/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules against frames and against kinds of frames, on paper. */
#ifndef LIB_PLAN_MATCH_H
#define LIB_PLAN_MATCH_H

#include "rawq.h"

#include <stdbool.h>

struct match_frame {
	struct rawq_rule_key key;
	struct rawq_rule_key has; /* 0xff where the frame has the field, whole */
};

/* The outermost headers of a frame of which len bytes are there; false: it has no Ethernet
 * header. */
bool match_read(const uint8_t *frame, uint32_t len, struct match_frame *out);

/* Does the rule want a frame with these headers? */
bool match_wants(const struct rawq_rule_opts *rule, const struct match_frame *frame);

/* Could a frame of the stake match the rule; does every one of them? */
bool match_meets(const struct rawq_rule_opts *rule, const struct rawq_stake *stake);
bool match_covers(const struct rawq_rule_opts *rule, const struct rawq_stake *stake);

#endif
