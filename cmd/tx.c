/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq tx: send packets, as fast as it goes or at a rate, to the packet and to the time. */
#include "verbs.h"

#include "common/clock.h"
#include "common/engine.h"
#include "common/nic.h"
#include "common/packet/packet.h"
#include "common/run.h"
#include "common/send_report.h"

#include "rawq.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 863's port: discarded by whoever it reaches. */
#define DEFAULT_PACKET "eth/ip/udp(dport=9)"

static struct {
	struct run run;
	struct nic_choice choice;
	struct rate rate;
	unsigned arrivals; /* enum arrivals */
	uint64_t train, gap_ns, ramp_ns;
	const char *size, *expect;
	unsigned engine; /* enum engine_kind */
	uint64_t burst, depth, seed;
} opt = {.burst = 64, .depth = 512, .seed = 1};

/* In the order of enum engine_kind. */
static const char *const engine_names[] = {"auto", "queues", "live", NULL};

enum arrivals { ARRIVALS_EVEN, ARRIVALS_POISSON };
static const char *const arrivals_names[] = {"even", "poisson", NULL};

static const struct option_row options[] = {
	ROW_RATE("rate", "RATE", &opt.rate,
                 "as 1Mpps, 9.5Gbps (frames without FCS) or 30% (of the link)\n"
                 "(default: as fast as it goes)"),
	ROW_ENUM("arrivals", "NAME", &opt.arrivals, arrivals_names,
                 "even; or poisson: exponentially distributed gaps (default: even)"),
	ROW_COUNT("train", "N", &opt.train, 1, SENDER_BURST_MAX,
                  "send N packets back to back, then pause as the rate demands"),
	ROW_DURATION("gap", "TIME", &opt.gap_ns, 1, 0,
                     "pause so long after each --train, within which --rate holds; or,\n"
                     "without a rate, it goes back to back"),
	ROW_DURATION("ramp", "TIME", &opt.ramp_ns, 1, 0,
                     "let the rate grow from 0 to --rate in this time"),
	RUN_OPTION_ROWS(opt.run),
	ROW_COUNT("count", "N", &opt.run.count, 1, 0,
                  "send exactly this many packets, as 1000 or 1M"),
	SIZES_ROW(&opt.size),
	SEND_EXPECT_ROW(&opt.expect),
	ROW_COUNT("queues", "N", &opt.run.queues, 1, 0,
                  "send queues, a thread each (default: 1)"),
	ROW_ENUM("engine", "NAME", &opt.engine, engine_names,
                 "queues; live: XDP live frames, made inside the kernel; or auto:\n"
                 "where there is no zero copy the first 20 ms of each, then the\n"
                 "faster one, unless queues keep the rate (default)"),
	BURST_ROW(&opt.burst, SENDER_BURST_MAX, "given"),
	DEPTH_ROW(&opt.depth, " (default: 512)"),
	SEED_ROW(&opt.seed),
	NIC_OPTION_ROWS(opt.choice),
	{.name = NULL},
};

/* Everything of a run; zero is what is not there. */
struct tx {
	const char *text;
	struct nic nic;
	struct packet *packet;
	struct rawq_region *region;
	struct sender *senders;
	struct flooder *flooders;
	struct engine *engines;   /* of both */
	char queues_because[256]; /* why there are no flooders after all, or "" */
	unsigned queues;
	struct flow_plan *plans; /* none: as fast as it goes */
	unsigned plan_count;
	double pps; /* of all plans */
	uint64_t count;
	struct send_expect expect;
};

static void engine_loop(struct worker *worker)
{
	engine_run(worker->context, worker);
}

static int compile(struct tx *tx)
{
	struct packet_opts opts = {.sizes = opt.size, .seed = opt.seed};
	struct packet_error err;
	int ret;

	memcpy(opts.src_mac, tx->nic.info.mac, sizeof(opts.src_mac));
	ret = packet_compile(tx->text, &opts, &tx->packet, &err);
	if (ret == -EINVAL) {
		fputs("rawq tx: ", stderr);
		packet_error_print(stderr, &err);
		return EXIT_USAGE;
	}
	return ret ? fail_environment(&verb_tx, "no memory") : EXIT_OK;
}

