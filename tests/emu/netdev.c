/* SPDX-License-Identifier: BSD-2-Clause */
/* The netdev wire on a veth: what the rules want comes to the card, the rest to the kernel. */
#include "emu/nic/steering.h"
#include "emu/wire/wire.h"
#include "tests/veth.h"

#include <errno.h>

static uint8_t got[WIRE_FRAME_MAX];
static uint32_t got_len;
static unsigned frames;
static bool refuse;

static unsigned rx(void *card, const struct wire_frame *f, unsigned n)
{
	(void)card;
	if (refuse)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		wire_gather(got, &f[i]);
		got_len = f[i].len;
		frames++;
	}
	return n;
}

static void link_changed(void *card, bool up)
{
	*(bool *)card = up;
}

static bool link_up;
static struct wire *w;
static struct steering *s;
static int far, kernel; /* packet sockets on v1 and v0 */
static char err[256];
static const uint8_t ones[16] = {255, 255, 255, 255, 255, 255};

static bool comes(unsigned want)
{
	unsigned before = frames;

	for (int ms = 0; ms < WAIT_MS && frames - before < want; ms++) {
		wire_poll(w, 64);
		usleep(1000);
	}
	return frames - before == want;
}

static bool kernel_gets(size_t len)
{
	uint8_t buf[16384];

	return witness_next(kernel, buf, sizeof(buf), WAIT_MS) == len;
}

static struct steering_rule *rule(struct steering_rule_opts o, int want)
{
	struct steering_rule *r = NULL;
	int ret;

	if (steering_add(s, &o, &r))
		exit(1);
	*err = 0;
	ret = wire_set_rules(w, s, err, sizeof(err));
	ok(ret == want, "rules are %s %s", ret ? "refused:" : "set", err);
	return r;
}

static void test_sharing(void)
{
	uint8_t frame[1514];
	struct match m = {0};
	struct steering_rule *r;
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 2};

	numbered_frame(frame, 100, 1);
	send_frame(far, frame, 100);
	ok(kernel_gets(100) && !wire_poll(w, 64), "without a rule the kernel gets all");
	match_field(&m, HW_MATCH_OUTER, HW_MATCH_DMAC, mac, ones);
	r = rule((struct steering_rule_opts){.match = &m, .dest = &w}, 0);
	send_frame(far, frame, 100);
	ok(comes(1) && got_len == 100 && frame_is(got, 100, 1),
	   "a rule's frames come to the card");
	frame[5] = 3;
	send_frame(far, frame, 100);
	ok(kernel_gets(100), "the others still to the kernel, and not the rule's");
	frame[5] = 2;
	refuse = true;
	send_frame(far, frame, 100);
	usleep(20000);
	is_u(wire_poll(w, 64), 0, "a card that is full refuses");
	refuse = false;
	ok(comes(1), "and gets the frame later");
	for (unsigned i = 0; i < 5000; i++) {
		numbered_frame(frame, 60 + i % 1400, i);
		send_frame(far, frame, 60 + i % 1400);
		if (i % 50 == 49)
			comes(50);
	}
	ok(frame_is(got, got_len, 4999), "the ring goes round");
	steering_remove(s, r);
	wire_set_rules(w, s, err, sizeof(err));
	send_frame(far, frame, 100);
	ok(kernel_gets(100) && !wire_poll(w, 64),
	   "a rule taken back gives them to the kernel");
}

static void test_refusals(void)
{
	struct match m = {0};
	struct steering_rule *r;

	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_TTL_HOPLIMIT, 64, 255);
	r = rule((struct steering_rule_opts){.match = &m, .dest = &w}, -ENOTSUP);
	steering_remove(s, r);
	r = rule((struct steering_rule_opts){.dest = &w, .dont_trap = true}, -ENOTSUP);
	steering_remove(s, r);
	r = rule((struct steering_rule_opts){.dest = &w, .kind = STEERING_ALL_DEFAULT},
	         -ENOTSUP);
	steering_remove(s, r);
}

