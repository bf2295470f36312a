/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What linux/if_xdp.h got after the headers of Debian 12 (6.1).  Whether the running kernel
 * has it is asked of the kernel, never guessed from this file.
 */
#ifndef HW_IF_XDP_H
#define HW_IF_XDP_H

#include <linux/if_xdp.h>

#ifndef XDP_USE_SG
#define XDP_USE_SG    (1 << 4) /* bind flag, 6.6: packets of several descriptors */
#define XDP_PKT_CONTD (1 << 0) /* xdp_desc.options: goes on in the next descriptor */
#endif

#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET                                                            \
	9 /* sockopt, 6.18: descriptors a sendto(2) may send; was 32 */
#endif

/* Copy mode keeps this much of a frame in front of what it receives (linux/bpf.h names it for
 * programs: XDP_PACKET_HEADROOM). */
#define HW_XDP_HEADROOM 256

#endif
