/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a receiver can say of what it received: the accounts of signed packets, their latency,
 * the verdicts.  One observer per thread looks at each frame; doc/measuring.md says what the
 * numbers mean.
 */
#ifndef CMD_COMMON_TRUTH_H
#define CMD_COMMON_TRUTH_H

#include "account.h"
#include "clock.h"
#include "departures.h"
#include "expect.h"
#include "histogram.h"
#include "options.h"
#include "report.h"
#include "signature.h"

#include "rawq.h"

/* Damaged packets of which the report shows the damage. */
#define DAMAGE_SHOWN 16

struct truth_opts {
	bool off;               /* --unsigned */
	bool per_flow, join;    /* --per-flow, --join */
	bool histograms;        /* --histograms */
	bool plot;              /* --plot */
	uint64_t flows, window; /* --flows, --window */
	const char *expect;     /* --expect; NULL: nothing is expected */
	const char *hgrm, *svg; /* files to write; NULL: none */
};

#define TRUTH_DEFAULTS                                                                   \
	{                                                                                \
		.flows = ACCOUNT_FLOWS_DEFAULT, .window = ACCOUNT_WINDOW_DEFAULT         \
	}

#define TRUTH_OPTION_ROWS(opts)                                                          \
	ROW_STRING("expect", "LIST", &(opts).expect,                                     \
	           "exit with 1 unless all hold, as 'loss==0, p99<50us'"),               \
		ROW_FLAG("per-flow", &(opts).per_flow,                                   \
	                 "tell every flow's numbers at the end"),                        \
		ROW_COUNT("flows", "N", &(opts).flows, 1, 1 << 20,                       \
	                  "flows that are told apart (default: 16384)"),                 \
		ROW_COUNT("window", "N", &(opts).window, 64, 1 << 20,                    \
	                  "a packet so many sequences behind is late, not\n"             \
	                  "reordered; a power of two (default: 4096)"),                  \
		ROW_FLAG("histograms", &(opts).histograms,                               \
	                 "tell the latencies' buckets in --json, with --per-flow\n"      \
	                 "percentiles and buckets of every flow"),                       \
		ROW_FLAG("join", &(opts).join,                                           \
	                 "the senders are at it already: what a flow sent before\n"      \
	                 "its first packet here is not lost"),                           \
		ROW_FLAG("unsigned", &(opts).off, "look for no signatures, count only"), \
		ROW_FLAG("plot", &(opts).plot, "draw the latencies at the end"),         \
		ROW_STRING("hgrm", "FILE", &(opts).hgrm,                                 \
	                   "write the latencies for HdrHistogram's plotter"),            \
		ROW_STRING("svg", "FILE", &(opts).svg,                                   \
	                   "write the latencies as a drawing")

/* Whose clock lat and ping go by. */
enum times_how { TIMES_AUTO, TIMES_HARDWARE, TIMES_SOFTWARE };
extern const char *const times_names[];

#define TIMES_ROW(value)                                                                 \
	ROW_ENUM("times", "HOW", value, times_names,                                     \
	         "whose clock tells latencies: hardware, software, or auto:\n"           \
	         "the card's if it times packets both ways (default)")

/* A thread's own. */
struct observer {
	struct truth *truth;
	struct signature_memory memory;
	uint64_t unsigned_packets, damaged, damaged_unknown;
	uint64_t unbelieved;   /* latencies below 0, over a minute, or by the card's clock
	                      * longer than by ours: a clock was set */
	struct signature last; /* intact one, and its latency if there is one */
	uint64_t last_latency;
	unsigned shown;
	struct signature damage[DAMAGE_SHOWN];
	uint32_t assembled; /* bytes of a packet of several descriptors so far */
	uint64_t card_ns;   /* when the packet came, by the card's clock */
	uint8_t whole[16384];
	struct histogram latency;
};

/* The numbers that --expect may name, in the order of the table in truth_report.c. */
#define TRUTH_METRICS 26

struct truth {
	const struct verb *verb;
	struct truth_opts opts;
	struct account *account;
	struct expect expect;
	uint64_t error_ns; /* of a latency, by the method: found at the start */
	const struct departures *departures; /* by the card's clock; NULL: by ours */
	int64_t clock_ns; /* CLOCK_REALTIME above CLOCK_MONOTONIC at the start */
	unsigned observers;
	struct observer **observer;

	/* Of truth_finish() */
	struct observer sum; /* latency and counters of all observers */
	struct account_numbers total;
	struct metric metrics[TRUTH_METRICS + 1];
	bool clock_was_set; /* while the run was on */
};

/* Check the options and make ready for observers; is_sleeping: they sleep for packets.  Returns
 * an exit_code, the reason having been printed; truth_free() in any case. */
int truth_init(struct truth *truth, const struct verb *verb,
               const struct truth_opts *opts, unsigned observers, bool is_sleeping);
void truth_free(struct truth *truth);

/* Go by the card's clock, of this resolution. */
void truth_go_by_card(struct truth *truth, const struct departures *departures,
                      uint32_t clock_step_ns);

/* Look at the descriptors of one burst, which came by now_ns (CLOCK_REALTIME). */
void observe(struct observer *o, const uint8_t *base, const struct rawq_pkt *pkts,
             unsigned n, uint64_t now_ns);

/* Add what is known so far to an interval event; fits report.tell. */
void truth_tell(json_t *event, void *truth);

/* What a verb knows besides what was received. */
struct truth_end {
	uint32_t link_mbps; /* 0: unknown */
	double asked_pps; /* if not 0, what 100 % of a rate means, instead of the link's */
	uint64_t
		sent; /* signed packets, if not 0: those after the last to come are lost */
};

/* The run is over. */
void truth_finish(struct truth *truth, const uint64_t *totals,
                  const struct truth_end *end);
/* What the end event gets. */
json_t *truth_json(const struct truth *truth);
/* The same for people, below report_end()'s table. */
void truth_print(const struct truth *truth, FILE *to);
/* Write --hgrm and --svg.  Returns an exit_code: EXIT_EXPECTATION if one was missed. */
int truth_verdict(const struct truth *truth);

/* The table's names and kinds, before anything is known. */
void truth_name_metrics(struct truth *truth);

/* How long a thread that sleeps takes to wake, or else to read the clock, 99 times of 100. */
uint64_t method_error_ns(bool is_sleeping);

#endif
