/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three network namespaces without a name, joined by two veth pairs, that last exactly as long as
 * the processes in them:
 *
 *      sender 192.0.2.1 --- 192.0.2.2 left   right 198.51.100.2 --- 198.51.100.1 receiver
 *      (sender_ns)          (this process)                          (receiver_ns)
 */
#ifndef CMD_COMMON_SANDBOX_H
#define CMD_COMMON_SANDBOX_H

#include "options.h"

#define SANDBOX_SENDER_IP   "192.0.2.1"
#define SANDBOX_LEFT_IP     "192.0.2.2"
#define SANDBOX_RIGHT_IP    "198.51.100.2"
#define SANDBOX_RECEIVER_IP "198.51.100.1"

struct sandbox {
	int sender_ns, own_ns, receiver_ns; /* file descriptors */
};

/* Make it and move this process, which has one thread, to the middle of it.  Returns an
 * exit_code, the reason having been printed. */
int sandbox_enter(const struct verb *verb, struct sandbox *box);

/* Move this process to a namespace of it.  0 or -errno. */
int namespace_enter(int ns);

/* What is left of it goes with the last process. */
void sandbox_leave(struct sandbox *box);

#endif
