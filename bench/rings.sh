#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Instructions per packet in the mlx5 backend: post and burst, or burst and reap, bursts of 64 frames.
# Prints one line per scenario; with --record also adds it to bench/rings.history.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${RAWQ_BUILD-build}
commit=$(git rev-parse --short HEAD 2>/dev/null || echo none)
rounds=2000
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# measure SCENARIO FUNCTION...
measure() {
	local scenario=$1 toggles=() f count how=${avx2:+-avx2}
	shift
	for f; do toggles+=("--toggle-collect=$f"); done
	valgrind --tool=callgrind --callgrind-out-file="$out" "${toggles[@]}" \
		"$build/bench/rings" "$scenario" $rounds $avx2 2>/dev/null
	count=$(awk '/^(summary|totals):/ { print $2; exit }' "$out")
	awk -v c="$commit" -v s="$scenario$how" -v n="$count" -v p=$((rounds * 64)) \
		'BEGIN { printf "%s %s %.1f instructions per packet\n", c, s, n / p }'
}

avx2=
receive() {
	local post=mlx5_rx_post${avx2:+_avx2}
	measure receive plain "$post"
	measure receive-all plain_verdicts_meta "$post"
	measure compressed compressed "$post"
	measure compressed-all compressed_verdicts_meta "$post"
	measure striding strides mlx5_rx_post_strides
	measure striding-compressed strides_compressed mlx5_rx_post_strides
}

all() {
	measure send plain mlx5_tx_reap
	measure empw empw mlx5_tx_reap
	measure empw-avx2 empw mlx5_tx_reap
	receive
	grep -qw avx2 /proc/cpuinfo && avx2=avx2 receive
	return 0
}

if [ "${1-}" = --record ]; then
	all | tee -a bench/rings.history
else
	all
fi
