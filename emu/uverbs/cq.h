/* SPDX-License-Identifier: BSD-2-Clause */
/* Completion queues, for the queues on them. */
#ifndef EMU_UVERBS_CQ_H
#define EMU_UVERBS_CQ_H

#include "emu/uverbs/object.h"

#include <stdbool.h>

struct nic_cq;

struct cq {
	struct object object;
	struct nic_cq *nic;
	struct event_queue *channel; /* NULL: none */
	uint32_t comp_reported;      /* completion events that the program has read */
	bool dead;                   /* overrun */
};

#endif
