/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the steering program (steer.bpf.c, in the kernel) and its owners (book.c) agree on.
 *
 *   list ----> shape: rules that ask for the same bits       (at most STEER_SHAPES_MAX, by priority)
 *                |
 *                |  the frame's key, masked, looked up in `rules`, whatever their number
 *                v
 *              chain: the rules with that very value, by priority; they differ in priority,
 *                     port ranges and owner
 *
 * Rules whose masks differ in the prefix of one address alone are one shape: what `rules` finds is
 * then a set, in which `prefixes`, a trie, finds the chains of all prefixes that fit, longest first.
 *
 * The program reads while owners write, without locks.  Shapes and lists are never changed while
 * they are in use: a change makes new ones, and the index of the current list is stored last.  What
 * is in use no more is used again only after an RCU grace period (book.c: quiesce()).
 */
#ifndef LIB_XDP_STEER_H
#define LIB_XDP_STEER_H

#include <linux/types.h>

/* struct rawq_rule_key as 64-bit words; the first byte of its pad tells what the frame has. */
#define STEER_WORDS 8

#define STEER_SHAPES_MAX   64
#define STEER_SHAPE_SLOTS  256 /* with those that wait for a grace period */
#define STEER_LISTS        128
#define STEER_RULES_MAX    65536 /* rule 0 is none */
#define STEER_CHAIN_MAX    32
#define STEER_COUNTERS_MAX 16384 /* counter 0 is none */
#define STEER_PREFIXES_MAX 129   /* of one address, nested: all there are */
/* More than anybody counts; the numbers need no room. */
#define STEER_PRIORITIES 65536
/* Receive queues of one netdev; NICs have up to a few hundred. */
#define STEER_QUEUES_MAX 512
/* Processes (or ports) that steer one netdev; the last one's place is the fence's. */
#define STEER_MEMBERS_MAX 63
#define STEER_SLOTS       (64 * STEER_QUEUES_MAX) /* member x queue */
#define STEER_FENCE       (STEER_SLOTS - 1)

enum steer_action {
	STEER_DROP,
	STEER_TO_QUEUE, /* of its owner: the one of the receive queue that the frame came in on */
};

/* struct steer_key.present */
enum {
	STEER_HAS_IP = 1 << 0,
	STEER_HAS_PORTS = 1 << 1,
	STEER_HAS_TUNNEL_PROTOCOL = 1 << 2,
	STEER_HAS_TUNNEL_ID = 1 << 3,
};

/* struct rawq_rule_key; the wire's byte order. */
struct steer_key {
	__u8 macs[12];
	__u16 vlan, ethertype;
	__u8 src_ip[16], dst_ip[16];
	__u16 src_port, dst_port;
	__u8 ip_proto, tagged;
	__u16 tunnel_protocol;
	__u32 tunnel_id;
	__u8 present, pad[3];
};

struct steer_rule {
	__u32 next; /* of the chain; 0: none */
	__u32 priority;
	__u16 src_first, src_last, dst_first, dst_last; /* ports, host byte order */
	__u8 action, owner;                             /* owner: a member */
	__u8 prefix_len;                                /* bits, in a set */
	__u8 pad;
	__u32 mark;
	__u32 counter; /* 0: none */
	__u32 reserved;
};

enum steer_prefix { STEER_NO_PREFIX, STEER_SRC_IP, STEER_DST_IP };

struct steer_shape {
	__u64 mask[STEER_WORDS];  /* without the prefix */
	__u64 value[STEER_WORDS]; /* of the only rule */
	__u32 id;                 /* in struct steer_value */
	__u32 priority;           /* none of its rules comes before it */
	__u32 only;               /* its only rule, compared in place; 0: look it up */
	__u32 prefix;             /* enum steer_prefix */
};

struct steer_list {
	__u32 shapes;
	__u32 parse; /* 0: the first shape's only rule takes every frame */
	__u8 shape[STEER_SHAPES_MAX];
};

struct steer_config {
	__u64 marks;   /* bit per member: some queue of it wants marks */
	__u32 current; /* of lists */
	__u32 pad;
	struct steer_list lists[STEER_LISTS];
};

/* Key of `rules`; the value is a rule, or a set of prefixes. */
struct steer_value {
	__u32 shape_id;
	__u32 pad;
	__u64 value[STEER_WORDS];
};

/* Key of `prefixes`; the value is a rule.  len counts the bits of set and addr. */
struct steer_prefix_key {
	__u32 len;
	__u32 set;
	__u8 addr[16];
};

struct steer_count {
	__u64 packets, bytes;
};

/* Of a queue that is served by a BPF ring buffer. */
struct steer_ring {
	__u64 lost;  /* packets, the ring being full */
	__u32 armed; /* wake who polls it at the next packet */
	__u32 present;
};

/* In front of each packet in a ring. */
struct steer_packet {
	__u32 len;
	__u32 mark;
};

/* In front of a frame whose receiver wants marks, as XDP metadata. */
#define STEER_MARK_MAGIC 0x7261776du
struct steer_mark {
	__u32 magic;
	__u32 mark;
};

#endif
