/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netdev=IF: the emulated port sits on a kernel interface, by rawq's own AF_XDP backend.  Frames that
 * the port's rules want come to the card, all others stay with the kernel, as on the real one.
 */
#include "emu/wire/netdev.h"
#include "emu/nic/steering.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST    64
#define DEPTH    1024      /* descriptors of each queue, and frames */
#define LOOK_NS  100000000 /* how often link and losses are looked at */
#define HEADROOM 256       /* that XDP keeps in front of a received frame */
#define TAGS     8         /* two VLAN tags beyond the MTU and the Ethernet header */

struct netdev {
	struct wire w;
	struct netdev_library lib;
	struct rawq_port *port;
	struct rawq_region *region;
	uint8_t *base;
	uint32_t frame_size;
	struct rawq_rxq *rxqs[NETDEV_QUEUES_MAX];
	unsigned rxq_count, next_rxq;
	struct rawq_txq *txq;
	struct netdev_rules rules;
	uint64_t free_tx[DEPTH]; /* addresses of frames to send from */
	unsigned free_tx_count;
	struct rawq_pkt pkts[BURST]; /* received, pkts[pkt_at..pkt_count) not yet given */
	unsigned pkt_at, pkt_count;
	struct rawq_rxq *pkts_of;
	uint64_t looked_ns;
	uint64_t kernel_lost; /* of all rxqs: no frame posted, or ring full */
	bool self_up;
};

static uint64_t now_coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- sending ---- */

static void reap(struct netdev *d)
{
	d->free_tx_count += rawq_tx_reap(d->txq, d->free_tx + d->free_tx_count,
	                                 DEPTH - d->free_tx_count);
}

static unsigned pieces_of(const struct netdev *d, uint32_t len)
{
	return (len + d->frame_size - 1) / d->frame_size;
}

/* Copy a frame into free ones; descriptors from pkts on.  Returns how many. */
static unsigned describe(struct netdev *d, const struct wire_frame *f,
                         struct rawq_pkt *pkts)
{
	uint8_t whole[WIRE_FRAME_MAX];
	unsigned n = pieces_of(d, f->len);
	uint32_t at = 0;

	wire_gather(whole, f);
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = f->len - at < d->frame_size ? f->len - at : d->frame_size;

		pkts[i] = (struct rawq_pkt){.addr = d->free_tx[--d->free_tx_count],
		                            .len = len,
		                            .flags = i + 1 < n ? RAWQ_MORE : 0};
		memcpy(d->base + pkts[i].addr, whole + at, len);
		at += len;
	}
	return n;
}

static bool send_one(struct netdev *d, const struct wire_frame *f)
{
	struct rawq_pkt pkts[WIRE_FRAME_MAX / 2048 + 1];
	unsigned n;

	if (pieces_of(d, f->len) > d->free_tx_count)
		return false;
	n = describe(d, f, pkts);
	if (rawq_tx_burst(d->txq, pkts, n) == n)
		return true;
	while (n)
		d->free_tx[d->free_tx_count++] = pkts[--n].addr;
	return false;
}

static unsigned netdev_send(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	struct netdev *d = (struct netdev *)w;
	unsigned i;

	reap(d);
	for (i = 0; i < n; i++) {
		if (!w->link_up || !frames[i].len || frames[i].len > w->frame_max)
			wire_lose(w, frames + i, 1);
		else if (send_one(d, frames + i))
			wire_discard(w, 1, frames[i].len);
		else
			break;
	}
	return i;
}

/* ---- receiving ---- */

/* The frame that begins at pkts[pkt_at]; returns its descriptors, 0 if its end is missing. */
static unsigned next_frame(struct netdev *d, struct iovec *segs, struct wire_frame *f)
{
	unsigned n = 0, i = d->pkt_at;
	bool more = true;

	*f = (struct wire_frame){.segs = segs};
	while (more && i < d->pkt_count && n < WIRE_SEGS_MAX) {
		segs[n++] = (struct iovec){d->base + d->pkts[i].addr, d->pkts[i].len};
		f->len += d->pkts[i].len;
		more = d->pkts[i++].flags & RAWQ_MORE;
	}
	f->nsegs = n;
	return more ? 0 : n;
}

