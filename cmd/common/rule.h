/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules as words:
 *
 *   all                                     every frame
 *   dst-mac 02:00:00:00:00:01               src-mac likewise
 *   vlan 5    tagged    untagged            the outermost tag
 *   ethertype 0x88b5    arp    ip    ip6    behind the tags
 *   ip src 10.0.0.0/24 dst 10.0.1.1         ip6 likewise
 *   proto 17    udp    tcp    sctp    icmp  of IPv4, unless ip6 is said
 *   udp dport 9000    tcp sport 80
 *
 * joined by spaces; all of them must match.
 */
#ifndef CMD_COMMON_RULE_H
#define CMD_COMMON_RULE_H

#include "options.h"

#include "rawq.h"

/* Consent to a rule on which the kernel's own traffic depends. */
#define TAKE_EVERYTHING_ROW(value)                                                       \
	ROW_FLAG("take-everything", value,                                               \
	         "let the rule take what the kernel lives on: all, all IP, ARP..")

struct rule_error {
	char text[160]; /* "at 'xyz': what was expected" */
};

/* Set opts->value and opts->mask from words, nothing else.  Returns 0, or -1 with *err. */
int rule_parse(const char *text, struct rawq_rule_opts *opts, struct rule_error *err);

/* Not 0: the rule matches every frame. */
int rule_is_all(const struct rawq_rule_opts *opts);

#endif
