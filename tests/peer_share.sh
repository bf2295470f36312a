#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A netdev wire: testpmd's mlx5 PMD and the kernel share one interface.  ping and iperf3 through the
# kernel lose nothing while testpmd reflects what comes to a MAC of its own.
. "$(dirname "$0")/lib/testpmd.sh"
need ping iperf3 tcpdump
spaces far
ports 1
ip link set far0 netns far
ip -n far link set far0 up
ip addr add 10.9.0.1/24 dev e0
ip -n far addr add 10.9.0.2/24 dev far0
# Frames of the local stack have unfinished checksums, which a raw program would pass on unfinished.
ethtool -K e0 tx off >/dev/null
at far ethtool -K far0 tx off >/dev/null

pmd_start run "--wire netdev=e0" "-a $pci" "--flow-isolate-all"
pmd "set fwd macswap"
pmd start
pmd "flow create 0 ingress pattern eth dst is 02:00:00:00:00:77 / end actions queue index 0 / end"

at far tcpdump -i far0 -Q in -U -w $tmp/back.pcap ether src 02:00:00:00:00:77 2>$tmp/tcpdump &
ear=$!
until_true 50 grep -q 'listening on' $tmp/tcpdump || bail "tcpdump does not listen"
at far /usr/bin/python3 -c "
from scapy.all import *
import time
conf.verb = 0
s = conf.L2socket(iface='far0')
f = Ether(dst='02:00:00:00:00:77', src='02:00:00:00:00:99') / IP(dst='10.9.0.77') / UDP(dport=9)
for i in range(2000):
    s.send(f)
    time.sleep(0.002)" 2>/dev/null &
sender=$!

at far ping -q -i 0.01 -c 200 -s 1400 10.9.0.1 >$tmp/ping
like "$(cat $tmp/ping)" '200 received, 0% packet loss' "200 pings through the kernel, none lost"
timeout 30 iperf3 -s -1 -B 10.9.0.1 >$tmp/iperf-server 2>&1 &
until_true 50 sh -c 'ss -ltn | grep -q 5201'
check "iperf3 through the kernel" at far timeout 20 iperf3 -c 10.9.0.1 -t 2 -J --logfile $tmp/iperf
at_least "$(/usr/bin/python3 -c "
import json
print(int(json.load(open('$tmp/iperf'))['end']['sum_received']['bytes']))" 2>/dev/null)" 10000000 \
	"iperf3 moves bytes"
timeout 30 iperf3 -s -1 -B 10.9.0.1 >$tmp/iperf-server 2>&1 &
until_true 50 sh -c 'ss -ltn | grep -q 5201'
check "iperf3, UDP" at far timeout 20 iperf3 -u -b 20M -c 10.9.0.1 -t 2 -J --logfile $tmp/iperf-udp
is "$(/usr/bin/python3 -c "
import json
print(json.load(open('$tmp/iperf-udp'))['end']['sum']['lost_packets'])" 2>/dev/null)" 0 \
	"iperf3, UDP: nothing lost"

wait "$sender"
reflected() {
	[ "$(tcpdump -r $tmp/back.pcap 2>/dev/null | wc -l)" = 2000 ]
}
until_true 50 reflected
is "$(tcpdump -r $tmp/back.pcap 2>/dev/null | wc -l)" 2000 "testpmd has reflected all 2000 to its MAC meanwhile"
kill "$ear"
wait "$ear" 2>/dev/null
pmd stop
pmd "show port stats all"
is "$(shown RX-packets) $(shown TX-packets)" "2000 2000" "and has seen nothing else"
check "testpmd ends well" pmd_end
is "$(ip -d link show e0 | grep -c 'prog/xdp')" 0 \
	"nothing is left on the interface"
finish
