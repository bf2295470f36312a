/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules by ibv_create_flow: NORMAL ones, above ethtool's and the kernel's own, and gone with the
 * process.  A rule that spreads or reports RSS hashes becomes several flows, because a receive
 * hash covers one kind of header: TCP and UDP of the IP versions that it may match at the higher
 * of two device priorities, all the rest at the lower.
 */
#include "device.h"
#include "flow.h"

#include "lib/error.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's mlx5 has 16 priorities for flows of programs (MLX5_BY_PASS_NUM_REGULAR_PRIOS, since
 * Linux 4.17).  A rule's priority takes four of them: two lanes, so that a rule and the one with
 * the same match that takes its place can both be there, of two levels each. */
#define DEVICE_PRIORITIES 16u
#define LEVELS            2u
#define LANES             2u
#define KINDS_MAX         5u
/* Flows of one kind that port ranges may become; a range takes up to 30. */
#define PARTS_MAX 64u
/* MLX5_FS_MAX_TYPES: groups of one priority with room for many flows. */
#define MASKS_MAX  6u
#define MARK_MAX   0xfffffeu /* a flow tag has 24 bits */
#define SPREAD_MIN 128u      /* table of a number of queues that is no power of two */

/* The key of Microsoft's RSS definition, as most NICs and drivers use it. */
static const uint8_t hash_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
                                     0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
                                     0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4,
                                     0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
                                     0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

#define HASH_V4  (IBV_RX_HASH_SRC_IPV4 | IBV_RX_HASH_DST_IPV4)
#define HASH_V6  (IBV_RX_HASH_SRC_IPV6 | IBV_RX_HASH_DST_IPV6)
#define HASH_TCP (IBV_RX_HASH_SRC_PORT_TCP | IBV_RX_HASH_DST_PORT_TCP)
#define HASH_UDP (IBV_RX_HASH_SRC_PORT_UDP | IBV_RX_HASH_DST_PORT_UDP)

static const struct kind kinds[] = {
	{ETH_P_IP, IPPROTO_TCP, 0, HASH_V4 | HASH_TCP},
	{ETH_P_IP, IPPROTO_UDP, 0, HASH_V4 | HASH_UDP},
	{ETH_P_IPV6, IPPROTO_TCP, 0, HASH_V6 | HASH_TCP},
	{ETH_P_IPV6, IPPROTO_UDP, 0, HASH_V6 | HASH_UDP},
};

struct rdma_rule {
	struct rawq_rule rule;
	unsigned lane;
	struct ibv_rwq_ind_table *table;
	struct ibv_qp *qp[KINDS_MAX];
	unsigned flow_count;
	struct ibv_flow *flow[KINDS_MAX * PARTS_MAX];
	struct ibv_counters
		*counters[KINDS_MAX * PARTS_MAX]; /* NULL: it does not count */
};

/* ---- where it goes ---- */

static uint32_t table_log(const struct rdma_port *p, uint32_t queues)
{
	uint32_t size = queues & (queues - 1) ? SPREAD_MIN : queues, log = 0;

	while (size < queues || (queues & (queues - 1) &&
	                         size > p->caps.rss_caps.max_rwq_indirection_table_size))
		size = size < queues ? size * 2 : size / 2;
	while (1u << log < size)
		log++;
	return log;
}

static int table_create(const struct rdma_port *p, const struct rawq_rule_opts *o,
                        struct rdma_rule *rule, struct rawq_error *err)
{
	struct ibv_rwq_ind_table_init_attr attr = {.log_ind_tbl_size =
	                                                   table_log(p, o->queue_count)};
	uint32_t size = 1u << attr.log_ind_tbl_size;
	struct ibv_wq **wqs;

