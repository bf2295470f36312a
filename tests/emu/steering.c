/* SPDX-License-Identifier: BSD-2-Clause */
/* Steering: the kernel's refusals and its order, rule by rule. */
#include "emu/nic/steering.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

static uint8_t frame[128];
static struct steering_verdict v;
static char qp[8], many[41]; /* destinations are told apart by address alone */

/* An Ethernet frame to a MAC whose last byte is given, 02:...; multicast: 01:00:5e:...; 0xff: all. */
static void decide(struct steering *s, const uint8_t *dmac)
{
	struct packet p;

	memset(frame, 0, sizeof(frame));
	memcpy(frame, dmac, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;
	packet_parse(&p, frame, sizeof(frame), sizeof(frame));
	steering_decide(s, &p, &v);
}

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa}, mac_b[6] = {2, 0, 0, 0, 0, 0xb};
static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1},
		     all[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t ones[6] = {255, 255, 255, 255, 255, 255};

static struct match to_mac(const uint8_t *mac)
{
	struct match m = {0};

	match_field(&m, HW_MATCH_OUTER, HW_MATCH_DMAC, mac, ones);
	return m;
}

static struct steering_rule *rule(struct steering *s, struct steering_rule_opts o,
                                  int want)
{
	struct steering_rule *r = NULL;
	int ret = steering_add(s, &o, &r);

	if (ret != want)
		printf("# steering_add: %d\n", ret);
	return ret == want ? r : NULL;
}

static int refusal(struct steering *s, struct steering_rule_opts o)
{
	struct steering_rule *r;

	return steering_add(s, &o, &r);
}

/* Delivered to exactly these, in this order; NULL ends. */
static bool went_to(const void *a, const void *b)
{
	unsigned want = (a != NULL) + (b != NULL);

	return v.count == want && (!a || v.dests[0].dest == a) &&
	       (!b || v.dests[1].dest == b);
}

static void test_layout(void)
{
	struct match m = {0};
	const uint8_t *o = m.mask, *misc = m.mask + HW_MATCH_MISC;

	/* byte positions as the PRM's table of fte_match_set_lyr_2_4 has them */
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_ETHERTYPE, 0x0800, 0xffff);
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_FIRST_VID, 0x123, 0xfff);
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_IP_VERSION, 4, 15);
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_TCP_FLAGS, 2, 0x1ff);
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_UDP_DPORT, 53, 0xffff);
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_DST_IPV4, 0x0a000001, 0xffffffff);
	match_u32(&m, HW_MATCH_MISC, HW_MATCH_VXLAN_VNI, 42, 0xffffff);
	ok(o[6] == 255 && o[7] == 255 && m.value[6] == 8,
	   "ethertype is in bytes 6 and 7");
	ok(o[14] == 15 && o[15] == 255 && m.value[15] == 0x23,
	   "VLAN id is 12 bits at 14");
	ok(o[18] == 0x1f && o[19] == 255 && m.value[18] == 8 && m.value[19] == 2,
	   "IP version and TCP flags share byte 18");
	ok(o[30] == 255 && o[31] == 255 && m.value[31] == 53,
	   "UDP destination port at 30");
	ok(m.value[60] == 10 && m.value[63] == 1,
	   "IPv4 destination in the last word of 16 bytes");
	ok(misc[20] == 255 && misc[22] == 255 && !misc[23],
	   "VXLAN VNI is 24 bits at misc 20");
	is_u(m.enable, HW_MATCH_ENABLE_OUTER | HW_MATCH_ENABLE_MISC,
	     "sections are enabled by use");
}

