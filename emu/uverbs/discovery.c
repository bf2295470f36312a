/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file tree in which programs find the devices; see discovery.h.  Real directories and
 * relative links where sysfs has them, so that "device/net" and "../.." lead where they should:
 *
 *   sys/devices/pci0000:e0/PCI/                    the function
 *       driver, subsystem                          links to sys/bus/pci/...
 *       net/NETDEV/  infiniband/mlx5_N/  infiniband_verbs/uverbsN/   each with a `device` link
 *   sys/bus/pci/devices/PCI, sys/bus/pci/drivers/mlx5_core/PCI       links
 *   sys/class/{net,infiniband,infiniband_verbs}/...                  links
 *   dev/infiniband/uverbsN                                           link to /dev/zero
 */
#include "emu/uverbs/discovery.h"
#include "emu/preload/real.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/query.h"
#include "emu/uverbs/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BRIDGE "sys/devices/pci0000:e0"

/* Character device 1:5, /dev/zero: what device_open() opens. */
#define UVERBS_DEV "1:5"

/* A tree being made: the first error stays. */
struct tree {
	int root; /* directory */
	int err;
};

/* Our own paths; they are short, and one that is cut is not found. */
__attribute__((format(printf, 2, 3))) static void path_set(char path[PATH_MAX],
                                                           const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, PATH_MAX, fmt, args);
	va_end(args);
}

static void note(struct tree *t, int failed)
{
	if (failed && !t->err)
		t->err = -errno;
}

