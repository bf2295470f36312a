/* SPDX-License-Identifier: BSD-2-Clause */
/* The receive engine, its rings written by hand from the manual. */
#include "tests/emu/rig.h"
#include "tests/tap.h"

#include <string.h>

struct bench {
	struct rig rig;
	struct rig_cq cq;
	struct rig_rq rq;
	uint8_t frame[WIRE_FRAME_MAX];
};

static const struct nic_rq_opts cyclic16 = {.log_wqes = 4, .log_wqe_size = 4};

static void open_bench(struct bench *b, const struct nic_rq_opts *rq, unsigned format)
{
	rig_open(&b->rig, &(struct rig_opts){0});
	rig_cq_open(&b->rig, &b->cq, 6, 64, format);
	rig_rq_open(&b->rig, &b->rq, &b->cq, rq);
}

static void *buffer(struct bench *b, unsigned n)
{
	return b->rig.memory + n * 4096;
}

static void post(struct bench *b, unsigned n, uint32_t len)
{
	rig_recv_buffer(&b->rig, &b->rq, buffer(b, n), len);
}

static void test_cyclic(void)
{
	static struct bench b;
	struct nic_port_counters c;
	bool good = true;

	open_bench(&b, &cyclic16, 0);
	for (unsigned i = 0; i < 70000; i++) {
		struct hw_cqe *cqe;
		uint32_t len = rig_udp(b.frame, 60 + i % 100, i);

		post(&b, i % 16, 2048);
		rig_arrive(&b.rig, b.frame, len);
		cqe = rig_poll(&b.cq);
		good &= cqe && from_be32(cqe->byte_count) == len &&
		        from_be16(cqe->wqe_counter) == (uint16_t)i &&
		        !memcmp(buffer(&b, i % 16), b.frame, len);
	}
	ok(good, "70,000 frames arrive whole, in order, counted over 16 bits");
	rig_arrive(&b.rig, b.frame, 60);
	rig_arrive(&b.rig, b.frame, 60);
	ok(!rig_poll(&b.cq), "without a WQE nothing is written");
	is_u(nic_rq_out_of_buffer(b.rq.rq), 2, "and each frame is counted by the queue");
	nic_port_counters(b.rig.nic, 0, &c);
	is_u(c.rx_out_of_buffer, 2, "and by the port");
	is_u(c.rx_packets, 70000, "which received the others");
	is_u(b.rig.sentences, 0, "nothing was wrong");
	rig_close(&b.rig);
}

static void test_cqe(void)
{
	static struct bench b;
	struct hw_cqe *cqe;

	open_bench(&b, &cyclic16, 0);
	for (unsigned i = 0; i < 8; i++)
		post(&b, i, 2048);
	rig_udp(b.frame, 60, 1);
	rig_arrive(&b.rig, b.frame, 60);
	cqe = rig_poll(&b.cq);
	is_u(cqe->op_own >> 4, HW_CQE_OP_RECEIVED, "opcode: responder send");
	is_u(cqe->hds_ip_ext, 7, "L2, L3 and L4 are good");
	is_u(cqe->hdr_type, 0x28, "IPv4, UDP");
	is_u(from_be32(cqe->srqn_user_index), 0x77, "user index");
	is_u(from_be32(cqe->sop_drop_qpn) & 0xffffff, 0xabcde, "flow tag");
	is_u(from_be32(cqe->flags_rqn) & 0xffffff, nic_rq_number(b.rq.rq),
	     "queue number");
	b.frame[59] ^= 1;
	rig_arrive(&b.rig, b.frame, 60);
	is_u(rig_poll(&b.cq)->hds_ip_ext, 3, "a spoilt payload: L4 is not good");
	b.frame[59] ^= 1;
	b.frame[22] = 9;
	rig_arrive(&b.rig, b.frame, 60);
	is_u(rig_poll(&b.cq)->hds_ip_ext, 5, "a spoilt IPv4 header: L3 is not good");
	rig_udp(b.frame, 60, 1);
	b.frame[40] = b.frame[41] = 0;
	rig_arrive(&b.rig, b.frame, 60);
	is_u(rig_poll(&b.cq)->hds_ip_ext, 7, "UDP without a checksum passes");
	b.frame[20] = 0x20;
	rig_arrive(&b.rig, b.frame, 60);
	cqe = rig_poll(&b.cq);
	is_u(cqe->hdr_type, 0x88, "a fragment has no L4");
	b.frame[12] = 0x88;
	b.frame[13] = 0xb5;
	rig_arrive(&b.rig, b.frame, 60);
	cqe = rig_poll(&b.cq);
	is_u(cqe->hds_ip_ext, 1, "neither L3 nor L4 of what is not IP");
	is_u(cqe->hdr_type, 0, "and no types");
	rig_close(&b.rig);
}

