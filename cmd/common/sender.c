/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of a send queue: write, give, reap, wait. */
#include "sender.h"
#include "clock.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* Taken back at once. */
#define REAP_MAX 256
/* A wait longer than this sleeps, to wake up EARLY_NS before the next packet is due. */
#define SLEEP_NS (200 * NS_PER_US)
#define EARLY_NS (60 * NS_PER_US)
/* While packets are on their way the queue is reaped this often. */
#define REAP_EVERY_NS NS_PER_MS
/* Turns without progress before the CPU is offered to whoever is to take the packets. */
#define TURNS_BEFORE_YIELD 32
/* How long the last packets may take. */
#define DRAIN_NS (2 * NS_PER_S)

int sender_init(struct sender *s, const struct packet *packet, struct rawq_region *region,
                uint32_t first, uint32_t frames, uint32_t frames_per_slot)
{
	unsigned n = frames / frames_per_slot, i;

	s->frame_size = rawq_region_frame_size(region);
	s->slot_size = s->frame_size * frames_per_slot;
	s->base = (uint8_t *)rawq_region_base(region) + (size_t)first * s->frame_size;
	s->offset = (uint64_t)first * s->frame_size;
	s->constant = packet_is_constant(packet);
	s->one_by_one = packet_has_rates(packet);
	histogram_init(&s->gaps);
	histogram_init(&s->late);
	s->source = packet_source_create(packet, s->index, s->senders);
	s->slots = calloc(n, sizeof(*s->slots));
	s->free = calloc(n, sizeof(*s->free));
	s->flows = calloc(s->plan_count + 1, sizeof(*s->flows));
	if (!s->source || !s->slots || !s->free || !s->flows)
		return -1;
	for (i = n; i-- > 0;)
		s->free[s->free_count++] = i;
	return 0;
}

void sender_free(struct sender *s)
{
	schedule_free(&s->schedule);
	packet_source_free(s->source);
	free(s->slots);
	free(s->free);
	free(s->flows);
}

/* Write one packet into a free slot, and its descriptors behind those that wait. */
static void write_packet(struct sender *s, unsigned flow)
{
	uint32_t slot = s->free[--s->free_count], left;
	uint64_t addr = s->offset + (uint64_t)slot * s->slot_size;
	uint8_t *frame = s->base + (size_t)slot * s->slot_size;
	struct slot *holds = &s->slots[slot];
	struct rawq_pkt *pkt;

	left = s->one_by_one ? packet_write_of(s->source, flow, frame, &holds->held)
	                     : packet_write(s->source, frame, &holds->held);
	for (;;) {
		pkt = &s->pkts[s->pkt_count++];
		*pkt = (struct rawq_pkt){.addr = addr, .len = left};
		if (left <= s->frame_size)
			break;
		pkt->len = s->frame_size;
		pkt->flags = RAWQ_MORE;
		addr += s->frame_size;
		left -= s->frame_size;
	}
	holds->last = addr;
	holds->flow = flow;
	holds->stamp_ns = s->stamp_ns;
	s->written++;
}

/* As many packets as are due, wanted and have room. */
static void write_burst(struct sender *s, uint64_t now)
{
	uint64_t n = s->count - s->written;
	unsigned i;

	s->first_pkt = s->pkt_count = s->first_pick = 0;
	if (n > s->burst)
		n = s->burst;
	if (n > s->free_count)
		n = s->free_count;
	if (s->plan_count)
		n = schedule_take(&s->schedule, now, (unsigned)n, s->picks);
	for (i = 0; i < n; i++)
		write_packet(s, s->plan_count ? s->picks[i].flow : 0);
}

/* When n paced packets were given to the queue, and how late that was. */
static void note_given(struct sender *s, unsigned n, uint64_t at_ns)
{
	const struct pick *pick = &s->picks[s->first_pick];
	unsigned i;

	for (i = 0; i < n; i++) {
		if (s->given_ns)
			histogram_add(&s->gaps, i ? 0 : at_ns - s->given_ns);
		histogram_add(&s->late, at_ns - pick[i].due_ns);
		s->flows[pick[i].flow].given++;
		s->given_ns = at_ns;
	}
	s->first_pick += n;
}

