/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet language: "eth/ip(dst=10.0.0.0/24)/udp(dport=rand(1024..65535))" compiled to
 * templates and a short list of edits, and the writer that makes frame after frame of them.
 * doc/packet-language.md is its manual.
 */
#ifndef CMD_COMMON_PACKET_PACKET_H
#define CMD_COMMON_PACKET_PACKET_H

#include "../options.h"

#include "../pace.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The options of whoever has packets made: struct packet_opts. */
#define SIZES_ROW(value)                                                                 \
	ROW_STRING("size", "SIZES", value,                                               \
	           "frame length without FCS, as 64, 64..1518 or imix\n"                 \
	           "(default: what the packet needs)")
#define SEED_ROW(value)                                                                  \
	ROW_COUNT("seed", "N", value, 0, 0,                                              \
	          "of what is random in the packet (default: 1)")

struct packet;        /* compiled; read-only from then on, for any number of sources */
struct packet_source; /* one thread's walk through its packets */

/* The limits of a frame, bytes without FCS. */
enum { PACKET_MIN = 14, PACKET_MAX = 9600, PACKET_PADDED = 60 };
/* And of a text. */
enum { PACKETS_MAX = 64 };

/* What was wrong, and which letters of `in` (the packet text, or the sizes) show it. */
struct packet_error {
	const char *in;
	unsigned at, len;
	char text[200];
	char hint[200]; /* what would be right; may be empty */
};

struct packet_opts {
	const char
		*sizes; /* "64", "64..1518", "imix", ...; NULL: as long as the text needs,
	                     * padded to PACKET_PADDED */
	uint64_t seed;  /* of everything random in it */
	uint8_t src_mac[6]; /* eth.src and arp.sha where the text has none: the port's */
	uint32_t flow;      /* of sig() where the text has none */
};

/* Compile a packet text.  0; -EINVAL with *err; -ENOMEM.  err->in points into the caller's
 * strings. */
int packet_compile(const char *text, const struct packet_opts *opts, struct packet **out,
                   struct packet_error *err);
void packet_free(struct packet *p);

/* The sentence, the text, a caret under the fault, the hint. */
void packet_error_print(FILE *to, const struct packet_error *err);

/* A packet written from p, in words and in hex; held as packet_write() left it. */
void packet_show(FILE *to, const struct packet *p, const void *held, const void *frame,
                 uint32_t len);

/* A packet of the text with a rate of its own, as in "udp @ 10kpps". */
struct packet_stream {
	bool has_rate; /* a rate, or a train with a gap */
	struct rate rate;
	struct pace_shape shape;
};

/* How many packets the text has, and the i-th: its part of the text, its rate, its mean length. */
unsigned packet_count(const struct packet *p);
const char *packet_text(const struct packet *p, unsigned i);
const struct packet_stream *packet_stream(const struct packet *p, unsigned i);
double packet_stream_mean_length(const struct packet *p, unsigned i);
/* Each has a rate of its own: they do not take turns. */
bool packet_has_rates(const struct packet *p);

uint32_t packet_longest(const struct packet *p);
uint32_t packet_shortest(const struct packet *p);
double packet_mean_length(const struct packet *p);
/* One frame again and again: a frame once written needs no packet_write() any more. */
bool packet_is_constant(const struct packet *p);

/* Walk the packets number first, first + stride, first + 2 stride ...: worker k of n takes
 * (k, n), and all workers together send what one would.  NULL: no memory. */
struct packet_source *packet_source_create(const struct packet *p, uint64_t first,
                                           uint64_t stride);
void packet_source_free(struct packet_source *s);

/* Pass over n packets, of a text with one packet: they were made elsewhere. */
void packet_source_skip(struct packet_source *s, uint64_t n);
/* Where it stands: the index of the next value of each edit, and (unless NULL) each flow's next
 * sequence number. */
void packet_source_position(const struct packet_source *s, uint64_t *edits,
                            uint64_t *sequences);

/* CLOCK_REALTIME for the signatures written from now on; once per burst is enough. */
void packet_source_set_time(struct packet_source *s, uint64_t now_ns);

/* The length of the packet that packet_write() writes next. */
uint32_t packet_next_length(const struct packet_source *s);

/* Write the next packet; returns its length.  *held says what the frame holds from before, NULL
 * at first and after anybody else wrote to it, so that only what varies is written again. */
uint32_t packet_write(struct packet_source *s, void *frame, const void **held);
/* The same of the i-th packet of the text, whose turn it need not be. */
uint32_t packet_write_of(struct packet_source *s, unsigned i, void *frame,
                         const void **held);

#endif
