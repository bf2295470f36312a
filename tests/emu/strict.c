/* SPDX-License-Identifier: BSD-2-Clause */
/* Each rule that a program can break on the rings gets its sentence, with queue and index. */
#include "tests/emu/rig.h"
#include "tests/tap.h"

#include <stdio.h>
#include <string.h>

struct bench {
	struct rig rig;
	struct rig_cq cq;
	struct rig_sq sq;
	uint8_t *f;
};

static void open_bench(struct bench *b, const struct rig_opts *opts, unsigned min_inline)
{
	rig_open(&b->rig, opts);
	rig_cq_open(&b->rig, &b->cq, 6, 64, 0);
	rig_sq_open(&b->rig, &b->sq, &b->cq, 3, min_inline);
	b->f = b->rig.memory;
	rig_udp(b->f, 200, 1);
}

struct wqe {
	struct hw_eth_seg eth;
	struct hw_data_seg data;
};

/* A WQE that is almost right: what one change of it is told. */
struct mistake {
	const char *words;
	uint8_t opcode;
	unsigned ds, min_inline;
	void (*spoil)(struct bench *b, struct wqe *w);
	bool sent; /* the card does it all the same */
};

static void zero_length(struct bench *b, struct wqe *w)
{
	(void)b;
	w->data.byte_count = to_be32(0);
}

static void outside(struct bench *b, struct wqe *w)
{
	w->data.addr = to_be64((uintptr_t)b->f + RIG_MEMORY - 63);
}

static void before(struct bench *b, struct wqe *w)
{
	w->data.addr = to_be64((uintptr_t)b->f - 1);
}

static void wrong_key(struct bench *b, struct wqe *w)
{
	w->data.lkey = to_be32(b->rig.lkey ^ 1);
}

static struct nic_mr *region(struct bench *b, uint32_t pd, bool local_write)
{
	struct nic_mr *mr = NULL;

	nic_lock(b->rig.nic);
	nic_mr_create(b->rig.nic,
	              &(struct nic_mr_opts){.pd = pd,
	                                    .addr = b->rig.memory,
	                                    .iova = (uintptr_t)b->rig.memory,
	                                    .length = RIG_MEMORY,
	                                    .local_write = local_write},
	              &mr);
	nic_unlock(b->rig.nic);
	return mr;
}

static void another_domain(struct bench *b, struct wqe *w)
{
	w->data.lkey = to_be32(nic_mr_lkey(region(b, 2, true)));
}

static void inline_header(struct bench *b, struct wqe *w)
{
	(void)b;
	w->eth.inline_hdr_sz = to_be16(2);
}

static void too_short(struct bench *b, struct wqe *w)
{
	(void)b;
	w->data.byte_count = to_be32(13);
}

static void too_long(struct bench *b, struct wqe *w)
{
	(void)b;
	w->data.byte_count = to_be32(9019);
}

static void inline_too_long(struct bench *b, struct wqe *w)
{
	(void)b;
	w->data.byte_count = to_be32(HW_INLINE_BIT | 13);
}

static void header_too_long(struct bench *b, struct wqe *w)
{
	(void)b;
	w->eth.inline_hdr_sz = to_be16(100);
}

static void swp(struct bench *b, struct wqe *w)
{
	(void)b;
	w->eth.swp_flags = 1;
}

static void checksum_of_nothing(struct bench *b, struct wqe *w)
{
	b->f[12] = 0x88;
	b->f[13] = 0xb5;
	w->eth.cs_flags = HW_ETH_CS_L3;
}

static void mss(struct bench *b, struct wqe *w)
{
	(void)b;
	w->eth.mss = to_be16(1000);
}

