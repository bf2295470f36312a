#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# For tests with perftest, as Debian ships it, over a cable between two processes: what its client
# sends its server receives, no more and no less, by the counters of both ports.
. "$(dirname "${BASH_SOURCE[0]}")/emu.sh"
need raw_ethernet_bw raw_ethernet_lat raw_ethernet_burst_lat raw_ethernet_fs_rate
ports 2 9600
runs=0
# /dev/shm is everybody's: the world's network namespace tells our cables from another run's
cable=pt$(stat -Lc %i /proc/self/ns/net)
trap 'rm -f /dev/shm/rawq-*-$cable-*' EXIT

# server PROGRAM ARGS..., client PROGRAM ARGS...: on e1, on e0
server() {
	local p=$1
	shift
	rm -f $tmp/trace
	timeout -s INT "${limit-20}" "$rawq" emu --trace $tmp/trace --stats $tmp/server.json \
		--netdev e1 --wire "cable:$cable-$runs,up" -- "$p" --server -d mlx5_0 \
		-E $mac0 -B $mac1 "$@" >$tmp/server 2>&1 &
	server_pid=$!
}
client() {
	local p=$1
	shift
	timeout "${limit-20}" "$rawq" emu --stats $tmp/client.json --netdev e0 --wire "cable:$cable-$runs,up" -- \
		"$p" --client -d mlx5_0 -E $mac1 -B $mac0 "$@" >$tmp/client 2>&1
}
said() {
	sed 's/^/# /' "$tmp/client" "$tmp/server" | grep -vE '^# *($|\||\*|--)' | tail -n 8
	grep -hE '_packets|out_of|missed|not_ready|_lost' "$tmp/client.json" "$tmp/server.json" |
		sed 's/^/#/'
}

# A server is ready once its flow leads to a queue pair that receives; perftest makes the flow first.
flow_leads() {
	sed -n '/create_flow: ok/,$p' $tmp/trace 2>/dev/null | grep -q 'modify_qp: ok'
}
ready() {
	until_true 150 flow_leads || fail "the server opens its flow"
	sleep 0.1
}

# transfer NAME N ARGS...: N frames one way
transfer() {
	local name=$1 n=$2 ok=0
	shift 2
	runs=$((runs + 1))
	server raw_ethernet_bw -n "$n" "$@" ${server_args-}
	ready
	client raw_ethernet_bw -n "$n" "$@" ${client_args-} || ok=$?
	wait "$server_pid" || ok=$?
	if [ $ok != 0 ]; then
		fail "$name: both complete"
		said
		return
	fi
	is "$(stat_of $tmp/client.json tx_packets) $(stat_of $tmp/server.json rx_packets)" "$n $n" \
		"$name: $n sent, $n received"
	check "$name: nothing lost, no rule broken" \
		eval "lossless $tmp/client.json && lossless $tmp/server.json"
}
