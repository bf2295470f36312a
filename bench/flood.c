/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flood send NETDEV LEN    send frames as fast as the kernel can, until SIGTERM
 * flood sink NETDEV...     take and drop everything that arrives, until SIGTERM
 *
 * Sending is XDP's own: BPF_PROG_TEST_RUN with live frames that a program redirects out of the
 * netdev, so no socket and no skb limits it (7 to 9 Mpps of 64 bytes here, ten times a socket).
 * The netdev at the far end must have an XDP program, or veth drops them all.
 */
#include <flood.skel.h> /* made by bpftool */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Frames per system call: setting up the page pool takes 25 ms, so that it must be many; a
 * signal ends the call. */
#define FRAMES_PER_CALL (1 << 24)
/* Frames that the kernel builds and sends as one batch: its largest. */
#define BATCH 256

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* An IPv4 UDP packet from 10.0.0.1 to 10.0.0.2, port 9 to 9000, for the MAC that all our veths
 * accept: everyone. */
static void fill_frame(unsigned char *f, size_t len)
{
	static const unsigned char head[42] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0,    0,    0, 1, 0x08, 0x00,
		0x45, 0,    0,    0,    0,    0,    0, 0, 64,   17,   0, 0, 10,   0,
		0,    1,    10,   0,    0,    2,    0, 9, 0x23, 0x28, 0, 0, 0,    0};
	unsigned sum = 0;

	memset(f, 0, len);
	memcpy(f, head, sizeof(head));
	f[16] = (unsigned char)((len - 14) >> 8);
	f[17] = (unsigned char)(len - 14);
	f[38] = (unsigned char)((len - 34) >> 8);
	f[39] = (unsigned char)(len - 34);
	for (unsigned i = 14; i < 34; i += 2)
		sum += (unsigned)f[i] << 8 | f[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	f[24] = (unsigned char)(sum >> 8);
	f[25] = (unsigned char)sum;
}

static int run_send(struct flood_bpf *b, size_t len)
{
	unsigned char frame[9014];
	struct xdp_md in = {.data_end = (__u32)len};
	struct bpf_test_run_opts opts = {.sz = sizeof(opts),
	                                 .data_in = frame,
	                                 .data_size_in = (__u32)len,
	                                 .ctx_in = &in,
	                                 .ctx_size_in = sizeof(in),
	                                 .repeat = FRAMES_PER_CALL,
	                                 .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
	                                 .batch_size = BATCH};

	fill_frame(frame, len);
	while (!stopped) {
		int ret =
			bpf_prog_test_run_opts(bpf_program__fd(b->progs.send_on), &opts);

		if (ret && ret != -EINTR) {
			fprintf(stderr, "flood: live frames: %s\n", strerror(-ret));
			return 3;
		}
	}
	return 0;
}

static int run_sink(struct flood_bpf *b, char **netdevs)
{
	sigset_t none;

	for (; *netdevs; netdevs++) {
		int ret = bpf_xdp_attach((int)if_nametoindex(*netdevs),
		                         bpf_program__fd(b->progs.drop),
		                         XDP_FLAGS_DRV_MODE, NULL);

		if (ret) {
			fprintf(stderr, "flood: %s: %s\n", *netdevs, strerror(-ret));
			return 3;
		}
	}
	puts("ready");
	fflush(stdout);
	sigemptyset(&none);
	while (!stopped)
		pause();
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	int send = argc == 4 && !strcmp(argv[1], "send"), ret;
	size_t len = send ? strtoul(argv[3], NULL, 10) : 60;
	struct flood_bpf *b;

	if ((!send && (argc < 3 || strcmp(argv[1], "sink"))) || len < 60 || len > 3000) {
		fputs("usage: flood send NETDEV 60..3000 | flood sink NETDEV...\n",
		      stderr);
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	b = flood_bpf__open();
	if (b)
		b->rodata->out_ifindex = (int)if_nametoindex(argv[2]);
	if (!b || flood_bpf__load(b)) {
		fputs("flood: the kernel did not take the programs\n", stderr);
		return 3;
	}
	ret = send ? run_send(b, len) : run_sink(b, argv + 2);
	flood_bpf__destroy(b);
	return ret;
}
