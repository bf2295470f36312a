/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A wire: where the frames of one emulated port go and come from.
 *
 * Threads.  All wires of a process are driven by one thread at a time: the engine, or whoever
 *           holds its lock.  wire_send() and wire_poll() may call back into the card, also for
 *           another port of the process (cable); the card must not send from inside rx().
 * Frames.   Without FCS.  The memory of a frame is lent for the duration of a call, both ways.
 * Loss.     Nothing is lost in silence: what is not accepted is the caller's to offer again, and
 *           what a wire throws away is in its statistics.
 */
#ifndef EMU_WIRE_WIRE_H
#define EMU_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Largest frame, bytes: a 9978-byte MTU (what ConnectX allows) with two VLAN tags fits. */
#define WIRE_FRAME_MAX 10240

/* Most pieces of a frame that a wire must bear: the data segments of the largest WQE. */
#define WIRE_SEGS_MAX 64

struct steering;
struct wire;

struct wire_frame {
	const struct iovec *segs; /* may be NULL if the wire discards */
	uint32_t nsegs;
	uint32_t len; /* sum of the pieces */
	/* CLOCK_REALTIME as the card's clock has it: sent, of departure; received, of arrival.  A wire
	 * of no length passes it on; 0: now. */
	uint64_t time_ns;
};

/* What a port gives its wire. */
struct wire_client {
	void *card;
	/* Frames have arrived.  Returns how many were taken or dropped by the card's own rules,
	 * 0..n.  Fewer than n is allowed only on a wire with `pauses` and means that the target has no
	 * buffer just now: the rest is offered again.  The card bounds its own patience. */
	unsigned (*rx)(void *card, const struct wire_frame *frames, unsigned n);
	/* The link went up or down; wire_link_up() agrees. */
	void (*link)(void *card, bool up);
};

struct wire_stats {
	uint64_t tx_frames,
		tx_bytes; /* accepted from the card, those lost below included */
	uint64_t rx_frames, rx_bytes; /* taken by the card */
	uint64_t tx_lost; /* accepted and thrown away: no link, or a lossy cable full */
	uint64_t rx_lost; /* arrived and thrown away before the card saw them */
};

struct wire_ops {
	unsigned (*send)(struct wire *w, const struct wire_frame *frames, unsigned n);
	unsigned (*poll)(struct wire *w, unsigned budget);
	void (*set_link)(struct wire *w, bool up);
	int (*set_rules)(struct wire *w, const struct steering *rules, char *err,
	                 size_t size);
	void (*close)(struct wire *w);
};

/* Open so that the calls below inline; written by the wire alone. */
struct wire {
	const struct wire_ops *ops;
	struct wire_client client;
	struct wire_stats stats;
	uint32_t
		frame_max; /* bytes it can carry; longer ones are thrown away and counted */
	bool link_up;
	bool discards; /* never looks at a frame: segs may be NULL, and wire_discard() serves */
	bool pauses; /* rx() may refuse for now (back-pressure reaches the sender) */
	bool shares; /* a kernel netdev is behind it: set_rules decides what comes here */
};

/* Open the wire that a specification names:
 *
 *   drop                 what is sent is gone; nothing arrives
 *   loop                 what is sent arrives at the same port
 *   cable                joins two ports of this process: the first `cable` opened with the second
 *   cable:NAME[,loss][,up]
 *                        joins a port of another process of the same user that names it too; with
 *                        `loss` a full cable throws frames away (tx_lost) instead of pausing; with
 *                        `up` the port shows a link also while nobody is at the other end, as
 *                        behind a switch, and what it sends meanwhile is lost
 *   netdev=IF            the kernel's interface IF, through rawq's xdp backend
 *   pcap=IN,OUT          frames of file IN arrive, frames sent go to file OUT; either may be empty
 *
 * -EINVAL the specification (err says where); -EBUSY two others are on that cable; -ENOENT,
 * -EACCES, -ENODEV, -ENOTSUP, -EPERM, -ENOMEM, -EIO as err says. */
int wire_open(const char *spec, const struct wire_client *client, struct wire **out,
              char *err, size_t size);

/* Frames on their way to this port are lost (rx_lost).  NULL is allowed. */
void wire_close(struct wire *w);

/* Check a specification without opening anything: 0, or -EINVAL with a sentence in err. */
int wire_check(const char *spec, char *err, size_t size);

/* Send frames[0..k), return k.  k < n: the wire is full, offer the rest again later.  With the
 * link down everything is accepted and lost, as on the card. */
static inline unsigned wire_send(struct wire *w, const struct wire_frame *frames,
                                 unsigned n)
{
	return w->ops->send(w, frames, n);
}

/* The same for a wire that discards, from sums alone. */
static inline void wire_discard(struct wire *w, uint64_t frames, uint64_t bytes)
{
	w->stats.tx_frames += frames;
	w->stats.tx_bytes += bytes;
	if (!w->link_up)
		w->stats.tx_lost += frames;
}

/* Give the card at most `budget` frames that have arrived, and look after the link.  Returns how
 * many it took.  To be called again and again, also when nothing is expected. */
static inline unsigned wire_poll(struct wire *w, unsigned budget)
{
	return w->ops->poll(w, budget);
}

/* The port's own side of the link: down makes the other end see no link either.  A wire starts
 * up.  client.link() is called if that changes what wire_link_up() says. */
static inline void wire_set_link(struct wire *w, bool up)
{
	w->ops->set_link(w, up);
}

static inline bool wire_link_up(const struct wire *w)
{
	return w->link_up;
}

/* The port's rules have changed.  A wire that shares its netdev with the kernel asks for what they
 * want and leaves the rest there; -ENOTSUP with a sentence if a rule cannot be had so, and then
 * the old ones stay in force.  Other wires: 0. */
static inline int wire_set_rules(struct wire *w, const struct steering *rules, char *err,
                                 size_t size)
{
	return w->ops->set_rules(w, rules, err, size);
}

/* Copy a frame's pieces into one buffer of at least frame->len bytes. */
void wire_gather(void *dst, const struct wire_frame *frame);

#endif
