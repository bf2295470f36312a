#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# One test by three doors: words, YAML and JSON give the same canonical JSON and send the same;
# faults in a file are told by file, line and field.
. "$(dirname "$0")/lib/net.sh"

words=(tx tx0 'eth/ip(dst=10.0.0.0/24)/udp(sport=rand(1..9))' --rate 20kpps --for 300ms --size imix
	--seed 5 --cpus 0 --engine queues)
"$rawq" show --json -- "${words[@]}" >$tmp/canonical
cat >$tmp/test.yaml <<'END'
# by hand, in another order and other units
size: imix
verb: tx
if: tx0
packet: eth/ip(dst=10.0.0.0/24)/udp(sport=rand(1..9))
for: 0.3s
rate: 0.02Mpps
cpus: 0
engine: queues
seed: 5
json: false
END
cat >$tmp/test.json <<'END'
{"verb": "tx", "if": "tx0", "packet": "eth/ip(dst=10.0.0.0/24)/udp(sport=rand(1..9))",
 "rate": "20kpps", "for": "300ms", "size": "imix", "seed": 5, "cpus": [0], "engine": "queues"}
END
is "$("$rawq" show --json $tmp/test.yaml)" "$(cat $tmp/canonical)" "YAML by hand is the same test"
is "$("$rawq" show --json $tmp/test.json)" "$(cat $tmp/canonical)" "JSON by hand is the same test"
"$rawq" show --yaml -- "${words[@]}" >$tmp/again.yaml
is "$("$rawq" show --json $tmp/again.yaml)" "$(cat $tmp/canonical)" "words turned into YAML are the same test"
is "$("$rawq" show --json $tmp/canonical)" "$(cat $tmp/canonical)" "canonical JSON is a file too"

ip link add name tx0 type veth peer name rx0
ip link set tx0 up && ip link set rx0 up
check "a YAML file runs" timeout 20 "$rawq" run $tmp/test.yaml
check "a JSON file runs" timeout 20 "$rawq" run $tmp/test.json

# refused LINE WORDS: the file on stdin is refused there and so
refused() {
	local line=$1 words=$2 said
	cat >$tmp/bad.yaml
	said=$("$rawq" run $tmp/bad.yaml 2>&1 >/dev/null)
	is "$?:$(grep -c -- "bad.yaml:$line: .*$words" <<<"$said")" 2:1 "refused: $said"
}
refused 1 'which verb' <<<'if: tx0'
refused 1 "no verb 'tz'" <<<'verb: tz'
refused 1 "'if' is missing" <<<'verb: tx'
refused 3 "did you mean 'rate'" <<<$'verb: tx\nif: tx0\nrat: 7pps'
refused 3 '--rate 7: give a rate' <<<$'verb: tx\nif: tx0\nrate: 7'
refused 4 'given twice' <<<$'verb: tx\nif: tx0\nsize: 64\nsize: 65'
refused 3 'true or false' <<<$'verb: tx\nif: tx0\njson: maybe'
refused 2 'a value or a list' <<<$'verb: tx\nif: {a: b}'
refused 3 'expected' <<<$'verb: tx\nif: [tx0\nrate: 7pps'
refused 1 'fields are expected' <<<'- verb'
said=$("$rawq" run $tmp/none.yaml 2>&1)
is "$?:$said" "3:rawq run: $tmp/none.yaml: No such file or directory" "a file that is not there"
finish
