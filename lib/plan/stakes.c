/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel has at stake, as kinds of frames. */
#include "stakes.h"
#include "dump.h"
#include "match.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
/* RFC 2464 section 7: to all nodes */
static const uint8_t all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};

struct maker {
	const uint8_t *mac;
	const struct facts *facts;
	struct stakes *to;
	struct rawq_stake spare; /* written to when there is no memory */
	bool no_memory;
};

/* ---- one stake ------------------------------------------------------------ */

__attribute__((format(printf, 4, 5))) static struct rawq_stake *add(
	struct maker *m, enum rawq_stake_kind kind, bool vital, const char *fmt, ...)
{
	struct rawq_stake *s =
		dump_append((void **)&m->to->list, &m->to->count, sizeof(*s));
	va_list ap;

	m->no_memory |= !s;
	if (!s)
		s = &m->spare;
	s->kind = kind;
	s->vital = vital;
	s->in_use = 1;
	va_start(ap, fmt);
	vsnprintf(s->what, sizeof(s->what), fmt, ap);
	va_end(ap);
	return s;
}

static void of_mac(struct rawq_stake *s, const uint8_t mac[6])
{
	memcpy(s->value.dst_mac, mac, 6);
	memset(s->mask.dst_mac, 0xff, 6);
}

static void of_type(struct rawq_stake *s, uint16_t ethertype)
{
	s->mask.tagged = 0xff;
	s->value.ethertype = htons(ethertype);
	s->mask.ethertype = 0xffff;
}

static void of_proto(struct rawq_stake *s, bool v6, uint8_t proto)
{
	of_type(s, v6 ? ETH_P_IPV6 : ETH_P_IP);
	s->value.ip_proto = proto;
	s->mask.ip_proto = 0xff;
}

static void to_ip(struct rawq_stake *s, bool v6, const uint8_t *ip)
{
	of_type(s, v6 ? ETH_P_IPV6 : ETH_P_IP);
	memcpy(s->value.dst_ip, ip, v6 ? 16 : 4);
	memset(s->mask.dst_ip, 0xff, v6 ? 16 : 4);
}

static void from_ip(struct rawq_stake *s, bool v6, const uint8_t *ip)
{
	memcpy(s->value.src_ip, ip, v6 ? 16 : 4);
	memset(s->mask.src_ip, 0xff, v6 ? 16 : 4);
}

static void to_port(struct rawq_stake *s, uint16_t port)
{
	s->value.dst_port = htons(port);
	s->mask.dst_port = 0xffff;
}

static void from_port(struct rawq_stake *s, uint16_t port)
{
	s->value.src_port = htons(port);
	s->mask.src_port = 0xffff;
}

static void in_vlan(struct rawq_stake *s, uint16_t vlan)
{
	s->value.tagged = 1;
	s->mask.tagged = 0xff;
	s->value.vlan = htons(vlan);
	s->mask.vlan = htons(0x0fff);
}

#define MAC_TEXT   "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_ARG(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

static const char *ip_text(bool v6, const uint8_t *ip, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(v6 ? AF_INET6 : AF_INET, ip, text, INET6_ADDRSTRLEN);
}

/* ---- what every netdev has ------------------------------------------------ */

static bool has_address(const struct facts *f, bool v6)
{
	for (unsigned i = 0; f && i < f->address_count; i++) {
		if (f->addresses[i].v6 == v6 && f->addresses[i].child < 0)
			return true;
	}
	return false;
}

static void own_mac(struct maker *m)
{
	bool v4 = has_address(m->facts, false), v6 = has_address(m->facts, true);
	struct rawq_stake *s;

	of_mac(add(m, RAWQ_STAKE_MAC, true, "every frame to its MAC " MAC_TEXT,
	           MAC_ARG(m->mac)),
	       m->mac);
	s = add(m, RAWQ_STAKE_MAC, true, "IPv4");
	of_mac(s, m->mac);
	of_type(s, ETH_P_IP);
	s->in_use = v4;
	s = add(m, RAWQ_STAKE_MAC, true, "IPv6");
	of_mac(s, m->mac);
	of_type(s, ETH_P_IPV6);
	s->in_use = v6;
	s = add(m, RAWQ_STAKE_MAC, true, "ARP replies");
	of_mac(s, m->mac);
	of_type(s, ETH_P_ARP);
	s->in_use = v4;
	s = add(m, RAWQ_STAKE_BROADCAST, true, "ARP requests");
	of_mac(s, broadcast);
	of_type(s, ETH_P_ARP);
	s->in_use = v4;
	s = add(m, RAWQ_STAKE_BROADCAST, false, "IPv4 broadcasts (DHCP)");
	of_mac(s, broadcast);
	of_type(s, ETH_P_IP);
	s->in_use = v4;
	for (unsigned i = 0; i < 2; i++) {
		s = add(m, RAWQ_STAKE_MAC, true, "TCP over IPv%d", i ? 6 : 4);
		of_mac(s, m->mac);
		of_proto(s, i, IPPROTO_TCP);
		s->in_use = i ? v6 : v4;
	}
}

