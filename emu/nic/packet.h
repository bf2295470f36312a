/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the card's parser sees in a frame: where the headers are and what they are.  Computed once
 * per frame, used by steering, RSS, checksum verdicts and the CQE.
 *
 * Nothing here reads past `len`; a header that is cut short is not there.
 */
#ifndef EMU_NIC_PACKET_H
#define EMU_NIC_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/* Bytes that hold every header the parser looks at: Ethernet, 2 VLAN, IPv6 with extension headers,
 * UDP, VXLAN, and the same again inside. */
#define PACKET_PEEK 256

enum packet_l3 { L3_NONE, L3_IPV4, L3_IPV6 };
enum packet_l4 { L4_NONE, L4_TCP, L4_UDP, L4_ICMP, L4_ESP, L4_OTHER };
enum packet_tunnel {
	TUNNEL_NONE,
	TUNNEL_VXLAN,
	TUNNEL_VXLAN_GPE,
	TUNNEL_GRE,
	TUNNEL_GENEVE,
	TUNNEL_IPIP
};

/* One level of headers; offsets from the start of the frame. */
struct packet_headers {
	uint16_t l2;        /* of the destination MAC; meaningless when no_l2 */
	uint16_t l3, l4;    /* valid unless L3_NONE, L4_NONE */
	uint16_t payload;   /* behind the last header understood */
	uint16_t ethertype; /* behind the VLAN tags, host order */
	uint16_t vlan[2];   /* TCI, host order, outermost first */
	uint16_t tpid[2];
	uint8_t vlans; /* 0..2 */
	uint8_t l3_kind, l4_kind;
	uint8_t ip_proto; /* of the last IPv6 extension header, or IPv4's */
	bool no_l2;       /* inside a tunnel of IP in IP */
	bool fragment; /* of an IP datagram, the first one or a later one: no L4 looked for */
	bool ip_options; /* IPv4 options or IPv6 extension headers */
	uint16_t l3_len; /* header and payload as IP says; may exceed what is there */
};

struct packet {
	const uint8_t *head; /* the first head_len bytes, contiguous */
	uint32_t head_len;
	uint32_t len; /* of the whole frame */
	struct packet_headers outer, inner;
	uint8_t tunnel;      /* enum packet_tunnel */
	uint16_t tunnel_hdr; /* offset of the tunnel's own header */
};

/* Parse a frame whose first bytes are contiguous at head: min(len, PACKET_PEEK) of them at least. */
void packet_parse(struct packet *p, const void *head, uint32_t head_len, uint32_t len);

/* Make the first bytes of a frame in pieces contiguous: returns segs[0] if it is long enough, else
 * copies into buf[PACKET_PEEK].  *head_len tells how many bytes are there. */
const void *packet_peek(const struct iovec *segs, unsigned nsegs, uint8_t *buf,
                        uint32_t *head_len);

#endif
