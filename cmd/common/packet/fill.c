/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fields of placed layers become: constant bytes, edits, sums. */
#include "compiled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

unsigned field_bit(const struct placed *p, const struct field *field)
{
	return (p->at + p->group_at[field->group]) * 8 + field->bit;
}

void set_bits(uint8_t *bytes, unsigned bit, unsigned width, struct value v)
{
	unsigned i, at;
	uint64_t word;

	for (i = 0; i < width; i++) { /* i: from the field's last bit */
		at = bit + width - 1 - i;
		word = i < 64 ? v.low >> i : v.high >> (i - 64);
		bytes[at / 8] &= (uint8_t) ~(0x80 >> at % 8);
		if (word & 1)
			bytes[at / 8] |= (uint8_t)(0x80 >> at % 8);
	}
}

/* ---- edits ---- */

/* The bytes that hold `width` bits from `bit` on; at most 8. */
static void place_edit(struct edit *e, unsigned bit, unsigned width)
{
	unsigned end = bit + width, bytes;

	e->mask = width == 64 ? UINT64_MAX : (1ull << width) - 1;
	e->at = (uint16_t)(bit / 8);
	bytes = (end + 7) / 8 - e->at;
	e->bytes = (uint8_t)bytes;
	e->shift = (uint8_t)((e->at + bytes) * 8 - end);
	e->keep = ~(e->mask << e->shift);
	if (bytes < 8)
		e->keep &= (1ull << bytes * 8) - 1;
}

static uint64_t *copy_list(struct build *b, const struct pattern *pattern, bool high)
{
	uint64_t *list = calloc(pattern->count, sizeof(*list));
	uint64_t i;

	if (!list)
		return NULL;
	for (i = 0; i < pattern->count; i++)
		list[i] = high ? pattern->list[i].high : pattern->list[i].low;
	b->packet->lists[b->packet->edit_count] = list;
	return list;
}

/* One edit for the low or the high 64 bits of a pattern. */
static int add_edit(struct build *b, const struct arg *arg, const struct pattern *pattern,
                    unsigned bit, unsigned width, bool high)
{
	struct packet *p = b->packet;
	struct edit *e = &p->edits[p->edit_count];

	if (p->edit_count == EDITS_MAX)
		return expr_error(b->err, b->expr->text, arg->whole, NULL,
		                  "more than %d varied fields", EDITS_MAX);
	e->kind = (uint8_t)pattern->kind;
	e->first = high ? pattern->first.high : pattern->first.low;
	e->step = pattern->step;
	e->count = high && pattern->kind == PATTERN_RAND ? pattern->random_high
	                                                 : pattern->count;
	e->seed = b->opts->seed + (p->edit_count + 1) * 0xd1342543de82ef95;
	place_edit(e, bit, width);
	if (pattern->kind == PATTERN_LIST) {
		e->list = copy_list(b, pattern, high);
		if (!e->list)
			return -ENOMEM;
	}
	p->edit_count++;
	return 0;
}

static int add_edits(struct build *b, const struct arg *arg,
                     const struct pattern *pattern, unsigned bit, unsigned width)
{
	struct value high = {0, pattern->first.high};
	int err = 0;

	if (width > 64) {
		if (pattern->wide || pattern->kind == PATTERN_LIST)
			err = add_edit(b, arg, pattern, bit, width - 64, true);
		else
			set_bits(b->content, bit, width - 64, high);
		bit += width - 64;
		width = 64;
	}
	return err ? err : add_edit(b, arg, pattern, bit, width, false);
}

/* ---- given values ---- */

static bool is_sum(const struct field *field)
{
	return field->fill >= FILL_SUM_HEADER;
}

static unsigned field_index(const struct placed *p, const struct field *field)
{
	return (unsigned)(field - p->layer->fields);
}

