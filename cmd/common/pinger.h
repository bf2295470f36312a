/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP echoes to one host and their answers, by a raw socket (RFC 792). */
#ifndef CMD_COMMON_PINGER_H
#define CMD_COMMON_PINGER_H

#include <stdint.h>

struct pinger {
	int fd; /* -1: none */
	uint16_t id, sequence;
	uint64_t sent, answered;
	uint64_t rtt_ns; /* of the last answer */
};

/* The socket stays in the network namespace that the caller is in now.  0 or -errno. */
int pinger_open(struct pinger *p, const char *ip);
void pinger_close(struct pinger *p);

/* Send one echo. */
void pinger_send(struct pinger *p);

/* Take the answers that came. */
void pinger_read(struct pinger *p);

#endif
