/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq cap: what a rule asks for, to pcapng files. */
#include "verbs.h"

#include "common/capture_file.h"
#include "common/clock.h"
#include "common/extcap.h"
#include "common/intake.h"
#include "common/patience.h"
#include "common/run.h"
#include "common/tap_reader.h"

#include "rawq.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define BURST_MAX 256
/* How often the queue's drop counters, a system call on xdp, are read. */
#define STATUS_NS (20 * NS_PER_MS)
/* Of a packet of several descriptors; PACKET_MAX of all NICs is below. */
#define WHOLE_MAX 65536

static struct {
	struct run run;
	struct nic_choice choice;
	const char *filter, *path, *comment;
	struct wish wish;
	bool tap;
	struct extcap extcap;
	uint64_t pid, depth, snap, rotate_bytes, rotate_ns, ring;
} opt = {.depth = 4096};

static const struct option_row options[] = {
	{.name = "write",
         .letter = 'w',
         .metavar = "FILE",
         .type = OPTION_STRING,
         .value = &opt.path,
         .help = "the pcapng file"},
	WISH_OPTION_ROWS(opt.wish, "what to take, as for rawq rx"),
	ROW_FLAG("tap", &opt.tap,
                 "not from the wire: what another rawq process sends and receives\n"
                 "on IF, by queues of its own"),
	ROW_COUNT("pid", "N", &opt.pid, 1, 1 << 30,
                  "--tap: that process (default: the only one)"),
	ROW_STRING("filter", "TEXT", &opt.filter,
                   "of that, keep what matches, as 'tcp port 80' (see pcap-filter)"),
	ROW_FLAG("copy", &opt.wish.copy,
                 "the kernel gets the packets as well (not on xdp)"),
	ROW_SIZE("snap", "N", &opt.snap, 1, WHOLE_MAX,
                 "keep only the first N bytes of each packet"),
	ROW_STRING("comment", "TEXT", &opt.comment, "write it into the file's header"),
	ROW_SIZE("rotate-size", "N", &opt.rotate_bytes, 1, 0,
                 "begin the next file before one grows beyond, as 100MB"),
	ROW_DURATION("rotate-time", "TIME", &opt.rotate_ns, 1, 0,
                     "begin the next file after this time"),
	ROW_COUNT("ring", "N", &opt.ring, 1, 100000, "keep the latest N files"),
	RUN_OPTION_ROWS(opt.run),
	ROW_COUNT("count", "N", &opt.run.count, 1, 0,
                  "end after this many packets in the file"),
	ROW_COUNT("queues", "N", &opt.run.queues, 1, 0,
                  "receive queues (default: all that the netdev has)"),
	DEPTH_ROW(&opt.depth, " (default: 4096)"),
	NIC_OPTION_ROWS(opt.choice),
	EXTCAP_OPTION_ROWS(opt.extcap),
	{.name = NULL},
};

/* What the threads share. */
struct capture {
	struct intake in;
	struct tap_reader tap;
	const char *netdev;
	unsigned capturers;
	struct bpf_program program; /* of --filter */
	char words[512];            /* rule and filter, for every file's header */
	pthread_mutex_t lock;       /* on the rest */
	struct capture_file file;
	uint64_t start_ns;
	bool is_broken; /* writing failed */
};

/* A thread's own. */
struct capturer {
	struct capture *capture;
	struct intake_queue *queue;
	struct patience patience;
	uint64_t status_ns, filtered;
	uint32_t assembled;
	uint8_t whole[WHOLE_MAX];
};

static int read_status(struct worker *worker, struct capturer *c)
{
	struct rawq_queue_stats stats;
	int err = rawq_rxq_status(c->queue->rx, &stats);

	tally_set(worker, DROPPED, stats.no_frame + stats.full);
	tally_set(worker, ERRORS, stats.errors);
	if (err)
		worker_fail(worker, "%s: receive queue %u stopped: %s",
		            c->capture->in.nic.info.netdev, worker->index + 1,
		            strerror(-err));
	return err;
}

