/* SPDX-License-Identifier: BSD-2-Clause */
/* Receive queues and tables of them, for the QPs that hash over them. */
#ifndef EMU_UVERBS_WQ_H
#define EMU_UVERBS_WQ_H

#include "emu/uverbs/object.h"

struct nic_rq;
struct nic_rwqt;

struct wq {
	struct object object;
	struct pd *pd;
	struct cq *cq;
	struct nic_rq *nic;
};

struct ind_table {
	struct object object;
	struct nic_rwqt *nic;
	unsigned count;
	struct wq *wqs[]; /* count */
};

#endif