/* ---- addresses ------------------------------------------------------------ */

/* RFC 4861: who has this address, asked of the group of its last three bytes. */
static void solicitations(struct maker *m, const uint8_t *ip, const char *text)
{
	uint8_t mac[6] = {0x33, 0x33, 0xff, ip[13], ip[14], ip[15]};
	uint8_t group[16] = {0xff, 0x02, [11] = 1, [12] = 0xff, ip[13], ip[14], ip[15]};
	struct rawq_stake *s =
		add(m, RAWQ_STAKE_ADDRESS, true, "neighbour solicitations for %s", text);

	of_mac(s, mac);
	of_proto(s, true, IPPROTO_ICMPV6);
	to_ip(s, true, group);
}

static void own_address(struct maker *m, const struct fact_address *a)
{
	char text[INET6_ADDRSTRLEN];
	struct rawq_stake *s;

	ip_text(a->v6, a->ip, text);
	s = add(m, RAWQ_STAKE_ADDRESS, true, "everything to its address %s", text);
	of_mac(s, m->mac);
	to_ip(s, a->v6, a->ip);
	s = add(m, RAWQ_STAKE_ADDRESS, false, "ping of %s", text);
	of_mac(s, m->mac);
	of_proto(s, a->v6, a->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	to_ip(s, a->v6, a->ip);
	if (a->v6)
		solicitations(m, a->ip, text);
}

static void neighbour_discovery(struct maker *m)
{
	struct rawq_stake *s;

	if (!has_address(m->facts, true))
		return;
	s = add(m, RAWQ_STAKE_ADDRESS, true, "neighbour advertisements");
	of_mac(s, m->mac);
	of_proto(s, true, IPPROTO_ICMPV6);
	s = add(m, RAWQ_STAKE_ADDRESS, true, "router advertisements");
	of_mac(s, all_nodes);
	of_proto(s, true, IPPROTO_ICMPV6);
}

/* ---- children ------------------------------------------------------------- */

static const char *const child_names[] = {
	[CHILD_MACVLAN] = "MACVLAN", [CHILD_IPVLAN] = "IPVLAN", [CHILD_VLAN] = "VLAN"};

static void of_child(struct rawq_stake *s, const struct fact_child *c)
{
	of_mac(s, c->mac);
	if (c->kind == CHILD_VLAN)
		in_vlan(s, c->vlan);
}

static void child(struct maker *m, const struct fact_child *c)
{
	switch (c->kind) {
	case CHILD_MACVLAN:
		of_child(add(m, RAWQ_STAKE_CHILD, true,
		             "its MACVLAN child %s (" MAC_TEXT ")", c->name,
		             MAC_ARG(c->mac)),
		         c);
		break;
	case CHILD_VLAN:
		of_child(add(m, RAWQ_STAKE_CHILD, true, "its VLAN child %s (VLAN %u)",
		             c->name, c->vlan),
		         c);
		break;
	case CHILD_IPVLAN: /* what frames it has is a matter of its addresses */
		of_child(add(m, RAWQ_STAKE_CHILD, true, "its IPVLAN child %s", c->name),
		         c);
		break;
	}
}

static void address_of_child(struct maker *m, const struct fact_address *a)
{
	const struct fact_child *c = &m->facts->children[a->child];
	char text[INET6_ADDRSTRLEN];
	struct rawq_stake *s =
		add(m, RAWQ_STAKE_CHILD, true, "everything to %s of its %s child %s",
	            ip_text(a->v6, a->ip, text), child_names[c->kind], c->name);

	to_ip(s, a->v6, a->ip);
	of_child(s, c);
}

/* ---- sockets -------------------------------------------------------------- */

static bool is_any(const uint8_t ip[16])
{
	static const uint8_t zero[16];

	return !memcmp(ip, zero, sizeof(zero));
}

static bool is_own(const struct facts *f, bool v6, const uint8_t ip[16])
{
	for (unsigned i = 0; i < f->address_count; i++) {
		if (f->addresses[i].child < 0 && f->addresses[i].v6 == v6 &&
		    !memcmp(f->addresses[i].ip, ip, v6 ? 16 : 4))
			return true;
	}
	return false;
}

/* A listener of an IPv6 socket may be one of IPv4 as well. */
static void listener(struct maker *m, const struct fact_socket *k, bool v6)
{
	char text[INET6_ADDRSTRLEN];
	struct rawq_stake made = {0}, *s;

	of_mac(&made, m->mac);
	of_proto(&made, v6, k->proto);
	to_port(&made, k->local_port);
	if (!is_any(k->local))
		to_ip(&made, v6, k->local);
	for (unsigned i = 0; i < m->to->count; i++) {
		s = &m->to->list[i];
		if (!memcmp(&s->value, &made.value, sizeof(made.value)) &&
		    !memcmp(&s->mask, &made.mask, sizeof(made.mask)))
			return;
	}
	s = add(m, RAWQ_STAKE_LISTENER, false, "the listener on %s port %u of %s",
	        k->proto == IPPROTO_TCP ? "TCP" : "UDP", k->local_port,
	        is_any(k->local) ? v6 ? "any IPv6 address" : "any IPv4 address"
	                         : ip_text(v6, k->local, text));
	s->value = made.value;
	s->mask = made.mask;
}

static void connection(struct maker *m, const struct fact_socket *k)
{
	char local[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN];
	struct rawq_stake *s = add(m, RAWQ_STAKE_CONNECTION, false,
	                           "the %s connection of %s port %u "
	                           "with %s port %u",
	                           k->proto == IPPROTO_TCP ? "TCP" : "UDP",
	                           ip_text(k->v6, k->local, local), k->local_port,
	                           ip_text(k->v6, k->peer, peer), k->peer_port);

	of_mac(s, m->mac);
	of_proto(s, k->v6, k->proto);
	to_ip(s, k->v6, k->local);
	from_ip(s, k->v6, k->peer);
	to_port(s, k->local_port);
	from_port(s, k->peer_port);
}

static void socket_stake(struct maker *m, const struct fact_socket *k)
{
	bool own = is_own(m->facts, k->v6, k->local);

	if (k->connected && own)
		connection(m, k);
	if (k->connected || !k->local_port || !(own || is_any(k->local)))
		return;
	listener(m, k, k->v6);
	if (k->v6 && is_any(k->local))
		listener(m, k, false);
}

/* Whose the session's address is: the netdev's or a child's. */
static void session_stake(struct maker *m, const struct rawq_rule_key *key)
{
	bool v6 = key->ethertype == htons(ETH_P_IPV6);
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < m->facts->address_count; i++) {
		const struct fact_address *a = &m->facts->addresses[i];
		struct rawq_stake *s;

		if (a->v6 != v6 || memcmp(a->ip, key->dst_ip, v6 ? 16 : 4))
			continue;
		s = add(m, RAWQ_STAKE_SESSION, true,
		        "the session that you are typing in (from %s port %u)",
		        ip_text(v6, key->src_ip, text), ntohs(key->src_port));
		of_proto(s, v6, IPPROTO_TCP);
		to_ip(s, v6, key->dst_ip);
		from_ip(s, v6, key->src_ip);
		to_port(s, ntohs(key->dst_port));
		from_port(s, ntohs(key->src_port));
		if (a->child < 0)
			of_mac(s, m->mac);
		else
			of_child(s, &m->facts->children[a->child]);
		return;
	}
}

