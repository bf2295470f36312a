/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a backend is to the rest of the library.  Small and total: every slot is filled; what a
 * backend cannot do is a bit missing from rawq_port_info or queue_offloads, and the shared code
 * (port.c, region.c, queue.c, rule.c) refuses it before the backend is called.
 *
 * A backend embeds the structs below at the start of its own and fills in what is marked so.
 */
#ifndef LIB_BACKEND_H
#define LIB_BACKEND_H

#include "rawq.h"

struct port;

struct backend {
	enum rawq_backend id;
	const char *name;

	/* All return 0 or -errno with a sentence in err.  The shared code checked opts. */
	int (*port_open)(const struct rawq_port_info *netdev, uint32_t flags,
	                 struct rawq_port **out, struct rawq_error *err);
	void (*port_close)(struct rawq_port *port);
	int (*rxq_create)(struct rawq_port *port, struct rawq_region *region,
	                  const struct rawq_queue_opts *opts, struct rawq_rxq **out,
	                  struct rawq_error *err);
	int (*txq_create)(struct rawq_port *port, struct rawq_region *region,
	                  const struct rawq_queue_opts *opts, struct rawq_txq **out,
	                  struct rawq_error *err);
	void (*rxq_destroy)(struct rawq_rxq *q);
	void (*txq_destroy)(struct rawq_txq *q);
	int (*rxq_status)(const struct rawq_rxq *q, struct rawq_queue_stats *stats);
	int (*txq_status)(const struct rawq_txq *q, struct rawq_queue_stats *stats);
	void (*rxq_info)(const struct rawq_rxq *q, struct rawq_queue_info *info);
	void (*txq_info)(const struct rawq_txq *q, struct rawq_queue_info *info);
	int (*rxq_arm)(struct rawq_rxq *q); /* the fd, or -errno */
	int (*txq_arm)(struct rawq_txq *q);
	int (*rule_add)(struct rawq_port *port, const struct rawq_rule_opts *opts,
	                struct rawq_rule **out, struct rawq_error *err);
	void (*rule_remove)(struct rawq_rule *rule);
};
