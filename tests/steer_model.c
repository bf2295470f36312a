/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random rule sets and random traffic: who gets each frame against a naive model, which is written
 * from the text of rawq.h alone and asks every rule, one after the other.
 *
 *   steer_model xdp SEEDS [FIRST]                  on a veth; a packet socket is the kernel's view
 *   steer_model mlx5|verbs SEEDS FIRST FROM TO     over a cable of the emulated card
 */
#include "naive_rules.h"
#include "veth.h"

#include <stdbool.h>
#include <time.h>

#define RULES_MAX 500u
#define FRAMES    100u
/* Frames that end a round: one for the queue, one for the kernel. */
#define END_TAKEN 0x88b6
#define END_KEPT  0x88b7

static struct rawq_error err;
static struct rawq_port *port, *from;
static struct rawq_region *region, *tx_region;
static struct rawq_rxq *rxq;
static struct rawq_txq *txq;
static int far = -1, near = -1;

static struct rawq_rule_opts rules[RULES_MAX];
static struct rawq_rule *added[RULES_MAX];
static struct naive_rules naive = {.rules = rules};
static struct frame frames[FRAMES];

/* ---- chance ---- */

static uint64_t state;

static unsigned chance(unsigned n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)((state >> 33) % n);
}

/* Few values, so that rules and frames meet. */
static const uint8_t macs[][6] = {
	{2, 0, 0, 0, 0, 2},
	{2, 0, 0, 0, 0, 3},
	{2, 0, 0, 0, 0x99, 1},
	{0x33, 0x33, 0, 0, 0, 1},
	{255, 255, 255, 255, 255, 255},
};

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void random_ip(uint8_t *ip, bool v6)
{
	memset(ip, 0, 16);
	ip[0] = v6 ? 0xfd : 10;
	ip[1] = (uint8_t)chance(2);
	ip[2] = (uint8_t)(chance(2) * 128);
	ip[v6 ? 15 : 3] = (uint8_t)(1 + chance(3));
}

static unsigned random_port(void)
{
	return chance(8) ? 1000 + chance(12) : 4789;
}

/* ---- random rules ---- */

