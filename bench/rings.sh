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
	local scenario=$1 toggles=() f count
	shift
	for f; do toggles+=("--toggle-collect=$f"); done
	valgrind --tool=callgrind --callgrind-out-file="$out" "${toggles[@]}" \
		"$build/bench/rings" "$scenario" $rounds 2>/dev/null
	count=$(awk '/^(summary|totals):/ { print $2; exit }' "$out")
	awk -v c="$commit" -v s="$scenario" -v n="$count" -v p=$((rounds * 64)) \
		'BEGIN { printf "%s %s %.1f instructions per packet\n", c, s, n / p }'
}

all() {
	measure send plain mlx5_tx_reap
	measure empw empw mlx5_tx_reap
	measure empw-avx2 empw mlx5_tx_reap
	measure receive plain mlx5_rx_post
	measure receive-all plain_verdicts_meta mlx5_rx_post
	measure compressed compressed mlx5_rx_post
	measure compressed-all compressed_verdicts_meta mlx5_rx_post
}

if [ "${1-}" = --record ]; then
	all | tee -a bench/rings.history
else
	all
fi
