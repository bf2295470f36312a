/* SPDX-License-Identifier: BSD-2-Clause */
/* What a frame about to be sent has, by its headers. */
#ifndef LIB_VERBS_FRAME_H
#define LIB_VERBS_FRAME_H

#include "hw/mlx5.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

static inline uint16_t frame_read16(const uint8_t *p)
{
	be16 v;

	memcpy(&v, p, sizeof(v));
	return from_be16(v);
}

/*
 * The checksums that it has, as HW_ETH_CS_*.  A card that is asked for one that is not there
 * spoils the frame, so callers look first.
 */
static inline uint8_t frame_checksums(const uint8_t *frame, uint32_t len)
{
	uint32_t at = 2 * ETH_ALEN;
	uint16_t type;

	if (len < ETH_HLEN)
		return 0;
	type = frame_read16(frame + at);
	while ((type == ETH_P_8021Q || type == ETH_P_8021AD) && at + 6 <= len) {
		at += 4;
		type = frame_read16(frame + at);
	}
	at += 2;
	if (type == ETH_P_IP && at + 20 <= len) {
		bool fragment = frame_read16(frame + at + 6) & 0x3fff;
		uint8_t proto = frame[at + 9];
		bool l4 = !fragment && (proto == IPPROTO_TCP || proto == IPPROTO_UDP);

		return HW_ETH_CS_L3 | (l4 ? HW_ETH_CS_L4 : 0);
	}
	if (type == ETH_P_IPV6 && at + 40 <= len &&
	    (frame[at + 6] == IPPROTO_TCP || frame[at + 6] == IPPROTO_UDP))
		return HW_ETH_CS_L4;
	return 0;
}

#endif
