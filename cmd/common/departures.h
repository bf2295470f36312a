/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When packets left, by the card's clock: told by the thread that reaps them, asked for by those
 * that receive them, by the stamp that a packet carries.  The latest DEPARTURES are remembered.
 */
#ifndef CMD_COMMON_DEPARTURES_H
#define CMD_COMMON_DEPARTURES_H

#include <stdbool.h>
#include <stdint.h>

#define DEPARTURES 65536

struct departures {
	uint64_t count; /* so far; the slot of the i-th is i % DEPARTURES */
	struct {
		uint64_t stamp_ns, left_ns; /* left_ns 0: it did not leave */
	} at[DEPARTURES];
};

/* One thread alone; stamps ascend. */
static inline void departures_add(struct departures *d, uint64_t stamp_ns,
                                  uint64_t left_ns)
{
	uint64_t i = d->count;

	__atomic_store_n(&d->at[i % DEPARTURES].stamp_ns, stamp_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&d->at[i % DEPARTURES].left_ns, left_ns, __ATOMIC_RELAXED);
	/* pairs with departures_find()'s */
	__atomic_store_n(&d->count, i + 1, __ATOMIC_RELEASE);
}

/* When the packet with this stamp left; 0: it is not known, or not any more. */
uint64_t departures_find(const struct departures *d, uint64_t stamp_ns);

/* The same, waiting for the one that reaps, up to 200 ms. */
uint64_t departures_await(const struct departures *d, uint64_t stamp_ns);

#endif
