/* SPDX-License-Identifier: BSD-2-Clause */
/* Receive work queues and their indirection tables. */
#include "emu/uverbs/wq.h"
#include "emu/uverbs/call.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/cq.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/methods.h"
#include "emu/uverbs/mr.h"
#include "emu/uverbs/query.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/mlx5-abi.h>
#include <stddef.h>
#include <string.h>

#define WQE_SHIFT_MIN 4u  /* one data segment */
#define WQE_SHIFT_MAX 11u /* max_rq_desc_sz and then some */

/* The card's callback, under its lock.  An error CQE has told the program already; what needs an
 * event is that there will be no more of them. */
static void on_error(void *user)
{
	struct wq *wq = user;

	if (wq->cq->dead)
		context_event(&wq->object, IBV_EVENT_WQ_FATAL);
}

static int destroy_wq(struct object *o)
{
	struct wq *wq = (struct wq *)o;
	int err;

	nic_lock(device_nic());
	err = nic_rq_destroy(wq->nic);
	nic_unlock(device_nic());
	if (err)
		return err;
	wq->pd->object.users--;
	wq->cq->object.users--;
	return 0;
}

static int check_striding(const struct mlx5_ib_create_wq *d)
{
	if (!(d->comp_mask & MLX5_IB_CREATE_WQ_STRIDING_RQ))
		return 0;
	if (d->single_stride_log_num_of_bytes < QUERY_STRIDE_MIN ||
	    d->single_stride_log_num_of_bytes > QUERY_STRIDE_MAX ||
	    d->single_wqe_log_num_of_strides < QUERY_STRIDES_MIN ||
	    d->single_wqe_log_num_of_strides > QUERY_STRIDES_MAX)
		return -EINVAL;
	return 0;
}

static int check_wq(const struct ib_uverbs_ex_create_wq *cmd,
                    const struct mlx5_ib_create_wq *d)
{
	if (cmd->comp_mask || cmd->wq_type != IBV_WQT_RQ)
		return -EINVAL;
	if (cmd->create_flags &
	    ~(uint32_t)(IBV_WQ_FLAGS_CVLAN_STRIPPING | IBV_WQ_FLAGS_SCATTER_FCS))
		return -EOPNOTSUPP;
	if (d->comp_mask & ~MLX5_IB_CREATE_WQ_STRIDING_RQ || d->flags)
		return -EOPNOTSUPP;
	if (cmd->max_wr > QUERY_MAX_WR || !d->rq_wqe_count ||
	    d->rq_wqe_count > QUERY_MAX_WR || d->rq_wqe_count & (d->rq_wqe_count - 1) ||
	    d->rq_wqe_shift < WQE_SHIFT_MIN || d->rq_wqe_shift > WQE_SHIFT_MAX)
		return -EINVAL;
	return check_striding(d);
}

static int make_nic_rq(struct wq *wq, const struct ib_uverbs_ex_create_wq *cmd,
                       const struct mlx5_ib_create_wq *d)
{
	bool striding = d->comp_mask & MLX5_IB_CREATE_WQ_STRIDING_RQ;
	struct nic_rq_opts opts = {
		.buf = (void *)(uintptr_t)d->buf_addr,
		.log_wqes = (unsigned)__builtin_ctz(d->rq_wqe_count),
		.log_wqe_size = d->rq_wqe_shift,
		.dbrec = (be32 *)(uintptr_t)d->db_addr,
		.cq = wq->cq->nic,
		.pd = wq->pd->number,
		.user_index = d->user_index & 0xffffff,
		.port = wq->object.ctx->dev->port,
		.vlan_strip = cmd->create_flags & IBV_WQ_FLAGS_CVLAN_STRIPPING,
		.scatter_fcs = cmd->create_flags & IBV_WQ_FLAGS_SCATTER_FCS,
		.striding = striding,
		.log_strides = striding ? d->single_wqe_log_num_of_strides : 0,
		.log_stride_size = striding ? d->single_stride_log_num_of_bytes : 0,
		.linked =
			striding, /* a next segment leads each WQE: so libmlx5 lays it */
		.two_byte_shift = striding && d->two_byte_shift_en,
		.user = wq,
		.error = on_error,
	};
	int err = user_ring(d->buf_addr, (uint64_t)d->rq_wqe_count << d->rq_wqe_shift);

	if (!err)
		err = user_record(d->db_addr);
	if (err)
		return err;
	nic_lock(device_nic());
	err = nic_rq_create(device_nic(), &opts, &wq->nic);
	nic_unlock(device_nic());
	return err;
}

