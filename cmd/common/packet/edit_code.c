/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edits of a packet as eBPF.  r6 is the frame, r7 the number of packets before this one, r8
 * the state; r9 holds the packet's number among all workers.  The sums lie on the stack.
 *
 * A CRC32C byte by byte would cost more than all the rest.  It is linear: the CRC of the frame is
 * that of the frame with 0 in every byte that varies, and for each of these bytes a word that
 * depends on its place and its value, looked up in a table of its own.
 */
#include "edit_code.h"

#include "compiled.h"
#include "crc32c.h"

#include "hw/sig.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_MAX = 4000, STATE_MAX = 16 << 20, TABLE_BYTES = 256 * 4 };
/* Packets between two looks at the clock; the kernel sends them in batches of 256 anyway. */
enum { TIME_EVERY = 16 };
/* A flow's sequence number beyond 48 bits would take years. */
enum { SEQUENCE_BYTES = 6 };

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

static void put(struct assembler *a, unsigned code, unsigned dst, unsigned src, int off,
                int32_t imm)
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

static void put_imm64(struct assembler *a, unsigned dst, uint64_t v)
{
	if (v <= INT32_MAX) {
		put(a, IMM(BPF_MOV), dst, 0, 0, (int32_t)v);
		return;
	}
	put(a, BPF_LD | BPF_DW | BPF_IMM, dst, 0, 0, (int32_t)(uint32_t)v);
	put(a, 0, 0, 0, 0, (int32_t)(v >> 32));
}

static void put_and(struct assembler *a, unsigned dst, uint64_t mask, unsigned scratch)
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

static uint32_t reserve(struct assembler *a, uint32_t bytes)
{
	uint32_t at = a->state_size;

	a->state_size += (bytes + 7) & ~7u;
	return at;
}

/* dst = r8 + offset; the offset of a load alone has 16 bits */
static void put_state_address(struct assembler *a, unsigned dst, uint32_t offset)
{
	put(a, REG(BPF_MOV), dst, 8, 0, 0);
	put(a, IMM(BPF_ADD), dst, 0, 0, (int32_t)offset);
}

/* ---- values ---- */

/* r1 = SplitMix64 of the packet's number, as write.c's random_of(); uses r2, r3 */
static void put_random(struct assembler *a, uint64_t seed)
{
	static const struct {
		int shift;
		uint64_t factor;
	} rounds[] = {{30, 0xbf58476d1ce4e5b9}, {27, 0x94d049bb133111eb}};
	unsigned i;

	put(a, REG(BPF_MOV), 1, 9, 0, 0);
	put_imm64(a, 2, 0x9e3779b97f4a7c15);
	put(a, REG(BPF_MUL), 1, 2, 0, 0);
	put_imm64(a, 2, seed);
	put(a, REG(BPF_ADD), 1, 2, 0, 0);
	for (i = 0; i < 2; i++) {
		put(a, REG(BPF_MOV), 3, 1, 0, 0);
		put(a, IMM(BPF_RSH), 3, 0, 0, rounds[i].shift);
		put(a, REG(BPF_XOR), 1, 3, 0, 0);
		put_imm64(a, 2, rounds[i].factor);
		put(a, REG(BPF_MUL), 1, 2, 0, 0);
	}
	put(a, REG(BPF_MOV), 3, 1, 0, 0);
	put(a, IMM(BPF_RSH), 3, 0, 0, 31);
	put(a, REG(BPF_XOR), 1, 3, 0, 0);
}

static void put_random_below(struct assembler *a, uint64_t seed, uint64_t count)
{
	put_random(a, seed);
	if (!count)
		return;
	put_imm64(a, 2, count);
	if (count >> 32) {
		put(a, REG(BPF_MOD), 1, 2, 0, 0);
		return;
	}
	put(a, IMM(BPF_RSH), 1, 0, 0, 32);
	put(a, REG(BPF_MUL), 1, 2, 0, 0);
	put(a, IMM(BPF_RSH), 1, 0, 0, 32);
}

/* r1 = the index of the edit's next value, counted on in the state; uses r2, r3 */
static void put_counter(struct assembler *a, const struct edit *e)
{
	size_t at = 8 * (size_t)(e - a->packet->edits);
	uint64_t begin = e->count ? a->first % e->count : a->first;

	memcpy(a->state + at, &begin, sizeof(begin));
	put(a, LOAD(BPF_DW), 1, 8, (int)at, 0);
	put(a, REG(BPF_MOV), 2, 1, 0, 0);
	put_imm64(a, 3, e->count ? a->stride % e->count : a->stride);
	put(a, REG(BPF_ADD), 2, 3, 0, 0);
	if (e->count) {
		put_imm64(a, 3, e->count);
		put(a, BPF_JMP | BPF_JLT | BPF_X, 2, 3, 1, 0);
		put(a, REG(BPF_SUB), 2, 3, 0, 0);
	}
	put(a, STORE(BPF_DW), 8, 2, (int)at, 0);
}