	if (size < o->queue_count ||
	    size > p->caps.rss_caps.max_rwq_indirection_table_size)
		return fail(err, -ENOTSUP,
		            "%s: rule: %u queues; the device spreads over up to %u",
		            p->port.info.netdev, o->queue_count,
		            p->caps.rss_caps.max_rwq_indirection_table_size);
	wqs = calloc(size, sizeof(struct ibv_wq *));
	if (!wqs)
		return fail(err, -ENOMEM, "%s: out of memory", p->port.info.netdev);
	for (uint32_t i = 0; i < size; i++) {
		wqs[i] = ((struct rdma_rxq *)o->queues[i % o->queue_count])->wq;
		assert(wqs[i]);
	}
	attr.ind_tbl = wqs;
	rule->table = ibv_create_rwq_ind_table(p->context, &attr);
	free(wqs);
	if (!rule->table)
		return rdma_fail(p, err, "a table of the rule's queues");
	return 0;
}

/* What of a kind's hash the rule wants. */
static uint64_t hash_fields(const struct rawq_rule_opts *o, const struct kind *k)
{
	static const struct {
		uint32_t ours;
		uint64_t verbs;
	} fields[] = {
		{RAWQ_RSS_SRC_IP, IBV_RX_HASH_SRC_IPV4 | IBV_RX_HASH_SRC_IPV6},
		{RAWQ_RSS_DST_IP, IBV_RX_HASH_DST_IPV4 | IBV_RX_HASH_DST_IPV6},
		{RAWQ_RSS_SRC_PORT, IBV_RX_HASH_SRC_PORT_TCP | IBV_RX_HASH_SRC_PORT_UDP},
		{RAWQ_RSS_DST_PORT, IBV_RX_HASH_DST_PORT_TCP | IBV_RX_HASH_DST_PORT_UDP},
	};
	uint64_t wanted = 0;

	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		wanted |= o->rss_fields & fields[i].ours ? fields[i].verbs : 0;
	return k->hash_fields & wanted;
}

static struct ibv_qp *rss_qp_create(const struct rdma_port *p,
                                    struct ibv_rwq_ind_table *table,
                                    const struct rawq_rule_opts *o, const struct kind *k)
{
	const uint8_t *key = o->rss_key_len ? o->rss_key : hash_key;
	struct ibv_qp_init_attr_ex attr = {
		.qp_type = IBV_QPT_RAW_PACKET,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_RX_HASH |
	                     IBV_QP_INIT_ATTR_IND_TABLE,
		.pd = p->pd,
		.rwq_ind_tbl = table,
		.rx_hash_conf = {.rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ,
	                         .rx_hash_key_len = sizeof(hash_key),
	                         .rx_hash_key = (uint8_t *)(uintptr_t)key,
	                         .rx_hash_fields_mask = hash_fields(o, k)},
	};

	return ibv_create_qp_ex(p->context, &attr);
}

/* A flow that drops still has to name a QP; this one never receives. */
static int drop_qp_create(struct rdma_port *p, struct rawq_error *err)
{
	struct ibv_qp_init_attr attr = {.qp_type = IBV_QPT_RAW_PACKET,
	                                .cap = {.max_send_wr = 1,
	                                        .max_recv_wr = 1,
	                                        .max_send_sge = 1,
	                                        .max_recv_sge = 1}};
	int ret;

	if (p->drop_qp)
		return 0;
	p->drop_cq = ibv_create_cq(p->context, 1, NULL, NULL, 0);
	if (!p->drop_cq)
		return rdma_fail(p, err, "a queue to drop to");
	attr.send_cq = attr.recv_cq = p->drop_cq;
	p->drop_qp = ibv_create_qp(p->pd, &attr);
	if (!p->drop_qp) {
		ret = rdma_fail(p, err, "a queue to drop to");
		ibv_destroy_cq(p->drop_cq);
		return ret;
	}
	return 0;
}

/* ---- rules ---- */

static bool wants_hash(const struct rawq_rule_opts *o)
{
	bool wants = o->queue_count > 1;

	for (uint32_t i = 0; i < o->queue_count; i++)
		wants |= ((const struct rdma_rxq *)o->queues[i])->offloads & RAWQ_RX_HASH;
	return wants;
}

/* Could a packet of this kind match the rule's key at all? */
static bool kind_fits(const struct kind *k, const struct rawq_rule_opts *o)
{
	uint16_t ethertype = htons(k->ethertype);

	if ((ethertype & o->mask.ethertype) != o->value.ethertype)
		return false;
	return (k->ip_proto & o->mask.ip_proto) == o->value.ip_proto;
}

