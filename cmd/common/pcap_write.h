/* SPDX-License-Identifier: BSD-2-Clause */
/* A pcap file of Ethernet frames with ns times, in the host's byte order. */
#ifndef CMD_COMMON_PCAP_WRITE_H
#define CMD_COMMON_PCAP_WRITE_H

#include <stdint.h>
#include <stdio.h>

/* Each returns 0, or -1 with errno. */
int pcap_write_header(FILE *to);
int pcap_write_frame(FILE *to, const void *frame, uint32_t len, uint64_t time_ns);

#endif
