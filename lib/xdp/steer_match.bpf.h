/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rule wants a frame: the key from its outermost headers, and the walk through shapes and
 * chains (steer.h).  For BPF programs; those that include it have its maps.
 */
#ifndef LIB_XDP_STEER_MATCH_BPF_H
#define LIB_XDP_STEER_MATCH_BPF_H

#include "steer.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_TAGS_MAX  2
#define EXTENSIONS_MAX 4      /* IPv6 extension headers in front of the ports */
#define IP_OFFSET      0x1fff /* RFC 791: fragment offset */
#define IP6_OFFSET     0xfff8 /* RFC 8200 section 4.5: the same */
#define VXLAN_PORT     4789   /* RFC 7348 section 5 */
#define VXLAN_VNI      0x08   /* its I flag */
#define GRE_CHECKSUM   0x8000 /* RFC 2784 section 2.1 */
#define GRE_KEY        0x2000 /* RFC 2890 section 2 */
#define GRE_VERSION    0x0007

_Static_assert(sizeof(struct steer_key) == STEER_WORDS * 8, "struct rawq_rule_key");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct steer_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEER_SHAPE_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct steer_shape);
} shapes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEER_RULES_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct steer_rule);
} chains SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_RULES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct steer_value);
	__type(value, __u32);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STEER_RULES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct steer_prefix_key);
	__type(value, __u32);
} prefixes SEC(".maps");

/* A frame's key, and the best rule so far. */
struct steer_search {
	union {
		struct steer_key key;
		__u64 words[STEER_WORDS];
	};
	__u32 rule; /* 0: none */
	__u32 priority;
};

/* ---- the key ---- */

struct vlan_tag {
	__u16 tci, ethertype;
};

static __always_inline void parse_vxlan(const __u8 *at, const __u8 *end,
                                        struct steer_key *k)
{
	if (at + 16 > end || !(at[8] & VXLAN_VNI)) /* UDP's header is 8 bytes */
		return;
	k->tunnel_id = bpf_htonl((__u32)at[12] << 16 | (__u32)at[13] << 8 | at[14]);
	k->present |= STEER_HAS_TUNNEL_ID;
}

static __always_inline void parse_gre(const __u8 *at, const __u8 *end,
                                      struct steer_key *k)
{
	const __u16 *gre = (const void *)at;
	__u16 flags;

	if (at + 4 > end)
		return;
	flags = bpf_ntohs(gre[0]);
	if (flags & GRE_VERSION)
		return;
	k->tunnel_protocol = gre[1];
	k->present |= STEER_HAS_TUNNEL_PROTOCOL;
	at += flags & GRE_CHECKSUM ? 8 : 4;
	if (!(flags & GRE_KEY) || at + 4 > end)
		return;
	k->tunnel_id = *(const __u32 *)at;
	k->present |= STEER_HAS_TUNNEL_ID;
}

static __always_inline void parse_l4(const __u8 *at, const __u8 *end, struct steer_key *k)
{
	const __u16 *ports = (const void *)at;

	if (k->ip_proto == IPPROTO_GRE)
		parse_gre(at, end, k);
	if (k->ip_proto != IPPROTO_TCP && k->ip_proto != IPPROTO_UDP &&
	    k->ip_proto != IPPROTO_SCTP)
		return;
	if ((const __u8 *)(ports + 2) > end)
		return;
	k->src_port = ports[0];
	k->dst_port = ports[1];
	k->present |= STEER_HAS_PORTS;
	if (k->ip_proto == IPPROTO_UDP && k->dst_port == bpf_htons(VXLAN_PORT))
		parse_vxlan(at, end, k);
}

