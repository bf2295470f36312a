#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What cannot be is refused: one clear sentence, status 2 (usage) or 3 (environment), and nothing
# left behind.
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"

spaces near far
wire near v0 10.0.0.1/24 far v1 10.0.0.2/24 2
ip -n near link add d0 type veth peer name d1 # stays down
install -m 755 "$rawq" /run/rawq # where an ordinary user can read it
rawq=/run/rawq
nobody="setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all"
small="prlimit --memlock=65536 setpriv --inh-caps=-ipc_lock --bounding-set=-ipc_lock"
fewer="setpriv --inh-caps=-perfmon,-sys_admin --bounding-set=-perfmon,-sys_admin"

# refused STATUS PATTERN NAME COMMAND...: on stderr one sentence; behind it at most the text with
# a mark under the place, and a hint.
refused() {
	local want=$1 pattern=$2 name=$3 got
	shift 3
	case $backend,$name in
	xdp,*) ;;
	*"no permission" | *"memory-lock budget" | *"may not be loaded" | *"program is attached"*)
		skip "$name: status $want" "the emulated card's half of the kernel asks for no privileges"
		return
		;;
	*) set -- "$RAWQ_BUILD/rawq" emu --netdev v0 --netdev d0 --wire drop --wire drop -- "$@" --backend "$backend" ;;
	esac
	at near timeout 20 "$@" >$tmp/out 2>$tmp/err </dev/null
	got=$?
	is "$got" "$want" "$name: status $want"
	like "$(head -n 1 $tmp/err)" "^rawq.*($pattern)" "$name: the sentence names it"
	if [ "$(grep -c '^rawq' $tmp/err)" = 1 ] && [ "$(wc -l <$tmp/err)" -le 4 ] &&
		[ ! -s $tmp/out ] && [ "$(programs near v0)" = "$left_over" ]; then
		pass "$name: one sentence, and nothing left behind"
	else
		fail "$name: one sentence, and nothing left behind"
		head -n 6 $tmp/err $tmp/out | sed 's/^/# /'
	fi
}

left_over=0
for verb in tx rx; do
	refused 3 "nosuch.*no such interface" "$verb, unknown interface" $rawq $verb nosuch
	refused 3 "d0.*down.*ip link set d0 up" "$verb, interface down" $rawq $verb d0
	refused 3 "v0.*CAP_NET_RAW" "$verb, no permission" $nobody $rawq $verb v0
	refused 3 "99.*v0 has 2|v0.*99.*has 2" "$verb, too many queues" $rawq $verb v0 --queues 99
	refused 3 "memory-lock limit" "$verb, no memory-lock budget" $small $rawq $verb v0
	refused 2 "--for.*5" "$verb, a time without unit" $rawq $verb v0 --for 5
	refused 2 "--count.*1X" "$verb, a malformed number" $rawq $verb v0 --count 1X
	refused 2 "--no-such" "$verb, an unknown option" $rawq $verb v0 --no-such
	refused 2 "--cpus" "$verb, a malformed CPU list" $rawq $verb v0 --cpus 1-
	refused 2 "IF|interface" "$verb, no interface" $rawq $verb
	refused 2 "depth" "$verb, a depth that is no power of two" $rawq $verb v0 --depth 500
done
refused 2 "--rate" "tx, a rate without unit" $rawq tx v0 --rate 5
refused 2 "--rate" "tx, an unknown unit" $rawq tx v0 --rate 5furlongs
refused 2 "foo" "tx, an unknown layer" $rawq tx v0 eth/foo
refused 2 "dst|10.0.0" "tx, a malformed address" $rawq tx v0 'eth/ip(dst=10.0.0.300)'
refused 2 "" "tx, an unfinished packet" $rawq tx v0 'eth/ip(dst=10.0.0.2'
refused 2 "frame length" "tx, a malformed size" $rawq tx v0 --size 10..
refused 2 "dport|rule" "rx, a malformed rule" $rawq rx v0 --rule 'udp dport nine'
refused 2 "everything" "rx, all without being asked by name" $rawq rx v0 --rule all
refused 3 "CAP_PERFMON" "rx, a program that may not be loaded" $fewer $rawq rx v0
refused 3 "nosuch" "fwd, unknown interface" $rawq fwd v0 nosuch
refused 3 "d0.*down" "fwd, interface down" $rawq fwd v0 d0
refused 3 "CAP_NET_RAW" "fwd, no permission" $nobody $rawq fwd v0 d0
refused 2 "v0|same|B" "fwd, one interface twice" $rawq fwd v0 v0
refused 2 "B|two|operand" "fwd, one interface" $rawq fwd v0
refused 2 "nosuchverb" "an unknown verb" $rawq nosuchverb

start near sink "$RAWQ_BUILD/bench/flood" sink v0
sink=$pid
until_true 50 grep -q ready $tmp/sink || bail "flood did not start: $(cat $tmp/sink.err)"
left_over=1
refused 3 "v0.*another XDP program.*drop.*flood" "rx, a program is attached: it names the owner" $rawq rx v0
is "$(programs near v0)" 1 "and leaves it there"
kill $sink
wait $sink
left_over=$(programs near v0)
ip -n near link set v0 xdp off

# With none of the refusals in its way it runs.
check "tx runs" at near timeout 20 $rawq tx v0 --count 10
check "rx runs" at near timeout 20 $rawq rx v0 --for 100ms
finish
