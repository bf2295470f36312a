/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules as words, the same on every command line; doc/steering.md is the manual:
 *
 *   all                                     every frame
 *   dst-mac 02:00:00:00:00:01               src-mac likewise
 *   vlan 5    tagged    untagged            the outermost tag
 *   ethertype 0x88b5    arp    ip    ip6    behind the tags
 *   ip src 10.0.0.0/24 dst 10.0.1.1         ip6 likewise
 *   proto 17    udp    tcp    sctp    icmp  of IPv4, unless ip6 is said
 *   icmp6                                   of IPv6
 *   udp dport 9000    tcp sport 80-89
 *   vxlan vni 5    gre key 5 protocol 0x6558    the outermost header's tunnel
 *
 * joined by spaces; all of them must match.  Then what becomes of it:
 *
 *   drop    copy    mark 7    priority 2    queues 1,3-4    count
 *   rss src-ip,dst-ip,sport,dport    rss-key HEX
 */
#ifndef CMD_COMMON_RULE_H
#define CMD_COMMON_RULE_H

#include "packet/packet.h"

#include "rawq.h"

#include <stdbool.h>
#include <stddef.h>

#define RULE_QUEUES_MAX 64

struct rule {
	const char *text;           /* the caller's */
	struct rawq_rule_opts opts; /* without queues */
	bool is_drop;
	unsigned queue_count;             /* 0 and no drop: all queues */
	uint16_t queues[RULE_QUEUES_MAX]; /* numbers from 1, in the order given */
	uint8_t rss_key[40];              /* opts.rss_key points here */
};

/* Read a rule's words.  Returns 0, or -1 with *err, which points into text. */
int rule_parse(const char *text, struct rule *out, struct packet_error *err);

/* Write the words of a value and a mask, and copy; longer than size is cut. */
void rule_format(const struct rawq_rule_opts *opts, char *text, size_t size);

/* The rule matches every frame. */
bool rule_is_all(const struct rawq_rule_opts *opts);

/* Narrow a rule by what another one asks for.  -1: no frame can match both. */
int rule_narrow(struct rawq_rule_opts *opts, const struct rawq_rule_opts *by);

/* "02:00:00:00:00:01" */
bool mac_parse(const char *text, uint8_t mac[6]);

#endif