/* A whole packet; with the file's lock held. */
static void keep(struct worker *worker, struct capturer *c,
                 const struct tap_packet *packet)
{
	struct capture *capture = c->capture;
	uint32_t kept =
		opt.snap && opt.snap < packet->kept ? (uint32_t)opt.snap : packet->kept;
	int err;

	if (opt.filter &&
	    !pcap_offline_filter(
		    &capture->program,
		    &(struct pcap_pkthdr){.caplen = packet->kept, .len = packet->len},
		    packet->bytes)) {
		c->filtered++;
		return;
	}
	if (capture->is_broken || (opt.run.count && !run_goes_on(worker->run)))
		return;
	err = capture_file_packet(&capture->file, packet->time_ns, packet->is_sent,
	                          packet->bytes, kept, packet->len);
	if (err) {
		capture->is_broken = true;
		worker_fail(worker, "%s: %s; %" PRIu64 " packets are written",
		            capture->file.path, strerror(-err), capture->file.written);
	} else if (opt.run.count && run_count(worker->run, 1) >= opt.run.count) {
		run_stop(worker->run);
	}
}

/* A descriptor of a packet that has several; with the file's lock held. */
static void keep_piece(struct worker *worker, struct capturer *c, const uint8_t *piece,
                       const struct rawq_pkt *pkt, uint64_t now)
{
	uint32_t room = WHOLE_MAX - c->assembled, len = pkt->len < room ? pkt->len : room;

	memcpy(c->whole + c->assembled, piece, len);
	c->assembled += len;
	if (pkt->flags & RAWQ_MORE)
		return;
	keep(worker, c,
	     &(struct tap_packet){c->whole, c->assembled, c->assembled, now, false});
	c->assembled = 0;
}

static void take_packets(struct worker *worker, struct capturer *c,
                         const struct rawq_pkt *pkts, unsigned n)
{
	const uint8_t *base = intake_base(&c->capture->in);
	uint64_t now = realtime_ns(), bytes = 0, more = 0;
	unsigned i;

	pthread_mutex_lock(&c->capture->lock);
	for (i = 0; i < n; i++) {
		const uint8_t *at = base + pkts[i].addr;

		if (pkts[i].flags & RAWQ_MORE || c->assembled)
			keep_piece(worker, c, at, &pkts[i], now);
		else
			keep(worker, c,
			     &(struct tap_packet){at, pkts[i].len, pkts[i].len, now,
			                          false});
	}
	pthread_mutex_unlock(&c->capture->lock);
	for (i = 0; i < n; i++) {
		c->queue->frames.addr[c->queue->frames.n++] = pkts[i].addr;
		bytes += pkts[i].len;
		more += !!(pkts[i].flags & RAWQ_MORE);
	}
	frames_post(&c->queue->frames, c->queue->rx, n);
	tally_add(worker, RX_BYTES, bytes);
	tally_add(worker, RX_PACKETS, n - more);
	if (!worker->tally[RX_FIRST_NS])
		tally_set(worker, RX_FIRST_NS, now_ns());
	tally_set(worker, RX_LAST_NS, now_ns());
}

/* Nothing came for a while: what was gathered goes to the disk. */
static void flush(struct worker *worker, struct capture *capture)
{
	int err;

	pthread_mutex_lock(&capture->lock);
	err = capture->is_broken ? 0 : capture_file_flush(&capture->file);
	if (err) {
		capture->is_broken = true;
		worker_fail(worker, "%s: %s; %" PRIu64 " packets are written",
		            capture->file.path, strerror(-err), capture->file.written);
	}
	pthread_mutex_unlock(&capture->lock);
}

static void rest(struct worker *worker, struct capturer *c)
{
	short events = POLLIN;
	int fd;

	flush(worker, c->capture);
	fd = rawq_rxq_arm(c->queue->rx);
	if (fd >= 0)
		worker_wait(worker, &fd, &events, 1, 100);
}

static void cap_loop(struct worker *worker)
{
	struct capturer *c = worker->context;
	struct rawq_pkt pkts[BURST_MAX];
	uint64_t now = now_ns(), left = opt.depth;
	unsigned n = 1;

	while (run_goes_on(worker->run) && now < worker->run->end_ns) {
		n = rawq_rx_burst(c->queue->rx, pkts, BURST_MAX);
		if (n) {
			patience_paid(&c->patience);
			intake_answer(&c->capture->in, pkts, n);
			take_packets(worker, c, pkts, n);
		} else if (patience_over(&c->patience)) {
			rest(worker, c);
		}
		now = now_ns();
		if (now - c->status_ns >= STATUS_NS) {
			c->status_ns = now;
			if (read_status(worker, c))
				return;
		}
	}
	/* what came in before the end */
	for (n = 1; n && left; left -= n < left ? n : left) {
		n = rawq_rx_burst(c->queue->rx, pkts, BURST_MAX);
		if (n)
			take_packets(worker, c, pkts, n);
	}
	read_status(worker, c);
}

