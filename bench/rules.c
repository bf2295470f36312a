/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules cost on AF_XDP: packets received a second, by turns, while a flood over 10,000 UDP ports
 * comes in and one rule takes it, or 10,000 exact rules, or a rule behind 63 other masks, or behind
 * 10,000 prefixes; and how long adding them took.
 *
 *   rules [ROUNDS]
 */
#include "rawq.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RULES      10000u
#define FIRST_PORT 1000u
#define ROUNDS_MAX 99
#define TURN_S     0.5

enum load { ONE, EXACT, MASKS, PREFIXES, LOADS };
static const char *const names[] = {"1 rule", "10,000 exact rules", "64 masks",
                                    "10,000 prefixes"};

static struct rawq_error err;
static struct rawq_port *port;
static struct rawq_rxq *rxq;
static struct rawq_rule *rules[RULES];
static unsigned rule_count;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "%s: %s\n", what, err.text);
		exit(1);
	}
}

/* UDP from 10.0.0.1 to 10.0.0.2. */
static struct rawq_rule_opts flow(void)
{
	struct rawq_rule_opts o = {.size = sizeof(o), .queues = &rxq, .queue_count = 1};

	o.value.ethertype = htons(0x0800);
	o.mask.ethertype = 0xffff;
	o.value.ip_proto = 17;
	o.mask.ip_proto = 0xff;
	memcpy(o.value.dst_ip, "\x0a\0\0\x02", 4);
	memset(o.mask.dst_ip, 0xff, 4);
	o.priority = 9;
	return o;
}

static void add(const struct rawq_rule_opts *o)
{
	must(rawq_rule_add(port, o, &rules[rule_count++], &err), "rule");
}

static void add_load(enum load load)
{
	struct rawq_rule_opts o = flow();

	for (unsigned i = 0; i < RULES && load == EXACT; i++) {
		o.value.dst_port = htons((uint16_t)(FIRST_PORT + i));
		o.mask.dst_port = 0xffff;
		add(&o);
	}
	for (unsigned i = 0; i < 63 && load == MASKS; i++) {
		o = flow();
		/* Another mask each; no source is 02:..., so all are asked in vain. */
		o.priority = 1;
		o.value.src_mac[0] = o.mask.src_mac[0] = 4;
		o.mask.src_mac[5] = (uint8_t)i;
		add(&o);
	}
	for (unsigned i = 0; i < RULES - 1 && load == PREFIXES; i++) {
		uint32_t len = 8 + i % 24, net = htonl(0x14000000 + (i << 8));
		uint32_t mask = htonl(~0u << (32 - len));

		o = flow();
		net = htonl(0x0b000000 + i * 8192) & mask;
		memcpy(o.value.dst_ip, &net, 4);
		memcpy(o.mask.dst_ip, &mask, 4);
		o.priority = 1;
		/* Short prefixes repeat. */
		if (!rawq_rule_add(port, &o, &rules[rule_count], &err))
			rule_count++;
	}
	if (load != EXACT) {
		o = flow();
		add(&o);
	}
}

/* Every packet goes to another of the ports. */
static struct rawq_flood *flood_make(struct rawq_port *from)
{
	static uint8_t frame[60] = {2,    0, 0,  0,  0, 2, 2, 0, 0,  0,  0, 1, 8,  0,
	                            0x45, 0, 0,  46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
	                            0,    1, 10, 0,  0, 2, 0, 9, 0,  9,  0, 26};
	const struct bpf_insn edit[] = {
		{BPF_ALU64 | BPF_MOV | BPF_X, 1, 7, 0, 0},
		{BPF_ALU64 | BPF_MOD | BPF_K, 1, 0, 0, RULES},
		{BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, FIRST_PORT},
		{BPF_ALU | BPF_END | BPF_TO_BE, 1, 0, 0, 16},
		{BPF_STX | BPF_MEM | BPF_H, 6, 1, 36, 0},
	};
	struct rawq_flood_opts o = {.size = sizeof(o), .frame = frame, .len = 60};
	uint64_t words[sizeof(edit) / 8];
	struct rawq_flood *flood;

	memcpy(words, edit, sizeof(edit));
	o.edit = words;
	o.edit_count = sizeof(edit) / 8;
	must(rawq_flood_create(from, &o, &flood, &err), "flood");
	return flood;
}

static volatile int stop;

/* Flood and receiver beside each other, not in turns. */
static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *flood_run(void *arg)
{
	uint64_t n = 0;

	pin(1);

	while (!stop)
		rawq_flood_run(arg, n += 100000);
	return NULL;
}

/* Packets a second that the queue hands over. */
static double measure(void)
{
	struct rawq_pkt pkts[64];
	uint64_t addrs[64], count = 0;
	double start = now(), took;

	do {
		for (unsigned k = 0; k < 256; k++) {
			unsigned n = rawq_rx_burst(rxq, pkts, 64);

			for (unsigned i = 0; i < n; i++)
				addrs[i] = pkts[i].addr;
			rawq_rx_post(rxq, addrs, n);
			count += n;
		}
		took = now() - start;
	} while (took < TURN_S);
	return (double)count / took;
}

static double turn(enum load load, struct rawq_port *from, double *adding)
{
	struct rawq_flood *flood;
	double start = now(), rate;
	pthread_t thread;

	add_load(load);
	*adding = now() - start;
	flood = flood_make(from);
	stop = 0;
	if (pthread_create(&thread, NULL, flood_run, flood))
		exit(1);
	rate = measure();
	stop = 1;
	pthread_join(thread, NULL);
	rawq_flood_destroy(flood);
	while (rule_count)
		rawq_rule_remove(rules[--rule_count]);
	return rate;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[n / 2];
}

int main(int argc, char **argv)
{
	static double rate[LOADS][ROUNDS_MAX], adding[LOADS][ROUNDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 9;
	struct rawq_port_opts xdp = {.size = sizeof(xdp), .backend = RAWQ_XDP};
	struct rawq_port *from;
	struct rawq_region *region;
	struct rawq_queue_opts depth = {.size = sizeof(depth), .depth = 2048};
	double one;

	if (rounds < 1 || rounds > ROUNDS_MAX || unshare(CLONE_NEWNET) ||
	    system("ip link add v0 type veth peer name v1 && ip link set v0 arp off up "
	           "&& "
	           "ip link set v1 arp off up"))
		return 1;
	pin(0);
	must(rawq_port_open("v0", &xdp, &port, &err), "v0");
	must(rawq_port_open("v1", &xdp, &from, &err), "v1");
	must(rawq_region_create(NULL, &region, &err), "region");
	must(rawq_rxq_create(port, region, &depth, &rxq, &err), "queue");
	for (uint64_t i = 0; i < 2048; i++)
		rawq_rx_post(rxq, &(uint64_t){i * 2048}, 1);
	for (int r = 0; r < rounds; r++) {
		for (int l = 0; l < LOADS; l++)
			rate[l][r] = turn((enum load)l, from, &adding[l][r]);
	}
	one = median(rate[ONE], rounds);
	for (int l = 0; l < LOADS; l++) {
		double m = median(rate[l], rounds);

		printf("%-20s %6.3f Mpps  %5.2f x one rule  added in %7.1f ms\n",
		       names[l], m / 1e6, m / one, 1e3 * median(adding[l], rounds));
	}
	return 0;
}
