/* SPDX-License-Identifier: BSD-2-Clause */
/* What is checked of a rule before a backend is asked to add it; a plan asks the same. */
#ifndef LIB_RULE_H
#define LIB_RULE_H

#include "rawq.h"

/* -EINVAL: the words contradict each other, on any port. */
int rule_check_words(const struct rawq_rule_opts *rule, struct rawq_error *err);

/* What this port and its backend cannot do, all but queues and the guard. */
int rule_check_port(const struct rawq_port *port, const struct rawq_rule_opts *rule,
                    struct rawq_error *err);

#endif
