/* SPDX-License-Identifier: BSD-2-Clause */
/* Observing frames: the part that runs for every packet, and its setting up. */
#include "truth.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* A latency beyond is the clocks', not the network's. */
#define LATENCY_BELIEVED_NS (60 * NS_PER_S)

/* By the clock of the card that sent and received it; it cannot be longer than what we saw from
 * outside, unless a clock was set. */
static uint64_t card_latency(const struct observer *o, uint64_t sent_ns, uint64_t seen_ns)
{
	uint64_t left_ns = departures_await(o->truth->departures, sent_ns);

	if (!left_ns || !o->card_ns || o->card_ns - left_ns > seen_ns)
		return LATENCY_NONE;
	return o->card_ns - left_ns;
}

static uint64_t latency_of(struct observer *o, uint64_t sent_ns, uint64_t now_ns)
{
	uint64_t latency = now_ns - sent_ns;

	if (o->truth->departures && now_ns >= sent_ns)
		latency = card_latency(o, sent_ns, latency);
	if (now_ns < sent_ns || latency > LATENCY_BELIEVED_NS) {
		o->unbelieved++;
		return LATENCY_NONE;
	}
	histogram_add(&o->latency, latency);
	return latency;
}

static void observe_damage(struct observer *o, const struct signature *sig)
{
	o->damaged++;
	if (!sig->is_known ||
	    !account_damaged(o->truth->account, sig->flow, sig->sequence, sig->time_ns))
		o->damaged_unknown++;
	if (o->shown < DAMAGE_SHOWN)
		o->damage[o->shown++] = *sig;
}

static inline void observe_frame(struct observer *o, const uint8_t *frame, uint32_t len,
                                 uint64_t now_ns)
{
	struct signature sig;

	switch (signature_read(&o->memory, frame, len, &sig)) {
	case SIGNATURE_GOOD:
		o->last = sig;
		o->last_latency = latency_of(o, sig.time_ns, now_ns);
		account_packet(o->truth->account, sig.flow, sig.sequence, sig.time_ns,
		               o->last_latency);
		return;
	case SIGNATURE_DAMAGED:
		observe_damage(o, &sig);
		return;
	case SIGNATURE_NONE:
		o->unsigned_packets++;
	}
}

/* A descriptor of a packet that has several: they are put together first. */
static void observe_piece(struct observer *o, const uint8_t *piece,
                          const struct rawq_pkt *pkt, uint64_t now_ns)
{
	uint32_t room = (uint32_t)sizeof(o->whole) - o->assembled;
	uint32_t len = pkt->len < room ? pkt->len : room;

	if (!o->assembled)
		o->card_ns = pkt->flags & RAWQ_RX_TIME ? pkt->time_ns : 0;
	memcpy(o->whole + o->assembled, piece, len);
	o->assembled += len;
	if (pkt->flags & RAWQ_MORE)
		return;
	observe_frame(o, o->whole, o->assembled, now_ns);
	o->assembled = 0;
}

static inline void observe_one(struct observer *o, const uint8_t *frame,
                               const struct rawq_pkt *pkt, uint64_t now_ns)
{
	o->card_ns = pkt->flags & RAWQ_RX_TIME ? pkt->time_ns : 0;
	observe_frame(o, frame, pkt->len, now_ns);
}

void observe(struct observer *o, const uint8_t *base, const struct rawq_pkt *pkts,
             unsigned n, uint64_t now_ns)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (i + 1 < n)
			__builtin_prefetch(base + pkts[i + 1].addr);
		if (pkts[i].flags & RAWQ_MORE || o->assembled)
			observe_piece(o, base + pkts[i].addr, &pkts[i], now_ns);
		else
			observe_one(o, base + pkts[i].addr, &pkts[i], now_ns);
	}
}

/* ---- the error of the method ---------------------------------------------- */

enum { TRIALS = 200, TRIAL_GAP_US = 50, TRIAL_GAPS = 8 };

/* One thread wakes the other through a descriptor, as the kernel does a receiver, after gaps of
 * several lengths: a CPU sleeps deeper the longer it has nothing to do. */
struct waker {
	int fd;
	uint64_t called_ns; /* written before the descriptor is, read after it */
};

