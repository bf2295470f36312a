#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# For shell tests: TAP, and a world of the test's own.  Sourced first thing:
#
#   . "$(dirname "$0")/lib/net.sh"
#
# runs the script again in fresh network, mount and process namespaces.  Whatever it starts or
# makes (processes, namespaces, netdevs, mounts) goes when it ends, however it ends.
set -u
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 0
fi
if [ -z "${RAWQ_TEST_WORLD-}" ]; then
	export RAWQ_TEST_WORLD=1
	exec unshare --net --mount --pid --fork --kill-child --mount-proc \
		bash "$0" "$@" </dev/null
fi
mount -t tmpfs none /run && mount -t tmpfs none /dev/shm && mkdir -p /run/netns && ip link set lo up ||
	{ echo "Bail out! no world"; exit 1; }

RAWQ_SOURCE=${RAWQ_SOURCE-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
RAWQ_BUILD=${RAWQ_BUILD-$RAWQ_SOURCE/build}
# shellcheck disable=SC2034
rawq=$RAWQ_BUILD/rawq
tmp=/run/test
mkdir $tmp
points=0 broken=0

pass() {
	points=$((points + 1))
	echo "ok $points - $*"
}

fail() {
	points=$((points + 1)) broken=1
	echo "not ok $points - $*"
}

# skip NAME REASON: listed in tests/expected-skips
skip() {
	points=$((points + 1))
	echo "ok $points - $1 # SKIP $2"
}

# check NAME COMMAND...: the command succeeds; what it said is shown if it does not.
check() {
	local name=$1
	shift
	if "$@" >$tmp/said 2>&1; then
		pass "$name"
	else
		fail "$name"
		echo "# status $? of: $*"
		tail -n 20 $tmp/said | sed 's/^/# /'
	fi
}

# settled FILE: wait until whoever writes it has caught up: half a second without a byte more
settled() {
	local was=-1 size tries
	for ((tries = 0; tries < 20; tries++)); do
		size=$(stat -c %s "$1" 2>/dev/null || echo 0)
		[ "$size" != "$was" ] || return 0
		was=$size
		sleep 0.5
	done
}

# is GOT WANT NAME
is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3"
		echo "# got '$1', want '$2'"
	fi
}

# at_least GOT LEAST NAME
at_least() {
	if [ "$1" -ge "$2" ] 2>/dev/null; then
		pass "$3 ($1)"
	else
		fail "$3"
		echo "# got '$1', want at least $2"
	fi
}

# like TEXT PATTERN NAME: extended regular expression
like() {
	if grep -qE -- "$2" <<<"$1"; then
		pass "$3"
	else
		fail "$3"
		echo "# '$1' is not like /$2/"
	fi
}

bail() {
	echo "Bail out! $*"
	exit 1
}

finish() {
	echo "1..$points"
	exit $broken
}

# until_true TENTHS COMMAND...: as soon as it succeeds, or false after so many tenths of a second.
until_true() {
	local left=$1
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ $((left--)) -gt 0 ] || return 1
		sleep 0.1
	done
}

# spaces NAME...: network namespaces
spaces() {
	local s
	for s; do
		ip netns add "$s" && ip -n "$s" link set lo up || bail "no namespace $s"
	done
}

# at SPACE COMMAND...
at() {
	local s=$1
	shift
	ip netns exec "$s" "$@"
}

# start SPACE NAME COMMAND...: behind us; $pid, its output in $tmp/NAME and $tmp/NAME.err
start() {
	local s=$1 name=$2
	shift 2
	# nothing that an earlier one said is to be taken for what this one says
	: >"$tmp/$name"
	: >"$tmp/$name.err"
	ip netns exec "$s" "$@" >"$tmp/$name" 2>"$tmp/$name.err" &
	# shellcheck disable=SC2034
	pid=$!
}

# wire SPACE IF ADDRESS SPACE IF ADDRESS [QUEUES] [MTU]: a veth pair; ADDRESS '-' for none.  No
# IPv6, so that nothing moves on it unasked.
wire() {
	local q=${7-1} mtu=${8-1500}
	ip -n "$1" link add "$2" mtu "$mtu" numrxqueues "$q" numtxqueues "$q" type veth \
		peer name "$5" netns "$4" mtu "$mtu" numrxqueues "$q" numtxqueues "$q" ||
		bail "no veth pair $2 $5"
	set -- "$1" "$2" "$3" "$4" "$5" "$6"
	while [ $# -gt 0 ]; do
		at "$1" sh -c "echo 1 >/proc/sys/net/ipv6/conf/$2/disable_ipv6"
		[ "$3" = - ] || ip -n "$1" addr add "$3" dev "$2"
		ip -n "$1" link set "$2" up
		shift 3
	done
}

# over IF...: $nic, the command that runs rawq with these interfaces as ports of $backend, which is
# the script's first argument: xdp if there is none; mlx5 and verbs on the emulated card, each port's
# wire being the interface.  Add --backend "$backend" behind the verb.
backend=${1-xdp}
# shellcheck disable=SC2034
over() {
	nic=("$rawq")
	[ "$backend" = xdp ] || nic=("$rawq" emu "${@/#/--wire=netdev=}" -- "$rawq")
}

# stop PID: as Ctrl-C would; rawq emu passes on SIGTERM
stop() {
	if [ "$backend" = xdp ]; then kill -INT "$1"; else kill "$1"; fi
}

# counter SPACE IF NAME: of the kernel, for instance tx_packets
counter() {
	at "$1" cat "/sys/class/net/$2/statistics/$3"
}

# driver SPACE IF NAME...: sum of a veth's counters over its queues: xdp_redirect (given to
# sockets), drops (the kernel did not get to it in time, or no socket had room)
driver() {
	local s=$1 i=$2
	shift 2
	at "$s" ethtool -S "$i" | grep -E "rx_queue_[0-9]+_($(tr ' ' '|' <<<"$*")):" |
		awk '{ sum += $2 } END { print sum + 0 }'
}

# driver_is WANT SPACE IF NAME...
driver_is() {
	[ "$(driver "${@:2}")" = "$1" ]
}

# programs SPACE IF: how many XDP programs sit there
programs() {
	ip -n "$1" -d link show "$2" | grep -c 'prog/xdp'
}

has_program() {
	[ "$(programs "$1" "$2")" -gt 0 ]
}

# field FILE EVENT NAME: of the last such event that rawq --json printed
field() {
	/usr/bin/python3 -c '
import json, sys
found = None
for line in open(sys.argv[1]):
    if line.startswith("{"):
        e = json.loads(line)
        if e["event"] == sys.argv[2]:
            found = e
print(found.get(sys.argv[3], "absent") if found else "no event")' "$@"
}

# started FILE: rawq --json has printed its start event there
started() {
	until_true 100 grep -q '"event": *"start"' "$1" || bail "$1 did not start: $(cat "$1"*)"
}

# iperf_field FILE PATH: a number of what iperf3 -J wrote, as end.sum.lost_packets
iperf_field() {
	/usr/bin/python3 -c 'import json,sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2].split("."):
    v = v.get(k, "no " + k) if isinstance(v, dict) else v
print(int(v) if isinstance(v, float) else v)' "$1" "$2"
}
