/* SPDX-License-Identifier: BSD-2-Clause */
/* What was observed, as metrics, as JSON and as lines. */
#include "truth.h"
#include "histogram_json.h"
#include "pace.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Between reading two clocks at both ends of a run; NTP slews by no more than 500 ppm. */
#define STEP_NS     NS_PER_MS
#define SLEW_PER_NS 0.0005

static const struct {
	const char *metric, *field;
	uint64_t part, whole;
} percentiles[] = {
	{"p50", "p50", 50, 100},          {"p90", "p90", 90, 100},
	{"p99", "p99", 99, 100},          {"p99.9", "p999", 999, 1000},
	{"p99.99", "p9999", 9999, 10000}, {"p99.999", "p99999", 99999, 100000},
};

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

/* In this order: set_metrics() fills in by it. */
enum {
	PACKETS,
	SIGNED,
	UNSIGNED,
	FLOWS,
	LOSS,
	REORDER,
	DISTANCE,
	DUPLICATE,
	CORRUPT,
	LATE,
	RESTARTS,
	STRANGERS,
	OVERFLOW,
	BROKEN,
	RATE,
	MIN,
	MAX,
	MEAN,
	JITTER,
	UNBELIEVED,
	P50
};

static const struct metric names[] = {
	[PACKETS] = {.name = "packets"},
	[SIGNED] = {.name = "signed", .has_percent = true},
	[UNSIGNED] = {.name = "unsigned", .has_percent = true},
	[FLOWS] = {.name = "flows"},
	[LOSS] = {.name = "loss", .has_percent = true},
	[REORDER] = {.name = "reorder", .has_percent = true},
	[DISTANCE] = {.name = "distance"},
	[DUPLICATE] = {.name = "duplicate", .has_percent = true},
	[CORRUPT] = {.name = "corrupt", .has_percent = true},
	[LATE] = {.name = "late", .has_percent = true},
	[RESTARTS] = {.name = "restarts"},
	[STRANGERS] = {.name = "strangers"},
	[OVERFLOW] = {.name = "dropped"},
	[BROKEN] = {.name = "errors"},
	[RATE] = {.name = "rate", .kind = METRIC_RATE, .has_percent = true},
	[MIN] = {.name = "min", .kind = METRIC_NS},
	[MAX] = {.name = "max", .kind = METRIC_NS},
	[MEAN] = {.name = "mean", .kind = METRIC_NS},
	[JITTER] = {.name = "jitter", .kind = METRIC_NS},
	[UNBELIEVED] = {.name = "unbelieved"},
};
static_assert(P50 + PERCENTILES == TRUTH_METRICS, "the table is as long as announced");

void truth_name_metrics(struct truth *truth)
{
	unsigned i;

	memcpy(truth->metrics, names, sizeof(names));
	for (i = 0; i < PERCENTILES; i++)
		truth->metrics[P50 + i] =
			(struct metric){.name = percentiles[i].metric, .kind = METRIC_NS};
}

/* ---- while it runs -------------------------------------------------------- */

void truth_tell(json_t *event, void *context)
{
	const struct truth *truth = context;
	struct account_numbers n;

	if (truth->opts.off || !account_flow_count(truth->account))
		return;
	n = account_total(truth->account, false);
	json_object_set_new(event, "lost_so_far", json_integer((json_int_t)n.lost));
	json_object_set_new(event, "reordered_so_far",
	                    json_integer((json_int_t)n.reordered));
	json_object_set_new(event, "duplicated_so_far",
	                    json_integer((json_int_t)n.duplicated));
	json_object_set_new(event, "corrupted_so_far",
	                    json_integer((json_int_t)n.corrupted));
}

/* ---- at the end ----------------------------------------------------------- */

static void add_up(struct truth *truth)
{
	const struct observer *o;
	unsigned i, k;

	memset(&truth->sum, 0, sizeof(truth->sum));
	histogram_init(&truth->sum.latency);
	for (i = 0; i < truth->observers; i++) {
		o = truth->observer[i];
		truth->sum.unsigned_packets += o->unsigned_packets;
		truth->sum.damaged += o->damaged;
		truth->sum.damaged_unknown += o->damaged_unknown;
		truth->sum.unbelieved += o->unbelieved;
		histogram_merge(&truth->sum.latency, &o->latency);
		for (k = 0; k < o->shown && truth->sum.shown < DAMAGE_SHOWN; k++)
			truth->sum.damage[truth->sum.shown++] = o->damage[k];
	}
	truth->total = account_total(truth->account, true);
}

