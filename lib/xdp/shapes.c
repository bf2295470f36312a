/* SPDX-License-Identifier: BSD-2-Clause */
/* The shapes of the book's rules, and the lists of them that the program follows: see steer.h. */
#include "shapes.h"

#include <arpa/inet.h>
#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

static_assert(sizeof(struct rawq_rule_key) == sizeof(struct steer_key) &&
                      offsetof(struct rawq_rule_key, tunnel_id) ==
                              offsetof(struct steer_key, tunnel_id) &&
                      offsetof(struct rawq_rule_key, pad) ==
                              offsetof(struct steer_key, present),
              "the program's key is the public one");

/* ---- waiting for the program ---- */

/* A change of a map of maps returns after an RCU grace period (maybe_wait_bpf_programs() of
 * kernel/bpf/syscall.c): no run of the program that began before it is left. */
void book_quiesce(const struct maps *m)
{
	uint32_t fence = STEER_FENCE;

	bpf_map_update_elem(m->fd[FD_RINGS], &fence, &m->fd[FD_FENCE], 0);
}

void shapes_quiesce(struct maps *m)
{
	struct book *b = m->book;

	book_quiesce(m);
	for (uint32_t i = 1; i < b->rules_used; i++) {
		if (b->rules[i].state == RESTING)
			b->rules[i].state = FREE;
	}
	for (unsigned i = 0; i < STEER_SHAPE_SLOTS; i++) {
		if (b->slot_state[i] == RESTING)
			b->slot_state[i] = FREE;
	}
}

/* ---- the list ---- */

static int slot_find(struct maps *m)
{
	for (int again = 0; again < 2; again++) {
		for (int i = 0; i < STEER_SHAPE_SLOTS; i++) {
			if (m->book->slot_state[i] == FREE)
				return i;
		}
		shapes_quiesce(m);
	}
	return -ENOSPC; /* never: twice as many as there can be shapes */
}

/* The shape's description for the program, in a slot that nobody reads; the old one rests once the
 * next list is current. */
static int shape_write(struct maps *m, struct book_shape *h)
{
	int slot = slot_find(m);
	struct steer_shape *s;

	if (slot < 0)
		return slot;
	s = &m->shapes[slot];
	memset(s, 0, sizeof(*s));
	memcpy(s->mask, h->mask, sizeof(s->mask));
	s->id = h->id;
	s->priority = h->priority;
	s->prefix = h->prefix;
	if (h->rules == 1 && !h->prefix) {
		s->only = h->first;
		memcpy(s->value, m->book->rules[h->first].value.value, sizeof(s->value));
	}
	m->book->slot_state[slot] = USED;
	h->slot = (uint32_t)slot;
	return 0;
}

static bool takes_all(const struct maps *m, const struct steer_shape *s)
{
	uint64_t bits = 0;

	for (unsigned w = 0; w < STEER_WORDS; w++)
		bits |= s->mask[w];
	return s->only && !bits && !m->chains[s->only].next;
}

static void list_fill(const struct maps *m, struct steer_list *list)
{
	const struct book *b = m->book;

	memset(list, 0, sizeof(*list));
	for (unsigned i = 0; i < STEER_SHAPES_MAX; i++) {
		const struct book_shape *h = &b->shapes[i];
		uint32_t at = list->shapes;

		if (!h->rules)
			continue;
		for (; at && m->shapes[list->shape[at - 1]].priority > h->priority; at--)
			list->shape[at] = list->shape[at - 1];
		list->shape[at] = (uint8_t)h->slot;
		list->shapes++;
	}
	list->parse = !list->shapes || !takes_all(m, &m->shapes[list->shape[0]]);
}

/* Lists are used in turn; once round, wait for those who still read an old one. */
void list_publish(struct maps *m)
{
	uint32_t next = m->config->current + 1;

	if (m->book->rebuilding)
		return;
	if (next % STEER_LISTS == 0)
		shapes_quiesce(m);
	list_fill(m, &m->config->lists[next % STEER_LISTS]);
	/* Pairs with the program's load of current: it sees the list and its shapes whole. */
	__atomic_store_n(&m->config->current, next, __ATOMIC_RELEASE);
}

/* Write a shape anew and publish; on failure the old description stays. */
int shape_publish(struct maps *m, struct book_shape *h, bool had_slot)
{
	uint32_t old = h->slot;
	int ret = shape_write(m, h);

	if (ret)
		return ret;
	list_publish(m);
	if (had_slot)
		m->book->slot_state[old] = RESTING;
	return 0;
}

/* ---- from a rule to its place ---- */

static bool all_set(const uint8_t *p, size_t n, uint8_t want)
{
	while (n && *p == want) {
		p++;
		n--;
	}
	return !n;
}

