/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who makes a worker's packets: this program, on a send queue; or the kernel, in XDP live frames.
 * Left to itself a worker finds out which is faster by the first packets of the run: some
 * milliseconds of each, the one going on where the other stopped.
 */
#ifndef CMD_COMMON_ENGINE_H
#define CMD_COMMON_ENGINE_H

#include "flooder.h"
#include "sender.h"

enum engine_kind { ENGINE_AUTO, ENGINE_QUEUES, ENGINE_LIVE };

struct engine {
	/* The caller's.  Only one of them: that one is used. */
	struct sender *sender;
	struct flooder *flooder;
	double pps; /* of this worker; 0: as fast as it goes */

	/* What was measured, packets/s; 0: was not */
	double queues_pps, live_pps;
	enum engine_kind used; /* at the end */
};

void engine_run(struct engine *e, struct worker *worker);

#endif
