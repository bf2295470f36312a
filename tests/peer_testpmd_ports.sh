#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# testpmd on two emulated ports joined by a cable: traffic both ways, link flaps, ports stopped, started,
# closed and attached again; promiscuous and all-multicast modes.
. "$(dirname "$0")/lib/testpmd.sh"
ports 2 1500

link() {
	pmd "show port info $1"
	awk '/Link status:/ { s = $3 } END { print s }' $tmp/run
}
link_is() {
	[ "$(link "$1")" = "$2" ]
}
# flow_for SECONDS: how many packets the ports exchange
exchange() {
	local before
	pmd "show port stats all"
	before=$(shown RX-packets 0)
	pmd "start tx_first"
	sleep 0.4
	pmd stop
	pmd "show port stats all"
	echo $(($(shown RX-packets 0) - before))
}

pmd_start run "--netdev e0 --netdev e1 --wire cable --wire cable" "-a $pci -a 0000:e1:00.1" ""
at_least "$(exchange)" 500 "two ports: frames go to and fro"
is "$(link 0) $(link 1)" "up up" "both have a link"

ip link set e0 down
check "a netdev taken down takes the port's link" until_true 30 link_is 0 down
ip link set e0 up
check "up again" until_true 30 link_is 0 up
at_least "$(exchange)" 500 "frames go again"

pmd "port stop 0"
pmd "port start 0"
at_least "$(exchange)" 500 "a port stopped and started works"

pmd "port stop 0"
pmd "port close 0"
pmd "port attach $pci"
pmd "port start 0"
at_least "$(exchange)" 500 "a port closed and attached works"

# Unicast to another MAC: only when promiscuous.  Multicast: only with allmulti.
to() { # MAC: how many of port 1's 64 frames reach port 0
	local before
	pmd "set fwd rxonly" # what is still on its way from before
	pmd start
	sleep 0.1
	pmd stop
	pmd "set fwd mac"
	pmd "set eth-peer 1 $1"
	pmd "show port stats all"
	before=$(shown RX-packets 0)
	pmd "set burst 64"
	pmd "start tx_first"
	sleep 0.1
	pmd stop
	pmd "show port stats all"
	echo $(($(shown RX-packets 0) - before))
}
pmd "set promisc all off"
pmd "set allmulti all off"
is "$(to 02:00:00:00:00:99)" 0 "not promiscuous: another MAC's frames do not come"
at_least "$(to $mac0)" 1 "its own do"
pmd "set promisc 0 on"
at_least "$(to 02:00:00:00:00:99)" 1 "promiscuous: they do"
pmd "set promisc 0 off"
is "$(to 01:00:5e:00:00:05)" 0 "multicast that it did not join does not come"
pmd "set allmulti 0 on"
at_least "$(to 01:00:5e:00:00:05)" 1 "allmulti: it does"
check "testpmd ends well" pmd_end
is "$(stat_of $tmp/run.json violations)" 0 "no rule broken"
finish
