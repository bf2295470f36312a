/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules on AF_XDP: who gets which frame, the program or the kernel.  The frames were built by
 * Scapy; which of them a rule wants was worked out by hand from the RFCs.
 */
#include "rawq.h"
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* To 02:00:00:00:00:02, the receiving veth's own MAC, unless they say otherwise. */
static const struct {
	const char *name, *hex;
} frames[] = {
	{"udp to port 9",
         "02000000000202000000000108004500001d00010000401166cd0a0000010a0000020400"
         "000900096fd078"},
	{"udp to port 10",
         "02000000000202000000000108004500001d00010000401166cd0a0000010a0000020400"
         "000a00096fcf78"},
	{"tcp to port 9",
         "02000000000202000000000108004500002800010000400666cd0a0000010a0000020400"
         "000900000000000000005002200077d70000"},
	{"udp6 to port 9",
         "02000000000202000000000186dd6000000000091140fd00000000000000000000000000"
         "0001fd00000000000000000000000000000204000009000989ce78"},
	{"udp6 to port 9 behind two extension headers",
         "02000000000202000000000186dd6000000000210040fd00000000000000000000000000"
         "0001fd0000000000000000000000000000023c01010c0000000000000000000000001100"
         "01040000000004000009000989ce78"},
	{"udp6 to port 9, first fragment",
         "02000000000202000000000186dd6000000000182c40fd00000000000000000000000000"
         "0001fd00000000000000000000000000000211000001000000070400000900101fdf7878"
         "787878787878"},
	{"udp6, later fragment whose bytes look like port 9",
         "02000000000202000000000186dd6000000000102c40fd00000000000000000000000000"
         "0001fd00000000000000000000000000000211000010000000070400000900080000"},
	{"udp to port 9, first fragment",
         "02000000000202000000000108004500002400012000401146c60a0000010a0000020400"
         "0009001005e17878787878787878"},
	{"udp, later fragment whose bytes look like port 9",
         "02000000000202000000000108004500001c00010002401166cc0a0000010a0000020400"
         "000900080000"},
	{"udp to port 9 behind IP options",
         "02000000000202000000000108004600002100010000401163c70a0000010a0000020101"
         "01010400000900096fd078"},
	{"udp to port 9 in VLAN 5",
         "0200000000020200000000018100600508004500001d00010000401166cd0a0000010a00"
         "00020400000900096fd078"},
	{"udp to port 9 in VLAN 6 in VLAN 5",
         "02000000000202000000000188a800058100000608004500001d00010000401166cd0a00"
         "00010a0000020400000900096fd078"},
	{"experimental ethertype", "02000000000202000000000188b568656c6c6f"},
	{"another MAC",
         "02000000009902000000000108004500001c00010000400166cc0a0900010a0900020800"
         "f7ff00000000"},
	{"arp", "ffffffffffff0200000000010806000108000604000102fc000000010a00000100000000"
                "00000a000002"},
	{"truncated IPv4", "02000000000202000000000108004500001c00010000401166ce"},
	{"udp to port 9, cut behind the IP header",
         "02000000000202000000000108004500001c00010000401166ce0a0000010a000002"},
	{"ipv4 header of version 6",
         "02000000000202000000000108006500001c00010000401166ce0a0000010a0000020400"
         "00090008e7d2"},
};

#define FRAMES      (sizeof(frames) / sizeof(frames[0]))
#define FRAME_BYTES 256u
#define ALL         ((1u << FRAMES) - 1)

enum {
	UDP9,
	UDP10,
	TCP9,
	UDP6,
	UDP6_EXT,
	UDP6_FIRST,
	UDP6_LATER,
	UDP_FIRST,
	UDP_LATER,
	UDP_OPTIONS,
	VLAN5,
	VLAN5_6,
	EXPERIMENT,
	OTHER_MAC,
	ARP,
	SHORT_IP,
	CUT_UDP,
	VERSION6
};
#define F(i) (1u << (i))

