/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several packets at a time: what the bursts' loops are made of, as plain C, and for processors
 * with AVX2.  meson.build compiles the bursts both ways (MLX5_AVX2) and rxq.c chooses when a queue
 * is made; tests/mlx5_receive.c holds one against the other.
 */
#ifndef LIB_MLX5_RX_WIDE_H
#define LIB_MLX5_RX_WIDE_H

#include "rx.h"

#ifdef MLX5_AVX2
#include <immintrin.h>

/* A descriptor is written in halves: address, length, flags and tag; then, without the time
 * between, mark and hash. */
static_assert(offsetof(struct rawq_pkt, len) == 8 &&
                      offsetof(struct rawq_pkt, flags) == 12 &&
                      offsetof(struct rawq_pkt, vlan) == 14 &&
                      offsetof(struct rawq_pkt, mark) == 24 &&
                      offsetof(struct rawq_pkt, hash) == 28,
              "rawq_pkt is as the stores below have it");

#define ZERO (-1) /* of a byte shuffle */

static always_inline __m128i load(const void *from)
{
	return _mm_loadu_si128(from);
}

/* Two descriptors' first halves: addresses {a0, a1}, and {len0, flags0, len1, flags1}. */
static always_inline void put_two(struct rawq_pkt *p, __m128i addrs, __m128i rest)
{
	_mm_storeu_si128((void *)&p[0], _mm_unpacklo_epi64(addrs, rest));
	_mm_storeu_si128((void *)&p[1], _mm_unpackhi_epi64(addrs, rest));
}

/* Their {mark0, hash0, mark1, hash1}. */
static always_inline void put_two_meta(struct rawq_pkt *p, __m128i meta)
{
	_mm_storel_epi64((void *)&p[0].mark, meta);
	_mm_storeh_pd((void *)&p[1].mark, _mm_castsi128_pd(meta));
}

static always_inline uint32_t sum4(__m128i v)
{
	v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
	v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1));
	return (uint32_t)_mm_cvtsi128_si32(v);
}

/* One session's flags and tag, in the places that put_two() wants them. */
static always_inline __m128i shared_flags(const struct mlx5_shared *s)
{
	return _mm_set1_epi64x(
		(int64_t)((uint64_t)s->flags << 32 | (uint64_t)s->vlan << 48));
}

/* Eight minis of a cyclic queue.  Returns their bytes. */
static always_inline uint32_t wide_minis(const struct mlx5_shared *s,
                                         const union mlx5_mini *mini,
                                         const uint64_t *held, struct rawq_pkt *p,
                                         const unsigned f)
{
	const __m128i lens = _mm_setr_epi8(7, 6, 5, 4, ZERO, ZERO, ZERO, ZERO, 15, 14, 13,
	                                   12, ZERO, ZERO, ZERO, ZERO);
	const __m128i hashes = _mm_setr_epi8(ZERO, ZERO, ZERO, ZERO, 3, 2, 1, 0, ZERO,
	                                     ZERO, ZERO, ZERO, 11, 10, 9, 8);
	const __m128i flags = shared_flags(s), mark = _mm_set1_epi64x(s->mark);
	__m128i bytes = _mm_setzero_si128();

	UNROLL(4)
	for (unsigned i = 0; i < HW_MINI_PER_SLOT; i += 2) {
		__m128i two = load(&mini[i]), len = _mm_shuffle_epi8(two, lens);

		put_two(&p[i], load(&held[i]), _mm_or_si128(len, flags));
		bytes = _mm_add_epi32(bytes, len);
		if (f & RX_META)
			put_two_meta(&p[i],
			             _mm_or_si128(_mm_shuffle_epi8(two, hashes), mark));
	}
	return sum4(bytes);
}

