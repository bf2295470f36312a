/* SPDX-License-Identifier: BSD-2-Clause */
/* From send WQEs to frames; see send.c for what becomes of them. */
#ifndef EMU_NIC_FRAME_H
#define EMU_NIC_FRAME_H

#include "emu/nic/card.h"

/* Frames offered to a wire at once, and room for their pieces. */
#define BATCH_FRAMES 64
#define BATCH_IOVS   1024

/* What send.c needs to know of a WQE. */
struct wqe {
	uint32_t base; /* its first segment */
	uint16_t next; /* WQEBB of the one behind it */
	uint8_t ds, opcode, ce;
	bool reserved;        /* bits that must be 0 are set */
	uint16_t named_index; /* what the control segment says */
	uint32_t named_queue;
	struct hw_eth_seg eth;
	uint32_t header; /* bytes of inline header */
	unsigned body;   /* first segment behind the Ethernet segment */
	unsigned frames; /* that it makes */
};

struct wqe_error {
	uint8_t syndrome, vendor;
};

struct batch {
	unsigned frames_count, iovs_count;
	struct wire_frame frames[BATCH_FRAMES];
	struct mark {
		struct wqe wqe;
		bool last; /* frame of its WQE */
	} marks[BATCH_FRAMES];
	struct iovec iovs[BATCH_IOVS];
	/* Headers that the card writes into, with room for a VLAN tag. */
	uint8_t heads[BATCH_FRAMES][PACKET_PEEK + 4];
};

void frame_read_wqe(struct nic_sq *sq, uint16_t index, struct wqe *w);

enum frame_result {
	FRAME_DONE,
	FRAME_FULL, /* the batch has no room for the rest */
	FRAME_BAD   /* error says what the completion does; said to the program */
};

/* Append the WQE's frames but the first `skip` to the batch.  FULL leaves those in that fit;
 * BAD leaves none of this WQE. */
enum frame_result frame_expand(struct nic_sq *sq, struct batch *b, struct wqe *w,
                               uint32_t skip, struct wqe_error *error);

#endif
