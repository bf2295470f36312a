/* SPDX-License-Identifier: BSD-2-Clause */
/* Plans: what rules would do on a netdev. */
#include "guard.h"
#include "match.h"

#include "lib/backend.h"
#include "lib/error.h"
#include "lib/opts.h"
#include "lib/rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verdict {
	int ret;
	struct rawq_error err;
};

struct rawq_plan {
	char netdev[16];
	unsigned count;
	struct rawq_rule_opts *rules; /* as given */
	struct verdict *verdicts;
	const struct rawq_rule_opts **by_priority;
	uint32_t *number; /* of each of those, as given */
	struct stakes stakes;
	struct rawq_port *port; /* NULL: none could be opened */
	struct verdict opening;
};

static int copy_rules(struct rawq_plan *p, const struct rawq_plan_opts *o,
                      struct rawq_error *err)
{
	int ret = 0;

	/* one more, so that no rules is no special case */
	p->rules = calloc(o->rule_count + 1, sizeof(*p->rules));
	p->verdicts = calloc(o->rule_count + 1, sizeof(*p->verdicts));
	p->by_priority = calloc(o->rule_count + 1, sizeof(struct rawq_rule_opts *));
	p->number = calloc(o->rule_count + 1, sizeof(*p->number));
	if (!p->rules || !p->verdicts || !p->by_priority || !p->number)
		return fail(err, -ENOMEM, "plan: out of memory");
	for (uint32_t i = 0; i < o->rule_count && !ret; i++) {
		ret = opts_read(&p->rules[i], sizeof(p->rules[i]), o->rules[i],
		                "rawq_rule_opts", err);
		if (!ret)
			ret = rule_check_words(&p->rules[i], err);
		p->count++;
	}
	return ret;
}

/* Stable, so that of equal priorities the first given is asked first. */
static void sort_rules(struct rawq_plan *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		unsigned at = i;

		while (at && p->by_priority[at - 1]->priority > p->rules[i].priority) {
			p->by_priority[at] = p->by_priority[at - 1];
			p->number[at] = p->number[at - 1];
			at--;
		}
		p->by_priority[at] = &p->rules[i];
		p->number[at] = i;
	}
}

static int read_stakes(struct rawq_plan *p, const struct rawq_plan_opts *o,
                       struct rawq_error *err)
{
	unsigned ifindex = if_nametoindex(p->netdev);
	const uint8_t *mac;
	struct facts facts;
	int ret;

	if (p->port)
		ifindex = (unsigned)p->port->info.ifindex;
	ret = ifindex ? facts_read((int)ifindex, true, &facts) : -ENODEV;
	if (!ifindex)
		return fail(err, ret,
		            "%s: no such interface here (ip link shows those there are)",
		            p->netdev);
	mac = p->port ? p->port->info.mac : facts.mac;
	if (!ret)
		ret = stakes_make(mac, memcmp(mac, facts.mac, 6) ? NULL : &facts,
		                  &o->session, &p->stakes);
	facts_free(&facts);
	if (ret)
		return fail(err, ret, "%s: the kernel refused to tell of it: %s",
		            p->netdev, strerror(-ret));
	return 0;
}

/* What rawq_rule_add() would say: of the words, of the backend, of the guard. */
static void judge(const struct rawq_plan *p, const struct rawq_rule_opts *rule,
                  struct verdict *v)
{
	const struct rawq_stake *lost = stakes_lost_to(&p->stakes, rule);

	*v = p->opening;
	if (p->port)
		v->ret = rule_check_port(p->port, rule, &v->err);
	if (!v->ret && lost && !rule->take_everything)
		v->ret = guard_refuse(p->netdev, lost, &v->err);
}

int rawq_plan_create(const char *netdev, const struct rawq_plan_opts *opts,
                     struct rawq_plan **out, struct rawq_error *err)
{
	struct rawq_port_opts port = {.size = sizeof(port)};
	struct rawq_plan_opts o;
	struct rawq_plan *p;
	int ret = opts_read(&o, sizeof(o), opts, "rawq_plan_opts", err);

	if (ret)
		return ret;
	if (!netdev || strlen(netdev) >= sizeof(p->netdev))
		return fail(err, -ENODEV, "'%.32s' is no interface name",
		            netdev ? netdev : "");
	p = calloc(1, sizeof(*p));
	if (!p)
		return fail(err, -ENOMEM, "plan: out of memory");
	snprintf(p->netdev, sizeof(p->netdev), "%s", netdev);
	ret = copy_rules(p, &o, err);
	if (ret)
		goto free_plan;
	sort_rules(p);
	port.backend = o.backend;
	p->opening.ret = rawq_port_open(netdev, &port, &p->port, &p->opening.err);
	ret = read_stakes(p, &o, err);
	if (ret)
		goto free_plan;
	stakes_judge(&p->stakes, p->by_priority, p->number, p->count);
	for (unsigned i = 0; i < p->count; i++)
		judge(p, &p->rules[i], &p->verdicts[i]);
	*out = p;
	return 0;
free_plan:
	rawq_plan_free(p);
	return ret;
}

