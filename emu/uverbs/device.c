/* SPDX-License-Identifier: BSD-2-Clause */
/* The emulated devices of the process; see device.h. */
#include "emu/uverbs/device.h"
#include "emu/preload/real.h"
#include "emu/uverbs/clock.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/discovery.h"
#include "emu/uverbs/report.h"
#include "emu/uverbs/stats.h"
#include "emu/uverbs/uar.h"

#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct config *config;
static struct device devices[CONFIG_PORTS_MAX];
static struct faults *faults;
static struct nic *nic;
static pid_t owner; /* the process that made the card */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER; /* of nic and plugging */

unsigned device_count(void)
{
	return config ? config->ports : 0;
}

struct device *device_at(unsigned i)
{
	return &devices[i];
}

struct nic *device_nic(void)
{
	return nic;
}

const struct config *device_config(void)
{
	return config;
}

int device_fault(const char *call)
{
	int err = faults_call(faults, call);

	if (err)
		report_trace("fault: %s fails with %s", call, strerrorname_np(err));
	return -err;
}

/* ---- The card's callbacks, under its lock ---- */

static void on_violation(void *user, const char *sentence)
{
	(void)user;
	report_violation("%s", sentence);
}

static void tell_state(struct device *dev)
{
	bool active = dev->wire_up && dev->netdev.up;

	if (active == dev->active)
		return;
	dev->active = active;
	context_port_event(dev, active ? IBV_EVENT_PORT_ACTIVE : IBV_EVENT_PORT_ERR);
}

static void on_link(void *user, unsigned port, bool up)
{
	(void)user;
	devices[port].wire_up = up;
	tell_state(&devices[port]);
}

/* ---- Start ---- */

int device_start(const struct config *c)
{
	char err[256];
	unsigned i;
	int ret;

	if (*c->faults) {
		ret = faults_load(c->faults, &faults, err, sizeof err);
		if (ret) {
			report_trouble("%s", err);
			return ret;
		}
	}
	for (i = 0; i < c->ports; i++) {
		devices[i].port = i;
		devices[i].config = &c->port[i];
		snprintf(devices[i].name, sizeof devices[i].name, "mlx5_%u", i);
		netdev_read(&devices[i]);
	}
	config = c;
	return 0;
}

static int start_card(void)
{
	struct nic_opts opts = {
		.ports = config->ports,
		.mode = config->trap ? NIC_TRAP : NIC_POLL,
		.thorough = config->thorough,
		.faults = faults,
		.events = {.violation = on_violation, .link = on_link},
	};
	int err;

	if (nic)
		return 0;
	owner = getpid();
	err = nic_create(&opts, &nic);
	if (err)
		report_trouble("the card cannot be made: %s", strerror(-err));
	return err ? err : clock_start(nic);
}

static int plug(struct device *dev)
{
	struct wire_client client = nic_wire_client(nic, dev->port);
	struct wire *faulty;
	char text[256] = "";
	int err;

	if (dev->plugged)
		return 0;
	dev->steering = steering_create();
	if (!dev->steering)
		return -ENOMEM;
	err = wire_open(dev->config->wire, &client, &dev->wire, text, sizeof text);
	if (err) {
		report_trouble("%s: %s", dev->name, text);
		goto destroy_steering;
	}
	faulty = faults_wire(faults, dev->port, dev->wire, &client);
	if (!faulty) {
		err = -ENOMEM;
		goto close_wire;
	}
	dev->wire = faulty;
	nic_lock(nic);
	nic_port_plug(nic, dev->port, dev->wire, dev->steering);
	dev->wire_up = wire_link_up(dev->wire);
	dev->active = dev->wire_up && dev->netdev.up;
	nic_unlock(nic);
	dev->plugged = true;
	device_changed(dev);
	return 0;
close_wire:
	wire_close(dev->wire);
destroy_steering:
	steering_destroy(dev->steering);
	return err;
}

static int start(struct device *dev)
{
	int err;

	pthread_mutex_lock(&start_lock);
	err = start_card();
	if (!err)
		err = plug(dev);
	if (!err)
		err = netdev_watch();
	pthread_mutex_unlock(&start_lock);
	return err;
}

void device_changed(struct device *dev)
{
	netdev_read(dev);
	if (!dev->plugged)
		return;
	nic_lock(nic);
	/* Ethernet header on top; VLAN tags and FCS are not counted. */
	nic_port_set_frame_max(nic, dev->port, dev->netdev.mtu + 14);
	if (wire_link_up(dev->wire) != dev->netdev.up && dev->netdev.index)
		wire_set_link(dev->wire, dev->netdev.up);
	dev->wire_up = wire_link_up(dev->wire);
	netdev_steer(dev);
	tell_state(dev);
	nic_unlock(nic);
	stats_write_state(dev);
	discovery_netdev_files(dev);
}

int device_open(unsigned port, int flags)
{
	int fd, err;

	if (port >= device_count()) {
		errno = ENOENT;
		return -1;
	}
	err = device_fault("open");
	if (!err)
		err = start(&devices[port]);
	if (err) {
		errno = -err;
		return -1;
	}
	/* A character device whose number is the one in our sysfs. */
	fd = real()->open("/dev/zero", flags & (O_ACCMODE | O_CLOEXEC | O_NONBLOCK));
	if (fd < 0)
		return -1;
	return context_open(&devices[port], fd);
}

bool device_munmap(void *addr, size_t length, int *ret)
{
	return uar_munmap(addr, length, ret);
}

/* ---- End ---- */

void device_refresh_counters(const char *path)
{
	const char *name = strstr(path, "/mlx5_");
	unsigned long i = name ? strtoul(name + 6, NULL, 10) : CONFIG_PORTS_MAX;

	if (nic && i < device_count() && devices[i].plugged)
		stats_write_files(&devices[i]);
}

/* Wires have an end of their own: a file to finish, a peer to tell. */
static void unplug(struct device *dev)
{
	if (!dev->plugged)
		return;
	stats_write_files(dev);
	dev->plugged = false;
	nic_lock(nic);
	nic_port_plug(nic, dev->port, NULL, NULL);
	nic_unlock(nic);
	wire_close(dev->wire);
	steering_destroy(dev->steering);
}

void device_finish(void)
{
	unsigned i;

	/* A child of vfork() that ends has our memory, not our card. */
	if (!nic || owner != getpid())
		return;
	for (i = 0; i < device_count(); i++)
		context_report_leaks(&devices[i]);
	stats_write_process();
	for (i = 0; i < device_count(); i++)
		unplug(&devices[i]);
	/* The card stays: threads of the program may still ring its doorbells. */
}

void device_forget(void)
{
	unsigned i;

	pthread_mutex_init(&start_lock, NULL);
	nic = NULL;
	for (i = 0; i < device_count(); i++) {
		devices[i].plugged = false;
		devices[i].contexts = NULL;
	}
}
