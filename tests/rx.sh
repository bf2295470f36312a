#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq rx takes what its rule says and leaves the kernel all the rest, under load, and all of it
# when it is killed.
#
#   near: v0 10.0.0.1, rawq rx --rule 'udp dport 9000'  <-->  v1 10.0.0.2 :far, which loads it
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"

spaces near far
wire near v0 10.0.0.1/24 far v1 10.0.0.2/24
mac=$(at near cat /sys/class/net/v0/address)
check "ping before" at far ping -c 1 -W 5 10.0.0.1

over v0
start near rx "${nic[@]}" rx v0 --backend "$backend" --rule 'udp dport 9000' --depth 16384 --json
rx=$pid
started $tmp/rx
for port in 5201 5202; do
	start near server-$port iperf3 -s -p $port
	until_true 50 at near sh -c "ss -ltn | grep -q :$port" || bail "iperf3 does not listen"
done
# What is on the wire and what became of it: frames sent by v1 and those that its peer had no room
# for; frames that the program of v0 saw, gave to the socket, and counted as lost by it.
count_frames() {
	wire_sent=$(counter far v1 tx_packets) wire_full=$(counter far v1 tx_dropped)
	seen=$(driver near v0 xdp_packets) given=$(driver near v0 xdp_redirect)
	lost=$(driver near v0 drops)
}

# round RATE: rule traffic, and meanwhile TCP as fast as it goes, UDP and ping through the kernel.
# The window keeps TCP from filling the veth's ring of 256 frames by itself.
round() {
	count_frames
	local sent0=$wire_sent full0=$wire_full seen0=$seen given0=$given lost0=$lost tx pings udp
	over v1
	start far tx "${nic[@]}" tx v1 --backend "$backend" "eth(dst=$mac)/ip(src=10.0.0.2,dst=10.0.0.1)/udp(dport=9000)" \
		--rate $1 --for 1800ms --burst 16 --engine queues --json
	tx=$pid
	started $tmp/tx
	start far pings ping -q -c 100 -i 0.01 -W 5 10.0.0.1
	pings=$pid
	start far udp timeout 30 iperf3 -J -u -b 20M -l 1400 -w 2M -p 5202 -c 10.0.0.1 -t 1
	udp=$pid
	at far timeout 30 iperf3 -J -w 128K -c 10.0.0.1 -t 1 >$tmp/tcp 2>&1
	wait $pings $udp $tx
	count_frames
	wire_sent=$((wire_sent - sent0)) wire_full=$((wire_full - full0)) seen=$((seen - seen0))
	given=$((given - given0)) lost=$((lost - lost0)) sent=$(field $tmp/tx end tx_packets)
	echo "# at $1: $sent for the rule ($given to the socket, $lost lost by it), $((wire_sent - sent))" \
		"for the kernel, $wire_full that the veth had no room for"
}

# Below saturation is where the veth itself loses nothing, by its own count: half the rate until
# that is so.  Whatever the rate, the program takes the rule's frames and no other.
for rate in 100 50 25 12 6 3; do
	round ${rate}kpps
	[ "$wire_full" = 0 ] || continue
	break
done
is "$wire_full" 0 "at $rate kpps for the rule, with TCP, UDP and ping beside it, the veth has room for all"
is "$seen" "$wire_sent" "every frame came to the program"
is $((given + lost)) "$sent" "the rule's went to the socket or were counted as lost by it"
at_least "$given" $((sent * 9 / 10)) "most of them to the socket"
is $((seen - given - lost)) $((wire_sent - sent)) "all others, and no more, went on to the kernel"
like "$(cat $tmp/pings)" "100 packets transmitted, 100 received, 0% packet loss" \
	"100 pings through the kernel on the same interface, none lost"
at_least "$(iperf_field $tmp/udp end.sum.packets)" 1000 "iperf3: datagrams through the kernel"
is "$(iperf_field $tmp/udp end.sum.lost_packets)" 0 "none of them lost"
at_least "$(iperf_field $tmp/tcp end.sum_received.bytes)" 10000000 "iperf3: bytes over TCP as fast as it goes"

at near timeout 10 /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.0.1", 9000))
s.settimeout(8)
print(s.recv(100).decode())' >$tmp/heard &
listener=$!
until_true 50 at near sh -c 'ss -lun | grep -q :9000' || bail "nobody listens"
echo while | at far timeout 5 bash -c 'cat >/dev/udp/10.0.0.1/9000'
sleep 0.2
is "$(cat $tmp/heard)" "" "while rx runs, the kernel's listener on that port hears nothing"
kill -9 $rx
wait $rx 2>/dev/null
until_true 20 sh -c "! ip -n near -d link show v0 | grep -q prog/xdp"
is "$(programs near v0)" 0 "kill -9: the program is gone"
echo after | at far timeout 5 bash -c 'cat >/dev/udp/10.0.0.1/9000'
wait $listener
is "$(cat $tmp/heard)" "after" "and the kernel has that port's traffic again"
check "ping after" at far ping -c 1 -W 5 10.0.0.1

given=$(driver near v0 xdp_redirect)
# Once more, ended by SIGINT: the report agrees.
over v0
start near rx "${nic[@]}" rx v0 --backend "$backend" --rule 'udp dport 9000' --depth 4096 --json
rx=$pid
started $tmp/rx
over v1
at far "${nic[@]}" tx v1 --backend "$backend" "eth(dst=$mac)/ip(src=10.0.0.2,dst=10.0.0.1)/udp(dport=9000)" \
	--rate 10kpps --count 20k --json >$tmp/tx 2>&1
all_in() {
	[ $(($(driver near v0 xdp_redirect) - given)) = 20000 ]
}
until_true 20 all_in
stop $rx
wait $rx
is $? 0 "SIGINT ends rx with status 0"
is "$(field $tmp/rx end rx_packets)" $(($(driver near v0 xdp_redirect) - given)) "it counted what the driver gave it"
is "$(programs near v0)" 0 "no program is left"
finish
