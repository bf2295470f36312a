#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Each command of doc/cookbook.md runs as it is printed, and what it reports arrives.
. "$(dirname "$0")/lib/net.sh"

ip link add name eth0 type veth peer name far
ip link set eth0 up && ip link set far up
sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1 net.ipv6.conf.far.disable_ipv6=1
sleep 0.2
mkdir $tmp/bin && ln -s "$rawq" $tmp/bin/rawq
PATH=$tmp/bin:$PATH
cd $tmp || bail "no $tmp"

# What far got or had no room for, and what eth0 counts as lost on the way.
arrived() {
	ip -s -j link | /usr/bin/python3 -c "import json, sys
links = {l['ifname']: l['stats64'] for l in json.load(sys.stdin)}
print(links['far']['rx']['packets'] + links['far']['rx']['dropped'] + links['eth0']['tx']['dropped'])"
}

grep -oE '^    rawq (tx|show|replay) .*' "$RAWQ_SOURCE/doc/cookbook.md" | sed 's/^ *//' >commands
is "$(wc -l <commands)" 12 "there are twelve"
while read -r command; do
	before=$(arrived)
	if ! timeout 30 bash -c "$command" >said 2>&1 </dev/null; then
		fail "$command"
		sed 's/^/# /' said
		continue
	fi
	pass "$command"
	[[ $command = *show* ]] && continue
	sent=$(sed -nE 's/^ *sent +([0-9,]+) packets.*/\1/p' said | tr -d ,)
	at_least "$sent" 1 "... sends"
	at_least $(($(arrived) - before)) "$sent" "... and that much went out"
done <commands
finish
