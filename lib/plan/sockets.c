/* SPDX-License-Identifier: BSD-2-Clause */
/* Who listens and who is connected: sock_diag(7) of TCP, UDP and AF_PACKET. */
#include "dump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

struct reader {
	int ifindex;
	struct facts *f;
	uint8_t proto;
};

/* An IPv4 connection of an IPv6 socket is one of IPv4. */
static void unmap(struct fact_socket *s)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (!s->v6 || memcmp(s->local, mapped, sizeof(mapped)))
		return;
	s->v6 = false;
	memmove(s->local, s->local + 12, 4);
	memmove(s->peer, s->peer + 12, 4);
	memset(s->local + 4, 0, 12);
	memset(s->peer + 4, 0, 12);
}

static int take_socket(struct nlmsghdr *msg, void *arg)
{
	const struct inet_diag_msg *d = nlmsg_data(msg);
	struct reader *r = arg;
	struct fact_socket *s;

	if (!nlmsg_valid_hdr(msg, sizeof(*d)) ||
	    (d->id.idiag_if && (int)d->id.idiag_if != r->ifindex))
		return 0;
	s = dump_append((void **)&r->f->sockets, &r->f->socket_count, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->v6 = d->idiag_family == AF_INET6;
	s->proto = r->proto;
	memcpy(s->local, d->id.idiag_src, s->v6 ? 16 : 4);
	memcpy(s->peer, d->id.idiag_dst, s->v6 ? 16 : 4);
	s->local_port = ntohs(d->id.idiag_sport);
	s->peer_port = ntohs(d->id.idiag_dport);
	s->connected = s->peer_port != 0;
	unmap(s);
	return 0;
}

static int take_packet_socket(struct nlmsghdr *msg, void *arg)
{
	const struct packet_diag_msg *d = nlmsg_data(msg);
	struct nlattr *tb[PACKET_DIAG_MAX + 1];
	const struct packet_diag_info *info;
	struct reader *r = arg;
	uint16_t *to;

	if (nlmsg_parse(msg, sizeof(*d), tb, PACKET_DIAG_MAX, NULL) ||
	    !tb[PACKET_DIAG_INFO] || !d->pdiag_num)
		return 0;
	info = nla_data(tb[PACKET_DIAG_INFO]);
	if (info->pdi_index && (int)info->pdi_index != r->ifindex)
		return 0;
	to = dump_append((void **)&r->f->packet_protocols, &r->f->packet_count,
	                 sizeof(*to));
	if (!to)
		return -ENOMEM;
	*to = d->pdiag_num;
	return 0;
}

/* A kernel without a kind of sock_diag tells of no such sockets. */
static int forgive(int ret)
{
	return ret == -ENOENT || ret == -EOPNOTSUPP || ret == -EINVAL ? 0 : ret;
}

int facts_read_sockets(int ifindex, struct facts *out)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct inet_diag_req_v2 inet = {0};
	struct packet_diag_req packet = {.sdiag_family = AF_PACKET,
	                                 .pdiag_show = PACKET_SHOW_INFO};
	struct reader r = {.ifindex = ifindex, .f = out};
	struct dump d;
	int ret = dump_open(&d, NETLINK_SOCK_DIAG);

	if (ret)
		return forgive(ret);
	for (unsigned i = 0; i < 4 && !ret; i++) {
		r.proto = inet.sdiag_protocol = protos[i / 2];
		inet.sdiag_family = families[i % 2];
		/* Listening, and everything with a peer that may still send. */
		inet.idiag_states = ~(uint32_t)(1u << TCP_TIME_WAIT);
		if (r.proto == IPPROTO_TCP)
			inet.idiag_states &= ~(uint32_t)(1u << TCP_CLOSE);
		ret = forgive(dump_all(&d, SOCK_DIAG_BY_FAMILY, &inet, sizeof(inet),
		                       take_socket, &r));
	}
	if (!ret)
		ret = forgive(dump_all(&d, SOCK_DIAG_BY_FAMILY, &packet, sizeof(packet),
		                       take_packet_socket, &r));
	dump_close(&d);
	return ret;
}
