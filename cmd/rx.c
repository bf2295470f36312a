/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq rx: receive what a rule asks for and count it. */
#include "verbs.h"

#include "common/clock.h"
#include "common/frames.h"
#include "common/nic.h"
#include "common/patience.h"
#include "common/rule.h"
#include "common/run.h"
#include "common/truth.h"

#include "rawq.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST_MAX 1024
/* How often the queue's drop counters, a system call on xdp, are read. */
#define STATUS_NS (20 * NS_PER_MS)

static const char *const polls[] = {"sleep", "busy", NULL};
enum poll_how { POLL_SLEEP, POLL_BUSY };

static struct {
	struct run run;
	struct nic_choice choice;
	const char *rule;
	bool take_everything;
	uint64_t burst, depth, busy_poll;
	unsigned poll;
	struct truth_opts truth;
} opt = {.rule = "udp dport 9", .burst = 64, .depth = 512, .truth = TRUTH_DEFAULTS};

static const struct option_row options[] = {
	{.name = "rule",
         .metavar = "TEXT",
         .type = OPTION_STRING,
         .value = &opt.rule,
         .help = "what to take from the kernel (default: 'udp dport 9')"},
	{.name = "take-everything",
         .type = OPTION_FLAG,
         .value = &opt.take_everything,
         .help = "let the rule take what the kernel lives on: all, all IP, ARP.."},
	RUN_OPTION_ROWS(opt.run),
	{.name = "count",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.run.count,
         .min = 1,
         .help = "end after this many packets, as 1000 or 1M"},
	{.name = "queues",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.run.queues,
         .min = 1,
         .help = "receive queues (default: all that the netdev has)"},
	{.name = "poll",
         .metavar = "HOW",
         .type = OPTION_ENUM,
         .value = &opt.poll,
         .choices = polls,
         .help = "sleep when nothing comes, or keep the CPU busy (default: sleep)"},
	{.name = "busy-poll",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.busy_poll,
         .min = 1,
         .max = 65535,
         .help = "let the driver handle up to N packets inside our calls"},
	{.name = "burst",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.burst,
         .min = 1,
         .max = BURST_MAX,
         .help = "packets taken at once (default: 64)"},
	{.name = "depth",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.depth,
         .min = 2,
         .max = 1 << 20,
         .help = "descriptors of a queue, a power of two (default: 512)"},
	NIC_OPTION_ROWS(opt.choice),
	TRUTH_OPTION_ROWS(opt.truth),
	{.name = NULL},
};

/* One queue and its thread's things. */
struct receiver {
	struct rawq_rxq *q;
	const struct nic *nic;
	struct frames frames;
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
		            r->nic->info.netdev, worker->index + 1, strerror(-err));
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

	if (r->observer)
		observe(r->observer, r->base, pkts, n, realtime_ns());
	for (i = 0; i < n; i++) {
		r->frames.addr[r->frames.n++] = pkts[i].addr;
		bytes += pkts[i].len;
		more += !!(pkts[i].flags & RAWQ_MORE);
	}
	frames_post(&r->frames, r->q, n);
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
	uint64_t left = opt.depth;
	unsigned n = 1;

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
	struct nic nic;
	struct rawq_region *region;
	struct rawq_rule *rule;
	struct receiver *receivers;
	struct truth truth;
	unsigned queues;
	bool segments;
};

static int open_queue(struct rx *rx, unsigned i)
{
	struct rawq_queue_opts opts = {.size = sizeof(opts),
	                               .depth = (uint32_t)opt.depth,
	                               .offloads = rx->segments ? RAWQ_RX_SEGMENTS : 0,
	                               .number = i + 1,
	                               .busy_poll = (uint32_t)opt.busy_poll};
	struct receiver *r = &rx->receivers[i];
	unsigned frame_size = rawq_region_frame_size(rx->region);
	struct rawq_error err;

	r->nic = &rx->nic;
	r->base = rawq_region_base(rx->region);
	r->observer = opt.truth.off ? NULL : rx->truth.observer[i];
	if (rawq_rxq_create(rx->nic.port, rx->region, &opts, &r->q, &err))
		return fail_environment(&verb_rx, "%s", err.text);
	if (frames_init(&r->frames, (uint64_t)i * opt.depth * frame_size,
	                (unsigned)opt.depth, frame_size))
		return fail_environment(&verb_rx, "no memory");
	frames_post(&r->frames, r->q, r->frames.n);
	return EXIT_OK;
}

static int open_queues(struct rx *rx)
{
	struct rawq_region_opts opts = {.size = sizeof(opts)};
	struct rawq_error err;
	unsigned i;
	int code;

	opts.frame_size = nic_frame_size(&rx->nic, &rx->segments);
	opts.frames = rx->queues * (uint32_t)opt.depth;
	if (rawq_region_create(&opts, &rx->region, &err))
		return fail_environment(&verb_rx, "%s", err.text);
	rx->receivers = calloc(rx->queues, sizeof(*rx->receivers));
	if (!rx->receivers)
		return fail_environment(&verb_rx, "no memory");
	for (i = 0; i < rx->queues; i++) {
		code = open_queue(rx, i);
		if (code)
			return code;
	}
	return EXIT_OK;
}

