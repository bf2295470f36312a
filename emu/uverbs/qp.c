/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw-packet queue pairs: creation and destruction.  qp_state.c has their states. */
#include "emu/uverbs/qp.h"
#include "emu/uverbs/call.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/cq.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/methods.h"
#include "emu/uverbs/mr.h"
#include "emu/uverbs/query.h"
#include "emu/uverbs/wq.h"

#include <errno.h>
#include <rdma/mlx5-abi.h>
#include <stddef.h>
#include <string.h>

#define WQE_SHIFT_MIN 4u
#define WQE_SHIFT_MAX 11u

/* enum ib_qp_create_flags of the kernel; a raw packet QP may ask for these. */
#define CREATE_BLOCK_SELF_MCAST_LB (1u << 1)
#define CREATE_SCATTER_FCS         (1u << 8)
#define CREATE_CVLAN_STRIPPING     (1u << 9)

/* ---- The card's callbacks, under its lock ---- */

/* An error CQE has told the program already, unless there will be no more of them. */
static void on_sq_error(void *user)
{
	struct qp *qp = user;

	if (qp->send_cq->dead)
		context_event(&qp->object, IBV_EVENT_QP_FATAL);
}

static void on_rq_error(void *user)
{
	struct qp *qp = user;

	if (qp->recv_cq->dead)
		context_event(&qp->object, IBV_EVENT_QP_FATAL);
}

/* ---- Queues ---- */

void qp_tirn_assign(struct qp *qp)
{
	static uint32_t next = 1;

	qp->tirn = next++ & 0xffffff;
}

static int check_ring(uint64_t addr, uint32_t count, unsigned shift)
{
	if (!count || count > QUERY_MAX_WQEBB || count & (count - 1))
		return -EINVAL;
	return user_ring(addr, (uint64_t)count << shift);
}

static int make_sq(struct qp *qp, const struct mlx5_ib_create_qp *d)
{
	struct nic_sq_opts opts = {
		.buf = (void *)(uintptr_t)d->sq_buf_addr,
		.log_wqebbs = (unsigned)__builtin_ctz(d->sq_wqe_count | 1u << 31),
		.dbrec = (be32 *)(uintptr_t)d->db_addr,
		.cq = qp->send_cq->nic,
		.pd = qp->pd->number,
		.user_index = d->uidx & 0xffffff,
		.port = qp->object.ctx->dev->port,
		.user = qp,
		.error = on_sq_error,
	};
	int err = check_ring(d->sq_buf_addr, d->sq_wqe_count, 6);

	if (err)
		return err;
	nic_lock(device_nic());
	err = nic_sq_create(device_nic(), &opts, &qp->sq);
	nic_unlock(device_nic());
	return err;
}

static int make_rq(struct qp *qp, const struct mlx5_ib_create_qp *d, uint32_t flags)
{
	struct nic_rq_opts opts = {
		.buf = (void *)(uintptr_t)d->buf_addr,
		.log_wqes = (unsigned)__builtin_ctz(d->rq_wqe_count | 1u << 31),
		.log_wqe_size = d->rq_wqe_shift,
		.dbrec = (be32 *)(uintptr_t)d->db_addr,
		.cq = qp->recv_cq->nic,
		.pd = qp->pd->number,
		.user_index = d->uidx & 0xffffff,
		.port = qp->object.ctx->dev->port,
		.vlan_strip = flags & CREATE_CVLAN_STRIPPING,
		.scatter_fcs = flags & CREATE_SCATTER_FCS,
		.user = qp,
		.error = on_rq_error,
	};
	struct nic_tir_opts tir = {0};
	int err;

	if (d->rq_wqe_shift < WQE_SHIFT_MIN || d->rq_wqe_shift > WQE_SHIFT_MAX)
		return -EINVAL;
	err = check_ring(d->buf_addr, d->rq_wqe_count, d->rq_wqe_shift);
	if (err)
		return err;
	nic_lock(device_nic());
	err = nic_rq_create(device_nic(), &opts, &qp->rq);
	if (!err) {
		tir.rq = qp->rq;
		err = nic_tir_create(device_nic(), &tir, &qp->tir);
	}
	nic_unlock(device_nic());
	qp_tirn_assign(qp);
	return err;
}

