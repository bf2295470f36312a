/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving on AF_XDP keeps the contract of rawq.h: post, burst, and who owns a frame when. */
#include "veth.h"

#include <errno.h>

#define DEPTH  8
#define FRAMES 64

static struct rawq_error err;
static struct rawq_port *port;
static struct rawq_region *region;
static struct rawq_rxq *q;
static struct rawq_rule *rule;
static int far; /* the packet socket on v1 */

static void begin(void)
{
	struct rawq_region_opts ro = {.size = sizeof(ro), .frames = FRAMES};
	struct rawq_queue_opts qo = {.size = sizeof(qo), .depth = DEPTH};
	struct rawq_rule_opts rule_opts;

	must(rawq_port_open("v0", NULL, &port, &err));
	must(rawq_region_create(&ro, &region, &err));
	must(rawq_rxq_create(port, region, &qo, &q, &err));
	rule_opts = take_all(&q, 1);
	must(rawq_rule_add(port, &rule_opts, &rule, &err));
}

static void end(void)
{
	rawq_rule_remove(rule);
	rawq_rxq_destroy(q);
	rawq_region_destroy(region);
	rawq_port_close(port);
}

static void send_numbers(uint32_t first, unsigned n, size_t len)
{
	uint8_t frame[1514];

	for (unsigned i = 0; i < n; i++) {
		numbered_frame(frame, len, first + i);
		send_frame(far, frame, len);
	}
}

static unsigned post_numbers(unsigned first, unsigned n)
{
	uint64_t addrs[FRAMES];

	for (unsigned i = 0; i < n; i++)
		addrs[i] = (first + i) * 2048ull;
	return rawq_rx_post(q, addrs, n);
}

static void posting(void)
{
	struct rawq_pkt pkts[FRAMES];
	uint64_t outside = 2048ull * FRAMES, addrs[3] = {0, 2048ull * FRAMES, 2048};

	begin();
	is_u(rawq_rx_post(q, &outside, 1), 0,
	     "an address behind the region is not taken");
	is_u(rawq_rx_post(q, addrs, 3), 1, "posting stops in front of such an address");
	is_u(post_numbers(1, FRAMES - 1), DEPTH - 1,
	     "a full ring can be posted, and no more");
	is_u(post_numbers(1, 1), 0, "a full ring takes nothing");
	is_u(rawq_rx_burst(q, pkts, FRAMES), 0, "nothing sent, nothing received");
	end();
}

/* Every frame that comes back was posted and not yet returned; bytes and order are the sender's. */
static void laps(void)
{
	struct rawq_pkt pkts[DEPTH];
	uint32_t next = 0, bad_owner = 0, bad_bytes = 0, bad_len = 0, rounds = 1000;
	uint8_t posted[FRAMES] = {0}, *base;
	struct rawq_queue_stats stats;

	begin();
	base = rawq_region_base(region);
	for (uint32_t r = 0; r < rounds; r++) {
		unsigned burst = 1 + r % DEPTH, slot = r * 7 % (FRAMES - DEPTH), got = 0;
		size_t len = 60 + r % 1455;

		memset(posted + slot, 1, burst);
		if (post_numbers(slot, burst) != burst)
			break;
		send_numbers(next, burst, len);
		while (got < burst) {
			unsigned n = burst_wait(q, pkts, burst - got);

			if (!n)
				goto lost;
			for (unsigned i = 0; i < n; i++) {
				bad_owner += posted[pkts[i].addr / 2048] != 1;
				posted[pkts[i].addr / 2048] = 0;
				bad_len += pkts[i].len != len;
				bad_bytes += !frame_is(base + pkts[i].addr, len, next++);
			}
			got += n;
		}
	}
lost:
	is_u(next, rounds / DEPTH * 36, "%u laps of the ring: every frame came", rounds);
	is_u(bad_owner, 0, "each in a frame that was posted, returned once");
	is_u(bad_len, 0, "each with its length");
	is_u(bad_bytes, 0, "each with its bytes, in the order of sending");
	is_u(rawq_rxq_status(q, &stats), 0, "the queue is well");
	is_u(stats.packets, next, "stats count the packets");
	is_u(stats.no_frame + stats.full + stats.errors, 0, "and no loss");
	end();
}

