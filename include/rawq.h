/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rawq - Ethernet queues in user space, beside the kernel's netdev.
 *
 * Model.   A port is a NIC port under its kernel name.  A region is memory cut
 *          into equal frames.  Frames go round; each one belongs at any moment
 *          to the caller or to one queue:
 *
 *              caller --rawq_rx_post--> rxq --rawq_rx_burst--> caller
 *              caller --rawq_tx_burst-> txq --rawq_tx_reap---> caller
 *
 *          Traffic reaches an rxq only through a rule; all the rest, and
 *          everything after rawq_port_close() or the end of the process, goes
 *          to the kernel as before.
 * Threads. One thread at a time per queue; queues share no locks.  The other
 *          calls on one port, and on the regions it uses, must not overlap.
 * Errors.  Set-up calls return 0 or a negative errno value, never set errno and
 *          list every value they return; on failure *out is untouched and err,
 *          if not NULL, says in words what was refused by whom and what helps.
 *          Burst calls cannot fail: they return how many, 0..n.  A queue that
 *          broke returns 0 from then on and its status call tells why.
 * Units.   Lengths in bytes without FCS, times in ns, rates in Mbit/s.
 * Opts.    Zero is the default of every field; .size = sizeof of the struct;
 *          a NULL pointer means all defaults.
 */
#ifndef RAWQ_H
#define RAWQ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RAWQ_VERSION "0.1.0"

struct rawq_port;
struct rawq_region;
struct rawq_rule;

struct rawq_error {
	char text[256]; /* one sentence, no newline */
};

/* ---- ports ---------------------------------------------------------------- */

enum rawq_backend { RAWQ_AUTO, RAWQ_MLX5, RAWQ_VERBS, RAWQ_XDP };

/* rawq_port_opts.flags: narrow what the xdp backend may choose */
enum {
	RAWQ_XDP_COPY = 1 << 0,    /* never zero copy: a way round a faulty driver */
	RAWQ_XDP_GENERIC = 1 << 1, /* the steering program after the skb is made */
};

struct rawq_port_opts {
	size_t size;
	enum rawq_backend backend;
	uint32_t flags; /* RAWQ_XDP_* */
};

struct rawq_port_info {
	enum rawq_backend backend; /* the one in use, never RAWQ_AUTO */
	int ifindex;
	char netdev[16];
	char driver[32]; /* the kernel's driver; "" if it has none to name */
	uint8_t mac[6];
	uint16_t mtu;         /* as the kernel has it now */
	uint32_t link_mbps;   /* 0: no link, or a speed that the driver does not know */
	uint32_t link_up;     /* not 0: carrier */
	int numa_node;        /* -1: unknown */
	uint32_t rx_offloads; /* RAWQ_RX_* that a queue of this port can report */
	uint32_t tx_offloads; /* RAWQ_TX_* that a queue of this port can do */
	uint32_t rx_queues;   /* that the netdev spreads its traffic over */
	uint32_t tx_queues;
	uint32_t depth_max;    /* of a queue, in descriptors */
	uint32_t frame_max;    /* largest region frame it takes, bytes */
	uint32_t segments_max; /* descriptors of one packet */
	uint32_t lanes_max;    /* 0: a send queue is one of the card's */
	uint32_t inline_max;   /* 0: frames cannot be copied into descriptors */
	uint32_t
		compressions; /* 1 << RAWQ_COMPRESS_*: what a receive queue may ask for */
	char choice[160];     /* why this backend, in words */
	uint32_t rule_abilities;  /* RAWQ_RULE_* that a rule of this port may ask for */
	uint32_t rule_priorities; /* 0 to one less */
	uint32_t rules_max;       /* at once; 0: unknown, the kernel will say */
	uint32_t
		rule_masks_max; /* kinds of masks (rawq_rule_add()) with room for many rules
	                           * each; 0: no limit */
	uint32_t clock; /* ports of one number, not 0, have one clock for RAWQ_RX_TIME and
	                 * RAWQ_TX_TIME */
	uint32_t clock_step_ns; /* its resolution, rounded up */
};

