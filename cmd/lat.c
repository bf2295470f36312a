/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rawq lat: send signed packets from one port and receive them at another, in one process with
 * one clock: loss to the last packet, and latency without a second machine's time.
 */
#include "verbs.h"

#include "common/clock.h"
#include "common/intake.h"
#include "common/packet/packet.h"
#include "common/patience.h"
#include "common/run.h"
#include "common/sender.h"
#include "common/truth.h"

#include "rawq.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define BURST_MAX 256
/* How often the queues' drop counters, system calls on xdp, are read. */
#define STATUS_NS (20 * NS_PER_MS)

static struct {
	struct run run;
	struct nic_choice choice;
	struct rate rate;
	const char *packet, *size;
	struct wish wish;
	uint64_t depth, settle_ns;
	unsigned poll, times;
	struct truth_opts truth;
} opt = {.rate = {RATE_PPS, 10000},
         .depth = 4096,
         .settle_ns = 200 * NS_PER_MS,
         .truth = TRUTH_DEFAULTS};

static const struct option_row options[] = {
	ROW_STRING("packet", "TEXT", &opt.packet,
                   "what to send, with sig() in it (default:\n"
                   "eth(dst=MAC of B)/ip/udp(dport=9)/sig())"),
	WISH_OPTION_ROWS(opt.wish, "what B takes (default: 'udp dport 9')"),
	ROW_RATE("rate", "RATE", &opt.rate, "as 1Mpps, 9.5Gbps or 30% (default: 10kpps)"),
	SIZES_ROW(&opt.size),
	RUN_OPTION_ROWS(opt.run),
	ROW_COUNT("count", "N", &opt.run.count, 1, 0,
                  "send exactly this many packets, as 1000 or 1M"),
	ROW_COUNT("queues", "N", &opt.run.queues, 1, 0,
                  "receive queues of B (default: all)"),
	ROW_DURATION("settle", "TIME", &opt.settle_ns, 0, 0,
                     "receive so long after the last packet was sent\n(default: 200ms)"),
	POLL_ROW(&opt.poll),
	TIMES_ROW(&opt.times),
	DEPTH_ROW(&opt.depth, " (default: 4096)"),
	TRUTH_OPTION_ROWS(opt.truth),
	NIC_OPTION_ROWS(opt.choice),
	{.name = NULL},
};

struct lat {
	const char *text;
	struct nic from;
	struct packet *packet;
	struct rawq_region *region; /* to send from */
	struct sender sender;
	struct departures departures;
	struct flow_plan plan; /* the sender's */
	struct intake in;
	struct truth truth;
	struct receiver *receivers;
	double pps;
	bool is_over; /* sent and settled; receivers leave */
};

/* A queue of B and its thread's things. */
struct receiver {
	struct lat *lat;
	struct intake_queue *queue;
	struct observer *observer;
	struct patience patience;
};

static int read_status(struct worker *worker, const struct receiver *r)
{
	struct rawq_queue_stats stats;
	int err = rawq_rxq_status(r->queue->rx, &stats);

	tally_set(worker, DROPPED, stats.no_frame + stats.full);
	tally_set(worker, ERRORS, stats.errors);
	if (err)
		worker_fail(worker, "%s: a receive queue stopped: %s",
		            r->lat->in.nic.info.netdev, strerror(-err));
	return err;
}

static void take_packets(struct worker *worker, struct receiver *r,
                         const struct rawq_pkt *pkts, unsigned n)
{
	struct frames *f = &r->queue->frames;
	uint64_t now = now_ns(), bytes = 0, more = 0;
	unsigned i;

	intake_answer(&r->lat->in, pkts, n);
	observe(r->observer, intake_base(&r->lat->in), pkts, n, realtime_ns());
	for (i = 0; i < n; i++) {
		f->addr[f->n++] = pkts[i].addr;
		bytes += pkts[i].len;
		more += !!(pkts[i].flags & RAWQ_MORE);
	}
	frames_post(f, r->queue->rx, n);
	if (!worker->tally[RX_FIRST_NS])
		tally_set(worker, RX_FIRST_NS, now);
	tally_set(worker, RX_LAST_NS, now);
	tally_add(worker, RX_BYTES, bytes);
	tally_add(worker, RX_PACKETS, n - more);
}

