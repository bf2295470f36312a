/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mlx5 receive rings in plain memory: WQEs as the PRM prints them, and what completions
 * written by hand, plain and compressed, are delivered as.
 */
#include "lib/mlx5/mlx5.h"

#include <string.h>

#include "tap.h"

#define WQES 32u
#define BASE UINT64_C(0x1122334455660000)

static _Alignas(4096) uint8_t ring[WQES * 16 * 4];
static _Alignas(64) struct hw_cqe cqes[WQES];
static be32 records[2], cq_records[2];
static uint64_t spare[WQES * 4], held[WQES * 4];
static uint8_t missing[WQES];
static struct mlx5_rxq q;
static uint32_t nic_ci; /* entries written */
static uint32_t nic_rq; /* WQEs used */
static uint32_t start;  /* of all counters */

#if defined(__x86_64__)
#define AVX2(name)  name##_avx2
#define AVX2_HERE() __builtin_cpu_supports("avx2")
#else
#define AVX2(name)  name
#define AVX2_HERE() 0
#endif
static bool avx2; /* which of the twins is tested */

static struct rawq_rxq *make(uint32_t features, uint32_t log_segments)
{
	memset(ring, 0, sizeof(ring));
	memset(cqes, 0, sizeof(cqes));
	for (unsigned i = 0; i < WQES; i++)
		cqes[i].op_own = 0xf1;
	nic_ci = nic_rq = start;
	q = (struct mlx5_rxq){
		.rdma = {.offloads = RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_MARK |
	                             RAWQ_RX_HASH | RAWQ_RX_VLAN},
		.cq = {.ring = cqes, .dbrec = cq_records, .log_size = 5, .ci = start},
		.rq_pi = start,
		.rq_ci = start,
		.ring = (void *)ring,
		.held = held,
		.dbrec = records,
		.base = BASE,
		.frame_mask = 2047,
		.wqes = WQES,
		.log_segments = log_segments,
		.lkey = 0xaabbccdd,
		.features = features,
		.spare = spare,
		.missing = features & RX_SEGMENTS ? missing : NULL,
	};
	q.rdma.rxq.calls.burst =
		avx2 ? AVX2(mlx5_rx_burst_for)(features) : mlx5_rx_burst_for(features);
	q.rdma.rxq.calls.post = features & RX_SEGMENTS ? mlx5_rx_post_segments
	                        : avx2                 ? AVX2(mlx5_rx_post)
	                                               : mlx5_rx_post;
	mlx5_rx_ring_init(&q);
	return &q.rdma.rxq.calls;
}

static struct hw_cqe *slot(uint32_t n)
{
	return &cqes[n % WQES];
}

static uint8_t lap(uint32_t n)
{
	return n / WQES & 1;
}

/* The card completes the next WQE with a packet of this length. */
static struct hw_cqe *receive(uint32_t len)
{
	struct hw_cqe *c = slot(nic_ci);

	c->byte_count = to_be32(len);
	c->wqe_counter = to_be16((uint16_t)nic_rq++);
	c->op_own = (uint8_t)(HW_CQE_OP_RECEIVED << 4 | lap(nic_ci++));
	return c;
}

/* A session of n packets whose lengths are first, first + 1, ... and hashes the lengths' times 3. */
static struct hw_cqe *receive_session(uint32_t n, uint32_t first)
{
	struct hw_cqe *title = slot(nic_ci);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = i < 8 ? 1 : i / 8 * 8;
		struct hw_mini_hash *minis = (struct hw_mini_hash *)slot(nic_ci + at);

		minis[i % 8] = (struct hw_mini_hash){.rx_hash = to_be32(3 * (first + i)),
		                                     .byte_count = to_be32(first + i)};
	}
	title->byte_count = to_be32(n);
	title->op_own =
		(uint8_t)(HW_CQE_OP_RECEIVED << 4 | HW_CQE_COMPRESSED | lap(nic_ci));
	nic_ci += n;
	nic_rq += n;
	return title;
}

static unsigned post_numbered(struct rawq_rxq *r, unsigned n, uint64_t *next)
{
	uint64_t addr;
	unsigned took = 0;

	for (; took < n; took++) {
		addr = *next * 2048 + 99; /* any address inside a frame names it */
		if (!rawq_rx_post(r, &addr, 1))
			break;
		++*next;
	}
	return took;
}

