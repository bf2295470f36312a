/* SPDX-License-Identifier: BSD-2-Clause */
/* Toeplitz hash of receive-side scaling, by a table of nibbles made once per key. */
#ifndef EMU_NIC_TOEPLITZ_H
#define EMU_NIC_TOEPLITZ_H

#include <stddef.h>
#include <stdint.h>

#define TOEPLITZ_KEY_SIZE 40
#define TOEPLITZ_INPUT_MAX                                                               \
	36 /* two IPv6 addresses and two ports: what 40 bytes of key serve */

struct toeplitz {
	uint32_t nibble[2 * TOEPLITZ_INPUT_MAX][16];
};

void toeplitz_init(struct toeplitz *t, const uint8_t key[TOEPLITZ_KEY_SIZE]);
/* len up to TOEPLITZ_INPUT_MAX. */
uint32_t toeplitz_hash(const struct toeplitz *t, const uint8_t *input, size_t len);

#endif
