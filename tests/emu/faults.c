/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults: each kind does what doc/emulator.md says, and a bad plan is refused by line. */
#include "emu/nic/faults.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct faults *plan(const char *text)
{
	struct faults *f = NULL;
	char err[256] = "";

	if (faults_parse(text, &f, err, sizeof(err)))
		printf("# %s\n", err);
	return f;
}

static void test_refusals(void)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"\n# fine\nlinc at=1s for=1s", "line 3: 'linc' is not one of"},
		{"wqe queue=sq at=3", "line 1: 'wqe' needs 'syndrome='"},
		{"wqe queue=sq syndrome=2", "give one of at=, every= and chance="},
		{"wqe queue=sq syndrome=2 at=1 every=2",
	         "give one of at=, every= and chance="},
		{"wqe queue=cq syndrome=2 at=1", "'cq' is no value of 'queue'"},
		{"wqe queue=sq syndrome=256 at=1", "'256' is no value of 'syndrome'"},
		{"wqe queue=sq queue=rq syndrome=2 at=1", "'queue' twice"},
		{"wqe queue=sq syndrome=2 at=0", "'0' is no value of 'at'"},
		{"doorbell queue=sq do=late at=1", "by= belongs to"},
		{"doorbell queue=sq do=lose at=1 by=1ms", "by= belongs to"},
		{"frame way=tx do=unplug at=1", "by= belongs to"},
		{"frame way=rx do=drop chance=0%", "'0%' is no value of 'chance'"},
		{"frame way=rx do=drop chance=5", "'5' is no value of 'chance'"},
		{"link at=1 for=1ms", "'1' is no value of 'at'"},
		{"link at=0s for=2s every=1s", "for= must be shorter"},
		{"link at=0s for=0s", "'0s' is no value of 'for'"},
		{"clock at=1s step=fast", "'fast' is no value of 'step'"},
		{"call name=create_qp at=1 errno=EWHAT",
	         "'EWHAT' is no value of 'errno'"},
		{"call create_qp", "'create_qp' is not KEY=VALUE"},
		{"frame way=rx do=drop at=1 syndrome=1", "'frame' has no key 'syndrome'"},
		{"seed", "want 'seed NUMBER'"},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct faults *f;
		char err[256] = "";
		int ret = faults_parse(bad[i].text, &f, err, sizeof(err));

		ok(ret == -EINVAL && strstr(err, bad[i].says), "refused: %s", err);
	}
}

static void test_wqe(void)
{
	struct faults *f =
		plan("wqe queue=sq number=7 at=3 syndrome=0x02 vendor=0x68 # third\n"
	             "wqe queue=rq every=2 syndrome=0x04");
	struct fault_cqe cqe = {0};
	unsigned hits = 0;

	ok(!faults_wqe(f, FAULT_SQ, 7, &cqe) && !faults_wqe(f, FAULT_SQ, 8, &cqe) &&
	           !faults_wqe(f, FAULT_SQ, 7, &cqe),
	   "wqe: not before its time, other queues do not count");
	ok(faults_wqe(f, FAULT_SQ, 7, &cqe) && cqe.syndrome == 2 && cqe.vendor == 0x68,
	   "wqe: the third of queue 7 completes with its syndrome");
	for (unsigned i = 0; i < 100; i++)
		hits += faults_wqe(f, FAULT_SQ, 7, &cqe);
	is_u(hits, 0, "wqe: at= happens once");
	for (unsigned i = 0; i < 100; i++)
		hits += faults_wqe(f, FAULT_RQ, i, &cqe);
	ok(hits == 50 && cqe.syndrome == 4, "wqe: every=2 of all receive queues");
	ok(!faults_wqe(NULL, FAULT_SQ, 7, &cqe), "wqe: no plan, no fault");
	faults_free(f);
}

