/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq tx: send packets, as fast as it goes or at a rate, to the packet and to the time. */
#include "verbs.h"

#include "common/clock.h"
#include "common/flooder.h"
#include "common/nic.h"
#include "common/pace.h"
#include "common/packet/packet.h"
#include "common/run.h"
#include "common/sender.h"

#include "rawq.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* RFC 863's port: discarded by whoever it reaches. */
#define DEFAULT_PACKET "eth/ip/udp(dport=9)"
/* Of the rate that was asked for; a lower one is called missed. */
#define RATE_TOLERANCE 0.995

static struct {
	struct run run;
	struct nic_choice choice;
	struct rate rate;
	unsigned arrivals; /* enum arrivals */
	uint64_t train, ramp_ns;
	const char *size;
	unsigned engine; /* enum engine */
	uint64_t burst, depth, seed;
} opt = {.burst = 64, .depth = 512, .seed = 1};

/* Who makes the packets: this program, on queues; or the kernel, in XDP live frames. */
enum engine { ENGINE_AUTO, ENGINE_QUEUES, ENGINE_LIVE };
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
	ROW_DURATION("ramp", "TIME", &opt.ramp_ns, 1, 0,
                     "let the rate grow from 0 to --rate in this time"),
	RUN_OPTION_ROWS(opt.run),
	ROW_COUNT("count", "N", &opt.run.count, 1, 0,
                  "send exactly this many packets, as 1000 or 1M"),
	SIZES_ROW(&opt.size),
	ROW_COUNT("queues", "N", &opt.run.queues, 1, 0,
                  "send queues, a thread each (default: 1)"),
	ROW_ENUM("engine", "NAME", &opt.engine, engine_names,
                 "queues; live: XDP live frames, made inside the kernel; or auto:\n"
                 "live where there is no zero copy, unless the rate is low (default)"),
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
	struct flooder *flooders; /* instead of senders */
	char queues_because[256]; /* why it is queues after all, or "" */
	unsigned queues;
	double pps; /* asked; 0: as fast as it goes */
	struct pace_shape shape;
	uint64_t count;
	uint32_t netdev_dropped; /* the netdev's count before the run */
};

static void queue_loop(struct worker *worker)
{
	sender_run(worker->context, worker);
}

