/* SPDX-License-Identifier: BSD-2-Clause */
/* The card's arithmetic against published vectors. */
#include "emu/nic/checksum.h"
#include "emu/nic/fcs.h"
#include "emu/nic/toeplitz.h"
#include "emu/nic/tso.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <string.h>

/* Microsoft, "Verifying the RSS Hash Calculation". */
static const uint8_t rss_key[TOEPLITZ_KEY_SIZE] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
static const struct {
	int family;
	const char *dst;
	uint16_t dport;
	const char *src;
	uint16_t sport;
	uint32_t ip, tcp;
} rss_vectors[] = {
	{AF_INET, "161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178},
	{AF_INET, "65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea},
	{AF_INET, "12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a},
	{AF_INET, "209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f},
	{AF_INET, "202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2},
	{AF_INET6, "3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5,
         0x40207d3d},
	{AF_INET6, "ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c,
         0xdde51bbf},
	{AF_INET6, "fe80::200:f8ff:fe21:67cf", 38024,
         "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4b61e985, 0x02d1feef},
};

static void test_toeplitz(void)
{
	static struct toeplitz t;

	toeplitz_init(&t, rss_key);
	for (unsigned i = 0; i < sizeof(rss_vectors) / sizeof(rss_vectors[0]); i++) {
		size_t size = rss_vectors[i].family == AF_INET ? 4 : 16;
		uint8_t in[TOEPLITZ_INPUT_MAX];

		inet_pton(rss_vectors[i].family, rss_vectors[i].src, in);
		inet_pton(rss_vectors[i].family, rss_vectors[i].dst, in + size);
		in[2 * size] = (uint8_t)(rss_vectors[i].sport >> 8);
		in[2 * size + 1] = (uint8_t)rss_vectors[i].sport;
		in[2 * size + 2] = (uint8_t)(rss_vectors[i].dport >> 8);
		in[2 * size + 3] = (uint8_t)rss_vectors[i].dport;
		is_u(toeplitz_hash(&t, in, 2 * size), rss_vectors[i].ip,
		     "Toeplitz of the addresses of vector %u", i);
		is_u(toeplitz_hash(&t, in, 2 * size + 4), rss_vectors[i].tcp,
		     "Toeplitz with the ports of vector %u", i);
	}
}

static void test_sums(void)
{
	/* RFC 1071, section 3 */
	static const uint8_t rfc[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	struct iovec pieces[3] = {{(void *)(uintptr_t)rfc, 3},
	                          {(void *)(uintptr_t)(rfc + 3), 2},
	                          {(void *)(uintptr_t)(rfc + 5), 3}};
	static const char digits[] = "123456789";
	struct iovec nine = {(void *)(uintptr_t)digits, 9};
	uint8_t fcs[4];

	is_u(csum_bytes(rfc, 8, false), 0xddf2, "the sum of RFC 1071's example");
	is_u(csum_bytes(rfc, 7, false),
	     csum_add(0x0001, csum_add(0xf203, csum_add(0xf4f5, 0xf600))),
	     "an odd length is padded with zero");
	is_u(csum_pieces(pieces, 3, 0, 8), 0xddf2,
	     "the same sum in pieces of odd length");
	is_u(csum_pieces(pieces, 3, 2, 6), csum_add(0xf203, csum_add(0xf4f5, 0xf6f7)),
	     "a sum that starts inside a piece");
	fcs_of(&nine, 1, fcs);
	ok(fcs[0] == 0x26 && fcs[1] == 0x39 && fcs[2] == 0xf4 && fcs[3] == 0xcb,
	   "CRC-32 check value cbf43926, low byte first");
}

/* An IPv4 header whose checksum is published: RFC 791 worked through in many textbooks. */
static const uint8_t ipv4_udp[] = {
	2,    0,    0,    0,    0,    1,    2,    0,    0,    0,    0,    2,
	0x08, 0x00, 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
	0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7,
};

static void test_ipv4(void)
{
	uint8_t frame[14 + 0x73] = {0};
	struct packet p;

	memcpy(frame, ipv4_udp, sizeof(ipv4_udp));
	frame[24] = frame[25] = 0xaa;
	packet_parse(&p, frame, sizeof(frame), sizeof(frame));
	ok(csum_insert_l3(frame, &p.outer), "an IPv4 header takes a checksum");
	is_u((unsigned)frame[24] << 8 | frame[25], 0xb861, "it is the textbook's b861");
}

/* TCP over IPv4, 54 bytes of header, then payload: flags are FIN PSH ACK CWR. */
static unsigned make_tcp(uint8_t *f)
{
	static const uint8_t head[54] = {
		2,  0,    0,    0,    0,    1,    2,    0,    0,    0,    0,
		2,  0x08, 0x00, 0x45, 0,    0,    0,    0xff, 0xff, 0x40, 0,
		64, 6,    0,    0,    10,   0,    0,    1,    10,   0,    0,
		2,  0x12, 0x34, 0x56, 0x78, 0xff, 0xff, 0xff, 0xf0, 0,    0,
		0,  1,    0x50, 0x99, 1,    0,    0,    0,    0,    0,
	};

	memcpy(f, head, sizeof(head));
	return sizeof(head);
}

static void test_tso(void)
{
	uint8_t whole[PACKET_PEEK], f[PACKET_PEEK];
	unsigned len = make_tcp(whole);
	struct packet p;

	packet_parse(&p, whole, len, len);
	ok(!tso_refusal(&p), "a TCP header can be segmented");
	memcpy(f, whole, len);
	tso_edit(f, &p, 0, 0, 100, false);
	is_u(f[16] << 8 | f[17], 140, "the first segment's IP length");
	is_u(f[18] << 8 | f[19], 0xffff, "its identification is the whole's");
	is_u(f[47], 0x90, "it keeps CWR and ACK, and has neither FIN nor PSH");
	memcpy(f, whole, len);
	tso_edit(f, &p, 1, 100, 20, true);
	is_u(f[18] << 8 | f[19], 0, "the second's identification is one more, and wraps");
	is_u((unsigned)f[38] << 24 | (unsigned)f[39] << 16 | (unsigned)f[40] << 8 | f[41],
	     0x54, "its sequence number is 100 more, and wraps");
	is_u(f[47], 0x19, "the last one has FIN and PSH, and no CWR");
	packet_parse(&p, whole, len - 4, len - 4);
	ok(tso_refusal(&p), "a header cut short cannot be segmented");
}

int main(void)
{
	test_toeplitz();
	test_sums();
	test_ipv4();
	test_tso();
	return done();
}