static void test_refusals(void)
{
	struct steering *s = steering_create();
	struct match a = to_mac(mac_a), stray = a, unknown = {0};
	struct steering_rule_opts o = {.match = &a, .dest = qp};

	stray.value[0] = 1;
	unknown.enable = HW_MATCH_ENABLE_MISC2;
	unknown.mask[HW_MATCH_MISC2] = 1;
	o.match = &stray;
	is_u(refusal(s, o), -EINVAL, "a value bit outside the mask");
	o.match = &unknown;
	is_u(refusal(s, o), -EOPNOTSUPP, "a field that the parser does not know");
	o.match = &a;
	o.priority = 16;
	is_u(refusal(s, o), -ENOMEM,
	     "a priority beyond the last: ENOMEM, as the kernel says");
	o.priority = 0;
	o.dest = NULL;
	is_u(refusal(s, o), -EINVAL, "nowhere to go");
	o.drop = o.dont_trap = true;
	is_u(refusal(s, o), -EINVAL, "drop and go on");
	o = (struct steering_rule_opts){
		.kind = STEERING_ALL_DEFAULT, .dest = qp, .dont_trap = true};
	is_u(refusal(s, o), -EINVAL, "dont_trap on leftovers");
	o = (struct steering_rule_opts){
		.kind = STEERING_MC_DEFAULT, .dest = qp, .has_tag = true};
	is_u(refusal(s, o), -EINVAL, "a tag on leftovers");
	o = (struct steering_rule_opts){
		.match = &a, .dest = qp, .has_tag = true, .tag = 1u << 24};
	is_u(refusal(s, o), -EINVAL, "a tag of more than 24 bits");
	o.tag = 7;
	rule(s, o, 0);
	o.tag = 8;
	is_u(refusal(s, o), -EEXIST, "the same match with another tag");
	steering_destroy(s);
}

static void test_order(void)
{
	struct steering *s = steering_create();
	struct match a = to_mac(mac_a);
	struct steering_rule *low, *copy;

	low = rule(
		s,
		(struct steering_rule_opts){.match = &a, .priority = 1, .dest = &qp[1]},
		0);
	rule(s, (struct steering_rule_opts){.priority = 2, .dest = &qp[2]}, 0);
	decide(s, mac_a);
	ok(went_to(&qp[1], NULL), "the lower number is asked first");
	decide(s, mac_b);
	ok(went_to(&qp[2], NULL), "what it leaves goes to the next");
	copy = rule(
		s,
		(struct steering_rule_opts){
			.match = &a, .priority = 1, .dest = &qp[3], .dont_trap = true},
		0);
	decide(s, mac_a);
	ok(went_to(&qp[3], &qp[1]), "dont_trap copies before its priority and goes on");
	steering_remove(s, low);
	decide(s, mac_a);
	ok(went_to(&qp[3], &qp[2]), "and on, to the next priority");
	steering_remove(s, copy);
	decide(s, mac_a);
	ok(went_to(&qp[2], NULL), "a rule removed is gone");
	steering_destroy(s);
}

static void test_shared_match(void)
{
	struct steering *s = steering_create();
	struct match a = to_mac(mac_a);
	struct steering_rule *first;
	struct steering_counter n1 = {0}, n2 = {0};

	first = rule(
		s,
		(struct steering_rule_opts){.match = &a, .dest = &qp[1], .counter = &n1},
		0);
	rule(s, (struct steering_rule_opts){.match = &a, .dest = &qp[2], .counter = &n2},
	     0);
	decide(s, mac_a);
	ok(went_to(&qp[1], &qp[2]), "two with the same match: each gets a copy");
	ok(n1.packets == 1 && n2.packets == 1 && n1.bytes == sizeof(frame),
	   "and counts it");
	rule(s, (struct steering_rule_opts){.match = &a, .dest = &qp[2]}, 0);
	decide(s, mac_a);
	ok(went_to(&qp[1], &qp[2]), "one that asks twice gets one");
	steering_remove(s, first);
	decide(s, mac_a);
	ok(went_to(&qp[2], NULL), "the other stays when one leaves");
	for (unsigned i = 0; i < 1000; i++)
		rule(s, (struct steering_rule_opts){.match = &a, .dest = &qp[2]}, 0);
	decide(s, mac_a);
	ok(went_to(&qp[2], NULL), "asking a thousand times is allowed, and gives one");
	for (unsigned i = 0; i < STEERING_DESTS_MAX / 2 - 1; i++)
		rule(s, (struct steering_rule_opts){.match = &a, .dest = &many[i]}, 0);
	decide(s, mac_a);
	is_u(v.count, STEERING_DESTS_MAX / 2, "many with the same match each get a copy");
	is_u(refusal(s, (struct steering_rule_opts){.match = &a, .dest = &many[40]}),
	     -ENOSPC, "up to a limit");
	steering_destroy(s);
}

