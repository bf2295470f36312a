/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames over a loop wire with plain libibverbs: who gets them by which rule, and the events,
 * counters and clocks around them.
 */
#include "tests/emu/verbs.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static const uint8_t ours[6] = {0x02, 0, 0, 0, 0, 0x42};
static const uint8_t others[6] = {0x02, 0, 0, 0, 0, 0x43};
static const uint8_t multicast[6] = {0x01, 0, 0x5e, 1, 2, 3};

/* Send a frame to `dmac` and say how many of it arrive (at most `most`), giving them back. */
static unsigned send_and_count(struct rig *r, const uint8_t dmac[6], unsigned most)
{
	struct ibv_wc wc;
	unsigned n;

	put_frame(r->frames, dmac, 9, 100);
	if (rig_send(r, 0, 100))
		return 99;
	/* A frame that shows that the ones before are through. */
	for (n = 0; n < most && poll_one(r->recv_cq, &wc) == 1; n++)
		rig_post(r, (unsigned)wc.wr_id);
	return n;
}

static bool nothing_more(struct rig *r)
{
	struct ibv_wc wc;

	usleep(50000);
	return ibv_poll_cq(r->recv_cq, 1, &wc) == 0;
}

static void one_frame(struct rig *r)
{
	struct ibv_flow *flow = flow_to_mac(r->qp, ours, 0, 0);
	struct ibv_wc wc;

	put_frame(r->frames, ours, 9, 100);
	is_u(rig_send(r, 0, 100), 0, "a frame is sent");
	is_u(poll_one(r->recv_cq, &wc), 1, "and received");
	is_u(wc.byte_len, 100, "in its length");
	ok(!memcmp(r->frames, r->frames + wc.wr_id * FRAME_SIZE, 100), "and its bytes");
	rig_post(r, (unsigned)wc.wr_id);
	send_and_count(r, others, 0);
	ok(nothing_more(r), "one to another MAC is not");
	ibv_destroy_flow(flow);
	send_and_count(r, ours, 0);
	ok(nothing_more(r), "nor one to ours when the rule is gone");
}

static void kinds(struct rig *r)
{
	struct ibv_flow *flow = flow_of_type(r->qp, IBV_FLOW_ATTR_ALL_DEFAULT), *sniffer;

	is_u(send_and_count(r, others, 1), 1, "ALL_DEFAULT takes what is nobody's");
	ibv_destroy_flow(flow);
	flow = flow_of_type(r->qp, IBV_FLOW_ATTR_MC_DEFAULT);
	is_u(send_and_count(r, multicast, 1), 1, "MC_DEFAULT takes multicast");
	send_and_count(r, others, 0);
	ok(nothing_more(r), "and no unicast");
	ibv_destroy_flow(flow);
	flow = flow_to_mac(r->qp, ours, 0, 0);
	sniffer = flow_of_type(r->qp, IBV_FLOW_ATTR_SNIFFER);
	is_u(send_and_count(r, ours, 2), 2, "SNIFFER gets a copy beside the rule");
	ibv_destroy_flow(sniffer);
	ibv_destroy_flow(flow);
	flow = flow_to_mac(r->qp, ours, 1, 0);
	sniffer = flow_to_mac(r->qp, ours, 0, IBV_FLOW_ATTR_FLAGS_DONT_TRAP);
	is_u(send_and_count(r, ours, 2), 2, "DONT_TRAP copies and goes on");
	ok(nothing_more(r), "twice, not more");
	ibv_destroy_flow(sniffer);
	ibv_destroy_flow(flow);
}

static void counters(struct rig *r)
{
	struct ibv_counters_init_attr init = {0};
	struct ibv_counters *c = ibv_create_counters(r->ctx, &init);
	struct ibv_counter_attach_attr packets = {.counter_desc = IBV_COUNTER_PACKETS,
	                                          .index = 1};
	struct ibv_counter_attach_attr bytes = {.counter_desc = IBV_COUNTER_BYTES,
	                                        .index = 0};
	struct {
		struct ibv_flow_attr attr;
		struct ibv_flow_spec_eth eth;
		struct ibv_flow_spec_counter_action count;
	} __attribute__((packed, aligned(4))) f = {
		/* specs follow one another without gaps */
		.attr = {.size = sizeof f, .num_of_specs = 2, .port = 1},
		.eth = {.type = IBV_FLOW_SPEC_ETH, .size = sizeof f.eth},
		.count = {.type = IBV_FLOW_SPEC_ACTION_COUNT,
	                  .size = sizeof f.count,
	                  .counters = c},
	};
	uint64_t values[2] = {77, 77};
	struct ibv_flow *flow;

	ok(c && !ibv_attach_counters_point_flow(c, &packets, NULL) &&
	           !ibv_attach_counters_point_flow(c, &bytes, NULL),
	   "counters for packets and bytes");
	memcpy(f.eth.val.dst_mac, ours, 6);
	memset(f.eth.mask.dst_mac, 0xff, 6);
	flow = ibv_create_flow(r->qp, (void *)&f);
	ok(flow, "a flow that counts");
	send_and_count(r, ours, 1);
	send_and_count(r, ours, 1);
	is_u(ibv_read_counters(c, values, 2, 0), 0, "are read");
	is_u(values[1], 2, "two packets");
	is_u(values[0], 200, "two hundred bytes");
	is_u(ibv_destroy_counters(c), EBUSY, "a set in use stays");
	ibv_destroy_flow(flow);
	is_u(ibv_destroy_counters(c), 0, "then it goes");
}

