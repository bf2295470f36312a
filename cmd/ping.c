/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq ping: one packet after another to an echo, and the time each took there and back. */
#include "verbs.h"

#include "common/clock.h"
#include "common/intake.h"
#include "common/packet/packet.h"
#include "common/run.h"
#include "common/truth.h"

#include "rawq.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define DEPTH     64
#define BURST_MAX 64
#define REAPS_MAX 1000
/* The addresses on the way back are others: the CRC begins at the signature. */
#define SIGNATURE "sig(before=0)"

static struct {
	struct run run;
	struct nic_choice choice;
	const char *packet, *size, *to;
	struct wish wish;
	uint64_t interval_ns, timeout_ns;
	bool quiet;
	unsigned times;
	struct truth_opts truth;
} opt = {.interval_ns = NS_PER_S,
         .timeout_ns = NS_PER_S,
         .to = "ff:ff:ff:ff:ff:ff",
         .truth = TRUTH_DEFAULTS};

static const struct option_row options[] = {
	ROW_STRING("to", "MAC", &opt.to, "whom to ask (default: all: ff:ff:ff:ff:ff:ff)"),
	ROW_STRING("packet", "TEXT", &opt.packet,
                   "what to send, with " SIGNATURE " in it (default:\n"
                   "eth(dst=MAC,type=0x88b5)/" SIGNATURE ")"),
	WISH_OPTION_ROWS(opt.wish, "what the answers are (default: 'ethertype 0x88b5')"),
	ROW_STRING("size", "SIZES", &opt.size,
                   "frame length without FCS (default: what the packet needs)"),
	ROW_DURATION("interval", "TIME", &opt.interval_ns, 1000, 0,
                     "from packet to packet (default: 1s)"),
	ROW_DURATION("timeout", "TIME", &opt.timeout_ns, 0, 0,
                     "wait so long for the last answer (default: 1s)"),
	ROW_FLAG("quiet", &opt.quiet, "only the end, no line for each answer"),
	RUN_OPTION_ROWS(opt.run),
	ROW_COUNT("count", "N", &opt.run.count, 1, 0, "end after this many packets"),
	TIMES_ROW(&opt.times),
	TRUTH_OPTION_ROWS(opt.truth),
	NIC_OPTION_ROWS(opt.choice),
	{.name = NULL},
};

struct ping {
	struct intake in;
	struct truth truth;
	struct packet *packet;
	struct packet_source *source;
	struct departures departures;
	uint64_t stamps[DEPTH]; /* of the frames on their way out */
	uint64_t reaped;
	unsigned out; /* frames on their way out */
	uint64_t sent;
};

/* Take frames back that have left, and when they did. */
static void reap(struct ping *p)
{
	struct intake_queue *q = &p->in.queue[0];
	unsigned n = rawq_tx_reap(q->tx, q->frames.addr + q->frames.n, p->out);

	q->frames.n += n;
	p->out -= n;
	for (; p->in.times && n; n--)
		departures_add(&p->departures, p->stamps[p->reaped++ % DEPTH],
		               rawq_txq_time(q->tx));
}

static void send_one(struct worker *worker, struct ping *p)
{
	struct intake_queue *q = &p->in.queue[0];
	const void *held = NULL;
	struct rawq_pkt pkt = {0};

	reap(p);
	if (!q->frames.n)
		return;
	pkt.addr = q->frames.addr[q->frames.n - 1];
	p->stamps[p->sent % DEPTH] = realtime_ns();
	packet_source_set_time(p->source, p->stamps[p->sent % DEPTH]);
	pkt.len = packet_write(p->source, intake_base(&p->in) + pkt.addr, &held);
	if (!rawq_tx_burst(q->tx, &pkt, 1)) {
		worker_fail(worker, "%s: cannot send a packet of %u bytes",
		            p->in.nic.info.netdev, pkt.len);
		return;
	}
	q->frames.n--;
	p->out++;
	p->sent++;
	tally_add(worker, TX_PACKETS, 1);
	tally_add(worker, TX_BYTES, pkt.len);
}

