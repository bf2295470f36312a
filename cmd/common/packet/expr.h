/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet text taken apart: layers, their arguments and the pieces of these, each a span of
 * the text.  Nothing here knows a protocol.
 *
 *     packets  = packet [ "@" weight ] { "+" packet [ "@" weight ] }
 *     packet   = layer { "/" layer }
 *     layer    = name [ "(" [ argument { "," argument } ] ")" ]  |  "hex:" digits
 *     argument = [ name "=" ] value
 *     value    = atom | name "(" [ argument { "," argument } ] ")"
 *     atom     = letters, digits and . : + - _ | / ..  |  'text'
 */
#ifndef CMD_COMMON_PACKET_EXPR_H
#define CMD_COMMON_PACKET_EXPR_H

#include "packet.h"

enum { EXPR_LAYERS_MAX = 24, EXPR_ARGS_MAX = 64, EXPR_ITEMS_MAX = 4096 };

struct span {
	unsigned at, len;
};

/* 10, 1..5, 10.0.0.0/24, inc(1..5,2), rand(..), list(..) */
struct arg {
	struct span name;     /* len 0: none given */
	struct span function; /* len 0: a plain atom */
	struct span whole;
	unsigned first_item, items;
};

struct layer_expr {
	struct span name;
	struct span whole;
	unsigned first_arg, args;
};

struct expr {
	const char *text;
	unsigned layer_count, arg_count, item_count;
	struct layer_expr layers[EXPR_LAYERS_MAX];
	struct arg args[EXPR_ARGS_MAX];
	struct span items[EXPR_ITEMS_MAX];
};

/* Parse the packet from *at on; *at is then at the end, a '+' or an '@'.  0 or -EINVAL with
 * *err. */
int expr_parse(const char *text, unsigned *at, struct expr *out,
               struct packet_error *err);
/* What stands behind an '@', as arguments: "9" or "(rate=10kpps,size=imix)"; *at as above. */
int expr_parse_settings(const char *text, unsigned *at, struct expr *out,
                        struct packet_error *err);
/* The same for one value alone, as in --size. */
int expr_parse_value(const char *text, struct expr *out, struct packet_error *err);

bool span_is(const char *text, struct span span, const char *word);

/* Fill *err and return -EINVAL. */
int expr_error(struct packet_error *err, const char *text, struct span where,
               const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
