/* SPDX-License-Identifier: BSD-2-Clause */
/* One region serves several queues and ports: a frame received here is sent there as it lies. */
#include "veth.h"

#define DEPTH  64
#define FRAMES 512

static struct rawq_error err;
static struct rawq_port *near, *other;
static struct rawq_region *region;

struct lane {
	struct rawq_rxq *rx;
	struct rawq_txq *tx;
	uint32_t posted;
};

static void open_ports(void)
{
	struct rawq_region_opts ro = {.size = sizeof(ro), .frames = FRAMES};

	must(rawq_port_open("v0", NULL, &near, &err));
	must(rawq_port_open("w0", NULL, &other, &err));
	must(rawq_region_create(&ro, &region, &err));
}

static void close_ports(void)
{
	rawq_region_destroy(region);
	rawq_port_close(near);
	rawq_port_close(other);
}

static void lane_open(struct lane *l, uint32_t number, uint32_t offloads)
{
	struct rawq_queue_opts qo = {.size = sizeof(qo),
	                             .depth = DEPTH,
	                             .number = number,
	                             .offloads = offloads & RAWQ_RX_SEGMENTS};

	must(rawq_rxq_create(near, region, &qo, &l->rx, &err));
	must(rawq_txq_create(other, region, &qo, &l->tx, &err));
	for (uint64_t i = 0; i < DEPTH; i++) {
		uint64_t addr = ((number - 1) * DEPTH * 2 + i) * 2048;

		l->posted += rawq_rx_post(l->rx, &addr, 1);
	}
}

/* Send what came and post what was sent; how many packets went through. */
static unsigned lane_forward(struct lane *l)
{
	struct rawq_pkt pkts[32];
	uint64_t addrs[32];
	unsigned n = rawq_rx_burst(l->rx, pkts, 32), sent, packets = 0;

	sent = rawq_tx_burst(l->tx, pkts, n);
	for (unsigned i = 0; i < sent; i++)
		packets += !(pkts[i].flags & RAWQ_MORE);
	n = rawq_tx_reap(l->tx, addrs, 32);
	rawq_rx_post(l->rx, addrs, n);
	return packets;
}

/* Frames into v1, through our lanes from v0 to w0, out of w1. */
static void forward(struct lane *lanes, unsigned lane_count, size_t len)
{
	int in = witness("v1"), out = witness("w1");
	unsigned total = 2000, through = 0, good = 0;
	uint8_t frame[16384];

	for (uint32_t i = 0; i < total; i++) {
		numbered_frame(frame, len, i);
		send_frame(in, frame, len);
		for (int ms = 0; through == i && ms < WAIT_MS * 10; ms++) {
			for (unsigned l = 0; l < lane_count; l++)
				through += lane_forward(&lanes[l]);
			if (through == i)
				usleep(100);
		}
		if (witness_next(out, frame, sizeof(frame), WAIT_MS) != len)
			break;
		good += frame_is(frame, len, i);
	}
	is_u(good, total, "%zu bytes: every frame went through, byte for byte", len);
	close(in);
	close(out);
}

static void lane_close(struct lane *l, int tx_first)
{
	if (tx_first)
		rawq_txq_destroy(l->tx);
	rawq_rxq_destroy(l->rx);
	if (!tx_first)
		rawq_txq_destroy(l->tx);
}

static void two_ports(unsigned lane_count, size_t len, uint32_t offloads, int tx_first)
{
	struct lane lanes[2] = {0};
	struct rawq_rxq *rxqs[2];
	struct rawq_rule_opts ro;
	struct rawq_rule *rule;

	open_ports();
	for (unsigned i = 0; i < lane_count; i++) {
		lane_open(&lanes[i], i + 1, offloads);
		rxqs[i] = lanes[i].rx;
		is_u(lanes[i].posted, DEPTH, "lane %u has its own ring", i + 1);
	}
	ro = take_all(rxqs, lane_count);
	must(rawq_rule_add(near, &ro, &rule, &err));
	forward(lanes, lane_count, len);
	rawq_rule_remove(rule);
	for (unsigned i = 0; i < lane_count; i++)
		lane_close(&lanes[i], tx_first);
	close_ports();
}