static void make_dirs(struct tree *t, const char *path)
{
	char dir[PATH_MAX];
	char *slash;

	path_set(dir, "%s", path);
	for (slash = strchr(dir, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		note(t, mkdirat(t->root, dir, 0755) && errno != EEXIST);
		*slash = '/';
	}
}

static void put_bytes(struct tree *t, const char *path, const void *bytes, size_t len)
{
	int fd;

	make_dirs(t, path);
	fd = real()->openat(t->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	                    0644);
	note(t, fd < 0);
	if (fd < 0)
		return;
	note(t, write(fd, bytes, len) != (ssize_t)len);
	real()->close(fd);
}

/* A file `name` in directory `dir` with a line of text. */
__attribute__((format(printf, 4, 5))) static void put(struct tree *t, const char *dir,
                                                      const char *name, const char *fmt,
                                                      ...)
{
	char path[PATH_MAX], text[1024];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	path_set(path, "%s/%s", dir, name);
	put_bytes(t, path, text, (size_t)len);
}

/* A link that climbs to the root first: depth of its own path, then the target's. */
static void put_link(struct tree *t, const char *target, const char *path)
{
	char text[PATH_MAX] = "";
	const char *c;
	size_t at = 0;

	make_dirs(t, path);
	for (c = path; *c && at < sizeof text - 4; c++)
		if (*c == '/')
			at += (size_t)snprintf(text + at, sizeof text - at, "../");
	snprintf(text + at, sizeof text - at, "%s", target);
	note(t, symlinkat(text, t->root, path) && errno != EEXIST);
}

/* ---- The PCI function ---- */

/* Type 0 header of configuration space: identity, class and nothing that could be written. */
static void put_pci_config(struct tree *t, const char *pci)
{
	uint8_t config[256] = {
		[0x00] = QUERY_PCI_VENDOR & 0xff,
		QUERY_PCI_VENDOR >> 8,
		[0x02] = QUERY_PCI_DEVICE & 0xff,
		QUERY_PCI_DEVICE >> 8,
		[0x04] = 0x46,
		0x05,          /* memory, bus master, parity, SERR, INTx off */
		[0x06] = 0x10, /* a capability list (empty) */
		[0x0a] = 0x00,
		0x02,          /* Ethernet controller */
		[0x0e] = 0x80, /* multi-function */
		[0x2c] = QUERY_PCI_VENDOR & 0xff,
		QUERY_PCI_VENDOR >> 8,
		[0x2e] = 0x58,
		0x00,
	};
	char path[PATH_MAX];

	path_set(path, "%s/config", pci);
	put_bytes(t, path, config, sizeof config);
}

static void put_pci(struct tree *t, const char *dir, const struct config_port *p)
{
	char path[PATH_MAX], resource[400] = "";
	unsigned i, at = 0;

	put(t, dir, "vendor", "0x%04x\n", QUERY_PCI_VENDOR);
	put(t, dir, "device", "0x%04x\n", QUERY_PCI_DEVICE);
	put(t, dir, "subsystem_vendor", "0x%04x\n", QUERY_PCI_VENDOR);
	put(t, dir, "subsystem_device", "0x0058\n");
	put(t, dir, "class", "0x020000\n");
	put(t, dir, "revision", "0x00\n");
	put(t, dir, "numa_node", "0\n");
	put(t, dir, "irq", "0\n");
	put(t, dir, "enable", "1\n");
	put(t, dir, "sriov_totalvfs", "0\n");
	put(t, dir, "sriov_numvfs", "0\n");
	put(t, dir, "current_link_speed", "16.0 GT/s PCIe\n");
	put(t, dir, "current_link_width", "16\n");
	put(t, dir, "local_cpus", "ffffffff\n");
	put(t, dir, "modalias", "pci:v%08Xd%08Xsv%08Xsd00000058bc02sc00i00\n",
	    QUERY_PCI_VENDOR, QUERY_PCI_DEVICE, QUERY_PCI_VENDOR);
	put(t, dir, "uevent",
	    "DRIVER=mlx5_core\nPCI_CLASS=20000\nPCI_ID=%04X:%04X\n"
	    "PCI_SUBSYS_ID=%04X:0058\nPCI_SLOT_NAME=%s\n",
	    QUERY_PCI_VENDOR, QUERY_PCI_DEVICE, QUERY_PCI_VENDOR, p->pci);
	/* BARs, ROM: no memory behind any. */
	for (i = 0; i < 7; i++)
		at += (unsigned)snprintf(resource + at, sizeof resource - at,
		                         "0x%016x 0x%016x 0x%016x\n", 0, 0, 0);
	put(t, dir, "resource", "%s", resource);
	put_pci_config(t, dir);
	path_set(path, "%s/driver", dir);
	put_link(t, "sys/bus/pci/drivers/mlx5_core", path);
	path_set(path, "%s/subsystem", dir);
	put_link(t, "sys/bus/pci", path);
	path_set(path, "sys/bus/pci/devices/%s", p->pci);
	put_link(t, dir, path);
	path_set(path, "sys/bus/pci/drivers/mlx5_core/%s", p->pci);
	put_link(t, dir, path);
}

/* ---- Netdev, RDMA device, character device ---- */

static void put_netdev(struct tree *t, const char *pci, const char *name)
{
	char dir[PATH_MAX], path[PATH_MAX];

	path_set(dir, "%s/net/%s", pci, name);
	put(t, dir, "dev_port", "0\n");
	put(t, dir, "dev_id", "0x0\n");
	put(t, dir, "phys_port_name", "p0\n");
	put(t, dir, "phys_switch_id", "%s", ""); /* not in switchdev mode */
	path_set(path, "%s/device", dir);
	put_link(t, pci, path);
	path_set(path, "sys/class/net/%s", name);
	put_link(t, dir, path);
}

/* Link-local address of the MAC: GID 0 for RoCE v1, GID 1 for v2. */
static void put_gids(struct tree *t, const char *port, const struct device *dev)
{
	uint64_t g = query_guid(dev);
	char dir[PATH_MAX], name[8];
	unsigned i;

	for (i = 0; i < QUERY_GIDS; i++) {
		snprintf(name, sizeof name, "%u", i);
		path_set(dir, "%s/gids", port);
		put(t, dir, name, "fe80:0000:0000:0000:%04x:%04x:%04x:%04x\n",
		    (unsigned)(g >> 48) & 0xffff, (unsigned)(g >> 32) & 0xffff,
		    (unsigned)(g >> 16) & 0xffff, (unsigned)g & 0xffff);
		path_set(dir, "%s/gid_attrs/types", port);
		put(t, dir, name, "%s\n", i ? "RoCE v2" : "IB/RoCE v1");
		path_set(dir, "%s/gid_attrs/ndevs", port);
		if (*dev->config->netdev)
			put(t, dir, name, "%s\n", dev->config->netdev);
	}
}

static void put_port(struct tree *t, const char *ibdev, const struct device *dev)
{
	char port[PATH_MAX], dir[PATH_MAX];

	path_set(port, "%s/ports/1", ibdev);
	put(t, port, "state", "4: ACTIVE\n");
	put(t, port, "phys_state", "5: LinkUp\n");
	put(t, port, "link_layer", "Ethernet\n");
	put(t, port, "rate", "100 Gb/sec (4X EDR)\n");
	put(t, port, "lid", "0x0\n");
	put(t, port, "lid_mask_count", "0\n");
	put(t, port, "sm_lid", "0x0\n");
	put(t, port, "sm_sl", "0\n");
	put(t, port, "cap_mask", "0x04010000\n");
	path_set(dir, "%s/pkeys", port);
	put(t, dir, "0", "0xffff\n");
	path_set(dir, "%s/counters/", port);
	make_dirs(t, dir);
	path_set(dir, "%s/hw_counters/", port);
	make_dirs(t, dir);
	put_gids(t, port, dev);
}

static void put_guid(struct tree *t, const char *dir, const char *name, uint64_t g)
{
	put(t, dir, name, "%04x:%04x:%04x:%04x\n", (unsigned)(g >> 48) & 0xffff,
	    (unsigned)(g >> 32) & 0xffff, (unsigned)(g >> 16) & 0xffff,
	    (unsigned)g & 0xffff);
}

static void put_ibdev(struct tree *t, const char *pci, const struct device *dev)
{
	char dir[PATH_MAX], path[PATH_MAX];

	path_set(dir, "%s/infiniband/%s", pci, dev->name);
	put(t, dir, "node_type", "1: CA\n");
	put(t, dir, "node_desc", "rawq emulated ConnectX-6 Dx\n");
	put(t, dir, "fw_ver", "%s\n", QUERY_FW_TEXT);
	put(t, dir, "hw_rev", "0\n");
	put(t, dir, "hca_type", "MT%u\n", QUERY_PCI_DEVICE);
	put(t, dir, "board_id", "%s\n", QUERY_BOARD_ID);
	put_guid(t, dir, "node_guid", query_guid(dev));
	put_guid(t, dir, "sys_image_guid", query_card_guid());
	put_port(t, dir, dev);
	path_set(path, "%s/device", dir);
	put_link(t, pci, path);
	path_set(path, "sys/class/infiniband/%s", dev->name);
	put_link(t, dir, path);
}

static void put_uverbs(struct tree *t, const char *pci, const struct device *dev)
{
	char dir[PATH_MAX], path[PATH_MAX];

	path_set(dir, "%s/infiniband_verbs/uverbs%u", pci, dev->port);
	put(t, dir, "dev", "%s\n", UVERBS_DEV);
	put(t, dir, "ibdev", "%s\n", dev->name);
	put(t, dir, "abi_version", "1\n");
	path_set(path, "%s/device", dir);
	put_link(t, pci, path);
	path_set(path, "sys/class/infiniband_verbs/uverbs%u", dev->port);
	put_link(t, dir, path);
	path_set(path, "dev/infiniband/uverbs%u", dev->port);
	make_dirs(t, path);
	note(t, symlinkat("/dev/zero", t->root, path));
}

/* The system's own PCI devices stay visible beside ours. */
static void link_others(struct tree *t, const char *dir)
{
	char from[PATH_MAX], at[PATH_MAX];
	struct dirent *e;
	DIR *d;

	path_set(from, "/%s", dir);
	d = real()->opendir(from);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		path_set(from, "/%s/%s", dir, e->d_name);
		path_set(at, "%s/%s", dir, e->d_name);
		make_dirs(t, at);
		note(t, symlinkat(from, t->root, at) && errno != EEXIST);
	}
	if (d)
		closedir(d);
}