static void test_doorbell(void)
{
	struct faults *f = plan("doorbell queue=sq at=2 do=lose\n"
	                        "doorbell queue=sq at=3 do=late by=1.5ms\n"
	                        "doorbell queue=sq at=4 do=twice");
	uint64_t delay = 0;

	is_u(faults_doorbell(f, FAULT_SQ, 1, &delay), FAULT_SERVE,
	     "doorbell: the first is served");
	is_u(faults_doorbell(f, FAULT_SQ, 2, &delay), FAULT_LOSE,
	     "doorbell: the second is lost");
	is_u(faults_doorbell(f, FAULT_SQ, 2, &delay), FAULT_LATE,
	     "doorbell: the third is late");
	is_u(delay, 1500000, "doorbell: by as much as asked");
	is_u(faults_doorbell(f, FAULT_SQ, 2, &delay), FAULT_DUPLICATE,
	     "doorbell: the fourth twice");
	is_u(faults_doorbell(f, FAULT_RQ, 2, &delay), FAULT_SERVE,
	     "doorbell: receive queues are not named");
	faults_free(f);
}

static void test_times(void)
{
	struct faults *f =
		plan("link port=1 at=100ms for=10ms every=1s\nclock at=1s step=-5ms\n"
	             "clock at=2s step=1us every=1s");

	ok(!faults_link_down(f, 1, 99999999) && faults_link_down(f, 1, 100000000) &&
	           faults_link_down(f, 1, 109999999) &&
	           !faults_link_down(f, 1, 110000000),
	   "link: down from at= for so long");
	ok(faults_link_down(f, 1, 5105000000u) && !faults_link_down(f, 1, 5111000000u),
	   "link: and again with every=");
	ok(!faults_link_down(f, 0, 105000000), "link: of its port alone");
	ok(faults_clock(f, 999999999) == 0 && faults_clock(f, 1000000000) == -5000000,
	   "clock: steps at its time");
	ok(faults_clock(f, 4500000000u) == -5000000 + 3000, "clock: steps add up");
	faults_free(f);
}

static void test_call(void)
{
	struct faults *f = plan(
		"call name=create_qp at=2 errno=ENOSPC\ncall name=any every=5 errno=EIO");

	is_u(faults_call(f, "create_qp"), 0, "call: the first works");
	is_u(faults_call(f, "reg_mr"), 0, "call: others do");
	is_u(faults_call(f, "create_qp"), ENOSPC, "call: the second fails as asked");
	is_u(faults_call(f, "create_qp"), 0, "call: the third works");
	is_u(faults_call(f, "mmap"), EIO, "call: 'any' counts all of them");
	faults_free(f);
}

/* ---- frames, through a loop ---- */

static unsigned arrived[64], count;
static uint8_t last[64];

static unsigned rx(void *card, const struct wire_frame *frames, unsigned n)
{
	(void)card;
	for (unsigned i = 0; i < n && count < 64; i++) {
		wire_gather(last, &frames[i]);
		arrived[count++] = last[0];
	}
	return n;
}

static void link_changed(void *card, bool up)
{
	*(bool *)card = up;
}

static bool link_up;

static struct wire *spoilt(struct faults *f)
{
	const struct wire_client client = {&link_up, rx, link_changed};
	struct wire *w;
	char err[256];

	count = 0;
	if (wire_open("loop", &client, &w, err, sizeof(err)))
		exit(1);
	return faults_wire(f, 0, w, &client);
}

/* Send frames 1..n of 60 bytes of that value. */
static void send_numbers(struct wire *w, unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		uint8_t bytes[60];
		struct iovec seg = {bytes, sizeof(bytes)};
		struct wire_frame f = {&seg, 1, sizeof(bytes), 0};

		memset(bytes, (int)i, sizeof(bytes));
		wire_send(w, &f, 1);
	}
}

static bool order(const char *want)
{
	char got[256] = "";
	size_t len = 0;

	for (unsigned i = 0; i < count && len < 240; i++)
		len += (size_t)sprintf(got + len, "%s%u", i ? " " : "", arrived[i]);
	if (strcmp(got, want) != 0)
		printf("# arrived: %s\n", got);
	return !strcmp(got, want);
}

