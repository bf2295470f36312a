/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq rx: receive what a rule asks for and count it. */
#include "verbs.h"

#include "common/clock.h"
#include "common/intake.h"
#include "common/patience.h"
#include "common/run.h"
#include "common/truth.h"

#include "rawq.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST_MAX 1024
/* How often the queue's drop counters, a system call on xdp, are read. */
#define STATUS_NS (20 * NS_PER_MS)

static struct {
	struct run run;
	struct nic_choice choice;
	struct wish wish;
	uint64_t burst, depth, busy_poll;
	unsigned poll;
	struct truth_opts truth;
} opt = {.burst = 64, .truth = TRUTH_DEFAULTS};

static const struct option_row options[] = {
	WISH_OPTION_ROWS(opt.wish,
                         "what to take from the kernel (default: 'udp dport 9')"),
	RUN_OPTION_ROWS(opt.run),
	ROW_COUNT("count", "N", &opt.run.count, 1, 0,
                  "end after this many packets, as 1000 or 1M"),
	ROW_COUNT("queues", "N", &opt.run.queues, 1, 0,
                  "receive queues (default: all that the netdev has)"),
	POLL_ROW(&opt.poll),
	BUSY_POLL_ROW(&opt.busy_poll),
	BURST_ROW(&opt.burst, BURST_MAX, "taken"),
	DEPTH_ROW(&opt.depth, "\n(default: room for 512 packets)"),
	NIC_OPTION_ROWS(opt.choice),
	TRUTH_OPTION_ROWS(opt.truth),
	{.name = NULL},
};

/* One queue and its thread's things. */
struct receiver {
	struct rawq_rxq *q;
	struct frames *frames;
	const struct intake *in;
	struct observer *observer; /* NULL: packets are counted only */
	const uint8_t *base;
	uint64_t status_ns; /* when the queue's status was last read */
	struct patience patience;
};

static int read_status(struct worker *worker, struct receiver *r)
{
	struct rawq_queue_stats stats;
	int err = rawq_rxq_status(r->q, &stats);

	tally_set(worker, DROPPED, stats.no_frame + stats.full);
	tally_set(worker, ERRORS, stats.errors);
	if (err)
		worker_fail(worker, "%s: receive queue %u stopped: %s",
		            r->in->nic.info.netdev, worker->index + 1, strerror(-err));
	return err;
}

/* Nothing came. */
static void rest(struct worker *worker, struct receiver *r)
{
	short events = POLLIN;
	int fd;

	if (!patience_over(&r->patience) || opt.poll == POLL_BUSY)
		return;
	fd = rawq_rxq_arm(r->q);
	if (fd >= 0)
		worker_wait(worker, &fd, &events, 1, 100);
}

/* How many descriptors to ask for, so that --count is met to the packet on one queue. */
static unsigned burst_size(const struct worker *worker)
{
	uint64_t have = worker->tally[RX_PACKETS];

	if (!opt.run.count || opt.run.count - have >= opt.burst)
		return (unsigned)opt.burst;
	return (unsigned)(opt.run.count - have);
}

static void take_packets(struct worker *worker, struct receiver *r,
                         const struct rawq_pkt *pkts, unsigned n, uint64_t now)
{
	uint64_t bytes = 0, more = 0;
	unsigned i;

	intake_answer(r->in, pkts, n);
	if (r->observer)
		observe(r->observer, r->base, pkts, n, realtime_ns());
	for (i = 0; i < n; i++) {
		r->frames->addr[r->frames->n++] = pkts[i].addr;
		bytes += pkts[i].len;
		more += !!(pkts[i].flags & RAWQ_MORE);
	}
	frames_post(r->frames, r->q, n);
	if (!worker->tally[RX_FIRST_NS])
		tally_set(worker, RX_FIRST_NS, now);
	tally_set(worker, RX_LAST_NS, now);
	tally_add(worker, RX_BYTES, bytes);
	tally_add(worker, RX_PACKETS, n - more);
	if (opt.run.count && run_count(worker->run, n - more) >= opt.run.count)
		run_stop(worker->run);
}

/* What came in before the end, no more than the queue holds. */
static void take_rest(struct worker *worker, struct receiver *r, struct rawq_pkt *pkts)
{
	unsigned left = r->in->depth, n = 1;

	while (n && left) {
		n = rawq_rx_burst(r->q, pkts, burst_size(worker));
		if (n)
			take_packets(worker, r, pkts, n, now_ns());
		left -= n < left ? n : left;
	}
}

static void rx_loop(struct worker *worker)
{
	struct receiver *r = worker->context;
	struct rawq_pkt pkts[BURST_MAX];
	uint64_t now;
	unsigned n;

	while (run_goes_on(worker->run)) {
		n = rawq_rx_burst(r->q, pkts, burst_size(worker));
		now = now_ns();
		if (n) {
			patience_paid(&r->patience);
			take_packets(worker, r, pkts, n, now);
		} else {
			rest(worker, r);
		}
		if (now >= worker->run->end_ns)
			break;
		if (now - r->status_ns >= STATUS_NS) {
			r->status_ns = now;
			if (read_status(worker, r))
				break;
		}
	}
	take_rest(worker, r, pkts);
	read_status(worker, r);
}

