/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ibv_create_flow(): a list of specs becomes a match in the card's layout, as mlx5_ib's fs.c does
 * it, and a rule of the port's steering.
 */
#include "emu/uverbs/flow.h"
#include "emu/uverbs/call.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/flow_spec.h"
#include "emu/uverbs/methods.h"
#include "emu/uverbs/qp.h"
#include "emu/uverbs/report.h"

#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <stddef.h>
#include <string.h>

#define SPECS_MAX      10u /* IB_FLOW_SPEC_SUPPORT_LAYERS */
#define SPEC_BYTES_MAX 128u
#define LAST_PRIORITY  15u

/* ---- Rules ---- */

/* A wire that shares the kernel's netdev must be able to have what the rules want. */
static int tell_wire(struct device *dev)
{
	char text[256] = "";
	int err = wire_set_rules(dev->wire, dev->steering, text, sizeof text);

	if (err)
		report_trouble("%s: %s", dev->name, text);
	return err == -ENOTSUP ? -EOPNOTSUPP : err;
}

static void count_users(struct flow *flow, int by)
{
	if (flow->qp)
		flow->qp->object.users += (unsigned)by;
	if (flow->counters)
		flow->counters->object.users += (unsigned)by;
	if (flow->matcher)
		flow->matcher->users += (unsigned)by;
}

static int destroy(struct object *o)
{
	struct flow *flow = (struct flow *)o;
	struct device *dev = o->ctx->dev;

	nic_lock(device_nic());
	steering_remove(dev->steering, flow->rule);
	tell_wire(dev);
	nic_unlock(device_nic());
	count_users(flow, -1);
	return 0;
}

int flow_create_object(struct call *c, struct flow **out)
{
	return object_create(c->ctx, OBJECT_FLOW, sizeof **out, destroy, out);
}

int flow_install(struct flow *flow, struct steering_rule_opts *opts)
{
	struct device *dev = flow->object.ctx->dev;
	int err;

	opts->dest = flow->qp && !opts->drop ? flow->qp->tir : NULL;
	opts->counter = flow->counters ? &flow->counters->value : NULL;
	nic_lock(device_nic());
	err = steering_add(dev->steering, opts, &flow->rule);
	if (!err) {
		err = tell_wire(dev);
		if (err)
			steering_remove(dev->steering, flow->rule);
	}
	nic_unlock(device_nic());
	if (err)
		object_discard(&flow->object);
	else
		count_users(flow, 1);
	return err;
}

/* ---- The command ---- */

static int check_attr(const struct ib_uverbs_flow_attr *a, size_t room)
{
	const uint32_t known = IBV_FLOW_ATTR_FLAGS_DONT_TRAP | IBV_FLOW_ATTR_FLAGS_EGRESS;

	if (a->num_of_specs > SPECS_MAX || a->size > room ||
	    a->size > a->num_of_specs * SPEC_BYTES_MAX)
		return -EINVAL;
	if (a->reserved[0] || a->reserved[1])
		return -EINVAL;
	if (a->flags & IBV_FLOW_ATTR_FLAGS_DONT_TRAP && a->type != IBV_FLOW_ATTR_NORMAL)
		return -EINVAL;
	/* The kernel's own choice of errno. */
	if (a->priority > LAST_PRIORITY)
		return -ENOMEM;
	if (a->port > 1 || a->flags & ~known)
		return -EINVAL;
	/* Egress rules are for IPsec alone in mlx5_ib. */
	if (a->flags & IBV_FLOW_ATTR_FLAGS_EGRESS)
		return -EOPNOTSUPP;
	return a->type > IBV_FLOW_ATTR_SNIFFER ? -EINVAL : 0;
}

static int read_specs(struct call *c, const struct ib_uverbs_flow_attr *a,
                      struct flow_specs *specs)
{
	uint8_t bytes[SPECS_MAX * SPEC_BYTES_MAX];
	int err;

	err = call_in_tail(c, CALL_CMD_IN, sizeof(struct ib_uverbs_create_flow), bytes,
	                   a->size);
	return err ? err : flow_specs_parse(bytes, a->size, a->num_of_specs, specs);
}

static int find_counters(struct call *c, struct flow *flow,
                         const struct flow_specs *specs)
{
	if (!specs->has_counters)
		return 0;
	flow->counters = object_find(c->ctx, OBJECT_COUNTERS, specs->counters);
	return flow->counters ? counters_bind(c, flow->counters) : -EINVAL;
}

int flow_create(struct call *c)
{
	static const enum steering_kind kinds[] = {
		[IBV_FLOW_ATTR_NORMAL] = STEERING_NORMAL,
		[IBV_FLOW_ATTR_ALL_DEFAULT] = STEERING_ALL_DEFAULT,
		[IBV_FLOW_ATTR_MC_DEFAULT] = STEERING_MC_DEFAULT,
		[IBV_FLOW_ATTR_SNIFFER] = STEERING_SNIFFER,
	};
	struct ib_uverbs_create_flow_resp resp = {0};
	struct ib_uverbs_create_flow cmd;
	struct steering_rule_opts opts = {0};
	struct flow_specs specs = {0};
	struct flow *flow;
	int err = call_in_tail(c, CALL_CMD_IN, 0, &cmd, sizeof cmd);

	if (err)
		return err;
	if (cmd.comp_mask)
		return -EINVAL;
	err = check_attr(&cmd.flow_attr, call_len(c, CALL_CMD_IN) - sizeof cmd);
	if (!err)
		err = read_specs(c, &cmd.flow_attr, &specs);
	if (!err)
		err = flow_create_object(c, &flow);
	if (err)
		return err;
	flow->qp = object_find(c->ctx, OBJECT_QP, cmd.qp_handle);
	err = flow->qp && flow->qp->tir ? find_counters(c, flow, &specs) : -EINVAL;
	if (err) {
		object_discard(&flow->object);
		return err;
	}
	opts.kind = kinds[cmd.flow_attr.type];
	opts.priority = cmd.flow_attr.priority;
	opts.dont_trap = cmd.flow_attr.flags & IBV_FLOW_ATTR_FLAGS_DONT_TRAP;
	opts.match = opts.kind == STEERING_NORMAL ? &specs.match : NULL;
	opts.drop = specs.drop;
	opts.has_tag = specs.has_tag;
	opts.tag = specs.tag;
	err = flow_install(flow, &opts);
	if (err)
		return err;
	resp.flow_handle = flow->object.handle;
	err = call_out(c, CALL_CMD_OUT, &resp, sizeof resp);
	if (err)
		object_destroy(&flow->object);
	return err;
}

int flow_destroy(struct call *c)
{
	struct ib_uverbs_destroy_flow cmd;
	int err = call_in(c, CALL_CMD_IN, &cmd, sizeof cmd, sizeof cmd);

	if (err)
		return err;
	if (cmd.comp_mask)
		return -EINVAL;
	return object_destroy_handle(c->ctx, OBJECT_FLOW, cmd.flow_handle);
}

int flow_method_destroy(struct call *c)
{
	uint32_t handle;
	int err = call_handle(c, UVERBS_ATTR_DESTROY_FLOW_HANDLE, &handle);

	return err ? err : object_destroy_handle(c->ctx, OBJECT_FLOW, handle);
}
