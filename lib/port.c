/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a port: which backend drives it, and why. */
#include "backend.h"
#include "error.h"
#include "netdev.h"
#include "opts.h"
#include "verbs/device.h"

#include "hw/netdev.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct backend *const backends[] = {&mlx5_backend, &verbs_backend,
                                                 &xdp_backend};

#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

static const struct backend *backend_of(enum rawq_backend id)
{
	for (size_t i = 0; i < BACKENDS; i++) {
		if (backends[i]->id == id)
			return backends[i];
	}
	return NULL;
}

static int read_netdev(const char *name, struct rawq_port_info *info,
                       struct rawq_error *err)
{
	int ret;

	memset(info, 0, sizeof(*info));
	if (!name || !*name || strlen(name) >= sizeof(info->netdev))
		return fail(err, -ENODEV,
		            "'%.32s' is no interface name: 1 to 15 characters",
		            name ? name : "");
	snprintf(info->netdev, sizeof(info->netdev), "%s", name);
	ret = netdev_read(info);
	if (ret == -ENODEV && rdma_netdev_of(name, info->netdev)) {
		name = info->netdev; /* it was the name of an RDMA device */
		ret = netdev_read(info);
	}
	if (ret == -ENODEV)
		return fail(err, ret,
		            "%s: no such interface here (ip link shows those there are)",
		            name);
	if (ret)
		return fail(err, ret, "%s: the kernel refused to tell of it: %s", name,
		            strerror(-ret));
	if (!netdev_is_up(name))
		return fail(err, -ENETDOWN,
		            "%s: the interface is down: ip link set %s up", name, name);
	return 0;
}

static int open_with(const struct backend *backend, struct rawq_port_info *info,
                     uint32_t flags, struct rawq_port **out, struct rawq_error *err)
{
	int ret;

	info->backend = backend->id;
	ret = backend->port_open(info, flags, out, err);
	if (!ret)
		(*out)->backend = backend;
	return ret;
}

/* The fastest that drives it: the card's rings, else AF_XDP without copies, else verbs, else
 * AF_XDP, which drives every interface.  The port tells why it was not the first. */
static int open_best(struct rawq_port_info *info, uint32_t flags, struct rawq_port **out,
                     struct rawq_error *err)
{
	struct rawq_error no_mlx5;
	uint64_t features = 0;
	int ret;

	if (flags)
		return open_with(&xdp_backend, info, flags, out, err);
	if (!open_with(&mlx5_backend, info, 0, out, &no_mlx5))
		return 0;
	if (!netdev_xdp_features(info->ifindex, &features) ||
	    !(features & HW_XDP_ACT_XSK_ZEROCOPY)) {
		if (!open_with(&verbs_backend, info, 0, out, NULL))
			return 0;
	}
	ret = open_with(&xdp_backend, info, 0, out, err);
	if (!ret) {
		char *choice = (*out)->info.choice;
		size_t used = strlen(choice), name = strlen(info->netdev) + 2;

		snprintf(choice + used, sizeof((*out)->info.choice) - used,
		         "; not mlx5: %.100s",
		         no_mlx5.text + (strlen(no_mlx5.text) > name ? name : 0));
	}
	return ret;
}

int rawq_port_open(const char *netdev, const struct rawq_port_opts *opts,
                   struct rawq_port **out, struct rawq_error *err)
{
	struct rawq_port_info info;
	struct rawq_port_opts o;
	const struct backend *backend;
	int ret;

	ret = opts_read(&o, sizeof(o), opts, "rawq_port_opts", err);
	if (ret)
		return ret;
	if (o.flags & ~(uint32_t)(RAWQ_XDP_COPY | RAWQ_XDP_GENERIC))
		return fail(err, -EINVAL, "rawq_port_opts.flags: 0x%x is not known",
		            o.flags);
	ret = read_netdev(netdev, &info, err);
	if (ret)
		return ret;
	if (o.backend == RAWQ_AUTO)
		return open_best(&info, o.flags, out, err);
	backend = backend_of(o.backend);
	if (!backend)
		return fail(err, -EINVAL, "%s: there is no backend %d", netdev,
		            (int)o.backend);
	return open_with(backend, &info, o.flags, out, err);
}

void rawq_port_close(struct rawq_port *port)
{
	if (!port)
		return;
	assert(!port->rules && "a port goes after its rules");
	assert(!port->queues && "a port goes after its queues");
	guard_free(&port->guard);
	port->backend->port_close(port);
}

void rawq_port_info(const struct rawq_port *port, struct rawq_port_info *info)
{
	*info = port->info;
	/* A netdev that is gone keeps what was known of it, without a link. */
	if (netdev_read(info))
		info->link_up = info->link_mbps = 0;
}