int wq_create(struct call *c)
{
	struct mlx5_ib_create_wq_resp driver_resp = {.response_length =
	                                                     sizeof driver_resp};
	struct ib_uverbs_ex_create_wq_resp resp = {.response_length = sizeof resp};
	struct ib_uverbs_ex_create_wq cmd;
	struct mlx5_ib_create_wq driver;
	struct wq *wq;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd,
	                  offsetof(struct ib_uverbs_ex_create_wq, create_flags));

	if (!err)
		err = call_in(c, CALL_UHW_IN, &driver, sizeof driver,
		              offsetof(struct mlx5_ib_create_wq,
		                       single_stride_log_num_of_bytes));
	if (err)
		return err == -ENOSPC ? -EINVAL : err;
	err = check_wq(&cmd, &driver);
	if (!err)
		err = object_create(c->ctx, OBJECT_WQ, sizeof *wq, destroy_wq, &wq);
	if (err)
		return err;
	wq->object.user_handle = cmd.user_handle;
	wq->pd = object_find(c->ctx, OBJECT_PD, cmd.pd_handle);
	wq->cq = object_find(c->ctx, OBJECT_CQ, cmd.cq_handle);
	err = wq->pd && wq->cq ? make_nic_rq(wq, &cmd, &driver) : -EINVAL;
	if (err) {
		object_discard(&wq->object);
		return err;
	}
	wq->pd->object.users++;
	wq->cq->object.users++;
	resp.wq_handle = wq->object.handle;
	resp.max_wr = cmd.max_wr;
	resp.max_sge = cmd.max_sge;
	resp.wqn = nic_rq_number(wq->nic);
	err = call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
	if (!err)
		err = call_out(c, CALL_UHW_OUT, &driver_resp, sizeof driver_resp);
	if (err)
		object_destroy(&wq->object);
	return err;
}

static enum ibv_wq_state state_of(const struct wq *wq)
{
	switch (nic_rq_state(wq->nic)) {
	case NIC_QUEUE_RESET:
		return IBV_WQS_RESET;
	case NIC_QUEUE_READY:
		return IBV_WQS_RDY;
	default:
		return IBV_WQS_ERR;
	}
}

static int change_state(struct wq *wq, uint32_t mask, uint32_t from, uint32_t to)
{
	static const enum nic_queue_state states[] = {
		[IBV_WQS_RESET] = NIC_QUEUE_RESET,
		[IBV_WQS_RDY] = NIC_QUEUE_READY,
		[IBV_WQS_ERR] = NIC_QUEUE_ERROR,
	};
	uint32_t now = state_of(wq);

	if (!(mask & IBV_WQ_ATTR_STATE))
		to = now;
	if (!(mask & IBV_WQ_ATTR_CURR_STATE))
		from = now;
	if (from > IBV_WQS_ERR || to > IBV_WQS_ERR || from != now)
		return -EINVAL;
	if (to == now)
		return 0;
	/* An error is left through reset alone, and reset towards ready alone. */
	if ((now == IBV_WQS_ERR && to == IBV_WQS_RDY) ||
	    (now == IBV_WQS_RESET && to == IBV_WQS_ERR))
		return -EINVAL;
	return nic_rq_modify(wq->nic, states[to]);
}

int wq_modify(struct call *c)
{
	const uint32_t known =
		IBV_WQ_ATTR_STATE | IBV_WQ_ATTR_CURR_STATE | IBV_WQ_ATTR_FLAGS;
	struct ib_uverbs_ex_modify_wq cmd;
	struct wq *wq;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd,
	                  offsetof(struct ib_uverbs_ex_modify_wq, flags));

	if (err)
		return err;
	if (!cmd.attr_mask || cmd.attr_mask & ~known)
		return -EINVAL;
	wq = object_find(c->ctx, OBJECT_WQ, cmd.wq_handle);
	if (!wq)
		return -EINVAL;
	if (cmd.attr_mask & IBV_WQ_ATTR_FLAGS &&
	    cmd.flags_mask & ~(uint32_t)IBV_WQ_FLAGS_CVLAN_STRIPPING)
		return -EOPNOTSUPP;
	nic_lock(device_nic());
	err = change_state(wq, cmd.attr_mask, cmd.curr_wq_state, cmd.wq_state);
	if (!err && cmd.attr_mask & IBV_WQ_ATTR_FLAGS && cmd.flags_mask)
		nic_rq_set_vlan_strip(wq->nic, cmd.flags & IBV_WQ_FLAGS_CVLAN_STRIPPING);
	nic_unlock(device_nic());
	return err;
}

