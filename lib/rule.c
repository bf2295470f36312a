/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules: what every backend would have to check.  The guard that keeps a program from taking the
 * kernel's network away unasked is in plan/.
 */
#include "rule.h"

#include "backend.h"
#include "error.h"
#include "netdev.h"
#include "opts.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct rule_identity) == 136, "compared as bytes: no holes");

#define VXLAN_PORT  4789 /* RFC 7348 section 5 */
#define PROTO_UDP   17
#define PROTO_GRE   47
#define VNI_MAX     0xffffffu
#define RSS_KEY_LEN 40u
#define RSS_ALL                                                                          \
	(uint32_t)(RAWQ_RSS_SRC_IP | RAWQ_RSS_DST_IP | RAWQ_RSS_SRC_PORT |               \
	           RAWQ_RSS_DST_PORT)

static bool is_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !*b) {
		b++;
		n--;
	}
	return !n;
}

/* ---- is it a rule at all? ---- */

static int check_value(const struct rawq_rule_opts *o, struct rawq_error *err)
{
	const uint8_t *v = (const uint8_t *)&o->value, *m = (const uint8_t *)&o->mask;

	for (size_t i = 0; i < sizeof(o->value); i++) {
		if (v[i] & ~m[i])
			return fail(err, -EINVAL,
			            "rule: byte %zu of the value has bits that its mask "
			            "lacks",
			            i);
	}
	if (!is_zero(o->mask.pad, sizeof(o->mask.pad)))
		return fail(err, -EINVAL, "rule: the pad of its mask is not 0");
	if (o->mask.vlan && o->mask.tagged && !o->value.tagged)
		return fail(err, -EINVAL, "rule: no VLAN tag and yet a VLAN id");
	return 0;
}

