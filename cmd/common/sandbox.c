/* SPDX-License-Identifier: BSD-2-Clause */
/* Namespaces by unshare(2), the rest by rtnetlink. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/fifo.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define PREFIX_LEN 24
/* Packets that wait at a veth end for the other side. */
#define FIFO_LIMIT 1000

/* Move to a new namespace; its file descriptor, or -1. */
static int new_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

int namespace_enter(int ns)
{
	return setns(ns, CLONE_NEWNET) ? -errno : 0;
}

static struct nl_sock *connect_rtnl(void)
{
	struct nl_sock *nl = nl_socket_alloc();

	if (nl && nl_connect(nl, NETLINK_ROUTE) < 0) {
		nl_socket_free(nl);
		nl = NULL;
	}
	return nl;
}

/* A pair of veths: one end here, the other one in ns.  0 or libnl's error. */
static int add_pair(struct nl_sock *nl, const char *here, const char *there, int ns)
{
	struct rtnl_link *link = rtnl_link_veth_alloc(), *peer;
	int err;

	if (!link)
		return -NLE_NOMEM;
	peer = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(link, here);
	rtnl_link_set_name(peer, there);
	rtnl_link_set_ns_fd(peer, ns);
	err = rtnl_link_add(nl, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(peer);
	rtnl_link_put(link);
	return err;
}

static int add_address(struct nl_sock *nl, int ifindex, const char *ip)
{
	struct rtnl_addr *addr = rtnl_addr_alloc();
	struct nl_addr *local = NULL;
	int err = addr ? nl_addr_parse(ip, AF_INET, &local) : -NLE_NOMEM;

	if (!err) {
		nl_addr_set_prefixlen(local, PREFIX_LEN);
		rtnl_addr_set_ifindex(addr, ifindex);
		rtnl_addr_set_local(addr, local);
		err = rtnl_addr_add(nl, addr, 0);
	}
	nl_addr_put(local);
	rtnl_addr_put(addr);
	return err;
}

static int bring_up(struct nl_sock *nl, int ifindex)
{
	struct rtnl_link *old = rtnl_link_alloc(), *up = rtnl_link_alloc();
	int err = -NLE_NOMEM;

	if (old && up) {
		rtnl_link_set_ifindex(old, ifindex);
		rtnl_link_set_flags(up, IFF_UP);
		err = rtnl_link_change(nl, old, up, 0);
	}
	rtnl_link_put(old);
	rtnl_link_put(up);
	return err;
}

/* A veth without a queueing discipline drops what its peer has no room for; with one, the sender
 * is told to wait (Linux 6.16 and later). */
static int add_fifo(struct nl_sock *nl, int ifindex)
{
	struct rtnl_qdisc *q = rtnl_qdisc_alloc();
	int err = -NLE_NOMEM;

	if (!q)
		return err;
	rtnl_tc_set_ifindex(TC_CAST(q), ifindex);
	rtnl_tc_set_parent(TC_CAST(q), TC_H_ROOT);
	rtnl_tc_set_handle(TC_CAST(q), TC_HANDLE(1, 0));
	err = rtnl_tc_set_kind(TC_CAST(q), "pfifo");
	if (!err)
		err = rtnl_qdisc_fifo_set_limit(q, FIFO_LIMIT);
	if (!err)
		err = rtnl_qdisc_add(nl, q, NLM_F_CREATE);
	rtnl_qdisc_put(q);
	return err;
}

/* One end, in its own namespace. */
static int set_up_end(int ns, const char *netdev, const char *ip)
{
	struct nl_sock *nl;
	int ifindex, err;

	if (namespace_enter(ns))
		return -NLE_PERM;
	nl = connect_rtnl();
	if (!nl)
		return -NLE_NOMEM;
	ifindex = (int)if_nametoindex(netdev);
	err = add_address(nl, ifindex, ip);
	if (!err)
		err = add_fifo(nl, ifindex);
	if (!err)
		err = bring_up(nl, ifindex);
	nl_socket_free(nl);
	return err;
}

static int add_pairs(const struct sandbox *box)
{
	struct nl_sock *nl = connect_rtnl();
	int err;

	if (!nl)
		return -NLE_NOMEM;
	err = add_pair(nl, "left", "sender", box->sender_ns);
	if (!err)
		err = add_pair(nl, "right", "receiver", box->receiver_ns);
	nl_socket_free(nl);
	return err;
}

int sandbox_enter(const struct verb *verb, struct sandbox *box)
{
	int err;

	box->sender_ns = new_namespace();
	box->receiver_ns = new_namespace();
	box->own_ns = new_namespace();
	if (box->sender_ns < 0 || box->receiver_ns < 0 || box->own_ns < 0)
		return fail_environment(verb, "cannot make a network namespace: %s%s",
		                        strerror(errno),
		                        errno == EPERM ? " (run it with sudo)" : "");
	err = add_pairs(box);
	if (!err)
		err = set_up_end(box->sender_ns, "sender", SANDBOX_SENDER_IP);
	if (!err)
		err = set_up_end(box->receiver_ns, "receiver", SANDBOX_RECEIVER_IP);
	if (!err)
		err = set_up_end(box->own_ns, "left", SANDBOX_LEFT_IP);
	if (!err)
		err = set_up_end(box->own_ns, "right", SANDBOX_RIGHT_IP);
	return err ? fail_environment(verb, "cannot set up veth pairs: %s",
	                              nl_geterror(err))
	           : EXIT_OK;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void sandbox_leave(struct sandbox *box)
{
	close_fd(box->sender_ns);
	close_fd(box->receiver_ns);
	close_fd(box->own_ns);
}
