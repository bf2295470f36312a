/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a backend is to the rest of the library.  Small and total: every slot is filled; what a
 * backend cannot do is a bit missing from rawq_port_info, and the shared code (port.c, queue.c,
 * rule.c) refuses it before the backend is called.
 *
 * A backend embeds the structs below first in its own; the shared code fills in the fields
 * marked (shared), the backend the others.
 */
#ifndef LIB_BACKEND_H
#define LIB_BACKEND_H

#include "lib/plan/guard.h"
#include "rawq.h"

struct backend {
	enum rawq_backend id;
	const char *name;

	/* The shared code has checked the opts and given every field its value.  All return 0 or
	 * -errno with a sentence in err; *out only on success. */

	/* netdev: all that the kernel tells; choice, offloads and limits are the backend's. */
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
	/* stats may be NULL: then it costs no system call, for callers ask after every burst. */
	int (*rxq_status)(const struct rawq_rxq *q, struct rawq_queue_stats *stats);
	int (*txq_status)(const struct rawq_txq *q, struct rawq_queue_stats *stats);
	void (*rxq_info)(const struct rawq_rxq *q, struct rawq_queue_info *info);
	void (*txq_info)(const struct rawq_txq *q, struct rawq_queue_info *info);
	int (*rxq_arm)(struct rawq_rxq *q); /* the fd, or -errno */
	int (*txq_arm)(struct rawq_txq *q);
	/* What no port of this backend, or not this one, can do; the queues are not looked at. */
	int (*rule_check)(const struct rawq_port *port, const struct rawq_rule_opts *opts,
	                  struct rawq_error *err);
	int (*rule_add)(struct rawq_port *port, const struct rawq_rule_opts *opts,
	                struct rawq_rule **out, struct rawq_error *err);
	/* On success the old rule is freed, on failure it works on. */
	int (*rule_replace)(struct rawq_rule *old, const struct rawq_rule_opts *opts,
	                    struct rawq_rule **out, struct rawq_error *err);
	void (*rule_remove)(struct rawq_rule *rule);
	/* Of a rule that was added with count. */
	int (*rule_stats)(const struct rawq_rule *rule, struct rawq_rule_stats *stats);
	/* Who else takes the netdev's packets: up to n into infos; how many there are, or -errno. */
	int (*rules_of_others)(const struct rawq_port *port, struct rawq_rule_info *infos,
	                       uint32_t n, struct rawq_error *err);
};

extern const struct backend mlx5_backend, verbs_backend, xdp_backend;

struct rawq_port {
	const struct backend *backend; /* (shared) */
	struct rawq_port_info info;    /* as at open */
	struct rawq_rule *rules;       /* (shared) */
	void *rule_tree;               /* (shared) tsearch(3), by identity */
	unsigned rule_count;           /* (shared) */
	unsigned queues;               /* (shared) alive */
	struct guard guard;            /* (shared) */
};

/* First in a backend's queue, ahead of everything that its burst functions touch. */
struct rxq {
	struct rawq_rxq calls;
	struct rawq_port *port;     /* (shared) */
	struct rawq_region *region; /* (shared) */
};
struct txq {
	struct rawq_txq calls;
	struct rawq_port *port;     /* (shared) */
	struct rawq_region *region; /* (shared) */
	uint64_t time_ns;           /* RAWQ_TX_TIME: of the burst that was reaped last */
};

/* What makes two rules the same. */
struct rule_identity {
	struct rawq_rule_key value, mask;
	uint32_t priority;
	uint16_t src_port_last, dst_port_last;
};

struct rawq_rule {
	struct rule_identity id;           /* (shared) */
	struct rawq_port *port;            /* (shared) */
	struct rawq_rule *next, *previous; /* (shared) */
	uint32_t queue_count;              /* (shared) */
	uint32_t mark, copy, count;        /* (shared) */
};

#endif
