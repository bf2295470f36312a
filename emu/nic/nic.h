/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card: one engine per process with some ports.  It reads send WQEs and receive WQEs out of
 * the program's own memory, moves frames between them and the ports' wires, and writes CQEs.
 * The kernel's part (emu/uverbs) makes the objects; the program rings doorbells in UAR pages.
 *
 * Threads.  Every call is made between nic_lock() and nic_unlock(), unless said otherwise; the
 *           engine's thread, or in trap mode the program's own, takes the same lock to work.
 *           Callbacks come with the lock held and must not call the card.
 * Errors.   0 or -errno; `out` is written on success only.
 * Order.    An object outlives those that name it: destroying one in use is -EBUSY.
 */
#ifndef EMU_NIC_NIC_H
#define EMU_NIC_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emu/nic/faults.h"
#include "emu/nic/steering.h"
#include "emu/wire/wire.h"
#include "hw/mlx5.h"

struct nic;
struct nic_uar;
struct nic_mr;
struct nic_cq;
struct nic_sq;
struct nic_rq;
struct nic_rwqt;
struct nic_tir;

enum nic_mode {
	NIC_POLL, /* a thread polls the doorbell registers */
	NIC_TRAP /* each doorbell's store traps and the card works at once, in the same thread */
};

/* What the card tells the process around it. */
struct nic_events {
	void *user;
	/* One sentence about a rule that the program broke: queue, index, rule. */
	void (*violation)(void *user, const char *sentence);
	void (*link)(void *user, unsigned port, bool up);
};

struct nic_opts {
	unsigned ports;
	enum nic_mode mode;
	bool thorough; /* the costly checks as well: WQEs and frames changed while owned */
	struct faults *faults; /* NULL: none; the caller's, outlives the card */
	struct nic_events events;
};

/* No lock for these two.  Destroying frees what is left of the objects. */
int nic_create(const struct nic_opts *opts, struct nic **out);
void nic_destroy(struct nic *nic);

void nic_lock(struct nic *nic);
void nic_unlock(struct nic *nic);

/* ---- Ports ---- */

/* For wire_open(); no lock needed. */
struct wire_client nic_wire_client(struct nic *nic, unsigned port);

/* Plug a wire into a port and give it its rules; both stay the caller's and are unplugged with
 * NULLs before they go.  The engine polls the wire. */
void nic_port_plug(struct nic *nic, unsigned port, struct wire *wire,
                   struct steering *steering);
/* Frames longer than this (Ethernet header and payload, without VLAN tags and FCS) are not
 * sent and not received.  1514 to start with. */
void nic_port_set_frame_max(struct nic *nic, unsigned port, uint32_t frame_max);

struct nic_port_counters {
	uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes;
	uint64_t tx_unicast, tx_multicast, tx_broadcast; /* 0 on wires that discard */
	uint64_t rx_unicast, rx_multicast, rx_broadcast;
	uint64_t rx_out_of_buffer; /* a queue wanted it and had no WQE */
	uint64_t rx_kernel;    /* left to the netdev, which has its own way to get it */
	uint64_t rx_missed;    /* nobody's by the rules */
	uint64_t rx_dropped;   /* by a rule that says drop */
	uint64_t rx_not_ready; /* the queue was in reset or error */
	uint64_t rx_too_long;  /* longer than the port's frames or the WQE's buffers */
	uint64_t cqe_errors;   /* error CQEs written */
};
void nic_port_counters(struct nic *nic, unsigned port, struct nic_port_counters *out);

/* ---- Clock ---- */

#define NIC_CLOCK_KHZ                                                                    \
	1000000u /* free running, 64 bits: what CQEs and the clock page show */
uint64_t nic_clock(struct nic *nic); /* no lock needed */
/* The same and CLOCK_REALTIME, as they were when the card was made and ever since but for the
 * steps that faults gave the clock. */
uint64_t nic_real_ns(struct nic *nic);
uint64_t nic_clock_at(struct nic *nic, uint64_t real_ns);
/* Keep a page's 64-bit clock (two big-endian words, high first) fresh; NULL: stop. */
void nic_clock_page(struct nic *nic, be32 *high_low);

/* ---- UAR pages ---- */

/* A page of registers: memory that the program maps, writable, or in trap mode as if it were. */
int nic_uar_create(struct nic *nic, struct nic_uar **out);
int nic_uar_destroy(struct nic_uar *uar);
/* Map it as mmap() does, with the caller's addr and flags; MAP_FAILED and errno. No lock needed. */
void *nic_uar_map(struct nic_uar *uar, void *addr, int flags);
/* The program unmaps it; also before nic_uar_destroy(). */
int nic_uar_unmap(struct nic_uar *uar, void *addr);
/* A doorbell trapped at this address?  Called by the process's SIGSEGV handler with its
 * arguments, no lock: true if it was one and the store may run again.  See trap.c. */
bool nic_trap_segv(int sig, void *siginfo, void *ucontext);
/* The same for SIGTRAP, after the store. */
bool nic_trap_step(int sig, void *siginfo, void *ucontext);

/* ---- Memory regions ---- */

