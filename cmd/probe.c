/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq probe: what each interface offers, by which backend, why not, and what would help. */
#include "verbs.h"

#include "common/nic.h"

#include "rawq.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CAPABILITIES "cap_net_raw,cap_net_admin,cap_bpf,cap_perfmon,cap_ipc_lock+ep"

static struct {
	bool json;
} opt;

static const struct option_row options[] = {
	ROW_FLAG("json", &opt.json, "print one JSON object per interface"),
	{.name = NULL},
};

/* One backend tried on one interface. */
struct trial {
	int ret; /* of rawq_port_open() */
	struct rawq_port_info info;
	struct rawq_error err;
};

/* What is known of one interface. */
struct probe {
	const char *netdev;
	struct trial trials[RAWQ_XDP + 1]; /* by enum rawq_backend */
	unsigned queues_max; /* that the driver could have; 0: cannot tell */
	char help[160];      /* a command, or "" */
};

static const struct {
	uint32_t bit;
	const char *name;
} rx_names[] =
	{
		{RAWQ_RX_L3_OK, "l3-checksum"}, {RAWQ_RX_L4_OK, "l4-checksum"},
		{RAWQ_RX_TIME, "timestamp"},    {RAWQ_RX_MARK, "mark"},
		{RAWQ_RX_HASH, "hash"},         {RAWQ_RX_VLAN, "vlan"},
		{RAWQ_RX_SEGMENTS, "segments"},
},
  tx_names[] = {
	  {RAWQ_TX_L3_CSUM, "l3-checksum"},
	  {RAWQ_TX_L4_CSUM, "l4-checksum"},
	  {RAWQ_TX_TSO, "tso"},
	  {RAWQ_TX_VLAN, "vlan"},
	  {RAWQ_TX_SEGMENTS, "segments"},
};

#define COUNT(array) (sizeof(array) / sizeof(array[0]))

static void try_backend(const char *netdev, enum rawq_backend backend, struct trial *t)
{
	struct rawq_port_opts opts = {.size = sizeof(opts), .backend = backend};
	struct rawq_port *port;

	t->ret = rawq_port_open(netdev, &opts, &port, &t->err);
	if (t->ret)
		return;
	rawq_port_info(port, &t->info);
	rawq_port_close(port);
}

/* How many receive queues the driver could have (ethtool -l); 0: it does not tell. */
static unsigned queues_max(const char *netdev)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return 0;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", netdev);
	request.ifr_data = (void *)&channels;
	ret = ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return ret                                       ? 0
	       : channels.max_rx > channels.max_combined ? channels.max_rx
	                                                 : channels.max_combined;
}

/* The one command that would help most. */
static void choose_help(struct probe *p)
{
	const struct trial *best = &p->trials[RAWQ_AUTO];
	char path[80] = "rawq";
	ssize_t len;

	if (best->ret == -ENETDOWN) {
		snprintf(p->help, sizeof(p->help), "ip link set dev %s up", p->netdev);
	} else if (best->ret == -EPERM) {
		len = readlink("/proc/self/exe", path, sizeof(path) - 1);
		if (len > 0)
			path[len] = '\0';
		snprintf(p->help, sizeof(p->help), "sudo setcap %s %s", CAPABILITIES,
		         path);
	} else if (!best->ret && best->info.rx_queues < p->queues_max &&
	           best->info.rx_queues == 1) {
		snprintf(p->help, sizeof(p->help),
		         "ethtool -l %s  # 1 of %u queues in use", p->netdev,
		         p->queues_max);
	}
}

static void probe(const char *netdev, struct probe *p)
{
	enum rawq_backend b;

	memset(p, 0, sizeof(*p));
	p->netdev = netdev;
	for (b = RAWQ_AUTO; b <= RAWQ_XDP; b++)
		try_backend(netdev, b, &p->trials[b]);
	p->queues_max = queues_max(netdev);
	choose_help(p);
}

/* ---- for a person --------------------------------------------------------- */

static void print_offloads(const struct rawq_port_info *info)
{
	size_t i;

	printf("; offloads rx:");
	for (i = 0; i < COUNT(rx_names); i++)
		if (info->rx_offloads & rx_names[i].bit)
			printf(" %s", rx_names[i].name);
	printf("%s tx:", info->rx_offloads ? "" : " none");
	for (i = 0; i < COUNT(tx_names); i++)
		if (info->tx_offloads & tx_names[i].bit)
			printf(" %s", tx_names[i].name);
	printf("%s\n", info->tx_offloads ? "" : " none");
}

static void print_trial(const struct probe *p, enum rawq_backend b)
{
	const struct trial *t = &p->trials[b];
	size_t name = strlen(p->netdev);
	const char *why = t->err.text;

	if (t->ret) {
		/* "eth0: why" under a heading that says eth0 */
		if (!strncmp(why, p->netdev, name) && !strncmp(why + name, ": ", 2))
			why += name + 2;
		printf("  %-6s no: %s\n", backend_names[b], why);
		return;
	}
	printf("  %-6s yes%s: %s", backend_names[b],
	       t->info.backend == p->trials[RAWQ_AUTO].info.backend ? ", by default" : "",
	       t->info.choice);
	print_offloads(&t->info);
}

