/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every form of receive queue that the card has, over a cable: what arrives is what was sent,
 * and what is said of it is what an independent computation says: checksum verdicts, Toeplitz
 * hash, VLAN tag, mark, time.  Frames are the queue's or the program's, never both's.
 *
 *   driver_receive FROM TO COUNT SEED [lossy]
 *
 * Lossy: the card fails descriptors now and then (see receive.sh); what arrives is still right
 * and in order, and every frame is still somebody's.
 */
#include "packets.h"

#include "rawq.h"
#include "tests/tap.h"

#include <string.h>
#include <time.h>

#define TX_FRAME  2048u
#define TX_FRAMES 8192u
#define WINDOW    64u
#define MARK      0x7654u
#define LOSS_MAX  3000u /* packets between two that arrive */
#define RX_BYTES  (1u << 24)

struct form {
	const char *name;
	uint32_t offloads, compression, len_max, segments_max;
};

static const struct form forms[] = {
	{"cyclic", RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_HASH | RAWQ_RX_MARK,
         RAWQ_COMPRESS_OFF, 2000, 1},
	{"cyclic, hash minis",
         RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_HASH | RAWQ_RX_MARK | RAWQ_RX_VLAN,
         RAWQ_COMPRESS_HASH, 2000, 1},
	{"cyclic, checksum minis",
         RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_MARK | RAWQ_RX_VLAN, RAWQ_COMPRESS_CSUM,
         300, 1},
	{"cyclic, times", RAWQ_RX_TIME | RAWQ_RX_HASH | RAWQ_RX_VLAN, RAWQ_COMPRESS_AUTO,
         2000, 1},
	{"segments, hash minis",
         RAWQ_RX_SEGMENTS | RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_HASH,
         RAWQ_COMPRESS_HASH, 9216, 8},
	{"segments, checksum minis",
         RAWQ_RX_SEGMENTS | RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_VLAN,
         RAWQ_COMPRESS_CSUM, 9216, 8},
	{"segments, times", RAWQ_RX_SEGMENTS | RAWQ_RX_TIME | RAWQ_RX_MARK,
         RAWQ_COMPRESS_OFF, 9216, 8},
	{"striding",
         RAWQ_RX_STRIDING | RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_HASH | RAWQ_RX_VLAN,
         RAWQ_COMPRESS_OFF, 9216, 8},
	{"striding, checksum minis",
         RAWQ_RX_STRIDING | RAWQ_RX_L3_OK | RAWQ_RX_L4_OK | RAWQ_RX_MARK | RAWQ_RX_VLAN,
         RAWQ_COMPRESS_CSUM, 9216, 8},
	{"striding, checksum minis, short", RAWQ_RX_STRIDING | RAWQ_RX_MARK,
         RAWQ_COMPRESS_AUTO, 130, 1},
	{"striding, times", RAWQ_RX_STRIDING | RAWQ_RX_TIME | RAWQ_RX_MARK,
         RAWQ_COMPRESS_AUTO, 9216, 8},
};

static struct rawq_error err;
static struct rawq_port *from, *to;
static struct rawq_region *tx_region;
static uint64_t count, chance; /* state of what is drawn while running */
static bool lossy;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t realtime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct link {
	const struct form *form;
	struct packets packets;
	struct rawq_region *region;
	struct rawq_txq *txq;
	struct rawq_rxq *rxq;
	struct rawq_rule *rule;
	uint32_t frame_size, frames, depth;
	bool *is_queues; /* per frame: the queue's */
	uint64_t *free;  /* frames that are ours */
	unsigned free_count;
	uint64_t current; /* striding: a packet of the frame at hand; ~0: none */
	uint64_t sent, reaped, descriptors, arrived, next, wrong, owner, started_ns;
	uint32_t next_tx;
};

/* ---- what must be said of a packet ---- */