struct nic_mr_opts {
	uint32_t pd;
	void *addr;    /* where the bytes are */
	uint64_t iova; /* what segments call the first of them */
	uint64_t length;
	bool local_write;
};
/* The lkey is nic_mr_lkey(). */
int nic_mr_create(struct nic *nic, const struct nic_mr_opts *opts, struct nic_mr **out);
void nic_mr_destroy(struct nic_mr *mr);
uint32_t nic_mr_lkey(const struct nic_mr *mr);

/* ---- Completion queues ---- */

struct nic_cq_opts {
	void *buf;
	unsigned log_size;    /* CQEs */
	unsigned cqe_size;    /* 64 or 128 */
	be32 *dbrec;          /* HW_DBR_CQ_* */
	unsigned mini_format; /* HW_MINI_FORMAT_* of compressed receive CQEs; 0: none */
	bool ignore_overrun;
	void *user;
	void (*notify)(void *user); /* it was armed and there is a CQE */
	void (*error)(void *user);  /* overrun: the CQ is dead, and the queues on it */
};
int nic_cq_create(struct nic *nic, const struct nic_cq_opts *opts, struct nic_cq **out);
int nic_cq_destroy(struct nic_cq *cq);
uint32_t nic_cq_number(const struct nic_cq *cq);

/* ---- Send and receive queues ---- */

enum nic_queue_state { NIC_QUEUE_RESET, NIC_QUEUE_READY, NIC_QUEUE_ERROR };

struct nic_sq_opts {
	void *buf;
	unsigned log_wqebbs;
	be32 *dbrec; /* the queue pair's: word HW_DBR_SQ */
	struct nic_cq *cq;
	uint32_t pd, user_index;
	unsigned port;
	unsigned min_inline; /* header bytes each WQE must inline: 0 or 18 */
	void *user;
	void (*error)(
		void *user); /* the queue went to the error state by itself; may be NULL */
};
/* Starts in RESET. */
int nic_sq_create(struct nic *nic, const struct nic_sq_opts *opts, struct nic_sq **out);
int nic_sq_destroy(struct nic_sq *sq);
uint32_t nic_sq_number(
	const struct nic_sq *sq); /* also the QP number of a raw-packet QP */
enum nic_queue_state nic_sq_state(const struct nic_sq *sq);
/* To READY from RESET; to RESET or ERROR from any (ERROR flushes what was rung for). */
int nic_sq_modify(struct nic_sq *sq, enum nic_queue_state state);
/* Packet pacing; kbps 0: as fast as the wire.  burst (bytes) and frame (typical bytes) may be 0. */
int nic_sq_set_rate(struct nic_sq *sq, uint32_t kbps, uint32_t burst, uint32_t frame);

struct nic_rq_opts {
	void *buf;
	unsigned log_wqes, log_wqe_size; /* WQE size in bytes, from 16 */
	be32 *dbrec;                     /* word HW_DBR_RQ */
	struct nic_cq *cq;
	uint32_t pd, user_index;
	unsigned port;
	bool vlan_strip;
	bool scatter_fcs; /* the four bytes of FCS follow each frame */
	bool striding;
	unsigned log_strides, log_stride_size; /* striding: per WQE; bytes */
	bool linked;         /* striding: a next segment comes first in each WQE */
	bool two_byte_shift; /* striding: two zero bytes before each frame */
	void *user;
	void (*error)(void *user);
};
int nic_rq_create(struct nic *nic, const struct nic_rq_opts *opts, struct nic_rq **out);
int nic_rq_destroy(struct nic_rq *rq);
uint32_t nic_rq_number(const struct nic_rq *rq);
enum nic_queue_state nic_rq_state(const struct nic_rq *rq);
int nic_rq_modify(struct nic_rq *rq, enum nic_queue_state state);
void nic_rq_set_vlan_strip(struct nic_rq *rq, bool on);
uint64_t nic_rq_out_of_buffer(const struct nic_rq *rq);

/* ---- Receive hashing ---- */

/* 2^log_size queues; copied. */
int nic_rwqt_create(struct nic *nic, struct nic_rq *const *rqs, unsigned log_size,
                    struct nic_rwqt **out);
int nic_rwqt_destroy(struct nic_rwqt *rwqt);

#define NIC_HASH_SRC_IPV4 0x01u /* as IBV_RX_HASH_* */
#define NIC_HASH_DST_IPV4 0x02u
#define NIC_HASH_SRC_IPV6 0x04u
#define NIC_HASH_DST_IPV6 0x08u
#define NIC_HASH_SRC_TCP  0x10u
#define NIC_HASH_DST_TCP  0x20u
#define NIC_HASH_SRC_UDP  0x40u
#define NIC_HASH_DST_UDP  0x80u
#define NIC_HASH_KEY_SIZE 40

/* What a flow delivers to: one queue, or a table by Toeplitz hash.  It is `dest` of a
 * steering rule.  Hashing what the frame is not (other L3 or L4) selects entry 0. */
struct nic_tir_opts {
	struct nic_rq *rq; /* or */
	struct nic_rwqt *rwqt;
	uint32_t fields; /* NIC_HASH_* */
	uint8_t key[NIC_HASH_KEY_SIZE];
	bool inner; /* hash the headers inside a tunnel */
};
int nic_tir_create(struct nic *nic, const struct nic_tir_opts *opts,
                   struct nic_tir **out);
int nic_tir_destroy(struct nic_tir *tir);

#endif
