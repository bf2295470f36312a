/* SPDX-License-Identifier: BSD-2-Clause */
/* Dumps of rtnetlink: links, addresses, routes, neighbours, receive filters. */
#include "facts.h"
#include "dump.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct dump dump;
	int ifindex;
	struct facts *f;
};

static void copy_name(char name[16], const struct nlattr *attr)
{
	if (attr)
		nla_strlcpy(name, attr, 16);
}

static bool read_mac(uint8_t mac[6], const struct nlattr *attr)
{
	if (!attr || nla_len(attr) != 6)
		return false;
	memcpy(mac, nla_data(attr), 6);
	return true;
}

/* ---- links ---------------------------------------------------------------- */

/* The kind of a link, "" for hardware; its data if it has any. */
static struct nlattr *link_kind(struct nlattr *const *tb, char kind[16])
{
	struct nlattr *info[IFLA_INFO_MAX + 1];

	kind[0] = '\0';
	if (!tb[IFLA_LINKINFO] ||
	    nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL))
		return NULL;
	copy_name(kind, info[IFLA_INFO_KIND]);
	return info[IFLA_INFO_DATA];
}

static uint16_t vlan_id(struct nlattr *data)
{
	struct nlattr *tb[IFLA_VLAN_MAX + 1];

	if (!data || nla_parse_nested(tb, IFLA_VLAN_MAX, data, NULL) || !tb[IFLA_VLAN_ID])
		return 0;
	return nla_get_u16(tb[IFLA_VLAN_ID]);
}

static bool child_kind_of(const char *kind, enum child_kind *out)
{
	static const struct {
		const char *name;
		enum child_kind kind;
	} kinds[] = {
		{"macvlan", CHILD_MACVLAN}, {"macvtap", CHILD_MACVLAN},
		{"ipvlan", CHILD_IPVLAN},   {"ipvtap", CHILD_IPVLAN},
		{"vlan", CHILD_VLAN},
	};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kind, kinds[i].name)) {
			*out = kinds[i].kind;
			return true;
		}
	}
	return false;
}

static int add_child(struct reader *r, const struct ifinfomsg *link,
                     struct nlattr *const *tb)
{
	struct fact_child child = {.ifindex = link->ifi_index}, *to;
	char kind[16];
	struct nlattr *data = link_kind(tb, kind);

	/* IFLA_LINK is an index of another namespace where IFLA_LINK_NETNSID stands. */
	if (!tb[IFLA_LINK] || (int)nla_get_u32(tb[IFLA_LINK]) != r->ifindex ||
	    tb[IFLA_LINK_NETNSID] || !child_kind_of(kind, &child.kind))
		return 0;
	copy_name(child.name, tb[IFLA_IFNAME]);
	read_mac(child.mac, tb[IFLA_ADDRESS]);
	child.vlan = child.kind == CHILD_VLAN ? vlan_id(data) : 0;
	to = dump_append((void **)&r->f->children, &r->f->child_count, sizeof(child));
	if (to)
		*to = child;
	return to ? 0 : -ENOMEM;
}

static int take_link(struct nlmsghdr *msg, void *arg)
{
	struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *link = nlmsg_data(msg);
	struct reader *r = arg;

	if (nlmsg_parse(msg, sizeof(*link), tb, IFLA_MAX, NULL))
		return 0;
	if (link->ifi_index != r->ifindex)
		return add_child(r, link, tb);
	read_mac(r->f->mac, tb[IFLA_ADDRESS]);
	if (tb[IFLA_MASTER])
		r->f->master_ifindex = (int)nla_get_u32(tb[IFLA_MASTER]);
	return 0;
}

static int take_master(struct nlmsghdr *msg, void *arg)
{
	struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *link = nlmsg_data(msg);
	struct reader *r = arg;

	if (link->ifi_index == r->f->master_ifindex &&
	    !nlmsg_parse(msg, sizeof(*link), tb, IFLA_MAX, NULL)) {
		copy_name(r->f->master, tb[IFLA_IFNAME]);
		link_kind(tb, r->f->master_kind);
	}
	return 0;
}

static int read_links(struct reader *r)
{
	struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
	int ret = dump_all(&r->dump, RTM_GETLINK, &any, sizeof(any), take_link, r);

	if (!ret && r->f->master_ifindex)
		ret = dump_all(&r->dump, RTM_GETLINK, &any, sizeof(any), take_master, r);
	return ret;
}

/* ---- addresses ------------------------------------------------------------ */

/* -1 the netdev itself, an index of its children, or -2 none of them. */
static int owner_of(const struct reader *r, int ifindex)
{
	if (ifindex == r->ifindex)
		return -1;
	for (unsigned i = 0; i < r->f->child_count; i++) {
		if (r->f->children[i].ifindex == ifindex)
			return (int)i;
	}
	return -2;
}

static int take_address(struct nlmsghdr *msg, void *arg)
{
	struct nlattr *tb[IFA_MAX + 1], *ip;
	const struct ifaddrmsg *a = nlmsg_data(msg);
	struct reader *r = arg;
	int owner = owner_of(r, (int)a->ifa_index);
	struct fact_address *to;

	if (owner == -2 || (a->ifa_family != AF_INET && a->ifa_family != AF_INET6) ||
	    nlmsg_parse(msg, sizeof(*a), tb, IFA_MAX, NULL))
		return 0;
	ip = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!ip || nla_len(ip) != (a->ifa_family == AF_INET ? 4 : 16))
		return 0;
	to = dump_append((void **)&r->f->addresses, &r->f->address_count, sizeof(*to));
	if (!to)
		return -ENOMEM;
	to->v6 = a->ifa_family == AF_INET6;
	to->child = owner;
	memcpy(to->ip, nla_data(ip), (size_t)nla_len(ip));
	return 0;
}

