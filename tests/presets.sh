#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Who a program is on the network (--as), beside the kernel and a MACVLAN child of the same veth:
# all are pinged and spoken to together, nothing of one is lost to another, and kill -9 leaves
# nothing.
#
#   near: v0 10.0.0.1, mv0 10.0.0.7 (MACVLAN), programs 10.0.0.5 and 10.0.0.9  <-->  v1 10.0.0.2 :far
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"

spaces near far
wire near v0 10.0.0.1/24 far v1 10.0.0.2/24
for end in "near v0 1" "far v1 2"; do
	# shellcheck disable=SC2086
	set -- $end
	at "$1" sh -c "echo 0 >/proc/sys/net/ipv6/conf/$2/disable_ipv6"
	ip -n "$1" addr add "2001:db8::$3/64" dev "$2" nodad
done
ip -n near link add link v0 name mv0 type macvlan mode bridge
ip -n near addr add 10.0.0.7/24 dev mv0
ip -n near link set mv0 up
# one network, two devices: who is asked for an address answers for it alone
at near sh -c 'for c in v0 mv0 all; do echo 1 >/proc/sys/net/ipv4/conf/$c/arp_ignore; done'
mac=$(at near cat /sys/class/net/v0/address)
child=$(at near cat /sys/class/net/mv0/address)

# pinged FROM ADDRESS NAME: 20 pings, none lost
pinged() {
	like "$(at "$1" ping -q -c 20 -i 0.02 -W 5 "$2")" "20 packets transmitted, 20 received" "$3"
}

# ---- what is refused, with its sentence
refused() {
	local want=$1 pattern=$2 name=$3
	shift 3
	at near timeout 20 "$@" >$tmp/out 2>$tmp/err </dev/null
	is "$?" "$want" "$name: status $want"
	like "$(cat $tmp/err)" "$pattern" "$name: the sentence"
}
refused 2 "10\.0\.0\.1 .*everything by name" "the kernel's address" $rawq rx v0 --as ip 10.0.0.1
refused 2 "MACVLAN child mv0" "a child's MAC" $rawq rx v0 --as mac "$child"
refused 2 "10\.0\.0\.7 of its MACVLAN child mv0|MACVLAN child mv0" "a child's address" $rawq rx v0 --rule "ip dst 10.0.0.7"
refused 2 "neighbour solicitations" "all ICMPv6" $rawq rx v0 --rule icmp6
refused 2 "everything by name" "everything" $rawq rx v0 --as all
refused 3 "cannot give the kernel a copy" "a sniffer on xdp" $rawq rx v0 --as sniffer
refused 2 "give mac, mac MAC, ip" "nobody" $rawq rx v0 --as king
refused 2 "give an address" "no address" $rawq rx v0 --as ip 10.0.0.300
refused 2 "unicast MAC" "a group's MAC" $rawq rx v0 --as mac 01:00:5e:00:00:01
refused 2 "no frame can match" "rule and preset apart" $rawq rx v0 --as ip 10.0.0.5 --rule 'ip6 udp dport 9'
refused 2 "session that you are typing in" "one's own session" \
	env SSH_CONNECTION="10.0.0.2 5000 10.0.0.1 22" $rawq rx v0 --rule 'tcp dport 22'
refused 2 "\^" "a rule with a slip: a caret" $rawq rx v0 --rule 'udp dprot 9'
like "$(cat $tmp/err)" "did you mean 'dport'" "and a hint"

# ---- explain says the same and changes nothing
at near $rawq rules explain v0 --as ip 10.0.0.1 --json >$tmp/plan
is "$?" 1 "explain: what would be refused has status 1"
like "$(cat $tmp/plan)" '"refused":"rule: it would take everything to its address 10\.0\.0\.1' "with the same sentence"
like "$(cat $tmp/plan)" '"instead":\["[^"]*udp dport 9"' "and a smaller rule"
is "$(programs near v0)" 0 "nothing was changed"

# ---- all together
start near ip "$rawq" rx v0 --as ip 10.0.0.5 --answer 2001:db8::5 --unsigned --json
as_ip=$pid
started $tmp/ip
is "$(awk '/^CapEff/ { print $2 }' /proc/"$as_ip"/status)" "$(awk '/^CapPrm/ { print $2 }' /proc/"$as_ip"/status)" \
	"what is permitted is what is in effect"
like "$(capsh --decode="$(awk '/^CapPrm/ { print $2 }' /proc/"$as_ip"/status)")" "=cap_dac_override,cap_bpf$" \
	"after set-up no other capability is left"
pinged far 10.0.0.5 "the program's address, by IPv4"
pinged far 2001:db8::5 "and by IPv6"
like "$(ip -n far neigh show 10.0.0.5)" "$mac" "is at the netdev's MAC"
start near server iperf3 -s
until_true 50 at near sh -c 'ss -ltn | grep -q :5201' || bail "iperf3 does not listen"
start far pings ping -q -c 100 -i 0.02 -W 5 10.0.0.7
pings=$pid
start far more ping -q -c 100 -i 0.02 -W 5 10.0.0.5
more=$pid
at far timeout 30 iperf3 -b 50M -c 10.0.0.1 -t 2 >$tmp/tcp 2>&1
is "$?" 0 "iperf3 to the kernel meanwhile"
wait $pings $more
like "$(cat $tmp/pings)" "100 received, 0% packet loss" "the MACVLAN child was pinged meanwhile, none lost"
like "$(cat $tmp/more)" "100 received, 0% packet loss" "and the program"
pinged far 10.0.0.1 "the kernel"
pinged far 2001:db8::1 "the kernel by IPv6"
# frames with a tag, to the program's address: the preset does not ask for their VLAN
before=$(driver near v0 xdp_redirect)
at far "$rawq" tx v1 "eth(dst=$mac)/vlan(id=5)/ip(src=10.0.0.2,dst=10.0.0.5)/udp(dport=9)" --rate 10kpps --count 1000 >/dev/null
until_true 50 driver_is $((before + 1000)) near v0 xdp_redirect
is "$(($(driver near v0 xdp_redirect) - before))" 1000 "a tagged flow to it, to the frame"
kill -9 "$as_ip"
wait "$as_ip" 2>/dev/null
until_true 10 sh -c "! ip -n near -d link show v0 | grep -q prog/xdp"
is "$(programs near v0)" 0 "kill -9: no program is left within a second"
pinged far 10.0.0.1 "and the kernel goes on"

start near mac "$rawq" rx v0 --as mac 02:00:00:00:00:99 --answer 10.0.0.9 --answer 2001:db8::9 --unsigned --json
as_mac=$pid
started $tmp/mac
pinged far 10.0.0.9 "a MAC of its own, pinged"
pinged far 2001:db8::9 "and by IPv6"
like "$(ip -n far neigh show 10.0.0.9)" "02:00:00:00:00:99" "is at that MAC"
pinged far 10.0.0.7 "the MACVLAN child beside it"
pinged far 10.0.0.1 "the kernel beside it"
like "$(at near bridge fdb show dev v0)" "02:00:00:00:00:99" "the netdev was told of the MAC"
kill -9 "$as_mac"
wait "$as_mac" 2>/dev/null
until_true 10 sh -c "! ip netns exec near bridge fdb show dev v0 | grep -q 02:00:00:00:00:99"
is "$(at near bridge fdb show dev v0 | grep -c 02:00:00:00:00:99)" 0 "kill -9: and has forgotten it"
finish
