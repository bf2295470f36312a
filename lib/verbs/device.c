/* SPDX-License-Identifier: BSD-2-Clause */
/* The RDMA device beside a netdev: finding it, opening it, registering memory with it. */
#include "device.h"

#include "lib/error.h"
#include "lib/netdev.h"
#include "lib/region.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORTS_MAX 16  /* of one device; real ones have two */
#define GIDS_MAX  256 /* entries of a port's table that are looked at */

/* Header and one VLAN tag, which the kernel's netdev allows on top of its MTU. */
#define LINK_HEADER 18u

/* The file's first line, without its newline. */
static bool read_line(const char *path, char *line, size_t size)
{
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, line, size - 1);
	close(fd);
	line[n > 0 ? n : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	return n > 0;
}

static bool file_says(const char *path, const char *want)
{
	char line[64];

	return read_line(path, line, sizeof(line)) && !strcmp(line, want);
}

/* Does this port of the device name the netdev in its table of addresses?  0: no port does. */
static uint8_t port_of_netdev(const char *device, const char *netdev)
{
	char path[256];

	for (uint8_t port = 1; port <= PORTS_MAX; port++) {
		snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/%u", device,
		         port);
		if (access(path, F_OK))
			return 0;
		for (unsigned gid = 0; gid < GIDS_MAX; gid++) {
			snprintf(path, sizeof(path),
			         "/sys/class/infiniband/%s/ports/%u/gid_attrs/ndevs/%u",
			         device, port, gid);
			if (access(path, F_OK))
				break;
			if (file_says(path, netdev))
				return port;
		}
	}
	return 0;
}

bool rdma_netdev_of(const char *device, char netdev[16])
{
	char path[256];

	snprintf(path, sizeof(path),
	         "/sys/class/infiniband/%.32s/ports/1/gid_attrs/ndevs/0", device);
	return !strchr(device, '/') && read_line(path, netdev, 16);
}

/* Is the device a sibling of the netdev on the bus?  Then its port is the netdev's dev_port. */
static uint8_t port_on_bus(const char *device, const char *netdev)
{
	char path[256], number[8];

	snprintf(path, sizeof(path), "/sys/class/net/%s/device/infiniband/%s", netdev,
	         device);
	if (access(path, F_OK))
		return 0;
	snprintf(path, sizeof(path), "/sys/class/net/%s/dev_port", netdev);
	for (uint8_t port = 1; port <= PORTS_MAX; port++) {
		snprintf(number, sizeof(number), "%u", port - 1u);
		if (file_says(path, number)) {
			snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/%u",
			         device, port);
			return access(path, F_OK) ? 1 : port;
		}
	}
	return 1;
}

/* The device list, and in it the device of the netdev, or NULL. */
static struct ibv_device *find_device(struct ibv_device **list, const char *netdev,
                                      uint8_t *port)
{
	for (struct ibv_device **d = list; *d; d++) {
		const char *name = ibv_get_device_name(*d);

		*port = port_of_netdev(name, netdev);
		if (!*port)
			*port = port_on_bus(name, netdev);
		if (*port)
			return *d;
	}
	return NULL;
}

int rdma_fail(const struct rdma_port *p, struct rawq_error *err, const char *what)
{
	const char *netdev = p->port.info.netdev;

	switch (errno) {
	case EPERM:
	case EACCES:
		return fail(err, -EPERM,
		            "%s: %s: not allowed: raw packets need the capability "
		            "CAP_NET_RAW, and /dev/infiniband/uverbs* must be readable",
		            netdev, what);
	case ENODEV:
	case EIO:
		return fail(err, -ENODEV, "%s: %s: the device is gone", netdev, what);
	case EOPNOTSUPP:
	case ENOSYS:
		return fail(err, -ENOTSUP, "%s: %s: the device cannot do it", netdev,
		            what);
	case ENOSPC:
		return fail(err, -ENOSPC, "%s: %s: the device has none left", netdev,
		            what);
	default:
		return fail(err, -ENOMEM, "%s: %s: the driver refused: %s", netdev, what,
		            strerror(errno));
	}
}

static int open_device(struct rdma_port *p, struct ibv_device *device,
                       struct rawq_error *err)
{
	int ret;

	p->context = ibv_open_device(device);
	if (!p->context)
		return rdma_fail(p, err, "opening its RDMA device");
	ret = ibv_query_device_ex(p->context, NULL, &p->caps);
	if (ret) {
		errno = ret;
		ret = rdma_fail(p, err, "asking its RDMA device what it can do");
		goto close;
	}
	p->pd = ibv_alloc_pd(p->context);
	if (!p->pd) {
		ret = rdma_fail(p, err, "a protection domain");
		goto close;
	}
	return 0;
close:
	ibv_close_device(p->context);
	return ret;
}

