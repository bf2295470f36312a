/* SPDX-License-Identifier: BSD-2-Clause */
/* While the worker is inside the kernel a thread beside it counts, and calls it back at the end. */
#include "flooder.h"

#include "clock.h"
#include "packet/edit_code.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* How often the packets are counted; until the first one more often: the kernel takes some 20 ms
 * to get ready. */
#define COUNT_EVERY_NS (50 * NS_PER_MS)
#define FIRST_EVERY_NS NS_PER_MS
/* How often a worker that is to return is told so. */
#define CALL_BACK_MS 5

int flooder_init(struct flooder *f, struct rawq_port *port, const struct packet *packet,
                 unsigned index, unsigned workers, double pps, struct rawq_error *err)
{
	struct edit_code code;
	struct rawq_flood_opts opts = {.size = sizeof(opts)};
	const char *why;
	int ret;

	if (pps > 0)
		opts.gap_ps = (uint64_t)(1e12 / pps * workers + 0.5);
	why = edit_code_build(packet, index, workers, opts.gap_ps, real_ns(), now_ns(),
	                      &code);
	if (why) {
		snprintf(err->text, sizeof(err->text), "no live frames: %s", why);
		return -ENOTSUP;
	}
	opts.frame = code.frame;
	opts.len = f->len = code.len;
	opts.edit = code.insns;
	opts.edit_count = packet_is_constant(packet) && !opts.gap_ps ? 0 : code.count;
	opts.state_size = code.state_size;
	f->gap_ps = opts.gap_ps;
	f->sequences_at = code.sequences_at;
	f->paced_at = code.paced_at;
	ret = rawq_flood_create(port, &opts, &f->flood, err);
	if (!ret && code.state_size)
		memcpy(rawq_flood_state(f->flood), code.state, code.state_size);
	edit_code_free(&code);
	return ret;
}

static struct edit_paced *paced(const struct flooder *f)
{
	uint8_t *state = rawq_flood_state(f->flood);

	return f->paced_at ? (void *)(state + f->paced_at) : NULL;
}

void flooder_follow(struct flooder *f, const struct packet_source *source, uint64_t n,
                    uint64_t start_ns)
{
	uint8_t *state = rawq_flood_state(f->flood);

	if (state)
		packet_source_position(source, (uint64_t *)(void *)state,
		                       f->sequences_at ? (void *)(state + f->sequences_at)
		                                       : NULL);
	if (paced(f))
		paced(f)->base_ns = start_ns;
	rawq_flood_skip(f->flood, n, start_ns);
	f->skipped = n;
}

void flooder_times(const struct flooder *f, struct histogram *gaps,
                   struct histogram *late)
{
	if (!paced(f))
		return;
	histogram_add_counts(gaps, paced(f)->gaps);
	histogram_add_counts(late, paced(f)->late);
}

void flooder_free(struct flooder *f)
{
	rawq_flood_destroy(f->flood);
}

/* Between the worker and the thread beside it. */
struct companion {
	struct flooder *flooder;
	struct worker *worker;
	pthread_t flooding;
	uint64_t counted_ns;
	bool done;      /* the worker has returned from the kernel */
	bool call_back; /* it is to */
};

static void count_sent(struct companion *c)
{
	struct flooder *f = c->flooder;
	uint64_t sent = rawq_flood_sent(f->flood);

	if (sent > f->skipped && !f->first_ns) {
		f->first_ns = c->counted_ns;
		if (!c->worker->tally[TX_FIRST_NS])
			tally_set(c->worker, TX_FIRST_NS, f->first_ns);
	}
	c->counted_ns = now_ns();
	tally_set(c->worker, TX_BYTES, sent * f->len);
	tally_set(c->worker, TX_COMPLETED, sent);
	tally_set(c->worker, TX_PACKETS, sent);
	tally_set(c->worker, TX_LAST_NS, c->counted_ns);
}

