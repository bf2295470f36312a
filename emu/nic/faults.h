/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on purpose, from a file or from a seed; doc/emulator.md has the format.  The card and the
 * kernel's part ask at each point where something may go wrong; a NULL plan never does anything.
 * Frames are spoilt by a wire of its own: faults_wire().
 *
 * Threads: every call under the engine's lock, except faults_call(), which has its own.
 */
#ifndef EMU_NIC_FAULTS_H
#define EMU_NIC_FAULTS_H

#include "emu/wire/wire.h"

struct faults;

/* Read a plan from a file, or make one from "seed=NUMBER". -ENOENT and the like; -EINVAL: err says
 * which line and what. */
int faults_load(const char *path, struct faults **out, char *err, size_t size);
/* The same from text (tests, fuzzing). */
int faults_parse(const char *text, struct faults **out, char *err, size_t size);
void faults_free(struct faults *f);

/* Execution of one more WQE of a send or receive queue.  True: do not execute it but complete it with
 * this error; the queue goes to the error state as for any error CQE. */
enum fault_queue { FAULT_SQ, FAULT_RQ };
struct fault_cqe {
	uint8_t syndrome; /* of struct mlx5_err_cqe */
	uint8_t vendor;
};
bool faults_wqe(struct faults *f, enum fault_queue kind, uint32_t number,
                struct fault_cqe *out);

/* One more doorbell of a queue was seen.  LOSE: as if it never was.  LATE: serve it *delay_ns later.
 * DUPLICATE: serve it twice. */
enum fault_doorbell { FAULT_SERVE, FAULT_LOSE, FAULT_LATE, FAULT_DUPLICATE };
enum fault_doorbell faults_doorbell(struct faults *f, enum fault_queue kind,
                                    uint32_t number, uint64_t *delay_ns);

/* Is the link of port (0..) forced down at now_ns since the port was opened? */
bool faults_link_down(struct faults *f, unsigned port, uint64_t now_ns);

/* What to add to the device clock, ns, at now_ns since the device was opened: steps so far. */
int64_t faults_clock(struct faults *f, uint64_t now_ns);

/* A call into the kernel's part, by the name that doc/emulator.md lists ("create_qp", "reg_mr",
 * "mmap", ...): 0, or the positive errno it must fail with. */
int faults_call(struct faults *f, const char *name);

/* Put the plan's frame faults (drop, corrupt, duplicate, reorder, delay, unplug) between a port and its wire.
 * Returns the wire to use, which owns the one given; the one given itself if the plan has none. NULL:
 * no memory, and the wire given is the caller's still.  client is the port, as for wire_open(). */
struct wire *faults_wire(struct faults *f, unsigned port, struct wire *w,
                         const struct wire_client *client);

#endif