static void test_kernel(void)
{
	struct steering *s = steering_create();
	struct steering_netdev netdev = {.mac = {2, 0, 0, 0, 0, 0xa}, .up = true};
	struct match a = to_mac(mac_a);
	struct steering_rule *r;

	steering_set_netdev(s, &netdev);
	decide(s, mac_a);
	ok(v.kernel && !v.count, "no rule: the netdev gets its MAC");
	decide(s, all);
	ok(v.kernel, "and broadcast");
	decide(s, mac_b);
	ok(!v.kernel && !v.count && !v.dropped, "another MAC is missed");
	decide(s, group);
	ok(!v.kernel, "so is multicast that it did not join");
	netdev.multicast = &group;
	netdev.multicasts = 1;
	steering_set_netdev(s, &netdev);
	decide(s, group);
	ok(v.kernel, "but not once it has");
	r = rule(s, (struct steering_rule_opts){.match = &a, .dest = qp}, 0);
	decide(s, mac_a);
	ok(went_to(qp, NULL) && !v.kernel, "a rule takes even the netdev's own MAC");
	steering_remove(s, r);
	r = rule(s,
	         (struct steering_rule_opts){.match = &a, .dest = qp, .dont_trap = true},
	         0);
	decide(s, mac_a);
	ok(went_to(qp, NULL) && v.kernel, "dont_trap: both get it");
	steering_remove(s, r);
	rule(s, (struct steering_rule_opts){.dest = qp}, 0);
	decide(s, all);
	ok(!v.kernel && v.count == 1, "a rule without a match leaves the kernel nothing");
	steering_destroy(s);
}

static void test_leftovers(void)
{
	struct steering *s = steering_create();
	struct steering_netdev netdev = {.mac = {2, 0, 0, 0, 0, 0xa}, .up = true};

	steering_set_netdev(s, &netdev);
	rule(s, (struct steering_rule_opts){.kind = STEERING_ALL_DEFAULT, .dest = &qp[1]},
	     0);
	rule(s, (struct steering_rule_opts){.kind = STEERING_MC_DEFAULT, .dest = &qp[2]},
	     0);
	decide(s, mac_a);
	ok(v.kernel && !v.count, "ALL_DEFAULT leaves the kernel what it wants");
	decide(s, mac_b);
	ok(went_to(&qp[1], NULL), "and gets what the kernel does not want");
	decide(s, group);
	ok(went_to(&qp[1], &qp[2]),
	   "multicast: ALL_DEFAULT and MC_DEFAULT each get a copy");
	decide(s, all);
	ok(v.kernel && !v.count, "broadcast is the kernel's");
	netdev.promisc = true;
	steering_set_netdev(s, &netdev);
	decide(s, mac_b);
	ok(v.kernel && !v.count, "a promiscuous netdev leaves nothing over");
	steering_destroy(s);
}

static void test_sniffer_drop_miss(void)
{
	struct steering *s = steering_create();
	struct steering_netdev netdev = {.mac = {2, 0, 0, 0, 0, 0xa}, .up = true};
	struct match a = to_mac(mac_a);
	struct steering_rule *r;

	steering_set_netdev(s, &netdev);
	rule(s, (struct steering_rule_opts){.kind = STEERING_SNIFFER, .dest = &qp[1]}, 0);
	decide(s, mac_a);
	ok(went_to(&qp[1], NULL) && v.kernel,
	   "SNIFFER: a copy, and the kernel has it too");
	decide(s, mac_b);
	ok(went_to(&qp[1], NULL), "also of what nobody wants");
	r = rule(s, (struct steering_rule_opts){.match = &a, .drop = true}, 0);
	decide(s, mac_a);
	ok(went_to(&qp[1], NULL) && v.dropped && !v.kernel,
	   "drop: the sniffer alone sees it");
	steering_remove(s, r);
	rule(s, (struct steering_rule_opts){.match = &a, .default_miss = true}, 0);
	rule(s, (struct steering_rule_opts){.priority = 1, .dest = &qp[2]}, 0);
	decide(s, mac_a);
	ok(went_to(&qp[1], NULL) && v.kernel,
	   "default_miss: past the other rules to the kernel");
	decide(s, mac_b);
	ok(went_to(&qp[1], &qp[2]), "others go on to those");
	steering_destroy(s);
}

