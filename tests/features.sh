#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What the kernel can do is asked of the kernel: on one that lacks a feature rawq goes another way
# and says what it obtained, or says in a sentence what is lacking; the kernel's version means
# nothing.  other_kernel.c refuses single features as a kernel without them does.
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
preload=$RAWQ_BUILD/tests/libother-kernel.so
[ -f "$preload" ] || bail "no $preload"
packets=200

spaces near far
wire near v0 10.0.0.1/24 far v1 10.0.0.2/24
at far ethtool -K v1 gro on # so that v0 takes redirected frames, which live frames need
wire near j0 10.0.1.1/24 far j1 10.0.1.2/24 1 9000
mac=$(at near cat /sys/class/net/v0/address)

# other "SETTING..." COMMAND...: on the other kernel, as LACKS=sg or HAS=napi or RELEASE=4.4.0
other() {
	local settings=$1
	shift
	# shellcheck disable=SC2086
	at near env $settings LD_PRELOAD="$preload${LD_PRELOAD:+:$LD_PRELOAD}" "$@"
}

# received NAME "SETTING..." ARGUMENTS...: rawq rx has all packets of one that sends to it; what
# it said is in $tmp/rx
received() {
	local name=$1 settings=$2
	shift 2
	: >$tmp/rx # nothing of the last one is to be taken for this one's start
	other "$settings" "$rawq" rx "$@" --count $packets --for 60s --json >$tmp/rx 2>$tmp/rx.err &
	local rx=$!
	started $tmp/rx
	at far "$rawq" tx v1 "eth(dst=${to-$mac})/ip(dst=10.0.0.1)/udp(dport=9)" --count $packets \
		--rate 10kpps --engine queues >/dev/null
	wait $rx
	is "$? $(field $tmp/rx end rx_packets)" "0 $packets" "$name: rx has all packets"
}

# refused NAME "SETTING..." PATTERN ARGUMENTS...: one sentence, status 3
refused() {
	local name=$1 settings=$2 pattern=$3 status
	shift 3
	other "$settings" timeout 20 "$rawq" "$@" >$tmp/out 2>$tmp/err
	status=$?
	is "$status $(wc -l <$tmp/err)" "3 1" "$name: status 3 and one sentence"
	like "$(cat $tmp/err)" "$pattern" "$name: which names it"
	is "$(programs near v0)" 0 "$name: nothing is left behind"
}

# What a start event tells, without the time.
config() {
	sed -nE '/"event":"start"/{s/"time":[0-9]+,//; p}' "$1"
}

received "this kernel" "" v0
is "$(field $tmp/rx start config | tr -d "' {}" | grep -o 'xdp_program:[a-z]*')" xdp_program:native \
	"a veth runs the program natively"
mv $tmp/rx $tmp/baseline

# ---- other versions change nothing
for release in 2.6.32 4.4.0 6.1.0 99.0.0; do
	received "release $release" RELEASE=$release v0
	is "$(config $tmp/rx)" "$(config $tmp/baseline)" "release $release: obtained as before"
done
like "$(other RELEASE=4.4.0 uname -r)" "^4.4.0$" "the other kernel's release is what programs see"

# ---- another way, and it is said
# obtained FIELD VALUE NAME
obtained() {
	is "$(/usr/bin/python3 -c '
import json, sys
print(json.loads(open(sys.argv[1]).readline())["config"].get(sys.argv[2]))' $tmp/rx "$1")" "$2" "$3"
}
received "no native XDP" LACKS=native-xdp v0
obtained xdp_program generic "no native XDP: generic, and it says so"
received "no netdev family" LACKS=netdev-family v0
obtained zero_copy False "no netdev family: the socket is asked"
like "$(other LACKS=netdev-family "$rawq" probe v0)" "cannot tell" "no netdev family: probe says so"
received "zero copy" HAS=zero-copy v0
obtained zero_copy True "zero copy: as XDP_OPTIONS says"
received "no XDP_OPTIONS" LACKS=xdp-options,zero-copy v0
obtained zero_copy False "no XDP_OPTIONS: copy"
received "busy polling" HAS=napi v0 --busy-poll 8
obtained busy_poll True "busy polling with a NAPI instance: obtained"
received "no SO_PREFER_BUSY_POLL" "HAS=napi LACKS=prefer-busy-poll" v0 --busy-poll 8
obtained busy_poll False "no SO_PREFER_BUSY_POLL: not obtained"
received "huge pages" HAS=huge-pages v0 --depth 1024
obtained huge_pages True "huge pages: used"
received "no huge pages" LACKS=huge-pages v0 --depth 1024
obtained huge_pages False "no huge pages: small ones"
received "no XDP_USE_SG" LACKS=sg v0
is "$(other LACKS=sg "$rawq" probe v0 | grep -c segments)" 0 "no XDP_USE_SG: no segments offered"
like "$(at near "$rawq" probe v0)" "segments" "with it they are"

# A driver without native XDP: the real kernel refuses, too.
ip -n near link add link v0 name m0 type macvlan && ip -n near link set m0 up
to=$(at near cat /sys/class/net/m0/address) received "a driver without XDP" "" m0
obtained xdp_program generic "a driver without XDP: generic"
ip -n near link del m0

# ---- sending
sent() {
	local before
	before=$(counter near v0 tx_packets)
	other "$1" timeout 60 "$rawq" tx v0 --count "$2" --json "${@:3}" >$tmp/tx 2>$tmp/tx.err
	is "$? $(($(counter near v0 tx_packets) - before))" "0 $2" "${1:-this kernel}: tx sent $2 ${*:3}"
}
engine() {
	/usr/bin/python3 -c '
import json
c = json.loads(open("'$tmp'/tx").readline())["config"]
print(c["engine"], "engine_reason" in c)'
}
sent LACKS=tx-budget 5000 --engine queues
sent "" 5000
is "$(engine)" "auto False" "live frames: one of two engines, chosen by trial"
sent "" 5000 --engine live
is "$(engine)" "live False" "live frames: made inside the kernel"
sent LACKS=live-frames 5000
is "$(engine)" "queues True" "no live frames: queues, and it says why"
refused "no live frames" LACKS=live-frames "live frames" tx v0 --engine live --count 10

# ---- no way round
refused "no AF_XDP" LACKS=af-xdp "no AF_XDP \(CONFIG_XDP_SOCKETS\)" rx v0
refused "no need_wakeup" LACKS=need-wakeup "6\.1" rx v0
refused "no XDP links" LACKS=xdp-link "did not attach the steering program" rx v0
refused "no XDP_USE_SG, MTU 9000" LACKS=sg "j0: .*several descriptors" rx j0
finish
