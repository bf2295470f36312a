/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq echo: send back what a rule asks for. */
#include "verbs.h"

#include "common/clock.h"
#include "common/intake.h"
#include "common/patience.h"
#include "common/reflect.h"
#include "common/run.h"

#include "rawq.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define BURST_MAX 256
/* How often the queues' counters, system calls on xdp, are read. */
#define STATUS_NS (20 * NS_PER_MS)
/* While frames are on their way out they are reaped this often. */
#define REAP_EVERY_MS 1
/* How long the last frames may take. */
#define DRAIN_NS (500 * NS_PER_MS)

static struct {
	struct run run;
	struct nic_choice choice;
	struct wish wish;
	uint64_t depth;
	unsigned poll;
} opt = {.depth = 512};

static const struct option_row options[] = {
	WISH_OPTION_ROWS(opt.wish,
                         "what to send back (default: 'ethertype 0x88b5', that of\n"
                         "rawq ping)"),
	RUN_OPTION_ROWS(opt.run),
	ROW_COUNT("queues", "N", &opt.run.queues, 1, 0,
                  "queues, a thread each (default: all)"),
	POLL_ROW(&opt.poll),
	DEPTH_ROW(&opt.depth, " (default: 512)"),
	NIC_OPTION_ROWS(opt.choice),
	{.name = NULL},
};

struct echo {
	struct intake *in;
	struct intake_queue *queue;
	struct patience patience;
	unsigned out;     /* descriptors given and not yet reaped */
	uint64_t no_room; /* packets dropped for want of room to send */
	bool is_inside;   /* the next descriptor goes on with a packet */
};

static void reap(struct echo *e)
{
	struct frames *f = &e->queue->frames;
	unsigned n = e->out ? rawq_tx_reap(e->queue->tx, f->addr + f->n, e->out) : 0;

	f->n += n;
	e->out -= n;
	frames_post(f, e->queue->rx, n);
}

/* Send as much as there is room for; the rest goes back to be received into. */
static void send_back(struct echo *e, const struct rawq_pkt *pkts, unsigned n)
{
	struct frames *f = &e->queue->frames;
	unsigned k = rawq_tx_burst(e->queue->tx, pkts, n), i;

	e->out += k;
	if (k < n) {
		reap(e);
		i = rawq_tx_burst(e->queue->tx, pkts + k, n - k);
		e->out += i;
		k += i;
	}
	for (i = k; i < n; i++) {
		f->addr[f->n++] = pkts[i].addr;
		e->no_room += !(pkts[i].flags & RAWQ_MORE);
	}
	frames_post(f, e->queue->rx, n - k);
}

/* Ready to be sent: pkts[0..returned).  What the responder answered is received into again. */
static unsigned turn_round(struct echo *e, struct rawq_pkt *pkts, unsigned n)
{
	const uint8_t *mac = opt.wish.has_mac ? opt.wish.mac : e->in->nic.info.mac;
	struct frames *f = &e->queue->frames;
	uint8_t *base = intake_base(e->in);
	unsigned kept = 0, i;

	for (i = 0; i < n; i++) {
		bool is_whole = !e->is_inside && !(pkts[i].flags & RAWQ_MORE);

		if (is_whole && intake_answer(e->in, &pkts[i], 1)) {
			f->addr[f->n++] = pkts[i].addr;
			continue;
		}
		if (!e->is_inside)
			reflect(base + pkts[i].addr, pkts[i].len, mac);
		e->is_inside = pkts[i].flags & RAWQ_MORE;
		pkts[kept] = pkts[i];
		pkts[kept++].flags &= RAWQ_MORE;
	}
	frames_post(f, e->queue->rx, n - kept);
	return kept;
}

static int read_status(struct worker *worker, struct echo *e)
{
	struct rawq_queue_stats rx, tx;
	int err = rawq_rxq_status(e->queue->rx, &rx);

	if (!err)
		err = rawq_txq_status(e->queue->tx, &tx);
	else
		memset(&tx, 0, sizeof(tx));
	tally_set(worker, RX_PACKETS, rx.packets);
	tally_set(worker, RX_BYTES, rx.bytes);
	tally_set(worker, TX_PACKETS, tx.packets);
	tally_set(worker, TX_BYTES, tx.bytes);
	tally_set(worker, TX_COMPLETED, tx.packets - e->out);
	tally_set(worker, DROPPED, rx.no_frame + rx.full + e->no_room);
	tally_set(worker, ERRORS, rx.errors + tx.errors);
	if (err)
		worker_fail(worker, "%s: queue %u stopped: %s", e->in->nic.info.netdev,
		            worker->index + 1, strerror(-err));
	return err;
}

