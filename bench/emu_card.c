/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the emulated card can do by itself: a sender writes 64-byte SEND WQEs (or multi-packet
 * ones) in bursts of 64 as fast as they complete, the engine's thread takes them.
 *
 *   emu_card [send|empw] [drop|loop] [seconds]
 *   emu_card alone [send|empw] [drop|loop] [bursts]
 *
 * `alone` has one thread be the sender and the card in turn: what the card itself costs, for callgrind,
 * and on machines whose CPUs are far apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "emu/nic/card.h"

#define LOG_WQEBBS  12
#define BURST       64
#define RX_LOG      12
#define EMPW_FRAMES 8 /* per WQE: two blocks' worth and a half */

struct bench {
	struct nic *nic;
	struct nic_cq *cq, *rx_cq;
	struct nic_sq *sq;
	struct nic_rq *rq;
	uint8_t *ring, *frames, *page, *rx_ring;
	struct hw_cqe *cqes, *rx_cqes;
	be32 cq_record[2], rx_cq_record[2], record[2], rx_record[2];
	uint32_t lkey, number, ci, rx_ci;
	uint16_t pi, done, rx_pi;
};

static void *memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(3);
	}
	return p;
}

static void say(void *user, const char *sentence)
{
	(void)user;
	fprintf(stderr, "%s\n", sentence);
}

static struct hw_cqe *make_cq(struct bench *b, be32 *record, struct nic_cq **cq)
{
	struct hw_cqe *cqes = memory((size_t)64 << RX_LOG);

	for (unsigned i = 0; i < 1u << RX_LOG; i++)
		cqes[i].op_own = HW_CQE_OP_INVALID << 4;
	if (nic_cq_create(b->nic,
	                  &(struct nic_cq_opts){.buf = cqes,
	                                        .log_size = RX_LOG,
	                                        .cqe_size = 64,
	                                        .dbrec = record},
	                  cq))
		exit(3);
	return cqes;
}

static void make_queues(struct bench *b)
{
	struct nic_mr *mr;
	int err;

	b->ring = memory((size_t)64 << LOG_WQEBBS);
	b->frames = memory(1u << 20);
	b->cqes = make_cq(b, b->cq_record, &b->cq);
	b->rx_cqes = make_cq(b, b->rx_cq_record, &b->rx_cq);
	b->rx_ring = memory((size_t)16 << RX_LOG);
	err = nic_mr_create(b->nic,
	                    &(struct nic_mr_opts){.addr = b->frames,
	                                          .iova = (uintptr_t)b->frames,
	                                          .length = 1u << 20,
	                                          .local_write = true},
	                    &mr);
	b->lkey = nic_mr_lkey(mr);
	err |= nic_sq_create(b->nic,
	                     &(struct nic_sq_opts){.buf = b->ring,
	                                           .log_wqebbs = LOG_WQEBBS,
	                                           .dbrec = b->record,
	                                           .cq = b->cq},
	                     &b->sq);
	err |= nic_sq_modify(b->sq, NIC_QUEUE_READY);
	err |= nic_rq_create(b->nic,
	                     &(struct nic_rq_opts){.buf = b->rx_ring,
	                                           .log_wqes = RX_LOG,
	                                           .log_wqe_size = 4,
	                                           .dbrec = b->rx_record,
	                                           .cq = b->rx_cq},
	                     &b->rq);
	err |= nic_rq_modify(b->rq, NIC_QUEUE_READY);
	b->number = nic_sq_number(b->sq);
	if (err)
		exit(3);
}

static void post_send(struct bench *b, unsigned i)
{
	uint8_t *wqe = b->ring + (size_t)(b->pi & ((1u << LOG_WQEBBS) - 1)) * 64;
	struct hw_ctrl_seg *ctrl = (void *)wqe;
	struct hw_data_seg *seg = (void *)(wqe + 32);

	ctrl->opmod_index_opcode = to_be32((uint32_t)b->pi << 8 | HW_WQE_OP_SEND);
	ctrl->qpn_ds = to_be32(b->number << 8 | 3);
	ctrl->fm_ce_se = i == BURST - 1 ? HW_CE_ALWAYS : 0;
	seg->byte_count = to_be32(64);
	seg->lkey = to_be32(b->lkey);
	seg->addr = to_be64((uintptr_t)b->frames + (b->pi & 1023) * 64u);
	b->pi++;
}

/* 2 + 8 segments, in three blocks. */
static void post_empw(struct bench *b, bool signalled)
{
	uint32_t mask = (64u << LOG_WQEBBS) - 1, at = b->pi * 64u;
	struct hw_ctrl_seg *ctrl = (void *)(b->ring + (at & mask));

	memset(ctrl, 0, sizeof(*ctrl));
	ctrl->opmod_index_opcode = to_be32((uint32_t)b->pi << 8 | HW_WQE_OP_EMPW);
	ctrl->qpn_ds = to_be32(b->number << 8 | (2 + EMPW_FRAMES));
	ctrl->fm_ce_se = signalled ? HW_CE_ALWAYS : 0;
	for (unsigned i = 0; i < EMPW_FRAMES; i++) {
		struct hw_data_seg *seg = (void *)(b->ring + ((at + 32 + 16 * i) & mask));

		seg->byte_count = to_be32(64);
		seg->lkey = to_be32(b->lkey);
		seg->addr = to_be64((uintptr_t)b->frames + i * 64u);
	}
	memset(b->ring + ((at + 16) & mask), 0, 16);
	b->pi = (uint16_t)(b->pi + 3);
}