static int add_rule(struct rx *rx, struct rawq_rule_opts *opts)
{
	struct rawq_error err;
	unsigned i;
	int ret;

	opts->queues = calloc(rx->queues, sizeof(struct rawq_rxq *));
	if (!opts->queues)
		return fail_environment(&verb_rx, "no memory");
	for (i = 0; i < rx->queues; i++)
		opts->queues[i] = rx->receivers[i].q;
	opts->queue_count = rx->queues;
	opts->take_everything = opt.take_everything;
	ret = rawq_rule_add(rx->nic.port, opts, &rx->rule, &err);
	free(opts->queues);
	if (ret == -EACCES)
		return fail_usage(&verb_rx, "%s", err.text);
	return ret ? fail_environment(&verb_rx, "%s", err.text) : EXIT_OK;
}

static void close_all(struct rx *rx)
{
	unsigned i;

	rawq_rule_remove(rx->rule);
	for (i = 0; rx->receivers && i < rx->queues; i++) {
		rawq_rxq_destroy(rx->receivers[i].q);
		frames_free(&rx->receivers[i].frames);
	}
	free(rx->receivers);
	truth_free(&rx->truth);
	rawq_region_destroy(rx->region);
	nic_close(&rx->nic);
}

static json_t *config_json(const struct rx *rx, uint32_t mode)
{
	json_t *config = nic_json(&rx->nic, mode);

	json_object_update_new(
		config,
		json_pack("{s:s, s:b, s:i, s:o, s:I, s:I, s:s, s:I, s:I, s:I}", "rule",
	                  opt.rule, "take_everything", opt.take_everything, "queues",
	                  rx->queues, "cpus", run_cpus_json(&opt.run), "burst",
	                  (json_int_t)opt.burst, "depth", (json_int_t)opt.depth, "poll",
	                  polls[opt.poll], "busy_poll_packets", (json_int_t)opt.busy_poll,
	                  "count", (json_int_t)opt.run.count, "for_ns",
	                  (json_int_t)opt.run.duration_ns));
	return config;
}

static int receive(struct rx *rx)
{
	struct report report = {.verb = &verb_rx,
	                        .json = opt.run.json,
	                        .rx = true,
	                        .tell = truth_tell,
	                        .context = &rx->truth};
	struct rawq_queue_info info;
	uint64_t totals[TALLY_FIELDS] = {0};
	void **contexts = calloc(rx->queues, sizeof(*contexts));
	char how[80];
	unsigned i;
	int code;

	if (!contexts)
		return fail_environment(&verb_rx, "no memory");
	for (i = 0; i < rx->queues; i++)
		contexts[i] = &rx->receivers[i];
	rawq_rxq_info(rx->receivers[0].q, &info);
	nic_describe(&rx->nic, info.mode, how, sizeof(how));
	snprintf(report.title, sizeof(report.title), "%s: '%s', %s, %u queue%s",
	         rx->nic.info.netdev, opt.rule, how, rx->queues,
	         rx->queues == 1 ? "" : "s");
	opt.run.loop = rx_loop;
	report_start(&report, config_json(rx, info.mode));
	code = run_workers(&opt.run, &report, contexts, rx->queues, totals);
	truth_finish(&rx->truth, totals, rx->nic.info.link_mbps);
	report_end(&report, totals, now_ns(), truth_json(&rx->truth));
	if (!opt.run.json)
		truth_print(&rx->truth, stdout);
	free(contexts);
	return code ? code : truth_verdict(&rx->truth);
}

static int init_truth(struct rx *rx)
{
	return truth_init(&rx->truth, &verb_rx, &opt.truth, rx->queues,
	                  opt.poll != POLL_BUSY);
}

static int rx_run(int argc, char **argv)
{
	struct rawq_rule_opts rule = {.size = sizeof(rule)};
	struct rule_error err;
	struct rx rx = {0};
	int code;

	(void)argc;
	if (rule_parse(opt.rule, &rule, &err))
		return fail_usage(&verb_rx, "--rule '%s': %s", opt.rule, err.text);
	if (opt.depth & (opt.depth - 1))
		return fail_usage(&verb_rx, "--depth %llu: give a power of two",
		                  (unsigned long long)opt.depth);
	code = nic_open(&verb_rx, argv[0], &opt.choice, &rx.nic);
	if (code)
		return code;
	rx.queues = nic_queues(&verb_rx, &rx.nic, opt.run.queues, true);
	code = rx.queues ? init_truth(&rx) : EXIT_ENVIRONMENT;
	if (!code)
		code = open_queues(&rx);
	if (!code)
		code = add_rule(&rx, &rule);
	if (!code)
		code = receive(&rx);
	close_all(&rx);
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
