/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap: draft-ietf-opsawg-pcap.  pcapng: draft-ietf-opsawg-pcapng.  Nothing in them is trusted. */
#include "capture.h"

#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCAP_US           0xa1b2c3d4u
#define PCAP_NS           0xa1b23c4du
#define PCAP_HEADER       24
#define PCAP_RECORD       16
#define NG_SECTION        0x0a0d0d0au
#define NG_BYTE_ORDER     0x1a2b3c4du
#define NG_INTERFACE      1
#define NG_SIMPLE         3
#define NG_ENHANCED       6
#define NG_OPTION_END     0
#define NG_OPTION_TSRESOL 9
#define NG_OPTION_OFFSET  14
#define LINKTYPE_ETHERNET 1
/* More than any tool writes. */
#define INTERFACES_MAX 256
#define PACKET_BYTES   (256u << 10)

struct interface {
	uint64_t ticks_per_s;
	uint64_t offset_s;
	uint32_t snaplen; /* 0: none */
};

struct capture {
	const uint8_t *bytes;
	size_t size, mapped; /* mapped 0: not ours */
	size_t at;
	const char *fault;
	bool is_ng, is_swapped, is_ns;
	unsigned interface_count;
	struct interface interfaces[INTERFACES_MAX];
};

__extension__ typedef unsigned __int128 uint128;

static uint32_t get32(const struct capture *c, size_t at)
{
	uint32_t v;

	memcpy(&v, c->bytes + at, 4);
	return c->is_swapped ? bswap_32(v) : v;
}

static uint16_t get16(const struct capture *c, size_t at)
{
	uint16_t v;

	memcpy(&v, c->bytes + at, 2);
	return c->is_swapped ? bswap_16(v) : v;
}

static bool has(const struct capture *c, size_t at, size_t n)
{
	return at <= c->size && n <= c->size - at;
}

static bool broken(struct capture *c, const char *why)
{
	c->fault = why;
	return false;
}

/* ---- pcap ---- */

static const char *pcap_open(struct capture *c, uint32_t magic)
{
	c->is_swapped = magic == bswap_32(PCAP_US) || magic == bswap_32(PCAP_NS);
	c->is_ns = magic == PCAP_NS || magic == bswap_32(PCAP_NS);
	if (!has(c, 0, PCAP_HEADER))
		return "a pcap file, cut off within its header";
	if ((get32(c, 20) & 0xffff) != LINKTYPE_ETHERNET)
		return "its packets are not Ethernet frames";
	return NULL;
}

static bool pcap_next(struct capture *c, struct captured *out)
{
	uint64_t fraction;

	if (c->at == c->size)
		return false;
	if (!has(c, c->at, PCAP_RECORD))
		return broken(c, "cut off within a record's header");
	fraction = get32(c, c->at + 4);
	out->time_ns =
		get32(c, c->at) * UINT64_C(1000000000) + fraction * (c->is_ns ? 1 : 1000);
	out->len = get32(c, c->at + 8);
	out->original = get32(c, c->at + 12);
	if (out->len > PACKET_BYTES)
		return broken(c, "a record longer than 256 KiB");
	if (!has(c, c->at + PCAP_RECORD, out->len))
		return broken(c, "cut off within a packet");
	out->bytes = c->bytes + c->at + PCAP_RECORD;
	c->at += PCAP_RECORD + out->len;
	return true;
}

/* ---- pcapng ---- */

static uint64_t power(uint64_t base, unsigned exponent)
{
	uint64_t v = 1;

	while (exponent--)
		v *= base;
	return v;
}

/* if_tsresol: 10^-n, or 2^-n with the top bit; false: finer than 64 bits can count. */
static bool set_resolution(struct interface *i, uint8_t resolution)
{
	unsigned n = resolution & 0x7f;

	if (n > (resolution & 0x80 ? 63u : 19u))
		return false;
	i->ticks_per_s = power(resolution & 0x80 ? 2 : 10, n);
	return true;
}

static bool read_option(struct capture *c, struct interface *i, uint16_t code, size_t at,
                        uint16_t len)
{
	if (code == NG_OPTION_TSRESOL && len >= 1)
		return set_resolution(i, c->bytes[at]);
	if (code == NG_OPTION_OFFSET && len >= 8)
		i->offset_s = c->is_swapped
		                      ? (uint64_t)get32(c, at) << 32 | get32(c, at + 4)
		                      : (uint64_t)get32(c, at + 4) << 32 | get32(c, at);
	return true;
}

static bool read_interface(struct capture *c, size_t at, size_t end)
{
	struct interface *i = &c->interfaces[c->interface_count];
	uint16_t code, len;

	if (c->interface_count == INTERFACES_MAX)
		return broken(c, "more than 256 interfaces");
	if (end - at < 8)
		return broken(c, "an interface block that is too short");
	if (get16(c, at) != LINKTYPE_ETHERNET)
		return broken(c, "an interface whose packets are not Ethernet frames");
	*i = (struct interface){.ticks_per_s = 1000000, .snaplen = get32(c, at + 4)};
	for (at += 8; end - at >= 4; at += len + (-len & 3u)) {
		code = get16(c, at);
		len = get16(c, at + 2);
		at += 4;
		if (code == NG_OPTION_END)
			break;
		if (len + (-len & 3u) > end - at)
			return broken(c, "an option longer than its block");
		if (!read_option(c, i, code, at, len))
			return broken(c, "times finer than can be counted");
	}
	c->interface_count++;
	return true;
}

