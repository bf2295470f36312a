/* SPDX-License-Identifier: BSD-2-Clause */
/* Instruction sequences that edits, sums and signatures share. */
#include "edit_asm.h"

void put_store(struct assembler *a, unsigned at, unsigned bytes, uint64_t keep)
{
	unsigned i, kept;

	put(a, REG(BPF_MOV), 2, 1, 0, 0);
	if (!keep && (bytes == 2 || bytes == 4 || bytes == 8)) {
		put(a, BPF_ALU | BPF_END | BPF_TO_BE, 2, 0, 0, (int32_t)bytes * 8);
		put(a,
		    STORE(bytes == 2   ? BPF_H
		          : bytes == 4 ? BPF_W
		                       : BPF_DW),
		    6, 2, (int)at, 0);
		return;
	}
	for (i = bytes; i-- > 0;) {
		kept = keep >> 8 * (bytes - 1 - i) & 0xff;
		if (kept) {
			put(a, LOAD(BPF_B), 3, 6, (int)(at + i), 0);
			put(a, IMM(BPF_AND), 3, 0, 0, (int32_t)kept);
			put(a, REG(BPF_OR), 3, 2, 0, 0);
		}
		put(a, STORE(BPF_B), 6, kept ? 3 : 2, (int)(at + i), 0);
		if (i)
			put(a, IMM(BPF_RSH), 2, 0, 0, 8);
	}
}

void put_fold(struct assembler *a)
{
	static const int shifts[] = {32, 16, 16, 16};
	unsigned i;

	for (i = 0; i < 4; i++) {
		put(a, REG(BPF_MOV), 2, 1, 0, 0);
		put(a, IMM(BPF_RSH), 2, 0, 0, shifts[i]);
		if (shifts[i] == 32) {
			put(a, IMM(BPF_LSH), 1, 0, 0, 32);
			put(a, IMM(BPF_RSH), 1, 0, 0, 32);
		} else {
			put(a, IMM(BPF_AND), 1, 0, 0, 0xffff);
		}
		put(a, REG(BPF_ADD), 1, 2, 0, 0);
	}
}
