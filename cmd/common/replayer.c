/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of a replay: take the packets that are due, give them, reap, wait. */
#include "replayer.h"

#include "clock.h"

#include <sched.h>
#include <string.h>

#define LEN_MIN 14u
/* A wait longer than this sleeps, to wake up EARLY_NS before the next packet is due. */
#define SLEEP_NS (200 * NS_PER_US)
#define EARLY_NS (60 * NS_PER_US)
/* While packets are on their way the queue is reaped this often. */
#define REAP_EVERY_NS NS_PER_MS
/* The end of a run is looked at this often. */
#define LOOK_EVERY_NS (100 * NS_PER_MS)
#define DRAIN_NS      (2 * NS_PER_S)

/* The file again from its first packet, which is due a mean gap after the last one. */
static bool begin_loop(struct replayer *r)
{
	uint64_t took = r->last_ns - r->first_ns;

	if (r->loop && (!r->in_loop || (r->loops && r->loop == r->loops)))
		return false;
	if (r->loop && r->speed > 0 && r->in_loop > 1) {
		took += took / (r->in_loop - 1);
		r->base_ns += (uint64_t)((double)took / r->speed);
	}
	r->loop++;
	r->in_loop = 0;
	capture_rewind(r->capture);
	return true;
}

/* The next packet that can be sent; false when there is none any more. */
static bool peek(struct replayer *r)
{
	while (!r->has_next) {
		if (!capture_next(r->capture, &r->next)) {
			if (!begin_loop(r))
				return false;
			continue;
		}
		if (r->next.len < LEN_MIN || r->next.len > r->len_max) {
			r->skipped++;
			continue;
		}
		if (!r->in_loop++)
			r->first_ns = r->last_ns = r->next.time_ns;
		/* captures of several interfaces may run backwards a little */
		if (r->next.time_ns > r->last_ns)
			r->last_ns = r->next.time_ns;
		r->cut += r->next.len < r->next.original;
		r->has_next = true;
	}
	return true;
}

/* When the packet that was peeked at is due; 0: at once. */
static uint64_t due_ns(const struct replayer *r)
{
	if (r->pps > 0)
		return pacer_next_ns(&r->pacer);
	if (r->speed > 0)
		return r->base_ns +
		       (uint64_t)((double)(r->last_ns - r->first_ns) / r->speed);
	return 0;
}

static void write_packet(struct replayer *r)
{
	struct rawq_pkt *pkt = &r->pkts[r->pkt_count++];
	const uint8_t *base;
	uint64_t addr;
	uint8_t *frame;
	size_t size;

	*pkt = (struct rawq_pkt){.len = r->next.len};
	if (r->zero_copy) {
		base = capture_bytes(r->capture, &size);
		pkt->addr = (uint64_t)(r->next.bytes - base);
	} else {
		addr = r->frames.addr[--r->frames.n];
		frame = (uint8_t *)rawq_region_base(r->region) + addr;
		memcpy(frame, r->next.bytes, r->next.len);
		if (r->remap)
			pkt->len = remap_frame(r->remap, frame, r->next.len);
		pkt->addr = addr;
	}
	r->has_next = false;
	r->written++;
}

/* All that is due and has room; *next_ns: when more will be, UINT64_MAX at the end. */
static void write_burst(struct replayer *r, uint64_t now, uint64_t *next_ns)
{
	uint64_t due;

	r->first_pkt = r->pkt_count = 0;
	*next_ns = now;
	while (r->pkt_count < r->burst && (r->zero_copy || r->frames.n)) {
		if (r->written == r->count || !peek(r)) {
			*next_ns = UINT64_MAX;
			return;
		}
		due = due_ns(r);
		if (due > now) {
			*next_ns = due;
			return;
		}
		if (r->pps > 0 && !pacer_take(&r->pacer, now, 1, &due)) {
			*next_ns = pacer_next_ns(&r->pacer);
			return;
		}
		if (due) {
			r->timed++;
			r->late_total_ns += now - due;
			if (now - due > r->late_max_ns)
				r->late_max_ns = now - due;
		}
		write_packet(r);
	}
}

