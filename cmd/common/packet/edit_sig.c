/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The signature of a packet as eBPF.
 *
 * A CRC32C byte by byte would cost more than all the rest.  It is linear: the CRC of the frame is
 * that of the frame with 0 in every byte that varies, and for each of these bytes a word that
 * depends on its place and its value, looked up in a table of its own.
 */
#include "edit_asm.h"

#include "crc32c.h"

#include "hw/sig.h"

#include <string.h>

/* Packets between two looks at the clock; the kernel sends them in batches of 256 anyway. */
enum { TIME_EVERY = 16 };
/* A flow's sequence number beyond 48 bits would take years. */
enum { SEQUENCE_BYTES = 6 };

static unsigned sig_byte(const struct assembler *a, size_t member)
{
	return a->packet->sig_at + (unsigned)member;
}

/* What value v of the byte at `at` adds to the CRC: v ahead of all that follows, from 0. */
static void fill_table(const struct assembler *a, unsigned at, uint32_t *table)
{
	uint32_t of_bit[8];
	unsigned bit, v, i;
	uint8_t byte;

	for (bit = 0; bit < 8; bit++) {
		byte = (uint8_t)(1u << bit);
		of_bit[bit] = crc32c(0, &byte, 1);
		for (i = at + 1; i < a->template->len; i++)
			of_bit[bit] = crc32c(of_bit[bit], &(uint8_t){0}, 1);
	}
	for (v = 0; v < 256; v++) {
		table[v] = 0;
		for (bit = 0; bit < 8; bit++)
			if (v >> bit & 1)
				table[v] ^= of_bit[bit];
	}
}

/* r5 ^= what the byte at `at` adds to the CRC; uses r1, r2 */
static void put_crc_byte(struct assembler *a, unsigned at)
{
	uint32_t table[256], offset = reserve(a, TABLE_BYTES);

	if (offset + TABLE_BYTES > a->state_limit)
		return; /* and edit_code_build() refuses */
	fill_table(a, at, table);
	memcpy(a->state + offset, table, sizeof(table));
	put(a, LOAD(BPF_B), 1, 6, (int)at, 0);
	put(a, IMM(BPF_LSH), 1, 0, 0, 2);
	put(a, REG(BPF_ADD), 1, 8, 0, 0);
	put(a, IMM(BPF_ADD), 1, 0, 0, (int32_t)offset);
	put(a, LOAD(BPF_W), 1, 1, 0, 0);
	put(a, REG(BPF_XOR), 5, 1, 0, 0);
}

/* Frame and state take the time, now and then anew. */
static void put_time(struct assembler *a, int64_t to_real_ns)
{
	unsigned at = sig_byte(a, offsetof(struct hw_sig, time_ns)), i, jump;

	put(a, REG(BPF_MOV), 1, 7, 0, 0);
	put(a, IMM(BPF_AND), 1, 0, 0, TIME_EVERY - 1);
	jump = a->count;
	put(a, BPF_JMP | BPF_JNE | BPF_K, 1, 0, 0, 0);
	put(a, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns);
	put_imm64(a, 1, (uint64_t)to_real_ns);
	put(a, REG(BPF_ADD), 0, 1, 0, 0);
	put(a, BPF_ALU | BPF_END | BPF_TO_BE, 0, 0, 0, 64);
	put(a, STORE(BPF_DW), 8, 0, (int)a->cached, 0);
	put(a, STORE(BPF_DW), 6, 0, (int)at, 0);
	put(a, IMM(BPF_MOV), 5, 0, 0, 0);
	for (i = 0; i < 8; i++)
		put_crc_byte(a, at + i);
	put(a, STORE(BPF_DW), 8, 5, (int)a->cached + 8, 0);
	a->insns[jump] |= (uint64_t)(uint16_t)(a->count - jump - 1) << 16;
	put(a, LOAD(BPF_DW), 1, 8, (int)a->cached, 0);
	put(a, STORE(BPF_DW), 6, 1, (int)at, 0);
}