static uint8_t bytes[FRAMES][FRAME_BYTES];
static unsigned lengths[FRAMES];

static struct rawq_port *port;
static struct rawq_region *region;
static struct rawq_rxq *rxq;
static int sender, kernel; /* AF_PACKET on either end */

static void decode(void)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		unsigned n = (unsigned)strlen(frames[i].hex) / 2;

		for (unsigned b = 0; b < n; b++) {
			char digits[3] = {frames[i].hex[2 * b], frames[i].hex[2 * b + 1]};

			bytes[i][b] = (uint8_t)strtoul(digits, NULL, 16);
		}
		lengths[i] = n;
	}
}

static int packet_socket(const char *netdev)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
	                           .sll_protocol = htons(ETH_P_ALL),
	                           .sll_ifindex = (int)if_nametoindex(netdev)};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return fd;
}

/* Frames of ours that the kernel's end of the receiving veth has seen. */
static unsigned kernel_share(void)
{
	static const uint8_t source[6] = {2, 0, 0, 0, 0, 1};
	uint8_t frame[2048];
	unsigned count = 0;

	while (recv(kernel, frame, sizeof(frame), MSG_DONTWAIT) >= 12)
		count += !memcmp(frame + 6, source, 6);
	return count;
}

static uint32_t which(const uint8_t *frame, uint32_t len)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		if (len == lengths[i] && !memcmp(frame, bytes[i], len))
			return F(i);
	}
	return 0;
}

/* The frames that wait in the queue, as a set; they are posted again. */
static uint32_t queue_share(unsigned *count)
{
	const uint8_t *base = rawq_region_base(region);
	struct rawq_pkt pkts[FRAMES];
	uint32_t set = 0;
	unsigned n = rawq_rx_burst(rxq, pkts, FRAMES);

	for (unsigned i = 0; i < n; i++) {
		set |= which(base + pkts[i].addr, pkts[i].len);
		rawq_rx_post(rxq, &pkts[i].addr, 1);
	}
	*count += n;
	return set;
}

/* Send every frame once; the program must get want, the kernel all but that and dropped. */
static void expect(const char *rule, uint32_t want, uint32_t dropped)
{
	const struct timespec wait = {.tv_nsec = 1000000};
	unsigned due = FRAMES - (unsigned)__builtin_popcount(dropped), got = 0, kept = 0;
	uint32_t set = 0;

	for (unsigned i = 0; i < FRAMES; i++)
		if (send(sender, bytes[i], lengths[i], 0) != (ssize_t)lengths[i])
			ok(false, "%s: sent: %s", rule, frames[i].name);
	for (int i = 0; i < 500 && got + kept < due; i++) {
		set |= queue_share(&got);
		kept += kernel_share();
		nanosleep(&wait, NULL);
	}
	is_u(set, want, "%s: the program gets what the rule says", rule);
	is_u(got, (unsigned)__builtin_popcount(want), "%s: each once", rule);
	is_u(kept, due - (unsigned)__builtin_popcount(want),
	     "%s: the kernel gets the rest", rule);
}

static struct rawq_rule_opts to_queue(void)
{
	return (struct rawq_rule_opts){
		.size = sizeof(struct rawq_rule_opts), .queues = &rxq, .queue_count = 1};
}

static struct rawq_rule_opts ip_rule(uint16_t ethertype, uint8_t proto, uint16_t dport)
{
	struct rawq_rule_opts o = to_queue();

	o.value.ethertype = htons(ethertype);
	o.mask.ethertype = 0xffff;
	o.value.ip_proto = proto;
	o.mask.ip_proto = proto ? 0xff : 0;
	o.value.dst_port = htons(dport);
	o.mask.dst_port = dport ? 0xffff : 0;
	return o;
}

static struct rawq_rule *add(const struct rawq_rule_opts *o)
{
	struct rawq_error err = {""};
	struct rawq_rule *rule = NULL;

