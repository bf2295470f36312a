/* SPDX-License-Identifier: BSD-2-Clause */
/* Frame check sequence, IEEE 802.3 section 3.2.9. */
#ifndef EMU_NIC_FCS_H
#define EMU_NIC_FCS_H

#include <stdint.h>
#include <sys/uio.h>

/* Of a frame in pieces, in the order in which its bytes are on the wire. */
void fcs_of(const struct iovec *segs, unsigned nsegs, uint8_t out[4]);

#endif
