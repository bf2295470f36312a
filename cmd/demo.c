/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rawq demo: rawq tx, fwd and rx over real kernel interfaces, in namespaces of their own, while
 * the kernel answers ping on the forwarder's interfaces; or, for ordinary users, over cables
 * between emulated cards.  A short run without a limit finds out what this machine carries; the
 * run that counts asks for less than half of that.
 */
#include "verbs.h"

#include "common/child.h"
#include "common/clock.h"
#include "common/picture.h"
#include "common/pinger.h"
#include "common/report.h"
#include "common/sandbox.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PACKET                                                                           \
	"eth/ip(src=" SANDBOX_SENDER_IP ",dst=" SANDBOX_RECEIVER_IP                      \
	")/udp(dport=9)/sig(flow=inc(0..99))"
#define RULE "udp dport 9"
/* Packets that a queue has room for: 50 ms and more without a CPU at the rates here. */
#define DEPTH "16384"

#define PACKETS        1000000
#define PACKETS_TEXT   "1M"
#define CALIBRATE_TEXT "400ms"
/* Below, a million packets take too long; above, it is over too soon to watch. */
#define RATE_MIN 100000
#define RATE_MAX 300000
/* Of what the machine carried without a limit: others want its CPUs as well. */
#define RATE_PART 0.4

#define PING_EVERY_NS (20 * NS_PER_MS)
/* For packets and answers on their way. */
#define SETTLE_NS (200 * NS_PER_MS)
/* A child that has not said what it was waited for by then hangs. */
#define STEP_NS (30 * NS_PER_S)
/* A rate below this share of what was asked was missed. */
#define KEPT 0.99

/* A program on the emulated card: rawq emu, a wire for each port, --, rawq. */
#define EMU_ARGS_MAX 7

static const char *const nics[] = {"auto", "veth", "emulated", NULL};
enum nic_kind { NIC_AUTO, NIC_VETH, NIC_EMULATED };

static struct {
	bool json;
	unsigned nic;
} opt;

static const struct option_row options[] = {
	ROW_FLAG("json", &opt.json, "print one JSON object a line: interval..., end"),
	ROW_ENUM("nic", "KIND", &opt.nic, nics,
                 "veth: the kernel's, needs root; emulated: ConnectX, needs nothing;\n"
                 "or auto: veth for root (default)"),
	{.name = NULL},
};

enum role { TX, FWD, RX, ROLES };

struct demo {
	struct sandbox box;
	struct pinger pingers[2]; /* sender to left, receiver to right */
	struct child children[ROLES];
	bool emulated;
	char self[4096];          /* this program */
	char first[48], last[48]; /* wires from tx, and to rx */
	int signal_fd;
	uint64_t start_ns, ping_ns, second_ns, until_ns;
	bool live;    /* a second hand is to be shown */
	bool stopped; /* tx was asked to end */
};

/* What one run of the three gave. */
struct outcome {
	json_t *ends[ROLES]; /* their end events */
	uint64_t sent, forwarded, received;
};

static uint64_t number(const json_t *event, const char *field)
{
	return (uint64_t)json_integer_value(json_object_get(event, field));
}

static double real(const json_t *event, const char *field)
{
	return json_number_value(json_object_get(event, field));
}

/* ---- watching ------------------------------------------------------------- */

static void show_second(const struct demo *d)
{
	const json_t *tx = d->children[TX].interval, *fwd = d->children[FWD].interval;
	const json_t *rx = d->children[RX].interval;
	uint64_t sent = d->pingers[0].sent + d->pingers[1].sent;
	uint64_t answered = d->pingers[0].answered + d->pingers[1].answered;
	double at_s = (double)(now_ns() - d->start_ns) / 1e9;
	char a[32], b[32], c[32];

	if (opt.json) {
		printf("{\"event\":\"interval\",\"at\":%.3f,\"tx_pps\":%.0f,\"fwd_pps\":%"
		       ".0f,"
		       "\"rx_pps\":%.0f,\"pings_sent\":%" PRIu64
		       ",\"pings_answered\":%" PRIu64 "}\n",
		       at_s, real(tx, "tx_pps"), real(fwd, "tx_pps"), real(rx, "rx_pps"),
		       sent, answered);
	} else {
		printf("%5.1f s  tx %s  ->  fwd %s  ->  rx %s", at_s,
		       format_rate(real(tx, "tx_pps"), "pps", a),
		       format_rate(real(fwd, "tx_pps"), "pps", b),
		       format_rate(real(rx, "rx_pps"), "pps", c));
		if (!d->emulated)
			printf("   ping %" PRIu64 "/%" PRIu64 " answered, %.2f ms",
			       answered, sent, (double)d->pingers[0].rtt_ns / 1e6);
		putchar('\n');
	}
	fflush(stdout);
}