/* Bits of a mask that is a prefix and neither nothing nor a whole address; else 0. */
static unsigned prefix_len(const uint8_t *mask, unsigned bytes)
{
	unsigned len = 0;

	while (len < bytes * 8 && mask[len / 8] >> (7 - len % 8) & 1)
		len++;
	for (unsigned i = len; i < bytes * 8; i++) {
		if (mask[i / 8] >> (7 - i % 8) & 1)
			return 0;
	}
	return len == bytes * 8 ? 0 : len;
}

/* The rule's shape and values, as the program will look them up. */
void shape_place(struct book_rule *r, struct book_shape *h)
{
	union {
		struct rawq_rule_key public;
		struct steer_key key;
		uint64_t words[STEER_WORDS];
	} mask = {r->id.mask}, value = {r->id.value};
	unsigned bytes = r->id.value.ethertype == htons(ETH_P_IP) ? 4 : 16;
	struct steer_key *k = &mask.key;
	uint8_t need = 0;

	if (k->ip_proto || !all_set(k->src_ip, 16, 0) || !all_set(k->dst_ip, 16, 0))
		need |= STEER_HAS_IP;
	if (k->src_port || k->dst_port)
		need |= STEER_HAS_PORTS;
	if (k->tunnel_protocol)
		need |= STEER_HAS_TUNNEL_PROTOCOL;
	if (k->tunnel_id)
		need |= STEER_HAS_TUNNEL_ID;
	k->present = value.key.present = need;
	if (r->id.src_port_last)
		k->src_port = value.key.src_port = 0;
	if (r->id.dst_port_last)
		k->dst_port = value.key.dst_port = 0;
	r->prefix = (struct steer_prefix_key){0};
	h->prefix = STEER_NO_PREFIX;
	if (prefix_len(k->dst_ip, bytes)) {
		h->prefix = STEER_DST_IP;
		r->prefix.len = 32 + prefix_len(k->dst_ip, bytes);
		memcpy(r->prefix.addr, value.key.dst_ip, 16);
		memset(k->dst_ip, 0, 16);
		memset(value.key.dst_ip, 0, 16);
	} else if (prefix_len(k->src_ip, bytes)) {
		h->prefix = STEER_SRC_IP;
		r->prefix.len = 32 + prefix_len(k->src_ip, bytes);
		memcpy(r->prefix.addr, value.key.src_ip, 16);
		memset(k->src_ip, 0, 16);
		memset(value.key.src_ip, 0, 16);
	}
	memcpy(h->mask, mask.words, sizeof(h->mask));
	memcpy(r->value.value, value.words, sizeof(r->value.value));
}

struct book_shape *shape_find(struct book *b, const struct book_shape *like)
{
	for (unsigned i = 0; i < STEER_SHAPES_MAX; i++) {
		struct book_shape *h = &b->shapes[i];

		if (h->rules && h->prefix == like->prefix &&
		    !memcmp(h->mask, like->mask, sizeof(h->mask)))
			return h;
	}
	return NULL;
}

/* A free place for a shape, described but still without rules. */
struct book_shape *shape_make(struct book *b, const struct book_shape *like)
{
	for (unsigned i = 0; i < STEER_SHAPES_MAX; i++) {
		struct book_shape *h = &b->shapes[i];

		if (h->rules)
			continue;
		*h = *like;
		h->id = b->next_id++;
		h->rules = h->first = 0;
		return h;
	}
	return NULL;
}

/* The set that the rule's value names, or a fresh one entered for it. */
int set_get(struct maps *m, struct book_rule *r)
{
	struct book *b = m->book;
	uint32_t id, i;
	int ret;

	if (!bpf_map_lookup_elem(m->fd[FD_RULES], &r->value, &id)) {
		for (i = 0; i < BOOK_SETS_MAX; i++) {
			if (b->sets[i].rules && b->sets[i].id == id) {
				r->set = i;
				r->prefix.set = id;
				return 0;
			}
		}
	}
	for (i = 0; i < BOOK_SETS_MAX && b->sets[i].rules; i++)
		;
	if (i == BOOK_SETS_MAX)
		return -EMLINK;
	id = b->next_id++;
	ret = bpf_map_update_elem(m->fd[FD_RULES], &r->value, &id, 0);
	if (ret)
		return ret;
	b->sets[i] = (struct book_set){.id = id};
	r->set = i;
	r->prefix.set = id;
	return 0;
}

void set_put(struct maps *m, const struct book_rule *r)
{
	struct book_set *set = &m->book->sets[r->set];

	if (!set->rules)
		bpf_map_delete_elem(m->fd[FD_RULES], &r->value);
}
