/* SPDX-License-Identifier: BSD-2-Clause */
/* A port's part in the steering of its netdev. */
#ifndef LIB_XDP_STEERING_H
#define LIB_XDP_STEERING_H

#include "lib/xdp/book.h"
#include "lib/xdp/members.h"
#include "lib/xdp/xdp.h"

struct steering {
	struct maps maps;
	struct membership *membership;
	uint32_t number; /* among those that the port had, from 1 */
	unsigned rules;  /* of this port */
};

/* program.c: for members_join(); arg is the port. */
int steering_create(void *arg, struct maps *m, struct rawq_error *err);
/* A BPF ring buffer of at least so many bytes; its descriptor, or -errno. */
int steering_ring_create(uint32_t bytes);

#endif
