/* SPDX-License-Identifier: BSD-2-Clause */
/* See packets.h. */
#include "packets.h"

#include "rawq.h"

#include <string.h>

/* splitmix64 */
uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t sum(const uint8_t *p, uint32_t len, uint32_t start)
{
	uint32_t s = start;

	for (uint32_t i = 0; i + 1 < len; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	if (len & 1)
		s += (uint32_t)p[len - 1] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* The transport's checksum over pseudo header and segment, as RFC 768 and 793 have it. */
static void fill_l4(uint8_t *addresses, uint32_t address_bytes, uint8_t proto,
                    uint8_t *l4, uint32_t len)
{
	uint8_t *field = l4 + (proto == 6 ? 16 : 6);
	uint32_t s;

	put16(field, 0);
	s = sum(addresses, address_bytes, proto);
	s = sum(l4, len, s + len);
	s = ~s & 0xffff;
	put16(field, s || proto == 6 ? s : 0xffff);
}

/* Headers for what fits into len bytes behind the ethertype; returns whether it is IP. */
static bool make_ip(struct packet *p, uint64_t r, bool v6)
{
	uint8_t *ip = p->given + 14, proto = r & 1 ? 6 : 17;
	uint32_t header = v6 ? 40 : 20, left = p->len - 14 - header;

	put16(p->given + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		ip[0] = 0x60;
		put16(ip + 4, left);
		ip[6] = proto;
	} else {
		ip[0] = 0x45;
		put16(ip + 2, p->len - 14);
		put16(ip + 6, 0x4000);
		ip[9] = proto;
	}
	ip[header + 2] &=
		0x0f; /* a port below 4096: none of a tunnel's, which the card looks into */
	if (proto == 6)
		ip[header + 12] = 0x50;
	else
		put16(ip + header + 4, left);
	p->is_ipv4 = !v6;
	p->is_l4 = true;
	return true;
}

static void finish_checksums(const struct packet *p, uint8_t *frame)
{
	uint8_t *ip = frame + 14;

	if (p->is_ipv4) {
		put16(ip + 10, 0);
		put16(ip + 10, ~sum(ip, 20, 0) & 0xffff);
		fill_l4(ip + 12, 8, ip[9], ip + 20, p->len - 34);
	} else {
		fill_l4(ip + 8, 32, ip[6], ip + 40, p->len - 54);
	}
}

static void cut(const struct packets *s, struct packet *p, uint64_t *state)
{
	uint32_t left = p->len, n = 1 + (uint32_t)(random_next(state) % s->segments_max);

	p->segments = 0;
	/* The headers stay together: a NIC may want them in the first descriptor. */
	while (p->segments + 1 < n && left > 1) {
		uint32_t least = p->segments ? 1 : 80, take;

		if (left <= least)
			break;
		take = least + (uint32_t)(random_next(state) % (left - least));
		p->segment_len[p->segments++] = take;
		left -= take;
	}
	p->segment_len[p->segments++] = left;
}

void packet_make(const struct packets *s, uint64_t n, struct packet *p)
{
	uint64_t state = s->seed * 1000003 + n, r = random_next(&state);
	uint32_t max = r & 1 ? s->len_max : s->len_max < 200 ? s->len_max : 200;
	uint32_t kind = (uint32_t)(r >> 1) % 4;

	p->len = 14 + (uint32_t)(r >> 8) % (max - 14 + 1);
	p->flags = p->vlan = 0;
	p->is_ipv4 = p->is_l4 = false;
	for (uint32_t i = 0; i < p->len; i += 8) {
		uint64_t v = random_next(&state);

		memcpy(p->given + i, &v, p->len - i < 8 ? p->len - i : 8);
	}
	p->given[0] = 0x02;           /* not multicast */
	put16(p->given + 12, 0x88b5); /* local experiments */
	if (kind < 2 && p->len >= 14 + 40 + 20)
		make_ip(p, r >> 40, kind);
	memcpy(p->wire, p->given, p->len);
	p->wire_len = p->len;
	if (p->is_l4)
		finish_checksums(p, p->wire);
	if (s->checksums) /* also where there is none to fill in */
		p->flags |= RAWQ_TX_L3_CSUM | RAWQ_TX_L4_CSUM;
	else
		memcpy(p->given, p->wire, p->len);
	if (s->tags && r >> 60 & 1) {
		p->flags |= RAWQ_TX_VLAN;
		p->vlan = (uint16_t)(r >> 44);
		memmove(p->wire + 16, p->wire + 12, p->len - 12);
		put16(p->wire + 12, 0x8100);
		put16(p->wire + 14, p->vlan);
		p->wire_len += 4;
	}
	if (p->wire_len < 60)
		memset(p->wire + p->wire_len, 0, 60 - p->wire_len);
	cut(s, p, &state);
}
