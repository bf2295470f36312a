/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules written in the words that rule.c reads. */
#include "rule.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *fmt,
                                                      ...)
{
	va_list ap;
	int n;

	if (w->used && w->used + 1 < w->size)
		w->text[w->used++] = ' ';
	va_start(ap, fmt);
	n = vsnprintf(w->text + w->used, w->size - w->used, fmt, ap);
	va_end(ap);
	w->used += n > 0 ? (size_t)n : 0;
	if (w->used >= w->size)
		w->used = w->size - 1;
}

static void put_mac(struct writer *w, const char *name, const uint8_t *v,
                    const uint8_t *m)
{
	static const uint8_t none[6];

	if (memcmp(m, none, 6))
		put(w, "%s %02x:%02x:%02x:%02x:%02x:%02x", name, v[0], v[1], v[2], v[3],
		    v[4], v[5]);
}

static void put_address(struct writer *w, const char *name, bool v6, const uint8_t *v,
                        const uint8_t *m)
{
	char text[INET6_ADDRSTRLEN];
	unsigned prefix = 0, bits = v6 ? 128 : 32;

	while (prefix < bits && (m[prefix / 8] & (0x80 >> (prefix % 8))))
		prefix++;
	if (!prefix)
		return;
	inet_ntop(v6 ? AF_INET6 : AF_INET, v, text, sizeof(text));
	if (prefix == bits)
		put(w, "%s %s", name, text);
	else
		put(w, "%s %s/%u", name, text, prefix);
}

static void put_tag(struct writer *w, const struct rawq_rule_opts *o)
{
	if (o->mask.vlan)
		put(w, "vlan %u", ntohs(o->value.vlan) & 0x0fff);
	else if (o->mask.tagged)
		put(w, o->value.tagged ? "tagged" : "untagged");
}

static void put_port(struct writer *w, const char *name, uint16_t first, uint16_t last)
{
	if (last && last != first)
		put(w, "%s %u-%u", name, ntohs(first), ntohs(last));
	else
		put(w, "%s %u", name, ntohs(first));
}

static void put_layer4(struct writer *w, const struct rawq_rule_opts *o)
{
	static const struct {
		uint8_t proto;
		const char *name;
	} names[] = {{1, "icmp"}, {6, "tcp"},    {17, "udp"},
	             {47, "gre"}, {58, "icmp6"}, {132, "sctp"}};
	unsigned i = 0, count = sizeof(names) / sizeof(names[0]);

	if (!o->mask.ip_proto)
		return;
	while (i < count && names[i].proto != o->value.ip_proto)
		i++;
	if (i < count)
		put(w, "%s", names[i].name);
	else
		put(w, "proto %u", o->value.ip_proto);
	if (o->mask.src_port)
		put_port(w, "sport", o->value.src_port, o->src_port_last);
	if (o->mask.dst_port)
		put_port(w, "dport", o->value.dst_port, o->dst_port_last);
	if (o->mask.tunnel_id && o->value.ip_proto == 47)
		put(w, "key %u", ntohl(o->value.tunnel_id));
	else if (o->mask.tunnel_id)
		put(w, "vxlan vni %u", ntohl(o->value.tunnel_id));
	if (o->mask.tunnel_protocol)
		put(w, "protocol 0x%04x", ntohs(o->value.tunnel_protocol));
}

static void put_layer3(struct writer *w, const struct rawq_rule_opts *o)
{
	uint16_t type = ntohs(o->value.ethertype);
	bool v6 = type == 0x86dd;

	if (!o->mask.ethertype)
		return;
	if (type == 0x0800)
		put(w, "ip");
	else if (v6)
		put(w, "ip6");
	else if (type == 0x0806)
		put(w, "arp");
	else
		put(w, "ethertype 0x%04x", type);
	put_address(w, "src", v6, o->value.src_ip, o->mask.src_ip);
	put_address(w, "dst", v6, o->value.dst_ip, o->mask.dst_ip);
	put_layer4(w, o);
}

void rule_format(const struct rawq_rule_opts *o, char *text, size_t size)
{
	struct writer w = {text, size, 0};

	text[0] = '\0';
	if (rule_is_all(o))
		put(&w, "all");
	put_mac(&w, "dst-mac", o->value.dst_mac, o->mask.dst_mac);
	put_mac(&w, "src-mac", o->value.src_mac, o->mask.src_mac);
	put_tag(&w, o);
	put_layer3(&w, o);
	if (o->copy)
		put(&w, "copy");
	if (o->mark)
		put(&w, "mark %u", o->mark);
	if (o->priority)
		put(&w, "priority %u", o->priority);
}
