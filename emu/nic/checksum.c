/* SPDX-License-Identifier: BSD-2-Clause */
#include "emu/nic/checksum.h"

#include <endian.h>
#include <string.h>

#define PROTO_TCP 6
#define PROTO_UDP 17

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t swap16(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

/* The sum does not depend on byte order (RFC 1071, 2.B): add host words, swap once. */
uint16_t csum_bytes(const void *bytes, uint32_t len, bool odd)
{
	const uint8_t *p = bytes;
	uint64_t sum = 0;
	uint16_t folded;

	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		sum += word & 0xffffffff;
		sum += word >> 32;
	}
	for (; len >= 2; p += 2, len -= 2) {
		uint16_t word;

		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	if (len)
		sum += le16toh(*p); /* padded behind with a zero byte */
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	folded = be16toh((uint16_t)sum);
	return odd ? swap16(folded) : folded;
}

uint16_t csum_pieces(const struct iovec *segs, unsigned nsegs, uint32_t offset,
                     uint32_t len)
{
	uint16_t sum = 0;
	bool odd = false;

	for (unsigned i = 0; i < nsegs && len; i++) {
		uint32_t here = (uint32_t)segs[i].iov_len;

		if (offset >= here) {
			offset -= here;
			continue;
		}
		here -= offset;
		if (here > len)
			here = len;
		sum = csum_add(sum, csum_bytes((const uint8_t *)segs[i].iov_base + offset,
		                               here, odd));
		odd ^= here & 1;
		len -= here;
		offset = 0;
	}
	return sum;
}

uint16_t csum_pseudo(const uint8_t *frame, const struct packet_headers *h,
                     uint32_t l4_len)
{
	uint16_t sum = h->l3_kind == L3_IPV4 ? csum_bytes(frame + h->l3 + 12, 8, false)
	                                     : csum_bytes(frame + h->l3 + 8, 32, false);

	sum = csum_add(sum, h->l4_kind == L4_TCP ? PROTO_TCP : PROTO_UDP);
	sum = csum_add(sum, (uint16_t)(l4_len >> 16));
	return csum_add(sum, (uint16_t)l4_len);
}

uint32_t csum_l4_len(const struct packet_headers *h, uint32_t frame_len)
{
	uint32_t end = (uint32_t)h->l3 + h->l3_len;

	if (h->l3_kind == L3_NONE || h->l4_kind == L4_NONE || end > frame_len ||
	    end < h->l4)
		return 0;
	return end - h->l4;
}

static uint32_t ipv4_header_len(const uint8_t *ip)
{
	return (uint32_t)(ip[0] & 15) * 4;
}

bool csum_insert_l3(uint8_t *head, const struct packet_headers *h)
{
	uint8_t *ip = head + h->l3;

	if (h->l3_kind != L3_IPV4)
		return false;
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~csum_bytes(ip, ipv4_header_len(ip), false));
	return true;
}

/* Offset of the checksum in the L4 header; 0: the card knows none. */
static unsigned l4_csum_at(const struct packet_headers *h, uint32_t l4_len)
{
	if (h->l4_kind == L4_TCP && l4_len >= 20)
		return 16;
	if (h->l4_kind == L4_UDP && l4_len >= 8)
		return 6;
	return 0;
}

bool csum_insert_l4(uint8_t *head, const struct packet_headers *h,
                    const struct iovec *segs, unsigned nsegs, uint32_t frame_len)
{
	uint32_t l4_len = csum_l4_len(h, frame_len);
	unsigned at = l4_csum_at(h, l4_len);
	uint16_t sum;

	if (!at || h->fragment)
		return false;
	put16(head + h->l4 + at, 0);
	sum = csum_add(csum_pieces(segs, nsegs, h->l4, l4_len),
	               csum_pseudo(head, h, l4_len));
	sum = (uint16_t)~sum;
	if (sum == 0 && h->l4_kind == L4_UDP)
		sum = 0xffff; /* RFC 768: 0 would mean none */
	put16(head + h->l4 + at, sum);
	return true;
}

void csum_judge(struct csum_verdict *v, const struct packet *p,
                const struct packet_headers *h, const struct iovec *segs, unsigned nsegs)
{
	uint32_t l4_len = csum_l4_len(h, p->len);
	uint32_t header, end = (uint32_t)h->l3 + h->l3_len;
	uint16_t sum;

	memset(v, 0, sizeof(*v));
	if (h->l3_kind == L3_NONE)
		return;
	if (h->l3_kind == L3_IPV4) {
		header = ipv4_header_len(p->head + h->l3);
		v->l3_ok = csum_bytes(p->head + h->l3, header, false) == 0xffff;
	} else {
		v->l3_ok = true; /* IPv6 has none */
	}
	if (end > p->len)
		end = p->len;
	if (!l4_csum_at(h, l4_len) || h->fragment) {
		v->sum = csum_pieces(segs, nsegs, h->l3, end - h->l3);
		return;
	}
	sum = csum_pieces(segs, nsegs, h->l4, l4_len);
	v->sum = csum_add(sum, csum_bytes(p->head + h->l3, h->l4 - h->l3, false));
	v->l4_ok = csum_add(sum, csum_pseudo(p->head, h, l4_len)) == 0xffff;
	if (h->l4_kind == L4_UDP && get16(p->head + h->l4 + 6) == 0)
		v->l4_ok = h->l3_kind == L3_IPV4; /* not checked by the sender's wish */
}
