/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the verbs and the mlx5 backend have in common: an RDMA device beside a netdev, memory
 * registered with it, and rules.
 */
#ifndef LIB_VERBS_DEVICE_H
#define LIB_VERBS_DEVICE_H

#include "lib/backend.h"

#include <infiniband/verbs.h>
#include <stdbool.h>

/* First in a backend's port. */
struct rdma_port {
	struct rawq_port port;
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_device_attr_ex caps;
	uint8_t number;             /* of the device's port, from 1 */
	struct rdma_memory *memory; /* registered through this port */
	struct ibv_qp *drop_qp;     /* what rules that drop are hung on; NULL: none yet */
	struct ibv_cq *drop_cq;
};

/* First in a backend's receive queue. */
struct rdma_rxq {
	struct rxq rxq;
	struct ibv_wq *wq; /* rules make a hash over such; or NULL and ... */
	struct ibv_qp *qp; /* ... it receives through this QP's own queue */
	uint32_t offloads; /* RAWQ_RX_* asked for */
};

/* Find and open the device of a netdev.  -ENOTSUP: it has none; -EPERM; -ENOMEM. */
int rdma_open(struct rdma_port *p, const struct rawq_port_info *netdev,
              struct rawq_error *err);
void rdma_close(struct rdma_port *p);

/* The netdev of a device's first port, by the device's name ("mlx5_0").  False: none. */
bool rdma_netdev_of(const char *device, char netdev[16]);

/* The key by which the device may use a region, which is registered with it once.
 * -EPERM: the memory-lock limit; -ENOMEM. */
int rdma_lkey(struct rdma_port *p, struct rawq_region *region, uint32_t *lkey,
              struct rawq_error *err);

/* Turn what a set-up call left in errno into the code and the sentence to return. */
int rdma_fail(const struct rdma_port *p, struct rawq_error *err, const char *what);

/* Take a raw packet QP to RESET, from any state, and from there to sending.  0 or -errno. */
int rdma_qp_reset(struct ibv_qp *qp);
int rdma_qp_start(const struct rdma_port *p, struct ibv_qp *qp);

/* rules.c: struct backend's calls, and what rawq_port_info says of them. */
int rdma_rule_check(const struct rawq_port *port, const struct rawq_rule_opts *opts,
                    struct rawq_error *err);
int rdma_rule_add(struct rawq_port *port, const struct rawq_rule_opts *opts,
                  struct rawq_rule **out, struct rawq_error *err);
int rdma_rule_replace(struct rawq_rule *old, const struct rawq_rule_opts *opts,
                      struct rawq_rule **out, struct rawq_error *err);
void rdma_rule_remove(struct rawq_rule *rule);
int rdma_rule_stats(const struct rawq_rule *rule, struct rawq_rule_stats *stats);
int rdma_rules_of_others(const struct rawq_port *port, struct rawq_rule_info *infos,
                         uint32_t n, struct rawq_error *err);
void rdma_rule_limits(const struct rdma_port *p, struct rawq_port_info *info);

/* Longest frame that leaves this netdev as it is set up now, in bytes without FCS. */
uint32_t rdma_frame_max(const struct rdma_port *p);

/* A completion with error, in words: what a syndrome or a work completion's status means. */
const char *rdma_status_text(enum ibv_wc_status status);

#endif
