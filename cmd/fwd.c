/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rawq fwd: a cross-connect of two ports.  One region serves both, so that a frame goes from the
 * one's receive queue to the other's send queue and back without a copy in between:
 *
 *      A rx --burst--> us --burst--> B tx
 *        ^                             |
 *        +--post------ us <---reap-----+          and the same from B to A
 */
#include "verbs.h"

#include "common/clock.h"
#include "common/frames.h"
#include "common/nic.h"
#include "common/patience.h"
#include "common/privilege.h"
#include "common/run.h"
#include "common/wish.h"

#include "rawq.h"

#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BURST_MAX 1024
/* How often drop counters, system calls on xdp, are read. */
#define STATUS_NS (20 * NS_PER_MS)
/* While frames are on their way out they are reaped this often. */
#define REAP_EVERY_MS 1
/* How long the last frames may take. */
#define DRAIN_NS (500 * NS_PER_MS)

static struct {
	struct run run;
	struct nic_choice choice;
	struct wish wish;
	uint64_t burst, depth, busy_poll;
	unsigned poll;
} opt = {.burst = 64};

static const struct option_row options[] = {
	WISH_RULE_ROWS(opt.wish,
                       "what to forward (default: all; the kernel keeps the rest)"),
	RUN_OPTION_ROWS(opt.run),
	ROW_COUNT("queues", "N", &opt.run.queues, 1, 0,
                  "queues of each port, a thread each (default: all)"),
	POLL_ROW(&opt.poll),
	BUSY_POLL_ROW(&opt.busy_poll),
	BURST_ROW(&opt.burst, BURST_MAX, "taken"),
	DEPTH_ROW(&opt.depth, "\n(default: room for 512 packets)"),
	NIC_OPTION_ROWS(opt.choice),
	{.name = NULL},
};

/* One way of one queue pair. */
struct way {
	struct rawq_rxq *rxq;
	struct rawq_txq *txq;
	const char *from, *to; /* netdevs */
	struct frames frames;
	uint64_t out;     /* descriptors given to txq and not yet reaped */
	uint64_t no_room; /* packets dropped because txq took no more */
	struct rawq_queue_stats rx, tx;
};

/* Both ways of one queue number: a thread. */
struct pair {
	struct way way[2];
};

static unsigned reap(struct way *w)
{
	unsigned n;

	if (!w->out)
		return 0;
	n = rawq_tx_reap(w->txq, w->frames.addr + w->frames.n, (unsigned)w->out);
	w->frames.n += n;
	w->out -= n;
	frames_post(&w->frames, w->rxq, n);
	return n;
}

/* What could not be sent goes back to be received into. */
static void drop(struct way *w, const struct rawq_pkt *pkts, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		w->frames.addr[w->frames.n++] = pkts[i].addr;
		w->no_room += !(pkts[i].flags & RAWQ_MORE);
	}
	frames_post(&w->frames, w->rxq, n);
}

/* How many descriptors the first packet has. */
static unsigned first_packet(const struct rawq_pkt *pkts, unsigned n)
{
	unsigned i = 0;

	while (i + 1 < n && (pkts[i].flags & RAWQ_MORE))
		i++;
	return i + 1;
}

/* Send all of pkts or drop it: waiting for room would only move the loss to the receive queue
 * and make what does get through late. */
static void send_or_drop(struct way *w, const struct rawq_pkt *pkts, unsigned n)
{
	unsigned k;

	while (n) {
		k = rawq_tx_burst(w->txq, pkts, n);
		w->out += k;
		pkts += k;
		n -= k;
		if (!n || reap(w))
			continue;
		k = first_packet(pkts, n);
		if (w->out + k > opt.depth)
			k = n; /* full */
		/* else there is room: it is this packet that the port cannot send */
		drop(w, pkts, k);
		pkts += k;
		n -= k;
	}
}

/* One burst of one way; how much moved. */
static unsigned forward(struct way *w, struct rawq_pkt *pkts)
{
	unsigned reaped = reap(w);
	unsigned n = rawq_rx_burst(w->rxq, pkts, (unsigned)opt.burst);

	if (n)
		send_or_drop(w, pkts, n);
	return n + reaped;
}