/* An IPv4 UDP frame to 10.0.0.2, port 7 or another. */
static void send_udp(uint16_t port, bool tagged)
{
	uint8_t f[64] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1};
	uint8_t *p = f + 12;

	if (tagged) {
		memcpy(p, "\x81\x00\x00\x05", 4);
		p += 4;
	}
	memcpy(p,
	       "\x08\x00\x45\x00\x00\x20\x00\x00\x00\x00\x40\x11\x00\x00\x0a\x00\x00\x01"
	       "\x0a\x00"
	       "\x00\x02\x03\xe8",
	       24);
	p[24] = (uint8_t)(port >> 8);
	p[25] = (uint8_t)port;
	p[27] = 12;
	send_frame(far, f, 64);
}

static void test_fields(void)
{
	struct match m = {0};
	struct steering_rule *r;

	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_IP_VERSION, 4, 15);
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_DST_IPV4, 0x0a000002, 0xffffffff);
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_UDP_DPORT, 7, 0xffff);
	match_u32(&m, HW_MATCH_OUTER, HW_MATCH_CVLAN_TAG, 0, 1);
	r = rule((struct steering_rule_opts){.match = &m, .dest = &w}, 0);
	send_udp(8, false);
	ok(kernel_gets(64), "IPv4, address, port: another port is the kernel's");
	send_udp(7, true);
	/* a packet socket sees the tag beside the frame */
	ok(kernel_gets(60), "so is a tagged frame, when the rule says untagged");
	send_udp(7, false);
	ok(comes(1), "what fits comes");
	steering_remove(s, r);
	wire_set_rules(w, s, err, sizeof(err));
	r = rule((struct steering_rule_opts){.match = &m, .drop = true}, 0);
	send_udp(7, false);
	send_udp(9, false);
	ok(kernel_gets(64) && !witness_next(kernel, got, sizeof(got), 50),
	   "drop: nobody gets it");
	steering_remove(s, r);
	wire_set_rules(w, s, err, sizeof(err));
}

static void test_sending(unsigned len)
{
	uint8_t frame[WIRE_FRAME_MAX], back[16384];
	struct iovec segs[2] = {{frame, 14}, {frame + 14, 0}};
	struct wire_frame f = {segs, 2, 0, 0};
	unsigned bad = 0;

	for (unsigned i = 0; i < 3000; i++) {
		unsigned n = len - i % 40;

		numbered_frame(frame, n, i);
		segs[1].iov_len = n - 14;
		f.len = n;
		for (int ms = 0; ms < WAIT_MS && !wire_send(w, &f, 1); ms++) {
			wire_poll(w, 64);
			usleep(1000);
		}
		bad += witness_next(far, back, sizeof(back), WAIT_MS) != n ||
		       !frame_is(back, n, i);
	}
	is_u(bad, 0, "3000 frames of %u bytes and less go out, whole and in order", len);
}

static bool link_becomes(bool up)
{
	for (int ms = 0; ms < WAIT_MS && wire_link_up(w) != up; ms++) {
		wire_poll(w, 64);
		usleep(1000);
	}
	return wire_link_up(w) == up;
}

static void test_link(void)
{
	shell("ip link set v1 down");
	ok(link_becomes(false) && !link_up, "the other end's link is seen");
	shell("ip link set v1 up");
}

static void on_veth(const char *spec, unsigned len)
{
	const struct wire_client client = {&link_up, rx, link_changed};

	s = steering_create();
	far = witness("v1");
	kernel = witness("v0");
	link_up = true;
	if (wire_open(spec, &client, &w, err, sizeof(err))) {
		ok(false, "open: %s", err);
		return;
	}
	ok(w->shares && link_becomes(true), "%s: has a link", spec);
	test_sharing();
	test_refusals();
	test_fields();
	test_sending(len);
	test_link();
	wire_close(w);
	steering_destroy(s);
	close(far);
	close(kernel);
}

int main(void)
{
	struct wire *none;
	const struct wire_client client = {&link_up, rx, link_changed};

	veth_pair(1, 1500);
	ok(wire_open("netdev=nosuch", &client, &none, err, sizeof(err)) < 0,
	   "refused: %s", err);
	on_veth("netdev=v0", 1514);
	shell("ip link del v0");
	veth_pair(2, 9000);
	on_veth("netdev=v0", 9014);
	return done();
}
