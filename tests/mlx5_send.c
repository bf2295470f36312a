/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mlx5 send ring in plain memory: what lies in it after a burst, byte for byte as the PRM's
 * tables of the send WQE print it, and what completions written by hand give back.
 */
#include "lib/mlx5/mlx5.h"

#include <string.h>

#include "tap.h"

#define WQEBBS 64u
#define DEPTH  64u

static _Alignas(4096) uint8_t ring[WQEBBS * 64];
static _Alignas(64) struct hw_cqe cqes[32];
static be32 records[2], cq_records[2];
static _Alignas(64) uint8_t uar[4096];
static uint64_t addrs[DEPTH];
static struct mlx5_group groups[32];
static struct mlx5_txq q;
static uint32_t cpu; /* TX_AVX2, or 0: the plain twin */

/* A queue as mlx5_txq_create() makes it, over this memory. */
static struct rawq_txq *make(uint32_t features)
{
	memset(ring, 0xee, sizeof(ring));
	memset(cqes, 0, sizeof(cqes));
	for (unsigned i = 0; i < 32; i++)
		cqes[i].op_own = 0xf1;
	memset(records, 0, sizeof(records));
	memset(uar, 0, sizeof(uar));
	q = (struct mlx5_txq){
		.sq = &q.lane[0],
		.base = 0x1122334455660000,
		.lkey = 0xaabbccdd,
		.len_max = 1518,
		.depth = DEPTH,
		.signal_every = 16,
		.addrs = addrs,
		.groups = groups,
		.group_mask = 31,
		.nudge_pi = UINT32_MAX,
		.lanes = 1,
		.lane[0] = {.ring = ring,
	                    .wqebbs = WQEBBS,
	                    .qpn = 0x123456,
	                    .dbrec = records,
	                    .bf = uar,
	                    .cq = {.ring = cqes, .dbrec = cq_records, .log_size = 5}},
	};
	q.txq.calls.burst = mlx5_tx_burst_for(features | cpu);
	q.txq.calls.reap = mlx5_tx_reap;
	return &q.txq.calls;
}

static void complete(unsigned slot, unsigned wqe, unsigned lap)
{
	cqes[slot].wqe_counter = to_be16((uint16_t)wqe);
	cqes[slot].op_own = (uint8_t)(HW_CQE_OP_SENT << 4 | lap);
}

static void same(const uint8_t *got, const char *want_hex, const char *what)
{
	char hex[3 * 256] = "";
	size_t n = (strlen(want_hex) + 1) / 3;

	for (size_t i = 0; i < n; i++)
		snprintf(hex + 3 * i, 4, "%02x ", got[i]);
	hex[3 * n - 1] = 0;
	if (!ok(!strcmp(hex, want_hex), "%s", what))
		printf("# got  %s\n# want %s\n", hex, want_hex);
}

static void test_single(void)
{
	struct rawq_txq *t = make(0);
	struct rawq_pkt p[2] = {{.addr = 0x100, .len = 60}, {.addr = 0x900, .len = 1518}};

	is_u(rawq_tx_burst(t, p, 2), 2, "two packets are taken");
	same(ring,
	     "00 00 00 0a 12 34 56 03 00 00 00 04 00 00 00 00 " /* index 0, SEND, qpn, ds 3 */
	     "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 " /* Ethernet segment */
	     "00 00 00 3c aa bb cc dd 11 22 33 44 55 66 01 00", /* 60 bytes */
	     "a SEND WQE, min inline 0");
	same(ring + 64,
	     "00 00 01 0a 12 34 56 03 00 00 00 04 00 00 00 01 "
	     "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
	     "00 00 05 ee aa bb cc dd 11 22 33 44 55 66 09 00",
	     "the next one, index 1");
	same((uint8_t *)records, "00 00 00 00 00 00 00 02",
	     "send doorbell record: two WQEBBs");
	same(uar, "00 00 01 0a 12 34 56 03", "register: the last WQE's first 8 bytes");
}

