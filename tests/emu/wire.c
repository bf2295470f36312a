/* SPDX-License-Identifier: BSD-2-Clause */
/* The wires: what is sent arrives, once, in order, at the right card, or is counted as lost. */
#include "emu/wire/wire.h"
#include "emu/nic/steering.h"
#include "tests/tap.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A card that keeps what arrives. */
struct card {
	uint64_t frames, bytes, sum; /* sum of every byte */
	uint64_t order_errors; /* frames whose first 8 bytes are not the next number */
	uint64_t next;
	unsigned room; /* takes so many more frames, then refuses */
	unsigned link_changes;
	bool up;
};

static unsigned card_rx(void *arg, const struct wire_frame *frames, unsigned n)
{
	struct card *c = arg;
	unsigned i;

	for (i = 0; i < n && c->room; i++, c->room--) {
		uint8_t buf[WIRE_FRAME_MAX];
		uint64_t number;

		wire_gather(buf, &frames[i]);
		memcpy(&number, buf, sizeof(number));
		c->order_errors += number != c->next;
		c->next = number + 1;
		for (unsigned k = 0; k < frames[i].len; k++)
			c->sum += buf[k];
		c->bytes += frames[i].len;
		c->frames++;
	}
	return i;
}

static void card_link(void *arg, bool up)
{
	struct card *c = arg;

	c->up = up;
	c->link_changes++;
}

static struct wire *open_wire(struct card *c, const char *spec)
{
	const struct wire_client client = {c, card_rx, card_link};
	struct wire *w = NULL;
	char err[256] = "";

	memset(c, 0, sizeof(*c));
	c->room = UINT32_MAX;
	if (wire_open(spec, &client, &w, err, sizeof(err)))
		printf("# %s: %s\n", spec, err);
	return w;
}

/* Send one frame of len bytes in two pieces that begins with a number; adds up its bytes. */
static unsigned send_one(struct wire *w, uint64_t number, unsigned len, uint64_t *sum)
{
	uint8_t buf[WIRE_FRAME_MAX + 1];
	struct iovec segs[2] = {{buf, 14}, {buf + 14, len - 14}};
	struct wire_frame f = {segs, 2, len, 0};

	for (unsigned i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + number);
	memcpy(buf, &number, sizeof(number));
	if (!wire_send(w, &f, 1))
		return 0;
	for (unsigned i = 0; sum && i < len; i++)
		*sum += buf[i];
	return 1;
}

static unsigned size_of(uint64_t number)
{
	return 60 + (unsigned)(number * 2654435761u % 8941);
}

static void test_specs(void)
{
	static const char *const good[] = {"drop",
	                                   "loop",
	                                   "cable",
	                                   "cable:a",
	                                   "cable:a-b.c_9,loss",
	                                   "cable:x,up,loss",
	                                   "pcap=in,",
	                                   "pcap=,out",
	                                   "pcap=a,b"};
	static const char *const bad[] = {"",
	                                  "dropp",
	                                  "drop:x",
	                                  "loop:",
	                                  "cable:",
	                                  "cable:a/b",
	                                  "cable:a,lost",
	                                  "cable:a,loss,",
	                                  "pcap",
	                                  "pcap=",
	                                  "pcap=,",
	                                  "pcap=a,b,c",
	                                  "pcap:a,b",
	                                  "Cable",
	                                  "cable:123456789012345678901234567890123"};
	char err[256];

	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++)
		is_u(wire_check(good[i], err, sizeof(err)), 0, "'%s' is a wire", good[i]);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(err, 0, sizeof(err));
		ok(wire_check(bad[i], err, sizeof(err)) == -EINVAL &&
		           strstr(err, "wire '"),
		   "'%s' is none: %s", bad[i], err);
	}
}

static void test_drop(void)
{
	struct card c;
	struct wire *w = open_wire(&c, "drop");
	struct wire_frame f[3] = {
		{NULL, 0, 64, 0}, {NULL, 0, 1500, 0}, {NULL, 0, 9000, 0}};

	ok(w->discards && wire_link_up(w), "drop: discards, has a link");
	is_u(wire_send(w, f, 3), 3, "drop: takes frames without looking at them");
	is_u(w->stats.tx_bytes, 10564, "drop: counts their bytes");
	is_u(wire_poll(w, 64), 0, "drop: nothing arrives");
	wire_set_link(w, false);
	wire_discard(w, 5, 300);
	is_u(w->stats.tx_lost, 5, "drop: without a link what is sent is lost");
	wire_close(w);
}

