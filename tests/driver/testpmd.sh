#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq on mlx5 and DPDK's own mlx5 driver over a cable, both ways: what one sends the other receives.
. "$(dirname "$0")/../lib/emu.sh"
need dpdk-testpmd
ports 2
n=100000

# testpmd PORT STATS FORWARD-MODE: for ten seconds
testpmd() {
	timeout 60 "$rawq" emu --stats "$2" --netdev "$1" --wire "cable:tp$$,up" -- \
		timeout -s INT 12 dpdk-testpmd --no-huge -m 256 --file-prefix="tp$$" -- --forward-mode="$3" \
		--total-num-mbufs=8192 --rxd=2048 --burst=64 --auto-start --stats-period 1 </dev/null >$tmp/testpmd 2>&1
}

testpmd e1 $tmp/server.json rxonly &
server_pid=$!
until_true 100 grep -q 'Press enter\|Port statistics\|NIC statistics' $tmp/testpmd || fail "testpmd starts"
check "rawq tx sends $n frames" timeout 30 "$rawq" emu --stats $tmp/client.json --netdev e0 --wire "cable:tp$$,up" -- \
	"$rawq" tx e0 --backend mlx5 --count $n "eth(src=$mac0,dst=$mac1)/ip/udp(dport=9)"
wait $server_pid
is "$(stat_of $tmp/client.json tx_packets) $(stat_of $tmp/server.json rx_packets)" "$n $n" "testpmd's driver received them all"
check "nothing lost, no rule broken" eval "lossless $tmp/client.json && lossless $tmp/server.json"

timeout 60 "$rawq" emu --stats $tmp/server.json --netdev e1 --wire "cable:tp$$,up" -- \
	"$rawq" rx e1 --backend mlx5 --for 20s --depth 4096 --unsigned --take-everything --rule all --json >$tmp/rx 2>&1 &
server_pid=$!
sleep 2
testpmd e0 $tmp/client.json txonly
wait $server_pid
sent=$(stat_of $tmp/client.json tx_packets)
at_least "$sent" 1000 "testpmd sends"
is "$(stat_of $tmp/server.json rx_packets)" "$sent" "rawq rx received them all"
is "$(grep -h 'rawq emu: violation' $tmp/testpmd $tmp/rx | head -n 3)" "" "testpmd stopped amid sending: no rule broken"
check "and nothing lost" eval "lossless $tmp/client.json && lossless $tmp/server.json"
finish