static void test_min_inline(void)
{
	static const uint8_t frame[64] = "abcdefghijklmnopqrstuvwxyz";
	struct rawq_txq *t = make(TX_MIN_INLINE);
	struct rawq_pkt p[3] = {
		{.addr = 0, .len = 60}, {.addr = 0, .len = 18}, {.addr = 0, .len = 14}};
	char want[256], addr[32];
	uint64_t at = (uint64_t)(uintptr_t)frame + 18;

	q.base = (uint64_t)(uintptr_t)frame;
	is_u(rawq_tx_burst(t, p, 3), 3, "three packets are taken");
	for (unsigned i = 0; i < 8; i++)
		snprintf(addr + 3 * i, 4, "%02x ", (unsigned)(at >> (56 - 8 * i) & 0xff));
	addr[23] = 0;
	snprintf(want, sizeof(want),
	         "00 00 00 0a 12 34 56 04 00 00 00 04 00 00 00 00 "
	         "00 00 00 00 00 00 00 00 00 00 00 00 00 12 61 62 "
	         "63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 70 71 72 "
	         "00 00 00 2a aa bb cc dd %s",
	         addr);
	same(ring, want, "18 bytes in the WQE, 42 by pointer");
	same(ring + 64 + 4, "12 34 56 03",
	     "a frame of 18 bytes has no data segment: ds 3");
	same(ring + 128,
	     "00 00 02 0a 12 34 56 03 00 00 00 04 00 00 00 02 "
	     "00 00 00 00 00 00 00 00 00 00 00 00 00 12 61 62 "
	     "63 64 65 66 67 68 69 6a 6b 6c 6d 6e 00 00 00 00",
	     "a frame of 14 bytes is filled up with zeros");
}

static void test_empw(void)
{
	struct rawq_txq *t = make(TX_EMPW);
	struct rawq_pkt p[3] = {{.addr = 0x1000, .len = 60},
	                        {.addr = 0x2000, .len = 61},
	                        {.addr = 0x3000, .len = 62}};

	is_u(rawq_tx_burst(t, p, 3), 3, "three packets are taken");
	same(ring,
	     "00 00 00 29 12 34 56 05 00 00 00 04 00 00 00 00 " /* eMPW, ds 5 */
	     "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
	     "00 00 00 3c aa bb cc dd 11 22 33 44 55 66 10 00 "
	     "00 00 00 3d aa bb cc dd 11 22 33 44 55 66 20 00 "
	     "00 00 00 3e aa bb cc dd 11 22 33 44 55 66 30 00",
	     "a multi-packet WQE with pointers");
	same((uint8_t *)records + 4, "00 00 00 02", "80 bytes are two WQEBBs");
	is_u(rawq_tx_burst(t, p, 1), 1, "a packet alone");
	same(ring + 128, "00 00 02 0a 12 34 56 03", "is a SEND of ds 3");
}

static void test_empw_inline(void)
{
	static const uint8_t frame[64] = "abcdefghijklmnopqrst";
	struct rawq_txq *t = make(TX_EMPW | TX_INLINE);
	struct rawq_pkt p[2] = {{.addr = 0, .len = 14}, {.addr = 0, .len = 20}};

	q.base = (uint64_t)(uintptr_t)frame;
	q.inline_max = 64;
	is_u(rawq_tx_burst(t, p, 2), 2, "two packets are taken");
	same(ring, "00 00 00 29 12 34 56 06",
	     "18 and 24 bytes with their words: 2 segments each");
	same(ring + 32, "80 00 00 0e 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e",
	     "an inline segment of 14 bytes");
	same(ring + 64,
	     "80 00 00 14 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 70 71 72 73 74",
	     "the next one at a multiple of 16");
}

