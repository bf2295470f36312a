/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The four rings of an AF_XDP socket: Documentation/networking/af_xdp.rst, "Rings".
 *
 * A ring has one producer and one consumer, the kernel being one of them.  Both counters run
 * freely and are masked on use.  pi and ci are this side's copies: its own counter as it will
 * be, the other side's as last seen, so that the shared cache lines are touched once a burst.
 */
#ifndef LIB_XDP_RING_H
#define LIB_XDP_RING_H

#include "hw/if_xdp.h"

#include <stddef.h>
#include <stdint.h>

struct ring {
	uint32_t pi, ci;
	uint32_t mask, size;
	uint32_t *producer, *consumer; /* shared with the kernel */
	const uint32_t *flags;         /* XDP_RING_NEED_WAKEUP, written by the kernel */
	union {
		struct xdp_desc *desc; /* RX and TX rings */
		uint64_t *addr;        /* fill and completion rings */
	};
	void *map;
	size_t map_len;
};

/* As producer: up to n free entries from ring->pi on. */
static inline uint32_t ring_room(struct ring *r, uint32_t n)
{
	uint32_t room = r->size - (r->pi - r->ci);

	if (room >= n)
		return n;
	/* Pairs with the kernel's release of the consumer (xskq_cons_release): it has read the
	 * entries that we are about to write over. */
	r->ci = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	room = r->size - (r->pi - r->ci);
	return room < n ? room : n;
}

/* As producer: hand n entries from ring->pi on to the kernel. */
static inline void ring_give(struct ring *r, uint32_t n)
{
	r->pi += n;
	/* Pairs with the kernel's acquire of the producer (xskq_cons_get_entries): it sees the
	 * entries, and the frames that they name, as we wrote them. */
	__atomic_store_n(r->producer, r->pi, __ATOMIC_RELEASE);
}

/* As consumer: up to n filled entries from ring->ci on.  The kernel's counter is believed only
 * as far as the ring is long. */
static inline uint32_t ring_ready(struct ring *r, uint32_t n)
{
	uint32_t ready = r->pi - r->ci;

	if (ready >= n)
		return n;
	/* Pairs with the kernel's release of the producer (xskq_prod_submit): the entries and
	 * the packets in their frames are there. */
	r->pi = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	ready = r->pi - r->ci;
	if (ready > r->size)
		ready = r->size;
	return ready < n ? ready : n;
}

/* As consumer: give n entries from ring->ci on back to the kernel. */
static inline void ring_release(struct ring *r, uint32_t n)
{
	r->ci += n;
	/* Pairs with the kernel's acquire of the consumer (xskq_prod_nb_free): we have read the
	 * entries that it will write over. */
	__atomic_store_n(r->consumer, r->ci, __ATOMIC_RELEASE);
}

/* Does the kernel want a system call before it looks at this ring?  A hint: no order needed. */
static inline int ring_needs_wakeup(const struct ring *r)
{
	return __atomic_load_n(r->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP;
}

/* Has the kernel taken all that was given?  A hint as well. */
static inline int ring_is_drained(const struct ring *r)
{
	return __atomic_load_n(r->consumer, __ATOMIC_RELAXED) == r->pi;
}

#endif
