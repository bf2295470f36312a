#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq compare: which of two runs is worse, by how much, and what is refused.
set -u
rawq=$RAWQ_BUILD/rawq
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT
points=0 failed=0

# gives STATUS PATTERN NAME ARGUMENT...
gives() {
	local status=$1 pattern=$2 name=$3 said got
	shift 3
	said=$("$rawq" compare "$@" 2>&1)
	got=$?
	points=$((points + 1))
	if [ $got = "$status" ] && grep -qE -- "$pattern" <<<"$said"; then
		echo "ok $points - $name"
	else
		echo "not ok $points - $name"
		printf '# status %s, %s\n' $got "${said//$'\n'/$'\n'# }"
		failed=1
	fi
}

# run FILE RX_PPS LOST P99
run() {
	printf '{"event":"start"}\n{"event":"interval","rx_pps":1}\n' >"$tmp/$1"
	printf '{"event":"end","rx_pps":%s,"lost":%s,"latency_ns":{"p99":%s,"max":5}}\n' \
		"$2" "$3" "$4" >>"$tmp/$1"
}
run a 1000000.5 0 5000
run same 960000 0 5200
run slow 940000 0 5000
run lossy 1000000 1 5000
run late 1000000 0 5300
run unknown 1000000 null 5000
cd "$tmp" || exit 3

printf '{"event":"end","rx_pps":5,"config":{"burst":64},"environment":{"kernel":"6.1","cpu":"x"}}\n' >here
printf '{"event":"end","rx_pps":5,"config":{"burst":32},"environment":{"kernel":"6.2","cpu":"x"}}\n' >there
gives 0 'burst +64 +32$' "what was set differently is told" here there
gives 0 'kernel +"6.1" +"6.2"$' "and what was found differently" here there
gives 0 '"differences":\[.*"field":"burst".*"field":"kernel"' "in JSON as well" here there --json
gives 0 'rx_pps +1000000 +960000 +-4.0%$' "4 % slower is the same" a same
gives 1 'rx_pps .*-6.0%  WORSE' "6 % slower is worse" a slow
gives 0 'rx_pps .*-6.0%$' "but not with a tolerance of 10 %" a slow --tolerance 10%
gives 0 'rx_pps .*\+6.4%$' "faster is not worse" slow a
gives 1 'lost +0 +1 +new  WORSE' "a first loss is worse" a lossy
gives 0 'lost +1 +0 +-100.0%$' "none any more is not" lossy a
gives 1 'latency p99, ns +5000 +5300 +\+6.0%  WORSE' "6 % later is worse" a late
gives 0 'latency p99' "what one does not know is not compared" a unknown
gives 1 '"field":"p99","before":5000.0,"after":5300.0,"change_percent":6.0,"worse":true' \
	"as JSON" a late --json
echo '{"event":"start"}' >half
echo 'hello' >text
gives 3 'half: no end event' "a run without an end" a half
gives 3 'text: no end event' "no JSON" text a
gives 3 'nosuch: No such file' "no file" nosuch a
gives 2 'give a percentage' "a tolerance without a unit" a a --tolerance 5
gives 2 'too few operands' "one file" a
echo "1..$points"
exit $failed