static void test_session_limits(void)
{
	struct rawq_txq *t = make(TX_EMPW);
	struct rawq_pkt p[64];

	for (unsigned i = 0; i < 64; i++)
		p[i] = (struct rawq_pkt){.addr = i * 2048, .len = 60};
	p[5].len = 13;
	is_u(rawq_tx_burst(t, p, 64), 5,
	     "stops at a packet shorter than an Ethernet header");
	p[5].len = 1519;
	is_u(rawq_tx_burst(t, p + 5, 59), 0,
	     "or longer than the MTU and the link header");
	t = make(TX_EMPW);
	p[5].len = 60;
	is_u(rawq_tx_burst(t, p, 64), 64, "as many as the queue is deep");
	same(ring, "00 00 00 29 12 34 56 22", "32 packets in a WQE: ds 34");
	same(ring + 9 * 64, "00 00 09 29 12 34 56 22",
	     "the other 32 in the next, 9 blocks on");
	is_u(rawq_tx_burst(t, p, 1), 0, "and no more");
}

static void test_checksums(void)
{
	/* Ethertypes IPv4 with UDP, IPv6 with TCP, ARP. */
	static uint8_t frames[3 * 2048];
	struct rawq_txq *t = make(TX_EMPW | TX_CSUM);
	struct rawq_pkt p[3];

	frames[12] = 8;
	frames[14 + 9] = 17;
	frames[2048 + 12] = 0x86;
	frames[2048 + 13] = 0xdd;
	frames[2048 + 14 + 6] = 6;
	frames[4096 + 12] = 8;
	frames[4096 + 13] = 6;
	q.base = (uint64_t)(uintptr_t)frames;
	for (unsigned i = 0; i < 3; i++)
		p[i] = (struct rawq_pkt){.addr = i * 2048,
		                         .len = 100,
		                         .flags = RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM};
	is_u(rawq_tx_burst(t, p, 3), 3, "IPv4, IPv6 and ARP with both checksums asked");
	is_u(ring[16 + 4], 0xc0, "IPv4 and UDP: both");
	is_u(ring[64 + 16 + 4], 0x80, "IPv6 and TCP: L4 alone, in a WQE of its own");
	is_u(ring[128 + 16 + 4], 0, "ARP: none");
}

static void test_full(void)
{
	struct rawq_txq *t = make(TX_EMPW | TX_CSUM | TX_SEGMENTS | TX_HEADERS);
	static uint8_t frame[4096];
	struct rawq_pkt p[3] = {{.addr = 0x10, .len = 100, .flags = RAWQ_MORE},
	                        {.addr = 0x800, .len = 0, .flags = RAWQ_MORE},
	                        {.addr = 0x900, .len = 7}};

	is_u(rawq_tx_burst(t, p, 2), 0, "a packet without its end is not taken");
	is_u(rawq_tx_burst(t, p, 3), 3, "with its end it is");
	same(ring,
	     "00 00 00 0a 12 34 56 04 00 00 00 04 00 00 00 00 "
	     "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
	     "00 00 00 64 aa bb cc dd 11 22 33 44 55 66 00 10 "
	     "00 00 00 07 aa bb cc dd 11 22 33 44 55 66 09 00",
	     "an empty descriptor has no segment: 0 would mean 2 GB");
	p[0] = (struct rawq_pkt){
		.addr = 0, .len = 60, .flags = RAWQ_TX_VLAN, .vlan = 0x6123};
	is_u(rawq_tx_burst(t, p, 1), 1, "a VLAN tag to insert");
	same(ring + 64 + 16, "00 00 00 00 00 00 00 00 00 00 00 00 80 00 61 23",
	     "is in the Ethernet segment");
	for (unsigned i = 0; i < 54; i++)
		frame[i] = (uint8_t)i;
	frame[12] = 8;
	frame[13] = 0;
	frame[20] = frame[21] = 0; /* no fragment */
	frame[23] = 6;
	q.base = (uint64_t)(uintptr_t)frame;
	p[0] = (struct rawq_pkt){.addr = 0,
	                         .len = 3000,
	                         .flags = RAWQ_TX_TSO,
	                         .mss = 1000,
	                         .header_len = 54};
	is_u(rawq_tx_burst(t, p, 1), 1, "a packet to cut");
	/* 54 bytes of headers: 2 in the Ethernet segment, 52 in 4 segments; 7 with the data. */
	same(ring + 128,
	     "00 00 02 0e 12 34 56 07 00 00 00 04 00 00 00 04 "
	     "00 00 00 00 c0 00 03 e8 00 00 00 00 00 36 00 01 "
	     "02 03 04 05 06 07 08 09 0a 0b 08 00 0e 0f 10 11",
	     "a TSO WQE: opcode, both checksums, mss, headers");
	same(ring + 128 + 96, "00 00 0b 82 aa bb cc dd", "and the 2946 bytes of payload");
}