static const struct mistake mistakes[] = {
	{"WQE 0: a segment of byte count 0, which means 2 GB", HW_WQE_OP_SEND, 3, 0,
         zero_length, false},
	{"WQE 0: segment of 64 bytes at", HW_WQE_OP_SEND, 3, 0, outside, false},
	{"it reaches outside its memory region", HW_WQE_OP_SEND, 3, 0, before, false},
	{"its lkey names no memory region", HW_WQE_OP_SEND, 3, 0, wrong_key, false},
	{"its memory region is of another protection domain", HW_WQE_OP_SEND, 3, 0,
         another_domain, false},
	{"frame of 13 bytes", HW_WQE_OP_SEND, 3, 0, too_short, false},
	{"frame of 9019 bytes", HW_WQE_OP_SEND, 3, 0, too_long, false},
	{"13 bytes inline, where the WQE has room for 1 to 12", HW_WQE_OP_SEND, 3, 0,
         inline_too_long, false},
	{"inline header of 100 bytes runs past", HW_WQE_OP_SEND, 3, 0, header_too_long,
         false},
	{"0 header bytes inline, this queue needs 18", HW_WQE_OP_SEND, 3, 18, NULL,
         false},
	{"reserved bits are set", HW_WQE_OP_SEND, 3, 0, swp, true},
	{"reserved bits are set", HW_WQE_OP_SEND, 3, 0, mss, true},
	{"checksums asked for a frame that is not IP", HW_WQE_OP_SEND, 3, 0,
         checksum_of_nothing, true},
	{"opcode 0x08, which an Ethernet queue does not know", 0x08, 3, 0, NULL, false},
	{"size of 0 segments", HW_WQE_OP_SEND, 0, 0, NULL, false},
	{"a multi-packet send without a packet", HW_WQE_OP_EMPW, 2, 0, NULL, false},
	{"multi-packet sends need a queue without minimal inline", HW_WQE_OP_EMPW, 3, 18,
         NULL, false},
	{"multi-packet sends have no inline header", HW_WQE_OP_EMPW, 3, 0, inline_header,
         false},
	{"multi-packet sends have no MSS", HW_WQE_OP_EMPW, 3, 0, mss, false},
	{"segmentation asked, but its inline header is not 14 to 256", HW_WQE_OP_TSO, 3,
         0, mss, false},
};

static void test_mistakes(bool discards)
{
	for (unsigned i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *m = &mistakes[i];
		struct bench b;
		struct wqe w;
		struct hw_cqe *cqe;
		unsigned done;

		open_bench(&b, &(struct rig_opts){.discards = discards}, m->min_inline);
		w = (struct wqe){.data = rig_seg(&b.rig, b.f, 64)};
		if (m->spoil)
			m->spoil(&b, &w);
		rig_post(&b.sq, m->opcode, HW_CE_ALWAYS, &w, m->ds ? m->ds : 1);
		if (!m->ds)
			b.sq.ring[7] = 0; /* ds */
		rig_ring(&b.rig, &b.sq);
		cqe = rig_poll(&b.cq);
		done = cqe ? cqe->op_own >> 4 : 99;
		ok(rig_said(&b.rig, m->words), "said: %s", m->words);
		is_u(done, m->sent ? HW_CQE_OP_SENT : HW_CQE_OP_SEND_ERROR,
		     "and it is %s", m->sent ? "done all the same" : "an error CQE");
		if (!rig_said(&b.rig, m->words) && b.rig.sentences)
			printf("# %s\n", b.rig.sentence[0]);
		rig_close(&b.rig);
	}
}

static void ring_only(struct bench *b)
{
	uint64_t first;

	memcpy(&first, b->sq.ring + (b->sq.last % b->sq.wqebbs) * 64, 8);
	__atomic_store_n((uint64_t *)(void *)(b->rig.page + 0x800), first,
	                 __ATOMIC_RELEASE);
	rig_work(&b->rig);
}

static void test_doorbells(void)
{
	struct bench b;

	open_bench(&b, &(struct rig_opts){0}, 0);
	rig_post_send(&b.rig, &b.sq, 0, b.f, 64);
	ring_only(&b);
	ok(rig_said(&b.rig, "doorbell for WQE 0 while the record says 0"),
	   "a doorbell before its record");
	b.sq.dbrec[1] = to_be32(9);
	ring_only(&b);
	ok(rig_said(&b.rig,
	            "doorbell record 9 is ahead of WQE 0 by more than the ring's 8"),
	   "a record ahead");
	rig_ring(&b.rig, &b.sq);
	rig_post_send(&b.rig, &b.sq, 0, b.f, 64);
	rig_ring(&b.rig, &b.sq);
	b.sq.dbrec[1] = to_be32(1);
	b.rig.sentences = 0;
	ring_only(&b);
	ok(rig_said(&b.rig, "doorbell record 1 is behind 2"), "a record behind");
	for (unsigned i = 2; i < 9; i++) {
		rig_post_send(&b.rig, &b.sq, 0, b.f, 64);
		rig_ring(&b.rig, &b.sq);
	}
	ok(rig_said(&b.rig,
	            "WQE 8: posted over WQE 0, whose completion was not reported yet"),
	   "a ring overrun");
	b.sq.number++;
	rig_post_send(&b.rig, &b.sq, 0, b.f, 64);
	ring_only(&b);
	ok(rig_said(&b.rig, "which is not there"), "a doorbell for no queue");
	b.sq.number--;
	nic_lock(b.rig.nic);
	nic_sq_modify(b.sq.sq, NIC_QUEUE_RESET);
	nic_unlock(b.rig.nic);
	rig_post_send(&b.rig, &b.sq, 0, b.f, 64);
	rig_ring(&b.rig, &b.sq);
	ok(rig_said(&b.rig, "while the queue is in reset"), "a doorbell in reset");
	rig_close(&b.rig);
}