/* What the tap has now, up to a burst of it.  False: it has ended. */
static bool take_tapped(struct worker *worker, struct capturer *c)
{
	struct tap_packet packet;
	int got = 1, n;

	for (n = 0; n < BURST_MAX && (got = tap_next(&c->capture->tap, &packet)) > 0;
	     n++) {
		keep(worker, c, &packet);
		tally_add(worker, RX_PACKETS, 1);
		tally_add(worker, RX_BYTES, packet.len);
	}
	if (n && !worker->tally[RX_FIRST_NS])
		tally_set(worker, RX_FIRST_NS, now_ns());
	if (n) {
		patience_paid(&c->patience);
		tally_set(worker, RX_LAST_NS, now_ns());
	}
	if (got < 0 && got != -EPIPE)
		worker_fail(worker, "%s: the tap of process %d: %s", c->capture->netdev,
		            c->capture->tap.pid, strerror(-got));
	return got >= 0;
}

static void tap_loop(struct worker *worker)
{
	struct capturer *c = worker->context;
	uint64_t before = 0, left = TAP_QUEUES_MAX * (uint64_t)TAP_RING_SIZE;

	while (run_goes_on(worker->run) && now_ns() < worker->run->end_ns) {
		before = worker->tally[RX_PACKETS];
		if (!take_tapped(worker, c)) {
			run_stop(worker->run);
			break;
		}
		if (worker->tally[RX_PACKETS] == before && patience_over(&c->patience)) {
			flush(worker, c->capture);
			worker_wait(worker, NULL, NULL, 0, 1);
		}
		tally_set(worker, DROPPED, tap_lost(&c->capture->tap));
	}
	/* what is in the rings at the end */
	for (; left && take_tapped(worker, c) && worker->tally[RX_PACKETS] != before;
	     left--)
		before = worker->tally[RX_PACKETS];
	tally_set(worker, DROPPED, tap_lost(&c->capture->tap));
}

/* ---- set-up --------------------------------------------------------------- */

static int compile_filter(struct capture *capture)
{
	pcap_t *p = pcap_open_dead(DLT_EN10MB, WHOLE_MAX);
	int code = EXIT_OK;

	if (!p)
		return fail_environment(&verb_cap, "no memory");
	if (pcap_compile(p, &capture->program, opt.filter, 1, PCAP_NETMASK_UNKNOWN))
		code = fail_usage(&verb_cap, "--filter '%s': %s", opt.filter,
		                  pcap_geterr(p));
	pcap_close(p);
	return code;
}

static int open_file(struct capture *capture)
{
	struct capture_file_opts opts = {.path = opt.path,
	                                 .comment = opt.comment,
	                                 .rotate_bytes = opt.rotate_bytes,
	                                 .rotate_ns = opt.rotate_ns,
	                                 .ring = (unsigned)opt.ring};
	int err;

	snprintf(capture->words, sizeof(capture->words), "%s%s%s%s",
	         opt.tap ? "tap" : "rule: ", opt.tap ? "" : opt.wish.words,
	         opt.filter ? "; " : "", opt.filter ? opt.filter : "");
	opts.interface.name = capture->netdev;
	opts.interface.filter = capture->words;
	opts.interface.speed = capture->in.nic.info.link_mbps * UINT64_C(1000000);
	opts.interface.snap = (uint32_t)opt.snap;
	capture->start_ns = realtime_ns();
	err = capture_file_open(&capture->file, &opts, capture->start_ns);
	if (!err)
		return EXIT_OK;
	capture_file_close(&capture->file, 0, 0, 0);
	return fail_environment(&verb_cap, "%s: %s", capture->file.path, strerror(-err));
}