static void test_loop(void)
{
	struct card c;
	struct wire *w = open_wire(&c, "loop");
	uint64_t sum = 0;

	for (uint64_t i = 0; i < 100; i++)
		send_one(w, i, size_of(i), &sum);
	is_u(c.frames, 100, "loop: what is sent comes back at once");
	is_u(c.sum, sum, "loop: every byte of it");
	is_u(c.order_errors, 0, "loop: in order");
	c.room = 0;
	is_u(send_one(w, 100, 60, NULL), 0, "loop: a full card stops the sender");
	is_u(w->stats.tx_frames, 100, "loop: and the refused frame is not counted");
	c.room = 1;
	is_u(send_one(w, 100, WIRE_FRAME_MAX + 1, NULL), 1,
	     "loop: a frame too long is accepted");
	is_u(w->stats.tx_lost, 1, "loop: and lost");
	wire_set_link(w, false);
	ok(c.link_changes == 1 && !c.up, "loop: the card hears that the link is down");
	is_u(send_one(w, 100, 60, NULL) + w->stats.tx_lost, 3,
	     "loop: then frames are lost");
	wire_set_link(w, false);
	is_u(c.link_changes, 1, "loop: the same state again is no change");
	wire_close(w);
}

static void test_local_cable(void)
{
	struct card ca, cb;
	struct wire *a = open_wire(&ca, "cable"), *b;
	uint64_t sum = 0;

	ok(!wire_link_up(a), "cable: no link until the other end is plugged in");
	b = open_wire(&cb, "cable");
	ok(wire_link_up(a) && wire_link_up(b) && ca.up, "cable: then both have one");
	for (uint64_t i = 0; i < 50; i++)
		send_one(a, i, size_of(i), &sum);
	ok(cb.frames == 50 && cb.sum == sum && !ca.frames,
	   "cable: frames arrive at the other end");
	wire_set_link(b, false);
	ok(!ca.up && !wire_link_up(b), "cable: one side down is both down");
	wire_set_link(b, true);
	wire_close(b);
	ok(!wire_link_up(a), "cable: pulling one end takes the link");
	is_u(send_one(a, 50, 60, NULL) + a->stats.tx_lost, 2,
	     "cable: frames sent then are lost");
	wire_close(a);
}

static char spec[64];

static void test_named_cable(void)
{
	struct card ca, cb, cc;
	struct wire *a = open_wire(&ca, spec), *b, *c;
	uint64_t sum = 0, sent = 0, next = 0;

	ok(a && !wire_link_up(a), "cable:NAME: one end alone has no link");
	b = open_wire(&cb, spec);
	wire_poll(a, 1);
	wire_poll(b, 1);
	ok(wire_link_up(a) && wire_link_up(b), "cable:NAME: two have");
	c = open_wire(&cc, spec);
	ok(!c, "cable:NAME: a third is refused");
	for (unsigned lap = 0; lap < 2000; lap++) { /* some 9 MB: laps of the ring */
		while (send_one(a, next, size_of(next), &sum))
			next++;
		sent = next;
		wire_poll(b, 1 + lap % 97);
	}
	while (wire_poll(b, 64))
		;
	ok(sent > 2000, "cable:NAME: the ring went round (%" PRIu64 " frames)", sent);
	is_u(cb.frames, sent, "cable:NAME: all frames arrive");
	is_u(cb.sum, sum, "cable:NAME: every byte of them");
	is_u(cb.order_errors, 0, "cable:NAME: in order, over all laps");
	is_u(a->stats.tx_lost + b->stats.rx_lost, 0,
	     "cable:NAME: a full ring loses nothing");
	cb.room = 0;
	send_one(a, next, 100, NULL);
	is_u(wire_poll(b, 64), 0, "cable:NAME: a card may refuse");
	cb.room = 9;
	is_u(wire_poll(b, 64), 1, "cable:NAME: and gets the frame later");
	wire_set_link(b, false);
	wire_poll(a, 1);
	ok(!wire_link_up(a), "cable:NAME: the other side's link down is seen");
	wire_set_link(b, true);
	wire_poll(a, 1);
	ok(wire_link_up(a), "cable:NAME: and up again");
	send_one(b, 0, 60, NULL);
	wire_close(b);
	ca.room = 0;
	wire_poll(a, 1);
	ok(wire_link_up(a),
	   "cable:NAME: who left has sent before: the link lasts until that is read");
	ca.room = 9;
	wire_poll(a, 1);
	wire_poll(a, 1);
	ok(ca.frames == 1 && !wire_link_up(a), "cable:NAME: then it is down");
	b = open_wire(&cb, spec);
	wire_poll(a, 1);
	ok(wire_link_up(a), "cable:NAME: somebody new may come");
	wire_close(a);
	wire_close(b);
}

