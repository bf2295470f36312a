/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures in received frames.  The frame below was put together by hand from hw/sig.h; its
 * CRC32C is from an independent implementation (RFC 3720's check value is tested, too).
 */
#include "tap.h"
#include "common/signature.h"

#include "hw/sig.h"

#include <string.h>

#define HEADERS 42

/* RFC 3720, bit by bit. */
static uint32_t crc_by_hand(const uint8_t *p, unsigned n)
{
	uint32_t crc = ~0u;
	unsigned i, bit;

	for (i = 0; i < n; i++)
		for (crc ^= p[i], bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	return ~crc;
}

static void put(uint8_t *p, uint64_t v, unsigned bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static void make(uint8_t *frame, unsigned len, unsigned at, unsigned before)
{
	uint32_t sum = 0, i;
	uint8_t *sig = frame + at;

	for (i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 7 + 3);
	put(sig, 0x52615751, 4);
	put(sig + 4, 0x01000005, 4);
	put(sig + 8, 0x123456789a, 8);
	put(sig + 16, 0x17f0000000000000u + len, 8);
	put(sig + 24, before, 2);
	put(sig + 26, 0, 6);
	put(sig + 28, crc_by_hand(frame + at - before, len - at + before), 4);
	for (i = 0; i < 32; i += 2)
		sum += (uint32_t)sig[i] << 8 | sig[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put(sig + 26, 0xffff - sum, 2);
}

static void good(void)
{
	struct signature_memory memory = {0};
	struct signature sig;
	uint8_t frame[1514];
	unsigned at, found = 0, right = 0, n = 0;

	is_u(crc_by_hand((const uint8_t *)"123456789", 9), 0xe3069283,
	     "the test's CRC32C has the check value of the literature");
	for (at = 14; at <= 300; at += 13, n++) {
		make(frame, at + 32 + at % 50, at, at % 3 ? at : 0);
		found += signature_read(&memory, frame, at + 32 + at % 50, &sig) ==
		         SIGNATURE_GOOD;
		right += sig.flow == 0x01000005 && sig.sequence == 0x123456789a &&
		         sig.time_ns == 0x17f0000000000000u + at + 32 + at % 50;
	}
	is_u(found, n, "found wherever it is");
	is_u(right, n, "and told right");
	is_u(signature_read(&memory, frame, 40, &sig), SIGNATURE_NONE,
	     "a frame too short for one has none");
}

static void unsigned_traffic(void)
{
	struct signature_memory memory = {0};
	struct signature sig;
	uint8_t frame[200];
	unsigned i, b, none = 0;
	uint32_t random = 1;

	make(frame, sizeof(frame), HEADERS, HEADERS);
	signature_read(&memory, frame, sizeof(frame), &sig);
	for (i = 0; i < 20000; i++) {
		for (b = 0; b < sizeof(frame); b++)
			frame[b] =
				(uint8_t)((random = random * 1664525 + 1013904223) >> 24);
		none += signature_read(&memory, frame, sizeof(frame), &sig) ==
		        SIGNATURE_NONE;
	}
	is_u(none, 20000, "20,000 random frames have none");
	memset(frame, 0, sizeof(frame));
	is_u(signature_read(&memory, frame, sizeof(frame), &sig), SIGNATURE_NONE,
	     "nor has one of zeros");
}

/* Every byte of a frame, in several ways. */
static void one_byte(unsigned len, unsigned before)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x5a};
	struct signature_memory memory = {0}, kept;
	struct signature sig;
	uint8_t frame[1514];
	unsigned i, k, n = 0, damaged = 0, known = 0, located = 0;

	make(frame, len, HEADERS, before);
	signature_read(&memory, frame, len, &sig);
	for (i = HEADERS - before; i < len; i++)
		for (k = 0; k < 4; k++, n++) {
			kept = memory;
			frame[i] ^= flips[k];
			damaged += signature_read(&kept, frame, len, &sig) ==
			           SIGNATURE_DAMAGED;
			frame[i] ^= flips[k];
			known += sig.is_known && sig.flow == 0x01000005 &&
			         sig.sequence == 0x123456789a;
			located += sig.is_located && sig.damaged == i &&
			           sig.flipped == flips[k];
		}
	is_u(damaged, n, "%u bytes, CRC over %u before: every damaged byte is noticed",
	     len, before);
	is_u(known, n, "and the packet known all the same");
	is_u(located, n, "and the byte found");
}

static void many_bytes(void)
{
	struct signature_memory memory = {0};
	struct signature sig;
	uint8_t frame[300];

	make(frame, sizeof(frame), HEADERS, HEADERS);
	signature_read(&memory, frame, sizeof(frame), &sig);
	memset(frame + 100, 0xee, 50);
	is_u(signature_read(&memory, frame, sizeof(frame), &sig), SIGNATURE_DAMAGED,
	     "a damaged payload is noticed");
	ok(sig.is_known && sig.sequence == 0x123456789a,
	   "the signature is whole and believed");
	ok(!sig.is_located, "no one byte explains it");
	frame[HEADERS + 9] ^= 0x11;
	is_u(signature_read(&memory, frame, sizeof(frame), &sig), SIGNATURE_DAMAGED,
	     "the signature is damaged as well");
	ok(!sig.is_known, "and not believed any more");
}

int main(void)
{
	good();
	unsigned_traffic();
	one_byte(74, 42);
	one_byte(1514, 0);
	many_bytes();
	return done();
}
