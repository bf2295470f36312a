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
