/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device says of itself, and what the calls that make objects hold the program to.
 */
#ifndef EMU_UVERBS_QUERY_H
#define EMU_UVERBS_QUERY_H

#include <stdint.h>

struct device;

#define QUERY_PCI_VENDOR 0x15b3u
#define QUERY_PCI_DEVICE 4125u /* ConnectX-6 Dx */
#define QUERY_BOARD_ID   "MT_0000000359"

/* major[63:32] minor[31:16] sub[15:0] */
#define QUERY_FW_VER  (UINT64_C(22) << 32 | 32u << 16 | 1010u)
#define QUERY_FW_TEXT "22.32.1010"

#define QUERY_MAX_WR        32768u /* of a queue */
#define QUERY_MAX_WQEBB     32768u
#define QUERY_MAX_SGE       30u
#define QUERY_MAX_CQE       4194303u
#define QUERY_MAX_TSO       262144u
#define QUERY_MAX_IND_TABLE 2048u
#define QUERY_MAX_RATE_KBPS 100000000u
#define QUERY_GIDS          2u /* link-local, RoCE v1 and v2 */
#define QUERY_LINK_MBPS     100000u

/* Striding receive: logarithms of bytes per stride and of strides per WQE. */
#define QUERY_STRIDE_MIN  6u
#define QUERY_STRIDE_MAX  13u
#define QUERY_STRIDES_MIN 9u
#define QUERY_STRIDES_MAX 16u

/* IPv4 and IPv6 addresses, TCP and UDP ports, and the inner headers' instead. */
#define QUERY_RSS_FIELDS (0xffu | MLX5_RX_HASH_INNER)

uint64_t query_guid(const struct device *dev); /* host order */
uint64_t query_card_guid(void); /* of the whole card, which has its first port's */

#endif
