/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taps: what a port of this process sends and receives, shown to `rawq cap IF --tap`.  What
 * bypasses the kernel is invisible to tcpdump; here the program itself tells.
 *
 * Each port that a verb opens listens on an abstract socket of its network namespace,
 * "\0rawq-tap/IF/PID", for callers of the same user or root.  One of them at a time is handed a
 * memfd with a ring for each queue, and the queues' burst functions are replaced by ones that
 * copy what passes into it: while nobody taps, nothing at all is in the way.  A full ring loses
 * packets and counts them, it never makes the port wait.
 */
#ifndef CMD_COMMON_TAP_H
#define CMD_COMMON_TAP_H

#include "rawq.h"

#include <stdbool.h>

#define TAP_PREFIX     "rawq-tap/"
#define TAP_MAGIC      0x72617174u /* "raqt": the layout below, nothing else */
#define TAP_QUEUES_MAX 64          /* of a port, both ways */
#define TAP_PAGE       4096
#define TAP_RING_SIZE  (2u << 20) /* bytes of records, a power of two */

/* The first page. */
struct tap_head {
	uint32_t magic;
	uint32_t queues; /* rings in use */
};

/* A ring's first page; its records follow.  One writer, one reader. */
struct tap_ring {
	_Alignas(64) uint64_t head; /* the port's: bytes written so far */
	uint64_t lost;              /* packets that found no room */
	_Alignas(64) uint64_t tail; /* the reader's: bytes read so far */
	_Alignas(64) uint32_t sends;
};

enum {
	TAP_FIRST = 1, /* a packet begins */
	TAP_MORE = 2,  /* it goes on in the next record */
};
#define TAP_SKIP UINT32_MAX /* as len: nothing more up to the ring's end */

/* Padded to 8 bytes; no record goes over the ring's end. */
struct tap_record {
	uint32_t size; /* of the record, with what follows it */
	uint32_t len;  /* of the piece; TAP_SKIP: these two words are all there is */
	uint32_t kept; /* bytes of it that follow */
	uint32_t flags;
	uint64_t time_ns; /* CLOCK_REALTIME of the burst */
};

/* What a reader says, and what it is told, beside the memfd if it may tap. */
struct tap_request {
	uint32_t magic, snap; /* bytes to keep of a piece */
};
struct tap_answer {
	uint32_t magic;
	int32_t error; /* 0, or an errno value: EBUSY another taps, EPERM not this user's */
};

static inline size_t tap_ring_offset(unsigned i)
{
	return TAP_PAGE + (size_t)i * (TAP_PAGE + TAP_RING_SIZE);
}

struct tap;

/* Offer a port.  NULL: it cannot be, and the port does without. */
struct tap *tap_create(const char *netdev);
/* After its queues; NULL is allowed. */
void tap_destroy(struct tap *tap);

/* Queues of the port, between their own create and destroy calls, by the thread of those. */
void tap_add_rxq(struct tap *tap, struct rawq_rxq *q, const struct rawq_region *region);
void tap_add_txq(struct tap *tap, struct rawq_txq *q, const struct rawq_region *region);
void tap_remove(struct tap *tap, const void *q);

#endif