static bool clock_was_set(const struct truth *truth, uint64_t run_ns)
{
	int64_t moved = (int64_t)(realtime_ns() - now_ns()) - truth->clock_ns;

	return (double)llabs(moved) > STEP_NS + (double)run_ns * SLEW_PER_NS;
}

static void set(struct metric *m, double value, double whole, bool is_known)
{
	m->value = value;
	m->whole = whole;
	m->is_known = is_known;
}

/* What the senders sent, as far as can be known. */
static double sent(const struct truth *truth)
{
	const struct account_numbers *n = &truth->total;

	return (double)(n->received - n->duplicated - n->late + n->lost + n->corrupted);
}

static void set_counts(struct truth *truth, const uint64_t *totals, uint64_t really_sent)
{
	struct account_numbers *n = &truth->total;
	struct metric *m = truth->metrics;
	double all = (double)totals[RX_PACKETS], expected = sent(truth);
	uint32_t flows = account_flow_count(truth->account);
	bool looked = !truth->opts.off, known = looked && (flows || really_sent);

	if ((double)really_sent > expected) {
		n->lost += really_sent - (uint64_t)expected;
		expected = (double)really_sent;
	}
	set(&m[PACKETS], all, 0, true);
	set(&m[SIGNED], all - (double)truth->sum.unsigned_packets, all, looked);
	set(&m[UNSIGNED], (double)truth->sum.unsigned_packets, all, looked);
	set(&m[FLOWS], flows, 0, looked);
	set(&m[LOSS], (double)n->lost, expected, known);
	set(&m[REORDER], (double)n->reordered, expected, known);
	set(&m[DISTANCE], (double)n->distance_max, 0, known);
	set(&m[DUPLICATE], (double)n->duplicated, expected, known);
	set(&m[CORRUPT], (double)truth->sum.damaged, expected,
	    known || truth->sum.damaged);
	set(&m[LATE], (double)n->late, expected, known);
	set(&m[RESTARTS], (double)n->restarts, 0, known);
	set(&m[STRANGERS], (double)account_strangers(truth->account), 0, looked);
	set(&m[OVERFLOW], (double)totals[DROPPED], 0, true);
	set(&m[BROKEN], (double)totals[ERRORS], 0, true);
}

static void set_rate(struct metric *m, const uint64_t *totals,
                     const struct truth_end *end)
{
	const struct rate full = {RATE_PERCENT, 100};
	double packets = (double)totals[RX_PACKETS];
	double len = packets > 0 ? (double)totals[RX_BYTES] / packets : 0;
	double whole = end->asked_pps > 0 ? end->asked_pps
	                                  : rate_pps(&full, len, end->link_mbps);

	set(m, report_rx_pps(totals), whole, packets > 0);
	m->bps = m->value * len * 8;
}

static void set_latencies(struct truth *truth)
{
	const struct histogram *h = &truth->sum.latency;
	struct metric *m = truth->metrics;
	bool known = h->n;
	unsigned i;

	set(&m[MIN], known ? (double)h->min : 0, 0, known);
	set(&m[MAX], (double)h->max, 0, known);
	set(&m[MEAN], histogram_mean(h), 0, known);
	set(&m[UNBELIEVED], (double)truth->sum.unbelieved, 0, known);
	for (i = 0; i < PERCENTILES; i++)
		set(&m[P50 + i],
		    (double)histogram_at(h, percentiles[i].part, percentiles[i].whole), 0,
		    known);
	/* RFC 8219: p99.9 above the least */
	set(&m[JITTER], m[P50 + 3].value - m[MIN].value, 0, known);
}

void truth_finish(struct truth *truth, const uint64_t *totals,
                  const struct truth_end *end)
{
	add_up(truth);
	set_counts(truth, totals, end->sent);
	set_rate(&truth->metrics[RATE], totals, end);
	set_latencies(truth);
	truth->clock_was_set =
		clock_was_set(truth, totals[RX_LAST_NS] - totals[RX_FIRST_NS]);
}

/* ---- JSON ----------------------------------------------------------------- */

static json_t *count_json(const struct metric *m)
{
	return m->is_known ? json_integer((json_int_t)m->value) : json_null();
}

