/* SPDX-License-Identifier: BSD-2-Clause */
/* Walking a send ring: in segments of 16 bytes, which wrap one by one. */
#ifndef EMU_NIC_RING_H
#define EMU_NIC_RING_H

#include "emu/nic/card.h"

#define DS_PER_WQEBB (HW_WQEBB / HW_WQE_DS)

static inline uint8_t *ring_at(const struct nic_sq *sq, uint32_t ds)
{
	uint32_t mask = ((uint32_t)sq->mask + 1) * DS_PER_WQEBB - 1;

	return sq->ring + (size_t)(ds & mask) * HW_WQE_DS;
}

/* One segment, copied: it is looked at once. */
static inline void ring_segment(const struct nic_sq *sq, uint32_t ds, void *out)
{
	memcpy(out, ring_at(sq, ds), HW_WQE_DS);
}

/* Bytes of the ring as pieces (two when they wrap), from `skip` bytes behind segment ds on. */
static inline unsigned ring_pieces(const struct nic_sq *sq, uint32_t ds, uint32_t skip,
                                   uint32_t len, struct iovec out[2])
{
	uint32_t size = ((uint32_t)sq->mask + 1) * HW_WQEBB;
	uint32_t at = (ds * HW_WQE_DS + skip) & (size - 1);
	uint32_t first = len < size - at ? len : size - at;

	out[0] = (struct iovec){sq->ring + at, first};
	out[1] = (struct iovec){sq->ring, len - first};
	return first < len ? 2 : 1;
}

/* Segments of an Ethernet segment with so many bytes of inline header. */
static inline unsigned ring_eth_segments(uint32_t header)
{
	return header ? (14 + header + HW_WQE_DS - 1) / HW_WQE_DS : 1;
}

/* Segments of so many bytes of inline data, their length word included. */
static inline unsigned ring_inline_segments(uint32_t len)
{
	return (len + (unsigned)sizeof(struct hw_inline_seg) + HW_WQE_DS - 1) / HW_WQE_DS;
}

/* A WQE of size 0 is malformed; step over one block all the same. */
static inline uint16_t ring_wqebbs(unsigned ds)
{
	return (uint16_t)(ds ? (ds + DS_PER_WQEBB - 1) / DS_PER_WQEBB : 1);
}

#endif
