/* SPDX-License-Identifier: BSD-2-Clause */
/* Matches in the card's layout: writing them, checking them, and writing frames the same way. */
#include "emu/nic/match.h"

#include <errno.h>
#include <string.h>

/* Every field that match_build() writes. */
static const uint32_t layer_fields[] = {
	HW_MATCH_SMAC,      HW_MATCH_ETHERTYPE,  HW_MATCH_DMAC,
	HW_MATCH_FIRST_TCI, HW_MATCH_IP_DSCP,    HW_MATCH_IP_PROTOCOL,
	HW_MATCH_IP_ECN,    HW_MATCH_CVLAN_TAG,  HW_MATCH_SVLAN_TAG,
	HW_MATCH_FRAG,      HW_MATCH_IP_VERSION, HW_MATCH_TCP_FLAGS,
	HW_MATCH_TCP_SPORT, HW_MATCH_TCP_DPORT,  HW_MATCH_TTL_HOPLIMIT,
	HW_MATCH_UDP_SPORT, HW_MATCH_UDP_DPORT,  HW_MATCH_SRC_IPV6,
	HW_MATCH_DST_IPV6,
};
static const uint32_t misc_fields[] = {
	HW_MATCH_GRE_C_PRESENT,
	HW_MATCH_GRE_K_PRESENT,
	HW_MATCH_GRE_S_PRESENT,
	HW_MATCH_OUTER_SECOND_TCI,
	HW_MATCH_INNER_SECOND_TCI,
	HW_MATCH_OUTER_SECOND_CVLAN_TAG,
	HW_MATCH_INNER_SECOND_CVLAN_TAG,
	HW_MATCH_OUTER_SECOND_SVLAN_TAG,
	HW_MATCH_INNER_SECOND_SVLAN_TAG,
	HW_MATCH_GRE_PROTOCOL,
	HW_MATCH_GRE_KEY,
	HW_MATCH_VXLAN_VNI,
	HW_MATCH_GENEVE_VNI,
	HW_MATCH_GENEVE_OAM,
	HW_MATCH_OUTER_IPV6_FLOW_LABEL,
	HW_MATCH_INNER_IPV6_FLOW_LABEL,
	HW_MATCH_GENEVE_PROTOCOL_TYPE,
};
static const uint32_t misc3_fields[] = {
	HW_MATCH_INNER_TCP_SEQ,   HW_MATCH_OUTER_TCP_SEQ,
	HW_MATCH_INNER_TCP_ACK,   HW_MATCH_OUTER_TCP_ACK,
	HW_MATCH_VXLAN_GPE_VNI,   HW_MATCH_VXLAN_GPE_NEXT_PROTOCOL,
	HW_MATCH_VXLAN_GPE_FLAGS, HW_MATCH_ICMP_TYPE,
	HW_MATCH_ICMP_CODE,       HW_MATCH_ICMPV6_TYPE,
	HW_MATCH_ICMPV6_CODE,
};

/* ---- writing bits ---- */

static unsigned field_bit(unsigned field)
{
	return field >> 8;
}

static unsigned field_width(unsigned field)
{
	return field & 0xff;
}

/* Write the low `width` bits of the right-aligned big-endian number at `from`. */
static void put_bits(uint8_t *section, unsigned field, const uint8_t *from)
{
	unsigned width = field_width(field), bytes = (width + 7) / 8;

	for (unsigned i = 0; i < width; i++) {
		unsigned src = bytes * 8 - width + i, dst = field_bit(field) + i;
		uint8_t bit = (uint8_t)(0x80 >> dst % 8);

		if (from[src / 8] & 0x80 >> src % 8)
			section[dst / 8] |= bit;
		else
			section[dst / 8] &= (uint8_t)~bit;
	}
}

static void put_u32(uint8_t *section, unsigned field, uint32_t value)
{
	unsigned bytes = (field_width(field) + 7) / 8;
	uint8_t be[4] = {0};

	for (unsigned i = 0; i < bytes; i++)
		be[i] = (uint8_t)(value >> (bytes - 1 - i) * 8);
	put_bits(section, field, be);
}

static bool all_zero(const void *p, size_t size)
{
	const uint8_t *byte = p;

	while (size && !*byte)
		byte++, size--;
	return !size;
}

void match_field(struct match *m, unsigned section, unsigned field, const void *value,
                 const void *mask)
{
	if (all_zero(mask, (field_width(field) + 7) / 8))
		return;
	put_bits(m->value + section, field, value);
	put_bits(m->mask + section, field, mask);
	m->enable |= (uint8_t)(1 << section / HW_MATCH_SECTION);
}

void match_u32(struct match *m, unsigned section, unsigned field, uint32_t value,
               uint32_t mask)
{
	if (!mask)
		return;
	put_u32(m->value + section, field, value);
	put_u32(m->mask + section, field, mask);
	m->enable |= (uint8_t)(1 << section / HW_MATCH_SECTION);
}

/* ---- checking ---- */

