/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --expect 'loss==0, reorder==0, p99<50us, rate>=99%': read before the run, judged after it, one
 * line each.  A verb has a table of metrics; the text says which of them must be what.
 */
#ifndef CMD_COMMON_EXPECT_H
#define CMD_COMMON_EXPECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* More than anybody writes on one line. */
#define EXPECT_MAX 32

enum metric_kind { METRIC_COUNT, METRIC_NS, METRIC_RATE };

/* A table ends with a row without a name.  Name, kind and has_percent are the verb's from the
 * start, the rest is known after the run. */
struct metric {
	const char *name;
	enum metric_kind kind;
	bool has_percent; /* it may be asked for as part of the whole */
	bool is_known;    /* false: nothing was measured, which meets no expectation */
	double value;     /* packets, ns, packets/s */
	double bps;       /* METRIC_RATE, bits/s */
	double whole;     /* 100 % of value */
};

enum expect_op { OP_EQ, OP_NE, OP_LE, OP_GE, OP_LT, OP_GT };
enum expect_unit { UNIT_PLAIN, UNIT_NS, UNIT_PPS, UNIT_BPS, UNIT_PERCENT };

struct expectation {
	char text[48]; /* as given, without the spaces around */
	unsigned metric;
	enum expect_op op;
	enum expect_unit unit;
	double value;
};

struct expect {
	unsigned n;
	struct expectation list[EXPECT_MAX];
};

struct expect_error {
	char text[200]; /* "at 'p98<1us': ..." */
};

/* 0, or -1 with *err. */
int expect_parse(const char *text, const struct metric *metrics, struct expect *out,
                 struct expect_error *err);

bool expectation_is_met(const struct expectation *e, const struct metric *metrics);
bool expect_is_met(const struct expect *expect, const struct metric *metrics);

/* "expected loss==0: met, 0" */
void expect_print(const struct expect *expect, const struct metric *metrics, FILE *to);

/* [{"expect": "loss==0", "met": true, "value": 0}, ...] */
json_t *expect_json(const struct expect *expect, const struct metric *metrics);

#endif
