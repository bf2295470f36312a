/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups and entries of one flow table. */
#include "emu/nic/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t load_word(const uint8_t *bytes, unsigned index)
{
	uint64_t w;

	memcpy(&w, bytes + index * 8, sizeof(w));
	return w;
}

/* ---- finding ---- */

static uint32_t hash_step(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32);
}

static bool entry_hits(const struct entry *e, const uint64_t *masked, unsigned nwords)
{
	for (unsigned i = 0; i < nwords; i++)
		if (e->words[i] != masked[i])
			return false;
	return true;
}

static struct entry *group_find(const struct group *g, const uint64_t *words)
{
	uint64_t masked[MATCH_WORDS];
	uint32_t hash = 0;
	struct entry *e;

	for (unsigned i = 0; i < g->nwords; i++) {
		masked[i] = words[g->word[i]] & g->word_mask[i];
		hash = hash_step(hash, masked[i]);
	}
	for (e = g->buckets[hash & g->buckets_mask]; e; e = e->next)
		if (e->hash == hash && entry_hits(e, masked, g->nwords))
			return e;
	return NULL;
}

struct entry *table_find(const struct table *t, const struct packet *p,
                         struct match_key *key)
{
	for (const struct group *g = t->groups; g; g = g->next) {
		struct entry *e;

		if (g->mask.enable & ~key->built)
			match_build(key, p, g->mask.enable);
		e = group_find(g, key->words);
		if (e)
			return e;
	}
	return NULL;
}

/* ---- groups ---- */

static bool group_has_mask(const struct group *g, const struct match *m)
{
	return g->mask.enable == m->enable &&
	       !memcmp(g->mask.mask, m->mask, sizeof(m->mask));
}

/* A group of this mask that has room. */
static struct group *group_with_room(const struct table *t, const struct match *m)
{
	for (struct group *g = t->groups; g; g = g->next)
		if (group_has_mask(g, m) && g->used < g->size)
			return g;
	return NULL;
}

static struct group *group_alloc(const struct match *m, unsigned size)
{
	struct group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->buckets = calloc(1, sizeof(*g->buckets));
	if (!g->buckets) {
		free(g);
		return NULL;
	}
	g->size = size;
	g->mask.enable = m->enable;
	memcpy(g->mask.mask, m->mask, sizeof(m->mask));
	for (unsigned i = 0; i < MATCH_WORDS; i++) {
		uint64_t w = load_word(m->mask, i);

		if (!w)
			continue;
		g->word[g->nwords] = (uint8_t)i;
		g->word_mask[g->nwords++] = w;
	}
	return g;
}

static void group_free(struct group *g)
{
	free(g->buckets);
	free(g);
}

/* Make a group in the first gap that is wide enough. */
static int group_create(struct table *t, const struct match *m, struct group **out)
{
	bool large = t->large_groups < STEERING_GROUPS;
	unsigned size = large ? TABLE_GROUP_SIZE : 1, start = 0;
	struct group **at = &t->groups, *g;

	while (*at && start + size > (*at)->start) {
		start = (*at)->start + (*at)->size;
		at = &(*at)->next;
	}
	if (start + size > TABLE_ENTRIES)
		return -ENOSPC;
	g = group_alloc(m, size);
	if (!g)
		return -ENOMEM;
	g->start = start;
	g->next = *at;
	*at = g;
	t->large_groups += large;
	*out = g;
	return 0;
}

static void group_destroy(struct table *t, struct group *g)
{
	struct group **at = &t->groups;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	t->large_groups -= g->size == TABLE_GROUP_SIZE;
	group_free(g);
}

/* ---- entries ---- */

