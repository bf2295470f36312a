/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rawq ports, of any processes, that steer one netdev together.
 *
 * Whoever comes first loads the program and makes the book; who comes later has the descriptors of
 * all of it handed over by a member that lives.  So the program stays as long as one member does,
 * nothing is pinned, and the last one's end is the end of all of it.
 *
 * Members find each other by abstract unix sockets, which belong to the network namespace:
 *     @rawq/xdp/IFINDEX/start   held while joining or leaving
 *     @rawq/xdp/IFINDEX/N       member N; that the name is taken is what makes it alive
 * Each has a connection to each, and a thread that hands the descriptors over and, when a
 * connection ends, takes the dead member's rules out of the book.
 */
#ifndef LIB_XDP_MEMBERS_H
#define LIB_XDP_MEMBERS_H

#include "lib/xdp/book.h"

struct membership;

/* Join the netdev's members, or be the first one: create() then makes all descriptors of m.
 * *out is the membership until members_leave(); number is our place in the book.
 * -EBUSY a member holds the rules and does not answer, err names it; -ENOSPC; what create returns. */
int members_join(int ifindex, const char *netdev, struct maps *m,
                 int (*create)(void *arg, struct maps *m, struct rawq_error *err),
                 void *arg, struct membership **out, struct rawq_error *err);
uint32_t members_number(const struct membership *s);

/* Take our rules and queues out and close everything. */
void members_leave(struct membership *s);

/* Look into the book without joining: 1 with m open until maps_close(); 0 there are no members;
 * -EBUSY as above. */
int members_visit(int ifindex, const char *netdev, struct maps *m,
                  struct rawq_error *err);

#endif