/* Give what waits; how many descriptors were taken. */
static unsigned give(struct sender *s, struct worker *worker)
{
	const struct rawq_pkt *pkts = s->pkts + s->first_pkt;
	uint64_t at_ns = s->plan_count ? now_ns() : 0;
	unsigned n = rawq_tx_burst(s->q, pkts, s->pkt_count - s->first_pkt);
	uint64_t bytes = 0, packets = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		bytes += pkts[i].len;
		packets += !(pkts[i].flags & RAWQ_MORE);
	}
	s->first_pkt += n;
	tally_add(worker, TX_BYTES, bytes);
	tally_add(worker, TX_PACKETS, packets);
	if (s->plan_count)
		note_given(s, (unsigned)packets, at_ns);
	return n;
}

static unsigned reap(struct sender *s, struct worker *worker)
{
	uint64_t addrs[REAP_MAX];
	unsigned n = rawq_tx_reap(s->q, addrs, REAP_MAX), i;
	uint32_t slot;

	for (i = 0; i < n; i++) {
		slot = (uint32_t)((addrs[i] - s->offset) / s->slot_size);
		if (addrs[i] != s->slots[slot].last)
			continue;
		if (s->departures)
			departures_add(s->departures, s->slots[slot].stamp_ns,
			               rawq_txq_time(s->q));
		s->free[s->free_count++] = slot;
		s->flows[s->slots[slot].flow].completed++;
		s->completed++;
	}
	if (n)
		tally_set(worker, TX_COMPLETED, s->completed);
	return n;
}

/* Offer the CPU to whoever is to take the packets. */
static void yield(struct sender *s)
{
	uint64_t before = now_ns();

	sched_yield();
	s->idle_ns += now_ns() - before;
}

/* Nothing is due: sleep if it is long, but not past the end, nor over packets on their way. */
static void wait_due(struct sender *s, const struct worker *worker, uint64_t now,
                     uint64_t end_ns)
{
	uint64_t until = schedule_next_ns(&s->schedule);

	if (until < now + SLEEP_NS)
		return;
	until -= EARLY_NS;
	if (s->completed < s->written && until > now + REAP_EVERY_NS)
		until = now + REAP_EVERY_NS;
	if (until > worker->run->end_ns)
		until = worker->run->end_ns;
	if (until > end_ns)
		until = end_ns;
	if (until > now + 100 * NS_PER_MS)
		until = now + 100 * NS_PER_MS; /* a signal may end the run */
	sleep_until_ns(until);
	s->idle_ns += now_ns() - now;
}

/* Why the queue takes no more; true if for ever. */
static bool is_broken(struct sender *s, struct worker *worker)
{
	struct rawq_queue_stats stats;
	int err = rawq_txq_status(s->q, &stats);

	tally_set(worker, ERRORS, stats.errors);
	if (err)
		worker_fail(worker, "%s: send queue %u stopped: %s", s->netdev,
		            s->index + 1, strerror(-err));
	return err;
}

/* The packets that the queue took and has not given back. */
static uint64_t outstanding(const struct sender *s, const struct worker *worker)
{
	return worker->tally[TX_PACKETS] - s->completed;
}

static void drain(struct sender *s, struct worker *worker)
{
	uint64_t deadline = now_ns() + DRAIN_NS, now;

	while (outstanding(s, worker)) {
		if (reap(s, worker)) {
			tally_set(worker, TX_LAST_NS, now_ns());
			continue;
		}
		now = now_ns();
		if (now > deadline)
			worker_fail(worker,
			            "%s: send queue %u: %llu packets did not come back "
			            "within 2 s",
			            s->netdev, s->index + 1,
			            (unsigned long long)outstanding(s, worker));
		if (now > deadline || is_broken(s, worker))
			return;
		yield(s);
	}
}

