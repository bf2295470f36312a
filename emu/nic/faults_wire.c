/* SPDX-License-Identifier: BSD-2-Clause */
/* A wire that spoils what passes through it, between a port and its true wire. */
#include "emu/nic/faults_plan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Frames kept back at a time, per way; when they are full the wire pauses. */
#define HELD_MAX 256

/* A frame kept for reordering goes on after the next one, or when none came for so long, ns. */
#define REORDER_PATIENCE_NS 1000000

struct held {
	struct held *next;
	uint64_t release_ns;
	uint64_t time_ns; /* of the frame, as it goes on; 0: when it does */
	bool after_next;  /* reordered: the next frame to pass lets it go */
	uint32_t len;
	uint8_t data[];
};

struct spoiler;

/* One direction. */
struct way {
	enum fault_way id;
	struct held *first, **last;
	unsigned held;
	/* the verdict on the frame that was refused last, so that it is not counted twice */
	enum frame_fault verdict;
	uint64_t verdict_by_ns;
	bool judged;
};

struct spoiler {
	struct wire w;
	struct wire *below;
	struct faults *faults;
	unsigned port;
	struct way tx, rx;
	uint64_t plug_ns; /* an unplugged wire's link comes back then; 0: it is not */
	struct {          /* by the wire below, as we have counted them */
		uint64_t tx, rx;
	} lost;
	uint8_t scratch[WIRE_FRAME_MAX];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool pass_on(struct spoiler *s, struct way *way, const struct wire_frame *f)
{
	if (way->id == WAY_TX)
		return wire_send(s->below, f, 1);
	return s->w.client.rx(s->w.client.card, f, 1);
}

/* ---- frames kept back ---- */

static bool keep(struct way *way, const struct wire_frame *f, uint64_t by_ns,
                 bool after_next)
{
	struct held *h;

	if (way->held == HELD_MAX)
		return false;
	h = malloc(sizeof(*h) + f->len);
	if (!h)
		return false;
	h->next = NULL;
	h->release_ns = now_ns() + by_ns;
	h->time_ns = f->time_ns && !after_next ? f->time_ns + by_ns : 0;
	h->after_next = after_next;
	h->len = f->len;
	wire_gather(h->data, f);
	*way->last = h;
	way->last = &h->next;
	way->held++;
	return true;
}

/* Let go what is due; a frame that is refused stays. */
static unsigned release(struct spoiler *s, struct way *way, bool one_passed)
{
	struct held **at = &way->first, *h;
	uint64_t now = way->first ? now_ns() : 0;
	unsigned done = 0;

	while ((h = *at)) {
		struct iovec seg = {h->data, h->len};
		struct wire_frame f = {&seg, 1, h->len, h->time_ns};

		if (!(h->after_next && one_passed) && now < h->release_ns) {
			at = &h->next;
			continue;
		}
		if (!pass_on(s, way, &f))
			break;
		*at = h->next;
		if (!h->next)
			way->last = at;
		free(h);
		way->held--;
		done++;
	}
	return done;
}

static void forget(struct way *way)
{
	struct held *h;

	while ((h = way->first)) {
		way->first = h->next;
		free(h);
	}
}

/* ---- spoiling ---- */

static bool pass_corrupted(struct spoiler *s, struct way *way, const struct wire_frame *f)
{
	struct iovec seg = {s->scratch, f->len};
	struct wire_frame copy = {&seg, 1, f->len, f->time_ns};
	uint64_t bit;

	if (!f->len || f->len > sizeof(s->scratch))
		return pass_on(s, way, f);
	wire_gather(s->scratch, f);
	bit = faults_draw(s->faults, f->len * 8ull);
	s->scratch[bit / 8] ^= (uint8_t)(1 << bit % 8);
	return pass_on(s, way, &copy);
}

/* The link goes, and this frame with it; what is sent meanwhile the wire below loses and counts. */
static void unplug(struct spoiler *s, struct way *way, uint64_t by_ns)
{
	s->plug_ns = now_ns() + by_ns;
	if (way->id == WAY_TX)
		s->w.stats.tx_lost++;
	else
		s->w.stats.rx_lost++;
	wire_set_link(s->below, false);
}

static void plug_again(struct spoiler *s)
{
	if (!s->plug_ns || now_ns() < s->plug_ns)
		return;
	s->plug_ns = 0;
	wire_set_link(s->below, true);
}

static bool act(struct spoiler *s, struct way *way, const struct wire_frame *f,
                enum frame_fault action, uint64_t by_ns)
{
	switch (action) {
	case FRAME_DROP:
		if (way->id == WAY_TX)
			s->w.stats.tx_lost++;
		else
			s->w.stats.rx_lost++;
		return true;
	case FRAME_CORRUPT:
		return pass_corrupted(s, way, f);
	case FRAME_DUPLICATE:
		if (!pass_on(s, way, f))
			return false;
		if (!pass_on(s, way, f))
			keep(way, f, 0, false);
		return true;
	case FRAME_REORDER:
		return keep(way, f, REORDER_PATIENCE_NS, true);
	case FRAME_DELAY:
		return keep(way, f, by_ns, false);
	case FRAME_UNPLUG:
		unplug(s, way, by_ns);
		return true;
	default:
		return pass_on(s, way, f);
	}
}

/* One frame on its way; false: not now. */
static bool spoil(struct spoiler *s, struct way *way, const struct wire_frame *f)
{
	if (!way->judged) {
		way->verdict =
			faults_frame(s->faults, s->port, way->id, &way->verdict_by_ns);
		way->judged = true;
	}
	if (!act(s, way, f, way->verdict, way->verdict_by_ns))
		return false;
	way->judged = false;
	if (way->held && way->verdict != FRAME_REORDER)
		release(s, way, true);
	return true;
}

static unsigned spoil_all(struct spoiler *s, struct way *way,
                          const struct wire_frame *frames, unsigned n)
{
	unsigned i = 0;

	while (i < n && spoil(s, way, &frames[i]))
		i++;
	return i;
}

/* ---- as a wire, and as the card of the wire below ---- */

/* What the wire below loses is lost here too. */
static void count_losses(struct spoiler *s)
{
	const struct wire_stats *below = &s->below->stats;

	s->w.stats.tx_lost += below->tx_lost - s->lost.tx;
	s->w.stats.rx_lost += below->rx_lost - s->lost.rx;
	s->lost.tx = below->tx_lost;
	s->lost.rx = below->rx_lost;
}

static unsigned spoiler_send(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	struct spoiler *s = (struct spoiler *)w;
	unsigned done = spoil_all(s, &s->tx, frames, n);

	for (unsigned i = 0; i < done; i++)
		w->stats.tx_bytes += frames[i].len;
	w->stats.tx_frames += done;
	count_losses(s);
	return done;
}

static unsigned spoiler_rx(void *arg, const struct wire_frame *frames, unsigned n)
{
	struct spoiler *s = arg;
	unsigned done = spoil_all(s, &s->rx, frames, n);

	for (unsigned i = 0; i < done; i++)
		s->w.stats.rx_bytes += frames[i].len;
	s->w.stats.rx_frames += done;
	if (s->below->pauses)
		return done;
	s->w.stats.rx_lost +=
		n - done; /* none but frames that there is no room to keep */
	return n;
}

static void spoiler_link(void *arg, bool up)
{
	struct spoiler *s = arg;

	s->w.link_up = up;
	s->w.client.link(s->w.client.card, up);
}

static unsigned spoiler_poll(struct wire *w, unsigned budget)
{
	struct spoiler *s = (struct spoiler *)w;
	unsigned done;

	plug_again(s);
	release(s, &s->tx, false);
	done = release(s, &s->rx, false) + wire_poll(s->below, budget);
	count_losses(s);
	return done;
}

static void spoiler_set_link(struct wire *w, bool up)
{
	wire_set_link(((struct spoiler *)w)->below, up);
}

static int spoiler_set_rules(struct wire *w, const struct steering *rules, char *err,
                             size_t size)
{
	return wire_set_rules(((struct spoiler *)w)->below, rules, err, size);
}

static void spoiler_close(struct wire *w)
{
	struct spoiler *s = (struct spoiler *)w;

	forget(&s->tx);
	forget(&s->rx);
	wire_close(s->below);
	free(s);
}

struct wire *faults_wire(struct faults *f, unsigned port, struct wire *w,
                         const struct wire_client *client)
{
	static const struct wire_ops ops = {spoiler_send, spoiler_poll, spoiler_set_link,
	                                    spoiler_set_rules, spoiler_close};
	struct spoiler *s;

	if (!f || !f->has[FAULT_FRAME])
		return w;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->w = (struct wire){.ops = &ops,
	                     .client = *client,
	                     .frame_max = w->frame_max,
	                     .link_up = w->link_up,
	                     .pauses = w->pauses,
	                     .shares = w->shares};
	s->below = w;
	s->faults = f;
	s->port = port;
	s->tx.id = WAY_TX;
	s->rx.id = WAY_RX;
	s->tx.last = &s->tx.first;
	s->rx.last = &s->rx.first;
	w->client = (struct wire_client){s, spoiler_rx, spoiler_link};
	return &s->w;
}
