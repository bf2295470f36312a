/* SPDX-License-Identifier: BSD-2-Clause */
/* From a packet text to templates and edits. */
#include "compiled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_templates(struct build *b)
{
	struct packet *p = b->packet;
	uint64_t total = 0;
	uint8_t *bytes;
	uint32_t i;

	for (i = 0; i < p->sizes.length_count; i++)
		total += p->sizes.lengths[i];
	if (total > TEMPLATE_BYTES_MAX)
		return expr_error(b->err, b->opts->sizes, (struct span){0, 1}, NULL,
		                  "these lengths take more than %d MiB of templates",
		                  TEMPLATE_BYTES_MAX >> 20);
	p->templates = calloc(p->sizes.length_count, sizeof(*p->templates));
	bytes = p->bytes = malloc(total);
	if (!p->templates || !bytes)
		return -ENOMEM;
	for (i = 0; i < p->sizes.length_count; i++) {
		p->templates[i].len = p->sizes.lengths[i];
		p->templates[i].bytes = bytes;
		fill_template(b, &p->templates[i]);
		if (p->sig_at && sig_prepare_template(p, &p->templates[i]))
			return -ENOMEM;
		bytes += p->sizes.lengths[i];
	}
	return 0;
}

/* The places outlive the text that they came from. */
static int keep_layers(struct build *b)
{
	struct packet *p = b->packet;
	unsigned i;

	p->placed = malloc(b->placed_count * sizeof(*p->placed));
	if (!p->placed)
		return -ENOMEM;
	memcpy(p->placed, b->placed, b->placed_count * sizeof(*p->placed));
	p->placed_count = b->placed_count;
	for (i = 0; i < p->placed_count; i++)
		p->placed[i].expr = NULL;
	return 0;
}

static int plan_sizes(struct build *b)
{
	struct packet *p = b->packet;

	if (b->size)
		return sizes_plan(b->settings, b->size, b->content_len, &p->sizes,
		                  b->err);
	return sizes_parse(b->opts->sizes, b->content_len, &p->sizes, b->err);
}

static int build_packet(struct build *b)
{
	int err;

	err = place_layers(b);
	if (!err)
		err = fill_content(b);
	if (!err)
		err = plan_sizes(b);
	if (!err)
		err = make_templates(b);
	return err ? err : keep_layers(b);
}

/* The packet from *at on, and what stands behind its '@'. */
static int parse_one(const char *text, unsigned *at, struct build *b,
                     struct expr exprs[2])
{
	struct packet *p = b->packet;
	unsigned from = *at + (unsigned)strspn(text + *at, " \t\n");
	int ret = expr_parse(text, at, &exprs[0], b->err);

	b->expr = &exprs[0];
	b->settings = &exprs[1];
	if (!ret && text[*at] == '@') {
		++*at;
		ret = expr_parse_settings(text, at, &exprs[1], b->err);
		if (!ret)
			ret = stream_parse(&exprs[1], p, &b->size, b->err);
	}
	if (ret)
		return ret;
	p->text_at = from;
	p->text = strndup(text + from, *at - from);
	return p->text ? 0 : -ENOMEM;
}

static int compile_one(const char *text, unsigned *at, const struct packet_opts *opts,
                       struct packet **out, struct packet_error *err)
{
	struct expr *exprs = malloc(2 * sizeof(*exprs));
	struct build *b = calloc(1, sizeof(*b));
	struct packet *p = calloc(1, sizeof(*p));
	int ret = -ENOMEM;

	if (!exprs || !b || !p)
		goto free_all;
	*b = (struct build){.opts = opts, .err = err, .packet = p};
	p->seed = opts->seed;
	p->flow_edit = -1;
	p->weight = 1;
	ret = parse_one(text, at, b, exprs);
	if (!ret)
		ret = build_packet(b);
	if (ret)
		goto free_all;
	*out = p;
	p = NULL;
free_all:
	packet_free(p);
	free(b);
	free(exprs);
	return ret;
}

/* Whose turn it is, one packet after the other. */
static int plan_turns(struct packet *first, unsigned n)
{
	uint32_t weights[WEIGHTS_MAX];
	struct packet *p;
	unsigned i = 0;

	for (p = first; p; p = p->next) {
		weights[i++] = p->weight;
		first->turn_count += p->weight;
	}
	first->turns = calloc(first->turn_count, sizeof(*first->turns));
	if (!first->turns)
		return -ENOMEM;
	spread(weights, n, first->turns);
	return 0;
}

int packet_compile(const char *text, const struct packet_opts *opts, struct packet **out,
                   struct packet_error *err)
{
	struct packet_opts own = *opts;
	struct packet *first = NULL, **last = &first;
	unsigned at = 0, n = 0;
	int ret;

	for (;; at++, own.flow++, n++) {
		if (n == WEIGHTS_MAX)
			ret = expr_error(err, text, (struct span){at, 1}, NULL,
			                 "more than %d packets", WEIGHTS_MAX);
		else
			ret = compile_one(text, &at, &own, last, err);
		if (ret || !text[at])
			break;
		last = &(*last)->next;
	}
	if (!ret)
		ret = streams_check(first, text, err);
	if (!ret)
		ret = plan_turns(first, n + 1);
	if (ret)
		packet_free(first);
	else
		*out = first;
	return ret;
}

void packet_free(struct packet *p)
{
	unsigned i;

	if (!p)
		return;
	packet_free(p->next);
	free(p->text);
	free(p->turns);
	for (i = 0; i < EDITS_MAX; i++)
		free(p->lists[i]);
	for (i = 0; p->templates && i < p->sizes.length_count; i++)
		free(p->templates[i].shift);
	sizes_free(&p->sizes);
	free(p->placed);
	free(p->templates);
	free(p->bytes);
	free(p);
}

uint32_t packet_longest(const struct packet *p)
{
	uint32_t i, longest = 0;

	for (; p; p = p->next)
		for (i = 0; i < p->sizes.length_count; i++)
			if (p->sizes.lengths[i] > longest)
				longest = p->sizes.lengths[i];
	return longest;
}

uint32_t packet_shortest(const struct packet *p)
{
	uint32_t i, shortest = PACKET_MAX;

	for (; p; p = p->next)
		for (i = 0; i < p->sizes.length_count; i++)
			if (p->sizes.lengths[i] < shortest)
				shortest = p->sizes.lengths[i];
	return shortest;
}

static const struct packet *nth(const struct packet *p, unsigned i)
{
	while (i--)
		p = p->next;
	return p;
}

unsigned packet_count(const struct packet *p)
{
	unsigned n = 0;

	for (; p; p = p->next)
		n++;
	return n;
}

const char *packet_text(const struct packet *p, unsigned i)
{
	return nth(p, i)->text;
}

const struct packet_stream *packet_stream(const struct packet *p, unsigned i)
{
	return &nth(p, i)->stream;
}

bool packet_has_rates(const struct packet *p)
{
	return p->stream.has_rate;
}

double packet_stream_mean_length(const struct packet *p, unsigned i)
{
	double total = 0;
	uint32_t k;

	p = nth(p, i);
	for (k = 0; k < p->sizes.order_count; k++)
		total += p->sizes.lengths[p->sizes.order[k]];
	return total / p->sizes.order_count;
}

double packet_mean_length(const struct packet *p)
{
	double total = 0, weights = 0;

	for (; p; p = p->next) {
		total += p->weight * packet_stream_mean_length(p, 0);
		weights += p->weight;
	}
	return total / weights;
}

bool packet_is_constant(const struct packet *p)
{
	return !p->next && !p->edit_count && !p->sig_at && p->sizes.order_count == 1;
}