static int destroy_queues(struct qp *qp)
{
	int err = 0;

	nic_lock(device_nic());
	if (qp->tir)
		err = nic_tir_destroy(qp->tir);
	if (!err) {
		qp->tir = NULL;
		if (qp->rq)
			nic_rq_destroy(qp->rq);
		if (qp->sq)
			nic_sq_destroy(qp->sq);
	}
	nic_unlock(device_nic());
	return err;
}

static void count_users(struct qp *qp, int by)
{
	qp->pd->object.users += (unsigned)by;
	if (qp->send_cq)
		qp->send_cq->object.users += (unsigned)by;
	if (qp->recv_cq)
		qp->recv_cq->object.users += (unsigned)by;
}

static int destroy(struct object *o)
{
	struct qp *qp = (struct qp *)o;
	int err = destroy_queues(qp);

	if (err)
		return err;
	if (qp->table)
		qp->table->object.users--;
	count_users(qp, -1);
	return 0;
}

/* ---- Create ---- */

static int check_core(const struct ib_uverbs_ex_create_qp *cmd)
{
	if (cmd->qp_type != IBV_QPT_RAW_PACKET)
		return -EOPNOTSUPP;
	if (cmd->comp_mask & ~(uint32_t)IB_UVERBS_CREATE_QP_SUP_COMP_MASK ||
	    cmd->reserved)
		return -EINVAL;
	if (cmd->create_flags &
	    ~(CREATE_BLOCK_SELF_MCAST_LB | CREATE_SCATTER_FCS | CREATE_CVLAN_STRIPPING))
		return -EINVAL;
	if (cmd->is_srq)
		return -EOPNOTSUPP;
	if (cmd->max_send_wr > QUERY_MAX_WR || cmd->max_recv_wr > QUERY_MAX_WR ||
	    cmd->max_send_sge > QUERY_MAX_SGE || cmd->max_recv_sge > QUERY_MAX_SGE)
		return -EINVAL;
	return 0;
}

static int check_driver(const struct mlx5_ib_create_qp *d)
{
	const uint32_t known =
		MLX5_QP_FLAG_SCATTER_CQE | MLX5_QP_FLAG_TUNNEL_OFFLOADS |
		MLX5_QP_FLAG_BFREG_INDEX | MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_UC |
		MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_MC | MLX5_QP_FLAG_ALLOW_SCATTER_CQE |
		MLX5_QP_FLAG_UAR_PAGE_INDEX;

	if (d->flags & ~known)
		return -EINVAL;
	return user_record(d->db_addr);
}

static int rings_create(struct call *c, struct qp *qp,
                        const struct ib_uverbs_ex_create_qp *cmd)
{
	struct mlx5_ib_create_qp driver;
	int err;

	err = call_in(c, CALL_UHW_IN, &driver, sizeof driver,
	              offsetof(struct mlx5_ib_create_qp, ece_options));
	if (err)
		return err == -ENOSPC ? -EINVAL : err;
	err = check_driver(&driver);
	if (err)
		return err;
	if (cmd->max_send_wr) {
		qp->send_cq = object_find(c->ctx, OBJECT_CQ, cmd->send_cq_handle);
		err = qp->send_cq ? make_sq(qp, &driver) : -EINVAL;
	}
	if (!err && cmd->max_recv_wr) {
		qp->recv_cq = object_find(c->ctx, OBJECT_CQ, cmd->recv_cq_handle);
		err = qp->recv_cq ? make_rq(qp, &driver, cmd->create_flags) : -EINVAL;
	}
	if (!err && !qp->sq && !qp->rq)
		err = -EINVAL;
	return err;
}

