/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer: what is done for each packet, and nothing else. */
#include "compiled.h"

#include "hw/sig.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct packet_source {
	/* several packets in turn: the sources of each, and of the first one whose turn it is */
	struct packet_source *next, *turn;
	uint32_t turn_at;
	const struct packet *packet;
	uint64_t number, stride; /* of the next packet */
	uint32_t order_at, order_step;
	uint64_t now_ns;
	uint64_t at[EDITS_MAX];   /* index of the next value; < count */
	uint64_t step[EDITS_MAX]; /* stride % count */
	uint64_t *sequences;      /* sig: next of each flow */
	uint8_t worker;           /* sig: upper 8 bits of the flow */
};

static struct packet_source *create_one(const struct packet *p, uint64_t first,
                                        uint64_t stride)
{
	struct packet_source *s = calloc(1, sizeof(*s));
	unsigned i;

	if (!s)
		return NULL;
	s->packet = p;
	s->number = first;
	s->stride = stride;
	s->worker = (uint8_t)(first % stride);
	if (p->sig_at) {
		s->sequences = calloc(sig_flows(p), sizeof(*s->sequences));
		if (!s->sequences) {
			free(s);
			return NULL;
		}
	}
	s->order_at = (uint32_t)(first % p->sizes.order_count);
	s->order_step = (uint32_t)(stride % p->sizes.order_count);
	for (i = 0; i < p->edit_count; i++) {
		s->at[i] = p->edits[i].count ? first % p->edits[i].count : first;
		s->step[i] = p->edits[i].count ? stride % p->edits[i].count : stride;
	}
	return s;
}

static struct packet_source *nth_source(struct packet_source *s, uint32_t n)
{
	while (n--)
		s = s->next;
	return s;
}

struct packet_source *packet_source_create(const struct packet *p, uint64_t first,
                                           uint64_t stride)
{
	struct packet_source *head = create_one(p, first, stride), *last = head;
	const struct packet *next;

	if (!head)
		return NULL;
	for (next = p->next; next; next = next->next, last = last->next) {
		last->next = create_one(next, first, stride);
		if (!last->next) {
			packet_source_free(head);
			return NULL;
		}
	}
	head->turn = nth_source(head, p->turns[0]);
	return head;
}

void packet_source_free(struct packet_source *s)
{
	if (!s)
		return;
	packet_source_free(s->next);
	free(s->sequences);
	free(s);
}

void packet_source_set_time(struct packet_source *s, uint64_t now_ns)
{
	for (; s; s = s->next)
		s->now_ns = now_ns;
}

/* Uniform 64 bits for a packet's number: Steele, Lea and Flood's SplitMix64, so that any
 * worker finds the value of any packet. */
