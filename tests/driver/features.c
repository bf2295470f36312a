/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a backend offers beyond bytes, on the emulated card: rules, marks, hashes, tags, times,
 * sleeping, cutting TCP, read-only memory, and refusing what cannot be.
 *
 *   driver_features BACKEND FROM TO
 */
#include "rawq.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define FRAME 2048u

static struct rawq_error err;
static struct rawq_port *from, *to;
static struct rawq_region *tx_region, *rx_region;
static struct rawq_txq *txq;
static enum rawq_backend backend;
static struct rawq_port_info info;

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *tx_frame(unsigned n)
{
	return (uint8_t *)rawq_region_base(tx_region) + n * FRAME;
}

/* A UDP packet of 60 bytes for this port in frame n. */
static void make_udp(unsigned n, uint16_t port, uint8_t source)
{
	uint8_t *f = tx_frame(n);

	memset(f, 0, 60);
	memcpy(f,
	       "\x02\x11\x11\x11\x11\x11\x02\x22\x22\x22\x22\x22\x08\x00\x45\x00\x00\x2e",
	       18);
	f[22] = 64;
	f[23] = 17;
	memcpy(f + 26, "\x0a\x00\x00", 3);
	f[29] = source;
	memcpy(f + 30, "\x0a\x00\x00\x02", 4);
	f[36] = (uint8_t)(port >> 8);
	f[37] = (uint8_t)port;
	f[39] = 26;
}

/* Frames first to first + n - 1, and wait until they are ours again. */
static void send_frames(unsigned first, unsigned n, uint32_t len, uint16_t flags)
{
	double end = now(CLOCK_MONOTONIC) + 5;
	unsigned sent = 0, back = 0;
	uint64_t addrs[64];

	while (back < n && now(CLOCK_MONOTONIC) < end) {
		struct rawq_pkt p = {
			.addr = (first + sent) * FRAME, .len = len, .flags = flags};

		if (sent < n)
			sent += rawq_tx_burst(txq, &p, 1);
		back += rawq_tx_reap(txq, addrs, 64);
	}
}

static unsigned receive(struct rawq_rxq *q, struct rawq_pkt *p, unsigned n,
                        double seconds)
{
	double end = now(CLOCK_MONOTONIC) + seconds;
	unsigned got = 0;

	while (got < n && now(CLOCK_MONOTONIC) < end)
		got += rawq_rx_burst(q, p + got, n - got);
	return got;
}

static struct rawq_rxq *rxq(uint32_t offloads, unsigned first_frame)
{
	struct rawq_queue_opts o = {
		.size = sizeof(o), .depth = 128, .offloads = offloads & info.rx_offloads};
	struct rawq_rxq *q = NULL;
	uint64_t addrs[128];

	if (rawq_rxq_create(to, rx_region, &o, &q, &err)) {
		ok(0, "a receive queue: %s", err.text);
		exit(done());
	}
	for (unsigned i = 0; i < 128; i++)
		addrs[i] = (first_frame + i) * FRAME;
	rawq_rx_post(q, addrs, 128);
	return q;
}

static struct rawq_rule_opts udp_rule(struct rawq_rxq **q, unsigned n, uint16_t port)
{
	struct rawq_rule_opts r = {.size = sizeof(r), .queues = q, .queue_count = n};

	r.value.ethertype = htons(0x0800);
	r.mask.ethertype = 0xffff;
	r.value.ip_proto = 17;
	r.mask.ip_proto = 0xff;
	r.value.dst_port = htons(port);
	r.mask.dst_port = port ? 0xffff : 0;
	r.mask.dst_mac[0] = 0xff;
	r.value.dst_mac[0] = 2;
	return r;
}

static struct rawq_rule *add(const struct rawq_rule_opts *o)
{
	struct rawq_rule *r = NULL;
	int ret = rawq_rule_add(to, o, &r, &err);

	if (ret)
		ok(0, "a rule: %s", err.text);
	return r;
}