static void prefix(uint8_t *value, uint8_t *mask, bool v6)
{
	static const unsigned lengths[] = {8, 9, 16, 17, 24, 32};
	unsigned len = lengths[chance(6)], whole = v6 ? 128 : 32;

	random_ip(value, v6);
	if (len == 32)
		len = whole;
	for (unsigned i = 0; i < len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	for (unsigned i = 0; i < 16; i++)
		value[i] &= mask[i];
}

static void random_ports(struct rawq_rule_opts *o)
{
	unsigned first = random_port();

	o->value.ip_proto = chance(2) ? 6 : 17;
	if (chance(2)) {
		o->mask.dst_port = 0xffff;
		o->value.dst_port = htons((uint16_t)first);
		if (!chance(3))
			o->dst_port_last = htons((uint16_t)(first + chance(9)));
	}
	if (!chance(3)) {
		o->mask.src_port = 0xffff;
		o->value.src_port = htons((uint16_t)random_port());
	}
}

static void random_tunnel(struct rawq_rule_opts *o)
{
	if (chance(2)) {
		o->value.ip_proto = 47;
		o->mask.tunnel_id = 0xffffffff;
	} else {
		o->value.ip_proto = 17;
		o->value.dst_port = htons(4789);
		o->mask.dst_port = 0xffff;
		o->mask.tunnel_id = htonl(0xffffff);
	}
	o->value.tunnel_id = htonl(1 + chance(3));
}

static void random_ip_rule(struct rawq_rule_opts *o, bool v6)
{
	if (chance(2))
		prefix(o->value.dst_ip, o->mask.dst_ip, v6);
	if (!chance(4))
		prefix(o->value.src_ip, o->mask.src_ip, v6);
	if (!chance(3))
		return;
	o->mask.ip_proto = 0xff;
	if (chance(6))
		random_ports(o);
	else
		random_tunnel(o);
}

/* Multicast rules have one priority on the card, the last. */
static struct rawq_rule_opts random_rule(void)
{
	struct rawq_rule_opts o = {.size = sizeof(o),
	                           .queues = &rxq,
	                           .queue_count = 1,
	                           .priority = chance(PRIORITIES),
	                           .take_everything = 1};
	bool v6 = !chance(3);
	unsigned mac = chance(5);

	if (!chance(4)) {
		memcpy(o.value.dst_mac, macs[mac], 6);
		memset(o.mask.dst_mac, 255, 6);
		if (mac >= 3)
			o.priority = PRIORITIES - 1;
	}
	if (!chance(8)) {
		memcpy(o.value.src_mac, macs[chance(3)], 6);
		memset(o.mask.src_mac, 255, 6);
	}
	if (!chance(8)) {
		o.mask.vlan = htons(0xfff);
		o.value.vlan = htons((uint16_t)(5 + chance(2)));
	}
	o.mask.ethertype = 0xffff;
	o.value.ethertype = htons(v6 ? 0x86dd : 0x0800);
	if (!chance(8))
		o.value.ethertype = htons(chance(2) ? 0x0806 : 0x88b5);
	else
		random_ip_rule(&o, v6);
	if (!chance(5)) {
		o.queues = NULL;
		o.queue_count = 0;
	}
	return o;
}

/* ---- random frames ---- */

static unsigned lay_l4(uint8_t *p, unsigned proto)
{
	put16(p, random_port());
	put16(p + 2, random_port());
	if (proto == 47) {
		put16(p, chance(2) ? 0x2000 : 0);
		put16(p + 2, 0x6558);
		p[7] = (uint8_t)(1 + chance(3)); /* the key */
		return 12;
	}
	if (proto == 17 && p[2] == 4789 >> 8 && p[3] == (4789 & 255)) {
		p[8] = 8;
		p[14] = (uint8_t)(1 + chance(3)); /* the VNI */
	}
	if (proto == 6)
		p[12] = 0x50;
	return 24;
}

static unsigned lay_ip(uint8_t *p, bool v6)
{
	static const uint8_t protos[] = {6, 17, 17, 17, 47, 1};
	unsigned proto = protos[chance(6)], head = v6 ? 40 : 20, len;

	p[0] = v6 ? 0x60 : 0x45;
	random_ip(p + (v6 ? 8 : 12), v6);
	if (!v6)
		memset(p + 16, 0, 12);
	random_ip(v6 ? p + 24 : p + 16, v6);
	if (!v6)
		memset(p + 20, 0, 12);
	p[v6 ? 6 : 9] = (uint8_t)proto;
	p[v6 ? 7 : 8] = 64;
	if (!v6 && !chance(10))
		put16(p + 6, chance(2) ? 0x2000 : 0x0010); /* first, later fragment */
	len = head + lay_l4(p + head, proto);
	if (v6)
		put16(p + 4, len - 40);
	else
		put16(p + 2, len);
	return len;
}

/* Every frame carries its number, so that no two are the same. */
static void random_frame(struct frame *f, unsigned number)
{
	static const uint16_t types[] = {0x0800, 0x0800, 0x0800, 0x86dd,
	                                 0x86dd, 0x0806, 0x88b5};
	unsigned kind = chance(20), at = 12, type = types[chance(7)], l3;

	memset(f, 0, sizeof(*f));
	/* 5 % broadcast, 5 % multicast, 10 % to a MAC of nobody's */
	memcpy(f->bytes,
	       macs[kind == 0   ? 4
	            : kind == 1 ? 3
	            : kind < 4  ? 2
	                        : chance(2)],
	       6);
	memcpy(f->bytes + 6, macs[chance(3)], 6);
	if (!chance(5)) {
		put16(f->bytes + at, 0x8100);
		put16(f->bytes + at + 2, 5 + chance(3));
		at += 4;
	}
	put16(f->bytes + at, type);
	at += 2;
	l3 = at;
	if (type == 0x0800 || type == 0x86dd)
		at += lay_ip(f->bytes + at, type == 0x86dd);
	else
		at += 28;
	/* IPv4's identification, IPv6's flow label */
	put16(f->bytes + l3 + (type == 0x0800 ? 4 : 2), number);
	f->len = at;
	if (!chance(12)) /* cut somewhere behind the number */
		f->len = l3 + 6 + chance(at - l3 - 5);
}

/* ---- a round ---- */

static unsigned tx_at;

static void transmit(const struct frame *f)
{
	struct rawq_pkt pkt = {.addr = (uint64_t)(tx_at++ % 256) * 2048, .len = f->len};
	uint64_t done[64];

	if (far >= 0) {
		send_frame(far, f->bytes, f->len);
		return;
	}
	memcpy((uint8_t *)rawq_region_base(tx_region) + pkt.addr, f->bytes, f->len);
	while (!rawq_tx_burst(txq, &pkt, 1) && !rawq_txq_status(txq, NULL))
		rawq_tx_reap(txq, done, 64);
	rawq_tx_reap(txq, done, 64);
}

static struct frame end_frame(unsigned type)
{
	struct frame f = {.len = 60};

	memcpy(f.bytes, macs[0], 6);
	memcpy(f.bytes + 6, macs[1], 6);
	put16(f.bytes + 12, type);
	return f;
}

static void print_frame(const struct frame *f)
{
	for (unsigned i = 0; i < f->len; i++)
		printf("%02x", f->bytes[i]);
	puts("");
}

/* A padded frame is the frame that was sent: the card makes short ones 60 bytes long. */
static bool is_frame(const struct frame *f, const uint8_t *bytes, unsigned len)
{
	return (len == f->len || (len == 60 && f->len < 60)) &&
	       !memcmp(f->bytes, bytes, f->len);
}

/* A packet socket has the tag taken off. */
static bool is_frame_untagged(const struct frame *f, const uint8_t *bytes, unsigned len)
{
	unsigned tag = get16(f->bytes + 12) == 0x8100 ? 4 : 0;

	return len == f->len - tag && !memcmp(f->bytes, bytes, 12) &&
	       !memcmp(f->bytes + 12 + tag, bytes + 12, len - 12);
}

/* What the queue got, in order, marks against the model; taken[] says which frames. */
static unsigned judge_queue(bool *taken, unsigned seed)
{
	struct rawq_pkt pkt;
	unsigned at = 0, wrong = 0;

	while (burst_wait(rxq, &pkt, 1)) {
		const uint8_t *bytes = (uint8_t *)rawq_region_base(region) + pkt.addr;
		bool end = get16(bytes + 12) == END_TAKEN;
		struct seen s;

		while (!end && at < FRAMES && !is_frame(&frames[at], bytes, pkt.len))
			at++;
		rawq_rx_post(rxq, &pkt.addr, 1);
		if (end)
			return wrong;
		if (at == FRAMES)
			break;
		s = look_at(naive.backend, &frames[at]);
		taken[at] = true;
		if (best_priority(&naive, &s) == PRIORITIES ||
		    (naive.backend != RAWQ_VERBS &&
		     (!pkt.mark || !may_have(&naive, &s, pkt.mark - 1)))) {
			printf("# seed %u frame %u: taken by rule %u: ", seed, at,
			       pkt.mark);
			print_frame(&frames[at]);
			wrong++;
		}
		at++;
	}
	printf("# seed %u: the last frame never came\n", seed);
	return wrong + 1;
}

static unsigned judge_kernel(bool *kept, unsigned seed)
{
	uint8_t bytes[2048];
	unsigned at = 0;
	size_t len;

	while ((len = witness_next(near, bytes, sizeof(bytes), WAIT_MS))) {
		if (get16(bytes + 12) == END_KEPT)
			return 0;
		while (at < FRAMES &&
		       !is_frame_untagged(&frames[at], bytes, (unsigned)len))
			at++;
		if (at == FRAMES)
			break;
		kept[at++] = true;
	}
	printf("# seed %u: the kernel's last frame never came\n", seed);
	return 1;
}

/* Nobody's: a drop of the best priority. Otherwise it must have been somebody's. */
static unsigned judge_rest(const bool *taken, const bool *kept, unsigned seed)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < FRAMES; i++) {
		struct seen s = look_at(naive.backend, &frames[i]);
		bool nobodys = best_priority(&naive, &s) == PRIORITIES;
		bool good;

		if (near >= 0)
			good = kept[i] ? nobodys && !taken[i]
			               : !nobodys && (taken[i] ||
			                              may_have(&naive, &s, naive.count));
		else
			good = taken[i] || nobodys || may_have(&naive, &s, naive.count);
		if (!good) {
			printf("# seed %u frame %u: taken %d, kernel %d: ", seed, i,
			       taken[i], kept[i]);
			print_frame(&frames[i]);
			wrong++;
		}
	}
	return wrong;
}