static int check_ip(const struct rawq_rule_opts *o, struct rawq_error *err)
{
	bool v4 = o->value.ethertype == htons(ETH_P_IP), ip;

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

static bool is_vxlan(const struct rawq_rule_opts *o)
{
	return o->mask.ip_proto == 0xff && o->value.ip_proto == PROTO_UDP &&
	       o->mask.dst_port == 0xffff && o->value.dst_port == htons(VXLAN_PORT) &&
	       !o->dst_port_last;
}

static bool is_gre(const struct rawq_rule_opts *o)
{
	return o->mask.ip_proto == 0xff && o->value.ip_proto == PROTO_GRE;
}

static int check_tunnel(const struct rawq_port *port, const struct rawq_rule_opts *o,
                        struct rawq_error *err)
{
	uint32_t abilities = port->info.rule_abilities;
	bool vxlan = is_vxlan(o) && o->mask.tunnel_id, gre = is_gre(o);

	if (!o->mask.tunnel_id && !o->mask.tunnel_protocol)
		return 0;
	if ((!vxlan && !gre) || (vxlan && o->mask.tunnel_protocol))
		return fail(err, -EINVAL,
		            "rule: a tunnel is GRE (protocol 47: key and protocol type) "
		            "or VXLAN "
		            "(UDP, destination port 4789: VNI)");
	if (vxlan && ntohl(o->mask.tunnel_id) > VNI_MAX)
		return fail(err, -EINVAL, "rule: a VXLAN VNI has 24 bits");
	if (!(abilities & (vxlan ? RAWQ_RULE_VXLAN : RAWQ_RULE_GRE)))
		return fail(err, -ENOTSUP, "%s: rule: the %s backend cannot look into %s",
		            port->info.netdev, port->backend->name,
		            vxlan ? "VXLAN headers" : "GRE headers");
	return 0;
}

static int check_range(const struct rawq_port *port, uint16_t mask, uint16_t first,
                       uint16_t last, const char *which, struct rawq_error *err)
{
	if (!last)
		return 0;
	if (mask != 0xffff || ntohs(first) > ntohs(last))
		return fail(err, -EINVAL,
		            "rule: a range of %s ports goes from value's, with mask "
		            "0xffff, upwards: %u to %u",
		            which, ntohs(first), ntohs(last));
	if (!(port->info.rule_abilities & RAWQ_RULE_RANGE))
		return fail(err, -ENOTSUP, "%s: rule: the %s backend has no port ranges",
		            port->info.netdev, port->backend->name);
	return 0;
}

static int check_queues(const struct rawq_port *port, const struct rawq_rule_opts *o,
                        struct rawq_error *err)
{
	if (!o->queues != !o->queue_count)
		return fail(err, -EINVAL, "rule: queues and queue_count do not agree");
	for (uint32_t i = 0; i < o->queue_count; i++) {
		if (((const struct rxq *)o->queues[i])->port != port)
			return fail(err, -EINVAL,
			            "rule: queue %u belongs to another port", i);
		for (uint32_t j = 0; j < i; j++) {
			if (o->queues[j] == o->queues[i])
				return fail(err, -EINVAL,
				            "rule: queue %u of its list is named twice",
				            i + 1);
		}
	}
	return 0;
}

static int check_rss(const struct rawq_port *port, const struct rawq_rule_opts *o,
                     struct rawq_error *err)
{
	if (!o->rss_fields && !o->rss_key_len)
		return 0;
	if (!(port->info.rule_abilities & RAWQ_RULE_RSS))
		return fail(err, -ENOTSUP,
		            "%s: rule: the %s backend cannot choose a receive hash: the "
		            "NIC's own spreads packets over its queues (ethtool -X, -N "
		            "rx-flow-hash)",
		            port->info.netdev, port->backend->name);
	if (o->rss_fields & ~RSS_ALL)
		return fail(err, -EINVAL, "rule: rss_fields 0x%x are not known",
		            o->rss_fields & ~RSS_ALL);
	if (o->rss_key_len && (o->rss_key_len != RSS_KEY_LEN || !o->rss_key))
		return fail(err, -EINVAL, "rule: an RSS key has %u bytes, not %u",
		            RSS_KEY_LEN, o->rss_key_len);
	return 0;
}

static int check_actions(const struct rawq_port *port, const struct rawq_rule_opts *o,
                         struct rawq_error *err)
{
	const struct rawq_port_info *info = &port->info;

	if (o->priority >= info->rule_priorities)
		return fail(err, -ENOTSUP, "%s: rule: priority %u; the port has 0 to %u",
		            info->netdev, o->priority, info->rule_priorities - 1);
	if (o->mark && !(info->rx_offloads & RAWQ_RX_MARK))
		return fail(err, -ENOTSUP, "rule: the %s backend has no marks",
		            port->backend->name);
	if (o->copy && !(info->rule_abilities & RAWQ_RULE_COPY))
		return fail(err, -ENOTSUP,
		            "%s: the %s backend cannot give the kernel a copy: a frame "
		            "has one receiver there",
		            info->netdev, port->backend->name);
	if (o->copy && !o->queue_count)
		return fail(err, -EINVAL, "%s: rule: a copy that is dropped is no rule",
		            info->netdev);
	if (o->count && !(info->rule_abilities & RAWQ_RULE_COUNT))
		return fail(err, -ENOTSUP, "%s: rule: the %s backend has no counters",
		            info->netdev, port->backend->name);
	return 0;
}

int rule_check_words(const struct rawq_rule_opts *o, struct rawq_error *err)
{
	int ret = check_value(o, err);

	return ret ? ret : check_ip(o, err);
}

int rule_check_port(const struct rawq_port *port, const struct rawq_rule_opts *o,
                    struct rawq_error *err)
{
	int ret = check_tunnel(port, o, err);

	if (!ret)
		ret = check_range(port, o->mask.src_port, o->value.src_port,
		                  o->src_port_last, "source", err);
	if (!ret)
		ret = check_range(port, o->mask.dst_port, o->value.dst_port,
		                  o->dst_port_last, "destination", err);
	if (!ret)
		ret = check_rss(port, o, err);
	if (!ret)
		ret = check_actions(port, o, err);
	return ret ? ret : port->backend->rule_check(port, o, err);
}

static int check(struct rawq_port *port, const struct rawq_rule_opts *o,
                 struct rawq_error *err)
{
	int ret = rule_check_words(o, err);

	if (!ret)
		ret = check_queues(port, o, err);
	if (!ret)
		ret = rule_check_port(port, o, err);
	return ret ? ret : guard_check(port, o, err);
}

/* One way to say one thing: a VLAN id asks for a tag, a range of one port is that port. */
static void normalize(struct rawq_rule_opts *o)
{
	if (o->mask.vlan) {
		o->value.tagged = 1;
		o->mask.tagged = 0xff;
	}
	if (o->src_port_last == o->value.src_port)
		o->src_port_last = 0;
	if (o->dst_port_last == o->value.dst_port)
		o->dst_port_last = 0;
	if (!o->rss_fields)
		o->rss_fields = RSS_ALL;
}

static int read_opts(struct rawq_port *port, const struct rawq_rule_opts *opts,
                     struct rawq_rule_opts *o, struct rule_identity *id,
                     struct rawq_error *err)
{
	int ret = opts_read(o, sizeof(*o), opts, "rawq_rule_opts", err);

	if (!ret)
		ret = check(port, o, err);
	if (ret)
		return ret;
	normalize(o);
	*id = (struct rule_identity){.value = o->value,
	                             .mask = o->mask,
	                             .priority = o->priority,
	                             .src_port_last = o->src_port_last,
	                             .dst_port_last = o->dst_port_last};
	return 0;
}

/* ---- the port's rules ---- */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct rule_identity));
}