static unsigned choose_kinds(const struct rawq_rule_opts *o, struct kind out[KINDS_MAX])
{
	bool v6 = o->value.ethertype == htons(ETH_P_IPV6);
	unsigned n = 0;

	/* Flows that copy are all asked, so a rule that copies is one flow. */
	if (o->queues && wants_hash(o) && !o->copy) {
		for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			if (kind_fits(&kinds[i], o))
				out[n++] = kinds[i];
		}
		/* One protocol of one IP version: nothing is left for a lower level. */
		if (n == 1 && o->mask.ip_proto == 0xff)
			return n;
	}
	out[n++] = (struct kind){.level = 1, .hash_fields = v6 ? HASH_V6 : HASH_V4};
	return n;
}

/* The queue pair of a rule's only queue, if it is of that kind. */
static struct ibv_qp *plain_qp(const struct rawq_rule_opts *o)
{
	return o->queue_count ? ((const struct rdma_rxq *)o->queues[0])->qp : NULL;
}

static int check_queues(const struct rdma_port *p, const struct rawq_rule_opts *o,
                        struct rawq_error *err)
{
	for (uint32_t i = 0; i < o->queue_count && o->queue_count > 1; i++) {
		if (((const struct rdma_rxq *)o->queues[i])->qp)
			return fail(err, -ENOTSUP,
			            "%s: rule: verbs has no queues that both give "
			            "verdicts on "
			            "checksums and share a rule (mlx5 has)",
			            p->port.info.netdev);
	}
	return 0;
}

int rdma_rule_check(const struct rawq_port *port, const struct rawq_rule_opts *o,
                    struct rawq_error *err)
{
	const char *netdev = port->info.netdev;

	if (o->mark > MARK_MAX)
		return fail(err, -ENOTSUP,
		            "%s: rule: mark 0x%x; the device's have 24 bits", netdev,
		            o->mark);
	if (o->mask.tagged && (!o->mask.vlan || !o->value.tagged))
		return fail(err, -ENOTSUP,
		            "%s: rule: tagged: the device matches tags by VLAN id only",
		            netdev);
	if ((o->mask.src_port || o->mask.dst_port) && o->value.ip_proto != IPPROTO_TCP &&
	    o->value.ip_proto != IPPROTO_UDP)
		return fail(err, -ENOTSUP,
		            "%s: rule: the device knows the ports of TCP and UDP only",
		            netdev);
	if (flow_is_sniffer(o) && (o->mark || o->count))
		return fail(err, -ENOTSUP,
		            "%s: rule: the device's sniffer neither marks nor counts",
		            netdev);
	return 0;
}

static void rule_unwind(struct rdma_rule *rule)
{
	for (unsigned i = rule->flow_count; i-- > 0;) {
		if (rule->flow[i])
			ibv_destroy_flow(rule->flow[i]);
		if (rule->counters[i])
			ibv_destroy_counters(rule->counters[i]);
	}
	for (unsigned i = 0; i < KINDS_MAX; i++) {
		if (rule->qp[i])
			ibv_destroy_qp(rule->qp[i]);
	}
	if (rule->table)
		ibv_destroy_rwq_ind_table(rule->table);
	free(rule);
}

static int flow_fail(const struct rdma_port *p, struct rawq_error *err)
{
	switch (errno) {
	case EEXIST:
	case EBUSY:
		return fail(err, -EBUSY,
		            "%s: rule: another program steers these very packets",
		            p->port.info.netdev);
	case EINVAL:
		return fail(err, -ENOTSUP,
		            "%s: rule: the device or its driver cannot match or do this",
		            p->port.info.netdev);
	case ENOMEM:
		return fail(err, -ENOSPC,
		            "%s: rule: the device has no room for one with this mask and "
		            "priority (another priority has its own room)",
		            p->port.info.netdev);
	default:
		return rdma_fail(p, err, "a rule");
	}
}

