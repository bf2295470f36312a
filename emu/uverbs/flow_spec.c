/* SPDX-License-Identifier: BSD-2-Clause */
/* The specs behind ib_uverbs_flow_attr; see flow_spec.h. */
#include "emu/uverbs/flow_spec.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <netinet/in.h>
#include <rdma/ib_user_verbs.h>
#include <string.h>

#define HEADER       sizeof(struct ib_uverbs_flow_spec_hdr)
#define ETHERTYPE_IP 0x0800
#define ETHERTYPE_V6 0x86dd

/* One spec: value and mask of equal size, zero beyond what the program gave. */
struct spec {
	unsigned section; /* HW_MATCH_OUTER or HW_MATCH_INNER */
	union {
		struct ib_uverbs_flow_eth_filter eth;
		struct ib_uverbs_flow_ipv4_filter ipv4;
		struct ib_uverbs_flow_ipv6_filter ipv6;
		struct ib_uverbs_flow_tcp_udp_filter l4;
		struct ib_uverbs_flow_tunnel_filter tunnel;
		struct ib_uverbs_flow_gre_filter gre;
	} val, mask;
};

/* What the specs before said of a level of headers, to find contradictions. */
struct level {
	uint16_t ethertype; /* 0: not demanded in full */
};

static void demand(struct match *m, const struct spec *s, unsigned field,
                   const void *value, const void *mask)
{
	match_field(m, s->section, field, value, mask);
}

static int parse_eth(const struct spec *s, struct match *m, struct level *level)
{
	const struct ib_uverbs_flow_eth_filter *v = &s->val.eth, *k = &s->mask.eth;

	demand(m, s, HW_MATCH_DMAC, v->dst_mac, k->dst_mac);
	demand(m, s, HW_MATCH_SMAC, v->src_mac, k->src_mac);
	demand(m, s, HW_MATCH_ETHERTYPE, &v->ether_type, &k->ether_type);
	if (k->vlan_tag) {
		match_u32(m, s->section, HW_MATCH_CVLAN_TAG, 1, 1);
		demand(m, s, HW_MATCH_FIRST_TCI, &v->vlan_tag, &k->vlan_tag);
	}
	if (k->ether_type == 0xffff)
		level->ethertype = ntohs(v->ether_type);
	return 0;
}

static int check_ethertype(const struct level *level, uint16_t wanted)
{
	return level->ethertype && level->ethertype != wanted ? -EINVAL : 0;
}

static void demand_tos(const struct spec *s, struct match *m, uint8_t value, uint8_t mask)
{
	match_u32(m, s->section, HW_MATCH_IP_ECN, value & 3u, mask & 3u);
	match_u32(m, s->section, HW_MATCH_IP_DSCP, value >> 2, mask >> 2);
}

static int parse_ipv4(const struct spec *s, struct match *m, struct level *level)
{
	const struct ib_uverbs_flow_ipv4_filter *v = &s->val.ipv4, *k = &s->mask.ipv4;

	if (k->ttl || k->flags)
		return -EOPNOTSUPP;
	match_u32(m, s->section, HW_MATCH_IP_VERSION, 4, 0xf);
	demand(m, s, HW_MATCH_SRC_IPV4, &v->src_ip, &k->src_ip);
	demand(m, s, HW_MATCH_DST_IPV4, &v->dst_ip, &k->dst_ip);
	demand(m, s, HW_MATCH_IP_PROTOCOL, &v->proto, &k->proto);
	demand_tos(s, m, v->tos, k->tos);
	return check_ethertype(level, ETHERTYPE_IP);
}

static int parse_ipv6(const struct spec *s, struct match *m, struct level *level)
{
	const struct ib_uverbs_flow_ipv6_filter *v = &s->val.ipv6, *k = &s->mask.ipv6;
	unsigned label = s->section == HW_MATCH_OUTER ? HW_MATCH_OUTER_IPV6_FLOW_LABEL
	                                              : HW_MATCH_INNER_IPV6_FLOW_LABEL;

	if (k->hop_limit || k->reserved)
		return -EOPNOTSUPP;
	match_u32(m, s->section, HW_MATCH_IP_VERSION, 6, 0xf);
	demand(m, s, HW_MATCH_SRC_IPV6, v->src_ip, k->src_ip);
	demand(m, s, HW_MATCH_DST_IPV6, v->dst_ip, k->dst_ip);
	demand(m, s, HW_MATCH_IP_PROTOCOL, &v->next_hdr, &k->next_hdr);
	demand_tos(s, m, v->traffic_class, k->traffic_class);
	match_u32(m, HW_MATCH_MISC, label, ntohl(v->flow_label), ntohl(k->flow_label));
	return check_ethertype(level, ETHERTYPE_V6);
}

static int parse_l4(const struct spec *s, struct match *m, uint8_t protocol)
{
	const struct ib_uverbs_flow_tcp_udp_filter *v = &s->val.l4, *k = &s->mask.l4;
	bool tcp = protocol == IPPROTO_TCP;

	match_u32(m, s->section, HW_MATCH_IP_PROTOCOL, protocol, 0xff);
	demand(m, s, tcp ? HW_MATCH_TCP_SPORT : HW_MATCH_UDP_SPORT, &v->src_port,
	       &k->src_port);
	demand(m, s, tcp ? HW_MATCH_TCP_DPORT : HW_MATCH_UDP_DPORT, &v->dst_port,
	       &k->dst_port);
	return 0;
}

