/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of a rule, one table row each, to the value and mask of rawq_rule_opts. */
#include "rule.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any word that means something: an IPv6 address with its prefix. */
#define WORD_MAX 64

/* What src, dst, sport and dport speak of: the word before them. */
enum subject { NOTHING, IPV4, IPV6, PORTS };

struct parser {
	const char *text; /* what is left */
	char word[WORD_MAX];
	struct rawq_rule_key value, mask;
	enum subject subject;
	unsigned words;
	bool all;
	struct rule_error *err;
};

struct keyword {
	const char *name;
	int (*take)(struct parser *p, const struct keyword *k);
	size_t offset; /* in rawq_rule_key */
	unsigned value;
	enum subject
		subject; /* of the words that follow; of src .. dport: the one needed */
};

static int refuse(struct parser *p, const char *expected)
{
	snprintf(p->err->text, sizeof(p->err->text), "at '%s': %s", p->word, expected);
	return -1;
}

/* The next word; false at the end, with the word set to what an error is to show. */
static bool next_word(struct parser *p)
{
	size_t len;

	p->text += strspn(p->text, " \t");
	len = strcspn(p->text, " \t");
	snprintf(p->word, sizeof(p->word), "%.*s", (int)(len ? len : 3),
	         len ? p->text : "end");
	p->text += len;
	return len > 0;
}

/* Demand bits of a field; refused if an earlier word demands others. */
static int demand(struct parser *p, size_t offset, const void *value, const void *mask,
                  size_t len)
{
	uint8_t *v = (uint8_t *)&p->value + offset, *m = (uint8_t *)&p->mask + offset;
	const uint8_t *new_v = value, *new_m = mask;
	size_t i;

	for (i = 0; i < len; i++) {
		if ((v[i] ^ new_v[i]) & m[i] & new_m[i])
			return refuse(p, "contradicts an earlier word");
		v[i] |= new_v[i];
		m[i] |= new_m[i];
	}
	return 0;
}

static int demand8(struct parser *p, size_t offset, unsigned value)
{
	uint8_t v = (uint8_t)value, m = 0xff;

	return demand(p, offset, &v, &m, 1);
}

static int demand16(struct parser *p, size_t offset, unsigned value, unsigned mask)
{
	uint16_t v = htons((uint16_t)value), m = htons((uint16_t)mask);

	return demand(p, offset, &v, &m, 2);
}

/* The next word as a number, 0x for hexadecimal. */
static int take_number(struct parser *p, unsigned min, unsigned max, const char *expected,
                       unsigned *out)
{
	unsigned long n;
	char *end;

	if (!next_word(p) || !isdigit((unsigned char)p->word[0]))
		return refuse(p, expected);
	errno = 0;
	n = strtoul(p->word, &end, strncmp(p->word, "0x", 2) ? 10 : 16);
	if (errno || *end || n < min || n > max)
		return refuse(p, expected);
	*out = (unsigned)n;
	return 0;
}

static int take_all(struct parser *p, const struct keyword *k)
{
	(void)k;
	p->all = true;
	return 0;
}

static int take_mac(struct parser *p, const struct keyword *k)
{
	static const uint8_t ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	unsigned b[6];
	uint8_t mac[6];
	int i, end = 0;

	if (!next_word(p) ||
	    sscanf(p->word, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3],
	           &b[4], &b[5], &end) != 6 ||
	    p->word[end] || end < 11 || strpbrk(p->word, "xX+-"))
		return refuse(p, "expected a MAC address, as 02:00:00:00:00:01");
	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return demand(p, k->offset, mac, ones, 6);
}

static int take_vlan(struct parser *p, const struct keyword *k)
{
	unsigned id;

	if (take_number(p, 0, 4095, "expected a VLAN id, 0 to 4095", &id) ||
	    demand8(p, offsetof(struct rawq_rule_key, tagged), 1))
		return -1;
	return demand16(p, k->offset, id, 0x0fff);
}

static int take_tagged(struct parser *p, const struct keyword *k)
{
	return demand8(p, k->offset, k->value);
}

static int take_ethertype(struct parser *p, const struct keyword *k)
{
	unsigned type;

	/* IEEE 802.3: below 0x600 it is a length. */
	if (take_number(p, 0x600, 0xffff, "expected an ethertype, 0x600 to 0xffff",
	                &type))
		return -1;
	return demand16(p, k->offset, type, 0xffff);
}

/* arp, ip, ip6 */
static int take_layer3(struct parser *p, const struct keyword *k)
{
	p->subject = k->subject;
	return demand16(p, k->offset, k->value, 0xffff);
}

static int take_proto(struct parser *p, const struct keyword *k)
{
	unsigned proto;

	if (take_number(p, 0, 255, "expected an IP protocol number, 0 to 255", &proto))
		return -1;
	return demand8(p, k->offset, proto);
}

