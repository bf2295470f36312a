#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# tx and rx agree to the packet with the kernel's counters and with a capture, at 1, 2 and 4
# queues.
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
count=20000

spaces near far
for queues in 1 2 4; do
	wire near v0 - far v1 - $queues
	q="$queues queue(s)"

	# ---- tx: the kernel at both ends, and tcpdump
	start far capture tcpdump -i v1 -w $tmp/tx.pcap -B 65536 -U --immediate-mode -s 64 udp dst port 9000
	capture=$pid
	until_true 50 grep -q listening $tmp/capture.err || bail "tcpdump did not start"
	at near "$rawq" tx v0 'eth(dst=02:00:00:00:00:02)/ip(dst=10.0.0.2)/udp(dport=9000)' --size 64 \
		--count $count --rate 10kpps --queues $queues --json >$tmp/tx 2>$tmp/tx.err
	is $? 0 "tx, $q: status 0"
	# tcpdump forgets what it has not yet written when it ends: 24 bytes, and 16 a packet
	until_true 100 sh -c "[ \$(stat -c %s $tmp/tx.pcap) -ge $((24 + count * 80)) ]"
	kill -INT $capture
	wait $capture
	is "$(field $tmp/tx end tx_packets)" $count "tx, $q: says $count packets"
	is "$(field $tmp/tx end tx_bytes)" $((count * 64)) "tx, $q: of 64 bytes"
	is "$(counter near v0 tx_packets)" $count "tx, $q: so says the sending netdev"
	is "$(counter far v1 rx_packets)" $count "tx, $q: and the receiving one"
	captured=$(capinfos -Mc $tmp/tx.pcap | sed -n 's/.*Number of packets: *//p')
	missed=$(($(sed -n 's/ packets dropped by kernel//p' $tmp/capture.err) + $(counter far v1 rx_dropped)))
	is $((captured + missed)) $count "tx, $q: and the capture ($captured, $missed missed for want of time)"

	# ---- rx: the kernel's counters of both netdevs and of the XDP program
	start far rx "$rawq" rx v1 --rule 'udp dport 9000' --depth 4096 --json
	rx=$pid
	started $tmp/rx
	before=$(counter near v0 tx_packets)
	at near "$rawq" tx v0 'eth(dst=02:00:00:00:00:02)/ip(dst=10.0.0.2)/udp(dport=9000)' --size 64 \
		--count $count --rate 10kpps --queues $queues --json >$tmp/tx 2>$tmp/tx.err
	# What the kernel does not get to in time it drops and counts, so that the sum is exact.
	check "rx, $q: the driver saw $count packets" until_true 50 driver_is $count far v1 xdp_redirect drops
	given=$(driver far v1 xdp_redirect)
	kill -INT $rx
	wait $rx
	is $? 0 "rx, $q: status 0"
	is $(($(counter near v0 tx_packets) - before)) $count "rx, $q: the sending netdev counts as many"
	is "$(field $tmp/rx end rx_packets)" "$given" "rx, $q: rx has what it gave to the sockets"
	is "$(field $tmp/rx end rx_bytes)" $((given * 64)) "rx, $q: to the byte"
	at_least "$given" 1 "rx, $q: which is not nothing"
	ip -n near link del v0
done
finish
