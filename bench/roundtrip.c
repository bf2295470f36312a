/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * roundtrip CPU CPU: how many ns a cache line takes to the other CPU and back.
 *
 * A virtual machine's CPUs may lie on one core, on one socket or on two, and move while it
 * runs; what two of them reach together changes with it, and this tells.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TURNS  20000
#define ROUNDS 9 /* the smallest counts: others may run here as well */

static _Alignas(128) atomic_uint ball;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set)) {
		fprintf(stderr, "roundtrip: no CPU %d\n", cpu);
		exit(3);
	}
}

/* Odd is thrown by main, even by us. */
static void *throw_back(void *cpu)
{
	unsigned seen = 0;

	pin(*(int *)cpu);
	while (seen < 2 * TURNS * ROUNDS) {
		unsigned now = atomic_load_explicit(&ball, memory_order_acquire);

		if (now == seen)
			continue;
		seen = now + 1;
		atomic_store_explicit(&ball, seen, memory_order_release);
	}
	return NULL;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	double best = 1e18;
	unsigned turn = 0;
	pthread_t other;
	int cpu;

	if (argc != 3) {
		fputs("usage: roundtrip CPU CPU\n", stderr);
		return 2;
	}
	pin(atoi(argv[1]));
	cpu = atoi(argv[2]);
	if (pthread_create(&other, NULL, throw_back, &cpu))
		return 3;
	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns(), took;

		for (int i = 0; i < TURNS; i++) {
			atomic_store_explicit(&ball, ++turn, memory_order_release);
			turn++;
			while (atomic_load_explicit(&ball, memory_order_acquire) != turn)
				;
		}
		took = (now_ns() - start) / TURNS;
		best = took < best ? took : best;
	}
	pthread_join(other, NULL);
	printf("%.0f\n", best);
	return 0;
}