static json_t *latency_json(const struct truth *truth)
{
	const struct metric *m = truth->metrics;
	json_t *object;
	unsigned i;

	if (!m[MIN].is_known)
		return json_null();
	object = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:b}", "packets",
		(json_int_t)truth->sum.latency.n, "min", (json_int_t)m[MIN].value, "mean",
		(json_int_t)m[MEAN].value, "max", (json_int_t)m[MAX].value, "error",
		(json_int_t)truth->error_ns, "method",
		truth->departures ? "hardware" : "software", "unbelieved",
		(json_int_t)truth->sum.unbelieved, "clock_was_set", truth->clock_was_set);
	json_object_set_new(object, "jitter", json_integer((json_int_t)m[JITTER].value));
	for (i = 0; i < PERCENTILES; i++)
		json_object_set_new(object, percentiles[i].field,
		                    json_integer((json_int_t)m[P50 + i].value));
	if (truth->opts.histograms)
		json_object_set_new(object, "buckets",
		                    histogram_json(&truth->sum.latency));
	return object;
}

static json_t *flow_latency_json(const struct account_numbers *n,
                                 const struct histogram *h)
{
	json_t *object =
		json_pack("{s:I, s:I, s:I, s:I}", "packets", (json_int_t)n->latency_n,
	                  "min", (json_int_t)n->latency_min, "mean",
	                  (json_int_t)(n->latency_sum / n->latency_n), "max",
	                  (json_int_t)n->latency_max);
	unsigned i;

	for (i = 0; h && i < PERCENTILES; i++)
		json_object_set_new(
			object, percentiles[i].field,
			json_integer((json_int_t)histogram_at(h, percentiles[i].part,
		                                              percentiles[i].whole)));
	if (h)
		json_object_set_new(object, "buckets", histogram_json(h));
	return object;
}

static json_t *flow_json(const struct account *a, const struct account_flow *flow)
{
	struct account_numbers n = account_flow_numbers(a, flow, true);
	json_t *row = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "flow",
		(json_int_t)flow->id, "received", (json_int_t)n.received, "lost",
		(json_int_t)n.lost, "reordered", (json_int_t)n.reordered,
		"reorder_distance_max", (json_int_t)n.distance_max, "duplicated",
		(json_int_t)n.duplicated, "corrupted", (json_int_t)n.corrupted, "late",
		(json_int_t)n.late, "restarts", (json_int_t)n.restarts);

	json_object_set_new(
		row, "latency_ns",
		n.latency_n ? flow_latency_json(&n, account_flow_histogram(a, flow))
			    : json_null());
	return row;
}

static json_t *flows_json(const struct account *a)
{
	json_t *rows = json_array();
	const struct account_flow *flow;
	uint32_t i;

	for (i = 0; (flow = account_flow(a, i)); i++)
		json_array_append_new(rows, flow_json(a, flow));
	return rows;
}

static json_t *damage_json(const struct observer *o)
{
	json_t *rows = json_array();
	const struct signature *sig;

	for (sig = o->damage; sig < o->damage + o->shown; sig++) {
		json_t *row = json_object();

		if (sig->is_known) {
			json_object_set_new(row, "flow", json_integer(sig->flow));
			json_object_set_new(row, "sequence",
			                    json_integer((json_int_t)sig->sequence));
		}
		if (sig->is_located) {
			json_object_set_new(row, "byte", json_integer(sig->damaged));
			json_object_set_new(row, "flipped", json_integer(sig->flipped));
		}
		json_array_append_new(rows, row);
	}
	return rows;
}

json_t *truth_json(const struct truth *truth)
{
	const struct metric *m = truth->metrics;
	json_t *object = json_object();

	if (truth->opts.expect)
		json_object_set_new(object, "expected", expect_json(&truth->expect, m));
	if (truth->opts.off)
		return object;
	json_object_set_new(object, "signed_packets", count_json(&m[SIGNED]));
	json_object_set_new(object, "unsigned_packets", count_json(&m[UNSIGNED]));
	json_object_set_new(object, "flows", count_json(&m[FLOWS]));
	json_object_set_new(object, "lost", count_json(&m[LOSS]));
	json_object_set_new(object, "reordered", count_json(&m[REORDER]));
	json_object_set_new(object, "reorder_distance_max", count_json(&m[DISTANCE]));
	json_object_set_new(object, "duplicated", count_json(&m[DUPLICATE]));
	json_object_set_new(object, "corrupted", count_json(&m[CORRUPT]));
	json_object_set_new(object, "corrupted_unknown",
	                    json_integer((json_int_t)truth->sum.damaged_unknown));
	json_object_set_new(object, "late", count_json(&m[LATE]));
	json_object_set_new(object, "restarts", count_json(&m[RESTARTS]));
	json_object_set_new(object, "strangers", count_json(&m[STRANGERS]));
	json_object_set_new(object, "window",
	                    json_integer((json_int_t)truth->opts.window));
	json_object_set_new(object, "latency_ns", latency_json(truth));
	json_object_set_new(object, "damage", damage_json(&truth->sum));
	if (truth->opts.per_flow)
		json_object_set_new(object, "flow_rows", flows_json(truth->account));
	return object;
}

