/* SPDX-License-Identifier: BSD-2-Clause */
/* The book of rules, and the steering program's maps made from it: see book.h and steer.h. */
#include "shapes.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* A holder that was stopped in the middle. */
#define LOCK_WAIT_S 5

/* ---- chains ---- */

static uint32_t chain_first(const struct maps *m, const struct book_rule *r)
{
	uint32_t first = 0;

	if (r->prefix.len)
		bpf_map_lookup_elem(m->fd[FD_PREFIXES], &r->prefix, &first);
	else
		bpf_map_lookup_elem(m->fd[FD_RULES], &r->value, &first);
	return first;
}

static int chain_set_first(const struct maps *m, const struct book_rule *r,
                           uint32_t first)
{
	int map = m->fd[r->prefix.len ? FD_PREFIXES : FD_RULES];
	const void *key = r->prefix.len ? (const void *)&r->prefix : &r->value;

	return first ? bpf_map_update_elem(map, key, &first, 0)
	             : bpf_map_delete_elem(map, key);
}

static bool same_rule(const struct book_rule *a, const struct book_rule *b)
{
	return !memcmp(&a->id, &b->id, sizeof(a->id));
}

/* Where the rule belongs: behind *before, 0 being the chain's head, so that priorities ascend. */
static int chain_search(const struct maps *m, uint32_t rule, uint32_t first,
                        uint32_t replaces, uint32_t *before, uint32_t *other)
{
	const struct book_rule *r = &m->book->rules[rule];
	unsigned length = 0;

	*before = 0;
	for (uint32_t i = first; i && length < STEER_CHAIN_MAX; i = m->chains[i].next) {
		const struct book_rule *have = &m->book->rules[i];

		if (i != replaces && same_rule(have, r)) {
			*other = i;
			return -EEXIST;
		}
		if (have->id.priority < r->id.priority)
			*before = i;
		length++;
	}
	/* One place is kept for the successor of a rule. */
	return length >= STEER_CHAIN_MAX - (replaces ? 0 : 1) ? -EMLINK : 0;
}

static int chain_enter(struct maps *m, uint32_t rule, uint32_t replaces, uint32_t *other)
{
	const struct book_rule *r = &m->book->rules[rule];
	uint32_t first = chain_first(m, r), before;
	int ret = chain_search(m, rule, first, replaces, &before, other);

	if (ret)
		return ret;
	if (!before) {
		m->chains[rule].next = first;
		return chain_set_first(m, r, rule);
	}
	m->chains[rule].next = m->chains[before].next;
	/* Pairs with the program's walk: it sees the new rule whole. */
	__atomic_store_n(&m->chains[before].next, rule, __ATOMIC_RELEASE);
	return 0;
}

static void chain_leave(struct maps *m, uint32_t rule)
{
	const struct book_rule *r = &m->book->rules[rule];
	uint32_t at = chain_first(m, r), next = m->chains[rule].next;
	unsigned bound = 0;

	if (at == rule) {
		chain_set_first(m, r, next);
		return;
	}
	while (at && m->chains[at].next != rule && bound++ < STEER_CHAIN_MAX)
		at = m->chains[at].next;
	if (at && m->chains[at].next == rule)
		__atomic_store_n(&m->chains[at].next, next, __ATOMIC_RELEASE);
}

/* ---- rules in their shapes ---- */

static void shape_link(struct maps *m, struct book_shape *h, uint32_t rule)
{
	struct book *b = m->book;
	struct book_rule *r = &b->rules[rule];

	r->shape = (uint32_t)(h - b->shapes);
	r->next = h->first;
	r->previous = 0;
	if (h->first)
		b->rules[h->first].previous = rule;
	h->first = rule;
	h->rules++;
	if (h->prefix)
		b->sets[r->set].rules++;
}

static void shape_unlink(struct maps *m, uint32_t rule)
{
	struct book *b = m->book;
	struct book_rule *r = &b->rules[rule];
	struct book_shape *h = &b->shapes[r->shape];

	if (r->next)
		b->rules[r->next].previous = r->previous;
	if (r->previous)
		b->rules[r->previous].next = r->next;
	else
		h->first = r->next;
	h->rules--;
	if (h->prefix)
		b->sets[r->set].rules--;
}

