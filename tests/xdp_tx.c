/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending on AF_XDP keeps the contract of rawq.h: burst, reap in order, nothing sent that is not
 * a packet. */
#include "veth.h"

#define DEPTH  8
#define FRAMES 64

static struct rawq_error err;
static struct rawq_port *port;
static struct rawq_region *region;
static struct rawq_txq *q;
static int far; /* the packet socket on v1 */

static void begin(uint32_t offloads)
{
	struct rawq_region_opts ro = {.size = sizeof(ro), .frames = FRAMES};
	struct rawq_queue_opts qo = {
		.size = sizeof(qo), .depth = DEPTH, .offloads = offloads};

	must(rawq_port_open("v0", NULL, &port, &err));
	must(rawq_region_create(&ro, &region, &err));
	must(rawq_txq_create(port, region, &qo, &q, &err));
}

static void end(void)
{
	rawq_txq_destroy(q);
	rawq_region_destroy(region);
	rawq_port_close(port);
}

static struct rawq_pkt numbered(unsigned slot, size_t len, uint32_t number)
{
	uint64_t addr = slot * 2048ull;

	numbered_frame((uint8_t *)rawq_region_base(region) + addr, len, number);
	return (struct rawq_pkt){.addr = addr, .len = (uint32_t)len};
}

/* Reap n addresses, or as many as come in WAIT_MS. */
static unsigned reap_wait(uint64_t *addrs, unsigned n)
{
	unsigned got = rawq_tx_reap(q, addrs, n);

	for (int ms = 0; got < n && ms < WAIT_MS; ms++) {
		usleep(1000);
		got += rawq_tx_reap(q, addrs + got, n - got);
	}
	return got;
}

static unsigned arrived(uint32_t first, unsigned n, size_t len)
{
	uint8_t frame[16384];
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++) {
		if (witness_next(far, frame, sizeof(frame), WAIT_MS) != len)
			break;
		good += frame_is(frame, len, first + i);
	}
	return good;
}

static void laps(void)
{
	struct rawq_pkt pkts[DEPTH];
	uint64_t addrs[DEPTH];
	uint32_t next = 0, sent = 0, good = 0, disorder = 0, rounds = 1000;
	struct rawq_queue_stats stats;

	begin(0);
	for (uint32_t r = 0; r < rounds; r++) {
		unsigned n = 1 + r % DEPTH, slot = r * 7 % (FRAMES - DEPTH);
		size_t len = 60 + r % 1455;

		for (unsigned i = 0; i < n; i++)
			pkts[i] = numbered(slot + i, len, next + i);
		sent += rawq_tx_burst(q, pkts, n);
		if (reap_wait(addrs, n) != n)
			break;
		for (unsigned i = 0; i < n; i++)
			disorder += addrs[i] != pkts[i].addr;
		good += arrived(next, n, len);
		next += n;
	}
	is_u(sent, rounds / DEPTH * 36, "%u laps of the ring: every packet was taken",
	     rounds);
	is_u(good, sent, "each arrived, byte for byte and in order");
	is_u(disorder, 0, "addresses came back in the order they were given");
	is_u(rawq_txq_status(q, &stats), 0, "the queue is well");
	is_u(stats.packets, sent, "stats count the packets");
	is_u(rawq_tx_reap(q, addrs, DEPTH), 0, "nothing is left to reap");
	end();
}

static void full(void)
{
	struct rawq_pkt pkts[2 * DEPTH];
	uint64_t addrs[2 * DEPTH];
	unsigned sent;

	begin(0);
	for (unsigned i = 0; i < 2 * DEPTH; i++)
		pkts[i] = numbered(i, 60, i);
	sent = rawq_tx_burst(q, pkts, 2 * DEPTH);
	is_u(sent, DEPTH, "a burst of two rings sends one ring");
	is_u(reap_wait(addrs, sent), sent, "all of it is reaped");
	is_u(arrived(0, sent, 60), sent, "and arrived");
	is_u(rawq_tx_burst(q, pkts + sent, DEPTH), DEPTH, "then the rest goes");
	is_u(arrived(sent, DEPTH, 60), DEPTH, "and arrives");
	end();
}

