/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules: what every backend would have to check, and the guard that keeps a program from taking
 * the kernel's network away unasked.
 */
#include "backend.h"
#include "error.h"
#include "opts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <string.h>

static bool is_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !*b) {
		b++;
		n--;
	}
	return !n;
}

static bool keys_equal(const struct rawq_rule_key *a, const struct rawq_rule_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Ethertypes that a host cannot do without. */
static bool kernel_lives_on(uint16_t ethertype)
{
	return ethertype == ETH_P_IP || ethertype == ETH_P_IPV6 || ethertype == ETH_P_ARP;
}

static bool mac_matches(const struct rawq_rule_opts *o, const uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++) {
		if (o->value.dst_mac[i] != (mac[i] & o->mask.dst_mac[i]))
			return false;
	}
	return true;
}

/* Would the rule, as far as its own words go, take the frames that the kernel lives on?  It is
 * harmless once it asks for another MAC, a sender, a VLAN, an address, a port, a protocol, or an
 * ethertype that is none of the kernel's daily ones. */
static bool takes_everything(const struct rawq_port *port, const struct rawq_rule_opts *o)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const struct rawq_rule_key *v = &o->value, *m = &o->mask;

	if (m->vlan || v->tagged || m->src_port || m->dst_port || m->ip_proto)
		return false;
	if (!is_zero(m->src_mac, sizeof(m->src_mac)) ||
	    !is_zero(m->src_ip, sizeof(m->src_ip)) ||
	    !is_zero(m->dst_ip, sizeof(m->dst_ip)))
		return false;
	if (!mac_matches(o, port->info.mac) && !mac_matches(o, broadcast))
		return false;
	return m->ethertype != 0xffff || kernel_lives_on(ntohs(v->ethertype));
}

static int check_key(const struct rawq_rule_opts *o, struct rawq_error *err)
{
	const uint8_t *v = (const uint8_t *)&o->value, *m = (const uint8_t *)&o->mask;
	bool v4 = o->value.ethertype == htons(ETH_P_IP), ip;

	for (size_t i = 0; i < sizeof(o->value); i++) {
		if (v[i] & ~m[i])
			return fail(err, -EINVAL,
			            "rule: byte %zu of the value has bits that its mask "
			            "lacks",
			            i);
	}
	ip = o->mask.ethertype == 0xffff &&
	     (v4 || o->value.ethertype == htons(ETH_P_IPV6));
	if (!ip && (o->mask.ip_proto || o->mask.src_port || o->mask.dst_port ||
	            !is_zero(o->mask.src_ip, 16) || !is_zero(o->mask.dst_ip, 16)))
		return fail(err, -EINVAL,
		            "rule: addresses, protocol and ports need the ethertype IPv4 "
		            "or IPv6");
	if (v4 && (!is_zero(o->mask.src_ip + 4, 12) || !is_zero(o->mask.dst_ip + 4, 12)))
		return fail(err, -EINVAL, "rule: an IPv4 address is four bytes long");
	if ((o->mask.src_port || o->mask.dst_port) && o->mask.ip_proto != 0xff)
		return fail(err, -EINVAL,
		            "rule: a port needs the protocol: TCP, UDP or SCTP");
	return 0;
}

static int check(const struct rawq_port *port, const struct rawq_rule_opts *o,
                 struct rawq_error *err)
{
	int ret = check_key(o, err);

	if (ret)
		return ret;
	if (!o->queues != !o->queue_count)
		return fail(err, -EINVAL, "rule: queues and queue_count do not agree");
	for (uint32_t i = 0; i < o->queue_count; i++) {
		if (((const struct rxq *)o->queues[i])->port != port)
			return fail(err, -EINVAL,
			            "rule: queue %u belongs to another port", i);
	}
	if (o->mark && !(port->info.rx_offloads & RAWQ_RX_MARK))
		return fail(err, -ENOTSUP, "rule: the %s backend has no marks",
		            port->backend->name);
	for (const struct rawq_rule *r = port->rules; r; r = r->next) {
		if (r->priority == o->priority && keys_equal(&r->value, &o->value) &&
		    keys_equal(&r->mask, &o->mask))
			return fail(err, -EEXIST,
			            "rule: %s has the very same rule already",
			            port->info.netdev);
	}
	if (!o->take_everything && !o->copy && takes_everything(port, o))
		return fail(err, -EACCES,
		            "rule: it would take %s away from the kernel (its own MAC, "
		            "IP or ARP "
		            "with nothing to narrow it): name less, or ask for "
		            "everything by name",
		            port->info.netdev);
	return 0;
}

int rawq_rule_add(struct rawq_port *port, const struct rawq_rule_opts *opts,
                  struct rawq_rule **out, struct rawq_error *err)
{
	struct rawq_rule_opts o;
	struct rawq_rule *rule;
	int ret;

	ret = opts_read(&o, sizeof(o), opts, "rawq_rule_opts", err);
	if (!ret)
		ret = check(port, &o, err);
	if (!ret)
		ret = port->backend->rule_add(port, &o, &rule, err);
	if (ret)
		return ret;
	rule->port = port;
	rule->value = o.value;
	rule->mask = o.mask;
	rule->priority = o.priority;
	rule->next = port->rules;
	port->rules = rule;
	*out = rule;
	return 0;
}

void rawq_rule_remove(struct rawq_rule *rule)
{
	struct rawq_rule **link;

	if (!rule)
		return;
	link = &rule->port->rules;
	while (*link != rule)
		link = &(*link)->next;
	*link = rule->next;
	rule->port->backend->rule_remove(rule);
}