/* r1 = list[r1]; the comparison is for the verifier's eyes */
static void put_list(struct assembler *a, const struct edit *e)
{
	uint32_t at = reserve(a, (uint32_t)e->count * 8);

	memcpy(a->state + at, e->list, e->count * 8);
	put(a, BPF_JMP | BPF_JLT | BPF_K, 1, 0, 1, (int32_t)e->count);
	put(a, IMM(BPF_MOV), 1, 0, 0, 0);
	put(a, IMM(BPF_LSH), 1, 0, 0, 3);
	put_state_address(a, 2, at);
	put(a, REG(BPF_ADD), 1, 2, 0, 0);
	put(a, LOAD(BPF_DW), 1, 1, 0, 0);
}

/* r1 = value of the edit; a flow's index stays in STACK(SUMS_MAX) */
static void put_value(struct assembler *a, const struct edit *e, bool is_flow)
{
	if (e->kind == PATTERN_RAND)
		put_random_below(a, e->seed, e->count);
	else
		put_counter(a, e);
	if (is_flow)
		put(a, STORE(BPF_DW), 10, 1, STACK(SUMS_MAX), 0);
	if (e->list) {
		put_list(a, e);
	} else {
		if (e->step != 1) {
			put_imm64(a, 2, e->step);
			put(a, REG(BPF_MUL), 1, 2, 0, 0);
		}
		if (e->first) {
			put_imm64(a, 2, e->first);
			put(a, REG(BPF_ADD), 1, 2, 0, 0);
		}
	}
	put_and(a, 1, e->mask, 2);
}

/* ---- stores ---- */

/* frame[at] = the low bytes of r1, big-endian; uses r2, r3 */
static void put_store(struct assembler *a, unsigned at, unsigned bytes, uint64_t keep)
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

/* Add r1 to the sums it is part of; uses r2, r3 */
static void put_into(struct assembler *a, const struct into *into, unsigned n,
                     bool is_wide)
{
	unsigned i;

	if (n && is_wide) {
		put(a, REG(BPF_MOV), 2, 1, 0, 0);
		put(a, IMM(BPF_RSH), 2, 0, 0, 32);
		put(a, IMM(BPF_LSH), 1, 0, 0, 32);
		put(a, IMM(BPF_RSH), 1, 0, 0, 32);
		put(a, REG(BPF_ADD), 1, 2, 0, 0);
	}
	for (i = 0; i < n; i++) {
		put(a, LOAD(BPF_DW), 2, 10, STACK(into[i].sum), 0);
		put(a, REG(BPF_MOV), 3, 1, 0, 0);
		if (into[i].shift)
			put(a, IMM(BPF_LSH), 3, 0, 0, into[i].shift);
		put(a, REG(BPF_ADD), 2, 3, 0, 0);
		put(a, STORE(BPF_DW), 10, 2, STACK(into[i].sum), 0);
	}
}

static void put_edit(struct assembler *a, unsigned i)
{
	const struct edit *e = &a->packet->edits[i];

	put_value(a, e, (int)i == a->packet->flow_edit);
	if (e->shift)
		put(a, IMM(BPF_LSH), 1, 0, 0, e->shift);
	put_store(a, e->at, e->bytes, e->keep);
	if (e->into_count && e->shift)
		put(a, IMM(BPF_RSH), 1, 0, 0, e->shift);
	put_into(a, e->into, e->into_count, e->mask >> 32);
	memset(a->varies + e->at, 1, e->bytes);
}

/* ---- sums ---- */

/* r1 = r1 folded to 16 bits; uses r2 */
static void put_fold(struct assembler *a)
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

/* As sum_finish(). */
static void put_sum(struct assembler *a, unsigned k)
{
	const struct sum *s = &a->packet->sums[k];

	put(a, LOAD(BPF_DW), 1, 10, STACK(k), 0);
	/* 48 bits and no more went in: one fold of 32 and three of 16 reach 16 bits */
	put_fold(a);
	put(a, IMM(BPF_XOR), 1, 0, 0, 0xffff);
	put(a, IMM(BPF_AND), 1, 0, 0, 0xffff);
	if (s->zero_is_none) {
		put(a, BPF_JMP | BPF_JNE | BPF_K, 1, 0, 1, 0);
		put(a, IMM(BPF_MOV), 1, 0, 0, 0xffff);
	}
	if (s->is_bad) {
		put(a, IMM(BPF_XOR), 1, 0, 0, 1);
		put(a, BPF_JMP | BPF_JNE | BPF_K, 1, 0, 1, 0);
		put(a, IMM(BPF_MOV), 1, 0, 0, 3);
	}
	put_store(a, s->at, 2, 0);
	put_into(a, s->into, s->into_count, false);
	memset(a->varies + s->at, 1, 2);
}

