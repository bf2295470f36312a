/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two pages that libmlx5 maps to read the device's clock: the free-running counter, and how
 * to make nanoseconds of it.
 */
#ifndef EMU_UVERBS_CLOCK_H
#define EMU_UVERBS_CLOCK_H

#include <stdint.h>

struct nic;

enum clock_page { CLOCK_PAGE_TIMER, CLOCK_PAGE_INFO, CLOCK_PAGES };

/* Offset of the counter in its page: where a ConnectX's initialization segment has it. */
#define CLOCK_TIMER_OFFSET 0x0

/* Make the pages and let the card keep the first one fresh. */
int clock_start(struct nic *nic);
/* As mmap(): read-only and shared, else MAP_FAILED and errno. */
void *clock_mmap(enum clock_page page, void *addr, int prot, int flags);

#endif
