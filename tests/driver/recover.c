/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream over a cable while descriptors fail at random places (the card is told to, see
 * recover.sh): it goes on, every frame comes back to its owner once, what was not sent is
 * counted, and what arrives arrives once and in order.
 *
 *   driver_recover BACKEND FROM TO PACKETS sq|rq
 */
#include "packets.h"

#include "rawq.h"
#include "tests/tap.h"

#include <string.h>
#include <time.h>

#define FRAME  2048u
#define DEPTH  256u
#define FRAMES 1024u

static struct rawq_error err;

struct stream {
	struct rawq_port *from, *to;
	struct rawq_region *tx_region, *rx_region;
	struct rawq_txq *txq;
	struct rawq_rxq *rxq;
	struct rawq_rule *rule;
	uint64_t given, returned, arrived, last, disorder, twice;
	uint64_t spare[FRAMES]; /* send frames that are ours */
	unsigned spare_count;
	uint8_t with_tx[FRAMES], with_rx[FRAMES]; /* the queue has it */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void post(struct stream *s, uint64_t addr)
{
	s->twice += s->with_rx[addr / FRAME]++;
	if (rawq_rx_post(s->rxq, &addr, 1) != 1)
		s->twice++;
}

static bool stream_open(struct stream *s, const char *backend, char **ports)
{
	struct rawq_port_opts po = {.size = sizeof(po),
	                            .backend = strcmp(backend, "mlx5") ? RAWQ_VERBS
	                                                               : RAWQ_MLX5};
	struct rawq_region_opts ro = {.size = sizeof(ro), .frames = FRAMES};
	struct rawq_queue_opts qo = {.size = sizeof(qo), .depth = DEPTH};
	struct rawq_rule_opts rule = {.size = sizeof(rule),
	                              .queues = &s->rxq,
	                              .queue_count = 1,
	                              .take_everything = 1};

	if (rawq_port_open(ports[0], &po, &s->from, &err) ||
	    rawq_port_open(ports[1], &po, &s->to, &err) ||
	    rawq_region_create(&ro, &s->tx_region, &err) ||
	    rawq_region_create(&ro, &s->rx_region, &err) ||
	    rawq_txq_create(s->from, s->tx_region, &qo, &s->txq, &err) ||
	    rawq_rxq_create(s->to, s->rx_region, &qo, &s->rxq, &err) ||
	    rawq_rule_add(s->to, &rule, &s->rule, &err))
		return ok(0, "a stream: %s", err.text);
	for (unsigned i = 0; i < FRAMES; i++)
		s->spare[s->spare_count++] = i * FRAME;
	for (unsigned i = 0; i < DEPTH; i++)
		post(s, i * FRAME);
	return true;
}

static void stream_close(struct stream *s)
{
	rawq_rule_remove(s->rule);
	rawq_rxq_destroy(s->rxq);
	rawq_txq_destroy(s->txq);
	rawq_region_destroy(s->tx_region);
	rawq_region_destroy(s->rx_region);
	rawq_port_close(s->from);
	rawq_port_close(s->to);
}

static void receive(struct stream *s)
{
	struct rawq_pkt got[64];
	unsigned n = rawq_rx_burst(s->rxq, got, 64);

	for (unsigned i = 0; i < n; i++) {
		uint64_t number;

		memcpy(&number,
		       (uint8_t *)rawq_region_base(s->rx_region) + got[i].addr + 14, 8);
		s->disorder += number <= s->last || number > s->given;
		s->last = number;
		s->twice += s->with_rx[got[i].addr / FRAME]-- != 1;
		post(s, got[i].addr);
	}
	s->arrived += n;
}

static void reap(struct stream *s)
{
	uint64_t addrs[64];
	unsigned n = rawq_tx_reap(s->txq, addrs, 64);

	for (unsigned i = 0; i < n; i++) {
		s->twice += s->with_tx[addrs[i] / FRAME]-- != 1;
		s->spare[s->spare_count++] = addrs[i];
	}
	s->returned += n;
}

static void give(struct stream *s, uint64_t *state, uint64_t until)
{
	struct rawq_pkt pkts[64];
	unsigned want = 1 + (unsigned)(random_next(state) % 64), n = 0, took;

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
		s->twice += s->with_tx[pkts[i].addr / FRAME]++ != 0;
	s->spare_count -= took;
	s->given += took;
}

int main(int argc, char **argv)
{
	static struct stream s;
	struct rawq_queue_stats tx, rx;
	uint64_t state = 7, count, before;
	double end = now() + 40, quiet;
	bool sending;

	if (argc != 6)
		return 2;
	count = strtoull(argv[4], NULL, 0);
	sending = !strcmp(argv[5], "sq");
	if (!stream_open(&s, argv[1], argv + 2))
		return done();
	while (s.given < count && now() < end) {
		give(&s, &state, count);
		reap(&s);
		receive(&s);
	}
	for (quiet = now() + 0.5; now() < quiet && now() < end;) {
		before = s.returned + s.arrived;
		reap(&s);
		receive(&s);
		if (s.returned + s.arrived != before)
			quiet = now() + 0.5;
	}
	is_u(s.given, count, "the stream goes on to its end");
	is_u(s.returned, s.given, "every frame came back");
	is_u(s.twice, 0, "to its owner, once");
	is_u(s.disorder, 0, "what arrives is in order");
	/* All that was posted and did not arrive is still there, so there is no room. */
	is_u(rawq_rx_post(s.rxq, &(uint64_t){(FRAMES - 1) * FRAME}, 1), 0,
	     "the receive queue has all its frames");
	is_u(rawq_txq_status(s.txq, &tx), 0, "the send queue is well");
	is_u(rawq_rxq_status(s.rxq, &rx), 0, "the receive queue is well");
	printf("# %" PRIu64 " given, %" PRIu64 " arrived, errors: %" PRIu64
	       " sending, %" PRIu64 " receiving\n",
	       s.given, s.arrived, tx.errors, rx.errors);
	if (sending) {
		ok(tx.errors > 0, "descriptors failed");
		is_u(s.arrived + tx.errors + rx.no_frame, s.given,
		     "what did not arrive is counted");
		ok(tx.last_error && strstr(tx.last_error, "protection"), "in words: %s",
		   tx.last_error ? tx.last_error : "none");
	} else {
		ok(rx.errors > 0, "descriptors failed");
		ok(s.arrived > count / 10, "packets go on arriving");
		ok(rx.last_error && strstr(rx.last_error, "protection"), "in words: %s",
		   rx.last_error ? rx.last_error : "none");
	}
	stream_close(&s);
	return done();
}