static void tell(const struct observer *o, const struct rawq_pkt *pkt)
{
	char text[32];

	if (opt.quiet)
		return;
	if (opt.run.json)
		printf("{\"event\":\"answer\",\"sequence\":%" PRIu64
		       ",\"rtt_ns\":%" PRIu64 ",\"bytes\":%u}\n",
		       o->last.sequence, o->last_latency, pkt->len);
	else
		printf("%u bytes back, sequence %" PRIu64 ", %s\n", pkt->len,
		       o->last.sequence, format_ns((double)o->last_latency, text));
	fflush(stdout);
}

static void take_answers(struct worker *worker, struct ping *p, unsigned queue)
{
	struct intake_queue *q = &p->in.queue[queue];
	struct observer *o = p->truth.observer[0];
	struct rawq_pkt pkts[BURST_MAX];
	unsigned n = rawq_rx_burst(q->rx, pkts, BURST_MAX), i;
	uint64_t now = realtime_ns(), before;

	/* what has come back has left: its completion is there, or about to be */
	for (i = 0; n && p->in.times && p->out && i < REAPS_MAX; i++)
		reap(p);
	intake_answer(&p->in, pkts, n);
	for (i = 0; i < n; i++) {
		before = o->latency.n;
		observe(o, intake_base(&p->in), &pkts[i], 1, now);
		if (o->latency.n != before)
			tell(o, &pkts[i]);
		tally_add(worker, RX_PACKETS, !(pkts[i].flags & RAWQ_MORE));
		tally_add(worker, RX_BYTES, pkts[i].len);
		rawq_rx_post(q->rx, &pkts[i].addr, 1);
	}
}

/* Take answers until then; earlier if the run is stopped or nothing is to come any more. */
static void wait_until(struct worker *worker, struct ping *p, uint64_t until,
                       bool is_last)
{
	static const short events[4] = {POLLIN, POLLIN, POLLIN, POLLIN};
	uint64_t now = now_ns();
	int fds[4];
	unsigned i, n;

	while (run_goes_on(worker->run) && now < until) {
		for (i = 0; i < p->in.queues; i++)
			take_answers(worker, p, i);
		if (is_last && worker->tally[RX_PACKETS] >= p->sent)
			return;
		for (n = 0; n < p->in.queues && n < 4; n++)
			fds[n] = rawq_rxq_arm(p->in.queue[n].rx);
		now = now_ns();
		if (until > now + NS_PER_MS)
			worker_wait(worker, fds, events, n,
			            (int)((until - now) / NS_PER_MS));
		now = now_ns();
	}
}

static void ping_loop(struct worker *worker)
{
	struct ping *p = worker->context;
	uint64_t due = now_ns();

	tally_set(worker, TX_FIRST_NS, due);
	tally_set(worker, RX_FIRST_NS, due);
	while (run_goes_on(worker->run) && now_ns() < worker->run->end_ns &&
	       (!opt.run.count || p->sent < opt.run.count)) {
		send_one(worker, p);
		due += opt.interval_ns;
		if (!opt.run.count || p->sent < opt.run.count)
			wait_until(worker, p, due, false);
	}
	wait_until(worker, p, now_ns() + opt.timeout_ns, true);
	tally_set(worker, TX_LAST_NS, now_ns());
	tally_set(worker, RX_LAST_NS, now_ns());
	tally_set(worker, TX_COMPLETED, p->sent);
}

/* ---- set-up --------------------------------------------------------------- */