/* One event per arming; it names the CQ; destroying it waits for acknowledgement alone. */
static void completion_events(struct rig *r)
{
	struct ibv_flow *flow = flow_to_mac(r->qp, ours, 0, 0);
	struct pollfd p = {.fd = r->channel->fd, .events = POLLIN};
	struct ibv_cq *cq = NULL;
	void *context = NULL;

	is_u(ibv_req_notify_cq(r->recv_cq, 0), 0, "armed");
	is_u((unsigned)poll(&p, 1, 0), 0, "no event yet");
	send_and_count(r, ours, 1);
	is_u((unsigned)poll(&p, 1, 5000), 1, "a frame makes one");
	is_u(ibv_get_cq_event(r->channel, &cq, &context), 0, "which is read");
	ok(cq == r->recv_cq && context == r, "and names its CQ");
	send_and_count(r, ours, 1);
	is_u((unsigned)poll(&p, 1, 50), 0, "not armed again, no event again");
	fcntl(p.fd, F_SETFL, fcntl(p.fd, F_GETFL) | O_NONBLOCK);
	errno = 0;
	ok(ibv_get_cq_event(r->channel, &cq, &context) && errno == EAGAIN,
	   "reading without blocking says EAGAIN");
	ibv_req_notify_cq(r->recv_cq, 0);
	send_and_count(r, ours, 1);
	is_u((unsigned)poll(&p, 1, 5000), 1, "armed again there is one");
	ibv_ack_cq_events(r->recv_cq, 1);
	ibv_destroy_flow(flow);
	/* rig_close() destroys the CQ with this event unread. */
}

static void clocks(struct rig *r)
{
	struct ibv_values_ex a = {.comp_mask = IBV_VALUES_MASK_RAW_CLOCK}, b = a;
	int64_t ns;

	is_u(ibv_query_rt_values_ex(r->ctx, &a), 0, "the device's clock is read");
	usleep(20000);
	is_u(ibv_query_rt_values_ex(r->ctx, &b), 0, "and again");
	/* 1 GHz: the counter is in ns, which libmlx5 splits as a timespec. */
	ns = (b.raw_clock.tv_sec - a.raw_clock.tv_sec) * 1000000000 +
	     (b.raw_clock.tv_nsec - a.raw_clock.tv_nsec);
	ok(ns >= 19000000 && ns < 5000000000, "20 ms later it is later (%lld ns)",
	   (long long)ns);
}

/* An error completion: the WQE named memory that is not the MR's. */
static void bad_segment(struct rig *r)
{
	struct ibv_sge sge = {.addr = (uintptr_t)r->frames + FRAMES * FRAME_SIZE - 10,
	                      .length = 100,
	                      .lkey = r->mr->lkey};
	struct ibv_send_wr wr = {.sg_list = &sge,
	                         .num_sge = 1,
	                         .opcode = IBV_WR_SEND,
	                         .send_flags = IBV_SEND_SIGNALED},
			   *bad;
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_wc wc;

	is_u(ibv_post_send(r->qp, &wr, &bad), 0, "a frame over the region's end");
	is_u(poll_one(r->send_cq, &wc), 1, "completes");
	is_u(wc.status, IBV_WC_LOC_PROT_ERR, "with a protection error");
	is_u(ibv_query_qp(r->qp, &attr, IBV_QP_STATE, &init), 0, "the QP");
	is_u(attr.qp_state, IBV_QPS_SQE, "has its send queue in error");
}

/* The next asynchronous event within 5 s, acknowledged; 99: none. */
static unsigned next_event(struct rig *r)
{
	struct pollfd p = {.fd = r->ctx->async_fd, .events = POLLIN};
	struct ibv_async_event e;

	if (poll(&p, 1, 5000) != 1 || ibv_get_async_event(r->ctx, &e))
		return 99;
	ibv_ack_async_event(&e);
	return e.event_type;
}

/* More completions than the CQ has room for: it dies, and the QP on it. */
static void overrun(struct rig *r)
{
	struct rig tight = *r; /* the same device, another QP */
	struct ibv_flow *flow;
	unsigned i;

	tight.recv_cq = ibv_create_cq(r->ctx, 1, NULL, NULL, 0);
	tight.qp = rig_create_qp(&tight, 1, FRAMES / 2);
	ok(tight.qp && !qp_to(tight.qp, IBV_QPS_INIT, IBV_QP_PORT) &&
	           !qp_to(tight.qp, IBV_QPS_RTR, 0),
	   "a QP whose CQ has two slots");
	for (i = 0; i < 8; i++)
		rig_post(&tight, FRAMES / 2 + i);
	flow = flow_to_mac(tight.qp, others, 0, 0);
	put_frame(r->frames, others, 9, 100);
	for (i = 0; i < 8; i++)
		rig_send(r, 0, 100);
	is_u(next_event(r), IBV_EVENT_CQ_ERR, "eight frames: a CQ error");
	is_u(next_event(r), IBV_EVENT_QP_FATAL, "and the QP's end");
	ibv_destroy_flow(flow);
	is_u(ibv_destroy_qp(tight.qp), 0, "the QP goes, its event acknowledged");
	is_u(ibv_destroy_cq(tight.recv_cq), 0, "the CQ too");
}

int main(void)
{
	struct rig r;

	rig_open(&r, "mlx5_0");
	one_frame(&r);
	kinds(&r);
	counters(&r);
	completion_events(&r);
	clocks(&r);
	overrun(&r);
	bad_segment(&r);
	is_u(rig_close(&r), 0, "everything can be destroyed");
	return done();
}