/* Open a NIC port by its netdev's name in the caller's network namespace.  Changes nothing on
 * it.  The port is the caller's until rawq_port_close().
 * -ENODEV no such netdev; -EPERM err names the capability that is missing; -ENOTSUP the backend
 * cannot drive it; -ENETDOWN it is down; -EINVAL opts; -ENOMEM. */
int rawq_port_open(const char *netdev, const struct rawq_port_opts *opts,
                   struct rawq_port **out, struct rawq_error *err);

/* Close a port after its queues and rules; NULL is allowed. */
void rawq_port_close(struct rawq_port *port);

/* Tell what the port is and can do; link, MTU and MAC are read anew. */
void rawq_port_info(const struct rawq_port *port, struct rawq_port_info *info);

/* ---- memory --------------------------------------------------------------- */

struct rawq_region_opts {
	size_t size;
	uint32_t frame_size; /* power of two, 2048..65536; default 2048 */
	uint32_t frames;     /* default 8192 */
	void *memory; /* page-aligned, frames * frame_size bytes, the caller's for the
	                      * region's life; NULL: the library maps it, on huge pages if any */
	uint32_t read_only; /* not 0: memory may only be sent from */
};

/* Make a region.  It is the caller's until rawq_region_destroy(); every frame in it is too.
 * -EINVAL a size, a number or an alignment; -ENOMEM. */
int rawq_region_create(const struct rawq_region_opts *opts, struct rawq_region **out,
                       struct rawq_error *err);

/* Free a region after the queues that use it; NULL is allowed. */
void rawq_region_destroy(struct rawq_region *region);

/* The first byte; a packet at address a is at base + a. */
void *rawq_region_base(const struct rawq_region *region);
uint32_t rawq_region_frame_size(const struct rawq_region *region);
uint32_t rawq_region_frames(const struct rawq_region *region);

/* ---- packets -------------------------------------------------------------- */

/* rawq_pkt.flags of both directions */
enum {
	RAWQ_MORE = 1 << 15, /* the packet goes on in the next descriptor */
};
/* rawq_pkt.flags, received; and what rawq_queue_opts.offloads of an rxq may ask for */
enum {
	RAWQ_RX_L3_OK = 1 << 0,    /* IPv4 header checksum checked and right */
	RAWQ_RX_L4_OK = 1 << 1,    /* TCP or UDP checksum checked and right */
	RAWQ_RX_TIME = 1 << 2,     /* time_ns valid */
	RAWQ_RX_MARK = 1 << 3,     /* mark valid, from the rule that matched */
	RAWQ_RX_HASH = 1 << 4,     /* hash valid */
	RAWQ_RX_VLAN = 1 << 5,     /* outermost VLAN tag taken off, in vlan */
	RAWQ_RX_SEGMENTS = 1 << 6, /* packets longer than a frame come as several
	                            * descriptors; without it they are dropped and counted */
	RAWQ_RX_STRIDING = 1 << 7, /* asked for: a frame holds many packets.  On a packet:
	                            * the first of its frame, and the frame of the packet
	                            * before is the caller's now */
};
/* rawq_pkt.flags, to send; of a packet's first descriptor */
enum {
	RAWQ_TX_L3_CSUM = 1 << 0, /* fill in the IPv4 header checksum */
	RAWQ_TX_L4_CSUM = 1 << 1, /* fill in the TCP or UDP checksum */
	RAWQ_TX_TSO =
		1 << 2, /* cut into TCP segments of mss bytes; asks for both above */
	RAWQ_TX_VLAN = 1 << 3, /* insert vlan behind the MAC addresses */
	RAWQ_TX_TIME = 1 << 4, /* of a queue: rawq_txq_time() tells when packets left */
	RAWQ_TX_SEGMENTS = 1 << 6, /* packets of several descriptors */
};

struct rawq_pkt {
	uint64_t addr; /* of the first byte: offset from the region's base */
	uint32_t len;  /* bytes in this descriptor */
	uint16_t flags;
	uint16_t vlan;    /* TCI */
	uint64_t time_ns; /* received, RAWQ_RX_TIME: CLOCK_REALTIME, or the NIC clock */
	union {
		uint32_t mark; /* received */
		uint32_t mss;  /* to send, RAWQ_TX_TSO */
	};
	union {
		uint32_t hash;       /* received: RSS hash */
		uint32_t header_len; /* to send, RAWQ_TX_TSO: bytes before the payload */
	};
};