static void receive_loop(struct worker *worker, struct receiver *r)
{
	struct rawq_pkt pkts[BURST_MAX];
	uint64_t status_ns = now_ns(), now;
	short events = POLLIN;
	unsigned n = 1;
	int fd;

	while (n || !__atomic_load_n(&r->lat->is_over, __ATOMIC_RELAXED)) {
		n = rawq_rx_burst(r->queue->rx, pkts, BURST_MAX);
		if (n) {
			patience_paid(&r->patience);
			take_packets(worker, r, pkts, n);
		} else if (patience_over(&r->patience) && opt.poll == POLL_SLEEP) {
			fd = rawq_rxq_arm(r->queue->rx);
			if (fd >= 0)
				worker_wait(worker, &fd, &events, 1, 100);
		}
		now = now_ns();
		if (now - status_ns >= STATUS_NS) {
			status_ns = now;
			if (read_status(worker, r))
				return;
		}
	}
	read_status(worker, r);
}

static void lat_loop(struct worker *worker)
{
	struct lat *lat = worker->context;

	if (worker->index) {
		receive_loop(worker, &lat->receivers[worker->index - 1]);
		return;
	}
	sender_run(&lat->sender, worker);
	sleep_until_ns(now_ns() + opt.settle_ns);
	__atomic_store_n(&lat->is_over, true, __ATOMIC_RELAXED);
	run_stop(worker->run);
}

/* ---- set-up --------------------------------------------------------------- */

static int compile(struct lat *lat)
{
	const uint8_t *mac = opt.wish.has_mac ? opt.wish.mac : lat->in.nic.info.mac;
	struct packet_opts opts = {.sizes = opt.size, .seed = 1};
	struct packet_error err;
	char text[120];
	int ret;

	snprintf(text, sizeof(text),
	         "eth(dst=%02x:%02x:%02x:%02x:%02x:%02x)/ip/udp(dport=9)/sig()", mac[0],
	         mac[1], mac[2], mac[3], mac[4], mac[5]);
	memcpy(opts.src_mac, lat->from.info.mac, sizeof(opts.src_mac));
	ret = packet_compile(opt.packet ? opt.packet : text, &opts, &lat->packet, &err);
	if (ret == -EINVAL) {
		fputs("rawq lat: ", stderr);
		packet_error_print(stderr, &err);
		return EXIT_USAGE;
	}
	if (ret)
		return fail_environment(&verb_lat, "no memory");
	if (packet_has_rates(lat->packet))
		return fail_usage(&verb_lat,
		                  "'@' with a rate: here --rate says how fast");
	lat->pps = rate_pps(&opt.rate, packet_mean_length(lat->packet),
	                    lat->from.info.link_mbps);
	if (lat->pps <= 0)
		return fail_environment(
			&verb_lat,
			"--rate: %s has no link speed to take per cent of; "
			"give pps or bps",
			lat->from.info.netdev);
	return EXIT_OK;
}

static int open_sender(struct lat *lat)
{
	struct rawq_region_opts region = {.size = sizeof(region), .frame_size = 2048};
	struct rawq_queue_opts queue = {.size = sizeof(queue),
	                                .depth = (uint32_t)opt.depth};
	uint32_t longest = packet_longest(lat->packet), pieces;
	struct sender *s = &lat->sender;
	struct rawq_error err;

	while (region.frame_size < longest &&
	       region.frame_size < lat->from.info.frame_max)
		region.frame_size *= 2;
	pieces = (longest + region.frame_size - 1) / region.frame_size;
	region.frames = (uint32_t)opt.depth;
	queue.offloads =
		(pieces > 1 ? RAWQ_TX_SEGMENTS : 0) | (lat->in.times ? RAWQ_TX_TIME : 0);
	if (rawq_region_create(&region, &lat->region, &err) ||
	    nic_txq_create(&lat->from, lat->region, &queue, &s->q, &err))
		return fail_environment(&verb_lat, "%s", err.text);
	s->netdev = lat->from.info.netdev;
	s->departures = lat->in.times ? &lat->departures : NULL;
	/* a stamp is as old as the first packet of its burst */
	s->burst = 1;
	s->count = opt.run.count ? opt.run.count : UINT64_MAX;
	if (opt.run.duration_ns &&
	    ceil(lat->pps * (double)opt.run.duration_ns / 1e9) < (double)s->count)
		s->count = (uint64_t)ceil(lat->pps * (double)opt.run.duration_ns / 1e9);
	lat->plan = (struct flow_plan){
		.pps = lat->pps, .shape = {.burst = s->burst}, .count = s->count};
	s->plans = &lat->plan;
	s->plan_count = 1;
	s->senders = 1;
	if (sender_init(s, lat->packet, lat->region, 0, region.frames, pieces))
		return fail_environment(&verb_lat, "no memory");
	return EXIT_OK;
}

