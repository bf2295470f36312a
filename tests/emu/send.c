/* SPDX-License-Identifier: BSD-2-Clause */
/* The send engine, its rings written by hand from the manual. */
#include "tests/emu/rig.h"
#include "tests/tap.h"

#include <string.h>

struct bench {
	struct rig rig;
	struct rig_cq cq;
	struct rig_sq sq;
};

static void open_bench(struct bench *b, const struct rig_opts *opts, unsigned log_wqebbs)
{
	rig_open(&b->rig, opts);
	rig_cq_open(&b->rig, &b->cq, 8, 64, 0);
	rig_sq_open(&b->rig, &b->sq, &b->cq, log_wqebbs, 0);
}

static uint8_t *pattern(struct bench *b, uint32_t at, uint32_t len)
{
	return b->rig.memory + (rig_udp(b->rig.memory + at, len, at), at);
}

static bool sent_is(const struct bench *b, unsigned n, const void *bytes, uint32_t len)
{
	return n < b->rig.sent && b->rig.frames[n].len == len &&
	       !memcmp(b->rig.frames[n].bytes, bytes, len);
}

static void test_send(void)
{
	struct bench b;
	struct hw_cqe *cqe;
	uint8_t *f;

	open_bench(&b, &(struct rig_opts){0}, 6);
	f = pattern(&b, 0, 64);
	rig_post_send(&b.rig, &b.sq, 0, f, 64);
	rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, f, 60);
	rig_ring(&b.rig, &b.sq);
	ok(sent_is(&b, 0, f, 64) && sent_is(&b, 1, f, 60),
	   "two frames leave as they are");
	cqe = rig_poll(&b.cq);
	ok(cqe && cqe->op_own >> 4 == HW_CQE_OP_SENT, "the signalled one completes");
	is_u(from_be16(cqe->wqe_counter), 1, "its CQE names WQE 1");
	is_u(from_be32(cqe->sop_drop_qpn), 0x0a000000u | b.sq.number, "opcode and queue");
	is_u(from_be32(cqe->srqn_user_index), 0x55, "user index");
	ok(from_be64(cqe->timestamp) != 0, "a timestamp");
	ok(!rig_poll(&b.cq), "the other does not");
	rig_post(&b.sq, HW_WQE_OP_NOP, HW_CE_ALWAYS, NULL, 1);
	rig_ring(&b.rig, &b.sq);
	cqe = rig_poll(&b.cq);
	ok(cqe && from_be16(cqe->wqe_counter) == 2 && b.rig.sent == 2,
	   "NOP completes and sends nothing");
	is_u(b.rig.sentences, 0, "nothing was wrong");
	rig_close(&b.rig);
}

/* Inline header of 18 bytes, two pointers and inline data, over the ring's end, many laps. */
static void test_pieces_and_wrap(void)
{
	struct bench b;
	bool good = true;
	unsigned cqes = 0;

	open_bench(&b, &(struct rig_opts){0}, 2);
	for (unsigned lap = 0; lap < 300; lap++) {
		uint8_t *f = pattern(&b, lap * 256, 120);
		struct {
			struct hw_eth_seg eth;
			uint8_t header[16];
			struct hw_data_seg a, b;
			struct hw_inline_seg inl;
			uint8_t data[28];
		} w = {.eth = {.inline_hdr_sz = to_be16(18)},
		       .a = rig_seg(&b.rig, f + 18, 1),
		       .b = rig_seg(&b.rig, f + 19, 80),
		       .inl = {to_be32(HW_INLINE_BIT | 21)}};

		memcpy(w.eth.inline_hdr, f, 2);
		memcpy(w.header, f + 2, 16);
		memcpy(w.data, f + 99, 21);
		rig_post(&b.sq, HW_WQE_OP_SEND, HW_CE_ALWAYS, &w, 7);
		if (lap % 3 == 0)
			rig_post(&b.sq, HW_WQE_OP_NOP, 0, NULL, 1);
		rig_ring(&b.rig, &b.sq);
		good &= sent_is(&b, 0, f, 120);
		b.rig.sent = 0;
		while (rig_poll(&b.cq))
			cqes++;
	}
	ok(good,
	   "header, pointers and inline data make one frame, wherever the ring ends");
	is_u(cqes, 300, "each WQE completes once");
	is_u(b.rig.sentences, 0, "nothing was wrong");
	rig_close(&b.rig);
}

