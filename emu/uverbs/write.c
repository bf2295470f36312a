/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of ib_user_verbs.h.  libibverbs sends them through the INVOKE_WRITE method, with
 * the structure of the command (its `response` word unused) and the driver's as attributes.
 */
#include "emu/uverbs/call.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/methods.h"
#include "emu/uverbs/report.h"

#include <errno.h>
#include <rdma/ib_user_verbs.h>
#include <stddef.h>
#include <string.h>

#define EX(command) (IB_USER_VERBS_CMD_FLAG_EXTENDED | IB_USER_VERBS_EX_CMD_##command)
#define END(type, member)                                                                \
	(offsetof(struct type, member) + sizeof(((struct type *)0)->member))

/* A structure shorter than `in`, or room for less than `out`, is -ENOSPC.  That is also how
 * libibverbs asks whether INVOKE_WRITE is there. */
struct command {
	uint32_t number;
	size_t in, out;
	const char *name;
	int (*run)(struct call *c);
};

static const struct command commands[] = {
	{IB_USER_VERBS_CMD_QUERY_DEVICE, sizeof(struct ib_uverbs_query_device),
         sizeof(struct ib_uverbs_query_device_resp), "query_device", query_device},
	{EX(QUERY_DEVICE), END(ib_uverbs_ex_query_device, reserved),
         END(ib_uverbs_ex_query_device_resp, response_length), "query_device",
         query_device_ex},
	{IB_USER_VERBS_CMD_ALLOC_PD, sizeof(struct ib_uverbs_alloc_pd),
         sizeof(struct ib_uverbs_alloc_pd_resp), "alloc_pd", pd_alloc},
	{IB_USER_VERBS_CMD_DEALLOC_PD, sizeof(struct ib_uverbs_dealloc_pd), 0,
         "dealloc_pd", pd_dealloc},
	{IB_USER_VERBS_CMD_REG_MR, sizeof(struct ib_uverbs_reg_mr),
         sizeof(struct ib_uverbs_reg_mr_resp), "reg_mr", mr_register},
	{IB_USER_VERBS_CMD_REREG_MR, sizeof(struct ib_uverbs_rereg_mr),
         sizeof(struct ib_uverbs_rereg_mr_resp), "rereg_mr", mr_reregister},
	{IB_USER_VERBS_CMD_DEREG_MR, sizeof(struct ib_uverbs_dereg_mr), 0, "dereg_mr",
         mr_deregister},
	{IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL,
         sizeof(struct ib_uverbs_create_comp_channel),
         sizeof(struct ib_uverbs_create_comp_channel_resp), "create_comp_channel",
         comp_channel_create},
	{IB_USER_VERBS_CMD_CREATE_CQ, sizeof(struct ib_uverbs_create_cq),
         sizeof(struct ib_uverbs_create_cq_resp), "create_cq", cq_create},
	{EX(CREATE_CQ), END(ib_uverbs_ex_create_cq, reserved),
         END(ib_uverbs_ex_create_cq_resp, response_length), "create_cq", cq_create_ex},
	{EX(MODIFY_CQ), END(ib_uverbs_ex_modify_cq, reserved), 0, "modify_cq", cq_modify},
	{IB_USER_VERBS_CMD_DESTROY_CQ, sizeof(struct ib_uverbs_destroy_cq),
         sizeof(struct ib_uverbs_destroy_cq_resp), "destroy_cq", cq_destroy},
	{IB_USER_VERBS_CMD_CREATE_QP, sizeof(struct ib_uverbs_create_qp),
         sizeof(struct ib_uverbs_create_qp_resp), "create_qp", qp_create},
	{EX(CREATE_QP), END(ib_uverbs_ex_create_qp, comp_mask),
         END(ib_uverbs_ex_create_qp_resp, response_length), "create_qp", qp_create_ex},
	{IB_USER_VERBS_CMD_QUERY_QP, sizeof(struct ib_uverbs_query_qp),
         sizeof(struct ib_uverbs_query_qp_resp), "query_qp", qp_query},
	{IB_USER_VERBS_CMD_MODIFY_QP, sizeof(struct ib_uverbs_modify_qp), 0, "modify_qp",
         qp_modify},
	{EX(MODIFY_QP), END(ib_uverbs_ex_modify_qp, base),
         END(ib_uverbs_ex_modify_qp_resp, response_length), "modify_qp", qp_modify_ex},
	{IB_USER_VERBS_CMD_DESTROY_QP, sizeof(struct ib_uverbs_destroy_qp),
         sizeof(struct ib_uverbs_destroy_qp_resp), "destroy_qp", qp_destroy},
	{EX(CREATE_FLOW), END(ib_uverbs_create_flow, flow_attr),
         END(ib_uverbs_create_flow_resp, flow_handle), "create_flow", flow_create},
	{EX(DESTROY_FLOW), END(ib_uverbs_destroy_flow, flow_handle), 0, "destroy_flow",
         flow_destroy},
	{EX(CREATE_WQ), END(ib_uverbs_ex_create_wq, max_sge),
         END(ib_uverbs_ex_create_wq_resp, wqn), "create_wq", wq_create},
	{EX(MODIFY_WQ), END(ib_uverbs_ex_modify_wq, curr_wq_state), 0, "modify_wq",
         wq_modify},
	{EX(DESTROY_WQ), END(ib_uverbs_ex_destroy_wq, wq_handle),
         END(ib_uverbs_ex_destroy_wq_resp, reserved), "destroy_wq", wq_destroy},
	{EX(CREATE_RWQ_IND_TBL), END(ib_uverbs_ex_create_rwq_ind_table, log_ind_tbl_size),
         END(ib_uverbs_ex_create_rwq_ind_table_resp, ind_tbl_num), "create_rwq_ind_table",
         ind_table_create},
	{EX(DESTROY_RWQ_IND_TBL), END(ib_uverbs_ex_destroy_rwq_ind_table, ind_tbl_handle),
         0, "destroy_rwq_ind_table", ind_table_destroy},
};

/* Those of the device class that an Ethernet card of raw packets does not have. */
static bool is_known_but_absent(uint32_t number)
{
	return number < IB_USER_VERBS_CMD_OPEN_QP + 1u ||
	       number == (uint32_t)EX(MODIFY_CQ);
}

static const struct command *find_command(uint32_t number)
{
	size_t i;

	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		if (commands[i].number == number)
			return &commands[i];
	return NULL;
}

int write_command(struct call *c)
{
	const struct command *command;
	uint64_t number;
	int err;

	err = call_in_u64(c, UVERBS_ATTR_WRITE_CMD, &number);
	if (err)
		return err;
	command = find_command((uint32_t)number);
	if (number == IB_USER_VERBS_CMD_GET_CONTEXT)
		return -ENOSPC; /* libibverbs' probe */
	if (!command)
		return is_known_but_absent((uint32_t)number) ? -EOPNOTSUPP : -EINVAL;
	c->name = command->name;
	if (call_len(c, CALL_CMD_IN) < command->in ||
	    call_len(c, CALL_CMD_OUT) < command->out)
		return -ENOSPC;
	err = device_fault(command->name);
	if (!err)
		err = command->run(c);
	report_trace("%s: %s: %s", c->ctx->dev->name, command->name,
	             err ? strerrorname_np(-err) : "ok");
	return err;
}