/* ---- queues --------------------------------------------------------------- */

/* rawq_queue_opts.compression: how the card packs the completions of received packets.  Packed
 * they cost it less bus and the CPU less reading; times, which are per packet, are only in
 * completions that are not. */
enum rawq_compression {
	RAWQ_COMPRESS_AUTO, /* on, in a format that has all that offloads asks for */
	RAWQ_COMPRESS_OFF,
	RAWQ_COMPRESS_HASH, /* each packet's hash is kept, ... */
	RAWQ_COMPRESS_CSUM, /* ... or its checksum: RAWQ_RX_HASH is refused */
};

struct rawq_queue_opts {
	size_t size;
	uint32_t depth; /* descriptors, a power of two; default 512.  RAWQ_RX_STRIDING: of
	                    * packets of one stride, so fewer frames are posted, but 4 at least */
	uint32_t offloads; /* RAWQ_RX_* or RAWQ_TX_* wanted; -ENOTSUP if one is missing */
	uint32_t number;   /* the port's queue, from 1; 0: the next free one */
	uint32_t busy_poll; /* packets the kernel's driver may handle inside a burst call
	                      * (SO_PREFER_BUSY_POLL); 0: it works by interrupts */
	uint32_t
		lanes; /* to send: the card's queues that work as this one, up to lanes_max;
	                 * 0: as many as the card needs */
	uint32_t
		inline_max; /* to send: frames up to this length are copied into the descriptor,
	                      * up to the port's inline_max; 0: none but what the card demands */
	uint32_t compression; /* to receive: RAWQ_COMPRESS_* */
	uint32_t pad;         /* 0 */
};

/* Open only so that the calls below inline; made and read by the library alone. */
struct rawq_rxq {
	unsigned (*burst)(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n);
	unsigned (*post)(struct rawq_rxq *q, const uint64_t *addrs, unsigned n);
};
struct rawq_txq {
	unsigned (*burst)(struct rawq_txq *q, const struct rawq_pkt *pkts, unsigned n);
	unsigned (*reap)(struct rawq_txq *q, uint64_t *addrs, unsigned n);
};

/* Make a receive or a send queue on the frames of a region, which may serve any number of
 * queues and ports.  The queue is the caller's until its destroy call.
 * -EINVAL opts; -ENOTSUP an offload, a frame size or read-only memory; -ENOSPC no queue left;
 * -EBUSY the queue is another program's or works on another region; -ENETDOWN the netdev went
 * down; -EPERM a capability or the memory-lock limit; -ENODEV it is gone; -ENOMEM. */
int rawq_rxq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                    struct rawq_error *err);
int rawq_txq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, struct rawq_txq **out,
                    struct rawq_error *err);

/* Destroy a queue; an rxq after the rules that name it.  Its frames are the caller's again; NULL
 * is allowed.  xdp, zero copy: once the rxq and the txq of that number are both gone. */
void rawq_rxq_destroy(struct rawq_rxq *q);
void rawq_txq_destroy(struct rawq_txq *q);

/* Take up to n descriptors of received packets, always whole packets unless n is less than
 * segments_max; their frames are now the caller's.  With RAWQ_RX_STRIDING it is the packets that
 * are: a frame stays the queue's until a packet of the next one is taken. */
static inline unsigned rawq_rx_burst(struct rawq_rxq *q, struct rawq_pkt *pkts,
                                     unsigned n)
{
	return q->burst(q, pkts, n);
}

/* Give up to n frames to receive into; any address inside a frame names it.  Returns how many
 * were taken; those belong to the queue until rawq_rx_burst() or rawq_rxq_destroy(). */
static inline unsigned rawq_rx_post(struct rawq_rxq *q, const uint64_t *addrs, unsigned n)
{
	return q->post(q, addrs, n);
}

/* Send pkts[0..k) and return k, with one doorbell; the last one must end a packet.  The frames
 * of those belong to the queue until reaped.  k < n: the queue is full, or packet k is one
 * that this port cannot send (longer than the MTU and link header, or too many segments). */
static inline unsigned rawq_tx_burst(struct rawq_txq *q, const struct rawq_pkt *pkts,
                                     unsigned n)
{
	return q->burst(q, pkts, n);
}

