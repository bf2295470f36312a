/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small responder of a port that is somebody of its own (--as): it has the netdev accept the
 * MAC, answers ARP requests, neighbour solicitations and pings for its addresses, and tells the
 * network of them when it starts.
 *
 * What comes to the kernel as well, broadcasts and multicasts above all, it sees by a packet
 * socket, so that nothing is taken from the kernel for it; what the rules bring to the queues, the
 * threads that receive hand to answer_frame().  Tagged frames, fragments and frames with a wrong
 * checksum are not answered.
 */
#ifndef CMD_COMMON_ANSWER_H
#define CMD_COMMON_ANSWER_H

#include "nic.h"
#include "options.h"
#include "wish.h"

struct answerer;

/* Start for wish's MAC and addresses.  Returns an exit_code, the reason having been printed. */
int answer_start(const struct verb *verb, const struct nic *nic, const struct wish *wish,
                 struct answerer **out);
void answer_stop(struct answerer *a); /* NULL is allowed */

/* Answer a frame if it asks for us; true if it did.  May be called by any thread. */
bool answer_frame(struct answerer *a, const uint8_t *frame, uint32_t len);

/* The answer to a frame, written to out, which has room for ANSWER_MAX bytes; its length, or 0:
 * the frame asks nothing of this MAC and these addresses. */
#define ANSWER_MAX 9216
uint32_t answer_make(const uint8_t mac[6], const struct wish_address *addresses,
                     unsigned count, const uint8_t *frame, uint32_t len, uint8_t *out);

/* What tells the network that the address is at the MAC from now on; its length. */
uint32_t answer_announce(const uint8_t mac[6], const struct wish_address *address,
                         uint8_t *out);

#endif
