/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets with rates of their own: read from their text, and each by its time. */
#include "tap.h"

#include "common/schedule.h"

#include <string.h>

#define MS UINT64_C(1000000)

static struct packet *compile(const char *text)
{
	struct packet_opts opts = {.seed = 1};
	struct packet_error err;
	struct packet *p = NULL;

	if (packet_compile(text, &opts, &p, &err)) {
		printf("Bail out! %s: %s\n", text, err.text);
		exit(1);
	}
	return p;
}

static void check_text(void)
{
	struct packet *p = compile("udp @ 10kpps + tcp @(rate=1Gbps,size=list(60,100),"
	                           "arrivals=poisson) + arp @(train=8,gap=5ms)");
	const struct packet_stream *s = packet_stream(p, 0);

	is_u(packet_count(p), 3, "three packets");
	ok(packet_has_rates(p), "have rates");
	ok(s->rate.unit == RATE_PPS && s->rate.value == 10000, "10,000 packets/s");
	s = packet_stream(p, 1);
	ok(s->rate.unit == RATE_BPS && s->rate.value == 1e9, "a gigabit");
	ok(s->shape.poisson && packet_stream_mean_length(p, 1) == 80,
	   "Poisson arrivals of 80 bytes on average");
	s = packet_stream(p, 2);
	ok(s->rate.unit == RATE_UNSET && s->shape.train == 8 && s->shape.gap_ns == 5 * MS,
	   "trains of eight, 5 ms apart");
	ok(!strcmp(packet_text(p, 0), "udp @ 10kpps "), "each has its part of the text");
	packet_free(p);
	p = compile("udp @ 3 + tcp @(weight=2,size=imix)");
	ok(!packet_has_rates(p), "weights are no rates");
	packet_free(p);
}

static void check_order(void)
{
	static const struct flow_plan plans[] = {{3000, {.burst = 64}, 10},
	                                         {1000, {.burst = 64}, UINT64_MAX}};
	unsigned n = 0, got[2] = {0, 0}, i, disorder = 0;
	struct pick picks[64];
	struct schedule s;

	schedule_init(&s, plans, 2, 0, 1, 1000 * MS);
	n = schedule_take(&s, 1000 * MS + 2 * MS, 64, picks);
	for (i = 0; i < n; i++) {
		got[picks[i].flow]++;
		disorder += i && picks[i].due_ns < picks[i - 1].due_ns;
	}
	is_u(got[0], 7, "of 3,000 packets/s 7 in 2 ms");
	is_u(got[1], 3, "of 1,000 packets/s 3");
	is_u(disorder, 0, "by the times that they were due at");
	is_u(schedule_due(&s, 1002 * MS), 10, "as many as were due");
	is_u(schedule_next_ns(&s), 1000 * MS + 2333334, "the next one is known");
	n = schedule_take(&s, 1000 * MS + 10 * MS, 64, picks);
	is_u(n, 3 + 8, "a plan ends with its count, the others go on");
	schedule_skip(&s, 0);
	schedule_free(&s);
}

int main(void)
{
	check_text();
	check_order();
	return done();
}
