/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of flow counters: ibv_create_counters() and the COUNT action. */
#include "emu/uverbs/call.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/flow.h"
#include "emu/uverbs/methods.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/mlx5-abi.h>
#include <stddef.h>

#define WORDS_MAX 512u /* of an array to read into: far above what points can name */

static int destroy(struct object *o)
{
	(void)o;
	return 0;
}

int counters_create(struct call *c)
{
	struct counters *counters;
	int err = object_create(c->ctx, OBJECT_COUNTERS, sizeof *counters, destroy,
	                        &counters);

	if (err)
		return err;
	err = call_out_handle(c, UVERBS_ATTR_CREATE_COUNTERS_HANDLE,
	                      counters->object.handle);
	if (err)
		object_discard(&counters->object);
	return err;
}

int counters_destroy(struct call *c)
{
	uint32_t handle;
	int err = call_handle(c, UVERBS_ATTR_DESTROY_COUNTERS_HANDLE, &handle);

	return err ? err : object_destroy_handle(c->ctx, OBJECT_COUNTERS, handle);
}

/* The points come with the flow's creation, from the program's library. */
int counters_bind(struct call *c, struct counters *counters)
{
	struct mlx5_ib_flow_counters_data data;
	struct mlx5_ib_create_flow head;
	unsigned i;
	int err;

	if (!call_len(c, CALL_UHW_IN))
		return counters->npoints ? 0 : -EINVAL;
	err = call_in_tail(c, CALL_UHW_IN, 0, &head, sizeof head);
	if (err || head.reserved || head.ncounters_data > 1)
		return err ? err : -EINVAL;
	if (!head.ncounters_data)
		return counters->npoints ? 0 : -EINVAL;
	/* A set keeps the points it was first used with. */
	if (counters->npoints)
		return -EINVAL;
	err = call_in_tail(c, CALL_UHW_IN, sizeof head, &data, sizeof data);
	if (err)
		return err;
	if (!data.ncounters || data.ncounters > COUNTERS_POINTS_MAX || data.reserved)
		return -EINVAL;
	err = user_read(counters->points, (uintptr_t)data.counters_data,
	                data.ncounters * sizeof counters->points[0]);
	if (err)
		return err;
	for (i = 0; i < data.ncounters; i++) {
		if (counters->points[i].what > IBV_COUNTER_BYTES ||
		    counters->points[i].index >= WORDS_MAX)
			return -EINVAL;
		if (counters->points[i].index >= counters->words)
			counters->words = counters->points[i].index + 1;
	}
	counters->npoints = data.ncounters;
	return 0;
}

int counters_read(struct call *c)
{
	size_t words = call_len(c, UVERBS_ATTR_READ_COUNTERS_BUFF) / 8;
	uint64_t out[WORDS_MAX] = {0};
	struct counters *counters;
	uint32_t handle;
	unsigned i;
	int err = call_handle(c, UVERBS_ATTR_READ_COUNTERS_HANDLE, &handle);

	if (err)
		return err;
	counters = object_find(c->ctx, OBJECT_COUNTERS, handle);
	if (!counters)
		return -ENOENT;
	/* Not bound to a flow yet, or an array too short for the points. */
	if (!counters->object.users || words < counters->words || words > WORDS_MAX)
		return -EINVAL;
	nic_lock(device_nic());
	for (i = 0; i < counters->npoints; i++)
		out[counters->points[i].index] +=
			counters->points[i].what == IBV_COUNTER_PACKETS
				? counters->value.packets
				: counters->value.bytes;
	nic_unlock(device_nic());
	return call_out(c, UVERBS_ATTR_READ_COUNTERS_BUFF, out, words * 8);
}
