/* SPDX-License-Identifier: BSD-2-Clause */
/* Port ranges as values and masks, for devices that know no other way. */
#ifndef LIB_RANGE_H
#define LIB_RANGE_H

#include <stdint.h>

/* A range of 16 bits never takes more: 2 x 15. */
#define RANGE_PARTS_MAX 30u

struct range_part {
	uint16_t value, mask; /* network byte order */
};

/* Cut ports first to last, both included and in network byte order, into the fewest aligned blocks;
 * how many, 1 to RANGE_PARTS_MAX. */
unsigned range_parts(uint16_t first, uint16_t last,
                     struct range_part out[RANGE_PARTS_MAX]);

#endif
