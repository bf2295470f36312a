/* SPDX-License-Identifier: BSD-2-Clause */
/* Pacing on a clock of our own: what is due when, and that nothing ever goes early. */
#include "tap.h"

#include <math.h>
#include "common/pace.h"

#define T0 UINT64_C(1000000000000)
#define MS UINT64_C(1000000)

/* What may go now, taken. */
static unsigned take(struct pacer *p, uint64_t now)
{
	static uint64_t due[4096];

	return pacer_take(p, now, 4096, due);
}

static void check_steps(void)
{
	static const struct pace_shape shape = {.burst = 64};
	uint64_t due[16];
	struct pacer p;

	pacer_start_shaped(&p, 1000, 0, 1, T0, &shape); /* one packet a millisecond */
	is_u(pacer_take(&p, T0, 16, due), 1, "the first packet is due at the start");
	is_u(take(&p, T0), 0, "and no other");
	is_u(pacer_next_ns(&p), T0 + MS, "the next one is due 1 / rate later");
	is_u(take(&p, T0 + MS - 1), 0, "not a nanosecond before that");
	is_u(take(&p, T0 + MS), 1, "then it is");
	is_u(pacer_take(&p, T0 + 10 * MS, 16, due), 9, "a late sender catches up");
	is_u(due[0], T0 + 2 * MS, "and is told when each was due");
	is_u(due[8], T0 + 10 * MS, "to the last");
	is_u(pacer_scheduled(&p, T0 + 12 * MS), 13, "what was due is known");
}

static void check_given_up(void)
{
	static const struct pace_shape shape = {.burst = 64};
	unsigned sent = 0, ms;
	struct pacer p;

	pacer_start_shaped(&p, 1000, 0, 1, T0, &shape);
	is_u(take(&p, T0 + 500 * MS), 32, "half a burst at once, however late");
	is_u(take(&p, T0 + 500 * MS), 0, "and not twice");
	for (ms = 1; ms <= 10; ms++)
		sent += take(&p, T0 + (500 + ms) * MS);
	is_u(sent, 32 + 10, "the other half in the next 10 ms, besides the rate");
	pacer_start_shaped(&p, 1000, 0, 1, T0, &shape);
	take(&p, T0 + 5000 * MS);
	is_u(p.given_up_ns, 4000 * MS, "what is more than a second late is given up");
	is_u(pacer_scheduled(&p, T0 + 5000 * MS), 1001, "and was not due any more");
}

static void check_shares(void)
{
	struct pacer a, b;

	pacer_start(&a, 1000, 0, 2, T0);
	pacer_start(&b, 1000, 1, 2, T0);
	is_u(take(&b, T0), 0, "of two senders the second one starts later");
	is_u(take(&b, T0 + MS), 1, "by 1 / rate");
	take(&a, T0);
	is_u(pacer_next_ns(&a), T0 + 2 * MS, "and each has half the rate");
}

/* A sender that asks at odd moments: n packets never before (n - 1) / rate. */
static void check_never_early(void)
{
	static const struct pace_shape shape = {.burst = 64};
	struct pacer p;
	uint64_t now = T0, sent = 0, early = 0;
	unsigned i;

	pacer_start_shaped(&p, 3333333, 0, 1, T0, &shape);
	for (i = 0; i < 100000; i++) {
		now += 1 + (i * 7919u) % 1000;
		sent += take(&p, now);
		/* sent <= 1 + elapsed * 3333333 / 1e9, in integers */
		early += sent && (sent - 1) * UINT64_C(1000000000) > (now - T0) * 3333333;
	}
	is_u(early, 0, "no packet of %" PRIu64 " went early", sent);
	ok(sent + 2 > (now - T0) * 3333333 / UINT64_C(1000000000), "and none is missing");
}

static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*state >> 32);
}

/* Ten seconds of a sender on a busy machine: it looks at the clock every 1 to 30 us, every 4 ms
 * an interrupt takes as long as 50 us, and once a second or so somebody else has the CPU for as
 * long as 2 ms.  Each look at which packets went is kept. */