/* In front of what is no packet the burst stops; what came before is sent, and no frame is lost. */
static void refused(void)
{
	static const struct {
		const char *what;
		uint64_t addr;
		uint32_t len;
	} bad[] = {
		{"an empty packet", 2048, 0},
		{"a packet beyond its frame", 2048 + 2000, 100},
		{"a packet that begins behind the region", 2048ull * FRAMES, 60},
		{"a packet at an address that wraps", UINT64_MAX - 10, 60},
		{"a length that wraps", 2048, UINT32_MAX},
	};
	struct rawq_pkt pkts[3];
	uint64_t addrs[3];

	begin(0);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		pkts[0] = numbered(0, 60, 2 * i);
		pkts[1] = (struct rawq_pkt){.addr = bad[i].addr, .len = bad[i].len};
		pkts[2] = numbered(2, 60, 2 * i + 1);
		is_u(rawq_tx_burst(q, pkts, 3), 1, "%s: the burst stops there",
		     bad[i].what);
		is_u(rawq_tx_burst(q, pkts + 1, 2), 0, "and does not begin with it");
		is_u(rawq_tx_burst(q, pkts + 2, 1), 1, "but goes on behind it");
		is_u(reap_wait(addrs, 2), 2, "both others are reaped");
		is_u(arrived(2 * i, 2, 60), 2, "and arrived");
	}
	end();
}

/* Pieces of one packet, jumbo frames among them. */
static void segments(void)
{
	uint8_t whole[9000], *base;
	struct rawq_pkt pkts[6];
	uint64_t addrs[6];

	begin(RAWQ_TX_SEGMENTS);
	base = rawq_region_base(region);
	numbered_frame(whole, sizeof(whole), 77);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t addr = (10 + i) * 2048ull;

		pkts[i] = (struct rawq_pkt){
			.addr = addr, .len = 1800, .flags = i < 4 ? RAWQ_MORE : 0};
		memcpy(base + addr, whole + i * 1800, 1800);
	}
	pkts[5] = numbered(20, 60, 78);
	is_u(rawq_tx_burst(q, pkts, 6), 6,
	     "a jumbo frame in five pieces and a short one");
	is_u(reap_wait(addrs, 6), 6, "every piece is reaped");
	is_u(arrived(77, 1, sizeof(whole)), 1, "the jumbo frame arrived whole");
	is_u(arrived(78, 1, 60), 1, "and the short one behind it");
	is_u(rawq_tx_burst(q, pkts, 4), 0, "a packet without its end is not sent");
	for (unsigned i = 0; i < 4; i++)
		is_u(rawq_tx_burst(q, pkts, 6), 6, "nor does it stay in the ring"),
			is_u(reap_wait(addrs, 6), 6, "which goes round"),
			is_u(arrived(77, 1, sizeof(whole)) + arrived(78, 1, 60), 2,
		             "and arrives");
	end();
}

static void sleeping(void)
{
	struct rawq_pkt pkt;
	struct pollfd p = {.events = POLLOUT};
	uint64_t addr;

	begin(0);
	pkt = numbered(3, 60, 5);
	is_u(rawq_tx_burst(q, &pkt, 1), 1, "a packet goes");
	p.fd = rawq_txq_arm(q);
	ok(p.fd >= 0, "a send queue has a descriptor to sleep on");
	is_u(poll(&p, 1, WAIT_MS), 1, "there is room: poll wakes");
	is_u(reap_wait(&addr, 1), 1, "and the packet is reaped");
	arrived(5, 1, 60);
	end();
}

static void netdev_goes_down(void)
{
	struct rawq_pkt pkt;
	struct rawq_queue_stats stats;

	begin(0);
	pkt = numbered(0, 60, 1);
	shell("ip link set v0 down");
	rawq_tx_burst(q, &pkt, 1);
	is_u((unsigned)-rawq_txq_status(q, &stats), 100, "down: the status is -ENETDOWN");
	end();
	shell("ip link set v0 up");
}

int main(void)
{
	veth_pair(1, 9000);
	far = witness("v1");
	laps();
	full();
	refused();
	segments();
	sleeping();
	netdev_goes_down();
	return done();
}
