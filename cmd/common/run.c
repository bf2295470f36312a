/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads from start to end, signals, the second hand. */
#include "run.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Queues a worker may wait for at a time. */
#define WAIT_MAX 4

const char *const poll_names[] = {"sleep", "busy", NULL};

static void raise_fd(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* full: it is raised already */
}

void run_stop(struct run *run)
{
	__atomic_store_n(&run->stopping, true, __ATOMIC_RELAXED);
	raise_fd(run->stop_fd);
}

void worker_fail(struct worker *worker, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(worker->failure, sizeof(worker->failure), fmt, ap);
	va_end(ap);
	run_stop(worker->run);
}

void worker_wait(struct worker *worker, const int *fds, const short *events, unsigned n,
                 int timeout_ms)
{
	struct pollfd p[WAIT_MAX + 1];
	unsigned i;

	for (i = 0; i < n && i < WAIT_MAX; i++)
		p[i] = (struct pollfd){.fd = fds[i], .events = events[i]};
	p[i] = (struct pollfd){.fd = worker->run->stop_fd, .events = POLLIN};
	poll(p, i + 1, timeout_ms);
}

static int place(const struct run *run, unsigned i, pthread_attr_t *attr)
{
	cpu_set_t set;

	if (!run->cpus.count)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(run->cpus.cpu[i % run->cpus.count], &set);
	return pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;

	worker->run->loop(worker);
	raise_fd(worker->run->done_fd);
	return NULL;
}

static int start_worker(struct worker *worker)
{
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	err = place(worker->run, worker->index, &attr);
	if (!err)
		err = pthread_create(&worker->thread, &attr, worker_main, worker);
	pthread_attr_destroy(&attr);
	return err;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static uint64_t latest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void sum_tallies(const struct worker *workers, unsigned n, uint64_t *totals)
{
	uint64_t v;
	unsigned i, f;

	memset(totals, 0, TALLY_FIELDS * sizeof(*totals));
	for (i = 0; i < n; i++)
		for (f = 0; f < TALLY_FIELDS; f++) {
			v = __atomic_load_n(&workers[i].tally[f], __ATOMIC_RELAXED);
			if (f == TX_FIRST_NS || f == RX_FIRST_NS)
				totals[f] = earliest(totals[f], v);
			else if (f == TX_LAST_NS || f == RX_LAST_NS)
				totals[f] = latest(totals[f], v);
			else
				totals[f] += v;
		}
}

/* The first signal asks the run to end; the next one has its usual effect again. */
static void take_signal(struct run *run, int signal_fd, const sigset_t *signals)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	pthread_sigmask(SIG_UNBLOCK, signals, NULL);
	run_stop(run);
}

/* Wait for the workers' end, with a report a second. */
static void watch(struct run *run, struct report *report, const struct worker *workers,
                  int signal_fd, const sigset_t *signals)
{
	struct pollfd p[2] = {{.fd = signal_fd, .events = POLLIN},
	                      {.fd = run->done_fd, .events = POLLIN}};
	uint64_t next_ns = run->start_ns + NS_PER_S, totals[TALLY_FIELDS], now, ended;
	unsigned running = run->workers;

	while (running) {
		now = now_ns();
		if (now >= next_ns) {
			sum_tallies(workers, run->workers, totals);
			report_interval(report, totals, now);
			next_ns += NS_PER_S;
			continue;
		}
		poll(p, 2, (int)((next_ns - now) / NS_PER_MS) + 1);
		if (p[0].revents & POLLIN)
			take_signal(run, signal_fd, signals);
		if (p[1].revents & POLLIN &&
		    read(run->done_fd, &ended, sizeof(ended)) == sizeof(ended))
			running -= (unsigned)ended;
	}
}

static int open_fds(struct run *run, sigset_t *signals, int *signal_fd)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
	*signal_fd = signalfd(-1, signals, SFD_CLOEXEC);
	run->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	run->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *signal_fd < 0 || run->stop_fd < 0 || run->done_fd < 0 ? -errno : 0;
}

static void close_fds(struct run *run, const sigset_t *signals, int signal_fd)
{
	close(signal_fd);
	close(run->stop_fd);
	close(run->done_fd);
	pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

/* Start them all, or none for long. */
static int start_workers(struct run *run, struct report *report, struct worker *workers,
                         void *const *contexts, unsigned n)
{
	int err;

	for (run->workers = 0; run->workers < n; run->workers++) {
		struct worker *worker = &workers[run->workers];

		worker->run = run;
		worker->context = contexts[run->workers];
		worker->index = run->workers;
		err = start_worker(worker);
		if (!err)
			continue;
		run_stop(run);
		return fail_environment(
			report->verb, "cannot start thread %u%s: %s", worker->index,
			err == EINVAL && run->cpus.count ? " on that CPU (--cpus)" : "",
			strerror(err));
	}
	return EXIT_OK;
}

static int first_failure(const struct report *report, const struct worker *workers,
                         unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (*workers[i].failure)
			return fail_environment(report->verb, "%s", workers[i].failure);
	return EXIT_OK;
}

/* Before the run: afterwards it would be too late to say that it cannot be written. */
static int open_result(const struct run *run, struct report *report)
{
	if (!run->result)
		return EXIT_OK;
	report->result_fd = open(run->result, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (report->result_fd > 0)
		return EXIT_OK;
	report->result_fd = 0;
	return fail_environment(report->verb, "--result %s: %s", run->result,
	                        strerror(errno));
}

int run_workers(struct run *run, struct report *report, void *const *contexts, unsigned n,
                uint64_t *totals)
{
	struct worker *workers;
	sigset_t signals;
	int signal_fd, code;
	unsigned i;

	if (open_result(run, report))
		return EXIT_ENVIRONMENT;
	workers = aligned_alloc(CACHE_LINE, n * sizeof(*workers));
	if (!workers)
		return fail_environment(report->verb, "no memory for %u threads", n);
	memset(workers, 0, n * sizeof(*workers));
	if (open_fds(run, &signals, &signal_fd)) {
		code = fail_environment(report->verb, "no file descriptors: %s",
		                        strerror(errno));
		goto close;
	}
	run->start_ns = report->start_ns;
	run->end_ns = run->duration_ns ? run->start_ns + run->duration_ns : UINT64_MAX;
	code = start_workers(run, report, workers, contexts, n);
	watch(run, report, workers, signal_fd, &signals);
	for (i = 0; i < run->workers; i++)
		pthread_join(workers[i].thread, NULL);
	sum_tallies(workers, run->workers, totals);
	if (code == EXIT_OK)
		code = first_failure(report, workers, run->workers);
close:
	close_fds(run, &signals, signal_fd);
	free(workers);
	return code;
}

json_t *run_cpus_json(const struct run *run)
{
	json_t *cpus = json_array();
	unsigned i;

	for (i = 0; i < run->cpus.count; i++)
		json_array_append_new(cpus, json_integer(run->cpus.cpu[i]));
	return cpus;
}
