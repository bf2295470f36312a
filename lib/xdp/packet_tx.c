/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending by an AF_PACKET socket, past the qdisc: what a queue does when the kernel's one place for
 * memory on it is another program's.  The kernel copies inside the burst, so the frames are free
 * when it returns.
 */
#include "xdp.h"

#include "lib/error.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Packets of one sendmmsg(2). */
#define BATCH 64u

struct packet_txq {
	struct xdp_txq q;
	uint32_t depth;
	uint32_t done_pi, done_ci;
	uint64_t done[]; /* sent, to be reaped in this order */
};

/* Gather up to BATCH whole packets; *descriptors is how many they take. */
static unsigned gather(const struct packet_txq *t, const struct rawq_pkt *pkts,
                       unsigned n, struct mmsghdr *msgs, struct iovec *io,
                       unsigned *descriptors)
{
	unsigned packets = 0, first = 0;

	for (unsigned i = 0; i < n && packets < BATCH && i - first < XDP_SEGMENTS_MAX;
	     i++) {
		uint64_t last = pkts[i].addr + pkts[i].len - 1;

		if (!pkts[i].len || last >= t->q.region_size ||
		    ((pkts[i].addr ^ last) & t->q.frame_mask))
			break;
		io[i] = (struct iovec){t->q.txq.region->base + pkts[i].addr, pkts[i].len};
		if (pkts[i].flags & RAWQ_MORE)
			continue;
		msgs[packets++] = (struct mmsghdr){
			.msg_hdr = {.msg_iov = io + first, .msg_iovlen = i + 1 - first}};
		first = i + 1;
	}
	*descriptors = first;
	return packets;
}

static void complete(struct packet_txq *t, const struct rawq_pkt *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		t->done[t->done_pi++ & (t->depth - 1)] = pkts[i].addr;
		t->q.bytes += pkts[i].len;
	}
}

/* One system call; how many descriptors were sent. */
static unsigned send_some(struct packet_txq *t, const struct rawq_pkt *pkts, unsigned n)
{
	struct mmsghdr msgs[BATCH];
	struct iovec io[BATCH * 2];
	unsigned descriptors, sent = 0;
	unsigned packets =
		gather(t, pkts, n < BATCH * 2 ? n : BATCH * 2, msgs, io, &descriptors);
	int ret = packets ? sendmmsg(t->q.fd, msgs, packets, MSG_DONTWAIT) : 0;

	if (ret < 0 && (errno == ENETDOWN || errno == ENXIO))
		t->q.status = -ENETDOWN;
	for (int i = 0; i < ret; i++)
		sent += (unsigned)msgs[i].msg_hdr.msg_iovlen;
	t->q.packets += ret > 0 ? (unsigned)ret : 0;
	complete(t, pkts, sent);
	return sent;
}

static unsigned packet_burst(struct rawq_txq *q, const struct rawq_pkt *pkts, unsigned n)
{
	struct packet_txq *t = (struct packet_txq *)q;
	unsigned room = t->depth - (t->done_pi - t->done_ci), sent = 0, now;

	if (n > room)
		n = room;
	while (sent < n) {
		now = send_some(t, pkts + sent, n - sent);
		sent += now;
		if (!now)
			break;
	}
	return sent;
}

static unsigned packet_reap(struct rawq_txq *q, uint64_t *addrs, unsigned n)
{
	struct packet_txq *t = (struct packet_txq *)q;
	unsigned i;

	for (i = 0; i < n && t->done_ci != t->done_pi; i++)
		addrs[i] = t->done[t->done_ci++ & (t->depth - 1)];
	return i;
}

static int packet_socket(int ifindex)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = ifindex};
	/* Protocol 0: it receives nothing. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1, ret;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (const struct sockaddr *)&at, sizeof(at)) &&
	    !setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int packet_txq_create(struct rawq_port *port, struct rawq_region *region,
                      const struct rawq_queue_opts *opts, uint32_t queue_id,
                      struct rawq_txq **out, struct rawq_error *err)
{
	struct packet_txq *t = calloc(1, sizeof(*t) + opts->depth * sizeof(t->done[0]));

	(void)queue_id; /* the kernel chooses one for each packet */
	if (!t)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	t->q.fd = packet_socket(port->info.ifindex);
	if (t->q.fd < 0) {
		int ret = t->q.fd;

		free(t);
		return fail(err, ret == -EPERM ? -EPERM : -ENOMEM,
		            "%s: queue %u is in use by another program's AF_XDP socket, "
		            "and there is no AF_PACKET socket to stand in for it: %s",
		            port->info.netdev, queue_id + 1, strerror(-ret));
	}
	t->q.txq.calls.burst = packet_burst;
	t->q.txq.calls.reap = packet_reap;
	t->q.frame_mask = ~((uint64_t)region->frame_size - 1);
	t->q.region_size = region->size;
	t->depth = opts->depth;
	*out = &t->q.txq.calls;
	return 0;
}

void packet_txq_destroy(struct xdp_txq *q)
{
	close(q->fd);
	free(q);
}

void packet_txq_info(const struct xdp_txq *q, struct rawq_queue_info *info)
{
	*info = (struct rawq_queue_info){
		.number = 0, /* none of its own */
		.depth = ((const struct packet_txq *)q)->depth,
		.mode = RAWQ_PACKET_SOCKET |
	                (q->txq.region->huge_pages ? RAWQ_HUGE_PAGES : 0u),
	};
}