	if (!ok(!rawq_rule_add(port, o, &rule, &err), "a rule is added"))
		printf("# %s\n", err.text);
	return rule;
}

static void alone(const char *name, struct rawq_rule_opts o, uint32_t want)
{
	struct rawq_rule *rule = add(&o);

	expect(name, want, 0);
	rawq_rule_remove(rule);
}

static void each_field(void)
{
	struct rawq_rule_opts o = to_queue();

	o.take_everything = 1;
	alone("everything", o, ALL);
	o = to_queue();
	memcpy(o.value.dst_mac, "\x02\0\0\0\0\x99", 6);
	memset(o.mask.dst_mac, 0xff, 6);
	alone("destination MAC", o, F(OTHER_MAC));
	o = to_queue();
	memcpy(o.value.src_mac, "\x02\0\0\0\0\x01", 6);
	memset(o.mask.src_mac, 0xff, 6);
	alone("source MAC", o, ALL);
	alone("ethertype", ip_rule(0x88b5, 0, 0), F(EXPERIMENT));
	alone("UDP port over IPv4", ip_rule(ETH_P_IP, IPPROTO_UDP, 9),
	      F(UDP9) | F(UDP_FIRST) | F(UDP_OPTIONS) | F(VLAN5) | F(VLAN5_6));
	alone("UDP port over IPv6", ip_rule(ETH_P_IPV6, IPPROTO_UDP, 9),
	      F(UDP6) | F(UDP6_EXT) | F(UDP6_FIRST));
	alone("TCP port", ip_rule(ETH_P_IP, IPPROTO_TCP, 9), F(TCP9));
	alone("protocol, which later fragments have too",
	      ip_rule(ETH_P_IP, IPPROTO_UDP, 0),
	      F(UDP9) | F(UDP10) | F(UDP_FIRST) | F(UDP_LATER) | F(UDP_OPTIONS) |
	              F(VLAN5) | F(VLAN5_6) | F(CUT_UDP));
	o = to_queue();
	o.value.vlan = htons(5);
	o.mask.vlan = htons(0x0fff);
	alone("VLAN id, whatever the priority", o, F(VLAN5) | F(VLAN5_6));
	o = ip_rule(ETH_P_IP, IPPROTO_UDP, 9);
	o.mask.tagged = 0xff;
	alone("untagged", o, F(UDP9) | F(UDP_FIRST) | F(UDP_OPTIONS));
}

static void addresses(void)
{
	struct rawq_rule_opts o = ip_rule(ETH_P_IP, 0, 0);

	inet_pton(AF_INET, "10.0.0.0", o.value.dst_ip);
	inet_pton(AF_INET, "255.255.255.0", o.mask.dst_ip);
	alone("IPv4 prefix", o,
	      F(UDP9) | F(UDP10) | F(TCP9) | F(UDP_FIRST) | F(UDP_LATER) |
	              F(UDP_OPTIONS) | F(VLAN5) | F(VLAN5_6) | F(CUT_UDP));
	o = ip_rule(ETH_P_IPV6, 0, 0);
	inet_pton(AF_INET6, "fd00::", o.value.src_ip);
	inet_pton(AF_INET6, "ffff:ffff:ffff:ffff::", o.mask.src_ip);
	alone("IPv6 prefix", o, F(UDP6) | F(UDP6_EXT) | F(UDP6_FIRST) | F(UDP6_LATER));
}

