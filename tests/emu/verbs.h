/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of the kernel's part with plain libibverbs: programs that know nothing of the
 * emulator and are run by `rawq emu`.
 */
#ifndef TESTS_EMU_VERBS_H
#define TESTS_EMU_VERBS_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdint.h>

#define FRAMES     64u
#define FRAME_SIZE 2048u

/* A device with one of everything that sending and receiving needs. */
struct rig {
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *send_cq, *recv_cq; /* recv_cq is on the channel */
	struct ibv_qp *qp;
	struct ibv_mr *mr;
	uint8_t *frames; /* FRAMES of FRAME_SIZE; the first half is for sending */
};

/* The device of that name or NULL. */
struct ibv_context *verbs_open(const char *name);
/* Everything made, the QP in RTS, all receive frames posted; aborts when something fails. */
void rig_open(struct rig *r, const char *name);
/* 0, or the first error of a destroy call. */
int rig_close(struct rig *r);

struct ibv_qp *rig_create_qp(struct rig *r, unsigned send_wr, unsigned recv_wr);
int qp_to(struct ibv_qp *qp, enum ibv_qp_state state, int mask);

void rig_post(struct rig *r, unsigned frame);
/* Send frame number `frame` (of the first half) of `len` bytes and wait for its completion. */
int rig_send(struct rig *r, unsigned frame, unsigned len);
/* Take a completion within a second: 1, or 0 none, or -1. */
int poll_one(struct ibv_cq *cq, struct ibv_wc *wc);

/* An Ethernet frame with that destination and an IPv4/UDP header to that port. */
void put_frame(uint8_t *at, const uint8_t dmac[6], uint16_t udp_port, unsigned len);

/* A flow of one Ethernet spec with the whole destination MAC. */
struct ibv_flow *flow_to_mac(struct ibv_qp *qp, const uint8_t mac[6], unsigned priority,
                             uint32_t flags);
struct ibv_flow *flow_of_type(struct ibv_qp *qp, enum ibv_flow_attr_type type);

#endif