/* udp, tcp, sctp, icmp */
static int take_layer4(struct parser *p, const struct keyword *k)
{
	p->subject = k->subject;
	return demand8(p, k->offset, k->value);
}

/* src and dst of ip and ip6 */
static int take_address(struct parser *p, const struct keyword *k)
{
	static const char expected[] = "expected an address of that IP version, with or "
				       "without /prefix";
	uint8_t address[16] = {0}, mask[16] = {0};
	unsigned bits = p->subject == IPV4 ? 32 : 128;
	unsigned prefix = bits, i;
	char *slash, *end;

	if (p->subject != IPV4 && p->subject != IPV6)
		return refuse(p, "goes with ip or ip6, as: ip src 10.0.0.1");
	if (!next_word(p))
		return refuse(p, expected);
	slash = strchr(p->word, '/');
	if (slash) {
		if (!isdigit((unsigned char)slash[1]))
			return refuse(p, expected);
		prefix = (unsigned)strtoul(slash + 1, &end, 10);
		if (*end || prefix > bits)
			return refuse(p, expected);
		*slash = '\0';
	}
	if (inet_pton(p->subject == IPV4 ? AF_INET : AF_INET6, p->word, address) != 1)
		return refuse(p, expected);
	for (i = 0; i < prefix; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	for (i = 0; i < sizeof(address); i++)
		if (address[i] & (uint8_t)~mask[i])
			return refuse(p, "has bits set behind its prefix");
	return demand(p, k->offset, address, mask, sizeof(address));
}

/* sport and dport of udp, tcp and sctp */
static int take_port(struct parser *p, const struct keyword *k)
{
	unsigned port;

	if (p->subject != PORTS)
		return refuse(p, "goes with udp, tcp or sctp, as: udp dport 9");
	if (take_number(p, 0, 65535, "expected a port, 0 to 65535", &port))
		return -1;
	return demand16(p, k->offset, port, 0xffff);
}

#define KEY(field) offsetof(struct rawq_rule_key, field)

static const struct keyword keywords[] = {
	{"all", take_all, 0, 0, NOTHING},
	{"dst-mac", take_mac, KEY(dst_mac), 0, NOTHING},
	{"src-mac", take_mac, KEY(src_mac), 0, NOTHING},
	{"vlan", take_vlan, KEY(vlan), 0, NOTHING},
	{"tagged", take_tagged, KEY(tagged), 1, NOTHING},
	{"untagged", take_tagged, KEY(tagged), 0, NOTHING},
	{"ethertype", take_ethertype, KEY(ethertype), 0, NOTHING},
	{"arp", take_layer3, KEY(ethertype), 0x0806, NOTHING},
	{"ip", take_layer3, KEY(ethertype), 0x0800, IPV4},
	{"ip6", take_layer3, KEY(ethertype), 0x86dd, IPV6},
	{"src", take_address, KEY(src_ip), 0, NOTHING},
	{"dst", take_address, KEY(dst_ip), 0, NOTHING},
	{"proto", take_proto, KEY(ip_proto), 0, NOTHING},
	{"icmp", take_layer4, KEY(ip_proto), 1, NOTHING},
	{"tcp", take_layer4, KEY(ip_proto), 6, PORTS},
	{"udp", take_layer4, KEY(ip_proto), 17, PORTS},
	{"sctp", take_layer4, KEY(ip_proto), 132, PORTS},
	{"sport", take_port, KEY(src_port), 0, NOTHING},
	{"dport", take_port, KEY(dst_port), 0, NOTHING},
	{NULL, NULL, 0, 0, NOTHING},
};

static int take_keyword(struct parser *p)
{
	const struct keyword *k;

	for (k = keywords; k->name; k++)
		if (!strcmp(p->word, k->name))
			return k->take(p, k);
	return refuse(
		p, "not a word of rules: all, dst-mac, src-mac, vlan, tagged, untagged, "
		   "ethertype, arp, ip, ip6, proto, icmp, tcp, udp, sctp");
}

int rule_parse(const char *text, struct rawq_rule_opts *opts, struct rule_error *err)
{
	struct parser p = {.text = text, .err = err};

	while (next_word(&p)) {
		p.words++;
		if (take_keyword(&p))
			return -1;
		if (p.all && p.words > 1)
			return refuse(&p, "'all' stands alone");
	}
	if (!p.words)
		return refuse(&p, "expected a rule, as: udp dport 9");
	if (p.mask.ip_proto && !p.mask.ethertype)
		demand16(&p, offsetof(struct rawq_rule_key, ethertype), 0x0800, 0xffff);
	opts->value = p.value;
	opts->mask = p.mask;
	return 0;
}

int rule_is_all(const struct rawq_rule_opts *opts)
{
	static const struct rawq_rule_key none;

	return !memcmp(&opts->mask, &none, sizeof(none));
}
