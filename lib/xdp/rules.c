/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules on AF_XDP: the steering program, its maps, and the link that holds it on the netdev.
 * All three are file descriptors of this process, so they end when it ends.
 */
#include "xdp.h"

#include "lib/error.h"
#include "lib/xdp/steer.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <steer.skel.h> /* written by bpftool at build time */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static_assert(sizeof(struct rawq_rule_key) == sizeof(__u64) * STEER_WORDS,
              "the program's key is the public one");

/* Rules of one mask and priority. */
struct group {
	struct group *next; /* by priority, lowest first */
	uint64_t mask[STEER_WORDS];
	uint32_t priority, id;
	uint32_t rules;
	struct xdp_rule *first; /* of its rules */
};

struct xdp_rule {
	struct rawq_rule rule;
	struct xdp_rule *next_of_group, *previous_of_group;
	struct group *group;
	struct steer_key key;
	uint32_t action;
};

struct steering {
	struct steer_bpf *program;
	int link_fd;
	uint32_t mode;
	struct group *groups;
	unsigned group_count;
	uint32_t
		next_id; /* ids are not used again: a late lookup must not find a new group */
};

uint32_t steering_mode(const struct steering *s)
{
	return s->mode;
}

void steering_forget_queue(struct steering *s, uint32_t queue_id)
{
	bpf_map_delete_elem(bpf_map__fd(s->program->maps.sockets), &queue_id);
}

/* ---- the table ------------------------------------------------------------ */

static void table_fill(const struct steering *s, struct steer_table *t)
{
	memset(t, 0, sizeof(*t));
	for (const struct group *g = s->groups; g; g = g->next) {
		struct steer_group *sg = &t->group[t->groups++];

		memcpy(sg->mask, g->mask, sizeof(sg->mask));
		memcpy(sg->value, g->first->key.value, sizeof(sg->value));
		sg->id = g->id;
		sg->rules = g->rules;
		sg->action = g->first->action;
		for (unsigned w = 0; w < STEER_WORDS; w++)
			t->parse |= sg == t->group && g->mask[w];
	}
	t->parse |= !t->groups;
}

/* Put a new table in the old one's place; the program sees the one or the other. */
static int table_publish(const struct steering *s)
{
	uint32_t zero = 0;
	struct steer_table *t = malloc(sizeof(*t));
	int fd, ret;

	if (!t)
		return -ENOMEM;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rawq_table", sizeof(zero), sizeof(*t), 1,
	                    NULL);
	ret = fd < 0 ? fd : 0;
	if (ret)
		goto free_table;
	table_fill(s, t);
	ret = bpf_map_update_elem(fd, &zero, t, 0);
	if (!ret)
		ret = bpf_map_update_elem(bpf_map__fd(s->program->maps.tables), &zero,
		                          &fd, 0);
	close(fd); /* the program's map holds it */
free_table:
	free(t);
	return ret;
}

/* ---- groups --------------------------------------------------------------- */

static struct group *group_find(const struct steering *s, const uint64_t *mask,
                                uint32_t priority)
{
	struct group *g = s->groups;

	while (g && (g->priority != priority || memcmp(g->mask, mask, sizeof(g->mask))))
		g = g->next;
	return g;
}

static struct group *group_make(struct steering *s, const uint64_t *mask,
                                uint32_t priority)
{
	struct group **link = &s->groups;
	struct group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	memcpy(g->mask, mask, sizeof(g->mask));
	g->priority = priority;
	g->id = s->next_id++;
	while (*link && (*link)->priority <= priority)
		link = &(*link)->next;
	g->next = *link;
	*link = g;
	s->group_count++;
	return g;
}

static void group_remove(struct steering *s, struct group *g)
{
	struct group **link = &s->groups;

	while (*link != g)
		link = &(*link)->next;
	*link = g->next;
	s->group_count--;
	free(g);
}

static void rule_link(struct xdp_rule *r)
{
	struct group *g = r->group;

	r->next_of_group = g->first;
	r->previous_of_group = NULL;
	if (g->first)
		g->first->previous_of_group = r;
	g->first = r;
	g->rules++;
}

static void rule_unlink(struct xdp_rule *r)
{
	struct group *g = r->group;

	if (r->next_of_group)
		r->next_of_group->previous_of_group = r->previous_of_group;
	if (r->previous_of_group)
		r->previous_of_group->next_of_group = r->next_of_group;
	else
		g->first = r->next_of_group;
	g->rules--;
}

/* ---- the program ---------------------------------------------------------- */

/* libbpf prints unless told otherwise, and a library must not. */
static struct steer_bpf *load_program(void)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct steer_bpf *program = steer_bpf__open_and_load();
	int saved = errno;

	libbpf_set_print(print);
	errno = saved;
	return program;
}

