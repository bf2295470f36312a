#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# For tests with DPDK's testpmd and its own mlx5 PMD, as Debian ships them, on the emulated card.
# shellcheck disable=SC2034
. "$(dirname "${BASH_SOURCE[0]}")/emu.sh"
need dpdk-testpmd

pci=0000:e1:00.0
pmd_pid=

# pmd_start NAME "EMU ARGS" "DEVICE ARGS" "TESTPMD ARGS": one testpmd, ready for commands.  Its output is
# $tmp/NAME, its ports' counters at the end $tmp/NAME.json.
pmd_start() {
	pmd=$1
	rm -f "$tmp/$1.in"
	mkfifo "$tmp/$1.in"
	# shellcheck disable=SC2086
	timeout 60 "$rawq" emu --stats "$tmp/$1.json" $2 -- stdbuf -oL dpdk-testpmd --no-huge -m 512 \
		--no-telemetry --no-shconf -l 0,1 $3 -- -i --total-num-mbufs=16384 $4 \
		<"$tmp/$1.in" >"$tmp/$1" 2>&1 &
	pmd_pid=$!
	exec 7>"$tmp/$1.in"
	until_true 200 grep -q 'testpmd>' "$tmp/$1" || {
		tail -n 20 "$tmp/$1" | sed "s/^/# /"
		bail "testpmd does not start"
	}
}

prompts() {
	grep -o 'testpmd>' "$tmp/$pmd" | wc -l
}
more_prompts() {
	[ "$(prompts)" -gt "$1" ]
}

# pmd COMMAND: and wait until testpmd is ready for the next
pmd() {
	local before
	before=$(prompts)
	echo "$*" >&7
	until_true 150 more_prompts "$before" || bail "testpmd hangs in '$*': $(tail -n 5 "$tmp/$pmd")"
}

# pmd_end: quit; the exit code is testpmd's
pmd_end() {
	echo quit >&7
	exec 7>&-
	wait "$pmd_pid"
}

# shown LABEL [PORT]: a number of the last "show port stats", for instance RX-packets
shown() {
	awk -v port="port ${2-0} " -v label="$1:" '
		/NIC statistics for/ { here = index($0, port) > 0 }
		here { for (i = 1; i < NF; i++) if ($i == label) got = $(i + 1) }
		END { print got + 0 }' "$tmp/$pmd"
}
