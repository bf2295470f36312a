/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq tx: send packets, as fast as it goes or at a rate, to the packet and to the time. */
#include "verbs.h"

#include "common/clock.h"
#include "common/nic.h"
#include "common/pace.h"
#include "common/packet/packet.h"
#include "common/run.h"
#include "common/sender.h"

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
	const char *size;
	uint64_t burst, depth, seed;
} opt = {.burst = 64, .depth = 512, .seed = 1};

static const struct option_row options[] = {
	{.name = "rate",
         .metavar = "RATE",
         .type = OPTION_RATE,
         .value = &opt.rate,
         .help = "as 1Mpps, 9.5Gbps (frames without FCS) or 30% (of the link)\n"
                 "(default: as fast as it goes)"},
	RUN_OPTION_ROWS(opt.run),
	{.name = "count",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.run.count,
         .min = 1,
         .help = "send exactly this many packets, as 1000 or 1M"},
	{.name = "size",
         .metavar = "SIZES",
         .type = OPTION_STRING,
         .value = &opt.size,
         .help = "frame length without FCS, as 64, 64..1518 or imix\n"
                 "(default: what the packet needs)"},
	{.name = "queues",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.run.queues,
         .min = 1,
         .help = "send queues, a thread each (default: 1)"},
	{.name = "burst",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.burst,
         .min = 1,
         .max = SENDER_BURST_MAX,
         .help = "packets given at once (default: 64)"},
	{.name = "depth",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.depth,
         .min = 2,
         .max = 1 << 20,
         .help = "descriptors of a queue, a power of two (default: 512)"},
	{.name = "seed",
         .metavar = "N",
         .type = OPTION_COUNT,
         .value = &opt.seed,
         .help = "of what is random in the packet (default: 1)"},
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
	unsigned queues;
	double pps; /* asked; 0: as fast as it goes */
	uint64_t count;
};

static void tx_loop(struct worker *worker)
{
	sender_run(worker->context, worker);
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
	double mean = packet_mean_length(tx->packet);

	tx->count = opt.run.count ? opt.run.count : UINT64_MAX;
	if (opt.rate.unit == RATE_UNSET)
		return EXIT_OK;
	tx->pps = rate_pps(&opt.rate, mean, tx->nic.info.link_mbps);
	if (tx->pps <= 0)
		return fail_environment(&verb_tx,
		                        "--rate: %s has no link speed to take per cent "
		                        "of; give pps or bps",
		                        tx->nic.info.netdev);
	if (opt.run.duration_ns &&
	    ceil(tx->pps * (double)opt.run.duration_ns / 1e9) < (double)tx->count)
		tx->count = (uint64_t)ceil(tx->pps * (double)opt.run.duration_ns / 1e9);
	return EXIT_OK;
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
	s->count = tx->count / tx->queues + (i < tx->count % tx->queues);
	s->pps = tx->pps;
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

static void close_all(struct tx *tx)
{
	unsigned i;

	for (i = 0; tx->senders && i < tx->queues; i++) {
		rawq_txq_destroy(tx->senders[i].q);
		sender_free(&tx->senders[i]);
	}
	free(tx->senders);
	rawq_region_destroy(tx->region);
	packet_free(tx->packet);
	nic_close(&tx->nic);
}

static json_t *config_json(const struct tx *tx, uint32_t mode)
{
	json_t *config = nic_json(&tx->nic, mode);

	json_object_update_new(
		config,
		json_pack("{s:s, s:s?, s:f, s:f, s:i, s:o, s:I, s:I, s:I, s:I, s:I}",
	                  "packet", tx->text, "size", opt.size, "mean_length",
	                  packet_mean_length(tx->packet), "asked_pps", tx->pps, "queues",
	                  tx->queues, "cpus", run_cpus_json(&opt.run), "burst",
	                  (json_int_t)opt.burst, "depth", (json_int_t)opt.depth, "seed",
	                  (json_int_t)opt.seed, "count", (json_int_t)opt.run.count,
	                  "for_ns", (json_int_t)opt.run.duration_ns));
	return config;
}

/* What was asked, and if it was missed, why. */
static json_t *judge(const struct tx *tx, const uint64_t *totals)
{
	double pps = report_tx_pps(totals);
	double full = (double)totals[FULL_NS] / tx->queues /
	              ((double)(totals[TX_LAST_NS] - totals[TX_FIRST_NS]) + 1);
	bool missed = tx->pps > 0 && pps > 0 && pps < tx->pps * 0.995;
	char a[32], b[32];

	if (missed && !opt.run.json)
		printf("  rate missed: asked %s, sent %s; the queue was full %.0f %% of "
		       "the time\n",
		       format_rate(tx->pps, "pps", a), format_rate(pps, "pps", b),
		       full * 100);
	return json_pack("{s:f, s:b, s:f}", "asked_pps", tx->pps, "rate_missed", missed,
	                 "queue_full", full);
}

static int send_all(struct tx *tx)
{
	struct report report = {.verb = &verb_tx, .json = opt.run.json, .tx = true};
	struct rawq_queue_info info;
	uint64_t totals[TALLY_FIELDS] = {0};
	void **contexts = calloc(tx->queues, sizeof(*contexts));
	uint64_t end;
	char how[80];
	unsigned i;
	int code;

	if (!contexts)
		return fail_environment(&verb_tx, "no memory");
	for (i = 0; i < tx->queues; i++)
		contexts[i] = &tx->senders[i];
	rawq_txq_info(tx->senders[0].q, &info);
	nic_describe(&tx->nic, info.mode, how, sizeof(how));
	snprintf(report.title, sizeof(report.title), "%s: %s, %s, %u queue%s",
	         tx->nic.info.netdev, tx->text, how, tx->queues,
	         tx->queues == 1 ? "" : "s");
	opt.run.loop = tx_loop;
	report_start(&report, config_json(tx, info.mode));
	code = run_workers(&opt.run, &report, contexts, tx->queues, totals);
	end = now_ns();
	report_end(&report, totals, end, judge(tx, totals));
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
