/* SPDX-License-Identifier: BSD-2-Clause */
/* The layers that are no header: bytes as the text gives them, or as many as it says. */
#include "compiled.h"

#include <errno.h>
#include <string.h>

static int place_hex(struct build *b, struct placed *p)
{
	const struct arg *arg = &b->expr->args[p->expr->first_arg];
	int n;

	if (p->expr->args != 1 || arg->name.len || arg->function.len)
		return expr_error(b->err, b->expr->text, p->expr->whole,
		                  "as in hex:deadbeef or hex(deadbeef)",
		                  "hex takes one string of digits");
	n = bytes_parse(b->expr->text, b->expr->items[arg->first_item],
	                b->content + p->at, PACKET_MAX - p->at, b->err);
	if (n < 0)
		return n;
	p->header_len = (unsigned)n;
	return 0;
}

/* What payload(...) may say. */
struct payload {
	const struct arg *bytes, *len, *fill;
};

static const char payload_hint[] = "payload('text'), payload(hex=00ff), "
				   "payload(len=100,fill=0xaa), fill=inc, fill=rand";

static int read_payload_args(struct build *b, struct placed *p, struct payload *out)
{
	const struct field *field;
	const struct arg *arg, **slot;
	unsigned i;

	for (i = 0; i < p->expr->args; i++) {
		arg = &b->expr->args[p->expr->first_arg + i];
		slot = &out->bytes;
		if (arg->name.len) {
			field = arg_field(b, p, arg);
			if (!field)
				return -EINVAL;
			if (field == payload_fields)
				slot = &out->len;
			else if (field == payload_fields + 1)
				slot = &out->fill;
		}
		if (*slot || arg->function.len)
			return expr_error(b->err, b->expr->text, arg->whole, payload_hint,
			                  *slot ? "this is given twice"
			                        : "a payload cannot vary");
		*slot = arg;
	}
	return 0;
}

static int read_number(struct build *b, const struct arg *arg, const struct field *field,
                       unsigned *out)
{
	struct value v;
	int err;

	err = value_parse(b->expr->text, b->expr->items[arg->first_item], field, &v,
	                  b->err);
	if (!err)
		*out = (unsigned)v.low;
	return err;
}

/* The bytes first, the fill after them up to len; it also fills what the frame has left. */
static int place_payload(struct build *b, struct placed *p)
{
	struct payload args = {NULL, NULL, NULL};
	unsigned len;
	int n = 0, err;

	err = read_payload_args(b, p, &args);
	if (err)
		return err;
	if (args.bytes)
		n = bytes_parse(b->expr->text, b->expr->items[args.bytes->first_item],
		                b->content + p->at, PACKET_MAX - p->at, b->err);
	if (n < 0)
		return n;
	len = (unsigned)n;
	if (args.fill)
		err = read_number(b, args.fill, payload_fields + 1, &b->fill);
	if (!err && args.len)
		err = read_number(b, args.len, payload_fields, &len);
	if (err)
		return err;
	if (args.len && (len < (unsigned)n || len > PACKET_MAX - p->at))
		return expr_error(b->err, b->expr->text, args.len->whole, NULL,
		                  "this payload may have %d to %u bytes", n,
		                  PACKET_MAX - p->at);
	p->header_len = len;
	content_fill(b, b->content + p->at + n, len - (unsigned)n);
	return 0;
}

void content_fill(const struct build *b, uint8_t *bytes, unsigned len)
{
	uint64_t random = b->opts->seed * 2 + 1;
	unsigned i;

	if (b->fill < FILL_BYTE_INC) {
		memset(bytes, (int)b->fill, len);
		return;
	}
	for (i = 0; i < len; i++) {
		random = random * 6364136223846793005 + 1442695040888963407;
		bytes[i] = (uint8_t)(b->fill == FILL_BYTE_INC ? i : random >> 56);
	}
}

static int place_sig(struct build *b, struct placed *p)
{
	if (b->packet->sig_at)
		return expr_error(b->err, b->expr->text, p->expr->whole, NULL,
		                  "a packet carries one signature");
	b->packet->sig_at = p->at;
	p->header_len = p->layer->header_len;
	return 0;
}

int content_place(struct build *b, struct placed *p)
{
	if (p->layer->content == CONTENT_HEX)
		return place_hex(b, p);
	if (p->layer->content == CONTENT_PAYLOAD)
		return place_payload(b, p);
	return place_sig(b, p);
}
