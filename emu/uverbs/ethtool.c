/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIOCETHTOOL on an emulated netdev: where drivers look for the ConnectX behind it, the answer is
 * the ConnectX's; the rest is the real interface's own.
 */
#include "emu/uverbs/call.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/netdev.h"
#include "emu/uverbs/query.h"
#include "emu/uverbs/stats.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#define STATS_MAX 64u

/* Words of each of the three link mode maps. */
#define LINK_WORDS 3

static struct device *find_device(const char *name)
{
	unsigned i;

	for (i = 0; i < device_count(); i++)
		if (*device_at(i)->config->netdev &&
		    !strncmp(device_at(i)->config->netdev, name, IFNAMSIZ))
			return device_at(i);
	return NULL;
}

static int put(uint64_t at, const void *src, size_t len)
{
	return user_write(at, src, len);
}

static int driver_info(const struct device *dev, uint64_t at)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct utsname kernel;

	uname(&kernel);
	snprintf(info.driver, sizeof info.driver, "mlx5_core");
	snprintf(info.version, sizeof info.version, "%.31s", kernel.release);
	snprintf(info.fw_version, sizeof info.fw_version, "%s (%s)", QUERY_FW_TEXT,
	         QUERY_BOARD_ID);
	snprintf(info.bus_info, sizeof info.bus_info, "%s", dev->config->pci);
	info.n_stats = stats_count();
	return put(at, &info, sizeof info);
}

/* The program asks how long the maps are first. */
static int link_settings(const struct device *dev, uint64_t at)
{
	/* Supported, advertised and the peer's modes follow the structure. */
	uint32_t maps[3][LINK_WORDS] = {{0}};
	unsigned mode = ETHTOOL_LINK_MODE_100000baseCR4_Full_BIT;
	struct ethtool_link_settings s;
	bool knows_length;

	if (user_read(&s, at, sizeof s))
		return -EFAULT;
	knows_length = s.link_mode_masks_nwords == LINK_WORDS;
	memset(&s, 0, sizeof s);
	s.cmd = ETHTOOL_GLINKSETTINGS;
	s.link_mode_masks_nwords = knows_length ? LINK_WORDS : -LINK_WORDS;
	if (!knows_length)
		return put(at, &s, sizeof s);
	s.speed = dev->active ? QUERY_LINK_MBPS : (uint32_t)SPEED_UNKNOWN;
	s.duplex = dev->active ? DUPLEX_FULL : DUPLEX_UNKNOWN;
	s.port = PORT_DA;
	s.autoneg = AUTONEG_ENABLE;
	maps[0][mode / 32] |= 1u << mode % 32;
	maps[0][0] |= 1u << ETHTOOL_LINK_MODE_Autoneg_BIT;
	memcpy(maps[1], maps[0], sizeof maps[1]);
	if (put(at, &s, sizeof s))
		return -EFAULT;
	return put(at + sizeof s, maps, sizeof maps);
}

static int old_link_settings(const struct device *dev, uint64_t at)
{
	struct ethtool_cmd s = {.cmd = ETHTOOL_GSET,
	                        .port = PORT_DA,
	                        .autoneg = AUTONEG_ENABLE,
	                        .duplex = DUPLEX_FULL};

	ethtool_cmd_speed_set(&s,
	                      dev->active ? QUERY_LINK_MBPS : (uint32_t)SPEED_UNKNOWN);
	return put(at, &s, sizeof s);
}

static int link_state(const struct device *dev, uint64_t at)
{
	struct ethtool_value v = {.cmd = ETHTOOL_GLINK, .data = dev->active};

	return put(at, &v, sizeof v);
}

static int set_info(uint64_t at)
{
	uint32_t count = stats_count();
	struct ethtool_sset_info s;

	if (user_read(&s, at, sizeof s))
		return -EFAULT;
	if (s.sset_mask != 1u << ETH_SS_STATS)
		return -EOPNOTSUPP;
	return put(at + sizeof s, &count, sizeof count);
}

static int strings(uint64_t at)
{
	struct ethtool_gstrings s;
	char name[ETH_GSTRING_LEN];
	unsigned i;

	if (user_read(&s, at, sizeof s))
		return -EFAULT;
	if (s.string_set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	s.len = stats_count();
	if (put(at, &s, sizeof s))
		return -EFAULT;
	for (i = 0; i < s.len; i++) {
		memset(name, 0, sizeof name);
		snprintf(name, sizeof name, "%s", stats_name(i));
		if (put(at + sizeof s + i * sizeof name, name, sizeof name))
			return -EFAULT;
	}
	return 0;
}

static int statistics(const struct device *dev, uint64_t at)
{
	struct ethtool_stats s = {.cmd = ETHTOOL_GSTATS, .n_stats = stats_count()};
	uint64_t values[STATS_MAX];

	stats_read(dev, values, STATS_MAX);
	if (put(at, &s, sizeof s))
		return -EFAULT;
	return put(at + sizeof s, values, s.n_stats * sizeof *values);
}

/* -ENOENT: not ours to answer. */
static int answer(const struct device *dev, uint32_t cmd, uint64_t at)
{
	switch (cmd) {
	case ETHTOOL_GDRVINFO:
		return driver_info(dev, at);
	case ETHTOOL_GLINKSETTINGS:
		return link_settings(dev, at);
	case ETHTOOL_GSET:
		return old_link_settings(dev, at);
	case ETHTOOL_GLINK:
		return link_state(dev, at);
	case ETHTOOL_GSSET_INFO:
		return set_info(at);
	case ETHTOOL_GSTRINGS:
		return strings(at);
	case ETHTOOL_GSTATS:
		return statistics(dev, at);
	default:
		return -ENOENT;
	}
}

bool netdev_answers(unsigned long request, void *arg, int *ret)
{
	const struct device *dev;
	struct ifreq ifr;
	uint32_t cmd;

	if (request != SIOCETHTOOL || !device_count() ||
	    user_read(&ifr, (uintptr_t)arg, sizeof ifr))
		return false;
	dev = find_device(ifr.ifr_name);
	if (!dev || user_read(&cmd, (uintptr_t)ifr.ifr_data, sizeof cmd))
		return false;
	*ret = answer(dev, cmd, (uintptr_t)ifr.ifr_data);
	return *ret != -ENOENT;
}

int netdev_amend(unsigned long request, void *arg, int ret)
{
	struct device *dev;

	if (ret || !device_count() ||
	    (request != SIOCSIFFLAGS && request != SIOCSIFMTU &&
	     request != SIOCSIFHWADDR))
		return ret;
	dev = find_device(((struct ifreq *)arg)->ifr_name);
	if (dev)
		device_changed(dev);
	return ret;
}