/* Microsoft, "Verifying the RSS Hash Calculation", with the key that is printed there. */
static uint32_t toeplitz(const uint8_t *in, unsigned n)
{
	static const uint8_t key[44] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
	                                0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
	                                0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4,
	                                0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
	                                0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
	uint32_t hash = 0;

	for (unsigned bit = 0; bit < n * 8; bit++) {
		const uint8_t *k = key + bit / 8;
		uint64_t window = (uint64_t)k[0] << 32 | (uint64_t)k[1] << 24 |
		                  (uint64_t)k[2] << 16 | (uint64_t)k[3] << 8 | k[4];

		if (in[bit / 8] >> (7 - bit % 8) & 1)
			hash ^= (uint32_t)(window >> (8 - bit % 8));
	}
	return hash;
}

static uint32_t hash_of(const struct packet *p)
{
	uint8_t in[36];
	unsigned addresses = p->is_ipv4 ? 8 : 32;
	const uint8_t *ip = p->given + 14;

	memcpy(in, ip + (p->is_ipv4 ? 12 : 8), addresses);
	memcpy(in + addresses, ip + (p->is_ipv4 ? 20 : 40), 4);
	return toeplitz(in, addresses + 4);
}

static bool is_said(const struct link *l, const struct packet *want,
                    const struct rawq_pkt *got)
{
	uint32_t flags = RAWQ_RX_MARK | RAWQ_RX_TIME;

	if (want->is_l4)
		flags |= (want->is_ipv4 ? RAWQ_RX_L3_OK : 0) | RAWQ_RX_L4_OK |
		         RAWQ_RX_HASH;
	if (want->flags & RAWQ_TX_VLAN)
		flags |= RAWQ_RX_VLAN;
	flags &= l->form->offloads;
	if ((got->flags & 0x3f) != flags)
		return false;
	if (flags & RAWQ_RX_HASH && got->hash != hash_of(want))
		return false;
	if (flags & RAWQ_RX_VLAN && got->vlan != want->vlan)
		return false;
	if (flags & RAWQ_RX_MARK && got->mark != MARK)
		return false;
	return !(flags & RAWQ_RX_TIME) || (got->time_ns + 50000000 > l->started_ns &&
	                                   got->time_ns < realtime() + 50000000);
}

static bool is_same(const struct link *l, const struct packet *want, const uint8_t *bytes,
                    uint32_t len)
{
	bool stripped = l->form->offloads & RAWQ_RX_VLAN;
	const uint8_t *frame = stripped ? want->given : want->wire;
	uint32_t n = stripped ? want->len : want->wire_len;

	/* A cable may pad to 60. */
	return len >= n && (len == n || n < 60) && !memcmp(bytes, frame, n);
}

/* ---- frames ---- */

static void give_back(struct link *l, uint64_t addr)
{
	uint64_t frame = addr / l->frame_size;

	l->owner += !l->is_queues[frame];
	l->is_queues[frame] = false;
	l->free[l->free_count++] = addr;
}

static void post(struct link *l, unsigned n)
{
	unsigned took;

	n = n < l->free_count ? n : l->free_count;
	for (unsigned i = 0; i < n; i++) {
		uint64_t frame = l->free[l->free_count - n + i] / l->frame_size;

		l->owner += l->is_queues[frame];
		l->is_queues[frame] = true;
	}
	took = rawq_rx_post(l->rxq, l->free + l->free_count - n, n);
	for (unsigned i = took; i < n; i++) {
		l->is_queues[l->free[l->free_count - n + i] / l->frame_size] = false;
		l->free[l->free_count - n + i - took] = l->free[l->free_count - n + i];
	}
	l->free_count -= took;
}

/* What the header says of who has the frame of a packet. */
static void own(struct link *l, const struct rawq_pkt *p)
{
	if (!(l->form->offloads & RAWQ_RX_STRIDING)) {
		give_back(l, p->addr);
		return;
	}
	if (p->flags & RAWQ_RX_STRIDING) {
		if (l->current != UINT64_MAX)
			give_back(l, l->current);
	} else {
		l->owner += l->current / l->frame_size != p->addr / l->frame_size;
	}
	l->current = p->addr;
	l->owner += !l->is_queues[p->addr / l->frame_size];
}

/* ---- the stream ---- */