static void put_known(uint8_t *section, const uint32_t *fields, size_t count)
{
	static const uint8_t ones[16] = {255, 255, 255, 255, 255, 255, 255, 255,
	                                 255, 255, 255, 255, 255, 255, 255, 255};

	for (size_t i = 0; i < count; i++)
		put_bits(section, fields[i], ones);
}

#define PUT_KNOWN(section, fields)                                                       \
	put_known(section, fields, sizeof(fields) / sizeof(*fields))

int match_valid(const struct match *m)
{
	uint8_t known[HW_MATCH_SIZE] = {0};

	PUT_KNOWN(known + HW_MATCH_OUTER, layer_fields);
	PUT_KNOWN(known + HW_MATCH_INNER, layer_fields);
	PUT_KNOWN(known + HW_MATCH_MISC, misc_fields);
	PUT_KNOWN(known + HW_MATCH_MISC3, misc3_fields);
	for (unsigned i = 0; i < HW_MATCH_SIZE; i++) {
		if (m->value[i] & ~m->mask[i])
			return -EINVAL;
		if (m->mask[i] & ~known[i])
			return -EOPNOTSUPP;
	}
	return 0;
}

int match_from_dv(struct match *m, uint8_t enable, const void *mask, size_t mask_size,
                  const void *value, size_t value_size)
{
	const uint8_t *mask_bytes = mask, *value_bytes = value;

	if (mask_size % 4 || value_size % 4)
		return -EINVAL;
	memset(m, 0, sizeof(*m));
	m->enable = enable;
	for (unsigned i = 0; i < HW_MATCH_SIZE; i++) {
		bool on = enable & 1 << i / HW_MATCH_SECTION;

		m->mask[i] = on && i < mask_size ? mask_bytes[i] : 0;
		m->value[i] = on && i < value_size ? value_bytes[i] : 0;
	}
	if (mask_size > HW_MATCH_SIZE &&
	    !all_zero(mask_bytes + HW_MATCH_SIZE, mask_size - HW_MATCH_SIZE))
		return -EOPNOTSUPP;
	return 0;
}

bool match_is_multicast(const struct match *m)
{
	enum { DMAC = 0x40 / 8, DST_IPV4 = 0x1e0 / 8 }; /* HW_MATCH_DMAC, _DST_IPV4 */

	if (m->mask[DMAC] & m->value[DMAC] & 1)
		return true;
	return (m->mask[DST_IPV4] & 0xf0) == 0xf0 && (m->value[DST_IPV4] & 0xf0) == 0xe0;
}

/* ---- writing frames ---- */

static void build_l2(uint8_t *s, const struct packet *p, const struct packet_headers *h)
{
	if (h->no_l2) {
		put_u32(s, HW_MATCH_ETHERTYPE, h->ethertype);
		return;
	}
	if (h->l2 + 14u > p->head_len)
		return;
	memcpy(s + 0x00, p->head + h->l2 + 6, 6); /* SMAC */
	memcpy(s + 0x08, p->head + h->l2, 6);     /* DMAC */
	s[0x06] = (uint8_t)(h->ethertype >> 8);
	s[0x07] = (uint8_t)h->ethertype;
	if (!h->vlans)
		return;
	s[0x0e] = (uint8_t)(h->vlan[0] >> 8); /* FIRST_TCI */
	s[0x0f] = (uint8_t)h->vlan[0];
	put_u32(s, h->tpid[0] == 0x8100 ? HW_MATCH_CVLAN_TAG : HW_MATCH_SVLAN_TAG, 1);
}

static void build_l3(uint8_t *s, const struct packet *p, const struct packet_headers *h)
{
	const uint8_t *ip = p->head + h->l3;
	bool v4 = h->l3_kind == L3_IPV4;
	uint8_t traffic_class;

	if (h->l3_kind == L3_NONE)
		return;
	traffic_class = (uint8_t)(v4 ? ip[1] : ip[0] << 4 | ip[1] >> 4);
	s[0x10] = h->ip_proto;
	s[0x11] = traffic_class; /* DSCP 6 bits, ECN 2 */
	/* byte 0x12: cvlan, svlan, frag, ip_version, top of tcp_flags */
	s[0x12] |= (uint8_t)((h->fragment ? 0x20 : 0) | (v4 ? 4 : 6) << 1);
	s[0x1b] = v4 ? ip[8] : ip[7]; /* TTL_HOPLIMIT */
	if (v4) {
		memcpy(s + 0x2c, ip + 12, 4);
		memcpy(s + 0x3c, ip + 16, 4);
	} else {
		memcpy(s + 0x20, ip + 8, 16);
		memcpy(s + 0x30, ip + 24, 16);
	}
}

static void build_l4(uint8_t *s, const struct packet *p, const struct packet_headers *h)
{
	const uint8_t *l4 = p->head + h->l4;

	if (h->l4_kind == L4_TCP) {
		s[0x12] |= l4[12] & 1; /* NS, the ninth flag */
		s[0x13] = l4[13];
		memcpy(s + 0x14, l4, 4);
	} else if (h->l4_kind == L4_UDP) {
		memcpy(s + 0x1c, l4, 4);
	}
}

