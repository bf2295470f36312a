/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run tells: with --json one object a line on stdout (start, interval each second, end),
 * else a live line each second on a terminal's stderr and a table on stdout at the end.
 */
#ifndef CMD_COMMON_REPORT_H
#define CMD_COMMON_REPORT_H

#include "options.h"

#include <jansson.h>

enum tally_field {
	TX_PACKETS, /* accepted by the queue */
	TX_BYTES,
	TX_COMPLETED, /* descriptors' packets that came back */
	RX_PACKETS,
	RX_BYTES,
	DROPPED,     /* came in, but could not be taken or passed on */
	ERRORS,      /* completions with error, refused descriptors */
	FULL_NS,     /* time with packets due that the send queue had no room for */
	WAIT_NS,     /* time in which none was due */
	BUSY_NS,     /* time of making and giving packets */
	AWAY_NS,     /* of all this: the CPU was others' */
	TX_FIRST_NS, /* of the first and the last burst that was not empty */
	TX_LAST_NS,
	RX_FIRST_NS,
	RX_LAST_NS,
	TALLY_FIELDS
};

struct report {
	const struct verb *verb;
	bool json, tx, rx; /* which lines there are */
	bool live;         /* stderr is a terminal */
	char title[512];   /* "veth0: xdp, copy, 1 queue" */
	json_t *config;    /* owned */
	/* NULL, or adds to each interval's event */
	void (*tell)(json_t *event, void *context);
	void *context; /* tell()'s */
	int result_fd; /* run_workers() opens it; the end event goes there too; 0: none */

	uint64_t start_ns, last_ns;
	uint64_t last[TALLY_FIELDS];
};

/* Print the start event; config is the report's from here on. */
void report_start(struct report *report, json_t *config);

void report_interval(struct report *report, const uint64_t *totals, uint64_t now_ns);

/* Print the end; extra (may be NULL) is merged into the end event and freed.  Frees config. */
void report_end(struct report *report, const uint64_t *totals, uint64_t now_ns,
                json_t *extra);

/* Packets per second of a whole run: over the time from the first burst to the last. */
double report_tx_pps(const uint64_t *totals);
double report_rx_pps(const uint64_t *totals);

/* "1,234,567"; returns text. */
char *format_count(uint64_t n, char text[32]);
/* "1.234 Mpps", "9.500 Gbit/s"; returns text. */
char *format_rate(double value, const char *unit, char text[32]);

#endif
