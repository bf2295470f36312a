/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP segmentation: the header of each segment from the header of the whole. */
#ifndef EMU_NIC_TSO_H
#define EMU_NIC_TSO_H

#include "emu/nic/packet.h"

/* Why this header cannot be segmented, or NULL: the card wants TCP over IPv4 or IPv6 (inside a
 * tunnel: there) whose header ends where the inline header does. */
const char *tso_refusal(const struct packet *p);

/* Turn `head`, a copy of the whole's header parsed as p, into that of segment `index`, which
 * carries len bytes of payload from byte `offset` of the whole's on. */
void tso_edit(uint8_t *head, const struct packet *p, uint32_t index, uint32_t offset,
              uint32_t len, bool last);

#endif
