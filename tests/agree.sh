#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# tx and rx agree to the packet with the kernel's counters and with a capture, at 1, 2 and 4
# queues.
#
# The capture is whole at the first try because nothing in its way is short of room: 64 MiB of ring
# of packets cut to 64 bytes, written one by one (-U), so that the file's size says when the last
# one is there; only then is tcpdump asked to end, for it drops what it has not read by then.
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
count=20000
packet='eth(dst=02:00:00:00:00:02)/ip(dst=10.0.0.2)/udp(dport=9000)'

send() {
	over v0
	at near "${nic[@]}" tx v0 "$packet" --backend "$backend" --size 64 --count $count --rate 10kpps --queues $queues \
		--engine queues --json >$tmp/tx 2>$tmp/tx.err
}

tx_captured() {
	start far capture tcpdump -i v1 -w $tmp/tx.pcap -B 65536 -U --immediate-mode -s 64 udp dst port 9000
	local capture=$pid
	until_true 50 grep -q listening $tmp/capture.err || bail "tcpdump did not start"
	send
	status=$?
	# tcpdump forgets what it has not yet written when it ends: 24 bytes, and 16 a packet
	until_true 300 sh -c "[ \$(stat -c %s $tmp/tx.pcap) -ge $((24 + count * 80)) ]"
	kill -INT $capture
	wait $capture
	captured=$(capinfos -Mc $tmp/tx.pcap | sed -n 's/.*Number of packets: *//p')
}

rx_given() {
	over v1
	start far rx "${nic[@]}" rx v1 --backend "$backend" --rule 'udp dport 9000' --depth 4096 --json
	local rx=$pid
	started $tmp/rx
	given_before=$(driver far v1 xdp_redirect)
	send
	until_true 20 driver_is $((given_before + count)) far v1 xdp_redirect
	stop $rx
	wait $rx
	status=$?
	given=$(($(driver far v1 xdp_redirect) - given_before))
	lost=$(($(counter near v0 tx_dropped) + $(driver far v1 drops)))
}

spaces near far
for queues in 1 2 4; do
	q="$queues queue(s)"
	wire near v0 - far v1 - $queues
	tx_captured
	is $status 0 "tx, $q: status 0"
	is "$(field $tmp/tx end tx_packets)" $count "tx, $q: says $count packets"
	is "$(field $tmp/tx end tx_bytes)" $((count * 64)) "tx, $q: of 64 bytes"
	is "$(counter near v0 tx_packets)" $count "tx, $q: so says the sending netdev"
	is "$(counter far v1 rx_packets)" $count "tx, $q: and the receiving one"
	is "$captured" $count "tx, $q: and the capture"
	[ "$captured" = $count ] || sed 's/^/# /' $tmp/capture.err

	rx_given
	is $status 0 "rx, $q: status 0"
	is "$(field $tmp/rx end rx_packets)" "$given" "rx, $q: rx has what the driver gave to the sockets"
	is "$(field $tmp/rx end rx_bytes)" $((given * 64)) "rx, $q: to the byte"
	# a veth holds 256 packets for a CPU that is late, and counts what comes on top
	is $((given + lost)) $count "rx, $q: which is all ($lost lost by the veth for want of CPU)"
	ip -n near link del v0
done
finish
