/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures of received frames: the place where the last one was is tried first. */
#include "signature.h"
#include "packet/crc32c.h"

#include "hw/sig.h"

#include <string.h>

#define PLACES                                                                           \
	(sizeof(((struct signature_memory *)0)->places) / sizeof(struct signature_place))
/* CRC32C's polynomial, lowest bit last. */
#define POLYNOMIAL 0x82f63b78u

static struct hw_sig load(const uint8_t *frame, uint32_t at)
{
	struct hw_sig sig;

	memcpy(&sig, frame + at, sizeof(sig));
	return sig;
}

/* The 16-bit one's complement sum, in the frame's order of bytes. */
static uint16_t ones_sum(const struct hw_sig *sig)
{
	uint32_t words[8];
	uint64_t sum = 0;
	unsigned i;

	memcpy(words, sig, sizeof(words));
	for (i = 0; i < 8; i++)
		sum += words[i];
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static bool is_balanced(const struct hw_sig *sig)
{
	return ones_sum(sig) == 0xffff;
}

/* What the CRC should be, with the one in the frame taken away: 0 if they agree. */
static uint32_t syndrome(const uint8_t *frame, uint32_t len, uint32_t at,
                         struct hw_sig sig)
{
	uint32_t sent = from_be32(sig.crc), before = from_be16(sig.before), crc;

	sig.balance = to_be16(0);
	sig.crc = to_be32(0);
	crc = crc32c(~0u, frame + at - before, before);
	crc = crc32c(crc, &sig, sizeof(sig));
	crc = crc32c(crc, frame + at + sizeof(sig), len - at - sizeof(sig));
	return ~crc ^ sent;
}

static bool fits(uint32_t len, uint32_t at)
{
	return at && at + sizeof(struct hw_sig) <= len;
}

static void take(struct signature *out, const struct hw_sig *sig)
{
	out->flow = from_be32(sig->flow);
	out->sequence = from_be64(sig->sequence);
	out->time_ns = from_be64(sig->time_ns);
}

/* A whole and undamaged signature at this place. */
static bool read_at(const uint8_t *frame, uint32_t len, uint32_t at,
                    struct signature *out)
{
	struct hw_sig sig;

	if (!fits(len, at))
		return false;
	sig = load(frame, at);
	if (from_be32(sig.magic) != HW_SIG_MAGIC || from_be16(sig.before) > at ||
	    !is_balanced(&sig) || syndrome(frame, len, at, sig))
		return false;
	take(out, &sig);
	return true;
}

static void remember(struct signature_memory *memory, unsigned i, uint32_t at,
                     uint16_t before)
{
	memmove(memory->places + 1, memory->places, i * sizeof(memory->places[0]));
	memory->places[0] = (struct signature_place){(uint16_t)at, before};
}

/* ---- damage --------------------------------------------------------------- */

/* The remainder before a zero byte was appended: the CRC's table has one entry for each top
 * byte, so that every step can be taken back. */
static uint32_t step_back(uint32_t crc)
{
	unsigned bit;

	for (bit = 0; bit < 8; bit++)
		crc = crc >> 31 ? (crc ^ POLYNOMIAL) << 1 | 1 : crc << 1;
	return crc;
}

/* Whether this place of the frame is in what the CRC is over. */
static bool is_covered(uint32_t at, uint32_t i)
{
	uint32_t own = at + (uint32_t)offsetof(struct hw_sig, balance);

	return i < own || i >= at + sizeof(struct hw_sig);
}

/* The one byte that, changed, makes the CRC right; false if there is none or a choice. */
static bool locate(const uint8_t *frame, uint32_t len, uint32_t at, struct hw_sig sig,
                   struct signature *out)
{
	uint32_t from = at - from_be16(sig.before), wrong = syndrome(frame, len, at, sig),
		 i;
	unsigned found = 0;

	for (i = len; i-- > from;) {
		wrong = step_back(wrong);
		if (wrong > 0xff || !is_covered(at, i))
			continue;
		found++;
		out->damaged = (uint16_t)i;
		out->flipped = (uint8_t)wrong;
	}
	return found == 1;
}

/* Mend the one byte that is wrong, if it is in what the CRC is over or is the CRC's own.
 * Returns 0, or 1 for a byte outside of the signature; -1: more is wrong than that. */
static int mend(const uint8_t *frame, uint32_t len, uint32_t at, struct hw_sig *sig,
                struct signature *out)
{
	uint32_t wrong = syndrome(frame, len, at, *sig);

	if (!wrong)
		return 0;
	if (locate(frame, len, at, *sig, out)) {
		if (out->damaged < at || out->damaged >= at + sizeof(*sig))
			return 1;
		((uint8_t *)sig)[out->damaged - at] ^= out->flipped;
		return 0;
	}
	sig->crc = to_be32(from_be32(sig->crc) ^ wrong);
	return wrong & (wrong - 1) & ~(0xffu << (__builtin_ctz(wrong) & ~7)) ? -1 : 0;
}

/* Say where the mended signature differs from the one in the frame; returns in how many bytes. */
static unsigned compare(const uint8_t *frame, uint32_t at, const struct hw_sig *mended,
                        struct signature *out)
{
	const uint8_t *bytes = (const uint8_t *)mended;
	unsigned i, n = 0;

	for (i = 0; i < sizeof(*mended); i++)
		if (frame[at + i] != bytes[i]) {
			out->damaged = (uint16_t)(at + i);
			out->flipped = frame[at + i] ^ bytes[i];
			n++;
		}
	return n;
}

/* A damaged signature, for what it still tells: the CRC vouches for what one byte's mending
 * brings back, and without that the sum does for the signature alone. */
static void read_damaged(const uint8_t *frame, uint32_t len, uint32_t at, uint16_t before,
                         struct signature *out)
{
	struct hw_sig sent = load(frame, at), mended = sent;
	unsigned bytes;
	int outside;

	mended.magic = to_be32(HW_SIG_MAGIC);
	mended.before = to_be16(before);
	outside = mend(frame, len, at, &mended, out);
	if (outside < 0) {
		out->is_located = false;
		out->is_known = is_balanced(&sent);
		take(out, &sent);
		return;
	}
	mended.balance = to_be16(0);
	mended.balance.raw = (uint16_t)~ones_sum(&mended);
	bytes = (unsigned)outside;
	bytes += compare(frame, at, &mended, out);
	out->is_located = out->is_known = bytes == 1;
	take(out, &mended);
}

/* Signed once, at a place where signatures have been: of magic and `before` one is as it was
 * sent, and the other has been hit in one byte at most. */
static bool was_signed(const uint8_t *frame, uint32_t len,
                       const struct signature_place *place)
{
	struct hw_sig sig;
	unsigned bits;

	if (!fits(len, place->at))
		return false;
	sig = load(frame, place->at);
	bits = (unsigned)__builtin_popcount(from_be32(sig.magic) ^ HW_SIG_MAGIC);
	return !bits || (bits <= 8 && from_be16(sig.before) == place->before);
}

static bool find_damaged(struct signature_memory *memory, const uint8_t *frame,
                         uint32_t len, struct signature *out)
{
	const struct signature_place *place;
	unsigned i;

	for (i = 0; i < PLACES; i++) {
		place = &memory->places[i];
		if (place->before <= place->at && was_signed(frame, len, place)) {
			read_damaged(frame, len, place->at, place->before, out);
			return true;
		}
	}
	return false;
}

/* ---- search --------------------------------------------------------------- */

/* The next magic from at on, or 0. */
static uint32_t next_magic(const uint8_t *frame, uint32_t end, uint32_t at)
{
	static const be32 magic = {__builtin_bswap32(HW_SIG_MAGIC)};
	const uint8_t *found;

	if (at >= end)
		return 0;
	found = memmem(frame + at, end - at, &magic, sizeof(magic));
	return found ? (uint32_t)(found - frame) : 0;
}

static enum signature_verdict search(struct signature_memory *memory,
                                     const uint8_t *frame, uint32_t len,
                                     struct signature *out)
{
	uint32_t end = len < SIGNATURE_SEARCH ? len : SIGNATURE_SEARCH, at = 0, first = 0;
	struct hw_sig sig;

	while ((at = next_magic(frame, end, at + 1))) {
		if (read_at(frame, len, at, out)) {
			sig = load(frame, at);
			remember(memory, PLACES - 1, at, from_be16(sig.before));
			return SIGNATURE_GOOD;
		}
		if (!first && fits(len, at) && from_be16(load(frame, at).before) <= at)
			first = at;
	}
	if (find_damaged(memory, frame, len, out))
		return SIGNATURE_DAMAGED;
	if (!first)
		return SIGNATURE_NONE;
	read_damaged(frame, len, first, from_be16(load(frame, first).before), out);
	return SIGNATURE_DAMAGED;
}

enum signature_verdict signature_read(struct signature_memory *memory,
                                      const uint8_t *frame, uint32_t len,
                                      struct signature *sig)
{
	struct signature_place place;
	unsigned i;

	for (i = 0; i < PLACES; i++) {
		place = memory->places[i];
		if (!read_at(frame, len, place.at, sig))
			continue;
		if (i)
			remember(memory, i, place.at, place.before);
		return SIGNATURE_GOOD;
	}
	return search(memory, frame, len, sig);
}
