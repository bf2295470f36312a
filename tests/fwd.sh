#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq fwd carries what others send, and changes not one byte of it: fwd.sh [xdp|mlx5|verbs]
#
#   left: l0 10.0.0.1 <--> v0 :mid: w0 <--> r0 10.0.0.2 :right
#                             rawq fwd
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
echoes=${RAWQ_ECHOES-100000}

spaces left mid right
wire left l0 10.0.0.1/24 mid v0 - 1 9000
wire mid w0 - right r0 10.0.0.2/24 1 9000
# A veth leaves checksums and segmentation to its peer, which may be a NIC's driver, not a
# program: what is to be forwarded must be a packet as on a wire.
for end in left:l0 right:r0; do
	at ${end%:*} ethtool -K ${end#*:} tx off tso off gso off >/dev/null 2>&1
done
over v0 w0
start mid fwd "${nic[@]}" fwd v0 w0 --backend "$backend" --json
fwd=$pid
started $tmp/fwd
check "one ping goes through" at left ping -c 1 -W 5 10.0.0.2

# -f sends the next echo when one came back, so it stays below what the way can carry.
at left timeout 100 ping -q -f -c "$echoes" 10.0.0.2 >$tmp/ping 2>&1
like "$(cat $tmp/ping)" "$echoes packets transmitted, $echoes received, 0% packet loss" \
	"ping -f: $echoes echoes, none lost"
at left ping -q -c 200 -i 0.002 -W 5 -M "do" -s 8972 10.0.0.2 >$tmp/ping 2>&1
like "$(cat $tmp/ping)" " 200 received, 0% packet loss" "frames of MTU 9000 go through, both ways"

# ---- identical bytes
start left captured-left tcpdump -i l0 -w $tmp/left.pcap -B 16384 -U udp port 7777
left_capture=$pid
start right captured-right tcpdump -i r0 -w $tmp/right.pcap -B 16384 -U udp port 7777
right_capture=$pid
for f in left right; do
	until_true 50 grep -q listening $tmp/captured-$f.err || bail "tcpdump did not start"
done
seed=$(date +%s)
echo "# seed $seed"
at left /usr/bin/python3 - "$seed" <<'END'
import random, socket, sys, time
r = random.Random(int(sys.argv[1]))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(2000):
    s.sendto(r.randbytes(r.choice([0, 1, 18, r.randrange(1472), r.randrange(8972)])), ('10.0.0.2', 7777))
    time.sleep(0.0005)
END
until_true 50 sh -c "[ \$(tshark -r $tmp/right.pcap -Y udp.dstport==7777 2>/dev/null | wc -l) = 2000 ]"
kill -INT $left_capture $right_capture
wait $left_capture $right_capture
for f in left right; do
	tshark -r $tmp/$f.pcap -Y 'udp.dstport == 7777' -x 2>/dev/null | grep -v '^$' >$tmp/$f.hex
	tshark -r $tmp/$f.pcap -Y 'udp.dstport == 7777' 2>/dev/null | wc -l >$tmp/$f.count
done
is "$(cat $tmp/left.count) $(cat $tmp/right.count)" "2000 2000" "tshark sees 2000 datagrams on each side"
check "of the same bytes in the same order" cmp $tmp/left.hex $tmp/right.hex

# ---- iperf3
start right server iperf3 -s
until_true 50 at right sh -c 'ss -ltn | grep -q :5201' || bail "iperf3 does not listen"
at left timeout 30 iperf3 -J -c 10.0.0.2 -t 2 >$tmp/tcp.json 2>&1
at_least "$(iperf_field $tmp/tcp.json end.sum_received.bytes)" 1000000 "iperf3: bytes over TCP"
at left timeout 30 iperf3 -J -R -c 10.0.0.2 -t 2 >$tmp/tcp.json 2>&1
at_least "$(iperf_field $tmp/tcp.json end.sum_received.bytes)" 1000000 "iperf3: bytes over TCP, the other way"
at left timeout 30 iperf3 -J -u -b 10M -l 1400 -w 2M -c 10.0.0.2 -t 2 >$tmp/udp.json 2>&1
at_least "$(iperf_field $tmp/udp.json end.sum.packets)" 100 "iperf3: datagrams over UDP"
is "$(iperf_field $tmp/udp.json end.sum.lost_packets)" 0 "none of them lost"

# ---- the end
stop $fwd
wait $fwd
is $? 0 "asked to end it does, with status 0"
at_least "$(field $tmp/fwd end tx_packets)" $((2 * echoes)) "the end event counts what was forwarded"
is "$(programs mid v0) $(programs mid w0)" "0 0" "no program is left"
finish