static void test_scatter_and_strip(void)
{
	static struct bench b;
	struct hw_data_seg segs[3];
	struct hw_cqe *cqe;
	uint8_t plain[160];

	open_bench(&b,
	           &(struct nic_rq_opts){
			   .log_wqes = 3, .log_wqe_size = 6, .vlan_strip = true},
	           0);
	segs[0] = rig_seg(&b.rig, buffer(&b, 0), 5);
	segs[1] = rig_seg(&b.rig, buffer(&b, 1), 100);
	segs[2] = rig_seg(&b.rig, buffer(&b, 2), 55);
	rig_recv(&b.rq, segs, 3);
	rig_recv(&b.rq, segs, 3);
	rig_udp(plain, 156, 3);
	memcpy(b.frame, plain, 12);
	memcpy(b.frame + 12, "\x81\x00\xa0\x05", 4);
	memcpy(b.frame + 16, plain + 12, 144);
	rig_arrive(&b.rig, b.frame, 160);
	cqe = rig_poll(&b.cq);
	ok(cqe && from_be32(cqe->byte_count) == 156 && cqe->hdr_type & 1,
	   "a VLAN tag is stripped, and the CQE says so");
	is_u(from_be16(cqe->vlan_info), 0xa005, "with its TCI");
	is_u(cqe->hds_ip_ext, 7, "checksums are judged behind the tag");
	ok(!memcmp(buffer(&b, 0), plain, 5) && !memcmp(buffer(&b, 1), plain + 5, 100) &&
	           !memcmp(buffer(&b, 2), plain + 105, 51),
	   "the frame lies over three segments");
	rig_udp(b.frame, 161, 4);
	rig_arrive(&b.rig, b.frame, 161);
	ok(rig_poll(&b.cq)->op_own >> 4 == HW_CQE_OP_RECV_ERROR &&
	           nic_rq_state(b.rq.rq) == NIC_QUEUE_READY,
	   "a frame longer than the WQE is an error CQE, and the queue goes on");
	rig_close(&b.rig);
}

static void test_fcs(void)
{
	static struct bench b;
	/* IEEE 802.3 frame of 60 zero bytes: FCS 0x04128908, low byte first. */
	open_bench(&b,
	           &(struct nic_rq_opts){
			   .log_wqes = 3, .log_wqe_size = 4, .scatter_fcs = true},
	           0);
	post(&b, 0, 2048);
	memset(b.frame, 0, 60);
	rig_arrive(&b.rig, b.frame, 60);
	ok(from_be32(rig_poll(&b.cq)->byte_count) == 64 &&
	           !memcmp((uint8_t *)buffer(&b, 0) + 60, "\x08\x89\x12\x04", 4),
	   "the FCS follows the frame where the queue asks for it");
	rig_close(&b.rig);
}