static void build_layer(uint8_t *s, const struct packet *p,
                        const struct packet_headers *h)
{
	build_l2(s, p, h);
	build_l3(s, p, h);
	build_l4(s, p, h);
}

static void build_second_vlan(uint8_t *s, const struct packet_headers *h, bool inner)
{
	bool c = h->tpid[1] == 0x8100;

	if (h->no_l2 || h->vlans < 2)
		return;
	put_u32(s, inner ? HW_MATCH_INNER_SECOND_TCI : HW_MATCH_OUTER_SECOND_TCI,
	        h->vlan[1]);
	if (inner)
		put_u32(s,
		        c ? HW_MATCH_INNER_SECOND_CVLAN_TAG
		          : HW_MATCH_INNER_SECOND_SVLAN_TAG,
		        1);
	else
		put_u32(s,
		        c ? HW_MATCH_OUTER_SECOND_CVLAN_TAG
		          : HW_MATCH_OUTER_SECOND_SVLAN_TAG,
		        1);
}

static void build_flow_label(uint8_t *s, const struct packet *p,
                             const struct packet_headers *h, unsigned field)
{
	const uint8_t *ip = p->head + h->l3;

	if (h->l3_kind == L3_IPV6)
		put_u32(s, field, (ip[1] & 15u) << 16 | (uint32_t)ip[2] << 8 | ip[3]);
}

static void build_gre(uint8_t *s, const struct packet *p)
{
	const uint8_t *gre = p->head + p->tunnel_hdr;
	unsigned key = gre[0] & 0x80 ? 8 : 4; /* behind the checksum, if there is one */

	s[0x00] |= gre[0] & 0xb0; /* C, K and S where they are in the header */
	memcpy(s + 0x0e, gre + 2, 2);
	if (gre[0] & 0x20)
		memcpy(s + 0x10, gre + key, 4);
}

static void build_tunnel(uint8_t *s, const struct packet *p)
{
	const uint8_t *hdr = p->head + p->tunnel_hdr;

	if (p->tunnel == TUNNEL_GRE)
		build_gre(s, p);
	if (p->tunnel == TUNNEL_VXLAN)
		memcpy(s + 0x14, hdr + 4, 3);
	if (p->tunnel == TUNNEL_GENEVE) {
		memcpy(s + 0x18, hdr + 4, 3);
		put_u32(s, HW_MATCH_GENEVE_OAM, hdr[1] >> 7);
		memcpy(s + 0x26, hdr + 2, 2);
	}
}

static void build_misc(uint8_t *s, const struct packet *p)
{
	build_second_vlan(s, &p->outer, false);
	build_flow_label(s, p, &p->outer, HW_MATCH_OUTER_IPV6_FLOW_LABEL);
	if (p->tunnel == TUNNEL_NONE)
		return;
	build_second_vlan(s, &p->inner, true);
	build_flow_label(s, p, &p->inner, HW_MATCH_INNER_IPV6_FLOW_LABEL);
	build_tunnel(s, p);
}

static void build_misc3(uint8_t *s, const struct packet *p)
{
	const uint8_t *l4 = p->head + p->outer.l4, *hdr = p->head + p->tunnel_hdr;
	bool v6 = p->outer.l3_kind == L3_IPV6;

	if (p->outer.l4_kind == L4_TCP) {
		memcpy(s + 0x04, l4 + 4, 4);
		memcpy(s + 0x0c, l4 + 8, 4);
	}
	if (p->outer.l4_kind == L4_ICMP)
		memcpy(s + (v6 ? 0x22 : 0x20), l4, 2);
	if (p->tunnel == TUNNEL_NONE)
		return;
	if (p->inner.l4_kind == L4_TCP) {
		memcpy(s + 0x00, p->head + p->inner.l4 + 4, 4);
		memcpy(s + 0x08, p->head + p->inner.l4 + 8, 4);
	}
	if (p->tunnel == TUNNEL_VXLAN_GPE) {
		memcpy(s + 0x11, hdr + 4, 3);
		s[0x14] = hdr[3];
		s[0x15] = hdr[0];
	}
}

void match_build(struct match_key *key, const struct packet *p, uint8_t enable)
{
	enable &= (uint8_t)~key->built;
	for (unsigned i = 0; i < HW_MATCH_SIZE / HW_MATCH_SECTION; i++)
		if (enable & 1 << i)
			memset(key->bytes + i * HW_MATCH_SECTION, 0, HW_MATCH_SECTION);
	if (enable & HW_MATCH_ENABLE_OUTER)
		build_layer(key->bytes + HW_MATCH_OUTER, p, &p->outer);
	if (enable & HW_MATCH_ENABLE_INNER && p->tunnel != TUNNEL_NONE)
		build_layer(key->bytes + HW_MATCH_INNER, p, &p->inner);
	if (enable & HW_MATCH_ENABLE_MISC)
		build_misc(key->bytes + HW_MATCH_MISC, p);
	if (enable & HW_MATCH_ENABLE_MISC3)
		build_misc3(key->bytes + HW_MATCH_MISC3, p);
	key->built |= enable;
}