static void give_back(struct netdev *d, unsigned n)
{
	uint64_t addrs[BURST];

	for (unsigned i = 0; i < n; i++)
		addrs[i] = d->pkts[d->pkt_at + i].addr;
	rawq_rx_post(d->pkts_of, addrs, n); /* as deep as all its frames: there is room */
	d->pkt_at += n;
}

/* Give the card what was received and is pending.  False: it refuses. */
static bool give(struct netdev *d, unsigned *taken, unsigned budget)
{
	while (d->pkt_at < d->pkt_count && *taken < budget) {
		struct iovec segs[WIRE_SEGS_MAX];
		struct wire_frame f;
		unsigned n = next_frame(d, segs, &f);

		if (!n) {
			d->w.stats.rx_lost++;
			give_back(d, d->pkt_count - d->pkt_at);
			return true;
		}
		if (d->self_up) {
			if (!d->w.client.rx(d->w.client.card, &f, 1))
				return false;
			d->w.stats.rx_frames++;
			d->w.stats.rx_bytes += f.len;
		} else {
			d->w.stats.rx_lost++;
		}
		give_back(d, n);
		++*taken;
	}
	return true;
}

/* What the kernel threw away before we saw it. */
static void count_lost(struct netdev *d)
{
	struct rawq_queue_stats stats;
	uint64_t lost = 0;

	for (unsigned i = 0; i < d->rxq_count; i++) {
		d->lib.rxq_status(d->rxqs[i], &stats);
		lost += stats.no_frame + stats.full;
	}
	d->w.stats.rx_lost += lost - d->kernel_lost;
	d->kernel_lost = lost;
}

/* Every now and then: system calls. */
static void look_around(struct netdev *d)
{
	uint64_t now = now_coarse_ns();
	struct rawq_port_info info;

	if (now - d->looked_ns < LOOK_NS)
		return;
	d->looked_ns = now;
	d->lib.port_info(d->port, &info);
	wire_report_link(&d->w, d->self_up && info.link_up);
	count_lost(d);
}

static unsigned netdev_poll(struct wire *w, unsigned budget)
{
	struct netdev *d = (struct netdev *)w;
	unsigned taken = 0;

	look_around(d);
	reap(d);
	for (unsigned i = 0; i < d->rxq_count && taken < budget; i++) {
		if (!give(d, &taken, budget))
			break;
		if (d->pkt_at < d->pkt_count)
			break;
		d->pkts_of = d->rxqs[d->next_rxq++ % d->rxq_count];
		d->pkt_at = 0;
		d->pkt_count = rawq_rx_burst(d->pkts_of, d->pkts, BURST);
		if (!give(d, &taken, budget))
			break;
	}
	return taken;
}

static void netdev_set_link(struct wire *w, bool up)
{
	struct netdev *d = (struct netdev *)w;

	d->self_up = up;
	d->looked_ns = 0;
	look_around(d);
}

static int netdev_set_rules(struct wire *w, const struct steering *rules, char *err,
                            size_t size)
{
	return netdev_rules_set(&((struct netdev *)w)->rules, rules, err, size);
}

/* ---- opening ---- */

static int netdev_check(const char *arg, char *err, size_t size)
{
	if (arg && *arg && strlen(arg) < IF_NAMESIZE && !strchr(arg, '/'))
		return 0;
	return wire_refuse(err, size, -EINVAL,
	                   "wire 'netdev=%s': want netdev=IF with an interface's name",
	                   arg ? arg : "");
}

static void netdev_close(struct wire *w)
{
	struct netdev *d = (struct netdev *)w;

	netdev_rules_clear(&d->rules);
	while (d->rxq_count)
		d->lib.rxq_destroy(d->rxqs[--d->rxq_count]);
	if (d->txq)
		d->lib.txq_destroy(d->txq);
	if (d->region)
		d->lib.region_destroy(d->region);
	if (d->port)
		d->lib.port_close(d->port);
	netdev_library_close(&d->lib);
	free(d);
}

