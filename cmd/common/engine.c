/* SPDX-License-Identifier: BSD-2-Clause */
/* A trial of two engines at the beginning of a run, whose packets count. */
#include "engine.h"
#include "clock.h"

#include <math.h>

/* Of each engine; the caches are warm and the host's clock has settled after some of it. */
#define TRIAL_NS (20 * NS_PER_MS)
/* Of the rate asked for: a queue that makes so much more while it works keeps it. */
#define KEEPS 1.1

/* What a queue could send if it had its CPU to itself and always something to send. */
static double capacity(const struct engine *e, const struct worker *worker)
{
	uint64_t busy = worker->tally[BUSY_NS] + worker->tally[FULL_NS];
	uint64_t away = sender_away_ns(e->sender);

	return busy > away
	               ? (double)worker->tally[TX_PACKETS] * 1e9 / (double)(busy - away)
	               : INFINITY;
}

/* A trial's packets by the queue; whether the queue is to go on without another look. */
static bool try_queue(struct engine *e, struct worker *worker)
{
	uint64_t began = now_ns(), took;
	bool goes_on = sender_go_on(e->sender, worker, began + TRIAL_NS);

	took = now_ns() - began;
	e->queues_pps = (double)worker->tally[TX_PACKETS] * 1e9 / (double)took;
	return !goes_on || (e->pps > 0 && capacity(e, worker) > e->pps * KEEPS);
}

/* The kernel takes over; it goes on to the end, or loses the trial. */
static void try_live(struct engine *e, struct worker *worker)
{
	struct flooder *f = e->flooder;
	uint64_t before = worker->tally[TX_PACKETS];

	f->trial_ns = TRIAL_NS;
	f->beat_pps = e->queues_pps;
	flooder_follow(f, e->sender->source, before,
	               e->pps > 0 ? worker->tally[TX_FIRST_NS] : 0);
	e->used = ENGINE_LIVE;
	flooder_run(f, worker);
	e->live_pps = f->pps;
	if (!f->was_beaten)
		return;
	e->used = ENGINE_QUEUES;
	sender_follow(e->sender, worker->tally[TX_PACKETS] - before);
	sender_go_on(e->sender, worker, UINT64_MAX);
	sender_finish(e->sender, worker);
}

void engine_run(struct engine *e, struct worker *worker)
{
	e->used = e->sender ? ENGINE_QUEUES : ENGINE_LIVE;
	if (!e->flooder) {
		sender_run(e->sender, worker);
		return;
	}
	if (!e->sender) {
		flooder_run(e->flooder, worker);
		return;
	}
	if (sender_start(e->sender, worker))
		return;
	if (try_queue(e, worker)) {
		sender_go_on(e->sender, worker, UINT64_MAX);
		sender_finish(e->sender, worker);
		return;
	}
	sender_settle(e->sender, worker);
	if (!*worker->failure)
		try_live(e, worker);
}