static inline uint64_t random_of(uint64_t seed, uint64_t number)
{
	uint64_t z = seed + number * 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0..count-1, or any 64 bits if count is 0.  Not a 128-bit product: edit_code.c does the same. */
static inline uint64_t random_below(uint64_t seed, uint64_t number, uint64_t count)
{
	uint64_t r = random_of(seed, number);

	if (!count)
		return r;
	return count >> 32 ? r % count : (r >> 32) * count >> 32;
}

/* Which of the edit's values comes next. */
static inline uint64_t edit_index(struct packet_source *s, const struct edit *e,
                                  unsigned i)
{
	uint64_t at = s->at[i];

	if (e->kind == PATTERN_RAND)
		return random_below(e->seed, s->number, e->count);
	s->at[i] = at + s->step[i];
	/* count 0 is 2^64: the sum has wrapped by itself */
	if (e->count && s->at[i] >= e->count)
		s->at[i] -= e->count;
	return at;
}

static inline uint64_t edit_value(const struct edit *e, uint64_t index)
{
	return (e->list ? e->list[index] : e->first + index * e->step) & e->mask;
}

static inline void store_bytes(uint8_t *p, uint64_t v, unsigned bytes)
{
	uint16_t two;
	uint32_t four;
	uint64_t be;

	switch (bytes) {
	case 1:
		*p = (uint8_t)v;
		return;
	case 2:
		two = htobe16((uint16_t)v);
		memcpy(p, &two, 2);
		return;
	case 4:
		four = htobe32((uint32_t)v);
		memcpy(p, &four, 4);
		return;
	default:
		be = htobe64(v << (64 - 8 * bytes));
		memcpy(p, &be, bytes);
	}
}

static inline uint64_t load_bytes(const uint8_t *p, unsigned bytes)
{
	uint64_t be = 0;

	memcpy(&be, p, bytes);
	return be64toh(be) >> (64 - 8 * bytes);
}

static inline void store_edit(uint8_t *frame, const struct edit *e, uint64_t value)
{
	uint8_t *p = frame + e->at;
	uint64_t word = value << e->shift;

	if (__builtin_expect(e->keep != 0, 0))
		word = (word & ~e->keep) | (load_bytes(p, e->bytes) & e->keep);
	store_bytes(p, word, e->bytes);
}

static inline void add_into(uint64_t *sums, const struct into *into, unsigned count,
                            uint64_t value)
{
	uint64_t v = (value & 0xffffffff) + (value >> 32);
	unsigned i;

	if (!count)
		return;
	sums[into[0].sum] += v << into[0].shift;
	for (i = 1; i < count; i++)
		sums[into[i].sum] += v << into[i].shift;
}

static inline void write_sums(const struct packet *p, const struct template *t,
                              uint8_t *frame, uint64_t *sums)
{
	const struct sum *s;
	uint32_t crc;
	unsigned k;
	uint16_t v;

	for (k = 0; k < p->sum_count; k++) {
		s = &p->sums[k];
		if (!s->is_active)
			continue;
		if (s->kind == SUM_CRC32C) {
			memset(frame + s->at, 0, 4);
			crc = crc_finish(s, frame, t->len);
			crc_store(frame + s->at, crc);
			add_into(sums, s->into, s->into_count, __builtin_bswap32(crc));
			continue;
		}
		v = sum_finish(s, sums[k]);
		store_bytes(frame + s->at, v, 2);
		add_into(sums, s->into, s->into_count, v);
	}
}

/* The CRC up to the signature's own, then over that as 0 and what is behind it. */
static inline uint32_t sig_crc(const struct packet *p, const struct template *t,
                               const uint8_t *frame)
{
	static const uint8_t own[4];
	unsigned at = p->sig_at + (unsigned)offsetof(struct hw_sig, crc);
	uint32_t crc;

	crc = crc32c(~0u, frame + p->sig_from, at - p->sig_from);
	if (t->shift)
		return ~(crc_shift(t->shift, crc) ^ t->crc_tail);
	crc = crc32c(crc, own, sizeof(own));
	return ~crc32c(crc, frame + at + 4, t->len - at - 4);
}

static inline uint16_t sig_balance(const struct hw_sig *sig)
{
	uint32_t words[8];
	uint64_t sum = 0;
	unsigned i;

	memcpy(words, sig, sizeof(words));
	for (i = 0; i < 8; i++)
		sum += words[i]; /* the order of bytes does not matter to this sum */
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static inline void write_sig(struct packet_source *s, const struct template *t,
                             uint8_t *frame, uint64_t flow_index)
{
	uint8_t *at = frame + s->packet->sig_at;
	struct hw_sig sig;

	at[offsetof(struct hw_sig, flow)] = s->worker;
	memcpy(&sig, at, sizeof(sig));
	sig.sequence = to_be64(s->sequences[flow_index]++);
	sig.time_ns = to_be64(s->now_ns);
	sig.balance = to_be16(0);
	sig.crc = to_be32(0);
	memcpy(at, &sig, sizeof(sig));
	sig.crc = to_be32(sig_crc(s->packet, t, frame));
	sig.balance.raw = sig_balance(&sig);
	memcpy(at, &sig, sizeof(sig));
}

static const struct template *next_template(const struct packet_source *s)
{
	const struct size_plan *plan = &s->packet->sizes;
	uint64_t at = s->order_at;

	if (plan->is_random)
		at = random_below(s->packet->seed, s->number, plan->order_count);
	return &s->packet->templates[plan->order[at]];
}

uint32_t packet_next_length(const struct packet_source *s)
{
	return next_template(s->turn)->len;
}

static inline void advance(struct packet_source *s)
{
	s->number += s->stride;
	s->order_at += s->order_step;
	if (s->order_at >= s->packet->sizes.order_count)
		s->order_at -= s->packet->sizes.order_count;
}

/* Write the fields that vary; returns which of its flows a signature belongs to. */
static inline uint64_t write_edits(struct packet_source *s, uint8_t *frame,
                                   uint64_t *sums)
{
	const struct packet *p = s->packet;
	uint64_t index, value, flow = 0;
	const struct edit *e;
	unsigned i;

	for (i = 0; i < p->edit_count; i++) {
		e = &p->edits[i];
		index = edit_index(s, e, i);
		value = edit_value(e, index);
		store_edit(frame, e, value);
		add_into(sums, e->into, e->into_count, value);
		if ((int)i == p->flow_edit)
			flow = index;
	}
	return flow;
}

void packet_source_skip(struct packet_source *s, uint64_t n)
{
	const struct packet *p = s->packet;
	uint64_t index, flow;
	unsigned i;

	while (n--) {
		flow = 0;
		for (i = 0; i < p->edit_count; i++) {
			index = edit_index(s, &p->edits[i], i);
			if ((int)i == p->flow_edit)
				flow = index;
		}
		if (s->sequences)
			s->sequences[flow]++;
		advance(s);
	}
}

void packet_source_position(const struct packet_source *s, uint64_t *edits,
                            uint64_t *sequences)
{
	if (s->packet->edit_count)
		memcpy(edits, s->at, s->packet->edit_count * sizeof(*edits));
	if (sequences)
		memcpy(sequences, s->sequences,
		       sig_flows(s->packet) * sizeof(*sequences));
}

static uint32_t write_one(struct packet_source *s, void *frame, const void **held)
{
	const struct template *t = next_template(s);
	const struct packet *p = s->packet;
	uint64_t sums[SUMS_MAX], flow;
	unsigned i;

	if (*held != t) {
		memcpy(frame, t->bytes, t->len);
		*held = t;
	}
	if (!p->edit_count && !p->sig_at) {
		advance(s);
		return t->len;
	}
	for (i = 0; i < p->sum_count; i++)
		sums[i] = t->base[i];
	flow = write_edits(s, frame, sums);
	if (p->sig_first)
		write_sig(s, t, frame, flow);
	write_sums(p, t, frame, sums);
	if (p->sig_at && !p->sig_first)
		write_sig(s, t, frame, flow);
	advance(s);
	return t->len;
}

uint32_t packet_write_of(struct packet_source *s, unsigned i, void *frame,
                         const void **held)
{
	return write_one(nth_source(s, i), frame, held);
}

uint32_t packet_write(struct packet_source *s, void *frame, const void **held)
{
	const struct packet *first = s->packet;
	uint32_t len = write_one(s->turn, frame, held);

	if (s->next) {
		if (++s->turn_at == first->turn_count)
			s->turn_at = 0;
		s->turn = nth_source(s, first->turns[s->turn_at]);
	}
	return len;
}