/* A rate in packets/s, and how many packets that makes. */
static int make_plan(struct tx *tx, struct flow_plan *plan, const struct rate *rate,
                     double mean_length, const struct pace_shape *shape)
{
	double wanted;

	*plan = (struct flow_plan){.shape = *shape, .count = UINT64_MAX};
	plan->shape.burst = (uint32_t)opt.burst;
	if (rate->unit != RATE_UNSET) {
		plan->pps = rate_pps(rate, mean_length, tx->nic.info.link_mbps);
		if (plan->pps <= 0)
			return fail_environment(
				&verb_tx,
				"%s has no link speed to take per cent of; give pps or "
				"bps",
				tx->nic.info.netdev);
	}
	tx->pps += plan->pps;
	wanted = ceil(pace_packets(plan->pps, &plan->shape, opt.run.duration_ns));
	if (opt.run.duration_ns && !plan->shape.poisson && plan->pps > 0)
		plan->count = (uint64_t)wanted;
	return EXIT_OK;
}

/* Each packet of the text at its own rate. */
static int plan_streams(struct tx *tx)
{
	const struct packet_stream *stream;
	struct pace_shape shape;
	unsigned i;
	int code = EXIT_OK;

	if (opt.rate.unit != RATE_UNSET || opt.train || opt.gap_ns || opt.ramp_ns ||
	    opt.arrivals != ARRIVALS_EVEN)
		return fail_usage(&verb_tx,
		                  "the packets have rates of their own: no --rate, "
		                  "--arrivals, --train, --gap or --ramp");
	for (i = 0; i < tx->plan_count && !code; i++) {
		stream = packet_stream(tx->packet, i);
		shape = stream->shape;
		shape.seed = opt.seed + i;
		code = make_plan(tx, &tx->plans[i], &stream->rate,
		                 packet_stream_mean_length(tx->packet, i), &shape);
	}
	return code;
}

static int plan_one(struct tx *tx)
{
	struct pace_shape shape = {.poisson = opt.arrivals == ARRIVALS_POISSON,
	                           .train = (uint32_t)opt.train,
	                           .gap_ns = opt.gap_ns,
	                           .ramp_ns = opt.ramp_ns,
	                           .seed = opt.seed};

	return make_plan(tx, tx->plans, &opt.rate, packet_mean_length(tx->packet),
	                 &shape);
}

/* What goes when, and how many that makes. */
static int make_plans(struct tx *tx)
{
	bool streams = packet_has_rates(tx->packet);
	uint64_t wanted = 0;
	unsigned i;
	int code;

	tx->count = opt.run.count ? opt.run.count : UINT64_MAX;
	if (!streams && opt.rate.unit == RATE_UNSET && !opt.gap_ns)
		return EXIT_OK;
	tx->plan_count = streams ? packet_count(tx->packet) : 1;
	tx->plans = calloc(tx->plan_count, sizeof(*tx->plans));
	if (!tx->plans)
		return fail_environment(&verb_tx, "no memory");
	code = streams ? plan_streams(tx) : plan_one(tx);
	for (i = 0; i < tx->plan_count && wanted < UINT64_MAX; i++)
		wanted = tx->plans[i].count == UINT64_MAX ? UINT64_MAX
		                                          : wanted + tx->plans[i].count;
	if (wanted < tx->count)
		tx->count = wanted;
	return code;
}

/* How many of the packets worker i sends. */
static uint64_t share(const struct tx *tx, unsigned i)
{
	return tx->count / tx->queues + (i < tx->count % tx->queues);
}

static int open_queue(struct tx *tx, unsigned i, uint32_t pieces)
{
	struct rawq_queue_opts opts = {.size = sizeof(opts),
	                               .depth = (uint32_t)opt.depth,
	                               .offloads = pieces > 1 ? RAWQ_TX_SEGMENTS : 0,
	                               .number = i + 1};
	struct sender *s = &tx->senders[i];
	struct rawq_error err;

	if (nic_txq_create(&tx->nic, tx->region, &opts, &s->q, &err))
		return fail_environment(&verb_tx, "%s", err.text);
	s->netdev = tx->nic.info.netdev;
	s->burst = (unsigned)opt.burst;
	s->count = share(tx, i);
	s->plans = tx->plans;
	s->plan_count = tx->plan_count;
	s->index = i;
	s->senders = tx->queues;
	if (sender_init(s, tx->packet, tx->region, i * (uint32_t)opt.depth,
	                (uint32_t)opt.depth, pieces))
		return fail_environment(&verb_tx, "no memory");
	return EXIT_OK;
}

