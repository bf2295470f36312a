/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq replay: send a pcap or pcapng file. */
#include "verbs.h"

#include "common/clock.h"
#include "common/nic.h"
#include "common/replayer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct run run;
	struct nic_choice choice;
	struct rate rate;
	const char *speed, *map, *vlan;
	bool topspeed;
	uint64_t loops, burst, depth;
} opt = {.loops = 1, .burst = 64, .depth = 512};

static const struct option_row options[] = {
	ROW_STRING("speed", "N", &opt.speed,
                   "multiple of the recorded speed, as 2x or 0.5x (default: 1x)"),
	ROW_FLAG("topspeed", &opt.topspeed, "as fast as it goes"),
	ROW_RATE("rate", "RATE", &opt.rate,
                 "evenly, as 100kpps, instead of at recorded times"),
	ROW_COUNT("loops", "N", &opt.loops, 0, 0,
                  "times through the file; 0: until stopped (default: 1)"),
	ROW_STRING("map", "MAP", &opt.map,
                   "FROM=TO of IPv4 blocks and MAC addresses, joined by commas;\n"
                   "checksums follow"),
	ROW_STRING("vlan", "ID", &opt.vlan,
                   "set or insert a VLAN tag; none takes it off"),
	RUN_OPTION_ROWS(opt.run),
	ROW_COUNT("count", "N", &opt.run.count, 1, 0, "send at most this many packets"),
	BURST_ROW(&opt.burst, REPLAY_BURST_MAX, "given"),
	ROW_COUNT("depth", "N", &opt.depth, 2, 1 << 20,
                  "descriptors of the queue, a power of two (default: 512)"),
	NIC_OPTION_ROWS(opt.choice),
	{.name = NULL},
};

/* Everything of a run; zero is what is not there. */
struct replay {
	const char *file;
	struct nic nic;
	struct remap remap;
	struct replayer replayer;
};

static int parse_speed(struct replayer *r)
{
	char *end;

	if ((opt.topspeed ? 1 : 0) + (opt.speed ? 1 : 0) + (opt.rate.unit != RATE_UNSET) >
	    1)
		return fail_usage(&verb_replay,
		                  "--speed, --topspeed and --rate exclude each other");
	if (opt.topspeed || opt.rate.unit != RATE_UNSET)
		return EXIT_OK;
	r->speed = opt.speed ? strtod(opt.speed, &end) : 1;
	if (opt.speed && (strcmp(end, "x") || !(r->speed >= 1e-6 && r->speed <= 1e6)))
		return fail_usage(
			&verb_replay,
			"--speed '%s': a multiple from 0.000001x to 1000000x, as "
			"2x or 0.5x",
			opt.speed);
	return EXIT_OK;
}

static int parse_edits(struct replay *p)
{
	const char *why = NULL;

	if (opt.map && (why = remap_parse_map(opt.map, &p->remap)))
		return fail_usage(&verb_replay, "--map '%s': %s", opt.map, why);
	if (opt.vlan && (why = remap_parse_vlan(opt.vlan, &p->remap)))
		return fail_usage(&verb_replay, "--vlan '%s': %s", opt.vlan, why);
	if (!remap_is_empty(&p->remap))
		p->replayer.remap = &p->remap;
	return EXIT_OK;
}

/* The mean length is that of the file, which is read once for it. */
static int resolve_rate(struct replay *p)
{
	struct captured packet;
	uint64_t bytes = 0, packets = 0;

	if (opt.rate.unit == RATE_UNSET)
		return EXIT_OK;
	while (opt.rate.unit != RATE_PPS && capture_next(p->replayer.capture, &packet)) {
		bytes += packet.len;
		packets++;
	}
	p->replayer.pps =
		rate_pps(&opt.rate, packets ? (double)bytes / (double)packets : 60,
	                 p->nic.info.link_mbps);
	if (p->replayer.pps > 0)
		return EXIT_OK;
	return fail_environment(
		&verb_replay,
		"--rate: %s has no link speed to take per cent of; give pps "
		"or bps",
		p->nic.info.netdev);
}

static int create_queue(struct replay *p, struct rawq_error *err)
{
	struct rawq_queue_opts opts = {.size = sizeof(opts),
	                               .depth = (uint32_t)opt.depth};

	return nic_txq_create(&p->nic, p->replayer.region, &opts, &p->replayer.q, err);
}

/* The mapped file as the region; 0 if the port sends from it. */
static int open_mapped(struct replay *p, struct rawq_error *err)
{
	struct rawq_region_opts opts = {
		.size = sizeof(opts), .frame_size = 2048, .read_only = 1};
	size_t size;
	int ret;

	opts.memory = (void *)capture_bytes(p->replayer.capture, &size);
	opts.frames = (uint32_t)(size / opts.frame_size);
	ret = rawq_region_create(&opts, &p->replayer.region, err);
	if (ret)
		return ret;
	ret = create_queue(p, err);
	if (!ret) {
		p->replayer.zero_copy = true;
		return 0;
	}
	rawq_region_destroy(p->replayer.region);
	p->replayer.region = NULL;
	return ret;
}

static int open_copying(struct replay *p, struct rawq_error *err)
{
	struct rawq_region_opts opts = {.size = sizeof(opts), .frame_size = 2048};
	int ret;

	while (opts.frame_size < p->replayer.len_max + REMAP_GROWTH &&
	       opts.frame_size < p->nic.info.frame_max)
		opts.frame_size *= 2;
	if (p->replayer.len_max + REMAP_GROWTH > opts.frame_size)
		p->replayer.len_max = opts.frame_size - REMAP_GROWTH;
	opts.frames = (uint32_t)opt.depth;
	ret = rawq_region_create(&opts, &p->replayer.region, err);
	if (!ret)
		ret = create_queue(p, err);
	if (!ret && frames_init(&p->replayer.frames, 0, opts.frames, opts.frame_size))
		ret = -ENOMEM;
	return ret;
}

