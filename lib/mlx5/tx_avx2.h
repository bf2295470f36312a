/* SPDX-License-Identifier: BSD-2-Clause */
/* Data segments with AVX2, four packets in two registers; the plain twin is data_run(). */
#ifndef LIB_MLX5_TX_AVX2_H
#define LIB_MLX5_TX_AVX2_H

#include "tx.h"

#include <immintrin.h>
#include <stddef.h>

/* The first half of a descriptor is one lane of 128 bits: address, length, flags and tag. */
static_assert(offsetof(struct rawq_pkt, addr) == 0 &&
                      offsetof(struct rawq_pkt, len) == 8 &&
                      offsetof(struct rawq_pkt, flags) == 12,
              "a lane");

static always_inline __m256i two_lanes(const struct rawq_pkt *low,
                                       const struct rawq_pkt *high)
{
	return _mm256_inserti128_si256(
		_mm256_castsi128_si256(
			_mm_loadu_si128((const __m128i *)(const void *)low)),
		_mm_loadu_si128((const __m128i *)(const void *)high), 1);
}

/* Lanes to data segments: length and address to big endian, the key between. */
static always_inline __m256i to_segments(__m256i lanes, __m256i base, __m256i key)
{
	const __m256i order = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(11, 10, 9, 8, -1, -1, -1, -1, 7, 6, 5, 4, 3, 2, 1, 0));

	return _mm256_or_si256(_mm256_shuffle_epi8(_mm256_add_epi64(lanes, base), order),
	                       key);
}

/*
 * Data segments for n packets, a multiple of four; neither ring ends in them.  False: one of the
 * packets is not plain, and what was written means nothing.
 */
static always_inline bool data_fours(const struct run *r, const struct rawq_pkt *p,
                                     unsigned n, struct hw_data_seg *data,
                                     uint64_t *addrs, uint64_t *bytes, const unsigned f)
{
	const __m256i base =
		_mm256_setr_epi64x((long long)r->base, 0, (long long)r->base, 0);
	const __m256i key = _mm256_set1_epi64x((long long)((uint64_t)r->lkey.raw << 32));
	const __m256i keys = _mm256_blend_epi32(_mm256_setzero_si256(), key, 0x22);
	const __m256i least = _mm256_set1_epi32((int)LEN_MIN);
	const struct rawq_pkt *end = p + n;
	__m256i sum = _mm256_setzero_si256(), over = sum, flags = sum;
	__m128i half;

	for (; p != end; p += 4, data += 4, addrs += 4) {
		__m256i a = two_lanes(&p[0], &p[2]), b = two_lanes(&p[1], &p[3]);

		over = _mm256_max_epu32(over, _mm256_sub_epi32(a, least));
		over = _mm256_max_epu32(over, _mm256_sub_epi32(b, least));
		if (WISHES(f))
			flags = _mm256_or_si256(flags, _mm256_or_si256(a, b));
		sum = _mm256_add_epi64(sum, _mm256_add_epi64(a, b));
		_mm256_storeu_si256((__m256i *)(void *)addrs,
		                    _mm256_unpacklo_epi64(a, b));
		a = to_segments(a, base, keys);
		b = to_segments(b, base, keys);
		_mm_storeu_si128((__m128i *)(void *)&data[0], _mm256_castsi256_si128(a));
		_mm_storeu_si128((__m128i *)(void *)&data[1], _mm256_castsi256_si128(b));
		_mm_storeu_si128((__m128i *)(void *)&data[2],
		                 _mm256_extracti128_si256(a, 1));
		_mm_storeu_si128((__m128i *)(void *)&data[3],
		                 _mm256_extracti128_si256(b, 1));
	}
	half = _mm_max_epu32(_mm256_castsi256_si128(over),
	                     _mm256_extracti128_si256(over, 1));
	if (unlikely((uint32_t)_mm_extract_epi32(half, 2) > r->span))
		return false;
	half = _mm_or_si128(_mm256_castsi256_si128(flags),
	                    _mm256_extracti128_si256(flags, 1));
	if (WISHES(f) && (uint32_t)_mm_extract_epi32(half, 3) & WISHES(f))
		return false;
	/* A run's lengths stay far below 32 bits; above them flags were added up. */
	half = _mm_add_epi64(_mm256_castsi256_si128(sum),
	                     _mm256_extracti128_si256(sum, 1));
	*bytes += (uint32_t)_mm_extract_epi32(half, 2);
	return true;
}

#endif
