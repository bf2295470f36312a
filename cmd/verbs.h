/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of the command, each defined in the file of its name. */
#ifndef CMD_VERBS_H
#define CMD_VERBS_H

#include "common/options.h"

/* All of them, NULL-terminated. */
extern const struct verb *const verbs[];

extern const struct verb verb_cap;
extern const struct verb verb_compare;
extern const struct verb verb_demo;
extern const struct verb verb_echo;
extern const struct verb verb_emu;
extern const struct verb verb_fwd;
extern const struct verb verb_lat;
extern const struct verb verb_ping;
extern const struct verb verb_probe;
extern const struct verb verb_replay;
extern const struct verb verb_rules;
extern const struct verb verb_run;
extern const struct verb verb_rx;
extern const struct verb verb_show;
extern const struct verb verb_tx;

#endif