static void rest(struct worker *worker, struct echo *e)
{
	short events = POLLIN;
	int fd = rawq_rxq_arm(e->queue->rx);

	if (fd >= 0)
		worker_wait(worker, &fd, &events, 1, e->out ? REAP_EVERY_MS : 100);
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

static void echo_loop(struct worker *worker)
{
	struct echo *e = worker->context;
	struct rawq_pkt pkts[BURST_MAX];
	uint64_t now = now_ns(), status_ns = now;
	unsigned n;

	while (run_goes_on(worker->run) && now < worker->run->end_ns) {
		reap(e);
		n = rawq_rx_burst(e->queue->rx, pkts, BURST_MAX);
		if (n) {
			send_back(e, pkts, turn_round(e, pkts, n));
			count_time(worker, now);
			patience_paid(&e->patience);
		} else if (patience_over(&e->patience) && opt.poll == POLL_SLEEP) {
			rest(worker, e);
		}
		now = now_ns();
		if (now - status_ns >= STATUS_NS) {
			status_ns = now;
			if (read_status(worker, e))
				return;
		}
	}
	while (e->out && now_ns() < now + DRAIN_NS)
		reap(e);
	read_status(worker, e);
}

static json_t *config_json(const struct intake *in)
{
	json_t *config = intake_json(in, &opt.wish);

	json_object_update_new(
		config, json_pack("{s:i, s:I, s:s}", "queues", (int)in->queues, "depth",
	                          (json_int_t)opt.depth, "poll", poll_names[opt.poll]));
	return config;
}

static int run_echoes(struct intake *in)
{
	struct report report = {
		.verb = &verb_echo, .json = opt.run.json, .rx = true, .tx = true};
	struct echo *echoes = calloc(in->queues, sizeof(*echoes));
	void **contexts = calloc(in->queues, sizeof(*contexts));
	uint64_t totals[TALLY_FIELDS] = {0};
	int code = EXIT_ENVIRONMENT;
	unsigned i;

	if (!echoes || !contexts) {
		fail_environment(&verb_echo, "no memory");
		goto free;
	}
	for (i = 0; i < in->queues; i++) {
		echoes[i].in = in;
		echoes[i].queue = &in->queue[i];
		contexts[i] = &echoes[i];
	}
	snprintf(report.title, sizeof(report.title), "%s: '%s', %s", in->nic.info.netdev,
	         opt.wish.words, in->how);
	opt.run.loop = echo_loop;
	report_start(&report, config_json(in));
	code = run_workers(&opt.run, &report, contexts, in->queues, totals);
	report_end(&report, totals, now_ns(), NULL);
free:
	free(contexts);
	free(echoes);
	return code;
}

static int echo_run(int argc, char **argv)
{
	struct intake_opts opts = {.verb = &verb_echo,
	                           .netdev = argv[0],
	                           .choice = &opt.choice,
	                           .queues = opt.run.queues,
	                           .depth = (uint32_t)opt.depth,
	                           .sends = true,
	                           .wish = &opt.wish};
	struct intake in;
	int code;

	(void)argc;
	code = wish_read(&verb_echo, &opt.wish, "ethertype 0x88b5");
	if (code)
		return code;
	code = intake_open(&in, &opts);
	if (!code)
		code = intake_start(&in, &opts);
	if (!code)
		code = run_echoes(&in);
	intake_close(&in);
	return code;
}

const struct verb verb_echo = {
	.name = "echo",
	.operands = "IF",
	.summary = "send back what a rule asks for, addresses and ports swapped",
	.help = "  rawq echo eth0                         for rawq ping on the other "
		"side\n"
		"  rawq echo eth0 --rule 'udp dport 7'\n",
	.options = options,
	.operands_min = 1,
	.operands_max = 1,
	.run = echo_run,
};
