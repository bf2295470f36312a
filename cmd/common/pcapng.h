/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng), in the host's byte order: section header,
 * one Ethernet interface with times in ns, packets, statistics.  Each call appends one whole
 * block, or leaves the buffer as it was and returns false: no room.
 */
#ifndef CMD_COMMON_PCAPNG_H
#define CMD_COMMON_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest packet block is the packet and so much. */
#define PCAPNG_OVERHEAD 64

struct pcapng {
	uint8_t *bytes;
	size_t len, room;
};

struct pcapng_interface {
	const char *name, *filter; /* filter may be NULL */
	uint64_t speed;            /* bit/s; 0: unknown */
	uint32_t snap;             /* bytes kept of a packet; 0: all */
};

struct pcapng_statistics {
	uint64_t start_ns, end_ns;
	uint64_t received; /* by the interface for us */
	uint64_t dropped;  /* of those, before we had them */
	uint64_t accepted; /* by the filter: what is in the file */
};

bool pcapng_section(struct pcapng *to, const char *comment);
bool pcapng_interface(struct pcapng *to, const struct pcapng_interface *interface);
/* A packet of len bytes, the first `kept` of which are given; is_sent: by the interface. */
bool pcapng_packet(struct pcapng *to, uint64_t time_ns, bool is_sent, const void *bytes,
                   uint32_t kept, uint32_t len);
bool pcapng_statistics(struct pcapng *to, const struct pcapng_statistics *statistics);

#endif
