/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of each flow's packets, exactly.  A flow's sequence begins at 0 and a bitmap
 * remembers which of the latest `window` sequences have come; doc/measuring.md has the
 * definitions.  Memory: account_memory(), all of it taken at the start, used as flows appear.
 *
 * Any number of threads may account at once: each flow has a lock of its own, which is free
 * unless two queues receive one flow.  The numbers may be read at any time.
 */
#ifndef CMD_COMMON_ACCOUNT_H
#define CMD_COMMON_ACCOUNT_H

#include "histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCOUNT_WINDOW_DEFAULT 4096
#define ACCOUNT_FLOWS_DEFAULT  16384

struct account_numbers {
	uint64_t received;   /* intact packets, duplicates and late ones as well */
	uint64_t lost;       /* sequences that did not come */
	uint64_t reordered;  /* came, once a later one had come (RFC 4737) */
	uint64_t duplicated; /* came again */
	uint64_t corrupted;  /* came, and not as they were sent */
	uint64_t late; /* came when the window had passed them: they are in `lost` too */
	uint64_t restarts; /* the sender began at 0 again */
	uint64_t
		distance_max; /* of a reordered packet: how far behind the highest sequence */
	uint64_t latency_n, latency_min, latency_max,
		latency_sum; /* ns, of intact packets */
};

struct account_flow {
	uint32_t id;
	uint32_t lock;
	uint64_t first;       /* the least sequence that is expected */
	uint64_t next;        /* the highest sequence that came, plus 1 */
	uint64_t newest_ns;   /* latest time of sending in this life of the sender */
	uint64_t previous_ns; /* ... and in its lives before; 0 if there was none */
	struct account_numbers numbers; /* lost: those the window has passed */
	uint64_t window[];
};

struct account; /* opaque */

struct account_opts {
	uint32_t flows;  /* that are told apart; others are counted as strangers */
	uint32_t window; /* sequences, a power of two from 64 */
	bool histograms; /* of each flow's latencies: sizeof(struct histogram) of memory, of
	                  * which the pages are used that the latencies lie in */
	bool join;       /* a flow is expected from the first packet seen, not from 0 */
};

size_t account_memory(const struct account_opts *opts);

/* NULL: no memory. */
struct account *account_create(const struct account_opts *opts);
void account_free(struct account *a);

/* No latency of a packet is known. */
#define LATENCY_NONE UINT64_MAX

/* Account for one intact packet.  False: its flow is one too many. */
bool account_packet(struct account *a, uint32_t flow, uint64_t sequence, uint64_t time_ns,
                    uint64_t latency_ns);

/* Account for one packet that was damaged, whose flow, sequence and time are known all the same: it
 * is not lost, and an intact one of this sequence would be its duplicate.  False: they are so
 * far off what the flow expects, or the flow is so new, that they are not believed. */
bool account_damaged(struct account *a, uint32_t flow, uint64_t sequence,
                     uint64_t time_ns);

/* Packets of flows beyond opts.flows. */
uint64_t account_strangers(const struct account *a);

/* The i-th flow in order of appearance, or NULL. */
const struct account_flow *account_flow(const struct account *a, uint32_t i);
uint32_t account_flow_count(const struct account *a);

/* The numbers of one flow, all that has not come being lost; or, while the run goes on, without
 * what the window may still bring. */
struct account_numbers account_flow_numbers(const struct account *a,
                                            const struct account_flow *flow,
                                            bool is_over);

/* The latencies of one flow, to be read once the run is over; NULL: opts.histograms was not set. */
const struct histogram *account_flow_histogram(const struct account *a,
                                               const struct account_flow *flow);

/* ... and the sum of all flows'; of minima and maxima the extreme. */
struct account_numbers account_total(const struct account *a, bool is_over);

#endif