static int parse_vxlan(const struct spec *s, struct match *m)
{
	if (ntohl(s->mask.tunnel.tunnel_id) >> 24 || ntohl(s->val.tunnel.tunnel_id) >> 24)
		return -EINVAL;
	match_u32(m, HW_MATCH_MISC, HW_MATCH_VXLAN_VNI, ntohl(s->val.tunnel.tunnel_id),
	          ntohl(s->mask.tunnel.tunnel_id));
	return 0;
}

static int parse_gre(const struct spec *s, struct match *m)
{
	if (s->mask.gre.c_ks_res0_ver)
		return -EOPNOTSUPP;
	match_u32(m, s->section, HW_MATCH_IP_PROTOCOL, IPPROTO_GRE, 0xff);
	match_u32(m, HW_MATCH_MISC, HW_MATCH_GRE_PROTOCOL, ntohs(s->val.gre.protocol),
	          ntohs(s->mask.gre.protocol));
	match_u32(m, HW_MATCH_MISC, HW_MATCH_GRE_KEY, ntohl(s->val.gre.key),
	          ntohl(s->mask.gre.key));
	return 0;
}

static int parse_header(uint32_t type, const struct spec *s, struct match *m,
                        struct level *level)
{
	switch (type) {
	case IBV_FLOW_SPEC_ETH:
		return parse_eth(s, m, level);
	case IBV_FLOW_SPEC_IPV4:
		return parse_ipv4(s, m, level);
	case IBV_FLOW_SPEC_IPV6:
		return parse_ipv6(s, m, level);
	case IBV_FLOW_SPEC_TCP:
		return parse_l4(s, m, IPPROTO_TCP);
	case IBV_FLOW_SPEC_UDP:
		return parse_l4(s, m, IPPROTO_UDP);
	case IBV_FLOW_SPEC_VXLAN_TUNNEL:
		return parse_vxlan(s, m);
	case IBV_FLOW_SPEC_GRE:
		return parse_gre(s, m);
	default: /* MPLS, ESP and what is newer */
		return -EOPNOTSUPP;
	}
}

/* Bytes of value (or mask) that the kernel knows of each spec; longer ones must be zero there. */
static size_t filter_size(uint32_t type)
{
	switch (type) {
	case IBV_FLOW_SPEC_ETH:
		return sizeof(struct ib_uverbs_flow_eth_filter);
	case IBV_FLOW_SPEC_IPV4:
		return sizeof(struct ib_uverbs_flow_ipv4_filter);
	case IBV_FLOW_SPEC_IPV6:
		return sizeof(struct ib_uverbs_flow_ipv6_filter);
	case IBV_FLOW_SPEC_TCP:
	case IBV_FLOW_SPEC_UDP:
		return sizeof(struct ib_uverbs_flow_tcp_udp_filter);
	case IBV_FLOW_SPEC_VXLAN_TUNNEL:
		return sizeof(struct ib_uverbs_flow_tunnel_filter);
	default:
		return sizeof(struct ib_uverbs_flow_gre_filter);
	}
}

static int split(const uint8_t *filters, size_t size, uint32_t type, struct spec *s)
{
	size_t given = size / 2, known = filter_size(type), i;

	if (!given || size % 2)
		return -EINVAL;
	memset(&s->val, 0, sizeof s->val);
	memset(&s->mask, 0, sizeof s->mask);
	memcpy(&s->val, filters, given < known ? given : known);
	memcpy(&s->mask, filters + given, given < known ? given : known);
	/* A value outside its mask matches nothing; beyond what is known nothing may be asked. */
	for (i = 0; i < given; i++)
		if (filters[i] & ~filters[given + i] ||
		    (i >= known && filters[given + i]))
			return -EINVAL;
	return 0;
}

static int parse_action(uint32_t type, const uint8_t *spec, size_t size,
                        struct flow_specs *out)
{
	uint32_t word;

	if (type == IBV_FLOW_SPEC_ACTION_DROP) {
		out->drop = true;
		return size == HEADER ? 0 : -EINVAL;
	}
	if (size != sizeof(struct ib_uverbs_flow_spec_action_tag))
		return -EINVAL;
	memcpy(&word, spec + HEADER, sizeof word);
	if (type == IBV_FLOW_SPEC_ACTION_TAG) {
		out->tag = word;
		out->has_tag = true;
		return word >> 24 ? -EINVAL : 0;
	}
	if (type != IBV_FLOW_SPEC_ACTION_COUNT)
		return -EOPNOTSUPP;
	if (out->has_counters)
		return -EINVAL;
	out->counters = word;
	out->has_counters = true;
	return 0;
}

int flow_specs_parse(const uint8_t *bytes, size_t size, unsigned count,
                     struct flow_specs *out)
{
	struct level levels[2] = {{0}};
	struct ib_uverbs_flow_spec_hdr hdr;
	struct spec s;
	uint32_t type;
	int err = 0;

	for (; count && !err; count--) {
		if (size < HEADER)
			return -EINVAL;
		memcpy(&hdr, bytes, HEADER);
		if (hdr.size < HEADER || hdr.size > size || hdr.reserved)
			return -EINVAL;
		type = hdr.type & ~(uint32_t)IBV_FLOW_SPEC_INNER;
		if (type >= IBV_FLOW_SPEC_ACTION_TAG) {
			err = parse_action(hdr.type, bytes, hdr.size, out);
		} else {
			s.section = hdr.type & IBV_FLOW_SPEC_INNER ? HW_MATCH_INNER
			                                           : HW_MATCH_OUTER;
			err = split(bytes + HEADER, hdr.size - HEADER, type, &s);
			if (!err)
				err = parse_header(type, &s, &out->match,
				                   &levels[s.section == HW_MATCH_INNER]);
		}
		bytes += hdr.size;
		size -= hdr.size;
	}
	return err ? err : size ? -EINVAL : 0;
}