/* Take back the addresses of up to n sent descriptors, in the order they were given, and
 * keep the sending going: a queue that is full or waited for is reaped again and again. */
static inline unsigned rawq_tx_reap(struct rawq_txq *q, uint64_t *addrs, unsigned n)
{
	return q->reap(q, addrs, n);
}

/* When the packets that the last reap gave back had left, ns by the clock of RAWQ_RX_TIME; of a
 * queue with RAWQ_TX_TIME, where every burst is timed as one and a reap goes no further than its
 * end.  0: they did not leave, or none was reaped yet. */
uint64_t rawq_txq_time(const struct rawq_txq *q);

/* rawq_queue_info.mode */
enum {
	RAWQ_ZERO_COPY = 1 << 0,   /* the NIC reads and writes the region itself */
	RAWQ_NATIVE_XDP = 1 << 1,  /* the steering program runs in the driver */
	RAWQ_GENERIC_XDP = 1 << 2, /* ... or after the kernel made an skb */
	RAWQ_BUSY_POLL =
		1 << 3, /* the driver takes part: SO_PREFER_BUSY_POLL has an effect */
	RAWQ_HUGE_PAGES = 1 << 4, /* the region lies on hugetlb pages */
	/* xdp, when another program's AF_XDP socket has the queue: the kernel lets one program
	 * at a time bring memory to it. */
	RAWQ_BPF_RING = 1 << 5,      /* rxq: copied through a BPF ring buffer */
	RAWQ_PACKET_SOCKET = 1 << 6, /* txq: copied by an AF_PACKET socket */
};

struct rawq_queue_info {
	uint32_t number; /* from 1, as in rawq_queue_opts */
	uint32_t depth;  /* frames that can be posted, or descriptors to send */
	uint32_t mode;   /* what was obtained */
};
/* Tell what a queue got.  The steering program's mode is known once a rule is there. */
void rawq_rxq_info(const struct rawq_rxq *q, struct rawq_queue_info *info);
void rawq_txq_info(const struct rawq_txq *q, struct rawq_queue_info *info);

struct rawq_queue_stats {
	uint64_t packets, bytes; /* that the bursts handed over */
	uint64_t no_frame;       /* rx: lost because nothing was posted */
	uint64_t full;           /* rx: lost because the queue was not emptied in time */
	uint64_t errors; /* completions with error, refused descriptors, truncation */
	const char *last_error; /* what the last of them was, in words; NULL: none */
};
/* Return 0, or the negative errno that stopped the queue: -ENETDOWN the netdev went down or
 * away (seen at the next sending or arming); -EIO the device broke its contract.  Cheap while
 * stats is NULL. */
int rawq_rxq_status(const struct rawq_rxq *q, struct rawq_queue_stats *stats);
int rawq_txq_status(const struct rawq_txq *q, struct rawq_queue_stats *stats);

/* A file descriptor that poll(2) finds readable (rxq) once a packet has come in, or writable
 * (txq) once there is room, since this call.  It belongs to the queue.  -ENOTSUP. */
int rawq_rxq_arm(struct rawq_rxq *q);
int rawq_txq_arm(struct rawq_txq *q);

/* ---- floods --------------------------------------------------------------- */

/* Packets that the kernel makes of one frame by itself (XDP live frames): no queue, no skb.  On a
 * netdev without zero copy many times faster than any queue; the netdev must have the kernel's
 * ndo_xdp_xmit (a veth has it once its peer has an XDP program or GRO). */
struct rawq_flood;

struct rawq_flood_opts {
	size_t size;
	const void *frame; /* copied */
	uint32_t len;      /* 14 to 3400 */
	/* Run on each packet before it leaves: eBPF instructions that may use r0 to r5 and r9
	 * freely, find in r6 the frame (len bytes may be accessed), in r7 how many packets went
	 * before, in r8 the state, and fall through at their end.  A frame comes back from the
	 * receiver to be sent again, and may come back changed.  NULL: none. */
	uint32_t edit_count;
	const uint64_t *edit;
	uint32_t state_size; /* bytes, kept from packet to packet, at first 0 */
	uint32_t pad;        /* 0 */
	uint64_t gap_ps;     /* from packet to packet; 0: as fast as it goes.  Late ones
	                      * catch up: in no 10 ms more than 256 packets too many, or
	                      * what goes in 100 us */
};

