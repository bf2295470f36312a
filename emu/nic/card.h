/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card's own view of its objects; nic.h is what others see.  Everything here is guarded by
 * the card's lock, except what says otherwise.
 *
 * Program memory (rings, doorbell records, frames) changes under the card's feet: a value that
 * is checked is read once, and kept.
 */
#ifndef EMU_NIC_CARD_H
#define EMU_NIC_CARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "emu/nic/check.h"
#include "emu/nic/nic.h"
#include "emu/nic/toeplitz.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Numbered objects: slot i has number base + i. */
struct table {
	void **slots;
	unsigned size;
};

struct nic_mr {
	struct nic *nic;
	uint32_t lkey, pd;
	uint8_t *addr;
	uint64_t iova, length;
	bool local_write;
};

/* One registered region as a queue last used it. */
struct mr_cache {
	const struct nic_mr *mr;
	uint64_t generation; /* of nic->mrs */
};

#define CQ_MINIS_MAX 64 /* what the device says: cqe_comp_caps.max_num */

struct nic_cq {
	struct nic *nic;
	uint32_t number;
	unsigned users;  /* queues on it */
	uint8_t *buf;    /* of the CQE itself: +64 with 128-byte slots */
	uint32_t stride; /* bytes from CQE to CQE */
	uint32_t mask;   /* slots - 1 */
	unsigned log_size;
	be32 *dbrec;
	uint32_t pi;               /* CQEs written; runs on */
	uint32_t room;             /* slots known to be free */
	bool armed, dead, pending; /* pending: on nic->cqs_pending */
	uint32_t arm_word;         /* last one obeyed */
	struct nic_cq *next_pending;
	struct nic_cq_opts opts;
	struct shown shown;
	/* A compressed session that is being gathered: the first CQE as it would be written, and
	 * the minis of all. */
	unsigned minis;
	uint32_t session_span; /* WQEs or strides that it covers */
	struct hw_cqe title;
	struct hw_mini_csum mini[CQ_MINIS_MAX];
};

struct nic_sq {
	struct nic *nic;
	struct nic_sq *next_active;
	bool active;  /* on nic->sqs_active: has work */
	bool errored; /* an error CQE was written since READY */
	uint8_t *ring;
	uint16_t ci, pi;   /* WQEBBs executed, and rung for */
	uint16_t reported; /* WQEBBs covered by a CQE */
	uint16_t mask;     /* WQEBBs - 1 */
	uint32_t number;
	uint16_t judged;       /* WQEs before this one were put to the fault plan */
	uint64_t departure_ns; /* of the batch that is being completed; 0: none is */
	uint32_t skip; /* frames of the WQE at ci that the wire has taken already */
	enum nic_queue_state state;
	struct mr_cache mr;
	struct nic_uar *uar; /* where it last rang */
	uint64_t late_ns;    /* a late doorbell is served then; 0: none */
	bool deaf; /* the fault plan keeps a doorbell back: the record is not to be looked at */
	/* pacing: bytes it may send now, and since when it counts */
	uint64_t rate_kbps, burst, paced_ns;
	int64_t tokens;
	struct nic_sq_opts opts;
	struct shown shown;
	struct owned *owned; /* thorough: one per WQEBB; else NULL */
};

/* What a WQE and its data looked like when the card got them. */
struct owned {
	uint64_t wqe, data;
};

struct nic_rq {
	struct nic *nic;
	uint8_t *ring;
	uint16_t ci, pi; /* WQEs used up, and known to be posted */
	uint16_t mask;
	uint32_t number;
	uint32_t wqe_size;
	uint32_t stride; /* striding: next free one in the WQE at ci */
	enum nic_queue_state state;
	struct mr_cache mr;
	unsigned users; /* tables and TIRs */
	uint64_t out_of_buffer;
	uint64_t stalled_ns; /* since when a wire waits for WQEs; 0: none does */
	uint64_t late_ns;    /* the fault plan: the record is seen then; 0: at once */
	bool lost;           /* the record is not seen while it is lost_pi */
	uint16_t lost_pi;
	struct nic_rq_opts opts;
	struct shown shown;
	struct owned *owned;
	struct nic_rq *next; /* all of the card's */
};

struct nic_rwqt {
	struct nic *nic;
	unsigned slot;
	unsigned users;
	uint32_t mask;
	struct nic_rq *rqs[];
};

struct nic_tir {
	struct nic *nic;
	unsigned slot;
	struct nic_tir_opts opts;
	struct toeplitz toeplitz;
};

struct nic_uar {
	struct nic *nic;
	struct nic_uar *next;
	int fd;          /* memfd: the program's mappings and ours */
	uint8_t *page;   /* ours, always writable */
	unsigned mapped; /* by the program */
	bool rung;       /* a queue of this page rang in this sweep */
};

