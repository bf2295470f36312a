/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules are replaced a thousand times while numbered frames come in as fast as they are taken: what
 * old and new want comes once each, and none of it goes elsewhere.
 *
 *   steer_replace xdp TIMES                on a veth
 *   steer_replace mlx5|verbs TIMES FROM TO over a cable of the emulated card
 */
#include "veth.h"

#include <pthread.h>
#include <stdbool.h>

/* Frames that are on their way at most: less than any ring has room for. */
#define WINDOW 128u
#define FRAME  64u
/* Frames before the first change, for the rule's counter. */
#define COUNTED 50u

static struct rawq_error err;
static enum rawq_backend backend;
static struct rawq_port *port, *from;
static struct rawq_region *region, *tx_region;
static struct rawq_rxq *rxq;
static struct rawq_txq *txq;
static int far = -1, near = -1;
static uint32_t received; /* written by the receiver, read by the sender */
static int stop;

static void transmit(uint32_t number)
{
	struct rawq_pkt pkt = {.addr = (uint64_t)(number % 256) * 2048, .len = FRAME};
	uint8_t frame[FRAME];
	uint64_t done[64];

	numbered_frame(frame, FRAME, number);
	if (far >= 0) {
		send_frame(far, frame, FRAME);
		return;
	}
	memcpy((uint8_t *)rawq_region_base(tx_region) + pkt.addr, frame, FRAME);
	while (!rawq_tx_burst(txq, &pkt, 1) && !rawq_txq_status(txq, NULL))
		rawq_tx_reap(txq, done, 64);
	rawq_tx_reap(txq, done, 64);
}

/* Its result is how many were sent. */
static void *sender(void *arg)
{
	uint32_t n = COUNTED;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		if (n - __atomic_load_n(&received, __ATOMIC_ACQUIRE) < WINDOW)
			transmit(n++);
	}
	return (void *)(uintptr_t)n;
}

/* Take what is there; frames must come in order, each once. */
static bool receive(uint32_t *next)
{
	struct rawq_pkt pkts[64];
	unsigned n = rawq_rx_burst(rxq, pkts, 64);
	bool good = true;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *at = (uint8_t *)rawq_region_base(region) + pkts[i].addr;

		good = good && pkts[i].len == FRAME && frame_is(at, FRAME, *next);
		++*next;
		rawq_rx_post(rxq, &pkts[i].addr, 1);
	}
	__atomic_store_n(&received, *next, __ATOMIC_RELEASE);
	return good;
}

/* The frames' own rule in several words: same match, other match, other priority. */
static struct rawq_rule_opts rule_of(unsigned i)
{
	struct rawq_rule_opts o = {.size = sizeof(o),
	                           .queues = &rxq,
	                           .queue_count = 1,
	                           .priority = i % 3 == 2 ? 1 : 2};

	o.value.ethertype = htons(0x88b5);
	o.mask.ethertype = 0xffff;
	if (i % 3 == 1) {
		memcpy(o.value.src_mac, "\x02\0\0\0\0\x01", 6);
		memset(o.mask.src_mac, 255, 6);
	}
	if (backend != RAWQ_VERBS)
		o.mark = 1 + i;
	return o;
}

/* Every second change keeps the match, so that old and new differ in the mark alone. */
static bool replace(struct rawq_rule **rule, unsigned i)
{
	struct rawq_rule_opts o = rule_of(i / 2);

	if (backend != RAWQ_VERBS)
		o.mark = 1 + i;
	return !rawq_rule_replace(*rule, &o, rule, &err);
}

/* A rule's own count of what it took. */
static void count(const struct rawq_rule *rule, uint32_t *next)
{
	struct rawq_rule_stats stats = {0};
	bool good = true;

	for (uint32_t i = 0; i < COUNTED; i++)
		transmit(i);
	for (int ms = 0; *next < COUNTED && ms < WAIT_MS; ms++) {
		good = receive(next) && good;
		if (*next < COUNTED)
			usleep(1000);
	}
	ok(good, "the rule takes what it should");
	ok(!rawq_rule_stats(rule, &stats), "and counts");
	is_u(stats.packets, COUNTED, "its packets");
	is_u(stats.bytes, COUNTED * FRAME, "and their bytes");
}

static void run(unsigned times)
{
	struct rawq_rule_opts o = rule_of(0);
	unsigned done_changes = 0, kernel = 0;
	uint32_t next = 0, last = 0;
	bool good = true;
	struct rawq_rule *rule;
	uint8_t frame[2048];
	pthread_t thread;
	void *sent;

	o.count = 1;
	must(rawq_rule_add(port, &o, &rule, &err));
	count(rule, &next);
	if (pthread_create(&thread, NULL, sender, NULL))
		exit(1);
	for (unsigned i = 1; i <= times; i++) {
		done_changes += replace(&rule, i);
		/* Some frames between one change and the next. */
		last = next + i % 7;
		for (int idle = 0; next < last && idle < 1000000; idle++)
			good = receive(&next) && good;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, &sent);
	for (int ms = 0; next < (uintptr_t)sent && ms < WAIT_MS; ms++) {
		good = receive(&next) && good;
		if (next < (uintptr_t)sent)
			usleep(1000);
	}
	while (near >= 0 && witness_next(near, frame, sizeof(frame), 0))
		kernel++;
	printf("# %u frames\n", next);
	is_u(done_changes, times, "rules are replaced: %s", err.text);
	is_u(next, (uintptr_t)sent, "every frame came, and none twice");
	ok(good, "in the order in which they were sent");
	is_u(kernel, 0, "and none went to the kernel");
	rawq_rule_remove(rule);
}

static void open_ends(const char *near_name, const char *from_name)
{
	struct rawq_port_opts po = {.size = sizeof(po), .backend = backend};
	struct rawq_queue_opts qo = {.size = sizeof(qo), .depth = 512};

	must(rawq_port_open(near_name, &po, &port, &err));
	must(rawq_region_create(NULL, &region, &err));
	if (from_name) {
		must(rawq_port_open(from_name, &po, &from, &err));
		must(rawq_region_create(NULL, &tx_region, &err));
		must(rawq_txq_create(from, tx_region, &qo, &txq, &err));
	}
	qo.offloads = backend == RAWQ_VERBS ? 0 : RAWQ_RX_MARK;
	must(rawq_rxq_create(port, region, &qo, &rxq, &err));
	for (uint64_t i = 0; i < 512; i++)
		rawq_rx_post(rxq, &(uint64_t){i * 2048}, 1);
}

int main(int argc, char **argv)
{
	unsigned times = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;

	backend = argc > 1 && !strcmp(argv[1], "mlx5")    ? RAWQ_MLX5
	          : argc > 1 && !strcmp(argv[1], "verbs") ? RAWQ_VERBS
	                                                  : RAWQ_XDP;
	if (backend == RAWQ_XDP) {
		veth_pair(1, 1500);
		far = witness("v1");
		near = witness("v0");
		open_ends("v0", NULL);
	} else {
		open_ends(argv[4], argv[3]);
	}
	run(times);
	rawq_rxq_destroy(rxq);
	rawq_txq_destroy(txq);
	rawq_port_close(port);
	rawq_port_close(from);
	rawq_region_destroy(region);
	rawq_region_destroy(tx_region);
	return done();
}