/* Prepare packets out of the port's netdev.  The flood is the caller's until
 * rawq_flood_destroy(); the port must outlive it.
 * -EINVAL opts, or the kernel refused the instructions; -ENOTSUP the netdev or the kernel cannot;
 * -EPERM err names the capability; -ENOMEM. */
int rawq_flood_create(struct rawq_port *port, const struct rawq_flood_opts *opts,
                      struct rawq_flood **out, struct rawq_error *err);
void rawq_flood_destroy(struct rawq_flood *flood); /* NULL is allowed */

/* The state, shared with the instructions; NULL if there is none. */
void *rawq_flood_state(struct rawq_flood *flood);

/* Before rawq_flood_run(): so many more packets went another way.  They count as sent, the next
 * one takes the number behind them, and is due as if they had gone in gap_ps since start_ns
 * (CLOCK_MONOTONIC; 0: since the next one goes). */
void rawq_flood_skip(struct rawq_flood *flood, uint64_t packets, uint64_t start_ns);

/* Send until `packets` packets in all have been sent, from the calling thread's CPU.  0; -EINTR
 * a signal handler ran in this thread: call again to go on; or the kernel's refusal. */
int rawq_flood_run(struct rawq_flood *flood, uint64_t packets);

/* How many were sent so far; may be asked by any thread.  What the netdev could not take after
 * that is in its own statistics alone. */
uint64_t rawq_flood_sent(const struct rawq_flood *flood);

/* ---- rules ---------------------------------------------------------------- */

/* rawq_port_info.rule_abilities: what not every backend, device or driver can do */
enum {
	RAWQ_RULE_COPY = 1 << 0,  /* the kernel gets the packet as well */
	RAWQ_RULE_COUNT = 1 << 1, /* rawq_rule_stats() */
	RAWQ_RULE_SUBSET =
		1 << 2,           /* any of the port's queues; without it a rule names one
	                            * for each receive queue of the netdev, or none */
	RAWQ_RULE_RSS = 1 << 3,   /* fields and key of the receive hash may be chosen */
	RAWQ_RULE_RANGE = 1 << 4, /* port ranges */
	RAWQ_RULE_VXLAN = 1 << 5, /* tunnel_id behind UDP to port 4789 */
	RAWQ_RULE_GRE = 1 << 6,   /* tunnel_id and tunnel_protocol behind protocol 47 */
	RAWQ_RULE_SHARED = 1 << 7, /* other rawq processes may have rules on the netdev */
};

/* Outermost headers, network byte order.  A field asked for (mask not 0) matches packets that
 * have it, in a header that is not cut off.  Of fragments, xdp knows the first one's ports, mlx5
 * and verbs none. */
struct rawq_rule_key {
	uint8_t dst_mac[6], src_mac[6];
	uint16_t vlan;      /* TCI of the outermost tag; mask 0x0fff for the VLAN id */
	uint16_t ethertype; /* behind the VLAN tags */
	uint8_t src_ip[16],
		dst_ip[16]; /* IPv4 in the first four bytes, with its ethertype */
	uint16_t src_port, dst_port; /* TCP, UDP, SCTP */
	uint8_t ip_proto;
	uint8_t tagged; /* 1: has a VLAN tag; mask 0xff to ask for either */
	/* Of the tunnel header right behind the outermost IP or UDP header; what is inside the
	 * tunnel cannot be asked for. */
	uint16_t tunnel_protocol; /* GRE (ip_proto 47), RFC 2784: protocol type */
	uint32_t tunnel_id; /* GRE, RFC 2890: key; VXLAN (ip_proto 17, dst_port 4789), RFC
	                     * 7348: VNI, as a number of 24 bits */
	uint8_t pad[4];     /* 0 */
};

/* rawq_rule_opts.rss_fields: of the outermost headers, where the packet has them */
enum {
	RAWQ_RSS_SRC_IP = 1 << 0,
	RAWQ_RSS_DST_IP = 1 << 1,
	RAWQ_RSS_SRC_PORT = 1 << 2, /* TCP and UDP */
	RAWQ_RSS_DST_PORT = 1 << 3,
};

