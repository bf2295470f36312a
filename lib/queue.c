/* SPDX-License-Identifier: BSD-2-Clause */
/* Making queues: what every backend would have to check, once. */
#include "backend.h"
#include "error.h"
#include "opts.h"
#include "region.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_DEFAULT 512u
#define DEPTH_MIN     2u

struct name {
	uint32_t bit;
	const char *text;
};

static const struct name rx_names[] = {
	{RAWQ_RX_L3_OK, "IPv4 checksum verdicts"},
	{RAWQ_RX_L4_OK, "TCP and UDP checksum verdicts"},
	{RAWQ_RX_TIME, "receive times"},
	{RAWQ_RX_MARK, "marks"},
	{RAWQ_RX_HASH, "RSS hashes"},
	{RAWQ_RX_VLAN, "taking off VLAN tags"},
	{RAWQ_RX_SEGMENTS, "received packets of several descriptors"},
	{RAWQ_RX_STRIDING, "several packets in a frame"},
	{0, "an offload that is not known"},
};

static const struct name tx_names[] = {
	{RAWQ_TX_L3_CSUM, "filling in IPv4 checksums"},
	{RAWQ_TX_L4_CSUM, "filling in TCP and UDP checksums"},
	{RAWQ_TX_TSO, "cutting TCP segments"},
	{RAWQ_TX_VLAN, "inserting VLAN tags"},
	{RAWQ_TX_TIME, "times of sending"},
	{RAWQ_TX_SEGMENTS, "sending packets of several descriptors"},
	{0, "an offload that is not known"},
};

static const char *first_missing(const struct name *names, uint32_t missing)
{
	while (names->bit && !(names->bit & missing))
		names++;
	return names->text;
}

static int check(const struct rawq_port *port, const struct rawq_region *region,
                 struct rawq_queue_opts *o, bool rx, struct rawq_error *err)
{
	const struct rawq_port_info *info = &port->info;
	uint32_t missing = o->offloads & ~(rx ? info->rx_offloads : info->tx_offloads);

	if (!o->depth)
		o->depth =
			DEPTH_DEFAULT < info->depth_max ? DEPTH_DEFAULT : info->depth_max;
	if (o->depth < DEPTH_MIN || o->depth > info->depth_max ||
	    (o->depth & (o->depth - 1)))
		return fail(err, -EINVAL,
		            "%s: a depth of %u; a power of two from %u to %u",
		            info->netdev, o->depth, DEPTH_MIN, info->depth_max);
	if (missing)
		return fail(err, -ENOTSUP, "%s: the %s backend has no offload for %s",
		            info->netdev, port->backend->name,
		            first_missing(rx ? rx_names : tx_names, missing));
	if (o->lanes > (rx ? 0 : info->lanes_max) ||
	    o->inline_max > (rx ? 0 : info->inline_max))
		return fail(err, -ENOTSUP,
		            "%s: lanes %u and inline_max %u; a %s queue of the %s "
		            "backend has up "
		            "to %u and %u",
		            info->netdev, o->lanes, o->inline_max,
		            rx ? "receive" : "send", port->backend->name,
		            rx ? 0 : info->lanes_max, rx ? 0 : info->inline_max);
	if (region->frame_size > info->frame_max)
		return fail(err, -ENOTSUP,
		            "%s: the %s backend takes frames of up to %u bytes, not %u",
		            info->netdev, port->backend->name, info->frame_max,
		            region->frame_size);
	if (rx && region->read_only)
		return fail(err, -ENOTSUP,
		            "%s: nothing can be received into a read-only region",
		            info->netdev);
	return 0;
}

static int check_compression(const struct rawq_port *port,
                             const struct rawq_queue_opts *o, bool rx,
                             struct rawq_error *err)
{
	static const char *const names[] = {"auto", "off", "hash", "csum"};
	uint32_t can = 1u << RAWQ_COMPRESS_AUTO | 1u << RAWQ_COMPRESS_OFF |
	               (rx ? port->info.compressions : 0);
	uint32_t lost = RAWQ_RX_TIME;