static void judge(struct link *l, const uint8_t *bytes, uint32_t len,
                  const struct rawq_pkt *first)
{
	static struct packet want;
	uint64_t at = l->next, end = lossy ? at + LOSS_MAX : at + 1;

	for (; at < end; at++) {
		packet_make(&l->packets, at, &want);
		if (is_same(l, &want, bytes, len))
			break;
	}
	if (at == end || !is_said(l, &want, first)) {
		if (!l->wrong++)
			printf("# packet %" PRIu64 ": %u bytes, flags 0x%x, hash 0x%x; "
			       "want %u, VLAN 0x%x\n",
			       l->next, len, first->flags, first->hash, want.wire_len,
			       want.vlan);
		at = l->next;
	}
	l->next = at + 1;
	l->arrived++;
}

static void receive(struct link *l)
{
	static uint8_t whole[PACKET_MAX + 64];
	const uint8_t *base = rawq_region_base(l->region);
	struct rawq_pkt got[WINDOW];
	/* 16 descriptors at least, so that packets come whole. */
	unsigned n = rawq_rx_burst(l->rxq, got,
	                           16 + (unsigned)(random_next(&chance) % (WINDOW - 15)));
	unsigned first = 0;
	uint32_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		if (len + got[i].len <= sizeof(whole))
			memcpy(whole + len, base + got[i].addr, got[i].len);
		len += got[i].len;
		own(l, &got[i]);
		if (got[i].flags & RAWQ_MORE)
			continue;
		judge(l, whole, len, &got[first]);
		first = i + 1;
		len = 0;
	}
	post(l, 1 + (unsigned)(random_next(&chance) % 100));
}

static void reap(struct link *l)
{
	uint64_t addrs[WINDOW];

	l->reaped += rawq_tx_reap(l->txq, addrs, WINDOW);
}

/* Put a packet into frames of the send region; returns its descriptors. */
static unsigned lay_out(struct link *l, const struct packet *p, struct rawq_pkt *out)
{
	uint8_t *base = rawq_region_base(tx_region);
	uint32_t at = 0;

	for (uint32_t i = 0; i < p->segments; i++) {
		uint64_t addr = (uint64_t)l->next_tx * TX_FRAME;

		/* Five frames each: a segment may be as long as the longest packet. */
		l->next_tx = (l->next_tx + 5) % (TX_FRAMES - 8);
		memcpy(base + addr, p->given + at, p->segment_len[i]);
		out[i] = (struct rawq_pkt){.addr = addr, .len = p->segment_len[i]};
		out[i].flags = i + 1 < p->segments ? RAWQ_MORE : 0;
		at += p->segment_len[i];
	}
	out[0].flags |= (uint16_t)p->flags;
	out[0].vlan = p->vlan;
	return p->segments;
}

static void send_some(struct link *l, double end)
{
	static struct packet p;
	struct rawq_pkt pkts[WINDOW + SEGMENTS_MAX];
	unsigned want = 1 + (unsigned)(random_next(&chance) % WINDOW), n = 0, took = 0;

	while (n < want && l->sent < count) {
		packet_make(&l->packets, l->sent++, &p);
		n += lay_out(l, &p, &pkts[n]);
	}
	while (took < n && now() < end) {
		took += rawq_tx_burst(l->txq, pkts + took, n - took);
		reap(l);
		receive(l);
	}
	l->descriptors += n;
}

static void run(struct link *l)
{
	double end = now() + 100, quiet = now() + 1;
	uint64_t before;

	l->started_ns = realtime();
	while (l->sent < count && now() < end && !l->wrong) {
		send_some(l, end);
		/* No more on their way than the send region holds. */
		while (l->descriptors - l->reaped > 256 && now() < end) {
			reap(l);
			receive(l);
		}
	}
	while (l->wrong == 0 && now() < end &&
	       (lossy ? now() < quiet : l->next < count)) {
		before = l->arrived;
		reap(l);
		receive(l);
		if (l->arrived != before)
			quiet = now() + 0.5;
	}
	while (l->reaped < l->descriptors && now() < end)
		reap(l);
}

/* ---- set-up ---- */

