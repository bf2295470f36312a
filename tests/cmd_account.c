/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accounting against a second implementation that keeps every sequence that ever came and
 * searches through all of them, on random histories of several senders.
 */
#include "tap.h"
#include "common/account.h"

#include <stdbool.h>
#include <string.h>

#define SEEDS   400
#define FLOWS   3
#define PACKETS 700 /* of all flows */
#define LIVES   4

static uint64_t random_state;

/* splitmix64 */
static uint64_t random64(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static bool chance(unsigned per_mille)
{
	return random64() % 1000 < per_mille;
}

/* ---- the naive implementation --------------------------------------------- */

struct naive {
	uint64_t came[LIVES][3 * PACKETS];
	unsigned n[LIVES], life;
	uint64_t first[LIVES], next[LIVES], newest, previous;
	bool any;
	struct account_numbers numbers;
};

static bool has(const struct naive *f, unsigned life, uint64_t sequence)
{
	unsigned i;

	for (i = 0; i < f->n[life]; i++)
		if (f->came[life][i] == sequence)
			return true;
	return false;
}

static void naive_put(struct naive *f, uint64_t sequence)
{
	if (!has(f, f->life, sequence))
		f->came[f->life][f->n[f->life]++] = sequence;
	if (sequence >= f->next[f->life])
		f->next[f->life] = sequence + 1;
}

static void naive_packet(struct naive *f, const struct account_opts *o, uint64_t sequence,
                         uint64_t time_ns)
{
	uint64_t next;

	f->numbers.received++;
	if (f->life && time_ns <= f->previous) {
		f->numbers.late++;
		return;
	}
	if (!f->any && o->join)
		f->first[0] = f->next[0] = sequence;
	f->any = true;
	if (sequence < f->next[f->life] && time_ns > f->newest) {
		f->previous = f->newest;
		f->life++;
		f->numbers.restarts++;
	}
	if (time_ns > f->newest)
		f->newest = time_ns;
	next = f->next[f->life];
	if (sequence >= next) {
		naive_put(f, sequence);
	} else if (next - sequence > o->window || sequence < f->first[f->life]) {
		f->numbers.late++;
	} else if (has(f, f->life, sequence)) {
		f->numbers.duplicated++;
	} else {
		naive_put(f, sequence);
		f->numbers.reordered++;
		if (next - 1 - sequence > f->numbers.distance_max)
			f->numbers.distance_max = next - 1 - sequence;
	}
}

static bool naive_damaged(struct naive *f, const struct account_opts *o,
                          uint64_t sequence, uint64_t time_ns)
{
	uint64_t next = f->next[f->life];

	if (!f->any && o->join)
		return false;
	if (sequence < f->first[f->life] ||
	    (next > sequence && next - sequence > o->window) ||
	    (sequence >= next && sequence - next >= o->window))
		return false;
	f->any = true;
	f->numbers.corrupted++;
	if (time_ns > f->newest)
		f->newest = time_ns;
	naive_put(f, sequence);
	return true;
}

/* Of the sequences in [first, end) of a life, those that did not come. */
static uint64_t naive_missing(const struct naive *f, unsigned life, uint64_t end)
{
	uint64_t have = 0;
	unsigned i;

	if (end <= f->first[life])
		return 0;
	for (i = 0; i < f->n[life]; i++)
		have += f->came[life][i] < end;
	return end - f->first[life] - have;
}

static uint64_t naive_lost(const struct naive *f, const struct account_opts *o,
                           bool is_over)
{
	uint64_t end = f->next[f->life], lost = 0;
	unsigned i;

	for (i = 0; i < f->life; i++)
		lost += naive_missing(f, i, f->next[i]);
	if (!is_over)
		end = end > o->window ? end - o->window : 0;
	return lost + naive_missing(f, f->life, end);
}

/* ---- histories ------------------------------------------------------------ */

struct arrival {
	uint64_t key; /* sorts them */
	uint64_t sequence, time_ns;
	uint32_t flow;
	bool damaged;
};

struct character {
	unsigned lose, copy, delay, delay_max, damage, restart, leap, stamp;
};

static int by_key(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static void put(struct arrival *to, unsigned i, uint32_t flow, uint64_t sequence,
                uint64_t time_ns, const struct character *c)
{
	uint64_t place = i;

	if (chance(c->delay))
		place += random64() % c->delay_max;
	*to = (struct arrival){.key = place << 20 | random64() % (1 << 20),
	                       .sequence = sequence,
	                       .time_ns = time_ns,
	                       .flow = flow,
	                       .damaged = chance(c->damage)};
	if (!chance(500)) /* of those sent at one instant the order is the senders' */
		to->key = place << 20 | i;
}

static unsigned make_history(struct arrival *to, const struct character *c)
{
	uint64_t sequence[FLOWS] = {0}, now = 1000;
	unsigned restarts[FLOWS] = {0}, i, n = 0;
	uint32_t f;

	for (i = 0; i < PACKETS; i++) {
		f = (uint32_t)(random64() % FLOWS);
		if (chance(c->restart) && restarts[f] < LIVES - 1) {
			restarts[f]++;
			sequence[f] = 0;
			now++;
		}
		if (chance(c->leap))
			sequence[f] += random64() >> random64() % 64 >> 8;
		if (!chance(c->stamp)) /* a burst has one time */
			now++;
		if (!chance(c->lose))
			put(&to[n++], i, f, sequence[f], now, c);
		if (chance(c->copy))
			put(&to[n++], i, f, sequence[f], now, c);
		sequence[f]++;
	}
	qsort(to, n, sizeof(*to), by_key);
	return n;
}

static unsigned pick(unsigned a, unsigned b, unsigned c)
{
	unsigned of[3] = {a, b, c};

	return of[random64() % 3];
}

static bool same(const struct account_numbers *a, const struct account_numbers *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Both implementations; at some places in between the numbers so far are compared as well. */
static bool agree(struct account *a, const struct account_opts *o, struct naive *naive,
                  uint32_t id_base)
{
	struct account_numbers got, want;
	const struct account_flow *flow;
	uint32_t i;
	int over;

	for (i = 0; (flow = account_flow(a, i)); i++)
		for (over = 0; over < 2; over++) {
			got = account_flow_numbers(a, flow, over);
			want = naive[flow->id - id_base].numbers;
			want.latency_min = UINT64_MAX;
			want.lost = naive_lost(&naive[flow->id - id_base], o, over);
			if (!same(&got, &want)) {
				printf("# flow %u over %d: lost %" PRIu64 " want %" PRIu64
				       ", reordered %" PRIu64 " want %" PRIu64 "\n",
				       flow->id, over, got.lost, want.lost, got.reordered,
				       want.reordered);
				return false;
			}
		}
	return true;
}

static bool one_seed(uint64_t seed)
{
	static struct naive naive[FLOWS];
	static struct arrival history[2 * PACKETS];
	struct account_opts o = {.flows = 16};
	struct character c;
	struct account *a;
	uint32_t id_base;
	unsigned i, n;
	bool good = true;

	random_state = seed;
	o.window = pick(64, 128, 512);
	o.join = chance(300);
	id_base = (uint32_t)random64();
	if (id_base > UINT32_MAX - FLOWS)
		id_base = 0;
	c = (struct character){pick(0, 20, 500), pick(0, 20, 300), pick(0, 50, 900),
	                       pick(2, 50, 400), pick(0, 10, 100), pick(0, 0, 5),
	                       pick(0, 0, 3),    pick(0, 500, 950)};
	memset(naive, 0, sizeof(naive));
	n = make_history(history, &c);
	a = account_create(&o);
	for (i = 0; i < n && good; i++) {
		const struct arrival *v = &history[i];

		if (naive[v->flow].life == LIVES - 1 && !v->damaged &&
		    v->sequence < naive[v->flow].next[LIVES - 1] &&
		    v->time_ns > naive[v->flow].newest)
			continue; /* the naive one has no more room for lives */
		if (v->damaged) {
			good = account_damaged(a, id_base + v->flow, v->sequence,
			                       v->time_ns) ==
			       naive_damaged(&naive[v->flow], &o, v->sequence,
			                     v->time_ns);
		} else {
			account_packet(a, id_base + v->flow, v->sequence, v->time_ns,
			               LATENCY_NONE);
			naive_packet(&naive[v->flow], &o, v->sequence, v->time_ns);
		}
		if (i % 97 == 0)
			good = good && agree(a, &o, naive, id_base);
	}
	good = good && agree(a, &o, naive, id_base);
	account_free(a);
	return good;
}

static void against_naive(void)
{
	unsigned bad = 0;
	uint64_t seed;

	for (seed = 1; seed <= SEEDS; seed++)
		if (!one_seed(seed)) {
			printf("# seed %" PRIu64 "\n", seed);
			bad++;
		}
	is_u(bad, 0,
	     "%d random histories, each number of each flow, while running and at the "
	     "end",
	     SEEDS);
}

/* ---- by hand -------------------------------------------------------------- */

static struct account_numbers play(const struct account_opts *o,
                                   const uint64_t *sequences, const uint64_t *times,
                                   unsigned n)
{
	struct account *a = account_create(o);
	struct account_numbers sum;
	unsigned i;

	for (i = 0; i < n; i++)
		account_packet(a, 7, sequences[i], times ? times[i] : 1 + sequences[i],
		               LATENCY_NONE);
	sum = account_total(a, true);
	account_free(a);
	return sum;
}

/* RFC 4737: reordered is what is below the next expected sequence when it comes. */
static void rfc4737(void)
{
	const struct account_opts o = {.flows = 1, .window = 64};
	static const uint64_t s[] = {0, 1, 2, 6, 7, 8, 9, 3, 4, 5, 10};
	struct account_numbers n = play(&o, s, NULL, 11);

	is_u(n.reordered, 3, "RFC 4737: three packets are reordered");
	is_u(n.lost, 0, "and none is lost");
	is_u(n.distance_max, 6, "the farthest came 6 sequences behind");
}

static void restarts(void)
{
	const struct account_opts o = {.flows = 1, .window = 64};
	static const uint64_t s[] = {0, 1, 3, 0, 1, 2, 2, 5, 4};
	static const uint64_t t[] = {10, 11, 13, 20, 21, 22, 12, 25, 24};
	struct account_numbers n = play(&o, s, t, 9);

	is_u(n.restarts, 1, "a sender that begins again is recognised");
	is_u(n.lost, 2, "2 of its first life and 3 of its second are lost");
	is_u(n.late, 1, "what came from its first life after that is late");
	is_u(n.duplicated, 0, "nothing was duplicated");
	is_u(n.reordered, 1, "4 was reordered");
}

static void horizon(void)
{
	const struct account_opts o = {.flows = 1, .window = 64};
	static const uint64_t s[] = {0, 65, 1, 2, 1};
	struct account_numbers n = play(&o, s, NULL, 5);

	is_u(n.late, 2, "64 behind the highest is too late, twice");
	is_u(n.reordered, 1, "63 behind is reordered");
	is_u(n.lost, 63, "late ones stay lost");
}

static void many_flows(void)
{
	const struct account_opts o = {.flows = 10000, .window = 64};
	struct account *a = account_create(&o);
	struct account_numbers sum;
	uint32_t i;

	for (i = 0; i < 10001; i++)
		account_packet(a, i << 24 | i >> 8, 0, 1, i);
	for (i = 0; i < 10001; i++)
		account_packet(a, i << 24 | i >> 8, 2, 3, 20000 - i);
	sum = account_total(a, true);
	is_u(account_flow_count(a), 10000, "10,000 flows are told apart");
	is_u(account_strangers(a), 2, "packets of one more are strangers");
	is_u(sum.lost, 10000, "each of the flows lost one");
	ok(sum.latency_n == 20000 && !sum.latency_min && sum.latency_max == 20000 &&
	           sum.latency_sum == 200000000,
	   "latencies: number, least, most and sum");
	ok(account_memory(&o) < 10001 * 256, "memory is bounded: %zu bytes",
	   account_memory(&o));
	account_free(a);
}

static void extremes(void)
{
	const struct account_opts o = {.flows = 1, .window = 64};
	static const uint64_t s[] = {0, UINT64_MAX - 1};
	struct account_numbers n = play(&o, s, NULL, 2);

	is_u(n.lost, UINT64_MAX - 2, "a leap to the last sequence there is");
}

static void damaged(void)
{
	const struct account_opts o = {.flows = 1, .window = 64};
	struct account *a = account_create(&o);

	ok(!account_damaged(a, 1, 64, 5), "a damaged packet 64 ahead is not believed");
	ok(account_damaged(a, 1, 63, 5), "63 ahead it is");
	ok(!account_damaged(a, 2, 0, 5), "that of a flow too many is not");
	is_u(account_total(a, true).lost, 63, "and is not lost itself");
	account_packet(a, 1, 62, 4, LATENCY_NONE);
	is_u(account_total(a, true).restarts, 0, "one sent before it is no new sender");
	account_free(a);
}

int main(void)
{
	damaged();
	rfc4737();
	restarts();
	horizon();
	many_flows();
	extremes();
	against_naive();
	return done();
}
