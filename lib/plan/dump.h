/* SPDX-License-Identifier: BSD-2-Clause */
/* Netlink dumps by libnl, one message at a time. */
#ifndef LIB_PLAN_DUMP_H
#define LIB_PLAN_DUMP_H

#include "facts.h"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stddef.h>

struct dump {
	struct nl_sock *sock;
};

/* One answer; not 0 is kept and told by dump_all(). */
typedef int (*dump_take)(struct nlmsghdr *msg, void *arg);

int dump_open(struct dump *d, int protocol);
void dump_close(struct dump *d);

/* Ask for everything of a type, header being the request's, and take each answer.  0 or -errno. */
int dump_all(struct dump *d, int type, const void *header, size_t size, dump_take take,
             void *arg);

/* Room for one more element, zeroed, at the end of an array; NULL: no memory. */
void *dump_append(void **array, unsigned *count, size_t size);

/* Part of facts_read(). */
int facts_read_sockets(int ifindex, struct facts *out);

#endif