static void tick(struct demo *d, uint64_t now)
{
	int i;

	if (now >= d->ping_ns) {
		for (i = 0; i < 2 && d->live && !d->emulated && !d->children[TX].end; i++)
			pinger_send(&d->pingers[i]);
		d->ping_ns = now + PING_EVERY_NS;
	}
	if (d->live && now >= d->second_ns) {
		show_second(d);
		d->second_ns += NS_PER_S;
	}
}

static bool has_started(const struct demo *d)
{
	return d->children[FWD].start && d->children[RX].start;
}

static bool has_sent(const struct demo *d)
{
	return d->children[TX].end;
}

static uint64_t unanswered(const struct demo *d)
{
	return d->pingers[0].sent - d->pingers[0].answered + d->pingers[1].sent -
	       d->pingers[1].answered;
}

static bool has_settled(const struct demo *d)
{
	uint64_t now = now_ns();

	return now >= d->until_ns + NS_PER_S || (now >= d->until_ns && !unanswered(d));
}

static bool has_ended(const struct demo *d)
{
	return d->children[FWD].end && d->children[RX].end;
}

/* Once something is lost there is no use in sending on. */
static void stop_early(struct demo *d)
{
	if (!d->live || d->stopped ||
	    !(number(d->children[FWD].interval, "dropped") ||
	      number(d->children[RX].interval, "dropped")))
		return;
	d->stopped = true; /* a second SIGINT would kill it */
	child_interrupt(&d->children[TX]);
}

static int read_all(struct demo *d, const struct pollfd *p)
{
	int i;

	if (p[0].revents & POLLIN) {
		fail_environment(&verb_demo, "interrupted");
		return EXIT_EXPECTATION;
	}
	for (i = 0; i < ROLES; i++) {
		struct child *c = &d->children[i];

		if (c->pid && c->fd >= 0 && !child_read(c) && !c->end)
			return fail_environment(&verb_demo,
			                        "rawq %s ended before its time", c->name);
	}
	for (i = 0; i < 2 && !d->emulated; i++)
		pinger_read(&d->pingers[i]);
	stop_early(d);
	return EXIT_OK;
}

/* Keep everything going until something holds. */
static int watch_until(struct demo *d, bool (*holds)(const struct demo *),
                       const char *what)
{
	uint64_t deadline = now_ns() + STEP_NS, now;
	struct pollfd p[1 + ROLES + 2];
	int i, code;

	while (!holds(d)) {
		p[0] = (struct pollfd){.fd = d->signal_fd, .events = POLLIN};
		for (i = 0; i < ROLES; i++)
			p[1 + i] = (struct pollfd){
				.fd = d->children[i].pid ? d->children[i].fd : -1,
				.events = POLLIN};
		for (i = 0; i < 2; i++)
			p[1 + ROLES + i] =
				(struct pollfd){.fd = d->pingers[i].fd, .events = POLLIN};
		poll(p, 1 + ROLES + 2, (int)(PING_EVERY_NS / NS_PER_MS / 2));
		code = read_all(d, p);
		if (code)
			return code;
		now = now_ns();
		tick(d, now);
		if (now > deadline)
			return fail_environment(&verb_demo, "waited 30 s for %s", what);
	}
	return EXIT_OK;
}

/* ---- runs ----------------------------------------------------------------- */

/* The arguments of rawq emu that are to come before a program's own; how many. */
static unsigned emulate(const struct demo *d, enum role role, const char **arguments)
{
	unsigned n = 0;

	arguments[n++] = "emu";
	arguments[n++] = "--wire";
	arguments[n++] = role == RX ? d->last : d->first;
	if (role == FWD) {
		arguments[n++] = "--wire";
		arguments[n++] = d->last;
	}
	arguments[n++] = "--";
	arguments[n++] = d->self;
	return n;
}