/* Eight minis of a striding queue, none of them a filler.  Returns their bytes. */
static always_inline uint32_t wide_stride_minis(const struct mlx5_rxq *q,
                                                const union mlx5_mini *mini,
                                                struct rawq_pkt *p, const unsigned f)
{
	const __m128i lens = _mm_setr_epi8(7, 6, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, 15,
	                                   14, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO);
	const __m128i strides = _mm_setr_epi8(3, 2, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO,
	                                      11, 10, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO);
	const __m128i log_stride = _mm_cvtsi32_si128((int)q->log_stride),
		      inside = _mm_set1_epi64x((int64_t)q->frame_mask),
		      frame = _mm_set1_epi64x((int64_t)held_at(q, q->rq_ci)[0]),
		      flags = shared_flags(&q->session.shared);
	__m128i bytes = _mm_setzero_si128();

	UNROLL(4)
	for (unsigned i = 0; i < HW_MINI_PER_SLOT; i += 2) {
		__m128i two = load(&mini[i]), len = _mm_shuffle_epi8(two, lens);
		__m128i at = _mm_sll_epi64(_mm_shuffle_epi8(two, strides), log_stride);

		at = _mm_add_epi64(_mm_and_si128(at, inside), frame);
		put_two(&p[i], at, _mm_or_si128(len, flags));
		bytes = _mm_add_epi32(bytes, len);
		if (f & RX_META)
			p[i].mark = p[i + 1].mark = q->session.shared.mark;
	}
	return sum4(bytes);
}

/* The same word of four entries, as it lies there. */
static always_inline __m128i column(const struct hw_cqe *cqe, size_t offset)
{
	const uint8_t *at = (const uint8_t *)cqe + offset;
	int32_t w[4];

	for (unsigned i = 0; i < 4; i++)
		memcpy(&w[i], at + i * sizeof(*cqe), sizeof(w[i]));
	return _mm_setr_epi32(w[0], w[1], w[2], w[3]);
}

static always_inline __m128i swap4(__m128i v)
{
	return _mm_shuffle_epi8(
		v, _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
}

/* A bit where a word is not 0. */
static always_inline __m128i bit_if(__m128i v, int bit)
{
	return _mm_andnot_si128(_mm_cmpeq_epi32(v, _mm_setzero_si128()),
	                        _mm_set1_epi32(bit));
}

/* Four words of hds_ip_ext, hdr_type and vlan_info: verdicts() of each. */
static always_inline __m128i verdicts4(__m128i types)
{
	__m128i ipv4 =
		_mm_or_si128(_mm_srli_epi32(types, 11), _mm_set1_epi32(RAWQ_RX_L4_OK));

	ipv4 = _mm_and_si128(ipv4, _mm_set1_epi32(RAWQ_RX_L3_OK | RAWQ_RX_L4_OK));
	return _mm_and_si128(_mm_srli_epi32(types, 1), ipv4);
}

/* Addresses of WQEs from first on, no ring's end between. */
static always_inline void wide_put(const struct mlx5_rxq *q, uint32_t first,
                                   const uint64_t *addrs, uint32_t n)
{
	const __m256i base = _mm256_set1_epi64x((int64_t)q->base),
		      inside = _mm256_set1_epi64x((int64_t)q->frame_mask),
		      swap = _mm256_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11,
	                                      10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14,
	                                      13, 12, 11, 10, 9, 8);
	struct hw_data_seg *wqe = q->ring + first;
	uint64_t *held = q->held + first;

	for (; n >= 4; n -= 4, addrs += 4, held += 4, wqe += 4) {
		__m256i four = _mm256_loadu_si256((const void *)addrs), at;
		__m128i two;

		four = _mm256_andnot_si256(inside, four);
		_mm256_storeu_si256((void *)held, four);
		at = _mm256_shuffle_epi8(_mm256_add_epi64(four, base), swap);
		two = _mm256_castsi256_si128(at);
		_mm_storel_epi64((void *)&wqe[0].addr, two);
		_mm_storeh_pd((void *)&wqe[1].addr, _mm_castsi128_pd(two));
		two = _mm256_extracti128_si256(at, 1);
		_mm_storel_epi64((void *)&wqe[2].addr, two);
		_mm_storeh_pd((void *)&wqe[3].addr, _mm_castsi128_pd(two));
	}
	for (; n; n--, addrs++, held++, wqe++)
		one_put(q, held, wqe, *addrs);
}

