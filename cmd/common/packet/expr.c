/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser: one pass over the letters, and errors that point at them. */
#include "expr.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct parser {
	const char *text;
	unsigned at;
	struct expr *out;
	struct packet_error *err;
};

int expr_error(struct packet_error *err, const char *text, struct span where,
               const char *hint, const char *fmt, ...)
{
	va_list ap;

	err->in = text;
	err->at = where.at;
	err->len = where.len;
	snprintf(err->hint, sizeof(err->hint), "%s", hint ? hint : "");
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Where a terminal shows at most this much of a long text, around the fault. */
enum { SHOWN_BEFORE = 60, SHOWN_ALL = 76 };

void packet_error_print(FILE *to, const struct packet_error *err)
{
	unsigned from = err->at > SHOWN_BEFORE ? err->at - SHOWN_BEFORE : 0;
	unsigned i, left;

	fprintf(to, "%s\n", err->text);
	fprintf(to, "  %.*s\n  ", SHOWN_ALL, err->in + from);
	for (i = from; i < err->at; i++)
		fputc(' ', to);
	left = SHOWN_ALL - (err->at - from);
	for (i = 0; i < (err->len ? err->len : 1) && i < left; i++)
		fputc('^', to);
	fputc('\n', to);
	if (err->hint[0])
		fprintf(to, "  %s\n", err->hint);
}

bool span_is(const char *text, struct span span, const char *word)
{
	return strlen(word) == span.len && !strncmp(text + span.at, word, span.len);
}

static char peek(struct parser *p)
{
	while (isspace((unsigned char)p->text[p->at]))
		p->at++;
	return p->text[p->at];
}

static int fail_here(struct parser *p, const char *hint, const char *what)
{
	char c = peek(p);
	struct span where = {p->at, 1};

	if (!c)
		return expr_error(p->err, p->text, where, hint, "the text ends where %s",
		                  what);
	return expr_error(p->err, p->text, where, hint, "'%c' where %s", c, what);
}

static bool is_name_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is_atom_letter(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.:+-|/%", c));
}

static struct span take_while(struct parser *p, bool (*is_part)(char))
{
	struct span span = {p->at, 0};

	while (is_part(p->text[p->at]))
		p->at++;
	span.len = p->at - span.at;
	return span;
}

static int add_item(struct parser *p, struct arg *arg, struct span item)
{
	if (p->out->item_count == EXPR_ITEMS_MAX)
		return expr_error(p->err, p->text, item, NULL, "more than %d values",
		                  EXPR_ITEMS_MAX);
	if (!arg->items++)
		arg->first_item = p->out->item_count;
	p->out->items[p->out->item_count++] = item;
	return 0;
}

/* 'text', quotes included in the span. */
static int take_quoted(struct parser *p, struct span *out)
{
	char quote = p->text[p->at];

	out->at = p->at++;
	while (p->text[p->at] && p->text[p->at] != quote)
		p->at++;
	if (!p->text[p->at])
		return expr_error(p->err, p->text, *out, NULL,
		                  "this text has no closing %c", quote);
	p->at++;
	out->len = p->at - out->at;
	return 0;
}

static int take_atom(struct parser *p, struct span *out)
{
	char c = peek(p);

	if (c == '\'' || c == '"')
		return take_quoted(p, out);
	*out = take_while(p, is_atom_letter);
	if (!out->len)
		return fail_here(p, NULL, "a value is expected");
	return 0;
}

/* The values inside inc(...), rand(...), list(...) and imix(...). */
static int take_items(struct parser *p, struct arg *arg)
{
	struct span item;
	int err;

	do {
		p->at++;
		err = take_atom(p, &item);
		if (!err)
			err = add_item(p, arg, item);
		if (err)
			return err;
	} while (peek(p) == ',');
	if (peek(p) != ')')
		return fail_here(p, NULL, "',' or ')' is expected");
	p->at++;
	return 0;
}

static int take_value(struct parser *p, struct arg *arg)
{
	struct span atom;
	int err;

	err = take_atom(p, &atom);
	if (err)
		return err;
	arg->whole.at = atom.at;
	if (peek(p) == '(') {
		arg->function = atom;
		err = take_items(p, arg);
	} else {
		err = add_item(p, arg, atom);
	}
	arg->whole.len = p->at - arg->whole.at;
	return err;
}

static int take_arg(struct parser *p)
{
	struct arg *arg = &p->out->args[p->out->arg_count];
	struct span name;
	unsigned start;

	peek(p);
	start = p->at;
	if (p->out->arg_count == EXPR_ARGS_MAX)
		return expr_error(p->err, p->text, (struct span){start, 1}, NULL,
		                  "more than %d fields", EXPR_ARGS_MAX);
	p->out->arg_count++;
	*arg = (struct arg){0};
	name = take_while(p, is_name_letter);
	if (name.len && peek(p) == '=') {
		arg->name = name;
		p->at++;
	} else {
		p->at = start;
	}
	return take_value(p, arg);
}

static int take_args(struct parser *p, struct layer_expr *layer)
{
	int err;

	p->at++;
	if (peek(p) == ')') {
		p->at++;
		return 0;
	}
	for (;;) {
		err = take_arg(p);
		if (err)
			return err;
		layer->args++;
		if (peek(p) == ')')
			break;
		if (peek(p) != ',')
			return fail_here(p, "fields are written name=value, with commas",
			                 "',' or ')' is expected");
		p->at++;
	}
	p->at++;
	return 0;
}

/* "hex:" digits: a layer whose one argument is the digits. */
static int take_hex(struct parser *p, struct layer_expr *layer)
{
	struct arg *arg = &p->out->args[p->out->arg_count];
	struct span digits;

	p->at++;
	digits = take_while(p, is_name_letter);
	if (!digits.len)
		return fail_here(p, "as in hex:deadbeef", "hex digits are expected");
	if (p->out->arg_count == EXPR_ARGS_MAX)
		return expr_error(p->err, p->text, digits, NULL, "more than %d fields",
		                  EXPR_ARGS_MAX);
	p->out->arg_count++;
	*arg = (struct arg){.whole = digits};
	layer->args = 1;
	return add_item(p, arg, digits);
}

static int take_layer(struct parser *p)
{
	struct layer_expr *layer = &p->out->layers[p->out->layer_count];
	int err = 0;

	peek(p);
	if (p->out->layer_count == EXPR_LAYERS_MAX)
		return expr_error(p->err, p->text, (struct span){p->at, 1}, NULL,
		                  "more than %d layers", EXPR_LAYERS_MAX);
	*layer = (struct layer_expr){.first_arg = p->out->arg_count};
	layer->name = take_while(p, is_name_letter);
	if (!layer->name.len)
		return fail_here(p, "as in eth/ip(dst=10.0.0.2)/udp(dport=9)",
		                 "the name of a layer is expected");
	if (span_is(p->text, layer->name, "hex") && p->text[p->at] == ':')
		err = take_hex(p, layer);
	else if (peek(p) == '(')
		err = take_args(p, layer);
	layer->whole = (struct span){layer->name.at, p->at - layer->name.at};
	p->out->layer_count++;
	return err;
}

static void start(struct parser *p, const char *text, struct expr *out,
                  struct packet_error *err)
{
	*p = (struct parser){.text = text, .out = out, .err = err};
	out->text = text;
	out->layer_count = out->arg_count = out->item_count = 0;
}

int expr_parse(const char *text, unsigned *at, struct expr *out, struct packet_error *err)
{
	struct parser p;
	int ret;

	start(&p, text, out, err);
	p.at = *at;
	for (;;) {
		ret = take_layer(&p);
		if (ret)
			return ret;
		if (!peek(&p) || peek(&p) == '+' || peek(&p) == '@') {
			*at = p.at;
			return 0;
		}
		if (peek(&p) != '/')
			return fail_here(&p, "layers are joined by '/', packets by '+'",
			                 "'/' or the end is expected");
		p.at++;
	}
}

/* "9" or "10kpps": up to a space or the '+' of the next packet */
static int take_setting(struct parser *p)
{
	struct arg *arg = &p->out->args[0];
	struct span word = {p->at, (unsigned)strcspn(p->text + p->at, " \t\n+")};

	if (!word.len)
		return fail_here(p, "as in @ 9 or @ 10kpps",
		                 "a weight or a rate is expected");
	*arg = (struct arg){.whole = word};
	p->out->arg_count = 1;
	p->at += word.len;
	return add_item(p, arg, word);
}

int expr_parse_settings(const char *text, unsigned *at, struct expr *out,
                        struct packet_error *err)
{
	struct layer_expr settings = {{0, 0}, {0, 0}, 0, 0};
	struct parser p;
	int ret;

	start(&p, text, out, err);
	p.at = *at;
	ret = peek(&p) == '(' ? take_args(&p, &settings) : take_setting(&p);
	if (!ret && peek(&p) && peek(&p) != '+')
		ret = fail_here(&p, "packets are joined by '+'",
		                "'+' or the end is expected");
	*at = p.at;
	return ret;
}

int expr_parse_value(const char *text, struct expr *out, struct packet_error *err)
{
	struct parser p;
	int ret;

	start(&p, text, out, err);
	out->args[0] = (struct arg){0};
	out->arg_count = 1;
	ret = take_value(&p, &out->args[0]);
	if (!ret && peek(&p))
		return fail_here(&p, NULL, "the end is expected");
	return ret;
}
