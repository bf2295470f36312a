#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every layer and every modifier: 2,000 packets of each text, read back by tshark.

A case is a packet text and what tshark is to say of packet i: a value, a function of i, or a
predicate of what it said.  Besides that no packet may be malformed and every checksum that
tshark can check must be good, but for those that are wrong on purpose.
"""
import os
import struct
import subprocess
import sys

RAWQ = os.environ["RAWQ_BUILD"] + "/rawq"
COUNT = 2000
GOOD = "1"


class Where:
    """A predicate with its words."""

    def __init__(self, holds, words):
        self.holds, self.words = holds, words


def within(a, b):
    return Where(lambda text: a <= int(text, 0) <= b, f"within {a}..{b}")


def ip(value):
    return ".".join(str(value >> s & 255) for s in (24, 16, 8, 0))


def mac(value):
    return ":".join(f"{value >> s & 255:02x}" for s in (40, 32, 24, 16, 8, 0))


# (text, extra arguments, {field: expected})
CASES = [
    ("eth(dst=inc(02:00:00:00:01:00..02:00:00:00:02:ff,3),src=02:aa:00:00:00:01,type=0x88b5)", [],
     {"eth.dst": lambda i: mac(0x020000000100 + i % 171 * 3), "eth.src": "02:aa:00:00:00:01",
      "eth.type": "0x88b5"}),
    ("eth/vlan(id=inc(1..4094),pcp=list(0,7,3),dei=1)/ip/udp", [],
     {"vlan.id": lambda i: str(1 + i % 4094), "vlan.priority": lambda i: "073"[i % 3],
      "vlan.dei": "1", "vlan.etype": "0x0800"}),
    ("qinq(id=100)/vlan(id=rand(5..9))/ip6/udp", [],
     {"ieee8021ad.id": "100", "vlan.id": within(5, 9)}),
    ("mpls(label=inc(100..199),tc=5,ttl=9)/mpls(label=7777)/ip/udp", [],
     {"mpls.label": lambda i: f"{100 + i % 100},7777", "mpls.bottom": "0,1",
      "mpls.ttl": "9,64", "mpls.exp": "5,0"}),
    ("arp(op=reply,sha=02:00:00:00:00:07,spa=192.168.0.0/24,tpa=10.9.8.7)", [],
     {"arp.opcode": "2", "arp.src.hw_mac": "02:00:00:00:00:07",
      "arp.src.proto_ipv4": lambda i: ip(0xc0a80000 + i % 256), "arp.dst.proto_ipv4": "10.9.8.7"}),
    ("ip(src=10.0.0.0/22,dst=rand(172.16.0.0/12),ttl=inc(250..1,7),dscp=list(0,46),ecn=2,"
     "id=rand(0..65535),flags=df,options=94040000)/udp(sport=inc(1..65535,13),dport=7)", [],
     {"ip.src": lambda i: ip(0x0a000000 + i % 1024),
      "ip.dst": Where(lambda t: t.startswith("172.") and 16 <= int(t.split(".")[1]) < 32,
                      "in 172.16/12"),
      "ip.ttl": lambda i: str(250 - i % 36 * 7), "ip.dsfield.dscp": lambda i: str(i % 2 * 46),
      "ip.dsfield.ecn": "2", "ip.hdr_len": "24", "ip.flags.df": "1",
      "udp.srcport": lambda i: str(1 + i % 5042 * 13), "udp.dstport": "7"}),
    ("ip(frag=inc(1..100),flags=mf)/hex:0011223344556677", [],
     {"ip.frag_offset": lambda i: str(1 + i % 100), "ip.flags.mf": "1"}),
    ("ip6(src=2001:db8::/120,dst=list(fe80::1,2001:db8:ffff::9),hlim=3,tc=0xb8,"
     "flow=inc(0..0xfffff,4099))/udp(sport=rand(1024..65535),dport=5000)", [],
     {"ipv6.src": lambda i: f"2001:db8::{i % 256:x}" if i % 256 else "2001:db8::",
      "ipv6.dst": lambda i: ("fe80::1", "2001:db8:ffff::9")[i % 2], "ipv6.hlim": "3",
      "ipv6.flow": lambda i: f"0x{i % 256 * 4099:06x}", "udp.srcport": within(1024, 65535)}),
    ("ip6(dst=rand(2001:db8::/40))/hop/dest(options=0104aabbccdd)/route(left=0)/frag(id=inc(1..9))"
     "/udp", [],
     {"ipv6.hopopts.nxt": "60", "ipv6.dstopts.nxt": "43", "ipv6.routing.nxt": "44",
      "ipv6.fraghdr.nxt": "17", "ipv6.fraghdr.ident": lambda i: f"0x{1 + i % 9:08x}",
      "ipv6.dst": Where(lambda t: t.startswith("2001:db8"), "in 2001:db8::/40")}),
    ("icmp(type=request,id=77,seq=inc(0..65535))/payload('hello')", [],
     {"icmp.type": "8", "icmp.ident": "77", "icmp.seq": str,
      "icmp.checksum.status": GOOD}),
    ("icmp6(seq=inc(0..65535))/payload(len=100,fill=inc)", [],
     {"icmpv6.type": "128", "icmpv6.echo.sequence_number": str, "frame.len": "162",
      "icmpv6.checksum.status": GOOD}),
    ("ns(target=2001:db8::/100,lladdr=02:00:00:00:00:09)", [],
     {"icmpv6.type": "135", "ipv6.hlim": "255", "icmpv6.checksum.status": GOOD,
      "icmpv6.opt.linkaddr": "02:00:00:00:00:09"}),
    ("na(flags=router+override,target=2001:db8::5)", [],
     {"icmpv6.type": "136", "icmpv6.nd.na.flag.r": "1", "icmpv6.nd.na.flag.s": "0",
      "icmpv6.nd.na.target_address": "2001:db8::5"}),
    ("ip(dst=10.0.0.0/16)/tcp(sport=inc(1..65535),dport=80,seq=rand(0..4294967295),"
     "ack=inc(0..4294967295,65537),flags=list(syn,ack,psh+ack),window=512,options=020405b4)", [],
     {"tcp.srcport": lambda i: str(i + 1), "tcp.dstport": "80", "tcp.hdr_len": "24",
      "tcp.ack_raw": lambda i: str(i * 65537),
      "tcp.flags": lambda i: ("0x0002", "0x0010", "0x0018")[i % 3],
      "tcp.options.mss_val": "1460", "tcp.checksum.status": GOOD}),
    ("ip6/tcp(seq=inc(0..4294967295,99999))", [],
     {"tcp.seq_raw": lambda i: str(i * 99999), "tcp.checksum.status": GOOD}),
    ("ip(src=10.0.0.0/24)/sctp(sport=inc(1..60000),dport=38412,vtag=5)/data(tsn=inc(1..9999),"
     "stream=3)/payload(len=12)", ["--size", "84"],
     {"sctp.srcport": lambda i: str(1 + i), "sctp.verification_tag": "0x00000005",
      "sctp.data_tsn_raw": lambda i: str(1 + i), "sctp.checksum.status": GOOD}),
    ("ip/gre(key=inc(0..4294967295,12345),seq=inc(0..1999))/ip(src=10.1.0.0/24)/udp", [],
     {"gre.key": lambda i: f"0x{i * 12345:08x}", "gre.sequence_number": str, "gre.proto": "0x0800",
      "ip.src": lambda i: "10.0.0.1," + ip(0x0a010000 + i % 256)}),
    ("gre(csum=good)/eth/ip(ttl=inc(1..255))/udp", [],
     {"gre.proto": "0x6558", "gre.checksum.status": GOOD}),
    ("ip/udp(sport=rand(49152..65535))/vxlan(vni=inc(1..16777215,4097))/eth(src=02:00:00:00:00:33)"
     "/vlan(id=12)/ip(dst=10.5.0.0/24)/tcp(sport=inc(1..65535))", [],
     {"vxlan.vni": lambda i: str(1 + i * 4097), "udp.dstport": "4789", "vlan.id": "12",
      "ip.dst": lambda i: "10.0.0.2," + ip(0x0a050000 + i % 256),
      "udp.checksum.status": GOOD, "tcp.checksum.status": GOOD}),
    ("geneve(vni=inc(0..16777215,8192),options=0102800100000001)/ip6/udp(dport=inc(1..9))", [],
     {"geneve.vni": lambda i: f"0x{i * 8192:06x}", "udp.dstport": lambda i: f"6081,{1 + i % 9}"}),
    ("gtpu(teid=inc(0..4294967295,1000003),seq=inc(0..65535))/ip(src=10.3.0.0/20)/udp", [],
     {"gtp.teid": lambda i: f"0x{i * 1000003:08x}", "gtp.seq_number": lambda i: f"0x{i:04x}",
      "ip.src": lambda i: "10.0.0.1," + ip(0x0a030000 + i % 4096)}),
    ("ip(src=0.0.0.0,dst=255.255.255.255)/udp(sport=68)/dhcp(xid=rand(1..4294967295),"
     "chaddr=inc(02:00:00:01:00:00..02:00:00:01:ff:ff))", [],
     {"dhcp.option.dhcp": "1", "dhcp.hw.mac_addr": lambda i: mac(0x020000010000 + i)}),
    ("ip(csum=bad,id=inc(0..65535))/udp", [], {"ip.checksum.status": "0"}),
    ("udp(csum=bad,sport=inc(50000..60000))", [], {"udp.checksum.status": "0"}),
    ("udp(csum=0)", [], {"udp.checksum": "0x0000"}),
    ("tcp(csum=0x1234)", [], {"tcp.checksum": "0x1234", "tcp.checksum.status": "0"}),
    ("sctp(csum=bad)/data(tsn=inc(1..99))", ["--size", "64"], {"sctp.checksum.status": "0"}),
    ("ip(len=40)/udp(len=20,csum=0)", [], {"ip.len": "40", "udp.length": "20"}),
    ("ip(id=inc(0..9))/udp", ["--size", "64..1518"],
     {"frame.len": lambda i: str(64 + i % 1455)}),
    ("udp(sport=inc(1..9))", ["--size", "rand(64..128)"], {"frame.len": within(64, 128)}),
    ("udp(sport=inc(1..9))", ["--size", "list(64,9000,128)"],
     {"frame.len": lambda i: ("64", "9000", "128")[i % 3]}),
    ("udp", ["--size", "imix(100:3,200:1)"],
     {"frame.len": Where(lambda t: t in ("100", "200"), "100 or 200")}),
    ("ip(src=10.0.0.0/24)/udp(sport=rand(49152..65535))/payload(len=7,fill=0xaa)/sig(flow=inc(0..6))",
     ["--size", "300"], {"frame.len": "300", "udp.checksum.status": GOOD}),
    ("ip6/udp/vxlan/ip/tcp(ack=inc(0..99))/sig", [],
     {"udp.checksum.status": GOOD, "tcp.checksum.status": GOOD}),
    ("ip/sctp(vtag=inc(0..99))/data/sig", [], {"sctp.checksum.status": GOOD}),
    ("ip(ttl=1)/udp(sport=inc(50000..50009)) @ 2 + ip(ttl=2)/tcp@1+ip6(hlim=9)/udp(sport=7)", [],
     {"ip.ttl": lambda i: ("1", "2", "", "1")[i % 4],
      "udp.srcport": lambda i: (str(50000 + i // 4 * 2 % 10), "", "7",
                                str(50000 + (i // 4 * 2 + 1) % 10))[i % 4],
      "ipv6.hlim": lambda i: "9" if i % 4 == 2 else ""}),
    ("hex:ffffffffffff0200000000010806/hex:0001080006040001020000000001c0a80001000000000000c0a80002",
     [], {"arp.opcode": "1", "arp.dst.proto_ipv4": "192.168.0.2"}),
]

STATUSES = ["ip.checksum.status", "udp.checksum.status", "tcp.checksum.status",
            "icmp.checksum.status", "icmpv6.checksum.status", "sctp.checksum.status",
            "gre.checksum.status"]


def packets(text, args):
    """The records of a pcap, without its header."""
    out = subprocess.run([RAWQ, "show", text, "--count", str(COUNT), "--write", "-", *args],
                         stdout=subprocess.PIPE, check=True, timeout=50).stdout
    return out[:24], out[24:]


def tshark(pcap, fields):
    args = ["tshark", "-n", "-r", "-", "-T", "fields", "-E", "separator=;", "-E", "occurrence=a"]
    for option in ("ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE",
                   "sctp.checksum:CRC 32c", "ip.defragment:FALSE", "ipv6.defragment:FALSE",
                   "tcp.desegment_tcp_streams:FALSE", "sctp.reassembly:FALSE"):
        args += ["-o", option]
    for field in fields:
        args += ["-e", field]
    out = subprocess.run(args, input=pcap, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         timeout=55)
    if out.returncode:
        sys.exit(out.stderr.decode())
    return [dict(zip(fields, line.split(";"))) for line in out.stdout.decode().splitlines()]


def fault(expected, i, row):
    """What is wrong with the packet that tshark read as row, or None."""
    if row["_ws.malformed"]:
        return "malformed"
    for status in STATUSES:
        if status not in expected and "0" in row[status].split(","):
            return f"{status} is bad"
    for field, want in expected.items():
        got = row[field]
        if isinstance(want, Where):
            if not got or not want.holds(got):
                return f"{field} is {got}, not {want.words}"
        else:
            want = want(i) if callable(want) else want
            if got != want:
                return f"{field} is {got}, not {want}"
    return None


def main():
    fields = ["_ws.malformed"] + STATUSES
    for _, _, expected in CASES:
        fields += [f for f in expected if f not in fields]
    pcap = b""
    for text, args, _ in CASES:
        header, records = packets(text, args)
        pcap = pcap or header
        pcap += records
    rows = tshark(pcap, fields)
    failed = 0
    print(f"1..{len(CASES)}")
    for n, (text, args, expected) in enumerate(CASES):
        mine = rows[n * COUNT:(n + 1) * COUNT]
        faults = [(i, f) for i, f in enumerate(fault(expected, i, r) for i, r in enumerate(mine))
                  if f]
        good = not faults and len(mine) == COUNT
        failed += not good
        print(f"{'ok' if good else 'not ok'} {n + 1} - {text} {' '.join(args)}")
        if faults:
            print(f"# {len(faults)} of {len(mine)} packets; packet {faults[0][0]}: {faults[0][1]}")
    return 1 if failed else 0


sys.exit(main())
