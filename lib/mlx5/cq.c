/* SPDX-License-Identifier: BSD-2-Clause */
/* Completion queues: made with every attribute explicit, since the environment may change the
 * defaults of libmlx5 under our feet (MLX5_CQE_SIZE and others). */
#include "mlx5.h"

#include "lib/dma.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int cq_ring(struct mlx5_cq *cq, uint32_t entries)
{
	struct mlx5dv_cq dv = {0};
	struct mlx5dv_obj obj = {.cq = {.in = cq->cq, .out = &dv}};

	if (mlx5dv_init_obj(&obj, MLX5DV_OBJ_CQ))
		return -EIO;
	if (dv.cqe_size != HW_CQE_SIZE || dv.cqe_cnt < entries ||
	    dv.cqe_cnt & (dv.cqe_cnt - 1))
		return -ENOTSUP;
	cq->ring = dv.buf;
	cq->dbrec = (be32 *)dv.dbrec;
	cq->uar = dv.cq_uar;
	cq->number = dv.cqn;
	cq->log_size = (uint32_t)__builtin_ctz(dv.cqe_cnt);
	for (uint32_t i = 0; i < dv.cqe_cnt; i++)
		cq->ring[i].op_own =
			HW_CQE_OP_INVALID << HW_CQE_OPCODE_SHIFT | HW_CQE_OWNER;
	return 0;
}

int mlx5_cq_create(struct mlx5_port *p, const struct mlx5_cq_opts *o, struct mlx5_cq *cq)
{
	struct ibv_context *context = p->rdma.context;
	struct ibv_cq_init_attr_ex attr = {.cqe = o->entries - 1}; /* libmlx5 adds one */
	struct mlx5dv_cq_init_attr dv = {.comp_mask = MLX5DV_CQ_INIT_ATTR_MASK_CQE_SIZE,
	                                 .cqe_size = HW_CQE_SIZE};
	struct ibv_cq_ex *cq_ex;
	int ret;

	if (o->mini_format) {
		dv.comp_mask |= MLX5DV_CQ_INIT_ATTR_MASK_COMPRESSED_CQE;
		dv.cqe_comp_res_format = (uint8_t)o->mini_format;
	}
	if (o->times)
		attr.wc_flags = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP;
	if (o->events) {
		cq->channel = ibv_create_comp_channel(context);
		if (!cq->channel)
			return -errno;
		fcntl(cq->channel->fd, F_SETFL, O_NONBLOCK);
		attr.channel = cq->channel;
	}
	cq_ex = mlx5dv_create_cq(context, &attr, &dv);
	if (!cq_ex) {
		ret = -errno;
		goto no_cq;
	}
	cq->cq = ibv_cq_ex_to_cq(cq_ex);
	ret = cq_ring(cq, o->entries);
	if (ret)
		goto no_ring;
	return 0;
no_ring:
	ibv_destroy_cq(cq->cq);
no_cq:
	if (cq->channel)
		ibv_destroy_comp_channel(cq->channel);
	errno = -ret;
	return ret;
}

void mlx5_cq_destroy(struct mlx5_cq *cq)
{
	ibv_destroy_cq(cq->cq);
	if (cq->channel)
		ibv_destroy_comp_channel(cq->channel);
}

/* Slots that the entry at ci covers; those of a session are as they were a lap before. */
static uint32_t slots_covered(struct mlx5_cq *cq, uint8_t op_own)
{
	uint32_t entries = 1u << cq->log_size, n;

	if (!mlx5_cqe_is_title(op_own))
		return 1;
	n = from_be32(mlx5_cqe_at(cq, cq->ci)->byte_count);
	if (!n || n > entries)
		return 1;
	for (uint32_t i = 0; i < n; i++)
		mlx5_cqe_at(cq, cq->ci + i)->op_own = HW_CQE_OP_INVALID
		                                      << HW_CQE_OPCODE_SHIFT;
	return n;
}

void mlx5_cq_drain(struct mlx5_cq *cq)
{
	for (uint32_t i = 0; i < 1u << cq->log_size; i++) {
		uint8_t op_own = dma_take8(&mlx5_cqe_at(cq, cq->ci)->op_own);

		if (!mlx5_cqe_is_ready(op_own, mlx5_cq_parity(cq, cq->ci)))
			break;
		cq->ci += slots_covered(cq, op_own);
	}
	dma_give32(&cq->dbrec[HW_DBR_CQ_CI], cq->ci & HW_DBR_CQ_MASK);
}

/* Take the events of earlier armings off the channel, so that it is readable by new ones only. */
static void take_events(struct mlx5_cq *cq)
{
	struct ibv_cq *of;
	void *context;

	while (!ibv_get_cq_event(cq->channel, &of, &context)) {
		ibv_ack_cq_events(of, 1);
		cq->arm_sn++;
	}
}

int mlx5_cq_arm(struct mlx5_cq *cq)
{
	uint32_t word;
	be32 doorbell[2];
	uint64_t value;

	take_events(cq);
	word = (cq->arm_sn & HW_CQ_ARM_SN_MASK) << HW_CQ_ARM_SN_SHIFT |
	       (cq->ci & HW_DBR_CQ_MASK); /* any completion, not only solicited ones */
	dma_give32(&cq->dbrec[HW_DBR_CQ_ARM], word);
	doorbell[0] = to_be32(word);
	doorbell[1] = to_be32(cq->number);
	memcpy(&value, doorbell, sizeof(value));
	dma_ring((uint8_t *)cq->uar + HW_UAR_CQ_ARM, value);
	return cq->channel->fd;
}

const char *mlx5_syndrome_text(uint8_t syndrome)
{
	switch (syndrome) {
	case HW_SYNDROME_LOCAL_LENGTH:
		return rdma_status_text(IBV_WC_LOC_LEN_ERR);
	case HW_SYNDROME_LOCAL_QP_OP:
		return rdma_status_text(IBV_WC_LOC_QP_OP_ERR);
	case HW_SYNDROME_LOCAL_PROT:
		return rdma_status_text(IBV_WC_LOC_PROT_ERR);
	case HW_SYNDROME_WR_FLUSH:
		return rdma_status_text(IBV_WC_WR_FLUSH_ERR);
	default:
		return "a syndrome that the manual does not name for raw packets";
	}
}
