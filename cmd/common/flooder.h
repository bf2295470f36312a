/* SPDX-License-Identifier: BSD-2-Clause */
/* One core's share of packets sent by the kernel itself (rawq_flood), as a worker of a run. */
#ifndef CMD_COMMON_FLOODER_H
#define CMD_COMMON_FLOODER_H

#include "packet/packet.h"
#include "run.h"

#include "rawq.h"

struct flooder {
	const char *netdev;
	struct rawq_flood *flood;
	uint64_t count; /* packets to send */
	uint32_t len;
};

/* Prepare worker `index` of `workers`, which together send pps packets per second (0: as fast as
 * it goes).  0; or -errno with the reason in err. */
int flooder_init(struct flooder *f, struct rawq_port *port, const struct packet *packet,
                 unsigned index, unsigned workers, double pps, struct rawq_error *err);
void flooder_free(struct flooder *f);

/* Send until the count is reached or the run ends. */
void flooder_run(struct flooder *f, struct worker *worker);

#endif
