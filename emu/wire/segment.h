/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared memory of a cable between two processes: who is at which end, and one ring per
 * direction.  POSIX shared memory "/rawq-UID-NAME", for processes of one user.
 *
 * Liveness is a lock: each end holds an open-file-description lock on its byte of the file for as
 * long as it lives, kill -9 included, so no pid is compared and pid namespaces do not matter.
 */
#ifndef EMU_WIRE_SEGMENT_H
#define EMU_WIRE_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one direction: some 9,000 small or 100 jumbo frames; stays in a core's L2 cache. */
#define SEGMENT_RING_SIZE (1u << 20)

/* Frames are records: this header, the bytes, padding to 16.  A record never wraps; `len` of
 * SEGMENT_SKIP sends the reader to the start of the ring. */
struct segment_record {
	uint32_t len;
	uint32_t reserved[3];
};
#define SEGMENT_SKIP UINT32_MAX

/* Bytes and frames run freely.  Each line is written by one side alone. */
struct segment_ring {
	_Alignas(64) _Atomic uint64_t
		bytes_pi; /* sender: pairs with the reader's acquire */
	_Atomic uint64_t frames_pi;
	_Alignas(64) _Atomic uint64_t
		bytes_ci; /* reader: pairs with the sender's acquire */
	_Atomic uint64_t frames_ci;
	_Alignas(64) uint8_t data[SEGMENT_RING_SIZE];
};

struct segment_end {
	_Atomic uint32_t attached; /* 1 from joining to a clean close */
	_Atomic uint32_t up;       /* the port's own side of the link */
	_Atomic uint32_t epoch;    /* grows with every joining: a quick restart is seen */
};

struct segment_shared {
	uint32_t magic, version;
	uint32_t size;
	_Alignas(64) struct segment_end ends[2];
	struct segment_ring rings[2]; /* rings[e] is what end e sends */
};

struct segment {
	struct segment_shared *shared;
	struct segment *next; /* of this process, see segment.c */
	unsigned end;         /* ours */
	int fd;
	char name[64];
};

/* Join the cable at the end that is free, making or reclaiming the segment if nobody is there.
 * -EBUSY both ends are taken; -EACCES, -ENOSPC, -EINVAL, -errno with a sentence. */
int segment_join(struct segment *s, const char *cable, char *err, size_t size);

/* Leave; the last one removes the segment. */
void segment_leave(struct segment *s);

/* Does a living process hold the other end?  One system call. */
bool segment_peer_lives(const struct segment *s);

/* The other end is gone: empty the ring towards it.  Returns the frames that were in it; 0 if
 * somebody new has joined meanwhile, who empties it himself. */
uint64_t segment_drain(struct segment *s);

#endif
