/* SPDX-License-Identifier: BSD-2-Clause */
/* Port ranges as values and masks. */
#include "range.h"

#include <arpa/inet.h>

unsigned range_parts(uint16_t first, uint16_t last,
                     struct range_part out[RANGE_PARTS_MAX])
{
	uint32_t at = ntohs(first), end = (uint32_t)ntohs(last) + 1;
	unsigned n = 0;

	/* The largest block that begins here and stays inside; it doubles up to the middle of the
	 * range and halves after it, so the bound is never reached before the end. */
	while (at < end && n < RANGE_PARTS_MAX) {
		uint32_t size = 1;

		while (!(at & size) && at + 2 * size <= end && size < 0x10000)
			size *= 2;
		out[n++] = (struct range_part){
			.value = htons((uint16_t)at),
			.mask = htons((uint16_t) ~(size - 1)),
		};
		at += size;
	}
	return n;
}
