/* SPDX-License-Identifier: BSD-2-Clause */
/* A plan of faults, as read from its text; for faults*.c. */
#ifndef EMU_NIC_FAULTS_PLAN_H
#define EMU_NIC_FAULTS_PLAN_H

#include "emu/nic/faults.h"

#include <pthread.h>

/* Faults of one plan: more than anybody writes by hand. */
#define FAULTS_MAX 256

enum fault_kind {
	FAULT_WQE,
	FAULT_DOORBELL,
	FAULT_LINK,
	FAULT_FRAME,
	FAULT_CLOCK,
	FAULT_CALL
};

enum fault_way { WAY_TX, WAY_RX };

enum frame_fault {
	FRAME_DROP = 1,
	FRAME_CORRUPT,
	FRAME_DUPLICATE,
	FRAME_REORDER,
	FRAME_DELAY,
	FRAME_UNPLUG
};

/* One line of the plan. */
struct fault {
	enum fault_kind kind;
	uint32_t given; /* bit per key, see faults_parse.c */
	/* when: the at-th event, every so many events, or by chance; of link and clock: times, ns */
	uint64_t at, every, seen;
	uint32_t chance_ppm;
	/* where */
	enum fault_queue queue;
	uint32_t number, port;
	bool any_number, any_port;
	enum fault_way way;
	char name[32]; /* of a call */
	/* what */
	unsigned action; /* enum fault_doorbell or enum frame_fault */
	uint64_t by_ns, for_ns;
	int64_t step_ns;
	uint8_t syndrome, vendor;
	int err;
};

struct faults {
	struct fault *list;
	unsigned count;
	bool has[FAULT_CALL + 1]; /* kinds in the plan */
	uint64_t random;
	pthread_mutex_t call_lock;
};

/* One more event: does this fault happen now? */
bool fault_fires(struct faults *f, struct fault *fault);

/* The next number of the plan's own sequence, below a limit. */
uint64_t faults_draw(struct faults *f, uint64_t below);

/* The fault for the next frame of a port, 0: none. */
enum frame_fault faults_frame(struct faults *f, unsigned port, enum fault_way way,
                              uint64_t *by_ns);

#endif
