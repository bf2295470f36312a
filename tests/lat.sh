#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# rawq echo, ping and lat: what goes out comes back, counted to the last packet; what is turned
# round is what Scapy would have built the other way.  lat.sh [xdp|mlx5|verbs]
# shellcheck source=tests/lib/net.sh
. "$(dirname "$0")/lib/net.sh"
spaces near far
wire near v0 - far v1 -
wire near v2 - near v3 -

over v1
start far echo "${nic[@]}" echo v1 --backend "$backend" --json
started $tmp/echo
over v0
at near timeout 20 "${nic[@]}" ping v0 --backend "$backend" --count 200 --interval 2ms --json --expect 'loss==0, p50>0' >$tmp/ping
is $? 0 "200 pings are answered"
is "$(field $tmp/ping end lost)" 0 "none is lost"
is "$(grep -c '"answer"' $tmp/ping)" 200 "each answer is told"
is "$(field $tmp/ping end reordered)" 0 "in order"
stop $pid
wait $pid
is $? 0 "the echo ends when asked to"
is "$(field $tmp/echo end tx_packets)" 200 "and has sent 200 back"
over v0
at near timeout 20 "${nic[@]}" ping v0 --backend "$backend" --count 3 --interval 2ms --timeout 50ms --json \
	--expect 'loss==0' >$tmp/alone
is $? 1 "without an echo the expectation is missed"
is "$(field $tmp/alone end lost)" 3 "and all are lost"

over v1
start far mirror "${nic[@]}" echo v1 --backend "$backend" --rule all --take-everything --json
started $tmp/mirror
at near timeout 60 /usr/bin/python3 - >$tmp/mirrored <<'END'
import socket
from scapy.all import Ether, IP, IPv6, UDP, TCP, Dot1Q, Raw, raw

a, b = '02:00:00:00:00:01', '02:00:00:00:00:02'

def both(build):
    """The frame and the one that must come back, each with checksums by Scapy."""
    return raw(build(a, b, 1, 2)), raw(build(b, a, 2, 1))

def ip4(src, dst):
    return IP(src=f'10.0.0.{src}', dst=f'10.0.0.{dst}')

def ip6(src, dst):
    return IPv6(src=f'fd00::{src}', dst=f'fd00::{dst}')

cases = {
    'udp': lambda s, d, x, y: Ether(src=s, dst=d) / ip4(x, y) / UDP(sport=x, dport=y) / (b'x' * 30),
    'tcp': lambda s, d, x, y: Ether(src=s, dst=d) / ip4(x, y) / TCP(sport=x, dport=y) / (b'x' * 30),
    'udp over IPv6': lambda s, d, x, y: Ether(src=s, dst=d) / ip6(x, y) / UDP(sport=x, dport=y) / (b'x' * 30),
    'tcp in two VLANs': lambda s, d, x, y: Ether(src=s, dst=d) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / ip4(x, y) /
        TCP(sport=x, dport=y) / (b'x' * 30),
    'later fragment': lambda s, d, x, y: Ether(src=s, dst=d) / IP(src=f'10.0.0.{x}', dst=f'10.0.0.{y}', frag=8, proto=17) /
        Raw(bytes(range(64))),
    'IP options': lambda s, d, x, y: Ether(src=s, dst=d) / IP(src=f'10.0.0.{x}', dst=f'10.0.0.{y}', options=b'\1\1\1\1') /
        UDP(sport=x, dport=y) / (b'x' * 30),
    'ethertype of its own': lambda s, d, x, y: Ether(src=s, dst=d, type=0x88b5) / Raw(bytes(range(64))),
    'cut IP header': lambda s, d, x, y: Ether(src=s, dst=d, type=0x800) / Raw(b'\x45' + bytes(9)),
}
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
sock.bind(('v0', 0))
sock.settimeout(5)
for name, build in cases.items():
    out, want = both(build)
    sock.send(out)
    got = sock.recv(4096)
    if want[12:14] == b'\x81\x00':  # the kernel tells of the outermost tag apart
        want = want[:12] + want[16:]
    print('ok' if got == want else f'bad: {got.hex()} want {want.hex()}', name)
END
while read -r verdict name; do
	is "$verdict" ok "turned round as Scapy does: $name"
done <$tmp/mirrored
is "$(wc -l <$tmp/mirrored)" 8 "eight kinds of frames"
stop $pid
wait $pid

over v2 v3
at near timeout 30 "${nic[@]}" lat v2 v3 --backend "$backend" --count 5000 --rate 10kpps --json --per-flow \
	--hgrm $tmp/x.hgrm --svg $tmp/x.svg --expect 'loss==0,reorder==0,signed==5000' >$tmp/lat
is $? 0 "lat: 5000 of 5000 from one port to the other"
is "$(field $tmp/lat end lost)" 0 "none is lost"
is "$(field $tmp/lat end unsigned_packets)" 0 "all are signed"
is "$(awk '$1 ~ /^[0-9.]+$/ { n = $3 } END { print n }' $tmp/x.hgrm)" 5000 ".hgrm counts them all"
check "the drawing is XML" /usr/bin/python3 -c \
	"import xml.dom.minidom; xml.dom.minidom.parse('$tmp/x.svg')"
over v2 v3
at near timeout 30 "${nic[@]}" lat v2 v3 --backend "$backend" --count 5000 --rate 10kpps --json --per-flow --histograms \
	--packet 'eth/ip/udp(dport=9)/sig(flow=inc(0..9))' >$tmp/flows
is "$(/usr/bin/python3 -c '
import collections, json, sys
end = [json.loads(line) for line in open(sys.argv[1])][-1]
total = collections.Counter(dict(end["latency_ns"]["buckets"]))
flows = collections.Counter()
for row in end["flow_rows"]:
    flows.update(dict(row["latency_ns"]["buckets"]))
    assert row["latency_ns"]["min"] <= row["latency_ns"]["p50"] <= row["latency_ns"]["max"]
print(total == flows, sum(total.values()), len(end["flow_rows"]))' $tmp/flows)" "True 5000 10" \
	"the flows' histograms add up to the one of all"
over v2 v3
at near timeout 30 "${nic[@]}" lat v2 v3 --backend "$backend" --count 100 --rate 10kpps --packet 'eth/ip/udp(dport=10)/sig()' \
	--json --expect 'loss==0' >$tmp/astray
is $? 1 "packets that the rule does not want"
is "$(field $tmp/astray end lost)" 100 "are lost to the last"

over v1
start far tx_late "${nic[@]}" rx v1 --backend "$backend" --json --expect 'loss==0'
started $tmp/tx_late
stop $pid
wait $pid
is $? 1 "what was not measured meets no expectation: nothing came"
is "$(field $tmp/tx_late end lost)" None "and nothing is known of loss"

# refuse PATTERN COMMAND...
refuse() {
	local pattern=$1 said
	shift
	said=$(at near timeout 10 "$rawq" "$@" 2>&1)
	is $? 2 "refused: $*"
	like "$said" "$pattern" "with a sentence"
}
refuse 'give two interfaces' lat v0 v0
refuse "expect at 'los': no such number; did you mean 'loss'" lat v2 v3 --expect 'los==0'
refuse "window 100: give a power of two" rx v0 --window 100
refuse 'rule' echo v0 --rule nonsense
refuse 'at .|expected|unknown|nonsense' ping v0 --packet nonsense
finish
