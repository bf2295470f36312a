/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random frames against rules of every kind: rules_frames.py makes both, and Scapy says which
 * frame which rule takes.  What is taken comes to the queue, byte for byte; all the rest, and
 * nothing else, to the kernel, where a packet socket counts it.
 */
#include "veth.h"

#include <time.h>

#define RULES_MAX  32
#define FRAMES_MAX 400
#define DEPTH      512

struct rule {
	char name[32];
	struct rawq_rule_key value, mask;
	uint32_t priority;
};
struct frame {
	uint8_t bytes[512];
	size_t len;
	char taken[RULES_MAX + 1];
};

static struct rule rules[RULES_MAX];
static struct frame frames[FRAMES_MAX];
static unsigned rule_count, frame_count;

static struct rawq_error err;
static struct rawq_port *port;
static struct rawq_region *region;
static struct rawq_rxq *q;
static int far, near;

static size_t from_hex(const char *hex, void *out, size_t size)
{
	uint8_t *bytes = out;
	size_t n = 0;
	unsigned byte;

	while (n < size && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		bytes[n++] = (uint8_t)byte;
	return n;
}

static void read_line(const char *line)
{
	char hex[2][1100], name[32], taken[RULES_MAX + 1];
	unsigned priority;

	if (rule_count < RULES_MAX && sscanf(line, "rule %31s %1099s %1099s %u", name,
	                                     hex[0], hex[1], &priority) == 4) {
		struct rule *r = &rules[rule_count++];

		memcpy(r->name, name, sizeof(name));
		from_hex(hex[0], &r->value, sizeof(r->value));
		from_hex(hex[1], &r->mask, sizeof(r->mask));
		r->priority = priority;
	} else if (frame_count < FRAMES_MAX &&
	           sscanf(line, "frame %1099s %32s", hex[0], taken) == 2) {
		struct frame *f = &frames[frame_count++];

		f->len = from_hex(hex[0], f->bytes, sizeof(f->bytes));
		memcpy(f->taken, taken, sizeof(taken));
	}
}

static void read_frames(const char *script, unsigned seed)
{
	char command[512], line[4096];
	FILE *in;

	snprintf(command, sizeof(command), "/usr/bin/python3 %s %u %u", script, seed,
	         (unsigned)FRAMES_MAX);
	in = popen(command, "r");
	while (in && fgets(line, sizeof(line), in))
		read_line(line);
	if (!in || pclose(in) || frame_count != FRAMES_MAX) {
		printf("Bail out! %s made %u frames\n", command, frame_count);
		exit(1);
	}
}

static int is_taken(const struct frame *f, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		if (f->taken[i] == '1')
			return 1;
	}
	return 0;
}

static unsigned drain_witness(void)
{
	uint8_t frame[2048];
	unsigned n = 0;

	while (witness_next(near, frame, sizeof(frame), 0))
		n++;
	return n;
}

/* The queue's frames against those that rules [first, first + n) should have taken; how many of
 * them are the wanted ones, and how many came at all. */
static unsigned compare_taken(unsigned first, unsigned n, unsigned *came)
{
	const uint8_t *base = rawq_region_base(region);
	unsigned at = 0, good = 0;
	struct rawq_pkt pkt;

	*came = 0;
	while (burst_wait(q, &pkt, 1)) {
		while (at < frame_count && !is_taken(&frames[at], first, n))
			at++;
		++*came;
		if (at < frame_count && pkt.len == frames[at].len &&
		    !memcmp(base + pkt.addr, frames[at].bytes, pkt.len))
			good++;
		else if (at < frame_count && good + 1 == *came)
			printf("# the queue got %u bytes that are not frame %u\n",
			       pkt.len, at);
		at++;
		rawq_rx_post(q, &pkt.addr, 1);
		/* the last one: do not wait for another */
		for (unsigned left = at; left < frame_count; left++) {
			if (is_taken(&frames[left], first, n))
				goto more;
		}
		return good;
	more:;
	}
	return good;
}

static void run(const char *name, unsigned first, unsigned n)
{
	struct rawq_rule *added[RULES_MAX];
	unsigned wanted = 0, came = 0, good, kept;
	struct rawq_pkt pkt;

	for (unsigned i = 0; i < n; i++) {
		struct rawq_rule_opts o = take_all(&q, 1);

		o.value = rules[first + i].value;
		o.mask = rules[first + i].mask;
		o.priority = rules[first + i].priority;
		must(rawq_rule_add(port, &o, &added[i], &err));
	}
	drain_witness();
	for (unsigned i = 0; i < frame_count; i++) {
		wanted += is_taken(&frames[i], first, n);
		send_frame(far, frames[i].bytes, frames[i].len);
	}
	good = wanted ? compare_taken(first, n, &came) : 0;
	usleep(5000); /* what came too much */
	while (rawq_rx_burst(q, &pkt, 1)) {
		rawq_rx_post(q, &pkt.addr, 1);
		came++;
	}
	kept = drain_witness();
	is_u(good, wanted, "%s: takes %u of %u frames, those that Scapy says", name,
	     wanted, frame_count);
	is_u(came, wanted, "%s: and no other", name);
	is_u(kept, frame_count - wanted, "%s: the kernel has the rest", name);
	for (unsigned i = 0; i < n; i++)
		rawq_rule_remove(added[i]);
}

int main(int argc, char **argv)
{
	struct rawq_queue_opts qo = {.size = sizeof(qo), .depth = DEPTH};
	unsigned seed = argc > 2 ? (unsigned)atoi(argv[2]) : (unsigned)time(NULL);

	veth_pair(1, 1500);
	printf("# seed %u\n", seed);
	read_frames(argv[1], seed);
	far = witness("v1");
	near = witness("v0");
	must(rawq_port_open("v0", NULL, &port, &err));
	must(rawq_region_create(NULL, &region, &err));
	must(rawq_rxq_create(port, region, &qo, &q, &err));
	for (uint64_t i = 0; i < DEPTH; i++)
		rawq_rx_post(q, &(uint64_t){i * 2048}, 1);
	for (unsigned i = 0; i < rule_count; i++)
		run(rules[i].name, i, 1);
	run("all of them together", 0, rule_count);
	rawq_rxq_destroy(q);
	rawq_region_destroy(region);
	rawq_port_close(port);
	return done();
}
