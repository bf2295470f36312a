/* SPDX-License-Identifier: BSD-2-Clause */
/* Completion channels and completion queues. */
#include "emu/uverbs/cq.h"
#include "emu/uverbs/call.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/event.h"
#include "emu/uverbs/methods.h"
#include "emu/uverbs/query.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/mlx5-abi.h>
#include <stddef.h>

int comp_channel_create(struct call *c)
{
	struct ib_uverbs_create_comp_channel_resp resp;
	struct event_queue *q;
	int fd, err;

	err = event_queue_create(sizeof(struct ib_uverbs_comp_event_desc), &fd, &q);
	if (err)
		return err;
	event_queue_put(q); /* the descriptor alone keeps it, and CQs will */
	resp.fd = (uint32_t)fd;
	return call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
}

/* ---- The card's callbacks, under its lock ---- */

static void on_completion(void *user)
{
	struct cq *cq = user;
	struct ib_uverbs_comp_event_desc desc = {.cq_handle = cq->object.user_handle};

	if (cq->channel)
		event_push(cq->channel, &desc, cq, &cq->comp_reported);
}

static void on_overrun(void *user)
{
	struct cq *cq = user;

	cq->dead = true;
	context_event(&cq->object, IBV_EVENT_CQ_ERR);
}

/* ---- Create ---- */

static int destroy(struct object *o)
{
	struct cq *cq = (struct cq *)o;
	int err;

	nic_lock(device_nic());
	err = nic_cq_destroy(cq->nic);
	nic_unlock(device_nic());
	if (err)
		return err;
	if (cq->channel) {
		event_forget(cq->channel, cq);
		event_queue_put(cq->channel);
	}
	o->ctx->gone_comp = cq->comp_reported;
	return 0;
}

/* mini CQE formats of the driver's command and the card's are numbered alike. */
_Static_assert(MLX5_IB_CQE_RES_FORMAT_HASH == HW_MINI_FORMAT_HASH, "format");
_Static_assert(MLX5_IB_CQE_RES_FORMAT_CSUM == HW_MINI_FORMAT_CSUM, "format");
_Static_assert(MLX5_IB_CQE_RES_FORMAT_CSUM_STRIDX == HW_MINI_FORMAT_CSUM_STRIDX,
               "format");

static int check_compression(const struct mlx5_ib_create_cq *driver)
{
	if (!driver->cqe_comp_en)
		return 0;
	/* One format, and 64-byte CQEs (query_device_ex: no CQE_128B_COMP). */
	switch (driver->cqe_comp_res_format) {
	case MLX5_IB_CQE_RES_FORMAT_HASH:
	case MLX5_IB_CQE_RES_FORMAT_CSUM:
	case MLX5_IB_CQE_RES_FORMAT_CSUM_STRIDX:
		return driver->cqe_size == 64 ? 0 : -EOPNOTSUPP;
	default:
		return -EOPNOTSUPP;
	}
}

static int check_driver(const struct mlx5_ib_create_cq *driver)
{
	if (driver->flags & ~(MLX5_IB_CREATE_CQ_FLAGS_CQE_128B_PAD |
	                      MLX5_IB_CREATE_CQ_FLAGS_UAR_PAGE_INDEX))
		return -EINVAL;
	if (driver->reserved0 || driver->reserved1)
		return -EINVAL;
	if (driver->cqe_size != 64 && driver->cqe_size != 128)
		return -EINVAL;
	if (driver->flags & MLX5_IB_CREATE_CQ_FLAGS_CQE_128B_PAD)
		return -EOPNOTSUPP;
	return check_compression(driver);
}

static unsigned log2_ceil(uint32_t n)
{
	return n <= 1 ? 0 : 32u - (unsigned)__builtin_clz(n - 1);
}

static int make_nic_cq(struct cq *cq, uint32_t cqe, uint32_t flags,
                       const struct mlx5_ib_create_cq *driver)
{
	struct nic_cq_opts opts = {
		.buf = (void *)(uintptr_t)driver->buf_addr,
		.log_size = log2_ceil(cqe + 1), /* as mlx5_ib: one slot stays free */
		.cqe_size = driver->cqe_size,
		.dbrec = (be32 *)(uintptr_t)driver->db_addr,
		.mini_format = driver->cqe_comp_en ? driver->cqe_comp_res_format : 0,
		.ignore_overrun = flags & IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN,
		.user = cq,
		.notify = on_completion,
		.error = on_overrun,
	};
	int err = user_ring(driver->buf_addr, (uint64_t)opts.cqe_size << opts.log_size);

	if (!err)
		err = user_record(driver->db_addr);
	if (err)
		return err;
	nic_lock(device_nic());
	err = nic_cq_create(device_nic(), &opts, &cq->nic);
	nic_unlock(device_nic());
	return err;
}

