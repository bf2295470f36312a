#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq replay on the emulated card: the mapped file itself is registered and sent from, nothing is
# copied, and what arrives is the file byte for byte; changed packets are copied, and say so.
. "$(dirname "$0")/lib/emu.sh"

ports 1
ethtool -K far0 gro on >/dev/null 2>&1
"$rawq" show 'ip(src=10.0.0.0/24,dst=rand(10.9.0.0/16))/udp(sport=inc(1..65535),dport=7)/payload(fill=rand)' \
	--count 2000 --size 'list(64,1514,300)' --write $tmp/ns.pcap
editcap -F pcapng $tmp/ns.pcap $tmp/ns.pcapng 2>/dev/null

# catch BACKEND FILE REPLAY-ARGUMENT...: what arrives in $tmp/got.pcap, the report in $tmp/sent
catch() {
	local backend=$1 capture
	shift
	: >$tmp/tcpdump
	timeout 40 tcpdump -i far0 -s 2048 -B 65536 -Z root --time-stamp-precision=nano -U \
		-w $tmp/got.pcap --immediate-mode 2>$tmp/tcpdump &
	capture=$!
	until_true 150 grep -q listening $tmp/tcpdump
	timeout 40 "$rawq" emu --wire netdev=e0 --stats $tmp/stats -- \
		"$rawq" replay e0 --backend "$backend" --json "$@" >$tmp/sent 2>$tmp/sent.err ||
		sed 's/^/# /' $tmp/sent.err
	settled $tmp/got.pcap
	kill -INT $capture
	wait $capture
}

config() {
	/usr/bin/python3 -c "
import json
end = [json.loads(l) for l in open('$tmp/sent')][-1]
print(end['config']['$1'], end['tx_completed'])"
}

for backend in mlx5 verbs; do
	for file in ns.pcap ns.pcapng; do
		catch $backend $tmp/$file --rate 5kpps
		is "$(config mapped)" "True 2000" "$backend sends $file from the mapped file"
		check "$backend: as it is" /usr/bin/python3 "$RAWQ_SOURCE/tests/tx_live.py" $tmp/got.pcap $tmp/ns.pcap
		is "$(stat_of $tmp/stats violations)" 0 "$backend: by the card's rules"
	done
	catch $backend $tmp/ns.pcap --rate 5kpps --vlan 7
	is "$(config mapped)" "False 2000" "$backend copies what it changes"
done
finish
