/* SPDX-License-Identifier: BSD-2-Clause */
/* One flow of a rule as ibv_create_flow() wants it: attributes with the specs behind them. */
#include "flow.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

static bool any_set(const void *p, size_t n)
{
	const uint8_t *byte = p;

	while (n && !*byte) {
		byte++;
		n--;
	}
	return n;
}

/* A flow's attributes with the specs behind them, as the verb wants them: one piece. */
struct request {
	struct ibv_flow_attr attr;
	uint8_t specs[sizeof(struct ibv_flow_spec_eth) +
	              sizeof(struct ibv_flow_spec_ipv6) +
	              sizeof(struct ibv_flow_spec_tcp_udp) +
	              sizeof(struct ibv_flow_spec_gre) +
	              sizeof(struct ibv_flow_spec_action_tag) +
	              sizeof(struct ibv_flow_spec_counter_action)];
};
static_assert(offsetof(struct request, specs) == sizeof(struct ibv_flow_attr),
              "specs follow the attributes without a gap");

static void add_spec(struct request *r, const void *spec, size_t size)
{
	assert(r->attr.size + size <= sizeof(*r));
	memcpy((uint8_t *)r + r->attr.size, spec, size);
	r->attr.size = (uint16_t)(r->attr.size + size);
	r->attr.num_of_specs++;
}

static void add_eth(struct request *r, const struct rawq_rule_key *v,
                    const struct rawq_rule_key *m)
{
	struct ibv_flow_spec_eth eth = {.type = IBV_FLOW_SPEC_ETH, .size = sizeof(eth)};

	memcpy(eth.val.dst_mac, v->dst_mac, 6);
	memcpy(eth.mask.dst_mac, m->dst_mac, 6);
	memcpy(eth.val.src_mac, v->src_mac, 6);
	memcpy(eth.mask.src_mac, m->src_mac, 6);
	eth.val.ether_type = v->ethertype;
	eth.mask.ether_type = m->ethertype;
	eth.val.vlan_tag = v->vlan;
	eth.mask.vlan_tag = m->vlan;
	add_spec(r, &eth, sizeof(eth));
}

static void add_ip(struct request *r, const struct rawq_rule_key *v,
                   const struct rawq_rule_key *m)
{
	struct ibv_flow_spec_ipv4_ext v4 = {.type = IBV_FLOW_SPEC_IPV4_EXT,
	                                    .size = sizeof(v4)};
	struct ibv_flow_spec_ipv6 v6 = {.type = IBV_FLOW_SPEC_IPV6, .size = sizeof(v6)};

	if (!m->ip_proto && !any_set(m->src_ip, 16) && !any_set(m->dst_ip, 16))
		return;
	if (v->ethertype == htons(ETH_P_IP)) {
		memcpy(&v4.val.src_ip, v->src_ip, 4);
		memcpy(&v4.mask.src_ip, m->src_ip, 4);
		memcpy(&v4.val.dst_ip, v->dst_ip, 4);
		memcpy(&v4.mask.dst_ip, m->dst_ip, 4);
		v4.val.proto = v->ip_proto;
		v4.mask.proto = m->ip_proto;
		add_spec(r, &v4, sizeof(v4));
	} else {
		memcpy(v6.val.src_ip, v->src_ip, 16);
		memcpy(v6.mask.src_ip, m->src_ip, 16);
		memcpy(v6.val.dst_ip, v->dst_ip, 16);
		memcpy(v6.mask.dst_ip, m->dst_ip, 16);
		v6.val.next_hdr = v->ip_proto;
		v6.mask.next_hdr = m->ip_proto;
		add_spec(r, &v6, sizeof(v6));
	}
}

static void add_ports(struct request *r, const struct rawq_rule_key *v,
                      const struct rawq_rule_key *m)
{
	struct ibv_flow_spec_tcp_udp l4 = {.size = sizeof(l4)};

	if (!m->src_port && !m->dst_port)
		return;
	l4.type = v->ip_proto == IPPROTO_TCP ? IBV_FLOW_SPEC_TCP : IBV_FLOW_SPEC_UDP;
	l4.val.src_port = v->src_port;
	l4.mask.src_port = m->src_port;
	l4.val.dst_port = v->dst_port;
	l4.mask.dst_port = m->dst_port;
	add_spec(r, &l4, sizeof(l4));
}

