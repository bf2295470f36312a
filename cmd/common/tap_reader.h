/* SPDX-License-Identifier: BSD-2-Clause */
/* Taps, the reader's side: finding a port that another rawq process offers, and its packets. */
#ifndef CMD_COMMON_TAP_READER_H
#define CMD_COMMON_TAP_READER_H

#include "options.h"
#include "tap.h"

#include <stdint.h>

/* Of a packet of several descriptors. */
#define TAP_PACKET_MAX 65536

struct tap_reader {
	int pid; /* whose port it is */
	int fd;  /* the connection; its end is the port's */
	uint8_t *memory;
	unsigned next; /* ring to look at */
	bool is_gone;
	uint64_t lost_before; /* by earlier readers */
	struct tap_assembly {
		uint32_t kept, len; /* so far */
		uint8_t *bytes;     /* TAP_PACKET_MAX */
	} assembly[TAP_QUEUES_MAX];
};

struct tap_packet {
	const uint8_t *bytes; /* until the next call */
	uint32_t kept, len;
	uint64_t time_ns;
	bool is_sent; /* by the port */
};

/* Tap the port netdev of a rawq process: of pid, or if that is 0 of the only one.  snap: bytes to
 * keep of each piece.  Returns an exit_code, the reason having been printed; tap_close() in any
 * case. */
int tap_open(struct tap_reader *t, const struct verb *verb, const char *netdev, int pid,
             uint32_t snap);
void tap_close(struct tap_reader *t);

/* 1: a packet; 0: none is there now; -EPIPE the port is gone and all is read; -EPROTO it writes
 * what no port writes. */
int tap_next(struct tap_reader *t, struct tap_packet *packet);

/* Packets that found no room, so far. */
uint64_t tap_lost(const struct tap_reader *t);

#endif