static int way_status(struct way *w)
{
	int err = rawq_rxq_status(w->rxq, &w->rx);

	return err ? err : rawq_txq_status(w->txq, &w->tx);
}

static int read_status(struct worker *worker, struct pair *pair)
{
	uint64_t sum[TALLY_FIELDS] = {0};
	static const enum tally_field fields[] = {RX_PACKETS,  RX_BYTES, TX_PACKETS,
	                                          TX_BYTES,    DROPPED,  ERRORS,
	                                          TX_COMPLETED};
	struct way *w;
	size_t f;
	int err;

	for (w = pair->way; w < pair->way + 2; w++) {
		err = way_status(w);
		if (err) {
			worker_fail(worker, "%s to %s, queue %u stopped: %s", w->from,
			            w->to, worker->index + 1, strerror(-err));
			return err;
		}
		sum[RX_PACKETS] += w->rx.packets;
		sum[RX_BYTES] += w->rx.bytes;
		sum[TX_PACKETS] += w->tx.packets;
		sum[TX_BYTES] += w->tx.bytes;
		sum[TX_COMPLETED] += w->tx.packets - w->out;
		sum[DROPPED] += w->rx.no_frame + w->rx.full + w->no_room;
		sum[ERRORS] += w->rx.errors + w->tx.errors;
	}
	for (f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
		tally_set(worker, fields[f], sum[fields[f]]);
	return 0;
}

/* Nothing moved: sleep until something comes, not long while frames are on their way out. */
static void rest(struct worker *worker, const struct pair *pair)
{
	static const short events[2] = {POLLIN, POLLIN};
	bool out = pair->way[0].out || pair->way[1].out;
	int fds[2];
	int i;

	for (i = 0; i < 2; i++) {
		fds[i] = rawq_rxq_arm(pair->way[i].rxq);
		if (fds[i] < 0)
			return;
	}
	worker_wait(worker, fds, events, 2, out ? REAP_EVERY_MS : 100);
}

static void count_time(struct worker *worker, uint64_t now)
{
	if (!worker->tally[RX_FIRST_NS]) {
		tally_set(worker, RX_FIRST_NS, now);
		tally_set(worker, TX_FIRST_NS, now);
	}
	tally_set(worker, RX_LAST_NS, now);
	tally_set(worker, TX_LAST_NS, now);
}

/* Pass on what came in before the end, then wait for what is on its way out. */
static void drain(struct pair *pair, struct rawq_pkt *pkts)
{
	uint64_t deadline = now_ns() + DRAIN_NS;
	struct way *w;

	for (w = pair->way; w < pair->way + 2; w++) {
		uint64_t left = opt.depth;

		while (left && forward(w, pkts))
			left -= left < opt.burst ? left : opt.burst;
		while (w->out && now_ns() < deadline)
			if (!reap(w))
				sched_yield();
	}
}

static void fwd_loop(struct worker *worker)
{
	struct pair *pair = worker->context;
	struct rawq_pkt pkts[BURST_MAX];
	uint64_t now = now_ns(), status_ns = now;
	struct patience patience = {0};

	while (run_goes_on(worker->run) && now < worker->run->end_ns) {
		if (forward(&pair->way[0], pkts) + forward(&pair->way[1], pkts)) {
			count_time(worker, now);
			patience_paid(&patience);
		} else if (patience_over(&patience) && opt.poll == POLL_SLEEP) {
			rest(worker, pair);
		}
		now = now_ns();
		if (now - status_ns >= STATUS_NS) {
			status_ns = now;
			if (read_status(worker, pair))
				return;
		}
	}
	drain(pair, pkts);
	read_status(worker, pair);
}

/* ---- set-up --------------------------------------------------------------- */

/* Everything of a run; zero is what is not there. */
struct fwd {
	struct nic nic[2];
	int promiscuous[2]; /* sockets that hold the ports so; 0: none */
	struct rawq_region *region;
	struct wish wish[2]; /* the same, settled with each port */
	struct rawq_rule *rule[2][STRING_LIST_MAX];
	unsigned rules[2];
	struct pair *pairs;
	unsigned queues;
	bool segments;
};

static int open_port_queue(struct fwd *fwd, unsigned i, int port)
{
	struct rawq_queue_opts opts = {.size = sizeof(opts),
	                               .depth = (uint32_t)opt.depth,
	                               .number = i + 1,
	                               .busy_poll = (uint32_t)opt.busy_poll};
	struct rawq_error err;

	opts.offloads = fwd->segments ? RAWQ_RX_SEGMENTS : 0;
	if (nic_rxq_create(&fwd->nic[port], fwd->region, &opts,
	                   &fwd->pairs[i].way[port].rxq, &err))
		return fail_environment(&verb_fwd, "%s", err.text);
	opts.offloads = fwd->segments ? RAWQ_TX_SEGMENTS : 0;
	if (nic_txq_create(&fwd->nic[port], fwd->region, &opts,
	                   &fwd->pairs[i].way[!port].txq, &err))
		return fail_environment(&verb_fwd, "%s", err.text);
	return EXIT_OK;
}

/* Twice the depth: a full receive queue, and as much on its way out. */
static unsigned frames_per_way(void)
{
	return (unsigned)opt.depth * 2;
}

static int open_way(struct fwd *fwd, unsigned i, int from)
{
	struct way *w = &fwd->pairs[i].way[from];
	uint32_t frame_size = rawq_region_frame_size(fwd->region);
	uint64_t number = 2 * (uint64_t)i + (unsigned)from;

	w->from = fwd->nic[from].info.netdev;
	w->to = fwd->nic[!from].info.netdev;
	if (frames_init(&w->frames, number * frames_per_way() * frame_size,
	                frames_per_way(), frame_size))
		return fail_environment(&verb_fwd, "no memory");
	frames_post(&w->frames, w->rxq, (unsigned)opt.depth);
	return EXIT_OK;
}

static int open_queues(struct fwd *fwd)
{
	struct rawq_region_opts opts = {.size = sizeof(opts)};
	bool segments[2];
	uint32_t size[2], depth[2];
	struct rawq_error err;
	unsigned i;
	int code = EXIT_OK;

	size[0] = nic_frame_size(&fwd->nic[0], &segments[0]);
	size[1] = nic_frame_size(&fwd->nic[1], &segments[1]);
	opts.frame_size = size[0] > size[1] ? size[0] : size[1];
	depth[0] = nic_depth(&fwd->nic[0], opt.depth);
	depth[1] = nic_depth(&fwd->nic[1], opt.depth);
	opt.depth = depth[0] > depth[1] ? depth[0] : depth[1];
	fwd->segments = segments[0] || segments[1];
	opts.frames = fwd->queues * 2 * frames_per_way();
	if (rawq_region_create(&opts, &fwd->region, &err))
		return fail_environment(&verb_fwd, "%s", err.text);
	fwd->pairs = calloc(fwd->queues, sizeof(*fwd->pairs));
	if (!fwd->pairs)
		return fail_environment(&verb_fwd, "no memory");
	for (i = 0; i < 2 * fwd->queues && !code; i++)
		code = open_port_queue(fwd, i / 2, i % 2);
	for (i = 0; i < 2 * fwd->queues && !code; i++)
		code = open_way(fwd, i / 2, i % 2);
	return code;
}

static int add_rule(struct fwd *fwd, int port, unsigned number)
{
	const struct rule *rule = &fwd->wish[port].rule[number];
	struct rawq_rule_opts opts = rule->opts;
	struct rawq_error err;
	unsigned i;
	int ret;

	opts.queues =
		rule->is_drop ? NULL : calloc(fwd->queues, sizeof(struct rawq_rxq *));
	if (!opts.queues && !rule->is_drop)
		return fail_environment(&verb_fwd, "no memory");
	for (i = 0; opts.queues && i < fwd->queues; i++)
		opts.queues[i] = fwd->pairs[i].way[port].rxq;
	opts.queue_count = opts.queues ? fwd->queues : 0;
	ret = rawq_rule_add(fwd->nic[port].port, &opts, &fwd->rule[port][number], &err);
	free(opts.queues);
	if (ret)
		return fail_environment(&verb_fwd, "%s", err.text);
	fwd->rules[port]++;
	return EXIT_OK;
}

static int add_rules(struct fwd *fwd)
{
	unsigned i;
	int code = EXIT_OK, port;

	for (port = 0; port < 2; port++)
		for (i = 0; i < fwd->wish[port].rule_count && !code; i++)
			code = add_rule(fwd, port, i);
	if (!code)
		privilege_drop();
	return code;
}

static void close_all(struct fwd *fwd)
{
	unsigned i;
	int port;

	for (port = 0; port < 2; port++)
		while (fwd->rules[port])
			rawq_rule_remove(fwd->rule[port][--fwd->rules[port]]);
	for (i = 0; fwd->pairs && i < fwd->queues; i++)
		for (port = 0; port < 2; port++) {
			nic_rxq_destroy(&fwd->nic[port], fwd->pairs[i].way[port].rxq);
			nic_txq_destroy(&fwd->nic[port], fwd->pairs[i].way[port].txq);
			frames_free(&fwd->pairs[i].way[port].frames);
		}
	free(fwd->pairs);
	rawq_region_destroy(fwd->region);
	for (port = 0; port < 2; port++) {
		if (fwd->promiscuous[port] > 0)
			close(fwd->promiscuous[port]);
		nic_close(&fwd->nic[port]);
	}
}

/* ---- the run -------------------------------------------------------------- */

static json_t *config_json(const struct fwd *fwd, const uint32_t *mode)
{
	return json_pack(
		"{s:[o,o], s:s, s:b, s:b, s:i, s:o, s:I, s:I, s:s, s:I, s:I}", "ports",
		nic_json(&fwd->nic[0], mode[0]), nic_json(&fwd->nic[1], mode[1]), "rule",
		fwd->wish[0].words, "take_everything", 1, "segments", fwd->segments,
		"queues", fwd->queues, "cpus", run_cpus_json(&opt.run), "burst",
		(json_int_t)opt.burst, "depth", (json_int_t)opt.depth, "poll",
		poll_names[opt.poll], "busy_poll_packets", (json_int_t)opt.busy_poll,
		"for_ns", (json_int_t)opt.run.duration_ns);
}

static json_t *way_json(const struct fwd *fwd, int from)
{
	uint64_t sent = 0, bytes = 0, no_room = 0, lost = 0, errors = 0;
	const struct way *w = NULL;
	unsigned i;

	for (i = 0; i < fwd->queues; i++) {
		w = &fwd->pairs[i].way[from];
		sent += w->tx.packets;
		bytes += w->tx.bytes;
		no_room += w->no_room;
		lost += w->rx.no_frame + w->rx.full;
		errors += w->rx.errors + w->tx.errors;
	}
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "from",
	                 fwd->nic[from].info.netdev, "to", fwd->nic[!from].info.netdev,
	                 "packets", (json_int_t)sent, "bytes", (json_int_t)bytes,
	                 "dropped_receive_queue", (json_int_t)lost, "dropped_send_queue",
	                 (json_int_t)no_room, "errors", (json_int_t)errors);
}

