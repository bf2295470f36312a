/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading the steering program and putting it on a netdev: what the first member does. */
#include "steering.h"

#include "lib/error.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <steer.skel.h> /* written by bpftool at build time */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* libbpf prints unless told otherwise, and a library must not. */
static struct steer_bpf *load(void)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct steer_bpf *program = steer_bpf__open_and_load();
	int saved = errno;

	libbpf_set_print(print);
	errno = saved;
	return program;
}

static int load_refused(const char *netdev, struct rawq_error *err)
{
	/* EACCES: the verifier lets the program do less without CAP_PERFMON. */
	if (errno == EPERM || errno == EACCES)
		return fail(err, -EPERM,
		            "%s: loading the steering program needs the capabilities "
		            "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
		            netdev);
	return fail(err, -ENOTSUP, "%s: the kernel did not take the steering program: %s",
	            netdev, strerror(errno));
}

static int attach_mode(const struct steer_bpf *program, int ifindex, uint32_t flags)
{
	struct bpf_link_create_opts opts = {.sz = sizeof(opts), .flags = flags};

	return bpf_link_create(bpf_program__fd(program->progs.steer), ifindex, BPF_XDP,
	                       &opts);
}

/* In the driver if it can, else on skbs. */
static int attach(const struct steer_bpf *program, const struct xdp_port *port,
                  uint32_t *mode, struct rawq_error *err)
{
	const struct rawq_port_info *info = &port->port.info;
	char owner[128];
	int fd = -EOPNOTSUPP;

	*mode = RAWQ_NATIVE_XDP;
	if (!(port->flags & RAWQ_XDP_GENERIC))
		fd = attach_mode(program, info->ifindex, XDP_FLAGS_DRV_MODE);
	if (fd < 0 && fd != -EBUSY && fd != -EEXIST) {
		*mode = RAWQ_GENERIC_XDP;
		fd = attach_mode(program, info->ifindex, XDP_FLAGS_SKB_MODE);
	}
	if (fd >= 0)
		return fd;
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

/* The maps' descriptors as ours, apart from the skeleton's. */
static int keep_maps(const struct steer_bpf *program, struct maps *m)
{
	const struct {
		unsigned at;
		const struct bpf_map *map;
	} all[] = {
		{FD_CONFIG, program->maps.config},
		{FD_SHAPES, program->maps.shapes},
		{FD_CHAINS, program->maps.chains},
		{FD_RULES, program->maps.rules},
		{FD_PREFIXES, program->maps.prefixes},
		{FD_SOCKETS, program->maps.sockets},
		{FD_RINGS, program->maps.rings},
		{FD_RING_STATES, program->maps.ring_states},
		{FD_COUNTERS, program->maps.counters},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		m->fd[all[i].at] = fcntl(bpf_map__fd(all[i].map), F_DUPFD_CLOEXEC, 0);
		if (m->fd[all[i].at] < 0)
			return -errno;
	}
	m->fd[FD_FENCE] = steering_ring_create(1);
	m->fd[FD_BOOK] = book_create();
	return m->fd[FD_FENCE] < 0  ? m->fd[FD_FENCE]
	       : m->fd[FD_BOOK] < 0 ? m->fd[FD_BOOK]
	                            : 0;
}

int steering_ring_create(uint32_t bytes)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), size = page;

	while (size < bytes)
		size *= 2;
	return bpf_map_create(BPF_MAP_TYPE_RINGBUF, "rawq_ring", 0, 0, size, NULL);
}

static int note_mode(const struct maps *m, uint32_t mode)
{
	struct book *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED,
	                      m->fd[FD_BOOK], 0);

	if (b == MAP_FAILED)
		return -errno;
	b->mode = mode;
	munmap(b, sizeof(*b));
	return 0;
}

int steering_create(void *arg, struct maps *m, struct rawq_error *err)
{
	const struct xdp_port *port = arg;
	const char *netdev = port->port.info.netdev;
	struct steer_bpf *program = load();
	uint32_t mode;
	int ret;

	if (!program)
		return load_refused(netdev, err);
	ret = keep_maps(program, m);
	if (ret) {
		fail(err, ret, "%s: the steering program's maps: %s", netdev,
		     strerror(-ret));
		goto unload;
	}
	ret = attach(program, port, &mode, err);
	if (ret < 0)
		goto unload;
	m->fd[FD_LINK] = ret;
	ret = note_mode(m, mode);
unload:
	steer_bpf__destroy(program);
	return ret == -EPERM || ret == -ENOTSUP || ret == -EBUSY || !ret ? ret : -ENOMEM;
}