static int open_receivers(struct lat *lat)
{
	unsigned i;
	int code = truth_init(&lat->truth, &verb_lat, &opt.truth, lat->in.queues,
	                      opt.poll == POLL_SLEEP);

	if (code)
		return code;
	if (lat->in.times)
		truth_go_by_card(&lat->truth, &lat->departures,
		                 lat->in.nic.info.clock_step_ns);
	lat->receivers = calloc(lat->in.queues, sizeof(*lat->receivers));
	if (!lat->receivers)
		return fail_environment(&verb_lat, "no memory");
	for (i = 0; i < lat->in.queues; i++) {
		lat->receivers[i].lat = lat;
		lat->receivers[i].queue = &lat->in.queue[i];
		lat->receivers[i].observer = lat->truth.observer[i];
	}
	return EXIT_OK;
}

static json_t *config_json(const struct lat *lat)
{
	return json_pack("{s:o, s:o, s:s?, s:s?, s:s, s:f, s:I, s:I, s:s}", "from",
	                 nic_json(&lat->from, 0), "to",
	                 nic_json(&lat->in.nic, lat->in.mode), "packet", opt.packet,
	                 "size", opt.size, "rule", opt.wish.words, "asked_pps", lat->pps,
	                 "count", (json_int_t)opt.run.count, "for_ns",
	                 (json_int_t)opt.run.duration_ns, "poll", poll_names[opt.poll]);
}

static int measure(struct lat *lat)
{
	struct report report = {.verb = &verb_lat,
	                        .json = opt.run.json,
	                        .rx = true,
	                        .tx = true,
	                        .tell = truth_tell,
	                        .context = &lat->truth};
	struct truth_end end = {.asked_pps = lat->pps};
	uint64_t totals[TALLY_FIELDS] = {0};
	void **contexts = calloc(lat->in.queues + 1, sizeof(*contexts));
	unsigned i;
	int code;

	if (!contexts)
		return fail_environment(&verb_lat, "no memory");
	for (i = 0; i <= lat->in.queues; i++)
		contexts[i] = lat;
	snprintf(report.title, sizeof(report.title), "%s to %s: %s",
	         lat->from.info.netdev, lat->in.nic.info.netdev, lat->in.how);
	opt.run.loop = lat_loop;
	report_start(&report, config_json(lat));
	code = run_workers(&opt.run, &report, contexts, lat->in.queues + 1, totals);
	end.sent = totals[TX_PACKETS];
	truth_finish(&lat->truth, totals, &end);
	report_end(&report, totals, now_ns(), truth_json(&lat->truth));
	if (!opt.run.json)
		truth_print(&lat->truth, stdout);
	free(contexts);
	return code ? code : truth_verdict(&lat->truth);
}

static void close_all(struct lat *lat)
{
	nic_txq_destroy(&lat->from, lat->sender.q);
	sender_free(&lat->sender);
	rawq_region_destroy(lat->region);
	packet_free(lat->packet);
	nic_close(&lat->from);
	intake_close(&lat->in);
	free(lat->receivers);
	truth_free(&lat->truth);
}

static int lat_run(int argc, char **argv)
{
	struct intake_opts opts = {.verb = &verb_lat,
	                           .netdev = argv[1],
	                           .choice = &opt.choice,
	                           .queues = opt.run.queues,
	                           .depth = (uint32_t)opt.depth,
	                           .wish = &opt.wish};
	static struct lat lat;
	int code;

	(void)argc;
	if (!strcmp(argv[0], argv[1]))
		return fail_usage(&verb_lat,
		                  "give two interfaces; with an echo on the other "
		                  "side one is enough for rawq ping");
	code = wish_read(&verb_lat, &opt.wish, "udp dport 9");
	if (code)
		return code;
	code = nic_open(&verb_lat, argv[0], &opt.choice, &lat.from);
	opts.times = opt.times != TIMES_SOFTWARE && lat.from.info.clock &&
	             lat.from.info.tx_offloads & RAWQ_TX_TIME;
	opts.clock = lat.from.info.clock;
	if (!code)
		code = intake_open(&lat.in, &opts);
	if (!code && opt.times == TIMES_HARDWARE && !lat.in.times)
		code = fail_environment(
			&verb_lat,
			"--times hardware: %s and %s have no clock of one card", argv[0],
			argv[1]);
	if (!code)
		code = open_receivers(&lat);
	if (!code)
		code = compile(&lat);
	if (!code)
		code = open_sender(&lat);
	if (!code)
		code = intake_start(&lat.in, &opts);
	if (!code)
		code = measure(&lat);
	close_all(&lat);
	return code;
}

const struct verb verb_lat = {
	.name = "lat",
	.operands = "A B",
	.summary = "time packets from one port to another",
	.help = "  rawq lat eth0 eth1 --rate 30% --for 10s --expect 'loss==0,p99<50us'\n",
	.options = options,
	.operands_min = 2,
	.operands_max = 2,
	.run = lat_run,
};
