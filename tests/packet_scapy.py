#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Packets read by Scapy, their lengths and checksums thrown away and made again by Scapy: the
same bytes must come back.  And signatures, read by a CRC32C of our own."""
import io
import os
import struct
import subprocess
import sys

from scapy.all import (GRE, IP, TCP, UDP, ARP, Ether, ICMP, IPv6, PcapReader, SCTP, conf)
from scapy.contrib.geneve import GENEVE  # noqa: F401: binds to its port
from scapy.contrib.gtp import GTP_U_Header  # noqa: F401
from scapy.contrib.mpls import MPLS  # noqa: F401
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS
from scapy.layers.vxlan import VXLAN  # noqa: F401

RAWQ = os.environ["RAWQ_BUILD"] + "/rawq"
COUNT = 2000
conf.verb = 0

# What Scapy computes when it is not given.
COMPUTED = {IP: ("len", "chksum", "ihl"), UDP: ("len", "chksum"), TCP: ("chksum", "dataofs"),
            ICMP: ("chksum",), IPv6: ("plen",), SCTP: ("chksum",), GRE: ("chksum",),
            ICMPv6EchoRequest: ("cksum",), ICMPv6ND_NS: ("cksum",), ICMPv6ND_NA: ("cksum",)}

REBUILT = [
    ("eth/vlan(id=inc(1..4094))/arp(spa=10.0.0.0/24,op=request)", ARP),
    ("ip(src=10.0.0.0/22,dst=rand(172.16.0.0/12),ttl=inc(250..1,7),id=rand(0..65535),"
     "options=94040000)/udp(sport=inc(1..9))", UDP),
    ("ip/icmp(id=rand(0..65535),seq=inc(0..65535))/payload('ping')", ICMP),
    ("ip6(src=rand(2001:db8::/40),flow=inc(0..1048575))/icmp6(seq=inc(0..65535))",
     ICMPv6EchoRequest),
    ("ns(target=2001:db8::/100,lladdr=02:00:00:00:00:09)", ICMPv6ND_NS),
    ("na(target=2001:db8::/100)", ICMPv6ND_NA),
    ("ip(dst=10.0.0.0/16)/tcp(sport=rand(49152..65535),seq=rand(0..4294967295),"
     "flags=list(syn,ack),options=020405b4)/payload(len=33,fill=rand)", TCP),
    ("ip/gre(csum=good,key=inc(0..4294967295,12345))/ip(src=10.1.0.0/24)/udp", GRE),
    ("ip/sctp(vtag=inc(0..9999))/data(tsn=rand(0..4294967295))/payload(len=12)", SCTP),
    ("mpls(label=inc(100..199))/ip(dst=10.0.0.0/16)/udp(sport=rand(49152..65535))", UDP),
]


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def frames(text, *args, count=COUNT):
    out = subprocess.run([RAWQ, "show", text, "--count", str(count), "--write", "-", *args],
                         stdout=subprocess.PIPE, check=True, timeout=50).stdout
    at, all_frames = 24, []
    while at < len(out):
        length = struct.unpack_from("<I", out, at + 8)[0]
        all_frames.append(out[at + 16:at + 16 + length])
        at += 16 + length
    return all_frames


def rebuilt(frame):
    packet = Ether(frame)
    layer = packet
    while layer:
        for name in COMPUTED.get(type(layer), ()):
            delattr(layer, name)
        layer = layer.payload
    return packet


def check_rebuilt(text, layer):
    for i, frame in enumerate(frames(text)):
        packet = rebuilt(frame)
        if layer not in packet:
            return f"packet {i}: Scapy sees no {layer.__name__}: {packet.summary()}"
        if bytes(packet) != frame:
            return f"packet {i}: Scapy makes {bytes(packet).hex()} of {frame.hex()}"
    return None


def check_signature(frame, at, flow, sequence, before):
    magic, got_flow, got_sequence = struct.unpack_from(">IIQ", frame, at)
    got_before, _, crc = struct.unpack_from(">HHI", frame, at + 24)
    if (magic, got_flow, got_sequence) != (0x52615751, flow, sequence):
        return f"magic {magic:x} flow {got_flow} sequence {got_sequence}"
    if got_before != before:
        return f"covers {got_before} bytes before it"
    covered = bytearray(frame[at - before:])
    covered[before + 26:before + 32] = bytes(6)
    if crc != crc32c(covered):
        return f"CRC {crc:08x}, not {crc32c(covered):08x}"
    words = struct.unpack_from(">16H", frame, at)
    if sum(words) % 0xffff:
        return "not balanced"
    return None


# (text, sizes, where the signature is, bytes covered before it, flow and sequence of packet i)
SIGNED = [
    ("udp/sig", "74", 42, 42, lambda i: (0, i)),
    ("udp/sig", "600", 42, 42, lambda i: (0, i)),
    ("udp/sig(flow=7)", "imix(100:2,1514:1)", 42, 42, lambda i: (7, i)),
    ("udp/sig(flow=7)", "100..300", 42, 42, lambda i: (7, i)),
    ("ip(src=rand(10.0.0.0/8))/udp(sport=rand(1..9))/payload('abc')/sig(flow=inc(5..8))", "200",
     45, 45, lambda i: (5 + i % 4, i // 4)),
    ("udp/sig(flow=list(9,3),before=10)", "200", 42, 10, lambda i: ((9, 3)[i % 2], i // 2)),
    ("sctp(vtag=inc(0..9))/data/sig", "200", 62, 16, lambda i: (0, i)),
]


def check_signed(text, size, at, before, want):
    for i, frame in enumerate(frames(text, "--size", size)):
        fault = check_signature(frame, at, *want(i), before)
        if fault:
            return f"packet {i}: {fault}"
    return None


def main():
    checks = [(f"Scapy makes the same of {text}", check_rebuilt, (text, layer))
              for text, layer in REBUILT]
    checks += [(f"signatures of {case[0]} at {case[1]}", check_signed, case) for case in SIGNED]
    failed = 0
    print(f"1..{len(checks)}")
    for n, (name, check, args) in enumerate(checks, 1):
        fault = check(*args)
        print(f"{'not ok' if fault else 'ok'} {n} - {name}", flush=True)
        if fault:
            failed = 1
            print(f"# {fault}")
    return failed


sys.exit(main())
