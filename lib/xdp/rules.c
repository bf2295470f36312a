/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules on AF_XDP: entered into the netdev's book, from which the steering program is told.  The
 * program, its maps and the book are file descriptors of the members that steer the netdev, so they
 * end when the last of them does.
 */
#include "steering.h"

#include "lib/error.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct xdp_rule {
	struct rawq_rule rule;
	uint32_t number; /* in the book */
};

uint32_t steering_mode(const struct steering *s)
{
	return s->maps.book->mode;
}

static uint32_t slot_of(const struct steering *s, uint32_t queue_id)
{
	return members_number(s->membership) * STEER_QUEUES_MAX + queue_id;
}

void steering_forget_queue(struct steering *s, const struct xdp_rxq *q)
{
	uint32_t slot = slot_of(s, q->queue_id);

	if (q->steered != s->number)
		return;
	if (q->ring_fd < 0) {
		bpf_map_delete_elem(s->maps.fd[FD_SOCKETS], &slot);
		return;
	}
	bpf_map_delete_elem(s->maps.fd[FD_RINGS], &slot);
	s->maps.rings[slot] = (struct steer_ring){0};
}

struct steer_ring *steering_ring_state(const struct steering *s, uint32_t queue_id)
{
	return &s->maps.rings[slot_of(s, queue_id)];
}

static int steering_start(struct xdp_port *port, struct rawq_error *err)
{
	const struct rawq_port_info *info = &port->port.info;
	struct steering *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return fail(err, -ENOMEM, "%s: out of memory", info->netdev);
	ret = members_join(info->ifindex, info->netdev, &s->maps, steering_create, port,
	                   &s->membership, err);
	if (ret) {
		free(s);
		return ret;
	}
	s->number = ++port->steerings;
	port->steering = s;
	return 0;
}

static void steering_stop(struct xdp_port *port)
{
	members_leave(port->steering->membership);
	free(port->steering);
	port->steering = NULL;
}

/* ---- queues ---- */

static int too_few(const struct rawq_port_info *info, uint32_t named,
                   struct rawq_error *err)
{
	return fail(
		err, -ENOTSUP,
		"%s: frames arrive on %u receive queues and the rule names %u; AF_XDP "
		"cannot move them: name all, or ethtool -L %s rx %u",
		info->netdev, info->rx_queues, named, info->netdev, named);
}

/* A frame can only go to the queue that serves the receive queue that it came in on, so a rule must
 * name all of the netdev's receive queues, or none. */
static int check_queues(const struct xdp_port *port, const struct rawq_rule_opts *o,
                        struct rawq_error *err)
{
	const struct rawq_port_info *info = &port->port.info;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < o->queue_count; i++) {
		const struct xdp_rxq *q = (const struct xdp_rxq *)o->queues[i];

		seen += q->queue_id < info->rx_queues;
	}
	return o->queue_count && seen < info->rx_queues ? too_few(info, seen, err) : 0;
}

int xdp_rule_check(const struct rawq_port *port, const struct rawq_rule_opts *opts,
                   struct rawq_error *err)
{
	uint32_t n = opts->queue_count;

	return n && n < port->info.rx_queues ? too_few(&port->info, n, err) : 0;
}

static int open_queue(struct steering *s, struct xdp_rxq *q)
{
	uint32_t slot = slot_of(s, q->queue_id);
	uint32_t member = members_number(s->membership);

	if (q->ring_fd >= 0) {
		s->maps.rings[slot].present = 1;
		return bpf_map_update_elem(s->maps.fd[FD_RINGS], &slot, &q->ring_fd, 0);
	}
	if (q->marks)
		__atomic_or_fetch(&s->maps.config->marks, 1ull << member,
		                  __ATOMIC_RELAXED);
	return bpf_map_update_elem(s->maps.fd[FD_SOCKETS], &slot, &q->fd, 0);
}

static int open_queues(struct steering *s, const struct rawq_rule_opts *o)
{
	int ret = 0;

	for (uint32_t i = 0; i < o->queue_count && !ret; i++) {
		struct xdp_rxq *q = (struct xdp_rxq *)o->queues[i];

		if (q->steered == s->number)
			continue;
		ret = open_queue(s, q);
		q->steered = ret ? 0 : s->number;
	}
	return ret;
}

/* ---- rules ---- */

static int refused_by_owner(const struct xdp_port *port, uint32_t other,
                            struct rawq_error *err)
{
	const struct book *b = port->steering->maps.book;
	const struct book_member *m = &b->members[b->rules[other].member];

	return fail(err, -EBUSY, "rule: %s, pid %d, has the very same rule on %s",
	            m->comm, m->pid, port->port.info.netdev);
}

static int rule_refused(const struct xdp_port *port, int ret, uint32_t other,
                        struct rawq_error *err)
{
	const char *name = port->port.info.netdev;

	switch (ret) {
	case -EEXIST:
		return refused_by_owner(port, other, err);
	case -ENOSPC:
		return fail(err, ret,
		            "%s: no room for rules of more than %u kinds of masks", name,
		            STEER_SHAPES_MAX);
	case -EMLINK:
		return fail(err, -ENOSPC,
		            "%s: no room for more than %u rules that differ in nothing "
		            "but priority "
		            "and port ranges, or for more than %u sets of prefixes",
		            name, STEER_CHAIN_MAX - 1, BOOK_SETS_MAX);
	case -E2BIG:
		return fail(err, -ENOSPC, "%s: no room for more than %u rules", name,
		            STEER_RULES_MAX - 1);
	case -EUSERS:
		return fail(err, -ENOSPC, "%s: no room for more than %u rules that count",
		            name, STEER_COUNTERS_MAX - 1);
	case -EBUSY:
		return fail(err, ret,
		            "%s: another process has held its rules for seconds: is it "
		            "stopped?",
		            name);
	default:
		return fail(err, ret == -EPERM ? -EPERM : -ENOMEM,
		            "%s: the kernel did not take the rule: %s", name,
		            strerror(-ret));
	}
}

