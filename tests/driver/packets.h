/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random packets, each a function of a seed and its number: what the program gives to the NIC,
 * and what has to be on the wire.  Shares nothing with the library: checksums by RFC 1071,
 * tags by 802.1Q.
 */
#ifndef TESTS_DRIVER_PACKETS_H
#define TESTS_DRIVER_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

#define PACKET_MAX   9234u /* MTU 9216, header and a tag */
#define SEGMENTS_MAX 8u

struct packets {
	uint64_t seed;
	uint32_t len_max;
	uint32_t segments_max;
	bool checksums, tags; /* with offloads asked of the NIC */
};

struct packet {
	uint8_t given[PACKET_MAX]; /* what the program hands over */
	uint32_t len;
	uint32_t segments;
	uint32_t segment_len[SEGMENTS_MAX];
	uint32_t flags; /* RAWQ_TX_* */
	uint16_t vlan;
	uint8_t wire[PACKET_MAX +
	             4]; /* zeros up to 60: a cable pads, an emulated one need not */
	uint32_t wire_len;
	bool is_ipv4, is_l4; /* for the receiver's verdicts */
};

/* The n-th packet. */
void packet_make(const struct packets *s, uint64_t n, struct packet *out);

uint64_t random_next(uint64_t *state);

#endif