/* Keep at most one entry per bucket on average. */
static int group_grow(struct group *g)
{
	unsigned count = (g->buckets_mask + 1) * 2;
	struct entry **buckets;

	if (g->used < g->buckets_mask + 1)
		return 0;
	buckets = calloc(count, sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	for (unsigned i = 0; i <= g->buckets_mask; i++) {
		struct entry *e = g->buckets[i], *next;

		for (; e; e = next) {
			next = e->next;
			e->next = buckets[e->hash & (count - 1)];
			buckets[e->hash & (count - 1)] = e;
		}
	}
	free(g->buckets);
	g->buckets = buckets;
	g->buckets_mask = count - 1;
	return 0;
}

static int entry_create(struct group *g, const struct match *m, struct entry **out)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e || group_grow(g)) {
		free(e);
		return -ENOMEM;
	}
	e->group = g;
	for (unsigned i = 0; i < g->nwords; i++) {
		e->words[i] = load_word(m->value, g->word[i]);
		e->hash = hash_step(e->hash, e->words[i]);
	}
	e->next = g->buckets[e->hash & g->buckets_mask];
	g->buckets[e->hash & g->buckets_mask] = e;
	g->used++;
	*out = e;
	return 0;
}

static void entry_destroy(struct table *t, struct entry *e)
{
	struct group *g = e->group;
	struct entry **at = &g->buckets[e->hash & g->buckets_mask];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	free(e->rules);
	free(e);
	if (!--g->used)
		group_destroy(t, g);
}

/* The entry of exactly this match; a mask may have several groups when the first are full. */
static struct entry *entry_of_match(const struct table *t, const struct match *m)
{
	uint64_t words[MATCH_WORDS];

	for (unsigned i = 0; i < MATCH_WORDS; i++)
		words[i] = load_word(m->value, i);
	for (struct group *g = t->groups; g; g = g->next) {
		struct entry *e;

		e = group_has_mask(g, m) ? group_find(g, words) : NULL;
		if (e)
			return e;
	}
	return NULL;
}

/* One entry has one tag and one fate. */
static bool conflicts(const struct entry *e, const struct steering_rule_opts *o)
{
	const struct steering_rule_opts *first = &e->rules[0]->opts;

	return first->has_tag != o->has_tag || first->tag != o->tag ||
	       first->drop != o->drop || first->default_miss != o->default_miss;
}

/* Destinations besides this one. */
static unsigned other_dests(const struct entry *e, const void *dest)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->count; i++)
		n += e->rules[i]->first_of_dest && e->rules[i]->opts.dest != dest;
	return n;
}

/* The oldest rule of a destination stands for it; the others only count. */
static void choose_first(const struct entry *e, const void *dest)
{
	bool found = false;

	for (unsigned i = 0; i < e->count; i++) {
		if (e->rules[i]->opts.dest != dest)
			continue;
		e->rules[i]->first_of_dest = !found;
		found = true;
	}
}

static int entry_put(struct entry *e, struct steering_rule *rule)
{
	if (other_dests(e, rule->opts.dest) == STEERING_DESTS_MAX / 2)
		return -ENOSPC;
	if (e->count == e->room) {
		unsigned room = e->room ? e->room * 2 : 1;
		struct steering_rule **rules = realloc(e->rules, room * sizeof(*rules));

		if (!rules)
			return -ENOMEM;
		e->rules = rules;
		e->room = room;
	}
	e->rules[e->count++] = rule;
	choose_first(e, rule->opts.dest);
	return 0;
}

int flow_table_add(struct table *t, const struct match *m, struct steering_rule *rule,
                   struct entry **out)
{
	struct entry *e = entry_of_match(t, m);
	struct group *g;
	int ret = 0;

	if (e && conflicts(e, &rule->opts))
		return -EEXIST;
	if (!e) {
		g = group_with_room(t, m);
		if (!g)
			ret = group_create(t, m, &g);
		if (ret)
			return ret;
		ret = entry_create(g, m, &e);
		if (ret && !g->used)
			group_destroy(t, g);
		if (ret)
			return ret;
	}
	ret = entry_put(e, rule);
	if (ret) {
		if (!e->count)
			entry_destroy(t, e);
		return ret;
	}
	t->rules++;
	*out = e;
	return 0;
}

void flow_table_remove(struct table *t, struct entry *e, struct steering_rule *rule)
{
	unsigned i = 0;

	while (e->rules[i] != rule)
		i++;
	memmove(e->rules + i, e->rules + i + 1, (e->count - i - 1) * sizeof(*e->rules));
	t->rules--;
	if (--e->count)
		choose_first(e, rule->opts.dest);
	else
		entry_destroy(t, e);
}
