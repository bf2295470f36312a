/* SPDX-License-Identifier: BSD-2-Clause */
/* Queue pairs that hash over an indirection table: no rings, only a place for flows to go. */
#include "emu/uverbs/call.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/mr.h"
#include "emu/uverbs/qp.h"
#include "emu/uverbs/query.h"
#include "emu/uverbs/wq.h"

#include <errno.h>
#include <rdma/mlx5-abi.h>
#include <stddef.h>
#include <string.h>

/* The command's fields and the card's are numbered alike. */
_Static_assert(MLX5_RX_HASH_SRC_IPV4 == NIC_HASH_SRC_IPV4, "field");
_Static_assert(MLX5_RX_HASH_DST_PORT_UDP == NIC_HASH_DST_UDP, "field");

static int check_fields(uint64_t mask)
{
	const uint64_t ipv4 = MLX5_RX_HASH_SRC_IPV4 | MLX5_RX_HASH_DST_IPV4;
	const uint64_t ipv6 = MLX5_RX_HASH_SRC_IPV6 | MLX5_RX_HASH_DST_IPV6;
	const uint64_t tcp = MLX5_RX_HASH_SRC_PORT_TCP | MLX5_RX_HASH_DST_PORT_TCP;
	const uint64_t udp = MLX5_RX_HASH_SRC_PORT_UDP | MLX5_RX_HASH_DST_PORT_UDP;

	if (mask & ~(uint64_t)QUERY_RSS_FIELDS)
		return -EOPNOTSUPP;
	if ((mask & ipv4 && mask & ipv6) || (mask & tcp && mask & udp))
		return -EINVAL;
	return 0;
}

static int check_driver(const struct mlx5_ib_create_qp_rss *d)
{
	const uint32_t known = MLX5_QP_FLAG_TUNNEL_OFFLOADS |
	                       MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_UC |
	                       MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_MC;

	if (d->comp_mask || d->flags & ~known)
		return -EOPNOTSUPP;
	if (d->rx_hash_fields_mask & MLX5_RX_HASH_INNER &&
	    !(d->flags & MLX5_QP_FLAG_TUNNEL_OFFLOADS))
		return -EOPNOTSUPP;
	if (d->rx_hash_fields_mask && d->rx_hash_function != MLX5_RX_HASH_FUNC_TOEPLITZ)
		return -EOPNOTSUPP;
	if (d->rx_hash_fields_mask && d->rx_key_len != NIC_HASH_KEY_SIZE)
		return -EINVAL;
	return check_fields(d->rx_hash_fields_mask);
}

int rss_create(struct call *c, struct qp *qp, const struct ib_uverbs_ex_create_qp *cmd)
{
	struct mlx5_ib_create_qp_rss driver;
	struct nic_tir_opts opts = {0};
	int err;

	err = call_in(c, CALL_UHW_IN, &driver, sizeof driver,
	              offsetof(struct mlx5_ib_create_qp_rss, flags));
	if (err)
		return err == -ENOSPC ? -EINVAL : err;
	if (cmd->max_recv_wr || cmd->max_recv_sge || cmd->max_send_wr || cmd->is_srq)
		return -EINVAL;
	err = check_driver(&driver);
	if (err)
		return err;
	qp->table = object_find(c->ctx, OBJECT_IND_TABLE, cmd->rwq_ind_tbl_handle);
	if (!qp->table)
		return -EINVAL;
	opts.rwqt = qp->table->nic;
	opts.fields = driver.rx_hash_fields_mask & 0xff;
	opts.inner = driver.rx_hash_fields_mask & MLX5_RX_HASH_INNER;
	memcpy(opts.key, driver.rx_hash_key, sizeof opts.key);
	nic_lock(device_nic());
	err = nic_tir_create(device_nic(), &opts, &qp->tir);
	nic_unlock(device_nic());
	if (err)
		return err;
	qp_tirn_assign(qp);
	qp->table->object.users++;
	return 0;
}
