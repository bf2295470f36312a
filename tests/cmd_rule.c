/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule texts against keys written by hand, byte by byte in network order. */
#include "tap.h"
#include "common/rule.h"

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
	{"udp proto 17",
         {F(ethertype, "\x08\x00", "\xff\xff"), F(ip_proto, "\x11", "\xff")}},
};

/* Refused, and the word that the sentence points at. */
static const struct {
	const char *text, *at;
} bad[] = {
	{"", "at 'end'"},
	{"udp dprot 9", "at 'dprot'"},
	{"udp dport", "at 'end'"},
	{"udp dport 65536", "at '65536'"},
	{"udp dport 9x", "at '9x'"},
	{"udp dport -1", "at '-1'"},
	{"dport 9", "at 'dport'"},
	{"icmp dport 9", "at 'dport'"},
	{"src 10.0.0.1", "at 'src'"},
	{"udp src 10.0.0.1", "at 'src'"},
	{"ip src 10.0.0", "at '10.0.0'"},
	{"ip src 10.0.0.0/33", "at '10.0.0.0/33'"},
	{"ip src 10.0.0.0/", "at '10.0.0.0/'"},
	{"ip src 10.0.0.1/24", "at '10.0.0.1'"},
	{"ip src 2001:db8::1", "at '2001:db8::1'"},
	{"ip6 src 10.0.0.1", "at '10.0.0.1'"},
	{"vlan 4096", "at '4096'"},
	{"ethertype 0x5ff", "at '0x5ff'"},
	{"ethertype 0x10000", "at '0x10000'"},
	{"proto 256", "at '256'"},
	{"dst-mac 02:00:00:00:00", "at '02:00:00:00:00'"},
	{"dst-mac 02:00:00:00:00:01:02", "at '02:00:00:00:00:01:02'"},
	{"dst-mac 02:00:00:00:00:0g", "at '02:00:00:00:00:0g'"},
	{"all udp", "'all' stands alone"},
	{"udp all", "'all' stands alone"},
	{"udp tcp", "at 'tcp'"},
	{"ip ethertype 0x88b5", "contradicts"},
	{"vlan 5 untagged", "contradicts"},
	{"tcp dport 80 dport 81", "contradicts"},
};

static void check_good(void)
{
	struct rawq_rule_opts opts, want;
	struct rule_error err;
	const struct field *f;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memset(&opts, 0, sizeof(opts));
		memset(&want, 0, sizeof(want));
		for (f = good[i].fields; f < good[i].fields + 6 && f->value; f++) {
			memcpy((char *)&want.value + f->offset, f->value, f->len);
			memcpy((char *)&want.mask + f->offset, f->mask, f->len);
		}
		ok(!rule_parse(good[i].text, &opts, &err), "'%s' is a rule",
		   good[i].text);
		ok(!memcmp(&opts.value, &want.value, sizeof(want.value)), "its value");
		ok(!memcmp(&opts.mask, &want.mask, sizeof(want.mask)), "its mask");
		ok(!!rule_is_all(&opts) == (i == 0), "only 'all' is all");
	}
}

static void check_bad(void)
{
	struct rawq_rule_opts opts;
	struct rule_error err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		ok(rule_parse(bad[i].text, &opts, &err) == -1, "'%s' is refused",
		   bad[i].text);
		ok(strstr(err.text, bad[i].at) != NULL, "with %s: %s", bad[i].at,
		   err.text);
	}
}

int main(void)
{
	check_good();
	check_bad();
	return done();
}