	if (o->compression > RAWQ_COMPRESS_CSUM)
		return fail(err, -EINVAL, "%s: a compression of %u, which is not known",
		            port->info.netdev, o->compression);
	if (!(can >> o->compression & 1))
		return fail(err, -ENOTSUP,
		            "%s: compression %s; %s of the %s backend cannot have it",
		            port->info.netdev, names[o->compression],
		            rx ? "a receive queue here" : "a send queue",
		            port->backend->name);
	if (o->compression < RAWQ_COMPRESS_HASH)
		return 0;
	if (o->compression == RAWQ_COMPRESS_CSUM)
		lost |= RAWQ_RX_HASH;
	if (o->offloads & lost)
		return fail(err, -ENOTSUP,
		            "%s: compression %s leaves out %s; auto or off keeps them",
		            port->info.netdev, names[o->compression],
		            first_missing(rx_names, o->offloads & lost));
	return 0;
}

/* -ENOSPC counts what the netdev has; that a queue is in use is for the backend to see. */
static int check_number(const struct rawq_port *port, uint32_t number, uint32_t queues,
                        const char *what, struct rawq_error *err)
{
	if (number > queues)
		return fail(err, -ENOSPC,
		            "%s: %s queue %u asked, the interface has %u (ethtool -L %s)",
		            port->info.netdev, what, number, queues, port->info.netdev);
	return 0;
}

int rawq_rxq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                    struct rawq_error *err)
{
	struct rawq_queue_opts o;
	struct rxq *q;
	int ret;

	ret = opts_read(&o, sizeof(o), opts, "rawq_queue_opts", err);
	if (!ret)
		ret = check(port, region, &o, true, err);
	if (!ret)
		ret = check_compression(port, &o, true, err);
	if (!ret)
		ret = check_number(port, o.number, port->info.rx_queues, "receive", err);
	if (!ret)
		ret = port->backend->rxq_create(port, region, &o, out, err);
	if (ret)
		return ret;
	q = (struct rxq *)*out;
	q->port = port;
	q->region = region;
	port->queues++;
	region->queues++;
	return 0;
}

int rawq_txq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, struct rawq_txq **out,
                    struct rawq_error *err)
{
	struct rawq_queue_opts o;
	struct txq *q;
	int ret;

	ret = opts_read(&o, sizeof(o), opts, "rawq_queue_opts", err);
	if (!ret)
		ret = check(port, region, &o, false, err);
	if (!ret)
		ret = check_compression(port, &o, false, err);
	if (!ret)
		ret = check_number(port, o.number, port->info.tx_queues, "send", err);
	if (!ret)
		ret = port->backend->txq_create(port, region, &o, out, err);
	if (ret)
		return ret;
	q = (struct txq *)*out;
	q->port = port;
	q->region = region;
	port->queues++;
	region->queues++;
	return 0;
}

static const struct backend *rx_backend(const struct rawq_rxq *q)
{
	return ((const struct rxq *)q)->port->backend;
}

static const struct backend *tx_backend(const struct rawq_txq *q)
{
	return ((const struct txq *)q)->port->backend;
}

void rawq_rxq_destroy(struct rawq_rxq *q)
{
	struct rxq *rx = (struct rxq *)q;

	if (!q)
		return;
	rx->port->queues--;
	rx->region->queues--;
	rx_backend(q)->rxq_destroy(q);
}

void rawq_txq_destroy(struct rawq_txq *q)
{
	struct txq *tx = (struct txq *)q;

	if (!q)
		return;
	tx->port->queues--;
	tx->region->queues--;
	tx_backend(q)->txq_destroy(q);
}

int rawq_rxq_status(const struct rawq_rxq *q, struct rawq_queue_stats *stats)
{
	return rx_backend(q)->rxq_status(q, stats);
}

int rawq_txq_status(const struct rawq_txq *q, struct rawq_queue_stats *stats)
{
	return tx_backend(q)->txq_status(q, stats);
}

void rawq_rxq_info(const struct rawq_rxq *q, struct rawq_queue_info *info)
{
	rx_backend(q)->rxq_info(q, info);
}

void rawq_txq_info(const struct rawq_txq *q, struct rawq_queue_info *info)
{
	tx_backend(q)->txq_info(q, info);
}

int rawq_rxq_arm(struct rawq_rxq *q)
{
	return rx_backend(q)->rxq_arm(q);
}

int rawq_txq_arm(struct rawq_txq *q)
{
	return tx_backend(q)->txq_arm(q);
}

uint64_t rawq_txq_time(const struct rawq_txq *q)
{
	return ((const struct txq *)q)->time_ns;
}
