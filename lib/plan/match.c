/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules against frames and against kinds of frames. */
#include "match.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#define VLAN_TAGS_MAX  2
#define EXTENSIONS_MAX 4    /* of IPv6, before the ports */
#define VXLAN_PORT     4789 /* RFC 7348 section 8 */
#define GRE_CHECKSUM   0x80
#define GRE_KEY        0x20

struct cursor {
	const uint8_t *at;
	uint32_t left;
};

/* The next n bytes; NULL if they are not all there. */
static const uint8_t *take(struct cursor *c, uint32_t n)
{
	const uint8_t *at = c->at;

	if (n > c->left)
		return NULL;
	c->at += n;
	c->left -= n;
	return at;
}

#define KEEP(out, field, from)                                                           \
	keep(&(out)->key.field, &(out)->has.field, sizeof((out)->key.field), from)

static void keep(void *key, void *has, size_t len, const uint8_t *from)
{
	memcpy(key, from, len);
	memset(has, 0xff, len);
}

static void keep_proto(struct match_frame *out, uint8_t proto)
{
	out->key.ip_proto = proto;
	out->has.ip_proto = 0xff;
}

/* RFC 7348 section 5: flags with the bit that says the VNI is there, then VNI and 8 bits. */
static void read_vxlan(struct cursor *c, struct match_frame *out)
{
	const uint8_t *udp = take(c, 4), *vxlan = udp ? take(c, 8) : NULL;
	uint8_t vni[4] = {0};

	if (!vxlan)
		return;
	memcpy(vni + 1, vxlan + 4, 3);
	KEEP(out, tunnel_id, vni);
}

static void read_ports(struct cursor *c, struct match_frame *out)
{
	uint8_t proto = out->key.ip_proto;
	const uint8_t *ports;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_SCTP)
		return;
	ports = take(c, 4);
	if (!ports)
		return;
	KEEP(out, src_port, ports);
	KEEP(out, dst_port, ports + 2);
	if (proto == IPPROTO_UDP && out->key.dst_port == htons(VXLAN_PORT))
		read_vxlan(c, out);
}

/* RFC 2784 section 2.1, RFC 2890 section 2 */
static void read_gre(struct cursor *c, struct match_frame *out)
{
	const uint8_t *gre = take(c, 4), *id;

	if (!gre)
		return;
	KEEP(out, tunnel_protocol, gre + 2);
	if ((gre[0] & GRE_CHECKSUM) && !take(c, 4))
		return;
	id = gre[0] & GRE_KEY ? take(c, 4) : NULL;
	if (id)
		KEEP(out, tunnel_id, id);
}

static void read_layer4(struct cursor *c, struct match_frame *out)
{
	if (out->key.ip_proto == IPPROTO_GRE)
		read_gre(c, out);
	else
		read_ports(c, out);
}

/* RFC 791 section 3.1 */
static void read_ip(struct cursor *c, struct match_frame *out)
{
	const uint8_t *ip = take(c, 20);
	uint32_t header;

	if (!ip || ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
		return;
	header = (ip[0] & 15) * 4u;
	keep_proto(out, ip[9]);
	keep(out->key.src_ip, out->has.src_ip, 4, ip + 12);
	keep(out->key.dst_ip, out->has.dst_ip, 4, ip + 16);
	/* A later fragment has no ports. */
	if (!(ip[6] & 0x1f) && !ip[7] && take(c, header - 20))
		read_layer4(c, out);
}

/* RFC 8200 sections 3 and 4 */
static void read_ip6(struct cursor *c, struct match_frame *out)
{
	const uint8_t *ip = take(c, 40), *ext;
	uint8_t next;

	if (!ip || ip[0] >> 4 != 6)
		return;
	KEEP(out, src_ip, ip + 8);
	KEEP(out, dst_ip, ip + 24);
	next = ip[6];
	for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
		bool fragment = next == IPPROTO_FRAGMENT;

		if (!fragment && next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_DSTOPTS)
			break;
		ext = take(c, 8);
		if (!ext)
			return;
		next = ext[0];
		if (fragment && (ext[2] || ext[3] & 0xf8)) {
			keep_proto(out, next);
			return;
		}
		if (!fragment && !take(c, ext[1] * 8u))
			c->left = 0;
	}
	keep_proto(out, next);
	read_layer4(c, out);
}