enum { LOOKS_MAX = 2000000 };
static struct look {
	uint64_t ns;
	unsigned n;
} looks[LOOKS_MAX];

static unsigned ten_seconds(double pps, const struct pace_shape *shape, uint64_t seed)
{
	uint64_t now = T0, next;
	struct pacer p;
	unsigned n = 0;

	pacer_start_shaped(&p, pps, 0, 1, now, shape);
	while (now < T0 + 10000 * MS && n < LOOKS_MAX) {
		looks[n] = (struct look){now, take(&p, now)};
		n += looks[n].n > 0;
		next = pacer_next_ns(&p);
		if (next > now + 200000)
			now = next - 60000;
		now += 1000 + draw(&seed) % 29000;
		if (draw(&seed) % 256 == 0)
			now += draw(&seed) % (MS / 20);
		if (draw(&seed) % 65536 == 0)
			now += draw(&seed) % (2 * MS);
	}
	return n;
}

/* The most packets in 10 ms less what the rate makes in that time. */
static double worst_excess(double pps, unsigned n)
{
	double most = 0, sum = 0;
	unsigned first = 0, i;

	for (i = 0; i < n; i++) {
		sum += looks[i].n;
		while (looks[first].ns + PACE_WINDOW_NS <= looks[i].ns)
			sum -= looks[first++].n;
		most = fmax(most, sum);
	}
	return most - pps / 1e9 * (double)PACE_WINDOW_NS;
}

static void check_rate(double pps, uint64_t seed)
{
	static const struct pace_shape shape = {.burst = 64};
	double burst = fmax(64, pps / 1e4), total = 0;
	unsigned n = ten_seconds(pps, &shape, seed), i;

	for (i = 0; i < n; i++)
		total += looks[i].n;
	ok(fabs(total - pps * 10) <= fmax(pps * 10 * 0.001, 1),
	   "%.0f pps on a busy machine: %.0f packets in 10 s (seed %" PRIu64 ")", pps,
	   total, seed);
	ok(worst_excess(pps, n) <= burst + 1,
	   "and in no 10 ms more than a burst too many: %.1f", worst_excess(pps, n));
}

static void check_ten_seconds(void)
{
	static const double rates[] = {1, 7, 1000, 33333, 1e6, 7.3e6, 30e6};
	uint64_t seed = 20;
	unsigned i;

	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		check_rate(rates[i], seed++);
}

/* A queue without room takes what is due in parts. */
static void check_parts(void)
{
	uint64_t due[4];
	static const struct pace_shape shape = {.burst = 64};
	struct pacer p;

	pacer_start_shaped(&p, 1000, 0, 1, T0, &shape);
	is_u(pacer_take(&p, T0 + 5 * MS, 4, due), 4, "no more than there is room for");
	is_u(pacer_take(&p, T0 + 5 * MS, 4, due), 2, "the others later");
}

static void check_gaps(void)
{
	static const struct pace_shape gaps = {.train = 4, .gap_ns = 10 * MS};
	uint64_t due[8];
	struct pacer p;

	pacer_start_shaped(&p, 1000, 0, 1, T0, &gaps);
	is_u(take(&p, T0), 1, "within a train the rate holds");
	is_u(pacer_take(&p, T0 + 3 * MS, 8, due), 3, "to its last packet");
	is_u(pacer_next_ns(&p), T0 + 14 * MS, "the next train is a gap behind it");
	is_u(take(&p, T0 + 14 * MS - 1), 0, "not earlier");
	is_u(take(&p, T0 + 14 * MS), 1, "then it begins");
	ok(pace_packets(1000, &gaps, 28 * MS) == 8, "two trains take 28 ms");

	pacer_start_shaped(&p, 0, 0, 1, T0, &gaps);
	is_u(pacer_take(&p, T0, 3, due), 3, "without a rate a train goes at once");
	is_u(take(&p, T0 + MS), 1, "what had no room as soon as it has");
	is_u(pacer_next_ns(&p), T0 + 11 * MS, "and the gap begins behind that");
	is_u(take(&p, T0 + 500 * MS), 4, "one train, however late");
	is_u(take(&p, T0 + 500 * MS), 0, "and no other before its gap is over");
}

