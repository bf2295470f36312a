/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steering against a second implementation that shares nothing with it: frames are drawn as
 * descriptions, the model decides from the description by walking a plain list, the card gets the
 * bytes.  Argument: a seed; none: the clock's.
 */
#include "emu/nic/steering.h"
#include "tests/tap.h"

#include <string.h>
#include <time.h>

static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % below;
}

/* ---- descriptions ---- */

enum field {
	F_DMAC,
	F_SMAC,
	F_TYPE,
	F_VID,
	F_VTAG,
	F_VERSION,
	F_PROTO,
	F_DSCP,
	F_TTL,
	F_FRAG,
	F_SRC,
	F_DST,
	F_TCP_SPORT,
	F_TCP_DPORT,
	F_UDP_SPORT,
	F_UDP_DPORT,
	F_FLAGS,
	F_LAYER, /* those above exist twice: outer, inner */
	F_VNI = F_LAYER,
	F_GRE_KEY,
	F_GRE_TYPE,
	F_VID2,
	F_ICMP,
	F_COUNT
};

struct layer {
	unsigned dmac, smac; /* low 16 bits; the rest is 02:00:00:00 or 33:33:00:00 */
	bool multicast, tagged, double_tagged, frag;
	unsigned vid, vid2, version /* 0, 4, 6 */, proto, dscp, ttl, src, dst, sport,
		dport, flags;
};

struct frame {
	struct layer l[2];
	enum { PLAIN, VXLAN, GRE } tunnel;
	unsigned vni, key;
};

static void draw_layer(struct layer *l, bool inside)
{
	static const unsigned protos[] = {6, 17, 1, 132};

	memset(l, 0, sizeof(*l));
	l->dmac = draw(3);
	l->smac = draw(3);
	l->multicast = !inside && draw(4) == 0;
	l->tagged = draw(3) == 0;
	l->double_tagged = l->tagged && !inside && draw(2);
	l->vid = draw(3);
	l->vid2 = draw(3);
	l->version = (unsigned[]){0, 4, 4, 6}[draw(4)];
	l->proto = l->version == 6 && draw(4) == 0 ? 58 : protos[draw(4)];
	l->frag = l->version == 4 && draw(5) == 0;
	l->dscp = draw(2) * 46;
	l->ttl = 1 + draw(2);
	l->src = draw(3);
	l->dst = draw(3);
	l->sport = 1000 + draw(2);
	l->dport = 2000 + draw(2);
	l->flags = draw(2) ? 0x12 : 0x102; /* the second with NS, the ninth bit */
}

static void draw_frame(struct frame *f)
{
	draw_layer(&f->l[0], false);
	draw_layer(&f->l[1], true);
	f->tunnel = draw(2) ? PLAIN : 1 + draw(2);
	f->vni = 100 + draw(2);
	f->key = 7 + draw(2);
	if (f->tunnel == PLAIN)
		return;
	f->l[0].version = draw(2) ? 4 : 6;
	f->l[0].frag = false;
	f->l[0].proto = f->tunnel == VXLAN ? 17 : 47;
	if (f->tunnel == VXLAN)
		f->l[0].dport = 4789;
}

/* What a field of the layer is; 0 where it is not. */
static uint64_t layer_field(const struct layer *l, enum field f)
{
	bool ip = l->version != 0, whole = ip && !l->frag;
	bool tcp = whole && l->proto == 6, udp = whole && l->proto == 17;

	switch (f) {
	case F_DMAC:
		return (l->multicast ? 0x333300000000u : 0x020000000000u) | l->dmac;
	case F_SMAC:
		return 0x020000010000u | l->smac;
	case F_TYPE:
		return l->version == 4 ? 0x0800 : l->version == 6 ? 0x86dd : 0x88b5;
	case F_VID:
		return l->tagged ? l->vid : 0;
	case F_VTAG:
		return l->tagged && !l->double_tagged;
	case F_VERSION:
		return l->version;
	case F_PROTO:
		return ip ? l->proto : 0;
	case F_DSCP:
		return ip ? l->dscp : 0;
	case F_TTL:
		return ip ? l->ttl : 0;
	case F_FRAG:
		return ip && l->frag;
	case F_SRC:
		return ip ? 0x0a000000 | l->src : 0;
	case F_DST:
		return ip ? 0x0a000100 | l->dst : 0;
	case F_TCP_SPORT:
		return tcp ? l->sport : 0;
	case F_TCP_DPORT:
		return tcp ? l->dport : 0;
	case F_UDP_SPORT:
		return udp ? l->sport : 0;
	case F_UDP_DPORT:
		return udp ? l->dport : 0;
	case F_FLAGS:
		return tcp ? l->flags : 0;
	default:
		return 0;
	}
}