bool match_read(const uint8_t *frame, uint32_t len, struct match_frame *out)
{
	struct cursor c = {frame, len};
	const uint8_t *eth = take(&c, ETH_HLEN), *tag;
	uint16_t type;

	memset(out, 0, sizeof(*out));
	if (!eth)
		return false;
	KEEP(out, dst_mac, eth);
	KEEP(out, src_mac, eth + 6);
	KEEP(out, ethertype, eth + 12);
	out->has.tagged = 0xff;
	for (unsigned i = 0; i < VLAN_TAGS_MAX; i++) {
		type = ntohs(out->key.ethertype);
		if (type != ETH_P_8021Q && type != ETH_P_8021AD)
			break;
		tag = take(&c, 4);
		if (!tag)
			return true;
		if (!out->key.tagged)
			KEEP(out, vlan, tag);
		out->key.tagged = 1;
		KEEP(out, ethertype, tag + 2);
	}
	type = ntohs(out->key.ethertype);
	if (type == ETH_P_IP)
		read_ip(&c, out);
	else if (type == ETH_P_IPV6)
		read_ip6(&c, out);
	return true;
}

/* A mask's port for comparing: with a range all of it counts, and the range is asked apart. */
static bool in_range(uint16_t first, uint16_t last, uint16_t port)
{
	return ntohs(first) <= ntohs(port) && ntohs(port) <= ntohs(last);
}

/* The rule's words byte by byte, where neither a range nor the frame's lack of a field decides. */
static struct rawq_rule_key plain_mask(const struct rawq_rule_opts *rule)
{
	struct rawq_rule_key m = rule->mask;

	if (rule->src_port_last)
		m.src_port = 0;
	if (rule->dst_port_last)
		m.dst_port = 0;
	return m;
}

bool match_wants(const struct rawq_rule_opts *rule, const struct match_frame *frame)
{
	struct rawq_rule_key mask = plain_mask(rule);
	const uint8_t *v = (const uint8_t *)&rule->value, *m = (const uint8_t *)&mask;
	const uint8_t *k = (const uint8_t *)&frame->key;
	const uint8_t *has = (const uint8_t *)&frame->has;
	const uint8_t *asked = (const uint8_t *)&rule->mask;

	for (size_t i = 0; i < sizeof(mask); i++) {
		if ((asked[i] & ~has[i]) || ((v[i] ^ k[i]) & m[i]))
			return false;
	}
	return (!rule->src_port_last ||
	        in_range(rule->value.src_port, rule->src_port_last,
	                 frame->key.src_port)) &&
	       (!rule->dst_port_last ||
	        in_range(rule->value.dst_port, rule->dst_port_last, frame->key.dst_port));
}

bool match_meets(const struct rawq_rule_opts *rule, const struct rawq_stake *stake)
{
	struct rawq_rule_key mask = plain_mask(rule);
	const uint8_t *v = (const uint8_t *)&rule->value, *m = (const uint8_t *)&mask;
	const uint8_t *sv = (const uint8_t *)&stake->value,
		      *sm = (const uint8_t *)&stake->mask;

	for (size_t i = 0; i < sizeof(mask); i++) {
		if ((v[i] ^ sv[i]) & m[i] & sm[i])
			return false;
	}
	return (!rule->src_port_last || !stake->mask.src_port ||
	        in_range(rule->value.src_port, rule->src_port_last,
	                 stake->value.src_port)) &&
	       (!rule->dst_port_last || !stake->mask.dst_port ||
	        in_range(rule->value.dst_port, rule->dst_port_last,
	                 stake->value.dst_port));
}

bool match_covers(const struct rawq_rule_opts *rule, const struct rawq_stake *stake)
{
	const uint8_t *m = (const uint8_t *)&rule->mask,
		      *sm = (const uint8_t *)&stake->mask;

	for (size_t i = 0; i < sizeof(rule->mask); i++) {
		if (m[i] & ~sm[i])
			return false;
	}
	return match_meets(rule, stake);
}
