/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Striding queues in plain memory, against a card that is a page long: it writes each packet's
 * number and length where the WQE says, and entries or compressed sessions of random size.
 * What is taken must lie where the card put it, in a frame that is the queue's, and a frame that
 * is the caller's is never written to.
 */
#include "lib/mlx5/mlx5.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define WQES       4u
#define STRIDE     64u
#define STRIDES    64u
#define FRAME      (STRIDE * STRIDES)
#define FRAMES     8u
#define ENTRIES    (WQES * STRIDES)
#define LEN_MAX    1500u
#define NOTED      1024u
#define SESSION    64u
#define TITLE_MARK 0x4321u

static _Alignas(4096) uint8_t memory[FRAMES * FRAME];
static _Alignas(64) struct mlx5_striding_wqe ring[WQES];
static _Alignas(64) struct hw_cqe cqes[ENTRIES];
static be32 records[2], cq_records[2];
static uint64_t held[WQES], spare[WQES];
static struct mlx5_rxq q;
static bool avx2; /* which of the twins is tested */
static uint64_t seed;

static uint32_t draw(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* ---- the card ---- */

struct entry {
	uint32_t word; /* byte_count */
	uint16_t stride, wqe;
};

static struct {
	uint32_t entries; /* written */
	uint16_t wqe;
	uint32_t stride;
	uint32_t number; /* of packets */
	struct entry pending[SESSION];
	uint32_t pending_count, pending_max;
	unsigned trespass, overrun;
} card;
static bool is_queues[FRAMES]; /* the frame's owner */

static void claim(uint32_t entries)
{
	uint32_t taken = from_be32(cq_records[0]);

	card.entries += entries;
	card.overrun += ((card.entries - taken) & 0xffffff) > ENTRIES;
}

static struct hw_cqe *slot(uint32_t n)
{
	return &cqes[n % ENTRIES];
}

static void write_entry(const struct entry *e)
{
	struct hw_cqe *c = slot(card.entries);
	uint8_t owner = card.entries / ENTRIES & 1;

	memset(c, 0, sizeof(*c));
	c->wqe_id = to_be16(e->wqe);
	c->wqe_counter = to_be16(e->stride);
	c->byte_count = to_be32(e->word);
	c->hds_ip_ext = 7;
	c->hdr_type = 0x28;
	c->sop_drop_qpn = to_be32(TITLE_MARK);
	c->op_own = (uint8_t)(2 << 4 | owner);
	claim(1);
}

static void flush(void)
{
	uint32_t n = card.pending_count;
	struct hw_cqe *title = slot(card.entries);
	uint32_t first = card.entries;

	card.pending_count = 0;
	if (n == 1)
		write_entry(&card.pending[0]);
	if (n < 2)
		return;
	write_entry(&card.pending[0]);
	for (uint32_t i = 0; i < n; i++) {
		const struct entry *e = &card.pending[i];
		uint32_t at = i < 8 ? 1 : i / 8 * 8;
		struct hw_mini_csum *minis = (struct hw_mini_csum *)slot(first + at);

		minis[i % 8] = (struct hw_mini_csum){.checksum = to_be16(0xbeef),
		                                     .stride_index = to_be16(e->stride),
		                                     .byte_count = to_be32(e->word)};
	}
	title->byte_count = to_be32(n);
	title->op_own |= 3 << 2;
	claim(n - 1);
}

/* Report, at once or in a session, which has one WQE's entries alone. */
static void report(struct entry e)
{
	if (card.pending_count && card.pending[0].wqe != e.wqe)
		flush();
	if (!card.pending_count)
		card.pending_max = 1 + (q.features & RX_COMPRESSED ? draw(SESSION) : 0);
	card.pending[card.pending_count++] = e;
	if (card.pending_count == card.pending_max)
		flush();
}

static void leave_wqe(uint32_t left)
{
	if (left)
		report((struct entry){.word = 1u << 31 | left << 16,
		                      .stride = (uint16_t)card.stride,
		                      .wqe = card.wqe});
	card.wqe++;
	card.stride = 0;
}

static bool has_wqe(void)
{
	return card.wqe != (uint16_t)from_be32(records[0]);
}

/* The card receives a packet, if it has a WQE. */
static bool receive(uint32_t len)
{
	uint32_t need = (len + STRIDE - 1) / STRIDE, frame;
	uint8_t *to;

	if (has_wqe() && need > STRIDES - card.stride)
		leave_wqe(STRIDES - card.stride);
	if (!has_wqe())
		return false;
	to = (uint8_t *)(uintptr_t)from_be64(ring[card.wqe % WQES].data.addr) +
	     (size_t)card.stride * STRIDE;
	frame = (uint32_t)(to - memory) / FRAME;
	card.trespass += !is_queues[frame];
	memcpy(to, &card.number, 4);
	memcpy(to + 4, &len, 4);
	card.number++;
	report((struct entry){.word = need << 16 | len,
	                      .stride = (uint16_t)card.stride,
	                      .wqe = card.wqe});
	card.stride += need;
	if (card.stride == STRIDES)
		leave_wqe(0);
	return true;
}

/* ---- the program ---- */

static struct {
	uint64_t free[FRAMES];
	unsigned free_count;
	int frame; /* of the last packet; -1: none yet */
	uint32_t number;
	unsigned wrong, unmarked;
} program;

static struct rawq_rxq *make(uint32_t features, uint32_t start)
{
	uint32_t offloads = RAWQ_RX_STRIDING | (features & RX_META ? RAWQ_RX_MARK : 0) |
	                    (features & RX_VERDICTS ? RAWQ_RX_L3_OK | RAWQ_RX_L4_OK : 0);

	memset(memory, 0, sizeof(memory));
	memset(cqes, 0, sizeof(cqes));
	memset(&card, 0, sizeof(card));
	memset(is_queues, 0, sizeof(is_queues));
	memset(&program, 0, sizeof(program));
	for (unsigned i = 0; i < ENTRIES; i++)
		cqes[i].op_own = (uint8_t)(0xf0 | !(start / ENTRIES & 1));
	card.entries = start;
	card.wqe = (uint16_t)(start >> 8);
	program.frame = -1;
	records[0] = to_be32(card.wqe);
	cq_records[0] = to_be32(card.entries & 0xffffff);
	q = (struct mlx5_rxq){
		.rdma = {.offloads = offloads},
		.cq = {.ring = cqes,
	               .dbrec = cq_records,
	               .log_size = 8,
	               .ci = card.entries},
		.striding = ring,
		.held = held,
		.spare = spare,
		.dbrec = records,
		.base = (uint64_t)(uintptr_t)memory,
		.frame_mask = FRAME - 1,
		.wqes = WQES,
		.strides = STRIDES,
		.log_stride = 6,
		.lkey = 0xaabbccdd,
		.rq_pi = card.wqe,
		.rq_ci = card.wqe,
		.features = RX_STRIDES | features,
	};
	q.rdma.rxq.calls.burst = mlx5_rx_burst_for(q.features);
#if defined(__x86_64__)
	if (avx2)
		q.rdma.rxq.calls.burst = mlx5_rx_burst_for_avx2(q.features);
#endif
	q.rdma.rxq.calls.post = mlx5_rx_post_strides;
	mlx5_rx_ring_init(&q);
	for (unsigned i = 0; i < FRAMES; i++)
		program.free[program.free_count++] = i * FRAME;
	return &q.rdma.rxq.calls;
}

static void post_some(struct rawq_rxq *r)
{
	while (program.free_count) {
		uint32_t pick = draw(program.free_count);
		/* Any address inside a frame names it. */
		uint64_t addr = program.free[pick] + draw(FRAME);
		bool *mine = &is_queues[addr / FRAME];

		*mine = true;
		if (!rawq_rx_post(r, &addr, 1)) {
			*mine = false;
			break;
		}
		program.free[pick] = program.free[--program.free_count];
	}
}

static void check(const struct rawq_pkt *p, uint16_t flags)
{
	uint32_t seen[2];
	int frame = (int)(p->addr / FRAME);

	if (p->addr >= sizeof(memory)) {
		program.wrong++;
		return;
	}
	memcpy(seen, memory + p->addr, sizeof(seen));
	program.wrong += seen[0] != program.number++ || seen[1] != p->len;
	program.wrong += (p->flags & ~RAWQ_RX_STRIDING) != flags;
	program.wrong += flags & RAWQ_RX_MARK && p->mark != TITLE_MARK;
	if (!(p->flags & RAWQ_RX_STRIDING)) {
		program.unmarked += frame != program.frame;
		return;
	}
	if (program.frame >= 0) {
		is_queues[program.frame] = false;
		program.free[program.free_count++] = (uint64_t)program.frame * FRAME;
	}
	program.frame = frame;
}

static void take_some(struct rawq_rxq *r, unsigned burst, uint16_t flags)
{
	struct rawq_pkt p[64];
	unsigned n = rawq_rx_burst(r, p, burst);

	for (unsigned i = 0; i < n; i++)
		check(&p[i], flags);
}

static bool taken_more(struct rawq_rxq *r, uint16_t flags)
{
	uint32_t before = program.number;

	take_some(r, 7, flags);
	return program.number != before;
}

/* Packets of all lengths, or short ones, in steps of random size on either side. */
static void stream(const char *name, uint32_t features, uint32_t start, uint32_t len_max,
                   uint32_t packets)
{
	struct rawq_rxq *r = make(features, start);
	uint16_t flags = 0;

	if (features & RX_VERDICTS)
		flags |= RAWQ_RX_L3_OK | RAWQ_RX_L4_OK;
	if (features & RX_META)
		flags |= RAWQ_RX_MARK;
	while (program.number < packets && !program.wrong) {
		uint32_t came = card.number, taken = program.number;

		post_some(r);
		for (uint32_t n = draw(100); n; n--) {
			if (!receive(1 + draw(len_max)))
				break;
		}
		if (draw(4))
			flush();
		for (uint32_t n = draw(6); n; n--)
			take_some(r, 1 + draw(64), flags);
		if (card.number == came && program.number == taken)
			flush();
	}
	flush();
	while (taken_more(r, flags))
		;
	is_u(program.number, card.number, "%s: every packet is taken", name);
	is_u(program.wrong, 0, "from where it was put, with length and flags");
	is_u(program.unmarked, 0, "in the frame at hand, or marked");
	is_u(card.trespass, 0, "and no frame of the program's was written to");
	is_u(card.overrun, 0, "the card always had room for its entries");
	is_u(q.packets, program.number, "they are counted");
	is_u(q.errors, 0, "without an error");
	is_u(from_be32(cq_records[0]), card.entries & 0xffffff, "all entries are read");
}

/* A packet that is too long ends its WQE; what was taken from it before is the program's, and
 * a frame without packets goes back to the card. */
static void test_too_long(void)
{
	struct rawq_rxq *r = make(0, 0);
	uint64_t addrs[] = {0, FRAME, 2 * FRAME, 3 * FRAME, 4 * FRAME};
	struct hw_error_cqe *e;
	struct rawq_pkt p[8];

	is_u(rawq_rx_post(r, addrs, 5), 4,
	     "four frames are posted, there is no room for five");
	memset(is_queues, true, sizeof(is_queues));
	receive(100);
	receive(200);
	e = (struct hw_error_cqe *)slot(card.entries);
	*e = (struct hw_error_cqe){.syndrome = HW_SYNDROME_LOCAL_LENGTH,
	                           .wqe_counter = to_be16(card.wqe++),
	                           .op_own = HW_CQE_OP_RECV_ERROR << 4};
	claim(1);
	e = (struct hw_error_cqe *)slot(card.entries);
	*e = (struct hw_error_cqe){.syndrome = HW_SYNDROME_LOCAL_LENGTH,
	                           .wqe_counter = to_be16(card.wqe++),
	                           .op_own = HW_CQE_OP_RECV_ERROR << 4};
	claim(1);
	card.stride = 0;
	receive(300);
	is_u(rawq_rx_burst(r, p, 8), 2, "two packets before the error");
	is_u(p[1].addr, 128, "the second behind the two strides of the first");
	is_u(rawq_rx_burst(r, p, 8), 0, "an error is no packet");
	is_u(rawq_rx_burst(r, p, 8), 1, "a packet behind them");
	is_u(p[0].addr, 2 * FRAME, "is in the third frame");
	is_u(p[0].flags, RAWQ_RX_STRIDING, "and says that it is another one");
	is_u(q.errors, 2, "two errors");
	is_u(q.rq_pi - q.rq_ci, 3, "the frame without packets is posted again");
	is_u(from_be64(ring[0].data.addr) - q.base, FRAME, "it is that one");
	is_u(rawq_rx_post(r, addrs, 5), 1, "there is room for one, the program's");
}

static void test_wqe(void)
{
	struct rawq_rxq *r = make(0, 0);
	static const uint8_t want[] = {0, 0, 16, 0, 0xaa, 0xbb, 0xcc, 0xdd};
	uint64_t addr = FRAME + 5;

	rawq_rx_post(r, &addr, 1);
	ok(!memcmp((uint8_t *)ring + 16, want, 8), "a WQE: 4096 bytes, lkey, ...");
	is_u(from_be64(ring[0].data.addr), q.base + FRAME,
	     "... address, behind 16 bytes");
	is_u(from_be32(records[0]), 1, "receive doorbell record");
}

/* One frame, filled to its last stride. */
static void test_full(void)
{
	struct rawq_rxq *r = make(0, 0);
	uint64_t addrs[] = {0, FRAME};
	struct rawq_pkt p[STRIDES + 1];

	memset(is_queues, true, sizeof(is_queues));
	rawq_rx_post(r, addrs, 2);
	for (unsigned i = 0; i <= STRIDES; i++)
		receive(60);
	is_u(rawq_rx_burst(r, p, STRIDES + 1), STRIDES + 1,
	     "64 short packets and one more");
	is_u(p[STRIDES - 1].addr, FRAME - STRIDE, "the 64th ends the frame");
	is_u(p[STRIDES - 1].flags, 0, "it belongs to it");
	is_u(p[STRIDES].flags, RAWQ_RX_STRIDING, "the next one gives the frame back");
	is_u(p[STRIDES].addr, FRAME, "and begins another");
}

static void test_all(void)
{
	const uint32_t far = (1u << 24) - 4 * ENTRIES; /* and WQE 65532 */

	test_wqe();
	test_full();
	test_too_long();
	stream("plain", RX_META, 0, LEN_MAX, 60000);
	stream("short, past 24 and 16 bits", RX_VERDICTS, far, 64, 60000);
	stream("compressed", RX_COMPRESSED | RX_META | RX_VERDICTS, 0, LEN_MAX, 60000);
	stream("compressed short, past 24 and 16 bits", RX_COMPRESSED, far, 64, 60000);
	stream("compressed, up to 300", RX_COMPRESSED | RX_VERDICTS, far, 300, 60000);
}

int main(void)
{
	const char *given = getenv("RAWQ_SEED");

	seed = given ? strtoull(given, NULL, 0) : 20;
	printf("# seed %" PRIu64 "\n", seed);
	test_all();
#if defined(__x86_64__)
	avx2 = __builtin_cpu_supports("avx2");
	if (avx2)
		test_all();
#endif
	return done();
}
