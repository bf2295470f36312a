/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures (hw/sig.h) of received frames: found, checked, and where one was damaged, told
 * apart from traffic that never had one.
 */
#ifndef CMD_COMMON_SIGNATURE_H
#define CMD_COMMON_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

/* How far into a frame a signature is looked for. */
#define SIGNATURE_SEARCH 512

struct signature {
	uint32_t flow;
	uint64_t sequence, time_ns;
	/* SIGNATURE_DAMAGED */
	bool is_known;    /* flow, sequence and time_ns are what was sent */
	bool is_located;  /* one byte is wrong, the one at `damaged`, by `flipped` */
	uint16_t damaged; /* its place in the frame */
	uint8_t flipped;  /* bits */
};

enum signature_verdict {
	SIGNATURE_NONE,
	SIGNATURE_GOOD,
	SIGNATURE_DAMAGED, /* signed, and not as it was sent */
};

/* Where the last signatures were, one to a thread; zero is the empty memory. */
struct signature_memory {
	struct signature_place {
		uint16_t at, before; /* at 0: none */
	} places[4];                 /* the latest first */
};

enum signature_verdict signature_read(struct signature_memory *memory,
                                      const uint8_t *frame, uint32_t len,
                                      struct signature *sig);

#endif