static uint64_t frame_field(const struct frame *f, bool inner, enum field field)
{
	const struct layer *o = &f->l[0];

	switch (field) {
	case F_VNI:
		return f->tunnel == VXLAN ? f->vni : 0;
	case F_GRE_KEY:
		return f->tunnel == GRE ? f->key : 0;
	case F_GRE_TYPE:
		return f->tunnel == GRE ? 0x6558 : 0;
	case F_VID2:
		return o->double_tagged ? o->vid2 : 0;
	case F_ICMP:
		return o->version == 4 && !o->frag && o->proto == 1 ? 8 : 0;
	default:
		return inner && f->tunnel == PLAIN ? 0 : layer_field(&f->l[inner], field);
	}
}

/* ---- bytes ---- */

static uint8_t bytes[256];
static unsigned length;

static void put(uint64_t value, unsigned size)
{
	while (size--)
		bytes[length++] = (uint8_t)(size < 8 ? value >> size * 8 : 0);
}

static void write_l4(const struct layer *l)
{
	if (l->proto == 6) {
		put(l->sport, 2), put(l->dport, 2), put(1, 4), put(2, 4);
		put(0x5000 | l->flags, 2), put(1024, 2), put(0, 4);
	} else if (l->proto == 17) {
		put(l->sport, 2), put(l->dport, 2), put(8, 2), put(0, 2);
	} else if (l->proto == 1) {
		put(0x0800, 2), put(0, 6);
	} else if (l->proto != 47) {
		put(0, 8);
	}
}

static void write_layer(const struct layer *l)
{
	put(layer_field(l, F_DMAC), 6), put(layer_field(l, F_SMAC), 6);
	if (l->double_tagged)
		put(0x88a8, 2), put(l->vid, 2), put(0x8100, 2), put(l->vid2, 2);
	else if (l->tagged)
		put(0x8100, 2), put(l->vid, 2);
	put(layer_field(l, F_TYPE), 2);
	if (l->version == 4) {
		put(0x45, 1), put(l->dscp << 2, 1), put(100, 2), put(0, 2);
		put(l->frag ? 0x2000 : 0x4000, 2), put(l->ttl, 1), put(l->proto, 1),
			put(0, 2);
		put(0x0a000000 | l->src, 4), put(0x0a000100 | l->dst, 4);
	} else if (l->version == 6) {
		put(0x60 | l->dscp >> 2, 1), put((l->dscp & 3) << 6, 1);
		put(0, 2), put(60, 2), put(l->proto, 1), put(l->ttl, 1);
		put(0, 8), put(0, 4), put(0x0a000000 | l->src, 4);
		put(0, 8), put(0, 4), put(0x0a000100 | l->dst, 4);
	}
	if (l->version)
		write_l4(l);
}

static void write_frame(const struct frame *f)
{
	length = 0;
	write_layer(&f->l[0]);
	if (f->tunnel == VXLAN)
		put(0x08000000, 4), put(f->vni << 8, 4);
	if (f->tunnel == GRE)
		put(0x2000, 2), put(0x6558, 2), put(f->key, 4);
	if (f->tunnel != PLAIN)
		write_layer(&f->l[1]);
	put(0, 20);
}

/* ---- rules ---- */

#define RULES_MAX 20
#define CONDS_MAX 4

struct cond {
	enum field field;
	bool inner;
	uint64_t value, mask;
};

struct model_rule {
	struct steering_rule *real;
	struct cond conds[CONDS_MAX];
	unsigned count, shape, priority, dest, number, slot;
	bool live, dont_trap, drop, multicast;
};

static struct model_rule rules[RULES_MAX];
static char dests[4];

/* Six masks per table: the groups that the kernel has room for. */
static const struct {
	unsigned count;
	struct {
		enum field field;
		bool inner;
		uint64_t mask;
	} c[3];
} shapes[] = {
	{0, {{0, false, 0}}},
	{1, {{F_DMAC, false, 0xffffffffffff}}},
	{3,
         {{F_VERSION, false, 15},
          {F_DST, false, 0xffffffff},
          {F_UDP_DPORT, false, 0xffff}}},
	{3, {{F_VTAG, false, 1}, {F_VID, false, 0xfff}, {F_TYPE, false, 0xffff}}},
	{3, {{F_VNI, false, 0xffffff}, {F_SRC, true, 0xff}, {F_TCP_SPORT, true, 0xffff}}},
	{3, {{F_FLAGS, false, 0x1ff}, {F_DSCP, false, 0x3f}, {F_TTL, false, 0xff}}},
	/* the second set, for odd priorities */
	{0, {{0, false, 0}}},
	{2, {{F_SMAC, false, 0xffff}, {F_FRAG, false, 1}}},
	{2, {{F_GRE_KEY, false, 0xffffffff}, {F_DMAC, true, 0xffffffffffff}}},
	{2, {{F_VID2, false, 0xfff}, {F_PROTO, false, 0xff}}},
	{3,
         {{F_ICMP, false, 0xff},
          {F_SRC, false, 0xffffffff},
          {F_TCP_DPORT, false, 0xffff}}},
	{3,
         {{F_GRE_TYPE, false, 0xffff},
          {F_UDP_SPORT, true, 0xffff},
          {F_VERSION, true, 15}}},
};

