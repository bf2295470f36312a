/* SPDX-License-Identifier: BSD-2-Clause */
#include "emu/nic/fcs.h"

/* CRC-32 by nibbles, least significant bit first: the polynomial 0x04c11db7 reversed. */
#define POLYNOMIAL 0xedb88320u

static uint32_t crc_nibble(uint32_t crc)
{
	for (unsigned bit = 0; bit < 4; bit++)
		crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
	return crc;
}

void fcs_of(const struct iovec *segs, unsigned nsegs, uint8_t out[4])
{
	uint32_t table[16], crc = UINT32_MAX;

	for (unsigned i = 0; i < 16; i++)
		table[i] = crc_nibble(i);
	for (unsigned i = 0; i < nsegs; i++) {
		const uint8_t *bytes = segs[i].iov_base;

		for (size_t at = 0; at < segs[i].iov_len; at++) {
			crc ^= bytes[at];
			crc = crc >> 4 ^ table[crc & 15];
			crc = crc >> 4 ^ table[crc & 15];
		}
	}
	crc = ~crc;
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(crc >> 8 * i);
}