static void describe(const struct qp *qp, const struct ib_uverbs_ex_create_qp *cmd,
                     struct ib_uverbs_create_qp_resp *core,
                     struct mlx5_ib_create_qp_resp *driver)
{
	*core = (struct ib_uverbs_create_qp_resp){
		.qp_handle = qp->object.handle,
		.max_send_wr = cmd->max_send_wr,
		.max_recv_wr = cmd->max_recv_wr,
		.max_send_sge = cmd->max_send_sge,
		.max_recv_sge = cmd->max_recv_sge,
		.max_inline_data = cmd->max_inline_data,
	};
	if (qp->rq) {
		driver->rqn = core->qpn = nic_rq_number(qp->rq);
		driver->comp_mask |= MLX5_IB_CREATE_QP_RESP_MASK_RQN;
	}
	if (qp->sq) {
		driver->sqn = core->qpn = nic_sq_number(qp->sq);
		driver->tisn = qp->object.ctx->dev->port + 1; /* one per port */
		driver->comp_mask |= MLX5_IB_CREATE_QP_RESP_MASK_SQN |
		                     MLX5_IB_CREATE_QP_RESP_MASK_TISN;
	}
	if (qp->tir) {
		driver->tirn = qp->tirn;
		driver->comp_mask |= MLX5_IB_CREATE_QP_RESP_MASK_TIRN;
	}
}

static int create(struct call *c, const struct ib_uverbs_ex_create_qp *cmd,
                  struct ib_uverbs_ex_create_qp_resp *resp, size_t resp_size)
{
	struct mlx5_ib_create_qp_resp driver_resp = {0};
	struct qp *qp;
	int err = check_core(cmd);

	if (err)
		return err;
	err = object_create(c->ctx, OBJECT_QP, sizeof *qp, destroy, &qp);
	if (err)
		return err;
	qp->object.user_handle = cmd->user_handle;
	qp->pd = object_find(c->ctx, OBJECT_PD, cmd->pd_handle);
	if (!qp->pd)
		err = -EINVAL;
	else if (cmd->comp_mask & IB_UVERBS_CREATE_QP_MASK_IND_TABLE)
		err = rss_create(c, qp, cmd);
	else
		err = rings_create(c, qp, cmd);
	if (err) {
		destroy_queues(qp);
		object_discard(&qp->object);
		return err;
	}
	count_users(qp, 1);
	qp->state = IBV_QPS_RESET;
	describe(qp, cmd, &resp->base, &driver_resp);
	qp->caps = resp->base;
	err = call_out(c, CALL_CMD_OUT, resp, resp_size);
	if (!err)
		err = call_out(c, CALL_UHW_OUT, &driver_resp, sizeof driver_resp);
	if (err)
		object_destroy(&qp->object);
	return err;
}

int qp_create(struct call *c)
{
	struct ib_uverbs_ex_create_qp_resp resp = {0};
	struct ib_uverbs_create_qp cmd;
	struct ib_uverbs_ex_create_qp ex;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	ex = (struct ib_uverbs_ex_create_qp){
		.user_handle = cmd.user_handle,
		.pd_handle = cmd.pd_handle,
		.send_cq_handle = cmd.send_cq_handle,
		.recv_cq_handle = cmd.recv_cq_handle,
		.srq_handle = cmd.srq_handle,
		.max_send_wr = cmd.max_send_wr,
		.max_recv_wr = cmd.max_recv_wr,
		.max_send_sge = cmd.max_send_sge,
		.max_recv_sge = cmd.max_recv_sge,
		.max_inline_data = cmd.max_inline_data,
		.sq_sig_all = cmd.sq_sig_all,
		.qp_type = cmd.qp_type,
		.is_srq = cmd.is_srq,
	};
	return create(c, &ex, &resp, sizeof resp.base);
}

int qp_create_ex(struct call *c)
{
	struct ib_uverbs_ex_create_qp_resp resp = {.response_length = sizeof resp};
	struct ib_uverbs_ex_create_qp cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd,
	                  offsetof(struct ib_uverbs_ex_create_qp, create_flags));

	return err ? err : create(c, &cmd, &resp, sizeof resp);
}

int qp_destroy(struct call *c)
{
	struct ib_uverbs_destroy_qp_resp resp;
	struct ib_uverbs_destroy_qp cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (!err)
		err = object_destroy_handle(c->ctx, OBJECT_QP, cmd.qp_handle);
	if (err)
		return err;
	resp.events_reported = c->ctx->gone_async;
	return call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
}