static void test_post(void)
{
	struct rawq_rxq *r = make(0, 0);
	static const uint8_t want[] = {0,    0,    8,    0,    0xaa, 0xbb, 0xcc, 0xdd,
	                               0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x08, 0};
	uint64_t next = 0;

	is_u(post_numbered(r, 40, &next), WQES, "as many frames as WQEs");
	ok(!memcmp(ring + 16, want, 16), "WQE 1: 2048 bytes, lkey, address of frame 1");
	is_u(from_be32(records[0]), WQES, "receive doorbell record");
}

static void test_entry(void)
{
	struct rawq_rxq *r = make(RX_VERDICTS | RX_META, 0);
	struct rawq_pkt p[4];
	uint64_t next = 0;
	struct hw_cqe *c;

	post_numbered(r, 8, &next);
	is_u(rawq_rx_burst(r, p, 4), 0, "nothing before a completion");
	c = receive(60);
	c->rx_hash = to_be32(0xcafe0001);
	c->rx_hash_type = 0x85;
	c->hds_ip_ext = 7;
	c->hdr_type = 0x20 | 0x08 | 0x01; /* UDP, IPv4, tag stripped */
	c->vlan_info = to_be16(0x6123);
	c->sop_drop_qpn = to_be32(5u << 24 | 0x1234);
	c = receive(1000);
	c->hds_ip_ext = 7;
	c->hdr_type = 0x20 | 0x04; /* IPv6 */
	receive(61);
	is_u(rawq_rx_burst(r, p, 4), 3, "three packets");
	is_u(p[0].addr, 0, "the first frame");
	is_u(p[1].addr, 2048, "the second");
	is_u(p[0].len, 60, "its length");
	is_u(p[0].flags,
	     RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_HASH | RAWQ_RX_VLAN | RAWQ_RX_MARK,
	     "all is known of the first");
	is_u(p[0].hash, 0xcafe0001, "hash");
	is_u(p[0].vlan, 0x6123, "tag");
	is_u(p[0].mark, 0x1234, "mark");
	is_u(p[1].flags, RAWQ_RX_L4_OK, "IPv6 has no header checksum to be right");
	is_u(p[2].flags, 0, "not IP: unknown, not bad");
	is_u(q.no_frame, 5, "what the entry says was dropped is counted");
	is_u(from_be32(cq_records[0]), 3, "CQ record");
}

/* Sessions of every length, delivered by bursts of every size, over owner laps and 16 bits, and
 * beginning anywhere in the ring, so that sessions and arrays go round its end. */
static void test_sessions(void)
{
	struct rawq_rxq *r = make(RX_COMPRESSED | RX_META, 0);
	struct rawq_pkt p[WQES];
	uint64_t next = 0, delivered = 0, wrong = 0;

	for (unsigned round = 0; round < 40000; round++) {
		unsigned n = 2 + round % 30, step = 1 + round % 7, got, sum = 0;

		post_numbered(r, WQES, &next);
		if (round % 5 == 4) {
			n = 1;
			receive((uint32_t)(60 + delivered % 1000))->rx_hash =
				to_be32((uint32_t)(60 + delivered % 1000) * 3);
		} else {
			receive_session(n, (uint32_t)(60 + delivered % 1000));
		}
		for (unsigned tries = 0; tries < 64 && (got = rawq_rx_burst(r, p, step));
		     tries++) {
			for (unsigned i = 0; i < got; i++, sum++) {
				wrong += p[i].addr != (delivered + sum) * 2048;
				wrong += p[i].len != 60 + delivered % 1000 + sum;
				wrong += p[i].hash != 3 * p[i].len;
			}
		}
		wrong += sum != n;
		delivered += sum;
	}
	ok(delivered > 65536, "past 16 bits: %" PRIu64 " packets from %u on", delivered,
	   start);
	is_u(wrong, 0, "each at its address, with its length and hash");
	is_u(from_be32(cq_records[0]), (start + delivered) & 0xffffff, "CQ record");
}

static void test_title(void)
{
	struct rawq_rxq *r = make(RX_COMPRESSED | RX_META | RX_VERDICTS, 0);
	struct rawq_pkt p[8];
	uint64_t next = 0;
	struct hw_cqe *c;
	unsigned wrong = 0;

	post_numbered(r, 8, &next);
	c = receive_session(5, 100);
	c->hds_ip_ext = 7;
	c->hdr_type = 0x20 | 0x08;
	c->rx_hash_type = 0x85;
	c->sop_drop_qpn = to_be32(77);
	is_u(rawq_rx_burst(r, p, 8), 5, "five packets");
	for (unsigned i = 0; i < 5; i++)
		wrong += p[i].mark != 77 || p[i].flags != (RAWQ_RX_L3_OK | RAWQ_RX_L4_OK |
		                                           RAWQ_RX_MARK | RAWQ_RX_HASH);
	is_u(wrong, 0, "have the title's mark and verdicts");
	for (unsigned i = 0; i < 5; i++)
		wrong += cqes[i].op_own >> 4 != HW_CQE_OP_INVALID;
	is_u(wrong, 0, "and their slots cannot be taken for completions in a later lap");
}

