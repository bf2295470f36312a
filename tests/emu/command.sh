#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq emu: other people's programs find the devices, and the run leaves nothing behind.
. "$(dirname "$0")/../lib/net.sh"

nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
emu() {
	timeout -k 5 50 "$rawq" emu "$@"
}
# A static program needs no libc: just ELF without an interpreter.
static_program() {
	printf 'int main(void) { return 0; }\n' | gcc -static -x c -o $tmp/static - 2>/dev/null
}
chmod 1777 $tmp

# ---- Discovery ----
like "$(emu --ports 2 -- ibv_devices)" 'mlx5_1 ' "ibv_devices lists two ports"
said=$(emu -- ibv_devinfo -v)
like "$said" 'vendor_part_id:.*4125' "ibv_devinfo -v: a ConnectX-6 Dx"
like "$said" 'state:.*PORT_ACTIVE' "ibv_devinfo -v: the port is active"
like "$said" 'SUPPORT_RAW_PACKET' "ibv_devinfo -v: TSO, RSS and pacing on raw packets"
like "$(nobody "$rawq" emu -- ibv_devinfo -v)" 'state:.*PORT_ACTIVE' "an ordinary user sees the same"
like "$(nobody "$rawq" emu --netdev none -- ibv_devices)" 'mlx5_0 ' "and without a netdev"

# ---- Counters in the file tree: port_xmit_data is in words of four bytes ----
is "$(emu --netdev none --wire drop -- bash -c '
	raw_ethernet_bw --client -d mlx5_0 -E 02:00:00:00:00:02 -B 02:00:00:00:00:01 -s 64 -n 1000 >/dev/null 2>&1
	d=/sys/class/infiniband/mlx5_0/ports/1
	echo $(cat $d/counters/port_xmit_packets $d/counters/port_xmit_data $d/hw_counters/out_of_buffer)')" "1000 15000 0" \
	"counters and hw_counters tell of perftest's 1000 frames of 60 bytes"

# ---- The netdev agrees with the device ----
emu -- bash -c '
	port=$(echo /sys/class/infiniband/mlx5_0/device/net/*)
	if=${port##*/}
	echo driver=$(basename "$(readlink -f /sys/class/net/$if/device/driver)")
	[ "$(basename "$(realpath /sys/class/net/$if/device)")" = \
		"$(sed -n s/PCI_SLOT_NAME=//p /sys/class/infiniband/mlx5_0/device/uevent)" ] && echo pci=same
	ethtool -i $if
	ethtool $if
	echo "mac $(cat /sys/class/net/$if/address) gid $(cat /sys/class/infiniband/mlx5_0/ports/1/gids/0)"
	ip link set $if mtu 9000
	ibv_devinfo | grep active_mtu
	ip link set $if down
	sleep 0.5
	ibv_devinfo | grep state:
' >$tmp/netdev 2>&1
said=$(cat $tmp/netdev)
like "$said" '^driver=mlx5_core$' "the netdev's driver is mlx5_core"
like "$said" '^pci=same$' "its PCI function is the device's"
like "$said" '^driver: mlx5_core$' "ethtool says so too"
like "$said" 'Speed: 100000Mb/s' "100 Gb/s"
gid=$(sed -nE 's/^mac 02:(..):(..):(..):(..):(..) .*/00\1:\2ff:fe\3:\4\5/p' $tmp/netdev)
like "$said" "^mac .* gid fe80:0000:0000:0000:$gid\$" "the GID is made of its MAC"
like "$said" 'active_mtu:.*4096' "a large MTU is the port's"
like "$said" 'state:.*PORT_DOWN' "and so is its being down"

# ---- Events ----
emu -- bash -c '
	if=$(basename /sys/class/infiniband/mlx5_0/device/net/*)
	ibv_asyncwatch -d mlx5_0 & sleep 0.5
	ip link set $if down; sleep 0.3
	ip link set $if up; sleep 0.3
	kill $!' >$tmp/async 2>&1
like "$(cat $tmp/async)" IBV_EVENT_PORT_ERR "link down: an asynchronous event"
like "$(cat $tmp/async)" IBV_EVENT_PORT_ACTIVE "link up: another"

# ---- The run ----
emu -- sh -c 'exit 42'
is $? 42 "the program's exit code is kept"
emu -- sh -c 'kill -9 $$'
is $? 137 "128 + 9 when signal 9 ended it"
emu -- no-such-program 2>$tmp/err
is $? 3 "a program that is not there: 3"
emu --wire bogus -- ibv_devices 2>$tmp/err
is $? 2 "a wire that is not known: 2"
like "$(cat $tmp/err)" "wire 'bogus'" "with a sentence"
if static_program; then
	emu -- $tmp/static 2>$tmp/err
	is $? 3 "a static program: 3"
fi
is "$(ip -br link show type tun)" "" "no netdev is left"
emu --stats $tmp/stats.json -- raw_ethernet_bw -d mlx5_0 --client -E 02:00:00:00:00:01 \
	-B 02:00:00:00:00:02 -s 64 -n 5000 >/dev/null 2>$tmp/err
is "$(/usr/bin/python3 -c "
import json
run = json.load(open('$tmp/stats.json'))
print(run['exit'], run['processes'][0]['ports'][0]['tx_packets'], run['processes'][0]['violations'])")" \
	"0 5000 0" "statistics: what perftest sent, and nothing broken"
like "$(cat $tmp/err)" 'leak: mlx5_0: closed with 1 CQ not destroyed' "the CQ that perftest forgets is told"

# ---- Killed ----
"$rawq" emu -- sleep 60 &
pid=$!
until_true 50 sh -c 'ip -br link show type tun | grep -q rqemu'
child=$(pgrep -P $pid)
dir=$(tr '\0' '\n' </proc/$child/environ | sed -n s/^RAWQ_EMU=//p)
kill -9 $pid
wait $pid 2>/dev/null
until_true 50 sh -c "! ip -br link show type tun | grep -q rqemu"
is "$(ip -br link show type tun)" "" "kill -9 of the launcher: the netdev is gone"
check "and the program" until_true 20 sh -c "! kill -0 $child"
rm -rf "${dir:?}"
finish
