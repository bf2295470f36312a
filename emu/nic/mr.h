/* SPDX-License-Identifier: BSD-2-Clause */
/* From what a segment says to the program's memory; every access of the card comes this way. */
#ifndef EMU_NIC_MR_H
#define EMU_NIC_MR_H

#include "emu/nic/card.h"

/* Why a segment is refused, as a sentence goes on; for mr_translate(). */
const char *mr_refusal(struct nic *nic, uint32_t lkey, uint64_t iova, uint64_t length,
                       uint32_t pd, bool write);

/* Look a key up into the cache; false: not a region that this PD may use so. */
bool mr_load(struct nic *nic, struct mr_cache *cache, uint32_t lkey, uint32_t pd,
             bool write);

static inline uint8_t *mr_inside(const struct nic_mr *mr, uint64_t iova, uint64_t length)
{
	uint64_t offset = iova - mr->iova;

	if (offset > mr->length || length > mr->length - offset)
		return NULL;
	return mr->addr + offset;
}

/* NULL: mr_refusal() says why.  A queue asks with its own cache, PD and direction. */
static inline uint8_t *mr_translate(struct nic *nic, struct mr_cache *cache,
                                    uint32_t lkey, uint64_t iova, uint64_t length,
                                    uint32_t pd, bool write)
{
	if (cache->generation != nic->mr_generation || cache->mr->lkey != lkey) {
		if (!mr_load(nic, cache, lkey, pd, write))
			return NULL;
	}
	return mr_inside(cache->mr, iova, length);
}

#endif