static bool link_open(struct link *l)
{
	bool striding = l->form->offloads & RAWQ_RX_STRIDING;
	struct rawq_queue_opts tx = {.size = sizeof(tx),
	                             .offloads = RAWQ_TX_SEGMENTS | RAWQ_TX_VLAN};
	struct rawq_queue_opts rx = {.size = sizeof(rx),
	                             .offloads = l->form->offloads,
	                             .compression = l->form->compression,
	                             .depth = striding ? 4096 : 256};
	struct rawq_region_opts ro = {.size = sizeof(ro)};
	struct rawq_rule_opts rule = {.size = sizeof(rule),
	                              .queues = &l->rxq,
	                              .queue_count = 1,
	                              .mark = MARK,
	                              .take_everything = 1};
	struct rawq_queue_info info;

	ro.frame_size = l->frame_size =
		striding ? l->form->len_max > 1000 ? 65536 : 32768 : 2048;
	ro.frames = l->frames = RX_BYTES / ro.frame_size;
	if (rawq_region_create(&ro, &l->region, &err) ||
	    rawq_txq_create(from, tx_region, &tx, &l->txq, &err) ||
	    rawq_rxq_create(to, l->region, &rx, &l->rxq, &err) ||
	    rawq_rule_add(to, &rule, &l->rule, &err))
		return ok(0, "%s: a link: %s", l->form->name, err.text);
	rawq_rxq_info(l->rxq, &info);
	l->depth = info.depth;
	l->is_queues = calloc(l->frames, sizeof(*l->is_queues));
	l->free = calloc(l->frames, sizeof(*l->free));
	for (unsigned i = 0; i < l->frames; i++)
		l->free[l->free_count++] = (uint64_t)i * l->frame_size;
	l->current = UINT64_MAX;
	post(l, l->frames);
	return true;
}

static void link_close(struct link *l)
{
	rawq_rule_remove(l->rule);
	rawq_rxq_destroy(l->rxq);
	rawq_txq_destroy(l->txq);
	rawq_region_destroy(l->region);
	free(l->is_queues);
	free(l->free);
}

static void test_form(const struct form *form, uint64_t seed)
{
	struct link l = {.form = form,
	                 .packets = {.seed = seed,
	                             .len_max = form->len_max,
	                             .segments_max = form->segments_max,
	                             .tags = form->offloads & RAWQ_RX_VLAN}};
	struct rawq_queue_stats s;
	unsigned held;

	if (!link_open(&l))
		return;
	run(&l);
	is_u(l.wrong, 0, "%s: bytes, length and metadata are right", form->name);
	is_u(l.owner, 0, "every frame has one owner");
	is_u(rawq_rxq_status(l.rxq, &s), 0, "the queue is well");
	is_u(s.packets, l.arrived, "it counted the packets");
	post(&l, l.frames);
	held = l.frames - l.free_count;
	/* A frame that a reset left to us, who have not been told yet, makes room for one. */
	ok(held == l.depth || (lossy && held == l.depth + 1),
	   "it holds all its frames: %u of %u", held, l.depth);
	if (lossy) {
		ok(s.errors > 0, "descriptors failed: %" PRIu64, s.errors);
		ok(l.arrived > count / 10, "packets go on arriving: %" PRIu64, l.arrived);
	} else {
		is_u(l.arrived, count, "every packet arrived");
		is_u(s.no_frame + s.errors, 0, "none is counted as lost");
	}
	link_close(&l);
}

int main(int argc, char **argv)
{
	struct rawq_port_opts po = {.size = sizeof(po), .backend = RAWQ_MLX5};
	struct rawq_region_opts ro = {
		.size = sizeof(ro), .frames = TX_FRAMES, .frame_size = TX_FRAME};
	uint64_t seed;

	if (argc < 5)
		return 2;
	count = strtoull(argv[3], NULL, 0);
	seed = chance = strtoull(argv[4], NULL, 0);
	lossy = argc > 5;
	if (rawq_port_open(argv[1], &po, &from, &err) ||
	    rawq_port_open(argv[2], &po, &to, &err) ||
	    rawq_region_create(&ro, &tx_region, &err)) {
		ok(0, "a world: %s", err.text);
		return done();
	}
	printf("# seed %" PRIu64 "\n", seed);
	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		test_form(&forms[i], seed + i);
	rawq_region_destroy(tx_region);
	rawq_port_close(from);
	rawq_port_close(to);
	return done();
}