static bool read_enhanced(struct capture *c, size_t at, size_t end, struct captured *out)
{
	const struct interface *i;
	uint64_t ticks;

	if (end - at < 20)
		return broken(c, "a packet block that is too short");
	if (get32(c, at) >= c->interface_count)
		return broken(c, "a packet of an interface that is not described");
	i = &c->interfaces[get32(c, at)];
	ticks = (uint64_t)get32(c, at + 4) << 32 | get32(c, at + 8);
	out->time_ns = (uint64_t)((uint128)ticks * 1000000000 / i->ticks_per_s) +
	               i->offset_s * 1000000000;
	out->len = get32(c, at + 12);
	out->original = get32(c, at + 16);
	if (out->len > PACKET_BYTES || out->len > end - at - 20)
		return broken(c, "a packet longer than its block");
	out->bytes = c->bytes + at + 20;
	return true;
}

/* Without a time: as late as the one before. */
static bool read_simple(struct capture *c, size_t at, size_t end, struct captured *out)
{
	uint32_t room = (uint32_t)(end - at);

	if (!c->interface_count || room < 4)
		return broken(c, "a packet block that is too short, or has no interface");
	out->original = out->len = get32(c, at);
	if (c->interfaces[0].snaplen && out->len > c->interfaces[0].snaplen)
		out->len = c->interfaces[0].snaplen;
	if (out->len > room - 4)
		return broken(c, "a packet longer than its block");
	out->bytes = c->bytes + at + 4;
	return true;
}

/* A section may have another byte order than the one before. */
static bool begin_section(struct capture *c)
{
	uint32_t order;

	if (!has(c, c->at, 28))
		return broken(c, "cut off within a section's header");
	memcpy(&order, c->bytes + c->at + 8, 4);
	if (order != NG_BYTE_ORDER && order != bswap_32(NG_BYTE_ORDER))
		return broken(c, "a section without its byte-order mark");
	c->is_swapped = order != NG_BYTE_ORDER;
	c->interface_count = 0;
	return true;
}

/* One block; *is_packet if it was one. */
static bool ng_block(struct capture *c, struct captured *out, bool *is_packet)
{
	uint32_t type, len;
	size_t body, end;

	*is_packet = false;
	if (!has(c, c->at, 12))
		return broken(c, "cut off within a block's header");
	memcpy(&type, c->bytes + c->at, 4);
	if (type == NG_SECTION && !begin_section(c))
		return false;
	type = get32(c, c->at);
	len = get32(c, c->at + 4);
	if (len < 12 || len % 4 || !has(c, c->at, len))
		return broken(c, "a block that is cut off or has no valid length");
	body = c->at + 8;
	end = c->at + len - 4;
	c->at += len;
	*is_packet = type == NG_ENHANCED || type == NG_SIMPLE;
	if (type == NG_INTERFACE)
		return read_interface(c, body, end);
	if (type == NG_ENHANCED)
		return read_enhanced(c, body, end, out);
	if (type == NG_SIMPLE)
		return read_simple(c, body, end, out);
	return true;
}

static bool ng_next(struct capture *c, struct captured *out)
{
	bool is_packet;

	while (c->at < c->size) {
		if (!ng_block(c, out, &is_packet))
			return false;
		if (is_packet)
			return true;
	}
	return false;
}

/* ---- both ---- */

bool capture_next(struct capture *c, struct captured *out)
{
	if (c->fault)
		return false;
	return c->is_ng ? ng_next(c, out) : pcap_next(c, out);
}

const char *capture_fault(const struct capture *c)
{
	return c->fault;
}

void capture_rewind(struct capture *c)
{
	c->at = c->is_ng ? 0 : PCAP_HEADER;
	c->interface_count = 0;
	c->fault = NULL;
}

const uint8_t *capture_bytes(const struct capture *c, size_t *size)
{
	*size = c->mapped;
	return c->bytes;
}

static const char *recognise(struct capture *c)
{
	uint32_t magic = 0;
	const char *why = NULL;

	if (has(c, 0, 4))
		memcpy(&magic, c->bytes, 4);
	if (magic == NG_SECTION)
		c->is_ng = true;
	else if (magic == PCAP_US || magic == PCAP_NS || magic == bswap_32(PCAP_US) ||
	         magic == bswap_32(PCAP_NS))
		why = pcap_open(c, magic);
	else
		why = "neither a pcap nor a pcapng file";
	capture_rewind(c);
	return why;
}

const char *capture_open_bytes(const uint8_t *bytes, size_t size, struct capture **out)
{
	struct capture *c = calloc(1, sizeof(*c));
	const char *why;

	if (!c)
		return "no memory";
	c->bytes = bytes;
	c->size = size;
	why = recognise(c);
	if (why)
		free(c);
	else
		*out = c;
	return why;
}

static const char *map_file(int fd, const uint8_t **bytes, size_t *size)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (!st.st_size)
		return "an empty file";
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return strerror(errno);
	madvise(at, (size_t)st.st_size, MADV_SEQUENTIAL);
	*bytes = at;
	*size = (size_t)st.st_size;
	return NULL;
}

const char *capture_open(const char *path, struct capture **out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 0;
	const uint8_t *bytes = NULL;
	const char *why;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return strerror(errno);
	why = map_file(fd, &bytes, &size);
	close(fd);
	if (why)
		return why;
	why = capture_open_bytes(bytes, size, out);
	if (why)
		munmap((void *)bytes, size);
	else
		(*out)->mapped = (size + page - 1) / page * page;
	return why;
}

void capture_close(struct capture *c)
{
	if (c && c->mapped)
		munmap((void *)c->bytes, c->mapped);
	free(c);
}