/* Eight strides of 64 bytes; frames of 1, 3, 3, 2 strides: the last one does not fit. */
static void test_striding(void)
{
	static struct bench b;
	static const struct {
		uint32_t len, id, index, bytes;
	} want[] = {{60, 0, 0, 1u << 16 | 60},
	            {190, 0, 1, 3u << 16 | 190},
	            {130, 0, 4, 3u << 16 | 130},
	            {0, 0, 7, 0x80010000},
	            {100, 1, 0, 2u << 16 | 100}};
	struct hw_data_seg wqe[2] = {{.lkey = to_be32(0)}};
	bool good = true;

	open_bench(&b,
	           &(struct nic_rq_opts){.log_wqes = 2,
	                                 .log_wqe_size = 5,
	                                 .striding = true,
	                                 .linked = true,
	                                 .two_byte_shift = true,
	                                 .log_strides = 3,
	                                 .log_stride_size = 6},
	           0);
	for (unsigned i = 0; i < 2; i++) {
		wqe[1] = rig_seg(&b.rig, buffer(&b, i), 512);
		rig_recv(&b.rq, wqe, 2);
	}
	for (unsigned i = 0; i < 5; i++) {
		struct hw_cqe *cqe;
		const uint8_t *at =
			(uint8_t *)buffer(&b, want[i].id) + want[i].index * 64;

		if (want[i].len) {
			rig_udp(b.frame, want[i].len, i);
			rig_arrive(&b.rig, b.frame, want[i].len);
		}
		if (i == 3)
			rig_arrive(&b.rig, b.frame, rig_udp(b.frame, 100, 4));
		cqe = rig_poll(&b.cq);
		good &= cqe && from_be16(cqe->wqe_id) == want[i].id &&
		        from_be16(cqe->wqe_counter) == want[i].index &&
		        from_be32(cqe->byte_count) == want[i].bytes;
		if (want[i].len)
			good &= at[0] == 0 && at[1] == 0 &&
			        !memcmp(at + 2, b.frame, want[i].len);
		if (i == 3) /* its frame came with the filler */
			break;
	}
	ok(good,
	   "frames lie in strides, shifted by two bytes; a filler tells of unused ones");
	ok(rig_poll(&b.cq) && !memcmp((uint8_t *)buffer(&b, 1) + 2, b.frame, 100),
	   "what does not fit goes to the next WQE");
	rig_udp(b.frame, 600, 9);
	rig_arrive(&b.rig, b.frame, 600);
	ok(rig_poll(&b.cq)->op_own >> 4 == HW_CQE_OP_RECV_ERROR,
	   "a frame longer than all strides is an error CQE");
	rig_close(&b.rig);
}

static void test_errors(void)
{
	static struct bench b;
	struct hw_data_seg seg;
	struct hw_error_cqe *e;

	open_bench(&b, &cyclic16, 0);
	seg = rig_seg(&b.rig, buffer(&b, 0), 2048);
	seg.lkey = to_be32(b.rig.lkey + 1);
	rig_recv(&b.rq, &seg, 1);
	post(&b, 1, 2048);
	post(&b, 2, 2048);
	rig_arrive(&b.rig, b.frame, rig_udp(b.frame, 60, 1));
	e = (struct hw_error_cqe *)(void *)rig_poll(&b.cq);
	ok(e && e->op_own >> 4 == HW_CQE_OP_RECV_ERROR &&
	           e->syndrome == HW_SYNDROME_LOCAL_PROT,
	   "a key that is not there: local protection error");
	for (unsigned i = 1; i < 3; i++) {
		e = (struct hw_error_cqe *)(void *)rig_poll(&b.cq);
		ok(e && e->syndrome == HW_SYNDROME_WR_FLUSH &&
		           from_be16(e->wqe_counter) == i,
		   "WQE %u is flushed", i);
	}
	is_u(b.rig.queue_errors, 1, "the queue's owner hears of it");
	ok(rig_said(&b.rig, "its lkey names no memory region"), "the reason is said");
	nic_lock(b.rig.nic);
	nic_rq_modify(b.rq.rq, NIC_QUEUE_RESET);
	b.rq.pi = 0;
	b.rq.dbrec[0] = to_be32(0);
	nic_rq_modify(b.rq.rq, NIC_QUEUE_READY);
	nic_unlock(b.rig.nic);
	post(&b, 0, 2048);
	rig_arrive(&b.rig, b.frame, 60);
	ok(rig_poll(&b.cq)->op_own >> 4 == HW_CQE_OP_RECEIVED, "after reset it receives");
	rig_close(&b.rig);
}