static void put_sum_bases(struct assembler *a)
{
	const struct packet *p = a->packet;
	unsigned k;

	for (k = 0; k < p->sum_count; k++)
		if (p->sums[k].is_active) {
			put_imm64(a, 1, a->template->base[k]);
			put(a, STORE(BPF_DW), 10, 1, STACK(k), 0);
		}
}

/* ---- the signature ---- */

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

static void put_sig(struct assembler *a, int64_t to_real_ns)
{
	put(a, BPF_ST | BPF_MEM | BPF_B, 6, 0,
	    (int)sig_byte(a, offsetof(struct hw_sig, flow)),
	    (int32_t)(a->first % a->stride));
	put_time(a, to_real_ns);
	put_sequence(a);
	put_crc(a);
	put_balance(a);
}

/* ---- when paced packets go ---- */

/* Count r1 in the histogram at this offset of the state, as histogram_bucket() does; uses r1 to
 * r4. */
static void put_count(struct assembler *a, uint32_t counts_at)
{
	static const unsigned steps[] = {32, 16, 8, 4, 2, 1};
	unsigned i;

	/* what is beyond the last bucket is in it */
	put_imm64(a, 2, (UINT64_C(1) << HISTOGRAM_TOP) - 1);
	put(a, BPF_JMP | BPF_JLE | BPF_X, 1, 2, 1, 0);
	put(a, REG(BPF_MOV), 1, 2, 0, 0);
	/* r3 = how far the value has to be shifted to have no more than 8 bits */
	put(a, REG(BPF_MOV), 2, 1, 0, 0);
	put(a, IMM(BPF_MOV), 3, 0, 0, 0);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		put_imm64(a, 4, UINT64_C(1) << (HISTOGRAM_BITS + steps[i]));
		put(a, BPF_JMP | BPF_JLT | BPF_X, 2, 4, 2, 0);
		put(a, IMM(BPF_RSH), 2, 0, 0, (int32_t)steps[i]);
		put(a, IMM(BPF_ADD), 3, 0, 0, (int32_t)steps[i]);
	}
	put(a, IMM(BPF_LSH), 3, 0, 0, HISTOGRAM_BITS);
	put(a, REG(BPF_ADD), 2, 3, 0, 0);
	put(a, BPF_JMP | BPF_JLT | BPF_K, 2, 0, 1, HISTOGRAM_BUCKETS);
	put(a, IMM(BPF_MOV), 2, 0, 0, 0);
	put(a, IMM(BPF_LSH), 2, 0, 0, 3);
	put_state_address(a, 3, counts_at);
	put(a, REG(BPF_ADD), 3, 2, 0, 0);
	put(a, LOAD(BPF_DW), 1, 3, 0, 0);
	put(a, IMM(BPF_ADD), 1, 0, 0, 1);
	put(a, STORE(BPF_DW), 3, 1, 0, 0);
}

#define PACED(member) ((int)offsetof(struct edit_paced, member))

/* The gap behind the packet before, and how late this one is; uses r0 to r5. */
static void put_paced(struct assembler *a)
{
	uint32_t at = a->paced_at = reserve(a, sizeof(struct edit_paced));
	unsigned from;

	put(a, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns);
	put_state_address(a, 5, at);
	put(a, LOAD(BPF_DW), 2, 5, PACED(last_ns), 0);
	put(a, STORE(BPF_DW), 5, 0, PACED(last_ns), 0);
	put(a, REG(BPF_MOV), 1, 0, 0, 0);
	put(a, REG(BPF_SUB), 1, 2, 0, 0);
	put(a, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 0, 0);
	from = a->count;
	put_count(a, at + (uint32_t)PACED(gaps));
	if (a->count < CODE_MAX) /* the jump over it: no packet was before */
		a->insns[from - 1] |= (uint64_t)(uint16_t)(a->count - from) << 16;
	/* r1 = now - when it was due, counted from base; a base too late is put right */
	put(a, REG(BPF_MOV), 2, 7, 0, 0);
	put_imm64(a, 3, a->gap);
	put(a, REG(BPF_MUL), 2, 3, 0, 0);
	put(a, IMM(BPF_RSH), 2, 0, 0, 16);
	put(a, REG(BPF_MOV), 1, 0, 0, 0);
	put(a, REG(BPF_SUB), 1, 2, 0, 0);
	put(a, LOAD(BPF_DW), 3, 5, PACED(base_ns), 0);
	put(a, BPF_JMP | BPF_JEQ | BPF_K, 3, 0, 1, 0);
	put(a, BPF_JMP | BPF_JGE | BPF_X, 1, 3, 2, 0);
	put(a, STORE(BPF_DW), 5, 1, PACED(base_ns), 0);
	put(a, REG(BPF_MOV), 3, 1, 0, 0);
	put(a, REG(BPF_SUB), 1, 3, 0, 0);
	put_count(a, at + (uint32_t)PACED(late));
}

