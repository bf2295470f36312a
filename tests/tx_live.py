#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""tx_live.py CAPTURED SHOWN [SIGNATURE_OFFSET]: are the frames of two pcaps the same, in order?

With a signature its time, balance and CRC may differ, and are checked instead."""
import struct
import sys


def frames(path):
    data = open(path, "rb").read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at < len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def signature_fault(got, want, at):
    if got[:at + 16] != want[:at + 16] or got[at + 24:at + 26] != want[at + 24:at + 26]:
        return "headers, flow or sequence differ"
    if got[at + 32:] != want[at + 32:]:
        return "what is behind the signature differs"
    bare = got[:at + 26] + bytes(6) + got[at + 32:]
    before = struct.unpack_from(">H", got, at + 24)[0]
    if struct.unpack_from(">I", got, at + 28)[0] != crc32c(bare[at - before:]):
        return "CRC"
    if sum(struct.unpack_from(">16H", got, at)) % 0xffff:
        return "not balanced"
    return None


def fault(got, want, at):
    if at:
        return signature_fault(got, want, at)
    return None if got == want else "differs"


def main():
    got, want = list(frames(sys.argv[1])), list(frames(sys.argv[2]))
    at = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    # A machine busy with other things loses some at the far end: one in twenty may be missing.
    if not len(want) * 0.95 <= len(got) <= len(want):
        sys.exit(f"{len(got)} frames, not {len(want)}")
    k, missing = 0, len(want) - len(got)
    for i, frame in enumerate(got):
        while k < i + missing and fault(frame, want[k], at):
            k += 1
        why = fault(frame, want[k], at)
        if why:
            sys.exit(f"frame {i}: {why}\n{frame.hex()}\n{want[k].hex()}")
        k += 1
    times = [struct.unpack_from(">Q", f, at + 16)[0] for f in got] if at else []
    if times != sorted(times):
        sys.exit("times run backwards")


main()