struct rawq_rule_opts {
	size_t size;
	struct rawq_rule_key value, mask; /* value has no bit that mask lacks */
	uint32_t priority;                /* 0 is asked first; equal ones: any of them */
	struct rawq_rxq **queues;         /* of this port; RSS over them; NULL: drop */
	uint32_t queue_count;
	uint32_t mark; /* RAWQ_RX_MARK */
	uint32_t
		copy; /* not 0: the kernel gets the packet as well, and other rules are asked on;
	                * with a mask of 0 the port's sniffer: it sees all that arrives */
	uint32_t
		take_everything; /* not 0: the rule may take what the kernel lives on: all
	                           * frames, all to the netdev's own MAC, all IP, all ARP */
	/* Not 0: ports from value's (its mask 0xffff) to this one, both included; network byte
	 * order. */
	uint16_t src_port_last, dst_port_last;
	uint32_t count;         /* not 0: rawq_rule_stats() tells what it took */
	uint32_t rss_fields;    /* RAWQ_RSS_*; 0: all of them */
	uint32_t rss_key_len;   /* 40, Toeplitz; 0: Microsoft's key */
	const uint8_t *rss_key; /* copied */
};

/* Have the packets that match go to the queues, until rawq_rule_remove().  The queues must
 * outlive the rule; the array may go.  Two rules have masks of one kind when they ask for the
 * same bits; on xdp, also when they differ in the prefix of one address alone.
 * -EEXIST the same rule is there; -EBUSY another program has it, or steers this netdev, err names
 * it; -ENOTSUP err names the field; -EACCES it needs take_everything; -EPERM; -EINVAL; -ENOSPC;
 * -ENOMEM. */
int rawq_rule_add(struct rawq_port *port, const struct rawq_rule_opts *opts,
                  struct rawq_rule **out, struct rawq_error *err);

/* Put a rule in another one's place: the new one is added, then the old one removed, so packets
 * that both want are neither lost nor doubled.  *out is the new rule, the old handle is gone; on
 * failure the old rule stays as it was.  What rawq_rule_add() returns; -ENOTSUP also if the
 * backend cannot have both for the moment, err says why. */
int rawq_rule_replace(struct rawq_rule *old, const struct rawq_rule_opts *opts,
                      struct rawq_rule **out, struct rawq_error *err);

/* Packets already on their way may still come to the queues; NULL is allowed. */
void rawq_rule_remove(struct rawq_rule *rule);

struct rawq_rule_stats {
	uint64_t packets, bytes; /* that the rule took or dropped since it was added */
};
/* -ENOTSUP the rule was added without count; -EIO the device does not answer. */
int rawq_rule_stats(const struct rawq_rule *rule, struct rawq_rule_stats *stats);

enum rawq_rule_owner {
	RAWQ_OWNER_PORT,  /* this port */
	RAWQ_OWNER_RAWQ,  /* another port, of this or another rawq process */
	RAWQ_OWNER_OTHER, /* something else that takes packets ahead of the kernel */
};

struct rawq_rule_info {
	enum rawq_rule_owner owner;
	int pid;       /* of the owner; 0: unknown */
	char comm[16]; /* its name; "": unknown */
	char what[96]; /* RAWQ_OWNER_OTHER: what it is, in words; the rest below is 0 */
	struct rawq_rule_key value, mask; /* from here on as in rawq_rule_opts */
	uint32_t priority;
	uint32_t queue_count; /* 0: it drops */
	uint32_t mark, copy, count;
	uint16_t src_port_last, dst_port_last;
	uint64_t packets, bytes; /* if count; 0 where another process alone can ask */
};

/* Tell the rules on the port's netdev, everyone's that can be seen: up to n into infos, by
 * priority.  Returns how many there are, maybe more than n; or -errno: -ENOMEM, -EBUSY another
 * rawq process holds the rules and does not answer. */
int rawq_rule_list(struct rawq_port *port, struct rawq_rule_info *infos, uint32_t n,
                   struct rawq_error *err);
/* ---- plans ---------------------------------------------------------------- */

/* What rules would do on a netdev, told without changing anything: the guard of rawq_rule_add()
 * is the same code. */
struct rawq_plan;

