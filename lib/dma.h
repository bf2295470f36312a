/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handing memory to a device and taking it back.  Each helper is one narrow use, names the two
 * streams that it orders and what on the other side it pairs with; a ring's code uses no other
 * ordering.  All accesses are __atomic, so that ThreadSanitizer judges them against an emulated
 * device; where a device needs more than a thread does, an instruction is added.
 *
 *   x86-64   stores to memory are seen in order, loads are done in order: nothing to add but
 *            around write-combining registers, whose buffers drain when they like (sfence).
 *   aarch64  a device is in the outer shareable domain: dmb osh*, and dsb st ahead of a
 *            register, since dmb does not wait for the write to have reached memory.
 */
#ifndef LIB_DMA_H
#define LIB_DMA_H

#include "hw/endian.h"

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define DMA_LOADS()    __asm__ volatile("" ::: "memory")
#define DMA_STORES()   __asm__ volatile("" ::: "memory")
#define DMA_REGISTER() __asm__ volatile("sfence" ::: "memory")
#elif defined(__aarch64__)
#define DMA_LOADS()    __asm__ volatile("dmb oshld" ::: "memory")
#define DMA_STORES()   __asm__ volatile("dmb oshst" ::: "memory")
#define DMA_REGISTER() __asm__ volatile("dsb st" ::: "memory")
#else
#error "lib/dma.h: say here how this machine orders its memory against a device's"
#endif

/*
 * Read the byte that tells whose an entry is, ahead of reading the entry.  What the device wrote
 * to the entry before this byte is seen by every later load.
 * Pairs with the NIC's write of a CQE, whose last byte op_own is.
 */
static inline uint8_t dma_take8(const uint8_t *owner)
{
	uint8_t v = __atomic_load_n(owner, __ATOMIC_ACQUIRE);

	DMA_LOADS();
	return v;
}

/*
 * Write a doorbell record: every entry written before is seen by a device that sees the count.
 * Pairs with the NIC's read of the record, after which it reads WQEs.  For a consumer count:
 * every entry read before is read, and the device may write it anew.
 */
static inline void dma_give32(be32 *record, uint32_t count)
{
	DMA_STORES();
	__atomic_store_n(&record->raw, htobe32(count), __ATOMIC_RELEASE);
}

/*
 * Ring: 8 bytes to a register, after the doorbell record is in memory, and not to linger in a
 * write-combining buffer.  value is as it lies in memory.
 * Pairs with the NIC's read of the record that this makes it do.
 */
static inline void dma_ring(void *reg, uint64_t value)
{
	DMA_REGISTER();
	__atomic_store_n((uint64_t *)reg, value, __ATOMIC_RELEASE);
	DMA_REGISTER();
}

/*
 * Ring with the entry itself (BlueFlame): whole 64-byte blocks to a write-combining register,
 * in order, so that they leave as one burst.
 */
static inline void dma_ring_with(void *reg, const void *entry, size_t blocks)
{
	const uint64_t *from = entry;
	uint64_t *to = reg;

	DMA_REGISTER();
	for (size_t i = 0; i < blocks * 8; i++)
		__atomic_store_n(to + i, from[i], __ATOMIC_RELEASE);
	DMA_REGISTER();
}

#endif
