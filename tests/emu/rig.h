/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card on a bench: one port with a wire that keeps what is sent and accepts only as much as a
 * test allows, and rings that tests write by hand, from the manual.
 */
#ifndef TESTS_EMU_RIG_H
#define TESTS_EMU_RIG_H

#include "emu/nic/nic.h"

#define RIG_SENT_MAX     512
#define RIG_MEMORY       (1u << 20) /* registered */
#define RIG_SENTENCE_MAX 64

struct rig {
	struct nic *nic;
	struct steering *steering;
	struct wire wire;
	struct nic_uar *uar;
	uint8_t *page; /* the program's view of it */
	struct nic_mr *mr;
	uint8_t *memory; /* RIG_MEMORY bytes */
	uint32_t lkey;
	unsigned allow; /* frames that the wire still takes */
	unsigned sent;  /* frames that it took */
	struct {
		uint8_t bytes[WIRE_FRAME_MAX];
		uint32_t len;
	} * frames;
	unsigned sentences;
	char sentence[RIG_SENTENCE_MAX][256];
	unsigned notified, cq_errors, queue_errors;
	unsigned bf; /* which half of the register is next */
};

struct rig_opts {
	enum nic_mode mode;
	bool thorough, discards, pauses;
	struct faults *faults;
};

/* Exits the program if the card cannot be made. */
void rig_open(struct rig *rig, const struct rig_opts *opts);
void rig_close(struct rig *rig);

/* The wire takes so many more frames; the card is told at once. */
void rig_allow(struct rig *rig, unsigned frames);
/* Let the card do all it can. */
void rig_work(struct rig *rig);
/* Was there a sentence with these words? */
bool rig_said(const struct rig *rig, const char *words);

/* A CQ with its memory; slots are marked invalid. */
struct rig_cq {
	struct nic_cq *cq;
	uint8_t *buf; /* of slot 0's CQE */
	uint32_t stride, slots, ci;
	be32 dbrec[2];
};
void rig_cq_open(struct rig *rig, struct rig_cq *cq, unsigned log_size, unsigned cqe_size,
                 unsigned mini_format);
/* Slot n. */
struct hw_cqe *rig_cqe(const struct rig_cq *cq, uint32_t n);
/* The next CQE that the card has handed over, or NULL; the consumer count follows. */
struct hw_cqe *rig_poll(struct rig_cq *cq);

struct rig_sq {
	struct nic_sq *sq;
	uint8_t *ring;
	uint16_t pi;   /* WQEBBs */
	uint16_t last; /* index of the last WQE posted */
	uint32_t number, wqebbs;
	be32 dbrec[2];
};
/* READY. */
void rig_sq_open(struct rig *rig, struct rig_sq *sq, struct rig_cq *cq,
                 unsigned log_wqebbs, unsigned min_inline);
/* Copy a WQE of ds segments into the ring behind the last one, with this control segment. */
void rig_post(struct rig_sq *sq, uint8_t opcode, uint8_t ce, const void *segs,
              unsigned ds);
/* SEND of one pointer, no inline header. */
void rig_post_send(struct rig *rig, struct rig_sq *sq, uint8_t ce, const void *frame,
                   uint32_t len);
void rig_ring(struct rig *rig, struct rig_sq *sq); /* record, register, work */

struct rig_rq {
	struct nic_rq *rq;
	struct nic_tir *tir;
	struct steering_rule *rule;
	uint8_t *ring;
	uint16_t pi;
	uint32_t wqes, wqe_size;
	be32 dbrec[2];
};
/* READY, and everything the port receives goes to it. opts: sizes and flags alone. */
void rig_rq_open(struct rig *rig, struct rig_rq *rq, struct rig_cq *cq,
                 const struct nic_rq_opts *opts);
/* Post a WQE of n data segments; the record is written. */
void rig_recv(struct rig_rq *rq, const struct hw_data_seg *segs, unsigned n);
void rig_recv_buffer(struct rig *rig, struct rig_rq *rq, void *to, uint32_t len);
/* A frame arrives; how many were taken (0 or 1). */
unsigned rig_arrive(struct rig *rig, const void *frame, uint32_t len);

struct hw_data_seg rig_seg(const struct rig *rig, const void *addr, uint32_t len);
/* UDP over IPv4 with good checksums, `len` bytes in all, payload by seed. Returns len. */
uint32_t rig_udp(uint8_t *frame, uint32_t len, unsigned seed);

#endif