/* A rule's identity is its first member. */
static_assert(offsetof(struct rawq_rule, id) == 0, "the tree compares identities");

static struct rawq_rule *find(const struct rawq_port *port,
                              const struct rule_identity *id)
{
	void *node = tfind(id, &port->rule_tree, compare);

	return node ? *(struct rawq_rule **)node : NULL;
}

/* Have the tree's node of this identity be of that rule. */
static void name_node(struct rawq_port *port, struct rawq_rule *rule)
{
	struct rawq_rule **node = tfind(rule, &port->rule_tree, compare);

	*node = rule;
}

static void link_rule(struct rawq_port *port, struct rawq_rule *rule)
{
	rule->next = port->rules;
	rule->previous = NULL;
	if (port->rules)
		port->rules->previous = rule;
	port->rules = rule;
	port->rule_count++;
}

static void unlink_rule(struct rawq_port *port, struct rawq_rule *rule)
{
	if (rule->next)
		rule->next->previous = rule->previous;
	if (rule->previous)
		rule->previous->next = rule->next;
	else
		port->rules = rule->next;
	port->rule_count--;
}

/* Reserve the rule's place in the tree before the backend is asked, so that nothing can fail
 * after it.  `place` stands there until name_node(). */
static int reserve(struct rawq_port *port, struct rawq_rule *place,
                   struct rawq_error *err)
{
	if (find(port, &place->id))
		return fail(err, -EEXIST, "rule: %s has the very same rule already",
		            port->info.netdev);
	if (!tsearch(place, &port->rule_tree, compare))
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	return 0;
}

static void fill(struct rawq_port *port, struct rawq_rule *rule,
                 const struct rule_identity *id, const struct rawq_rule_opts *o)
{
	rule->id = *id;
	rule->port = port;
	rule->queue_count = o->queue_count;
	rule->mark = o->mark;
	rule->copy = o->copy;
	rule->count = o->count;
	name_node(port, rule);
	link_rule(port, rule);
}

int rawq_rule_add(struct rawq_port *port, const struct rawq_rule_opts *opts,
                  struct rawq_rule **out, struct rawq_error *err)
{
	struct rawq_rule_opts o;
	struct rawq_rule place = {0}, *rule;
	int ret = read_opts(port, opts, &o, &place.id, err);

