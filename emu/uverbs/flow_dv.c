/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Direct-Verbs rules: a matcher names the fields and the priority, a flow the values.  Rules with
 * firmware objects (DevX destinations and counters, flow actions) are refused with -EOPNOTSUPP.
 */
#include "emu/uverbs/call.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/flow.h"
#include "emu/uverbs/methods.h"
#include "emu/uverbs/qp.h"

#include <errno.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <rdma/mlx5_user_ioctl_verbs.h>
#include <string.h>

#define MATCH_MAX sizeof(struct mlx5_ib_match_params)

struct matcher {
	struct object object;
	enum steering_kind kind;
	uint32_t priority;
	uint8_t enable; /* sections: HW_MATCH_ENABLE_* */
	size_t size;
	uint8_t mask[MATCH_MAX];
};

static int destroy_matcher(struct object *o)
{
	(void)o;
	return 0;
}

/* The type is an enum attribute; NORMAL has the priority as its data. */
static int read_type(struct call *c, struct matcher *m)
{
	const struct ib_uverbs_attr *a =
		call_attr(c, MLX5_IB_ATTR_FLOW_MATCHER_FLOW_TYPE);

	if (!a)
		return -EINVAL;
	switch (a->attr_data.enum_data.elem_id) {
	case MLX5_IB_FLOW_TYPE_NORMAL:
		m->kind = STEERING_NORMAL;
		return call_in_u32(c, MLX5_IB_ATTR_FLOW_MATCHER_FLOW_TYPE, &m->priority);
	case MLX5_IB_FLOW_TYPE_SNIFFER:
		m->kind = STEERING_SNIFFER;
		return 0;
	case MLX5_IB_FLOW_TYPE_ALL_DEFAULT:
		m->kind = STEERING_ALL_DEFAULT;
		return 0;
	case MLX5_IB_FLOW_TYPE_MC_DEFAULT:
		m->kind = STEERING_MC_DEFAULT;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Receiving alone: the other tables need firmware objects. */
static int check_table(struct call *c)
{
	uint64_t value;

	if (call_attr(c, MLX5_IB_ATTR_FLOW_MATCHER_FLOW_FLAGS)) {
		if (call_in_u64(c, MLX5_IB_ATTR_FLOW_MATCHER_FLOW_FLAGS, &value))
			return -EINVAL;
		if (value)
			return -EOPNOTSUPP;
	}
	if (call_attr(c, MLX5_IB_ATTR_FLOW_MATCHER_FT_TYPE)) {
		if (call_in_u64(c, MLX5_IB_ATTR_FLOW_MATCHER_FT_TYPE, &value))
			return -EINVAL;
		if (value != MLX5_IB_UAPI_FLOW_TABLE_TYPE_NIC_RX)
			return -EOPNOTSUPP;
	}
	return 0;
}

static int read_matcher(struct call *c, struct matcher *m)
{
	uint32_t criteria;
	int err;

	m->size = call_len(c, MLX5_IB_ATTR_FLOW_MATCHER_MATCH_MASK);
	if (m->size > MATCH_MAX)
		return -EINVAL;
	err = call_in_tail(c, MLX5_IB_ATTR_FLOW_MATCHER_MATCH_MASK, 0, m->mask, m->size);
	if (err)
		return -EINVAL;
	err = read_type(c, m);
	if (!err)
		err = call_in_u32(c, MLX5_IB_ATTR_FLOW_MATCHER_MATCH_CRITERIA, &criteria);
	if (err)
		return err;
	m->enable = (uint8_t)criteria;
	return check_table(c);
}

int matcher_create(struct call *c)
{
	struct matcher *m;
	int err = object_create(c->ctx, OBJECT_MATCHER, sizeof *m, destroy_matcher, &m);

	if (err)
		return err;
	err = read_matcher(c, m);
	if (!err)
		err = call_out_handle(c, MLX5_IB_ATTR_FLOW_MATCHER_CREATE_HANDLE,
		                      m->object.handle);
	if (err)
		object_discard(&m->object);
	return err;
}

int matcher_destroy(struct call *c)
{
	uint32_t handle;
	int err = call_handle(c, MLX5_IB_ATTR_FLOW_MATCHER_DESTROY_HANDLE, &handle);

	return err ? err : object_destroy_handle(c->ctx, OBJECT_MATCHER, handle);
}

/* ---- Flows ---- */

static int read_actions(struct call *c, struct steering_rule_opts *opts)
{
	uint64_t flags = 0;
	uint32_t tag;
	int err = 0;

	if (call_attr(c, MLX5_IB_ATTR_CREATE_FLOW_DEST_DEVX) ||
	    call_len(c, MLX5_IB_ATTR_CREATE_FLOW_ARR_FLOW_ACTIONS) ||
	    call_len(c, MLX5_IB_ATTR_CREATE_FLOW_ARR_COUNTERS_DEVX))
		return -EOPNOTSUPP;
	if (call_attr(c, MLX5_IB_ATTR_CREATE_FLOW_FLAGS))
		err = call_in_u64(c, MLX5_IB_ATTR_CREATE_FLOW_FLAGS, &flags);
	if (err || flags & ~(uint64_t)(MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DEFAULT_MISS |
	                               MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DROP))
		return -EINVAL;
	opts->default_miss = flags & MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DEFAULT_MISS;
	opts->drop = flags & MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DROP;
	if (opts->drop && opts->default_miss)
		return -EINVAL;
	if (call_attr(c, MLX5_IB_ATTR_CREATE_FLOW_TAG)) {
		err = call_in_u32(c, MLX5_IB_ATTR_CREATE_FLOW_TAG, &tag);
		opts->has_tag = !err;
		opts->tag = err ? 0 : tag;
	}
	return err;
}

/* A rule without destination and flags drops: so libmlx5 says DROP to older kernels. */
static int read_destination(struct call *c, struct flow *flow,
                            struct steering_rule_opts *opts)
{
	uint32_t handle;

	if (!call_attr(c, MLX5_IB_ATTR_CREATE_FLOW_DEST_QP)) {
		if (!opts->default_miss)
			opts->drop = true;
		return 0;
	}
	if (opts->drop || opts->default_miss ||
	    call_handle(c, MLX5_IB_ATTR_CREATE_FLOW_DEST_QP, &handle))
		return -EINVAL;
	flow->qp = object_find(c->ctx, OBJECT_QP, handle);
	return flow->qp && flow->qp->tir ? 0 : -EINVAL;
}

static int read_match(struct call *c, const struct matcher *m, struct match *match)
{
	uint8_t value[MATCH_MAX];
	size_t size = call_len(c, MLX5_IB_ATTR_CREATE_FLOW_MATCH_VALUE);

	if (size > MATCH_MAX ||
	    call_in_tail(c, MLX5_IB_ATTR_CREATE_FLOW_MATCH_VALUE, 0, value, size))
		return -EINVAL;
	return match_from_dv(match, m->enable, m->mask, m->size, value, size);
}

static int read_flow(struct call *c, struct flow *flow, struct steering_rule_opts *opts,
                     struct match *match)
{
	struct matcher *m;
	uint32_t handle;
	int err = call_handle(c, MLX5_IB_ATTR_CREATE_FLOW_MATCHER, &handle);

	if (err)
		return -EINVAL;
	m = object_find(c->ctx, OBJECT_MATCHER, handle);
	if (!m)
		return -ENOENT;
	flow->matcher = &m->object;
	opts->kind = m->kind;
	opts->priority = m->priority;
	opts->match = m->kind == STEERING_NORMAL ? match : NULL;
	err = read_match(c, m, match);
	if (!err)
		err = read_actions(c, opts);
	return err ? err : read_destination(c, flow, opts);
}

int dv_flow_create(struct call *c)
{
	struct steering_rule_opts opts = {0};
	struct match match = {0};
	struct flow *flow;
	int err = flow_create_object(c, &flow);

	if (err)
		return err;
	err = read_flow(c, flow, &opts, &match);
	if (err) {
		object_discard(&flow->object);
		return err;
	}
	err = flow_install(flow, &opts);
	if (err)
		return err;
	err = call_out_handle(c, MLX5_IB_ATTR_CREATE_FLOW_HANDLE, flow->object.handle);
	if (err)
		object_destroy(&flow->object);
	return err;
}

int dv_flow_destroy(struct call *c)
{
	uint32_t handle;
	int err = call_handle(c, MLX5_IB_ATTR_DESTROY_FLOW_HANDLE, &handle);

	return err ? err : object_destroy_handle(c->ctx, OBJECT_FLOW, handle);
}