void rawq_plan_free(struct rawq_plan *p)
{
	if (!p)
		return;
	rawq_port_close(p->port);
	stakes_free(&p->stakes);
	free(p->rules);
	free(p->verdicts);
	free(p->by_priority);
	free(p->number);
	free(p);
}

const struct rawq_stake *rawq_plan_stake(const struct rawq_plan *p, unsigned i)
{
	return i < p->stakes.count ? &p->stakes.list[i] : NULL;
}

int rawq_plan_verdict(const struct rawq_plan *p, unsigned i, struct rawq_error *err)
{
	if (i >= p->count)
		return fail(err, -ENOENT, "plan: there is no rule %u", i);
	if (p->verdicts[i].ret && err)
		*err = p->verdicts[i].err;
	return p->verdicts[i].ret;
}

enum rawq_backend rawq_plan_backend(const struct rawq_plan *p)
{
	return p->port ? p->port->info.backend : RAWQ_AUTO;
}

/* ---- smaller rules -------------------------------------------------------- */

static bool is_ip(const struct rawq_rule_opts *r)
{
	return r->mask.ethertype == 0xffff && (r->value.ethertype == htons(ETH_P_IP) ||
	                                       r->value.ethertype == htons(ETH_P_IPV6));
}

/* A port that is nobody's: the discard service of RFC 863. */
static bool to_a_port(struct rawq_rule_opts *r)
{
	if (r->mask.dst_port || (r->mask.ethertype && !is_ip(r)))
		return false;
	if (!r->mask.ethertype) {
		r->value.ethertype = htons(ETH_P_IP);
		r->mask.ethertype = 0xffff;
	}
	if (!r->mask.ip_proto) {
		r->value.ip_proto = IPPROTO_UDP;
		r->mask.ip_proto = 0xff;
	}
	r->value.dst_port = htons(9);
	r->mask.dst_port = 0xffff;
	return r->value.ip_proto == IPPROTO_UDP || r->value.ip_proto == IPPROTO_TCP ||
	       r->value.ip_proto == IPPROTO_SCTP;
}

/* A MAC beside the netdev's own, locally administered (IEEE 802 section 8.2.2). */
static bool to_a_mac(const struct rawq_plan *p, struct rawq_rule_opts *r)
{
	const uint8_t *own;

	if (!p->stakes.count)
		return false;
	own = p->stakes.list[0].value.dst_mac;
	for (unsigned i = 0; i < p->stakes.count; i++) {
		if (p->stakes.list[i].kind == RAWQ_STAKE_MAC)
			own = p->stakes.list[i].value.dst_mac;
	}
	memcpy(r->value.dst_mac, own, 6);
	memset(r->mask.dst_mac, 0xff, 6);
	r->value.dst_mac[0] = (uint8_t)((own[0] | 2) & ~1);
	r->value.dst_mac[5] ^= 1;
	return true;
}

/* IEEE 802: local experimental ethertype 1. */
static bool to_a_type(struct rawq_rule_opts *r)
{
	if (r->mask.ethertype)
		return false;
	r->value.ethertype = htons(0x88b5);
	r->mask.ethertype = 0xffff;
	return true;
}

static bool narrow(const struct rawq_plan *p, unsigned idea, struct rawq_rule_opts *r)
{
	switch (idea) {
	case 0:
		return to_a_port(r);
	case 1:
		return to_a_mac(p, r);
	case 2:
		return to_a_type(r);
	default:
		r->copy = 1;
		return true;
	}
}

unsigned rawq_plan_instead(const struct rawq_plan *p, unsigned i,
                           struct rawq_rule_opts *out, unsigned n)
{
	unsigned found = 0;

	for (unsigned idea = 0; i < p->count && idea < 4 && found < n; idea++) {
		struct rawq_rule_opts r = p->rules[i];
		struct verdict v;

		if (!narrow(p, idea, &r))
			continue;
		judge(p, &r, &v);
		if (!v.ret)
			out[found++] = r;
	}
	return found;
}

/* ---- frames --------------------------------------------------------------- */

void rawq_plan_frame(const struct rawq_plan *p, const void *frame, uint32_t len,
                     struct rawq_plan_fate *out)
{
	struct match_frame headers;

	out->to = RAWQ_TO_KERNEL;
	out->rule = -1;
	if (!match_read(frame, len, &headers))
		return;
	for (unsigned i = 0; i < p->count; i++) {
		const struct rawq_rule_opts *r = p->by_priority[i];

		if (!match_wants(r, &headers))
			continue;
		if (out->rule < 0)
			out->rule = (int32_t)p->number[i];
		out->to |= r->queue_count ? RAWQ_TO_PROGRAM : 0;
		if (r->copy)
			continue;
		out->to &= ~(uint32_t)RAWQ_TO_KERNEL;
		return;
	}
}