static void several_rules(void)
{
	enum { MANY = 300 };
	const uint32_t udp9 =
		F(UDP9) | F(UDP_FIRST) | F(UDP_OPTIONS) | F(VLAN5) | F(VLAN5_6);
	struct rawq_rule *many[MANY], *drop, *udp;
	struct rawq_rule_opts o = ip_rule(ETH_P_IP, IPPROTO_UDP, 9);

	o.queues = NULL;
	o.queue_count = 0;
	drop = add(&o);
	expect("a drop", 0, udp9);
	o = ip_rule(ETH_P_IP, IPPROTO_UDP, 0);
	o.priority = 1;
	udp = add(&o);
	expect("a drop ahead of a wider rule", F(UDP10) | F(UDP_LATER) | F(CUT_UDP),
	       udp9);
	rawq_rule_remove(drop);
	rawq_rule_remove(udp);
	for (unsigned i = 0; i < MANY; i++) {
		o = ip_rule(ETH_P_IP, IPPROTO_UDP, i ? (uint16_t)(1000 + i) : 9);
		many[i] = add(&o);
	}
	expect("300 ports", udp9, 0);
	for (unsigned i = 1; i < MANY; i++)
		rawq_rule_remove(many[i]);
	expect("one left of 300", udp9, 0);
	rawq_rule_remove(many[0]);
	expect("none left", 0, 0);
}

static void refused(const char *what, const struct rawq_rule_opts *o, int code)
{
	struct rawq_error err = {""};
	struct rawq_rule *rule = NULL;
	int ret = rawq_rule_add(port, o, &rule, &err);

	is_u(-ret, -code, "refused: %s", what);
	ok(err.text[0] && !rule, "with a sentence: %s", err.text);
}

static void refusals(void)
{
	struct rawq_rule_opts o = to_queue();
	struct rawq_rule *rule;

	refused("everything, unasked", &o, -EACCES);
	memcpy(o.value.dst_mac, "\x02\0\0\0\0\x02", 6);
	memset(o.mask.dst_mac, 0xff, 6);
	refused("the netdev's own MAC", &o, -EACCES);
	memset(o.value.dst_mac, 0xff, 6);
	refused("broadcast", &o, -EACCES);
	o = ip_rule(ETH_P_IP, 0, 0);
	refused("all of IPv4", &o, -EACCES);
	o = ip_rule(ETH_P_ARP, 0, 0);
	refused("all of ARP", &o, -EACCES);
	o = ip_rule(ETH_P_IP, IPPROTO_UDP, 9);
	o.copy = 1;
	refused("a copy for the kernel", &o, -ENOTSUP);
	o.copy = 0;
	o.mask.dst_port = 0;
	refused("a value outside its mask", &o, -EINVAL);
	o = ip_rule(ETH_P_IP, 0, 9);
	refused("a port without a protocol", &o, -EINVAL);
	o = ip_rule(ETH_P_IP, IPPROTO_UDP, 9);
	rule = add(&o);
	refused("the same rule again", &o, -EEXIST);
	rawq_rule_remove(rule);
}

static bool set_up(struct rawq_error *err)
{
	uint64_t addrs[128];

	if (system("ip link add name source type veth peer name sink address "
	           "02:00:00:00:00:02 && "
	           "sysctl -qw net.ipv6.conf.all.disable_ipv6=1; "
	           "ip link set source up && ip link set sink up"))
		return false;
	for (unsigned i = 0; i < 128; i++)
		addrs[i] = i * 2048u;
	sender = packet_socket("source");
	kernel = packet_socket("sink");
	return sender >= 0 && kernel >= 0 && !rawq_port_open("sink", NULL, &port, err) &&
	       !rawq_region_create(NULL, &region, err) &&
	       !rawq_rxq_create(port, region, NULL, &rxq, err) &&
	       rawq_rx_post(rxq, addrs, 128) == 128;
}

int main(void)
{
	struct rawq_error err = {""};

	if (unshare(CLONE_NEWNET))
		skip_all("no network namespace of its own without CAP_SYS_ADMIN");
	decode();
	if (!ok(set_up(&err), "a veth with a receive queue")) {
		printf("# %s\n", err.text);
		return done();
	}
	expect("no rule", 0, 0);
	each_field();
	addresses();
	several_rules();
	refusals();
	rawq_rxq_destroy(rxq);
	rawq_region_destroy(region);
	rawq_port_close(port);
	return done();
}
