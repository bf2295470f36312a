/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC32C in two ways; the first call chooses. */
#include "crc32c.h"

#include <string.h>

static uint32_t crc_by_bits(uint32_t crc, const uint8_t *p, size_t len)
{
	unsigned i;

	while (len--) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_by_cpu(uint32_t crc,
                                                             const uint8_t *p, size_t len)
{
	uint64_t wide = crc, word;
	uint32_t half;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	if (len & 4) {
		memcpy(&half, p, 4);
		crc = __builtin_ia32_crc32si(crc, half);
		p += 4;
	}
	for (len &= 3; len; len--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc_by_cpu(crc, bytes, len);
#endif
	return crc_by_bits(crc, bytes, len);
}

/* The CRC is linear over GF(2): what zeros do to a word is the sum of what they do to its bits. */
void crc_shift_init(struct crc_shift *shift, size_t zeros)
{
	static const uint8_t none[64];
	uint32_t of_bit[32];
	unsigned i, bit, value;
	size_t left;

	for (bit = 0; bit < 32; bit++) {
		of_bit[bit] = 1u << bit;
		for (left = zeros; left; left -= left < 64 ? left : 64)
			of_bit[bit] = crc32c(of_bit[bit], none, left < 64 ? left : 64);
	}
	for (i = 0; i < 4; i++)
		for (value = 0; value < 256; value++) {
			shift->table[i][value] = 0;
			for (bit = 0; bit < 8; bit++)
				if (value >> bit & 1)
					shift->table[i][value] ^= of_bit[8 * i + bit];
		}
}
