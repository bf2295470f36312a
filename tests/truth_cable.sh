#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq lat over a cable of the emulated card that goes wrong by a script: the report is the script,
# on mlx5 and on verbs, sleeping and polling.
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
count=20000

# through BACKEND FLOWS FAULT OPTION...: events to $tmp/lat
through() {
	local backend=$1 flows=$2
	echo "$3" >$tmp/faults
	shift 3
	timeout 60 "$rawq" emu --ports 2 --wire cable --faults $tmp/faults -- \
		"$rawq" lat rqemu0 rqemu1 --backend "$backend" --count $count --rate 100kpps --json \
		--packet "eth/ip/udp(dport=9)/sig(flow=inc(0..$((flows - 1))))" \
		--rule all --take-everything "$@" >$tmp/lat 2>$tmp/lat.err
}

# told NAME WANT...: the end event's numbers, all of them in one point
told() {
	is "$(/usr/bin/python3 -c '
import json, sys
end = [e for e in map(json.loads, open(sys.argv[1])) if e["event"] == "end"][-1]
print(*(end[k] for k in ("rx_packets", "lost", "reordered", "duplicated", "corrupted", "late", "dropped")))' \
		$tmp/lat)" "$2" "$1"
}

for backend in mlx5 verbs; do
	# each 50th is gone, and with 100 flows in turn two flows never come: known from the count sent
	through $backend 100 'frame way=tx do=drop every=50'
	told "$backend: 400 of 20000 lost" "19600 400 0 0 0 0 0"
	is "$(field $tmp/lat end flows)" 98 "two flows wholly"
	through $backend 10000 'frame way=tx do=drop every=7' --poll busy
	told "$backend: 2857 lost of 10000 flows, polling" "17143 2857 0 0 0 0 0"
	through $backend 100 'frame way=rx do=duplicate every=40'
	told "$backend: 500 duplicated" "20500 0 0 500 0 0 0"
	through $backend 100 'frame way=tx do=reorder every=30'
	told "$backend: what overtakes another flow is not out of order" "20000 0 0 0 0 0 0"
	through $backend 10000 'frame way=rx do=corrupt every=25' --poll busy
	told "$backend: 800 corrupted, wherever the bit, polling" "20000 0 0 0 800 0 0"
done

# latencies NAME WANT: by the card's clock, in ns; the cable has no length
latencies() {
	is "$(/usr/bin/python3 -c '
import json, sys
end = [e for e in map(json.loads, open(sys.argv[1])) if e["event"] == "end"][-1]["latency_ns"]
print(*(end[k] for k in ("method", "min", "p50", "p90", "max")))' $tmp/lat)" "$2" "$1"
}

through mlx5 100 'frame way=rx do=delay by=1ms every=1'
latencies "1 ms on every frame is 1 ms by the card's clock, exactly" "hardware 1000000 1000000 1000000 1000000"
is "$(field $tmp/lat end lost)" 0 "nothing is lost to it"
through mlx5 1 'frame way=tx do=delay by=3ms every=4' --poll busy
latencies "3 ms on every fourth, polling" "hardware 0 0 3000000 3000000"
# A step is in the times of what was on its way: left out where nothing can be true, and told as the
# card's clocks have it where it can (10 ms less 5 ms).
for step in -5ms 500ms 1200s; do
	through mlx5 100 "frame way=rx do=delay by=10ms every=1
clock at=300ms step=$step"
	least=10000000 # or what was on its way when the clock went back
	[ $step != -5ms ] || ! grep -q '"min":5000000,' $tmp/lat || least=5000000
	latencies "the card's clock steps by $step: nothing impossible is told" \
		"hardware $least 10000000 10000000 10000000"
done
through verbs 1 'frame way=rx do=delay by=20ms every=1' --times auto
at_least "$(/usr/bin/python3 -c "
import json
end = [json.loads(l) for l in open('$tmp/lat')][-1]['latency_ns']
print(end['min'] if end['method'] == 'software' else 0)")" 20000000 "verbs times no packets: by our clock"
timeout 60 "$rawq" emu --ports 2 --wire cable -- "$rawq" lat rqemu0 rqemu1 --backend verbs --count 1 \
	--times hardware >$tmp/said 2>&1
is $? 3 "hardware times from a port without are refused"
like "$(cat $tmp/said)" 'times hardware: rqemu0 and rqemu1 have no clock of one card' "with a sentence"
finish
