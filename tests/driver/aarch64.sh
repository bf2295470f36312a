#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The backends compile for aarch64, whose barriers are others, and have them.
set -u
cc=aarch64-linux-gnu-gcc
cd "${RAWQ_SOURCE-$(dirname "$0")/../..}" || exit 3
if ! command -v $cc >/dev/null; then
	echo "1..0 # SKIP $cc is not installed"
	exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
n=0 broken=0

# point NAME COMMAND...
point() {
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$out/log" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		head -n 10 "$out/log" | sed 's/^/# /'
		broken=1
	fi
}

# shellcheck disable=SC2317 # called by point
# barriers FILE INSTRUCTION...: its code has each of them
barriers() {
	local f=$1 i
	shift
	aarch64-linux-gnu-objdump -d "$f" >"$out/code"
	for i; do grep -qE "$i" "$out/code" || { echo "no $i"; return 1; }; done
}

for f in lib/mlx5/*.c lib/verbs/*.c; do
	# rdma-core's headers are the same for every machine
	point "$f compiles" $cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -I. -Iinclude -idirafter /usr/include \
		-c "$f" -o "$out/$(basename "$f").o"
done
point "a completion is read behind dmb oshld" barriers "$out/rx_burst.c.o" 'ldarb' 'dmb\s+oshld'
point "a doorbell record is written behind dmb oshst" barriers "$out/rx_post.c.o" 'dmb\s+oshst' 'stlr'
point "a register is rung behind dsb st" barriers "$out/tx_burst.c.o" 'dmb\s+oshst' 'dsb\s+st'
echo "1..$n"
exit $broken