/* ---- services ------------------------------------------------------------- */

static bool listens_to_type(const struct facts *f, uint16_t ethertype)
{
	for (unsigned i = 0; i < f->packet_count; i++) {
		if (f->packet_protocols[i] == ethertype)
			return true;
	}
	return false;
}

/* Protocols of the link, by ethertype; IEEE 802.3 annex 57A, 802.1AB, 1588 annex E, 802.1X; by
 * address, IEEE 802.1D section 7.12.3. */
static void services(struct maker *m)
{
	static const uint8_t stp[6] = {0x01, 0x80, 0xc2};
	static const struct {
		const char *name;
		uint16_t ethertype;
	} types[] = {{"LACP", 0x8809},
	             {"LLDP", 0x88cc},
	             {"PTP over Ethernet", 0x88f7},
	             {"802.1X", 0x888e}};
	static const uint16_t ptp_ports[] = {319, 320};
	bool bond = !strcmp(m->facts->master_kind, "bond");
	bool bridge = !strcmp(m->facts->master_kind, "bridge");
	struct rawq_stake *s;

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bool used = listens_to_type(m->facts, types[i].ethertype) || (!i && bond);

		s = add(m, RAWQ_STAKE_SERVICE, used, "%s", types[i].name);
		of_type(s, types[i].ethertype);
		s->in_use = used;
	}
	s = add(m, RAWQ_STAKE_SERVICE, bridge, "STP");
	of_mac(s, stp);
	s->in_use = bridge;
	for (unsigned i = 0; i < 2; i++) {
		s = add(m, RAWQ_STAKE_SERVICE, false, "PTP over UDP (port %u)",
		        ptp_ports[i]);
		of_proto(s, false, IPPROTO_UDP);
		to_port(s, ptp_ports[i]);
		s->in_use = 0;
		for (unsigned k = 0; k < m->facts->socket_count; k++)
			s->in_use |= m->facts->sockets[k].proto == IPPROTO_UDP &&
			             m->facts->sockets[k].local_port == ptp_ports[i];
	}
}