static unsigned give(struct replayer *r, struct worker *worker)
{
	const struct rawq_pkt *pkts = r->pkts + r->first_pkt;
	unsigned n = rawq_tx_burst(r->q, pkts, r->pkt_count - r->first_pkt), i;
	uint64_t bytes = 0;

	for (i = 0; i < n; i++)
		bytes += pkts[i].len;
	r->first_pkt += n;
	tally_add(worker, TX_BYTES, bytes);
	tally_add(worker, TX_PACKETS, n);
	return n;
}

static unsigned reap(struct replayer *r, struct worker *worker)
{
	uint64_t addrs[REPLAY_BURST_MAX];
	unsigned n = rawq_tx_reap(r->q, addrs, REPLAY_BURST_MAX);

	if (!r->zero_copy) {
		memcpy(r->frames.addr + r->frames.n, addrs, n * sizeof(*addrs));
		r->frames.n += n;
	}
	r->reaped += n;
	if (n)
		tally_set(worker, TX_COMPLETED, r->reaped);
	return n;
}

static bool is_broken(struct replayer *r, struct worker *worker)
{
	struct rawq_queue_stats stats;
	int err = rawq_txq_status(r->q, &stats);

	tally_set(worker, ERRORS, stats.errors);
	if (err)
		worker_fail(worker, "%s: the send queue stopped: %s", r->netdev,
		            strerror(-err));
	return err;
}

static void drain(struct replayer *r, struct worker *worker)
{
	uint64_t deadline = now_ns() + DRAIN_NS;

	while (r->reaped < worker->tally[TX_PACKETS]) {
		if (reap(r, worker)) {
			tally_set(worker, TX_LAST_NS, now_ns());
			continue;
		}
		if (now_ns() > deadline) {
			worker_fail(worker,
			            "%s: packets did not come back from the queue within "
			            "2 s",
			            r->netdev);
			return;
		}
		if (is_broken(r, worker))
			return;
		sched_yield();
	}
}

static void wait_until(const struct replayer *r, const struct worker *worker,
                       uint64_t due, uint64_t now)
{
	uint64_t until = due - EARLY_NS;

	if (due < now + SLEEP_NS)
		return;
	if (r->reaped < r->written && until > now + REAP_EVERY_NS)
		until = now + REAP_EVERY_NS;
	if (until > now + LOOK_EVERY_NS)
		until = now + LOOK_EVERY_NS;
	if (until > worker->run->end_ns)
		until = worker->run->end_ns;
	sleep_until_ns(until);
}

/* One turn; false when all has been given. */
static bool turn(struct replayer *r, struct worker *worker, uint64_t now)
{
	uint64_t next = now;
	unsigned waiting, given = 0;

	if (r->first_pkt == r->pkt_count)
		write_burst(r, now, &next);
	waiting = r->pkt_count - r->first_pkt;
	if (waiting)
		given = give(r, worker);
	if (given)
		tally_set(worker, TX_LAST_NS, now_ns());
	if (!reap(r, worker) && given < waiting) {
		tally_add(worker, FULL_NS, now_ns() - now);
		sched_yield();
		return !is_broken(r, worker);
	}
	if (given < waiting || r->first_pkt < r->pkt_count)
		return true;
	if (next == UINT64_MAX)
		return false;
	if (next > now)
		wait_until(r, worker, next, now);
	return true;
}

void replayer_run(struct replayer *r, struct worker *worker)
{
	const struct run *run = worker->run;
	uint64_t now = now_ns();

	begin_loop(r);
	r->base_ns = now;
	if (r->pps > 0)
		pacer_start_shaped(&r->pacer, r->pps, 0, 1, now,
		                   &(struct pace_shape){.burst = r->burst});
	tally_set(worker, TX_FIRST_NS, now);
	while (run_goes_on(run) && now < run->end_ns && turn(r, worker, now))
		now = now_ns();
	drain(r, worker);
}
