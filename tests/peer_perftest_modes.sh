#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# perftest's programs and modes: headers, RSS, duplex, inline, latency, bursts, flow rules.
. "$(dirname "$0")/lib/perftest.sh"

n=20000
transfer "inline" $n -s 64 -I 128
transfer "completions one by one" $n -s 256 -Q 1
transfer "duplex" $n -s 256 -b

# -J and -K are the server's address and port, on either side.
to="-J 10.0.0.2 -j 10.0.0.1 -K 5000 -k 6000"
to6="--raw_ipv6 -J fd00::2 -j fd00::1 -K 5000 -k 6000"
transfer "IPv4" $n -s 256 -J 10.0.0.2 -j 10.0.0.1
transfer "UDP" $n -s 256 $to
transfer "TCP" $n -s 256 $to --tcp
transfer "UDP over IPv6" $n -s 256 $to6
transfer "TCP over IPv6" $n -s 256 $to6 --tcp
transfer "VLAN" $n -s 256 --vlan_en
transfer "VLAN priority" $n -s 256 --vlan_en --vlan_pcp 3
server_args="--promiscuous" transfer "promiscuous" $n -s 256

# Both ends answer each other: as many frames either way.
runs=100 limit=40
server raw_ethernet_lat -n 5000 -s 64
ready
check "raw_ethernet_lat: its client completes" client raw_ethernet_lat -n 5000 -s 64
check "raw_ethernet_lat: its server completes" wait "$server_pid"
is "$(stat_of $tmp/client.json tx_packets) $(stat_of $tmp/client.json rx_packets)" "5000 5000" \
	"raw_ethernet_lat: 5000 pings, 5000 answers"

# 1000 rules of one queue: the same one over and over, then each of another port.
check "raw_ethernet_fs_rate: equal rules" \
	timeout 20 "$rawq" emu --netdev e0 -- raw_ethernet_fs_rate --server -d mlx5_0 -E $mac1 -B $mac0 -n 1000
# shellcheck disable=SC2086
check "raw_ethernet_fs_rate: rules on ports" timeout 20 "$rawq" emu --netdev e0 -- \
	raw_ethernet_fs_rate --client -d mlx5_0 -E $mac1 -B $mac0 -n 1000 $to
finish
