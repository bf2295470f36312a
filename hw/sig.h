/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The signature that rawq puts into test packets: who sent which packet when, and whether it
 * came through unharmed.  doc/packet-language.md explains it; all words are big-endian and the
 * offset in the frame may be odd.
 */
#ifndef HW_SIG_H
#define HW_SIG_H

#include <assert.h>
#include <stddef.h>

#include "hw/endian.h"

#define HW_SIG_MAGIC 0x52615751u /* "RaWQ" */

struct hw_sig {
	be32 magic;
	be32 flow;     /* one sequence; the upper 8 bits number the sending queue */
	be64 sequence; /* of the flow, from 0 */
	be64 time_ns;  /* CLOCK_REALTIME when the sender gave the packet to its queue */
	be16 before;   /* bytes ahead of the signature that the CRC covers */
	be16 balance; /* makes the 16-bit one's complement sum of the signature 0xffff, so
	                * that the checksums of the layers below do not depend on it */
	be32 crc;     /* CRC32C (RFC 3720: reflected, 0xffffffff before and after) over
	                * `before` bytes, the signature with balance and crc as 0, and all
	                * bytes behind it to the end of the frame */
};
static_assert(sizeof(struct hw_sig) == 32, "the signature takes 32 bytes");
static_assert(offsetof(struct hw_sig, crc) == 28, "the CRC comes last");

#endif