static int forward_all(struct fwd *fwd)
{
	struct report report = {
		.verb = &verb_fwd, .json = opt.run.json, .rx = true, .tx = true};
	struct rawq_queue_info info[2];
	uint64_t totals[TALLY_FIELDS] = {0};
	void **contexts = calloc(fwd->queues, sizeof(*contexts));
	char how[2][64];
	unsigned i;
	int code;

	if (!contexts)
		return fail_environment(&verb_fwd, "no memory");
	for (i = 0; i < fwd->queues; i++)
		contexts[i] = &fwd->pairs[i];
	for (i = 0; i < 2; i++) {
		rawq_rxq_info(fwd->pairs[0].way[i].rxq, &info[i]);
		nic_describe(&fwd->nic[i], info[i].mode, how[i], sizeof(how[i]));
	}
	snprintf(report.title, sizeof(report.title),
	         "%s (%s) <-> %s (%s): '%s', %u queue%s", fwd->nic[0].info.netdev, how[0],
	         fwd->nic[1].info.netdev, how[1], fwd->wish[0].words, fwd->queues,
	         fwd->queues == 1 ? "" : "s");
	opt.run.loop = fwd_loop;
	report_start(&report, config_json(fwd, (uint32_t[]){info[0].mode, info[1].mode}));
	code = run_workers(&opt.run, &report, contexts, fwd->queues, totals);
	report_end(&report, totals, now_ns(),
	           json_pack("{s:[o,o]}", "ways", way_json(fwd, 0), way_json(fwd, 1)));
	free(contexts);
	return code;
}

