/* SPDX-License-Identifier: BSD-2-Clause */
/* From names to a stack of layers: what the text left out is put below, offsets are fixed. */
#include "compiled.h"

#include "../options.h"

#include <errno.h>
#include <string.h>

/* Where an error about a layer points. */
static struct span name_of(const struct placed *p)
{
	return p->expr ? p->expr->name : (struct span){0, 1};
}

static int unknown_layer(struct build *b, struct span name)
{
	const char *names[64], *near;
	char word[32], hint[sizeof(b->err->hint)];
	size_t used = 0;
	unsigned n = 0;

	for (; n < 63 && layers[n].name; n++) {
		names[n] = layers[n].name;
		if (used < sizeof(hint))
			used += (size_t)snprintf(hint + used, sizeof(hint) - used, "%s%s",
			                         n ? " " : "layers: ", layers[n].name);
	}
	names[n] = NULL;
	snprintf(word, sizeof(word), "%.*s", (int)name.len, b->expr->text + name.at);
	near = nearest_name(word, names);
	if (near)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", near);
	return expr_error(b->err, b->expr->text, name, hint, "there is no layer '%s'",
	                  word);
}

/* Whether the text itself gives the field of `below` that names the next layer. */
static bool names_next(const struct build *b, const struct placed *below)
{
	const struct field *field;
	const struct arg *arg;
	unsigned i;

	for (i = 0; below->expr && i < below->expr->args; i++) {
		arg = &b->expr->args[below->expr->first_arg + i];
		field = layer_field(below->layer, b->expr->text + arg->name.at,
		                    arg->name.len);
		if (field && field->fill == FILL_NEXT)
			return true;
	}
	return false;
}

static bool can_ride(const struct build *b, const struct placed *below,
                     const struct layer *above)
{
	if (!below)
		return !above->below;
	if (above->content || below->layer->any_above)
		return true;
	if (below->layer->is_final)
		return false;
	return (above->id[below->layer->space] && below->layer->space) ||
	       names_next(b, below);
}

static int refuse_stack(struct build *b, const struct placed *below,
                        const struct layer_expr *expr)
{
	char hint[sizeof(b->err->hint)];
	const struct layer *layer;
	size_t used;

	used = (size_t)snprintf(hint, sizeof(hint), "inside %s:", below->layer->name);
	for (layer = layers; layer->name && used < sizeof(hint); layer++)
		if (can_ride(b, below, layer))
			used += (size_t)snprintf(hint + used, sizeof(hint) - used, " %s",
			                         layer->name);
	return expr_error(b->err, b->expr->text, expr->name, hint,
	                  "%.*s cannot be inside %s", (int)expr->name.len,
	                  b->expr->text + expr->name.at, below->layer->name);
}

static void push(struct build *b, const struct layer *layer,
                 const struct layer_expr *expr)
{
	b->placed[b->placed_count++] = (struct placed){.layer = layer, .expr = expr};
}

/* Put a layer on the stack, and below it what it needs: udp on eth becomes eth/ip/udp. */
static int stack_layer(struct build *b, const struct layer_expr *expr)
{
	struct placed *below = b->placed_count ? &b->placed[b->placed_count - 1] : NULL;
	const struct layer *chain[8], *layer;
	unsigned n = 0;

	layer = layer_find(b->expr->text + expr->name.at, expr->name.len);
	if (!layer)
		return unknown_layer(b, expr->name);
	chain[n++] = layer;
	while (!can_ride(b, below, chain[n - 1])) {
		if (!chain[n - 1]->below)
			return refuse_stack(b, below, expr);
		chain[n] = layer_find(chain[n - 1]->below,
		                      (unsigned)strlen(chain[n - 1]->below));
		n++;
	}
	while (--n)
		push(b, chain[n], NULL);
	push(b, layer, expr);
	return 0;
}

static int unknown_field(struct build *b, const struct placed *p, const struct arg *arg)
{
	char hint[sizeof(b->err->hint)], word[32];
	const char *names[EXPR_ARGS_MAX + 1], *near;
	size_t used;
	unsigned n = 0;

	used = (size_t)snprintf(hint, sizeof(hint), "fields of %s:", p->layer->name);
	for (; n < EXPR_ARGS_MAX && p->layer->fields[n].name; n++) {
		names[n] = p->layer->fields[n].name;
		if (used < sizeof(hint))
			used += (size_t)snprintf(hint + used, sizeof(hint) - used, " %s",
			                         names[n]);
	}
	names[n] = NULL;
	snprintf(word, sizeof(word), "%.*s", (int)arg->name.len,
	         b->expr->text + arg->name.at);
	near = nearest_name(word, names);
	if (near && n > 8)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", near);
	return expr_error(b->err, b->expr->text, arg->name, hint, "%s has no field '%s'",
	                  p->layer->name, word);
}

/* The field of an argument; NULL with *err filled. */
const struct field *arg_field(struct build *b, const struct placed *p,
                              const struct arg *arg)
{
	const struct field *field;

	if (!arg->name.len) {
		expr_error(b->err, b->expr->text, arg->whole,
		           "fields are written name=value", "%s: a value without a field",
		           p->layer->name);
		return NULL;
	}
	field = layer_field(p->layer, b->expr->text + arg->name.at, arg->name.len);
	if (!field)
		unknown_field(b, p, arg);
	return field;
}

/* Which optional groups are there, and how long the tail is. */
static int measure_args(struct build *b, struct placed *p, bool *group, unsigned *tail)
{
	const struct field *field;
	const struct arg *arg;
	uint8_t scratch[256];
	unsigned i;
	int n;

	for (i = 0; p->expr && i < p->expr->args; i++) {
		arg = &b->expr->args[p->expr->first_arg + i];
		field = arg_field(b, p, arg);
		if (!field)
			return -EINVAL;
		group[field->group] = true;
		if (field->kind != FIELD_BYTES)
			continue;
		n = bytes_parse(b->expr->text, b->expr->items[arg->first_item], scratch,
		                sizeof(scratch), b->err);
		if (n < 0)
			return n;
		*tail = (unsigned)n;
	}
	return 0;
}

static int measure_header(struct build *b, struct placed *p)
{
	const struct layer *layer = p->layer;
	bool group[GROUPS_MAX + 1] = {false};
	unsigned i, tail = 0;
	int err;

	err = measure_args(b, p, group, &tail);
	if (err)
		return err;
	p->header_len = layer->header_len;
	for (i = 1; i <= GROUPS_MAX; i++)
		if (group[i]) {
			p->group_at[i] = p->header_len;
			p->header_len += layer->group_len[i];
		}
	p->tail_at = p->header_len;
	p->header_len += tail;
	if (layer->tail_align)
		p->header_len += -p->header_len % layer->tail_align;
	return 0;
}

static int place_one(struct build *b, struct placed *p)
{
	int err;

	p->at = b->content_len;
	if (p->layer->content)
		err = content_place(b, p);
	else
		err = measure_header(b, p);
	if (err)
		return err;
	b->content_len += p->header_len;
	if (b->content_len > PACKET_MAX)
		return expr_error(b->err, b->expr->text, name_of(p), NULL,
		                  "the packet is longer than %d bytes", PACKET_MAX);
	return 0;
}

int place_layers(struct build *b)
{
	unsigned i;
	int err;

	for (i = 0; i < b->expr->layer_count; i++) {
		err = stack_layer(b, &b->expr->layers[i]);
		if (err)
			return err;
	}
	for (i = 0; i < b->placed_count; i++) {
		err = place_one(b, &b->placed[i]);
		if (err)
			return err;
	}
	return 0;
}