static void test_multicast_priority(void)
{
	struct steering *s = steering_create();
	struct match g = to_mac(group);

	rule(s, (struct steering_rule_opts){.match = &g, .priority = 0, .dest = &qp[1]},
	     0);
	rule(s, (struct steering_rule_opts){.priority = 15, .dest = &qp[2]}, 0);
	decide(s, group);
	ok(went_to(&qp[2], NULL),
	   "a multicast rule comes behind all others, whatever its priority");
	steering_destroy(s);
}

static void test_tag(void)
{
	struct steering *s = steering_create();
	struct match a = to_mac(mac_a);

	rule(s,
	     (struct steering_rule_opts){
		     .match = &a, .dest = qp, .has_tag = true, .tag = 0xabc},
	     0);
	decide(s, mac_a);
	ok(v.dests[0].has_tag && v.dests[0].tag == 0xabc, "the tag comes with the frame");
	steering_destroy(s);
}

/* A mask of the first `bits` bits of the source MAC. */
static struct match source_prefix(unsigned bits, uint64_t value)
{
	uint8_t mask[6] = {0}, val[6];
	struct match m = {0};

	for (unsigned i = 0; i < bits; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	for (unsigned i = 0; i < 6; i++)
		val[i] = (uint8_t)(value >> (40 - 8 * i)) & mask[i];
	match_field(&m, HW_MATCH_OUTER, HW_MATCH_SMAC, val, mask);
	return m;
}

/* Kernel fs_core.c: six groups of 65536 / 7 entries, then groups of one entry in what remains. */
static void test_capacity(void)
{
	struct steering *s = steering_create();
	unsigned added = 0;
	int ret = 0;

	for (unsigned bits = 43; bits < 48; bits++) {
		struct match m = source_prefix(bits, 1ull << 40);

		rule(s, (struct steering_rule_opts){.match = &m, .dest = qp}, 0);
	}
	for (uint64_t i = 0; !ret; i++) {
		struct match m = source_prefix(48, i);

		ret = refusal(s, (struct steering_rule_opts){.match = &m, .dest = qp});
		added += !ret;
	}
	is_u(ret, -ENOSPC, "a full priority refuses");
	is_u(added, 65536 - 5 * 9362,
	     "a mask has its group and the rest, one entry at a time");
	ret = refusal(s, (struct steering_rule_opts){.dest = qp});
	is_u(ret, -ENOSPC, "a seventh mask finds no place in a full table");
	ret = refusal(s, (struct steering_rule_opts){.dest = qp, .priority = 1});
	is_u(ret, 0, "another priority has a table of its own");
	steering_destroy(s);
}

static int count_rule(void *arg, const struct steering_rule_opts *o)
{
	const void **order = arg;

	while (*order)
		order++;
	*order = o->dest;
	return 0;
}

static void test_visit(void)
{
	struct steering *s = steering_create();
	struct match a = to_mac(mac_a);
	const void *order[8] = {NULL};
	uint64_t before = steering_generation(s);

	rule(s, (struct steering_rule_opts){.kind = STEERING_ALL_DEFAULT, .dest = &qp[4]},
	     0);
	rule(s, (struct steering_rule_opts){.priority = 1, .dest = &qp[3]}, 0);
	rule(s, (struct steering_rule_opts){.match = &a, .dest = &qp[2]}, 0);
	rule(s, (struct steering_rule_opts){.kind = STEERING_SNIFFER, .dest = &qp[1]}, 0);
	steering_visit(s, count_rule, order);
	ok(order[0] == &qp[1] && order[1] == &qp[2] && order[2] == &qp[3] &&
	           order[3] == &qp[4] && !order[4],
	   "rules are visited in the order in which they are asked");
	ok(steering_generation(s) > before, "a change is seen by the generation");
	steering_destroy(s);
}

int main(void)
{
	test_layout();
	test_refusals();
	test_order();
	test_shared_match();
	test_kernel();
	test_leftovers();
	test_sniffer_drop_miss();
	test_multicast_priority();
	test_tag();
	test_capacity();
	test_visit();
	return done();
}
