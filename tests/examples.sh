#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The programs of examples/ do what they say, on a veth pair.
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
examples=$RAWQ_BUILD/examples

for f in "$RAWQ_SOURCE"/examples/*.c; do
	is $(($(wc -l <"$f") < 60)) 1 "$(basename "$f") has under 60 lines"
done

spaces near far
wire near v0 10.0.0.1/24 far v1 10.0.0.2/24

before=$(counter far v1 rx_packets)
is "$(at near "$examples/example-send" v0 100000)" "100000 packets" "send says 100000"
is $(($(counter far v1 rx_packets) - before)) 100000 "the kernel counted them at the far end"

start near counted "$examples/example-count" v0 9000 5
until_true 50 has_program near v0 || bail "no program came"
for i in 1 2 3 4 5; do
	echo "$i" | at far timeout 5 bash -c 'cat >/dev/udp/10.0.0.1/9000'
done
check "ping answers meanwhile" at far ping -c 3 -i 0.2 -W 2 10.0.0.1
wait $pid
is "$(cat $tmp/counted)" "5 packets" "count got the five packets to its port"

start near reflecting "$examples/example-reflect" v0
until_true 50 has_program near v0 || bail "no program came"
at far /usr/bin/python3 - >$tmp/reflected <<'END'
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
s.bind(('v1', 0x88b5))
s.settimeout(5)
good = 0
for i in range(2000):
    body = b'\x88\xb5' + i.to_bytes(4, 'big') * 12
    s.send(b'\x02\0\0\0\0\2' + b'\x02\0\0\0\0\1' + body)
    good += s.recv(2048) == b'\x02\0\0\0\0\1' + b'\x02\0\0\0\0\2' + body
print(good)
END
is "$(cat $tmp/reflected)" 2000 "reflect returned each frame with its MAC addresses swapped"
kill -9 $pid
wait $pid 2>/dev/null
is "$(programs near v0)" 0 "killed, it leaves no program behind"
for program in count reflect send; do
	said=$(at near "$examples/example-$program" nosuch 9 1 2>&1 >/dev/null)
	like "$said" "usage|nosuch.*no such interface" "$program refuses an unknown interface"
done
finish
