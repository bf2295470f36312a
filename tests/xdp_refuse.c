/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library refuses: the value that rawq.h lists, *out untouched, and a sentence. */
#include "veth.h"

#include <errno.h>

static struct rawq_error err;
static struct rawq_port *port;
static struct rawq_region *region;
static struct rawq_rxq *rxq[2];

/* One sentence on one line that names what it is about. */
static int is_sentence(const char *about)
{
	size_t len = strlen(err.text);

	return len > 10 && len < sizeof(err.text) && !strchr(err.text, '\n') &&
	       strstr(err.text, about);
}

/* out: a pointer that the call must have left at the value it had. */
static void refused(int got, int want, const void *out, const char *about,
                    const char *what)
{
	ok(got == want, "%s: %s", what, strerror(-want));
	if (got != want)
		printf("# got %d (%s)\n", got, err.text);
	ok(out == &err, "%s: out is untouched", what);
	ok(is_sentence(about), "%s: '%s'", what, err.text);
	err.text[0] = 0;
}

static void ports(void)
{
	struct rawq_port *out = (void *)&err;
	struct rawq_port_opts opts = {.size = sizeof(opts)};

	refused(rawq_port_open("nosuch", NULL, &out, &err), -ENODEV, out, "nosuch",
	        "an unknown netdev");
	refused(rawq_port_open("a-name-that-is-far-too-long", NULL, &out, &err), -ENODEV,
	        out, "a-name-that", "a name too long for a netdev");
	opts.flags = 1u << 31;
	refused(rawq_port_open("v0", &opts, &out, &err), -EINVAL, out, "",
	        "an unknown flag");
	opts.flags = 0;
	opts.backend = (enum rawq_backend)77;
	refused(rawq_port_open("v0", &opts, &out, &err), -EINVAL, out, "",
	        "an unknown backend");
	opts.backend = RAWQ_MLX5;
	refused(rawq_port_open("v0", &opts, &out, &err), -ENOTSUP, out, "v0",
	        "a backend that cannot drive it");
	opts.size = 3;
	refused(rawq_port_open("v0", &opts, &out, &err), -EINVAL, out, "size",
	        "opts without their size");
	ok(rawq_port_open("nosuch", NULL, &out, NULL) == -ENODEV, "err may be NULL");
}

static void regions(void)
{
	static uint8_t memory[8192];
	struct rawq_region *out = (void *)&err;
	struct rawq_region_opts opts = {.size = sizeof(opts), .frame_size = 3000};

	refused(rawq_region_create(&opts, &out, &err), -EINVAL, out, "3000",
	        "a frame size that is no power of two");
	opts.frame_size = 1024;
	refused(rawq_region_create(&opts, &out, &err), -EINVAL, out, "1024",
	        "frames too small");
	opts.frame_size = 131072;
	refused(rawq_region_create(&opts, &out, &err), -EINVAL, out, "131072",
	        "frames too large");
	opts.frame_size = 2048;
	opts.frames = 2;
	opts.memory = memory + ((uintptr_t)memory % 4096 ? 0 : 64);
	refused(rawq_region_create(&opts, &out, &err), -EINVAL, out, "page",
	        "memory that does not begin on a page");
	opts.memory = NULL;
	opts.read_only = 1;
	refused(rawq_region_create(&opts, &out, &err), -EINVAL, out, "read",
	        "read-only memory of the library's");
	opts.read_only = 0;
	opts.frames = UINT32_MAX;
	opts.frame_size = 65536;
	refused(rawq_region_create(&opts, &out, &err), -ENOMEM, out, "frames",
	        "more memory than there is");
}

static void queues(void)
{
	struct rawq_rxq *out = (void *)&err;
	struct rawq_txq *tx_out = (void *)&err;
	struct rawq_queue_opts opts = {.size = sizeof(opts), .depth = 500};

	refused(rawq_rxq_create(port, region, &opts, &out, &err), -EINVAL, out, "500",
	        "a depth that is no power of two");
	opts.depth = 1u << 30;
	refused(rawq_rxq_create(port, region, &opts, &out, &err), -EINVAL, out, "depth",
	        "a depth beyond the port's");
	opts.depth = 0;
	opts.offloads = RAWQ_RX_L4_OK;
	refused(rawq_rxq_create(port, region, &opts, &out, &err), -ENOTSUP, out,
	        "checksum", "an offload that is not there");
	opts.offloads = RAWQ_TX_TSO;
	refused(rawq_txq_create(port, region, &opts, &tx_out, &err), -ENOTSUP, tx_out,
	        "TCP", "a send offload that is not there");
	opts.offloads = 0;
	opts.number = 3;
	refused(rawq_rxq_create(port, region, &opts, &out, &err), -ENOSPC, out, "3",
	        "a queue that the netdev does not have");
	opts.number = 1;
	refused(rawq_rxq_create(port, region, &opts, &out, &err), -EBUSY, out, "1",
	        "a queue that is there already");
	opts.number = 0;
	refused(rawq_rxq_create(port, region, &opts, &out, &err), -ENOSPC, out, "2",
	        "one queue more than there are");
}