/* Packets and bytes of one flow; the points are set before the flow is there. */
static struct ibv_counters *counters_create(const struct rdma_port *p)
{
	struct ibv_counters_init_attr init = {0};
	struct ibv_counters *c = ibv_create_counters(p->context, &init);
	struct ibv_counter_attach_attr packets = {.counter_desc = IBV_COUNTER_PACKETS,
	                                          .index = 0},
				       bytes = {.counter_desc = IBV_COUNTER_BYTES,
	                                        .index = 1};

	if (c && (ibv_attach_counters_point_flow(c, &packets, NULL) ||
	          ibv_attach_counters_point_flow(c, &bytes, NULL))) {
		ibv_destroy_counters(c);
		return NULL;
	}
	return c;
}

static bool can_count(const struct rdma_port *p)
{
	struct ibv_counters *c = counters_create(p);

	if (c)
		ibv_destroy_counters(c);
	return c;
}

static unsigned port_parts(uint16_t value, uint16_t mask, uint16_t last,
                           struct range_part out[RANGE_PARTS_MAX])
{
	if (last)
		return range_parts(value, last, out);
	out[0] = (struct range_part){value, mask};
	return 1;
}

/* All pairs of the two ranges' parts; 0: they are more than PARTS_MAX. */
static unsigned rule_parts(const struct rawq_rule_opts *o, struct part out[PARTS_MAX])
{
	struct range_part src[RANGE_PARTS_MAX], dst[RANGE_PARTS_MAX];
	unsigned srcs = port_parts(o->value.src_port, o->mask.src_port, o->src_port_last,
	                           src),
		 dsts = port_parts(o->value.dst_port, o->mask.dst_port, o->dst_port_last,
	                           dst);

	if (srcs * dsts > PARTS_MAX)
		return 0;
	for (unsigned i = 0; i < srcs * dsts; i++)
		out[i] = (struct part){src[i / dsts], dst[i % dsts]};
	return srcs * dsts;
}

static int add_flow(struct rdma_port *p, const struct rawq_rule_opts *o,
                    struct rdma_rule *rule, const struct kind *k, struct ibv_qp *qp,
                    const struct part *part, struct rawq_error *err)
{
	unsigned i = rule->flow_count++;

	if (o->count) {
		rule->counters[i] = counters_create(p);
		if (!rule->counters[i])
			return rdma_fail(p, err, "a rule's counters");
	}
	rule->flow[i] = flow_create(
		p, qp, o, k, part, (o->priority * LANES + rule->lane) * LEVELS + k->level,
		rule->counters[i]);
	return rule->flow[i] ? 0 : flow_fail(p, err);
}

static int add_flows(struct rdma_port *p, const struct rawq_rule_opts *o,
                     struct rdma_rule *rule, struct rawq_error *err)
{
	struct kind chosen[KINDS_MAX];
	struct part parts[PARTS_MAX];
	unsigned n = choose_kinds(o, chosen), part_count = rule_parts(o, parts);
	int ret = 0;

	if (!part_count)
		return fail(err, -ENOTSUP,
		            "%s: rule: its two port ranges become more than %u rules of "
		            "the device: "
		            "begin and end them at multiples of 2, 4, 8, ...",
		            p->port.info.netdev, PARTS_MAX);
	for (unsigned i = 0; i < n && !ret; i++) {
		struct ibv_qp *qp = o->queues ? plain_qp(o) : p->drop_qp;

		if (rule->table) {
			qp = rule->qp[i] = rss_qp_create(p, rule->table, o, &chosen[i]);
			if (!qp)
				return rdma_fail(p, err, "a receive hash");
		}
		for (unsigned j = 0; j < part_count && !ret; j++)
			ret = add_flow(p, o, rule, &chosen[i], qp, &parts[j], err);
	}
	return ret;
}

static int rule_create(struct rdma_port *p, const struct rawq_rule_opts *opts,
                       unsigned lane, struct rawq_rule **out, struct rawq_error *err)
{
	struct rdma_rule *rule;
	int ret;

	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return fail(err, -ENOMEM, "%s: out of memory", p->port.info.netdev);
	rule->lane = lane;
	ret = check_queues(p, opts, err);
	if (!ret && !opts->queues)
		ret = drop_qp_create(p, err);
	else if (!ret && !plain_qp(opts))
		ret = table_create(p, opts, rule, err);
	if (!ret)
		ret = add_flows(p, opts, rule, err);
	if (ret) {
		rule_unwind(rule);
		return ret;
	}
	*out = &rule->rule;
	return 0;
}