/* The flow's next number into the frame. */
static void put_sequence(struct assembler *a)
{
	uint32_t flows = (uint32_t)sig_flows(a->packet), at;

	if (a->packet->flow_edit < 0) {
		put(a, REG(BPF_MOV), 1, 7, 0, 0);
	} else {
		at = a->sequences_at = reserve(a, flows * 8);
		put(a, LOAD(BPF_DW), 1, 10, STACK(SUMS_MAX), 0);
		put(a, BPF_JMP | BPF_JLT | BPF_K, 1, 0, 1, (int32_t)flows);
		put(a, IMM(BPF_MOV), 1, 0, 0, 0);
		put(a, IMM(BPF_LSH), 1, 0, 0, 3);
		put_state_address(a, 3, at);
		put(a, REG(BPF_ADD), 3, 1, 0, 0);
		put(a, LOAD(BPF_DW), 1, 3, 0, 0);
		put(a, REG(BPF_MOV), 2, 1, 0, 0);
		put(a, IMM(BPF_ADD), 2, 0, 0, 1);
		put(a, STORE(BPF_DW), 3, 2, 0, 0);
	}
	put_store(a, sig_byte(a, offsetof(struct hw_sig, sequence)), 8, 0);
}

/* The CRC of the frame as it would be with 0 in all that varies. */
static uint32_t crc_base(const struct assembler *a)
{
	unsigned from = a->packet->sig_from, at = a->packet->sig_at, i;
	uint8_t frame[PACKET_MAX];

	memcpy(frame, a->template->bytes, a->template->len);
	for (i = 0; i < a->template->len; i++)
		if (a->varies[i])
			frame[i] = 0;
	frame[at + offsetof(struct hw_sig, flow)] = (uint8_t)(a->first % a->stride);
	memset(frame + at + offsetof(struct hw_sig, sequence), 0, 16);
	memset(frame + at + offsetof(struct hw_sig, balance), 0, 6);
	return ~crc32c(~0u, frame + from, a->template->len - from);
}

static void put_crc(struct assembler *a)
{
	unsigned sequence = sig_byte(a, offsetof(struct hw_sig, sequence)), i;

	put_imm64(a, 5, crc_base(a));
	put(a, LOAD(BPF_DW), 1, 8, (int)a->cached + 8, 0);
	put(a, REG(BPF_XOR), 5, 1, 0, 0);
	for (i = a->packet->sig_from; i < a->template->len; i++)
		if (a->varies[i])
			put_crc_byte(a, i);
	for (i = 8 - SEQUENCE_BYTES; i < 8; i++)
		put_crc_byte(a, sequence + i);
	put(a, REG(BPF_MOV), 1, 5, 0, 0);
	put_store(a, sig_byte(a, offsetof(struct hw_sig, crc)), 4, 0);
}

/* As write.c's sig_balance(). */
static void put_balance(struct assembler *a)
{
	int at = (int)a->packet->sig_at,
	    balance = at + (int)offsetof(struct hw_sig, balance), i;

	put(a, BPF_ST | BPF_MEM | BPF_H, 6, 0, balance, 0);
	put(a, IMM(BPF_MOV), 1, 0, 0, 0);
	for (i = 0; i < 8; i++) {
		put(a, LOAD(BPF_W), 2, 6, at + 4 * i, 0);
		put(a, REG(BPF_ADD), 1, 2, 0, 0);
	}
	put_fold(a);
	put(a, IMM(BPF_XOR), 1, 0, 0, 0xffff);
	put(a, STORE(BPF_H), 6, 1, balance, 0);
}

void put_sig(struct assembler *a, int64_t to_real_ns)
{
	put(a, BPF_ST | BPF_MEM | BPF_B, 6, 0,
	    (int)sig_byte(a, offsetof(struct hw_sig, flow)),
	    (int32_t)(a->first % a->stride));
	put_time(a, to_real_ns);
	put_sequence(a);
	put_crc(a);
	put_balance(a);
}