static int attach_mode(const struct steering *s, int ifindex, uint32_t flags)
{
	struct bpf_link_create_opts opts = {.sz = sizeof(opts), .flags = flags};

	return bpf_link_create(bpf_program__fd(s->program->progs.steer), ifindex, BPF_XDP,
	                       &opts);
}

/* In the driver if it can, else on skbs. */
static int attach(struct steering *s, const struct xdp_port *port, struct rawq_error *err)
{
	const struct rawq_port_info *info = &port->port.info;
	char owner[128];
	int fd = -EOPNOTSUPP;

	s->mode = RAWQ_NATIVE_XDP;
	if (!(port->flags & RAWQ_XDP_GENERIC))
		fd = attach_mode(s, info->ifindex, XDP_FLAGS_DRV_MODE);
	if (fd < 0 && fd != -EBUSY && fd != -EEXIST) {
		s->mode = RAWQ_GENERIC_XDP;
		fd = attach_mode(s, info->ifindex, XDP_FLAGS_SKB_MODE);
	}
	if (fd >= 0) {
		s->link_fd = fd;
		return 0;
	}
	if (fd == -EBUSY || fd == -EEXIST) {
		steering_owner_text(info->ifindex, owner, sizeof(owner));
		return fail(err, -EBUSY,
		            "%s: another XDP program steers it: %s (ip link show %s)",
		            info->netdev, owner, info->netdev);
	}
	return fail(err, -ENOTSUP,
	            "%s: the kernel did not attach the steering program: %s",
	            info->netdev, strerror(-fd));
}

static int steering_start(struct xdp_port *port, struct rawq_error *err)
{
	struct steering *s = calloc(1, sizeof(*s));

	if (!s)
		return fail(err, -ENOMEM, "%s: out of memory", port->port.info.netdev);
	s->link_fd = -1;
	s->program = load_program();
	if (s->program) {
		port->steering = s;
		return 0;
	}
	free(s);
	/* EACCES: the verifier lets the program do less without CAP_PERFMON. */
	if (errno == EPERM || errno == EACCES)
		return fail(err, -EPERM,
		            "%s: loading the steering program needs the capabilities "
		            "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
		            port->port.info.netdev);
	return fail(err, -ENOTSUP, "%s: the kernel did not take the steering program: %s",
	            port->port.info.netdev, strerror(errno));
}

static void steering_stop(struct xdp_port *port)
{
	struct steering *s = port->steering;

	if (s->link_fd >= 0)
		close(s->link_fd);
	steer_bpf__destroy(s->program);
	free(s);
	port->steering = NULL;
}

/* ---- rules ---------------------------------------------------------------- */

/* A frame can only go to the socket of the queue that it came in on, so a rule must name all of
 * the netdev's receive queues, or none. */
static int check_queues(const struct xdp_port *port, const struct rawq_rule_opts *o,
                        struct rawq_error *err)
{
	const struct rawq_port_info *info = &port->port.info;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < o->queue_count; i++) {
		const struct xdp_rxq *q = (const struct xdp_rxq *)o->queues[i];

		seen += q->channel->queue_id < info->rx_queues;
	}
	if (o->queue_count && seen < info->rx_queues)
		return fail(err, -ENOTSUP,
		            "%s: frames arrive on %u receive queues and the rule names "
		            "%u; AF_XDP "
		            "cannot move them: name all, or ethtool -L %s rx %u",
		            info->netdev, info->rx_queues, seen, info->netdev, seen);
	return 0;
}

static int open_queues(const struct steering *s, const struct rawq_rule_opts *o)
{
	int map = bpf_map__fd(s->program->maps.sockets), ret = 0;

	for (uint32_t i = 0; i < o->queue_count && !ret; i++) {
		const struct xdp_rxq *q = (const struct xdp_rxq *)o->queues[i];

		ret = bpf_map_update_elem(map, &q->channel->queue_id, &q->fd, 0);
	}
	return ret;
}

/* Enter the rule into its group, and the group into the table where that changes. */
static int rule_enter(struct steering *s, struct xdp_rule *r)
{
	int map = bpf_map__fd(s->program->maps.rules);
	uint64_t mask[STEER_WORDS];
	int ret;

	memcpy(mask, &r->rule.id.mask, sizeof(mask));
	r->group = group_find(s, mask, r->rule.id.priority);
	if (!r->group && s->group_count == STEER_GROUPS_MAX)
		return -ENOSPC;
	if (!r->group)
		r->group = group_make(s, mask, r->rule.id.priority);
	if (!r->group)
		return -ENOMEM;
	r->key.group = r->group->id;
	memcpy(r->key.value, &r->rule.id.value, sizeof(r->key.value));
	rule_link(r);
	ret = bpf_map_update_elem(map, &r->key, &r->action, BPF_NOEXIST);
	if (ret)
		goto unlink;
	/* From the third rule on the table stays as it is. */
	ret = r->group->rules <= 2 ? table_publish(s) : 0;
	if (!ret)
		return 0;
	bpf_map_delete_elem(map, &r->key);
unlink:
	rule_unlink(r);
	if (!r->group->rules)
		group_remove(s, r->group);
	return ret;
}

