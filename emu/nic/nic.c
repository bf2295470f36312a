/* SPDX-License-Identifier: BSD-2-Clause */
/* The card as a whole: making, locking, ports, clock. */
#include "emu/nic/card.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

int table_add(struct table *t, void *object, unsigned *slot)
{
	unsigned size = t->size ? 2 * t->size : 64;
	void **slots;

	for (unsigned i = 0; i < t->size; i++) {
		if (!t->slots[i]) {
			t->slots[i] = object;
			*slot = i;
			return 0;
		}
	}
	slots = realloc(t->slots, size * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots + t->size, 0, (size - t->size) * sizeof(*slots));
	t->slots = slots;
	*slot = t->size;
	t->slots[t->size] = object;
	t->size = size;
	return 0;
}

void *table_get(const struct table *t, uint32_t slot)
{
	return slot < t->size ? t->slots[slot] : NULL;
}

void table_remove(struct table *t, uint32_t slot)
{
	t->slots[slot] = NULL;
}

uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Both clocks are read as close together as two calls can be. */
static uint64_t real_above_monotonic_ns(void)
{
	struct timespec now;
	uint64_t before = monotonic_ns(), after;

	clock_gettime(CLOCK_REALTIME, &now);
	after = monotonic_ns();
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - before -
	       (after - before) / 2;
}

/* The engine's thread takes no signals, and may run where the program's threads do not: it
 * would inherit the affinity of whoever opens the device. */
static int thread_start(struct nic *nic)
{
	sigset_t all, old;
	pthread_attr_t attr;
	cpu_set_t cpus;
	int err;

	memset(&cpus, 0xff, sizeof(cpus));
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&nic->thread, &attr, engine_thread, nic);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err)
		return -err;
	pthread_setaffinity_np(nic->thread, sizeof(cpus), &cpus);
	pthread_setname_np(nic->thread, "rawq-emu-nic");
	return 0;
}

static int ports_create(struct nic *nic)
{
	nic->ports = calloc(nic->opts.ports, sizeof(*nic->ports));
	if (!nic->ports)
		return -ENOMEM;
	for (unsigned i = 0; i < nic->opts.ports; i++)
		nic->ports[i] = (struct port){.nic = nic, .index = i, .frame_max = 1514};
	return 0;
}

int nic_create(const struct nic_opts *opts, struct nic **out)
{
	struct nic *nic;
	int err = -ENOMEM;

#ifndef __x86_64__
	if (opts->mode == NIC_TRAP)
		return -ENOTSUP; /* trap.c steps by the x86 trap flag */
#endif
	nic = calloc(1, sizeof(*nic));
	if (!nic)
		return -ENOMEM;
	nic->opts = *opts;
	nic->start_ns = monotonic_ns();
	nic->real_ns = real_above_monotonic_ns();
	nic->mr_generation = 1;
	pthread_mutex_init(&nic->lock, NULL);
	nic->batch = batch_create();
	if (!nic->batch)
		goto free_nic;
	err = ports_create(nic);
	if (err)
		goto free_batch;
	err = thread_start(nic);
	if (err)
		goto free_ports;
	*out = nic;
	return 0;
free_ports:
	free(nic->ports);
free_batch:
	free(nic->batch);
free_nic:
	pthread_mutex_destroy(&nic->lock);
	free(nic);
	return err;
}

static void table_free(struct table *t)
{
	for (unsigned i = 0; i < t->size; i++)
		free(t->slots[i]);
	free(t->slots);
}

void nic_destroy(struct nic *nic)
{
	atomic_store(&nic->stop, true);
	pthread_join(nic->thread, NULL);
	for (unsigned i = 0; i < nic->sqs.size; i++) {
		struct nic_sq *sq = nic->sqs.slots[i];

		if (sq)
			free(sq->owned);
	}
	while (nic->rqs_all) {
		struct nic_rq *rq = nic->rqs_all;

		nic->rqs_all = rq->next;
		free(rq->owned);
	}
	while (nic->uars)
		nic_uar_destroy(nic->uars);
	table_free(&nic->tirs);
	table_free(&nic->rwqts);
	table_free(&nic->mrs);
	table_free(&nic->cqs);
	table_free(&nic->sqs);
	table_free(&nic->rqs);
	free(nic->ports);
	free(nic->batch);
	pthread_mutex_destroy(&nic->lock);
	free(nic);
}

void nic_lock(struct nic *nic)
{
	atomic_fetch_add(&nic->waiting, 1);
	pthread_mutex_lock(&nic->lock);
	atomic_fetch_sub(&nic->waiting, 1);
}

void nic_unlock(struct nic *nic)
{
	pthread_mutex_unlock(&nic->lock);
}

static void link_changed(void *client, bool up)
{
	struct port *port = client;

	if (port->nic->opts.events.link)
		port->nic->opts.events.link(port->nic->opts.events.user, port->index, up);
}

struct wire_client nic_wire_client(struct nic *nic, unsigned port)
{
	return (struct wire_client){
		.card = &nic->ports[port], .rx = port_receive, .link = link_changed};
}

void nic_port_plug(struct nic *nic, unsigned port, struct wire *wire,
                   struct steering *steering)
{
	nic->ports[port].wire = wire;
	nic->ports[port].steering = steering;
	nic->ports[port].stalled.valid = false;
}

void nic_port_set_frame_max(struct nic *nic, unsigned port, uint32_t frame_max)
{
	nic->ports[port].frame_max = frame_max;
}

void nic_port_counters(struct nic *nic, unsigned port, struct nic_port_counters *out)
{
	*out = nic->ports[port].counters;
}

uint64_t nic_clock(struct nic *nic)
{
	uint64_t now_ns = monotonic_ns() - nic->start_ns;

	return now_ns +
	       (uint64_t)atomic_load_explicit(&nic->clock_step, memory_order_relaxed);
}

uint64_t nic_real_ns(struct nic *nic)
{
	return monotonic_ns() + nic->real_ns;
}

uint64_t nic_clock_at(struct nic *nic, uint64_t real_ns)
{
	return real_ns - nic->real_ns - nic->start_ns +
	       (uint64_t)atomic_load_explicit(&nic->clock_step, memory_order_relaxed);
}

void nic_clock_page(struct nic *nic, be32 *high_low)
{
	nic->clock_page = high_low;
}