/* n frames in one go, so that their CQEs make one session. */
static void arrive_together(struct bench *b, unsigned n)
{
	static uint8_t frames[80][64];
	struct iovec pieces[80];
	struct wire_frame f[80];

	for (unsigned i = 0; i < n; i++) {
		rig_udp(frames[i], 60, i);
		pieces[i] = (struct iovec){frames[i], 60};
		f[i] = (struct wire_frame){.segs = &pieces[i], .nsegs = 1, .len = 60};
	}
	nic_lock(b->rig.nic);
	b->rig.wire.client.rx(b->rig.wire.client.card, f, n);
	nic_unlock(b->rig.nic);
	rig_work(&b->rig);
}

static void test_compression(unsigned format, const char *name)
{
	static struct bench b;
	static uint8_t before[64][64];
	struct hw_cqe *title;
	bool good = true;

	open_bench(&b, &(struct nic_rq_opts){.log_wqes = 7, .log_wqe_size = 4}, format);
	for (unsigned i = 0; i < 128; i++)
		post(&b, i, 2048);
	for (unsigned i = 0; i < 64; i++) {
		rig_cqe(&b.cq, i)->signature = (uint8_t)i;
		memcpy(before[i], rig_cqe(&b.cq, i), 64);
	}
	arrive_together(&b, 20);
	title = rig_poll(&b.cq);
	is_u(title->op_own, 0x2c, "%s: the title has format 3", name);
	is_u(from_be32(title->byte_count), 20, "%s: 20 CQEs in the session", name);
	is_u(from_be16(title->wqe_counter), 0, "%s: from WQE 0 on", name);
	for (unsigned i = 0; i < 20; i++) {
		const uint8_t *slot = (uint8_t *)rig_cqe(&b.cq, i < 8 ? 1 : i & ~7u);
		const uint8_t *mini = slot + i % 8 * 8;

		good &= mini[7] == 60 && !mini[4] && !mini[5] && !mini[6];
		if (format == HW_MINI_FORMAT_CSUM_STRIDX)
			good &= mini[3] == i;
	}
	ok(good, "%s: arrays of eight lie over slots 1, 8 and 16", name);
	for (unsigned i = 0; i < 20; i++) {
		if (i > 1 && i != 8 && i != 16)
			good &= !memcmp(rig_cqe(&b.cq, i), before[i], 64);
	}
	ok(good && !memcmp((uint8_t *)rig_cqe(&b.cq, 16) + 32, before[16] + 32, 32),
	   "%s: what is between them is left as it was", name);
	b.cq.ci = 20;
	b.cq.dbrec[0] = to_be32(20);
	arrive_together(&b, 1);
	ok(rig_cqe(&b.cq, 20)->op_own == 0x20 &&
	           from_be16(rig_cqe(&b.cq, 20)->wqe_counter) == 20,
	   "%s: one alone is not compressed, and follows the session", name);
	arrive_together(&b, 80);
	is_u(from_be32(rig_cqe(&b.cq, 64)->byte_count), 20,
	     "%s: a session is no longer than the free slots", name);
	is_u(b.rig.cq_errors, 1, "%s: and then the queue overruns", name);
	rig_close(&b.rig);
}

static void test_patience(void)
{
	static struct bench b;

	rig_open(&b.rig, &(struct rig_opts){.pauses = true});
	rig_cq_open(&b.rig, &b.cq, 6, 64, 0);
	rig_rq_open(&b.rig, &b.rq, &b.cq, &cyclic16);
	is_u(rig_arrive(&b.rig, b.frame, rig_udp(b.frame, 60, 1)), 0,
	     "a wire that can pause keeps the frame when there is no WQE");
	is_u(nic_rq_out_of_buffer(b.rq.rq), 0, "and nothing is lost");
	post(&b, 0, 2048);
	is_u(rig_arrive(&b.rig, b.frame, 60), 1, "it is taken when there is one");
	rig_close(&b.rig);
}