static void test_reap(void)
{
	struct rawq_txq *t = make(0);
	struct rawq_pkt p[16];
	uint64_t got[16];

	for (unsigned i = 0; i < 16; i++)
		p[i] = (struct rawq_pkt){.addr = 2048 * i, .len = 60};
	rawq_tx_burst(t, p, 16);
	is_u(ring[15 * 64 + 11], 8, "the 16th of 16 WQEs asks for a completion");
	is_u(ring[14 * 64 + 11], 4, "the one before only if it fails");
	is_u(rawq_tx_reap(t, got, 16), 0, "nothing comes back before it");
	complete(0, 15, 0);
	is_u(rawq_tx_reap(t, got, 7), 7, "then as many as wanted");
	is_u(got[6], 2048 * 6, "in order");
	is_u(rawq_tx_reap(t, got, 16), 9, "and the rest");
	is_u(got[8], 2048 * 15, "to the last");
	same((uint8_t *)cq_records, "00 00 00 01", "the CQ's record: one entry consumed");
}

static void test_lull(void)
{
	struct rawq_txq *t = make(0);
	struct rawq_pkt p = {.addr = 4096, .len = 60};
	uint64_t got[4];

	rawq_tx_burst(t, &p, 1);
	is_u(ring[11], 4, "one packet of a deep queue asks for no completion");
	rawq_tx_reap(t, got, 4);
	is_u(rawq_tx_reap(t, got, 4), 0, "reaped twice in vain");
	same(ring + 64, "00 00 01 00 12 34 56 01 00 00 00 08", "a NOP asks in its place");
	complete(0, 1, 0);
	is_u(rawq_tx_reap(t, got, 4), 1, "and the packet comes back");
	is_u(got[0], 4096, "it is that one");
}

/* Counters that start a few hundred before they wrap: WQE index, record and address ring at 16
 * bits, the CQ's record at 24, all of ours at 32. */
static void test_wraps(uint32_t start)
{
	struct rawq_txq *t = make(TX_EMPW);
	struct rawq_pkt p[48];
	uint64_t got[48], expect = 0, wrong = 0, sent = 0;
	uint32_t completions = start;

	q.lane[0].pi = q.lane[0].ci = q.lane[0].signalled_pi = start;
	q.addr_pi = q.addr_done = q.addr_ci = q.group_start = start;
	q.group_pi = q.group_ci = q.lane[0].cq.ci = start;
	for (unsigned i = 0; i < 32; i++)
		cqes[i].op_own = (uint8_t)(0xf0 | !(start >> 5 & 1));
	for (unsigned round = 0; round < 20000; round++) {
		unsigned n = 16 + round % 33;

		for (unsigned i = 0; i < n; i++)
			p[i] = (struct rawq_pkt){.addr = sent++ * 64, .len = 60};
		wrong += rawq_tx_burst(t, p, n) != n;
		/* The register was given the last WQE, whose bytes 1 and 2 are its index. */
		complete(completions % 32, (unsigned)uar[1] << 8 | uar[2],
		         completions / 32 & 1);
		completions++;
		wrong += from_be32(records[1]) != (q.lane[0].pi & 0xffff);
		wrong += rawq_tx_reap(t, got, 48) != n;
		wrong += from_be32(cq_records[0]) != (completions & 0xffffff);
		for (unsigned i = 0; i < n; i++)
			wrong += got[i] != expect++ * 64;
	}
	ok(q.lane[0].pi - start > 65536, "from %u, more than 16 bits of WQEBBs", start);
	is_u(wrong, 0, "20000 bursts of 16 to 48 all came back in order");
}

/* xorshift64 */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

struct outcome {
	uint8_t ring[sizeof(ring)];
	uint64_t addrs[DEPTH], packets, bytes;
	uint32_t pi;
	unsigned taken;
};

