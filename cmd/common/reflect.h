/* SPDX-License-Identifier: BSD-2-Clause */
/* Turn a frame round: who it came from is who it goes to. */
#ifndef CMD_COMMON_REFLECT_H
#define CMD_COMMON_REFLECT_H

#include <stdbool.h>
#include <stdint.h>

/* Swap MAC addresses, IPv4 or IPv6 addresses and UDP or TCP ports, behind VLAN tags too.  No
 * checksum changes by that.  A frame sent to many goes back from own_mac.  False: not an
 * Ethernet frame. */
bool reflect(uint8_t *frame, uint32_t len, const uint8_t own_mac[6]);

#endif
