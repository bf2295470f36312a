/* SPDX-License-Identifier: BSD-2-Clause */
/* Departures: a search in a ring whose stamps ascend. */
#include "departures.h"
#include "clock.h"

#define AWAIT_NS (200 * NS_PER_MS)
#define NAP_NS   (20 * NS_PER_US)

static uint64_t stamp_of(const struct departures *d, uint64_t i)
{
	return __atomic_load_n(&d->at[i % DEPARTURES].stamp_ns, __ATOMIC_RELAXED);
}

uint64_t departures_find(const struct departures *d, uint64_t stamp_ns)
{
	uint64_t end = __atomic_load_n(&d->count, __ATOMIC_ACQUIRE), middle, left_ns;
	/* the oldest ones may be overwritten while we look */
	uint64_t first = end > DEPARTURES / 2 ? end - DEPARTURES / 2 : 0, last = end;

	while (first < last) {
		middle = first + (last - first) / 2;
		if (stamp_of(d, middle) < stamp_ns)
			first = middle + 1;
		else
			last = middle;
	}
	if (first == end)
		return 0;
	left_ns = __atomic_load_n(&d->at[first % DEPARTURES].left_ns, __ATOMIC_RELAXED);
	return stamp_of(d, first) == stamp_ns ? left_ns : 0;
}

/* Whether the packet with this stamp, or a later one, was reaped. */
static bool has_come(const struct departures *d, uint64_t stamp_ns)
{
	uint64_t end = __atomic_load_n(&d->count, __ATOMIC_ACQUIRE);

	return end && stamp_of(d, end - 1) >= stamp_ns;
}

uint64_t departures_await(const struct departures *d, uint64_t stamp_ns)
{
	uint64_t deadline = now_ns() + AWAIT_NS;

	while (!has_come(d, stamp_ns) && now_ns() < deadline)
		sleep_until_ns(now_ns() + NAP_NS);
	return departures_find(d, stamp_ns);
}
