#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rx, lat, echo and ping on every backend, sleeping and polling: nothing is lost, everything comes
# back.  xdp on veths, mlx5 and verbs on the emulated card.
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
spaces near far
wire near v0 - far v1 -
wire near v2 - near v3 -

# on BACKEND CABLE: the words before and after `rawq VERB`'s name and interface, in ${run[@]} and $if
on() {
	run=("$rawq")
	if=$3
	[ "$1" = xdp ] && return
	run=("$rawq" emu --wire "cable:$2" -- "$rawq")
	if=rqemu0
}

for backend in xdp mlx5 verbs; do
	for poll in sleep busy; do
		way="$backend, $poll"
		on $backend "echo-$backend-$poll" v1
		start far echo "${run[@]}" echo $if --backend $backend --poll $poll --for 60s --json
		started $tmp/echo
		on $backend "echo-$backend-$poll" v0
		at near timeout 60 "${run[@]}" ping $if --backend $backend --count 50 --interval 2ms --json \
			--expect 'loss==0, reorder==0, duplicate==0' >$tmp/ping 2>$tmp/ping.err
		is $? 0 "$way: 50 pings through an echo come back $(grep -v violation $tmp/ping.err)"
		is "$(grep -c '"answer"' $tmp/ping)" 50 "$way: each is told"
		pkill -INT -f "echo $if.*--poll $poll"
		pkill -INT -f "echo v1.*--poll $poll"
		wait $pid
		is "$(field $tmp/echo end tx_packets)" 50 "$way: the echo sent 50"

		on $backend "rx-$backend-$poll" v1
		start far rx "${run[@]}" rx $if --backend $backend --poll $poll --count 5000 --depth 8192 --for 60s --json \
			--expect 'loss==0, signed==5000'
		started $tmp/rx
		on $backend "rx-$backend-$poll" v0
		at near timeout 60 "${run[@]}" tx $if 'eth/ip(dst=10.0.0.2)/udp(dport=9)/sig(flow=inc(0..9))' \
			--backend $backend --count 5000 --rate 20kpps --engine queues --json >$tmp/tx 2>&1
		wait $pid
		is $? 0 "$way: rx has 5000 signed packets, none lost"

		run=("$rawq" lat v2 v3)
		[ $backend = xdp ] || run=("$rawq" emu --ports 2 --wire cable -- "$rawq" lat rqemu0 rqemu1)
		at near timeout 60 "${run[@]}" --backend $backend --poll $poll --count 1000 --rate 10kpps --json \
			--expect 'loss==0, reorder==0' >$tmp/lat 2>&1
		is $? 0 "$way: lat loses none of 1000"
	done
done
finish