	if (!ret)
		ret = reserve(port, &place, err);
	if (ret)
		return ret;
	ret = port->backend->rule_add(port, &o, &rule, err);
	if (ret) {
		tdelete(&place, &port->rule_tree, compare);
		return ret;
	}
	fill(port, rule, &place.id, &o);
	*out = rule;
	return 0;
}

int rawq_rule_replace(struct rawq_rule *old, const struct rawq_rule_opts *opts,
                      struct rawq_rule **out, struct rawq_error *err)
{
	struct rawq_port *port = old->port;
	struct rawq_rule_opts o;
	struct rawq_rule was = *old, place = {0}, *rule;
	int ret = read_opts(port, opts, &o, &place.id, err);
	bool same = !ret && !compare(&was, &place);

	if (!ret && !same)
		ret = reserve(port, &place, err);
	if (ret)
		return ret;
	unlink_rule(port, old);
	name_node(port, &was); /* the backend frees the old rule */
	ret = port->backend->rule_replace(old, &o, &rule, err);
	if (ret) {
		name_node(port, old);
		link_rule(port, old);
	}
	if (!same)
		tdelete(ret ? &place : &was, &port->rule_tree, compare);
	if (ret)
		return ret;
	fill(port, rule, &place.id, &o);
	*out = rule;
	return 0;
}

void rawq_rule_remove(struct rawq_rule *rule)
{
	if (!rule)
		return;
	tdelete(rule, &rule->port->rule_tree, compare);
	unlink_rule(rule->port, rule);
	rule->port->backend->rule_remove(rule);
}

int rawq_rule_stats(const struct rawq_rule *rule, struct rawq_rule_stats *stats)
{
	if (!rule->count)
		return -ENOTSUP;
	return rule->port->backend->rule_stats(rule, stats);
}

/* ---- listing ---- */

static int by_priority(const void *a, const void *b)
{
	const struct rawq_rule_info *x = a, *y = b;

	/* What is none of rawq's comes first: it is asked first. */
	if ((x->owner == RAWQ_OWNER_OTHER) != (y->owner == RAWQ_OWNER_OTHER))
		return x->owner == RAWQ_OWNER_OTHER ? -1 : 1;
	return x->priority < y->priority ? -1 : x->priority > y->priority;
}

static void describe(const struct rawq_rule *r, struct rawq_rule_info *info)
{
	struct rawq_rule_stats stats = {0};

	rawq_rule_stats(r, &stats);
	*info = (struct rawq_rule_info){.owner = RAWQ_OWNER_PORT,
	                                .value = r->id.value,
	                                .mask = r->id.mask,
	                                .priority = r->id.priority,
	                                .src_port_last = r->id.src_port_last,
	                                .dst_port_last = r->id.dst_port_last,
	                                .queue_count = r->queue_count,
	                                .mark = r->mark,
	                                .copy = r->copy,
	                                .count = r->count,
	                                .packets = stats.packets,
	                                .bytes = stats.bytes};
	process_self(&info->pid, info->comm);
}

int rawq_rule_list(struct rawq_port *port, struct rawq_rule_info *infos, uint32_t n,
                   struct rawq_error *err)
{
	struct rawq_rule_info *all;
	uint32_t count = 0;
	int others = port->backend->rules_of_others(port, NULL, 0, err);

	if (others < 0)
		return others;
	all = calloc(port->rule_count + (uint32_t)others + 1, sizeof(*all));
	if (!all)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	for (const struct rawq_rule *r = port->rules; r; r = r->next)
		describe(r, &all[count++]);
	/* They may have become more or fewer meanwhile. */
	if (others)
		others = port->backend->rules_of_others(port, all + count,
		                                        (uint32_t)others, err);
	if (others > 0)
		count += (uint32_t)others;
	qsort(all, count, sizeof(*all), by_priority);
	if (n)
		memcpy(infos, all, (count < n ? count : n) * sizeof(*all));
	free(all);
	return others < 0 ? others : (int)count;
}