static void test_rules(void)
{
	struct rawq_rxq *a = rxq(RAWQ_RX_MARK, 0), *b = rxq(RAWQ_RX_MARK, 128);
	struct rawq_rule_opts to_a = udp_rule(&a, 1, 1000), to_b = udp_rule(&b, 1, 2000);
	struct rawq_rule_opts drop = udp_rule(NULL, 0, 1000), *first = &drop;
	struct rawq_rule *ra, *rb, *rd;
	struct rawq_pkt p[64];

	to_a.priority = 1;
	to_a.mark = to_b.mark = info.rx_offloads & RAWQ_RX_MARK ? 0x123456 : 0;
	ra = add(&to_a);
	rb = add(&to_b);
	for (unsigned i = 0; i < 10; i++)
		make_udp(i, i < 5 ? 1000 : i < 8 ? 2000 : 3000, 1);
	send_frames(0, 10, 60, 0);
	is_u(receive(a, p, 64, 0.2), 5, "the first rule's packets come to its queue");
	if (info.rx_offloads & RAWQ_RX_MARK)
		ok(p[4].flags & RAWQ_RX_MARK && p[4].mark == 0x123456, "with its mark");
	is_u(receive(b, p, 64, 0.2), 3, "the second's to its own, and nobody's to none");
	first->value.src_ip[0] = 10;
	first->mask.src_ip[0] = 0xff;
	rd = add(first);
	send_frames(0, 10, 60, 0);
	is_u(receive(a, p, 64, 0.2), 0, "a rule that drops is asked first");
	is_u(receive(b, p, 64, 0.2), 3, "and takes nothing else");
	rawq_rule_remove(rd);
	send_frames(0, 5, 60, 0);
	is_u(receive(a, p, 64, 0.2), 5, "once removed it drops no more");
	rawq_rule_remove(ra);
	rawq_rule_remove(rb);
	send_frames(0, 5, 60, 0);
	is_u(receive(a, p, 64, 0.2), 0, "without rules nothing comes");
	rawq_rxq_destroy(a);
	rawq_rxq_destroy(b);
}

/* One rule over three queues: spread by flow, and every flow stays where it is. */
static void test_spreading(void)
{
	struct rawq_rxq *q[3];
	struct rawq_rule_opts o;
	struct rawq_rule *r;
	struct rawq_pkt p[128];
	unsigned seen[256], total = 0, moved = 0, unhashed = 0, used = 0;

	memset(seen, 0xff, sizeof(seen));
	for (unsigned i = 0; i < 3; i++)
		q[i] = rxq(RAWQ_RX_HASH, i * 128);
	o = udp_rule(q, 3, 0);
	r = add(&o);
	for (unsigned i = 0; i < 96; i++)
		make_udp(i, 7, (uint8_t)(i / 2));
	send_frames(0, 96, 60, 0);
	for (unsigned i = 0; i < 3; i++) {
		unsigned n = receive(q[i], p, 128, 0.2);

		total += n;
		used += n > 0;
		for (unsigned k = 0; k < n; k++) {
			uint8_t flow =
				((uint8_t *)rawq_region_base(rx_region))[p[k].addr + 29];

			moved += seen[flow] != ~0u && seen[flow] != i;
			seen[flow] = i;
			unhashed += !(p[k].flags & RAWQ_RX_HASH) || !p[k].hash;
		}
	}
	is_u(total, 96, "48 flows of two packets arrive");
	ok(used > 1, "on %u of three queues", used);
	is_u(moved, 0, "each flow on one of them");
	if (info.rx_offloads & RAWQ_RX_HASH)
		is_u(unhashed, 0, "and with its hash");
	rawq_rule_remove(r);
	for (unsigned i = 0; i < 3; i++)
		rawq_rxq_destroy(q[i]);
}

