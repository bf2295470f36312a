/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of a port in the kernel's order, and the walk of a frame through them. */
#include "emu/nic/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bypass tables: two per priority of the user, dont_trap first, and the one for multicast rules,
 * whose priority the kernel ignores. */
enum {
	BYPASS_MULTICAST = 2 * STEERING_PRIORITIES,
	BYPASS_TABLES,
	SNIFFER = BYPASS_TABLES,
	LEFTOVERS,
	TABLES
};

struct steering {
	struct table tables[TABLES];
	uint8_t used[BYPASS_TABLES]; /* indexes of bypass tables with rules, in order */
	unsigned used_count;
	uint64_t generation, rules_added;
	struct steering_rule **rules; /* in no order */
	unsigned rules_count, rules_room;
	unsigned copies; /* of SNIFFER and dont_trap rules, which may all hit one frame */
	uint8_t mac[6];
	bool up, promisc, allmulti;
	uint8_t (*multicast)[6];
	unsigned multicasts;
};

static const struct match everything;

struct steering *steering_create(void)
{
	return calloc(1, sizeof(struct steering));
}

void steering_destroy(struct steering *s)
{
	if (!s)
		return;
	while (s->rules_count)
		steering_remove(s, s->rules[0]);
	free(s->rules);
	free(s->multicast);
	free(s);
}

/* ---- adding and removing ---- */

static int refuse(const struct steering *s, const struct steering_rule_opts *o)
{
	bool normal = o->kind == STEERING_NORMAL;

	if (o->has_tag && (!normal || o->tag >> 24))
		return -EINVAL;
	if (o->dont_trap && (!normal || o->drop || o->default_miss))
		return -EINVAL;
	if ((o->drop || o->default_miss) && (!normal || o->dest))
		return -EINVAL;
	if (!o->dest && !o->drop && !o->default_miss)
		return -EINVAL;
	if (normal && o->priority >= STEERING_PRIORITIES)
		return -ENOMEM;
	if ((o->dont_trap || o->kind == STEERING_SNIFFER) &&
	    s->copies == STEERING_DESTS_MAX / 2)
		return -ENOSPC;
	return normal && o->match ? match_valid(o->match) : 0;
}

static struct table *table_of(struct steering *s, const struct steering_rule_opts *o,
                              const struct match *m)
{
	if (o->kind == STEERING_SNIFFER)
		return &s->tables[SNIFFER];
	if (o->kind != STEERING_NORMAL)
		return &s->tables[LEFTOVERS];
	if (!o->dont_trap && match_is_multicast(m))
		return &s->tables[BYPASS_MULTICAST];
	return &s->tables[o->priority * 2 + !o->dont_trap];
}

static void list_used_tables(struct steering *s)
{
	s->used_count = 0;
	for (unsigned i = 0; i < BYPASS_TABLES; i++)
		if (s->tables[i].rules)
			s->used[s->used_count++] = (uint8_t)i;
	s->generation++;
}

/* Kernel create_leftovers_rule(): an entry for multicast, and with ALL_DEFAULT one for unicast, so
 * that ALL_DEFAULT and MC_DEFAULT both get a multicast frame. */
static int add_leftovers(struct steering_rule *r)
{
	struct match m = {.enable = 0};
	int ret;

	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_FIELD(0x047, 1), 1,
	          1); /* DMAC's group bit */
	ret = flow_table_add(r->table, &m, r, &r->entries[0]);
	if (ret || r->opts.kind == STEERING_MC_DEFAULT)
		return ret;
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_FIELD(0x047, 1), 0, 1);
	ret = flow_table_add(r->table, &m, r, &r->entries[1]);
	if (ret)
		flow_table_remove(r->table, r->entries[0], r);
	return ret;
}

static int add_to_tables(struct steering_rule *r)
{
	if (r->opts.kind == STEERING_ALL_DEFAULT || r->opts.kind == STEERING_MC_DEFAULT)
		return add_leftovers(r);
	return flow_table_add(r->table, &r->match, r, &r->entries[0]);
}

