#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# XDP live frames: what the kernel makes of a packet text is, byte for byte and in order, what
# rawq show shows, but for a few that the far end had no room for; the count is exact, a receiver that changes frames changes none that follow.
. "$(dirname "$0")/lib/net.sh"

ip link add name tx0 type veth peer name rx0
ip link set tx0 address 02:00:00:00:00:01
ip link set tx0 up && ip link set rx0 up
ethtool -K rx0 gro on >/dev/null 2>&1 # so that b takes redirected frames
sysctl -qw net.ipv6.conf.tx0.disable_ipv6=1 net.ipv6.conf.rx0.disable_ipv6=1
sleep 0.2

# counter NETDEV rx|tx NAME
counter() {
	ip -s -j link show "$1" | /usr/bin/python3 -c "import json, sys
print(json.load(sys.stdin)[0]['stats64']['$2']['$3'])"
}

# same NAME SIGNATURE_OFFSET PACKET [OPTION...]: 2,000 packets sent live against those shown.
same() {
	local name=$1 at=$2 packet=$3
	shift 3
	: >$tmp/tcpdump # or the last one's "listening" would be taken for this one's
	timeout 10 tcpdump -i rx0 -s 2048 -B 65536 -Z root -w $tmp/got.pcap --immediate-mode -U \
		2>$tmp/tcpdump &
	local capture=$!
	until_true 150 grep -q listening $tmp/tcpdump
	timeout 20 "$rawq" tx tx0 "$packet" --count 2000 --rate 20kpps --engine live "$@" \
		>$tmp/sent 2>&1 || sed 's/^/# /' $tmp/sent
	settled $tmp/got.pcap
	kill -INT $capture
	wait $capture
	"$rawq" show "$packet" --count 2000 --write $tmp/want.pcap "$@"
	# shellcheck disable=SC2086
	check "$name" /usr/bin/python3 "$RAWQ_SOURCE/tests/tx_live.py" $tmp/got.pcap \
		$tmp/want.pcap $at
}

same "a constant packet" "" 'udp(dport=9000)'
same "every pattern, sums included" "" \
	'ip(src=10.0.0.0/22,dst=rand(172.16.0.0/12),ttl=inc(250..1,7),dscp=list(0,46,8),id=rand(0..65535))/udp(sport=inc(1..65535,13),dport=list(7,9,11))'
same "MAC, VLAN and IPv6" "" \
	'eth(src=inc(02:00:00:00:01:00..02:00:00:00:02:ff))/vlan(id=inc(1..4094),pcp=rand(0..7))/ip6(src=2001:db8::/64,dst=rand(2001:db8:1::/48),flow=rand(0..1048575))/tcp(seq=rand(0..4294967295),flags=list(syn,ack))'
same "inner and outer sums" "" \
	'ip/udp(sport=rand(49152..65535))/vxlan(vni=inc(1..1000))/ip(src=10.1.0.0/16)/udp(csum=bad,sport=inc(1..999))'
same "a signature" 42 'udp/sig(flow=3)' --size 90
same "varied fields under signatures of many flows" 42 \
	'ip(src=10.0.0.0/16,dst=rand(172.16.0.0/12))/udp(sport=inc(1024..65535),dport=rand(1..60000))/sig(flow=inc(10..19))' --size 300
same "seeded" "" 'ip(src=rand(10.0.0.0/8))/udp' --seed 77

before=$(($(counter rx0 rx packets) + $(counter tx0 tx dropped)))
check "a million packets" timeout 30 "$rawq" tx tx0 udp --count 1000000 --engine live
sleep 0.1
now=$(($(counter rx0 rx packets) + $(counter tx0 tx dropped)))
is $((now - before)) 1000000 "are a million, those the far end had no room for included"

# Left to itself: the first packets by a queue, then by the kernel, no packet twice or wrong.
"$rawq" rx rx0 --rule 'udp dport 9' --window 65536 --flows 16 --json --queues 1 >$tmp/rx.json 2>$tmp/rx.err &
receiver=$!
until_true 150 grep -q '"event":"start"' $tmp/rx.json
sleep 0.3
timeout 30 "$rawq" tx tx0 'udp(dport=9)/sig(flow=inc(0..9))' --count 600000 --json >$tmp/tx.json
is $? 0 "an engine is chosen by trial"
sleep 0.5
kill -INT $receiver
wait $receiver
check "and no packet is sent twice, or wrong" /usr/bin/python3 - $tmp/tx.json $tmp/rx.json <<'END'
import json, sys
tx, rx = (next(e for e in map(json.loads, open(f)) if e["event"] == "end") for f in sys.argv[1:])
assert tx["tx_packets"] == tx["tx_completed"] == 600000, tx
assert tx["trial"]["queues_pps"] > 0 and tx["trial"]["live_pps"] > 0, tx["trial"]
assert rx["duplicated"] == rx["corrupted"] == 0, rx
assert rx["signed_packets"] + rx["lost"] <= 600000 and rx["signed_packets"] > 1000, rx
END

refused() {
	local name=$1 words=$2 said
	shift 2
	said=$(timeout 20 "$rawq" tx tx0 "$@" --count 10 --engine live 2>&1 >/dev/null)
	is "$?:$(grep -c "$words" <<<"$said")" 3:1 "$name: $said"
}
refused "lengths that vary are refused" 'the length varies' udp --size imix
refused "SCTP's CRC over varied fields is refused" 'CRC over varied' 'sctp(vtag=inc(1..9))/data'
ethtool -K rx0 gro off >/dev/null
refused "a far end without XDP is refused" 'ethtool -K PEER gro on' udp
check "and auto then takes queues" timeout 20 "$rawq" tx tx0 udp --count 1000
finish