static void test_lossy_cable(void)
{
	char lossy[80];
	struct card ca, cb;
	struct wire *a, *b;

	snprintf(lossy, sizeof(lossy), "%s,loss,up", spec);
	a = open_wire(&ca, lossy);
	ok(wire_link_up(a), "cable:NAME,up: has a link alone");
	is_u(send_one(a, 0, 60, NULL) + a->stats.tx_lost, 2,
	     "cable:NAME,up: what it sends is lost");
	b = open_wire(&cb, spec);
	wire_poll(a, 1);
	for (uint64_t i = 0; i < 5000; i++)
		send_one(a, i, 1500, NULL);
	while (wire_poll(b, 64))
		;
	ok(cb.frames > 100 && cb.frames < 5000, "cable:NAME,loss: a full cable loses");
	is_u(cb.frames + a->stats.tx_lost, 5001, "cable:NAME,loss: and counts exactly");
	is_u(a->stats.tx_frames, 5001, "cable:NAME,loss: what is lost was accepted");
	wire_close(b);
	wire_close(a);
}

/* A child that joins, sends `frames` and waits to be killed. */
static pid_t spawn_peer(unsigned frames, int *ready)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe(fds))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct card c;
		struct wire *w = open_wire(&c, spec);

		for (unsigned i = 0; w && i < 1000 && !wire_link_up(w); i++) {
			wire_poll(w, 1);
			usleep(1000);
		}
		for (unsigned i = 0; w && i < frames; i++)
			send_one(w, i, 60, NULL);
		if (write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	*ready = fds[0];
	(void)byte;
	return pid;
}

static bool wait_link(struct wire *w, bool up)
{
	for (unsigned i = 0; i < 3000 && wire_link_up(w) != up; i++) {
		wire_poll(w, 64);
		usleep(1000);
	}
	return wire_link_up(w) == up;
}

