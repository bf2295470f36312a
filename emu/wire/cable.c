/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cable:NAME, the cable between two processes: a ring of frames in shared memory per direction.
 *
 * The other process is trusted as little as a wire: every number it wrote is checked before use, and
 * an end that breaks the ring's rules is unplugged.
 */
#include "emu/wire/local.h"
#include "emu/wire/segment.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_LEN 32

/* How often the peer's life is looked at, ns: one system call each. */
#define PEER_CHECK_NS 10000000

/* Frames handed to the card in one call. */
#define BURST 64

struct cable {
	struct wire w;
	struct segment seg;
	struct segment_ring *tx, *rx;
	struct segment_end *self, *peer;
	uint64_t tx_pi, tx_ci; /* bytes: ours, and what we last saw of the reader's */
	uint64_t rx_ci;        /* bytes: ours */
	uint64_t checked_ns;   /* when the peer was last looked at */
	uint32_t peer_epoch;   /* of the peer the link is up with */
	bool connected;        /* both sides up: frames go through */
	bool lossy, shows_up;  /* options */
	bool peer_lives, broken;
};

static uint64_t now_coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- sending ---- */

static uint32_t record_size(uint32_t len)
{
	return (uint32_t)sizeof(struct segment_record) + ((len + 15) & ~15u);
}

/* Room for a record of `need` bytes, which does not wrap; NULL: full. */
static struct segment_record *tx_reserve(struct cable *c, uint32_t need)
{
	uint32_t at = (uint32_t)(c->tx_pi % SEGMENT_RING_SIZE);
	uint32_t skip = at + need > SEGMENT_RING_SIZE ? SEGMENT_RING_SIZE - at : 0;

	if (c->tx_pi + skip + need - c->tx_ci > SEGMENT_RING_SIZE) {
		/* Acquire: pairs with the reader's release, which is done with those bytes. */
		c->tx_ci = atomic_load_explicit(&c->tx->bytes_ci, memory_order_acquire);
		if (c->tx_pi + skip + need - c->tx_ci > SEGMENT_RING_SIZE)
			return NULL;
	}
	if (skip) {
		((struct segment_record *)(void *)&c->tx->data[at])->len = SEGMENT_SKIP;
		c->tx_pi += skip;
		at = 0;
	}
	return (struct segment_record *)(void *)&c->tx->data[at];
}

static bool tx_put(struct cable *c, const struct wire_frame *f)
{
	uint32_t need = record_size(f->len);
	struct segment_record *rec = tx_reserve(c, need);

	if (!rec)
		return false;
	rec->len = f->len;
	wire_gather(rec + 1, f);
	c->tx_pi += need;
	return true;
}

static unsigned cable_send(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	struct cable *c = (struct cable *)w;
	uint64_t put = 0;
	unsigned i;

	if (!c->connected) {
		wire_lose(w, frames, n);
		return n;
	}
	for (i = 0; i < n; i++) {
		if (frames[i].len > w->frame_max) {
			wire_lose(w, frames + i, 1);
		} else if (tx_put(c, frames + i)) {
			put++;
			w->stats.tx_bytes += frames[i].len;
		} else if (c->lossy) {
			wire_lose(w, frames + i, 1);
		} else {
			break;
		}
	}
	w->stats.tx_frames += put;
	atomic_fetch_add_explicit(&c->tx->frames_pi, put, memory_order_relaxed);
	/* Release: pairs with the reader's acquire of bytes_pi. */
	atomic_store_explicit(&c->tx->bytes_pi, c->tx_pi, memory_order_release);
	return i;
}

/* ---- receiving ---- */

struct burst {
	struct wire_frame frames[BURST];
	struct iovec segs[BURST];
	uint64_t end[BURST]; /* where the ring goes on behind each */
	unsigned n;
};

/* Collect up to max frames between rx_ci and pi.  False: the ring is not what it should be. */
static bool rx_collect(struct cable *c, uint64_t pi, unsigned max, struct burst *b)
{
	uint64_t at = c->rx_ci;

	b->n = 0;
	while (b->n < max && at != pi) {
		uint32_t pos = (uint32_t)(at % SEGMENT_RING_SIZE), len;
		struct segment_record *rec = (void *)&c->rx->data[pos];

		len = *(volatile uint32_t *)&rec
		               ->len; /* read once: the peer may scribble */
		if (len == SEGMENT_SKIP && pos) {
			at += SEGMENT_RING_SIZE - pos;
			continue;
		}
		if (len > WIRE_FRAME_MAX || pos + record_size(len) > SEGMENT_RING_SIZE ||
		    pi - at < record_size(len))
			return false;
		at += record_size(len);
		b->segs[b->n] = (struct iovec){rec + 1, len};
		b->frames[b->n] = (struct wire_frame){
			.segs = &b->segs[b->n], .nsegs = 1, .len = len};
		b->end[b->n++] = at;
	}
	return true;
}

/* Give the card one burst; returns how many it took. */
static unsigned rx_burst(struct cable *c, unsigned max)
{
	/* Acquire: pairs with the sender's release, the records are complete. */
	uint64_t pi = atomic_load_explicit(&c->rx->bytes_pi, memory_order_acquire);
	struct wire *w = &c->w;
	struct burst b;
	unsigned taken;

	if (pi == c->rx_ci)
		return 0;
	if (pi - c->rx_ci > SEGMENT_RING_SIZE || pi % 16 ||
	    !rx_collect(c, pi, max < BURST ? max : BURST, &b)) {
		c->broken = true;
		atomic_store(&c->self->up, 0);
		return 0;
	}
	taken = b.n ? w->client.rx(w->client.card, b.frames, b.n) : 0;
	for (unsigned i = 0; i < taken; i++)
		w->stats.rx_bytes += b.frames[i].len;
	if (!taken)
		return 0;
	w->stats.rx_frames += taken;
	c->rx_ci = b.end[taken - 1];
	atomic_fetch_add_explicit(&c->rx->frames_ci, taken, memory_order_relaxed);
	/* Release: pairs with the sender's acquire, we are done with those bytes. */
	atomic_store_explicit(&c->rx->bytes_ci, c->rx_ci, memory_order_release);
	return taken;
}

