/* SPDX-License-Identifier: BSD-2-Clause */
/* ntuple filters by ethtool(8)'s ioctl, tc filters by rtnetlink(7). */
#include "others.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* No NIC has room for more. */
#define NTUPLE_MAX 65536u

struct telling {
	int ifindex;
	const char *netdev;
	void (*tell)(void *arg, const char *what);
	void *arg;
	unsigned count;
};

__attribute__((format(printf, 2, 3))) static void tell(struct telling *t, const char *fmt,
                                                       ...)
{
	char text[96];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->tell(t->arg, text);
	t->count++;
}

/* ---- ntuple --------------------------------------------------------------- */

static int ask_ethtool(const char *netdev, void *command)
{
	struct ifreq ifr = {.ifr_data = command};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -1;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", netdev);
	ret = ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return ret;
}

static void tell_ntuple(struct telling *t)
{
	struct ethtool_rxnfc count = {.cmd = ETHTOOL_GRXCLSRLCNT};
	struct ethtool_rxnfc *all, one;
	uint32_t i;

	if (ask_ethtool(t->netdev, &count) || !count.rule_cnt)
		return;
	if (count.rule_cnt > NTUPLE_MAX)
		count.rule_cnt = NTUPLE_MAX;
	all = calloc(1, sizeof(*all) + count.rule_cnt * sizeof(uint32_t));
	if (!all)
		return;
	all->cmd = ETHTOOL_GRXCLSRLALL;
	all->rule_cnt = count.rule_cnt;
	if (ask_ethtool(t->netdev, all))
		all->rule_cnt = 0;
	for (i = 0; i < all->rule_cnt && i < count.rule_cnt; i++) {
		one = (struct ethtool_rxnfc){.cmd = ETHTOOL_GRXCLSRULE,
		                             .fs.location = all->rule_locs[i]};
		if (ask_ethtool(t->netdev, &one))
			continue;
		if (one.fs.ring_cookie == RX_CLS_FLOW_DISC)
			tell(t, "ntuple filter %u: drops (ethtool -n %s)",
			     one.fs.location, t->netdev);
		else
			tell(t, "ntuple filter %u: to queue %llu (ethtool -n %s)",
			     one.fs.location, (unsigned long long)one.fs.ring_cookie + 1,
			     t->netdev);
	}
	free(all);
}

/* ---- tc ------------------------------------------------------------------- */

static int take_filter(struct nl_msg *msg, void *arg)
{
	struct telling *t = arg;
	const struct nlmsghdr *hdr = nlmsg_hdr(msg);
	const struct tcmsg *tc = nlmsg_data(hdr);
	struct nlattr *tb[TCA_MAX + 1];

	/* A filter without a handle is the head of its kind. */
	if (hdr->nlmsg_type == RTM_NEWTFILTER && tc->tcm_handle &&
	    tc->tcm_ifindex == t->ifindex &&
	    !nlmsg_parse(nlmsg_hdr(msg), sizeof(*tc), tb, TCA_MAX, NULL) && tb[TCA_KIND])
		tell(t, "tc ingress filter %s, pref %u, handle 0x%x (tc filter show)",
		     nla_get_string(tb[TCA_KIND]), TC_H_MAJ(tc->tcm_info) >> 16,
		     tc->tcm_handle);
	return NL_OK;
}

static void tell_tc(struct telling *t)
{
	/* clsact and ingress share the place of the ingress hook. */
	struct tcmsg ask = {.tcm_ifindex = t->ifindex,
	                    .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)};
	struct nl_sock *sock = nl_socket_alloc();

	if (!sock || nl_connect(sock, NETLINK_ROUTE))
		goto free;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, take_filter, t);
	if (nl_send_simple(sock, RTM_GETTFILTER, NLM_F_DUMP, &ask, sizeof(ask)) >= 0)
		nl_recvmsgs_default(sock);
free:
	nl_socket_free(sock);
}

unsigned others_tell(int ifindex, const char *netdev,
                     void (*tell_one)(void *arg, const char *what), void *arg)
{
	struct telling t = {ifindex, netdev, tell_one, arg, 0};

	tell_ntuple(&t);
	tell_tc(&t);
	return t.count;
}
