#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq replay: what arrives is the file byte for byte, in each format, at its times; changed as
# asked; files that are broken or not captures are told apart.
. "$(dirname "$0")/lib/net.sh"

ip link add name tx0 type veth peer name rx0
ip link set tx0 address 02:00:00:00:00:01
ip link set tx0 up && ip link set rx0 up
# A machine that is late makes bursts: the veth pushes back instead of dropping them.
ethtool -K rx0 gro on >/dev/null 2>&1
tc qdisc add dev tx0 root pfifo limit 1000
sysctl -qw net.ipv6.conf.tx0.disable_ipv6=1 net.ipv6.conf.rx0.disable_ipv6=1
sleep 0.2

"$rawq" show 'ip(src=10.0.0.0/24,dst=rand(10.9.0.0/16))/udp(sport=inc(1..65535),dport=7)/payload(fill=rand)' \
	--count 2000 --size 'list(64,1514,300)' --write $tmp/ns.pcap
editcap -F pcap $tmp/ns.pcap $tmp/us.pcap 2>/dev/null
editcap -F pcapng $tmp/ns.pcap $tmp/ns.pcapng 2>/dev/null

# catch REPLAY-ARGUMENT...: what arrives, in $tmp/got.pcap
catch() {
	: >$tmp/tcpdump # or the last one's "listening" would be taken for this one's
	timeout 20 tcpdump -i rx0 -s 2048 -B 65536 -Z root --time-stamp-precision=nano -U \
		-w $tmp/got.pcap --immediate-mode 2>$tmp/tcpdump &
	local capture=$!
	until_true 150 grep -q listening $tmp/tcpdump
	timeout 20 "$rawq" replay tx0 "$@" >$tmp/sent 2>&1 || sed 's/^/# /' $tmp/sent
	settled $tmp/got.pcap
	kill -INT $capture
	wait $capture
}

same() {
	check "$1" /usr/bin/python3 "$RAWQ_SOURCE/tests/tx_live.py" $tmp/got.pcap "$2"
}

for file in ns.pcap us.pcap ns.pcapng; do
	catch $tmp/$file --speed 0.02x # 50 us apart: tcpdump keeps up
	same "$file arrives as it is" $tmp/ns.pcap
done

mergecap -a -w $tmp/twice.pcap -F nsecpcap $tmp/ns.pcap $tmp/ns.pcap
catch $tmp/us.pcap --rate 20kpps --loops 2 --burst 16
same "twice through the file" $tmp/twice.pcap
catch $tmp/ns.pcap --rate 20kpps --count 500
editcap -r -F nsecpcap $tmp/ns.pcap $tmp/first.pcap 1-500 2>/dev/null
same "the first 500 at a rate" $tmp/first.pcap

# changed NAME PROGRAM: every captured frame against what Scapy makes of the original
changed() {
	check "$1" /usr/bin/python3 - $tmp/got.pcap $tmp/ns.pcap "$2" <<-'END'
		import sys
		from scapy.all import Dot1Q, Ether, IP, UDP, rdpcap
		got, was = rdpcap(sys.argv[1]), rdpcap(sys.argv[2])
		assert len(got) == len(was), f"{len(got)} frames"
		for i, (g, p) in enumerate(zip(got, was)):
		    exec(sys.argv[3])
		    if IP in p:
		        del p[IP].chksum, p[UDP].chksum
		    assert bytes(g) == bytes(p), f"frame {i}: {bytes(g).hex()} {bytes(p).hex()}"
	END
}

catch $tmp/ns.pcap --rate 20kpps --vlan 7 --map '10.0.0.0/24=192.168.5.0/24,02:00:00:00:00:02=02:aa:00:00:00:09'
changed "addresses mapped, a tag inserted, sums right" '
p[IP].src = "192.168.5." + p[IP].src.split(".")[3]; p.dst = "02:aa:00:00:00:09"
p = Ether(dst=p.dst, src=p.src) / Dot1Q(vlan=7) / p.payload'
"$rawq" show 'vlan(id=9,pcp=3)/ip(dst=10.0.0.0/24)/udp' --count 2000 --write $tmp/ns.pcap
catch $tmp/ns.pcap --rate 20kpps --vlan none
changed "a tag taken off" 'p = Ether(dst=p.dst, src=p.src) / p[IP]'
catch $tmp/ns.pcap --rate 20kpps --vlan 12
changed "a tag changed, its priority kept" 'p[Dot1Q].vlan = 12'

# Times.  A busy machine holds packets up, so what counts is the most punctual packet of each
# half: if these two agree with the file, the clock neither runs fast nor slow.
timing() {
	check "$1" /usr/bin/python3 - $tmp/got.pcap $tmp/slow.pcap "$2" <<-'END'
		import struct, sys
		def times(path):
		    d, at, t = open(path, "rb").read(), 24, []
		    while at < len(d):
		        s, ns, n = struct.unpack_from("<III", d, at)
		        t.append(s * 10**9 + ns)
		        at += 16 + n
		    return t
		got, want, speed = times(sys.argv[1]), times(sys.argv[2]), float(sys.argv[3])
		assert len(got) == len(want) == 1000, (len(got), len(want))
		late = [g - w / speed for g, w in zip(got, want)]
		assert abs(min(late[:500]) - min(late[500:])) < 1e6, (min(late[:500]), min(late[500:]))
	END
}
"$rawq" show udp --count 1000 --write $tmp/fast.pcap
/usr/bin/python3 - $tmp/fast.pcap $tmp/slow.pcap <<-'END'
	import struct, sys
	d = bytearray(open(sys.argv[1], "rb").read())
	at = 24
	while at < len(d):
	    s, ns, n, _ = struct.unpack_from("<IIII", d, at)
	    struct.pack_into("<II", d, at, *divmod((s * 10**9 + ns) * 1000, 10**9))
	    at += 16 + n
	open(sys.argv[2], "wb").write(d)
END
catch $tmp/slow.pcap
timing "recorded times: a packet each ms" 1
catch $tmp/slow.pcap --speed 2.5x
timing "at 2.5 times the speed" 2.5

# refused STATUS WORDS ARGUMENT...
refused() {
	local status=$1 words=$2 said
	shift 2
	said=$(timeout 10 "$rawq" replay tx0 "$@" 2>&1 >/dev/null)
	is "$?:$(grep -c -- "$words" <<<"$said")" "$status:1" "refused: $said"
}
refused 3 'No such file' $tmp/none.pcap
: >$tmp/empty.pcap
refused 3 'an empty file' $tmp/empty.pcap
echo 'not a capture at all' >$tmp/text
refused 3 'neither a pcap nor a pcapng' $tmp/text
refused 2 "'2'" $tmp/ns.pcap --speed 2
refused 2 'exclude each other' $tmp/ns.pcap --speed 2x --topspeed
refused 2 'FROM=TO' $tmp/ns.pcap --map 10.0.0.0/24=10.1.0.0/16
refused 2 'VLAN id' $tmp/ns.pcap --vlan 4096
head -c 1000 $tmp/ns.pcap >$tmp/cut.pcap
said=$(timeout 10 "$rawq" replay tx0 $tmp/cut.pcap 2>&1)
like "$said" 'broken after packet [0-9]+: cut off within' "a file that is cut off is sent up to there"
finish
