/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbell pages: UAR objects and the program's mappings of them.
 */
#ifndef EMU_UVERBS_UAR_H
#define EMU_UVERBS_UAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct context;

/* Page offset of the first UAR object in mmap(): above the commands of mlx5-abi.h. */
#define UAR_MMAP_START 0x900u

void *uar_mmap(struct context *ctx, void *addr, int prot, int flags, uint64_t page);
/* True if doorbell pages lie in the range; *ret is what munmap() of it answers. */
bool uar_munmap(void *addr, size_t length, int *ret);
void uar_forget(void); /* after fork */

#endif