static void test_names(void)
{
	struct bench b;

	open_bench(&b, &(struct rig_opts){0}, 0);
	b.sq.pi = 1;
	rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, b.f, 64);
	b.sq.pi = 1;
	memmove(b.sq.ring, b.sq.ring + 64, 64);
	b.sq.last = 0;
	rig_ring(&b.rig, &b.sq);
	ok(rig_said(&b.rig, "WQE 0: its control segment says it is WQE 1"),
	   "a wrong index");
	rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, b.f, 64);
	b.sq.ring[64 + 6]++; /* the queue's low byte */
	b.sq.last = 0;       /* ring by a good one */
	rig_ring(&b.rig, &b.sq);
	ok(rig_said(&b.rig, "WQE 1: its control segment names queue"), "a wrong queue");
	nic_lock(b.rig.nic);
	b.sq.dbrec[1] = to_be32(5);
	nic_sq_modify(b.sq.sq, NIC_QUEUE_RESET);
	nic_sq_modify(b.sq.sq, NIC_QUEUE_READY);
	nic_sq_destroy(b.sq.sq);
	nic_unlock(b.rig.nic);
	ok(rig_said(
		   &b.rig,
		   "destroyed with 5 WQEBBs in the doorbell record that were never rung"),
	   "a doorbell forgotten");
	rig_close(&b.rig);
}

static void test_owned(void)
{
	static struct rig_rq rq;
	struct bench b;

	open_bench(&b, &(struct rig_opts){.thorough = true}, 0);
	rig_post_send(&b.rig, &b.sq, 0, b.f, 64);
	rig_ring(&b.rig, &b.sq);
	b.f[50] ^= 1;
	rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, b.f + 64, 64);
	rig_ring(&b.rig, &b.sq);
	ok(rig_said(&b.rig, "WQE 0: its frame changed after the doorbell"),
	   "a frame changed");
	rig_post_send(&b.rig, &b.sq, 0, b.f, 64);
	rig_ring(&b.rig, &b.sq);
	b.sq.ring[2 * 64 + 47] ^= 64;
	rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, b.f, 64);
	rig_ring(&b.rig, &b.sq);
	ok(rig_said(&b.rig, "WQE 2: changed after its doorbell"), "a send WQE changed");
	rig_rq_open(&b.rig, &rq, &b.cq,
	            &(struct nic_rq_opts){.log_wqes = 3, .log_wqe_size = 4});
	b.rig.sentences = 0;
	for (unsigned i = 0; i < 3; i++)
		rig_recv_buffer(&b.rig, &rq, b.f + 4096 * (i + 1), 2048);
	rig_work(&b.rig);
	b.f[4096 * 2] ^= 1;
	rq.ring[2 * 16 + 15] ^= 32;
	for (unsigned i = 0; i < 3; i++)
		rig_arrive(&b.rig, b.f, rig_udp(b.f, 60, i));
	ok(!rig_said(&b.rig, "WQE 0"), "an untouched receive WQE is not complained of");
	ok(rig_said(&b.rig, "WQE 1: its buffer was written"), "a posted buffer written");
	ok(rig_said(&b.rig, "WQE 2: changed after it was posted"),
	   "a receive WQE changed");
	rig_close(&b.rig);
}

static void arm_cq(struct bench *b, uint32_t word)
{
	be32 arm[2] = {to_be32(word), to_be32(nic_cq_number(b->cq.cq))};
	uint64_t both;

	memcpy(&both, arm, 8);
	__atomic_store_n((uint64_t *)(void *)(b->rig.page + 0x20), both,
	                 __ATOMIC_RELEASE);
	rig_work(&b->rig);
}

