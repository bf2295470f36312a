/* SPDX-License-Identifier: BSD-2-Clause */
/* What a frame asks, and the answer: RFC 826, RFC 792, RFC 4443, RFC 4861. */
#include "answer.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define HOP_LIMIT    64
#define ND_HOP_LIMIT 255 /* RFC 4861 section 7.1.1: it crossed no router */
#define ND_OPTION    8   /* a link-layer address of Ethernet with its header */

/* RFC 4291 section 2.7.1; RFC 2464 section 7 */
static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};

struct asked {
	const uint8_t *mac;
	const struct wish_address *addresses;
	unsigned count;
	const uint8_t *frame;
	uint32_t len;
	uint8_t *out;
};

static bool is_ours(const struct asked *a, bool v6, const void *ip)
{
	for (unsigned i = 0; i < a->count; i++) {
		if (a->addresses[i].v6 == v6 &&
		    !memcmp(a->addresses[i].ip, ip, v6 ? 16 : 4))
			return true;
	}
	return false;
}

/* RFC 1071, on top of a sum so far. */
static uint32_t sum_up(uint32_t sum, const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint32_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	return (sum & 0xffff) + (sum >> 16);
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* RFC 8200 section 8.1: the addresses, the length and the next header count as well. */
static uint16_t sum_icmp6(const struct ip6_hdr *ip, const void *icmp, uint32_t len)
{
	uint32_t sum = sum_up(len + IPPROTO_ICMPV6, &ip->ip6_src, 32);

	return fold(sum_up(sum, icmp, len));
}

static void write_eth(const struct asked *a, uint16_t ethertype)
{
	struct ethhdr *eth = (struct ethhdr *)a->out;

	memcpy(eth->h_dest, a->frame + ETH_ALEN, ETH_ALEN);
	memcpy(eth->h_source, a->mac, ETH_ALEN);
	eth->h_proto = htons(ethertype);
}

/* ---- IPv4 ----------------------------------------------------------------- */

static uint32_t answer_arp(const struct asked *a)
{
	struct ether_arp ask, *reply = (void *)(a->out + ETH_HLEN);

	if (a->len < ETH_HLEN + sizeof(ask))
		return 0;
	memcpy(&ask, a->frame + ETH_HLEN, sizeof(ask));
	if (ask.arp_hrd != htons(ARPHRD_ETHER) || ask.arp_pro != htons(ETH_P_IP) ||
	    ask.arp_hln != 6 || ask.arp_pln != 4 || ask.arp_op != htons(ARPOP_REQUEST) ||
	    !is_ours(a, false, ask.arp_tpa))
		return 0;
	memcpy(a->out, ask.arp_sha, ETH_ALEN);
	*reply = ask;
	reply->arp_op = htons(ARPOP_REPLY);
	memcpy(reply->arp_sha, a->mac, 6);
	memcpy(reply->arp_spa, ask.arp_tpa, 4);
	memcpy(reply->arp_tha, ask.arp_sha, 6);
	memcpy(reply->arp_tpa, ask.arp_spa, 4);
	return ETH_HLEN + sizeof(ask);
}

static void write_ip(uint8_t *at, const struct iphdr *ask, uint32_t payload)
{
	struct iphdr reply = {.version = 4, .ihl = 5, .ttl = HOP_LIMIT};

	reply.tos = ask->tos;
	reply.tot_len = htons((uint16_t)(sizeof(reply) + payload));
	reply.protocol = IPPROTO_ICMP;
	reply.saddr = ask->daddr;
	reply.daddr = ask->saddr;
	reply.check = fold(sum_up(0, &reply, sizeof(reply)));
	memcpy(at, &reply, sizeof(reply));
}

static uint32_t answer_echo(const struct asked *a)
{
	const uint8_t *icmp;
	struct iphdr ip;
	struct icmphdr reply;
	uint8_t *to = a->out + ETH_HLEN + sizeof(ip);
	uint32_t header, payload;

	if (a->len < ETH_HLEN + sizeof(ip))
		return 0;
	memcpy(&ip, a->frame + ETH_HLEN, sizeof(ip));
	header = ip.ihl * 4u;
	if (ip.version != 4 || ip.ihl < 5 || ip.protocol != IPPROTO_ICMP ||
	    (ip.frag_off & htons(IP_MF | IP_OFFMASK)) || !is_ours(a, false, &ip.daddr) ||
	    ntohs(ip.tot_len) > a->len - ETH_HLEN ||
	    ntohs(ip.tot_len) < header + sizeof(reply))
		return 0;
	payload = ntohs(ip.tot_len) - header;
	icmp = a->frame + ETH_HLEN + header;
	if (icmp[0] != ICMP_ECHO || icmp[1] || fold(sum_up(0, icmp, payload)) ||
	    fold(sum_up(0, a->frame + ETH_HLEN, header)))
		return 0;
	write_ip(a->out + ETH_HLEN, &ip, payload);
	memcpy(to, icmp, payload);
	memcpy(&reply, to, sizeof(reply));
	reply.type = ICMP_ECHOREPLY;
	reply.checksum = 0;
	memcpy(to, &reply, sizeof(reply));
	reply.checksum = fold(sum_up(0, to, payload));
	memcpy(to, &reply, sizeof(reply));
	return ETH_HLEN + (uint32_t)sizeof(ip) + payload;
}

/* ---- IPv6 ----------------------------------------------------------------- */

static void write_ip6(uint8_t *at, const void *from, const void *to, uint8_t hops,
                      uint32_t payload)
{
	struct ip6_hdr ip = {0};

	ip.ip6_flow = htonl(6u << 28);
	ip.ip6_plen = htons((uint16_t)payload);
	ip.ip6_nxt = IPPROTO_ICMPV6;
	ip.ip6_hlim = hops;
	memcpy(&ip.ip6_src, from, 16);
	memcpy(&ip.ip6_dst, to, 16);
	memcpy(at, &ip, sizeof(ip));
}

/* The checksum of an ICMPv6 message whose own is 0. */
static void close_icmp6(uint8_t *ip_at, uint32_t payload)
{
	struct icmp6_hdr icmp;
	struct ip6_hdr ip;
	uint8_t *at = ip_at + sizeof(ip);

	memcpy(&ip, ip_at, sizeof(ip));
	memcpy(&icmp, at, sizeof(icmp));
	icmp.icmp6_cksum = sum_icmp6(&ip, at, payload);
	memcpy(at, &icmp, sizeof(icmp));
}

static uint32_t answer_echo6(const struct asked *a, const struct ip6_hdr *ip,
                             uint32_t payload)
{
	uint8_t *at = a->out + ETH_HLEN;
	struct icmp6_hdr icmp;

	if (!is_ours(a, true, &ip->ip6_dst))
		return 0;
	write_ip6(at, &ip->ip6_dst, &ip->ip6_src, HOP_LIMIT, payload);
	memcpy(at + sizeof(*ip), a->frame + ETH_HLEN + sizeof(*ip), payload);
	memcpy(&icmp, at + sizeof(*ip), sizeof(icmp));
	icmp.icmp6_type = ICMP6_ECHO_REPLY;
	icmp.icmp6_cksum = 0;
	memcpy(at + sizeof(*ip), &icmp, sizeof(icmp));
	close_icmp6(at, payload);
	return ETH_HLEN + (uint32_t)sizeof(*ip) + payload;
}

/* RFC 4861 section 4.4, behind an Ethernet header. */
static uint32_t write_advert(uint8_t *out, const uint8_t mac[6], const void *target,
                             const void *to, uint32_t flags)
{
	struct nd_neighbor_advert advert = {0};
	uint8_t *at = out + ETH_HLEN, *option;

	advert.nd_na_type = ND_NEIGHBOR_ADVERT;
	advert.nd_na_flags_reserved = flags;
	memcpy(&advert.nd_na_target, target, 16);
	write_ip6(at, target, to, ND_HOP_LIMIT, sizeof(advert) + ND_OPTION);
	memcpy(at + sizeof(struct ip6_hdr), &advert, sizeof(advert));
	option = at + sizeof(struct ip6_hdr) + sizeof(advert);
	option[0] = ND_OPT_TARGET_LINKADDR;
	option[1] = ND_OPTION / 8;
	memcpy(option + 2, mac, 6);
	close_icmp6(at, sizeof(advert) + ND_OPTION);
	return ETH_HLEN + (uint32_t)(sizeof(struct ip6_hdr) + sizeof(advert)) + ND_OPTION;
}

/* RFC 4861 section 7.2.4; 7.1.1 for what is valid. */
static uint32_t answer_solicitation(const struct asked *a, const struct ip6_hdr *ip,
                                    uint32_t payload)
{
	static const uint8_t unspecified[16];
	struct nd_neighbor_solicit ask;

	if (payload < sizeof(ask) || ip->ip6_hlim != ND_HOP_LIMIT)
		return 0;
	memcpy(&ask, a->frame + ETH_HLEN + sizeof(*ip), sizeof(ask));
	if (ask.nd_ns_code || !is_ours(a, true, &ask.nd_ns_target))
		return 0;
	if (memcmp(&ip->ip6_src, unspecified, 16))
		return write_advert(a->out, a->mac, &ask.nd_ns_target, &ip->ip6_src,
		                    ND_NA_FLAG_OVERRIDE | ND_NA_FLAG_SOLICITED);
	/* Who asks without an address of its own is told together with everybody. */
	memcpy(a->out, all_nodes_mac, 6);
	return write_advert(a->out, a->mac, &ask.nd_ns_target, all_nodes,
	                    ND_NA_FLAG_OVERRIDE);
}

static uint32_t answer_icmp6(const struct asked *a)
{
	const uint8_t *icmp = a->frame + ETH_HLEN + sizeof(struct ip6_hdr);
	struct ip6_hdr ip;
	uint32_t payload;

	if (a->len < ETH_HLEN + sizeof(ip))
		return 0;
	memcpy(&ip, a->frame + ETH_HLEN, sizeof(ip));
	payload = ntohs(ip.ip6_plen);
	if (ip.ip6_vfc >> 4 != 6 || ip.ip6_nxt != IPPROTO_ICMPV6 ||
	    payload > a->len - ETH_HLEN - sizeof(ip) ||
	    payload < sizeof(struct icmp6_hdr) || sum_icmp6(&ip, icmp, payload))
		return 0;
	if (icmp[0] == ICMP6_ECHO_REQUEST && !icmp[1])
		return answer_echo6(a, &ip, payload);
	if (icmp[0] == ND_NEIGHBOR_SOLICIT)
		return answer_solicitation(a, &ip, payload);
	return 0;
}

uint32_t answer_make(const uint8_t mac[6], const struct wish_address *addresses,
                     unsigned count, const uint8_t *frame, uint32_t len, uint8_t *out)
{
	struct asked a = {mac, addresses, count, frame, len, out};
	uint16_t type;

	/* To us, or to a group; never from one (RFC 1122 section 3.2.1.3 in spirit). */
	if (len < ETH_HLEN || len > ANSWER_MAX || (frame[6] & 1) ||
	    (!(frame[0] & 1) && memcmp(frame, mac, 6)))
		return 0;
	type = (uint16_t)(frame[12] << 8 | frame[13]);
	write_eth(&a, type);
	switch (type) {
	case ETH_P_ARP:
		return answer_arp(&a);
	case ETH_P_IP:
		return answer_echo(&a);
	case ETH_P_IPV6:
		return answer_icmp6(&a);
	default:
		return 0;
	}
}

/* RFC 5227 section 2.3: an ARP request for the own address from it, which all caches learn from. */
static uint32_t announce_arp(const uint8_t mac[6], const uint8_t ip[4], uint8_t *out)
{
	struct ether_arp arp = {0};

	memset(out, 0xff, ETH_ALEN);
	arp.arp_hrd = htons(ARPHRD_ETHER);
	arp.arp_pro = htons(ETH_P_IP);
	arp.arp_hln = 6;
	arp.arp_pln = 4;
	arp.arp_op = htons(ARPOP_REQUEST);
	memcpy(arp.arp_sha, mac, 6);
	memcpy(arp.arp_spa, ip, 4);
	memcpy(arp.arp_tpa, ip, 4);
	memcpy(out + ETH_HLEN, &arp, sizeof(arp));
	return ETH_HLEN + sizeof(arp);
}

uint32_t answer_announce(const uint8_t mac[6], const struct wish_address *address,
                         uint8_t *out)
{
	uint16_t type = htons(address->v6 ? ETH_P_IPV6 : ETH_P_ARP);

	memcpy(out, all_nodes_mac, ETH_ALEN);
	memcpy(out + ETH_ALEN, mac, ETH_ALEN);
	memcpy(out + 2 * ETH_ALEN, &type, sizeof(type));
	if (!address->v6)
		return announce_arp(mac, address->ip, out);
	/* RFC 4861 section 7.2.6 */
	return write_advert(out, mac, address->ip, all_nodes, ND_NA_FLAG_OVERRIDE);
}
