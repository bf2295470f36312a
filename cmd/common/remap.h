/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to frames that were captured: addresses mapped to others, the VLAN tag set or taken
 * off.  Checksums that were right stay right, those that were wrong stay wrong.
 */
#ifndef CMD_COMMON_REMAP_H
#define CMD_COMMON_REMAP_H

#include <stdbool.h>
#include <stdint.h>

#define REMAP_MAX 64
/* Bytes that a frame may grow by: a VLAN tag. */
#define REMAP_GROWTH 4

enum remap_vlan { REMAP_VLAN_KEEP, REMAP_VLAN_SET, REMAP_VLAN_STRIP };

struct remap_ip {
	uint32_t from, to, mask; /* the bits outside the mask stay */
};

struct remap_mac {
	uint8_t from[6], to[6];
};

struct remap {
	unsigned ip_count, mac_count;
	struct remap_ip ips[REMAP_MAX]; /* the first that fits */
	struct remap_mac macs[REMAP_MAX];
	enum remap_vlan vlan;
	uint16_t vlan_id;
};

/* "10.0.0.0/24=192.168.7.0/24,02:..:01=02:..:02", added to *m.  NULL, or the valid forms. */
const char *remap_parse_map(const char *text, struct remap *m);
/* "5" or "none". */
const char *remap_parse_vlan(const char *text, struct remap *m);

bool remap_is_empty(const struct remap *m);

/* Change a frame of len bytes in place, with room for REMAP_GROWTH more; returns its new length. */
uint32_t remap_frame(const struct remap *m, uint8_t *frame, uint32_t len);

#endif
