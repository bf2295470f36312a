/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One suite for every backend on the emulated card: random packets over a cable are on the wire
 * what an independent computation says, byte for byte, and the receiver reports of them what
 * that computation says.
 *
 *   driver_traffic BACKEND FROM TO COUNT
 */
#include "packets.h"

#include "rawq.h"
#include "tests/tap.h"

#include <string.h>
#include <time.h>

#define FRAME  2048u
#define FRAMES 8192u
#define WINDOW 64u

struct world {
	enum rawq_backend backend;
	struct rawq_port *from, *to;
	struct rawq_region *tx_region, *rx_region;
	struct rawq_port_info info;
	uint64_t count;
	uint32_t lanes, inline_max;
};

static struct rawq_error err;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One sender and one receiver with everything in between. */
struct link {
	struct world *w;
	struct packets packets;
	struct rawq_txq *txq;
	struct rawq_rxq *rxq;
	struct rawq_rule *rule;
	uint32_t rx_offloads, lanes, inline_max;
	uint64_t sent, received, reaped, wrong;
	uint32_t next_frame;
};

static bool link_open(struct link *l, uint32_t tx_offloads, uint32_t rx_offloads,
                      uint32_t depth)
{
	struct rawq_queue_opts tx = {
		.size = sizeof(tx), .offloads = tx_offloads, .depth = depth};
	struct rawq_queue_opts rx = {
		.size = sizeof(rx), .offloads = rx_offloads, .depth = 1024};
	struct rawq_rule_opts rule = {.size = sizeof(rule),
	                              .queues = &l->rxq,
	                              .queue_count = 1,
	                              .take_everything = 1};
	uint64_t addrs[1024];

	l->rx_offloads = rx_offloads;
	if (rawq_txq_create(l->w->from, l->w->tx_region, &tx, &l->txq, &err) ||
	    rawq_rxq_create(l->w->to, l->w->rx_region, &rx, &l->rxq, &err) ||
	    rawq_rule_add(l->w->to, &rule, &l->rule, &err))
		return ok(0, "a link: %s", err.text);
	for (unsigned i = 0; i < 1024; i++)
		addrs[i] = i * FRAME;
	is_u(rawq_rx_post(l->rxq, addrs, 1024), 1024, "all frames are posted");
	return true;
}

static void link_close(struct link *l)
{
	rawq_rule_remove(l->rule);
	rawq_rxq_destroy(l->rxq);
	rawq_txq_destroy(l->txq);
}

/* Put packet n into frames of the send region; returns its descriptors. */
static unsigned lay_out(struct link *l, const struct packet *p, struct rawq_pkt *out)
{
	uint8_t *base = rawq_region_base(l->w->tx_region);
	uint32_t at = 0;

	for (uint32_t i = 0; i < p->segments; i++) {
		/* Five frames each: a segment may be as long as the longest packet. */
		uint64_t addr = (uint64_t)l->next_frame * FRAME + at % 64;

		l->next_frame = (l->next_frame + 5) % (FRAMES - 8);
		memcpy(base + addr, p->given + at, p->segment_len[i]);
		out[i] = (struct rawq_pkt){.addr = addr, .len = p->segment_len[i]};
		out[i].flags = i + 1 < p->segments ? RAWQ_MORE : 0;
		at += p->segment_len[i];
	}
	out[0].flags |= (uint16_t)p->flags;
	out[0].vlan = p->vlan;
	return p->segments;
}

static void check_flags(struct link *l, const struct packet *p,
                        const struct rawq_pkt *got)
{
	uint16_t want = 0;

	if (p->is_l4)
		want |= (p->is_ipv4 ? RAWQ_RX_L3_OK : 0) | RAWQ_RX_L4_OK;
	if (l->w->backend == RAWQ_VERBS) /* one bit for both, of IPv4 */
		want = p->is_ipv4 ? RAWQ_RX_L3_OK | RAWQ_RX_L4_OK : 0;
	want &= (uint16_t)l->rx_offloads;
	if ((got->flags & (RAWQ_RX_L3_OK | RAWQ_RX_L4_OK)) != want && !l->wrong++)
		printf("# packet %" PRIu64 " of %u bytes: flags 0x%x, want 0x%x\n",
		       l->received, p->len, got->flags, want);
}

/* Take what came, compare with what must have come, give the frames back. */
static void receive(struct link *l)
{
	static struct packet expect;
	static uint8_t whole[PACKET_MAX + 64];
	struct rawq_pkt got[WINDOW];
	uint64_t addrs[WINDOW];
	unsigned n = rawq_rx_burst(l->rxq, got, WINDOW), first = 0;
	uint32_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		addrs[i] = got[i].addr;
		if (len + got[i].len <= sizeof(whole))
			memcpy(whole + len,
			       (uint8_t *)rawq_region_base(l->w->rx_region) + got[i].addr,
			       got[i].len);
		len += got[i].len;
		if (got[i].flags & RAWQ_MORE)
			continue;
		packet_make(&l->packets, l->received, &expect);
		if (len < expect.wire_len || (len > 60 && len > expect.wire_len) ||
		    memcmp(whole, expect.wire, len)) {
			if (!l->wrong++)
				printf("# packet %" PRIu64 ": %u bytes, want %u\n",
				       l->received, len, expect.wire_len);
		}
		check_flags(l, &expect, &got[first]);
		l->received++;
		first = i + 1;
		len = 0;
	}
	if (rawq_rx_post(l->rxq, addrs, n) != n)
		l->wrong++;
}

static void reap(struct link *l)
{
	uint64_t addrs[WINDOW];

	l->reaped += rawq_tx_reap(l->txq, addrs, WINDOW);
}

