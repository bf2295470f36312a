/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture sent on one queue, in its order: at once, at recorded times or at a rate.  Where the
 * port can send from read-only memory and nothing is changed the mapped file is the region and
 * no byte is copied; else each packet is copied into a frame of a region of our own.
 */
#ifndef CMD_COMMON_REPLAYER_H
#define CMD_COMMON_REPLAYER_H

#include "capture.h"
#include "frames.h"
#include "pace.h"
#include "remap.h"
#include "run.h"

#include "rawq.h"

#define REPLAY_BURST_MAX 256

struct replayer {
	/* The caller's, before replayer_run() */
	const char *netdev;
	struct capture *capture;
	struct rawq_txq *q;
	struct rawq_region *region;
	const struct remap *remap; /* NULL: nothing is changed */
	unsigned burst;
	uint64_t count; /* packets to send */
	uint64_t loops; /* times through the file; 0: no limit */
	double speed; /* multiple of the recorded speed; 0: as fast as it goes, or pps */
	double pps;   /* instead of the recorded times; 0: none */
	uint32_t len_max; /* longer packets are left out */
	bool zero_copy;
	struct frames frames; /* free ones, if not */

	/* What happened */
	uint64_t skipped,
		cut; /* packets too long or short to send; sent as cut by the capture */
	uint64_t late_max_ns, late_total_ns, timed;

	struct captured next; /* the packet whose time has not come */
	bool has_next;
	uint64_t loop, written, reaped;
	uint64_t base_ns;          /* when this loop's first packet is due */
	uint64_t first_ns;         /* its recorded time */
	uint64_t last_ns, in_loop; /* recorded time of the latest, packets so far */
	struct pacer pacer;
	struct rawq_pkt pkts[REPLAY_BURST_MAX];
	unsigned first_pkt, pkt_count;
};

void replayer_run(struct replayer *r, struct worker *worker);

#endif