static int compile(struct ping *p)
{
	struct packet_opts opts = {.sizes = opt.size, .seed = 1};
	struct packet_error err;
	char text[160];
	int ret;

	snprintf(text, sizeof(text), "eth(dst=%s,type=0x88b5)/" SIGNATURE, opt.to);
	memcpy(opts.src_mac, p->in.nic.info.mac, sizeof(opts.src_mac));
	ret = packet_compile(opt.packet ? opt.packet : text, &opts, &p->packet, &err);
	if (ret == -EINVAL) {
		fputs("rawq ping: ", stderr);
		packet_error_print(stderr, &err);
		return EXIT_USAGE;
	}
	if (!ret)
		p->source = packet_source_create(p->packet, 0, 1);
	if (ret || !p->source)
		return fail_environment(&verb_ping, "no memory");
	if (packet_longest(p->packet) > rawq_region_frame_size(p->in.region))
		return fail_usage(&verb_ping, "--size: at most %u bytes on %s",
		                  rawq_region_frame_size(p->in.region),
		                  p->in.nic.info.netdev);
	return EXIT_OK;
}

static json_t *config_json(const struct ping *p)
{
	json_t *config = intake_json(&p->in, &opt.wish);

	json_object_update_new(config, json_pack("{s:s?, s:s, s:I}", "packet", opt.packet,
	                                         "to", opt.to, "interval_ns",
	                                         (json_int_t)opt.interval_ns));
	return config;
}

static int ping_all(struct ping *p)
{
	struct report report = {
		.verb = &verb_ping, .json = opt.run.json, .rx = true, .tx = true};
	struct truth_end end = {.asked_pps = 1e9 / (double)opt.interval_ns};
	uint64_t totals[TALLY_FIELDS] = {0};
	void *context = p;
	int code;

	snprintf(report.title, sizeof(report.title), "%s: %s", p->in.nic.info.netdev,
	         p->in.how);
	opt.run.loop = ping_loop;
	report_start(&report, config_json(p));
	report.live = false; /* the answers are the lines */
	code = run_workers(&opt.run, &report, &context, 1, totals);
	end.sent = p->sent;
	truth_finish(&p->truth, totals, &end);
	report_end(&report, totals, now_ns(), truth_json(&p->truth));
	if (!opt.run.json)
		truth_print(&p->truth, stdout);
	return code ? code : truth_verdict(&p->truth);
}

static int ping_run(int argc, char **argv)
{
	struct intake_opts opts = {.verb = &verb_ping,
	                           .netdev = argv[0],
	                           .choice = &opt.choice,
	                           .depth = DEPTH,
	                           .sends = true,
	                           .times = opt.times != TIMES_SOFTWARE,
	                           .wish = &opt.wish};
	static struct ping p;
	int code;

	(void)argc;
	code = wish_read(&verb_ping, &opt.wish, "ethertype 0x88b5");
	if (code)
		return code;
	code = truth_init(&p.truth, &verb_ping, &opt.truth, 1, true);
	if (!code)
		code = intake_open(&p.in, &opts);
	if (!code && p.in.times)
		truth_go_by_card(&p.truth, &p.departures, p.in.nic.info.clock_step_ns);
	else if (!code && opt.times == TIMES_HARDWARE)
		code = fail_environment(&verb_ping,
		                        "--times hardware: %s does not time packets both "
		                        "ways",
		                        argv[0]);
	if (!code)
		code = compile(&p);
	if (!code)
		code = intake_start(&p.in, &opts);
	if (!code)
		code = ping_all(&p);
	packet_source_free(p.source);
	packet_free(p.packet);
	intake_close(&p.in);
	truth_free(&p.truth);
	return code;
}

const struct verb verb_ping = {
	.name = "ping",
	.operands = "IF",
	.summary = "time packets to an echo and back",
	.help = "On the other side: rawq echo IF.  Over IP:\n\n"
		"  rawq echo eth1 --rule 'udp dport 7'\n"
		"  rawq ping eth0 --rule 'udp sport 7' --packet \\\n"
		"    "
		"'eth/ip(src=10.0.0.1,dst=10.0.0.2)/udp(sport=5000,dport=7)/" SIGNATURE
		"'\n",
	.options = options,
	.operands_min = 1,
	.operands_max = 1,
	.run = ping_run,
};