static void demand(struct match *m, const struct cond *c)
{
	static const unsigned layer[F_LAYER] = {
		[F_DMAC] = HW_MATCH_DMAC,           [F_SMAC] = HW_MATCH_SMAC,
		[F_TYPE] = HW_MATCH_ETHERTYPE,      [F_VID] = HW_MATCH_FIRST_VID,
		[F_VTAG] = HW_MATCH_CVLAN_TAG,      [F_VERSION] = HW_MATCH_IP_VERSION,
		[F_PROTO] = HW_MATCH_IP_PROTOCOL,   [F_DSCP] = HW_MATCH_IP_DSCP,
		[F_TTL] = HW_MATCH_TTL_HOPLIMIT,    [F_FRAG] = HW_MATCH_FRAG,
		[F_SRC] = HW_MATCH_SRC_IPV4,        [F_DST] = HW_MATCH_DST_IPV4,
		[F_TCP_SPORT] = HW_MATCH_TCP_SPORT, [F_TCP_DPORT] = HW_MATCH_TCP_DPORT,
		[F_UDP_SPORT] = HW_MATCH_UDP_SPORT, [F_UDP_DPORT] = HW_MATCH_UDP_DPORT,
		[F_FLAGS] = HW_MATCH_TCP_FLAGS,
	};
	static const unsigned misc[F_COUNT] = {
		[F_VNI] = HW_MATCH_VXLAN_VNI,
		[F_GRE_KEY] = HW_MATCH_GRE_KEY,
		[F_GRE_TYPE] = HW_MATCH_GRE_PROTOCOL,
		[F_VID2] = HW_MATCH_FIELD(0x044, 12), /* the id of OUTER_SECOND_TCI */
	};
	uint8_t value[6], mask[6];

	if (c->field <= F_SMAC) {
		for (unsigned i = 0; i < 6; i++) {
			value[i] = (uint8_t)(c->value >> (40 - 8 * i));
			mask[i] = (uint8_t)(c->mask >> (40 - 8 * i));
		}
		match_field(m, c->inner ? HW_MATCH_INNER : HW_MATCH_OUTER,
		            layer[c->field], value, mask);
	} else if (c->field < F_LAYER) {
		match_u32(m, c->inner ? HW_MATCH_INNER : HW_MATCH_OUTER, layer[c->field],
		          (uint32_t)c->value, (uint32_t)c->mask);
	} else if (c->field == F_ICMP) {
		match_u32(m, HW_MATCH_MISC3, HW_MATCH_ICMP_TYPE, (uint32_t)c->value,
		          (uint32_t)c->mask);
	} else {
		match_u32(m, HW_MATCH_MISC, misc[c->field], (uint32_t)c->value,
		          (uint32_t)c->mask);
	}
}

/* Table by the documented order: smaller is asked first. */
static unsigned model_table(const struct model_rule *r)
{
	return r->multicast && !r->dont_trap ? 1000 : r->priority * 2 + !r->dont_trap;
}

static bool same_match(const struct model_rule *a, const struct model_rule *b)
{
	return a->shape == b->shape &&
	       !memcmp(a->conds, b->conds, a->count * sizeof(a->conds[0]));
}

/* Place of a mask's group in its table: that of its other rules, or the first free one of six. */
static unsigned model_slot(const struct model_rule *r)
{
	bool taken[RULES_MAX] = {false};
	unsigned slot = 0;

	for (unsigned i = 0; i < RULES_MAX; i++) {
		if (!rules[i].live || model_table(&rules[i]) != model_table(r))
			continue;
		if (rules[i].shape == r->shape)
			return rules[i].slot;
		taken[rules[i].slot] = true;
	}
	while (taken[slot])
		slot++;
	return slot;
}

static void draw_rule(struct model_rule *r)
{
	struct frame f;

	memset(r, 0, sizeof(*r));
	r->priority = draw(4);
	r->shape = draw(6) + (r->priority & 1) * 6;
	r->dest = draw(4);
	r->dont_trap = draw(4) == 0;
	r->drop = !r->dont_trap && draw(6) == 0;
	r->count = shapes[r->shape].count;
	draw_frame(&f); /* values that frames will have */
	for (unsigned i = 0; i < r->count; i++) {
		struct cond *c = &r->conds[i];

		c->field = shapes[r->shape].c[i].field;
		c->inner = shapes[r->shape].c[i].inner;
		c->mask = shapes[r->shape].c[i].mask;
		c->value = frame_field(&f, c->inner, c->field) & c->mask;
		if (c->field == F_DMAC && !c->inner && c->value >> 40 & 1)
			r->multicast = true;
	}
}

