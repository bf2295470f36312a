/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC32C (Castagnoli, reflected 0x82f63b78): by the CPU's instruction where it has one. */
#ifndef CMD_COMMON_PACKET_CRC32C_H
#define CMD_COMMON_PACKET_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Go on from crc, which starts as ~0; the result is inverted by the caller at the end. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* What a run of zero bytes does to a CRC, as tables: appending bytes to a text of which the CRC
 * is known takes crc_shift(crc of the text) ^ (CRC of the bytes, from 0). */
struct crc_shift {
	uint32_t table[4][256];
};

void crc_shift_init(struct crc_shift *shift, size_t zeros);

static inline uint32_t crc_shift(const struct crc_shift *shift, uint32_t crc)
{
	return shift->table[0][crc & 0xff] ^ shift->table[1][crc >> 8 & 0xff] ^
	       shift->table[2][crc >> 16 & 0xff] ^ shift->table[3][crc >> 24];
}

#endif