static void test_counter_laps(void)
{
	struct bench b;
	bool good = true;
	uint8_t *f;

	open_bench(&b, &(struct rig_opts){.discards = true}, 6);
	f = pattern(&b, 0, 64);
	for (unsigned i = 0; i < 70000; i += 32) {
		struct hw_cqe *cqe;

		for (unsigned k = 0; k < 31; k++)
			rig_post_send(&b.rig, &b.sq, 0, f, 64);
		rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, f, 64);
		rig_ring(&b.rig, &b.sq);
		cqe = rig_poll(&b.cq);
		good &= cqe && from_be16(cqe->wqe_counter) == (uint16_t)(i + 31);
	}
	ok(good, "WQE counters run over 16 bits, CQEs over many laps");
	is_u(b.rig.wire.stats.tx_frames, 70016,
	     "a wire that discards is told of each frame");
	is_u(b.rig.wire.stats.tx_bytes, 70016 * 64, "and of the bytes");
	is_u(b.rig.sentences, 0, "nothing was wrong");
	rig_close(&b.rig);
}

static void test_empw(bool discards)
{
	struct bench b;
	uint8_t *f;
	struct {
		struct hw_eth_seg eth;
		struct hw_data_seg a;
		struct hw_inline_seg inl;
		uint8_t data[60];
		struct hw_data_seg c;
	} w = {.inl = {to_be32(HW_INLINE_BIT | 60)}};
	struct hw_cqe *cqe;

	open_bench(&b, &(struct rig_opts){.discards = discards}, 4);
	f = pattern(&b, 0, 100);
	w.a = rig_seg(&b.rig, f, 64);
	w.c = rig_seg(&b.rig, f, 100);
	memcpy(w.data, f, 60);
	for (unsigned i = 0; i < 5; i++)
		rig_post(&b.sq, HW_WQE_OP_EMPW, HW_CE_ALWAYS, &w, 8);
	rig_ring(&b.rig, &b.sq);
	if (discards) {
		is_u(b.rig.wire.stats.tx_frames, 15,
		     "five sessions of three are counted");
		is_u(b.rig.wire.stats.tx_bytes, 5 * 224, "and their bytes");
	} else {
		ok(sent_is(&b, 0, f, 64) && sent_is(&b, 1, f, 60) &&
		           sent_is(&b, 2, f, 100),
		   "pointer, inline and pointer packets of a session leave in order");
		is_u(b.rig.sent, 15, "all of five sessions");
	}
	for (unsigned i = 0; i < 5; i++)
		cqe = rig_poll(&b.cq);
	ok(cqe && from_be16(cqe->wqe_counter) == 8 && !rig_poll(&b.cq),
	   "one CQE per session, naming the session");
	is_u(b.rig.sentences, 0, "nothing was wrong");
	rig_close(&b.rig);
}

/* The wire takes one frame at a time, also out of the middle of a session. */
static void test_back_pressure(void)
{
	struct bench b;
	struct {
		struct hw_eth_seg eth;
		struct hw_data_seg a[6];
	} w = {0};
	bool good = true;
	unsigned cqes = 0;

	open_bench(&b, &(struct rig_opts){0}, 6);
	for (unsigned i = 0; i < 6; i++)
		w.a[i] = rig_seg(&b.rig, pattern(&b, i * 128, 60 + i), 60 + i);
	for (unsigned i = 0; i < 10; i++)
		rig_post(&b.sq, HW_WQE_OP_EMPW, HW_CE_ALWAYS, &w, 8);
	rig_allow(&b.rig, 0);
	rig_ring(&b.rig, &b.sq);
	for (unsigned i = 0; i < 60; i++) {
		good &= b.rig.sent == i;
		rig_allow(&b.rig, 1);
		while (rig_poll(&b.cq))
			cqes++;
		good &= cqes == (i + 1) / 6;
		good &= sent_is(&b, i, b.rig.memory + i % 6 * 128, 60 + i % 6);
	}
	ok(good,
	   "under back-pressure each frame is sent once, and completes when all are");
	rig_close(&b.rig);
}

