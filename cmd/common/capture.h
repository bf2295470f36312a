/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Captured frames read from a file: pcap (us and ns, either byte order) and pcapng (every
 * resolution).  The file is mapped and nothing of it is copied; a packet is found when it is
 * asked for, so that a file may be larger than memory.
 */
#ifndef CMD_COMMON_CAPTURE_H
#define CMD_COMMON_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;

struct captured {
	const uint8_t *bytes; /* in the mapping */
	uint32_t len;         /* captured */
	uint32_t original;    /* on the wire; more if the capture cut it */
	uint64_t time_ns;
};

/* NULL, or why not, in words after "FILE: ". */
const char *capture_open(const char *path, struct capture **out);
/* The same on bytes in memory, which must outlive it. */
const char *capture_open_bytes(const uint8_t *bytes, size_t size, struct capture **out);
void capture_close(struct capture *c);

/* The next packet; false at the end, or where the file is broken: capture_fault() tells. */
bool capture_next(struct capture *c, struct captured *out);
/* NULL: the file ended where it should. */
const char *capture_fault(const struct capture *c);
void capture_rewind(struct capture *c);

/* The whole file as it is mapped: whole pages, the rest of the last one is 0. */
const uint8_t *capture_bytes(const struct capture *c, size_t *size);

#endif
