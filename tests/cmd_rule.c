/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule texts against keys written by hand, byte by byte in network order. */
#include "tap.h"
#include "common/rule.h"

#include <arpa/inet.h>
#include <string.h>

/* Up to six fields: offset, bytes of value, bytes of mask. */
struct field {
	size_t offset, len;
	const char *value, *mask;
};

#define F(member, v, m)                                                                  \
	{                                                                                \
		offsetof(struct rawq_rule_key, member), sizeof(v) - 1, v, m              \
	}

static const struct {
	const char *text;
	struct field fields[6];
} good[] = {
	{"all", {{0, 0, NULL, NULL}}},
	{"dst-mac 02:00:5e:10:ff:01",
         {F(dst_mac, "\x02\x00\x5e\x10\xff\x01", "\xff\xff\xff\xff\xff\xff")}},
	{"src-mac 0A:0b:0C:0d:0E:0f",
         {F(src_mac, "\x0a\x0b\x0c\x0d\x0e\x0f", "\xff\xff\xff\xff\xff\xff")}},
	{"vlan 5", {F(vlan, "\x00\x05", "\x0f\xff"), F(tagged, "\x01", "\xff")}},
	{"vlan 0x123", {F(vlan, "\x01\x23", "\x0f\xff"), F(tagged, "\x01", "\xff")}},
	{"untagged", {F(tagged, "\x00", "\xff")}},
	{"ethertype 0x88b5", {F(ethertype, "\x88\xb5", "\xff\xff")}},
	{"ethertype 34997", {F(ethertype, "\x88\xb5", "\xff\xff")}},
	{"arp", {F(ethertype, "\x08\x06", "\xff\xff")}},
	{"ip src 10.0.0.0/24",
         {F(ethertype, "\x08\x00", "\xff\xff"),
          F(src_ip, "\x0a\x00\x00\x00", "\xff\xff\xff\x00")}},
	{"ip dst 10.1.2.3",
         {F(ethertype, "\x08\x00", "\xff\xff"),
          F(dst_ip, "\x0a\x01\x02\x03", "\xff\xff\xff\xff")}},
	{"ip src 10.0.0.0/9 dst 192.168.1.128/25",
         {F(ethertype, "\x08\x00", "\xff\xff"),
          F(src_ip, "\x0a\x00\x00\x00", "\xff\x80\x00\x00"),
          F(dst_ip, "\xc0\xa8\x01\x80", "\xff\xff\xff\x80")}},
	{"ip dst 0.0.0.0/0", {F(ethertype, "\x08\x00", "\xff\xff")}},
	{"ip6 dst 2001:db8::/32",
         {F(ethertype, "\x86\xdd", "\xff\xff"),
          F(dst_ip, "\x20\x01\x0d\xb8", "\xff\xff\xff\xff")}},
	{"ip6 src ::1",
         {F(ethertype, "\x86\xdd", "\xff\xff"),
          F(src_ip, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")}},
	{"proto 17", {F(ethertype, "\x08\x00", "\xff\xff"), F(ip_proto, "\x11", "\xff")}},
	{"icmp", {F(ethertype, "\x08\x00", "\xff\xff"), F(ip_proto, "\x01", "\xff")}},
	{"udp dport 9000",
         {F(ethertype, "\x08\x00", "\xff\xff"), F(ip_proto, "\x11", "\xff"),
          F(dst_port, "\x23\x28", "\xff\xff")}},
	{"tcp sport 80",
         {F(ethertype, "\x08\x00", "\xff\xff"), F(ip_proto, "\x06", "\xff"),
          F(src_port, "\x00\x50", "\xff\xff")}},
	{"  udp\tsport 1  dport 2 ",
         {F(ethertype, "\x08\x00", "\xff\xff"), F(ip_proto, "\x11", "\xff"),
          F(src_port, "\x00\x01", "\xff\xff"), F(dst_port, "\x00\x02", "\xff\xff")}},
	{"vlan 7 ip src 10.0.0.1 udp dport 9",
         {F(vlan, "\x00\x07", "\x0f\xff"), F(tagged, "\x01", "\xff"),
          F(ethertype, "\x08\x00", "\xff\xff"),
          F(src_ip, "\x0a\x00\x00\x01", "\xff\xff\xff\xff"), F(ip_proto, "\x11", "\xff"),
          F(dst_port, "\x00\x09", "\xff\xff")}},
	{"udp dport 9 ip6",
         {F(ethertype, "\x86\xdd", "\xff\xff"), F(ip_proto, "\x11", "\xff"),
          F(dst_port, "\x00\x09", "\xff\xff")}},
	{"arp vlan 1",
         {F(ethertype, "\x08\x06", "\xff\xff"), F(tagged, "\x01", "\xff"),
          F(vlan, "\x00\x01", "\x0f\xff")}},
	{"vxlan vni 0x10203",
         {F(ethertype, "\x08\x00", "\xff\xff"), F(ip_proto, "\x11", "\xff"),
          F(dst_port, "\x12\xb5", "\xff\xff"),
          F(tunnel_id, "\x00\x01\x02\x03", "\x00\xff\xff\xff")}},
	{"ip6 gre key 5 protocol 0x6558",
         {F(ethertype, "\x86\xdd", "\xff\xff"), F(ip_proto, "\x2f", "\xff"),
          F(tunnel_id, "\x00\x00\x00\x05", "\xff\xff\xff\xff"),
          F(tunnel_protocol, "\x65\x58", "\xff\xff")}},
	{"icmp6", {F(ethertype, "\x86\xdd", "\xff\xff"), F(ip_proto, "\x3a", "\xff")}},
	{"udp proto 17",
         {F(ethertype, "\x08\x00", "\xff\xff"), F(ip_proto, "\x11", "\xff")}},
};

/* Refused, and the letters that the caret stands under. */
static const struct {
	const char *text, *at;
} bad[] = {
	{"", ""},
	{"udp dprot 9", "dprot"},
	{"udp dport", ""},
	{"udp dport 65536", "65536"},
	{"udp dport 9x", "9x"},
	{"udp dport -1", "-1"},
	{"dport 9", "dport"},
	{"icmp dport 9", "dport"},
	{"src 10.0.0.1", "src"},
	{"udp src 10.0.0.1", "src"},
	{"ip src 10.0.0", "10.0.0"},
	{"ip src 10.0.0.0/33", "10.0.0.0/33"},
	{"ip src 10.0.0.0/", "10.0.0.0/"},
	{"ip src 10.0.0.1/24", "10.0.0.1/24"},
	{"ip src 2001:db8::1", "2001:db8::1"},
	{"ip6 src 10.0.0.1", "10.0.0.1"},
	{"vlan 4096", "4096"},
	{"ethertype 0x5ff", "0x5ff"},
	{"ethertype 0x10000", "0x10000"},
	{"proto 256", "256"},
	{"dst-mac 02:00:00:00:00", "02:00:00:00:00"},
	{"dst-mac 02:00:00:00:00:01:02", "02:00:00:00:00:01:02"},
	{"dst-mac 02:00:00:00:00:0g", "02:00:00:00:00:0g"},
	{"all udp", "udp"},
	{"udp all", "all"},
	{"udp tcp", "tcp"},
	{"ip ethertype 0x88b5", "0x88b5"},
	{"vlan 5 untagged", "untagged"},
	{"tcp dport 80 dport 81", "81"},
	{"ip icmp6", "icmp6"},
	{"udp dport 10-9", "10-9"},
	{"udp dport 9-", "9-"},
	{"udp dport 9-65536", "9-65536"},
	{"vni 5", "vni"},
	{"gre vni 5", "vni"},
	{"vxlan vni 0x1000000", "0x1000000"},
	{"udp rss colour", "colour"},
	{"udp rss-key 00", "00"},
	{"priority 1", ""},
	{"udp priority x", "x"},
	{"udp mark 0", "0"},
	{"udp queues 0", "0"},
	{"udp queues 2-1", "2-1"},
	{"udp queues 1,", "1,"},
	{"udp queues 1-9999", "1-9999"},
	{"udp drop copy", ""},
};

static void check_good(void)
{
	struct rawq_rule_opts want;
	struct rule rule;
	struct packet_error err;
	const struct field *f;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memset(&want, 0, sizeof(want));
		for (f = good[i].fields; f < good[i].fields + 6 && f->value; f++) {
			memcpy((char *)&want.value + f->offset, f->value, f->len);
			memcpy((char *)&want.mask + f->offset, f->mask, f->len);
		}
		ok(!rule_parse(good[i].text, &rule, &err), "'%s' is a rule",
		   good[i].text);
		ok(!memcmp(&rule.opts.value, &want.value, sizeof(want.value)),
		   "its value");
		ok(!memcmp(&rule.opts.mask, &want.mask, sizeof(want.mask)), "its mask");
		ok(!!rule_is_all(&rule.opts) == (i == 0), "only 'all' is all");
	}
}

/* Where the caret stands: the letters it marks, "" at the end. */
static void check_bad(void)
{
	struct rule rule;
	struct packet_error err;
	char marked[80];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		ok(rule_parse(bad[i].text, &rule, &err) == -1, "'%s' is refused",
		   bad[i].text);
		snprintf(marked, sizeof(marked), "%.*s", (int)err.len,
		         bad[i].text + err.at);
		ok(err.in == bad[i].text && !strcmp(marked, bad[i].at), "at '%s': %s; %s",
		   marked, err.text, err.hint);
		ok(err.text[0] && err.hint[0], "with a sentence and a hint");
	}
}

/* What becomes of a frame. */
static void check_actions(void)
{
	struct rule rule;
	struct packet_error err;

	ok(!rule_parse("udp dport 9 priority 3 mark 0x10 copy queues 2,4-6", &rule, &err),
	   "priority, mark, copy and queues");
	ok(rule.opts.priority == 3 && rule.opts.mark == 16 && rule.opts.copy,
	   "as they were said");
	ok(rule.queue_count == 4 && rule.queues[0] == 2 && rule.queues[1] == 4 &&
	           rule.queues[2] == 5 && rule.queues[3] == 6,
	   "queues in the order given, ranges written out");
	ok(!rule_parse("drop tcp dport 80", &rule, &err) && rule.is_drop,
	   "an action may stand anywhere");
	ok(!rule_parse("udp sport 7 dport 9000-9010 count", &rule, &err) &&
	           rule.opts.count && rule.opts.src_port_last == 0 &&
	           rule.opts.value.dst_port == htons(9000) &&
	           rule.opts.dst_port_last == htons(9010),
	   "a range of ports");
	ok(!rule_parse(
		   "udp rss dst-ip,sport rss-key "
		   "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021"
		   "22232425262728",
		   &rule, &err) &&
	           rule.opts.rss_fields == (RAWQ_RSS_DST_IP | RAWQ_RSS_SRC_PORT) &&
	           rule.opts.rss_key_len == 40 && rule.opts.rss_key[0] == 1 &&
	           rule.opts.rss_key[39] == 40,
	   "fields and key of the hash");
	ok(!rule_parse("all priority 7", &rule, &err) && rule_is_all(&rule.opts),
	   "all may have a priority");
}

/* What was written out is read in again as the same. */
static void check_format(void)
{
	struct rule rule, again;
	struct packet_error err;
	char text[160];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		rule_parse(good[i].text, &rule, &err);
		rule_format(&rule.opts, text, sizeof(text));
		ok(!rule_parse(text, &again, &err) &&
		           !memcmp(&again.opts, &rule.opts, sizeof(rule.opts)),
		   "'%s' is '%s'", good[i].text, text);
	}
}

int main(void)
{
	check_good();
	check_bad();
	check_actions();
	check_format();
	return done();
}