/* Have the program follow a rule that is in the book. */
static int rule_enter(struct maps *m, uint32_t rule, uint32_t replaces, uint32_t *other)
{
	struct book_rule *r = &m->book->rules[rule];
	struct book_shape like = {.priority = r->id.priority}, *h;
	bool fresh, sooner, changed;
	int ret;

	shape_place(r, &like);
	h = shape_find(m->book, &like);
	fresh = !h;
	if (!h)
		h = shape_make(m->book, &like);
	if (!h)
		return -ENOSPC;
	r->value.shape_id = h->id;
	ret = h->prefix ? set_get(m, r) : 0;
	if (ret)
		return ret;
	m->chains[rule].prefix_len = (uint8_t)(r->prefix.len ? r->prefix.len - 32 : 0);
	ret = chain_enter(m, rule, replaces, other);
	if (ret)
		goto put_set;
	shape_link(m, h, rule);
	sooner = r->id.priority < h->priority;
	if (sooner)
		h->priority = r->id.priority;
	/* With many rules of one shape the list stays as it is. */
	changed = fresh || sooner || (h->rules == 2 && !h->prefix);
	ret = changed ? shape_publish(m, h, !fresh) : 0;
	if (!ret)
		return 0;
	shape_unlink(m, rule);
	chain_leave(m, rule);
put_set:
	if (h->prefix)
		set_put(m, r);
	return ret;
}

static void rule_leave(struct maps *m, uint32_t rule)
{
	struct book_rule *r = &m->book->rules[rule];
	struct book_shape *h = &m->book->shapes[r->shape];

	shape_unlink(m, rule);
	/* A shape's only rule stands in its description, so that goes first. */
	if (!h->rules) {
		list_publish(m);
		m->book->slot_state[h->slot] = RESTING;
	}
	chain_leave(m, rule);
	if (h->prefix)
		set_put(m, r);
	if (h->rules == 1 && !h->prefix)
		shape_publish(m, h, true);
}

/* ---- after a holder of the lock died ---- */

static void delete_unknown(const struct maps *m, int map, size_t key_size, bool prefix)
{
	union {
		struct steer_value value;
		struct steer_prefix_key prefix;
	} key, next;
	void *from = NULL;

	/* A key that is deleted cannot be gone on from, so go on from the one before. */
	while (!bpf_map_get_next_key(map, from, &next)) {
		bool known = false;

		for (unsigned i = 0; !prefix && i < STEER_SHAPES_MAX; i++)
			known |= m->book->shapes[i].rules &&
			         m->book->shapes[i].id == next.value.shape_id;
		for (unsigned i = 0; prefix && i < BOOK_SETS_MAX; i++)
			known |= m->book->sets[i].rules &&
			         m->book->sets[i].id == next.prefix.set;
		if (!known) {
			if (bpf_map_delete_elem(map, &next))
				return;
			continue;
		}
		memcpy(&key, &next, key_size);
		from = &key;
	}
}

/* Make shapes, sets and chains anew from the rules, under new ids, beside the old ones, which the
 * program follows until the end. */
static void rebuild(struct maps *m)
{
	struct book *b = m->book;
	uint32_t other;

	memset(b->shapes, 0, sizeof(b->shapes));
	memset(b->sets, 0, sizeof(b->sets));
	memset(b->counter_used, 0, sizeof(b->counter_used));
	b->rebuilding = 1;
	for (uint32_t i = 1; i < STEER_RULES_MAX; i++) {
		if (b->rules[i].state != USED)
			continue;
		b->rules_used = i + 1;
		b->counter_used[b->rules[i].counter] = 1;
		m->chains[i].next = 0;
		if (rule_enter(m, i, i, &other))
			b->rules[i].state = RESTING;
	}
	b->rebuilding = 0;
	list_publish(m);
	delete_unknown(m, m->fd[FD_RULES], sizeof(struct steer_value), false);
	delete_unknown(m, m->fd[FD_PREFIXES], sizeof(struct steer_prefix_key), true);
	shapes_quiesce(m);
	for (unsigned i = 0; i < STEER_SHAPE_SLOTS; i++)
		b->slot_state[i] = FREE;
	for (unsigned i = 0; i < STEER_SHAPES_MAX; i++) {
		if (b->shapes[i].rules)
			b->slot_state[b->shapes[i].slot] = USED;
	}
}

int book_lock(struct maps *m)
{
	struct timespec until;
	int ret;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOCK_WAIT_S;
	ret = pthread_mutex_timedlock(&m->book->lock, &until);
	if (ret == EOWNERDEAD) {
		pthread_mutex_consistent(&m->book->lock);
		rebuild(m);
		ret = 0;
	}
	return ret ? -EBUSY : 0;
}

void book_unlock(struct maps *m)
{
	pthread_mutex_unlock(&m->book->lock);
}

/* ---- the calls ---- */

/* A rule that is free; 0: none. */
static uint32_t rule_find(struct maps *m)
{
	struct book *b = m->book;

	for (int again = 0; again < 2; again++) {
		if (b->rules_used < STEER_RULES_MAX)
			return b->rules_used++;
		for (; b->rule_free < STEER_RULES_MAX; b->rule_free++) {
			if (b->rules[b->rule_free].state == FREE)
				return b->rule_free++;
		}
		shapes_quiesce(m);
		b->rule_free = 1;
	}
	return 0;
}

