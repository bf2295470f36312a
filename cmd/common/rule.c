/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of a rule, one table row each, to the value and mask of rawq_rule_opts. */
#include "rule.h"

#include "options.h"
#include "packet/expr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any word that means something: a list of queues. */
#define WORD_MAX 256

/* What src, dst, sport and dport speak of: the word before them. */
enum subject { NOTHING, IPV4, IPV6, PORTS, VXLAN, GRE };

struct parser {
	const char *text;
	struct span at; /* of the word */
	char word[WORD_MAX];
	struct rule *rule;
	enum subject subject;
	unsigned words; /* that say what is matched */
	bool all;
	struct packet_error *err;
};

struct keyword {
	const char *name;
	int (*take)(struct parser *p, const struct keyword *k);
	size_t offset; /* in rawq_rule_key */
	unsigned value;
	enum subject
		subject; /* of the words that follow; of src .. dport: the one needed */
};

__attribute__((format(printf, 3, 4))) static int refuse(struct parser *p,
                                                        const char *hint, const char *fmt,
                                                        ...)
{
	char text[sizeof(p->err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	expr_error(p->err, p->text, p->at, hint, "%s", text);
	return -1;
}

/* The next word; false at the end, which an error then points at. */
static bool next_word(struct parser *p)
{
	const char *from = p->text + p->at.at + p->at.len;
	size_t len;

	from += strspn(from, " \t");
	len = strcspn(from, " \t");
	p->at.at = (unsigned)(from - p->text);
	p->at.len = (unsigned)len;
	snprintf(p->word, sizeof(p->word), "%.*s", (int)len, from);
	return len > 0;
}

static int refuse_value(struct parser *p, const char *expected)
{
	if (!p->at.len)
		return refuse(p, expected, "the rule ends where a value is missing");
	return refuse(p, expected, "'%.80s' is not what belongs here", p->word);
}

/* Demand bits of a field; refused if an earlier word demands others. */
static int demand(struct parser *p, size_t offset, const void *value, const void *mask,
                  size_t len)
{
	uint8_t *v = (uint8_t *)&p->rule->opts.value + offset;
	uint8_t *m = (uint8_t *)&p->rule->opts.mask + offset;
	const uint8_t *new_v = value, *new_m = mask;
	size_t i;

	for (i = 0; i < len; i++) {
		if ((v[i] ^ new_v[i]) & m[i] & new_m[i])
			return refuse(p, "a frame cannot match both",
			              "'%.80s' contradicts an earlier word", p->word);
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

/* A number with nothing behind it, 0x for hexadecimal. */
static bool read_number(const char *text, unsigned long min, unsigned long max,
                        unsigned *out)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoul(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	if (errno || *end || n < min || n > max)
		return false;
	*out = (unsigned)n;
	return true;
}

/* The next word as a number. */
static int take_number(struct parser *p, unsigned long min, unsigned long max,
                       const char *expected, unsigned *out)
{
	if (next_word(p) && read_number(p->word, min, max, out))
		return 0;
	refuse_value(p, expected);
	return -1;
}

static int take_all(struct parser *p, const struct keyword *k)
{
	(void)k;
	p->all = true;
	return 0;
}

bool mac_parse(const char *text, uint8_t mac[6])
{
	unsigned b[6];
	int i, end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4],
	           &b[5], &end) != 6 ||
	    text[end] || end < 11 || strpbrk(text, "xX+- "))
		return false;
	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return true;
}

static int take_mac(struct parser *p, const struct keyword *k)
{
	static const uint8_t ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t mac[6];

	if (!next_word(p) || !mac_parse(p->word, mac))
		return refuse_value(p, "expected a MAC address, as 02:00:00:00:00:01");
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

/* icmp6 is of IPv6 alone (RFC 4443). */
static int take_icmp6(struct parser *p, const struct keyword *k)
{
	if (take_layer4(p, k))
		return -1;
	return demand16(p, offsetof(struct rawq_rule_key, ethertype), 0x86dd, 0xffff);
}

/* src and dst of ip and ip6 */
static int take_address(struct parser *p, const struct keyword *k)
{
	static const char expected[] = "expected an address of that IP version, with or "
				       "without /prefix";
	uint8_t address[16] = {0}, mask[16] = {0};
	unsigned bits = p->subject == IPV4 ? 32 : 128;
	unsigned prefix = bits, i;
	char *slash;

	if (p->subject != IPV4 && p->subject != IPV6)
		return refuse(p, "goes with ip or ip6, as: ip src 10.0.0.1",
		              "'%s' of what?", p->word);
	if (!next_word(p))
		return refuse_value(p, expected);
	slash = strchr(p->word, '/');
	if (slash) {
		if (!read_number(slash + 1, 0, bits, &prefix))
			return refuse_value(p, expected);
		*slash = '\0';
	}
	if (inet_pton(p->subject == IPV4 ? AF_INET : AF_INET6, p->word, address) != 1)
		return refuse_value(p, expected);
	for (i = 0; i < prefix; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	for (i = 0; i < sizeof(address); i++)
		if (address[i] & (uint8_t)~mask[i])
			return refuse(p, "leave the bits behind the prefix 0",
			              "%s has bits set behind /%u", p->word, prefix);
	return demand(p, k->offset, address, mask, sizeof(address));
}

/* sport and dport of udp, tcp and sctp */
static int take_port(struct parser *p, const struct keyword *k)
{
	static const char expected[] = "expected a port or a range, as 9000-9010";
	uint16_t *last =
		k->value ? &p->rule->opts.dst_port_last : &p->rule->opts.src_port_last;
	unsigned port, to = 0;
	char *dash;

	if (p->subject != PORTS)
		return refuse(p, "goes with udp, tcp or sctp, as: udp dport 9",
		              "'%s' of what?", p->word);
	if (!next_word(p))
		return refuse_value(p, expected);
	dash = strchr(p->word, '-');
	if (dash)
		*dash++ = '\0';
	if (!read_number(p->word, 0, 65535, &port) ||
	    (dash && !read_number(dash, port, 65535, &to)) || *last)
		return refuse_value(p, expected);
	*last = htons((uint16_t)(dash && to > port ? to : 0));
	return demand16(p, k->offset, port, 0xffff);
}

/* ---- tunnels -------------------------------------------------------------- */

/* RFC 7348 section 5: over UDP to port 4789 */
static int take_vxlan(struct parser *p, const struct keyword *k)
{
	p->subject = k->subject;
	if (demand8(p, offsetof(struct rawq_rule_key, ip_proto), 17))
		return -1;
	return demand16(p, offsetof(struct rawq_rule_key, dst_port), 4789, 0xffff);
}

/* vni of vxlan; key and protocol of gre */
static int take_tunnel(struct parser *p, const struct keyword *k)
{
	unsigned id;
	uint32_t v, m = htonl(k->value);

	if (p->subject != k->subject)
		return refuse(p,
		              k->subject == VXLAN ? "goes with vxlan, as: vxlan vni 5"
		                                  : "goes with gre, as: gre key 5",
		              "'%s' of what?", p->word);
	if (take_number(p, 0, k->value, "expected a number that the field has room for",
	                &id))
		return -1;
	if (k->offset == offsetof(struct rawq_rule_key, tunnel_protocol))
		return demand16(p, k->offset, id, 0xffff);
	v = htonl(id);
	return demand(p, k->offset, &v, &m, sizeof(v));
}

/* ---- what becomes of it --------------------------------------------------- */

static int take_drop(struct parser *p, const struct keyword *k)
{
	(void)k;
	p->rule->is_drop = true;
	return 0;
}

static int take_copy(struct parser *p, const struct keyword *k)
{
	(void)k;
	p->rule->opts.copy = 1;
	return 0;
}

static int take_mark(struct parser *p, const struct keyword *k)
{
	(void)k;
	return take_number(p, 1, UINT32_MAX, "expected a mark, 1 to 0xffffffff",
	                   &p->rule->opts.mark);
}

static int take_priority(struct parser *p, const struct keyword *k)
{
	(void)k;
	return take_number(p, 0, UINT32_MAX,
	                   "expected a priority; 0 is asked first, then 1, ..",
	                   &p->rule->opts.priority);
}

/* 1,3-4 */
static int take_queues(struct parser *p, const struct keyword *k)
{
	static const char expected[] = "expected queue numbers from 1, as 1,3-4";
	char *item, *rest, *dash;
	unsigned from, to;

	(void)k;
	if (!next_word(p) || p->rule->queue_count || p->word[0] == ',' ||
	    p->word[strlen(p->word) - 1] == ',' || strstr(p->word, ",,"))
		return refuse_value(p, expected);
	for (item = strtok_r(p->word, ",", &rest); item;
	     item = strtok_r(NULL, ",", &rest)) {
		dash = strchr(item, '-');
		if (dash)
			*dash++ = '\0';
		if (!read_number(item, 1, UINT16_MAX, &from) ||
		    !read_number(dash ? dash : item, from, UINT16_MAX, &to) ||
		    to - from >= RULE_QUEUES_MAX - p->rule->queue_count)
			return refuse_value(p, expected);
		while (from <= to)
			p->rule->queues[p->rule->queue_count++] = (uint16_t)from++;
	}
	return p->rule->queue_count ? 0 : refuse_value(p, expected);
}

/* src-ip,dst-ip,sport,dport */
static int take_rss(struct parser *p, const struct keyword *k)
{
	static const char *const names[] = {"src-ip", "dst-ip", "sport", "dport"};
	static const char expected[] = "expected fields, as src-ip,dst-ip,sport,dport";
	char *item, *rest;
	unsigned i;

	(void)k;
	if (!next_word(p))
		return refuse_value(p, expected);
	for (item = strtok_r(p->word, ",", &rest); item;
	     item = strtok_r(NULL, ",", &rest)) {
		for (i = 0; i < 4 && strcmp(item, names[i]);)
			i++;
		if (i == 4)
			return refuse_value(p, expected);
		p->rule->opts.rss_fields |= 1u << i; /* RAWQ_RSS_*, in this order */
	}
	return p->rule->opts.rss_fields ? 0 : refuse_value(p, expected);
}

static int take_rss_key(struct parser *p, const struct keyword *k)
{
	struct rule *r = p->rule;
	unsigned i, byte;

	(void)k;
	if (!next_word(p) || strlen(p->word) != 2 * sizeof(r->rss_key) ||
	    strspn(p->word, "0123456789abcdefABCDEF") != p->at.len)
		return refuse_value(p,
		                    "expected 80 hexadecimal digits, the 40 bytes of a "
		                    "Toeplitz key");
	for (i = 0; i < sizeof(r->rss_key); i++) {
		sscanf(p->word + 2 * (size_t)i, "%2x", &byte);
		r->rss_key[i] = (uint8_t)byte;
	}
	r->opts.rss_key = r->rss_key;
	r->opts.rss_key_len = sizeof(r->rss_key);
	return 0;
}

static int take_count(struct parser *p, const struct keyword *k)
{
	(void)k;
	p->rule->opts.count = 1;
	return 0;
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
	{"icmp6", take_icmp6, KEY(ip_proto), 58, NOTHING},
	{"tcp", take_layer4, KEY(ip_proto), 6, PORTS},
	{"udp", take_layer4, KEY(ip_proto), 17, PORTS},
	{"sctp", take_layer4, KEY(ip_proto), 132, PORTS},
	{"sport", take_port, KEY(src_port), 0, NOTHING},
	{"dport", take_port, KEY(dst_port), 1, NOTHING},
	{"vxlan", take_vxlan, 0, 0, VXLAN},
	{"vni", take_tunnel, KEY(tunnel_id), 0xffffff, VXLAN},
	{"gre", take_layer4, KEY(ip_proto), 47, GRE},
	{"key", take_tunnel, KEY(tunnel_id), 0xffffffff, GRE},
	{"protocol", take_tunnel, KEY(tunnel_protocol), 0xffff, GRE},
};

static const struct keyword actions[] = {
	{"drop", take_drop, 0, 0, NOTHING},
	{"copy", take_copy, 0, 0, NOTHING},
	{"mark", take_mark, 0, 0, NOTHING},
	{"priority", take_priority, 0, 0, NOTHING},
	{"queues", take_queues, 0, 0, NOTHING},
	{"rss", take_rss, 0, 0, NOTHING},
	{"rss-key", take_rss_key, 0, 0, NOTHING},
	{"count", take_count, 0, 0, NOTHING},
};

#define COUNT(array) (sizeof(array) / sizeof(array[0]))

static int refuse_unknown(struct parser *p)
{
	const char *names[COUNT(keywords) + COUNT(actions) + 1];
	char hint[sizeof(p->err->hint)];
	const char *near;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < COUNT(keywords); i++)
		names[n++] = keywords[i].name;
	for (i = 0; i < COUNT(actions); i++)
		names[n++] = actions[i].name;
	names[n] = NULL;
	near = nearest_name(p->word, names);
	if (near)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", near);
	else
		snprintf(hint, sizeof(hint),
		         "all dst-mac src-mac vlan tagged untagged ethertype arp ip ip6 "
		         "src dst proto icmp icmp6 tcp udp sctp sport dport vxlan gre; "
		         "drop copy mark priority queues rss rss-key count");
	return refuse(p, hint, "'%.80s' is no word of rules", p->word);
}

static int take_word(struct parser *p)
{
	size_t i;

	for (i = 0; i < COUNT(actions); i++)
		if (!strcmp(p->word, actions[i].name))
			return actions[i].take(p, &actions[i]);
	for (i = 0; i < COUNT(keywords); i++)
		if (!strcmp(p->word, keywords[i].name))
			break;
	if (i == COUNT(keywords))
		return refuse_unknown(p);
	p->words++;
	if ((p->all || !strcmp(p->word, "all")) && p->words > 1)
		return refuse(p, "say only 'all', or only what narrows it",
		              "'all' is every frame: it stands alone");
	return keywords[i].take(p, &keywords[i]);
}

int rule_parse(const char *text, struct rule *out, struct packet_error *err)
{
	struct parser p = {.text = text, .err = err, .rule = out};

	memset(out, 0, sizeof(*out));
	out->text = text;
	out->opts.size = sizeof(out->opts);
	while (next_word(&p)) {
		if (take_word(&p))
			return -1;
	}
	if (!p.words)
		return refuse(&p, "as: udp dport 9", "the rule says not what to match");
	if (out->is_drop && (out->queue_count || out->opts.copy || out->opts.mark))
		return refuse(&p, "what is dropped comes to no queue",
		              "'drop' goes without queues, copy and mark");
	if (out->opts.mask.ip_proto && !out->opts.mask.ethertype)
		demand16(&p, offsetof(struct rawq_rule_key, ethertype), 0x0800, 0xffff);
	return 0;
}

bool rule_is_all(const struct rawq_rule_opts *opts)
{
	static const struct rawq_rule_key none;

	return !memcmp(&opts->mask, &none, sizeof(none));
}

int rule_narrow(struct rawq_rule_opts *opts, const struct rawq_rule_opts *by)
{
	uint8_t *v = (uint8_t *)&opts->value, *m = (uint8_t *)&opts->mask;
	const uint8_t *bv = (const uint8_t *)&by->value;
	const uint8_t *bm = (const uint8_t *)&by->mask;
	size_t i;

	for (i = 0; i < sizeof(opts->value); i++) {
		if ((v[i] ^ bv[i]) & m[i] & bm[i])
			return -1; /* presets ask for no ports, so ranges stay as they are */
		v[i] |= bv[i];
		m[i] |= bm[i];
	}
	return 0;
}