/* ---- all of it ------------------------------------------------------------ */

static void neighbours(struct maker *m)
{
	const struct facts *f = m->facts;
	char text[INET6_ADDRSTRLEN];
	struct rawq_stake *s;

	for (unsigned i = 0; i < f->gateway_count; i++) {
		const struct fact_gateway *g = &f->gateways[i];

		if (!g->has_mac)
			continue;
		s = add(m, RAWQ_STAKE_GATEWAY, true,
		        "everything from its gateway %s (" MAC_TEXT ")",
		        ip_text(g->v6, g->ip, text), MAC_ARG(g->mac));
		of_mac(s, m->mac);
		memcpy(s->value.src_mac, g->mac, 6);
		memset(s->mask.src_mac, 0xff, 6);
	}
	for (unsigned i = 0; i < f->filter_count; i++)
		of_mac(add(m, RAWQ_STAKE_CHILD, true,
		           "frames to " MAC_TEXT
		           ", received for a device elsewhere (MACVLAN in a container)",
		           MAC_ARG(f->filters[i])),
		       f->filters[i]);
	if (f->master_ifindex)
		add(m, RAWQ_STAKE_MASTER, true, "all that its %s %s is for",
		    *f->master_kind ? f->master_kind : "master", f->master);
}

int stakes_make(const uint8_t mac[6], const struct facts *facts,
                const struct rawq_rule_key *session, struct stakes *out)
{
	struct maker m = {.mac = mac, .facts = facts, .to = out};

	memset(out, 0, sizeof(*out));
	if (facts && session && session->ethertype)
		session_stake(&m, session);
	own_mac(&m);
	if (!facts)
		return m.no_memory ? -ENOMEM : 0;
	for (unsigned i = 0; i < facts->address_count; i++) {
		if (facts->addresses[i].child < 0)
			own_address(&m, &facts->addresses[i]);
	}
	neighbour_discovery(&m);
	for (unsigned i = 0; i < facts->child_count; i++)
		child(&m, &facts->children[i]);
	for (unsigned i = 0; i < facts->address_count; i++) {
		if (facts->addresses[i].child >= 0)
			address_of_child(&m, &facts->addresses[i]);
	}
	neighbours(&m);
	services(&m);
	for (unsigned i = 0; i < facts->socket_count; i++)
		socket_stake(&m, &facts->sockets[i]);
	return m.no_memory ? -ENOMEM : 0;
}

void stakes_free(struct stakes *s)
{
	free(s->list);
	memset(s, 0, sizeof(*s));
}

/* ---- judging -------------------------------------------------------------- */

/* A copy lets the kernel and the rules behind it have the frame as well. */
static void judge(struct rawq_stake *s, const struct rawq_rule_opts *const *by_priority,
                  const uint32_t *number, unsigned rules)
{
	s->fate = RAWQ_KEPT;
	for (unsigned i = 0; i < rules && s->fate != RAWQ_LOST; i++) {
		const struct rawq_rule_opts *r = by_priority[i];

		if (!match_meets(r, s))
			continue;
		if (s->fate == RAWQ_KEPT || (s->fate == RAWQ_COPIED && !r->copy))
			s->rule = number[i];
		if (!r->copy)
			s->fate = match_covers(r, s) ? RAWQ_LOST : RAWQ_LOST_PARTLY;
		else if (s->fate == RAWQ_KEPT)
			s->fate = RAWQ_COPIED;
	}
}

void stakes_judge(struct stakes *s, const struct rawq_rule_opts *const *by_priority,
                  const uint32_t *number, unsigned rules)
{
	for (unsigned i = 0; i < s->count; i++)
		judge(&s->list[i], by_priority, number, rules);
}

const struct rawq_stake *stakes_lost_to(const struct stakes *s,
                                        const struct rawq_rule_opts *rule)
{
	if (rule->copy)
		return NULL;
	for (unsigned i = 0; i < s->count; i++) {
		if (s->list[i].vital && match_covers(rule, &s->list[i]))
			return &s->list[i];
	}
	return NULL;
}
