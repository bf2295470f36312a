/* SPDX-License-Identifier: BSD-2-Clause */
/* The edits of a packet as eBPF: values, stores, sums, and the order of all parts. */
#include "edit_code.h"

#include "edit_asm.h"

#include <stdlib.h>
#include <string.h>

enum { STATE_MAX = 16 << 20 };

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
