#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# perftest's programs and modes: headers, duplex, inline, latency, bursts, flow rules.
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

# Bursts, of which each fourth frame is answered.  perftest polls for as many completions as a burst
# has frames, none unless it is told, and posts one request over and over, which asks for a completion
# with -Q 1 alone: without either it waits for ever, on a card as well.  The server leaves when it has
# all frames: -t is room for its answers, and they are one burst, so that its rate holds none back.
burst="-n 4000 -s 64 -Q 1 -t 2048 -r 4096 --rate_limit_type=PP --rate_units=M --typical_pkt_size=64 --reply_every=4"
runs=101
# shellcheck disable=SC2086
server raw_ethernet_burst_lat $burst --rate_limit=10000 --burst_size=1000
ready
# shellcheck disable=SC2086
check "raw_ethernet_burst_lat: its client completes" client raw_ethernet_burst_lat $burst --rate_limit=100 --burst_size=16
check "raw_ethernet_burst_lat: its server completes" wait "$server_pid"
is "$(stat_of $tmp/client.json tx_packets) $(stat_of $tmp/server.json rx_packets)" "4000 4000" \
	"raw_ethernet_burst_lat: 4000 sent, 4000 received"
is "$(stat_of $tmp/server.json tx_packets) $(stat_of $tmp/client.json rx_packets)" "1000 1000" \
	"raw_ethernet_burst_lat: 1000 answered"
check "raw_ethernet_burst_lat: nothing lost, no rule broken" \
	eval "lossless $tmp/client.json && lossless $tmp/server.json"

# Debian's perftest is built without RSS, which came by verbs that rdma-core does not have.
runs=102
check "RSS: perftest itself refuses" eval "! client raw_ethernet_bw --use_rss -q 2"
like "$(cat $tmp/client)" 'RSS feature is not available in libibverbs' "RSS: and says so"

# 1000 rules of one queue: the same one over and over, then each of another port.
check "raw_ethernet_fs_rate: equal rules" \
	timeout 20 "$rawq" emu --netdev e0 -- raw_ethernet_fs_rate --server -d mlx5_0 -E $mac1 -B $mac0 -n 1000
# shellcheck disable=SC2086
check "raw_ethernet_fs_rate: rules on ports" timeout 20 "$rawq" emu --netdev e0 -- \
	raw_ethernet_fs_rate --client -d mlx5_0 -E $mac1 -B $mac0 -n 1000 $to
finish