static void losses(void)
{
	struct rawq_pkt pkts[FRAMES];
	struct rawq_queue_stats stats;
	unsigned got = 0, n;

	begin();
	send_numbers(0, 5, 60);
	usleep(20000);
	rawq_rxq_status(q, &stats);
	is_u(stats.no_frame, 5, "without frames posted the loss is counted as no_frame");
	is_u(stats.errors + stats.full, 0, "and as nothing else");
	post_numbers(0, DEPTH);
	send_numbers(100, 20, 60);
	usleep(20000);
	while ((n = rawq_rx_burst(q, pkts, 3)) != 0) {
		for (unsigned i = 0; i < n; i++)
			got += frame_is((uint8_t *)rawq_region_base(region) +
			                        pkts[i].addr,
			                60, 100 + got);
	}
	rawq_rxq_status(q, &stats);
	is_u(got, DEPTH, "the first %u of 20 fit into the ring", DEPTH);
	is_u(stats.packets + stats.full + stats.no_frame, 25,
	     "received and lost are all sent");
	end();
}

/* The kernel has everything before the rule, and after it. */
static void kernel_keeps(void)
{
	uint8_t frame[2048];
	int near = witness("v0");

	send_numbers(1, 1, 60);
	is_u(witness_next(near, frame, sizeof(frame), WAIT_MS), 60,
	     "no rule: the kernel has it");
	begin();
	post_numbers(0, DEPTH);
	send_numbers(2, 1, 60);
	is_u(witness_next(near, frame, sizeof(frame), 50), 0,
	     "rule: the kernel has it not");
	end();
	send_numbers(3, 1, 60);
	is_u(witness_next(near, frame, sizeof(frame), WAIT_MS), 60,
	     "rule gone: the kernel has it");
	ok(frame_is(frame, 60, 3), "and it is that one");
	close(near);
}

/* An armed queue sleeps until a packet is there, and wakes then. */
static void sleeping(void)
{
	struct rawq_pkt pkt;
	struct pollfd p = {.events = POLLIN};

	begin();
	post_numbers(0, DEPTH);
	p.fd = rawq_rxq_arm(q);
	ok(p.fd >= 0, "a queue has a descriptor to sleep on");
	is_u(poll(&p, 1, 30), 0, "nothing came: poll sleeps");
	send_numbers(1, 1, 60);
	is_u(poll(&p, 1, WAIT_MS), 1, "a packet came: poll wakes");
	is_u(rawq_rx_burst(q, &pkt, 1), 1, "and the packet is there");
	rawq_rxq_arm(q);
	is_u(poll(&p, 1, 30), 0, "taken: poll sleeps again");
	end();
}

static void netdev_goes(void)
{
	struct rawq_error said = {""};
	struct rawq_port *none = NULL;
	struct rawq_pkt pkt;

	begin();
	post_numbers(0, DEPTH);
	shell("ip link set v0 down");
	is_u(rawq_port_open("v0", NULL, &none, &said) == -100, 1, "down: -ENETDOWN (%s)",
	     said.text);
	ok(!none, "and no port");
	is_u(rawq_rx_burst(q, &pkt, 1), 0, "down: nothing comes");
	rawq_rxq_arm(q);
	is_u(-rawq_rxq_status(q, NULL), ENETDOWN,
	     "down: who goes to sleep on it is told");
	shell("ip link set v0 up");
	send_numbers(9, 1, 60);
	end();
	begin();
	shell("ip link del v0");
	is_u(rawq_rx_burst(q, &pkt, 1), 0, "gone: nothing comes");
	rawq_rxq_arm(q);
	is_u(-rawq_rxq_status(q, NULL), ENETDOWN, "gone: the same");
	end();
	ok(1, "gone: everything can be taken down");
}

int main(void)
{
	veth_pair(1, 1500);
	far = witness("v1");
	posting();
	laps();
	losses();
	kernel_keeps();
	sleeping();
	netdev_goes();
	return done();
}