/* A region with DEPTH frames for each queue; the last DEPTH of them to send from. */
static int make_region(struct netdev *d, const struct rawq_port_info *info,
                       struct rawq_error *why)
{
	struct rawq_region_opts opts = {.size = sizeof(opts)};
	int ret;

	d->frame_size = info->mtu + 14u + TAGS + HEADROOM <= 2048 ? 2048 : 4096;
	opts.frame_size = d->frame_size;
	opts.frames = (info->rx_queues + 1) * DEPTH;
	ret = d->lib.region_create(&opts, &d->region, why);
	if (ret)
		return ret;
	d->base = d->lib.region_base(d->region);
	for (unsigned i = 0; i < DEPTH; i++)
		d->free_tx[d->free_tx_count++] =
			(uint64_t)(info->rx_queues * DEPTH + i) * d->frame_size;
	return 0;
}

static int make_queues(struct netdev *d, const struct rawq_port_info *info,
                       struct rawq_error *why)
{
	bool jumbo = info->mtu + 14u + TAGS + HEADROOM > d->frame_size;
	struct rawq_queue_opts opts = {.size = sizeof(opts),
	                               .depth = DEPTH,
	                               .offloads = jumbo ? RAWQ_RX_SEGMENTS : 0};
	uint64_t addrs[DEPTH];
	int ret;

	for (unsigned q = 0; q < info->rx_queues; q++) {
		opts.number = q + 1;
		ret = d->lib.rxq_create(d->port, d->region, &opts, &d->rxqs[q], why);
		if (ret)
			return ret;
		d->rxq_count++;
		for (unsigned i = 0; i < DEPTH; i++)
			addrs[i] = (uint64_t)(q * DEPTH + i) * d->frame_size;
		rawq_rx_post(d->rxqs[q], addrs, DEPTH);
	}
	opts.number = 1;
	opts.offloads = jumbo ? RAWQ_TX_SEGMENTS : 0;
	return d->lib.txq_create(d->port, d->region, &opts, &d->txq, why);
}

static int bring_up(struct netdev *d, const char *name, struct rawq_error *why)
{
	struct rawq_port_opts opts = {.size = sizeof(opts), .backend = RAWQ_XDP};
	struct rawq_port_info info;
	int ret = d->lib.port_open(name, &opts, &d->port, why);

	if (ret)
		return ret;
	d->lib.port_info(d->port, &info);
	if (info.rx_queues > NETDEV_QUEUES_MAX)
		return wire_refuse(why->text, sizeof(why->text), -ENOTSUP,
		                   "%s has %u receive queues, more than %d (ethtool -L)",
		                   name, info.rx_queues, NETDEV_QUEUES_MAX);
	d->w.frame_max = info.mtu + 14u + TAGS;
	if (d->w.frame_max > WIRE_FRAME_MAX)
		d->w.frame_max = WIRE_FRAME_MAX;
	d->w.link_up = info.link_up;
	ret = make_region(d, &info, why);
	return ret ? ret : make_queues(d, &info, why);
}

static int netdev_open(const char *arg, const struct wire_client *client,
                       struct wire **out, char *err, size_t size)
{
	static const struct wire_ops ops = {netdev_send, netdev_poll, netdev_set_link,
	                                    netdev_set_rules, netdev_close};
	struct netdev *d = calloc(1, sizeof(*d));
	struct rawq_error why = {""};
	int ret;

	if (!d)
		return wire_refuse(err, size, -ENOMEM, "wire 'netdev': no memory");
	wire_init(&d->w, &ops, client);
	d->w.pauses = true;
	d->w.shares = true;
	d->self_up = true;
	ret = netdev_library_open(&d->lib, err, size);
	if (ret) {
		free(d);
		return ret;
	}
	ret = bring_up(d, arg, &why);
	if (ret) {
		netdev_close(&d->w);
		return wire_refuse(err, size, ret, "wire 'netdev=%s': %s", arg, why.text);
	}
	d->rules = (struct netdev_rules){&d->lib, d->port, d->rxqs, d->rxq_count, NULL};
	*out = &d->w;
	return 0;
}

const struct wire_kind wire_netdev = {"netdev", '=', netdev_check, netdev_open};
