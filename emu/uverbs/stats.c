/* SPDX-License-Identifier: BSD-2-Clause */
/* A port's numbers; see stats.h. */
#include "emu/uverbs/stats.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/discovery.h"
#include "emu/uverbs/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct row {
	const char *name;
	size_t offset;    /* in struct nic_port_counters */
	unsigned divisor; /* 4: the file counts 32-bit words */
};

#define ROW(name, member, divisor)                                                       \
	{                                                                                \
		name, offsetof(struct nic_port_counters, member), divisor                \
	}

static const struct row ethtool_rows[] = {
	ROW("rx_packets_phy", rx_packets, 1),
	ROW("tx_packets_phy", tx_packets, 1),
	ROW("rx_bytes_phy", rx_bytes, 1),
	ROW("tx_bytes_phy", tx_bytes, 1),
	ROW("rx_vport_unicast_packets", rx_unicast, 1),
	ROW("rx_vport_multicast_packets", rx_multicast, 1),
	ROW("rx_vport_broadcast_packets", rx_broadcast, 1),
	ROW("tx_vport_unicast_packets", tx_unicast, 1),
	ROW("tx_vport_multicast_packets", tx_multicast, 1),
	ROW("tx_vport_broadcast_packets", tx_broadcast, 1),
	ROW("rx_out_of_buffer", rx_out_of_buffer, 1),
	ROW("rx_steer_missed_packets", rx_missed, 1),
	ROW("rx_oversize_pkts_phy", rx_too_long, 1),
};

static const struct row port_rows[] = {
	ROW("port_xmit_packets", tx_packets, 1),
	ROW("port_rcv_packets", rx_packets, 1),
	ROW("port_xmit_data", tx_bytes, 4),
	ROW("port_rcv_data", rx_bytes, 4),
	ROW("unicast_xmit_packets", tx_unicast, 1),
	ROW("unicast_rcv_packets", rx_unicast, 1),
	ROW("multicast_xmit_packets", tx_multicast, 1),
	ROW("multicast_rcv_packets", rx_multicast, 1),
};

static const struct row hw_rows[] = {
	ROW("out_of_buffer", rx_out_of_buffer, 1),
};

static const struct row json_rows[] = {
	ROW("tx_packets", tx_packets, 1),
	ROW("tx_bytes", tx_bytes, 1),
	ROW("rx_packets", rx_packets, 1),
	ROW("rx_bytes", rx_bytes, 1),
	ROW("rx_out_of_buffer", rx_out_of_buffer, 1),
	ROW("rx_kernel", rx_kernel, 1),
	ROW("rx_missed", rx_missed, 1),
	ROW("rx_dropped", rx_dropped, 1),
	ROW("rx_not_ready", rx_not_ready, 1),
	ROW("rx_too_long", rx_too_long, 1),
	ROW("cqe_errors", cqe_errors, 1),
};

#define COUNT(rows) (unsigned)(sizeof(rows) / sizeof *(rows))

static uint64_t value(const struct nic_port_counters *c, const struct row *row)
{
	uint64_t v;

	memcpy(&v, (const uint8_t *)c + row->offset, sizeof v);
	return v / row->divisor;
}

static void read_counters(const struct device *dev, struct nic_port_counters *out)
{
	memset(out, 0, sizeof *out);
	if (!dev->plugged)
		return;
	nic_lock(device_nic());
	nic_port_counters(device_nic(), dev->port, out);
	nic_unlock(device_nic());
}

unsigned stats_count(void)
{
	return COUNT(ethtool_rows);
}

const char *stats_name(unsigned i)
{
	return ethtool_rows[i].name;
}

void stats_read(const struct device *dev, uint64_t *out, unsigned max)
{
	struct nic_port_counters c;
	unsigned i;

	read_counters(dev, &c);
	for (i = 0; i < COUNT(ethtool_rows) && i < max; i++)
		out[i] = value(&c, &ethtool_rows[i]);
}

void stats_write_files(const struct device *dev)
{
	struct nic_port_counters c;
	unsigned i;

	read_counters(dev, &c);
	for (i = 0; i < COUNT(port_rows); i++)
		discovery_port_file(dev, "counters/", port_rows[i].name, "%" PRIu64 "\n",
		                    value(&c, &port_rows[i]));
	for (i = 0; i < COUNT(hw_rows); i++)
		discovery_port_file(dev, "hw_counters/", hw_rows[i].name, "%" PRIu64 "\n",
		                    value(&c, &hw_rows[i]));
}

void stats_write_state(const struct device *dev)
{
	discovery_port_file(dev, "", "state", "%s\n",
	                    dev->active ? "4: ACTIVE" : "1: DOWN");
	discovery_port_file(dev, "", "phys_state", "%s\n",
	                    dev->active ? "5: LinkUp" : "3: Disabled");
}

/* ---- JSON ---- */

/* Names of interfaces and wires are the user's: quote what JSON needs quoted. */
static void put_string(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', f);
		if ((unsigned char)*s >= ' ')
			putc(*s, f);
	}
	putc('"', f);
}

static void put_port(FILE *f, const struct device *dev)
{
	const struct wire_stats *w = dev->plugged ? &dev->wire->stats : NULL;
	struct nic_port_counters c;
	unsigned i;

	read_counters(dev, &c);
	fprintf(f, "{\"name\":\"%s\",\"pci\":\"%s\",\"netdev\":", dev->name,
	        dev->config->pci);
	put_string(f, dev->config->netdev);
	fprintf(f, ",\"wire\":");
	put_string(f, dev->config->wire);
	for (i = 0; i < COUNT(json_rows); i++)
		fprintf(f, ",\"%s\":%" PRIu64, json_rows[i].name,
		        value(&c, &json_rows[i]));
	if (w)
		fprintf(f,
		        ",\"wire_tx_frames\":%" PRIu64 ",\"wire_rx_frames\":%" PRIu64
		        ",\"wire_tx_lost\":%" PRIu64 ",\"wire_rx_lost\":%" PRIu64,
		        w->tx_frames, w->rx_frames, w->tx_lost, w->rx_lost);
	putc('}', f);
}

void stats_write_process(void)
{
	char path[PATH_MAX + 32];
	unsigned i;
	FILE *f;

	snprintf(path, sizeof path, "%s/stats.%d.json", device_config()->dir,
	         (int)getpid());
	f = fopen(path, "we");
	if (!f) {
		report_trouble("%s: %s", path, strerror(errno));
		return;
	}
	fprintf(f, "{\"program\":");
	put_string(f, program_invocation_name);
	fprintf(f,
	        ",\"pid\":%d,\"violations\":%" PRIu64 ",\"leaks\":%" PRIu64
	        ",\"ports\":[",
	        (int)getpid(), report_violations(), report_leaks());
	for (i = 0; i < device_count(); i++) {
		if (i)
			putc(',', f);
		put_port(f, device_at(i));
	}
	fprintf(f, "]}");
	if (fclose(f))
		report_trouble("%s: %s", path, strerror(errno));
}