static int open_queues(struct tx *tx)
{
	struct rawq_region_opts opts = {.size = sizeof(opts)};
	uint32_t longest = packet_longest(tx->packet);
	struct rawq_error err;
	unsigned i;
	int code;

	opts.frame_size = 2048;
	while (opts.frame_size < longest && opts.frame_size < tx->nic.info.frame_max)
		opts.frame_size *= 2;
	opts.frames = tx->queues * (uint32_t)opt.depth;
	if (rawq_region_create(&opts, &tx->region, &err))
		return fail_environment(&verb_tx, "%s", err.text);
	tx->senders = calloc(tx->queues, sizeof(*tx->senders));
	if (!tx->senders)
		return fail_environment(&verb_tx, "no memory");
	for (i = 0; i < tx->queues; i++) {
		code = open_queue(tx, i,
		                  (longest + opts.frame_size - 1) / opts.frame_size);
		if (code)
			return code;
	}
	return EXIT_OK;
}

static bool has_zero_copy(const struct tx *tx)
{
	struct rawq_queue_info info;

	rawq_txq_info(tx->senders[0].q, &info);
	return info.mode & RAWQ_ZERO_COPY;
}

/* Live frames go evenly, or as fast as it goes. */
static bool is_even(const struct tx *tx)
{
	const struct pace_shape *shape;

	if (tx->plan_count != 1)
		return !tx->plan_count;
	shape = &tx->plans[0].shape;
	return !shape->poisson && shape->train < 2 && !shape->gap_ns && !shape->ramp_ns &&
	       tx->pps > 0;
}

static bool wants_live(const struct tx *tx)
{
	if (opt.engine != ENGINE_AUTO)
		return opt.engine == ENGINE_LIVE;
	return is_even(tx) && tx->nic.info.backend == RAWQ_XDP && !has_zero_copy(tx);
}

static void close_queues(struct tx *tx)
{
	unsigned i;

	for (i = 0; tx->senders && i < tx->queues; i++) {
		nic_txq_destroy(&tx->nic, tx->senders[i].q);
		sender_free(&tx->senders[i]);
	}
	free(tx->senders);
	tx->senders = NULL;
}

static void close_floods(struct tx *tx)
{
	unsigned i;

	for (i = 0; tx->flooders && i < tx->queues; i++)
		flooder_free(&tx->flooders[i]);
	free(tx->flooders);
	tx->flooders = NULL;
}

static int open_floods(struct tx *tx)
{
	struct rawq_error err;
	unsigned i;
	int ret = 0;

	tx->flooders = calloc(tx->queues, sizeof(*tx->flooders));
	if (!tx->flooders)
		return fail_environment(&verb_tx, "no memory");
	for (i = 0; i < tx->queues && !ret; i++) {
		tx->flooders[i].netdev = tx->nic.info.netdev;
		tx->flooders[i].count = share(tx, i);
		ret = flooder_init(&tx->flooders[i], tx->nic.port, tx->packet, i,
		                   tx->queues, tx->pps, &err);
	}
	if (!ret)
		return EXIT_OK;
	close_floods(tx);
	if (opt.engine == ENGINE_LIVE)
		return fail_environment(&verb_tx, "%s", err.text);
	snprintf(tx->queues_because, sizeof(tx->queues_because), "%s", err.text);
	return EXIT_OK;
}

/* What there is for each worker to choose from. */
static int open_engines(struct tx *tx)
{
	unsigned i;
	int code = wants_live(tx) ? open_floods(tx) : EXIT_OK;

	if (code)
		return code;
	if (opt.engine == ENGINE_LIVE)
		close_queues(tx);
	tx->engines = calloc(tx->queues, sizeof(*tx->engines));
	if (!tx->engines)
		return fail_environment(&verb_tx, "no memory");
	for (i = 0; i < tx->queues; i++) {
		tx->engines[i].sender = tx->senders ? &tx->senders[i] : NULL;
		tx->engines[i].flooder = tx->flooders ? &tx->flooders[i] : NULL;
		tx->engines[i].pps = tx->pps / tx->queues;
	}
	return EXIT_OK;
}

static void close_all(struct tx *tx)
{
	free(tx->engines);
	close_floods(tx);
	close_queues(tx);
	free(tx->plans);
	rawq_region_destroy(tx->region);
	packet_free(tx->packet);
	nic_close(&tx->nic);
}