static void rule_leave(struct steering *s, struct xdp_rule *r)
{
	struct group *g = r->group;
	uint32_t left;

	rule_unlink(r);
	left = g->rules;
	if (!left)
		group_remove(s, g);
	/* A group's only rule is compared in the table, so there it comes or goes.  Should the
	 * kernel lack the memory for a new table, the old one goes on until the next change. */
	if (left <= 1)
		table_publish(s);
	bpf_map_delete_elem(bpf_map__fd(s->program->maps.rules), &r->key);
}

static int rule_refused(const struct xdp_port *port, int ret, struct rawq_error *err)
{
	const char *name = port->port.info.netdev;

	switch (ret) {
	case -ENOSPC:
		return fail(err, ret, "%s: no room for more than %u different masks",
		            name, STEER_GROUPS_MAX);
	case -E2BIG:
		return fail(err, -ENOSPC, "%s: no room for more than %u rules", name,
		            STEER_RULES_MAX);
	case -EEXIST:
		return fail(err, ret, "rule: %s has the very same rule already", name);
	default:
		return fail(err, ret == -EPERM ? -EPERM : -ENOMEM,
		            "%s: the kernel did not take the rule: %s", name,
		            strerror(-ret));
	}
}

int xdp_rule_add(struct rawq_port *port, const struct rawq_rule_opts *opts,
                 struct rawq_rule **out, struct rawq_error *err)
{
	struct xdp_port *p = (struct xdp_port *)port;
	struct xdp_rule *r;
	int ret;

	ret = check_queues(p, opts, err);
	if (!ret && !p->steering)
		ret = steering_start(p, err);
	if (ret)
		return ret;
	r = calloc(1, sizeof(*r));
	if (!r) {
		ret = fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
		goto stop;
	}
	r->rule.id.value = opts->value;
	r->rule.id.mask = opts->mask;
	r->rule.id.priority = opts->priority;
	r->action = opts->queue_count ? STEER_TO_QUEUE : STEER_DROP;
	ret = open_queues(p->steering, opts);
	if (!ret)
		ret = rule_enter(p->steering, r);
	if (ret) {
		ret = rule_refused(p, ret, err);
		goto free_rule;
	}
	if (p->steering->link_fd < 0) {
		ret = attach(p->steering, p, err);
		if (ret)
			goto leave;
	}
	r->rule.port = port;
	*out = &r->rule;
	return 0;
leave:
	rule_leave(p->steering, r);
free_rule:
	free(r);
stop:
	if (!p->steering->groups)
		steering_stop(p);
	return ret;
}

int xdp_rule_replace(struct rawq_rule *old, const struct rawq_rule_opts *opts,
                     struct rawq_rule **out, struct rawq_error *err)
{
	int ret = xdp_rule_add(old->port, opts, out, err);

	if (!ret)
		xdp_rule_remove(old);
	return ret;
}

int xdp_rule_stats(const struct rawq_rule *rule, struct rawq_rule_stats *stats)
{
	(void)rule, (void)stats;
	return -ENOTSUP; /* no rule of this backend counts yet */
}

int xdp_rules_of_others(const struct rawq_port *port, struct rawq_rule_info *infos,
                        uint32_t n, struct rawq_error *err)
{
	const struct xdp_port *p = (const struct xdp_port *)port;
	struct rawq_rule_info *info = infos;
	struct steering_owner o;

	(void)err;
	if (p->steering || !steering_owner(port->info.ifindex, &o))
		return 0;
	if (!n)
		return 1;
	*info = (struct rawq_rule_info){.owner = RAWQ_OWNER_OTHER, .pid = o.pid};
	memcpy(info->comm, o.comm, sizeof(info->comm));
	snprintf(info->what, sizeof(info->what), "XDP program %s (%u)", o.program,
	         o.program_id);
	return 1;
}

void xdp_rule_remove(struct rawq_rule *rule)
{
	struct xdp_port *p = (struct xdp_port *)rule->port;

	rule_leave(p->steering, (struct xdp_rule *)rule);
	free(rule);
	if (!p->steering->groups)
		steering_stop(p);
}
