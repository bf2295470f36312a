/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls of one AF_XDP socket: Documentation/networking/af_xdp.rst. */
#include "socket.h"

#include "lib/error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A queue stays busy for a moment after its last owner died: the kernel frees it in a work
 * item.  100 x 2 ms is long past that. */
#define BIND_TRIES   100
#define BIND_WAIT_NS 2000000

/* How long a busy poll may look for packets; only its being non-zero matters to us. */
#define BUSY_POLL_US 20

int socket_register_umem(int fd, const struct rawq_region *region, const char *netdev,
                         struct rawq_error *err)
{
	struct xdp_umem_reg reg = {
		.addr = (uintptr_t)region->base,
		.len = region->size,
		.chunk_size = region->frame_size,
	};
	struct rlimit lock = {0};

	if (!setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)))
		return 0;
	if (errno == ENOBUFS) {
		getrlimit(RLIMIT_MEMLOCK, &lock);
		return fail(err, -EPERM,
		            "%s: the region of %zu KiB is over the memory-lock limit of "
		            "%llu KiB: "
		            "raise it (ulimit -l, LimitMEMLOCK=) or add CAP_IPC_LOCK",
		            netdev, region->size / 1024,
		            (unsigned long long)lock.rlim_cur / 1024);
	}
	return fail(err, errno == ENOMEM ? -ENOMEM : -EINVAL,
	            "%s: the kernel did not take the region of %u frames of %u bytes: %s",
	            netdev, region->frames, region->frame_size, strerror(errno));
}

struct ring_place {
	struct xdp_ring_offset off;
	uint64_t page; /* mmap(2) offset */
	size_t entry;  /* bytes */
};

static int ring_place(int fd, int option, struct ring_place *p)
{
	struct xdp_mmap_offsets off;
	socklen_t len = sizeof(off);

	if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &len))
		return -errno;
	switch (option) {
	case XDP_RX_RING:
		*p = (struct ring_place){off.rx, XDP_PGOFF_RX_RING,
		                         sizeof(struct xdp_desc)};
		return 0;
	case XDP_TX_RING:
		*p = (struct ring_place){off.tx, XDP_PGOFF_TX_RING,
		                         sizeof(struct xdp_desc)};
		return 0;
	case XDP_UMEM_FILL_RING:
		*p = (struct ring_place){off.fr, XDP_UMEM_PGOFF_FILL_RING,
		                         sizeof(uint64_t)};
		return 0;
	default:
		*p = (struct ring_place){off.cr, XDP_UMEM_PGOFF_COMPLETION_RING,
		                         sizeof(uint64_t)};
		return 0;
	}
}

int socket_ring(int fd, int option, uint32_t size, struct ring *r)
{
	struct ring_place p = {0};
	uint8_t *map;
	int ret;

	if (setsockopt(fd, SOL_XDP, option, &size, sizeof(size)))
		return -errno;
	ret = ring_place(fd, option, &p);
	if (ret)
		return ret;
	r->map_len = p.off.desc + size * p.entry;
	map = mmap(NULL, r->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
	           fd, (off_t)p.page);
	if (map == MAP_FAILED)
		return -errno;
	r->map = map;
	r->size = size;
	r->mask = size - 1;
	r->producer = (void *)(map + p.off.producer);
	r->consumer = (void *)(map + p.off.consumer);
	r->flags = (void *)(map + p.off.flags);
	r->addr = (void *)(map + p.off.desc);
	return 0;
}

void ring_unmap(struct ring *r)
{
	if (r->map)
		munmap(r->map, r->map_len);
	r->map = NULL;
}

static int bind_patiently(int fd, const struct sockaddr_xdp *addr)
{
	const struct timespec wait = {.tv_nsec = BIND_WAIT_NS};

	for (int i = 0; i < BIND_TRIES; i++) {
		if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
			return 0;
		if (errno != EBUSY)
			return -errno;
		nanosleep(&wait, NULL);
	}
	return -EBUSY;
}

int socket_bind(int fd, int ifindex, uint32_t queue_id, uint16_t flags)
{
	return bind_patiently(fd,
	                      &(struct sockaddr_xdp){.sxdp_family = AF_XDP,
	                                             .sxdp_ifindex = (uint32_t)ifindex,
	                                             .sxdp_queue_id = queue_id,
	                                             .sxdp_flags = flags});
}

int socket_bind_shared(int fd, int ifindex, uint32_t queue_id, int lender_fd)
{
	return bind_patiently(
		fd, &(struct sockaddr_xdp){.sxdp_family = AF_XDP,
	                                   .sxdp_ifindex = (uint32_t)ifindex,
	                                   .sxdp_queue_id = queue_id,
	                                   .sxdp_flags = XDP_SHARED_UMEM,
	                                   .sxdp_shared_umem_fd = (uint32_t)lender_fd});
}

bool socket_is_zero_copy(int fd)
{
	struct xdp_options o = {0};
	socklen_t len = sizeof(o);

	return !getsockopt(fd, SOL_XDP, XDP_OPTIONS, &o, &len) &&
	       (o.flags & XDP_OPTIONS_ZEROCOPY);
}

void socket_set_send_budget(int fd, uint32_t packets)
{
	/* The kernel takes 32 up to the ring's size; a shorter ring keeps its 32. */
	setsockopt(fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &packets, sizeof(packets));
}

bool socket_set_busy_poll(int fd, uint32_t packets)
{
	int on = 1, us = BUSY_POLL_US, budget = (int)packets;

	if (!packets)
		return false;
	return !setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof(on)) &&
	       !setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)) &&
	       !setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget));
}

bool socket_has_napi(int fd)
{
	int napi = 0;
	socklen_t len = sizeof(napi);

	return !getsockopt(fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, &napi, &len) && napi;
}

bool kernel_knows_bind_flag(uint16_t flag)
{
	/* xsk_bind() looks at the flags before it looks for the netdev: EINVAL for a flag it does
	 * not know, ENODEV for interface 0. */
	struct sockaddr_xdp addr = {.sxdp_family = AF_XDP, .sxdp_flags = flag};
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	bool known;

	if (fd < 0)
		return false;
	known = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && errno == ENODEV;
	close(fd);
	return known;
}
