/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RFC 793, 3168 and 6864 as segmentation offload uses them: sequence numbers grow by what went
 * before, IPv4 identification by one per segment; FIN and PSH belong to the last segment, CWR
 * to the first.
 */
#include "emu/nic/tso.h"

#include <stddef.h>

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static const struct packet_headers *innermost(const struct packet *p)
{
	return p->tunnel == TUNNEL_NONE ? &p->outer : &p->inner;
}

const char *tso_refusal(const struct packet *p)
{
	const struct packet_headers *h = innermost(p);

	if (h->l3_kind == L3_NONE || h->l4_kind != L4_TCP || h->fragment)
		return "its inline header is not TCP over IPv4 or IPv6";
	if (p->head_len < h->l4 + 20u ||
	    p->head_len != h->l4 + (p->head[h->l4 + 12] >> 4) * 4u)
		return "its inline header does not end where the TCP header does";
	return NULL;
}

/* IP (and in a tunnel UDP) lengths count what follows; total is the frame's length now. */
static void edit_lengths(uint8_t *head, const struct packet_headers *h, uint32_t index,
                         uint32_t total)
{
	uint8_t *ip = head + h->l3;

	if (h->l3_kind == L3_IPV4) {
		put16(ip + 2, total - h->l3);
		put16(ip + 4, ((uint32_t)ip[4] << 8 | ip[5]) + index);
	} else if (h->l3_kind == L3_IPV6) {
		put16(ip + 4, total - h->l3 - 40);
	}
	if (h->l4_kind == L4_UDP)
		put16(head + h->l4 + 4, total - h->l4);
}

void tso_edit(uint8_t *head, const struct packet *p, uint32_t index, uint32_t offset,
              uint32_t len, bool last)
{
	const struct packet_headers *h = innermost(p);
	uint8_t *tcp = head + h->l4;
	uint32_t seq = get32(tcp + 4) + offset;

	edit_lengths(head, h, index, p->head_len + len);
	if (p->tunnel != TUNNEL_NONE)
		edit_lengths(head, &p->outer, index, p->head_len + len);
	put16(tcp + 4, seq >> 16);
	put16(tcp + 6, seq);
	if (!last)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (index)
		tcp[13] &= (uint8_t)~TCP_CWR;
}