static void set_flag(struct build *b, const struct placed *p, const struct field *field)
{
	unsigned bit = p->at * 8 + field->flag - 1;

	if (field->flag)
		b->content[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static int give_pattern(struct build *b, struct placed *p, const struct field *field,
                        const struct arg *arg)
{
	struct pattern pattern;
	int err;

	err = pattern_parse(b->expr, arg, field, &pattern, b->err);
	if (err)
		return err;
	if (pattern.kind == PATTERN_ONE)
		set_bits(b->content, field_bit(p, field), field->width, pattern.first);
	else
		err = add_edits(b, arg, &pattern, field_bit(p, field), field->width);
	free(pattern.list);
	return err;
}

static int give_bytes(struct build *b, struct placed *p, const struct arg *arg)
{
	int n;

	if (arg->function.len)
		return expr_error(b->err, b->expr->text, arg->whole, NULL,
		                  "bytes cannot vary");
	n = bytes_parse(b->expr->text, b->expr->items[arg->first_item],
	                b->content + p->at + p->tail_at, p->header_len - p->tail_at,
	                b->err);
	return n < 0 ? n : 0;
}

static int give_arg(struct build *b, struct placed *p, const struct arg *arg)
{
	const struct field *field = arg_field(b, p, arg);
	unsigned i;

	if (!field)
		return -EINVAL;
	i = field_index(p, field);
	if (p->given >> i & 1)
		return expr_error(b->err, b->expr->text, arg->name, NULL,
		                  "%s is given twice", field->name);
	set_flag(b, p, field);
	if (is_sum(field) && !arg->function.len) {
		if (span_is(b->expr->text, arg->whole, "good"))
			return 0;
		if (span_is(b->expr->text, arg->whole, "bad")) {
			p->bad_sum = true;
			return 0;
		}
	}
	p->given |= 1u << i;
	if (field->kind == FIELD_BYTES)
		return give_bytes(b, p, arg);
	return give_pattern(b, p, field, arg);
}

/* ---- sums ---- */

static struct placed *network_below(struct build *b, struct placed *p)
{
	while (p-- > b->placed)
		if (p->layer->id[SPACE_IP])
			return p;
	return NULL;
}

/* The addresses of RFC 768's and RFC 8200's pseudo headers. */
static void add_pseudo_header(struct build *b, struct placed *p, struct sum *sum)
{
	struct placed *ip = network_below(b, p);
	unsigned first, len;

	if (!ip)
		return;
	len = ip->layer->id[SPACE_PROTOCOL] == ID(4) ? 4 : 16;
	first = ip->at + (len == 4 ? 12 : 8);
	sum->areas[1] = (struct area){first, first + len};
	sum->areas[2] = (struct area){first + len, first + 2 * len};
	sum->area_count = 3;
	sum->protocol = (uint8_t)p->layer->id[SPACE_PROTOCOL];
}

static int add_sum(struct build *b, struct placed *p, const struct field *field)
{
	struct sum *sum = &b->packet->sums[b->packet->sum_count];

	if (b->packet->sum_count == SUMS_MAX)
		return expr_error(b->err, b->expr->text, (struct span){p->at, 1}, NULL,
		                  "more than %d checksums", SUMS_MAX);
	*sum = (struct sum){
		.kind = field->fill == FILL_CRC_LAYER ? SUM_CRC32C : SUM_ONES,
		.is_bad = p->bad_sum,
		.zero_is_none = p->layer->id[SPACE_PROTOCOL] == ID(17),
		.at = (uint16_t)(field_bit(p, field) / 8),
		.areas[0] = {p->at,
	                     field->fill == FILL_SUM_HEADER ? p->at + p->header_len : 0},
		.area_count = 1,
		.layer_at = p->at,
	};
	if (field->fill == FILL_SUM_PSEUDO)
		add_pseudo_header(b, p, sum);
	b->packet->sum_count++;
	return 0;
}

/* ---- defaults ---- */

static uint64_t next_id(struct build *b, const struct placed *p,
                        const struct field *field)
{
	const struct placed *above = p + 1;

	if (above == b->placed + b->placed_count || above->layer->content ||
	    !above->layer->id[p->layer->space])
		return field->value;
	return above->layer->id[p->layer->space] & 0xffff;
}

static uint64_t load_mac(const uint8_t *mac)
{
	uint64_t v = 0;
	unsigned i;

	for (i = 0; i < 6; i++)
		v = v << 8 | mac[i];
	return v;
}

static bool is_discovery(const struct build *b, const struct placed *p)
{
	return p < b->placed + b->placed_count &&
	       p->layer->id[SPACE_PROTOCOL] == ID(58) && p->layer->is_final;
}

/* A layer whose checksum is a CRC over what is above it cannot be in the signature's CRC. */
static unsigned covered(const struct build *b, const struct placed *sig)
{
	const struct placed *p;
	const struct field *field;
	unsigned from = 0;

	for (p = b->placed; p < sig; p++)
		for (field = p->layer->fields; field->name; field++)
			if (field->fill == FILL_CRC_LAYER)
				from = p->at + p->header_len;
	return sig->at - from;
}

static uint64_t default_value(struct build *b, const struct placed *p,
                              const struct field *field)
{
	switch ((enum field_fill)field->fill) {
	case FILL_NEXT:
		return next_id(b, p, field);
	case FILL_HEADER:
		return p->header_len / field->unit + field->value;
	case FILL_TAIL:
		return (p->header_len - p->layer->header_len) / field->unit;
	case FILL_SRC_MAC:
		return load_mac(b->opts->src_mac);
	case FILL_BOTTOM:
		return p + 1 == b->placed + b->placed_count || p[1].layer != p->layer;
	case FILL_HOPS:
		return is_discovery(b, p + 1) ? 255 : 64;
	case FILL_FLOW:
		return b->opts->flow;
	case FILL_COVERED:
		return covered(b, p);
	default: /* lengths and sums: fill_template */
		return field->value;
	}
}

static int fill_default(struct build *b, struct placed *p, const struct field *field)
{
	struct value v = {field->value_high, 0};

	if (field->group && !p->group_at[field->group])
		return 0;
	if (is_sum(field))
		return add_sum(b, p, field);
	if (field->kind == FIELD_BYTES || field->fill == FILL_LENGTH)
		return 0;
	v.low = default_value(b, p, field);
	set_bits(b->content, field_bit(p, field), field->width, v);
	return 0;
}

static int fill_layer(struct build *b, struct placed *p)
{
	const struct field *field;
	unsigned i;
	int err;

	for (i = 0; p->expr && i < p->expr->args; i++) {
		err = give_arg(b, p, &b->expr->args[p->expr->first_arg + i]);
		if (err)
			return err;
	}
	for (field = p->layer->fields; field->name; field++) {
		if (p->given >> field_index(p, field) & 1)
			continue;
		err = fill_default(b, p, field);
		if (err)
			return err;
	}
	return 0;
}

int fill_content(struct build *b)
{
	unsigned i;
	int err;

	for (i = b->placed_count; i-- > 0;) { /* inner sums first */
		if (b->placed[i].layer->content == CONTENT_HEX ||
		    b->placed[i].layer->content == CONTENT_PAYLOAD)
			continue;
		err = fill_layer(b, &b->placed[i]);
		if (err)
			return err;
	}
	sums_connect(b->packet);
	return sig_prepare(b);
}
