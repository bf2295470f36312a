#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# testpmd with DPDK's mlx5 PMD on a loop: its forwarding modes, and the ways it may drive the card.  At
# the end what is still on its way is received, so that the counters of the PMD and those of the card
# must be equal to the packet.
. "$(dirname "$0")/lib/testpmd.sh"
ports 1 9600

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
"${1-modes}"
finish
