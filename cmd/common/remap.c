/* SPDX-License-Identifier: BSD-2-Clause */
/* Address maps and VLAN tags on captured frames. */
#include "remap.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MACS = 12, TAG = 4, IP_HEADER = 20 };

static const char map_forms[] =
	"FROM=TO of IPv4 addresses, blocks of one size or MAC addresses, joined by "
	"commas, as "
	"10.0.0.0/24=192.168.7.0/24,02:00:00:00:00:01=02:00:00:00:00:02";

static bool parse_mac(const char *text, uint8_t *mac)
{
	int used = 0;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1],
	              &mac[2], &mac[3], &mac[4], &mac[5], &used) == 6 &&
	       !text[used];
}

static bool parse_block(char *text, uint32_t *address, uint32_t *mask)
{
	char *slash = strchr(text, '/'), *end;
	struct in_addr in;
	unsigned long bits = 32;

	if (slash) {
		*slash = 0;
		bits = strtoul(slash + 1, &end, 10);
		if (!isdigit((unsigned char)slash[1]) || *end || bits > 32)
			return false;
	}
	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*mask = bits ? ~0u << (32 - bits) : 0;
	*address = ntohl(in.s_addr) & *mask;
	return true;
}

static bool parse_pair(char *from, struct remap *m)
{
	char *to = strchr(from, '=');
	struct remap_mac *mac = &m->macs[m->mac_count];
	struct remap_ip *ip = &m->ips[m->ip_count];
	uint32_t mask;

	if (!to || m->mac_count == REMAP_MAX || m->ip_count == REMAP_MAX)
		return false;
	*to++ = 0;
	if (parse_mac(from, mac->from) && parse_mac(to, mac->to)) {
		m->mac_count++;
		return true;
	}
	if (parse_block(from, &ip->from, &ip->mask) && parse_block(to, &ip->to, &mask) &&
	    mask == ip->mask) {
		m->ip_count++;
		return true;
	}
	return false;
}

const char *remap_parse_map(const char *text, struct remap *m)
{
	char *copy = strdup(text), *rest = copy, *pair;
	const char *why = copy && *copy ? NULL : map_forms;

	while (!why && (pair = strsep(&rest, ",")))
		if (!parse_pair(pair, m))
			why = map_forms;
	free(copy);
	return why;
}

const char *remap_parse_vlan(const char *text, struct remap *m)
{
	unsigned long id;
	char *end;

	if (!strcmp(text, "none")) {
		m->vlan = REMAP_VLAN_STRIP;
		return NULL;
	}
	id = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || id > 4094)
		return "a VLAN id from 0 to 4094, or none to take the tag off";
	m->vlan = REMAP_VLAN_SET;
	m->vlan_id = (uint16_t)id;
	return NULL;
}

bool remap_is_empty(const struct remap *m)
{
	return !m->ip_count && !m->mac_count && m->vlan == REMAP_VLAN_KEEP;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool is_tag(uint16_t ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8;
}

static uint32_t change_vlan(const struct remap *m, uint8_t *frame, uint32_t len)
{
	bool tagged = is_tag(get16(frame + MACS));

	if (m->vlan == REMAP_VLAN_STRIP) {
		if (!tagged || len < MACS + TAG + 2)
			return len;
		memmove(frame + MACS, frame + MACS + TAG, len - MACS - TAG);
		return len - TAG;
	}
	if (!tagged) {
		memmove(frame + MACS + TAG, frame + MACS, len - MACS);
		put16(frame + MACS, 0x8100);
		put16(frame + MACS + 2, m->vlan_id);
		return len + TAG;
	}
	if (len >= MACS + TAG) /* its priority stays */
		put16(frame + MACS + 2, (get16(frame + MACS + 2) & 0xf000) | m->vlan_id);
	return len;
}

static void change_mac(const struct remap *m, uint8_t *mac)
{
	unsigned i;

	for (i = 0; i < m->mac_count; i++)
		if (!memcmp(mac, m->macs[i].from, 6)) {
			memcpy(mac, m->macs[i].to, 6);
			return;
		}
}

/* RFC 1624, equation 3: a sum that was wrong stays as wrong as it was. */
static void adjust_sum(uint8_t *sum, const uint8_t *was, const uint8_t *is)
{
	uint32_t v = (uint16_t)~get16(sum);

	v += (uint16_t)~get16(was) + (uint32_t)(uint16_t)~get16(was + 2);
	v += get16(is) + (uint32_t)get16(is + 2);
	v = (v & 0xffff) + (v >> 16);
	v = (v & 0xffff) + (v >> 16);
	put16(sum, (uint16_t)~v);
}

/* Where the sum over the pseudo header lies, or NULL. */
static uint8_t *transport_sum(uint8_t *ip, uint32_t len)
{
	uint32_t header = (ip[0] & 15u) * 4;
	uint32_t at = header + (ip[9] == 6 ? 16 : 6);

	if ((ip[9] != 6 && ip[9] != 17) || header < IP_HEADER || at + 2 > len ||
	    get16(ip + 6) & 0x1fff) /* not the first fragment */
		return NULL;
	if (ip[9] == 17 && !get16(ip + at)) /* UDP without a sum */
		return NULL;
	return ip + at;
}

static void change_ip(const struct remap *m, uint8_t *ip, uint32_t len, uint8_t *address)
{
	uint32_t v = (uint32_t)get16(address) << 16 | get16(address + 2);
	uint8_t was[4], *sum;
	unsigned i;

	for (i = 0; i < m->ip_count && (v & m->ips[i].mask) != m->ips[i].from;)
		i++;
	if (i == m->ip_count)
		return;
	v = m->ips[i].to | (v & ~m->ips[i].mask);
	memcpy(was, address, 4);
	put16(address, (uint16_t)(v >> 16));
	put16(address + 2, (uint16_t)v);
	adjust_sum(ip + 10, was, address);
	sum = transport_sum(ip, len);
	if (!sum)
		return;
	adjust_sum(sum, was, address);
	if (ip[9] == 17 && !get16(sum)) /* would say that there is none */
		put16(sum, 0xffff);
}

/* Through VLAN tags to the addresses of IPv4. */
static void change_addresses(const struct remap *m, uint8_t *frame, uint32_t len)
{
	uint32_t at = MACS;
	uint8_t *ip;

	while (at + TAG + 2 <= len && is_tag(get16(frame + at)))
		at += TAG;
	ip = frame + at + 2;
	len -= at + 2;
	if (get16(frame + at) != 0x0800 || len < IP_HEADER || ip[0] >> 4 != 4)
		return;
	change_ip(m, ip, len, ip + 12);
	change_ip(m, ip, len, ip + 16);
}

uint32_t remap_frame(const struct remap *m, uint8_t *frame, uint32_t len)
{
	if (len < MACS + 2)
		return len;
	if (m->mac_count) {
		change_mac(m, frame);
		change_mac(m, frame + 6);
	}
	if (m->ip_count)
		change_addresses(m, frame, len);
	return m->vlan == REMAP_VLAN_KEEP ? len : change_vlan(m, frame, len);
}
