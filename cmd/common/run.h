/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run: one thread per queue, each with its counters on its own cache lines, from the start
 * event to the end event.  It ends when every worker has returned; run_stop(), the end of
 * --for, SIGINT and SIGTERM ask them to.  The second SIGINT kills.
 */
#ifndef CMD_COMMON_RUN_H
#define CMD_COMMON_RUN_H

#include "options.h"
#include "report.h"

#include <pthread.h>

#define CACHE_LINE 64

struct worker {
	/* Written by the worker alone. */
	_Alignas(CACHE_LINE) uint64_t tally[TALLY_FIELDS];
	char failure[200]; /* why it gave up; "" if it did not */

	_Alignas(CACHE_LINE) struct run *run;
	void *context; /* the verb's */
	unsigned index;
	pthread_t thread;
};

struct run {
	/* The verb's, before run_workers() */
	uint64_t duration_ns; /* --for; 0: until stopped */
	uint64_t count;       /* --count; 0: no limit */
	uint64_t queues;      /* --queues; 0: the verb's default */
	struct cpu_list cpus; /* --cpus; worker i runs on the i-th, round and round */
	bool json;            /* --json */
	const char *result;   /* --result; NULL: none */
	void (*loop)(struct worker *worker);

	/* Of the machinery */
	uint64_t start_ns, end_ns; /* end: of --for, UINT64_MAX if none */
	int stop_fd;               /* readable once the run is to stop; for poll(2) */
	int done_fd;
	unsigned workers;
	_Alignas(CACHE_LINE) bool stopping;
	_Alignas(CACHE_LINE) uint64_t counted; /* by all workers, run_count() */
};

#define RUN_OPTION_ROWS(run)                                                             \
	ROW_DURATION("for", "TIME", &(run).duration_ns, 1, 0,                            \
	             "end after this time, as 5s or 500ms (default: at ^C)"),            \
		ROW_CPUS("cpus", "LIST", &(run).cpus,                                    \
	                 "place the queues' threads, in turn, on these CPUs, as 0,2-3"), \
		ROW_STRING("result", "FILE", &(run).result,                              \
	                   "write the result there, with configuration and\n"            \
	                   "environment, for rawq compare"),                             \
		ROW_FLAG("json", &(run).json,                                            \
	                 "print one JSON object a line: start, interval..., end")

/* What a thread does while nothing comes: enum poll_how. */
enum poll_how { POLL_SLEEP, POLL_BUSY };
extern const char *const poll_names[];

#define POLL_ROW(value)                                                                  \
	ROW_ENUM("poll", "HOW", value, poll_names,                                       \
	         "sleep when nothing comes, or keep the CPU busy (default: sleep)")

/* Run contexts[0..n) to the end and sum what they told.  Returns an exit_code: not EXIT_OK if a
 * worker gave up or a thread could not be had, which is printed. */
int run_workers(struct run *run, struct report *report, void *const *contexts, unsigned n,
                uint64_t *totals);

/* The CPUs that were asked for, as JSON. */
json_t *run_cpus_json(const struct run *run);

static inline bool run_goes_on(const struct run *run)
{
	return !__atomic_load_n(&run->stopping, __ATOMIC_RELAXED);
}

/* May be called by any thread, any number of times. */
void run_stop(struct run *run);

/* Add to what all workers count together towards --count; returns the sum. */
static inline uint64_t run_count(struct run *run, uint64_t n)
{
	return __atomic_add_fetch(&run->counted, n, __ATOMIC_RELAXED);
}

/* The main thread reads while a worker counts: single words, no order among them. */
static inline void tally_set(struct worker *worker, enum tally_field field,
                             uint64_t value)
{
	__atomic_store_n(&worker->tally[field], value, __ATOMIC_RELAXED);
}

static inline void tally_add(struct worker *worker, enum tally_field field, uint64_t n)
{
	tally_set(worker, field, worker->tally[field] + n);
}

/* A worker's way out when it cannot go on; the whole run stops. */
void worker_fail(struct worker *worker, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Sleep until fd has what it was armed for, the run is to stop, or timeout_ms is over. */
void worker_wait(struct worker *worker, const int *fds, const short *events, unsigned n,
                 int timeout_ms);

#endif