static void test_offloads(void)
{
	struct bench b;
	struct {
		struct hw_eth_seg eth;
		struct hw_data_seg data;
	} w = {.eth = {.cs_flags = HW_ETH_CS_L3 | HW_ETH_CS_L4}};
	uint8_t right[100], *f;

	open_bench(&b, &(struct rig_opts){0}, 6);
	f = pattern(&b, 0, 100);
	memcpy(right, f, 100);
	memset(f + 24, 0xee, 2);
	memset(f + 40, 0xdd, 2);
	w.data = rig_seg(&b.rig, f, 100);
	rig_post(&b.sq, HW_WQE_OP_SEND, 0, &w, 3);
	rig_post(&b.sq, HW_WQE_OP_EMPW, 0, &w, 3);
	w.eth.inline_hdr_sz = to_be16(HW_ETH_INSERT_VLAN);
	w.eth.inline_hdr[0] = 0x60;
	w.eth.inline_hdr[1] = 0x7b;
	rig_post(&b.sq, HW_WQE_OP_SEND, 0, &w, 3);
	rig_ring(&b.rig, &b.sq);
	ok(sent_is(&b, 0, right, 100), "SEND: IPv4 and UDP checksums are inserted");
	ok(sent_is(&b, 1, right, 100), "multi-packet send: likewise");
	ok(b.rig.sent == 3 && b.rig.frames[2].len == 104 &&
	           !memcmp(b.rig.frames[2].bytes, right, 12) &&
	           !memcmp(b.rig.frames[2].bytes + 12, "\x81\x00\x60\x7b", 4) &&
	           !memcmp(b.rig.frames[2].bytes + 16, right + 12, 88),
	   "a VLAN tag is inserted behind the addresses, and checksums are right");
	ok(f[24] == 0xee && f[40] == 0xdd, "the program's memory is left alone");
	rig_close(&b.rig);
}

static void test_tso(void)
{
	static const uint8_t head[54] = {
		2, 0, 0, 0, 0,    1, 2, 0, 0,  0, 0,    2,    8,  0, 0x45, 0, 0, 0,
		0, 7, 0, 0, 64,   6, 0, 0, 10, 0, 0,    1,    10, 0, 0,    2, 1, 2,
		3, 4, 0, 0, 0x10, 0, 0, 0, 0,  1, 0x50, 0x18, 4,  0, 0,    0, 0, 0};
	struct {
		struct hw_eth_seg eth;
		uint8_t header[16 * 4 - 12 + 12];
		struct hw_data_seg a, b;
	} w = {.eth = {.mss = to_be16(1000), .inline_hdr_sz = to_be16(54)}};
	struct bench b;
	bool good = true;
	uint32_t seen = 0;

	open_bench(&b, &(struct rig_opts){0}, 6);
	for (unsigned i = 0; i < 70000; i++)
		b.rig.memory[i] = (uint8_t)(i * 13);
	memcpy(w.eth.inline_hdr, head, 2);
	memcpy(w.header, head + 2, 52);
	w.a = rig_seg(&b.rig, b.rig.memory, 1500);
	w.b = rig_seg(&b.rig, b.rig.memory + 1500, 68501);
	rig_post(&b.sq, HW_WQE_OP_TSO, HW_CE_ALWAYS, (const void *)&w, 8);
	rig_allow(&b.rig, 30);
	rig_ring(&b.rig, &b.sq);
	ok(!rig_poll(&b.cq), "a segmentation that is half sent is not complete");
	rig_allow(&b.rig, 100);
	for (unsigned i = 0; i < b.rig.sent; i++) {
		const uint8_t *f = b.rig.frames[i].bytes;
		uint32_t len = b.rig.frames[i].len - 54;

		good &= len == (i < 70 ? 1000 : 1) &&
		        !memcmp(f + 54, b.rig.memory + seen, len);
		good &= (uint32_t)(f[16] << 8 | f[17]) == len + 40 && f[19] == 7 + i;
		good &= ((uint32_t)f[40] << 8 | f[41]) == ((0x1000 + seen) & 0xffff) &&
		        f[47] == (i < 70 ? 0x10 : 0x18);
		seen += len;
	}
	is_u(b.rig.sent, 71, "70,001 bytes at an MSS of 1000 are 71 segments");
	ok(good,
	   "with their payload, lengths, identifications, sequence numbers and flags");
	ok(rig_poll(&b.cq) && !rig_poll(&b.cq), "and one completion");
	is_u(b.rig.sentences, 0, "nothing was wrong");
	rig_close(&b.rig);
}

