/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Send bursts.  One body, tx_burst(), with constant features: each variant keeps the branches of
 * what its queue asked for, and no others.  A packet is one of three forms:
 *
 *   plain   one descriptor without wishes (or the same checksums as its neighbours), eMPW card:
 *           shares a multi-packet WQE        ctrl eth data data data ...
 *   single  the same on a card without eMPW  ctrl eth data          one WQEBB, 64 bytes
 *   full    anything else                    ctrl eth [headers] data ...
 *
 * On x86 this file is compiled a second time with AVX2 (MLX5_AVX2), which mlx5_tx_burst_for()
 * chooses on a CPU that has it.
 */
#include "tx_empw.h"
#include "tx_full.h"
#include "tx_single.h"

#include <assert.h>

static always_inline unsigned tx_burst(struct rawq_txq *txq, const struct rawq_pkt *pkts,
                                       unsigned n, const unsigned f)
{
	struct mlx5_txq *q = (struct mlx5_txq *)txq;
	struct mlx5_sq *sq = q->sq;
	uint32_t free = q->depth - (q->addr_pi - q->addr_ci);
	struct cursor c = {.pi = sq->pi,
	                   .addr_pi = q->addr_pi,
	                   .room = sq->wqebbs - (sq->pi - sq->ci)};
	unsigned done = 0, k;

	n = n < free ? n : free;
	while (done < n) {
		if (f & TX_INLINE)
			k = copying_session(q, pkts + done, n - done, &c, f);
		else if (f & TX_EMPW)
			k = sessions(q, pkts + done, n - done, &c, f);
		else
			k = singles(q, pkts + done, n - done, &c, f);
		if (!k && f & (TX_CSUM | TX_SEGMENTS | TX_HEADERS))
			k = full(q, pkts + done, n - done, &c, f);
		if (!k)
			break;
		done += k;
	}
	if (unlikely(!done))
		return 0;
	q->addr_pi = c.addr_pi;
	q->packets += c.packets;
	q->bytes += c.bytes;
	sq->pi = c.pi;
	/* The lane may change with the signal, so ring by our own pointer. */
	if (c.addr_pi - q->group_start >= q->signal_every ||
	    c.pi - sq->signalled_pi >= sq->wqebbs / 4)
		sq_signal(q, c.last);
	sq_doorbell(sq, c.last, n == 1);
	return done;
}

/* Every mixture of wishes, on each kind of card. */
#define VARIANT(name, features)                                                          \
	static unsigned name(struct rawq_txq *q, const struct rawq_pkt *pkts,            \
	                     unsigned n)                                                 \
	{                                                                                \
		return tx_burst(q, pkts, n, features);                                   \
	}
#define VARIANTS(card, features)                                                         \
	VARIANT(card, features)                                                          \
	VARIANT(card##_csum, (features) | TX_CSUM)                                       \
	VARIANT(card##_segments, (features) | TX_SEGMENTS)                               \
	VARIANT(card##_csum_segments, (features) | TX_CSUM | TX_SEGMENTS)                \
	VARIANT(card##_headers, (features) | TX_HEADERS)                                 \
	VARIANT(card##_csum_headers, (features) | TX_CSUM | TX_HEADERS)                  \
	VARIANT(card##_segments_headers, (features) | TX_SEGMENTS | TX_HEADERS)          \
	VARIANT(card##_all, (features) | TX_CSUM | TX_SEGMENTS | TX_HEADERS)

VARIANTS(plain, 0)
VARIANTS(min_inline, TX_MIN_INLINE)
VARIANTS(empw, TX_EMPW)
VARIANTS(empw_inline, TX_EMPW | TX_INLINE)

static_assert(TX_CSUM == 1 << 0 && TX_SEGMENTS == 1 << 1 && TX_HEADERS == 1 << 2,
              "wishes index a row");

#define ROW(card)                                                                        \
	{                                                                                \
		card, card##_csum, card##_segments, card##_csum_segments,                \
			card##_headers, card##_csum_headers, card##_segments_headers,    \
			card##_all                                                       \
	}

#ifdef MLX5_AVX2
#define BURST_FOR mlx5_tx_burst_for_avx2
#else
#define BURST_FOR mlx5_tx_burst_for
#endif

unsigned (*BURST_FOR(uint32_t features))(struct rawq_txq *, const struct rawq_pkt *,
                                         unsigned)
{
	static unsigned (*const table[4][8])(struct rawq_txq *, const struct rawq_pkt *,
	                                     unsigned) = {ROW(plain), ROW(min_inline),
	                                                  ROW(empw), ROW(empw_inline)};
	unsigned card = features & TX_MIN_INLINE      ? 1
	                : (features & TX_EMPW) == 0   ? 0
	                : (features & TX_INLINE) == 0 ? 2
	                                              : 3;

#if defined(MLX5_HAS_AVX2) && !defined(MLX5_AVX2)
	if (features & TX_AVX2)
		return mlx5_tx_burst_for_avx2(features);
#endif
	return table[card][features & (TX_CSUM | TX_SEGMENTS | TX_HEADERS)];
}
