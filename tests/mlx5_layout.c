/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Layout witness: hw/mlx5.h, written from the manual, against rdma-core's own header.  The
 * compiler judges; the program only reports that it could be compiled.
 */
#include <infiniband/mlx5dv.h>

#include "hw/mlx5.h"
#include "tests/tap.h"

#define SAME_SIZE(ours, theirs)                                                          \
	_Static_assert(sizeof(struct ours) == sizeof(struct theirs), #ours)
#define SAME_AT(ours, our_member, theirs, their_member)                                  \
	_Static_assert(offsetof(struct ours, our_member) ==                              \
	                       offsetof(struct theirs, their_member),                    \
	               #ours "." #our_member)
#define SAME(ours, theirs) _Static_assert((ours) == (theirs), #ours)

SAME_SIZE(hw_ctrl_seg, mlx5_wqe_ctrl_seg);
SAME_AT(hw_ctrl_seg, opmod_index_opcode, mlx5_wqe_ctrl_seg, opmod_idx_opcode);
SAME_AT(hw_ctrl_seg, qpn_ds, mlx5_wqe_ctrl_seg, qpn_ds);
SAME_AT(hw_ctrl_seg, signature, mlx5_wqe_ctrl_seg, signature);
SAME_AT(hw_ctrl_seg, fm_ce_se, mlx5_wqe_ctrl_seg, fm_ce_se);
SAME_AT(hw_ctrl_seg, imm, mlx5_wqe_ctrl_seg, imm);

SAME_AT(hw_eth_seg, cs_flags, mlx5_wqe_eth_seg, cs_flags);
SAME_AT(hw_eth_seg, swp_flags, mlx5_wqe_eth_seg, rsvd1);
SAME_AT(hw_eth_seg, mss, mlx5_wqe_eth_seg, mss);
SAME_AT(hw_eth_seg, metadata, mlx5_wqe_eth_seg, rsvd2);
SAME_AT(hw_eth_seg, inline_hdr_sz, mlx5_wqe_eth_seg, inline_hdr_sz);
SAME_AT(hw_eth_seg, inline_hdr, mlx5_wqe_eth_seg, inline_hdr_start);

SAME_SIZE(hw_data_seg, mlx5_wqe_data_seg);
SAME_AT(hw_data_seg, byte_count, mlx5_wqe_data_seg, byte_count);
SAME_AT(hw_data_seg, lkey, mlx5_wqe_data_seg, lkey);
SAME_AT(hw_data_seg, addr, mlx5_wqe_data_seg, addr);
SAME_SIZE(hw_inline_seg, mlx5_wqe_inl_data_seg);
SAME_SIZE(hw_next_seg, mlx5_wqe_srq_next_seg);
SAME_AT(hw_next_seg, next_wqe_index, mlx5_wqe_srq_next_seg, next_wqe_index);
SAME_AT(hw_next_seg, signature, mlx5_wqe_srq_next_seg, signature);

SAME_SIZE(hw_cqe, mlx5_cqe64);
SAME_AT(hw_cqe, wqe_id, mlx5_cqe64, wqe_id);
SAME_AT(hw_cqe, flags_rqn, mlx5_cqe64, flags_rqpn);
SAME_AT(hw_cqe, hds_ip_ext, mlx5_cqe64, hds_ip_ext);
SAME_AT(hw_cqe, hdr_type, mlx5_cqe64, l4_hdr_type_etc);
SAME_AT(hw_cqe, vlan_info, mlx5_cqe64, vlan_info);
SAME_AT(hw_cqe, srqn_user_index, mlx5_cqe64, srqn_uidx);
SAME_AT(hw_cqe, metadata, mlx5_cqe64, imm_inval_pkey);
SAME_AT(hw_cqe, byte_count, mlx5_cqe64, byte_cnt);
SAME_AT(hw_cqe, timestamp, mlx5_cqe64, timestamp);
SAME_AT(hw_cqe, sop_drop_qpn, mlx5_cqe64, sop_drop_qpn);
SAME_AT(hw_cqe, wqe_counter, mlx5_cqe64, wqe_counter);
SAME_AT(hw_cqe, op_own, mlx5_cqe64, op_own);

SAME_SIZE(hw_error_cqe, mlx5_err_cqe);
SAME_AT(hw_error_cqe, srqn_user_index, mlx5_err_cqe, srqn);
SAME_AT(hw_error_cqe, vendor_syndrome, mlx5_err_cqe, vendor_err_synd);
SAME_AT(hw_error_cqe, syndrome, mlx5_err_cqe, syndrome);
SAME_AT(hw_error_cqe, opcode_qpn, mlx5_err_cqe, s_wqe_opcode_qpn);
SAME_AT(hw_error_cqe, wqe_counter, mlx5_err_cqe, wqe_counter);
SAME_AT(hw_error_cqe, op_own, mlx5_err_cqe, op_own);

SAME(HW_WQEBB, MLX5_SEND_WQE_BB);
SAME(HW_WQE_OP_NOP, MLX5_OPCODE_NOP);
SAME(HW_WQE_OP_SEND, MLX5_OPCODE_SEND);
SAME(HW_WQE_OP_TSO, MLX5_OPCODE_TSO);
SAME(HW_CE_ALWAYS, MLX5_WQE_CTRL_CQ_UPDATE);
SAME(HW_ETH_CS_L3, MLX5_ETH_WQE_L3_CSUM);
SAME(HW_ETH_CS_L4, MLX5_ETH_WQE_L4_CSUM);
SAME(HW_INLINE_BIT, (uint32_t)MLX5_INLINE_SEG);
SAME(HW_LKEY_INVALID, MLX5_INVALID_LKEY);
SAME(HW_DBR_RQ, MLX5_RCV_DBR);
SAME(HW_DBR_SQ, MLX5_SND_DBR);
SAME(HW_UAR_CQ_ARM, MLX5_CQ_DOORBELL);
SAME(HW_CQ_ARM_SOLICITED, MLX5_CQ_DB_REQ_NOT_SOL);
SAME(HW_CQE_OWNER, MLX5_CQE_OWNER_MASK);
SAME(HW_CQE_OP_SENT, MLX5_CQE_REQ);
SAME(HW_CQE_OP_RECEIVED, MLX5_CQE_RESP_SEND);
SAME(HW_CQE_OP_SEND_ERROR, MLX5_CQE_REQ_ERR);
SAME(HW_CQE_OP_RECV_ERROR, MLX5_CQE_RESP_ERR);
SAME(HW_CQE_OP_INVALID, MLX5_CQE_INVALID);
SAME(HW_CQE_L2_OK, MLX5_CQE_L2_OK);
SAME(HW_CQE_L3_OK, MLX5_CQE_L3_OK);
SAME(HW_CQE_L4_OK, MLX5_CQE_L4_OK);
SAME(HW_CQE_L3_IPV4, MLX5_CQE_L3_HDR_TYPE_IPV4 << 2);
SAME(HW_CQE_L3_IPV6, MLX5_CQE_L3_HDR_TYPE_IPV6 << 2);
SAME(HW_SYNDROME_LOCAL_LENGTH, MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR);
SAME(HW_SYNDROME_LOCAL_QP_OP, MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR);
SAME(HW_SYNDROME_LOCAL_PROT, MLX5_CQE_SYNDROME_LOCAL_PROT_ERR);
SAME(HW_SYNDROME_WR_FLUSH, MLX5_CQE_SYNDROME_WR_FLUSH_ERR);
SAME(HW_MINI_FORMAT_HASH, MLX5DV_CQE_RES_FORMAT_HASH);
SAME(HW_MINI_FORMAT_CSUM, MLX5DV_CQE_RES_FORMAT_CSUM);
SAME(HW_MINI_FORMAT_CSUM_STRIDX, MLX5DV_CQE_RES_FORMAT_CSUM_STRIDX);

int main(void)
{
	ok(1, "hw/mlx5.h agrees with infiniband/mlx5dv.h wherever both say something");
	return done();
}
