/* SPDX-License-Identifier: BSD-2-Clause */
/* Protection domains and memory regions. */
#include "emu/uverbs/mr.h"
#include "emu/uverbs/call.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/methods.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/mlx5-abi.h>
#include <rdma/mlx5_user_ioctl_cmds.h>

#define PAGE 4096u

static uint32_t next_pdn =
	1; /* of the process: a PD is never taken for one that is gone */

static int destroy_pd(struct object *o)
{
	(void)o;
	return 0;
}

int pd_alloc(struct call *c)
{
	struct mlx5_ib_alloc_pd_resp driver;
	struct ib_uverbs_alloc_pd_resp resp;
	struct pd *pd;
	int err;

	err = object_create(c->ctx, OBJECT_PD, sizeof *pd, destroy_pd, &pd);
	if (err)
		return err;
	pd->number = next_pdn++ & 0xffffff;
	resp.pd_handle = pd->object.handle;
	driver.pdn = pd->number;
	err = call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
	if (!err)
		err = call_out(c, CALL_UHW_OUT, &driver, sizeof driver);
	if (err)
		object_destroy(&pd->object);
	return err;
}

int pd_dealloc(struct call *c)
{
	struct ib_uverbs_dealloc_pd cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	return err ? err : object_destroy_handle(c->ctx, OBJECT_PD, cmd.pd_handle);
}

int pd_query(struct call *c)
{
	uint32_t handle;
	struct pd *pd;
	int err = call_handle(c, MLX5_IB_ATTR_QUERY_PD_HANDLE, &handle);

	if (err)
		return err;
	pd = object_find(c->ctx, OBJECT_PD, handle);
	if (!pd)
		return -ENOENT;
	return call_out(c, MLX5_IB_ATTR_QUERY_PD_RESP_PDN, &pd->number,
	                sizeof pd->number);
}

/* ---- Memory regions ---- */

struct mr {
	struct object object;
	struct pd *pd;
	struct nic_mr *nic;
	struct nic_mr_opts opts;
};

static int destroy_mr(struct object *o)
{
	struct mr *mr = (struct mr *)o;

	nic_lock(device_nic());
	nic_mr_destroy(mr->nic);
	nic_unlock(device_nic());
	mr->pd->object.users--;
	return 0;
}

/* ib_check_mr_access() and ib_umem_get() of the kernel. */
static int check_region(uint64_t start, uint64_t length, uint64_t iova, uint32_t access)
{
	const uint32_t remote = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC;
	const uint32_t known = IBV_ACCESS_LOCAL_WRITE | remote | IBV_ACCESS_REMOTE_READ |
	                       IBV_ACCESS_MW_BIND | IBV_ACCESS_ZERO_BASED |
	                       IBV_ACCESS_HUGETLB | IBV_ACCESS_OPTIONAL_RANGE;

	if (access & IBV_ACCESS_ON_DEMAND)
		return -EOPNOTSUPP;
	if (access & ~known)
		return -EINVAL;
	if (access & remote && !(access & IBV_ACCESS_LOCAL_WRITE))
		return -EINVAL;
	if ((start & (PAGE - 1)) != (iova & (PAGE - 1)))
		return -EINVAL;
	if (!length)
		return -EINVAL;
	return user_pages(start, length, access & IBV_ACCESS_LOCAL_WRITE);
}

int mr_register(struct call *c)
{
	struct ib_uverbs_reg_mr_resp resp;
	struct ib_uverbs_reg_mr cmd;
	struct mr *mr;
	struct pd *pd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	pd = object_find(c->ctx, OBJECT_PD, cmd.pd_handle);
	if (!pd)
		return -EINVAL;
	err = check_region(cmd.start, cmd.length, cmd.hca_va, cmd.access_flags);
	if (!err)
		err = object_create(c->ctx, OBJECT_MR, sizeof *mr, destroy_mr, &mr);
	if (err)
		return err;
	mr->pd = pd;
	mr->opts = (struct nic_mr_opts){
		.pd = pd->number,
		.addr = (void *)(uintptr_t)cmd.start,
		.iova = cmd.access_flags & IBV_ACCESS_ZERO_BASED ? 0 : cmd.hca_va,
		.length = cmd.length,
		.local_write = cmd.access_flags & IBV_ACCESS_LOCAL_WRITE,
	};
	nic_lock(device_nic());
	err = nic_mr_create(device_nic(), &mr->opts, &mr->nic);
	nic_unlock(device_nic());
	if (err) {
		object_discard(&mr->object);
		return err;
	}
	pd->object.users++;
	resp.mr_handle = mr->object.handle;
	resp.lkey = nic_mr_lkey(mr->nic);
	resp.rkey = resp.lkey;
	err = call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
	if (err)
		object_destroy(&mr->object);
	return err;
}

/* What IBV_REREG_MR_CHANGE_* leaves out stays as it was. */
static int change_opts(struct call *c, const struct ib_uverbs_rereg_mr *cmd,
                       struct nic_mr_opts *opts, struct pd **pd)
{
	if (!cmd->flags || cmd->flags & ~(IBV_REREG_MR_FLAGS_SUPPORTED))
		return -EINVAL;
	if (cmd->flags & IBV_REREG_MR_CHANGE_PD) {
		*pd = object_find(c->ctx, OBJECT_PD, cmd->pd_handle);
		if (!*pd)
			return -EINVAL;
		opts->pd = (*pd)->number;
	}
	if (cmd->flags & IBV_REREG_MR_CHANGE_TRANSLATION) {
		opts->addr = (void *)(uintptr_t)cmd->start;
		opts->iova = cmd->hca_va;
		opts->length = cmd->length;
	}
	if (cmd->flags & IBV_REREG_MR_CHANGE_ACCESS)
		opts->local_write = cmd->access_flags & IBV_ACCESS_LOCAL_WRITE;
	return check_region((uintptr_t)opts->addr, opts->length, opts->iova,
	                    opts->local_write ? IBV_ACCESS_LOCAL_WRITE : 0);
}

int mr_reregister(struct call *c)
{
	struct ib_uverbs_rereg_mr_resp resp;
	struct ib_uverbs_rereg_mr cmd;
	struct nic_mr_opts opts;
	struct nic_mr *replacement;
	struct mr *mr;
	struct pd *pd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	mr = object_find(c->ctx, OBJECT_MR, cmd.mr_handle);
	if (!mr)
		return -EINVAL;
	opts = mr->opts;
	pd = mr->pd;
	err = change_opts(c, &cmd, &opts, &pd);
	if (err)
		return err;
	nic_lock(device_nic());
	err = nic_mr_create(device_nic(), &opts, &replacement);
	if (!err) {
		nic_mr_destroy(mr->nic);
		mr->nic = replacement;
	}
	nic_unlock(device_nic());
	if (err)
		return err;
	mr->opts = opts;
	mr->pd->object.users--;
	mr->pd = pd;
	pd->object.users++;
	resp.lkey = resp.rkey = nic_mr_lkey(mr->nic);
	return call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
}

int mr_deregister(struct call *c)
{
	struct ib_uverbs_dereg_mr cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	return err ? err : object_destroy_handle(c->ctx, OBJECT_MR, cmd.mr_handle);
}
