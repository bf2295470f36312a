/* SPDX-License-Identifier: BSD-2-Clause */
/* The two ends of a bench that are neither ours nor the peer's: one program that sends every
 * frame on, one that drops it; the netdev's own counters say how many. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile int out_ifindex;

SEC("xdp")
int send_on(struct xdp_md *ctx)
{
	(void)ctx;
	return (int)bpf_redirect(out_ifindex, 0);
}

SEC("xdp.frags")
int drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
