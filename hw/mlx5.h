/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings of an mlx5 NIC (ConnectX-5 and later) as they lie in memory: layout and numbers, no
 * functions.  All words are big endian.  "PRM" is the Ethernet Adapters Programming Manual;
 * [a:b] are bits, most significant first, as it prints them.
 */
#ifndef HW_MLX5_H
#define HW_MLX5_H

#include <stddef.h>

#include "hw/endian.h"

#define HW_AT(type, member, offset)                                                      \
	_Static_assert(offsetof(struct type, member) == (offset), #type "." #member)
#define HW_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)

/* ---- UAR page and doorbell records ---- */

#define HW_UAR_SIZE      4096
#define HW_UAR_CQ_ARM    0x20  /* 8 bytes: word 1 of the CQ record, then the CQ number */
#define HW_UAR_BF        0x800 /* first BlueFlame register; send doorbells */
#define HW_UAR_BF_SIZE   0x200 /* one register: two buffers of 0x100, used in turn */
#define HW_UAR_BF_COUNT  2
#define HW_UAR_BF_BUFFER 0x100

/* Queue pair's doorbell record: [0] receive producer count, [1] send producer count; 16 bits. */
#define HW_DBR_RQ      0
#define HW_DBR_SQ      1
#define HW_DBR_QP_MASK 0xffffu

/* CQ's doorbell record: [0] consumer count, 24 bits; [1] arm: sn[29:28] cmd[24] ci[23:0]. */
#define HW_DBR_CQ_CI        0
#define HW_DBR_CQ_ARM       1
#define HW_DBR_CQ_MASK      0xffffffu
#define HW_CQ_ARM_SN_SHIFT  28
#define HW_CQ_ARM_SN_MASK   3u
#define HW_CQ_ARM_SOLICITED (1u << 24) /* else: any completion */

/* ---- Send WQE ---- */

#define HW_WQEBB       64 /* basic block: unit of the producer counter */
#define HW_WQE_DS      16 /* segment: unit of ds; a WQE may straddle the ring's end at one */
#define HW_WQE_DS_MASK 0x3fu
#define HW_WQE_MAX_DS  63

#define HW_WQE_OP_NOP  0x00
#define HW_WQE_OP_SEND 0x0a
#define HW_WQE_OP_TSO  0x0e
#define HW_WQE_OP_EMPW 0x29 /* enhanced multi-packet send */

struct hw_ctrl_seg {
	be32 opmod_index_opcode; /* opmod[31:24] wqe_index[23:8] opcode[7:0] */
	be32 qpn_ds;             /* qpn[31:8] ds[5:0] */
	uint8_t signature;
	uint8_t reserved[2];
	uint8_t fm_ce_se; /* fence[7:5] completion[3:2] solicited[1] */
	be32 imm;
};
HW_SIZE(hw_ctrl_seg, 16);
HW_AT(hw_ctrl_seg, fm_ce_se, 11);

#define HW_CE_MASK           0x0cu
#define HW_CE_ONLY_ERROR     0x00u
#define HW_CE_ONLY_1ST_ERROR 0x04u
#define HW_CE_ALWAYS         0x08u
#define HW_CE_ALWAYS_EVENT   0x0cu

/* An inline header starts at inline_hdr and runs on into further 16-byte segments. */
struct hw_eth_seg {
	uint8_t swp_offsets[4]; /* outer L4, outer L3, inner L4, L3; in 2 bytes */
	uint8_t cs_flags;
	uint8_t swp_flags;
	be16 mss; /* TSO only */
	be32 metadata;
	be16 inline_hdr_sz; /* or HW_ETH_INSERT_*, with the TCI in inline_hdr */
	uint8_t inline_hdr[2];
};
HW_SIZE(hw_eth_seg, 16);
HW_AT(hw_eth_seg, cs_flags, 4);
HW_AT(hw_eth_seg, mss, 6);
HW_AT(hw_eth_seg, inline_hdr_sz, 12);
HW_AT(hw_eth_seg, inline_hdr, 14);

#define HW_ETH_CS_L3_INNER   0x10u
#define HW_ETH_CS_L4_INNER   0x20u
#define HW_ETH_CS_L3         0x40u /* IPv4 header */
#define HW_ETH_CS_L4         0x80u /* TCP or UDP, pseudo header included */
#define HW_ETH_INSERT_VLAN   0x8000u
#define HW_ETH_INSERT_SVLAN  0x0001u /* with INSERT_VLAN: ethertype 0x88a8 */
#define HW_ETH_INLINE_HDR_L2 18      /* what "min inline L2" means */

struct hw_data_seg {
	be32 byte_count; /* [30:0]; 0 means 2 GB */
	be32 lkey;
	be64 addr;
};
HW_SIZE(hw_data_seg, 16);
HW_AT(hw_data_seg, addr, 8);

/* Inline data: this word, then the bytes; the whole is padded to 16. */
#define HW_INLINE_BIT 0x80000000u
struct hw_inline_seg {
	be32 byte_count; /* HW_INLINE_BIT | length */
};
HW_SIZE(hw_inline_seg, 4);

#define HW_LKEY_INVALID 0x100u /* with byte_count 0: ends a receive WQE's list */

/* ---- Receive WQE ---- */

/* First segment of a striding WQE in a queue of linked type; data segments follow. */
struct hw_next_seg {
	uint8_t reserved0[2];
	be16 next_wqe_index;
	uint8_t signature;
	uint8_t reserved5[11];
};
HW_SIZE(hw_next_seg, 16);
HW_AT(hw_next_seg, next_wqe_index, 2);

/* ---- CQE ---- */

#define HW_CQE_SIZE 64 /* or 128: then the CQE is the second half */

struct hw_cqe {
	uint8_t pkt_info; /* tunneled[0] outer IPv4[1] */
	uint8_t reserved1;
	be16 wqe_id; /* striding: receive WQE */
	uint8_t lro[8];
	be32 rx_hash;
	uint8_t rx_hash_type; /* L4 dst[7:6] L4 src[5:4] IP dst[3:2] IP src[1:0] */
	uint8_t reserved17[3];
	be16 checksum; /* one's complement sum of what follows the Ethernet header */
	uint8_t reserved22[2];
	be32 flags_rqn;     /* rqn[23:0] */
	uint8_t hds_ip_ext; /* L4 ok[2] L3 ok[1] L2 ok[0] */
	uint8_t hdr_type; /* fragment[7] L4[6:4] L3[3:2] IP options[1] VLAN stripped[0] */
	be16 vlan_info;   /* TCI */
	be32 srqn_user_index; /* user index[23:0] */
	be32 metadata;
	uint8_t reserved40[4];
	be32 byte_count; /* striding: filler[31] strides[30:16] length[15:0] */
	be64 timestamp;
	be32 sop_drop_qpn; /* send: opcode[31:24] qpn[23:0]; receive: flow tag[23:0] */
	be16 wqe_counter;  /* striding: stride index */
	uint8_t signature;
	uint8_t op_own; /* opcode[7:4] format[3:2] solicited[1] owner[0] */
};
HW_SIZE(hw_cqe, 64);
HW_AT(hw_cqe, wqe_id, 2);
HW_AT(hw_cqe, rx_hash, 12);
HW_AT(hw_cqe, rx_hash_type, 16);
HW_AT(hw_cqe, checksum, 20);
HW_AT(hw_cqe, hds_ip_ext, 28);
HW_AT(hw_cqe, hdr_type, 29);
HW_AT(hw_cqe, vlan_info, 30);
HW_AT(hw_cqe, srqn_user_index, 32);
HW_AT(hw_cqe, metadata, 36);
HW_AT(hw_cqe, byte_count, 44);
HW_AT(hw_cqe, timestamp, 48);
HW_AT(hw_cqe, sop_drop_qpn, 56);
HW_AT(hw_cqe, wqe_counter, 60);
HW_AT(hw_cqe, op_own, 63);

struct hw_error_cqe {
	uint8_t reserved0[32];
	be32 srqn_user_index;
	uint8_t reserved36[18];
	uint8_t vendor_syndrome;
	uint8_t syndrome;
	be32 opcode_qpn; /* opcode[31:24] qpn[23:0] */
	be16 wqe_counter;
	uint8_t signature;
	uint8_t op_own;
};
HW_SIZE(hw_error_cqe, 64);
HW_AT(hw_error_cqe, srqn_user_index, 32);
HW_AT(hw_error_cqe, vendor_syndrome, 54);
HW_AT(hw_error_cqe, syndrome, 55);
HW_AT(hw_error_cqe, opcode_qpn, 56);
HW_AT(hw_error_cqe, wqe_counter, 60);
HW_AT(hw_error_cqe, op_own, 63);

#define HW_CQE_OWNER         0x01u
#define HW_CQE_OPCODE_SHIFT  4
#define HW_CQE_FORMAT_SHIFT  2
#define HW_CQE_FORMAT_MASK   0x0cu
#define HW_CQE_COMPRESSED    0x0cu /* format 3: title of a compressed session */
#define HW_CQE_OP_SENT       0
#define HW_CQE_OP_RECEIVED   2 /* "responder send" */
#define HW_CQE_OP_SEND_ERROR 13
#define HW_CQE_OP_RECV_ERROR 14
#define HW_CQE_OP_INVALID    15 /* never written by the NIC: the slot's initial state */

#define HW_CQE_L2_OK 0x01u
#define HW_CQE_L3_OK 0x02u
#define HW_CQE_L4_OK 0x04u

#define HW_CQE_L3_NONE          0x00u /* hdr_type[3:2] */
#define HW_CQE_L3_IPV6          0x04u
#define HW_CQE_L3_IPV4          0x08u
#define HW_CQE_L3_MASK          0x0cu
#define HW_CQE_L4_NONE          0x00u /* hdr_type[6:4] */
#define HW_CQE_L4_TCP           0x10u /* without ACK */
#define HW_CQE_L4_UDP           0x20u
#define HW_CQE_L4_TCP_EMPTY_ACK 0x30u
#define HW_CQE_L4_TCP_ACK       0x40u
#define HW_CQE_L4_MASK          0x70u
#define HW_CQE_FRAGMENT         0x80u
#define HW_CQE_IP_OPTIONS       0x02u
#define HW_CQE_VLAN_STRIPPED    0x01u

#define HW_CQE_TUNNELED   0x01u /* pkt_info */
#define HW_CQE_OUTER_IPV4 0x02u

#define HW_CQE_HASH_SRC_IPV4 0x01u /* rx_hash_type */
#define HW_CQE_HASH_SRC_IPV6 0x02u
#define HW_CQE_HASH_DST_IPV4 0x04u
#define HW_CQE_HASH_DST_IPV6 0x08u
#define HW_CQE_HASH_SRC_TCP  0x10u
#define HW_CQE_HASH_SRC_UDP  0x20u
#define HW_CQE_HASH_DST_TCP  0x40u
#define HW_CQE_HASH_DST_UDP  0x80u

#define HW_STRIDING_FILLER        0x80000000u /* byte_count of a striding queue's CQE */
#define HW_STRIDING_STRIDES_SHIFT 16
#define HW_STRIDING_STRIDES_MASK  0x7fffu
#define HW_STRIDING_LEN_MASK      0xffffu

#define HW_SYNDROME_LOCAL_LENGTH 0x01
#define HW_SYNDROME_LOCAL_QP_OP  0x02
#define HW_SYNDROME_LOCAL_PROT   0x04
#define HW_SYNDROME_WR_FLUSH     0x05

/* ---- Compressed CQEs ----
 * A title CQE (format 3, byte_count = minis in the session) and arrays of 8 minis over the slots
 * title+1, title+8, title+16, ...; the session covers as many slots as it has minis, the first
 * of them the title.  The slots' other bytes, op_own among them, are left as they were. */

#define HW_MINI_PER_SLOT 8

struct hw_mini_hash {
	be32 rx_hash;
	be32 byte_count;
};
HW_SIZE(hw_mini_hash, 8);

struct hw_mini_csum {
	be16 checksum;
	be16 stride_index; /* CSUM_STRIDX; reserved in CSUM */
	be32 byte_count;
};
HW_SIZE(hw_mini_csum, 8);
HW_AT(hw_mini_csum, stride_index, 2);
HW_AT(hw_mini_csum, byte_count, 4);

#define HW_MINI_FORMAT_HASH        0x1u /* as in the create-CQ request */
#define HW_MINI_FORMAT_CSUM        0x2u
#define HW_MINI_FORMAT_CSUM_STRIDX 0x4u

#endif