/* name: the verb; the interface names of veths become the emulated card's. */
static int start(struct demo *d, enum role role, const char *name, int netns,
                 const char *const *arguments)
{
	const char *all[EMU_ARGS_MAX + CHILD_ARGS_MAX] = {NULL};
	unsigned before = d->emulated ? emulate(d, role, all) : 0, i;
	int err;

	for (i = 0; arguments[i] && before + i < CHILD_ARGS_MAX; i++)
		all[before + i] = arguments[i];
	if (d->emulated)
		all[before + 1] = "rqemu0";
	if (d->emulated && role == FWD)
		all[before + 2] = "rqemu1";
	err = child_start(&d->children[role], name, netns, role != TX, all);

	return err ? fail_environment(&verb_demo, "cannot start rawq %s: %s", name,
	                              strerror(-err))
	           : EXIT_OK;
}

static int start_takers(struct demo *d)
{
	static const char *const rx[] = {"rx",  "receiver",     "--rule", RULE, "--depth",
	                                 DEPTH, "--histograms", "--json", NULL};
	static const char *const fwd[] = {"fwd",     "left", "right",  "--rule", RULE,
	                                  "--depth", DEPTH,  "--json", NULL};
	int code = start(d, RX, "rx", d->box.receiver_ns, rx);

	if (!code)
		code = start(d, FWD, "fwd", d->box.own_ns, fwd);
	return code ? code : watch_until(d, has_started, "fwd and rx to start");
}

static int end_takers(struct demo *d)
{
	int code;

	d->until_ns = now_ns() + SETTLE_NS;
	code = watch_until(d, has_settled, "the last packets");
	if (code)
		return code;
	child_interrupt(&d->children[FWD]);
	child_interrupt(&d->children[RX]);
	return watch_until(d, has_ended, "fwd and rx to end");
}

static void take_outcome(struct demo *d, struct outcome *o)
{
	int i;

	for (i = 0; i < ROLES; i++) {
		o->ends[i] = json_incref(d->children[i].end);
		child_finish(&d->children[i]);
	}
	o->sent = number(o->ends[TX], "tx_completed");
	o->forwarded = number(o->ends[FWD], "tx_completed");
	o->received = number(o->ends[RX], "rx_packets");
}

static void free_outcome(struct outcome *o)
{
	int i;

	for (i = 0; i < ROLES; i++)
		json_decref(o->ends[i]);
	memset(o, 0, sizeof(*o));
}

static int run_once(struct demo *d, const char *const *tx, struct outcome *o)
{
	int code = start_takers(d);

	d->second_ns = now_ns() + NS_PER_S + NS_PER_S / 10; /* behind tx's own */
	if (!code)
		code = start(d, TX, "tx", d->box.sender_ns, tx);
	if (!code)
		code = watch_until(d, has_sent, "tx to end");
	if (!code)
		code = end_takers(d);
	if (!code)
		take_outcome(d, o);
	return code;
}

/* What the machine carries, and from that a rate that it surely does, in whole 10 kpps. */
static int calibrate(struct demo *d, unsigned *rate)
{
	static const char *const tx[] = {"tx",     "sender",       PACKET,
	                                 "--for",  CALIBRATE_TEXT, "--engine",
	                                 "queues", "--json",       NULL};
	struct outcome o = {0};
	double carried, pps;
	int code = run_once(d, tx, &o);

	if (code)
		return code;
	carried = real(o.ends[RX], "rx_pps");
	free_outcome(&o);
	pps = carried * RATE_PART;
	*rate = pps < RATE_MIN ? RATE_MIN : pps > RATE_MAX ? RATE_MAX : (unsigned)pps;
	*rate = *rate / 10000 * 10000;
	if (!opt.json)
		printf("end to end this machine carries %.0f kpps now; asking for %u "
		       "kpps\n",
		       carried / 1e3, *rate / 1000);
	return EXIT_OK;
}

static int run_paced(struct demo *d, unsigned rate, struct outcome *o)
{
	char text[32];
	const char *const tx[] = {"tx",     "sender",  PACKET,       "--rate",
	                          text,     "--count", PACKETS_TEXT, "--engine",
	                          "queues", "--json",  NULL};
	int code;

	snprintf(text, sizeof(text), "%upps", rate);
	d->live = true;
	d->second_ns =
		now_ns() + NS_PER_S + NS_PER_S / 20; /* just after the children's */
	code = run_once(d, tx, o);
	d->live = false;
	return code;
}

