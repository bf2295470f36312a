/* SPDX-License-Identifier: BSD-2-Clause */
/* Checksums: who adds to whom, and the constant part of each in a template. */
#include "compiled.h"

#include "hw/sig.h"

#include <string.h>

static bool area_holds(const struct area *area, unsigned from, unsigned to)
{
	return from >= area->from && (!area->to || to <= area->to);
}

/* Have the field whose last bit is `last` add to every sum from `first` on that covers it. */
static unsigned connect(struct packet *p, unsigned first, unsigned from, unsigned to,
                        unsigned last, struct into *into)
{
	const struct area *area;
	unsigned k, i, n = 0;

	for (k = first; k < p->sum_count; k++)
		for (i = 0; i < p->sums[k].area_count; i++) {
			area = &p->sums[k].areas[i];
			if (!area_holds(area, from, to) || n == INTO_MAX)
				continue;
			p->sums[k].is_active = true;
			if (p->sums[k].kind == SUM_ONES)
				into[n++] = (struct into){
					(uint8_t)k,
					(uint8_t)(15 - (last - area->from * 8) % 16)};
		}
	return n;
}

void sums_connect(struct packet *p)
{
	unsigned i, last, width;

	for (i = 0; i < p->edit_count; i++) {
		struct edit *e = &p->edits[i];

		if (p->sig_at && e->at >= p->sig_at)
			continue; /* balanced within the signature */
		last = (e->at + e->bytes) * 8u - e->shift - 1;
		e->into_count =
			(uint8_t)connect(p, 0, e->at, e->at + e->bytes, last, e->into);
	}
	for (i = 0; i < p->sum_count; i++) {
		struct sum *s = &p->sums[i];

		width = s->kind == SUM_CRC32C ? 4 : 2;
		if (s->is_active)
			s->into_count =
				(uint8_t)connect(p, i + 1, s->at, s->at + width,
			                         (s->at + width) * 8u - 1, s->into);
	}
}

static uint32_t fold(uint64_t v)
{
	v = (v & 0xffffffff) + (v >> 32);
	v = (v & 0xffff) + (v >> 16);
	v = (v & 0xffff) + (v >> 16);
	return (uint32_t)((v & 0xffff) + (v >> 16));
}

static uint64_t add_area(const uint8_t *bytes, unsigned from, unsigned to)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = from; i < to; i++)
		sum += (i - from) % 2 ? bytes[i] : (uint64_t)bytes[i] << 8;
	return sum;
}

static uint32_t base_sum(const struct sum *s, const uint8_t *bytes, unsigned len)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < s->area_count; i++)
		sum += add_area(bytes, s->areas[i].from,
		                s->areas[i].to ? s->areas[i].to : len);
	if (s->protocol)
		sum += s->protocol + (len - s->layer_at);
	return fold(sum);
}

uint16_t sum_finish(const struct sum *s, uint64_t sum)
{
	uint32_t v = ~fold(sum) & 0xffff;

	if (!v && s->zero_is_none)
		v = 0xffff;
	if (s->is_bad) {
		v ^= 1;
		if (!v) /* would say that there is none */
			v = 3;
	}
	return (uint16_t)v;
}

uint32_t crc_finish(const struct sum *s, const uint8_t *bytes, unsigned len)
{
	uint32_t crc = ~crc32c(~0u, bytes + s->areas[0].from, len - s->areas[0].from);

	return s->is_bad ? crc ^ 1 : crc;
}

/* RFC 9260: the CRC goes out lowest byte first, others are words in network order. */
void crc_store(uint8_t *at, uint32_t crc)
{
	at[0] = (uint8_t)crc;
	at[1] = (uint8_t)(crc >> 8);
	at[2] = (uint8_t)(crc >> 16);
	at[3] = (uint8_t)(crc >> 24);
}

static void fill_lengths(struct build *b, struct template *t)
{
	const struct field *field;
	const struct placed *p;
	struct value v = {0, 0};

	for (p = b->placed; p < b->placed + b->placed_count; p++)
		for (field = p->layer->fields; field->name; field++) {
			if (field->fill != FILL_LENGTH ||
			    p->given >> (field - p->layer->fields) & 1 ||
			    (field->group && !p->group_at[field->group]))
				continue;
			v.low = (t->len - p->at + field->value) & 0xffff;
			set_bits(t->bytes, field_bit(p, field), field->width, v);
		}
}

static void fill_sums(const struct packet *p, struct template *t)
{
	const struct sum *s;
	unsigned k;
	uint16_t v;

	for (k = 0; k < p->sum_count; k++) {
		s = &p->sums[k];
		if (s->kind == SUM_CRC32C) {
			if (!s->is_active)
				crc_store(t->bytes + s->at,
				          crc_finish(s, t->bytes, t->len));
			continue;
		}
		t->base[k] = base_sum(s, t->bytes, t->len);
		if (s->is_active)
			continue;
		v = sum_finish(s, t->base[k]);
		t->bytes[s->at] = (uint8_t)(v >> 8);
		t->bytes[s->at + 1] = (uint8_t)v;
	}
}

void fill_template(struct build *b, struct template *t)
{
	unsigned sig_at = b->packet->sig_at;

	memcpy(t->bytes, b->content, b->content_len);
	content_fill(b, t->bytes + b->content_len, t->len - b->content_len);
	fill_lengths(b, t);
	/* to the sums a balanced signature is as good as zeros */
	if (sig_at)
		memset(t->bytes + sig_at, 0, sizeof(struct hw_sig));
	fill_sums(b->packet, t);
	if (sig_at)
		memcpy(t->bytes + sig_at, b->content + sig_at, sizeof(struct hw_sig));
}
