#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What rawq tx tells of its run: expectations set the exit code, a result file holds it all, each
# packet with a rate of its own has its account, and what arrives is what was told.
. "$(dirname "$0")/lib/net.sh"

ip link add name tx0 type veth peer name rx0
ip link set tx0 up && ip link set rx0 up
sysctl -qw net.ipv6.conf.tx0.disable_ipv6=1 net.ipv6.conf.rx0.disable_ipv6=1
sleep 0.2

"$rawq" tx tx0 udp --count 500 --rate 10kpps --expect 'sent==500, completed==100%, errors==0, late_max<1h' \
	--result $tmp/a.json >$tmp/said
is $? 0 "expectations that are met"
is "$(grep -c 'expected .*: met' $tmp/said)" 4 "are told one by one"
"$rawq" tx tx0 udp --count 500 --rate 10kpps --expect 'late_max<1ns' --json >$tmp/said
is $? 1 "one that is not met sets the exit code"
is "$(/usr/bin/python3 -c "
import json
print([json.loads(l) for l in open('$tmp/said')][-1]['expected'][0]['met'])")" False "and is told in JSON"
said=$("$rawq" tx tx0 udp --expect 'lat_p99<1us' 2>&1)
is "$?:$(grep -c "did you mean 'late_p99'" <<<"$said")" 2:1 "refused: $said"
said=$("$rawq" tx tx0 udp --count 1 --result $tmp/no/such 2>&1)
is "$?:$(grep -c 'no/such: No such file' <<<"$said")" 3:1 "refused: $said"

is "$(/usr/bin/python3 -c "
import json
r = json.load(open('$tmp/a.json'))
print(r['tx_packets'], r['config']['packet'], r['environment']['kernel'], r['late_ns']['packets'], r['gaps_ns']['packets'])")" \
	"500 udp $(uname -r) 500 499" "a result has counts, configuration, environment, times"
check "two of them compare" "$rawq" compare $tmp/a.json $tmp/a.json

# 100 : 300 : 16, whatever the machine is late: each has its own count of packets
before=$(ip -s -j link show rx0 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["rx"]["packets"])')
timeout 60 "$rawq" tx tx0 'udp @ 100pps + tcp @(rate=300pps,size=list(60,1000)) + arp @(train=8,gap=500ms)' \
	--for 1s --json >$tmp/said
is $? 0 "three rates"
/usr/bin/python3 - $tmp/said >$tmp/streams <<'END'
import json, sys
end = [json.loads(l) for l in open(sys.argv[1])][-1]
for s in end["streams"]:
    print(s["tx_packets"], s["tx_completed"], s["asked_pps"])
print(sum(s["tx_completed"] for s in end["streams"]) == end["tx_completed"], end["tx_packets"])
END
sed 's/^/# /' $tmp/streams
at_least "$(sed -n 1p $tmp/streams | cut -d' ' -f1)" 60 "the first has most of its 100 packets"
at_least "$(sed -n 2p $tmp/streams | cut -d' ' -f1)" 180 "the second most of its 300"
at_least "$(sed -n 3p $tmp/streams | cut -d' ' -f1)" 8 "the third at least a train"
is "$(sed -n 4p $tmp/streams | cut -d' ' -f1)" True "together they are all packets"
now=$(ip -s -j link show rx0 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["rx"]["packets"])')
is $((now - before)) "$(sed -n 4p $tmp/streams | cut -d' ' -f2)" "and what arrives is what was told"

said=$("$rawq" tx tx0 'udp @ 5pps' --rate 7pps 2>&1)
is "$?:$(grep -c 'rates of their own' <<<"$said")" 2:1 "refused: $said"
said=$("$rawq" tx tx0 'udp @ 5pps + arp @ 5pps' --engine live 2>&1)
is "$?:$(grep -c 'one even rate' <<<"$said")" 2:1 "refused: $said"
said=$("$rawq" tx tx0 udp --gap 5ms 2>&1)
is "$?:$(grep -c 'behind a --train' <<<"$said")" 2:1 "refused: $said"
finish
