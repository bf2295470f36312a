/* SPDX-License-Identifier: BSD-2-Clause */
/* The netdev beside an emulated device: its state, and following it; see netdev.h. */
#include "emu/uverbs/netdev.h"
#include "emu/preload/real.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/report.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MULTICASTS_MAX 1024u

static bool watching;

static int ask(int fd, const char *name, unsigned long request, struct ifreq *ifr)
{
	memset(ifr, 0, sizeof *ifr);
	snprintf(ifr->ifr_name, sizeof ifr->ifr_name, "%s", name);
	return real()->ioctl(fd, request, ifr);
}

void netdev_read(struct device *dev)
{
	const struct config_port *config = dev->config;
	struct netdev n = {.mtu = 1500, .up = true};
	struct ifreq ifr;
	int fd;

	memcpy(n.mac, config->mac, sizeof n.mac);
	fd = *config->netdev ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	if (fd >= 0) {
		if (!ask(fd, config->netdev, SIOCGIFINDEX, &ifr))
			n.index = (unsigned)ifr.ifr_ifindex;
		if (!ask(fd, config->netdev, SIOCGIFMTU, &ifr))
			n.mtu = (uint32_t)ifr.ifr_mtu;
		if (!ask(fd, config->netdev, SIOCGIFHWADDR, &ifr))
			memcpy(n.mac, ifr.ifr_hwaddr.sa_data, sizeof n.mac);
		if (!ask(fd, config->netdev, SIOCGIFFLAGS, &ifr)) {
			n.up = ifr.ifr_flags & IFF_UP;
			n.promisc = ifr.ifr_flags & IFF_PROMISC;
			n.allmulti = ifr.ifr_flags & IFF_ALLMULTI;
		}
		real()->close(fd);
	}
	dev->netdev = n;
}

/* Multicast addresses that the netdev joined: /proc/net/dev_mcast has index, name, two counts and
 * the address in hex. */
static unsigned read_multicasts(unsigned index, uint8_t (*out)[6])
{
	FILE *f = real()->fopen("/proc/net/dev_mcast", "re");
	unsigned i, n = 0;
	char line[256];
	uint8_t m[6];

	if (!f)
		return 0;
	while (n < MULTICASTS_MAX && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%u %*s %*u %*u %2hhx%2hhx%2hhx%2hhx%2hhx%2hhx", &i,
		           &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) == 7 &&
		    i == index)
			memcpy(out[n++], m, sizeof m);
	}
	fclose(f);
	return n;
}

void netdev_steer(struct device *dev)
{
	static uint8_t multicasts[MULTICASTS_MAX][6]; /* under the card's lock */
	struct steering_netdev n = {
		.up = dev->netdev.up && dev->netdev.index,
		.promisc = dev->netdev.promisc,
		.allmulti = dev->netdev.allmulti,
		.multicast = (const uint8_t(*)[6])multicasts,
	};

	memcpy(n.mac, dev->netdev.mac, sizeof n.mac);
	n.multicasts =
		dev->netdev.index ? read_multicasts(dev->netdev.index, multicasts) : 0;
	if (steering_set_netdev(dev->steering, &n))
		report_trouble("%s: no memory for its netdev's addresses", dev->name);
}

/* ---- Following it ---- */

static void *watch(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[8192];
	unsigned i;

	/* What a message says does not matter: the state is read anew. */
	while (recv(fd, buf, sizeof buf, 0) >= 0 || errno == ENOBUFS || errno == EINTR)
		for (i = 0; i < device_count(); i++)
			if (device_at(i)->netdev.index)
				device_changed(device_at(i));
	real()->close(fd);
	return NULL;
}

static bool any_netdev(void)
{
	unsigned i;

	for (i = 0; i < device_count(); i++)
		if (device_at(i)->netdev.index)
			return true;
	return false;
}

int netdev_watch(void)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	sigset_t all, before;
	pthread_t thread;
	int fd, err;

	if (watching || !any_netdev())
		return 0;
	fd = real()->socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr)) {
		err = errno;
		goto fail;
	}
	/* The program's signals are for its own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, NULL, watch, (void *)(intptr_t)fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		goto fail;
	pthread_detach(thread);
	watching = true;
	return 0;
fail:
	real()->close(fd);
	return -err;
}

void netdev_forget(void)
{
	watching = false;
}
