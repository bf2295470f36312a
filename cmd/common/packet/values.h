/* SPDX-License-Identifier: BSD-2-Clause */
/* An argument read as a field's kind: one value, or a pattern of values. */
#ifndef CMD_COMMON_PACKET_VALUES_H
#define CMD_COMMON_PACKET_VALUES_H

#include "expr.h"
#include "layers.h"

struct value {
	uint64_t high, low;
};

enum pattern_kind { PATTERN_ONE, PATTERN_INC, PATTERN_RAND, PATTERN_LIST };

struct pattern {
	enum pattern_kind kind;
	struct value first; /* PATTERN_ONE, _INC, _RAND */
	uint64_t step;      /* two's complement: may count down */
	uint64_t count;     /* of values; 0: 2^64 */
	uint64_t
		random_high; /* _RAND over more than 64 bits: so many high words; 0: all */
	uint8_t wide;        /* _RAND: the high word is random too */
	struct value *list;  /* PATTERN_LIST, count of them; malloc'd */
};

/* One value; 0 or -EINVAL. */
int value_parse(const char *text, struct span span, const struct field *field,
                struct value *out, struct packet_error *err);
/* 0, -EINVAL, -ENOMEM. */
int pattern_parse(const struct expr *expr, const struct arg *arg,
                  const struct field *field, struct pattern *out,
                  struct packet_error *err);

/* The number of bytes that hex digits or 'text' stand for; negative with *err. */
int bytes_parse(const char *text, struct span span, uint8_t *out, unsigned room,
                struct packet_error *err);

#endif
