/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs backend: raw packet QPs through ibv_post_send, ibv_post_wq_recv and ibv_poll_cq, on
 * any device that has them.
 */
#ifndef LIB_VERBS_VERBS_H
#define LIB_VERBS_VERBS_H

#include "device.h"

#define always_inline inline __attribute__((always_inline))
#define noinline      __attribute__((noinline))
#define unlikely(x)   __builtin_expect(!!(x), 0)

#define VERBS_BATCH        64u /* work requests that are chained and posted at once */
#define VERBS_SEGMENTS_MAX 16u

struct verbs_port {
	struct rdma_port rdma;
	uint32_t segments_max;
	bool has_wqs; /* and hashes over them */
};

/* What one completion covers. */
struct verbs_group {
	uint32_t addr_end; /* descriptors of the queue up to here */
	uint32_t wr_end;   /* work requests up to here */
};

struct verbs_txq {
	struct txq txq;
	struct ibv_qp *qp;
	struct ibv_cq *cq;
	uint64_t base;
	uint32_t lkey;
	uint32_t len_max;
	uint32_t segments_max; /* of a work request */
	uint32_t depth;        /* descriptors and work requests; a power of two */
	uint32_t offloads;
	uint32_t addr_pi, addr_done, addr_ci; /* sent, completed, returned */
	uint32_t wr_pi, wr_ci;
	uint64_t *addrs;
	struct verbs_group *groups;
	uint32_t group_pi, group_ci; /* free running, masked by depth */
	bool broken; /* a send failed: what is outstanding has to be flushed */
	uint64_t packets, bytes, errors;
	const char *last_error;
	int status;
	struct ibv_send_wr wr[VERBS_BATCH];
	struct ibv_sge sge[VERBS_BATCH][VERBS_SEGMENTS_MAX];
	uint8_t headers[VERBS_BATCH][256]; /* of TSO packets, until they are posted */
};

struct verbs_rxq {
	struct rdma_rxq rdma;
	struct ibv_cq *cq;
	struct ibv_comp_channel *channel;
	uint64_t base, frame_mask;
	uint32_t lkey;
	uint32_t wqes;     /* a power of two */
	uint32_t segments; /* of a WQE */
	uint32_t rq_pi, rq_ci;
	uint64_t *held;        /* wqes * segments addresses, as posted */
	uint32_t partial;      /* addresses collected for WQE rq_pi */
	uint32_t given;        /* segments of WQE rq_ci that were delivered */
	struct ibv_wc waiting; /* it was polled and is delivered in part or not yet */
	bool is_waiting;
	uint64_t packets, bytes, errors;
	const char *last_error;
	int status;
	uint64_t *spare;
};

int verbs_txq_create(struct rawq_port *port, struct rawq_region *region,
                     const struct rawq_queue_opts *opts, struct rawq_txq **out,
                     struct rawq_error *err);
void verbs_txq_destroy(struct rawq_txq *q);
int verbs_txq_status(const struct rawq_txq *q, struct rawq_queue_stats *stats);
void verbs_txq_info(const struct rawq_txq *q, struct rawq_queue_info *info);
int verbs_txq_arm(struct rawq_txq *q);

int verbs_rxq_create(struct rawq_port *port, struct rawq_region *region,
                     const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                     struct rawq_error *err);
void verbs_rxq_destroy(struct rawq_rxq *q);
int verbs_rxq_status(const struct rawq_rxq *q, struct rawq_queue_stats *stats);
void verbs_rxq_info(const struct rawq_rxq *q, struct rawq_queue_info *info);
int verbs_rxq_arm(struct rawq_rxq *q);

#endif
