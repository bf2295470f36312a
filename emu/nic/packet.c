/* SPDX-License-Identifier: BSD-2-Clause */
/* The card's parser: RFC 791, 8200 (extension headers), 7348 (VXLAN), 2784/2890 (GRE), 8926. */
#include "emu/nic/packet.h"

#include <string.h>

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_BRIDGED = 0x6558, /* Ethernet inside GRE and Geneve */
};
enum {
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_IPV4 = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_ESP = 50,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DSTOPTS = 60,
};
enum { PORT_VXLAN = 4789, PORT_VXLAN_GPE = 4790, PORT_GENEVE = 6081 };

/* Extension headers looked through before the parser gives up, as the card does at some depth. */
#define EXTENSIONS_MAX 8

static uint16_t be16_at(const struct packet *p, unsigned at)
{
	return (uint16_t)(p->head[at] << 8 | p->head[at + 1]);
}

static bool has(const struct packet *p, unsigned at, unsigned bytes)
{
	return at + bytes <= p->head_len;
}

/* What carries L4 above, if anything: kind and payload offset. */
static void parse_l4(const struct packet *p, struct packet_headers *h, unsigned at)
{
	unsigned len = 0;

	h->payload = (uint16_t)at;
	h->l4 = (uint16_t)at;
	if (h->fragment)
		return;
	switch (h->ip_proto) {
	case PROTO_TCP:
		if (!has(p, at, 20) || (p->head[at + 12] >> 4) < 5)
			return;
		h->l4_kind = L4_TCP;
		len = (p->head[at + 12] >> 4) * 4u;
		break;
	case PROTO_UDP:
		len = 8;
		h->l4_kind = has(p, at, len) ? L4_UDP : L4_NONE;
		break;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		len = 4;
		h->l4_kind = has(p, at, len) ? L4_ICMP : L4_NONE;
		break;
	case PROTO_ESP:
		len = 8;
		h->l4_kind = has(p, at, len) ? L4_ESP : L4_NONE;
		break;
	default:
		h->l4_kind = L4_OTHER;
		break;
	}
	if (h->l4_kind != L4_NONE)
		h->payload = (uint16_t)(at + len);
}

static void parse_ipv4(const struct packet *p, struct packet_headers *h, unsigned at)
{
	unsigned len;

	if (!has(p, at, 20) || p->head[at] >> 4 != 4)
		return;
	len = (p->head[at] & 15) * 4u;
	if (len < 20 || !has(p, at, len))
		return;
	h->l3_kind = L3_IPV4;
	h->l3 = (uint16_t)at;
	h->l3_len = be16_at(p, at + 2);
	h->ip_options = len > 20;
	h->ip_proto = p->head[at + 9];
	h->fragment =
		(be16_at(p, at + 6) & 0x3fff) != 0; /* more fragments, or an offset */
	parse_l4(p, h, at + len);
}

/* Bytes of the extension header at `at`, 0: not one. */
static unsigned extension_len(const struct packet *p, uint8_t proto, unsigned at)
{
	if (!has(p, at, 8))
		return 0;
	switch (proto) {
	case PROTO_HOPOPTS:
	case PROTO_ROUTING:
	case PROTO_DSTOPTS:
		return (p->head[at + 1] + 1u) * 8;
	case PROTO_FRAGMENT:
		return 8;
	case PROTO_AH:
		return (p->head[at + 1] + 2u) * 4;
	default:
		return 0;
	}
}

static void parse_ipv6(const struct packet *p, struct packet_headers *h, unsigned at)
{
	if (!has(p, at, 40) || p->head[at] >> 4 != 6)
		return;
	h->l3_kind = L3_IPV6;
	h->l3 = (uint16_t)at;
	h->l3_len = (uint16_t)(be16_at(p, at + 4) + 40);
	h->ip_proto = p->head[at + 6];
	at += 40;
	for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
		unsigned len = extension_len(p, h->ip_proto, at);

		if (!len || !has(p, at, len))
			break;
		h->ip_options = true;
		if (h->ip_proto == PROTO_FRAGMENT)
			h->fragment |= (be16_at(p, at + 2) & 0xfff9) != 0;
		h->ip_proto = p->head[at];
		at += len;
		if (h->fragment)
			break;
	}
	parse_l4(p, h, at);
}

static void parse_l3(const struct packet *p, struct packet_headers *h, unsigned at)
{
	h->payload = (uint16_t)at;
	if (h->ethertype == ETHERTYPE_IPV4)
		parse_ipv4(p, h, at);
	else if (h->ethertype == ETHERTYPE_IPV6)
		parse_ipv6(p, h, at);
}

