#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq's backends and perftest's programs over a cable, both ways: what one side sends the other
# receives, all of it.
. "$(dirname "$0")/../lib/perftest.sh"
n=200000

rawq_sends() {
	runs=$((runs + 1))
	server raw_ethernet_bw -n $n -s "$2" -m 9600 -r 4096
	ready
	check "rawq tx on $1 sends $n frames of $2 bytes" timeout 30 "$rawq" emu --stats $tmp/client.json \
		--netdev e0 --wire "cable:$cable-$runs,up" -- "$rawq" tx e0 --backend "$1" --count $n --size "$2" \
		"eth(src=$mac0,dst=$mac1)/ip/udp(dport=9)"
	check "raw_ethernet_bw receives them all" wait "$server_pid"
	is "$(stat_of $tmp/client.json tx_packets) $(stat_of $tmp/server.json rx_packets)" "$n $n" \
		"by the ports' counters"
	check "nothing lost, no rule broken" eval "lossless $tmp/client.json && lossless $tmp/server.json"
}

rawq_receives() {
	runs=$((runs + 1))
	rm -f $tmp/trace
	timeout 30 "$rawq" emu --trace $tmp/trace --stats $tmp/server.json --netdev e1 --wire "cable:$cable-$runs,up" -- \
		"$rawq" rx e1 --backend "$1" --count $n --depth 4096 --unsigned --take-everything --rule "dst-mac $mac1" \
		>$tmp/server 2>&1 &
	server_pid=$!
	until_true 100 grep -q 'create_flow: ok' $tmp/trace || fail "rawq rx makes its rule"
	sleep 0.2
	check "raw_ethernet_bw sends $n frames of $2 bytes" client raw_ethernet_bw -n $n -s "$2" -m 9600
	check "rawq rx on $1 receives them all" wait "$server_pid"
	is "$(stat_of $tmp/client.json tx_packets) $(stat_of $tmp/server.json rx_packets)" "$n $n" \
		"by the ports' counters"
	check "nothing lost, no rule broken" eval "lossless $tmp/client.json && lossless $tmp/server.json"
}

for backend in mlx5 verbs; do
	rawq_sends $backend 64
	rawq_sends $backend 1500
	rawq_receives $backend 64
	rawq_receives $backend 1500
done
finish
