/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as NDJSON; the live line; the table. */
#include "report.h"
#include "clock.h"
#include "environment.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *format_count(uint64_t n, char text[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *p = text;
	int i;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = '\0';
	return text;
}

char *format_rate(double value, const char *unit, char text[32])
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T"};
	unsigned i = 0;

	for (; value >= 1000 && i < 4; i++)
		value /= 1000;
	snprintf(text, 32, "%.*f %s%s", i ? 3 : 0, value, prefixes[i], unit);
	return text;
}

/* n in the time between two instants, per second; one burst alone has no rate. */
static double per_second(uint64_t n, uint64_t first_ns, uint64_t last_ns)
{
	if (last_ns <= first_ns)
		return 0;
	return (double)n * 1e9 / (double)(last_ns - first_ns);
}

double report_tx_pps(const uint64_t *totals)
{
	return per_second(totals[TX_PACKETS], totals[TX_FIRST_NS], totals[TX_LAST_NS]);
}

double report_rx_pps(const uint64_t *totals)
{
	return per_second(totals[RX_PACKETS], totals[RX_FIRST_NS], totals[RX_LAST_NS]);
}

/* One line, at once: a reader at the other end of a pipe waits for it. */
static void print_event(json_t *event)
{
	json_dumpf(event, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
	putchar('\n');
	fflush(stdout);
	json_decref(event);
}

static json_t *counts_json(const char *name, double seconds, const uint64_t *n)
{
	return json_pack("{s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "event", name,
	                 "seconds", seconds, "tx_packets", (json_int_t)n[TX_PACKETS],
	                 "tx_bytes", (json_int_t)n[TX_BYTES], "tx_completed",
	                 (json_int_t)n[TX_COMPLETED], "rx_packets",
	                 (json_int_t)n[RX_PACKETS], "rx_bytes", (json_int_t)n[RX_BYTES],
	                 "dropped", (json_int_t)n[DROPPED], "errors",
	                 (json_int_t)n[ERRORS]);
}

void report_start(struct report *report, json_t *config)
{
	report->config = config;
	report->start_ns = report->last_ns = now_ns();
	report->live = !report->json && isatty(STDERR_FILENO);
	memset(report->last, 0, sizeof(report->last));
	if (report->json)
		print_event(json_pack("{s:s, s:s, s:I, s:O}", "event", "start", "verb",
		                      report->verb->name, "time", (json_int_t)time(NULL),
		                      "config", config));
}

static void print_live(const struct report *report, const uint64_t *delta, double seconds,
                       uint64_t dropped, double at_s)
{
	char a[32], b[32];

	fprintf(stderr, "\r\033[K%6.1f s", at_s);
	if (report->tx)
		fprintf(stderr, "  tx %s %s",
		        format_rate((double)delta[TX_PACKETS] / seconds, "pps", a),
		        format_rate((double)delta[TX_BYTES] * 8 / seconds, "bit/s", b));
	if (report->rx)
		fprintf(stderr, "  rx %s %s  dropped %s",
		        format_rate((double)delta[RX_PACKETS] / seconds, "pps", a),
		        format_rate((double)delta[RX_BYTES] * 8 / seconds, "bit/s", b),
		        format_count(dropped, (char[32]){0}));
	fflush(stderr);
}

void report_interval(struct report *report, const uint64_t *totals, uint64_t at_ns)
{
	uint64_t delta[TALLY_FIELDS];
	double seconds = (double)(at_ns - report->last_ns) / 1e9;
	double at_s = (double)(at_ns - report->start_ns) / 1e9;
	json_t *event;
	int i;

	for (i = 0; i < TALLY_FIELDS; i++)
		delta[i] = totals[i] - report->last[i];
	if (report->json) {
		event = counts_json("interval", seconds, delta);
		json_object_set_new(event, "at", json_real(at_s));
		json_object_set_new(event, "tx_pps",
		                    json_real((double)delta[TX_PACKETS] / seconds));
		json_object_set_new(event, "rx_pps",
		                    json_real((double)delta[RX_PACKETS] / seconds));
		if (report->tell)
			report->tell(event, report->context);
		print_event(event);
	} else if (report->live) {
		print_live(report, delta, seconds, totals[DROPPED], at_s);
	}
	report->last_ns = at_ns;
	memcpy(report->last, totals, sizeof(report->last));
}

static void print_row(const char *name, uint64_t packets, uint64_t bytes, double pps,
                      double bps)
{
	char a[32], b[32], c[32], d[32];

	printf("  %-10s %17s packets %20s bytes %15s %17s\n", name,
	       format_count(packets, a), format_count(bytes, b),
	       format_rate(pps, "pps", c), format_rate(bps, "bit/s", d));
}

static void print_table(const struct report *report, const uint64_t *n, double seconds)
{
	char a[32];

	if (report->live)
		fputs("\r\033[K", stderr);
	printf("%s, %.2f s\n", report->title, seconds);
	if (report->rx)
		print_row("received", n[RX_PACKETS], n[RX_BYTES], report_rx_pps(n),
		          per_second(n[RX_BYTES] * 8, n[RX_FIRST_NS], n[RX_LAST_NS]));
	if (report->tx)
		print_row("sent", n[TX_PACKETS], n[TX_BYTES], report_tx_pps(n),
		          per_second(n[TX_BYTES] * 8, n[TX_FIRST_NS], n[TX_LAST_NS]));
	if (report->tx && n[TX_COMPLETED] != n[TX_PACKETS])
		printf("  %-10s %17s packets\n", "completed",
		       format_count(n[TX_COMPLETED], a));
	if (report->rx)
		printf("  %-10s %17s packets\n", "dropped", format_count(n[DROPPED], a));
	if (n[ERRORS])
		printf("  %-10s %17s packets\n", "in error", format_count(n[ERRORS], a));
	fflush(stdout);
}

/* Over what the file held before, which was kept until now. */
static void write_result(struct report *report, const json_t *event)
{
	FILE *to = NULL;
	int err = ftruncate(report->result_fd, 0);

	if (!err)
		to = fdopen(report->result_fd, "w");
	if (to) {
		err = json_dumpf(event, to, JSON_COMPACT | JSON_REAL_PRECISION(12));
		err |= fputc('\n', to) == EOF;
		err |= fclose(to);
	} else {
		err = -1;
		close(report->result_fd);
	}
	if (err)
		fail_environment(report->verb, "--result: could not be written");
	report->result_fd = 0;
}

void report_end(struct report *report, const uint64_t *totals, uint64_t at_ns,
                json_t *extra)
{
	double seconds = (double)(at_ns - report->start_ns) / 1e9;
	json_t *event;

	if (report->json || report->result_fd) {
		event = counts_json("end", seconds, totals);
		json_object_set_new(event, "verb", json_string(report->verb->name));
		json_object_set_new(event, "tx_pps", json_real(report_tx_pps(totals)));
		json_object_set_new(event, "rx_pps", json_real(report_rx_pps(totals)));
		if (extra)
			json_object_update(event, extra);
		json_object_set(event, "config", report->config);
		json_object_set_new(event, "environment", environment_json());
		if (report->result_fd)
			write_result(report, event);
		if (report->json)
			print_event(event);
		else
			json_decref(event);
	}
	if (!report->json)
		print_table(report, totals, seconds);
	json_decref(extra);
	json_decref(report->config);
	report->config = NULL;
}
