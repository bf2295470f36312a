#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Faults on purpose, seen by a program that knows nothing of them: perftest's client, and what it sends
# written to a file.
. "$(dirname "$0")/lib/emu.sh"
need raw_ethernet_bw
ports 1

# sender WIRE PLAN N: perftest sends N frames of 60 bytes under a plan of faults
sender() {
	printf '%s\n' "$2" >$tmp/plan
	rm -f $tmp/trace
	timeout 20 "$rawq" emu --netdev e0 --faults $tmp/plan --trace $tmp/trace --stats $tmp/stats.json --wire "$1" -- \
		raw_ethernet_bw --client -d mlx5_0 -E $mac1 -B $mac0 -s 64 -n "$3" >$tmp/said 2>&1
}
# in_file: how many frames came to the file, and how many different ones
in_file() {
	/usr/bin/python3 -c "
from scapy.all import RawPcapReader
got = [f for f, _ in RawPcapReader('$tmp/out.pcap')]
print(len(got), len(set(got)))"
}
# frames PLAN: how many of 1000 come to the file
frames() {
	sender "pcap=,$tmp/out.pcap" "$1" 1000 || echo "perftest fails"
	in_file | cut -d' ' -f1
}

is "$(frames '# none')" 1000 "no fault: 1000 frames"
kinds=$(in_file | cut -d' ' -f2) # perftest sends the contents of its buffer in turn
is "$(frames 'frame way=tx do=drop every=10')" 900 "drop: every tenth is missing"
is "$(stat_of $tmp/stats.json wire_tx_lost)" 100 "drop: and counted"
is "$(frames 'frame way=tx do=duplicate every=10')" 1100 "duplicate: every tenth comes twice"
is "$(frames 'frame way=tx do=delay at=1000 by=50ms')" 1000 "delay: a late frame comes"
is "$(frames 'frame way=tx do=reorder every=2')" 1000 "reorder: all come"
is "$(frames 'doorbell queue=sq do=late every=7 by=300us')" 1000 "late doorbells: all come"
is "$(frames 'doorbell queue=sq do=twice every=3')" 1000 "doorbells served twice: none is sent twice"
is "$(frames 'doorbell queue=sq do=lose at=5')" 1000 "a lost doorbell: the next one makes up for it"
frames 'frame way=tx do=corrupt every=100' >/dev/null
is "$(in_file)" "1000 $((kinds + 10))" "corrupt: ten of 1000 are like no other"

# A link that goes with a frame, whenever that is.
is "$(frames 'frame way=tx do=unplug at=501 by=60s')" 500 "unplugged: half of the frames is through before"
is "$(stat_of $tmp/stats.json wire_tx_lost)" 500 "unplugged: the rest is counted as lost"
is "$(grep -c 'port event 10$' $tmp/trace)" 1 "unplugged: the program is told"
check "a link flap: perftest completes" sender drop 'frame way=tx do=unplug every=300000 by=20ms' 1000000
at_least "$(stat_of $tmp/stats.json wire_tx_lost)" 3 "a link flap: what was sent meanwhile is counted as lost"

sender drop 'wqe queue=sq at=300 syndrome=0x04' 1000
like "$? $(cat $tmp/said)" '^[1-9].*' "an error completion: perftest gives up"
like "$(cat $tmp/said)" 'Completion with error|syndrom' "an error completion: and says why"
at_least "$(stat_of $tmp/stats.json cqe_errors)" 1 "an error completion: is counted"
for call in alloc_pd reg_mr create_cq create_qp; do
	sender drop "call name=$call at=1 errno=ENOMEM" 1000
	is "$([ $? -ne 0 ] && echo failed)" failed "$call fails: perftest does, and cleans up"
done
sender drop 'frame way=up do=drop at=1' 10
like "$(cat $tmp/said)" "faults line 1: 'up' is no value of 'way'" "a plan that is wrong is refused by line"
finish
