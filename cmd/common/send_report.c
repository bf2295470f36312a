/* SPDX-License-Identifier: BSD-2-Clause */
/* The account of a sender. */
#include "send_report.h"

#include <ifaddrs.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of the rate that was asked for; a lower one is called missed. */
#define RATE_TOLERANCE 0.995
/* A ring that was full for more of the time than this is to blame. */
#define FULL_TO_BLAME 0.05
/* Of a link's speed, with all that a frame takes on the wire; beyond it the link is to blame. */
#define LINK_TO_BLAME 0.97
/* IEEE 802.3: FCS, preamble with start delimiter, smallest gap. */
#define WIRE_OVERHEAD (4 + 8 + 12)

uint32_t netdev_tx_dropped(const char *netdev)
{
	const struct rtnl_link_stats *stats;
	struct ifaddrs *all, *a;
	uint32_t dropped = 0;

	if (getifaddrs(&all))
		return 0;
	for (a = all; a; a = a->ifa_next)
		if (a->ifa_addr && a->ifa_addr->sa_family == AF_PACKET && a->ifa_data &&
		    !strcmp(a->ifa_name, netdev)) {
			stats = a->ifa_data;
			dropped = stats->tx_dropped;
		}
	freeifaddrs(all);
	return dropped;
}

/* ---- the judgement ---- */

/* What the rates make in the time that the run took; random ones less what chance may take. */
static void sum_asked(struct send_result *r, uint64_t took_ns, double *least)
{
	const struct flow_plan *plan;
	double packets;

	for (plan = r->plans; plan < r->plans + r->plan_count; plan++) {
		packets = pace_packets(plan->pps, &plan->shape, took_ns);
		if (packets > (double)plan->count)
			packets = (double)plan->count;
		r->asked_packets += packets;
		r->asked_pps += plan->pps;
		*least += plan->shape.poisson ? packets - 4 * sqrt(packets) : packets;
	}
}

static void share_time(struct send_result *r)
{
	const uint64_t *t = r->totals;
	double all = (double)(t[BUSY_NS] + t[FULL_NS] + t[WAIT_NS]), busy;

	if (all <= 0)
		return;
	r->ring_full = (double)t[FULL_NS] / all;
	r->waiting = (double)t[WAIT_NS] / all;
	busy = (double)t[BUSY_NS] / all;
	r->taken = fmin((double)t[AWAY_NS] / all, busy);
	r->cpu = busy - r->taken;
}

static bool link_is_full(const struct send_result *r)
{
	double bits = r->pps * (r->mean_length + WIRE_OVERHEAD) * 8;

	return r->nic->info.link_mbps &&
	       bits > r->nic->info.link_mbps * 1e6 * LINK_TO_BLAME;
}

static const char *find_limit(const struct send_result *r)
{
	if (link_is_full(r))
		return "link";
	if (r->ring_full > FULL_TO_BLAME && r->ring_full > r->taken)
		return "nic";
	return r->taken > r->cpu / 2 ? "cpu taken by others" : "cpu";
}

void send_judge(struct send_result *r)
{
	uint64_t took = r->totals[TX_LAST_NS] - r->totals[TX_FIRST_NS];
	double least = 0;

	r->pps = report_tx_pps(r->totals);
	share_time(r);
	sum_asked(r, took, &least);
	r->missed = r->asked_pps > 0 && took &&
	            (double)r->totals[TX_PACKETS] < least * RATE_TOLERANCE;
	if (r->missed || !r->plan_count)
		r->limit = find_limit(r);
}

/* ---- words ---- */

static void print_packets(FILE *to, const char *name, double packets)
{
	char a[32];

	fprintf(to, "  %-10s %17s packets\n", name, format_count((uint64_t)packets, a));
}

static void print_times(FILE *to, const char *name, const struct histogram *h)
{
	char a[32], b[32], c[32], d[32];

	if (!h->n)
		return;
	fprintf(to, "  %-10s %s least, %s median, %s p99, %s most\n", name,
	        format_ns((double)h->min, a), format_ns((double)histogram_at(h, 1, 2), b),
	        format_ns((double)histogram_at(h, 99, 100), c),
	        format_ns((double)h->max, d));
}

