/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AF_XDP backend's own types.
 *
 *   region --- umem: the region as the kernel knows it, registered by the first socket on it
 *                |
 *   port ----- channel: one hardware queue of the netdev that works on the umem; owns the fill
 *                |      and the completion ring, which all sockets of the queue share
 *              rxq, txq: a socket each, with its RX or its TX ring
 */
#ifndef LIB_XDP_H
#define LIB_XDP_H

#include "lib/backend.h"
#include "lib/region.h"
#include "lib/xdp/ring.h"

#include <stdbool.h>

/* Longest ring; the kernel allows more, no use is known. */
#define XDP_DEPTH_MAX 65536u
/* A packet's descriptors: MAX_SKB_FRAGS + 1 of the kernel's default build. */
#define XDP_SEGMENTS_MAX 18u

struct xdp_umem {
	struct region_attachment attachment;
	struct rawq_region *region;
	struct channel
		*channels; /* alive; any of them lends its socket to the next one */
	bool segments;     /* bound with XDP_USE_SG, which goes for all sockets */
};

struct channel {
	struct channel *next_of_umem, *next_of_port;
	struct xdp_umem *umem;
	struct xdp_port *port;
	uint32_t queue_id; /* the kernel's, from 0 */
	unsigned users;    /* rxq and txq */
	bool has_rxq, has_txq;
	bool zero_copy;
	int fd; /* the socket that owns the rings below; its first user works on it too */
	struct ring fill, completion;
};

struct steering; /* rules.c */

struct xdp_port {
	struct rawq_port port;
	uint32_t flags; /* RAWQ_XDP_* */
	struct channel *channels;
	struct steering *steering; /* NULL: no rule, no program */
	uint32_t steerings;        /* so far */
};

struct xdp_rxq {
	struct rxq rxq;
	uint64_t packets, bytes, errors;
	uint64_t frame_mask; /* takes an address to its frame's first byte */
	uint64_t region_size;
	struct ring rx;
	struct channel
		*channel; /* its fill ring is ours alone; NULL: served by a ring buffer */
	int fd;
	int status; /* 0, or the -errno that stopped the queue */
	bool busy_poll;
	bool marks;        /* RAWQ_RX_MARK: the program puts one in front of each frame */
	uint32_t steered;  /* number of the steering that knows of it; 0: none */
	uint32_t queue_id; /* the kernel's, from 0 */
	int ring_fd;       /* of the BPF ring buffer, or -1 */
};

struct xdp_txq {
	struct txq txq;
	uint64_t packets, bytes, errors;
	uint64_t frame_mask, region_size;
	struct ring tx;
	struct channel *channel; /* its completion ring is ours alone; NULL: AF_PACKET */
	uint32_t outstanding;    /* given to the kernel, not yet reaped */
	int fd;
	int status;
	bool busy_poll;
};

/* channel.c */

struct queue_socket {
	uint32_t queue_id;
	struct channel *channel;
	int fd;
	struct ring ring; /* RX or TX */
	bool busy_poll;
};
/* Find or make the channel of a hardware queue and open a socket on it for one direction;
 * channel_close() undoes it.  *s only on success.
 * -EADDRINUSE: another program has the queue; s->channel is NULL and queue_id the kernel's. */
int channel_open(struct xdp_port *port, struct rawq_region *region,
                 const struct rawq_queue_opts *opts, bool rx, struct queue_socket *s,
                 struct rawq_error *err);
void channel_close(struct channel *c, int fd, struct ring *ring, bool rx);
/* RAWQ_ZERO_COPY, RAWQ_HUGE_PAGES, RAWQ_*_XDP. */
uint32_t channel_mode(const struct channel *c);

/* rx.c, tx.c */
int xdp_rxq_create(struct rawq_port *port, struct rawq_region *region,
                   const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                   struct rawq_error *err);
void xdp_rxq_destroy(struct rawq_rxq *q);
int xdp_rxq_status(const struct rawq_rxq *q, struct rawq_queue_stats *stats);
void xdp_rxq_info(const struct rawq_rxq *q, struct rawq_queue_info *info);
int xdp_rxq_arm(struct rawq_rxq *q);
int xdp_txq_create(struct rawq_port *port, struct rawq_region *region,
                   const struct rawq_queue_opts *opts, struct rawq_txq **out,
                   struct rawq_error *err);
void xdp_txq_destroy(struct rawq_txq *q);
int xdp_txq_status(const struct rawq_txq *q, struct rawq_queue_stats *stats);
void xdp_txq_info(const struct rawq_txq *q, struct rawq_queue_info *info);
int xdp_txq_arm(struct rawq_txq *q);

/* ring_rx.c, packet_tx.c: the queues of a port beside another program's sockets. */
int ring_rxq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, uint32_t queue_id,
                    struct rawq_rxq **out, struct rawq_error *err);
void ring_rxq_destroy(struct xdp_rxq *q);
void ring_rxq_status(const struct xdp_rxq *q, struct rawq_queue_stats *stats);
void ring_rxq_info(const struct xdp_rxq *q, struct rawq_queue_info *info);
int ring_rxq_arm(struct xdp_rxq *q);
int packet_txq_create(struct rawq_port *port, struct rawq_region *region,
                      const struct rawq_queue_opts *opts, uint32_t queue_id,
                      struct rawq_txq **out, struct rawq_error *err);
void packet_txq_destroy(struct xdp_txq *q);
void packet_txq_info(const struct xdp_txq *q, struct rawq_queue_info *info);

/* rules.c */
int xdp_rule_check(const struct rawq_port *port, const struct rawq_rule_opts *opts,
                   struct rawq_error *err);
int xdp_rule_add(struct rawq_port *port, const struct rawq_rule_opts *opts,
                 struct rawq_rule **out, struct rawq_error *err);
int xdp_rule_replace(struct rawq_rule *old, const struct rawq_rule_opts *opts,
                     struct rawq_rule **out, struct rawq_error *err);
void xdp_rule_remove(struct rawq_rule *rule);
int xdp_rule_stats(const struct rawq_rule *rule, struct rawq_rule_stats *stats);
int xdp_rules_of_others(const struct rawq_port *port, struct rawq_rule_info *infos,
                        uint32_t n, struct rawq_error *err);
/* RAWQ_NATIVE_XDP or RAWQ_GENERIC_XDP. */
uint32_t steering_mode(const struct steering *s);
/* No packet goes to this queue from now on. */
void steering_forget_queue(struct steering *s, const struct xdp_rxq *q);
/* What the program and a queue's ring buffer share. */
struct steer_ring *steering_ring_state(const struct steering *s, uint32_t queue_id);

/* owner.c: who steers this netdev. */
struct steering_owner {
	uint32_t program_id;
	char program[32]; /* its name */
	int pid;          /* of a process that holds it; 0: none that we can see */
	char comm[16];
};
bool steering_owner(int ifindex, struct steering_owner *o); /* false: nobody */
/* In words: "xdp_pass (program 7) of suricata, pid 812". */
void steering_owner_text(int ifindex, char *text, size_t size);

#endif
