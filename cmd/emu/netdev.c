/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Netdevs beside the emulated ports.  A TAP lives as long as its descriptor: however this process
 * ends, the interface is gone afterwards.
 */
#include "emu/run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- An ordinary user's namespace ---- */

__attribute__((format(printf, 2, 3))) static bool write_file(const char *path,
                                                             const char *fmt, ...)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	char text[64];
	va_list args;
	int len;
	bool ok;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	ok = fd >= 0 && write(fd, text, (size_t)len) == len;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* What the program may do in the namespace survives its exec(): set its links up and down. */
static bool keep_capabilities(void)
{
	const uint32_t caps = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW;
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return false;
	data[0].inheritable |= caps & data[0].permitted;
	return !syscall(SYS_capset, &head, data) &&
	       !prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) &&
	       !prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0);
}

static void set_flags(const char *name, short flags)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
	if (fd < 0)
		return;
	if (!ioctl(fd, SIOCGIFFLAGS, &ifr)) {
		ifr.ifr_flags = (short)(ifr.ifr_flags | flags);
		ioctl(fd, SIOCSIFFLAGS, &ifr);
	}
	close(fd);
}

static bool enter_namespace(void)
{
	unsigned uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
		return false;
	if (!write_file("/proc/self/uid_map", "%u %u 1\n", uid, uid) ||
	    !write_file("/proc/self/setgroups", "deny") ||
	    !write_file("/proc/self/gid_map", "%u %u 1\n", gid, gid))
		return false;
	/* Without it /sys/class/net is the other namespace's; a container may forbid it. */
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	set_flags("lo", IFF_UP);
	return keep_capabilities();
}

/* ---- TAPs ---- */

static int open_tap(struct emu_port *p)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "rqemu%%d");
	if (ioctl(fd, TUNSETIFF, &ifr)) {
		int err = -errno;

		close(fd);
		return err;
	}
	snprintf(p->netdev, sizeof p->netdev, "%s", ifr.ifr_name);
	p->tap = fd;
	return 0;
}

/* The link speed that netlink answers with; SIOCETHTOOL is the preloaded library's. */
static void set_speed(int fd, const char *name)
{
	struct ethtool_cmd cmd = {.cmd = ETHTOOL_GSET};
	struct ifreq ifr = {.ifr_data = (void *)&cmd};

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
	if (ioctl(fd, SIOCETHTOOL, &ifr))
		return;
	cmd.cmd = ETHTOOL_SSET;
	cmd.duplex = DUPLEX_FULL;
	ethtool_cmd_speed_set(&cmd, 100000);
	ioctl(fd, SIOCETHTOOL, &ifr);
}

static void set_up_tap(const struct emu_port *p)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};

	if (fd < 0)
		return;
	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", p->netdev);
	ifr.ifr_hwaddr.sa_family = 1; /* ARPHRD_ETHER */
	memcpy(ifr.ifr_hwaddr.sa_data, p->mac, sizeof p->mac);
	ioctl(fd, SIOCSIFHWADDR, &ifr);
	set_speed(fd, p->netdev);
	close(fd);
	set_flags(p->netdev, IFF_UP);
}

static int make_tap(struct emu_port *p)
{
	static bool tried;
	int err = open_tap(p);

	if (err == -EPERM && geteuid() && !tried) {
		tried = true;
		if (enter_namespace())
			err = open_tap(p);
	}
	if (!err)
		set_up_tap(p);
	return err;
}

/* ---- Ports ---- */

/* Locally administered, different from run to run: two runs may share a cable. */
static void choose_mac(struct emu_port *p, unsigned port)
{
	unsigned pid = (unsigned)getpid();
	uint8_t mac[6] = {
		0x02,         0x72,         (uint8_t)(pid >> 16), (uint8_t)(pid >> 8),
		(uint8_t)pid, (uint8_t)port};

	memcpy(p->mac, mac, sizeof mac);
}

static int take_netdev(const struct verb *verb, struct emu_port *p, const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};
	int err;

	if (strlen(name) >= sizeof ifr.ifr_name)
		return fail_usage(verb, "'%s' is too long for an interface", name);
	strcpy(ifr.ifr_name, name);
	err = fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (err)
		return fail_environment(verb, "%s: %s; `ip link` lists the interfaces",
		                        name, strerror(err));
	strcpy(p->netdev, name);
	memcpy(p->mac, ifr.ifr_hwaddr.sa_data, sizeof p->mac);
	return EXIT_OK;
}

static int make_netdev(struct emu_run *run, unsigned i, const char *name)
{
	struct emu_port *p = &run->port[i];
	int err;

	choose_mac(p, i);
	if (!name && !strncmp(p->wire, "netdev=", 7))
		name = p->wire + 7;
	if (name)
		return strcmp(name, "none") ? take_netdev(run->verb, p, name) : EXIT_OK;
	err = make_tap(p);
	if (err)
		fprintf(stderr,
		        "rawq emu: mlx5_%u has no netdev (/dev/net/tun: %s); programs "
		        "that "
		        "look for one, as DPDK does, will not take the port\n",
		        i, strerror(-err));
	return EXIT_OK;
}

int emu_netdevs_make(struct emu_run *run, const struct string_list *names)
{
	unsigned bus = 0xe1, i;
	char path[64];
	int code;

	/* A bus without a device of the machine's own. */
	do
		snprintf(path, sizeof path, "/sys/bus/pci/devices/0000:%02x:00.0", bus);
	while (!access(path, F_OK) && --bus);
	for (i = 0; i < run->ports; i++) {
		snprintf(run->port[i].pci, sizeof run->port[i].pci, "0000:%02x:%02x.%x",
		         bus & 0xff, (i / 8) & 0x1f, i % 8);
		code = make_netdev(run, i, i < names->count ? names->text[i] : NULL);
		if (code)
			return code;
	}
	return EXIT_OK;
}

void emu_netdevs_close(struct emu_run *run)
{
	unsigned i;

	for (i = 0; i < run->ports; i++)
		if (run->port[i].tap >= 0)
			close(run->port[i].tap);
}
