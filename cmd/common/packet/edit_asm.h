/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting eBPF instructions one behind the other.  r6 is the frame, r7 the number of packets
 * before this one, r8 the state; r9 holds the packet's number among all workers.  The sums lie on
 * the stack.
 */
#ifndef CMD_COMMON_PACKET_EDIT_ASM_H
#define CMD_COMMON_PACKET_EDIT_ASM_H

#include "compiled.h"

#include <linux/bpf.h>
#include <stdint.h>

enum { CODE_MAX = 4000, TABLE_BYTES = 256 * 4 };

struct assembler {
	const struct packet *packet;
	const struct template *template;
	uint64_t first, stride;
	uint64_t *insns;
	unsigned count;
	uint8_t *state;
	uint32_t state_size;
	bool varies
		[PACKET_MAX]; /* bytes written per packet, the signature's own left out */
	uint32_t cached; /* state offset of the time in frame order, and its CRC part */
	uint32_t state_limit;
	uint32_t sequences_at, paced_at;
	uint64_t gap; /* of paced packets, 2^-16 ns */
};

static inline void put(struct assembler *a, unsigned code, unsigned dst, unsigned src,
                       int off, int32_t imm)
{
	if (a->count < CODE_MAX)
		a->insns[a->count++] = code | (uint64_t)(src << 4 | dst) << 8 |
		                       (uint64_t)(uint16_t)off << 16 |
		                       (uint64_t)(uint32_t)imm << 32;
}

#define REG(op)  (BPF_ALU64 | (op) | BPF_X)
#define IMM(op)  (BPF_ALU64 | (op) | BPF_K)
#define LOAD(w)  (BPF_LDX | BPF_MEM | (w))
#define STORE(w) (BPF_STX | BPF_MEM | (w))
#define STACK(k) (-8 * ((int)(k) + 1))

static inline void put_imm64(struct assembler *a, unsigned dst, uint64_t v)
{
	if (v <= INT32_MAX) {
		put(a, IMM(BPF_MOV), dst, 0, 0, (int32_t)v);
		return;
	}
	put(a, BPF_LD | BPF_DW | BPF_IMM, dst, 0, 0, (int32_t)(uint32_t)v);
	put(a, 0, 0, 0, 0, (int32_t)(v >> 32));
}

static inline void put_and(struct assembler *a, unsigned dst, uint64_t mask,
                           unsigned scratch)
{
	if (mask == UINT64_MAX)
		return;
	if (mask <= INT32_MAX) {
		put(a, IMM(BPF_AND), dst, 0, 0, (int32_t)mask);
		return;
	}
	put_imm64(a, scratch, mask);
	put(a, REG(BPF_AND), dst, scratch, 0, 0);
}

static inline uint32_t reserve(struct assembler *a, uint32_t bytes)
{
	uint32_t at = a->state_size;

	a->state_size += (bytes + 7) & ~7u;
	return at;
}

/* dst = r8 + offset; the offset of a load alone has 16 bits */
static inline void put_state_address(struct assembler *a, unsigned dst, uint32_t offset)
{
	put(a, REG(BPF_MOV), dst, 8, 0, 0);
	put(a, IMM(BPF_ADD), dst, 0, 0, (int32_t)offset);
}

/* edit_asm.c */
/* frame[at] = the low bytes of r1, big-endian; uses r2, r3 */
void put_store(struct assembler *a, unsigned at, unsigned bytes, uint64_t keep);
/* r1 = r1 folded to 16 bits; uses r2 */
void put_fold(struct assembler *a);

/* edit_sig.c: the signature's time, sequence, CRC and balance; behind all edits and sums. */
void put_sig(struct assembler *a, int64_t to_real_ns);

#endif
