/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams over a cable while descriptors fail at random places (the card is told to, see
 * recover.sh).  Each seed is a stream on queues of its own, of random depth and burst sizes: it
 * goes on, every frame comes back to its owner once, what was not sent is counted, and what
 * arrives arrives once and in order.
 *
 *   driver_recover BACKEND FROM TO SEEDS sq|rq
 */
#include "packets.h"

#include "rawq.h"
#include "tests/tap.h"

#include <string.h>
#include <time.h>

#define FRAME     2048u
#define DEPTH_MAX 256u
#define FRAMES    1024u
#define PATIENCE  20.0 /* s, for one stream on a busy machine */

static struct rawq_error err;

struct stream {
	struct rawq_port *from, *to;
	struct rawq_region *tx_region, *rx_region;
	struct rawq_txq *txq;
	struct rawq_rxq *rxq;
	struct rawq_rule *rule;
	uint32_t depth;
	uint64_t random;
	uint64_t given, returned, arrived, last, wrong;
	uint64_t spare[FRAMES]; /* send frames that are ours */
	unsigned spare_count;
	uint8_t with_tx[FRAMES], with_rx[FRAMES]; /* the queue has it */
};

/* Over all streams. */
struct totals {
	uint64_t given, arrived, tx_errors, rx_errors, bad;
	const char *tx_text, *rx_text;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void post(struct stream *s, uint64_t addr)
{
	s->wrong += s->with_rx[addr / FRAME]++ != 0;
	s->wrong += rawq_rx_post(s->rxq, &addr, 1) != 1;
}

static bool world_open(struct stream *s, const char *backend, char **ports)
{
	struct rawq_port_opts po = {.size = sizeof(po),
	                            .backend = strcmp(backend, "mlx5") ? RAWQ_VERBS
	                                                               : RAWQ_MLX5};
	struct rawq_region_opts ro = {.size = sizeof(ro), .frames = FRAMES};

	return !rawq_port_open(ports[0], &po, &s->from, &err) &&
	       !rawq_port_open(ports[1], &po, &s->to, &err) &&
	       !rawq_region_create(&ro, &s->tx_region, &err) &&
	       !rawq_region_create(&ro, &s->rx_region, &err);
}

static void world_close(struct stream *s)
{
	rawq_region_destroy(s->tx_region);
	rawq_region_destroy(s->rx_region);
	rawq_port_close(s->from);
	rawq_port_close(s->to);
}

/* Queues of random depth, nothing in them but frames to receive into. */
static bool stream_open(struct stream *s, uint64_t seed)
{
	struct rawq_queue_opts tx = {.size = sizeof(tx)}, rx = {.size = sizeof(rx)};
	struct rawq_rule_opts rule = {.size = sizeof(rule),
	                              .queues = &s->rxq,
	                              .queue_count = 1,
	                              .take_everything = 1};

	s->random = seed;
	tx.depth = 8u << random_next(&s->random) % 6;
	rx.depth = s->depth = 16u << random_next(&s->random) % 5;
	s->given = s->returned = s->arrived = s->last = s->wrong = s->spare_count = 0;
	memset(s->with_tx, 0, sizeof(s->with_tx));
	memset(s->with_rx, 0, sizeof(s->with_rx));
	if (rawq_txq_create(s->from, s->tx_region, &tx, &s->txq, &err) ||
	    rawq_rxq_create(s->to, s->rx_region, &rx, &s->rxq, &err) ||
	    rawq_rule_add(s->to, &rule, &s->rule, &err))
		return ok(0, "a stream: %s", err.text);
	for (unsigned i = 0; i < FRAMES; i++)
		s->spare[s->spare_count++] = i * FRAME;
	for (unsigned i = 0; i < s->depth; i++)
		post(s, i * FRAME);
	return true;
}

static void stream_close(struct stream *s)
{
	rawq_rule_remove(s->rule);
	rawq_rxq_destroy(s->rxq);
	rawq_txq_destroy(s->txq);
}

static void receive(struct stream *s)
{
	struct rawq_pkt got[64];
	unsigned n = rawq_rx_burst(s->rxq, got, 64);

	for (unsigned i = 0; i < n; i++) {
		uint64_t number;

		memcpy(&number,
		       (uint8_t *)rawq_region_base(s->rx_region) + got[i].addr + 14, 8);
		s->wrong += number <= s->last || number > s->given;
		s->last = number;
		s->wrong += s->with_rx[got[i].addr / FRAME]-- != 1;
		post(s, got[i].addr);
	}
	s->arrived += n;
}

static void reap(struct stream *s)
{
	uint64_t addrs[64];
	unsigned n = rawq_tx_reap(s->txq, addrs, 64);

	for (unsigned i = 0; i < n; i++) {
		s->wrong += s->with_tx[addrs[i] / FRAME]-- != 1;
		s->spare[s->spare_count++] = addrs[i];
	}
	s->returned += n;
}

static void give(struct stream *s, uint64_t until)
{
	struct rawq_pkt pkts[64];
	unsigned want = 1 + (unsigned)(random_next(&s->random) % 64), n = 0, took;

	for (; n < want && n < s->spare_count && s->given + n < until; n++) {
		uint64_t addr = s->spare[s->spare_count - 1 - n],
			 number = s->given + n + 1;
		uint8_t *frame = (uint8_t *)rawq_region_base(s->tx_region) + addr;

		memset(frame, 2, 14);
		memcpy(frame + 14, &number, 8);
		pkts[n] = (struct rawq_pkt){.addr = addr, .len = 60};
	}
	took = rawq_tx_burst(s->txq, pkts, n);
	for (unsigned i = 0; i < took; i++)
		s->wrong += s->with_tx[pkts[i].addr / FRAME]++ != 0;
	s->spare_count -= took;
	s->given += took;
}

/* Is all that was given accounted for?  What the receiver's errors cost is not told by frame. */
static bool settled(const struct stream *s, bool sending)
{
	struct rawq_queue_stats tx, rx;

	rawq_txq_status(s->txq, &tx);
	rawq_rxq_status(s->rxq, &rx);
	return s->returned == s->given &&
	       (!sending || s->arrived + tx.errors + rx.no_frame == s->given);
}

/* The stream, then one packet at a time until one of them has arrived. */
static bool run(struct stream *s, bool sending)
{
	uint64_t count = 3 * DEPTH_MAX + random_next(&s->random) % DEPTH_MAX;
	double end = now() + PATIENCE;
	bool arrived = false;

	while (s->given < count && now() < end) {
		give(s, count);
		reap(s);
		receive(s);
	}
	do {
		if (!arrived && s->returned == s->given)
			give(s, s->given + 1);
		reap(s);
		receive(s);
		arrived = s->last > count;
	} while (!(arrived && settled(s, sending)) && now() < end);
	return arrived && settled(s, sending);
}

static void one_seed(struct stream *s, uint64_t seed, bool sending, struct totals *t)
{
	struct rawq_queue_stats tx, rx;
	uint64_t more = (FRAMES - 1) * FRAME;
	bool fine;

	if (!stream_open(s, seed))
		return;
	fine = run(s, sending) && !s->wrong;
	/* All that was posted and did not arrive is still there, so there is no room. */
	fine &= rawq_rx_post(s->rxq, &more, 1) == 0;
	fine &= rawq_txq_status(s->txq, &tx) == 0;
	fine &= rawq_rxq_status(s->rxq, &rx) == 0;
	if (!fine && t->bad++ < 5)
		printf("# seed %" PRIu64 ": %" PRIu64 " given, %" PRIu64
		       " returned, %" PRIu64 " arrived, %" PRIu64
		       " wrong; errors %" PRIu64 " and %" PRIu64 ", no frame %" PRIu64
		       "\n",
		       seed, s->given, s->returned, s->arrived, s->wrong, tx.errors,
		       rx.errors, rx.no_frame);
	t->given += s->given;
	t->arrived += s->arrived;
	t->tx_errors += tx.errors;
	t->rx_errors += rx.errors;
	t->tx_text = tx.last_error ? tx.last_error : t->tx_text;
	t->rx_text = rx.last_error ? rx.last_error : t->rx_text;
	stream_close(s);
}

int main(int argc, char **argv)
{
	static struct stream s;
	struct totals t = {.tx_text = "none", .rx_text = "none"};
	uint64_t seeds, first;
	bool sending;

	if (argc != 6)
		return 2;
	seeds = strtoull(argv[4], NULL, 0);
	sending = !strcmp(argv[5], "sq");
	if (!world_open(&s, argv[1], argv + 2)) {
		ok(0, "a world: %s", err.text);
		return done();
	}
	first = (uint64_t)time(NULL) << 20;
	printf("# seeds from %" PRIu64 "\n", first);
	for (uint64_t i = 0; i < seeds; i++)
		one_seed(&s, first + i, sending, &t);
	world_close(&s);
	printf("# %" PRIu64 " given, %" PRIu64 " arrived, errors: %" PRIu64
	       " sending, %" PRIu64 " receiving\n",
	       t.given, t.arrived, t.tx_errors, t.rx_errors);
	is_u(t.bad, 0,
	     "%" PRIu64
	     " streams go on, with all frames returned once, in order, counted",
	     seeds);
	if (sending) {
		ok(t.tx_errors > seeds / 4, "descriptors failed");
		ok(strstr(t.tx_text, "protection") != NULL, "in words: %s", t.tx_text);
	} else {
		ok(t.rx_errors > seeds / 4, "descriptors failed");
		ok(t.arrived > t.given / 10, "packets go on arriving");
		ok(strstr(t.rx_text, "protection") != NULL, "in words: %s", t.rx_text);
	}
	return done();
}