static int make(int root, const struct config *config)
{
	struct tree t = {.root = root};
	char pci[PATH_MAX];
	unsigned i;

	put(&t, "sys/class/infiniband_verbs", "abi_version", "6\n");
	for (i = 0; i < config->ports; i++) {
		path_set(pci, BRIDGE "/%s", config->port[i].pci);
		put_pci(&t, pci, &config->port[i]);
		if (*config->port[i].netdev)
			put_netdev(&t, pci, config->port[i].netdev);
		put_ibdev(&t, pci, device_at(i));
		put_uverbs(&t, pci, device_at(i));
	}
	link_others(&t, "sys/bus/pci/devices");
	link_others(&t, "sys/bus/pci/drivers");
	return t.err;
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int discovery_start(const struct config *config)
{
	char made[PATH_MAX], final[PATH_MAX];
	struct stat st;
	unsigned i;
	int root, err;

	path_set(final, "%s/" DISCOVERY_TREE, config->dir);
	if (!real()->stat(final, &st))
		return 0;
	path_set(made, "%s.%d", final, (int)getpid());
	if (mkdir(made, 0755))
		return -errno;
	root = real()->open(made, O_DIRECTORY | O_PATH | O_CLOEXEC);
	err = root < 0 ? -errno : make(root, config);
	if (root >= 0)
		real()->close(root);
	/* Another process of the run may have been first. */
	if (!err && rename(made, final) && errno != ENOTEMPTY && errno != EEXIST)
		err = -errno;
	if (!real()->stat(made, &st))
		nftw(made, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	for (i = 0; !err && i < config->ports; i++) {
		discovery_netdev_files(device_at(i));
		stats_write_state(device_at(i));
		stats_write_files(device_at(i));
	}
	return err;
}

/* One file of the tree, by its whole path in sysfs. */
__attribute__((format(printf, 2, 0))) static void rewrite(const char *path,
                                                          const char *fmt, va_list args)
{
	char text[256];
	int len = vsnprintf(text, sizeof text, fmt, args);
	int fd = real()->open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return; /* the run's directory is gone: so is who reads it */
	if (write(fd, text, (size_t)len) != len)
		ftruncate(fd, 0);
	real()->close(fd);
}

void discovery_port_file(const struct device *dev, const char *dir, const char *name,
                         const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;

	path_set(path, "%s/" DISCOVERY_TREE "/sys/class/infiniband/%s/ports/1/%s%s",
	         device_config()->dir, dev->name, dir, name);
	va_start(args, fmt);
	rewrite(path, fmt, args);
	va_end(args);
}

__attribute__((format(printf, 3, 4))) static void netdev_file(const struct device *dev,
                                                              const char *name,
                                                              const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;

	path_set(path, "%s/" DISCOVERY_TREE "/sys/class/net/%s/%s", device_config()->dir,
	         dev->config->netdev, name);
	va_start(args, fmt);
	rewrite(path, fmt, args);
	va_end(args);
}

/* A sysfs that was mounted in another network namespace does not have the netdev, but may have
 * another one of its name. */
static bool system_has_netdev(const struct device *dev)
{
	char path[PATH_MAX], text[32] = "";
	uint8_t mac[6];
	int fd;

	path_set(path, "/sys/class/net/%s/address", dev->config->netdev);
	fd = real()->open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (real()->read(fd, text, sizeof text - 1) < 0)
		text[0] = 0;
	real()->close(fd);
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2],
	              &mac[3], &mac[4], &mac[5]) == 6 &&
	       !memcmp(mac, dev->netdev.mac, sizeof mac);
}

void discovery_netdev_files(const struct device *dev)
{
	const struct netdev *n = &dev->netdev;

	if (!n->index || system_has_netdev(dev))
		return;
	netdev_file(dev, "address", "%02x:%02x:%02x:%02x:%02x:%02x\n", n->mac[0],
	            n->mac[1], n->mac[2], n->mac[3], n->mac[4], n->mac[5]);
	netdev_file(dev, "mtu", "%u\n", n->mtu);
	netdev_file(dev, "ifindex", "%u\n", n->index);
	netdev_file(dev, "type", "1\n");
	netdev_file(dev, "carrier", "%d\n", dev->active);
	netdev_file(dev, "operstate", "%s\n", dev->active ? "up" : "down");
	netdev_file(dev, "speed", "%u\n", QUERY_LINK_MBPS);
	netdev_file(dev, "duplex", "full\n");
}