static int create(struct call *c, const struct ib_uverbs_ex_create_cq *cmd,
                  struct ib_uverbs_ex_create_cq_resp *resp, size_t resp_size)
{
	struct mlx5_ib_create_cq_resp driver_resp = {0};
	struct mlx5_ib_create_cq driver;
	struct cq *cq;
	int err;

	err = call_in(c, CALL_UHW_IN, &driver, sizeof driver,
	              offsetof(struct mlx5_ib_create_cq, flags));
	if (err)
		return err == -ENOSPC ? -EINVAL : err;
	if (cmd->comp_vector >= 1 || !cmd->cqe || cmd->cqe > QUERY_MAX_CQE ||
	    cmd->flags & ~(IB_UVERBS_CQ_FLAGS_TIMESTAMP_COMPLETION |
	                   IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN))
		return -EINVAL;
	err = check_driver(&driver);
	if (!err)
		err = object_create(c->ctx, OBJECT_CQ, sizeof *cq, destroy, &cq);
	if (err)
		return err;
	cq->object.user_handle = cmd->user_handle;
	if (cmd->comp_channel >= 0) {
		cq->channel = event_queue_get(cmd->comp_channel);
		err = cq->channel ? 0 : -EINVAL;
	}
	if (!err)
		err = make_nic_cq(cq, cmd->cqe, cmd->flags, &driver);
	if (err) {
		event_queue_put(cq->channel);
		object_discard(&cq->object);
		return err;
	}
	resp->base.cq_handle = cq->object.handle;
	resp->base.cqe = (1u << log2_ceil(cmd->cqe + 1)) - 1;
	driver_resp.cqn = nic_cq_number(cq->nic);
	err = call_out(c, CALL_CMD_OUT, resp, resp_size);
	if (!err)
		err = call_out(c, CALL_UHW_OUT, &driver_resp, sizeof driver_resp);
	if (err)
		object_destroy(&cq->object);
	return err;
}

int cq_create(struct call *c)
{
	struct ib_uverbs_ex_create_cq_resp resp = {0};
	struct ib_uverbs_create_cq cmd;
	struct ib_uverbs_ex_create_cq ex;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	ex = (struct ib_uverbs_ex_create_cq){
		.user_handle = cmd.user_handle,
		.cqe = cmd.cqe,
		.comp_vector = cmd.comp_vector,
		.comp_channel = cmd.comp_channel,
	};
	return create(c, &ex, &resp, sizeof resp.base);
}

int cq_create_ex(struct call *c)
{
	struct ib_uverbs_ex_create_cq_resp resp = {.response_length = sizeof resp};
	struct ib_uverbs_ex_create_cq cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd,
	                  offsetof(struct ib_uverbs_ex_create_cq, reserved) + 4);

	if (err)
		return err;
	if (cmd.comp_mask || cmd.reserved)
		return -EINVAL;
	return create(c, &cmd, &resp, sizeof resp);
}

/* Moderation is for event mode, and an event that comes at once is never wrong. */
int cq_modify(struct call *c)
{
	struct ib_uverbs_ex_modify_cq cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	if (!cmd.attr_mask || cmd.reserved || cmd.attr_mask > IBV_CQ_ATTR_MODERATE)
		return cmd.attr_mask > IBV_CQ_ATTR_MODERATE ? -EOPNOTSUPP : -EINVAL;
	return object_find(c->ctx, OBJECT_CQ, cmd.cq_handle) ? 0 : -EINVAL;
}

/* The counts tell libibverbs how many events it has to see acknowledged first. */
int cq_destroy(struct call *c)
{
	struct ib_uverbs_destroy_cq_resp resp;
	struct ib_uverbs_destroy_cq cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (!err)
		err = object_destroy_handle(c->ctx, OBJECT_CQ, cmd.cq_handle);
	if (err)
		return err;
	resp.comp_events_reported = c->ctx->gone_comp;
	resp.async_events_reported = c->ctx->gone_async;
	return call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
}