/* Four plain entries. */
static always_inline void wide_plain(struct mlx5_rxq *q, const struct hw_cqe *cqe,
                                     const uint64_t *held, struct rawq_pkt *p,
                                     struct tally *t, const unsigned f)
{
	const __m128i byte0 = _mm_set1_epi32(0xff);
	__m128i tag = column(cqe, offsetof(struct hw_cqe, sop_drop_qpn));
	__m128i len = swap4(column(cqe, offsetof(struct hw_cqe, byte_count)));
	__m128i flags = _mm_setzero_si128();

	t->no_frame += sum4(_mm_and_si128(tag, byte0));
	t->bytes += sum4(len);
	if (f & (RX_VERDICTS | RX_META)) {
		__m128i types = column(cqe, offsetof(struct hw_cqe, hds_ip_ext));

		if (f & RX_VERDICTS)
			flags = verdicts4(types);
		if (f & RX_META) {
			__m128i hash_type =
				column(cqe, offsetof(struct hw_cqe, rx_hash_type));
			__m128i hash =
				swap4(column(cqe, offsetof(struct hw_cqe, rx_hash)));
			__m128i mark = _mm_srli_epi32(_mm_slli_epi32(swap4(tag), 8), 8);
			__m128i offloads = _mm_set1_epi32((int)q->rdma.offloads);
			__m128i has = _mm_and_si128(_mm_srli_epi32(types, 3),
			                            _mm_set1_epi32(RAWQ_RX_VLAN));
			__m128i vlan =
				_mm_and_si128(swap4(types), _mm_set1_epi32(0xffff));

			has = _mm_or_si128(has, bit_if(mark, RAWQ_RX_MARK));
			has = _mm_or_si128(has, bit_if(_mm_and_si128(hash_type, byte0),
			                               RAWQ_RX_HASH));
			flags = _mm_or_si128(flags, _mm_and_si128(has, offloads));
			flags = _mm_or_si128(flags, _mm_slli_epi32(vlan, 16));
			put_two_meta(&p[0], _mm_unpacklo_epi32(mark, hash));
			put_two_meta(&p[2], _mm_unpackhi_epi32(mark, hash));
		}
	}
	if (f & RX_TIME) {
		for (unsigned i = 0; i < 4; i++)
			p[i].time_ns = time_of(q, &cqe[i]);
		flags = _mm_or_si128(flags, _mm_set1_epi32(RAWQ_RX_TIME));
	}
	put_two(&p[0], load(&held[0]), _mm_unpacklo_epi32(len, flags));
	put_two(&p[2], load(&held[2]), _mm_unpackhi_epi32(len, flags));
}

#else

static always_inline void wide_put(const struct mlx5_rxq *q, uint32_t first,
                                   const uint64_t *addrs, uint32_t n)
{
	UNROLL(4)
	for (uint32_t i = 0; i < n; i++)
		one_put(q, &q->held[first + i], &q->ring[first + i], addrs[i]);
}

static always_inline uint32_t wide_minis(const struct mlx5_shared *s,
                                         const union mlx5_mini *mini,
                                         const uint64_t *held, struct rawq_pkt *p,
                                         const unsigned f)
{
	uint32_t bytes = 0;

	UNROLL(8)
	for (unsigned i = 0; i < HW_MINI_PER_SLOT; i++)
		bytes += one_mini(s, &mini[i], held[i], &p[i], f);
	return bytes;
}

static always_inline uint32_t wide_stride_minis(const struct mlx5_rxq *q,
                                                const union mlx5_mini *mini,
                                                struct rawq_pkt *p, const unsigned f)
{
	uint32_t bytes = 0;

	UNROLL(8)
	for (unsigned i = 0; i < HW_MINI_PER_SLOT; i++)
		bytes += one_stride_mini(q, &mini[i], &p[i], f);
	return bytes;
}

static always_inline void wide_plain(struct mlx5_rxq *q, const struct hw_cqe *cqe,
                                     const uint64_t *held, struct rawq_pkt *p,
                                     struct tally *t, const unsigned f)
{
	UNROLL(4)
	for (unsigned i = 0; i < 4; i++)
		one_plain(q, &cqe[i], held[i], &p[i], t, f);
}

#endif

#endif
