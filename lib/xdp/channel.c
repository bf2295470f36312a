/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets, UMEMs and the rings that sockets share.
 *
 * The kernel ties three things together: the first socket on a region registers the UMEM; the
 * first socket on a hardware queue brings the fill and the completion ring; every later socket
 * is bound with XDP_SHARED_UMEM to one that is bound already.  So a region serves any number of
 * queues and netdevs without a copy, and rxq and txq of one number are two sockets on a channel.
 */
#include "xdp.h"

#include "lib/error.h"
#include "lib/xdp/socket.h"
#include "lib/xdp/steer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Completions of a channel whose send queue is not there yet. */
#define SHARED_RING_MIN 2048u

static const void *const umem_key = "xdp umem";

static void umem_release(struct region_attachment *a)
{
	free(a);
}

static struct xdp_umem *umem_of(struct rawq_region *region)
{
	struct region_attachment *a = region_find(region, umem_key);
	struct xdp_umem *umem;

	if (a)
		return (struct xdp_umem *)a;
	umem = calloc(1, sizeof(*umem));
	if (!umem)
		return NULL;
	umem->attachment.key = umem_key;
	umem->attachment.release = umem_release;
	umem->region = region;
	region_attach(region, &umem->attachment);
	return umem;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* The rings of a new channel; the socket of its first queue owns them. */
static int shared_rings(struct channel *c, uint32_t depth, bool rx)
{
	uint32_t other = larger(depth, SHARED_RING_MIN);
	int ret = socket_ring(c->fd, XDP_UMEM_FILL_RING, rx ? depth : other, &c->fill);

	if (!ret)
		ret = socket_ring(c->fd, XDP_UMEM_COMPLETION_RING, rx ? other : depth,
		                  &c->completion);
	return ret;
}

static int bind_refused(const struct channel *c, int ret, const struct channel *lender,
                        struct rawq_error *err)
{
	const char *name = c->port->port.info.netdev;

	switch (ret) {
	case -EBUSY:
		return fail(err, -EADDRINUSE,
		            "%s: queue %u is in use by another program's AF_XDP socket",
		            name, c->queue_id + 1);
	case -ENETDOWN:
		return fail(err, ret, "%s: the interface is down: ip link set %s up",
		            name, name);
	case -ENODEV:
		return fail(err, ret, "%s: the interface is gone", name);
	case -EINVAL:
		if (kernel_knows_bind_flag(XDP_USE_NEED_WAKEUP))
			break;
		return fail(
			err, -ENOTSUP,
			"%s: this kernel's AF_XDP has no need_wakeup: rawq works from "
			"Linux 6.1 on",
			name);
	default:
		break;
	}
	if (lender && lender->zero_copy)
		return fail(err, -ENOTSUP,
		            "%s: cannot share the region of %s, which works by zero "
		            "copy: open both "
		            "ports with RAWQ_XDP_COPY",
		            name, lender->port->port.info.netdev);
	return fail(err, -ENOTSUP,
	            "%s: the driver refused an AF_XDP socket on queue %u: %s", name,
	            c->queue_id + 1, strerror(-ret));
}

static uint16_t bind_flags(const struct xdp_port *port, bool segments)
{
	return (uint16_t)(XDP_USE_NEED_WAKEUP | (segments ? XDP_USE_SG : 0) |
	                  (port->flags & RAWQ_XDP_COPY ? XDP_COPY : 0));
}

/* Everything between socket(2) and a bound socket; on failure the caller unmaps and closes. */
static int socket_setup(struct channel *c, const struct rawq_queue_opts *opts, bool rx,
                        bool segments, struct queue_socket *s, struct rawq_error *err)
{
	const struct channel *lender = c->users ? c : c->umem->channels;
	const struct rawq_port_info *info = &c->port->port.info;
	int ret;

	if (!lender) {
		ret = socket_register_umem(s->fd, c->umem->region, info->netdev, err);
		if (ret)
			return ret;
	}
	ret = socket_ring(s->fd, rx ? XDP_RX_RING : XDP_TX_RING, opts->depth, &s->ring);
	if (!ret && !c->users)
		ret = shared_rings(c, opts->depth, rx);
	if (ret)
		return fail(err, ret, "%s: no rings of %u descriptors: %s", info->netdev,
		            opts->depth, strerror(-ret));
	if (!rx)
		socket_set_send_budget(s->fd, opts->depth);
	ret = lender ? socket_bind_shared(s->fd, info->ifindex, c->queue_id, lender->fd)
	             : socket_bind(s->fd, info->ifindex, c->queue_id,
	                           bind_flags(c->port, segments));
	if (ret)
		return bind_refused(c, ret, lender, err);
	s->busy_poll = socket_set_busy_poll(s->fd, opts->busy_poll);
	return 0;
}

static struct channel *channel_find(const struct xdp_port *port, uint32_t queue_id)
{
	struct channel *c = port->channels;

