/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's "netdev" generic netlink family (Documentation/netlink/specs/netdev.yaml), in
 * kernels since 6.3; Debian 12's headers are older.
 */
#ifndef HW_NETDEV_H
#define HW_NETDEV_H

#define HW_NETDEV_FAMILY         "netdev"
#define HW_NETDEV_VERSION        1
#define HW_NETDEV_CMD_DEV_GET    1
#define HW_NETDEV_A_IFINDEX      1
#define HW_NETDEV_A_XDP_FEATURES 3 /* u64 of HW_XDP_ACT_* */

#define HW_XDP_ACT_BASIC        (1 << 0)
#define HW_XDP_ACT_REDIRECT     (1 << 1)
#define HW_XDP_ACT_NDO_XMIT     (1 << 2)
#define HW_XDP_ACT_XSK_ZEROCOPY (1 << 3)
#define HW_XDP_ACT_HW_OFFLOAD   (1 << 4)
#define HW_XDP_ACT_RX_SG        (1 << 5)
#define HW_XDP_ACT_NDO_XMIT_SG  (1 << 6)

#endif