static void print_probe(const struct probe *p)
{
	const struct rawq_port_info *info = &p->trials[RAWQ_AUTO].info;
	const uint8_t *m = info->mac;
	enum rawq_backend b;

	if (p->trials[RAWQ_AUTO].ret == -ENETDOWN) {
		printf("%s  down\n  try    %s\n", p->netdev, p->help);
		return;
	}
	printf("%s", p->netdev);
	if (!p->trials[RAWQ_AUTO].ret) {
		printf("  driver %s, %02x:%02x:%02x:%02x:%02x:%02x, mtu %u, link %s",
		       *info->driver ? info->driver : "none", m[0], m[1], m[2], m[3],
		       m[4], m[5], info->mtu, info->link_up ? "up" : "down");
		if (info->link_mbps)
			printf(" at %.3g Gbit/s", info->link_mbps / 1e3);
		printf(", queues rx %u tx %u", info->rx_queues, info->tx_queues);
	}
	putchar('\n');
	for (b = RAWQ_MLX5; b <= RAWQ_XDP; b++)
		print_trial(p, b);
	if (*p->help)
		printf("  try    %s\n", p->help);
}

/* ---- for a program -------------------------------------------------------- */

static json_t *offloads_json(const struct rawq_port_info *info, bool rx)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; rx && i < COUNT(rx_names); i++)
		if (info->rx_offloads & rx_names[i].bit)
			json_array_append_new(list, json_string(rx_names[i].name));
	for (i = 0; !rx && i < COUNT(tx_names); i++)
		if (info->tx_offloads & tx_names[i].bit)
			json_array_append_new(list, json_string(tx_names[i].name));
	return list;
}

static json_t *trial_json(const struct trial *t)
{
	if (t->ret)
		return json_pack("{s:b, s:s}", "available", 0, "why", t->err.text);
	return json_pack("{s:b, s:s, s:o, s:o, s:I, s:I, s:I}", "available", 1, "choice",
	                 t->info.choice, "rx_offloads", offloads_json(&t->info, true),
	                 "tx_offloads", offloads_json(&t->info, false), "depth_max",
	                 (json_int_t)t->info.depth_max, "frame_max",
	                 (json_int_t)t->info.frame_max, "segments_max",
	                 (json_int_t)t->info.segments_max);
}

static void dump_probe(const struct probe *p)
{
	const struct trial *best = &p->trials[RAWQ_AUTO];
	json_t *event = json_pack("{s:s, s:s}", "event", "probe", "interface", p->netdev);
	json_t *backends = json_object();
	enum rawq_backend b;

	for (b = RAWQ_MLX5; b <= RAWQ_XDP; b++)
		json_object_set_new(backends, backend_names[b],
		                    trial_json(&p->trials[b]));
	json_object_set_new(event, "backends", backends);
	if (!best->ret)
		json_object_update_new(
			event, json_pack("{s:s, s:s, s:i, s:b, s:i, s:i, s:i, s:i}",
		                         "backend", backend_names[best->info.backend],
		                         "driver", best->info.driver, "mtu",
		                         best->info.mtu, "link_up", !!best->info.link_up,
		                         "link_mbps", (int)best->info.link_mbps,
		                         "rx_queues", (int)best->info.rx_queues,
		                         "tx_queues", (int)best->info.tx_queues,
		                         "queues_max", (int)p->queues_max));
	if (*p->help)
		json_object_set_new(event, "try", json_string(p->help));
	json_dumpf(event, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(event);
}

static void show(const char *netdev)
{
	struct probe p;

	probe(netdev, &p);
	if (opt.json)
		dump_probe(&p);
	else
		print_probe(&p);
}

static int probe_run(int argc, char **argv)
{
	struct if_nameindex *all, *i;
	struct trial found;

	if (argc) {
		try_backend(argv[0], RAWQ_AUTO, &found);
		if (found.ret == -ENODEV)
			return fail_environment(
				&verb_probe,
				"%s: no such interface here (ip link lists them)",
				argv[0]);
		show(argv[0]);
		return EXIT_OK;
	}
	all = if_nameindex();
	if (!all)
		return fail_environment(&verb_probe, "cannot list the interfaces: %s",
		                        strerror(errno));
	for (i = all; i->if_name; i++)
		show(i->if_name);
	if_freenameindex(all);
	return EXIT_OK;
}

const struct verb verb_probe = {
	.name = "probe",
	.operands = "[IF]",
	.summary = "what an interface offers, why not more, and what would help",
	.help = "Changes nothing.  Whether the XDP program runs in the driver (native) "
		"or behind it\n"
		"(generic) is known once a rule is there: rawq rx says it.\n",
	.options = options,
	.operands_max = 1,
	.run = probe_run,
};
