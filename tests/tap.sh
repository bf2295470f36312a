#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq cap --tap: what another rawq process sends and receives, complete, while that one loses
# nothing by it; and the same as an interface of tshark's (extcap).
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
spaces near far
wire near v0 - far v1 -
packet='eth/ip(dst=10.0.0.2)/udp(dport=9,sport=inc(1..60000))'

send() {
	at near timeout 20 "$rawq" tx v0 "$packet" --count "$1" --rate 20kpps --engine queues --json >/dev/null
}
# ports FILE: the UDP source ports, in the file's order
ports() {
	timeout 30 tshark -n -r "$1" -T fields -e udp.srcport 2>$tmp/tshark.err
}
# tap NAME OPTION...: behind us, to $tmp/NAME.pcapng, events in $tmp/NAME
tap() {
	local name=$1
	shift
	start far "$name" "$rawq" cap v1 --tap -w "$tmp/$name.pcapng" --json "$@"
	started "$tmp/$name"
}

start far rx "$rawq" rx v1 --json --depth 16384
rx=$pid
started $tmp/rx
tap whole
send 5000
until_true 50 sh -c "[ \$(stat -c %s $tmp/whole.pcapng) -gt 300000 ]"
kill -INT $pid
wait $pid
is $? 0 "a tap ends well"
is "$(field $tmp/whole end written)" 5000 "5000 packets are said to be written"
is "$(ports $tmp/whole.pcapng | cksum)" "$(seq 5000 | cksum)" "all of them are there, in order"
is "$(grep -v root $tmp/tshark.err)" "" "tshark has nothing to complain of"
is "$(field $tmp/whole end dropped)" 0 "none found no room"

tap second --filter 'udp src portrange 1-10' --snap 50
send 1000
start far third "$rawq" cap v1 --tap -w $tmp/third.pcapng
wait $pid
is $? 3 "two at once are refused"
like "$(cat $tmp/third.err)" 'another one taps it' "with a sentence"
until_true 50 sh -c "[ \$(stat -c %s $tmp/second.pcapng) -gt 900 ]"
kill -9 "$(pgrep -f "cap v1 --tap -w $tmp/second")"
is "$(ports $tmp/second.pcapng | cksum)" "$(seq 10 | cksum)" "filtered, and readable after kill -9"
is "$(timeout 30 tshark -r $tmp/second.pcapng -T fields -e frame.cap_len -e frame.len 2>/dev/null | sort -u)" \
	"50	60" "50 bytes of each are kept"

tap again
send 1000
until_true 50 sh -c "[ \$(stat -c %s $tmp/again.pcapng) -gt 60000 ]"
kill -INT $rx
wait $rx
is $? 0 "the tapped program ends as ever"
is "$(field $tmp/rx end rx_packets)" 7000 "and has received everything"
wait $pid
is $? 0 "the tap ends with it"
is "$(field $tmp/again end written)" 1000 "with all of its packets"

start far echo "$rawq" echo v1 --rule 'udp dport 9'
until_true 50 has_program far v1 || bail "no echo"
tap both
send 100
until_true 50 sh -c "[ \$(stat -c %s $tmp/both.pcapng) -gt 20000 ]"
kill -INT $pid
wait $pid
is "$(timeout 30 tshark -r $tmp/both.pcapng -T fields -e frame.packet_flags_direction 2>/dev/null | sort | uniq -c | tr -s ' ')" \
	" 100 0x00000001
 100 0x00000002" "both directions are told apart"

# as tshark's own interface
folder=$(tshark -G folders 2>/dev/null | sed -n 's/^Extcap path:[[:space:]]*//p')
mount -t tmpfs none "$folder" && ln -s "$rawq" "$folder/rawq" || bail "no extcap folder '$folder'"
like "$(at far timeout 20 tshark -D 2>/dev/null)" 'rawq-v1 \(rawq: beside the kernel on v1\)' "tshark -D lists it"
start far shark timeout 60 tshark -n -l -i rawq-v1 -c 200 -T fields -e udp.port
shark=$pid
until_true 100 pgrep -f -- "--capture.*rawq-v1|rawq-v1.*--capture" || fail "tshark did not start it: $(cat $tmp/shark.err)"
for _ in 1 2 3 4 5 6; do
	send 50
	sleep 0.5
	[ -d /proc/$shark ] || break
done
wait $shark
is $? 0 "tshark -i ends well"
is "$(wc -l <$tmp/shark)" 200 "having shown 200 packets of the echo's"

kill -INT "$(pgrep -f 'echo v1')"
until_true 50 sh -c "! grep -q rawq-tap/v1 /proc/net/unix"

# the emulated card's queues: the same namespace, the same way
echo 'frame way=rx do=delay by=10ms every=1' >$tmp/faults
timeout 60 "$rawq" emu --ports 2 --wire cable -- "$rawq" lat rqemu0 rqemu1 --count 20000 --rate 10kpps --json >$tmp/lat &
lat=$!
started $tmp/lat
timeout 30 "$rawq" cap rqemu1 --tap -w $tmp/emu.pcapng --json >$tmp/emu 2>$tmp/emu.err
is $? 0 "a port of the emulated card is tapped until it goes: $(cat $tmp/emu.err)"
wait $lat
is "$(field $tmp/lat end lost)" 0 "which loses nothing"
n=$(field $tmp/emu end written)
at_least "$n" 1000 "packets are seen"
is "$(ports $tmp/emu.pcapng | wc -l)" "$n" "and in the file"

# refuse STATUS PATTERN OPTION...
refuse() {
	local status=$1 pattern=$2 said
	shift 2
	said=$(at far timeout 10 "$rawq" cap "$@" 2>&1)
	is $? "$status" "refused: $*"
	like "$said" "$pattern" "with a sentence"
}
refuse 3 'no rawq process works on v1' v1 --tap -w $tmp/x
refuse 2 'tap takes nothing from the wire' v1 --tap --rule all -w $tmp/x
refuse 2 'pid needs --tap' v1 --pid 1 --rule arp -w $tmp/x
refuse 3 'no such rawq process' v1 --tap --pid 1 -w $tmp/x
refuse 2 'give an interface' --tap -w $tmp/x
finish
