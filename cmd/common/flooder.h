/* SPDX-License-Identifier: BSD-2-Clause */
/* One core's share of packets sent by the kernel itself (rawq_flood), as a worker of a run. */
#ifndef CMD_COMMON_FLOODER_H
#define CMD_COMMON_FLOODER_H

#include "histogram.h"
#include "packet/packet.h"
#include "run.h"

#include "rawq.h"

struct flooder {
	const char *netdev;
	struct rawq_flood *flood;
	uint64_t count; /* packets to send */
	uint32_t len;
	uint64_t gap_ps; /* from packet to packet; 0: as fast as it goes */
	uint32_t sequences_at, paced_at; /* struct edit_code's */

	/* A trial: give up when less than beat_pps have gone trial_ns after the first packet. */
	double beat_pps;
	uint64_t trial_ns; /* 0: no trial */

	uint64_t skipped;  /* of the packets sent: not by the flood */
	uint64_t first_ns; /* before the first packet; 0: none yet */
	double pps;        /* in the trial */
	bool was_beaten;
};

/* Prepare worker `index` of `workers`, which together send pps packets per second (0: as fast as
 * it goes).  0; or -errno with the reason in err. */
int flooder_init(struct flooder *f, struct rawq_port *port, const struct packet *packet,
                 unsigned index, unsigned workers, double pps, struct rawq_error *err);
void flooder_free(struct flooder *f);

/* Go on where a source stands, after n packets that were due from start_ns on. */
void flooder_follow(struct flooder *f, const struct packet_source *source, uint64_t n,
                    uint64_t start_ns);

/* Send until the count is reached, the run ends or the trial is lost. */
void flooder_run(struct flooder *f, struct worker *worker);

/* Add what the kernel noted of paced packets: ns between them, ns that they were late. */
void flooder_times(const struct flooder *f, struct histogram *gaps,
                   struct histogram *late);

#endif
