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

start near rx "$rawq" rx v0 --rule 'udp dport 9000' --depth 4096 --json
rx=$pid
started $tmp/rx
start near server iperf3 -s
until_true 50 at near sh -c 'ss -ltn | grep -q :5201' || bail "iperf3 does not listen"

start far tx "$rawq" tx v1 "eth(dst=$mac)/ip(src=10.0.0.2,dst=10.0.0.1)/udp(dport=9000)" \
	--rate 10kpps --count 50k --json
tx=$pid
started $tmp/tx
start far pings ping -q -c 200 -i 0.015 -W 5 10.0.0.1
pings=$pid
at far timeout 30 iperf3 -J -b 100M -c 10.0.0.1 -t 3 >$tmp/tcp.json 2>&1
wait $pings
wait $tx
is $? 0 "tx ends by itself"
like "$(cat $tmp/pings)" "200 packets transmitted, 200 received, 0% packet loss" \
	"200 pings through the kernel on the same interface, none lost"
bytes=$(/usr/bin/python3 -c 'import json
print(json.load(open("'$tmp'/tcp.json"))["end"]["sum_received"]["bytes"])')
at_least "${bytes-0}" 30000000 "TCP through the kernel meanwhile, bytes"
sent=$(field $tmp/tx end tx_packets)
is "$sent" 50000 "tx sent 50000, to the packet"
given=$(driver near v0 xdp_redirect)
at_least $((given + $(driver near v0 drops))) "$sent" "which came to the socket, or were counted as lost"
at_least "$given" 40000 "most of them to the socket"

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
# The same once more, ended by SIGINT: the report agrees.
start near rx "$rawq" rx v0 --rule 'udp dport 9000' --depth 4096 --json
rx=$pid
started $tmp/rx
at far "$rawq" tx v1 "eth(dst=$mac)/ip(src=10.0.0.2,dst=10.0.0.1)/udp(dport=9000)" \
	--rate 10kpps --count 20k --json >$tmp/tx 2>&1
all_in() {
	[ $(($(driver near v0 xdp_redirect) - given)) = 20000 ]
}
until_true 20 all_in
kill -INT $rx
wait $rx
is $? 0 "SIGINT ends rx with status 0"
is "$(field $tmp/rx end rx_packets)" $(($(driver near v0 xdp_redirect) - given)) "it counted what the driver gave it"
is "$(programs near v0)" 0 "no program is left"
finish