/* Something that the kernel has at stake on the netdev: a kind of frames, and what for. */
enum rawq_stake_kind {
	RAWQ_STAKE_MAC,       /* all frames to its own MAC, or all of one protocol */
	RAWQ_STAKE_BROADCAST, /* broadcasts and ARP requests */
	RAWQ_STAKE_ADDRESS, /* an address of its own, its pings, its neighbour discovery */
	RAWQ_STAKE_GATEWAY,    /* frames from a router */
	RAWQ_STAKE_CHILD,      /* a MACVLAN, IPVLAN or VLAN device on it */
	RAWQ_STAKE_MASTER,     /* a bond or bridge above it */
	RAWQ_STAKE_SERVICE,    /* LACP, STP, LLDP, PTP, 802.1X */
	RAWQ_STAKE_LISTENER,   /* a socket that waits */
	RAWQ_STAKE_CONNECTION, /* a socket with a peer */
	RAWQ_STAKE_SESSION,    /* rawq_plan_opts.session */
};

enum rawq_stake_fate {
	RAWQ_KEPT,        /* no rule can touch it */
	RAWQ_COPIED,      /* the program gets copies */
	RAWQ_LOST_PARTLY, /* some of its frames may go */
	RAWQ_LOST,        /* all of its frames go */
};

struct rawq_stake {
	enum rawq_stake_kind kind;
	enum rawq_stake_fate fate;
	uint32_t vital;  /* not 0: a rule that takes it needs take_everything */
	uint32_t in_use; /* not 0: somebody here is known to use it */
	uint32_t rule;   /* unless kept: the first rule that touches it, from 0 */
	struct rawq_rule_key value, mask; /* its frames */
	char what[120]; /* in words: "ARP requests", "10.0.0.1 (ping)" */
};

struct rawq_plan_opts {
	size_t size;
	enum rawq_backend backend; /* RAWQ_AUTO: the one a port would get */
	/* queues are not looked at; queue_count 0: drop, UINT32_MAX: all that the port has */
	const struct rawq_rule_opts *const *rules;
	uint32_t rule_count;
	/* A TCP connection not to be lost, as its frames arrive: ethertype, addresses and ports;
	 * ethertype 0: none. */
	struct rawq_rule_key session;
};

/* Plan rules on a netdev.  The plan is the caller's until rawq_plan_free(); what the kernel had at
 * stake is as of this call.  No privilege is needed.
 * -ENODEV no such netdev; -EINVAL opts, or a rule that rawq_rule_add() would call malformed;
 * -ENOMEM; or the kernel's refusal to tell. */
int rawq_plan_create(const char *netdev, const struct rawq_plan_opts *opts,
                     struct rawq_plan **out, struct rawq_error *err);
void rawq_plan_free(struct rawq_plan *plan); /* NULL is allowed */

/* Stake i of all, NULL behind the last. */
const struct rawq_stake *rawq_plan_stake(const struct rawq_plan *plan, unsigned i);

/* What rawq_rule_add() would say to rule i: 0, or its refusal with the sentence in err.  -ENOENT
 * no such rule; -EPERM, -ENOTSUP, -ENETDOWN also when no port could be opened. */
int rawq_plan_verdict(const struct rawq_plan *plan, unsigned i, struct rawq_error *err);

/* The backend that the verdicts are of; RAWQ_AUTO: no port could be opened. */
enum rawq_backend rawq_plan_backend(const struct rawq_plan *plan);

/* Narrower rules than rule i that the guard would let through, as many as there are room and ideas
 * for; returns how many. */
unsigned rawq_plan_instead(const struct rawq_plan *plan, unsigned i,
                           struct rawq_rule_opts *out, unsigned n);

/* rawq_plan_fate.to; neither: dropped. */
enum { RAWQ_TO_PROGRAM = 1 << 0, RAWQ_TO_KERNEL = 1 << 1 };

struct rawq_plan_fate {
	uint32_t to;  /* RAWQ_TO_* */
	int32_t rule; /* the first that matched; -1: none */
};

/* Who gets a frame that arrives, of which len bytes are there. */
void rawq_plan_frame(const struct rawq_plan *plan, const void *frame, uint32_t len,
                     struct rawq_plan_fate *out);

#ifdef __cplusplus
}
#endif
#endif /* RAWQ_H */