	while (c && c->queue_id != queue_id)
		c = c->next_of_port;
	return c;
}

/* The queue asked for, or the first that is free for this direction; -errno. */
static int choose_queue(const struct xdp_port *port, const struct rawq_queue_opts *opts,
                        bool rx, struct rawq_error *err)
{
	const struct rawq_port_info *info = &port->port.info;
	uint32_t count = rx ? info->rx_queues : info->tx_queues;
	uint32_t first = opts->number ? opts->number - 1 : 0;
	uint32_t last = opts->number ? opts->number : count;

	for (uint32_t i = first; i < last && i < STEER_QUEUES_MAX; i++) {
		const struct channel *c = channel_find(port, i);

		if (!c || !(rx ? c->has_rxq : c->has_txq))
			return (int)i;
	}
	if (opts->number)
		return fail(err, -EBUSY, "%s: %s queue %u is there already", info->netdev,
		            rx ? "receive" : "send", opts->number);
	return fail(err, -ENOSPC,
	            "%s: one more %s queue asked, the interface has %u (ethtool -L %s)",
	            info->netdev, rx ? "receive" : "send", count, info->netdev);
}

static void channel_link(struct channel *c)
{
	c->next_of_umem = c->umem->channels;
	c->umem->channels = c;
	c->next_of_port = c->port->channels;
	c->port->channels = c;
}

static void channel_unlink(struct channel *c)
{
	struct channel **link;

	for (link = &c->umem->channels; *link != c; link = &(*link)->next_of_umem)
		;
	*link = c->next_of_umem;
	for (link = &c->port->channels; *link != c; link = &(*link)->next_of_port)
		;
	*link = c->next_of_port;
}

static void channel_free(struct channel *c)
{
	ring_unmap(&c->fill);
	ring_unmap(&c->completion);
	free(c);
}

/* May the region and the channel that is there, if any, work together? */
static int check_sharing(const struct xdp_umem *umem, const struct channel *c,
                         bool segments, const char *name, struct rawq_error *err)
{
	if (c && c->umem != umem)
		return fail(err, -EBUSY,
		            "%s: queue %u works on another region, and AF_XDP has one "
		            "for both "
		            "directions of a queue: use that region, or another queue",
		            name, c->queue_id + 1);
	if (umem->channels && segments && !umem->segments)
		return fail(
			err, -EBUSY,
			"%s: the region's first queue did not ask for packets of several "
			"descriptors, and AF_XDP decides that once for a region",
			name);
	return 0;
}

/* The channel that is there, or a fresh one, not yet linked; NULL with -errno in *ret. */
static struct channel *channel_get(struct xdp_port *port, struct rawq_region *region,
                                   const struct rawq_queue_opts *opts, bool rx, int *ret,
                                   struct rawq_error *err)
{
	bool segments = opts->offloads & (rx ? RAWQ_RX_SEGMENTS : RAWQ_TX_SEGMENTS);
	int queue_id = choose_queue(port, opts, rx, err);
	struct xdp_umem *umem = umem_of(region);
	struct channel *c;

	*ret = queue_id;
	if (queue_id < 0 || !umem)
		goto failed;
	c = channel_find(port, (uint32_t)queue_id);
	*ret = check_sharing(umem, c, segments, port->port.info.netdev, err);
	if (*ret || c)
		return *ret ? NULL : c;
	c = calloc(1, sizeof(*c));
	if (!c)
		goto failed;
	c->umem = umem;
	c->port = port;
	c->queue_id = (uint32_t)queue_id;
	return c;
failed:
	if (*ret >= 0)
		*ret = fail(err, -ENOMEM, "%s: out of memory", port->port.info.netdev);
	return NULL;
}

/* A channel's first socket is bound: now others may share. */
static void channel_begin(struct channel *c, bool segments)
{
	if (!c->umem->channels)
		c->umem->segments = segments;
	c->zero_copy = socket_is_zero_copy(c->fd);
	channel_link(c);
}

int channel_open(struct xdp_port *port, struct rawq_region *region,
                 const struct rawq_queue_opts *opts, bool rx, struct queue_socket *s,
                 struct rawq_error *err)
{
	bool segments = opts->offloads & (rx ? RAWQ_RX_SEGMENTS : RAWQ_TX_SEGMENTS);
	struct queue_socket fresh = {0};
	int ret;
	struct channel *c = channel_get(port, region, opts, rx, &ret, err);

	if (!c)
		return ret;
	fresh.channel = c;
	fresh.queue_id = c->queue_id;
	fresh.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fresh.fd < 0) {
		ret = fail(err, -errno, "%s: no AF_XDP socket: %s",
		           port->port.info.netdev, strerror(errno));
		goto free_channel;
	}
	if (!c->users)
		c->fd = fresh.fd;
	ret = socket_setup(c, opts, rx, segments, &fresh, err);
	if (ret)
		goto close_socket;
	if (!c->users++)
		channel_begin(c, segments);
	*(rx ? &c->has_rxq : &c->has_txq) = true;
	*s = fresh;
	return 0;
close_socket:
	ring_unmap(&fresh.ring);
	close(fresh.fd);
	*s = (struct queue_socket){.queue_id = c->queue_id, .fd = -1};
free_channel:
	if (!c->users)
		channel_free(c);
	return ret;
}

void channel_close(struct channel *c, int fd, struct ring *ring, bool rx)
{
	*(rx ? &c->has_rxq : &c->has_txq) = false;
	ring_unmap(ring);
	if (fd != c->fd)
		close(fd);
	if (--c->users)
		return;
	close(c->fd);
	channel_unlink(c);
	channel_free(c);
}

uint32_t channel_mode(const struct channel *c)
{
	return (c->zero_copy ? RAWQ_ZERO_COPY : 0u) |
	       (c->umem->region->huge_pages ? RAWQ_HUGE_PAGES : 0u) |
	       (c->port->steering ? steering_mode(c->port->steering) : 0u);
}
