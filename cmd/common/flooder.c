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
	const char *why =
		edit_code_build(packet, index, workers, real_ns(), now_ns(), &code);
	int ret;

	if (why) {
		snprintf(err->text, sizeof(err->text), "no live frames: %s", why);
		return -ENOTSUP;
	}
	opts.frame = code.frame;
	opts.len = f->len = code.len;
	opts.edit = code.insns;
	opts.edit_count = packet_is_constant(packet) ? 0 : code.count;
	opts.state_size = code.state_size;
	if (pps > 0)
		opts.gap_ps = (uint64_t)(1e12 / pps * workers);
	ret = rawq_flood_create(port, &opts, &f->flood, err);
	if (!ret && code.state_size)
		memcpy(rawq_flood_state(f->flood), code.state, code.state_size);
	edit_code_free(&code);
	return ret;
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
	bool done; /* the worker has returned from the kernel */
};

static void count_sent(struct companion *c)
{
	uint64_t sent = rawq_flood_sent(c->flooder->flood);

	if (sent && !c->worker->tally[TX_FIRST_NS])
		tally_set(c->worker, TX_FIRST_NS, c->counted_ns);
	c->counted_ns = now_ns();
	tally_set(c->worker, TX_BYTES, sent * c->flooder->len);
	tally_set(c->worker, TX_COMPLETED, sent);
	tally_set(c->worker, TX_PACKETS, sent);
	tally_set(c->worker, TX_LAST_NS, c->counted_ns);
}

static bool is_done(const struct companion *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_ACQUIRE);
}

static void *accompany(void *arg)
{
	struct companion *c = arg;
	const struct run *run = c->worker->run;
	struct pollfd stop = {.fd = run->stop_fd, .events = POLLIN};
	uint64_t now, every;

	while (!is_done(c) && run_goes_on(run) && (now = now_ns()) < run->end_ns) {
		count_sent(c);
		every = c->worker->tally[TX_FIRST_NS] ? COUNT_EVERY_NS : FIRST_EVERY_NS;
		if (now + every > run->end_ns)
			sleep_until_ns(run->end_ns);
		else
			poll(&stop, 1, (int)(every / NS_PER_MS));
	}
	/* The signal may come before the system call: again until it has been seen. */
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
	struct companion c = {f, worker, pthread_self(), now_ns(), false};
	pthread_t beside;
	int err;

	sigaction(SIGUSR1, &action, NULL);
	err = pthread_create(&beside, NULL, accompany, &c);
	if (err) {
		worker_fail(worker, "cannot start a thread: %s", strerror(err));
		return;
	}
	while (run_goes_on(worker->run) && now_ns() < worker->run->end_ns) {
		err = rawq_flood_run(f->flood, f->count);
		if (err != -EINTR)
			break;
	}
	__atomic_store_n(&c.done, true, __ATOMIC_RELEASE);
	pthread_join(beside, NULL);
	count_sent(&c);
	if (err && err != -EINTR)
		worker_fail(worker, "%s: live frames: %s", f->netdev, strerror(-err));
}
