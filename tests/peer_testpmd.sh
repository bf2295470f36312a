#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# testpmd with DPDK's mlx5 PMD: its forwarding modes, and the ways it may drive the card.  On a loop, at
# the end what is still on its way is received, so that the counters of the PMD and those of the card
# must be equal to the packet.
. "$(dirname "$0")/lib/testpmd.sh"
ports 2 9600

# mode MODE: frames go round in it for a while
mode() {
	local before after
	pmd "set fwd $1"
	pmd "show port stats all"
	before=$(shown TX-packets)
	pmd "start tx_first"
	sleep 0.4
	pmd stop
	pmd "show port stats all"
	after=$(shown TX-packets)
	at_least $((after - before)) 500 "$name, $1: frames go round"
}

# settle: receive what is left, leave, compare
settle() {
	local rx tx
	pmd "set fwd rxonly"
	pmd start
	sleep 0.4
	pmd stop
	pmd "show port stats all"
	rx=$(shown RX-packets) tx=$(shown TX-packets)
	check "$name: testpmd ends well" pmd_end
	is "$(stat_of $tmp/run.json tx_packets) $(stat_of $tmp/run.json rx_packets)" "$tx $rx" \
		"$name: the card's counters are the PMD's"
	is "$rx" "$tx" "$name: everything sent has come back"
	check "$name: nothing lost, no rule broken" lossless $tmp/run.json
}

# around NAME DEVICE-ARGS TESTPMD-ARGS [MODE...]
around() {
	name=$1
	local args=$3
	pmd_start run "--netdev e0 --wire loop" "-a $pci$2" "$args"
	shift 3
	for m in "${@-io}"; do mode "$m"; done
	settle
}

modes() {
	around "default" "" "" io mac macswap csum 5tswap flowgen
}
driving() {
	around "CQEs not compressed" ",rxq_cqe_comp_en=0" ""
	around "CQEs compressed by checksum" ",rxq_cqe_comp_en=2" ""
	around "striding receive queue" ",mprq_en=1,rxqs_min_mprq=1" ""
	around "no vector receive" ",rx_vec_en=0" ""
	around "verbs flows" ",dv_flow_en=0" ""
	around "no eMPW" ",txq_mpw_en=0" ""
	around "eMPW inline" ",txq_inline_mpw=256,txqs_min_inline=0" ""
	around "inline" ",txq_mpw_en=0,txq_inline_max=256,txqs_min_inline=0" ""
}
queues() {
	around "two queues" "" "--rxq=2 --txq=2"
	around "four queues" "" "--rxq=4 --txq=4 --rss-udp"
	around "scattered" "" "--rxd=512 --txd=512 --enable-scatter --mbuf-size=2176 --max-pkt-len=9000 --txpkts=4000"
	around "several segments" "" "--txpkts=100,200,300 --tx-offloads=0x8000"
}

# one_way QUEUES: one testpmd sends, another receives, over a cable between the processes
one_way() {
	local sender receiver sent
	name="txonly to rxonly, queues: $1"
	pmd_start receiver "--netdev e1 --wire cable:$cable,up" "-a $pci" "--forward-mode=rxonly --rss-udp --rxq=$1 --txq=$1"
	pmd start
	receiver=$pmd_pid
	exec 8>&7
	pmd_start sender "--netdev e0 --wire cable:$cable,up" "-a $pci" \
		"--forward-mode=txonly --txonly-multi-flow --rxq=$1 --txq=$1"
	pmd start
	sleep 0.4
	pmd stop
	pmd "show port stats all"
	sent=$(shown TX-packets)
	check "$name: the sender ends well" pmd_end
	exec 7>&8 8>&-
	pmd=receiver pmd_pid=$receiver
	until_true 50 received "$sent"
	pmd "show port xstats 0"
	check "$name: the receiver ends well" pmd_end
	at_least "$sent" 500 "$name: frames go"
	is "$(shown RX-packets) $(stat_of $tmp/sender.json tx_packets) $(stat_of $tmp/receiver.json rx_packets)" \
		"$sent $sent $sent" "$name: both PMDs and both cards count the same"
	is "$(awk '/rx_q[0-9]+_packets:/ && $2 > 0' $tmp/receiver | wc -l)" "$1" "$name: every queue has its share"
	check "$name: nothing lost, no rule broken" \
		eval "lossless $tmp/sender.json && lossless $tmp/receiver.json"
}
received() {
	pmd "show port stats all"
	[ "$(shown RX-packets)" = "$1" ]
}
between() {
	cable=tp$(stat -Lc %i /proc/self/ns/net)
	trap 'rm -f /dev/shm/rawq-*-$cable-*' EXIT
	one_way 1
	one_way 3
}
"${1-modes}"
finish