/* ---- set-up --------------------------------------------------------------- */

/* Everything of a run; zero is what is not there. */
struct rx {
	struct intake in;
	struct receiver *receivers;
	struct truth truth;
};

static int open_receivers(struct rx *rx)
{
	struct receiver *r;
	unsigned i;

	rx->receivers = calloc(rx->in.queues, sizeof(*rx->receivers));
	if (!rx->receivers)
		return fail_environment(&verb_rx, "no memory");
	for (i = 0; i < rx->in.queues; i++) {
		r = &rx->receivers[i];
		r->in = &rx->in;
		r->q = rx->in.queue[i].rx;
		r->frames = &rx->in.queue[i].frames;
		r->base = intake_base(&rx->in);
		r->observer = opt.truth.off ? NULL : rx->truth.observer[i];
	}
	return EXIT_OK;
}

static json_t *config_json(const struct rx *rx)
{
	json_t *config = intake_json(&rx->in, &opt.wish);

	json_object_update_new(
		config,
		json_pack("{s:b, s:i, s:o, s:I, s:I, s:s, s:I, s:I, s:I}",
	                  "take_everything", opt.wish.take_everything, "queues",
	                  rx->in.queues, "cpus", run_cpus_json(&opt.run), "burst",
	                  (json_int_t)opt.burst, "depth", (json_int_t)rx->in.depth,
	                  "poll", poll_names[opt.poll], "busy_poll_packets",
	                  (json_int_t)opt.busy_poll, "count", (json_int_t)opt.run.count,
	                  "for_ns", (json_int_t)opt.run.duration_ns));
	return config;
}

static int receive(struct rx *rx)
{
	struct report report = {.verb = &verb_rx,
	                        .json = opt.run.json,
	                        .rx = true,
	                        .tell = truth_tell,
	                        .context = &rx->truth};
	unsigned queues = rx->in.queues;
	uint64_t totals[TALLY_FIELDS] = {0};
	void **contexts = calloc(queues, sizeof(*contexts));
	unsigned i;
	int code;

	if (!contexts)
		return fail_environment(&verb_rx, "no memory");
	for (i = 0; i < queues; i++)
		contexts[i] = &rx->receivers[i];
	snprintf(report.title, sizeof(report.title), "%s: '%s', %s, %u queue%s",
	         rx->in.nic.info.netdev, opt.wish.words, rx->in.how, queues,
	         queues == 1 ? "" : "s");
	opt.run.loop = rx_loop;
	report_start(&report, config_json(rx));
	code = run_workers(&opt.run, &report, contexts, queues, totals);
	truth_finish(&rx->truth, totals,
	             &(struct truth_end){.link_mbps = rx->in.nic.info.link_mbps});
	report_end(&report, totals, now_ns(), truth_json(&rx->truth));
	if (!opt.run.json)
		truth_print(&rx->truth, stdout);
	free(contexts);
	return code ? code : truth_verdict(&rx->truth);
}

static int rx_run(int argc, char **argv)
{
	struct intake_opts opts = {.verb = &verb_rx,
	                           .netdev = argv[0],
	                           .choice = &opt.choice,
	                           .queues = opt.run.queues,
	                           .depth = opt.depth,
	                           .busy_poll = (uint32_t)opt.busy_poll,
	                           .wish = &opt.wish};
	struct rx rx = {0};
	int code;

	(void)argc;
	code = wish_read(&verb_rx, &opt.wish, "udp dport 9");
	if (code)
		return code;
	code = intake_open(&rx.in, &opts);
	if (!code)
		code = truth_init(&rx.truth, &verb_rx, &opt.truth, rx.in.queues,
		                  opt.poll != POLL_BUSY);
	if (!code)
		code = open_receivers(&rx);
	if (!code)
		code = intake_start(&rx.in, &opts);
	if (!code)
		code = receive(&rx);
	free(rx.receivers);
	truth_free(&rx.truth);
	intake_close(&rx.in);
	return code;
}

const struct verb verb_rx = {
	.name = "rx",
	.operands = "IF",
	.summary = "receive and count what a rule asks for",
	.help = "A rule is words that must all match:\n"
		"  all, dst-mac MAC, src-mac MAC, vlan ID, tagged, untagged, ethertype "
		"N,\n"
		"  arp, ip [src NET] [dst NET], ip6 [src NET] [dst NET], proto N, icmp,\n"
		"  udp|tcp|sctp [sport N] [dport N]\n"
		"What matches no longer reaches the kernel, until this ends.\n\n"
		"  rawq rx eth0 --rule 'ip dst 10.0.0.0/24 udp dport 9000' --for 10s\n",
	.options = options,
	.operands_min = 1,
	.operands_max = 1,
	.run = rx_run,
};
