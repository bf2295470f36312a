/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture files: blocks are gathered and written whole; a file is begun, ended with statistics
 * and followed by the next by size or time, and the oldest of a ring removed.  However it ends,
 * what has been written is a file that readers take: a full disk cuts it behind its last whole
 * block.
 */
#ifndef CMD_COMMON_CAPTURE_FILE_H
#define CMD_COMMON_CAPTURE_FILE_H

#include "pcapng.h"

#include <limits.h>

/* The texts are the caller's and outlive the files. */
struct capture_file_opts {
	const char
		*path; /* with rotation "x.pcapng" becomes "x_00001.pcapng" and so on */
	const char *comment;   /* of the section; may be NULL */
	uint64_t rotate_bytes; /* 0: never */
	uint64_t rotate_ns;    /* 0: never */
	unsigned ring;         /* keep the latest so many files; 0: all */
	struct pcapng_interface interface;
};

struct capture_file {
	struct capture_file_opts opts;
	int fd; /* -1: none */
	char path[PATH_MAX];
	uint64_t number;    /* of files begun */
	uint64_t bytes;     /* written to this one, whole blocks */
	uint64_t opened_ns; /* by the packets' clock */
	uint64_t gathered;  /* packets in the buffer */
	uint64_t written;   /* packets in all files */
	uint64_t before;    /* packets in the files before this one */
	struct pcapng buffer;
};

/* Each returns 0 or a negative errno. */
int capture_file_open(struct capture_file *f, const struct capture_file_opts *opts,
                      uint64_t now_ns);
int capture_file_packet(struct capture_file *f, uint64_t time_ns, bool is_sent,
                        const void *bytes, uint32_t kept, uint32_t len);
/* Write what was gathered. */
int capture_file_flush(struct capture_file *f);
/* End the last file; received and dropped are of the whole capture. */
int capture_file_close(struct capture_file *f, uint64_t now_ns, uint64_t received,
                       uint64_t dropped);

#endif