static json_t *config_json(const struct tx *tx, uint32_t mode)
{
	json_t *config = nic_json(&tx->nic, mode);

	json_object_update_new(
		config,
		json_pack("{s:s, s:s*, s:s, s:s?, s:f, s:f, s:i, s:o, s:I, s:I, s:I, "
	                  "s:I, s:I, s:s, s:I, s:I, s:I}",
	                  "engine",
	                  tx->flooders && tx->senders ? "auto"
	                  : tx->flooders              ? "live"
	                                              : "queues",
	                  "engine_reason",
	                  tx->queues_because[0] ? tx->queues_because : NULL, "packet",
	                  tx->text, "size", opt.size, "mean_length",
	                  packet_mean_length(tx->packet), "asked_pps", tx->pps, "queues",
	                  tx->queues, "cpus", run_cpus_json(&opt.run), "burst",
	                  (json_int_t)opt.burst, "depth", (json_int_t)opt.depth, "seed",
	                  (json_int_t)opt.seed, "count", (json_int_t)opt.run.count,
	                  "for_ns", (json_int_t)opt.run.duration_ns, "arrivals",
	                  arrivals_names[opt.arrivals], "train", (json_int_t)opt.train,
	                  "gap_ns", (json_int_t)opt.gap_ns, "ramp_ns",
	                  (json_int_t)opt.ramp_ns));
	return config;
}

static void describe(const struct tx *tx, struct rawq_queue_info *info, char *how,
                     size_t size)
{
	*info = (struct rawq_queue_info){0};
	if (!tx->senders) {
		snprintf(how, size, "xdp, live frames");
		return;
	}
	rawq_txq_info(tx->senders[0].q, info);
	nic_describe(&tx->nic, info->mode, how, size);
}

/* What the senders know of each packet that has a rate of its own. */
static struct flow_result *flow_results(const struct tx *tx)
{
	struct flow_result *flows = calloc(tx->plan_count, sizeof(*flows));
	unsigned i, k;

	for (k = 0; flows && k < tx->plan_count; k++) {
		flows[k].text = packet_text(tx->packet, k);
		flows[k].asked_pps = tx->plans[k].pps;
		for (i = 0; i < tx->queues; i++) {
			flows[k].given += tx->senders[i].flows[k].given;
			flows[k].completed += tx->senders[i].flows[k].completed;
		}
	}
	return flows;
}

/* What each worker tells besides its tally. */
static void gather(const struct tx *tx, struct send_result *r, uint64_t end_ns)
{
	const struct engine *e;

	histogram_init(&r->gaps);
	histogram_init(&r->late);
	for (e = tx->engines; e < tx->engines + tx->queues; e++) {
		r->queues_pps += e->queues_pps;
		r->live_pps += e->live_pps;
		r->live += e->used == ENGINE_LIVE;
		if (e->sender) {
			histogram_merge(&r->gaps, &e->sender->gaps);
			histogram_merge(&r->late, &e->sender->late);
			r->scheduled += schedule_due(&e->sender->schedule, end_ns);
		}
		if (e->flooder)
			flooder_times(e->flooder, &r->gaps, &r->late);
	}
}

/* Of the packets asked for none is given up that live frames have not. */
static void set_scheduled(struct send_result *r)
{
	if (r->live)
		r->scheduled = (uint64_t)ceil(r->asked_packets);
	if (r->scheduled < r->totals[TX_PACKETS])
		r->scheduled = r->totals[TX_PACKETS];
}