static void test_frames(const char *way)
{
	char text[128];
	struct faults *f;
	struct wire *w;

	snprintf(text, sizeof(text), "frame way=%s do=drop at=2", way);
	f = plan(text);
	w = spoilt(f);
	send_numbers(w, 4);
	ok(order("1 3 4"), "frame %s drop: the second is gone", way);
	is_u(w->stats.tx_lost + w->stats.rx_lost, 1, "frame %s drop: and counted", way);
	is_u(w->stats.tx_frames, 4, "frame %s drop: the sender does not notice", way);
	wire_set_link(w, false);
	ok(!wire_link_up(w) && !link_up, "frame %s: the link is that of the wire below",
	   way);
	wire_close(w);
	faults_free(f);

	snprintf(text, sizeof(text), "frame way=%s do=duplicate every=2", way);
	f = plan(text);
	w = spoilt(f);
	send_numbers(w, 4);
	ok(order("1 2 2 3 4 4"), "frame %s duplicate: every second twice", way);
	wire_close(w);
	faults_free(f);

	snprintf(text, sizeof(text), "frame way=%s do=reorder at=2", way);
	f = plan(text);
	w = spoilt(f);
	send_numbers(w, 4);
	ok(order("1 3 2 4"), "frame %s reorder: the second comes behind the third", way);
	wire_close(w);
	faults_free(f);
	f = plan(text);
	w = spoilt(f);
	send_numbers(w, 2);
	usleep(5000);
	wire_poll(w, 8);
	ok(order("1 2"), "frame %s reorder: or a little later if there is no third", way);
	wire_close(w);
	faults_free(f);

	snprintf(text, sizeof(text), "frame way=%s do=delay at=2 by=20ms", way);
	f = plan(text);
	w = spoilt(f);
	send_numbers(w, 3);
	wire_poll(w, 8);
	ok(order("1 3"), "frame %s delay: others overtake", way);
	usleep(25000);
	wire_poll(w, 8);
	ok(order("1 3 2"), "frame %s delay: it comes after its time", way);
	wire_close(w);
	faults_free(f);
}

static void test_corrupt(void)
{
	struct faults *f = plan("seed 7\nframe way=rx do=corrupt at=1 port=0");
	struct wire *w = spoilt(f);
	unsigned bits = 0;

	send_numbers(w, 1);
	for (unsigned i = 0; i < 60; i++)
		bits += (unsigned)__builtin_popcount(last[i] ^ 1u);
	is_u(bits, 1, "frame corrupt: one bit is wrong");
	wire_close(w);
	faults_free(f);
}

static void test_chance(void)
{
	unsigned lost[2];

	for (unsigned k = 0; k < 2; k++) {
		struct faults *f = plan("seed 42\nframe way=tx do=drop chance=25%");
		struct wire *w = spoilt(f);

		send_numbers(w, 1000);
		lost[k] = (unsigned)w->stats.tx_lost;
		wire_close(w);
		faults_free(f);
	}
	ok(lost[0] > 180 && lost[0] < 320, "chance: about a quarter of 1000 (%u)",
	   lost[0]);
	is_u(lost[0], lost[1], "chance: the same seed, the same loss");
}

static void test_seed(void)
{
	struct faults *f;
	char err[256] = "";

	is_u(faults_load("seed=12345", &f, err, sizeof(err)), 0, "a seed makes a plan %s",
	     err);
	faults_free(f);
	ok(faults_load("seed=x", &f, err, sizeof(err)) == -EINVAL, "a bad seed: %s", err);
	ok(faults_load("/nonexistent/plan", &f, err, sizeof(err)) == -ENOENT,
	   "no file: %s", err);
}

int main(void)
{
	test_refusals();
	test_wqe();
	test_doorbell();
	test_times();
	test_call();
	test_frames("tx");
	test_frames("rx");
	test_corrupt();
	test_chance();
	test_seed();
	return done();
}