static void ring_doorbell(struct bench *b, uint16_t last)
{
	uint64_t first;

	memcpy(&first, b->ring + (size_t)(last & ((1u << LOG_WQEBBS) - 1)) * 64, 8);
	__atomic_store_n(&b->record[1].raw, to_be32(b->pi).raw, __ATOMIC_RELEASE);
	__atomic_store_n((uint64_t *)(void *)(b->page + 0x800), first, __ATOMIC_RELEASE);
}

static struct hw_cqe *poll(struct hw_cqe *cqes, uint32_t *ci, be32 *record)
{
	struct hw_cqe *cqe = &cqes[*ci & ((1u << RX_LOG) - 1)];
	uint8_t op_own = __atomic_load_n(&cqe->op_own, __ATOMIC_ACQUIRE);

	if (op_own >> 4 == HW_CQE_OP_INVALID || (op_own & 1) != (*ci >> RX_LOG & 1))
		return NULL;
	if (op_own >> 4 > 2) {
		fprintf(stderr, "error CQE\n");
		exit(1);
	}
	++*ci;
	if (*ci % 64 == 0)
		__atomic_store_n(&record->raw, to_be32(*ci & 0xffffff).raw,
		                 __ATOMIC_RELEASE);
	return cqe;
}

static uint64_t receive(struct bench *b)
{
	uint64_t n = 0;

	while (poll(b->rx_cqes, &b->rx_ci, b->rx_cq_record)) {
		n++;
		b->rx_pi++;
	}
	__atomic_store_n(&b->rx_record[0].raw, to_be32(b->rx_pi).raw, __ATOMIC_RELEASE);
	return n;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void post_burst(struct bench *b, bool empw)
{
	for (unsigned i = 0; i < BURST; i += empw ? EMPW_FRAMES : 1) {
		if (empw)
			post_empw(b, i + EMPW_FRAMES == BURST);
		else
			post_send(b, i);
	}
	ring_doorbell(b, (uint16_t)(b->pi - (empw ? 3 : 1)));
}

/* The card's turn, timed; the sender's is not. */
static void run_alone(struct bench *b, bool empw, unsigned bursts)
{
	double spent = 0;

	nic_lock(b->nic); /* its thread stays out */
	for (unsigned i = 0; i < bursts; i++) {
		double start;

		post_burst(b, empw);
		start = now();
		while (engine_sweep(b->nic))
			;
		spent += now() - start;
		while (poll(b->cqes, &b->ci, b->cq_record))
			;
		receive(b);
	}
	nic_unlock(b->nic);
	printf("%.1f ns a frame, %.1f Mpps\n", spent * 1e9 / bursts / BURST,
	       bursts / spent * BURST / 1e6);
}

static void run(struct bench *b, bool empw, double seconds)
{
	uint64_t sent = 0, received = 0;
	double start = now(), spent;

	do {
		for (unsigned k = 0; k < 64; k++) {
			struct hw_cqe *cqe;

			while ((cqe = poll(b->cqes, &b->ci, b->cq_record)))
				b->done = (uint16_t)(from_be16(cqe->wqe_counter) +
				                     (empw ? 3 : 1));
			received += receive(b);
			if ((uint16_t)(b->pi - b->done) > (1u << LOG_WQEBBS) - 2 * BURST)
				continue;
			post_burst(b, empw);
			sent += BURST;
		}
		spent = now() - start;
	} while (spent < seconds);
	printf("sent %.1f Mpps, received %.1f Mpps\n", (double)sent / spent / 1e6,
	       (double)received / spent / 1e6);
}

int main(int argc, char **argv)
{
	bool alone = argc > 1 && !strcmp(argv[1], "alone") && argc-- && argv++;
	bool empw = argc > 1 && !strcmp(argv[1], "empw");
	const char *spec = argc > 2 ? argv[2] : "drop";
	static struct bench b;
	struct steering *steering = steering_create();
	struct steering_rule *rule;
	struct nic_tir *tir;
	struct nic_uar *uar;
	struct wire *wire;
	struct wire_client client;
	char err[256];

	if (nic_create(&(struct nic_opts){.ports = 1, .events = {.violation = say}},
	               &b.nic))
		return 3;
	client = nic_wire_client(b.nic, 0);
	if (wire_open(spec, &client, &wire, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return 3;
	}
	nic_lock(b.nic);
	nic_port_plug(b.nic, 0, wire, steering);
	if (nic_uar_create(b.nic, &uar))
		return 3;
	b.page = nic_uar_map(uar, NULL, MAP_SHARED);
	make_queues(&b);
	for (unsigned i = 0; i < 1u << RX_LOG; i++)
		((struct hw_data_seg *)(void *)b.rx_ring)[i] = (struct hw_data_seg){
			to_be32(256), to_be32(b.lkey),
			to_be64((uintptr_t)b.frames + (i & 1023) * 256)};
	b.rx_pi = (1u << RX_LOG) - 64; /* fewer than CQEs: their record lags by 64 */
	nic_tir_create(b.nic, &(struct nic_tir_opts){.rq = b.rq}, &tir);
	steering_add(steering,
	             &(struct steering_rule_opts){.kind = STEERING_NORMAL, .dest = tir},
	             &rule);
	nic_unlock(b.nic);
	receive(&b);
	if (alone)
		run_alone(&b, empw, argc > 3 ? (unsigned)atoi(argv[3]) : 100000);
	else
		run(&b, empw, argc > 3 ? atof(argv[3]) : 2);
	nic_lock(b.nic);
	nic_port_plug(b.nic, 0, NULL, NULL);
	nic_unlock(b.nic);
	wire_close(wire);
	nic_destroy(b.nic);
	return 0;
}