/* End the file; the sentence about it for people, or the fields of the end event. */
static int end_file(struct capture *capture, struct capturer *const *capturers,
                    const uint64_t *totals, json_t *extra)
{
	uint64_t filtered = 0;
	unsigned i;
	int err;

	err = capture_file_close(&capture->file, realtime_ns(),
	                         totals[RX_PACKETS] + totals[DROPPED], totals[DROPPED]);
	for (i = 0; i < capture->capturers; i++)
		filtered += capturers[i]->filtered;
	json_object_set_new(extra, "written",
	                    json_integer((json_int_t)capture->file.written));
	json_object_set_new(extra, "filtered", json_integer((json_int_t)filtered));
	json_object_set_new(extra, "files",
	                    json_integer((json_int_t)capture->file.number));
	json_object_set_new(extra, "last_file", json_string(capture->file.path));
	if (err && !capture->is_broken)
		return fail_environment(
			&verb_cap, "%s: %s; %" PRIu64 " packets are written",
			capture->file.path, strerror(-err), capture->file.written);
	return EXIT_OK;
}

static json_t *config_json(const struct capture *capture)
{
	json_t *config = opt.tap ? json_pack("{s:s, s:i}", "interface", capture->netdev,
	                                     "pid", capture->tap.pid)
	                         : intake_json(&capture->in, &opt.wish);

	json_object_update_new(
		config, json_pack("{s:b, s:s?, s:s, s:I, s:I, s:I, s:I, s:I}", "tap",
	                          opt.tap, "filter", opt.filter, "file", opt.path, "snap",
	                          (json_int_t)opt.snap, "rotate_bytes",
	                          (json_int_t)opt.rotate_bytes, "rotate_ns",
	                          (json_int_t)opt.rotate_ns, "ring", (json_int_t)opt.ring,
	                          "depth", (json_int_t)opt.depth));
	return config;
}

static int capture_all(struct capture *capture, struct capturer **capturers)
{
	struct report report = {.verb = &verb_cap, .json = opt.run.json, .rx = true};
	uint64_t totals[TALLY_FIELDS] = {0};
	json_t *extra = json_object();
	int code, ended;

	if (opt.tap)
		snprintf(report.title, sizeof(report.title),
		         "%s: tap of process %d, to %s", capture->netdev,
		         capture->tap.pid, opt.path);
	else
		snprintf(report.title, sizeof(report.title), "%s: '%s', %s, to %s",
		         capture->netdev, opt.wish.words, capture->in.how, opt.path);
	opt.run.loop = opt.tap ? tap_loop : cap_loop;
	report_start(&report, config_json(capture));
	code = run_workers(&opt.run, &report, (void **)capturers, capture->capturers,
	                   totals);
	ended = end_file(capture, capturers, totals, extra);
	report_end(&report, totals, now_ns(), extra);
	if (!opt.run.json)
		printf("  written    %17" PRIu64 " packets in %" PRIu64 " file%s\n",
		       capture->file.written, capture->file.number,
		       capture->file.number == 1 ? "" : "s");
	return code ? code : ended;
}

static int with_capturers(struct capture *capture)
{
	struct capturer **capturers =
		calloc(capture->capturers, sizeof(struct capturer *));
	int code = capturers ? EXIT_OK : EXIT_ENVIRONMENT;
	unsigned i;

	for (i = 0; !code && i < capture->capturers; i++) {
		capturers[i] = calloc(1, sizeof(**capturers));
		if (!capturers[i]) {
			code = EXIT_ENVIRONMENT;
			break;
		}
		capturers[i]->capture = capture;
		capturers[i]->queue = opt.tap ? NULL : &capture->in.queue[i];
	}
	if (code)
		fail_environment(&verb_cap, "no memory");
	else
		code = open_file(capture);
	if (!code)
		code = capture_all(capture, capturers);
	for (i = 0; capturers && i < capture->capturers; i++)
		free(capturers[i]);
	free(capturers);
	return code;
}

/* From another process's queues, with none of our own. */
static int capture_tap(struct capture *capture)
{
	int code = tap_open(&capture->tap, &verb_cap, capture->netdev, (int)opt.pid,
	                    opt.snap ? (uint32_t)opt.snap : UINT32_MAX);

	capture->capturers = 1;
	if (!code)
		code = with_capturers(capture);
	tap_close(&capture->tap);
	return code;
}

