/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mlx5 ring functions on plain memory, for counting instructions: bench/rings.sh runs this
 * under callgrind and divides by the packets.  Completions are written between the calls.
 *
 *   rings send|empw[-avx2]|receive[-all]|compressed[-all]|striding[-compressed] ROUNDS [avx2]
 */
#include "lib/mlx5/mlx5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 512u
#define BURST 64u

static _Alignas(4096) uint8_t ring[DEPTH * 64];
static _Alignas(64) struct hw_cqe cqes[DEPTH];
static be32 records[2], cq_records[2];
static _Alignas(64) uint8_t uar[4096];
static uint64_t kept[DEPTH], held[DEPTH], addrs[BURST];
static struct mlx5_group groups[64];
static struct rawq_pkt pkts[BURST];
static struct mlx5_txq tx;
static struct mlx5_rxq rx;
static bool avx2;

static void send_rounds(uint32_t features, unsigned rounds)
{
	struct rawq_txq *t = &tx.txq.calls;

	tx = (struct mlx5_txq){
		.sq = &tx.lane[0],
		.base = 0x1122334455660000,
		.lkey = 77,
		.len_max = 1518,
		.depth = DEPTH,
		.signal_every = BURST,
		.addrs = kept,
		.groups = groups,
		.group_mask = 63,
		.lanes = 1,
		.lane[0] = {.ring = ring,
	                    .wqebbs = DEPTH,
	                    .dbrec = records,
	                    .bf = uar,
	                    .cq = {.ring = cqes, .dbrec = cq_records, .log_size = 6}},
	};
	t->burst = mlx5_tx_burst_for(features);
	t->reap = mlx5_tx_reap;
	for (unsigned i = 0; i < 64; i++)
		cqes[i].op_own = 0xf1;
	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < BURST; i++)
			pkts[i] = (struct rawq_pkt){.addr = i * 2048, .len = 60};
		if (t->burst(t, pkts, BURST) != BURST)
			abort();
		cqes[r % 64].wqe_counter = to_be16(groups[r % 64].wqe_index);
		cqes[r % 64].op_own = (uint8_t)(r / 64 & 1);
		if (t->reap(t, addrs, BURST) != BURST)
			abort();
	}
}

static void complete_plain(unsigned r, bool striding)
{
	for (unsigned i = 0; i < BURST; i++) {
		unsigned n = r * BURST + i;
		struct hw_cqe *c = &cqes[n % DEPTH];

		c->byte_count = to_be32(striding ? 1 << 16 | 60 : 60);
		c->wqe_counter = to_be16((uint16_t)(striding ? i : n));
		c->wqe_id = to_be16((uint16_t)r);
		c->op_own = (uint8_t)(HW_CQE_OP_RECEIVED << 4 | (n / DEPTH & 1));
	}
}

/* A striding queue: a WQE of 64 strides per round, its minis tell which. */
static void complete_session(unsigned r, bool striding)
{
	unsigned n = r * BURST;
	struct hw_cqe *title = &cqes[n % DEPTH];

	for (unsigned i = 0; i < BURST; i++) {
		unsigned at = i < 8 ? 1 : i / 8 * 8;
		struct hw_mini_hash *minis =
			(struct hw_mini_hash *)&cqes[(n + at) % DEPTH];

		minis[i % 8].byte_count = to_be32(60);
		if (striding) {
			((struct hw_mini_csum *)minis)[i % 8].stride_index =
				to_be16((uint16_t)i);
			minis[i % 8].byte_count = to_be32(1 << 16 | 60);
		}
	}
	title->wqe_id = to_be16((uint16_t)r);
	title->byte_count = to_be32(BURST);
	title->op_own =
		(uint8_t)(HW_CQE_OP_RECEIVED << 4 | HW_CQE_COMPRESSED | (n / DEPTH & 1));
}

static void receive_rounds(uint32_t features, unsigned rounds)
{
	struct rawq_rxq *r = &rx.rdma.rxq.calls;
	const bool striding = features & RX_STRIDES;
	const unsigned frames = striding ? 1 : BURST; /* per round */

	rx = (struct mlx5_rxq){
		.rdma = {.offloads = ~0u},
		.cq = {.ring = cqes, .dbrec = cq_records, .log_size = 9},
		.ring = (void *)ring,
		.held = held,
		.dbrec = records,
		.frame_mask = 2047,
		.wqes = striding ? DEPTH / BURST : DEPTH,
		.strides = BURST,
		.log_stride = 5,
		.features = features,
	};
	r->burst = mlx5_rx_burst_for(features);
	r->post = striding ? mlx5_rx_post_strides : mlx5_rx_post;
#if defined(__x86_64__)
	if (avx2) {
		r->burst = mlx5_rx_burst_for_avx2(features);
		r->post = striding ? mlx5_rx_post_strides : mlx5_rx_post_avx2;
	}
#endif
	mlx5_rx_ring_init(&rx);
	for (unsigned i = 0; i < DEPTH; i++) {
		uint64_t addr = i * 2048;

		cqes[i].op_own = 0xf1;
		r->post(r, &addr, 1);
	}
	for (unsigned i = 0; i < rounds; i++) {
		if (features & RX_COMPRESSED)
			complete_session(i, striding);
		else
			complete_plain(i, striding);
		if (r->burst(r, pkts, BURST) != BURST)
			abort();
		for (unsigned k = 0; k < frames; k++)
			addrs[k] = pkts[k].addr;
		if (r->post(r, addrs, frames) != frames)
			abort();
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = argc >= 3 ? (unsigned)strtoul(argv[2], NULL, 0) : 0;

	avx2 = argc > 3;

	if (!rounds)
		return 2;
	if (!strcmp(argv[1], "send"))
		send_rounds(0, rounds);
	else if (!strcmp(argv[1], "empw"))
		send_rounds(TX_EMPW, rounds);
	else if (!strcmp(argv[1], "empw-avx2"))
		send_rounds(TX_EMPW | TX_AVX2, rounds);
	else if (!strcmp(argv[1], "receive"))
		receive_rounds(0, rounds);
	else if (!strcmp(argv[1], "compressed"))
		receive_rounds(RX_COMPRESSED, rounds);
	else if (!strcmp(argv[1], "striding"))
		receive_rounds(RX_STRIDES, rounds);
	else if (!strcmp(argv[1], "striding-compressed"))
		receive_rounds(RX_STRIDES | RX_COMPRESSED, rounds);
	else if (!strcmp(argv[1], "receive-all"))
		receive_rounds(RX_VERDICTS | RX_META, rounds);
	else if (!strcmp(argv[1], "compressed-all"))
		receive_rounds(RX_COMPRESSED | RX_VERDICTS | RX_META, rounds);
	else
		return 2;
	return 0;
}
