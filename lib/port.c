/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a port: which backend drives it, and why. */
#include "backend.h"
#include "error.h"
#include "netdev.h"
#include "opts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct backend *const backends[] = {&xdp_backend};

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
	backend = backend_of(o.backend == RAWQ_AUTO ? RAWQ_XDP : o.backend);
	if (!backend)
		return fail(err, -ENOTSUP,
		            "%s: this librawq was built without that backend", netdev);
	info.backend = backend->id;
	ret = backend->port_open(&info, o.flags, out, err);
	if (!ret)
		(*out)->backend = backend;
	return ret;
}

void rawq_port_close(struct rawq_port *port)
{
	if (!port)
		return;
	assert(!port->rules && "a port goes after its rules");
	assert(!port->queues && "a port goes after its queues");
	port->backend->port_close(port);
}

void rawq_port_info(const struct rawq_port *port, struct rawq_port_info *info)
{
	*info = port->info;
	/* A netdev that is gone keeps what was known of it, without a link. */
	if (netdev_read(info))
		info->link_up = info->link_mbps = 0;
}