static int capture_wire(struct capture *capture)
{
	struct intake_opts opts = {.verb = &verb_cap,
	                           .netdev = capture->netdev,
	                           .choice = &opt.choice,
	                           .queues = opt.run.queues,
	                           .depth = opt.depth,
	                           .wish = &opt.wish};
	int code = wish_read(&verb_cap, &opt.wish, NULL);

	if (code)
		return code;
	code = intake_open(&capture->in, &opts);
	capture->capturers = capture->in.queues;
	if (!code)
		code = intake_start(&capture->in, &opts);
	if (!code)
		code = with_capturers(capture);
	intake_close(&capture->in);
	return code;
}

/* What is missing or does not go together. */
static int check_options(void)
{
	bool wants = opt.wish.rules.count || opt.wish.as;

	if (opt.tap && (wants || opt.wish.take_everything || opt.wish.copy))
		return fail_usage(&verb_cap,
		                  "--tap takes nothing from the wire: no --rule, --as, "
		                  "--take-everything or --copy; --filter chooses");
	if (opt.pid && !opt.tap)
		return fail_usage(&verb_cap, "--pid needs --tap beside it");
	if (!opt.path || (!wants && !opt.tap))
		return fail_usage(
			&verb_cap,
			"give -w FILE and --rule TEXT or --as WHO: what is captured "
			"no longer reaches the kernel");
	if (opt.ring && !opt.rotate_bytes && !opt.rotate_ns)
		return fail_usage(
			&verb_cap,
			"--ring needs --rotate-size or --rotate-time beside it");
	return EXIT_OK;
}

/* Wireshark's way of asking for what --write, --filter and the operand say; without a rule it is
 * shown what other processes do, which harms nobody. */
static int take_extcap(void)
{
	if (!opt.extcap.fifo || !opt.extcap.interface)
		return fail_usage(&verb_cap,
		                  "--capture needs --fifo and --extcap-interface");
	opt.path = opt.extcap.fifo;
	if (opt.extcap.filter && *opt.extcap.filter)
		opt.filter = opt.extcap.filter;
	/* a field left empty comes as an empty option */
	if (opt.wish.rules.count && !*opt.wish.rules.text[0])
		opt.wish.rules.count = 0;
	opt.tap = !opt.wish.rules.count && !opt.wish.as;
	/* it reads the pipe, and what we print would be taken for an error */
	return freopen("/dev/null", "w", stdout)
	               ? EXIT_OK
	               : fail_environment(&verb_cap, "/dev/null: %s", strerror(errno));
}

static int cap_run(int argc, char **argv)
{
	static struct capture capture = {.lock = PTHREAD_MUTEX_INITIALIZER};
	int code;

	if (extcap_answer(&opt.extcap))
		return EXIT_OK;
	code = opt.extcap.capture ? take_extcap() : EXIT_OK;
	if (!code)
		code = check_options();
	if (!code && !argc && !opt.extcap.capture)
		code = fail_usage(&verb_cap, "give an interface");
	capture.netdev = argc ? argv[0] : extcap_netdev(&opt.extcap);
	signal(SIGPIPE, SIG_IGN); /* a reader that goes is an error of write(2) */
	if (!code && opt.filter)
		code = compile_filter(&capture);
	if (!code)
		code = opt.tap ? capture_tap(&capture) : capture_wire(&capture);
	pcap_freecode(&capture.program);
	return code;
}

const struct verb verb_cap = {
	.name = "cap",
	.operands = "IF",
	.summary = "capture what a rule asks for to pcapng files",
	.help = "The file has ns times, the interface, and at its end how many packets "
		"were\n"
		"received, dropped and kept.  It is readable however the capture ends.\n"
		"With rotation x.pcapng becomes x_00001.pcapng, x_00002.pcapng...\n"
		"Wireshark and tshark list rawq's interfaces once a link to it is in "
		"their\n"
		"extcap folder (tshark -G folders).\n\n"
		"  rawq cap eth0 --rule 'udp dport 4791' -w roce.pcapng --for 10s\n"
		"  rawq cap eth0 --tap -w fwd.pcapng     what rawq fwd does there\n",
	.options = options,
	.operands_min = 0,
	.operands_max = 1,
	.run = cap_run,
};