static void test_tag_and_time(void)
{
	struct rawq_rxq *q = rxq(RAWQ_RX_VLAN | RAWQ_RX_TIME, 0);
	struct rawq_rule_opts o = udp_rule(&q, 1, 0);
	struct rawq_rule *r = add(&o);
	uint8_t *f = tx_frame(0);
	struct rawq_pkt p[4];
	double before, at;

	make_udp(0, 7, 1);
	memmove(f + 16, f + 12, 60);
	memcpy(f + 12, "\x81\x00\x61\x23", 4);
	before = now(CLOCK_REALTIME);
	send_frames(0, 1, 64, 0);
	is_u(receive(q, p, 4, 0.3), 1, "a tagged packet matches behind its tag");
	if (info.rx_offloads & RAWQ_RX_VLAN) {
		ok(p[0].flags & RAWQ_RX_VLAN && p[0].vlan == 0x6123,
		   "its tag is reported");
		is_u(p[0].len, 60, "and taken off");
	}
	if (info.rx_offloads & RAWQ_RX_TIME) {
		at = (double)p[0].time_ns * 1e-9;
		ok(p[0].flags & RAWQ_RX_TIME && at > before - 0.05 &&
		           at < now(CLOCK_REALTIME) + 0.05,
		   "its time is the time of day, %.6f s after it was sent", at - before);
	}
	rawq_rule_remove(r);
	rawq_rxq_destroy(q);
}

static void test_sleep(void)
{
	struct rawq_rxq *q = rxq(0, 0);
	struct rawq_rule_opts o = udp_rule(&q, 1, 0);
	struct rawq_rule *r = add(&o);
	struct pollfd pfd = {.events = POLLIN};
	struct rawq_pkt p[4];
	unsigned woken = 0, slept = 0, got = 0;

	make_udp(0, 7, 1);
	for (unsigned i = 0; i < 20; i++) {
		pfd.fd = rawq_rxq_arm(q);
		slept += poll(&pfd, 1, 1) == 0;
		send_frames(0, 1, 60, 0);
		woken += poll(&pfd, 1, 2000) == 1;
		got += receive(q, p, 4, 0.002);
		rawq_rx_post(q, &p[0].addr, 1);
	}
	is_u(slept, 20, "armed, it sleeps while nothing comes");
	is_u(woken, 20, "and is woken by a packet");
	is_u(got, 20, "which is there");
	send_frames(0, 1, 60, 0);
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	pfd.fd = rawq_rxq_arm(q);
	is_u(poll(&pfd, 1, 2000), 1,
	     "a packet that came before the arming wakes as well");
	rawq_rule_remove(r);
	rawq_rxq_destroy(q);
}