static void make_rules(void)
{
	unsigned wanted = chance(4) ? 1 + chance(40) : 1 + chance(RULES_MAX);

	naive.count = 0;
	for (unsigned i = 0; i < wanted; i++) {
		struct rawq_rule_opts *o = &rules[naive.count];

		*o = random_rule();
		if (naive.backend != RAWQ_VERBS)
			o->mark = o->queues ? naive.count + 1 : 0;
		/* The same one twice is refused; so is one mask too many. */
		if (!rawq_rule_add(port, o, &added[naive.count], &err))
			naive.count++;
	}
}

static unsigned round_of(unsigned seed)
{
	bool taken[FRAMES] = {0}, kept[FRAMES] = {0};
	struct frame end = end_frame(END_KEPT);
	unsigned wrong;

	state = seed;
	for (unsigned i = 0; i < 8; i++)
		chance(2);
	make_rules();
	for (unsigned i = 0; i < FRAMES; i++) {
		random_frame(&frames[i], i);
		transmit(&frames[i]);
	}
	if (near >= 0)
		transmit(&end);
	end = end_frame(END_TAKEN);
	transmit(&end);
	wrong = judge_queue(taken, seed);
	if (near >= 0)
		wrong += judge_kernel(kept, seed);
	wrong += judge_rest(taken, kept, seed);
	for (unsigned i = 0; i < naive.count; i++)
		rawq_rule_remove(added[i]);
	return wrong;
}