static bool rx_is_empty(const struct cable *c)
{
	return atomic_load_explicit(&c->rx->bytes_pi, memory_order_acquire) == c->rx_ci;
}

/* ---- the link ---- */

/* Is the same peer still there, with its side up?  A death is noticed within PEER_CHECK_NS. */
static bool peer_is_up(struct cable *c)
{
	uint64_t now = now_coarse_ns();

	if (!atomic_load_explicit(&c->peer->attached, memory_order_acquire)) {
		c->peer_lives = false;
		return false;
	}
	if (!c->peer_lives || now - c->checked_ns >= PEER_CHECK_NS) {
		c->checked_ns = now;
		c->peer_lives = segment_peer_lives(&c->seg);
	}
	return c->peer_lives && atomic_load_explicit(&c->peer->up, memory_order_relaxed);
}

static void report(struct cable *c, bool self_up)
{
	wire_report_link(&c->w, c->connected || (c->shows_up && self_up));
}

/* What had been sent to a peer that is gone is lost; the next one finds an empty ring. */
static void disconnect(struct cable *c)
{
	c->w.stats.tx_lost += segment_drain(&c->seg);
	c->connected = false;
}

static void link_check(struct cable *c)
{
	bool self_up = atomic_load_explicit(&c->self->up, memory_order_relaxed);
	bool up = peer_is_up(c) && !c->broken && self_up;
	uint32_t epoch = atomic_load_explicit(&c->peer->epoch, memory_order_acquire);

	if (c->connected && (!up || epoch != c->peer_epoch)) {
		/* A peer that left may have sent before: that arrives first. */
		if (!c->peer_lives && !c->broken && !rx_is_empty(c))
			return;
		disconnect(c);
		report(c, self_up);
	}
	if (up && !c->connected) {
		c->peer_epoch = epoch;
		c->connected = true;
	}
	report(c, self_up);
}

static unsigned cable_poll(struct wire *w, unsigned budget)
{
	struct cable *c = (struct cable *)w;
	unsigned taken = 0;

	link_check(c);
	while (taken < budget && !c->broken) {
		unsigned n = rx_burst(c, budget - taken);

		if (!n)
			break;
		taken += n;
	}
	return taken;
}

static void cable_set_link(struct wire *w, bool up)
{
	struct cable *c = (struct cable *)w;

	atomic_store(&c->self->up, up && !c->broken);
	link_check(c);
}

/* ---- opening ---- */

struct options {
	char name[NAME_MAX_LEN + 1];
	bool lossy, shows_up;
};

static bool parse_name(const char *word, size_t len, struct options *o)
{
	if (!len || len > NAME_MAX_LEN)
		return false;
	memcpy(o->name, word, len);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)word[i]) && !strchr("-_.", word[i]))
			return false;
	return true;
}

/* NAME[,loss][,up] */
static bool parse(const char *arg, struct options *o)
{
	size_t len = strcspn(arg, ",");

	memset(o, 0, sizeof(*o));
	if (!parse_name(arg, len, o))
		return false;
	while (arg[len]) { /* a comma */
		arg += len + 1;
		len = strcspn(arg, ",");
		if (len == 4 && !strncmp(arg, "loss", 4))
			o->lossy = true;
		else if (len == 2 && !strncmp(arg, "up", 2))
			o->shows_up = true;
		else
			return false;
	}
	return true;
}

static int cable_check(const char *arg, char *err, size_t size)
{
	struct options o;

	if (!arg || parse(arg, &o))
		return 0;
	return wire_refuse(
		err, size, -EINVAL,
		"wire 'cable:%s': want cable:NAME[,loss][,up] with a NAME of 1 to %d "
		"letters, digits, '-', '_' or '.'",
		arg, NAME_MAX_LEN);
}

static void cable_close(struct wire *w)
{
	struct cable *c = (struct cable *)w;

	segment_leave(&c->seg);
	free(c);
}

static int cable_open(const char *arg, const struct wire_client *client,
                      struct wire **out, char *err, size_t size)
{
	static const struct wire_ops ops = {cable_send, cable_poll, cable_set_link,
	                                    wire_any_rules, cable_close};
	struct options o;
	struct cable *c;
	int ret;

	if (!arg)
		return wire_open_local_cable(client, out, err, size);
	c = calloc(1, sizeof(*c));
	if (!c)
		return wire_refuse(err, size, -ENOMEM, "wire 'cable': no memory");
	wire_init(&c->w, &ops, client);
	c->w.link_up = false;
	c->w.pauses = true;
	parse(arg, &o);
	c->lossy = o.lossy;
	c->shows_up = o.shows_up;
	ret = segment_join(&c->seg, o.name, err, size);
	if (ret) {
		free(c);
		return ret;
	}
	c->tx = &c->seg.shared->rings[c->seg.end];
	c->rx = &c->seg.shared->rings[!c->seg.end];
	c->self = &c->seg.shared->ends[c->seg.end];
	c->peer = &c->seg.shared->ends[!c->seg.end];
	c->tx_pi = atomic_load(&c->tx->bytes_pi);
	c->tx_ci = atomic_load(&c->tx->bytes_ci);
	c->rx_ci = atomic_load(&c->rx->bytes_ci);
	link_check(c);
	*out = &c->w;
	return 0;
}

const struct wire_kind wire_cable = {"cable", ':', cable_check, cable_open};
