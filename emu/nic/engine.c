/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: looks at doorbells, runs the queues that have work, polls the wires.
 *
 * In poll mode its thread does all of it.  In trap mode doorbells are served where they trap;
 * the thread is left with what time brings: wires, pacing, delayed doorbells, the clock page.
 */
#include "emu/nic/uar.h"

#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

/* WQEs of one queue before the next has its turn; frames of a wire likewise. */
#define SEND_BUDGET 256
#define WIRE_BUDGET 128

/* Idle: spin, then sleep longer and longer.  A wake-up costs about 5 us, so that one each ms is half
 * a percent of a core.  Sleeping beats sched_yield() where programs that poll outnumber the cores: who
 * wakes up comes before who spins, who yields waits for a whole time slice.  (Two raw_ethernet_bw on two
 * busy cores: 0.12 to 1.6 Mpps.) */
#define SPIN_ROUNDS  64
#define SLEEP_MIN_NS 5000u
#define SLEEP_MAX_NS 1000000u
#define TIMER_SLACK_NS                                                                   \
	1000u /* the kernel's default of 50 us is ten of the shortest sleeps */

/* One turn for each queue that is active now; those that stay so are linked again. */
static bool run_active(struct nic *nic)
{
	struct nic_sq *sq = nic->sqs_active;
	bool more = false;

	nic->sqs_active = NULL;
	while (sq) {
		struct nic_sq *next = sq->next_active;

		sq->active = false;
		if (sq_run(sq, SEND_BUDGET))
			more = true;
		if (sq->pi != sq->ci || sq->late_ns)
			sq_activate(sq);
		sq = next;
	}
	return more;
}

void engine_run_queues(struct nic *nic)
{
	while (nic->sqs_active && run_active(nic))
		;
	cq_flush_all(nic);
}

static void look_at_link(struct port *port, uint64_t now_ns)
{
	bool down = faults_link_down(port->nic->opts.faults, port->index, now_ns);

	if (down == port->link_forced_down)
		return;
	port->link_forced_down = down;
	wire_set_link(port->wire, !down);
}

/* What happens by the clock: the page that shows it, and the faults planned for a time. */
static void look_at_clock(struct nic *nic)
{
	uint64_t now;

	if (nic->opts.faults) {
		now = monotonic_ns() - nic->start_ns;
		atomic_store(&nic->clock_step, faults_clock(nic->opts.faults, now));
		for (unsigned i = 0; i < nic->opts.ports; i++) {
			if (nic->ports[i].wire)
				look_at_link(&nic->ports[i], now);
		}
	}
	if (nic->clock_page) {
		now = nic_clock(nic);
		__atomic_store_n(&nic->clock_page[0].raw, htobe32((uint32_t)(now >> 32)),
		                 __ATOMIC_RELEASE);
		__atomic_store_n(&nic->clock_page[1].raw, htobe32((uint32_t)now),
		                 __ATOMIC_RELEASE);
	}
}

static bool poll_wires(struct nic *nic)
{
	bool found = false;

	for (unsigned i = 0; i < nic->opts.ports; i++) {
		if (nic->ports[i].wire && wire_poll(nic->ports[i].wire, WIRE_BUDGET))
			found = true;
	}
	return found;
}

bool engine_sweep(struct nic *nic)
{
	bool found = false;

	if (nic->opts.mode == NIC_POLL) {
		for (struct nic_uar *uar = nic->uars; uar; uar = uar->next)
			found |= uar_scan(uar);
	}
	if (nic->sqs_active)
		found |= run_active(nic);
	found |= poll_wires(nic);
	for (struct nic_rq *rq = nic->rqs_watched ? nic->rqs_all : NULL; rq;
	     rq = rq->next)
		rq_watch(rq);
	cq_flush_all(nic);
	look_at_clock(nic);
	return found;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec t = {.tv_nsec = (long)ns};

	nanosleep(&t, NULL);
}

struct idle {
	unsigned rounds;
	uint64_t sleep_ns;
};

static void rest(struct idle *idle)
{
	if (idle->rounds++ < SPIN_ROUNDS)
		return;
	idle->sleep_ns = idle->sleep_ns ? 2 * idle->sleep_ns : SLEEP_MIN_NS;
	if (idle->sleep_ns > SLEEP_MAX_NS)
		idle->sleep_ns = SLEEP_MAX_NS;
	sleep_ns(idle->sleep_ns);
}

void *engine_thread(void *arg)
{
	struct nic *nic = arg;
	struct idle idle = {0};

	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);

	while (!atomic_load_explicit(&nic->stop, memory_order_relaxed)) {
		bool found;

		pthread_mutex_lock(&nic->lock);
		found = engine_sweep(nic);
		pthread_mutex_unlock(&nic->lock);
		while (atomic_load_explicit(&nic->waiting, memory_order_relaxed))
			sched_yield();
		if (found)
			idle = (struct idle){0};
		else
			rest(&idle);
	}
	return NULL;
}