/* Does the wish go beyond the MACs that the netdev receives anyway? */
static bool wants_promiscuous(const struct wish *wish)
{
	bool all = false;
	unsigned i;

	for (i = 0; i < wish->rule_count; i++)
		all |= rule_is_all(&wish->rule[i].opts);
	return all || wish->model == AS_MAC;
}

static int open_ports(struct fwd *fwd, char **names)
{
	int code, port;

	for (port = 0; port < 2; port++) {
		code = nic_open(&verb_fwd, names[port], &opt.choice, &fwd->nic[port]);
		fwd->wish[port] = opt.wish;
		if (!code)
			code = wish_settle(&verb_fwd, &fwd->wish[port], &fwd->nic[port]);
		if (code)
			return code;
		if (!wants_promiscuous(&fwd->wish[port]))
			continue;
		fwd->promiscuous[port] = nic_promiscuous(&verb_fwd, &fwd->nic[port]);
		if (fwd->promiscuous[port] < 0)
			return EXIT_ENVIRONMENT;
	}
	return EXIT_OK;
}

/* The same number of queues on both. */
static int choose_queues(struct fwd *fwd)
{
	unsigned n, port;

	for (port = 0; port < 2; port++) {
		n = nic_queues(&verb_fwd, &fwd->nic[port], opt.run.queues, true);
		if (!n || !nic_queues(&verb_fwd, &fwd->nic[port], n, false))
			return EXIT_ENVIRONMENT;
		if (!port || n < fwd->queues)
			fwd->queues = n;
	}
	return EXIT_OK;
}