/* A frame that a wire was asked to keep: its verdict is decided already. */
struct stalled {
	bool valid;
	uint64_t generation; /* of the rules */
};

struct port {
	struct nic *nic;
	unsigned index;
	struct wire *wire;
	struct steering *steering;
	uint32_t frame_max;
	struct nic_port_counters counters;
	struct stalled stalled;
	struct steering_verdict verdict;
	bool link_forced_down;
	uint64_t arrival_clock; /* of the frames that a wire brings now */
};

struct nic {
	pthread_mutex_t lock;
	atomic_uint waiting; /* callers of nic_lock(): the engine lets them in */
	atomic_bool stop;
	pthread_t thread;
	struct nic_opts opts;
	struct port *ports;
	struct table mrs, cqs, sqs, rqs;
	struct table rwqts, tirs; /* by slot alone: they have no number */
	uint64_t mr_generation;
	uint32_t mr_variant;
	struct nic_uar *uars;
	struct nic_sq *sqs_active;
	struct nic_cq *cqs_pending; /* with minis to write */
	struct nic_rq *rqs_all;
	unsigned rqs_watched; /* that rq_watch() has something to do for */
	struct batch *batch;
	be32 *clock_page;
	uint64_t start_ns;           /* CLOCK_MONOTONIC */
	uint64_t real_ns;            /* CLOCK_REALTIME above CLOCK_MONOTONIC, then */
	_Atomic(int64_t) clock_step; /* faults */
};

/* nic.c */
int table_add(struct table *t, void *object, unsigned *slot);
void *table_get(const struct table *t, uint32_t slot);
void table_remove(struct table *t, uint32_t slot);
uint64_t monotonic_ns(void);
#define FIRST_NUMBER                                                                     \
	0x100u /* of queues: never small, so that a slot is not taken for a number */

/* mr.c: length bytes at iova, or NULL (said so): no such key, other PD, outside, not writable. */
uint8_t *mr_find(struct nic *nic, struct mr_cache *cache, uint32_t lkey, uint64_t iova,
                 uint64_t length, uint32_t pd, bool write, const char **why);

/* cq.c */
void cq_write(struct nic_cq *cq, struct hw_cqe *cqe, uint8_t opcode);
/* A receive CQE that may be compressed; cqe's op_own is written here. */
void cq_write_received(struct nic_cq *cq, struct hw_cqe *cqe);
void cq_write_error(struct nic_cq *cq, uint8_t opcode, uint8_t syndrome, uint8_t vendor,
                    uint32_t user_index, uint32_t opcode_qpn, uint16_t wqe_counter);
void cq_flush(struct nic_cq *cq); /* minis that are being gathered */
void cq_flush_all(struct nic *nic);
void cq_arm(struct nic_cq *cq, uint32_t word);
void cq_check_consumer(struct nic_cq *cq);

/* sq.c */
void sq_doorbell(struct nic_sq *sq, struct nic_uar *uar, bool by_name, uint16_t index);
void sq_activate(struct nic_sq *sq);
void sq_fail(struct nic_sq *sq, uint16_t wqebbs, uint8_t opcode, uint8_t syndrome,
             uint8_t vendor);
void sq_to_error(struct nic_sq *sq);
void sq_flush_one(struct nic_sq *sq);
bool sq_late(struct nic_sq *sq); /* serve a doorbell whose delay is over */

/* send.c: execute up to budget WQEs; true while there is more that could be done now. */
bool sq_run(struct nic_sq *sq, unsigned budget);
struct batch *batch_create(void);

/* receive.c */
unsigned port_receive(void *client, const struct wire_frame *frames, unsigned n);

/* rq.c */
void rq_look(struct nic_rq *rq); /* read the doorbell record */
void rq_to_error(struct nic_rq *rq);
void rq_watch(struct nic_rq *rq);

/* engine.c: one round of everything; true if anything was done. */
bool engine_sweep(struct nic *nic);
void engine_run_queues(
	struct nic *nic); /* until they rest, or wait for a wire or the clock */
void *engine_thread(void *nic);

/* Vendor syndromes as real cards show them beside the standard ones. */
#define VENDOR_FLUSH      0xf9
#define VENDOR_WQE        0x68 /* malformed WQE */
#define VENDOR_PROTECTION 0x51
#define VENDOR_LENGTH     0x6a

/* Program memory, word by word, read once.  Acquire pairs with the program's barrier before it
 * writes the record. */
static inline uint32_t record_read(const be32 *record)
{
	return be32toh(__atomic_load_n(&record->raw, __ATOMIC_ACQUIRE));
}

#endif