static void test_rss(void)
{
	static struct bench b;
	static struct rig_rq more;
	struct nic_rq *rqs[2];
	struct nic_rwqt *table;
	/* Microsoft's verification key and its first vector, TCP over IPv4: 0x51ccc178. */
	struct nic_tir_opts o = {.fields = NIC_HASH_SRC_IPV4 | NIC_HASH_DST_IPV4 |
	                                   NIC_HASH_SRC_TCP | NIC_HASH_DST_TCP,
	                         .key = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
	                                 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
	                                 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4,
	                                 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
	                                 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa}};
	static const uint8_t ip[] = {66,        9,          149,       187,
	                             161,       142,        100,       80,
	                             2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255};
	struct hw_cqe *cqe;
	struct nic_tir *tir;

	open_bench(&b, &cyclic16, 0);
	rig_rq_open(&b.rig, &more, &b.cq, &cyclic16);
	rqs[0] = b.rq.rq;
	rqs[1] = more.rq;
	nic_lock(b.rig.nic);
	steering_remove(b.rig.steering, b.rq.rule);
	steering_remove(b.rig.steering, more.rule);
	ok(!nic_rwqt_create(b.rig.nic, rqs, 1, &table), "a table of two queues");
	o.rwqt = table;
	ok(!nic_tir_create(b.rig.nic, &o, &tir), "and a TIR that hashes into it");
	steering_add(b.rig.steering,
	             &(struct steering_rule_opts){.kind = STEERING_NORMAL, .dest = tir},
	             &b.rq.rule);
	nic_unlock(b.rig.nic);
	post(&b, 0, 2048);
	rig_recv_buffer(&b.rig, &more, buffer(&b, 1), 2048);
	rig_udp(b.frame, 60, 1);
	b.frame[23] = 6;
	memcpy(b.frame + 26, ip, sizeof(ip));
	b.frame[46] = 0x50;
	rig_arrive(&b.rig, b.frame, 60);
	cqe = rig_poll(&b.cq);
	is_u(from_be32(cqe->rx_hash), 0x51ccc178, "the CQE has the published hash");
	is_u(cqe->rx_hash_type, 0x55, "source and destination, of IPv4 and of TCP");
	is_u(from_be32(cqe->flags_rqn), nic_rq_number(b.rq.rq),
	     "an even hash: the first queue");
	is_u(nic_rq_destroy(b.rq.rq), (uint64_t)-16, "a queue in a table cannot go");
	rig_close(&b.rig);
}

/* 64 slots, of which 50 are used: a session of 20 would go round the end. */
static void test_session_ends_with_ring(void)
{
	static struct bench b;

	open_bench(&b, &(struct nic_rq_opts){.log_wqes = 7, .log_wqe_size = 4},
	           HW_MINI_FORMAT_HASH);
	for (unsigned i = 0; i < 100; i++)
		post(&b, i, 2048);
	arrive_together(&b, 50);
	b.cq.dbrec[0] = to_be32(50);
	arrive_together(&b, 20);
	is_u(from_be32(rig_cqe(&b.cq, 50)->byte_count), 14,
	     "a session does not go round the ring's end");
	is_u(from_be32(rig_cqe(&b.cq, 64)->byte_count), 6, "the next one begins there");
	is_u(rig_cqe(&b.cq, 64)->op_own, 0x2d, "with the other owner bit");
	rig_close(&b.rig);
}

int main(void)
{
	test_cyclic();
	test_cqe();
	test_scatter_and_strip();
	test_fcs();
	test_striding();
	test_errors();
	test_compression(HW_MINI_FORMAT_HASH, "hash");
	test_compression(HW_MINI_FORMAT_CSUM, "checksum");
	test_compression(HW_MINI_FORMAT_CSUM_STRIDX, "stride index");
	test_session_ends_with_ring();
	test_patience();
	test_rss();
	return done();
}
