#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# testpmd on a netdev wire: Scapy sends it frames through a veth and judges, with tshark, what comes back:
# checksums and TSO in hardware, VLAN tags, echoes, and where flow rules send frames.
. "$(dirname "$0")/lib/testpmd.sh"
need tshark tcpdump
ports 1 9000
for d in e0 far0; do ethtool -K $d tx off rx off tso off gso off gro off >/dev/null 2>&1; done

# send SCAPY...: frames to testpmd; listen/heard: what it sends back meanwhile, in $tmp/back.pcap
send() {
	/usr/bin/python3 -c "
from scapy.all import *
conf.verb = 0
e = Ether(dst='$mac0', src='02:00:00:00:00:99')
s = conf.L2socket(iface='far0')
for p in $*:
    s.send(p)"
}
listen() {
	: >$tmp/tcpdump
	tcpdump -i far0 -Q in -U -w $tmp/back.pcap -s 0 2>$tmp/tcpdump &
	ear=$!
	until_true 50 grep -q 'listening on' $tmp/tcpdump || bail "tcpdump does not listen"
}
arrived() {
	[ "$(tcpdump -r $tmp/back.pcap 2>/dev/null | wc -l)" -ge "$1" ]
}
# heard N: stop listening once N frames have come
heard() {
	until_true 50 arrived "$1"
	sleep 0.2
	kill "$ear"
	wait "$ear" 2>/dev/null
}
# fields FILTER FIELD...: of what came back, one line each
fields() {
	local filter=$1 f args=()
	shift
	for f; do args+=(-e "$f"); done
	tshark -r $tmp/back.pcap -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
		-o udp.check_checksum:TRUE -Y "$filter" -T fields "${args[@]}" 2>/dev/null
}

testpmd() { # EXTRA-ARGS [DEVICE-ARGS]
	pmd_start run "--wire netdev=e0" "-a $pci${2-}" "--max-pkt-len=9000 --enable-scatter --mbuf-size=2176 $1"
}

checksums() {
	testpmd ""
	pmd "port stop 0"
	for what in ip tcp udp; do pmd "csum set $what hw 0"; done
	pmd "port start 0"
	pmd "set fwd csum"
	pmd start
	listen
	send "[e/ip/l4/('x'*200) for ip in (IP(src='10.0.0.1',dst='10.0.0.2',chksum=0xdead),
		IPv6(src='fd00::1',dst='fd00::2')) for l4 in (UDP(sport=5,dport=6,chksum=0xdead),
		TCP(sport=5,dport=6,chksum=0xdead))]"
	send "[e/Dot1Q(vlan=7)/IP(src='10.0.0.1',dst='10.0.0.2',chksum=0xdead)/TCP(sport=5,dport=6,chksum=0xdead)/'y']"
	heard 5
	is "$(fields 'ip.checksum.status == 1 || !ip' frame.number | wc -l)" 5 "checksums: IPv4 headers are right"
	is "$(fields 'tcp.checksum.status == 1 || udp.checksum.status == 1' frame.number | wc -l)" 5 \
		"checksums: TCP and UDP over IPv4 and IPv6, and behind a VLAN tag, are right"
	pmd_end
}

segmentation() {
	testpmd ""
	pmd "port stop 0"
	for what in ip tcp; do pmd "csum set $what hw 0"; done
	pmd "tso set 1000 0"
	pmd "port start 0"
	pmd "set fwd csum"
	pmd start
	listen
	send "[e/IP(src='10.0.0.1',dst='10.0.0.2')/TCP(sport=5,dport=6,seq=1000,flags='PA')/bytes(i % 251 for i in range(7500))]"
	send "[e/IPv6(src='fd00::1',dst='fd00::2')/TCP(sport=5,dport=6,seq=5000,flags='PA')/bytes(i % 251 for i in range(4321))]"
	heard 13
	is "$(fields ip tcp.len | tr '\n' ' ')" "1000 1000 1000 1000 1000 1000 1000 500 " "TSO: eight segments over IPv4"
	is "$(fields ipv6 tcp.len | tr '\n' ' ')" "1000 1000 1000 1000 321 " "TSO: five over IPv6"
	is "$(fields ip tcp.seq_raw | tr '\n' ' ')" "1000 2000 3000 4000 5000 6000 7000 8000 " "TSO: sequence numbers go on"
	is "$(fields 'tcp.flags.push == 1' tcp.len | tr '\n' ' ')" "500 321 " "TSO: the last one pushes"
	is "$(fields 'tcp.checksum.status == 1' frame.number | wc -l)" 13 "TSO: TCP checksums are right"
	is "$(fields 'ip.checksum.status == 1' frame.number | wc -l)" 8 "TSO: IPv4 checksums are right"
	is "$(fields ip tcp.payload | tr -d '\n' | md5sum)" \
		"$(/usr/bin/python3 -c "print(bytes(i % 251 for i in range(7500)).hex(), end='')" | md5sum)" \
		"TSO: the payload is whole"
	pmd_end
}