/* ---- the ends ---- */

static struct rawq_rule *end_rule;

static void open_ends(const char *near_name, const char *from_name)
{
	struct rawq_port_opts po = {.size = sizeof(po), .backend = naive.backend};
	struct rawq_queue_opts qo = {.size = sizeof(qo), .depth = 512};
	struct rawq_rule_opts o;

	must(rawq_port_open(near_name, &po, &port, &err));
	must(rawq_region_create(NULL, &region, &err));
	if (from_name) {
		must(rawq_port_open(from_name, &po, &from, &err));
		must(rawq_region_create(NULL, &tx_region, &err));
		must(rawq_txq_create(from, tx_region, &qo, &txq, &err));
	}
	qo.offloads = naive.backend == RAWQ_VERBS ? 0 : RAWQ_RX_MARK;
	must(rawq_rxq_create(port, region, &qo, &rxq, &err));
	for (uint64_t i = 0; i < 512; i++)
		rawq_rx_post(rxq, &(uint64_t){i * 2048}, 1);
	o = take_all(&rxq, 1);
	o.value.ethertype = htons(END_TAKEN);
	o.mask.ethertype = 0xffff;
	must(rawq_rule_add(port, &o, &end_rule, &err));
}

static void close_ends(void)
{
	rawq_rule_remove(end_rule);
	rawq_rxq_destroy(rxq);
	rawq_txq_destroy(txq);
	rawq_port_close(port);
	rawq_port_close(from);
	rawq_region_destroy(region);
	rawq_region_destroy(tx_region);
}

int main(int argc, char **argv)
{
	unsigned seeds = argc > 2 ? (unsigned)atoi(argv[2]) : 20, wrong = 0;
	unsigned first = argc > 3 ? (unsigned)atoi(argv[3]) : (unsigned)time(NULL);
	uint64_t total = 0;

	naive.backend = argc > 1 && !strcmp(argv[1], "mlx5")    ? RAWQ_MLX5
	                : argc > 1 && !strcmp(argv[1], "verbs") ? RAWQ_VERBS
	                                                        : RAWQ_XDP;
	if (naive.backend == RAWQ_XDP) {
		veth_pair(1, 1500);
		far = witness("v1");
		near = witness("v0");
		open_ends("v0", NULL);
	} else {
		open_ends(argv[5], argv[4]);
	}
	printf("# seeds from %u\n", first);
	for (unsigned i = 0; i < seeds && wrong < 20; i++) {
		wrong += round_of(first + i);
		total += naive.count;
	}
	close_ends();
	printf("# %" PRIu64 " rules, %u frames\n", total, seeds * FRAMES);
	is_u(wrong, 0, "%u rule sets: each frame goes where the model says", seeds);
	ok(total > seeds, "with rules in them");
	return done();
}
