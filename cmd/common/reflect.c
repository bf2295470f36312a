/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames turned round, as far as their headers go and no further. */
#include "reflect.h"

#include <string.h>

enum {
	MAC = 6,
	ETHERTYPE = 12,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	IPV6_HEADER = 40,
};

static void swap(uint8_t *a, uint8_t *b, unsigned n)
{
	uint8_t kept[16];

	memcpy(kept, a, n);
	memcpy(a, b, n);
	memcpy(b, kept, n);
}

static unsigned word(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void reflect_ports(uint8_t *p, uint32_t len, uint8_t proto)
{
	if ((proto == PROTO_TCP || proto == PROTO_UDP) && len >= 4)
		swap(p, p + 2, 2);
}

static void reflect_ipv4(uint8_t *p, uint32_t len)
{
	uint32_t header = len ? (p[0] & 15) * 4u : 0;

	if (len < 20 || header < 20 || header > len || p[0] >> 4 != 4)
		return;
	swap(p + 12, p + 16, 4);
	if (!(word(p + 6) & 0x1fff)) /* a later fragment has no ports */
		reflect_ports(p + header, len - header, p[9]);
}

/* Ports behind extension headers stay as they are. */
static void reflect_ipv6(uint8_t *p, uint32_t len)
{
	if (len < IPV6_HEADER || p[0] >> 4 != 6)
		return;
	swap(p + 8, p + 24, 16);
	reflect_ports(p + IPV6_HEADER, len - IPV6_HEADER, p[6]);
}

bool reflect(uint8_t *frame, uint32_t len, const uint8_t own_mac[6])
{
	uint32_t at = ETHERTYPE;
	unsigned type;

	if (len < ETHERTYPE + 2)
		return false;
	swap(frame, frame + MAC, MAC);
	if (frame[MAC] & 1)
		memcpy(frame + MAC, own_mac, MAC);
	type = word(frame + at);
	while ((type == TYPE_VLAN || type == TYPE_QINQ) && at + 6 <= len) {
		at += 4;
		type = word(frame + at);
	}
	at += 2;
	if (type == TYPE_IPV4)
		reflect_ipv4(frame + at, len - at);
	else if (type == TYPE_IPV6)
		reflect_ipv6(frame + at, len - at);
	return true;
}