/* rxq and txq of one queue, each order of birth; the txq works on when the rxq is gone. */
static void one_queue_both_ways(int rx_first)
{
	struct rawq_queue_opts qo = {.size = sizeof(qo), .depth = DEPTH, .number = 1};
	struct rawq_queue_opts second = {.size = sizeof(qo), .number = 2};
	struct rawq_rule_opts ro;
	struct rawq_rule *rule;
	struct rawq_rxq *rx[2];
	struct rawq_txq *tx;
	struct rawq_pkt pkt;
	uint64_t addrs[2] = {4096, 8192};
	uint8_t frame[2048];
	unsigned got = 0;
	int far = witness("v1");

	open_ports();
	if (rx_first)
		must(rawq_rxq_create(near, region, &qo, &rx[0], &err));
	must(rawq_txq_create(near, region, &qo, &tx, &err));
	if (!rx_first)
		must(rawq_rxq_create(near, region, &qo, &rx[0], &err));
	must(rawq_rxq_create(near, region, &second, &rx[1], &err));
	ro = take_all(rx, 2);
	must(rawq_rule_add(near, &ro, &rule, &err));
	rawq_rx_post(rx[0], &addrs[0], 1);
	rawq_rx_post(rx[1], &addrs[1], 1);
	numbered_frame(frame, 60, 1);
	send_frame(far, frame, 60);
	for (int ms = 0; !got && ms < WAIT_MS; ms++) {
		usleep(1000);
		got = rawq_rx_burst(rx[0], &pkt, 1) + rawq_rx_burst(rx[1], &pkt, 1);
	}
	is_u(got, 1, "%s first: it receives", rx_first ? "rxq" : "txq");
	rawq_rule_remove(rule);
	rawq_rxq_destroy(rx[0]);
	is_u(rawq_tx_burst(tx, &pkt, 1), 1, "the rxq gone, the txq sends");
	is_u(witness_next(far, frame, sizeof(frame), WAIT_MS), 60, "and it arrives");
	is_u(rawq_tx_reap(tx, addrs, 1), 1, "and is reaped");
	rawq_txq_destroy(tx);
	rawq_rxq_destroy(rx[1]);
	close_ports();
	close(far);
}

static void refused(void)
{
	struct rawq_queue_opts qo = {.size = sizeof(qo), .number = 1};
	struct rawq_region *second;
	struct rawq_txq *tx, *none = NULL;
	struct rawq_rxq *rx = NULL;

	open_ports();
	must(rawq_region_create(NULL, &second, &err));
	must(rawq_txq_create(near, region, &qo, &tx, &err));
	is_u((unsigned)-rawq_txq_create(near, region, &qo, &none, &err), 16,
	     "the same queue again: -EBUSY (%s)", err.text);
	is_u((unsigned)-rawq_rxq_create(near, second, &qo, &rx, &err), 16,
	     "its other direction on another region: -EBUSY (%s)", err.text);
	ok(!none && !rx, "out is untouched");
	rawq_txq_destroy(tx);
	rawq_region_destroy(second);
	close_ports();
}

int main(void)
{
	veth_pair(2, 9000);
	shell("ip link add w0 mtu 9000 numrxqueues 2 numtxqueues 2 type veth peer name "
	      "w1 "
	      "mtu 9000 numrxqueues 2 numtxqueues 2 && for i in w0 w1; do "
	      "echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; "
	      "ip link set $i arp off up; done");
	two_ports(2, 60, 0, 0);
	two_ports(2, 1514, 0, 1);
	two_ports(2, 9000, RAWQ_RX_SEGMENTS | RAWQ_TX_SEGMENTS, 0);
	one_queue_both_ways(1);
	one_queue_both_ways(0);
	refused();
	return done();
}