/* The other format: checksums in place of hashes, which nobody may take for hashes. */
static void test_csum_minis(void)
{
	struct rawq_rxq *r = make(RX_COMPRESSED | RX_META | RX_VERDICTS, 0);
	struct rawq_pkt p[16];
	uint64_t next = 0;
	struct hw_cqe *c;
	unsigned wrong = 0;

	q.rdma.offloads &= ~(uint32_t)RAWQ_RX_HASH;
	post_numbered(r, 16, &next);
	c = receive_session(11, 100);
	c->hds_ip_ext = 7;
	c->hdr_type = 0x20 | 0x08;
	c->rx_hash_type = 0x85;
	c->sop_drop_qpn = to_be32(3u << 24 | 77);
	is_u(rawq_rx_burst(r, p, 16), 11, "eleven packets");
	for (unsigned i = 0; i < 11; i++)
		wrong += p[i].len != 100 + i || p[i].mark != 77 ||
		         p[i].flags != (RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_MARK);
	is_u(wrong, 0, "have lengths of their own, the title's verdicts, and no hash");
	is_u(q.no_frame, 3, "what was lost before the session is counted once");
}

static void test_segments(void)
{
	struct rawq_rxq *r = make(RX_SEGMENTS, 2);
	struct rawq_pkt p[8];
	uint64_t next = 0;

	is_u(post_numbered(r, 7, &next), 7,
	     "frames for a WQE of four and for most of another");
	is_u(from_be32(records[0]), 1, "one WQE is published");
	receive(5000);
	is_u(rawq_rx_burst(r, p, 8), 3, "5000 bytes are three frames of 2048");
	ok(p[0].flags == RAWQ_MORE && p[1].flags == RAWQ_MORE && !p[2].flags,
	   "all but the last go on");
	is_u(p[2].len, 904, "the rest is in the last");
	is_u(p[2].addr, 4096, "which is frame 2");
	post_numbered(r, 1, &next);
	is_u(from_be32(records[0]), 2, "the second WQE is full");
	receive(8192);
	is_u(rawq_rx_burst(r, p, 2), 2, "a burst of two takes the half of it");
	is_u(rawq_rx_burst(r, p, 8), 2, "the next one the rest");
	ok(p[0].flags == RAWQ_MORE && !p[1].flags, "to its end");
	is_u(p[1].addr, 7 * 2048, "which is frame 7");
	is_u(q.packets, 2, "two packets");
}

/* A packet that does not fit in what is left of a burst waits for the next one, whatever came
 * first in this. */
static void test_segments_whole(void)
{
	struct rawq_rxq *r = make(RX_SEGMENTS | RX_COMPRESSED, 2);
	struct rawq_pkt p[8];
	uint64_t next = 0;

	post_numbered(r, 64, &next);
	receive(60);
	receive_session(2, 5000); /* of 5000 and 5001 bytes */
	receive(5000);
	is_u(rawq_rx_burst(r, p, 3), 1, "of a burst of three the first packet takes one");
	is_u(rawq_rx_burst(r, p, 5), 3, "of five the next, from a session, three");
	is_u(rawq_rx_burst(r, p, 5), 3, "the last one behind it as well");
	is_u(rawq_rx_burst(r, p, 3), 3, "and a plain one behind the session, too");
	is_u(p[2].flags, 0, "to its end");
}

static void test_refill_segments(void)
{
	struct rawq_rxq *r = make(RX_SEGMENTS, 2);
	struct rawq_pkt p[8];
	uint64_t next = 0, seen = 0, twice = 0;
	static uint8_t owned[256];
	unsigned n;

	/* 128 frames go round; none may be delivered twice or lost. */
	memset(owned, 0, sizeof(owned));
	is_u(post_numbered(r, 128, &next), 128, "128 frames fill the ring");
	for (unsigned round = 0; round < 100000; round++) {
		receive(1 + round * 37 % 8192);
		n = rawq_rx_burst(r, p, 8);
		for (unsigned i = 0; i < n; i++) {
			uint64_t frame = p[i].addr / 2048;

			twice += frame > 127 || owned[frame]++;
			seen++;
		}
		for (unsigned i = 0; i < n; i++) {
			owned[p[i].addr / 2048] = 0;
			twice += rawq_rx_post(r, &p[i].addr, 1) != 1;
		}
	}
	ok(seen > 200000, "%" PRIu64 " frames", seen);
	is_u(twice, 0, "each one's only owner was asked to give it back");
}