/* Whether the trial is over and lost. */
static bool is_beaten(struct companion *c)
{
	struct flooder *f = c->flooder;
	uint64_t took = c->counted_ns - f->first_ns;

	if (!f->trial_ns || !f->first_ns || f->pps > 0 || took < f->trial_ns)
		return false;
	f->pps = (double)(rawq_flood_sent(f->flood) - f->skipped) * 1e9 / (double)took;
	f->was_beaten = f->pps < f->beat_pps;
	return f->was_beaten;
}

static bool is_done(const struct companion *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_ACQUIRE);
}

/* How long until it is worth while to count again. */
static uint64_t next_look_ns(const struct companion *c)
{
	const struct flooder *f = c->flooder;
	double left_ns =
		(double)(f->count - rawq_flood_sent(f->flood)) * (double)f->gap_ps / 1000;

	if (!f->first_ns || (f->trial_ns && f->pps <= 0))
		return FIRST_EVERY_NS;
	if (!f->gap_ps || left_ns > (double)COUNT_EVERY_NS)
		return COUNT_EVERY_NS;
	return left_ns < (double)FIRST_EVERY_NS ? FIRST_EVERY_NS : (uint64_t)left_ns;
}

/* A paced packet takes its share of time, from when the first one was due. */
static void set_times(const struct companion *c)
{
	const struct flooder *f = c->flooder;
	uint64_t sent = rawq_flood_sent(f->flood), base;

	if (!paced(f) || sent == f->skipped)
		return;
	base = paced(f)->base_ns;
	if (!f->skipped)
		tally_set(c->worker, TX_FIRST_NS, base);
	if (sent >= f->count)
		tally_set(c->worker, TX_LAST_NS,
		          base + (uint64_t)((double)sent * (double)f->gap_ps / 1000));
}

static void *accompany(void *arg)
{
	struct companion *c = arg;
	const struct run *run = c->worker->run;
	struct pollfd stop = {.fd = run->stop_fd, .events = POLLIN};
	uint64_t now, every;

	while (!is_done(c) && run_goes_on(run) && (now = now_ns()) < run->end_ns) {
		count_sent(c);
		if (is_beaten(c) ||
		    rawq_flood_sent(c->flooder->flood) >= c->flooder->count)
			break;
		every = next_look_ns(c);
		if (now + every > run->end_ns)
			sleep_until_ns(run->end_ns);
		else
			poll(&stop, 1, (int)(every / NS_PER_MS));
	}
	/* The signal may come before the system call: again until it has been seen. */
	__atomic_store_n(&c->call_back, true, __ATOMIC_RELAXED);
	while (!is_done(c)) {
		pthread_kill(c->flooding, SIGUSR1);
		poll(NULL, 0, CALL_BACK_MS);
	}
	return NULL;
}

/* Its arrival alone matters: the system call returns. */
static void on_call_back(int number)
{
	(void)number;
}

void flooder_run(struct flooder *f, struct worker *worker)
{
	struct sigaction action = {.sa_handler = on_call_back};
	struct companion c = {f, worker, pthread_self(), now_ns(), false, false};
	uint64_t began = now_ns(), cpu = thread_cpu_ns(), took, had;
	pthread_t beside;
	int err;

	sigaction(SIGUSR1, &action, NULL);
	err = pthread_create(&beside, NULL, accompany, &c);
	if (err) {
		worker_fail(worker, "cannot start a thread: %s", strerror(err));
		return;
	}
	while (!__atomic_load_n(&c.call_back, __ATOMIC_RELAXED)) {
		err = rawq_flood_run(f->flood, f->count);
		if (err != -EINTR)
			break;
	}
	took = now_ns() - began;
	had = thread_cpu_ns() - cpu;
	__atomic_store_n(&c.done, true, __ATOMIC_RELEASE);
	pthread_join(beside, NULL);
	count_sent(&c);
	set_times(&c);
	tally_add(worker, BUSY_NS, took);
	if (took > had)
		tally_add(worker, AWAY_NS, took - had);
	if (err && err != -EINTR)
		worker_fail(worker, "%s: live frames: %s", f->netdev, strerror(-err));
}