int rdma_open(struct rdma_port *p, const struct rawq_port_info *netdev,
              struct rawq_error *err)
{
	struct ibv_device **list, *device;
	int ret;

	p->port.info = *netdev;
	list = ibv_get_device_list(NULL);
	if (!list)
		return fail(err, -ENOTSUP,
		            "%s: this kernel has no RDMA devices (modprobe ib_uverbs "
		            "mlx5_ib)",
		            netdev->netdev);
	device = find_device(list, netdev->netdev, &p->number);
	if (device)
		ret = open_device(p, device, err);
	else
		ret = fail(
			err, -ENOTSUP,
			"%s: no RDMA device belongs to this interface (rdma link shows "
			"those there are)",
			netdev->netdev);
	ibv_free_device_list(list);
	return ret;
}

/* ---- memory ---- */

struct rdma_memory {
	struct region_attachment attachment; /* key: the port */
	struct rawq_region *region;
	struct rdma_port *port;
	struct rdma_memory *next;
	struct ibv_mr *mr;
};

static void memory_release(struct region_attachment *a)
{
	struct rdma_memory *m = (struct rdma_memory *)a, **link = &m->port->memory;

	while (*link != m)
		link = &(*link)->next;
	*link = m->next;
	ibv_dereg_mr(m->mr);
	free(m);
}

int rdma_lkey(struct rdma_port *p, struct rawq_region *region, uint32_t *lkey,
              struct rawq_error *err)
{
	struct rdma_memory *m = (struct rdma_memory *)region_find(region, p);

	if (m) {
		*lkey = m->mr->lkey;
		return 0;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return fail(err, -ENOMEM, "%s: out of memory", p->port.info.netdev);
	m->mr = ibv_reg_mr(p->pd, region->base, region->size,
	                   region->read_only ? 0 : IBV_ACCESS_LOCAL_WRITE);
	if (!m->mr) {
		int code = errno == ENOMEM ? -EPERM : -ENOMEM;

		free(m);
		return fail(
			err, code,
			"%s: %zu MB could not be pinned for the device: %s (ulimit -l, "
			"CAP_IPC_LOCK)",
			p->port.info.netdev, region->size >> 20, strerror(errno));
	}
	m->attachment.key = p;
	m->attachment.release = memory_release;
	m->region = region;
	m->port = p;
	m->next = p->memory;
	p->memory = m;
	region_attach(region, &m->attachment);
	*lkey = m->mr->lkey;
	return 0;
}

void rdma_close(struct rdma_port *p)
{
	while (p->memory)
		region_detach(p->memory->region, p);
	if (p->drop_qp) {
		ibv_destroy_qp(p->drop_qp);
		ibv_destroy_cq(p->drop_cq);
	}
	ibv_dealloc_pd(p->pd);
	ibv_close_device(p->context);
}

static int qp_modify(struct ibv_qp *qp, enum ibv_qp_state state, uint8_t port)
{
	struct ibv_qp_attr attr = {.qp_state = state, .port_num = port};

	return -ibv_modify_qp(qp, &attr, IBV_QP_STATE | (port ? IBV_QP_PORT : 0));
}

int rdma_qp_reset(struct ibv_qp *qp)
{
	return qp_modify(qp, IBV_QPS_RESET, 0);
}

int rdma_qp_start(const struct rdma_port *p, struct ibv_qp *qp)
{
	int ret = qp_modify(qp, IBV_QPS_INIT, p->number);

	if (!ret)
		ret = qp_modify(qp, IBV_QPS_RTR, 0);
	if (!ret)
		ret = qp_modify(qp, IBV_QPS_RTS, 0);
	return ret;
}

uint32_t rdma_frame_max(const struct rdma_port *p)
{
	struct rawq_port_info info = p->port.info;

	netdev_read(&info); /* on failure the MTU stays the one at open */
	return info.mtu + LINK_HEADER;
}

const char *rdma_status_text(enum ibv_wc_status status)
{
	switch (status) {
	case IBV_WC_LOC_LEN_ERR:
		return "local length error: longer than the MTU or than the frames "
		       "posted";
	case IBV_WC_LOC_QP_OP_ERR:
		return "local operation error: the descriptor is malformed";
	case IBV_WC_LOC_PROT_ERR:
		return "local protection error: the address lies outside the region";
	case IBV_WC_WR_FLUSH_ERR:
		return "flushed: an earlier descriptor failed";
	default:
		return ibv_wc_status_str(status);
	}
}