static void test_errors(void)
{
	struct bench b;
	struct hw_error_cqe *e;
	uint8_t *f;

	open_bench(&b, &(struct rig_opts){0}, 6);
	f = pattern(&b, 0, 64);
	rig_post_send(&b.rig, &b.sq, 0, f, 64);
	rig_post_send(&b.rig, &b.sq, 0, b.rig.memory + RIG_MEMORY - 10, 64);
	rig_post_send(&b.rig, &b.sq, 0, f, 64);
	rig_post_send(&b.rig, &b.sq, HW_CE_ONLY_1ST_ERROR, f, 64);
	rig_ring(&b.rig, &b.sq);
	is_u(b.rig.sent, 1, "what is before a bad WQE is sent, what is behind is not");
	e = (struct hw_error_cqe *)(void *)rig_poll(&b.cq);
	ok(e && e->op_own >> 4 == HW_CQE_OP_SEND_ERROR,
	   "a segment outside its region errs");
	is_u(e->syndrome, HW_SYNDROME_LOCAL_PROT, "syndrome: local protection");
	is_u(from_be16(e->wqe_counter), 1, "of WQE 1");
	e = (struct hw_error_cqe *)(void *)rig_poll(&b.cq);
	ok(e && e->syndrome == HW_SYNDROME_WR_FLUSH && from_be16(e->wqe_counter) == 2,
	   "WQE 2 is flushed");
	ok(!rig_poll(&b.cq), "WQE 3 wanted to hear of the first error only");
	is_u(b.rig.queue_errors, 1, "the queue's owner hears of it once");
	rig_post_send(&b.rig, &b.sq, 0, f, 64);
	rig_ring(&b.rig, &b.sq);
	e = (struct hw_error_cqe *)(void *)rig_poll(&b.cq);
	ok(e && e->syndrome == HW_SYNDROME_WR_FLUSH, "so are WQEs posted afterwards");
	nic_lock(b.rig.nic);
	ok(nic_sq_state(b.sq.sq) == NIC_QUEUE_ERROR &&
	           nic_sq_modify(b.sq.sq, NIC_QUEUE_READY) < 0,
	   "the way out of error is by reset");
	nic_sq_modify(b.sq.sq, NIC_QUEUE_RESET);
	nic_sq_modify(b.sq.sq, NIC_QUEUE_READY);
	nic_unlock(b.rig.nic);
	b.sq.pi = 0;
	rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, f, 64);
	rig_ring(&b.rig, &b.sq);
	e = (struct hw_error_cqe *)(void *)rig_poll(&b.cq);
	ok(b.rig.sent == 2 && e && e->op_own >> 4 == HW_CQE_OP_SENT,
	   "after reset the queue starts at 0 and sends");
	is_u(b.rig.sentences, 1, "one thing was said");
	rig_close(&b.rig);
}

static void test_overrun_and_arm(void)
{
	struct bench b;
	uint8_t *f;
	be32 arm[2];
	uint64_t word;

	rig_open(&b.rig, &(struct rig_opts){0});
	rig_cq_open(&b.rig, &b.cq, 2, 128, 0);
	rig_sq_open(&b.rig, &b.sq, &b.cq, 6, 0);
	f = pattern(&b, 0, 64);
	arm[0] = b.cq.dbrec[1] = to_be32(0);
	arm[1] = to_be32(nic_cq_number(b.cq.cq));
	memcpy(&word, arm, 8);
	__atomic_store_n((uint64_t *)(void *)(b.rig.page + 0x20), word, __ATOMIC_RELEASE);
	rig_work(&b.rig);
	is_u(b.rig.notified, 0, "an armed CQ waits");
	for (unsigned i = 0; i < 4; i++)
		rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, f, 64);
	rig_ring(&b.rig, &b.sq);
	is_u(b.rig.notified, 1, "and tells once");
	is_u(b.rig.cq_errors, 0, "four CQEs fit into four slots");
	rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, f, 64);
	rig_ring(&b.rig, &b.sq);
	is_u(b.rig.cq_errors, 1, "the fifth overruns the queue");
	ok(rig_said(&b.rig, "overrun, all 4 slots"), "and that is said");
	rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, f, 64);
	rig_ring(&b.rig, &b.sq);
	ok(nic_sq_state(b.sq.sq) == NIC_QUEUE_ERROR, "queues on a dead CQ go to error");
	rig_close(&b.rig);
}