static int send_all(struct tx *tx)
{
	struct report report = {.verb = &verb_tx, .json = opt.run.json, .tx = true};
	struct send_result *r = calloc(1, sizeof(*r));
	void **contexts = calloc(tx->queues, sizeof(*contexts));
	struct flow_result *flows = NULL;
	struct rawq_queue_info info;
	uint32_t dropped;
	json_t *told;
	char how[80];
	unsigned i;
	int code, verdict;

	if (!contexts || !r) {
		free(contexts);
		free(r);
		return fail_environment(&verb_tx, "no memory");
	}
	for (i = 0; i < tx->queues; i++)
		contexts[i] = &tx->engines[i];
	describe(tx, &info, how, sizeof(how));
	snprintf(report.title, sizeof(report.title), "%s: %s, %s, %u queue%s",
	         tx->nic.info.netdev, tx->text, how, tx->queues,
	         tx->queues == 1 ? "" : "s");
	dropped = netdev_tx_dropped(tx->nic.info.netdev);
	opt.run.loop = engine_loop;
	report_start(&report, config_json(tx, info.mode));
	code = run_workers(&opt.run, &report, contexts, tx->queues, r->totals);
	r->nic = &tx->nic;
	r->mean_length = packet_mean_length(tx->packet);
	r->workers = tx->queues;
	r->plans = tx->plans;
	r->plan_count = tx->plan_count;
	r->netdev_dropped = netdev_tx_dropped(tx->nic.info.netdev) - dropped;
	if (packet_has_rates(tx->packet))
		r->flows = flows = flow_results(tx);
	r->flow_count = flows ? tx->plan_count : 0;
	gather(tx, r, r->totals[TX_LAST_NS]);
	send_judge(r);
	set_scheduled(r);
	told = send_json(r);
	verdict = send_expect_judge(&tx->expect, r, told);
	report_end(&report, r->totals, now_ns(), told);
	if (!opt.run.json)
		send_print(r, stdout);
	if (!opt.run.json)
		send_expect_judge(&tx->expect, r, NULL);
	free(flows);
	free(contexts);
	free(r);
	return code ? code : verdict;
}

/* Options that do not go together. */
static int check_options(void)
{
	bool even = opt.arrivals == ARRIVALS_EVEN;
	bool shaped = !even || opt.train > 1 || opt.ramp_ns;

	if (opt.depth & (opt.depth - 1))
		return fail_usage(&verb_tx, "--depth %" PRIu64 ": give a power of two",
		                  opt.depth);
	if (opt.gap_ns && !opt.train)
		return fail_usage(&verb_tx, "--gap is the pause behind a --train");
	if (opt.gap_ns && opt.ramp_ns)
		return fail_usage(&verb_tx, "--gap and --ramp exclude each other");
	if (shaped && opt.rate.unit == RATE_UNSET && !opt.gap_ns)
		return fail_usage(&verb_tx,
		                  "--arrivals, --train and --ramp shape a rate: "
		                  "give --rate");
	if (!even && (opt.train > 1 || opt.ramp_ns))
		return fail_usage(
			&verb_tx,
			"--arrivals poisson goes with neither --train nor --ramp");
	if ((shaped || opt.gap_ns) && opt.engine == ENGINE_LIVE)
		return fail_usage(&verb_tx, "--engine live paces evenly: no --arrivals, "
		                            "--train, --gap or --ramp");
	return EXIT_OK;
}

static int tx_run(int argc, char **argv)
{
	struct tx tx = {.text = argc > 1 ? argv[1] : DEFAULT_PACKET};
	int code = check_options();

	if (!code)
		code = send_expect_parse(&verb_tx, opt.expect, &tx.expect);
	if (!code)
		code = nic_open(&verb_tx, argv[0], &opt.choice, &tx.nic);
	if (code)
		return code;
	tx.queues =
		nic_queues(&verb_tx, &tx.nic, opt.run.queues ? opt.run.queues : 1, false);
	code = tx.queues ? compile(&tx) : EXIT_ENVIRONMENT;
	if (!code)
		code = make_plans(&tx);
	if (!code && opt.engine == ENGINE_LIVE && !is_even(&tx))
		code = fail_usage(&verb_tx, "--engine live has one even rate, or none");
	if (!code)
		code = open_queues(&tx);
	if (!code)
		code = open_engines(&tx);
	if (!code)
		code = send_all(&tx);
	close_all(&tx);
	return code;
}

const struct verb verb_tx = {
	.name = "tx",
	.operands = "IF [PACKET]",
	.summary = "send packets, at a rate or as fast as it goes",
	.help = "PACKET is text, as eth/ip(dst=10.0.0.2)/udp(dport=9); what it leaves "
		"out is\n"
		"filled in, checksums too.  Without one: " DEFAULT_PACKET
		", for nobody.\n\n"
		"  rawq tx eth0 'eth/ip(dst=10.0.0.2)/udp(dport=9)' --rate 1Mpps --for "
		"5s\n",
	.options = options,
	.operands_min = 1,
	.operands_max = 2,
	.run = tx_run,
};
