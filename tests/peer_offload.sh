#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What the emulated card writes into frames for DPDK's mlx5 PMD, read back by tshark on the other
# end of a veth pair: checksums, TSO segments, VLAN tags stripped and inserted.
. "$(dirname "$0")/lib/net.sh"

spaces a b
wire a e0 - b peer -
for s in "a e0" "b peer"; do # what arrives is what was written, not what the kernel made of it
	# shellcheck disable=SC2086
	set -- $s
	at "$1" ethtool -K "$2" tx off rx off gro off gso off tso off >/dev/null 2>&1
done

# 48 frames: TCP and UDP over IPv4 and IPv6, every fourth with VLAN tag 5, 1280 bytes of TCP payload.
/usr/bin/python3 - $tmp/in.pcap <<'PY' || bail "no scapy"
import sys
from scapy.all import *
frames = []
for i in range(48):
    f = Ether(dst='02:00:00:00:00:02', src='02:00:00:00:00:01')
    if i % 4 == 1:
        f /= Dot1Q(vlan=5)
    f /= IP(src='10.0.0.1', dst='10.0.0.2', id=i) if i % 8 < 4 else IPv6(src='fd00::1', dst='fd00::2')
    if i % 3:
        f /= TCP(sport=1000 + i, dport=80, flags='PA', seq=100 * i) / Raw(bytes(range(256)) * 5)
    else:
        f /= UDP(sport=1000 + i, dport=9999) / Raw(bytes(range(256)))
    frames.append(f)
wrpcap(sys.argv[1], frames)
PY

# forward NAME COMMAND...: frames go through testpmd, set up so; what comes back is in $tmp/NAME.pcap
forward() {
	local name=$1 command
	shift
	mkfifo $tmp/$name.in
	exec 7<>$tmp/$name.in # both ways: opening it for one waits for the other
	start a $name sh -c "exec timeout 60 $rawq emu --stats $tmp/$name.json --wire netdev=e0 -- dpdk-testpmd \
		--no-huge -m 256 -l 0-1 --no-telemetry --file-prefix $name -a 0000:e1:00.0 -- -i \
		--disable-device-start --total-num-mbufs=8192 <$tmp/$name.in"
	local testpmd=$pid
	for command; do echo "$command" >&7; done
	printf '%s\n' "port start 0" "start" "show port info 0" >&7
	# testpmd's own words come when its buffer is full, the echo of a command at once.
	until_true 250 grep -q 'show port info 0' $tmp/$name || bail "testpmd: $(tail -n 5 $tmp/$name)"
	sleep 1
	start b capture tcpdump -i peer -Q in -U -w $tmp/$name.pcap
	local capture=$pid
	until_true 50 grep -q 'listening on' $tmp/capture.err || bail "tcpdump does not listen"
	at b tcpreplay -q --pps 500 -i peer $tmp/in.pcap >/dev/null 2>&1
	until_true 50 has_sent $name "$expected"
	kill $capture
	wait $capture
	printf '%s\n' stop quit >&7
	exec 7>&-
	wait $testpmd
	is $? 0 "$name: testpmd ends well"
	check "$name: no rule broken" grep -q '"violations": 0' $tmp/$name.json
}

# has_sent NAME FRAMES: so many of our own have come back
has_sent() {
	[ "$(frames "$1" "$ours")" -ge "$2" ]
}

# frames NAME FILTER: how many tshark finds, checksums validated
frames() {
	tshark -r $tmp/$1.pcap -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
		-o udp.check_checksum:TRUE -Y "$2" 2>/dev/null | wc -l
}

ours='ip.addr == 10.0.0.1 or ipv6.addr == fd00::1'
bad='ip.checksum.status == "Bad" or tcp.checksum.status == "Bad" or udp.checksum.status == "Bad" or _ws.malformed'

# 32 TCP frames in three segments each, 16 UDP ones
expected=112
forward tso "csum set ip hw 0" "csum set tcp hw 0" "csum set udp hw 0" "tso set 500 0" "set fwd csum"
is "$(frames tso "($ours) and tcp")" 96 "tso: three segments of each TCP frame"
is "$(frames tso "($ours) and udp")" 16 "tso: every UDP frame"
is "$(frames tso "($ours) and ($bad)")" 0 "tso: no bad checksum, nothing malformed"
is "$(frames tso 'tcp.checksum.status == "Good" or udp.checksum.status == "Good"')" 112 \
	"tso: every checksum good"
is "$(frames tso 'tcp.analysis.flags')" 0 "tso: sequence numbers without a gap"
is "$(frames tso 'tcp.flags.push == 1 and tcp.len == 280')" 32 "tso: PSH on each last segment"
is "$(frames tso 'tcp.flags.push == 1')" 32 "tso: and on no other"
is "$(frames tso 'vlan.id == 5 and tcp')" 24 "tso: segments keep their VLAN tag"

expected=48
forward vlan "vlan set strip on 0" "tx_vlan set 0 7" "set fwd mac"
is "$(frames vlan "($ours) and vlan.id == 7")" 48 "vlan: tag 7 inserted into every frame"
is "$(frames vlan "vlan.id == 5")" 0 "vlan: tag 5 stripped"
is "$(frames vlan "($ours) and ($bad)")" 0 "vlan: no bad checksum, nothing malformed"
finish
