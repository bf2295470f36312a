#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq demo: a million packets from end to end, and nothing left behind however it ends.
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"

# field FILE FIELD: of the end event
field() {
	/usr/bin/python3 -c 'import json, sys
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == "end":
        print(event[sys.argv[2]])' "$1" "$2"
}

interfaces() { ip -brief link; }

# Start the demo, wait until all three children run; their pids in $children, its own in $demo.
begin() {
	rm -f $tmp/demo
	"$rawq" demo --json >$tmp/demo 2>$tmp/demo.err &
	demo=$!
	until_true 100 has_interval || bail "the demo did not begin: $(cat $tmp/demo.err)"
	children=$(ps -o pid= --ppid $demo)
}
has_interval() { grep -q interval $tmp/demo; }
child_named() { ps -o pid=,args= --ppid $demo | awk -v verb="$1" '$3 == verb { print $1 }'; }
children_gone() {
	local pid
	for pid in $children; do
		[ -d /proc/$pid ] && ! grep -q '^State:.[ZX]' /proc/$pid/status && return 1
	done
	return 0
}

before=$(interfaces)

said=$("$rawq" demo)
is $? 0 "for people it ends well"
like "$said" '^ +rx =+ [0-9.]+ [kM]pps$' "with rates"
like "$said" 'of 100 flows: lost 0, reordered 0, duplicated 0, corrupted 0' "with what became of the packets"
like "$said" 'latency min .* p99.99 .* max .*software' "and with their latency"
is "$(grep -E '^ +[0-9.]+ [num]?s #* +[0-9]+$' <<<"$said" | awk '{ sum += $NF } END { print sum }')" 1000000 \
	"the bars are all million packets"

# an ordinary user has the emulated card
for signal in none INT KILL; do
	rm -f $tmp/demo
	setpriv --reuid 65534 --regid 65534 --clear-groups "$rawq" demo --json >$tmp/demo 2>$tmp/demo.err &
	demo=$!
	if [ $signal != none ]; then
		until_true 200 grep -q interval $tmp/demo || bail "the demo did not begin: $(cat $tmp/demo.err)"
		kill -$signal $demo
	fi
	wait $demo 2>/dev/null
	code=$?
	check "an ordinary user's demo ($signal): no process is left" until_true 50 sh -c '! pgrep -u 65534 rawq'
	[ $signal = none ] || continue
	is $code 0 "it ends well: $(cat $tmp/demo.err)"
	is "$(field $tmp/demo nic)" emulated "on the emulated card"
	is "$(field $tmp/demo rx_packets)" 1000000 "with a million packets"
	is "$(field $tmp/demo lost)" 0 "and none lost"
	is "$(ls /dev/shm)" "" "no cable is left"
done

check "it exits with 0" "$rawq" demo --json
cp $tmp/said $tmp/demo
is "$(field $tmp/demo tx_packets)" 1000000 "a million packets were sent"
is "$(field $tmp/demo rx_packets)" 1000000 "a million packets were received"
is "$(field $tmp/demo dropped)" 0 "none was lost"
is "$(field $tmp/demo pings_answered)" "$(field $tmp/demo pings_sent)" "every ping came back"

for victim in tx fwd rx; do
	begin
	kill -KILL "$(child_named $victim)"
	wait $demo
	is $? 3 "a killed $victim ends it with 3"
	check "and the sentence names it: $(cat $tmp/demo.err)" grep -q "rawq $victim" $tmp/demo.err
	check "and no child is left" until_true 50 children_gone
done

begin
kill -INT $demo
wait $demo
is $? 1 "an interrupted demo ends with 1"
check "and no child is left" until_true 50 children_gone

begin
kill -KILL $demo
wait $demo 2>/dev/null
check "after kill -9 no child is left" until_true 50 children_gone
is "$(interfaces)" "$before" "no interface was left behind by any of them"

finish