vlan() {
	testpmd ""
	pmd "vlan set strip on 0"
	pmd "set fwd mac"
	pmd start
	listen
	send "[e/Dot1Q(vlan=7)/IP(dst='10.0.0.1')/UDP(dport=9)/'strip me']"
	heard 1
	is "$(fields udp vlan.id)" "" "VLAN: stripped"
	is "$(fields udp data.text || true)$(fields udp udp.length)" 16 "VLAN: and whole"
	pmd stop
	pmd "vlan set strip off 0"
	pmd "port stop 0"
	pmd "tx_vlan set 0 42"
	pmd "port start 0"
	pmd start
	listen
	send "[e/IP(dst='10.0.0.1')/UDP(dport=9)/'tag me']"
	heard 1
	is "$(fields udp vlan.id)" 42 "VLAN: inserted"
	pmd_end
}

echoes() {
	testpmd ""
	pmd "set fwd icmpecho"
	pmd start
	listen
	send "[Ether(dst='ff:ff:ff:ff:ff:ff',src='02:00:00:00:00:99')/ARP(pdst='10.0.0.2',psrc='10.0.0.1',hwsrc='02:00:00:00:00:99')]"
	send "[e/IP(src='10.0.0.1',dst='10.0.0.2')/ICMP(id=7,seq=i)/('p'*(i*10)) for i in range(1,101)]"
	heard 101
	is "$(fields 'arp.opcode == 2' arp.src.hw_mac)" $mac0 "icmpecho: ARP is answered"
	is "$(fields 'icmp.type == 0 && icmp.checksum.status == 1 && ip.checksum.status == 1' icmp.seq | wc -l)" 100 \
		"icmpecho: 100 pings are"
	pmd_end
}

# queue N: packets that it has received
queue() {
	pmd "show port xstats 0"
	awk -v k="rx_q$1_packets:" '$1 == k { n = $2 } END { print n + 0 }' $tmp/run
}

flows() {
	testpmd "--rxq=4 --txq=4 --flow-isolate-all"
	pmd "set verbose 1"
	pmd "set fwd rxonly"
	pmd start
	pmd "flow create 0 ingress pattern eth / ipv4 / udp dst is 1000 / end actions queue index 2 / end"
	pmd "flow create 0 ingress pattern eth / ipv4 / udp dst is 1001 / end actions drop / end"
	pmd "flow create 0 ingress pattern eth / ipv4 / udp dst is 1002 / end actions mark id 0x1234 / queue index 1 / end"
	pmd "flow create 0 ingress pattern eth / ipv4 / tcp / end actions rss types ipv4-tcp end queues 0 1 2 3 end / end"
	is "$(grep -c 'Flow rule #[0-9] created' $tmp/run)" 4 "flows: queue, drop, mark and rss are made"
	send "[e/IP(src='10.0.0.1',dst='10.0.0.2')/UDP(sport=i,dport=1000) for i in range(50)]"
	until_true 30 eval '[ "$(queue 2)" = 50 ]'
	is "$(queue 2)" 50 "flows: queue"
	send "[e/IP(src='10.0.0.1',dst='10.0.0.2')/UDP(sport=i,dport=1001) for i in range(50)]"
	send "[e/IP(src='10.0.0.1',dst='10.0.0.2')/UDP(sport=i,dport=1002) for i in range(50)]"
	until_true 30 eval '[ "$(queue 1)" = 50 ]'
	is "$(queue 1) $(grep -ci 'FDIR matched ID=0x1234' $tmp/run)" "50 50" "flows: mark"
	send "[e/IP(src='10.0.0.1',dst='10.0.0.2')/TCP(sport=i,dport=80) for i in range(1000,1200)]"
	total() { echo $(($(queue 0) + $(queue 1) + $(queue 2) + $(queue 3))); }
	until_true 30 eval '[ "$(total)" = 300 ]'
	is "$(total)" 300 "flows: rss gets all, drop let nothing through"
	for q in 0 1 2 3; do at_least "$(queue $q)" 10 "flows: rss reaches queue $q"; done
	pmd "flow destroy 0 rule 0"
	send "[e/IP(src='10.0.0.1',dst='10.0.0.2')/UDP(sport=i,dport=1000) for i in range(50)]"
	is "$(total)" 300 "flows: a flow destroyed gets nothing"
	pmd_end
	is "$(stat_of $tmp/run.json violations)" 0 "flows: no rule broken"
}

# The PMD's own counters want DevX; by the verbs it counts with what the kernel has.
counting() {
	testpmd "--rxq=4 --txq=4 --flow-isolate-all" ",dv_flow_en=0"
	pmd "set fwd rxonly"
	pmd start
	pmd "flow create 0 ingress pattern eth / ipv4 / udp dst is 1003 / end actions count / queue index 3 / end"
	send "[e/IP(src='10.0.0.1',dst='10.0.0.2')/UDP(sport=i,dport=1003) for i in range(50)]"
	until_true 30 eval '[ "$(queue 3)" = 50 ]'
	pmd "flow query 0 0 count"
	is "$(queue 3) $(awk '/hits:/ { print $2 }' $tmp/run | tail -n 1)" "50 50" "flows: count"
	pmd_end
}

"${1-checksums}"
finish
