/* SPDX-License-Identifier: BSD-2-Clause */
/* The signature, prepared: what its CRC covers, and what of that CRC is the same for every packet. */
#include "compiled.h"

#include "hw/sig.h"

#include <errno.h>
#include <stdlib.h>

/* Each flow takes a sequence number per source. */
enum { FLOWS_MAX = 1 << 20 };

/* With more lengths than this the tables would not stay in the cache. */
enum { SHIFTS_MAX = 16 };

/* A tail shorter than this is summed as fast as it is looked up. */
enum { TAIL_MIN = 64 };

static int refuse(struct build *b, const char *why)
{
	struct span where = {0, 1};
	unsigned i;

	for (i = 0; i < b->placed_count; i++)
		if (b->placed[i].layer->content == CONTENT_SIG)
			where = b->placed[i].expr->whole;
	return expr_error(b->err, b->expr->text, where, NULL, "%s", why);
}

static int find_flow_edit(struct build *b)
{
	struct packet *p = b->packet;
	unsigned i;

	for (i = 0; i < p->edit_count; i++) {
		if (p->edits[i].at < p->sig_at)
			continue;
		if (p->edits[i].at != p->sig_at + 5)
			return refuse(b, "of a signature only the flow can vary");
		if (!p->edits[i].count || p->edits[i].count > FLOWS_MAX)
			return refuse(b, "more than 1048576 flows in one signature");
		p->flow_edit = (int)i;
	}
	return 0;
}

int sig_prepare(struct build *b)
{
	struct packet *p = b->packet;
	const uint8_t *before = b->content + p->sig_at + offsetof(struct hw_sig, before);
	unsigned covered, i;

	if (!p->sig_at)
		return 0;
	covered = (unsigned)(before[0] << 8 | before[1]);
	if (covered > p->sig_at)
		return refuse(
			b, "before= asks for more bytes than lie before the signature");
	p->sig_from = p->sig_at - covered;
	for (i = 0; i < p->sum_count; i++) {
		if (p->sums[i].kind != SUM_CRC32C || p->sums[i].at > p->sig_at)
			continue;
		if (p->sums[i].at >= p->sig_from)
			return refuse(b,
			              "before= reaches a CRC that covers the signature");
		p->sums[i].is_active = true;
		p->sig_first = true;
	}
	return find_flow_edit(b);
}

uint64_t sig_flows(const struct packet *p)
{
	return p->flow_edit < 0 ? 1 : p->edits[p->flow_edit].count;
}

int sig_prepare_template(const struct packet *p, struct template *t)
{
	unsigned behind = p->sig_at + (unsigned)sizeof(struct hw_sig);

	if (t->len - behind < TAIL_MIN || p->sizes.length_count > SHIFTS_MAX)
		return 0;
	t->shift = malloc(sizeof(*t->shift));
	if (!t->shift)
		return -ENOMEM;
	crc_shift_init(t->shift, t->len - behind + 4);
	t->crc_tail = crc32c(0, t->bytes + behind, t->len - behind);
	return 0;
}
