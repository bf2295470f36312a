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
	s->source = packet_source_create(packet, s->index, s->senders);
	s->slots = calloc(n, sizeof(*s->slots));
	s->free = calloc(n, sizeof(*s->free));
	if (!s->source || !s->slots || !s->free)
		return -1;
	for (i = n; i-- > 0;)
		s->free[s->free_count++] = i;
	return 0;
}

void sender_free(struct sender *s)
{
	packet_source_free(s->source);
	free(s->slots);
	free(s->free);
}

/* Write one packet into a free slot, and its descriptors behind those that wait. */
static void write_packet(struct sender *s)
{
	uint32_t slot = s->free[--s->free_count];
	uint64_t addr = s->offset + (uint64_t)slot * s->slot_size;
	uint32_t left = packet_write(s->source, s->base + (size_t)slot * s->slot_size,
	                             &s->slots[slot].held);
	struct rawq_pkt *pkt;

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
	s->slots[slot].last = addr;
	s->slots[slot].stamp_ns = s->stamp_ns;
	s->written++;
}

/* As many packets as are due, wanted and have room. */
static void write_burst(struct sender *s, uint64_t now)
{
	uint64_t n = s->count - s->written, due;

	s->first_pkt = s->pkt_count = 0;
	if (n > s->burst)
		n = s->burst;
	if (n > s->free_count)
		n = s->free_count;
	if (s->pps > 0) {
		due = pacer_due(&s->pacer, now);
		if (n > due)
			n = due;
		pacer_sent(&s->pacer, (unsigned)n);
	}
	while (n--)
		write_packet(s);
}

/* Give what waits; how many descriptors were taken. */
static unsigned give(struct sender *s, struct worker *worker)
{
	const struct rawq_pkt *pkts = s->pkts + s->first_pkt;
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
		s->completed++;
	}
	if (n)
		tally_set(worker, TX_COMPLETED, s->completed);
	return n;
}

/* Nothing is due: sleep if it is long, but not past the end, nor over packets on their way. */
static void wait_due(const struct sender *s, const struct worker *worker, uint64_t now)
{
	uint64_t until = pacer_next_ns(&s->pacer);

	if (until < now + SLEEP_NS)
		return;
	until -= EARLY_NS;
	if (s->completed < s->written && until > now + REAP_EVERY_NS)
		until = now + REAP_EVERY_NS;
	if (until > worker->run->end_ns)
		until = worker->run->end_ns;
	if (until > now + 100 * NS_PER_MS)
		until = now + 100 * NS_PER_MS; /* a signal may end the run */
	sleep_until_ns(until);
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

/* Wait for the last packets: what was sent is told only once it is known. */
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
		sched_yield();
	}
}

/* One turn of the loop; false when nothing moved. */
static bool turn(struct sender *s, struct worker *worker, uint64_t now)
{
	unsigned waiting, moved = 0;
	uint64_t after;
	bool full;

	if (s->first_pkt == s->pkt_count)
		write_burst(s, now);
	waiting = s->pkt_count - s->first_pkt;
	if (waiting)
		moved = give(s, worker);
	full = moved < waiting || (!waiting && !s->free_count);
	moved += reap(s, worker);
	after = now_ns();
	if (moved)
		tally_set(worker, TX_LAST_NS, after);
	if (full)
		tally_add(worker, FULL_NS, after - now);
	else if (!waiting && s->pps > 0)
		wait_due(s, worker, after);
	return moved;
}

void sender_run(struct sender *s, struct worker *worker)
{
	const struct run *run = worker->run;
	uint64_t now = now_ns();
	unsigned idle = 0;

	tally_set(worker, TX_FIRST_NS, now);
	if (s->pps > 0)
		pacer_start_shaped(&s->pacer, s->pps, s->index, s->senders, now,
		                   &s->shape);
	while (run_goes_on(run) && now < run->end_ns &&
	       worker->tally[TX_PACKETS] < s->count) {
		s->stamp_ns = s->constant ? 0 : real_ns();
		if (!s->constant)
			packet_source_set_time(s->source, s->stamp_ns);
		if (turn(s, worker, now))
			idle = 0;
		else if (++idle % TURNS_BEFORE_YIELD == 0) {
			if (is_broken(s, worker))
				return;
			if (outstanding(s, worker))
				sched_yield();
		}
		now = now_ns();
	}
	drain(s, worker);
	/* A packet takes its share of time: n of them take n / rate, not (n - 1) / rate. */
	if (s->pps > 0 && pacer_next_ns(&s->pacer) > worker->tally[TX_LAST_NS])
		tally_set(worker, TX_LAST_NS, pacer_next_ns(&s->pacer));
}