static void parse_ethernet(const struct packet *p, struct packet_headers *h, unsigned at)
{
	uint16_t type;

	h->l2 = (uint16_t)at;
	if (!has(p, at, 14))
		return;
	at += 12;
	type = be16_at(p, at);
	while (h->vlans < 2 && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ) &&
	       has(p, at, 6)) {
		h->tpid[h->vlans] = type;
		h->vlan[h->vlans++] = be16_at(p, at + 2);
		at += 4;
		type = be16_at(p, at);
	}
	h->ethertype = type;
	parse_l3(p, h, at + 2);
}

/* What is inside the tunnel: Ethernet, or an IP packet of the ethertype. */
static void parse_inner(struct packet *p, enum packet_tunnel tunnel, unsigned header,
                        unsigned at, uint16_t type)
{
	p->tunnel = (uint8_t)tunnel;
	p->tunnel_hdr = (uint16_t)header;
	if (type == ETHERTYPE_BRIDGED) {
		parse_ethernet(p, &p->inner, at);
		return;
	}
	p->inner.no_l2 = true;
	p->inner.ethertype = type;
	parse_l3(p, &p->inner, at);
}

static void parse_gre(struct packet *p, unsigned at)
{
	unsigned len = 4;

	if (!has(p, at, 4) || (p->head[at + 1] & 7)) /* version 0 */
		return;
	len += p->head[at] & 0x80 ? 4 : 0; /* checksum */
	len += p->head[at] & 0x20 ? 4 : 0; /* key */
	len += p->head[at] & 0x10 ? 4 : 0; /* sequence */
	if (has(p, at, len))
		parse_inner(p, TUNNEL_GRE, at, at + len, be16_at(p, at + 2));
}

/* Next protocol of VXLAN-GPE: 1 IPv4, 2 IPv6, 3 Ethernet. */
static uint16_t gpe_ethertype(uint8_t next)
{
	static const uint16_t types[] = {0, ETHERTYPE_IPV4, ETHERTYPE_IPV6,
	                                 ETHERTYPE_BRIDGED};

	return next < 4 ? types[next] : 0;
}

static void parse_udp_tunnel(struct packet *p)
{
	unsigned at = p->outer.l4 + 8u, len;

	if (!has(p, at, 8))
		return;
	switch (be16_at(p, p->outer.l4 + 2u)) {
	case PORT_VXLAN:
		parse_inner(p, TUNNEL_VXLAN, at, at + 8, ETHERTYPE_BRIDGED);
		break;
	case PORT_VXLAN_GPE:
		parse_inner(p, TUNNEL_VXLAN_GPE, at, at + 8,
		            gpe_ethertype(p->head[at + 3]));
		break;
	case PORT_GENEVE:
		len = 8 + (p->head[at] & 0x3fu) * 4;
		if (has(p, at, len))
			parse_inner(p, TUNNEL_GENEVE, at, at + len, be16_at(p, at + 2));
		break;
	default:
		break;
	}
}

static void parse_tunnel(struct packet *p)
{
	const struct packet_headers *o = &p->outer;

	if (o->l3_kind == L3_NONE || o->fragment)
		return;
	if (o->l4_kind == L4_UDP)
		parse_udp_tunnel(p);
	else if (o->ip_proto == PROTO_GRE)
		parse_gre(p, o->l4);
	else if (o->ip_proto == PROTO_IPV4)
		parse_inner(p, TUNNEL_IPIP, o->l4, o->l4, ETHERTYPE_IPV4);
	else if (o->ip_proto == PROTO_IPV6)
		parse_inner(p, TUNNEL_IPIP, o->l4, o->l4, ETHERTYPE_IPV6);
}

void packet_parse(struct packet *p, const void *head, uint32_t head_len, uint32_t len)
{
	memset(&p->outer, 0, sizeof(p->outer));
	p->head = head;
	p->head_len = head_len < len ? head_len : len;
	p->len = len;
	p->tunnel = TUNNEL_NONE;
	parse_ethernet(p, &p->outer, 0);
	if (p->outer.l3_kind == L3_NONE)
		return;
	memset(&p->inner, 0, sizeof(p->inner));
	parse_tunnel(p);
}

const void *packet_peek(const struct iovec *segs, unsigned nsegs, uint8_t *buf,
                        uint32_t *head_len)
{
	uint32_t have = 0;

	if (nsegs == 1 || (nsegs && segs[0].iov_len >= PACKET_PEEK)) {
		*head_len = (uint32_t)segs[0].iov_len;
		return segs[0].iov_base;
	}
	for (unsigned i = 0; i < nsegs && have < PACKET_PEEK; i++) {
		uint32_t n = PACKET_PEEK - have;

		if (segs[i].iov_len < n)
			n = (uint32_t)segs[i].iov_len;
		memcpy(buf + have, segs[i].iov_base, n);
		have += n;
	}
	*head_len = have;
	return buf;
}
