/* SPDX-License-Identifier: BSD-2-Clause */
/* The two halves of the netdev wire: librawq with its queues, and the rules. */
#ifndef EMU_WIRE_NETDEV_H
#define EMU_WIRE_NETDEV_H

#include "emu/wire/kinds.h"
#include "rawq.h"

/* The kernel's receive queues that the wire can serve: one socket each. */
#define NETDEV_QUEUES_MAX 64

struct netdev_rule {
	struct netdev_rule *next;
	struct rawq_rule *rule;
	struct rawq_rule_key value, mask;
	uint32_t priority;
	bool drop, wanted;
};

/* librawq, loaded when the first such wire is opened. */
struct netdev_library {
	void *handle;
	int (*port_open)(const char *, const struct rawq_port_opts *, struct rawq_port **,
	                 struct rawq_error *);
	void (*port_close)(struct rawq_port *);
	void (*port_info)(const struct rawq_port *, struct rawq_port_info *);
	int (*region_create)(const struct rawq_region_opts *, struct rawq_region **,
	                     struct rawq_error *);
	void (*region_destroy)(struct rawq_region *);
	void *(*region_base)(const struct rawq_region *);
	int (*rxq_create)(struct rawq_port *, struct rawq_region *,
	                  const struct rawq_queue_opts *, struct rawq_rxq **,
	                  struct rawq_error *);
	int (*txq_create)(struct rawq_port *, struct rawq_region *,
	                  const struct rawq_queue_opts *, struct rawq_txq **,
	                  struct rawq_error *);
	void (*rxq_destroy)(struct rawq_rxq *);
	void (*txq_destroy)(struct rawq_txq *);
	int (*rxq_status)(const struct rawq_rxq *, struct rawq_queue_stats *);
	int (*rule_add)(struct rawq_port *, const struct rawq_rule_opts *,
	                struct rawq_rule **, struct rawq_error *);
	void (*rule_remove)(struct rawq_rule *);
};

int netdev_library_open(struct netdev_library *l, char *err, size_t size);
void netdev_library_close(struct netdev_library *l);

/* What the rules apply to. */
struct netdev_rules {
	const struct netdev_library *lib;
	struct rawq_port *port;
	struct rawq_rxq **queues;
	unsigned queue_count;
	struct netdev_rule *list;
};

/* Have exactly the frames that the port's rules want, adding before removing; on failure nothing
 * has changed. */
int netdev_rules_set(struct netdev_rules *r, const struct steering *rules, char *err,
                     size_t size);
void netdev_rules_clear(struct netdev_rules *r);

#endif
