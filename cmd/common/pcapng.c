/* SPDX-License-Identifier: BSD-2-Clause */
/* pcapng blocks: type, length, body, options, length again; all in words of 32 bits. */
#include "pcapng.h"

#include "rawq.h"

#include <string.h>

/* Block types, options and values of the draft, by its names. */
enum {
	SHB = 0x0a0d0d0a,
	IDB = 1,
	ISB = 5,
	EPB = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_ETHERNET = 1,
	opt_endofopt = 0,
	opt_comment = 1,
	shb_userappl = 4,
	if_name = 2,
	if_speed = 8,
	if_tsresol = 9,
	if_filter = 11,
	epb_flags = 2,
	epb_inbound = 1,
	epb_outbound = 2,
	isb_starttime = 2,
	isb_endtime = 3,
	isb_ifrecv = 4,
	isb_ifdrop = 5,
	isb_filteraccept = 6,
};
#define LENGTH_UNKNOWN UINT64_MAX /* of a section */
#define NANOSECONDS    9          /* if_tsresol: 10^-9 */

/* A block under construction; ok is false once something had no room. */
struct block {
	struct pcapng *to;
	size_t start;
	bool ok;
};

static void put(struct block *b, const void *bytes, size_t n)
{
	struct pcapng *to = b->to;
	size_t padded = (n + 3) & ~(size_t)3;

	b->ok = b->ok && to->room - to->len >= padded;
	if (!b->ok)
		return;
	memcpy(to->bytes + to->len, bytes, n);
	memset(to->bytes + to->len + n, 0, padded - n);
	to->len += padded;
}

static void put_u32(struct block *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static void put_pair(struct block *b, uint16_t first, uint16_t second)
{
	const uint16_t pair[2] = {first, second};

	put(b, pair, sizeof(pair));
}

static void put_option(struct block *b, uint16_t code, const void *value, size_t n)
{
	put_pair(b, code, (uint16_t)n);
	put(b, value, n);
}

static void put_text(struct block *b, uint16_t code, const char *text)
{
	size_t n = strlen(text);

	put_option(b, code, text, n < UINT16_MAX ? n : UINT16_MAX);
}

static void put_u64(struct block *b, uint16_t code, uint64_t v)
{
	put_option(b, code, &v, sizeof(v));
}

/* Times are two words, the high one first, in either byte order. */
static void put_time(struct block *b, uint16_t code, uint64_t ns)
{
	const uint32_t words[2] = {(uint32_t)(ns >> 32), (uint32_t)ns};

	put_option(b, code, words, sizeof(words));
}

static struct block begin(struct pcapng *to, uint32_t type)
{
	struct block b = {to, to->len, true};

	put_u32(&b, type);
	put_u32(&b, 0); /* the length, by end() */
	return b;
}

static bool end(struct block *b)
{
	uint32_t len = (uint32_t)(b->to->len - b->start + sizeof(len));

	put_u32(b, len);
	if (b->ok)
		memcpy(b->to->bytes + b->start + 4, &len, sizeof(len));
	else
		b->to->len = b->start;
	return b->ok;
}

bool pcapng_section(struct pcapng *to, const char *comment)
{
	const uint64_t length = LENGTH_UNKNOWN;
	struct block b = begin(to, SHB);

	put_u32(&b, BYTE_ORDER_MAGIC);
	put_pair(&b, 1, 0); /* version 1.0 */
	put(&b, &length, sizeof(length));
	put_text(&b, shb_userappl, "rawq " RAWQ_VERSION);
	if (comment)
		put_text(&b, opt_comment, comment);
	put_pair(&b, opt_endofopt, 0);
	return end(&b);
}

bool pcapng_interface(struct pcapng *to, const struct pcapng_interface *interface)
{
	const uint8_t resolution = NANOSECONDS;
	struct block b = begin(to, IDB);
	char filter[1024] = ""; /* a byte 0 before it: an expression, not a program */

	put_pair(&b, LINKTYPE_ETHERNET, 0);
	put_u32(&b, interface->snap);
	put_text(&b, if_name, interface->name);
	put_option(&b, if_tsresol, &resolution, 1);
	if (interface->speed)
		put_u64(&b, if_speed, interface->speed);
	if (interface->filter && strlen(interface->filter) < sizeof(filter) - 1) {
		memcpy(filter + 1, interface->filter, strlen(interface->filter));
		put_option(&b, if_filter, filter, strlen(filter + 1) + 1);
	}
	put_pair(&b, opt_endofopt, 0);
	return end(&b);
}

bool pcapng_packet(struct pcapng *to, uint64_t time_ns, bool is_sent, const void *bytes,
                   uint32_t kept, uint32_t len)
{
	const uint32_t flags = is_sent ? epb_outbound : epb_inbound;
	struct block b = begin(to, EPB);

	put_u32(&b, 0); /* the only interface */
	put_u32(&b, (uint32_t)(time_ns >> 32));
	put_u32(&b, (uint32_t)time_ns);
	put_u32(&b, kept);
	put_u32(&b, len);
	put(&b, bytes, kept);
	put_option(&b, epb_flags, &flags, sizeof(flags));
	put_pair(&b, opt_endofopt, 0);
	return end(&b);
}

bool pcapng_statistics(struct pcapng *to, const struct pcapng_statistics *s)
{
	struct block b = begin(to, ISB);

	put_u32(&b, 0); /* the only interface */
	put_u32(&b, (uint32_t)(s->end_ns >> 32));
	put_u32(&b, (uint32_t)s->end_ns);
	put_time(&b, isb_starttime, s->start_ns);
	put_time(&b, isb_endtime, s->end_ns);
	put_u64(&b, isb_ifrecv, s->received);
	put_u64(&b, isb_ifdrop, s->dropped);
	put_u64(&b, isb_filteraccept, s->accepted);
	put_pair(&b, opt_endofopt, 0);
	return end(&b);
}
