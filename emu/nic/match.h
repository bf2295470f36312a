/* SPDX-License-Identifier: BSD-2-Clause */
/* A frame written down as the card's matcher sees it, section by section; for steering.c. */
#ifndef EMU_NIC_MATCH_H
#define EMU_NIC_MATCH_H

#include "emu/nic/steering.h"

#define MATCH_WORDS (HW_MATCH_SIZE / 8)

struct match_key {
	union {
		uint64_t words[MATCH_WORDS];
		uint8_t bytes[HW_MATCH_SIZE];
	};
	uint8_t built; /* sections that are there, HW_MATCH_ENABLE_* */
};

/* Write the sections of `enable` that are not there yet. */
void match_build(struct match_key *key, const struct packet *p, uint8_t enable);

/* 0; -EINVAL a value bit outside the mask; -EOPNOTSUPP a mask bit that match_build never sets. */
int match_valid(const struct match *m);

/* Multicast frames alone can match. */
bool match_is_multicast(const struct match *m);

#endif