/* ---- the report ----------------------------------------------------------- */

static uint64_t lost(const struct outcome *o)
{
	return o->sent > o->received ? o->sent - o->received : 0;
}

static void print_end(const struct demo *d, const struct outcome *o, unsigned rate)
{
	uint64_t pings = d->pingers[0].sent + d->pingers[1].sent;
	uint64_t answers = d->pingers[0].answered + d->pingers[1].answered;
	double sent_pps = real(o->ends[TX], "tx_pps");
	char a[32], b[32], c[32], e[32];

	const struct picture_rate rates[] = {{"tx", "tx_pps", o->ends[TX]},
	                                     {"fwd", "tx_pps", o->ends[FWD]},
	                                     {"rx", "rx_pps", o->ends[RX]}};

	printf("\nsent %s  forwarded %s  received %s  lost %s  at %.0f kpps",
	       format_count(o->sent, a), format_count(o->forwarded, b),
	       format_count(o->received, c), format_count(lost(o), e), sent_pps / 1e3);
	if (sent_pps < KEPT * rate)
		printf(", which the CPUs kept it at: %u were asked", rate / 1000);
	putchar('\n');
	picture_rates(rates, ROLES, stdout);
	picture_fates(o->ends[RX], stdout);
	picture_latency(o->ends[RX], stdout);
	if (!d->emulated)
		printf("ping through the kernel on the same interfaces: %" PRIu64
		       " of %" PRIu64 " answered\n",
		       answers, pings);
	printf("took %.1f s; %s end with this process\n",
	       (double)(now_ns() - d->start_ns) / 1e9,
	       d->emulated ? "the cards" : "the namespaces and interfaces");
}