static int fwd_run(int argc, char **argv)
{
	struct fwd fwd = {0};
	int code;

	(void)argc;
	opt.wish.take_everything = true; /* it is what the verb is for */
	code = wish_read(&verb_fwd, &opt.wish, "all");
	if (code)
		return code;
	if (opt.depth & (opt.depth - 1))
		return fail_usage(&verb_fwd, "--depth %" PRIu64 ": give a power of two",
		                  opt.depth);
	if (!strcmp(argv[0], argv[1]))
		return fail_usage(&verb_fwd, "%s is given twice: name two interfaces",
		                  argv[0]);
	code = open_ports(&fwd, argv);
	if (!code)
		code = choose_queues(&fwd);
	if (!code)
		code = open_queues(&fwd);
	if (!code)
		code = add_rules(&fwd);
	if (!code)
		code = forward_all(&fwd);
	close_all(&fwd);
	return code;
}

const struct verb verb_fwd = {
	.name = "fwd",
	.operands = "A B",
	.summary = "forward between two interfaces, both ways, without a copy",
	.help = "A cross-connect takes both ports: everything that comes in on the one "
		"goes out of\n"
		"the other and nothing of it reaches the kernel, until this ends.  "
		"--rule narrows\n"
		"it; its words are those of rawq rx --help.\n\n"
		"  rawq fwd eth1 eth2 --cpus 2,3\n",
	.options = options,
	.operands_min = 2,
	.operands_max = 2,
	.run = fwd_run,
};
