/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of what was asked: packets asked for, due by the schedule, accepted by the ring,
 * completed by the NIC; when they went against when they were due; whether the rate was missed, by
 * whose fault, and what the time went to.
 */
#ifndef CMD_COMMON_SEND_REPORT_H
#define CMD_COMMON_SEND_REPORT_H

#include "engine.h"
#include "expect.h"
#include "nic.h"
#include "report.h"
#include "schedule.h"

/* One of several packets that have rates of their own. */
struct flow_result {
	const char *text;
	double asked_pps; /* 0: none, trains with gaps */
	uint64_t given, completed;
};

struct send_result {
	/* The caller's */
	const struct nic *nic;
	double mean_length;
	unsigned workers;
	const struct flow_plan *plans; /* what was asked; none: as fast as it goes */
	unsigned plan_count;
	uint64_t totals[TALLY_FIELDS];
	uint64_t scheduled;
	uint32_t netdev_dropped;     /* by the netdev, of what it took */
	struct histogram gaps, late; /* of paced packets */
	const struct flow_result *flows;
	unsigned flow_count;         /* 0: not told one by one */
	unsigned live;               /* workers that sent live frames at the end */
	double queues_pps, live_pps; /* measured before; 0: were not */

	/* send_judge()'s */
	double pps, asked_pps, asked_packets;
	bool missed;
	const char *limit; /* who is to blame; NULL: nobody */
	/* Parts of the workers' time, together 1. */
	double cpu, ring_full, waiting, taken;
};

void send_judge(struct send_result *r);
void send_print(const struct send_result *r, FILE *to);
/* For the end event. */
json_t *send_json(const struct send_result *r);

/* What --expect may name, in the order of the table in send_report.c. */
#define SEND_METRICS_MAX 12

#define SEND_EXPECT_ROW(value)                                                           \
	ROW_STRING("expect", "LIST", value,                                              \
	           "exit with 1 unless all hold, as 'rate>=99%, late_p99<10us'")

/* --expect of a sender. */
struct send_expect {
	struct metric metrics[SEND_METRICS_MAX];
	struct expect expect;
};

/* Read the text, which may be NULL.  Returns an exit_code, the reason having been printed. */
int send_expect_parse(const struct verb *verb, const char *text, struct send_expect *out);
/* Judge, and tell: in words on stdout, or (json not NULL) in the event.  Returns an exit_code. */
int send_expect_judge(struct send_expect *e, const struct send_result *r, json_t *json);

/* What the netdev could not pass on, since it was made; modulo 2^32. */
uint32_t netdev_tx_dropped(const char *netdev);

#endif