static void test_peer_death(void)
{
	struct card c;
	struct wire *w = open_wire(&c, spec);
	char byte;

	for (unsigned round = 0; round < 2; round++) {
		int ready;
		pid_t pid = spawn_peer(10, &ready);
		uint64_t lost = w->stats.tx_lost, first = c.frames;

		ok(wait_link(w, true),
		   "death %u: a process at the other end brings the link", round);
		ok(read(ready, &byte, 1) == 1, "death %u: it has sent", round);
		close(ready);
		for (unsigned i = 0; i < 7; i++)
			send_one(w, i, 60, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		ok(wait_link(w, false), "death %u: kill -9 takes it", round);
		is_u(c.frames - first, 10, "death %u: what it had sent arrives", round);
		is_u(w->stats.tx_lost - lost, 7, "death %u: what it had not read is lost",
		     round);
	}
	wire_close(w);
}

/* Both ends die without a word: the next pair finds no trace of them. */
static void test_stale_segment(void)
{
	struct card c;
	struct wire *w;
	char byte, path[96];
	int ready;
	pid_t pid = spawn_peer(0, &ready);

	ok(read(ready, &byte, 1) == 1, "stale: a process joined and is alone");
	close(ready);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(path, sizeof(path), "/dev/shm/rawq-%u-%s", geteuid(),
	         spec + strlen("cable:"));
	ok(!access(path, F_OK), "stale: its segment is left behind");
	w = open_wire(&c, spec);
	ok(w && !wire_link_up(w), "stale: it is taken over");
	is_u(wire_poll(w, 64), 0, "stale: and nothing old arrives");
	wire_close(w);
	ok(access(path, F_OK), "stale: and removed by who leaves last");
}

/* A fork of the holder must not keep a dead holder alive. */
static void test_fork_of_peer(void)
{
	struct card c;
	struct wire *w = open_wire(&c, spec);
	int fds[2];
	char byte;
	pid_t pid, grandchild = 0;

	if (pipe(fds))
		return;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct card cc;
		struct wire *mine = open_wire(&cc, spec);

		grandchild = fork();
		if (!grandchild) {
			sleep(20);
			_exit(0);
		}
		(void)mine;
		if (write(fds[1], &grandchild, sizeof(grandchild)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	ok(read(fds[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild),
	   "fork: joined");
	ok(wait_link(w, true), "fork: the link is up");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(wait_link(w, false), "fork: the child of a dead end does not hold the link");
	kill(grandchild, SIGKILL);
	close(fds[0]);
	close(fds[1]);
	(void)byte;
	wire_close(w);
}

/* A process at the other end that writes nonsense into the ring is unplugged. */
static void test_mad_peer(void)
{
	struct card ca, cb;
	struct wire *a = open_wire(&ca, spec), *b = open_wire(&cb, spec);
	char path[96];
	FILE *f;
	static uint8_t noise[2 << 20];

	wire_poll(a, 1);
	wire_poll(b, 1);
	snprintf(path, sizeof(path), "/dev/shm/rawq-%u-%s", geteuid(),
	         spec + strlen("cable:"));
	memset(noise, 0xab, sizeof(noise));
	f = fopen(path, "r+");
	ok(f && !fseek(f, 128, SEEK_SET) &&
	           fwrite(noise, 1, sizeof(noise), f) == sizeof(noise),
	   "mad: the rings are overwritten");
	if (f)
		fclose(f);
	for (unsigned i = 0; i < 10; i++) {
		wire_poll(a, 64);
		wire_poll(b, 64);
	}
	ok(!wire_link_up(a) && !wire_link_up(b) && !ca.frames,
	   "mad: both ends drop the link");
	wire_close(a);
	wire_close(b);
}

static void test_pcap(void)
{
	char dir[] = "/tmp/rawq-wire-XXXXXX", out_spec[128], in_spec[128], path[96],
	     err[256];
	struct match everything = {0};
	struct steering_rule_opts opts = {.dest = err, .match = &everything};
	struct steering *rules = steering_create();
	struct steering_rule *rule;
	struct card c;
	struct wire *w;
	uint64_t sum = 0;

	if (!mkdtemp(dir))
		return;
	snprintf(path, sizeof(path), "%s/a.pcap", dir);
	snprintf(out_spec, sizeof(out_spec), "pcap=,%s", path);
	snprintf(in_spec, sizeof(in_spec), "pcap=%s,", path);
	w = open_wire(&c, out_spec);
	for (uint64_t i = 0; i < 200; i++)
		send_one(w, i, size_of(i), &sum);
	wire_close(w);
	w = open_wire(&c, in_spec);
	is_u(wire_poll(w, 64), 0, "pcap: nothing arrives before the port has a rule");
	steering_add(rules, &opts, &rule);
	wire_set_rules(w, rules, err, sizeof(err));
	c.room = 150;
	while (wire_poll(w, 64))
		;
	is_u(c.frames, 150, "pcap: arrives as far as the card takes it");
	c.room = 1000;
	while (wire_poll(w, 64))
		;
	ok(c.frames == 200 && c.sum == sum && !c.order_errors,
	   "pcap: what was written is read");
	wire_close(w);
	steering_destroy(rules);
	snprintf(in_spec, sizeof(in_spec), "pcap=%s/none,", dir);
	ok(!open_wire(&c, in_spec), "pcap: a file that is not there is refused");
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	snprintf(spec, sizeof(spec), "cable:test-%d", getpid());
	test_specs();
	test_drop();
	test_loop();
	test_local_cable();
	test_named_cable();
	test_lossy_cable();
	test_peer_death();
	test_stale_segment();
	test_fork_of_peer();
	test_mad_peer();
	test_pcap();
	return done();
}
