/* SPDX-License-Identifier: BSD-2-Clause */
/* The card's rules as rawq's, so that XDP takes what they want and the kernel keeps the rest. */
#include "emu/wire/netdev.h"
#include "emu/nic/steering.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A field of the card's match and its place in rawq's key. */
static const struct {
	unsigned at, size; /* bytes in fte_match_set_lyr_2_4 */
	size_t key;
} fields[] = {
	{0x00, 6, offsetof(struct rawq_rule_key, src_mac)},
	{0x06, 2, offsetof(struct rawq_rule_key, ethertype)},
	{0x08, 6, offsetof(struct rawq_rule_key, dst_mac)},
	{0x0e, 2, offsetof(struct rawq_rule_key, vlan)},
	{0x10, 1, offsetof(struct rawq_rule_key, ip_proto)},
	{0x14, 2, offsetof(struct rawq_rule_key, src_port)}, /* TCP */
	{0x16, 2, offsetof(struct rawq_rule_key, dst_port)},
	{0x1c, 2, offsetof(struct rawq_rule_key, src_port)}, /* UDP */
	{0x1e, 2, offsetof(struct rawq_rule_key, dst_port)},
	{0x20, 16, offsetof(struct rawq_rule_key, src_ip)},
	{0x30, 16, offsetof(struct rawq_rule_key, dst_ip)},
};
#define FIELDS (sizeof(fields) / sizeof(*fields))

enum {
	VERSION_BYTE = 0x12,
	VERSION_MASK = 0x1e,
	CVLAN_BIT = 0x80,
	TCP_AT = 0x14,
	UDP_AT = 0x1c
};

/* What is being translated; mask bytes are cleared as they are dealt with. */
struct translation {
	struct match m;
	struct netdev_rule out;
};

static bool is_zero(const uint8_t *p, size_t size)
{
	while (size && !*p)
		p++, size--;
	return !size;
}

/* The whole of a fixed value that another field implies. */
static void imply(uint8_t *value, uint8_t *mask, const void *want, size_t size)
{
	memcpy(value, want, size);
	memset(mask, 0xff, size);
}

/* IP version is an ethertype to rawq, and ports want their protocol. */
static void imply_types(struct translation *t)
{
	struct rawq_rule_key *v = &t->out.value, *m = &t->out.mask;
	uint8_t *byte = &t->m.mask[VERSION_BYTE];
	unsigned version = (t->m.value[VERSION_BYTE] & VERSION_MASK) >> 1;
	uint16_t type = htons(version == 4 ? 0x0800 : 0x86dd);
	uint8_t tcp = 6, udp = 17;

	if ((*byte & VERSION_MASK) == VERSION_MASK && (version == 4 || version == 6)) {
		imply((uint8_t *)&v->ethertype, (uint8_t *)&m->ethertype, &type,
		      sizeof(type));
		*byte &= (uint8_t)~VERSION_MASK;
	}
	if (!is_zero(t->m.mask + TCP_AT, 4))
		imply(&v->ip_proto, &m->ip_proto, &tcp, 1);
	if (!is_zero(t->m.mask + UDP_AT, 4))
		imply(&v->ip_proto, &m->ip_proto, &udp, 1);
	if (*byte & CVLAN_BIT) {
		v->tagged = t->m.value[VERSION_BYTE] & CVLAN_BIT ? 1 : 0;
		m->tagged = 0xff;
		*byte &= (uint8_t)~CVLAN_BIT;
	}
}

/* The card keeps an IPv4 address in the last word of sixteen bytes, rawq in the first. */
static void move_ipv4(struct rawq_rule_key *v, struct rawq_rule_key *m)
{
	uint8_t *addrs[] = {v->src_ip, m->src_ip, v->dst_ip, m->dst_ip};

	if (m->ethertype != 0xffff || v->ethertype != htons(0x0800))
		return;
	for (unsigned i = 0; i < 4; i++) {
		memcpy(addrs[i], addrs[i] + 12, 4);
		memset(addrs[i] + 4, 0, 12);
	}
}