/* A counter at zero; 0: none. */
static uint32_t counter_find(struct maps *m)
{
	int cpus = libbpf_num_possible_cpus();
	struct book *b = m->book;
	struct steer_count *zero;
	uint32_t i;

	for (i = 1; i < STEER_COUNTERS_MAX && b->counter_used[i]; i++)
		;
	zero = i < STEER_COUNTERS_MAX && cpus > 0 ? calloc((size_t)cpus, sizeof(*zero))
	                                          : NULL;
	if (!zero)
		return 0;
	if (bpf_map_update_elem(m->fd[FD_COUNTERS], &i, zero, 0))
		i = 0;
	else
		b->counter_used[i] = 1;
	free(zero);
	return i;
}

static void chain_fill(struct steer_rule *c, const struct book_rule *r)
{
	const struct rule_identity *id = &r->id;

	*c = (struct steer_rule){
		.priority = id->priority,
		.src_first = id->src_port_last ? ntohs(id->value.src_port) : 0,
		.src_last = id->src_port_last ? ntohs(id->src_port_last) : UINT16_MAX,
		.dst_first = id->dst_port_last ? ntohs(id->value.dst_port) : 0,
		.dst_last = id->dst_port_last ? ntohs(id->dst_port_last) : UINT16_MAX,
		.action = r->queue_count ? STEER_TO_QUEUE : STEER_DROP,
		.owner = (uint8_t)r->member,
		.mark = r->mark,
		.counter = r->counter,
	};
}

static void rule_free(struct maps *m, uint32_t rule)
{
	struct book_rule *r = &m->book->rules[rule];

	if (r->counter)
		m->book->counter_used[r->counter] = 0;
	r->state = RESTING;
}

int book_add(struct maps *m, uint32_t member, const struct rawq_rule_opts *o,
             uint32_t replaces, uint32_t *other)
{
	uint32_t rule = rule_find(m);
	struct book_rule *r = &m->book->rules[rule];
	int ret;

	if (!rule)
		return -E2BIG;
	*r = (struct book_rule){
		.member = member,
		.id = {o->value, o->mask, o->priority, o->src_port_last,
	               o->dst_port_last},
		.queue_count = o->queue_count,
		.mark = o->mark,
		.count = o->count,
	};
	if (o->count)
		r->counter = counter_find(m);
	if (o->count && !r->counter)
		return -EUSERS;
	chain_fill(&m->chains[rule], r);
	r->state = USED;
	ret = rule_enter(m, rule, replaces, other);
	if (ret)
		rule_free(m, rule);
	return ret ? ret : (int)rule;
}

void book_remove(struct maps *m, uint32_t rule)
{
	rule_leave(m, rule);
	rule_free(m, rule);
}

uint32_t book_next(const struct maps *m, uint32_t rule)
{
	const struct book *b = m->book;

	for (rule++; rule < b->rules_used && rule < STEER_RULES_MAX; rule++) {
		if (b->rules[rule].state == USED)
			return rule;
	}
	return 0;
}

bool book_has_rules(const struct maps *m, uint32_t member)
{
	for (uint32_t i = book_next(m, 0); i; i = book_next(m, i)) {
		if (m->book->rules[i].member == member)
			return true;
	}
	return false;
}

void book_remove_member(struct maps *m, uint32_t member)
{
	for (uint32_t i = book_next(m, 0); i; i = book_next(m, i)) {
		if (m->book->rules[i].member == member)
			book_remove(m, i);
	}
	for (uint32_t q = 0; q < STEER_QUEUES_MAX; q++) {
		uint32_t slot = member * STEER_QUEUES_MAX + q;

		if (m->rings[slot].present)
			bpf_map_delete_elem(m->fd[FD_RINGS], &slot);
		m->rings[slot] = (struct steer_ring){0};
	}
	__atomic_and_fetch(&m->config->marks, ~(1ull << member), __ATOMIC_RELAXED);
	m->book->members[member].present = 0;
}

void book_stats(const struct maps *m, uint32_t rule, struct rawq_rule_stats *stats)
{
	int cpus = libbpf_num_possible_cpus();
	struct steer_count *count =
		cpus > 0 ? calloc((size_t)cpus, sizeof(*count)) : NULL;

	*stats = (struct rawq_rule_stats){0};
	if (count && !bpf_map_lookup_elem(m->fd[FD_COUNTERS],
	                                  &m->book->rules[rule].counter, count)) {
		for (int i = 0; i < cpus; i++) {
			stats->packets += count[i].packets;
			stats->bytes += count[i].bytes;
		}
	}
	free(count);
}
