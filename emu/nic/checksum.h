/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internet checksum (RFC 1071): inserted into frames that leave, judged on those that arrive.
 * Sums are 32-bit accumulators of big-endian 16-bit words, folded at the end.
 */
#ifndef EMU_NIC_CHECKSUM_H
#define EMU_NIC_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

#include "emu/nic/packet.h"

/* One's complement sum, folded to 16 bits, of len bytes; `odd` if they start at an odd place. */
uint16_t csum_bytes(const void *bytes, uint32_t len, bool odd);
/* Of len bytes from offset on, over the pieces of a frame. */
uint16_t csum_pieces(const struct iovec *segs, unsigned nsegs, uint32_t offset,
                     uint32_t len);
/* Sum of two folded sums. */
static inline uint16_t csum_add(uint16_t a, uint16_t b)
{
	uint32_t sum = (uint32_t)a + b;

	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}
/* Of the pseudo header: addresses, protocol and the L4 length. */
uint16_t csum_pseudo(const uint8_t *frame, const struct packet_headers *h,
                     uint32_t l4_len);

/* L4 bytes of the IP datagram by its own length; 0 if that is not in the frame. */
uint32_t csum_l4_len(const struct packet_headers *h, uint32_t frame_len);

/* Put the checksum into the IPv4 header in `head`.  False: no IPv4 header. */
bool csum_insert_l3(uint8_t *head, const struct packet_headers *h);
/* Put TCP's or UDP's checksum into `head`, whose pieces (head first) make the frame.  False: none
 * of the two, a fragment, or cut short. */
bool csum_insert_l4(uint8_t *head, const struct packet_headers *h,
                    const struct iovec *segs, unsigned nsegs, uint32_t frame_len);

struct csum_verdict {
	bool l3_ok, l4_ok;
	uint16_t sum; /* of the IP datagram, Ethernet padding left out; 0 when not IP */
};
void csum_judge(struct csum_verdict *v, const struct packet *p,
                const struct packet_headers *h, const struct iovec *segs, unsigned nsegs);

#endif