static void test_too_long(void)
{
	struct rawq_rxq *r = make(0, 0);
	struct hw_error_cqe *e = (struct hw_error_cqe *)slot(0);
	struct rawq_pkt p[4];
	uint64_t next = 0;

	post_numbered(r, WQES, &next);
	e->syndrome = HW_SYNDROME_LOCAL_LENGTH;
	e->wqe_counter = to_be16(0);
	e->op_own = HW_CQE_OP_RECV_ERROR << 4;
	nic_ci++;
	nic_rq++;
	receive(60);
	rawq_rx_burst(r, p, 4);
	is_u(rawq_rx_burst(r, p, 4), 1,
	     "a packet too long for its frame costs that packet alone");
	is_u(p[0].addr, 2048, "the next is in the next frame");
	is_u(q.errors, 1, "it is counted");
	ok(q.last_error && strstr(q.last_error, "length"), "and named: %s", q.last_error);
	is_u(from_be32(records[0]), WQES + 1, "its frame is posted again");
	is_u(from_be64(((struct hw_data_seg *)ring)[0].addr), BASE, "the very same");
}

/* Entries of random bytes, plain and compressed, and random addresses: the twins say the same. */
static void test_twins(uint32_t features)
{
	static struct hw_cqe image[WQES];
	struct rawq_pkt p[2][WQES];
	uint8_t wqes[2][sizeof(ring)];
	uint64_t addrs[WQES], seed = features + 1, counted[2][2];
	unsigned wrong = 0;

	for (unsigned round = 0; round < 3000; round++) {
		unsigned n = 1 + round % WQES, got[2];

		for (unsigned i = 0; i < sizeof(image) / 8; i++) {
			seed = seed * UINT64_C(6364136223846793005) +
			       1442695040888963407u;
			((uint64_t *)image)[i] = seed ^ seed >> 31;
		}
		for (unsigned i = 0; i < WQES; i++)
			addrs[i] = ((uint64_t *)image)[i * 3] >> 12;
		for (unsigned k = 0; k < 2; k++) {
			struct rawq_rxq *r;

			avx2 = k;
			r = make(features, 0);
			memset(p[k], 0, sizeof(p[k]));
			rawq_rx_post(r, addrs, WQES - round % 3);
			memcpy(wqes[k], ring, sizeof(ring));
			memcpy(cqes, image, sizeof(cqes));
			for (unsigned i = 0; i < n; i++) {
				cqes[i].op_own = 2 << 4;
				cqes[i].wqe_counter = to_be16((uint16_t)i);
			}
			if (n < WQES)
				cqes[n].op_own = 0xf1;
			if (features & RX_COMPRESSED) {
				cqes[0].op_own |= 3 << 2;
				cqes[0].byte_count = to_be32(n);
			}
			got[k] = rawq_rx_burst(r, p[k], WQES);
			counted[k][0] = q.bytes & 0xffffffff;
			counted[k][1] = q.no_frame;
			for (unsigned i = 0; i < got[k]; i++) {
				if (!(features & RX_META))
					p[k][i].vlan = 0; /* nobody asked */
			}
		}
		wrong += got[0] != n || got[1] != n;
		wrong += memcmp(p[0], p[1], sizeof(p[0])) != 0;
		wrong += memcmp(wqes[0], wqes[1], sizeof(ring)) != 0;
		wrong += memcmp(counted[0], counted[1], sizeof(counted[0])) != 0;
	}
	is_u(wrong, 0, "features 0x%x: plain C and AVX2 say the same of random entries",
	     features);
}

static void test_all(void)
{
	test_post();
	test_entry();
	test_sessions();
	start = (1u << 24) - 64; /* and 16 bits likewise */
	test_sessions();
	start = 0;
	test_title();
	test_csum_minis();
	test_segments();
	test_segments_whole();
	test_refill_segments();
	test_too_long();
}

int main(void)
{
	test_all();
	if (AVX2_HERE()) {
		avx2 = true;
		test_all();
		for (uint32_t f = 0; f < 4; f++) {
			test_twins(f);
			test_twins(f | RX_COMPRESSED);
		}
	}
	return done();
}
