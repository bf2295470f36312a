/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls of one AF_XDP socket, each with its one meaning. */
#ifndef LIB_XDP_SOCKET_H
#define LIB_XDP_SOCKET_H

#include "lib/region.h"
#include "lib/xdp/ring.h"

#include <stdbool.h>

/* Make the region the socket's UMEM.  -EPERM the memory-lock limit; -EINVAL; -ENOMEM. */
int socket_register_umem(int fd, const struct rawq_region *region, const char *netdev,
                         struct rawq_error *err);

/* Size and map one ring, before bind(2); option is XDP_RX_RING, XDP_TX_RING, XDP_UMEM_FILL_RING
 * or XDP_UMEM_COMPLETION_RING.  ring_unmap() undoes the mapping, close(2) the rest. */
int socket_ring(int fd, int option, uint32_t size, struct ring *r);
void ring_unmap(struct ring *r);

/* bind(2), patient with a queue whose last owner is just being cleaned up. */
int socket_bind(int fd, int ifindex, uint32_t queue_id, uint16_t flags);
/* The same on the UMEM of a bound socket, with the flags of that one. */
int socket_bind_shared(int fd, int ifindex, uint32_t queue_id, int lender_fd);

bool socket_is_zero_copy(int fd);

/* Descriptors that one sendto(2) may send in copy mode; 32 where the kernel cannot be asked. */
void socket_set_send_budget(int fd, uint32_t packets);

/* Have the driver work inside our system calls, up to so many packets each; 0: do not.  False:
 * the kernel refused. */
bool socket_set_busy_poll(int fd, uint32_t packets);
/* Is there a NAPI instance for busy polling to run?  Not on veth; elsewhere at the latest once
 * a packet came. */
bool socket_has_napi(int fd);

/* Does this kernel know the bind flag?  Asked without a netdev, so nothing is touched. */
bool kernel_knows_bind_flag(uint16_t flag);

#endif
