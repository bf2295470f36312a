/* SPDX-License-Identifier: BSD-2-Clause */
/* Which queue a frame goes to, and what its CQE says of the hash. */
#ifndef EMU_NIC_RSS_H
#define EMU_NIC_RSS_H

#include "emu/nic/card.h"

struct rss_result {
	struct nic_rq *rq;
	uint32_t hash;
	uint8_t type; /* HW_CQE_HASH_*; 0: not hashed */
};
void rss_select(const struct nic_tir *tir, const struct packet *p,
                struct rss_result *out);

#endif