/* Bursts of random size until all packets are over. */
static void run(struct link *l, uint64_t count)
{
	static struct packet p;
	struct rawq_pkt pkts[WINDOW + SEGMENTS_MAX];
	uint64_t state = l->packets.seed, descriptors = 0;
	double end = now() + 50;

	while (l->received < count && now() < end) {
		unsigned want = 1 + (unsigned)(random_next(&state) % WINDOW), n = 0,
			 packets = 0;
		unsigned took = 0;

		while (n < want && l->sent + packets < count) {
			packet_make(&l->packets, l->sent + packets++, &p);
			n += lay_out(l, &p, &pkts[n]);
		}
		while (took < n && now() < end) {
			took += rawq_tx_burst(l->txq, pkts + took, n - took);
			reap(l);
			receive(l);
			/* Lanes may overtake one another: one burst at a time. */
			while (l->lanes > 1 && l->reaped < descriptors + took &&
			       now() < end)
				reap(l);
		}
		l->sent += packets;
		descriptors += n;
		while (l->received < l->sent && now() < end) {
			reap(l);
			receive(l);
		}
	}
	while (l->reaped < descriptors && now() < end)
		reap(l);
	is_u(l->received, count, "every packet arrived");
	is_u(l->wrong, 0, "bytes, length and verdicts are right");
	is_u(l->reaped, descriptors, "every frame came back");
}

static void test_kind(struct world *w, const char *name, struct packets packets,
                      uint32_t tx, uint32_t rx, uint32_t depth)
{
	struct link l = {.w = w, .packets = packets};
	struct rawq_queue_stats s;

	l.packets.seed += w->backend;
	printf("# %s, seed %" PRIu64 "\n", name, l.packets.seed);
	tx &= w->info.tx_offloads;
	rx &= w->info.rx_offloads;
	if (!(tx & RAWQ_TX_VLAN))
		l.packets.tags = false;
	if (!link_open(&l, tx, rx, depth))
		return;
	run(&l, w->count);
	is_u(rawq_txq_status(l.txq, &s), 0, "%s: the send queue is well", name);
	is_u(s.packets, l.sent, "it counted the packets");
	is_u(s.errors, 0, "without errors");
	is_u(rawq_rxq_status(l.rxq, &s), 0, "%s: the receive queue is well", name);
	is_u(s.packets, l.received, "it counted the packets");
	is_u(s.no_frame + s.errors, 0, "and lost none");
	link_close(&l);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"auto", "mlx5", "verbs", "xdp"};
	struct world w = {0};
	struct rawq_port_opts po = {.size = sizeof(po)};
	struct rawq_region_opts ro = {.size = sizeof(ro), .frames = FRAMES};

	if (argc != 5)
		return 2;
	for (unsigned i = 0; i < 4; i++)
		w.backend = strcmp(argv[1], names[i]) ? w.backend : (enum rawq_backend)i;
	po.backend = w.backend;
	w.count = strtoull(argv[4], NULL, 0);
	if (rawq_port_open(argv[2], &po, &w.from, &err) ||
	    rawq_port_open(argv[3], &po, &w.to, &err) ||
	    rawq_region_create(&ro, &w.tx_region, &err) ||
	    rawq_region_create(&ro, &w.rx_region, &err)) {
		ok(0, "a world: %s", err.text);
		return done();
	}
	rawq_port_info(w.from, &w.info);
	test_kind(&w, "short",
	          (struct packets){.seed = 1, .len_max = 200, .segments_max = 1}, 0, 0,
	          512);
	test_kind(&w, "verdicts, small queue",
	          (struct packets){.seed = 11, .len_max = 1500, .segments_max = 1}, 0,
	          RAWQ_RX_L3_OK | RAWQ_RX_L4_OK, 16);
	test_kind(&w, "checksums and tags",
	          (struct packets){.seed = 21,
	                           .len_max = 1500,
	                           .segments_max = 1,
	                           .checksums = true,
	                           .tags = true},
	          RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM | RAWQ_TX_VLAN,
	          RAWQ_RX_L3_OK | RAWQ_RX_L4_OK, 512);
	test_kind(&w, "segments",
	          (struct packets){.seed = 31, .len_max = 9216, .segments_max = 8},
	          RAWQ_TX_SEGMENTS, RAWQ_RX_SEGMENTS, 512);
	test_kind(&w, "everything",
	          (struct packets){.seed = 41,
	                           .len_max = 9216,
	                           .segments_max = 8,
	                           .checksums = true,
	                           .tags = true},
	          RAWQ_TX_SEGMENTS | RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM | RAWQ_TX_VLAN,
	          RAWQ_RX_SEGMENTS | RAWQ_RX_L3_OK | RAWQ_RX_L4_OK, 256);
	w.lanes = w.info.lanes_max < 3 ? w.info.lanes_max : 3;
	w.inline_max = w.info.inline_max < 130 ? w.info.inline_max : 130;
	test_kind(&w, "lanes and copies",
	          (struct packets){.seed = 51, .len_max = 300, .segments_max = 1}, 0, 0,
	          512);
	test_kind(&w, "lanes and copies, everything",
	          (struct packets){.seed = 61,
	                           .len_max = 9216,
	                           .segments_max = 8,
	                           .checksums = true,
	                           .tags = true},
	          RAWQ_TX_SEGMENTS | RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM | RAWQ_TX_VLAN,
	          RAWQ_RX_SEGMENTS | RAWQ_RX_L3_OK | RAWQ_RX_L4_OK, 256);
	rawq_region_destroy(w.tx_region);
	rawq_region_destroy(w.rx_region);
	rawq_port_close(w.from);
	rawq_port_close(w.to);
	return done();
}