/* Add to both; the model refuses what differs only in its fate. */
static void add_rule(struct steering *s, unsigned at)
{
	struct model_rule *r = &rules[at];
	struct match m = {0};
	struct steering_rule_opts o = {.match = &m};
	bool conflict = false;
	int ret;

	draw_rule(r);
	for (unsigned i = 0; i < RULES_MAX; i++)
		conflict |= i != at && rules[i].live &&
		            model_table(&rules[i]) == model_table(r) &&
		            same_match(&rules[i], r) && rules[i].drop != r->drop;
	for (unsigned i = 0; i < r->count; i++)
		demand(&m, &r->conds[i]);
	o.priority = r->priority;
	o.dont_trap = r->dont_trap;
	o.drop = r->drop;
	o.dest = r->drop ? NULL : &dests[r->dest];
	ret = steering_add(s, &o, &r->real);
	if (conflict != (ret != 0)) {
		ok(false, "adding: %d, the model says %s", ret,
		   conflict ? "refuse" : "add");
		exit(1);
	}
	r->slot = model_slot(r);
	r->live = !ret;
}

/* ---- deciding, the slow way ---- */

static bool model_hits(const struct model_rule *r, const struct frame *f)
{
	for (unsigned i = 0; i < r->count; i++)
		if ((frame_field(f, r->conds[i].inner, r->conds[i].field) &
		     r->conds[i].mask) != r->conds[i].value)
			return false;
	return true;
}

/* The rules in one table that get the frame: all of the first group that hits. */
static unsigned model_hit_slot(const struct frame *f, unsigned table)
{
	unsigned best = RULES_MAX;

	for (unsigned i = 0; i < RULES_MAX; i++)
		if (rules[i].live && model_table(&rules[i]) == table &&
		    rules[i].slot < best && model_hits(&rules[i], f))
			best = rules[i].slot;
	return best;
}

struct expected {
	unsigned copies[4];
	bool dropped, ended;
};

static void model_decide(const struct frame *f, struct expected *e)
{
	memset(e, 0, sizeof(*e));
	for (unsigned table = 0; table <= 1000 && !e->ended; table++) {
		unsigned slot = model_hit_slot(f, table), got[4] = {0};

		if (slot == RULES_MAX)
			continue;
		for (unsigned i = 0; i < RULES_MAX; i++) {
			const struct model_rule *r = &rules[i];

			if (!r->live || model_table(r) != table || r->slot != slot ||
			    !model_hits(r, f))
				continue;
			e->dropped |= r->drop;
			e->ended |= !r->dont_trap;
			got[r->dest] |= !r->drop;
		}
		for (unsigned d = 0; d < 4; d++)
			e->copies[d] += got[d];
	}
}

static bool agrees(const struct expected *e, const struct steering_verdict *v)
{
	unsigned copies[4] = {0};

	for (unsigned i = 0; i < v->count; i++)
		copies[(char *)v->dests[i].dest - dests]++;
	return !memcmp(copies, e->copies, sizeof(copies)) && v->dropped == e->dropped;
}

int main(int argc, char **argv)
{
	struct steering *s = steering_create();
	struct steering_verdict v;
	unsigned differ = 0, hits = 0;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	printf("# seed %" PRIu64 "\n", seed);
	for (unsigned step = 0; step < 60000 && !differ; step++) {
		unsigned at = draw(RULES_MAX);
		struct expected e;
		struct packet p;
		struct frame f;

		if (rules[at].live) {
			steering_remove(s, rules[at].real);
			rules[at].live = false;
		} else if (draw(3)) {
			add_rule(s, at);
		}
		draw_frame(&f);
		write_frame(&f);
		packet_parse(&p, bytes, length, length);
		steering_decide(s, &p, &v);
		model_decide(&f, &e);
		hits += e.ended;
		if (!agrees(&e, &v)) {
			printf("# step %u: card %u copies, dropped %d; model %u %u %u "
			       "%u, %d\n",
			       step, v.count, v.dropped, e.copies[0], e.copies[1],
			       e.copies[2], e.copies[3], e.dropped);
			differ++;
		}
	}
	ok(!differ, "60000 frames under changing rules go where the model says");
	ok(hits > 20000 && hits < 59000, "frames hit and miss (%u hit)", hits);
	steering_destroy(s);
	return done();
}