/* One turn of the loop: what its time went to, as a field of the tally; *moved: packets. */
static enum tally_field turn(struct sender *s, struct worker *worker, uint64_t now,
                             uint64_t end_ns, unsigned *moved)
{
	unsigned waiting;
	bool full;

	*moved = 0;
	if (s->first_pkt == s->pkt_count)
		write_burst(s, now);
	waiting = s->pkt_count - s->first_pkt;
	if (waiting)
		*moved = give(s, worker);
	full = *moved < waiting || (!waiting && !s->free_count);
	*moved += reap(s, worker);
	if (full)
		return FULL_NS;
	if (waiting || !s->plan_count)
		return BUSY_NS;
	wait_due(s, worker, now, end_ns);
	return WAIT_NS;
}

/* n or more turns without progress: whether the queue is broken, else let others run. */
static bool give_way(struct sender *s, struct worker *worker)
{
	if (is_broken(s, worker))
		return false;
	if (outstanding(s, worker))
		yield(s);
	return true;
}

uint64_t sender_away_ns(const struct sender *s)
{
	uint64_t took = now_ns() - s->began_ns;
	uint64_t had = thread_cpu_ns() - s->cpu_ns + s->idle_ns;

	return took > had ? took - had : 0;
}

static void note_away(struct sender *s, struct worker *worker)
{
	tally_add(worker, AWAY_NS, sender_away_ns(s));
}

static void begin_clocks(struct sender *s)
{
	s->began_ns = now_ns();
	s->cpu_ns = thread_cpu_ns();
	s->idle_ns = 0;
}

int sender_start(struct sender *s, struct worker *worker)
{
	begin_clocks(s);
	tally_set(worker, TX_FIRST_NS, s->began_ns);
	if (!schedule_init(&s->schedule, s->plans, s->plan_count, s->index, s->senders,
	                   s->began_ns))
		return 0;
	worker_fail(worker, "no memory for %u rates", s->plan_count);
	return -1;
}

bool sender_go_on(struct sender *s, struct worker *worker, uint64_t until_ns)
{
	const struct run *run = worker->run;
	uint64_t now = now_ns(), after;
	unsigned idle = 0, moved;
	enum tally_field field;

	while (run_goes_on(run) && now < run->end_ns &&
	       worker->tally[TX_PACKETS] < s->count) {
		if (now >= until_ns)
			return true;
		s->stamp_ns = s->constant ? 0 : real_ns();
		if (!s->constant)
			packet_source_set_time(s->source, s->stamp_ns);
		field = turn(s, worker, now, until_ns, &moved);
		after = now_ns();
		tally_add(worker, field, after - now);
		if (moved) {
			tally_set(worker, TX_LAST_NS, after);
			idle = 0;
		} else if (++idle % TURNS_BEFORE_YIELD == 0 && !give_way(s, worker)) {
			return false;
		}
		now = after;
	}
	return false;
}

void sender_settle(struct sender *s, struct worker *worker)
{
	uint64_t deadline = now_ns() + DRAIN_NS;

	while (s->first_pkt < s->pkt_count && now_ns() < deadline)
		if (!give(s, worker) && !reap(s, worker) && !give_way(s, worker))
			return;
	note_away(s, worker);
	drain(s, worker);
}

void sender_follow(struct sender *s, uint64_t n)
{
	begin_clocks(s);
	packet_source_skip(s->source, n);
	schedule_skip(&s->schedule, n);
	s->written += n;
	s->completed += n;
	if (s->plan_count) {
		s->flows[0].given += n;
		s->flows[0].completed += n;
	}
}

void sender_finish(struct sender *s, struct worker *worker)
{
	uint64_t next;

	note_away(s, worker);
	drain(s, worker);
	if (s->plan_count != 1)
		return;
	/* A packet takes its share of time: n of them take n / rate, not (n - 1) / rate. */
	next = pacer_next_ns(&s->schedule.flows[0].pacer);
	if (next > worker->tally[TX_LAST_NS])
		tally_set(worker, TX_LAST_NS, next);
}

void sender_run(struct sender *s, struct worker *worker)
{
	if (sender_start(s, worker))
		return;
	sender_go_on(s, worker, UINT64_MAX);
	sender_finish(s, worker);
}