/* One burst from a given position, into clean memory. */
static void burst_once(uint32_t features, uint32_t pi, const struct rawq_pkt *p,
                       unsigned n, struct outcome *out)
{
	struct rawq_txq *t = make(features);

	memset(addrs, 0, sizeof(addrs));
	q.lane[0].pi = q.lane[0].ci = q.lane[0].signalled_pi = pi;
	q.addr_pi = q.addr_done = q.addr_ci = q.group_start = pi * 3;
	out->taken = rawq_tx_burst(t, p, n);
	memcpy(out->ring, ring, sizeof(ring));
	memcpy(out->addrs, addrs, sizeof(addrs));
	out->packets = q.packets;
	out->bytes = q.bytes;
	out->pi = q.lane[0].pi;
}

/* What the plain code does with any burst, the code for AVX2 does as well.  What lies behind a
 * WQE's end is nobody's: both may leave there what they like. */
static void clear_unused(struct outcome *o, uint32_t from)
{
	for (uint32_t at = from; at != o->pi;) {
		uint8_t *wqe = o->ring + (at % WQEBBS) * 64;
		uint32_t ds = wqe[7], bbs = (ds + 3) / 4;

		for (uint32_t i = ds; i < bbs * 4; i++)
			memset(o->ring + (at * 64 + i * 16) % sizeof(ring), 0, 16);
		at += bbs;
	}
	for (uint32_t at = o->pi; at != from + WQEBBS; at++)
		memset(o->ring + (at % WQEBBS) * 64, 0, 64);
	for (uint32_t i = o->taken; i < DEPTH; i++) /* slots that were not given out */
		o->addrs[(from * 3 + i) % DEPTH] = 0;
}

static void test_twins(void)
{
	static struct outcome plain, avx2;
	static const uint32_t wishes[] = {0, TX_SEGMENTS, TX_HEADERS,
	                                  TX_SEGMENTS | TX_HEADERS};
	uint64_t state = 88172645463325252u, different = 0;
	struct rawq_pkt p[64];

	printf("# seed %llu\n", (unsigned long long)state);
	for (unsigned round = 0; round < 50000; round++) {
		uint32_t features = TX_EMPW | wishes[round % 4];
		uint32_t pi = (uint32_t)random_next(&state);
		unsigned n = 1 + (unsigned)(random_next(&state) % 64);
		unsigned odd = (unsigned)(random_next(&state) % 64);

		for (unsigned i = 0; i < n; i++) {
			uint64_t r = random_next(&state);

			p[i] = (struct rawq_pkt){.addr = r & 0xffffff,
			                         .len = 14 + (uint32_t)(r >> 24) % 1505,
			                         .vlan = (uint16_t)(r >> 48)};
		}
		if (odd < n && round % 3 == 0)
			p[odd].len =
				round & 1 ? (uint32_t)random_next(&state) : round % 14;
		else if (odd < n && round % 3 == 1)
			p[odd].flags = round & 1 ? RAWQ_TX_VLAN : RAWQ_MORE;
		burst_once(features, pi, p, n, &plain);
		burst_once(features | TX_AVX2, pi, p, n, &avx2);
		clear_unused(&plain, pi);
		clear_unused(&avx2, pi);
		different += memcmp(&plain, &avx2, sizeof(plain)) != 0;
	}
	is_u(different, 0, "50000 bursts: the same ring, addresses and counters");
}

static void test_all(void)
{
	test_single();
	test_min_inline();
	test_empw();
	test_empw_inline();
	test_session_limits();
	test_checksums();
	test_full();
	test_reap();
	test_lull();
	test_wraps(0);
	test_wraps((1u << 24) - 300);
	test_wraps(UINT32_MAX - 299);
}

int main(void)
{
	test_all();
#ifdef MLX5_HAS_AVX2
	if (__builtin_cpu_supports("avx2")) {
		cpu = TX_AVX2;
		printf("# once more with AVX2\n");
		test_all();
		cpu = 0;
		test_twins();
	}
#endif
	return done();
}