/* 8 Mbit/s is a byte per us: 100 frames of 1000 bytes take 0.1 s, less the burst's two. */
static void test_pacing(void)
{
	struct bench b;
	uint64_t start, spent;
	uint8_t *f;

	open_bench(&b, &(struct rig_opts){.discards = true}, 8);
	f = pattern(&b, 0, 1000);
	nic_lock(b.rig.nic);
	nic_sq_set_rate(b.sq.sq, 8000, 2000, 0);
	nic_unlock(b.rig.nic);
	for (unsigned i = 0; i < 100; i++)
		rig_post_send(&b.rig, &b.sq, i == 99 ? HW_CE_ALWAYS : 0, f, 1000);
	start = nic_clock(b.rig.nic);
	rig_ring(&b.rig, &b.sq);
	while (!rig_poll(&b.cq))
		rig_work(&b.rig);
	spent = nic_clock(b.rig.nic) - start;
	ok(spent >= 97000000, "a paced queue is no faster than its rate");
	is_u(b.rig.sent, 100, "and sends all it was given");
	rig_close(&b.rig);
}

/* Each fault that the card's rings can have. */
static void test_faults(void)
{
	static const struct {
		const char *plan;
		unsigned sent, cqes, errors;
		const char *what;
	} runs[] = {
		{"wqe queue=sq at=2 syndrome=0x04 vendor=0x99", 1, 4, 3,
	         "a planned error completes the second WQE, and the rest is flushed"},
		{"doorbell queue=sq do=lose at=2", 2, 2, 0,
	         "a lost doorbell: its WQEs wait"},
		{"doorbell queue=sq do=late at=2 by=20ms", 4, 4, 0,
	         "a late doorbell is served in the end"},
		{"doorbell queue=sq do=twice at=1", 4, 4, 0,
	         "a doorbell served twice sends nothing twice"},
	};

	for (unsigned i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct bench b;
		struct faults *faults;
		unsigned cqes = 0, errors = 0;
		struct hw_cqe *cqe;
		uint64_t start;
		uint8_t *f;
		char err[128];

		if (!ok(!faults_parse(runs[i].plan, &faults, err, sizeof(err)), "%s",
		        runs[i].plan))
			continue;
		open_bench(&b, &(struct rig_opts){.faults = faults}, 6);
		f = pattern(&b, 0, 64);
		for (unsigned k = 0; k < 4; k++) {
			rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, f, 64);
			if (k & 1)
				rig_ring(&b.rig, &b.sq);
		}
		start = nic_clock(b.rig.nic);
		while (nic_clock(b.rig.nic) - start < 40000000)
			rig_work(&b.rig);
		for (; (cqe = rig_poll(&b.cq)); cqes++)
			errors += cqe->op_own >> 4 == HW_CQE_OP_SEND_ERROR;
		ok(b.rig.sent == runs[i].sent && cqes == runs[i].cqes &&
		           errors == runs[i].errors,
		   "%s", runs[i].what);
		is_u(b.rig.sentences, 0, "nothing was wrong");
		rig_close(&b.rig);
		faults_free(faults);
	}
}

/* A queue rung and destroyed at once: a card has long sent, when the command comes. */
static void test_destroy(void)
{
	struct bench b;
	uint8_t *f;

	open_bench(&b, &(struct rig_opts){0}, 9);
	f = pattern(&b, 0, 64);
	nic_lock(b.rig.nic); /* nobody looks at the register meanwhile */
	for (unsigned i = 0; i < 200; i++)
		rig_post_send(&b.rig, &b.sq, HW_CE_ALWAYS, f, 64);
	b.sq.dbrec[1] = to_be32(b.sq.pi);
	memcpy(b.rig.page + 0x800, b.sq.ring + (size_t)b.sq.last * 64, 8);
	nic_sq_destroy(b.sq.sq);
	nic_unlock(b.rig.nic);
	is_u(b.rig.sent, 200, "rung and destroyed: all of it is sent");
	rig_work(&b.rig);
	is_u(b.rig.sentences, 0, "and no doorbell is left over");
	rig_close(&b.rig);
}

int main(void)
{
	test_send();
	test_destroy();
	test_pieces_and_wrap();
	test_counter_laps();
	test_empw(false);
	test_empw(true);
	test_back_pressure();
	test_offloads();
	test_tso();
	test_errors();
	test_overrun_and_arm();
	test_pacing();
	test_faults();
	return done();
}
