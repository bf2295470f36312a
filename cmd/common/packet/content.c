/* SPDX-License-Identifier: BSD-2-Clause */
/* The layers that are no header: bytes as the text gives them. */
#include "compiled.h"

#include <errno.h>

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

int content_place(struct build *b, struct placed *p)
{
	switch ((enum content_kind)p->layer->content) {
	case CONTENT_HEX:
		return place_hex(b, p);
	case CONTENT_NONE:
		break;
	}
	return -EINVAL;
}