static void dump_end(const struct demo *d, const struct outcome *o, unsigned rate)
{
	json_t *end = json_pack(
		"{s:s, s:s, s:f, s:i, s:I, s:I, s:f, s:I, s:I, s:f, s:I, s:I, s:I, s:I}",
		"event", "end", "verb", "demo", "seconds",
		(double)(now_ns() - d->start_ns) / 1e9, "asked_pps", (int)rate,
		"tx_packets", (json_int_t)o->sent, "tx_bytes",
		(json_int_t)number(o->ends[TX], "tx_bytes"), "tx_pps",
		real(o->ends[TX], "tx_pps"), "rx_packets", (json_int_t)o->received,
		"rx_bytes", (json_int_t)number(o->ends[RX], "rx_bytes"), "rx_pps",
		real(o->ends[RX], "rx_pps"), "forwarded", (json_int_t)o->forwarded,
		"dropped", (json_int_t)lost(o), "pings_sent",
		(json_int_t)(d->pingers[0].sent + d->pingers[1].sent), "pings_answered",
		(json_int_t)(d->pingers[0].answered + d->pingers[1].answered));

	json_object_set_new(end, "nic",
	                    json_string(nics[d->emulated ? NIC_EMULATED : NIC_VETH]));
	json_object_set(end, "lost", json_object_get(o->ends[RX], "lost"));
	json_object_set(end, "reordered", json_object_get(o->ends[RX], "reordered"));
	json_object_set(end, "duplicated", json_object_get(o->ends[RX], "duplicated"));
	json_object_set(end, "corrupted", json_object_get(o->ends[RX], "corrupted"));
	json_object_set(end, "latency_ns", json_object_get(o->ends[RX], "latency_ns"));
	json_object_set_new(end, "config",
	                    json_pack("{s:O, s:O, s:O}", "tx",
	                              json_object_get(o->ends[TX], "config"), "fwd",
	                              json_object_get(o->ends[FWD], "config"), "rx",
	                              json_object_get(o->ends[RX], "config")));
	json_dumpf(end, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
	putchar('\n');
	json_decref(end);
}

static bool is_answered(const struct demo *d)
{
	return d->pingers[0].sent && d->pingers[1].sent && !unanswered(d);
}

static int judge(const struct demo *d, const struct outcome *o)
{
	if (o->sent < PACKETS || o->received != o->sent ||
	    number(o->ends[RX], "signed_packets") != o->sent ||
	    !(d->emulated || is_answered(d)))
		return EXIT_EXPECTATION;
	return EXIT_OK;
}

/* At most twice: something else may have had the CPUs. */
static int run_until_clean(struct demo *d, unsigned rate)
{
	struct outcome o = {0};
	int code, tries;

	for (tries = 0;; tries++) {
		code = run_paced(d, rate, &o);
		if (code)
			return code;
		if (!lost(&o) || tries == 1 || rate == RATE_MIN)
			break;
		if (!opt.json)
			printf("lost %" PRIu64 " at %u kpps: once more, slower\n",
			       lost(&o), rate / 1000);
		rate = rate / 2 < RATE_MIN ? RATE_MIN : rate / 2;
		free_outcome(&o);
	}
	if (opt.json)
		dump_end(d, &o, rate);
	else
		print_end(d, &o, rate);
	code = judge(d, &o);
	free_outcome(&o);
	return code;
}

static int open_pinger(struct pinger *p, int netns, const char *ip)
{
	int err = namespace_enter(netns);

	if (!err)
		err = pinger_open(p, ip);
	return err ? fail_environment(&verb_demo, "cannot ping %s: %s", ip,
	                              strerror(-err))
	           : EXIT_OK;
}

/* Namespaces for as many cards' netdevs: rawq emu makes its own where root does not. */
static int open_cards(struct demo *d)
{
	ssize_t len = readlink("/proc/self/exe", d->self, sizeof(d->self) - 1);

	d->self[len < 0 ? 0 : len] = '\0';
	snprintf(d->first, sizeof(d->first), "cable:demo-%d-1", (int)getpid());
	snprintf(d->last, sizeof(d->last), "cable:demo-%d-2", (int)getpid());
	if (!geteuid())
		return sandbox_enter(&verb_demo, &d->box);
	d->box.sender_ns = d->box.own_ns = d->box.receiver_ns = -1;
	return EXIT_OK;
}

static int open_all(struct demo *d)
{
	sigset_t signals;
	int code, err;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	d->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	d->emulated = opt.nic == NIC_EMULATED || (opt.nic == NIC_AUTO && geteuid());
	if (d->emulated)
		return open_cards(d);
	code = sandbox_enter(&verb_demo, &d->box);
	if (!code)
		code = open_pinger(&d->pingers[0], d->box.sender_ns, SANDBOX_LEFT_IP);
	if (!code)
		code = open_pinger(&d->pingers[1], d->box.receiver_ns, SANDBOX_RIGHT_IP);
	if (code)
		return code;
	err = namespace_enter(d->box.own_ns);
	return err ? fail_environment(&verb_demo, "setns: %s", strerror(-err)) : EXIT_OK;
}

static void close_all(struct demo *d)
{
	int i;

	for (i = 0; i < ROLES; i++)
		child_finish(&d->children[i]);
	for (i = 0; i < 2 && !d->emulated; i++)
		pinger_close(&d->pingers[i]);
	sandbox_leave(&d->box);
	close(d->signal_fd);
}

static int demo_run(int argc, char **argv)
{
	struct demo d = {.start_ns = now_ns(), .pingers = {{.fd = -1}, {.fd = -1}}};
	unsigned rate = 0;
	int code;

	(void)argc;
	(void)argv;
	code = open_all(&d);
	if (!opt.json)
		puts(d.emulated ? "rawq tx --- rawq fwd --- rawq rx    emulated ConnectX "
		                  "cards, two cables"
		                : "sender --- left  rawq fwd  right --- receiver    four "
		                  "veth ends in three network namespaces");
	if (!code)
		code = calibrate(&d, &rate);
	if (!code)
		code = run_until_clean(&d, rate);
	close_all(&d);
	return code;
}

const struct verb verb_demo = {
	.name = "demo",
	.operands = "",
	.summary = "tx, fwd and rx on interfaces of its own, beside a living kernel",
	.help = "Needs no interface and no set-up, and leaves nothing behind.  Exits "
		"with 0 if a\n"
		"million packets went from end to end, none was lost and every ping came "
		"back.\n"
		"Root sees it on the kernel's veths, everybody else on emulated cards.\n",
	.options = options,
	.run = demo_run,
};