int wq_destroy(struct call *c)
{
	struct ib_uverbs_ex_destroy_wq_resp resp = {.response_length = sizeof resp};
	struct ib_uverbs_ex_destroy_wq cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	if (cmd.comp_mask)
		return -EOPNOTSUPP;
	err = object_destroy_handle(c->ctx, OBJECT_WQ, cmd.wq_handle);
	if (err)
		return err;
	resp.events_reported = c->ctx->gone_async;
	return call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
}

/* ---- Indirection tables ---- */

static int destroy_table(struct object *o)
{
	struct ind_table *t = (struct ind_table *)o;
	unsigned i;
	int err;

	nic_lock(device_nic());
	err = nic_rwqt_destroy(t->nic);
	nic_unlock(device_nic());
	if (err)
		return err;
	for (i = 0; i < t->count; i++)
		t->wqs[i]->object.users--;
	return 0;
}

static int find_wqs(struct call *c, struct ind_table *t,
                    struct nic_rq *rqs[QUERY_MAX_IND_TABLE])
{
	const size_t start = sizeof(struct ib_uverbs_ex_create_rwq_ind_table);
	uint32_t handle;
	unsigned i;
	int err;

	for (i = 0; i < t->count; i++) {
		err = call_in_tail(c, CALL_CMD_IN, start + i * sizeof handle, &handle,
		                   sizeof handle);
		if (err)
			return err;
		t->wqs[i] = object_find(c->ctx, OBJECT_WQ, handle);
		if (!t->wqs[i])
			return -EINVAL;
		rqs[i] = t->wqs[i]->nic;
	}
	return 0;
}

int ind_table_create(struct call *c)
{
	struct mlx5_ib_create_rwq_ind_tbl_resp driver_resp = {.response_length =
	                                                              sizeof driver_resp};
	struct ib_uverbs_ex_create_rwq_ind_table_resp resp = {.response_length =
	                                                              sizeof resp};
	struct ib_uverbs_ex_create_rwq_ind_table cmd;
	struct nic_rq *rqs[QUERY_MAX_IND_TABLE];
	struct ind_table *t;
	unsigned i, count;
	int err;

	err = call_in_tail(c, CALL_CMD_IN, 0, &cmd, sizeof cmd);
	if (err)
		return err;
	if (cmd.comp_mask)
		return -EOPNOTSUPP;
	if (cmd.log_ind_tbl_size > 31 ||
	    (count = 1u << cmd.log_ind_tbl_size) > QUERY_MAX_IND_TABLE)
		return -EINVAL;
	err = object_create(c->ctx, OBJECT_IND_TABLE, sizeof *t + count * sizeof *t->wqs,
	                    destroy_table, &t);
	if (err)
		return err;
	t->count = count;
	err = find_wqs(c, t, rqs);
	if (!err) {
		nic_lock(device_nic());
		err = nic_rwqt_create(device_nic(), rqs, cmd.log_ind_tbl_size, &t->nic);
		nic_unlock(device_nic());
	}
	if (err) {
		object_discard(&t->object);
		return err;
	}
	for (i = 0; i < count; i++)
		t->wqs[i]->object.users++;
	resp.ind_tbl_handle = t->object.handle;
	resp.ind_tbl_num = t->object.handle + 1;
	err = call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
	if (!err)
		err = call_out(c, CALL_UHW_OUT, &driver_resp, sizeof driver_resp);
	if (err)
		object_destroy(&t->object);
	return err;
}

int ind_table_destroy(struct call *c)
{
	struct ib_uverbs_ex_destroy_rwq_ind_table cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	if (cmd.comp_mask)
		return -EOPNOTSUPP;
	return object_destroy_handle(c->ctx, OBJECT_IND_TABLE, cmd.ind_tbl_handle);
}