/* The specs are of the outer headers: nothing of them has IBV_FLOW_SPEC_INNER. */
static void add_tunnel(struct request *r, const struct rawq_rule_key *v,
                       const struct rawq_rule_key *m)
{
	struct ibv_flow_spec_tunnel vxlan = {.type = IBV_FLOW_SPEC_VXLAN_TUNNEL,
	                                     .size = sizeof(vxlan)};
	struct ibv_flow_spec_gre gre = {.type = IBV_FLOW_SPEC_GRE, .size = sizeof(gre)};

	if (!m->tunnel_id && !m->tunnel_protocol)
		return;
	if (v->ip_proto == IPPROTO_UDP) {
		vxlan.val.tunnel_id = v->tunnel_id;
		vxlan.mask.tunnel_id = m->tunnel_id;
		add_spec(r, &vxlan, sizeof(vxlan));
	} else {
		gre.val.protocol = v->tunnel_protocol;
		gre.mask.protocol = m->tunnel_protocol;
		gre.val.key = v->tunnel_id;
		gre.mask.key = m->tunnel_id;
		add_spec(r, &gre, sizeof(gre));
	}
}

static void add_actions(struct request *r, const struct rawq_rule_opts *o,
                        struct ibv_counters *counters)
{
	struct ibv_flow_spec_action_tag tag = {
		.type = IBV_FLOW_SPEC_ACTION_TAG, .size = sizeof(tag), .tag_id = o->mark};
	struct ibv_flow_spec_action_drop drop = {.type = IBV_FLOW_SPEC_ACTION_DROP,
	                                         .size = sizeof(drop)};
	struct ibv_flow_spec_counter_action count = {.type = IBV_FLOW_SPEC_ACTION_COUNT,
	                                             .size = sizeof(count),
	                                             .counters = counters};

	if (!o->queues)
		add_spec(r, &drop, sizeof(drop));
	else if (o->mark)
		add_spec(r, &tag, sizeof(tag));
	if (counters)
		add_spec(r, &count, sizeof(count));
}

bool flow_is_sniffer(const struct rawq_rule_opts *o)
{
	return o->copy && !any_set(&o->mask, sizeof(o->mask));
}

struct ibv_flow *flow_create(const struct rdma_port *p, struct ibv_qp *qp,
                             const struct rawq_rule_opts *o, const struct kind *k,
                             const struct part *part, unsigned priority,
                             struct ibv_counters *counters)
{
	struct rawq_rule_key value = o->value, mask = o->mask;
	struct request r = {.attr = {.type = IBV_FLOW_ATTR_NORMAL,
	                             .size = sizeof(r.attr),
	                             .priority = (uint16_t)priority,
	                             .port = p->number}};

	if (flow_is_sniffer(o)) {
		r.attr.type = IBV_FLOW_ATTR_SNIFFER;
		return ibv_create_flow(qp, &r.attr);
	}
	if (o->copy)
		r.attr.flags = IBV_FLOW_ATTR_FLAGS_DONT_TRAP;
	if (k->ethertype) {
		value.ethertype = htons(k->ethertype);
		mask.ethertype = 0xffff;
	}
	if (k->ip_proto) {
		value.ip_proto = k->ip_proto;
		mask.ip_proto = 0xff;
	}
	value.src_port = part->src.value;
	mask.src_port = part->src.mask;
	value.dst_port = part->dst.value;
	mask.dst_port = part->dst.mask;
	add_eth(&r, &value, &mask);
	add_ip(&r, &value, &mask);
	add_ports(&r, &value, &mask);
	add_tunnel(&r, &value, &mask);
	add_actions(&r, o, counters);
	return ibv_create_flow(qp, &r.attr);
}
