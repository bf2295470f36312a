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

static int build_packet(struct build *b)
{
	int err;

	err = place_layers(b);
	if (!err)
		err = fill_content(b);
	if (!err)
		err = sizes_parse(b->opts->sizes, b->content_len, &b->packet->sizes,
		                  b->err);
	if (!err)
		err = make_templates(b);
	return err ? err : keep_layers(b);
}

int packet_compile(const char *text, const struct packet_opts *opts, struct packet **out,
                   struct packet_error *err)
{
	struct expr *expr = malloc(sizeof(*expr));
	struct build *b = calloc(1, sizeof(*b));
	struct packet *p = calloc(1, sizeof(*p));
	int ret = -ENOMEM;

	if (!expr || !b || !p)
		goto free_all;
	ret = expr_parse(text, expr, err);
	if (ret)
		goto free_all;
	*b = (struct build){.expr = expr, .opts = opts, .err = err, .packet = p};
	p->seed = opts->seed;
	p->flow_edit = -1;
	ret = build_packet(b);
	if (ret)
		goto free_all;
	*out = p;
	p = NULL;
free_all:
	packet_free(p);
	free(b);
	free(expr);
	return ret;
}

void packet_free(struct packet *p)
{
	unsigned i;

	if (!p)
		return;
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

	for (i = 0; i < p->sizes.length_count; i++)
		if (p->sizes.lengths[i] > longest)
			longest = p->sizes.lengths[i];
	return longest;
}

uint32_t packet_shortest(const struct packet *p)
{
	uint32_t i, shortest = PACKET_MAX;

	for (i = 0; i < p->sizes.length_count; i++)
		if (p->sizes.lengths[i] < shortest)
			shortest = p->sizes.lengths[i];
	return shortest;
}

double packet_mean_length(const struct packet *p)
{
	double total = 0;
	uint32_t i;

	for (i = 0; i < p->sizes.order_count; i++)
		total += p->sizes.lengths[p->sizes.order[i]];
	return total / p->sizes.order_count;
}

bool packet_is_constant(const struct packet *p)
{
	return !p->edit_count && !p->sig_at && p->sizes.order_count == 1;
}
