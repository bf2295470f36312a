/* SPDX-License-Identifier: BSD-2-Clause */
#include "naive_rules.h"

#include <arpa/inet.h>

/* The card looks into no fragment, not even the first, and into no header that is cut off; the
 * steering program needs the ports alone. */
static bool has_l4(enum rawq_backend backend, const struct seen *s, unsigned left,
                   bool fragment)
{
	if (backend == RAWQ_XDP)
		return left >= 4;
	return !fragment && left >= (s->proto == 6 ? 20 : s->proto == 17 ? 8 : 4);
}

static void look_at_l4(enum rawq_backend backend, struct seen *s, const uint8_t *p,
                       unsigned left, bool fragment)
{
	if (!has_l4(backend, s, left, fragment))
		return;
	if (s->proto == 47) {
		s->id = get16(p) & 0x2000 && left >= 8;
		s->tunnel = s->id ? get16(p + 4) << 16 | get16(p + 6) : 0;
	}
	if (s->proto != 6 && s->proto != 17)
		return;
	s->ports = true;
	s->sport = get16(p);
	s->dport = get16(p + 2);
	if (s->proto == 17 && s->dport == 4789 && left >= 16 && p[8] & 8) {
		s->id = true;
		s->tunnel = (unsigned)p[12] << 16 | get16(p + 13);
	}
}

struct seen look_at(enum rawq_backend backend, const struct frame *f)
{
	struct seen s = {.b = f->bytes, .type = get16(f->bytes + 12)};
	unsigned at = 14, head;

	if (s.type == 0x8100 && f->len >= 18) {
		s.tagged = true;
		s.tci = get16(f->bytes + 14);
		s.type = get16(f->bytes + 16);
		at = 18;
	}
	head = s.type == 0x0800 ? 20 : 40;
	if ((s.type != 0x0800 && s.type != 0x86dd) || f->len < at + head)
		return s;
	s.ip = true;
	s.ip_bytes = s.type == 0x0800 ? 4 : 16;
	s.proto = f->bytes[at + (s.ip_bytes == 4 ? 9 : 6)];
	s.src = f->bytes + at + (s.ip_bytes == 4 ? 12 : 8);
	s.dst = s.src + s.ip_bytes;
	if (s.ip_bytes == 4 && get16(f->bytes + at + 6) & 0x1fff)
		return s;
	look_at_l4(backend, &s, f->bytes + at + head, f->len - at - head,
	           s.ip_bytes == 4 && get16(f->bytes + at + 6) & 0x3fff);
	return s;
}

static bool bytes_fit(const uint8_t *have, const uint8_t *value, const uint8_t *mask,
                      unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if ((have[i] & mask[i]) != value[i])
			return false;
	}
	return true;
}

static bool asks(const uint8_t *mask, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (mask[i])
			return true;
	}
	return false;
}

static bool port_fits(unsigned have, uint16_t value, uint16_t mask, uint16_t last)
{
	if (!mask)
		return true;
	return have >= ntohs(value) && have <= (last ? ntohs(last) : ntohs(value));
}

static bool rule_fits(const struct rawq_rule_opts *o, const struct seen *s)
{
	const struct rawq_rule_key *v = &o->value, *m = &o->mask;

	if (!bytes_fit(s->b, v->dst_mac, m->dst_mac, 6) ||
	    !bytes_fit(s->b + 6, v->src_mac, m->src_mac, 6) ||
	    s->type != ntohs(v->ethertype))
		return false;
	if (m->vlan && (!s->tagged || (s->tci & 0xfff) != ntohs(v->vlan)))
		return false;
	if (asks(m->src_ip, 16) &&
	    (!s->ip || !bytes_fit(s->src, v->src_ip, m->src_ip, s->ip_bytes)))
		return false;
	if (asks(m->dst_ip, 16) &&
	    (!s->ip || !bytes_fit(s->dst, v->dst_ip, m->dst_ip, s->ip_bytes)))
		return false;
	if (m->ip_proto && (!s->ip || s->proto != v->ip_proto))
		return false;
	if ((m->src_port || m->dst_port) && !s->ports)
		return false;
	if (!port_fits(s->sport, v->src_port, m->src_port, o->src_port_last) ||
	    !port_fits(s->dport, v->dst_port, m->dst_port, o->dst_port_last))
		return false;
	return !m->tunnel_id || (s->id && s->tunnel == ntohl(v->tunnel_id));
}

unsigned best_priority(const struct naive_rules *n, const struct seen *s)
{
	unsigned best = PRIORITIES;

	for (unsigned i = 0; i < n->count; i++) {
		if (n->rules[i].priority < best && rule_fits(&n->rules[i], s))
			best = n->rules[i].priority;
	}
	return best;
}

bool may_have(const struct naive_rules *n, const struct seen *s, unsigned i)
{
	unsigned best = best_priority(n, s);

	if (i < n->count)
		return n->rules[i].queues && n->rules[i].priority == best &&
		       rule_fits(&n->rules[i], s);
	for (i = 0; i < n->count; i++) {
		if (!n->rules[i].queues && n->rules[i].priority == best &&
		    rule_fits(&n->rules[i], s))
			return true;
	}
	return false;
}
