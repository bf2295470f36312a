/* SPDX-License-Identifier: BSD-2-Clause */
#include "emu/nic/toeplitz.h"

/* 32 bits of the key from bit `at` on, most significant first. */
static uint32_t key_window(const uint8_t *key, unsigned at)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < 5; i++)
		bits = bits << 8 | (at / 8 + i < TOEPLITZ_KEY_SIZE ? key[at / 8 + i] : 0);
	return (uint32_t)(bits >> (8 - at % 8));
}

void toeplitz_init(struct toeplitz *t, const uint8_t key[TOEPLITZ_KEY_SIZE])
{
	for (unsigned n = 0; n < 2 * TOEPLITZ_INPUT_MAX; n++) {
		for (unsigned value = 0; value < 16; value++) {
			uint32_t hash = 0;

			for (unsigned bit = 0; bit < 4; bit++) {
				if (value & (8u >> bit))
					hash ^= key_window(key, 4 * n + bit);
			}
			t->nibble[n][value] = hash;
		}
	}
}

uint32_t toeplitz_hash(const struct toeplitz *t, const uint8_t *input, size_t len)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < len; i++)
		hash ^= t->nibble[2 * i][input[i] >> 4] ^
		        t->nibble[2 * i + 1][input[i] & 15];
	return hash;
}