static void live_loop(struct worker *worker)
{
	flooder_run(worker->context, worker);
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

/* The rate in packets, and how many that makes. */
static int resolve_rate(struct tx *tx)
{
	double mean = packet_mean_length(tx->packet), wanted;

	tx->shape = (struct pace_shape){.poisson = opt.arrivals == ARRIVALS_POISSON,
	                                .train = (uint32_t)opt.train,
	                                .ramp_ns = opt.ramp_ns,
	                                .seed = opt.seed};
	tx->count = opt.run.count ? opt.run.count : UINT64_MAX;
	if (opt.rate.unit == RATE_UNSET)
		return EXIT_OK;
	tx->pps = rate_pps(&opt.rate, mean, tx->nic.info.link_mbps);
	if (tx->pps <= 0)
		return fail_environment(&verb_tx,
		                        "--rate: %s has no link speed to take per cent "
		                        "of; give pps or bps",
		                        tx->nic.info.netdev);
	wanted = ceil(pace_packets(tx->pps, &tx->shape, opt.run.duration_ns));
	if (opt.run.duration_ns && !tx->shape.poisson && wanted < (double)tx->count)
		tx->count = (uint64_t)wanted;
	return EXIT_OK;
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

	if (rawq_txq_create(tx->nic.port, tx->region, &opts, &s->q, &err))
		return fail_environment(&verb_tx, "%s", err.text);
	s->netdev = tx->nic.info.netdev;
	s->burst = (unsigned)opt.burst;
	s->count = share(tx, i);
	s->pps = tx->pps;
	s->shape = tx->shape;
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

/* Below this a queue keeps the rate as well, and does not keep a CPU busy for it. */
#define LIVE_PPS_MIN 500e3

static bool has_zero_copy(const struct tx *tx)
{
	struct rawq_queue_info info;

	rawq_txq_info(tx->senders[0].q, &info);
	return info.mode & RAWQ_ZERO_COPY;
}

static bool is_shaped(void)
{
	return opt.arrivals != ARRIVALS_EVEN || opt.train > 1 || opt.ramp_ns;
}

static bool wants_live(const struct tx *tx)
{
	if (is_shaped())
		return false;
	if (opt.engine != ENGINE_AUTO)
		return opt.engine == ENGINE_LIVE;
	return tx->nic.info.backend == RAWQ_XDP && !has_zero_copy(tx) &&
	       (tx->pps <= 0 || tx->pps / tx->queues >= LIVE_PPS_MIN);
}

static void close_queues(struct tx *tx)
{
	unsigned i;

	for (i = 0; tx->senders && i < tx->queues; i++) {
		rawq_txq_destroy(tx->senders[i].q);
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

/* Live frames where they are faster and can be had. */
static int choose_engine(struct tx *tx)
{
	int code;

	if (!wants_live(tx))
		return EXIT_OK;
	code = open_floods(tx);
	if (tx->flooders)
		close_queues(tx);
	return code;
}

static void close_all(struct tx *tx)
{
	close_floods(tx);
	close_queues(tx);
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
	                  "s:I, s:I, s:s, s:I, s:I}",
	                  "engine", tx->flooders ? "live" : "queues", "engine_reason",
	                  tx->queues_because[0] ? tx->queues_because : NULL, "packet",
	                  tx->text, "size", opt.size, "mean_length",
	                  packet_mean_length(tx->packet), "asked_pps", tx->pps, "queues",
	                  tx->queues, "cpus", run_cpus_json(&opt.run), "burst",
	                  (json_int_t)opt.burst, "depth", (json_int_t)opt.depth, "seed",
	                  (json_int_t)opt.seed, "count", (json_int_t)opt.run.count,
	                  "for_ns", (json_int_t)opt.run.duration_ns, "arrivals",
	                  arrivals_names[opt.arrivals], "train", (json_int_t)opt.train,
	                  "ramp_ns", (json_int_t)opt.ramp_ns));
	return config;
}

/* What the netdev could not pass on: a queue tells of it, live frames do not.  Modulo 2^32. */
static uint32_t netdev_dropped(const struct tx *tx)
{
	const struct rtnl_link_stats *stats;
	struct ifaddrs *all, *a;
	uint32_t dropped = 0;

	if (getifaddrs(&all))
		return 0;
	for (a = all; a; a = a->ifa_next)
		if (a->ifa_addr && a->ifa_addr->sa_family == AF_PACKET && a->ifa_data &&
		    !strcmp(a->ifa_name, tx->nic.info.netdev)) {
			stats = a->ifa_data;
			dropped = stats->tx_dropped;
		}
	freeifaddrs(all);
	return dropped;
}

/* Whether the rate that was asked for was missed, and what became of the packets. */
struct verdict {
	bool missed;
	double pps, full; /* full: part of the time that the queue had no room */
	uint32_t dropped; /* by the netdev */
};

/* The rate that the run's own time should have seen; a random one less what chance may take. */
static double asked_pps(const struct tx *tx, const uint64_t *totals)
{
	uint64_t took = totals[TX_LAST_NS] - totals[TX_FIRST_NS];
	double packets;

	if (!took)
		return 0;
	packets = pace_packets(tx->pps, &tx->shape, took);
	if (tx->shape.poisson)
		packets -= 4 * sqrt(packets);
	return packets / (double)took * 1e9;
}

static struct verdict judge(const struct tx *tx, const uint64_t *totals)
{
	double ns = (double)(totals[TX_LAST_NS] - totals[TX_FIRST_NS]) * tx->queues;
	struct verdict v = {.pps = report_tx_pps(totals)};

	v.full = ns > 0 ? (double)totals[FULL_NS] / ns : 0;
	v.missed = tx->pps > 0 && v.pps > 0 &&
	           v.pps < asked_pps(tx, totals) * RATE_TOLERANCE;
	v.dropped = netdev_dropped(tx) - tx->netdev_dropped;
	return v;
}

static json_t *verdict_json(const struct tx *tx, const struct verdict *v)
{
	return json_pack("{s:f, s:b, s:f, s:I}", "asked_pps", tx->pps, "rate_missed",
	                 v->missed, "queue_full", v->full, "netdev_dropped",
	                 (json_int_t)v->dropped);
}

static void print_verdict(const struct tx *tx, const struct verdict *v)
{
	const char *netdev = tx->nic.info.netdev;
	char a[32], b[32];

	if (v->missed)
		printf("  rate missed: asked %s, sent %s; ",
		       format_rate(tx->pps, "pps", a), format_rate(v->pps, "pps", b));
	if (v->missed && tx->flooders)
		puts("the CPU did not make more in the kernel");
	else if (v->missed && v->full > 0.05)
		printf("the queue was full %.0f %% of the time: %s is the limit\n",
		       v->full * 100, netdev);
	else if (v->missed)
		puts("the queue had room: this CPU is the limit (--queues, --cpus)");
	if (v->dropped)
		printf("  of these %" PRIu32
		       " were dropped by %s: the far end had no room\n",
		       v->dropped, netdev);
}

static void describe(const struct tx *tx, struct rawq_queue_info *info, char *how,
                     size_t size)
{
	*info = (struct rawq_queue_info){0};
	if (tx->flooders) {
		snprintf(how, size, "xdp, live frames");
		return;
	}
	rawq_txq_info(tx->senders[0].q, info);
	nic_describe(&tx->nic, info->mode, how, size);
}

static int send_all(struct tx *tx)
{
	struct report report = {.verb = &verb_tx, .json = opt.run.json, .tx = true};
	struct rawq_queue_info info;
	uint64_t totals[TALLY_FIELDS] = {0};
	void **contexts = calloc(tx->queues, sizeof(*contexts));
	struct verdict verdict;
	char how[80];
	unsigned i;
	int code;

	if (!contexts)
		return fail_environment(&verb_tx, "no memory");
	for (i = 0; i < tx->queues; i++)
		contexts[i] = tx->flooders ? (void *)&tx->flooders[i] : &tx->senders[i];
	describe(tx, &info, how, sizeof(how));
	snprintf(report.title, sizeof(report.title), "%s: %s, %s, %u queue%s",
	         tx->nic.info.netdev, tx->text, how, tx->queues,
	         tx->queues == 1 ? "" : "s");
	tx->netdev_dropped = netdev_dropped(tx);
	opt.run.loop = tx->flooders ? live_loop : queue_loop;
	report_start(&report, config_json(tx, info.mode));
	code = run_workers(&opt.run, &report, contexts, tx->queues, totals);
	verdict = judge(tx, totals);
	report_end(&report, totals, now_ns(), verdict_json(tx, &verdict));
	if (!opt.run.json)
		print_verdict(tx, &verdict);
	free(contexts);
	return code;
}

static int tx_run(int argc, char **argv)
{
	struct tx tx = {.text = argc > 1 ? argv[1] : DEFAULT_PACKET};
	int code;

	if (opt.depth & (opt.depth - 1))
		return fail_usage(&verb_tx, "--depth %" PRIu64 ": give a power of two",
		                  opt.depth);
	if (is_shaped() && opt.rate.unit == RATE_UNSET)
		return fail_usage(&verb_tx,
		                  "--arrivals, --train and --ramp shape a rate: "
		                  "give --rate");
	if (opt.arrivals == ARRIVALS_POISSON && (opt.train > 1 || opt.ramp_ns))
		return fail_usage(
			&verb_tx,
			"--arrivals poisson goes with neither --train nor --ramp");
	if (is_shaped() && opt.engine == ENGINE_LIVE)
		return fail_usage(&verb_tx, "--engine live paces evenly: no --arrivals, "
		                            "--train or --ramp");
	code = nic_open(&verb_tx, argv[0], &opt.choice, &tx.nic);
	if (code)
		return code;
	tx.queues =
		nic_queues(&verb_tx, &tx.nic, opt.run.queues ? opt.run.queues : 1, false);
	code = tx.queues ? compile(&tx) : EXIT_ENVIRONMENT;
	if (!code)
		code = resolve_rate(&tx);
	if (!code)
		code = open_queues(&tx);
	if (!code)
		code = choose_engine(&tx);
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