static int open_port(struct replay *p, const char *netdev)
{
	struct replayer *r = &p->replayer;
	struct rawq_error err = {"no memory"};
	int ret;

	ret = nic_open(&verb_replay, netdev, &opt.choice, &p->nic);
	if (ret)
		return ret;
	r->netdev = p->nic.info.netdev;
	r->len_max = p->nic.info.mtu + 14u + 4u;
	ret = -ENOTSUP;
	if (!r->remap && p->nic.info.backend != RAWQ_XDP)
		ret = open_mapped(p, &err);
	if (ret)
		ret = open_copying(p, &err);
	return ret ? fail_environment(&verb_replay, "%s", err.text) : resolve_rate(p);
}

static void replay_loop(struct worker *worker)
{
	replayer_run(worker->context, worker);
}

static json_t *config_json(const struct replay *p, uint32_t mode)
{
	json_t *config = nic_json(&p->nic, mode);

	json_object_update_new(
		config, json_pack("{s:s, s:f, s:f, s:I, s:b, s:s?, s:s?, s:I, s:I}",
	                          "file", p->file, "speed", p->replayer.speed,
	                          "asked_pps", p->replayer.pps, "loops",
	                          (json_int_t)opt.loops, "mapped", p->replayer.zero_copy,
	                          "map", opt.map, "vlan", opt.vlan, "burst",
	                          (json_int_t)opt.burst, "depth", (json_int_t)opt.depth));
	return config;
}

/* What the table has no line for. */
static json_t *sum_up(const struct replay *p)
{
	const struct replayer *r = &p->replayer;
	double mean = r->timed ? (double)r->late_total_ns / (double)r->timed : 0;
	const char *fault = capture_fault(r->capture);

	if (!opt.run.json) {
		if (r->skipped)
			printf("  %" PRIu64
			       " packets of less than 14 or more than %u bytes "
			       "left out\n",
			       r->skipped, r->len_max);
		if (r->cut)
			printf("  %" PRIu64
			       " packets were cut by the capture and are sent as "
			       "they are\n",
			       r->cut);
		if (r->timed)
			printf("  after their time: %.1f us on average, %.1f us at "
			       "most\n",
			       mean / 1e3, (double)r->late_max_ns / 1e3);
		if (fault)
			printf("  %s is broken after packet %" PRIu64 ": %s\n", p->file,
			       r->in_loop, fault);
	}
	return json_pack("{s:I, s:I, s:f, s:I, s:s?}", "skipped", (json_int_t)r->skipped,
	                 "cut", (json_int_t)r->cut, "late_mean_ns", mean, "late_max_ns",
	                 (json_int_t)r->late_max_ns, "file_fault", fault);
}

static int replay_all(struct replay *p)
{
	struct report report = {.verb = &verb_replay, .json = opt.run.json, .tx = true};
	uint64_t totals[TALLY_FIELDS] = {0};
	void *contexts[] = {&p->replayer};
	struct rawq_queue_info info;
	char how[80];
	int code;

	rawq_txq_info(p->replayer.q, &info);
	nic_describe(&p->nic, info.mode, how, sizeof(how));
	snprintf(report.title, sizeof(report.title), "%s: %s, %s%s", p->nic.info.netdev,
	         p->file, how, p->replayer.zero_copy ? ", sent from the file" : "");
	opt.run.loop = replay_loop;
	report_start(&report, config_json(p, info.mode));
	code = run_workers(&opt.run, &report, contexts, 1, totals);
	report_end(&report, totals, now_ns(), sum_up(p));
	return code;
}

static int replay_run(int argc, char **argv)
{
	struct replay *p = calloc(1, sizeof(*p));
	const char *why;
	int code;

	(void)argc;
	if (!p)
		return fail_environment(&verb_replay, "no memory");
	p->file = argv[1];
	p->replayer.burst = (unsigned)opt.burst;
	p->replayer.loops = opt.loops;
	p->replayer.count = opt.run.count ? opt.run.count : UINT64_MAX;
	code = parse_speed(&p->replayer);
	if (!code)
		code = parse_edits(p);
	if (!code && opt.depth & (opt.depth - 1))
		code = fail_usage(&verb_replay,
		                  "--depth %" PRIu64 ": give a power of two", opt.depth);
	if (!code && (why = capture_open(p->file, &p->replayer.capture)))
		code = fail_environment(&verb_replay, "%s: %s", p->file, why);
	if (!code)
		code = open_port(p, argv[0]);
	if (!code)
		code = replay_all(p);
	nic_txq_destroy(&p->nic, p->replayer.q);
	rawq_region_destroy(p->replayer.region);
	frames_free(&p->replayer.frames);
	nic_close(&p->nic);
	capture_close(p->replayer.capture);
	free(p);
	return code;
}

const struct verb verb_replay = {
	.name = "replay",
	.operands = "IF FILE",
	.summary = "send the packets of a pcap or pcapng file",
	.help = "At the recorded times, unless --speed, --topspeed or --rate says "
		"otherwise.\n\n"
		"  rawq replay eth0 trace.pcapng --speed 2x\n"
		"  rawq replay eth0 trace.pcap --topspeed --loops 0 --for 10s\n"
		"  rawq replay eth0 trace.pcap --map 10.0.0.0/8=172.0.0.0/8 --vlan 7\n",
	.options = options,
	.operands_min = 2,
	.operands_max = 2,
	.run = replay_run,
};
