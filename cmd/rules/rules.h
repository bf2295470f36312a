/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of rawq rules share. */
#ifndef CMD_RULES_RULES_H
#define CMD_RULES_RULES_H

#include "common/nic.h"
#include "common/options.h"
#include "common/wish.h"

#include <jansson.h>

struct rules_opts {
	struct wish wish;
	struct nic_choice choice;
	const char *pcap;
	bool frames, all, json;
};

/* Each prints and returns an exit_code. */
int rules_list(const struct verb *verb, const struct rules_opts *opts,
               const char *netdev);
int rules_explain(const struct verb *verb, struct rules_opts *opts, const char *netdev);

/* Replay a capture through a plan of wish's rules; prints, or adds to event for --json. */
int rules_replay(const struct verb *verb, const struct rules_opts *opts,
                 const struct rawq_plan *plan, json_t *event);

void rules_dump(json_t *event); /* prints one line and lets go of it */

#endif
