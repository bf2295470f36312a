/* SPDX-License-Identifier: BSD-2-Clause */
/* Pacers side by side. */
#include "schedule.h"

#include <stdlib.h>

/* Taken of one pacer at once. */
enum { TAKE_MAX = 64 };

/* How many of count packets sender i of n sends. */
static uint64_t share(uint64_t count, unsigned i, unsigned n)
{
	return count == UINT64_MAX ? count : count / n + (i < count % n);
}

int schedule_init(struct schedule *s, const struct flow_plan *plans, unsigned count,
                  unsigned i, unsigned n, uint64_t now_ns)
{
	unsigned k;

	*s = (struct schedule){.count = count};
	if (!count)
		return 0;
	s->flows = calloc(count, sizeof(*s->flows));
	if (!s->flows)
		return -1;
	for (k = 0; k < count; k++) {
		pacer_start_shaped(&s->flows[k].pacer, plans[k].pps, i, n, now_ns,
		                   &plans[k].shape);
		s->flows[k].left = share(plans[k].count, i, n);
		s->flows[k].next_ns =
			s->flows[k].left ? pacer_next_ns(&s->flows[k].pacer) : UINT64_MAX;
	}
	return 0;
}

void schedule_free(struct schedule *s)
{
	free(s->flows);
	s->flows = NULL;
}

static struct scheduled_flow *earliest(const struct schedule *s)
{
	struct scheduled_flow *best = s->flows, *f;

	for (f = s->flows + 1; f < s->flows + s->count; f++)
		if (f->next_ns < best->next_ns)
			best = f;
	return best;
}

uint64_t schedule_next_ns(const struct schedule *s)
{
	return earliest(s)->next_ns;
}

static unsigned take_of(struct scheduled_flow *f, uint64_t now_ns, unsigned max,
                        unsigned flow, struct pick *picks)
{
	uint64_t due_ns[TAKE_MAX];
	unsigned n, i;

	if (max > TAKE_MAX)
		max = TAKE_MAX;
	n = pacer_take(&f->pacer, now_ns, max < f->left ? max : (unsigned)f->left,
	               due_ns);
	for (i = 0; i < n; i++)
		picks[i] = (struct pick){due_ns[i], flow};
	f->left -= n;
	f->next_ns = f->left ? pacer_next_ns(&f->pacer) : UINT64_MAX;
	return n;
}

unsigned schedule_take(struct schedule *s, uint64_t now_ns, unsigned max,
                       struct pick *picks)
{
	struct scheduled_flow *f;
	unsigned n = 0, got;

	while (n < max) {
		f = earliest(s);
		if (f->next_ns > now_ns)
			break;
		/* of several, one at a time: then the next one's turn may have come */
		got = take_of(f, now_ns, s->count > 1 ? 1 : max - n,
		              (unsigned)(f - s->flows), picks + n);
		n += got;
		if (!got)
			break;
	}
	return n;
}

void schedule_skip(struct schedule *s, uint64_t n)
{
	struct scheduled_flow *f = s->flows;

	if (!s->count)
		return;
	f->pacer.sent += n;
	f->left -= n < f->left ? n : f->left;
	f->next_ns = f->left ? pacer_next_ns(&f->pacer) : UINT64_MAX;
}

uint64_t schedule_due(const struct schedule *s, uint64_t now_ns)
{
	uint64_t sum = 0, due;
	unsigned k;

	for (k = 0; k < s->count; k++) {
		const struct scheduled_flow *f = &s->flows[k];

		due = pacer_scheduled(&f->pacer, now_ns);
		sum += due < f->pacer.sent + f->left ? due : f->pacer.sent + f->left;
	}
	return sum;
}
