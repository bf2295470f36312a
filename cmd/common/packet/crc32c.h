/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC32C (Castagnoli, reflected 0x82f63b78): by the CPU's instruction where it has one. */
#ifndef CMD_COMMON_PACKET_CRC32C_H
#define CMD_COMMON_PACKET_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Go on from crc, which starts as ~0; the result is inverted by the caller at the end. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
