#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Rules and frames for tests/xdp_rules, judged by Scapy's dissection, not by rawq's parser.

usage: rules_frames.py SEED COUNT

Prints "rule NAME VALUE MASK PRIORITY" lines (struct rawq_rule_key of rawq.h in hex) and
"frame HEX TAKEN" lines, where TAKEN holds one 0 or 1 per rule, in order.
"""
import logging
import random
import socket
import struct
import sys

logging.getLogger('scapy').setLevel(logging.ERROR)
from scapy.all import (ARP, Dot1AD, Dot1Q, Ether, ICMP, IP, IPOption_NOP, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, PadN, Raw, SCTP, TCP, UDP)  # noqa: E402

NEAR = '02:00:00:00:00:01'
MACS = [NEAR, '02:00:00:00:00:02', 'ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01']
PORTS = [9, 80, 9000, 9001]
V4 = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '192.0.2.1']
V6 = ['2001:db8::1', '2001:db8::2', 'fe80::1']

# The public key, field by field: name, struct format.
LAYOUT = [('dst_mac', '6s'), ('src_mac', '6s'), ('vlan', 'H'), ('ethertype', 'H'),
          ('src_ip', '16s'), ('dst_ip', '16s'), ('src_port', 'H'), ('dst_port', 'H'),
          ('ip_proto', 'B'), ('tagged', 'B'), ('pad', '2s')]


def key(**fields):
    values = [fields.get(name, 0 if fmt in 'HB' else b'') for name, fmt in LAYOUT]
    return struct.pack('>' + ''.join(fmt for _, fmt in LAYOUT), *values)


def mac(text):
    return bytes.fromhex(text.replace(':', ''))


def v4(text):
    return socket.inet_aton(text)


def v6(text):
    return socket.inet_pton(socket.AF_INET6, text)


# ---- what Scapy sees in a frame ------------------------------------------------

def tags(p):
    found, layer = [], p.payload
    while isinstance(layer, (Dot1Q, Dot1AD)) and len(found) < 2:
        found.append(layer)
        layer = layer.payload
    return found


def behind_tags(p):
    t = tags(p)
    return t[-1].type if t else p.type


def inner(p):
    t = tags(p)
    return t[-1].payload if t else p.payload


def ip_of(p, kind):
    """The IP header, if it is there whole: Scapy is content with a part that ends between fields."""
    layer, version, size = inner(p), *((4, 20) if kind is IP else (6, 40))
    room = len(p.original) - 14 - 4 * len(tags(p))
    return layer if isinstance(layer, kind) and layer.version == version and room >= size else None


def transport(p, kind):
    """The TCP, UDP or SCTP header of an unfragmented packet or a first fragment."""
    ip = ip_of(p, IP) or ip_of(p, IPv6)
    if ip is None:
        return None
    if isinstance(ip, IP) and ip.frag:
        return None
    layer = ip.payload
    while isinstance(layer, (IPv6ExtHdrHopByHop, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting,
                             IPv6ExtHdrFragment)):
        if isinstance(layer, IPv6ExtHdrFragment) and layer.offset:
            return None
        layer = layer.payload
    return layer if isinstance(layer, kind) and len(layer.original) >= 4 else None


def dport(p, kind, number, ip_kind):
    t = transport(p, kind)
    return ip_of(p, ip_kind) is not None and t is not None and t.dport == number


def in_net(address, net, bits):
    return int.from_bytes(v4(address), 'big') >> 32 - bits == int.from_bytes(v4(net), 'big') >> 32 - bits


FULL_MAC, FULL_16 = b'\xff' * 6, b'\xff' * 16

# name, value, mask, what Scapy says about a frame
RULES = [
    ('mac', key(dst_mac=mac(MACS[1])), key(dst_mac=FULL_MAC), lambda p: p.dst == MACS[1]),
    ('arp-to-other', key(dst_mac=mac(MACS[1]), ethertype=0x806), key(dst_mac=FULL_MAC, ethertype=0xffff),
     lambda p: p.dst == MACS[1] and behind_tags(p) == 0x806),
    ('ethertype', key(ethertype=0x88b5), key(ethertype=0xffff), lambda p: behind_tags(p) == 0x88b5),
    ('vlan', key(vlan=42, tagged=1), key(vlan=0xfff, tagged=0xff),
     lambda p: bool(tags(p)) and tags(p)[0].vlan == 42),
    ('tagged', key(tagged=1), key(tagged=0xff), lambda p: bool(tags(p))),
    ('udp-dport', key(ethertype=0x800, ip_proto=17, dst_port=9000),
     key(ethertype=0xffff, ip_proto=0xff, dst_port=0xffff), lambda p: dport(p, UDP, 9000, IP)),
    ('udp6-dport', key(ethertype=0x86dd, ip_proto=17, dst_port=9000),
     key(ethertype=0xffff, ip_proto=0xff, dst_port=0xffff), lambda p: dport(p, UDP, 9000, IPv6)),
    ('tcp-dport', key(ethertype=0x800, ip_proto=6, dst_port=80),
     key(ethertype=0xffff, ip_proto=0xff, dst_port=0xffff), lambda p: dport(p, TCP, 80, IP)),
    ('sctp-sport-mask', key(ethertype=0x800, ip_proto=132, src_port=9000 & 0xfffe),
     key(ethertype=0xffff, ip_proto=0xff, src_port=0xfffe),
     lambda p: ip_of(p, IP) is not None and (t := transport(p, SCTP)) is not None and t.sport & 0xfffe == 9000),
    ('dst-net', key(ethertype=0x800, dst_ip=v4('10.0.0.0')),
     key(ethertype=0xffff, dst_ip=v4('255.255.255.0')),
     lambda p: ip_of(p, IP) is not None and in_net(ip_of(p, IP).dst, '10.0.0.0', 24)),
    ('src6', key(ethertype=0x86dd, src_ip=v6(V6[0])), key(ethertype=0xffff, src_ip=FULL_16),
     lambda p: ip_of(p, IPv6) is not None and ip_of(p, IPv6).src == V6[0]),
    ('icmp', key(ethertype=0x800, ip_proto=1), key(ethertype=0xffff, ip_proto=0xff),
     lambda p: ip_of(p, IP) is not None and ip_of(p, IP).proto == 1),
]


# ---- frames --------------------------------------------------------------------

def layer4(r):
    kind = r.choice([UDP, UDP, UDP, TCP, SCTP])
    return kind(sport=r.choice(PORTS), dport=r.choice(PORTS))


def some_v4(r):
    ip = IP(src=r.choice(V4), dst=r.choice(V4), id=r.randrange(65536))
    how = r.randrange(8)
    if how == 0:
        ip.options = [IPOption_NOP()] * r.choice([4, 8, 40])
    elif how == 1:
        ip.flags, ip.frag = r.choice([(1, 0), (1, 5), (0, 100)])
    return ip / (ICMP() if r.randrange(6) == 0 else layer4(r))


def some_v6(r):
    ip = IPv6(src=r.choice(V6), dst=r.choice(V6))
    for ext in r.sample([IPv6ExtHdrHopByHop(options=[PadN(optdata=b'\0' * 4)]),
                         IPv6ExtHdrRouting(addresses=['2001:db8::9']),
                         IPv6ExtHdrDestOpt(options=[PadN(optdata=b'\0' * r.choice([4, 12]))]),
                         IPv6ExtHdrFragment(offset=r.choice([0, 0, 9]), m=1, id=7)],
                        r.choice([0, 0, 0, 1, 2, 3])):
        ip = ip / ext
    return ip / layer4(r)


def some_frame(r):
    p = Ether(dst=r.choice(MACS), src='02:00:00:00:00:99')
    for i in range(r.choice([0, 0, 0, 1, 2])):
        p = p / r.choice([Dot1Q, Dot1AD])(vlan=r.choice([1, 42, 4094]), prio=r.randrange(8))
    what = r.randrange(10)
    if what == 0:
        p = p / ARP(pdst='10.0.0.1')
    elif what == 1:
        (tags(p)[-1] if tags(p) else p).type = 0x88b5
        p = p / Raw(bytes(46))
    elif what < 7:
        p = p / some_v4(r)
    else:
        p = p / some_v6(r)
    t = p.getlayer(UDP) or p.getlayer(TCP) or p.getlayer(SCTP)
    head = len(p) - (len(t) if t else 4)
    raw = bytes(p / Raw(bytes(r.randrange(20))))
    if r.randrange(12) == 0:  # cut in front of the ports; the kernel wants two bytes behind a tag
        raw = raw[:r.randrange(16 + 4 * len(tags(p)), head + 4)]
    return raw


def judged(raw):
    """Scapy dissects the bytes anew, so that what was meant when building them is forgotten."""
    p = Ether(raw)
    return ''.join('01'[bool(wants(p))] for _, _, _, wants in RULES)


def main():
    r = random.Random(int(sys.argv[1]))
    for name, value, mask, _ in RULES:
        print('rule', name, value.hex(), mask.hex(), 0)
    for _ in range(int(sys.argv[2])):
        raw = some_frame(r)
        print('frame', raw.hex(), judged(raw))


main()
