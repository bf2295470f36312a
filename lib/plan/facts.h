/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel has at stake on a netdev, as rtnetlink(7) and sock_diag(7) tell it: its
 * addresses, gateways, children, master, sockets.  Reading changes nothing and needs no privilege.
 */
#ifndef LIB_PLAN_FACTS_H
#define LIB_PLAN_FACTS_H

#include <stdbool.h>
#include <stdint.h>

enum child_kind { CHILD_MACVLAN, CHILD_IPVLAN, CHILD_VLAN };

/* A netdev that lives on this one, in the same network namespace. */
struct fact_child {
	enum child_kind kind;
	int ifindex;
	char name[16];
	uint8_t mac[6];
	uint16_t vlan; /* CHILD_VLAN: its id */
};

struct fact_address {
	bool v6;
	uint8_t ip[16]; /* IPv4 in the first four */
	int child;      /* whose: an index of children, or -1 the netdev's own */
};

struct fact_gateway {
	bool v6, has_mac;
	uint8_t ip[16], mac[6];
};

struct fact_socket {
	bool v6, connected;
	uint8_t proto;                  /* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t local[16], peer[16];    /* local all zero: any address */
	uint16_t local_port, peer_port; /* host order */
};

struct facts {
	uint8_t mac[6];
	int master_ifindex; /* 0: none */
	char master[16], master_kind[16];
	struct fact_child *children;
	struct fact_address *addresses;
	struct fact_gateway *gateways;
	uint8_t (*filters)
		[6]; /* unicast MACs that its receive filter takes besides its own */
	struct fact_socket *sockets;
	uint16_t *
		packet_protocols; /* ethertypes that AF_PACKET sockets listen to, host order */
	unsigned child_count, address_count, gateway_count, filter_count, socket_count;
	unsigned packet_count;
};

/* Read all of it; sockets only if asked, for there may be very many.  0; -ENOMEM; or what the
 * kernel refused.  facts_free() in any case. */
int facts_read(int ifindex, bool sockets, struct facts *out);
void facts_free(struct facts *f);

#endif