static void *call_again_and_again(void *arg)
{
	struct waker *w = arg;
	uint64_t one = 1;
	int i;

	for (i = 0; i < TRIALS; i++) {
		usleep(TRIAL_GAP_US * (1 + i % TRIAL_GAPS));
		__atomic_store_n(&w->called_ns, now_ns(), __ATOMIC_RELEASE);
		if (write(w->fd, &one, sizeof(one)) != sizeof(one))
			break;
	}
	return NULL;
}

/* Sleep for each call as worker_wait() does; what it took goes to the histogram. */
static void time_wakes(struct histogram *h)
{
	struct waker w = {.fd = eventfd(0, EFD_CLOEXEC)};
	struct pollfd p[2] = {{.fd = w.fd, .events = POLLIN},
	                      {.fd = w.fd, .events = POLLIN}};
	pthread_t caller;
	uint64_t calls = 0, n, woken;

	if (w.fd < 0 || pthread_create(&caller, NULL, call_again_and_again, &w))
		return;
	while (calls < TRIALS && poll(p, 2, -1) > 0) {
		woken = now_ns();
		histogram_add(h, woken - __atomic_load_n(&w.called_ns, __ATOMIC_ACQUIRE));
		if (read(w.fd, &n, sizeof(n)) != sizeof(n))
			break;
		calls += n;
	}
	pthread_join(caller, NULL);
	close(w.fd);
}

static void time_clock(struct histogram *h)
{
	uint64_t before = now_ns(), now;
	int i;

	for (i = 0; i < TRIALS * 10; i++) {
		now = now_ns();
		histogram_add(h, now - before);
		before = now;
	}
}

uint64_t method_error_ns(bool is_sleeping)
{
	struct histogram *h = malloc(sizeof(*h));
	uint64_t error = 0;

	if (!h)
		return 0;
	histogram_init(h);
	if (is_sleeping)
		time_wakes(h);
	else
		time_clock(h);
	error = histogram_at(h, 99, 100);
	free(h);
	return error;
}

/* ---- set-up --------------------------------------------------------------- */

static int make_observers(struct truth *truth, unsigned n)
{
	unsigned i;

	truth->observer = calloc(n, sizeof(struct observer *));
	if (!truth->observer)
		return fail_environment(truth->verb, "no memory");
	for (i = 0; i < n; i++) {
		truth->observer[i] = calloc(1, sizeof(struct observer));
		if (!truth->observer[i])
			return fail_environment(truth->verb, "no memory");
		truth->observers++;
		truth->observer[i]->truth = truth;
		histogram_init(&truth->observer[i]->latency);
	}
	return EXIT_OK;
}

static int make_account(struct truth *truth)
{
	struct account_opts opts = {.flows = (uint32_t)truth->opts.flows,
	                            .window = (uint32_t)truth->opts.window,
	                            .histograms = truth->opts.per_flow &&
	                                          truth->opts.histograms,
	                            .join = truth->opts.join};

	truth->account = account_create(&opts);
	if (truth->account)
		return EXIT_OK;
	return fail_environment(truth->verb,
	                        "no %zu bytes for the accounts; give fewer --flows or a "
	                        "smaller --window",
	                        account_memory(&opts));
}

int truth_init(struct truth *truth, const struct verb *verb,
               const struct truth_opts *opts, unsigned observers, bool is_sleeping)
{
	struct expect_error err = {""};
	int code;

	memset(truth, 0, sizeof(*truth));
	truth->verb = verb;
	truth->opts = *opts;
	truth_name_metrics(truth);
	if (opts->window & (opts->window - 1))
		return fail_usage(verb, "--window %" PRIu64 ": give a power of two",
		                  opts->window);
	if (opts->expect &&
	    expect_parse(opts->expect, truth->metrics, &truth->expect, &err))
		return fail_usage(verb, "--expect %s", err.text);
	code = make_account(truth);
	if (!code)
		code = make_observers(truth, observers);
	if (!code && !opts->off)
		truth->error_ns = method_error_ns(is_sleeping);
	truth->clock_ns = (int64_t)(realtime_ns() - now_ns());
	return code;
}

const char *const times_names[] = {"auto", "hardware", "software", NULL};

void truth_go_by_card(struct truth *truth, const struct departures *departures,
                      uint32_t clock_step_ns)
{
	truth->departures = departures;
	/* one step at each end, however coarse they are */
	truth->error_ns = 2 * (uint64_t)clock_step_ns;
}

void truth_free(struct truth *truth)
{
	unsigned i;

	for (i = 0; i < truth->observers; i++)
		free(truth->observer[i]);
	free(truth->observer);
	account_free(truth->account);
}
