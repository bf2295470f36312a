/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules that a program can break, and how it is told.  The card goes on as real hardware would,
 * or as harmlessly as it can where hardware is undefined.
 */
#ifndef EMU_NIC_CHECK_H
#define EMU_NIC_CHECK_H

#include <stdint.h>

struct nic;

enum rule {
	RULE_DOORBELL_UNKNOWN, /* names no queue */
	RULE_DOORBELL_STATE,   /* of a queue that is not ready */
	RULE_DOORBELL_RECORD,  /* rung before the record was written */
	RULE_DOORBELL_NOTHING, /* rung for nothing new (trap mode) */
	RULE_RECORD_AHEAD,     /* by more than the ring holds */
	RULE_RECORD_BEHIND,
	RULE_OVERRUN, /* posted over WQEs that no CQE has covered */
	RULE_WQE_INDEX,
	RULE_WQE_QUEUE,
	RULE_WQE_SIZE,
	RULE_WQE_OPCODE,
	RULE_WQE_RESERVED,
	RULE_WQE_CHANGED,
	RULE_DATA_CHANGED,
	RULE_SEGMENT_EMPTY,  /* byte count 0 means 2 GB */
	RULE_SEGMENT_MEMORY, /* not in its memory region */
	RULE_INLINE,         /* header inlined too short, or past the WQE */
	RULE_FRAME_LENGTH,
	RULE_CHECKSUM, /* asked for a frame that has none */
	RULE_TSO,
	RULE_EMPW,
	RULE_CQ_OVERRUN,
	RULE_CQ_CONSUMER, /* ahead of what was written */
	RULE_CQ_INITIAL,  /* slots not marked invalid */
	RULE_CQ_ARM,      /* doorbell and record differ */
	RULE_DESTROY,
	RULE_COUNT
};

/* How often each rule was broken on one queue: after some sentences the rest is only counted. */
#define SHOWN_MAX 16
struct shown {
	uint32_t count[RULE_COUNT];
};

/* Say so, as "SQ 0x101, WQE 7: what is wrong", without a full stop; shown may be NULL. */
__attribute__((format(printf, 4, 5))) void violate(struct nic *nic, struct shown *shown,
                                                   enum rule rule, const char *fmt, ...);

#endif
