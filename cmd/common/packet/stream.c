/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands behind a packet's '@': its weight, or a rate with its shape, and its sizes. */
#include "compiled.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Longer than any number with its unit. */
enum { WORD_MAX = 48 };

static const char stream_hint[] =
	"@ 9 is a weight, @ 10kpps a rate; @(rate=10kpps,size=imix,train=8,gap=1ms,"
	"ramp=2s,arrivals=poisson) says more";

struct reader {
	const struct expr *expr;
	struct packet *packet;
	struct packet_error *err;
	const struct arg *rate, *train, *gap, *ramp, *weight;
};

static int refuse(const struct reader *r, struct span where, const char *hint,
                  const char *what)
{
	return expr_error(r->err, r->expr->text, where, hint, "%s", what);
}

/* The argument's one word, as text of its own. */
static int take_word(const struct reader *r, const struct arg *arg, char word[WORD_MAX])
{
	if (arg->function.len || arg->whole.len >= WORD_MAX)
		return refuse(r, arg->whole, stream_hint, "a single value is expected");
	memcpy(word, r->expr->text + arg->whole.at, arg->whole.len);
	word[arg->whole.len] = '\0';
	return 0;
}

static int take_weight(struct reader *r, const struct arg *arg)
{
	static const struct field field = {.name = "a weight", .width = 12};
	struct value v;
	int ret = value_parse(r->expr->text, arg->whole, &field, &v, r->err);

	if (!ret && !v.low)
		return refuse(r, arg->whole, NULL, "a weight is at least 1");
	r->packet->weight = (uint32_t)v.low;
	r->weight = arg;
	return ret;
}

static int take_rate(struct reader *r, const struct arg *arg)
{
	char word[WORD_MAX];
	const char *valid;
	int ret = take_word(r, arg, word);

	if (ret)
		return ret;
	valid = parse_rate(word, &r->packet->stream.rate);
	r->rate = arg;
	return valid ? refuse(r, arg->whole, valid, "this is no rate") : 0;
}

static int take_time(struct reader *r, const struct arg *arg, uint64_t *out_ns)
{
	char word[WORD_MAX];
	const char *valid;
	int ret = take_word(r, arg, word);

	if (ret)
		return ret;
	valid = parse_duration(word, out_ns);
	if (!valid && !*out_ns)
		valid = "a time above 0";
	return valid ? refuse(r, arg->whole, valid, "this is no time") : 0;
}

static int take_train(struct reader *r, const struct arg *arg)
{
	static const struct field field = {.name = "a train", .width = 10};
	struct value v;
	int ret = value_parse(r->expr->text, arg->whole, &field, &v, r->err);

	if (!ret && !v.low)
		return refuse(r, arg->whole, NULL, "a train has at least 1 packet");
	r->packet->stream.shape.train = (uint32_t)v.low;
	return ret;
}

static int take_arrivals(struct reader *r, const struct arg *arg)
{
	bool poisson = span_is(r->expr->text, arg->whole, "poisson");

	r->packet->stream.shape.poisson = poisson;
	if (poisson || span_is(r->expr->text, arg->whole, "even"))
		return 0;
	return refuse(r, arg->whole, "even or poisson", "there are no such arrivals");
}

static int take_named(struct reader *r, const struct arg *arg, struct span name,
                      const struct arg **size)
{
	static const char *const names[] = {"weight", "rate", "size",     "train",
	                                    "gap",    "ramp", "arrivals", NULL};
	struct pace_shape *shape = &r->packet->stream.shape;
	const char *text = r->expr->text, *near;
	char word[WORD_MAX] = "", hint[sizeof(r->err->hint)];

	if (span_is(text, name, "weight"))
		return take_weight(r, arg);
	if (span_is(text, name, "rate"))
		return take_rate(r, arg);
	if (span_is(text, name, "train"))
		return take_train(r, r->train = arg);
	if (span_is(text, name, "gap"))
		return take_time(r, r->gap = arg, &shape->gap_ns);
	if (span_is(text, name, "ramp"))
		return take_time(r, r->ramp = arg, &shape->ramp_ns);
	if (span_is(text, name, "arrivals"))
		return take_arrivals(r, arg);
	if (span_is(text, name, "size")) {
		*size = arg;
		return 0;
	}
	memcpy(word, text + name.at, name.len < WORD_MAX ? name.len : WORD_MAX - 1);
	near = nearest_name(word, names);
	snprintf(hint, sizeof(hint), "did you mean '%s'?", near ? near : "");
	return refuse(r, name, near ? hint : stream_hint, "a packet has no such setting");
}

/* A plain word: a number is a weight, anything longer a rate. */
static int take_plain(struct reader *r, const struct arg *arg)
{
	unsigned i;

	for (i = 0; i < arg->whole.len; i++)
		if (!isdigit((unsigned char)r->expr->text[arg->whole.at + i]))
			return take_rate(r, arg);
	return take_weight(r, arg);
}

/* Which of them go together. */
static int check(const struct reader *r)
{
	const struct pace_shape *shape = &r->packet->stream.shape;
	bool gapped = r->train && r->gap;

	if (r->weight && (r->rate || gapped))
		return refuse(r, r->weight->whole, NULL,
		              "a packet has a weight or a rate, not both");
	if (r->gap && !r->train)
		return refuse(r, r->gap->whole, "as in @(train=8,gap=1ms)",
		              "a gap is behind a train");
	if (r->ramp && (r->train || shape->poisson))
		return refuse(r, r->ramp->whole, NULL,
		              "a ramp goes with neither a train nor Poisson arrivals");
	if (r->train && shape->poisson)
		return refuse(r, r->train->whole, NULL,
		              "Poisson arrivals have no trains");
	if (!r->rate && !gapped && (r->train || r->ramp || shape->poisson))
		return refuse(r, (struct span){r->expr->args[0].whole.at, 1}, stream_hint,
		              "this shapes a rate, and there is none");
	return 0;
}

int stream_parse(const struct expr *expr, struct packet *p, const struct arg **size,
                 struct packet_error *err)
{
	struct reader r = {.expr = expr, .packet = p, .err = err};
	const struct arg *arg;
	int ret = 0;

	*size = NULL;
	for (arg = expr->args; !ret && arg < expr->args + expr->arg_count; arg++)
		ret = arg->name.len ? take_named(&r, arg, arg->name, size)
		                    : take_plain(&r, arg);
	if (!ret)
		ret = check(&r);
	p->stream.has_rate = r.rate || (r.train && r.gap);
	return ret;
}

/* All packets have rates, or none. */
int streams_check(const struct packet *first, const char *text, struct packet_error *err)
{
	const struct packet *p;
	unsigned with = 0, n = 0, at = 0;

	for (p = first; p; p = p->next, n++) {
		with += p->stream.has_rate;
		if (!p->stream.has_rate)
			at = p->text_at;
	}
	if (!with || with == n)
		return 0;
	return expr_error(err, text, (struct span){at, 1}, stream_hint,
	                  "this packet has no rate, though another one has");
}
