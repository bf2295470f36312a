/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steering program: frames that a rule wants go to the socket of their receive queue,
 * everything else on to the kernel.  Runs once per frame in the driver, or after the skb is made
 * where the driver cannot.
 */
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

struct table_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size,
	       sizeof(struct steer_table)); /* clang 14 leaves its BTF out here */
};

/* One table, replaced whole: the kernel waits until no program run uses the old one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct table_map);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_RULES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct steer_key);
	__type(value, __u32); /* enum steer_action */
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

/* struct rawq_rule_key; the wire's byte order. */
struct key {
	__u8 macs[12];
	__u16 vlan, ethertype;
	__u8 src_ip[16], dst_ip[16];
	__u16 src_port, dst_port;
	__u8 ip_proto, tagged;
	__u8 pad[10];
};
_Static_assert(sizeof(struct key) == STEER_WORDS * 8, "struct rawq_rule_key");

struct vlan_tag {
	__u16 tci, ethertype;
};

static __always_inline void parse_ports(const __u8 *at, const __u8 *end, struct key *k)
{
	const __u16 *ports = (const void *)at;

	if (k->ip_proto != IPPROTO_TCP && k->ip_proto != IPPROTO_UDP &&
	    k->ip_proto != IPPROTO_SCTP)
		return;
	if ((const __u8 *)(ports + 2) > end)
		return;
	k->src_port = ports[0];
	k->dst_port = ports[1];
}

static __always_inline void parse_ip(const __u8 *at, const __u8 *end, struct key *k)
{
	const struct iphdr *ip = (const void *)at;

	if ((const __u8 *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return;
	__builtin_memcpy(k->src_ip, &ip->saddr, 4);
	__builtin_memcpy(k->dst_ip, &ip->daddr, 4);
	k->ip_proto = ip->protocol;
	if (!(ip->frag_off & bpf_htons(IP_OFFSET))) /* later fragments have no ports */
		parse_ports(at + ip->ihl * 4, end, k);
}

static __always_inline bool is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	       next == IPPROTO_DSTOPTS || next == IPPROTO_FRAGMENT;
}

static __always_inline void parse_ip6(const __u8 *at, const __u8 *end, struct key *k)
{
	const struct ipv6hdr *ip = (const void *)at;
	__u8 next;

	if ((const __u8 *)(ip + 1) > end || ip->version != 6)
		return;
	__builtin_memcpy(k->src_ip, &ip->saddr, 16);
	__builtin_memcpy(k->dst_ip, &ip->daddr, 16);
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
	parse_ports(at, end, k);
}

static __always_inline void parse(const __u8 *at, const __u8 *end, struct key *k)
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

static __always_inline int act(struct xdp_md *ctx, __u32 action)
{
	if (action == STEER_DROP)
		return XDP_DROP;
	/* No socket on this queue: the kernel has the frame. */
	return (int)bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

/* Does one of the group's rules want the frame?  Its action, or -1. */
static __always_inline int group_match(const struct steer_group *g, const __u64 *key)
{
	struct steer_key k = {.group = g->id};
	const __u32 *action;
	__u64 differs = 0;

	for (int w = 0; w < STEER_WORDS; w++) {
		k.value[w] = key[w] & g->mask[w];
		differs |= k.value[w] ^ g->value[w];
	}
	if (g->rules == 1)
		return differs ? -1 : (int)g->action;
	action = bpf_map_lookup_elem(&rules, &k);
	return action ? (int)*action : -1;
}

SEC("xdp.frags")
int steer(struct xdp_md *ctx)
{
	const __u8 *at = (const void *)(long)ctx->data,
		   *end = (const void *)(long)ctx->data_end;
	union {
		struct key key;
		__u64 words[STEER_WORDS];
	} k = {0};
	const struct steer_table *table;
	__u32 zero = 0;
	void *map;

	map = bpf_map_lookup_elem(&tables, &zero);
	table = map ? bpf_map_lookup_elem(map, &zero) : NULL;
	if (!table || at + ETH_HLEN > end)
		return XDP_PASS;
	if (!table->parse)
		return act(ctx, table->group[0].action);
	parse(at, end, &k.key);
	for (__u32 i = 0; i < STEER_GROUPS_MAX && i < table->groups; i++) {
		int action = group_match(&table->group[i], k.words);

		if (action >= 0)
			return act(ctx, (__u32)action);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