static uint32_t sum16(const uint8_t *p, uint32_t n, uint32_t s)
{
	for (uint32_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	if (n & 1)
		s += (uint32_t)p[n - 1] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void test_tso(void)
{
	struct rawq_queue_opts qo = {.size = sizeof(qo),
	                             .offloads = RAWQ_TX_TSO | RAWQ_TX_SEGMENTS};
	struct rawq_rule_opts ro = {
		.size = sizeof(ro), .queue_count = 1, .take_everything = 1};
	struct rawq_rxq *q = rxq(0, 0);
	struct rawq_txq *t;
	struct rawq_rule *r;
	struct rawq_pkt p[64], s[3];
	uint8_t *f = tx_frame(0);
	uint32_t payload = 0, bad = 0, n;

	if (rawq_txq_create(from, tx_region, &qo, &t, &err)) {
		ok(0, "a queue that cuts: %s", err.text);
		return;
	}
	ro.queues = &q;
	r = add(&ro);
	memset(f, 0, 54);
	memcpy(f, "\x02\x11\x11\x11\x11\x11\x02\x22\x22\x22\x22\x22\x08\x00\x45", 15);
	f[22] = 64;
	f[23] = 6;
	memcpy(f + 26, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	f[46] = 0x50;
	f[47] = 0x18; /* PSH ACK */
	for (unsigned i = 0; i < 9999; i++)
		f[54 + i] = (uint8_t)(i * 7);
	s[0] = (struct rawq_pkt){.addr = 0,
	                         .len = 100,
	                         .flags = RAWQ_TX_TSO | RAWQ_MORE,
	                         .mss = 1000,
	                         .header_len = 54};
	s[1] = (struct rawq_pkt){.addr = 100, .len = 4000, .flags = RAWQ_MORE};
	s[2] = (struct rawq_pkt){.addr = 4100, .len = 54 + 9999 - 4100};
	is_u(rawq_tx_burst(t, s, 3), 3, "9999 bytes to cut, in three descriptors");
	n = receive(q, p, 64, 0.5);
	is_u(n, 10, "are ten segments");
	for (unsigned i = 0; i < n; i++) {
		uint8_t *g = (uint8_t *)rawq_region_base(rx_region) + p[i].addr;
		uint32_t len = (uint32_t)g[16] << 8 | g[17], here = len - 40;

		bad += len + 14 != p[i].len;
		bad += sum16(g + 14, 20, 0) != 0xffff;
		bad += sum16(g + 34, len - 20, sum16(g + 26, 8, 6 + len - 20)) != 0xffff;
		bad += ((uint32_t)g[40] << 8 | g[41]) != payload;
		bad += !(g[47] & 8) != (i + 1 < n); /* PSH on the last */
		for (uint32_t k = 0; k < here; k++)
			bad += g[54 + k] != (uint8_t)((payload + k) * 7);
		payload += here;
	}
	is_u(payload, 9999, "with all of the payload");
	is_u(bad, 0, "in order, lengths, sequence numbers and checksums right");
	rawq_rule_remove(r);
	rawq_rxq_destroy(q);
	rawq_txq_destroy(t);
}

static void test_read_only(void)
{
	size_t size = 64 * FRAME;
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rawq_region_opts o = {
		.size = sizeof(o), .frames = 64, .memory = memory, .read_only = 1};
	struct rawq_rxq *q = rxq(0, 0);
	struct rawq_rule_opts ro = {
		.size = sizeof(ro), .queues = &q, .queue_count = 1, .take_everything = 1};
	struct rawq_rule *r = add(&ro);
	struct rawq_region *region;
	struct rawq_txq *t;
	struct rawq_pkt p = {.addr = 2000, .len = 100}, got[2];

	memset(memory, 0x42, size);
	mprotect(memory, size, PROT_READ);
	if (rawq_region_create(&o, &region, &err) ||
	    rawq_txq_create(from, region, NULL, &t, &err)) {
		ok(0, "a read-only region: %s", err.text);
		return;
	}
	is_u(rawq_tx_burst(t, &p, 1), 1,
	     "a frame of memory that is only readable, across frames");
	is_u(receive(q, got, 2, 0.3), 1, "arrives");
	ok(((uint8_t *)rawq_region_base(rx_region))[got[0].addr + 99] == 0x42,
	   "as it is there");
	rawq_txq_destroy(t);
	rawq_region_destroy(region);
	rawq_rule_remove(r);
	rawq_rxq_destroy(q);
	munmap(memory, size);
}

static void test_refusals(void)
{
	struct rawq_rxq *q = rxq(0, 0);
	struct rawq_rule_opts o = udp_rule(&q, 1, 7);
	struct rawq_rule *r;

	o.priority = 4;
	is_u(-rawq_rule_add(to, &o, &r, &err), ENOTSUP,
	     "a priority that the device lacks: %s", err.text);
	o.priority = 0;
	o.value.ip_proto = 132;
	is_u(-rawq_rule_add(to, &o, &r, &err), ENOTSUP, "ports of SCTP: %s", err.text);
	o = udp_rule(&q, 1, 7);
	o.mask.tagged = 0xff;
	is_u(-rawq_rule_add(to, &o, &r, &err), ENOTSUP, "untagged: %s", err.text);
	rawq_rxq_destroy(q);
}

int main(int argc, char **argv)
{
	struct rawq_port_opts po = {.size = sizeof(po)};
	struct rawq_region_opts ro = {.size = sizeof(ro), .frames = 1024};

	if (argc != 4)
		return 2;
	po.backend = backend = strcmp(argv[1], "mlx5") ? RAWQ_VERBS : RAWQ_MLX5;
	if (rawq_port_open(argv[2], &po, &from, &err) ||
	    rawq_port_open(argv[3], &po, &to, &err) ||
	    rawq_region_create(&ro, &tx_region, &err) ||
	    rawq_region_create(&ro, &rx_region, &err) ||
	    rawq_txq_create(from, tx_region, NULL, &txq, &err)) {
		ok(0, "a world: %s", err.text);
		return done();
	}
	rawq_port_info(from, &info);
	test_rules();
	test_spreading();
	test_tag_and_time();
	test_sleep();
	test_tso();
	test_read_only();
	test_refusals();
	rawq_txq_destroy(txq);
	rawq_region_destroy(tx_region);
	rawq_port_close(from);
	rawq_port_close(to);
	rawq_region_destroy(rx_region);
	return done();
}
