/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the kernel's part with plain libibverbs; see verbs.h. */
#include "tests/emu/verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *must(void *p, const char *what)
{
	if (p)
		return p;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

struct ibv_context *verbs_open(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx = NULL;
	unsigned i;

	for (i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			ctx = ibv_open_device(list[i]);
	if (list)
		ibv_free_device_list(list);
	return ctx;
}

struct ibv_qp *rig_create_qp(struct rig *r, unsigned send_wr, unsigned recv_wr)
{
	struct ibv_qp_init_attr attr = {
		.send_cq = r->send_cq,
		.recv_cq = r->recv_cq,
		.cap = {.max_send_wr = send_wr,
	                .max_recv_wr = recv_wr,
	                .max_send_sge = 1,
	                .max_recv_sge = 1},
		.qp_type = IBV_QPT_RAW_PACKET,
	};

	return ibv_create_qp(r->pd, &attr);
}

int qp_to(struct ibv_qp *qp, enum ibv_qp_state state, int mask)
{
	struct ibv_qp_attr attr = {.qp_state = state, .port_num = 1};

	return ibv_modify_qp(qp, &attr, IBV_QP_STATE | mask);
}

void rig_post(struct rig *r, unsigned frame)
{
	struct ibv_sge sge = {.addr = (uintptr_t)r->frames + frame * FRAME_SIZE,
	                      .length = FRAME_SIZE,
	                      .lkey = r->mr->lkey};
	struct ibv_recv_wr wr = {.wr_id = frame, .sg_list = &sge, .num_sge = 1}, *bad;

	if (ibv_post_recv(r->qp, &wr, &bad))
		must(NULL, "ibv_post_recv");
}

void rig_open(struct rig *r, const char *name)
{
	unsigned i;

	r->ctx = must(verbs_open(name), "ibv_open_device");
	r->pd = must(ibv_alloc_pd(r->ctx), "ibv_alloc_pd");
	r->channel = must(ibv_create_comp_channel(r->ctx), "ibv_create_comp_channel");
	r->send_cq = must(ibv_create_cq(r->ctx, FRAMES, NULL, NULL, 0), "ibv_create_cq");
	r->recv_cq =
		must(ibv_create_cq(r->ctx, FRAMES, r, r->channel, 0), "ibv_create_cq");
	r->frames = must(aligned_alloc(4096, FRAMES * FRAME_SIZE), "memory");
	memset(r->frames, 0, FRAMES * FRAME_SIZE);
	r->mr = must(
		ibv_reg_mr(r->pd, r->frames, FRAMES * FRAME_SIZE, IBV_ACCESS_LOCAL_WRITE),
		"ibv_reg_mr");
	r->qp = must(rig_create_qp(r, FRAMES / 2, FRAMES / 2), "ibv_create_qp");
	if (qp_to(r->qp, IBV_QPS_INIT, IBV_QP_PORT) || qp_to(r->qp, IBV_QPS_RTR, 0) ||
	    qp_to(r->qp, IBV_QPS_RTS, 0))
		must(NULL, "ibv_modify_qp");
	for (i = FRAMES / 2; i < FRAMES; i++)
		rig_post(r, i);
}

int rig_close(struct rig *r)
{
	int err = ibv_destroy_qp(r->qp);

	err = err ? err : ibv_dereg_mr(r->mr);
	err = err ? err : ibv_destroy_cq(r->recv_cq);
	err = err ? err : ibv_destroy_cq(r->send_cq);
	err = err ? err : ibv_destroy_comp_channel(r->channel);
	err = err ? err : ibv_dealloc_pd(r->pd);
	err = err ? err : ibv_close_device(r->ctx);
	free(r->frames);
	return err;
}

int poll_one(struct ibv_cq *cq, struct ibv_wc *wc)
{
	struct timespec pause = {.tv_nsec = 1000000};
	unsigned ms;
	int n;

	/* Generous: other tests may have the processor. */
	for (ms = 0; ms < 5000; ms++) {
		n = ibv_poll_cq(cq, 1, wc);
		if (n)
			return n;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int rig_send(struct rig *r, unsigned frame, unsigned len)
{
	struct ibv_sge sge = {.addr = (uintptr_t)r->frames + frame * FRAME_SIZE,
	                      .length = len,
	                      .lkey = r->mr->lkey};
	struct ibv_send_wr wr = {.wr_id = frame,
	                         .sg_list = &sge,
	                         .num_sge = 1,
	                         .opcode = IBV_WR_SEND,
	                         .send_flags = IBV_SEND_SIGNALED},
			   *bad;
	struct ibv_wc wc;
	int err = ibv_post_send(r->qp, &wr, &bad);

	if (err)
		return err;
	if (poll_one(r->send_cq, &wc) != 1)
		return ETIMEDOUT;
	return wc.status == IBV_WC_SUCCESS ? 0 : EIO;
}

void put_frame(uint8_t *at, const uint8_t dmac[6], uint16_t udp_port, unsigned len)
{
	static const uint8_t head[] = {
		0x02, 0,  0, 0, 0,   0xee, 0x08, 0x00,               /* source, IPv4 */
		0x45, 0,  0, 0, 0,   0,    0,    0,                  /* version, length */
		64,   17, 0, 0, 192, 0,    2,    1,    192, 0, 2, 2, /* UDP, addresses */
		0x10, 0,
	};

	memset(at, 0, len);
	memcpy(at, dmac, 6);
	memcpy(at + 6, head, sizeof head);
	at[16] = (uint8_t)((len - 14) >> 8);
	at[17] = (uint8_t)(len - 14);
	at[36] = (uint8_t)(udp_port >> 8);
	at[37] = (uint8_t)udp_port;
	at[38] = (uint8_t)((len - 34) >> 8);
	at[39] = (uint8_t)(len - 34);
}

struct ibv_flow *flow_to_mac(struct ibv_qp *qp, const uint8_t mac[6], unsigned priority,
                             uint32_t flags)
{
	struct {
		struct ibv_flow_attr attr;
		struct ibv_flow_spec_eth eth;
	} f = {
		.attr = {.type = IBV_FLOW_ATTR_NORMAL,
	                 .size = sizeof f,
	                 .priority = (uint16_t)priority,
	                 .num_of_specs = 1,
	                 .port = 1,
	                 .flags = flags},
		.eth = {.type = IBV_FLOW_SPEC_ETH, .size = sizeof f.eth},
	};

	memcpy(f.eth.val.dst_mac, mac, 6);
	memset(f.eth.mask.dst_mac, 0xff, 6);
	return ibv_create_flow(qp, &f.attr);
}

struct ibv_flow *flow_of_type(struct ibv_qp *qp, enum ibv_flow_attr_type type)
{
	struct ibv_flow_attr attr = {.type = type, .size = sizeof attr, .port = 1};

	return ibv_create_flow(qp, &attr);
}
