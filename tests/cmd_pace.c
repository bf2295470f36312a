/* SPDX-License-Identifier: BSD-2-Clause */
/* Pacing on a clock of our own: what is due when, and that nothing ever goes early. */
#include "tap.h"

#include <math.h>
#include "common/pace.h"

#define T0 UINT64_C(1000000000000)
#define MS UINT64_C(1000000)

static void check_steps(void)
{
	struct pacer p;

	pacer_start(&p, 1000, 0, 1, T0); /* one packet a millisecond */
	is_u(pacer_due(&p, T0), 1, "the first packet is due at the start");
	pacer_sent(&p, 1);
	is_u(pacer_due(&p, T0), 0, "and no other");
	is_u(pacer_next_ns(&p), T0 + MS, "the next one is due 1 / rate later");
	is_u(pacer_due(&p, T0 + MS - 1), 0, "not a nanosecond before that");
	is_u(pacer_due(&p, T0 + MS), 1, "then it is");
	is_u(pacer_due(&p, T0 + 10 * MS), 10, "a late sender may catch up");
}

static void check_given_up(void)
{
	struct pacer p;

	pacer_start(&p, 1000, 0, 1, T0);
	is_u(pacer_due(&p, T0 + 500 * MS), 21, "but by 20 ms at most");
	pacer_sent(&p, 21);
	is_u(pacer_due(&p, T0 + 500 * MS), 0, "and not twice");
	is_u(pacer_next_ns(&p), T0 + 501 * MS, "then the rate goes on");
}

static void check_shares(void)
{
	struct pacer a, b;

	pacer_start(&a, 1000, 0, 2, T0);
	pacer_start(&b, 1000, 1, 2, T0);
	is_u(pacer_due(&b, T0), 0, "of two senders the second one starts later");
	is_u(pacer_due(&b, T0 + MS), 1, "by 1 / rate");
	pacer_sent(&a, 1);
	is_u(pacer_next_ns(&a), T0 + 2 * MS, "and each has half the rate");
}

/* A sender that asks at odd moments: n packets never before (n - 1) / rate. */
static void check_never_early(void)
{
	struct pacer p;
	uint64_t now = T0, sent = 0, early = 0, due;
	unsigned i;

	pacer_start(&p, 3333333, 0, 1, T0);
	for (i = 0; i < 100000; i++) {
		now += 1 + (i * 7919u) % 1000;
		due = pacer_due(&p, now);
		pacer_sent(&p, (unsigned)due);
		sent += due;
		/* sent <= 1 + elapsed * 3333333 / 1e9, in integers */
		early += sent && (sent - 1) * UINT64_C(1000000000) > (now - T0) * 3333333;
	}
	is_u(early, 0, "no packet of %" PRIu64 " went early", sent);
	ok(sent + 2 > (now - T0) * 3333333 / UINT64_C(1000000000), "and none is missing");
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
	struct pacer p;

	pacer_start_shaped(&p, 1000, 0, 1, T0, &trains);
	is_u(pacer_due(&p, T0), 4, "a train goes whole, when its first packet is due");
	pacer_sent(&p, 3);
	is_u(pacer_next_ns(&p), T0, "its last packet as well, if it had no room");
	is_u(pacer_due(&p, T0), 1, "and that one alone");
	pacer_sent(&p, 1);
	is_u(pacer_next_ns(&p), T0 + 4 * MS, "the next train is due as the rate demands");
	is_u(pacer_due(&p, T0 + 4 * MS - 1), 0, "not before that");
	is_u(pacer_due(&p, T0 + 4 * MS), 4, "then it is");
}

static void check_ramp(void)
{
	static const struct pace_shape ramp = {.ramp_ns = 1000 * MS};
	struct pacer p;

	pacer_start_shaped(&p, 1000, 0, 1, T0, &ramp);
	/* half of the rate on average: 1000/s * t^2 / 2 s */
	is_u(pacer_due(&p, T0), 1, "a ramp begins with its first packet");
	pacer_sent(&p, 125);
	is_u(pacer_next_ns(&p), T0 + 500 * MS, "after half the time an eighth has gone");
	pacer_sent(&p, 375);
	is_u(pacer_next_ns(&p), T0 + 1000 * MS, "after all of it a half");
	pacer_sent(&p, 100);
	is_u(pacer_next_ns(&p), T0 + 1100 * MS, "then the rate holds");
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
	uint64_t last = T0, now;
	struct pacer p;
	unsigned i;

	pacer_start_shaped(&p, 100000, 0, 1, T0, &poisson);
	for (i = 0; i < N; i++) {
		now = pacer_next_ns(&p);
		if (now < last) /* two within a nanosecond */
			now = last;
		pacer_due(&p, now);
		pacer_sent(&p, 1);
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
	check_given_up();
	check_shares();
	check_never_early();
	check_rates();
	return done();
}
