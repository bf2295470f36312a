/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The states of a raw-packet queue pair, as ib_core's table and mlx5_ib have them: the receive
 * queue works from INIT on, the send queue from RTS on.
 */
#include "emu/uverbs/call.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/methods.h"
#include "emu/uverbs/qp.h"
#include "emu/uverbs/query.h"

#include <errno.h>
#include <rdma/mlx5-abi.h>
#include <stddef.h>
#include <string.h>

/* What the queues say may differ from what was asked for: an error CQE stops a queue. */
static enum ibv_qp_state state_of(const struct qp *qp)
{
	bool sq_error = qp->sq && nic_sq_state(qp->sq) == NIC_QUEUE_ERROR;
	bool rq_error = qp->rq && nic_rq_state(qp->rq) == NIC_QUEUE_ERROR;

	if (sq_error && qp->rq && !rq_error)
		return IBV_QPS_SQE;
	if (sq_error || (rq_error && !qp->sq))
		return IBV_QPS_ERR;
	return qp->state;
}

struct change {
	uint32_t mask; /* IBV_QP_* */
	enum ibv_qp_state from, to;
	uint8_t port;
	uint32_t rate_kbps;
	struct mlx5_ib_burst_info burst;
};

/* Attributes that a transition must and may name, beside the state itself; -1: no such one. */
static int allowed_mask(enum ibv_qp_state from, enum ibv_qp_state to, uint32_t *required)
{
	*required = 0;
	if (to == IBV_QPS_RESET || to == IBV_QPS_ERR)
		return 0;
	if (from == IBV_QPS_RESET && to == IBV_QPS_INIT)
		return (int)(*required = IBV_QP_PORT);
	if (from == IBV_QPS_INIT && (to == IBV_QPS_INIT || to == IBV_QPS_RTR))
		return 0;
	if ((from == IBV_QPS_RTR || from == IBV_QPS_RTS) && to == IBV_QPS_RTS)
		return IBV_QP_RATE_LIMIT;
	return -1;
}

static int check_change(const struct qp *qp, struct change *ch)
{
	uint32_t required;
	int may;

	if (qp->table)
		return -EOPNOTSUPP; /* it has no states */
	if (!(ch->mask & IBV_QP_CUR_STATE))
		ch->from = state_of(qp);
	if (!(ch->mask & IBV_QP_STATE))
		ch->to = ch->from;
	if (ch->from > IBV_QPS_ERR || ch->to > IBV_QPS_ERR || ch->from != state_of(qp))
		return -EINVAL;
	may = allowed_mask(ch->from, ch->to, &required);
	if (may < 0 || (ch->mask & required) != required ||
	    ch->mask & ~((uint32_t)may | IBV_QP_STATE | IBV_QP_CUR_STATE))
		return -EINVAL;
	if (ch->mask & IBV_QP_PORT && ch->port != 1)
		return -EINVAL;
	if (ch->mask & IBV_QP_RATE_LIMIT && ch->rate_kbps > QUERY_MAX_RATE_KBPS)
		return -EINVAL;
	return 0;
}

static int modify_queues(struct qp *qp, enum nic_queue_state rq, enum nic_queue_state sq)
{
	int err = 0;

	if (qp->rq && nic_rq_state(qp->rq) != rq)
		err = nic_rq_modify(qp->rq, rq);
	if (!err && qp->sq && nic_sq_state(qp->sq) != sq)
		err = nic_sq_modify(qp->sq, sq);
	return err;
}

static int apply(struct qp *qp, const struct change *ch)
{
	int err = 0;

	if (ch->to == IBV_QPS_RESET)
		err = modify_queues(qp, NIC_QUEUE_RESET, NIC_QUEUE_RESET);
	else if (ch->to == IBV_QPS_ERR && ch->from != IBV_QPS_RESET)
		err = modify_queues(qp, NIC_QUEUE_ERROR, NIC_QUEUE_ERROR);
	else if (ch->to == IBV_QPS_INIT || ch->to == IBV_QPS_RTR)
		err = modify_queues(qp, NIC_QUEUE_READY, NIC_QUEUE_RESET);
	else if (ch->to == IBV_QPS_RTS)
		err = modify_queues(qp, NIC_QUEUE_READY, NIC_QUEUE_READY);
	if (!err && ch->mask & IBV_QP_RATE_LIMIT && qp->sq)
		err = nic_sq_set_rate(qp->sq, ch->rate_kbps, ch->burst.max_burst_sz,
		                      ch->burst.typical_pkt_sz);
	if (!err)
		qp->state = ch->to;
	return err;
}

static int modify(struct call *c, const struct ib_uverbs_modify_qp *cmd,
                  struct change *ch)
{
	struct qp *qp = object_find(c->ctx, OBJECT_QP, cmd->qp_handle);
	int err;

	if (!qp)
		return -EINVAL;
	ch->mask = cmd->attr_mask;
	ch->from = cmd->cur_qp_state;
	ch->to = cmd->qp_state;
	ch->port = cmd->port_num;
	nic_lock(device_nic());
	err = check_change(qp, ch);
	if (!err)
		err = apply(qp, ch);
	nic_unlock(device_nic());
	return err;
}

int qp_modify(struct call *c)
{
	struct ib_uverbs_modify_qp cmd;
	struct change ch = {0};
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	if (cmd.attr_mask & ~((IBV_QP_DEST_QPN << 1) - 1u))
		return -EOPNOTSUPP;
	return modify(c, &cmd, &ch);
}

int qp_modify_ex(struct call *c)
{
	struct mlx5_ib_modify_qp_resp driver_resp = {.response_length =
	                                                     sizeof driver_resp};
	struct ib_uverbs_ex_modify_qp_resp resp = {.response_length = sizeof resp};
	struct ib_uverbs_ex_modify_qp cmd;
	struct mlx5_ib_modify_qp driver = {0};
	struct change ch = {0};
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd,
	                  offsetof(struct ib_uverbs_ex_modify_qp, rate_limit));

	if (!err && call_len(c, CALL_UHW_IN))
		err = call_in(c, CALL_UHW_IN, &driver, sizeof driver,
		              offsetof(struct mlx5_ib_modify_qp, ece_options));
	if (err)
		return err;
	if (cmd.base.attr_mask & ~((IBV_QP_RATE_LIMIT << 1) - 1u) || driver.comp_mask ||
	    driver.burst_info.reserved)
		return -EOPNOTSUPP;
	ch.rate_kbps = cmd.rate_limit;
	ch.burst = driver.burst_info;
	err = modify(c, &cmd.base, &ch);
	if (!err)
		err = call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
	if (!err)
		err = call_out(c, CALL_UHW_OUT, &driver_resp, sizeof driver_resp);
	return err;
}

int qp_query(struct call *c)
{
	struct ib_uverbs_query_qp_resp resp = {0};
	struct ib_uverbs_query_qp cmd;
	struct qp *qp;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	qp = object_find(c->ctx, OBJECT_QP, cmd.qp_handle);
	if (!qp)
		return -EINVAL;
	if (qp->table)
		return -EOPNOTSUPP;
	nic_lock(device_nic());
	resp.qp_state = resp.cur_qp_state = (uint8_t)state_of(qp);
	nic_unlock(device_nic());
	resp.max_send_wr = qp->caps.max_send_wr;
	resp.max_recv_wr = qp->caps.max_recv_wr;
	resp.max_send_sge = qp->caps.max_send_sge;
	resp.max_recv_sge = qp->caps.max_recv_sge;
	resp.max_inline_data = qp->caps.max_inline_data;
	resp.port_num = 1;
	return call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
}