static void rules(void)
{
	struct rawq_rule *out = (void *)&err, *first;
	struct rawq_rule_opts o = take_all(rxq, 2);

	o.take_everything = 0;
	refused(rawq_rule_add(port, &o, &out, &err), -EACCES, out, "v0",
	        "everything, not asked for by name");
	o.value.dst_port = htons(9);
	refused(rawq_rule_add(port, &o, &out, &err), -EINVAL, out, "mask",
	        "a value with bits that the mask lacks");
	o.mask.dst_port = 0xffff;
	refused(rawq_rule_add(port, &o, &out, &err), -EINVAL, out, "ethertype",
	        "a port without its IP version");
	o.value.ethertype = htons(ETH_P_IP);
	o.mask.ethertype = 0xffff;
	refused(rawq_rule_add(port, &o, &out, &err), -EINVAL, out, "protocol",
	        "a port without its protocol");
	o.value.ip_proto = 17;
	o.mask.ip_proto = 0xff;
	o.queue_count = 1;
	refused(rawq_rule_add(port, &o, &out, &err), -ENOTSUP, out, "2",
	        "some of the netdev's receive queues");
	o.queue_count = 2;
	o.copy = 1;
	refused(rawq_rule_add(port, &o, &out, &err), -ENOTSUP, out, "copy",
	        "a copy for the kernel");
	o.copy = 0;
	o.queues = (struct rawq_rxq *[]){rxq[0], rxq[0]};
	refused(rawq_rule_add(port, &o, &out, &err), -EINVAL, out, "twice",
	        "a queue named twice");
	o.queues = rxq;
	must(rawq_rule_add(port, &o, &first, &err));
	refused(rawq_rule_add(port, &o, &out, &err), -EEXIST, out, "v0",
	        "the same rule again");
	rawq_rule_remove(first);
	must(rawq_rule_add(port, &o, &first, &err));
	ok(1, "which can be added once it is removed");
	rawq_rule_remove(first);
}

/* A rule on UDP that is one change away from being right. */
static struct rawq_rule_opts udp_rule(void)
{
	struct rawq_rule_opts o = {.size = sizeof(o), .queues = rxq, .queue_count = 2};

	o.value.ethertype = htons(ETH_P_IP);
	o.mask.ethertype = 0xffff;
	o.value.ip_proto = 17;
	o.mask.ip_proto = 0xff;
	return o;
}

static void rule_refused(const struct rawq_rule_opts *o, int want, const char *about,
                         const char *what)
{
	struct rawq_rule *out = (void *)&err;

	refused(rawq_rule_add(port, o, &out, &err), want, out, about, what);
}

static void fields(void)
{
	struct rawq_rule_opts o = udp_rule();

	o.src_port_last = htons(9);
	rule_refused(&o, -EINVAL, "source", "a range without its first port");
	o.mask.src_port = 0xffff;
	o.value.src_port = htons(10);
	rule_refused(&o, -EINVAL, "10 to 9", "a range that goes downwards");
	o = udp_rule();
	o.dst_port_last = htons(9);
	o.mask.dst_port = 0xff00;
	rule_refused(&o, -EINVAL, "destination", "a range with a mask");
	o = udp_rule();
	o.mask.tunnel_id = htonl(0xffffff);
	rule_refused(&o, -EINVAL, "4789", "a VNI without the port of VXLAN");
	o.value.dst_port = htons(4789);
	o.mask.dst_port = 0xffff;
	o.mask.tunnel_id = htonl(0x1ffffff);
	rule_refused(&o, -EINVAL, "24 bits", "a VNI of 25 bits");
	o.mask.tunnel_id = htonl(0xffffff);
	o.mask.tunnel_protocol = 0xffff;
	rule_refused(&o, -EINVAL, "tunnel", "a protocol type in VXLAN");
	o = udp_rule();
	o.mask.vlan = htons(0xfff);
	o.mask.tagged = 0xff;
	rule_refused(&o, -EINVAL, "VLAN", "a VLAN id without a tag");
	o = udp_rule();
	o.mask.pad[1] = 1;
	rule_refused(&o, -EINVAL, "pad", "a mask on nothing");
	o = udp_rule();
	o.mask.dst_ip[4] = 0xff;
	rule_refused(&o, -EINVAL, "four bytes", "an IPv4 address of five bytes");
}

static void actions(void)
{
	struct rawq_rule_opts o = udp_rule();
	struct rawq_rule *rule, *out = (void *)&err;
	struct rawq_rule_stats stats;

	o.rss_fields = RAWQ_RSS_SRC_IP;
	rule_refused(&o, -ENOTSUP, "hash", "a receive hash of one's own");
	o = udp_rule();
	o.rss_key_len = 40;
	rule_refused(&o, -ENOTSUP, "hash", "a key of one's own");
	o = udp_rule();
	o.priority = UINT32_MAX;
	rule_refused(&o, -ENOTSUP, "priority", "a priority that there is not");
	o = udp_rule();
	o.queue_count = 0;
	rule_refused(&o, -EINVAL, "queue_count", "queues whose number is 0");
	o = udp_rule();
	must(rawq_rule_add(port, &o, &rule, &err));
	ok(rawq_rule_stats(rule, &stats) == -ENOTSUP,
	   "a rule without count has no stats");
	o.mask.pad[0] = 1;
	refused(rawq_rule_replace(rule, &o, &out, &err), -EINVAL, out, "pad",
	        "a successor that is no rule");
	o = udp_rule();
	rule_refused(&o, -EEXIST, "v0", "which leaves the old rule where it was");
	rawq_rule_remove(rule);
}

int main(void)
{
	veth_pair(2, 1500);
	ports();
	regions();
	must(rawq_port_open("v0", NULL, &port, &err));
	must(rawq_region_create(NULL, &region, &err));
	must(rawq_rxq_create(port, region, NULL, &rxq[0], &err));
	must(rawq_rxq_create(port, region, NULL, &rxq[1], &err));
	queues();
	rules();
	fields();
	actions();
	rawq_rxq_destroy(rxq[0]);
	rawq_rxq_destroy(rxq[1]);
	rawq_rxq_destroy(NULL);
	rawq_txq_destroy(NULL);
	rawq_rule_remove(NULL);
	rawq_region_destroy(region);
	rawq_region_destroy(NULL);
	rawq_port_close(port);
	rawq_port_close(NULL);
	ok(1, "everything can be taken down, and nothing too");
	return done();
}
