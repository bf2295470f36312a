/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steering program: frames that a rule wants go to the queue of its owner that serves their
 * receive queue, everything else on to the kernel.  Runs once per frame in the driver, or after
 * the skb is made where the driver cannot.
 */
#include "steer_match.bpf.h"

/* Sockets and rings by member x queue.  A member's sockets leave with it. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, STEER_SLOTS);
	__type(key, __u32);
	__array(values, struct ring_map);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEER_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct steer_ring);
} ring_states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEER_COUNTERS_MAX);
	__type(key, __u32);
	__type(value, struct steer_count);
} counters SEC(".maps");

/* Room for the mark in front of the frame.  Should the driver have none, the frame goes unmarked. */
static __always_inline void put_mark(struct xdp_md *ctx, __u32 mark)
{
	struct steer_mark *m;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*m)))
		return;
	m = (void *)(long)ctx->data_meta;
	if ((void *)(m + 1) > (void *)(long)ctx->data)
		return;
	m->magic = STEER_MARK_MAGIC;
	m->mark = mark;
}

/* Copy the frame into a record with room for `room` bytes; false: the ring is full. */
static __always_inline bool put_record(struct xdp_md *ctx, void *ring, __u32 len,
                                       __u32 mark, const __u32 room, __u64 flags)
{
	struct steer_packet *p = bpf_ringbuf_reserve(ring, sizeof(*p) + room, 0);

	if (!p)
		return false;
	p->len = len;
	p->mark = mark;
	/* The verifier must see the bounds of the very register that is passed on. */
	asm volatile("" : "+r"(len));
	if (!len || len > room || bpf_xdp_load_bytes(ctx, 0, p + 1, len)) {
		bpf_ringbuf_discard(p, BPF_RB_NO_WAKEUP);
		return false;
	}
	bpf_ringbuf_submit(p, flags);
	return true;
}

static __always_inline int to_ring(struct xdp_md *ctx, void *ring, __u32 slot, __u32 mark)
{
	__u32 len = (__u32)bpf_xdp_get_buff_len(ctx);
	struct steer_ring *state = bpf_map_lookup_elem(&ring_states, &slot);
	__u64 flags = BPF_RB_NO_WAKEUP;
	bool done = false;

	if (!state)
		return XDP_PASS;
	if (state->armed) {
		state->armed = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	if (len <= 120)
		done = put_record(ctx, ring, len, mark, 120, flags);
	else if (len <= 504)
		done = put_record(ctx, ring, len, mark, 504, flags);
	else if (len <= 1528)
		done = put_record(ctx, ring, len, mark, 1528, flags);
	else if (len <= 4088)
		done = put_record(ctx, ring, len, mark, 4088, flags);
	else if (len <= 16376)
		done = put_record(ctx, ring, len, mark, 16376, flags);
	if (!done)
		__sync_fetch_and_add(&state->lost, 1);
	return XDP_DROP;
}

static __always_inline int deliver(struct xdp_md *ctx, const struct steer_config *c,
                                   const struct steer_rule *r)
{
	__u32 slot = r->owner * STEER_QUEUES_MAX + ctx->rx_queue_index;
	void *ring;

	if (r->action == STEER_DROP)
		return XDP_DROP;
	if (ctx->rx_queue_index >= STEER_QUEUES_MAX)
		return XDP_PASS;
	if (c->marks >> (r->owner & 63) & 1 && bpf_map_lookup_elem(&sockets, &slot))
		put_mark(ctx, r->mark);
	if (bpf_redirect_map(&sockets, slot, 0) == XDP_REDIRECT)
		return XDP_REDIRECT;
	ring = bpf_map_lookup_elem(&rings, &slot);
	/* No queue, or its owner died: the kernel has the frame. */
	return ring ? to_ring(ctx, ring, slot, r->mark) : XDP_PASS;
}

SEC("xdp.frags")
int steer(struct xdp_md *ctx)
{
	const __u8 *at = (const void *)(long)ctx->data,
		   *end = (const void *)(long)ctx->data_end;
	const struct steer_config *c = steer_config();
	struct steer_search s = {0};
	const struct steer_rule *r;
	struct steer_count *count;
	__u32 len, counter;
	int verdict;

	if (!c)
		return XDP_PASS;
	steer_find(c, at, end, &s);
	r = s.rule ? bpf_map_lookup_elem(&chains, &s.rule) : NULL;
	if (!r)
		return XDP_PASS;
	counter = r->counter;
	len = counter ? (__u32)bpf_xdp_get_buff_len(ctx) : 0;
	verdict = deliver(ctx, c, r);
	if (!counter || verdict == XDP_PASS)
		return verdict;
	count = bpf_map_lookup_elem(&counters, &counter);
	if (count) {
		count->packets++;
		count->bytes += len;
	}
	return verdict;
}

char _license[] SEC("license") = "Dual BSD/GPL";