/* ---- gateways ------------------------------------------------------------- */

static int take_route(struct nlmsghdr *msg, void *arg)
{
	struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *route = nlmsg_data(msg);
	struct reader *r = arg;
	struct fact_gateway *to;
	bool v6 = route->rtm_family == AF_INET6;
	int len = v6 ? 16 : 4;

	if (nlmsg_parse(msg, sizeof(*route), tb, RTA_MAX, NULL) || !tb[RTA_OIF] ||
	    (int)nla_get_u32(tb[RTA_OIF]) != r->ifindex || !tb[RTA_GATEWAY] ||
	    nla_len(tb[RTA_GATEWAY]) != len)
		return 0;
	for (unsigned i = 0; i < r->f->gateway_count; i++) {
		to = &r->f->gateways[i];
		if (to->v6 == v6 &&
		    !memcmp(to->ip, nla_data(tb[RTA_GATEWAY]), (size_t)len))
			return 0;
	}
	to = dump_append((void **)&r->f->gateways, &r->f->gateway_count, sizeof(*to));
	if (!to)
		return -ENOMEM;
	to->v6 = v6;
	memcpy(to->ip, nla_data(tb[RTA_GATEWAY]), (size_t)len);
	return 0;
}

/* The MAC of a gateway, as the neighbour table has it. */
static int take_neighbour(struct nlmsghdr *msg, void *arg)
{
	struct nlattr *tb[NDA_MAX + 1];
	const struct ndmsg *n = nlmsg_data(msg);
	struct reader *r = arg;

	if (n->ndm_ifindex != r->ifindex ||
	    nlmsg_parse(msg, sizeof(*n), tb, NDA_MAX, NULL) || !tb[NDA_DST])
		return 0;
	for (unsigned i = 0; i < r->f->gateway_count; i++) {
		struct fact_gateway *g = &r->f->gateways[i];
		int len = g->v6 ? 16 : 4;

		if (g->v6 == (n->ndm_family == AF_INET6) && nla_len(tb[NDA_DST]) == len &&
		    !memcmp(g->ip, nla_data(tb[NDA_DST]), (size_t)len))
			g->has_mac |= read_mac(g->mac, tb[NDA_LLADDR]);
	}
	return 0;
}

/* The kernel filters by outgoing interface where it checks strictly (since 4.20), so that a full
 * routing table does not come through the socket. */
static int read_gateways(struct reader *r)
{
	struct {
		struct rtmsg route;
		struct rtattr oif;
		int ifindex;
	} ask = {.oif = {.rta_len = RTA_LENGTH(sizeof(int)), .rta_type = RTA_OIF},
	         .ifindex = r->ifindex};
	struct ndmsg any = {.ndm_family = AF_UNSPEC};
	int ret = 0;

	for (unsigned i = 0; i < 2 && !ret; i++) {
		ask.route.rtm_family = i ? AF_INET6 : AF_INET;
		ret = dump_all(&r->dump, RTM_GETROUTE, &ask, sizeof(ask), take_route, r);
	}
	if (ret || !r->f->gateway_count)
		return ret;
	return dump_all(&r->dump, RTM_GETNEIGH, &any, sizeof(any), take_neighbour, r);
}

/* ---- receive filters ------------------------------------------------------ */

/* What others had the netdev receive: the MACs of MACVLAN children in other namespaces too. */
static int take_filter(struct nlmsghdr *msg, void *arg)
{
	struct nlattr *tb[NDA_MAX + 1];
	const struct ndmsg *n = nlmsg_data(msg);
	struct reader *r = arg;
	uint8_t mac[6], *to;

	if (n->ndm_ifindex != r->ifindex || !(n->ndm_flags & NTF_SELF) ||
	    nlmsg_parse(msg, sizeof(*n), tb, NDA_MAX, NULL) ||
	    !read_mac(mac, tb[NDA_LLADDR]) || (mac[0] & 1) || !memcmp(mac, r->f->mac, 6))
		return 0;
	for (unsigned i = 0; i < r->f->child_count; i++) {
		if (!memcmp(mac, r->f->children[i].mac, 6))
			return 0;
	}
	to = dump_append((void **)&r->f->filters, &r->f->filter_count, 6);
	if (!to)
		return -ENOMEM;
	memcpy(to, mac, 6);
	return 0;
}

static int read_filters(struct reader *r)
{
	/* A dump of forwarding entries wants a link's header, with the index in it. */
	struct ifinfomsg ask = {.ifi_family = PF_BRIDGE, .ifi_index = r->ifindex};
	int ret = dump_all(&r->dump, RTM_GETNEIGH, &ask, sizeof(ask), take_filter, r);

	return ret == -EOPNOTSUPP || ret == -EINVAL ? 0 : ret;
}

int facts_read(int ifindex, bool sockets, struct facts *out)
{
	struct ifaddrmsg any = {.ifa_family = AF_UNSPEC};
	struct reader r = {.ifindex = ifindex, .f = out};
	int ret;

	memset(out, 0, sizeof(*out));
	ret = dump_open(&r.dump, NETLINK_ROUTE);
	if (ret)
		return ret;
	ret = read_links(&r);
	if (!ret)
		ret = dump_all(&r.dump, RTM_GETADDR, &any, sizeof(any), take_address, &r);
	if (!ret)
		ret = read_gateways(&r);
	if (!ret)
		ret = read_filters(&r);
	dump_close(&r.dump);
	return ret || !sockets ? ret : facts_read_sockets(ifindex, out);
}

void facts_free(struct facts *f)
{
	free(f->children);
	free(f->addresses);
	free(f->gateways);
	free(f->filters);
	free(f->sockets);
	free(f->packet_protocols);
	memset(f, 0, sizeof(*f));
}
