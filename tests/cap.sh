#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq cap: what its counters say is in the file, in order, read by tshark and capinfos; and the
# file can be read however the capture ended.
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
spaces near far
wire near v0 - far v1 -
packet='eth/ip(dst=10.0.0.2)/udp(dport=9,sport=inc(1..60000))'

# capture NAME OPTION...: behind us, to $tmp/NAME.pcapng, events in $tmp/NAME
capture() {
	local name=$1
	shift
	over v1
	start far "$name" "${nic[@]}" cap v1 --backend "$backend" --rule 'udp dport 9' -w "$tmp/$name.pcapng" --json "$@"
	started "$tmp/$name"
}
# send N: at a rate that even a slow machine takes
send() {
	over v0
	at near timeout 20 "${nic[@]}" tx v0 "$packet" --backend "$backend" --count "$1" --rate 20kpps --json >/dev/null
}
# ports FILE...: the UDP source ports, in the file's order
ports() {
	timeout 30 tshark -n -r "$1" -T fields -e udp.srcport 2>$tmp/tshark.err
}
frames() {
	ports "$1" | wc -l
}

capture whole --count 5000 --for 20s --comment 'a < b & "c"'
send 5000
wait $pid
is $? 0 "a capture ends well"
is "$(field $tmp/whole end written)" 5000 "5000 packets are said to be written"
is "$(ports $tmp/whole.pcapng | cksum)" "$(seq 5000 | cksum)" "all of them are there, in order"
is "$(grep -v root $tmp/tshark.err)" "" "tshark has nothing to complain of"
said=$(capinfos $tmp/whole.pcapng 2>&1)
like "$said" 'Time precision = nanoseconds' "times are in ns"
like "$said" 'Strict time order: +True' "and ascend"
like "$said" 'a < b & "c"' "the comment is in the header"
like "$said" 'Name = v1' "and the interface's name"
like "$said" 'Capture application: +rawq' "and who captured"
like "$said" 'Number of stat entries = 1' "statistics are at the end"
is "$(timeout 30 tshark -r $tmp/whole.pcapng -c 1 -T fields -e frame.packet_flags_direction 2>/dev/null)" \
	0x00000001 "packets are marked as received"

capture few --filter 'udp src portrange 100-199' --snap 50 --for 2s
send 1000
wait $pid
is "$(ports $tmp/few.pcapng | cksum)" "$(seq 100 199 | cksum)" "a libpcap filter keeps 100 of 1000"
is "$(field $tmp/few end filtered)" 900 "the others are counted"
is "$(timeout 30 tshark -r $tmp/few.pcapng -T fields -e frame.cap_len -e frame.len 2>/dev/null | sort -u)" \
	"50	60" "50 bytes of each are kept"

capture ring --rotate-size 20kB --ring 3 --count 1000 --for 20s
send 1000
wait $pid
is "$(field $tmp/ring end written)" 1000 "1000 packets over several files"
files=("$tmp"/ring_*.pcapng)
is ${#files[@]} 3 "of which three are left"
is "$(field $tmp/ring end last_file)" "${files[2]}" "the last one is the event's"
for f in "${files[@]}"; do
	is $(($(stat -c %s "$f") <= 20000)) 1 "$(basename "$f") is no larger than asked"
	like "$(capinfos "$f" 2>&1)" 'Filter string = rule: udp dport 9$' "and says what is in it"
done
is "$(for f in "${files[@]}"; do ports "$f"; done | cksum)" \
	"$(seq $((1001 - $(for f in "${files[@]}"; do ports "$f"; done | wc -l))) 1000 | cksum)" \
	"they hold the last packets, none missing between files"

capture timed --rotate-time 300ms --for 4s
send 20000
wait $pid
n=$(field $tmp/timed end files)
at_least "$n" 3 "a new file every 300 ms"
is "$(for f in "$tmp"/timed_*; do ports "$f"; done | cksum)" "$(seq 20000 | cksum)" \
	"no packet is missing between them"

capture killed
send 3000
until_true 50 sh -c "[ \$(stat -c %s $tmp/killed.pcapng) -gt 300000 ]"
kill -9 $pid
wait $pid 2>/dev/null
is "$(ports $tmp/killed.pcapng | cksum)" "$(seq 3000 | cksum)" "killed: the file is whole"
is "$(grep -v root $tmp/tshark.err)" "" "and read without complaint"
is "$(programs far v1)" 0 "the traffic is the kernel's again"

mkdir $tmp/small && mount -t tmpfs -o size=256k none $tmp/small
over v1
start far full "${nic[@]}" cap v1 --backend "$backend" --rule 'udp dport 9' -w $tmp/small/x.pcapng --json
started $tmp/full
send 10000
wait $pid
is $? 3 "a full disk ends the capture"
like "$(cat $tmp/full.err)" 'x.pcapng: No space left on device; [0-9]+ packets are written' \
	"with a sentence"
is "$(ports $tmp/small/x.pcapng | cksum)" "$(seq "$(field $tmp/full end written)" | cksum)" \
	"what is said to be written is in the file"
is "$(grep -v root $tmp/tshark.err)" "" "which ends behind a whole packet"

# refuse STATUS PATTERN OPTION...
refuse() {
	local status=$1 pattern=$2 said
	shift 2
	said=$(at far timeout 10 "$rawq" cap v1 "$@" 2>&1)
	is $? "$status" "refused: $*"
	like "$said" "$pattern" "with a sentence"
}
refuse 2 'give -w FILE and --rule' --rule 'udp dport 9'
refuse 2 'give -w FILE and --rule' -w $tmp/x
refuse 2 "filter 'udp prot 9'" -w $tmp/x --rule 'udp dport 9' --filter 'udp prot 9'
refuse 2 'ring needs' -w $tmp/x --rule 'udp dport 9' --ring 3
refuse 3 'No such file or directory' -w $tmp/no/such --rule 'udp dport 9'
refuse 2 'needs a value' -w
finish