static void print_flows(const struct send_result *r, FILE *to)
{
	double seconds = (double)(r->totals[TX_LAST_NS] - r->totals[TX_FIRST_NS]) / 1e9;
	const struct flow_result *f;
	char a[32], b[32], c[32];

	for (f = r->flows; seconds > 0 && f < r->flows + r->flow_count; f++)
		fprintf(to, "  stream %-3d %17s packets, asked %s, completed %s: %.60s\n",
		        (int)(f - r->flows) + 1, format_count(f->completed, a),
		        format_rate(f->asked_pps, "pps", b),
		        format_rate((double)f->completed / seconds, "pps", c), f->text);
}

/* What to say of the one to blame, and what may help. */
static void print_limit(const struct send_result *r, FILE *to)
{
	if (!strcmp(r->limit, "link"))
		fprintf(to, "the link of %s is full", r->nic->info.netdev);
	else if (!strcmp(r->limit, "nic"))
		fprintf(to, "%s takes no more, its ring was full", r->nic->info.netdev);
	else if (!strcmp(r->limit, "cpu"))
		fputs(r->live ? "the CPU makes no more in the kernel (--queues, --cpus)"
		              : "the ring had room, the CPU is the limit (--queues, "
		                "--cpus)",
		      to);
	else
		fputs("others took the CPU", to);
}

static void print_missed(const struct send_result *r, FILE *to)
{
	bool red = isatty(fileno(to)) && !getenv("NO_COLOR");
	char a[32], b[32];

	fprintf(to, "  %srate missed: asked %s, sent %s: ", red ? "\033[31m" : "",
	        format_rate(r->asked_pps, "pps", a), format_rate(r->pps, "pps", b));
	print_limit(r, to);
	fprintf(to, "%s\n", red ? "\033[0m" : "");
}

static void print_engine(const struct send_result *r, FILE *to)
{
	char a[32], b[32];

	if (r->live_pps > 0)
		fprintf(to, "  %-10s %s: in the trial queues made %s, live frames %s\n",
		        "engine", r->live ? "live frames" : "queues",
		        format_rate(r->queues_pps, "pps", a),
		        format_rate(r->live_pps, "pps", b));
}

void send_print(const struct send_result *r, FILE *to)
{
	char a[32];

	if (r->asked_pps > 0) {
		print_packets(to, "asked", r->asked_packets);
		print_packets(to, "scheduled", (double)r->scheduled);
	}
	print_packets(to, "completed", (double)r->totals[TX_COMPLETED]);
	if (r->netdev_dropped)
		fprintf(to,
		        "  %-10s %17s packets of these, by %s: the far end had no "
		        "room\n",
		        "dropped", format_count(r->netdev_dropped, a),
		        r->nic->info.netdev);
	print_flows(r, to);
	print_times(to, "gaps", &r->gaps);
	print_times(to, "late by", &r->late);
	print_engine(r, to);
	if (r->missed)
		print_missed(r, to);
	fprintf(to,
	        "  %-10s CPU %.0f %%, ring full %.0f %%, nothing due %.0f %%, CPU "
	        "taken by others %.0f %%\n",
	        "time", r->cpu * 100, r->ring_full * 100, r->waiting * 100,
	        r->taken * 100);
}

/* ---- JSON ---- */

static json_t *times_json(const struct histogram *h)
{
	if (!h->n)
		return NULL;
	return json_pack("{s:I, s:f, s:I, s:I, s:I, s:I, s:I}", "packets",
	                 (json_int_t)h->n, "mean", histogram_mean(h), "min",
	                 (json_int_t)h->min, "p50", (json_int_t)histogram_at(h, 1, 2),
	                 "p99", (json_int_t)histogram_at(h, 99, 100), "p999",
	                 (json_int_t)histogram_at(h, 999, 1000), "max",
	                 (json_int_t)h->max);
}

static json_t *flows_json(const struct send_result *r)
{
	double seconds = (double)(r->totals[TX_LAST_NS] - r->totals[TX_FIRST_NS]) / 1e9;
	json_t *list = r->flow_count ? json_array() : NULL;
	const struct flow_result *f;

	for (f = r->flows; f < r->flows + r->flow_count; f++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:f, s:I, s:I, s:f}", "packet", f->text,
		                  "asked_pps", f->asked_pps, "tx_packets",
		                  (json_int_t)f->given, "tx_completed",
		                  (json_int_t)f->completed, "completed_pps",
		                  seconds > 0 ? (double)f->completed / seconds : 0));
	return list;
}

