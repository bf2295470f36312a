/* SPDX-License-Identifier: BSD-2-Clause */
/* The edits of a packet as eBPF instructions, for rawq_flood_create(): the same packets as
 * packet_write() makes, written inside the kernel. */
#ifndef CMD_COMMON_PACKET_EDIT_CODE_H
#define CMD_COMMON_PACKET_EDIT_CODE_H

#include "../histogram.h"
#include "packet.h"

struct edit_code {
	const uint8_t *frame; /* the packet's; as long as that lives */
	uint32_t len;
	uint64_t *insns;
	uint32_t count;
	uint32_t state_size;
	uint8_t *state; /* to begin with */
	/* Where in the state; 0: not there. */
	uint32_t sequences_at; /* of each flow of a signature */
	uint32_t paced_at;     /* struct edit_paced */
};

/* What the instructions note of paced packets, ns: counts as in struct histogram. */
struct edit_paced {
	uint64_t last_ns, base_ns; /* base: when packet 0 was due */
	uint64_t gaps[HISTOGRAM_BUCKETS], late[HISTOGRAM_BUCKETS];
};

/* For worker `first` of `stride`; gap_ps: of its packets, or 0.  NULL; or why packets like these cannot be made so, in words
 * for "..., so ...". */
const char *edit_code_build(const struct packet *p, uint64_t first, uint64_t stride,
                            uint64_t gap_ps, uint64_t now_ns, uint64_t now_monotonic_ns,
                            struct edit_code *out);
void edit_code_free(struct edit_code *code);

#endif