/* Enter the rule; old: the one that it replaces, or NULL. */
static int enter(struct xdp_port *port, const struct rawq_rule_opts *o,
                 struct xdp_rule *r, struct xdp_rule *old, struct rawq_error *err)
{
	struct steering *s = port->steering;
	uint32_t other = 0;
	int ret = book_lock(&s->maps);

	if (ret)
		return rule_refused(port, ret, 0, err);
	ret = open_queues(s, o);
	if (!ret)
		ret = book_add(&s->maps, members_number(s->membership), o,
		               old ? old->number : 0, &other);
	if (ret > 0 && old)
		book_remove(&s->maps, old->number);
	if (ret > 0)
		r->number = (uint32_t)ret;
	else
		ret = rule_refused(port, ret, other, err);
	book_unlock(&s->maps);
	return ret > 0 ? 0 : ret;
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
	ret = r ? enter(p, opts, r, NULL, err)
	        : fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	if (!ret) {
		p->steering->rules++;
		*out = &r->rule;
		return 0;
	}
	free(r);
	if (!p->steering->rules)
		steering_stop(p);
	return ret;
}

int xdp_rule_replace(struct rawq_rule *old, const struct rawq_rule_opts *opts,
                     struct rawq_rule **out, struct rawq_error *err)
{
	struct xdp_port *p = (struct xdp_port *)old->port;
	struct xdp_rule *r;
	int ret = check_queues(p, opts, err);

	if (ret)
		return ret;
	r = calloc(1, sizeof(*r));
	if (!r)
		return fail(err, -ENOMEM, "%s: out of memory", p->port.info.netdev);
	ret = enter(p, opts, r, (struct xdp_rule *)old, err);
	if (ret) {
		free(r);
		return ret;
	}
	free(old);
	*out = &r->rule;
	return 0;
}

void xdp_rule_remove(struct rawq_rule *rule)
{
	struct xdp_port *p = (struct xdp_port *)rule->port;
	struct steering *s = p->steering;

	if (s->rules > 1 && !book_lock(&s->maps)) {
		book_remove(&s->maps, ((struct xdp_rule *)rule)->number);
		book_unlock(&s->maps);
	}
	free(rule);
	if (!--s->rules)
		steering_stop(p);
}

int xdp_rule_stats(const struct rawq_rule *rule, struct rawq_rule_stats *stats)
{
	const struct xdp_port *p = (const struct xdp_port *)rule->port;

	book_stats(&p->steering->maps, ((const struct xdp_rule *)rule)->number, stats);
	return 0;
}

/* ---- what others have ---- */

static int foreign_program(int ifindex, struct rawq_rule_info *info, uint32_t n)
{
	struct steering_owner o;

	if (!steering_owner(ifindex, &o))
		return 0;
	if (!n)
		return 1;
	*info = (struct rawq_rule_info){.owner = RAWQ_OWNER_OTHER, .pid = o.pid};
	memcpy(info->comm, o.comm, sizeof(info->comm));
	snprintf(info->what, sizeof(info->what), "XDP program %s (%u)", o.program,
	         o.program_id);
	return 1;
}

static void describe(const struct maps *m, uint32_t rule, struct rawq_rule_info *info)
{
	const struct book_rule *r = &m->book->rules[rule];
	const struct book_member *owner = &m->book->members[r->member];
	struct rawq_rule_stats stats = {0};

	if (r->count)
		book_stats(m, rule, &stats);
	*info = (struct rawq_rule_info){.owner = RAWQ_OWNER_RAWQ,
	                                .pid = owner->pid,
	                                .value = r->id.value,
	                                .mask = r->id.mask,
	                                .priority = r->id.priority,
	                                .queue_count = r->queue_count,
	                                .mark = r->mark,
	                                .count = r->count,
	                                .src_port_last = r->id.src_port_last,
	                                .dst_port_last = r->id.dst_port_last,
	                                .packets = stats.packets,
	                                .bytes = stats.bytes};
	memcpy(info->comm, owner->comm, sizeof(info->comm));
}

static int read_book(struct maps *m, uint32_t except, struct rawq_rule_info *infos,
                     uint32_t n)
{
	int count = 0, ret = book_lock(m);

	if (ret)
		return ret;
	for (uint32_t i = book_next(m, 0); i; i = book_next(m, i)) {
		if (m->book->rules[i].member == except)
			continue;
		if ((uint32_t)count < n)
			describe(m, i, &infos[count]);
		count++;
	}
	book_unlock(m);
	return n && (uint32_t)count > n ? (int)n : count;
}

int xdp_rules_of_others(const struct rawq_port *port, struct rawq_rule_info *infos,
                        uint32_t n, struct rawq_error *err)
{
	const struct xdp_port *p = (const struct xdp_port *)port;
	const struct rawq_port_info *info = &port->info;
	struct maps visited;
	int ret;

	if (p->steering) {
		ret = read_book(&p->steering->maps,
		                members_number(p->steering->membership), infos, n);
	} else {
		ret = members_visit(info->ifindex, info->netdev, &visited, err);
		if (!ret)
			return foreign_program(info->ifindex, infos, n);
		if (ret < 0)
			return ret;
		ret = read_book(&visited, STEER_MEMBERS_MAX, infos, n);
		maps_close(&visited);
	}
	return ret == -EBUSY ? fail(err, ret,
	                            "%s: another process has held its rules for seconds: "
	                            "is it stopped?",
	                            info->netdev)
	                     : ret;
}