/* ---- lines ---------------------------------------------------------------- */

static void print_accounts(const struct truth *truth, FILE *to)
{
	const struct metric *m = truth->metrics;
	char a[32], b[32], c[32], d[32], e[32];

	fprintf(to, "  %s signed packets of %s flow%s, %s unsigned\n",
	        format_count((uint64_t)m[SIGNED].value, a),
	        format_count((uint64_t)m[FLOWS].value, b),
	        m[FLOWS].value > 1 || m[FLOWS].value < 1 ? "s" : "",
	        format_count((uint64_t)m[UNSIGNED].value, c));
	fprintf(to, "  lost %s, reordered %s, duplicated %s, corrupted %s, late %s",
	        format_count((uint64_t)m[LOSS].value, a),
	        format_count((uint64_t)m[REORDER].value, b),
	        format_count((uint64_t)m[DUPLICATE].value, c),
	        format_count((uint64_t)m[CORRUPT].value, d),
	        format_count((uint64_t)m[LATE].value, e));
	if (m[REORDER].value > 0)
		fprintf(to, "; reordered by up to %s",
		        format_count(truth->total.distance_max, a));
	if (m[RESTARTS].value > 0)
		fprintf(to, "; %s restarts",
		        format_count((uint64_t)m[RESTARTS].value, a));
	if (m[STRANGERS].value > 0)
		fprintf(to, "; %s of flows beyond --flows",
		        format_count((uint64_t)m[STRANGERS].value, a));
	fputc('\n', to);
}

static void print_latency(const struct truth *truth, FILE *to)
{
	static const unsigned shown[] = {MIN,     P50,     P50 + 1, P50 + 2,
	                                 P50 + 3, P50 + 4, P50 + 5, MAX};
	char text[32];
	unsigned i;

	fputs("  latency", to);
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		fprintf(to, "%s %s %s", i ? "," : "", truth->metrics[shown[i]].name,
		        format_ns(truth->metrics[shown[i]].value, text));
	fprintf(to, truth->departures ? " (hardware, +-%s)\n" : " (software, +%s)\n",
	        format_ns((double)truth->error_ns, text));
	if (truth->sum.unbelieved || truth->clock_was_set)
		fprintf(to, "  %" PRIu64 " latencies left out as impossible%s\n",
		        truth->sum.unbelieved,
		        truth->clock_was_set ? "; this machine's clock was set" : "");
	if (truth->opts.plot)
		histogram_print_bars(&truth->sum.latency, to);
}

static void print_flows(const struct account *a, FILE *to)
{
	const struct account_flow *flow;
	struct account_numbers n;
	uint32_t i;

	fprintf(to, "  %10s %14s %10s %10s %10s %10s %10s\n", "flow", "received", "lost",
	        "reordered", "duplicated", "corrupted", "late");
	for (i = 0; (flow = account_flow(a, i)); i++) {
		n = account_flow_numbers(a, flow, true);
		fprintf(to,
		        "  %10" PRIu32 " %14" PRIu64 " %10" PRIu64 " %10" PRIu64
		        " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n",
		        flow->id, n.received, n.lost, n.reordered, n.duplicated,
		        n.corrupted, n.late);
	}
}

void truth_print(const struct truth *truth, FILE *to)
{
	if (truth->metrics[LOSS].is_known || truth->sum.damaged) {
		print_accounts(truth, to);
		if (truth->metrics[MIN].is_known)
			print_latency(truth, to);
		if (truth->opts.per_flow)
			print_flows(truth->account, to);
	}
	expect_print(&truth->expect, truth->metrics, to);
	fflush(to);
}

/* ---- files and verdict ---------------------------------------------------- */

static int write_file(const struct truth *truth, const char *path, bool is_svg)
{
	FILE *f = fopen(path, "we");

	if (f && is_svg)
		histogram_print_svg(&truth->sum.latency, "Latency", f);
	else if (f)
		histogram_print_hgrm(&truth->sum.latency, f);
	if (f && !ferror(f) && !fclose(f))
		return EXIT_OK;
	return fail_environment(truth->verb, "%s: %s", path, strerror(errno));
}

int truth_verdict(const struct truth *truth)
{
	int code = EXIT_OK;

	if (truth->opts.hgrm)
		code = write_file(truth, truth->opts.hgrm, false);
	if (!code && truth->opts.svg)
		code = write_file(truth, truth->opts.svg, true);
	if (code)
		return code;
	return expect_is_met(&truth->expect, truth->metrics) ? EXIT_OK : EXIT_EXPECTATION;
}