json_t *send_json(const struct send_result *r)
{
	json_t *trial = NULL;

	if (r->queues_pps > 0)
		trial = json_pack("{s:f, s:f}", "queues_pps", r->queues_pps, "live_pps",
		                  r->live_pps);
	return json_pack(
		"{s:f, s:f, s:I, s:b, s:s?, s:f, s:I, s:{s:f, s:f, s:f, s:f}, s:o*, "
		"s:o*, s:o*, s:s, s:o*}",
		"asked_pps", r->asked_pps, "asked_packets", r->asked_packets,
		"scheduled_packets", (json_int_t)r->scheduled, "rate_missed", r->missed,
		"limit", r->limit, "queue_full", r->ring_full, "netdev_dropped",
		(json_int_t)r->netdev_dropped, "time", "cpu", r->cpu, "ring_full",
		r->ring_full, "waiting", r->waiting, "taken", r->taken, "gaps_ns",
		times_json(&r->gaps), "late_ns", times_json(&r->late), "streams",
		flows_json(r), "engine",
		!r->live                ? "queues"
		: r->live == r->workers ? "live"
					: "both",
		"trial", trial);
}

/* ---- expectations ---- */

enum {
	SENT,
	COMPLETED,
	DROPPED_BY_NETDEV,
	BROKEN,
	RATE,
	RING_FULL,
	GAP_P99,
	LATE_P50,
	LATE_P99,
	LATE_MAX
};

static const struct metric metric_names[SEND_METRICS_MAX] = {
	[SENT] = {.name = "sent", .has_percent = true},
	[COMPLETED] = {.name = "completed", .has_percent = true},
	[DROPPED_BY_NETDEV] = {.name = "dropped", .has_percent = true},
	[BROKEN] = {.name = "errors"},
	[RATE] = {.name = "rate", .kind = METRIC_RATE, .has_percent = true},
	[RING_FULL] = {.name = "ring_full", .has_percent = true},
	[GAP_P99] = {.name = "gap_p99", .kind = METRIC_NS},
	[LATE_P50] = {.name = "late_p50", .kind = METRIC_NS},
	[LATE_P99] = {.name = "late_p99", .kind = METRIC_NS},
	[LATE_MAX] = {.name = "late_max", .kind = METRIC_NS},
};

int send_expect_parse(const struct verb *verb, const char *text, struct send_expect *out)
{
	struct expect_error err = {""};

	memcpy(out->metrics, metric_names, sizeof(metric_names));
	out->expect.n = 0;
	if (text && expect_parse(text, out->metrics, &out->expect, &err))
		return fail_usage(verb, "--expect %s", err.text);
	return EXIT_OK;
}

static void know(struct metric *m, double value, double whole)
{
	m->is_known = true;
	m->value = value;
	m->whole = whole;
}

static void set_metrics(struct metric *m, const struct send_result *r)
{
	const uint64_t *t = r->totals;
	double sent = (double)t[TX_PACKETS];
	double link = r->nic->info.link_mbps * 1e6 / 8 / (r->mean_length + WIRE_OVERHEAD);

	know(&m[SENT], sent, r->asked_packets > 0 ? r->asked_packets : sent);
	know(&m[COMPLETED], (double)t[TX_COMPLETED], sent);
	know(&m[DROPPED_BY_NETDEV], r->netdev_dropped, sent);
	know(&m[BROKEN], (double)t[ERRORS], 0);
	know(&m[RATE], r->pps, r->asked_pps > 0 ? r->asked_pps : link);
	m[RATE].is_known = r->pps > 0;
	m[RATE].bps = r->pps * 8 * (sent > 0 ? (double)t[TX_BYTES] / sent : 0);
	know(&m[RING_FULL], r->ring_full, 1);
	if (!r->late.n)
		return;
	know(&m[GAP_P99], (double)histogram_at(&r->gaps, 99, 100), 0);
	know(&m[LATE_P50], (double)histogram_at(&r->late, 1, 2), 0);
	know(&m[LATE_P99], (double)histogram_at(&r->late, 99, 100), 0);
	know(&m[LATE_MAX], (double)r->late.max, 0);
}

int send_expect_judge(struct send_expect *e, const struct send_result *r, json_t *json)
{
	set_metrics(e->metrics, r);
	if (!e->expect.n)
		return EXIT_OK;
	if (json)
		json_object_set_new(json, "expected",
		                    expect_json(&e->expect, e->metrics));
	else
		expect_print(&e->expect, e->metrics, stdout);
	return expect_is_met(&e->expect, e->metrics) ? EXIT_OK : EXIT_EXPECTATION;
}