/* ---- all of it ---- */

/* A frame may come back changed (a hop fewer, another MAC), so its headers are written anew. */
static void put_headers(struct assembler *a)
{
	const struct placed *last = &a->packet->placed[a->packet->placed_count - 1];
	unsigned end = last->layer->content ? last->at : last->at + last->header_len, i;
	uint32_t word;

	for (i = 0; i + 4 <= end; i += 4) {
		memcpy(&word, a->template->bytes + i, 4);
		put(a, BPF_ST | BPF_MEM | BPF_W, 6, 0, (int)i, (int32_t)word);
	}
	for (; i < end; i++)
		put(a, BPF_ST | BPF_MEM | BPF_B, 6, 0, (int)i, a->template->bytes[i]);
}

static void put_all(struct assembler *a, int64_t to_real_ns)
{
	const struct packet *p = a->packet;
	unsigned i;

	put_headers(a);
	put(a, REG(BPF_MOV), 9, 7, 0, 0);
	put_imm64(a, 1, a->stride);
	put(a, REG(BPF_MUL), 9, 1, 0, 0);
	put_imm64(a, 1, a->first);
	put(a, REG(BPF_ADD), 9, 1, 0, 0);
	if (a->gap)
		put_paced(a);
	put_sum_bases(a);
	for (i = 0; i < p->edit_count; i++)
		put_edit(a, i);
	for (i = 0; i < p->sum_count; i++)
		if (p->sums[i].is_active)
			put_sum(a, i);
	if (p->sig_at)
		put_sig(a, to_real_ns);
}

static const char *refuse(const struct packet *p)
{
	unsigned i;

	if (p->next)
		return "there are several packets in turn";
	if (p->sizes.order_count > 1)
		return "the length varies";
	for (i = 0; i < p->sum_count; i++)
		if (p->sums[i].kind == SUM_CRC32C && p->sums[i].is_active)
			return "a CRC over varied fields is not made in the kernel";
	return NULL;
}

/* At most. */
static uint64_t state_needed(const struct packet *p)
{
	uint64_t size = 8 * EDITS_MAX + 16 + sizeof(struct edit_paced);
	unsigned i;

	for (i = 0; i < p->edit_count; i++)
		size += p->edits[i].list ? p->edits[i].count * 8 : 8;
	if (p->sig_at)
		size += sig_flows(p) * 8 + (uint64_t)TABLE_BYTES * 256;
	return size;
}

const char *edit_code_build(const struct packet *p, uint64_t first, uint64_t stride,
                            uint64_t gap_ps, uint64_t now_ns, uint64_t now_monotonic_ns,
                            struct edit_code *out)
{
	const char *why = refuse(p);
	struct assembler *a;
	uint64_t size = state_needed(p);

	*out = (struct edit_code){0};
	if (!why && size > STATE_MAX)
		why = "there are too many flows for the kernel's tables";
	if (why)
		return why;
	a = calloc(1, sizeof(*a));
	out->insns = calloc(CODE_MAX, sizeof(*out->insns));
	out->state = calloc(1, size);
	if (!a || !out->insns || !out->state) {
		edit_code_free(out);
		free(a);
		return "there is no memory";
	}
	*a = (struct assembler){.packet = p,
	                        .template = &p->templates[0],
	                        .first = first,
	                        .stride = stride,
	                        .gap = (gap_ps << 16) / 1000,
	                        .insns = out->insns,
	                        .state = out->state,
	                        .state_limit = (uint32_t)size};
	/* first what loads reach by their 16-bit offset */
	reserve(a, 8 * p->edit_count);
	a->cached = reserve(a, 16);
	put_all(a, (int64_t)(now_ns - now_monotonic_ns));
	out->frame = a->template->bytes;
	out->len = a->template->len;
	out->count = a->count;
	out->state_size = a->state_size;
	out->sequences_at = a->sequences_at;
	out->paced_at = a->paced_at;
	if (a->count == CODE_MAX || a->state_size > size) {
		edit_code_free(out);
		why = "so many varied bytes are too much for the kernel";
	}
	free(a);
	return why;
}

void edit_code_free(struct edit_code *code)
{
	free(code->insns);
	free(code->state);
	code->insns = NULL;
	code->state = NULL;
}