static __always_inline void parse_ip(const __u8 *at, const __u8 *end, struct steer_key *k)
{
	const struct iphdr *ip = (const void *)at;

	if ((const __u8 *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return;
	__builtin_memcpy(k->src_ip, &ip->saddr, 4);
	__builtin_memcpy(k->dst_ip, &ip->daddr, 4);
	k->ip_proto = ip->protocol;
	k->present |= STEER_HAS_IP;
	if (!(ip->frag_off & bpf_htons(IP_OFFSET))) /* later fragments have no ports */
		parse_l4(at + ip->ihl * 4, end, k);
}

static __always_inline bool is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	       next == IPPROTO_DSTOPTS || next == IPPROTO_FRAGMENT;
}

static __always_inline void parse_ip6(const __u8 *at, const __u8 *end,
                                      struct steer_key *k)
{
	const struct ipv6hdr *ip = (const void *)at;
	__u8 next;

	if ((const __u8 *)(ip + 1) > end || ip->version != 6)
		return;
	__builtin_memcpy(k->src_ip, &ip->saddr, 16);
	__builtin_memcpy(k->dst_ip, &ip->daddr, 16);
	k->present |= STEER_HAS_IP;
	next = ip->nexthdr;
	at += sizeof(*ip);
	for (int i = 0; i < EXTENSIONS_MAX && is_extension(next); i++) {
		bool fragment = next == IPPROTO_FRAGMENT;

		if (at + 8 > end)
			return;
		next = at[0];
		if (fragment && (*(const __u16 *)(at + 2) & bpf_htons(IP6_OFFSET))) {
			k->ip_proto = next; /* later fragments have no ports */
			return;
		}
		at += fragment ? 8 : 8 + at[1] * 8;
	}
	k->ip_proto = next;
	parse_l4(at, end, k);
}

/* Of a frame of at least ETH_HLEN bytes; k is 0 before. */
static __always_inline void steer_parse(const __u8 *at, const __u8 *end,
                                        struct steer_key *k)
{
	const struct vlan_tag *tag;

	__builtin_memcpy(k->macs, at, sizeof(k->macs));
	__builtin_memcpy(&k->ethertype, at + 12, 2);
	at += ETH_HLEN;
	for (int i = 0; i < VLAN_TAGS_MAX && (k->ethertype == bpf_htons(ETH_P_8021Q) ||
	                                      k->ethertype == bpf_htons(ETH_P_8021AD));
	     i++) {
		tag = (const void *)at;
		if ((const __u8 *)(tag + 1) > end)
			return;
		if (!k->tagged)
			k->vlan = tag->tci;
		k->tagged = 1;
		k->ethertype = tag->ethertype;
		at += sizeof(*tag);
	}
	if (k->ethertype == bpf_htons(ETH_P_IP))
		parse_ip(at, end, k);
	else if (k->ethertype == bpf_htons(ETH_P_IPV6))
		parse_ip6(at, end, k);
}

/* ---- the walk ---- */

static __always_inline bool ports_fit(const struct steer_rule *r,
                                      const struct steer_key *k)
{
	__u16 src = bpf_ntohs(k->src_port), dst = bpf_ntohs(k->dst_port);

	return src >= r->src_first && src <= r->src_last && dst >= r->dst_first &&
	       dst <= r->dst_last;
}

/* The first rule of a chain whose port ranges fit, if it is better than what was found so far.
 * Global functions, which the verifier looks at once, not once per call. */
__noinline int steer_chain(struct steer_search *s, __u32 index)
{
	if (!s)
		return 0;
	for (int i = 0; i < STEER_CHAIN_MAX && index; i++) {
		const struct steer_rule *r = bpf_map_lookup_elem(&chains, &index);

		if (!r || r->priority >= s->priority)
			return 0;
		if (ports_fit(r, &s->key)) {
			s->rule = index;
			s->priority = r->priority;
			return 0;
		}
		index = r->next;
	}
	return 0;
}

/* The chains of all prefixes in a set that fit, the longest first. */
__noinline int steer_prefixes(struct steer_search *s, __u32 set, __u32 which)
{
	struct steer_prefix_key k = {.len = 32 + 128, .set = set};

	if (!s)
		return 0;
	if (which == STEER_SRC_IP)
		__builtin_memcpy(k.addr, s->key.src_ip, 16);
	else
		__builtin_memcpy(k.addr, s->key.dst_ip, 16);
	for (int i = 0; i < STEER_PREFIXES_MAX; i++) {
		const __u32 *index = bpf_map_lookup_elem(&prefixes, &k);
		const struct steer_rule *r;
		__u32 first;

		if (!index)
			return 0;
		first = *index;
		r = bpf_map_lookup_elem(&chains, &first);
		if (!r || !r->prefix_len)
			return 0;
		steer_chain(s, first);
		k.len = 32 + r->prefix_len - 1;
	}
	return 0;
}

static __always_inline void shape_ask(struct steer_search *s, const struct steer_shape *h)
{
	struct steer_value k = {.shape_id = h->id};
	const __u32 *found;
	__u64 differs = 0;

	for (int w = 0; w < STEER_WORDS; w++) {
		k.value[w] = s->words[w] & h->mask[w];
		differs |= k.value[w] ^ h->value[w];
	}
	if (h->only) {
		if (!differs)
			steer_chain(s, h->only);
		return;
	}
	found = bpf_map_lookup_elem(&rules, &k);
	if (!found)
		return;
	if (h->prefix)
		steer_prefixes(s, *found, h->prefix);
	else
		steer_chain(s, *found);
}

static __always_inline const struct steer_config *steer_config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

/* The rule that the frame is for, in s->rule; 0: the kernel's. */
static __always_inline void steer_find(const struct steer_config *c, const __u8 *at,
                                       const __u8 *end, struct steer_search *s)
{
	const struct steer_list *list = &c->lists[c->current % STEER_LISTS];

	s->rule = 0;
	s->priority = 0xffffffff;
	if (at + ETH_HLEN > end)
		return;
	if (list->parse)
		steer_parse(at, end, &s->key);
	for (__u32 i = 0; i < STEER_SHAPES_MAX && i < list->shapes; i++) {
		__u32 slot = list->shape[i];
		const struct steer_shape *h = bpf_map_lookup_elem(&shapes, &slot);

		if (!h || h->priority >= s->priority)
			return;
		shape_ask(s, h);
	}
}

#endif