/* False: the match has a field that rawq's rules lack. */
static bool translate_match(struct translation *t)
{
	struct rawq_rule_key *v = &t->out.value, *m = &t->out.mask;

	for (size_t i = 0; i < FIELDS; i++) {
		uint8_t *mask = t->m.mask + fields[i].at;

		if (is_zero(mask, fields[i].size))
			continue;
		memcpy((uint8_t *)v + fields[i].key, t->m.value + fields[i].at,
		       fields[i].size);
		memcpy((uint8_t *)m + fields[i].key, mask, fields[i].size);
	}
	imply_types(t);
	for (size_t i = 0; i < FIELDS; i++)
		memset(t->m.mask + fields[i].at, 0, fields[i].size);
	move_ipv4(v, m);
	return is_zero(t->m.mask, sizeof(t->m.mask));
}

static int translate(const struct steering_rule_opts *o, struct translation *t, char *err,
                     size_t size)
{
	const char *why = NULL;

	memset(t, 0, sizeof(*t));
	t->m = *o->match;
	t->out.drop = o->drop;
	t->out.priority = o->priority;
	if (o->kind != STEERING_NORMAL)
		why = "a SNIFFER, ALL_DEFAULT or MC_DEFAULT rule: XDP cannot ask what "
		      "the kernel "
		      "wants, nor copy";
	else if (o->dont_trap)
		why = "a rule with DONT_TRAP: XDP has one receiver for a frame";
	else if (o->default_miss)
		why = "a rule that leaves frames to the kernel: leave it out";
	else if (!translate_match(t))
		why = "a rule on a field that its XDP program does not know: it knows "
		      "MACs, VLAN, "
		      "ethertype, addresses, protocol and ports of the outermost headers";
	return why ? wire_refuse(err, size, -ENOTSUP, "wire 'netdev' cannot have %s", why)
	           : 0;
}

static struct netdev_rule *find(struct netdev_rules *r, const struct netdev_rule *like)
{
	struct netdev_rule *n = r->list;

	while (n && (memcmp(&n->value, &like->value, sizeof(n->value)) ||
	             memcmp(&n->mask, &like->mask, sizeof(n->mask)) ||
	             n->priority != like->priority || n->drop != like->drop))
		n = n->next;
	return n;
}

static int add(struct netdev_rules *r, const struct netdev_rule *like, char *err,
               size_t size)
{
	struct rawq_rule_opts opts = {
		.size = sizeof(opts),
		.value = like->value,
		.mask = like->mask,
		.priority = like->priority,
		.queues = like->drop ? NULL : r->queues,
		.queue_count = like->drop ? 0 : r->queue_count,
		.take_everything =
			1, /* as on the card: who may make rules may make these */
	};
	struct netdev_rule *n = malloc(sizeof(*n));
	struct rawq_error why = {""};
	int ret;

	if (!n)
		return wire_refuse(err, size, -ENOMEM, "wire 'netdev': no memory");
	*n = *like;
	ret = r->lib->rule_add(r->port, &opts, &n->rule, &why);
	if (ret) {
		free(n);
		return wire_refuse(err, size, ret, "wire 'netdev': %s", why.text);
	}
	n->wanted = true;
	n->next = r->list;
	r->list = n;
	return 0;
}

struct setting {
	struct netdev_rules *rules;
	struct netdev_rule *old; /* the first that was there before */
	char *err;
	size_t size;
};

static int set_one(void *arg, const struct steering_rule_opts *o)
{
	struct setting *s = arg;
	struct translation t;
	struct netdev_rule *have;
	int ret = translate(o, &t, s->err, s->size);

	if (ret)
		return ret;
	have = find(s->rules, &t.out);
	if (!have)
		return add(s->rules, &t.out, s->err, s->size);
	have->wanted = true;
	return 0;
}

/* Remove the rules up to `end` (all, only those unwanted). */
static void remove_rules(struct netdev_rules *r, const struct netdev_rule *end,
                         bool unwanted)
{
	struct netdev_rule **at = &r->list, *n;

	while ((n = *at) != end) {
		if (unwanted && n->wanted) {
			at = &n->next;
			continue;
		}
		r->lib->rule_remove(n->rule);
		*at = n->next;
		free(n);
	}
}

int netdev_rules_set(struct netdev_rules *r, const struct steering *rules, char *err,
                     size_t size)
{
	struct setting s = {.rules = r, .old = r->list, .err = err, .size = size};
	int ret;

	for (struct netdev_rule *n = r->list; n; n = n->next)
		n->wanted = false;
	ret = steering_visit(rules, set_one, &s);
	if (ret)
		remove_rules(r, s.old, false);
	else
		remove_rules(r, NULL, true);
	return ret;
}

void netdev_rules_clear(struct netdev_rules *r)
{
	remove_rules(r, NULL, false);
}
