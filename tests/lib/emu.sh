#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# For tests that run programs on the emulated ConnectX.  Sourced first thing; brings lib/net.sh:
#
#   . "$(dirname "$0")/lib/emu.sh"
#
# Ports of a test sit on netdevs e0, e1... (MAC 02:00:00:00:00:01, :02...) of its own world.
# shellcheck disable=SC2034
. "$(dirname "${BASH_SOURCE[0]}")/net.sh"

mac0=02:00:00:00:00:01 mac1=02:00:00:00:00:02

# ports N [MTU]: netdevs for N ports, up, nobody at their other end
ports() {
	local i mtu=${2-1500}
	for ((i = 0; i < $1; i++)); do
		ip link add "e$i" mtu "$mtu" type veth peer name "far$i" mtu "$mtu" ||
			bail "no netdev e$i"
		for d in "e$i" "far$i"; do
			echo 1 >"/proc/sys/net/ipv6/conf/$d/disable_ipv6"
		done
		ip link set "e$i" address "02:00:00:00:00:0$((i + 1))" &&
			ip link set "far$i" up && ip link set "e$i" up || bail "no netdev e$i"
	done
}

# need PROGRAM...: skip the whole script, with the reason, when one is not installed
need() {
	local p
	for p; do
		command -v "$p" >/dev/null || {
			echo "1..0 # SKIP $p is not installed"
			exit 0
		}
	done
}

# stat FILE KEY [PORT]: a number from what `rawq emu --stats` wrote, summed over its processes
stat_of() {
	/usr/bin/python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
key, port = sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0
if key in ("violations", "leaks"):
    print(sum(p[key] for p in d["processes"]))
else:
    print(sum(p["ports"][port][key] for p in d["processes"]))' "$@"
}

# lossless FILE [PORT]: nothing was lost at this port, nothing broken, by its counters
lossless() {
	local key got
	for key in rx_out_of_buffer rx_missed rx_not_ready rx_too_long cqe_errors wire_tx_lost \
		wire_rx_lost; do
		got=$(stat_of "$1" $key "${2-0}")
		[ "$got" = 0 ] || {
			echo "$key is $got"
			return 1
		}
	done
	[ "$(stat_of "$1" violations)" = 0 ] || {
		echo "violations"
		return 1
	}
}
