/* SPDX-License-Identifier: BSD-2-Clause */
/* The frames that a worker holds itself, last in first out: what was used last is in the cache. */
#ifndef CMD_COMMON_FRAMES_H
#define CMD_COMMON_FRAMES_H

#include "rawq.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct frames {
	uint64_t *addr; /* room for all frames of the worker */
	unsigned n;
};

/* Take count frames of frame_size bytes, from byte first of a region.  -1: no memory. */
static inline int frames_init(struct frames *f, uint64_t first, unsigned count,
                              uint32_t frame_size)
{
	unsigned i;

	f->n = 0;
	f->addr = malloc(count * sizeof(*f->addr));
	if (!f->addr)
		return -1;
	for (i = count; i-- > 0;)
		f->addr[f->n++] = first + (uint64_t)i * frame_size;
	return 0;
}

/* Give the last max frames, or all if there are fewer, to receive into; what the queue has no
 * room for stays. */
static inline unsigned frames_post(struct frames *f, struct rawq_rxq *q, unsigned max)
{
	unsigned n = f->n < max ? f->n : max;
	uint64_t *top = f->addr + f->n - n;
	unsigned taken = rawq_rx_post(q, top, n);

	if (taken < n)
		memmove(top, top + taken, (n - taken) * sizeof(*top));
	f->n -= taken;
	return taken;
}

static inline void frames_free(struct frames *f)
{
	free(f->addr);
	f->addr = NULL;
}

#endif