static int list_room(struct steering *s)
{
	unsigned room = s->rules_room ? s->rules_room * 2 : 16;
	struct steering_rule **rules;

	if (s->rules_count < s->rules_room)
		return 0;
	rules = realloc(s->rules, room * sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	s->rules = rules;
	s->rules_room = room;
	return 0;
}

static bool makes_copies(const struct steering_rule *r)
{
	return r->opts.dont_trap || r->opts.kind == STEERING_SNIFFER;
}

int steering_add(struct steering *s, const struct steering_rule_opts *opts,
                 struct steering_rule **out)
{
	int ret = refuse(s, opts);
	struct steering_rule *r;

	if (!ret)
		ret = list_room(s);
	if (ret)
		return ret;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->opts = *opts;
	r->match =
		opts->match && opts->kind == STEERING_NORMAL ? *opts->match : everything;
	r->opts.match = &r->match;
	r->table = table_of(s, opts, &r->match);
	r->number = s->rules_added++;
	ret = add_to_tables(r);
	if (ret) {
		free(r);
		return ret;
	}
	s->rules[s->rules_count++] = r;
	s->copies += makes_copies(r);
	list_used_tables(s);
	*out = r;
	return 0;
}

void steering_remove(struct steering *s, struct steering_rule *rule)
{
	unsigned i = 0;

	while (s->rules[i] != rule)
		i++;
	s->rules[i] = s->rules[--s->rules_count];
	for (unsigned k = 0; k < 2; k++)
		if (rule->entries[k])
			flow_table_remove(rule->table, rule->entries[k], rule);
	s->copies -= makes_copies(rule);
	free(rule);
	list_used_tables(s);
}

/* ---- the kernel's netdev ---- */

int steering_set_netdev(struct steering *s, const struct steering_netdev *netdev)
{
	uint8_t(*multicast)[6] = NULL;

	if (netdev->multicasts) {
		multicast = malloc(netdev->multicasts * sizeof(*multicast));
		if (!multicast)
			return -ENOMEM;
		memcpy(multicast, netdev->multicast,
		       netdev->multicasts * sizeof(*multicast));
	}
	free(s->multicast);
	s->multicast = multicast;
	s->multicasts = netdev->multicasts;
	memcpy(s->mac, netdev->mac, sizeof(s->mac));
	s->up = netdev->up;
	s->promisc = netdev->promisc;
	s->allmulti = netdev->allmulti;
	s->generation++;
	return 0;
}

static bool kernel_wants(const struct steering *s, const uint8_t *dmac)
{
	static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

	if (!s->up)
		return false;
	if (s->promisc || !memcmp(dmac, s->mac, 6) || !memcmp(dmac, broadcast, 6))
		return true;
	if (!(dmac[0] & 1))
		return false;
	if (s->allmulti)
		return true;
	for (unsigned i = 0; i < s->multicasts; i++)
		if (!memcmp(dmac, s->multicast[i], 6))
			return true;
	return false;
}

/* ---- the walk ---- */

/* Deliver and count what an entry says. A destination named by two rules of it gets one copy. */
static void hit(const struct entry *e, const struct packet *p, struct steering_verdict *v)
{
	for (unsigned i = 0; i < e->count; i++) {
		const struct steering_rule *r = e->rules[i];
		const struct steering_rule_opts *o = &r->opts;

		if (o->counter) {
			o->counter->packets++;
			o->counter->bytes += p->len;
		}
		if (!o->dest || !r->first_of_dest || v->count == STEERING_DESTS_MAX)
			continue;
		v->dests[v->count++] =
			(struct steering_dest){o->dest, o->tag, o->has_tag};
	}
}

/* The bypass tables in order.  True: the frame ended there. */
static bool walk_bypass(const struct steering *s, const struct packet *p,
                        struct match_key *key, struct steering_verdict *v)
{
	for (unsigned i = 0; i < s->used_count; i++) {
		const struct entry *e = table_find(&s->tables[s->used[i]], p, key);

		if (!e)
			continue;
		hit(e, p, v);
		if (e->rules[0]->opts.dont_trap)
			continue;
		v->dropped = e->rules[0]->opts.drop;
		return !e->rules[0]->opts.default_miss;
	}
	return false;
}

void steering_decide(struct steering *s, const struct packet *p,
                     struct steering_verdict *v)
{
	struct match_key key;
	const struct entry *e;

	key.built = 0;
	v->count = 0;
	v->kernel = false;
	v->dropped = false;
	if (p->head_len < 14)
		return;
	if (s->tables[SNIFFER].rules) {
		e = table_find(&s->tables[SNIFFER], p, &key);
		if (e)
			hit(e, p, v);
	}
	if (walk_bypass(s, p, &key, v))
		return;
	v->kernel = kernel_wants(s, p->head);
	if (v->kernel || !s->tables[LEFTOVERS].rules)
		return;
	e = table_find(&s->tables[LEFTOVERS], p, &key);
	if (e)
		hit(e, p, v);
}

/* ---- visiting ---- */

static int by_number(const void *a, const void *b)
{
	const struct steering_rule *const *x = a, *const *y = b;

	return (*x)->number < (*y)->number ? -1 : 1;
}

/* The rules of one table: by group, and within a group, where no two can hit, by age. */
static int visit_table(const struct steering *s, const struct table *t,
                       int (*fn)(void *, const struct steering_rule_opts *), void *arg)
{
	for (const struct group *g = t->groups; g; g = g->next) {
		for (unsigned i = 0; i < s->rules_count; i++) {
			const struct steering_rule *r = s->rules[i];
			int ret;

			if (r->table != t || r->entries[0]->group != g)
				continue;
			ret = fn(arg, &r->opts);
			if (ret)
				return ret;
		}
	}
	return 0;
}

int steering_visit(const struct steering *s,
                   int (*fn)(void *arg, const struct steering_rule_opts *rule), void *arg)
{
	int ret;

	if (s->rules_count)
		qsort(s->rules, s->rules_count, sizeof(*s->rules), by_number);
	ret = visit_table(s, &s->tables[SNIFFER], fn, arg);
	for (unsigned i = 0; !ret && i < s->used_count; i++)
		ret = visit_table(s, &s->tables[s->used[i]], fn, arg);
	return ret ? ret : visit_table(s, &s->tables[LEFTOVERS], fn, arg);
}

uint64_t steering_generation(const struct steering *s)
{
	return s->generation;
}