static void check_rates(void)
{
	struct rate pps = {RATE_PPS, 5e6}, bps = {RATE_BPS, 1e9},
		    part = {RATE_PERCENT, 100};

	ok(rate_pps(&pps, 60, 0) == 5e6, "packets per second are what they are");
	ok(rate_pps(&bps, 125, 0) == 1e6, "1 Gbit/s of 125 bytes is 1 Mpps");
	/* RFC 2544's 14,880,952 frames/s of 64 bytes with FCS on 10 Gbit/s */
	is_u(rate_pps(&part, 60, 10000), 14880952, "a full 10 Gbit/s link");
	ok(rate_pps(&part, 60, 0) == 0, "no per cent of an unknown speed");
}

static void check_trains(void)
{
	static const struct pace_shape trains = {.train = 4};
	uint64_t due[4];
	struct pacer p;

	pacer_start_shaped(&p, 1000, 0, 1, T0, &trains);
	is_u(pacer_take(&p, T0, 3, due), 3,
	     "a train goes whole, when its first packet is due");
	is_u(pacer_next_ns(&p), T0, "its last packet as well, if it had no room");
	is_u(take(&p, T0), 1, "and that one alone");
	is_u(pacer_next_ns(&p), T0 + 4 * MS, "the next train is due as the rate demands");
	is_u(take(&p, T0 + 4 * MS - 1), 0, "not before that");
	is_u(take(&p, T0 + 4 * MS), 4, "then it is");
}

static void check_ramp(void)
{
	static const struct pace_shape ramp = {.ramp_ns = 1000 * MS, .burst = 1024};
	struct pacer p;

	pacer_start_shaped(&p, 1000, 0, 1, T0, &ramp);
	/* half of the rate on average: 1000/s * t^2 / 2 s */
	is_u(take(&p, T0), 1, "a ramp begins with its first packet");
	is_u(take(&p, T0 + 500 * MS), 125, "after half the time an eighth has gone");
	is_u(take(&p, T0 + 1000 * MS), 375, "after all of it a half");
	is_u(take(&p, T0 + 1100 * MS), 100, "then the rate holds");
	ok(pace_packets(1000, &ramp, 2000 * MS) == 1500, "1,500 packets in 2 s");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: the gaps against 1 - exp(-rate t); 1.63 / sqrt(n) is their 1 % bound. */
static void check_poisson(void)
{
	static const struct pace_shape poisson = {.poisson = true, .seed = 1};
	enum { N = 20000 };
	static double gaps[N];
	double d = 0, f, below;
	uint64_t last = T0, now, due;
	struct pacer p;
	unsigned i;

	pacer_start_shaped(&p, 100000, 0, 1, T0, &poisson);
	for (i = 0; i < N; i++) {
		now = pacer_next_ns(&p);
		if (now < last) /* two within a nanosecond */
			now = last;
		pacer_take(&p, now, 1, &due);
		gaps[i] = (double)(now - last);
		last = now;
	}
	ok((double)(last - T0) > 0.98 * N * 1e4 && (double)(last - T0) < 1.02 * N * 1e4,
	   "20,000 Poisson arrivals take the time that the rate says");
	qsort(gaps, N, sizeof(gaps[0]), compare);
	for (i = 0; i < N; i++) {
		f = 1 - exp(-gaps[i] / 1e4);
		below = (double)i / N;
		d = fmax(d, fmax(f - below, below + 1.0 / N - f));
	}
	ok(d < 1.63 / sqrt(N), "their gaps are exponentially distributed (D = %.4f)", d);
}

int main(void)
{
	check_trains();
	check_ramp();
	check_poisson();
	check_steps();
	check_parts();
	check_gaps();
	check_ten_seconds();
	check_given_up();
	check_shares();
	check_never_early();
	check_rates();
	return done();
}
