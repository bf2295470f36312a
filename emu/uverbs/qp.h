/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw-packet queue pairs: those with rings of their own, and those that hash over a table. */
#ifndef EMU_UVERBS_QP_H
#define EMU_UVERBS_QP_H

#include "emu/uverbs/object.h"

#include <infiniband/verbs.h>
#include <rdma/ib_user_verbs.h>

struct call;
struct nic_rq;
struct nic_sq;
struct nic_tir;

struct qp {
	struct object object;
	struct pd *pd;
	struct cq *send_cq, *recv_cq; /* NULL: no such queue */
	struct ind_table *table;      /* of one that hashes */
	struct nic_sq *sq;
	struct nic_rq *rq;
	struct nic_tir *tir; /* where flows deliver; NULL: sends only */
	uint32_t tirn;
	enum ibv_qp_state state; /* as the program set it */
	struct ib_uverbs_create_qp_resp caps;
};

/* A QP that hashes over a table; qp.c makes and frees the object. */
int rss_create(struct call *c, struct qp *qp, const struct ib_uverbs_ex_create_qp *cmd);
void qp_tirn_assign(struct qp *qp);

#endif