int rdma_rule_add(struct rawq_port *port, const struct rawq_rule_opts *opts,
                  struct rawq_rule **out, struct rawq_error *err)
{
	return rule_create((struct rdma_port *)port, opts, 0, out, err);
}

void rdma_rule_remove(struct rawq_rule *rule)
{
	rule_unwind((struct rdma_rule *)rule);
}

/* The kernel has one priority for what is multicast alone (MLX5_IB_FLOW_MCAST_PRIO). */
static bool is_multicast(const struct rawq_rule_opts *o)
{
	bool mac = o->mask.dst_mac[0] & o->value.dst_mac[0] & 1;
	bool ip = o->value.ethertype == htons(ETH_P_IP) &&
	          (o->mask.dst_ip[0] & 0xf0) == 0xf0 &&
	          (o->value.dst_ip[0] & 0xf0) == 0xe0;

	return mac || ip;
}

/* Two flows with one match and one priority would both be served, so the new rule goes into the
 * other lane. */
int rdma_rule_replace(struct rawq_rule *old, const struct rawq_rule_opts *opts,
                      struct rawq_rule **out, struct rawq_error *err)
{
	struct rdma_port *p = (struct rdma_port *)old->port;
	unsigned lane = !((struct rdma_rule *)old)->lane;
	int ret;

	if (old->copy || opts->copy)
		return fail(err, -ENOTSUP,
		            "%s: rule: while a rule that copies is replaced its packets "
		            "would come "
		            "twice: remove the old one first",
		            p->port.info.netdev);
	if (is_multicast(opts) &&
	    !memcmp(&old->id.value, &opts->value, sizeof(opts->value)) &&
	    !memcmp(&old->id.mask, &opts->mask, sizeof(opts->mask)))
		return fail(err, -ENOTSUP,
		            "%s: rule: the device has one priority for multicast, where "
		            "two rules "
		            "of one match would both get the packets: remove the old one "
		            "first",
		            p->port.info.netdev);
	ret = rule_create(p, opts, lane, out, err);
	if (!ret)
		rdma_rule_remove(old);
	return ret;
}

int rdma_rule_stats(const struct rawq_rule *rule, struct rawq_rule_stats *stats)
{
	const struct rdma_rule *r = (const struct rdma_rule *)rule;
	uint64_t values[2];

	*stats = (struct rawq_rule_stats){0};
	for (unsigned i = 0; i < r->flow_count; i++) {
		if (ibv_read_counters(r->counters[i], values, 2,
		                      IBV_READ_COUNTERS_ATTR_PREFER_CACHED))
			return -EIO;
		stats->packets += values[0];
		stats->bytes += values[1];
	}
	return 0;
}

int rdma_rules_of_others(const struct rawq_port *port, struct rawq_rule_info *infos,
                         uint32_t n, struct rawq_error *err)
{
	/* The kernel tells nobody of the flows of another program. */
	(void)port, (void)infos, (void)n, (void)err;
	return 0;
}

static uint32_t abilities(const struct rdma_port *p)
{
	uint32_t a = RAWQ_RULE_COPY | RAWQ_RULE_SUBSET | RAWQ_RULE_RANGE |
	             RAWQ_RULE_VXLAN | RAWQ_RULE_GRE | RAWQ_RULE_SHARED;

	if (can_count(p))
		a |= RAWQ_RULE_COUNT;
	if (p->caps.rss_caps.supported_qpts & (1 << IBV_QPT_RAW_PACKET))
		a |= RAWQ_RULE_RSS;
	return a;
}

void rdma_rule_limits(const struct rdma_port *p, struct rawq_port_info *info)
{
	info->rule_abilities = abilities(p);
	info->rule_priorities = DEVICE_PRIORITIES / LEVELS / LANES;
	info->rule_masks_max = MASKS_MAX;
}