/* Slots that would look like CQEs, and a doorbell for a queue that is not there. */
static void test_cqs(void)
{
	static uint8_t slots[4 * 64];
	static be32 dbrec[2];
	struct nic_cq *cq;
	struct bench b;
	be32 arm[2] = {to_be32(0), to_be32(0xabcd)};

	open_bench(&b, &(struct rig_opts){0}, 0);
	nic_lock(b.rig.nic);
	nic_cq_create(
		b.rig.nic,
		&(struct nic_cq_opts){
			.buf = slots, .log_size = 2, .cqe_size = 64, .dbrec = dbrec},
		&cq);
	nic_cq_destroy(cq);
	nic_unlock(b.rig.nic);
	ok(rig_said(&b.rig, "slot 0: not marked invalid when the queue was made"),
	   "a CQ of zeroes");
	memcpy(b.rig.page + 0x20, arm, 8);
	rig_work(&b.rig);
	ok(rig_said(&b.rig, "names CQ 0xabcd, which is not there"), "a CQ of nobody");
	rig_close(&b.rig);
}

/* A receive buffer in memory that the card may only read. */
static void test_read_only(void)
{
	static struct rig_rq rq;
	struct hw_data_seg seg;
	struct bench b;

	open_bench(&b, &(struct rig_opts){0}, 0);
	rig_rq_open(&b.rig, &rq, &b.cq,
	            &(struct nic_rq_opts){.log_wqes = 3, .log_wqe_size = 4});
	seg = rig_seg(&b.rig, b.f + 4096, 2048);
	seg.lkey = to_be32(nic_mr_lkey(region(&b, 1, false)));
	rig_recv(&rq, &seg, 1);
	rig_arrive(&b.rig, b.f, 60);
	ok(rig_said(&b.rig, "its memory region was registered without local write"),
	   "a receive buffer without local write");
	is_u(rig_poll(&b.cq)->op_own >> 4, HW_CQE_OP_RECV_ERROR,
	     "completes with an error");
	rig_close(&b.rig);
}

static void test_queues(void)
{
	static struct rig_rq rq;
	struct bench b;

	open_bench(&b, &(struct rig_opts){0}, 0);
	rig_rq_open(&b.rig, &rq, &b.cq,
	            &(struct nic_rq_opts){.log_wqes = 3, .log_wqe_size = 4});
	rq.dbrec[0] = to_be32(9);
	rig_arrive(&b.rig, b.f, 60);
	ok(rig_said(&b.rig, "doorbell record 9 is ahead of WQE 0"),
	   "a receive record ahead");
	rq.dbrec[0] = to_be32(0xfffe);
	rig_arrive(&b.rig, b.f, 60);
	ok(rig_said(&b.rig, "doorbell record 65534 is behind 0"),
	   "a receive record behind");
	rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, b.f, 64);
	b.cq.dbrec[0] = to_be32(5);
	rig_ring(&b.rig, &b.sq);
	ok(rig_said(&b.rig, "is ahead of the 0 CQEs written"), "a consumer count ahead");
	b.cq.dbrec[1] = to_be32(0x10000008);
	arm_cq(&b, 0x10000007);
	arm_cq(&b, 0x00000008);
	ok(!rig_said(&b.rig, "armed by a doorbell"),
	   "a record ahead of the doorbell: the next arming is on its way");
	arm_cq(&b, 0x10000009);
	ok(rig_said(&b.rig,
	            "armed by a doorbell that says 0x10000009, its record 0x10000008"),
	   "an arm doorbell without its record");
	arm_cq(&b, 0x20000008);
	ok(rig_said(&b.rig,
	            "armed by a doorbell that says 0x20000008, its record 0x10000008"),
	   "the same after an event");
	nic_lock(b.rig.nic);
	is_u(nic_cq_destroy(b.cq.cq), (uint64_t)-16, "a CQ with queues on it cannot go");
	nic_unlock(b.rig.nic);
	rig_close(&b.rig);
}

int main(void)
{
	test_mistakes(false);
	test_mistakes(true);
	test_doorbells();
	test_names();
	test_owned();
	test_cqs();
	test_read_only();
	test_queues();
	return done();
}
