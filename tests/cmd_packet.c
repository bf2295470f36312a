/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet language: bytes against those that Scapy makes of the same packet, patterns, sizes,
 * workers, and where the carets of refusals stand. */
#include "common/packet/packet.h"

#include "tap.h"

#include <string.h>

static const struct packet_opts defaults = {.src_mac = {2, 0, 0, 0, 0, 1}, .seed = 1};

static struct packet *compile_sized(const char *text, const char *sizes)
{
	struct packet_opts opts = defaults;
	struct packet_error err;
	struct packet *p = NULL;

	opts.sizes = sizes;
	if (packet_compile(text, &opts, &p, &err)) {
		printf("# %s: %s\n", text, err.text);
		return NULL;
	}
	return p;
}

static unsigned first_packet(const char *text, const char *sizes, uint8_t *frame)
{
	struct packet *p = compile_sized(text, sizes);
	struct packet_source *s;
	const void *held = NULL;
	unsigned len;

	if (!p)
		return 0;
	s = packet_source_create(p, 0, 1);
	len = packet_write(s, frame, &held);
	packet_source_free(s);
	packet_free(p);
	return len;
}

static bool is_hex(const uint8_t *bytes, unsigned len, const char *hex)
{
	char got[3];
	unsigned i;

	if (strlen(hex) != 2 * len)
		return false;
	for (i = 0; i < len; i++) {
		snprintf(got, sizeof(got), "%02x", bytes[i]);
		if (strncmp(got, hex + 2 * i, 2))
			return false;
	}
	return true;
}

/* Scapy 2.5.0: Ether(dst="02:00:00:00:00:02",src="02:00:00:00:00:01")/IP(id=0,src="10.0.0.1",
 * dst="10.0.0.2")/UDP(sport=1024,dport=9)/(b"\0"*18), and so on. */
static const struct {
	const char *text, *hex;
} frames[] = {
	{"eth/ip(dst=10.0.0.2)/udp(dport=9)",
         "02000000000202000000000108004500002e00000000401166bd0a0000010a000002"
         "04000009001ae7ae000000000000000000000000000000000000"},
	{"udp", "02000000000202000000000108004500002e00000000401166bd0a0000010a000002"
                "04000009001ae7ae000000000000000000000000000000000000"},
	{"hex:ffffffffffff02000000000188b5", NULL},
};

static void test_frames(void)
{
	uint8_t frame[PACKET_MAX];
	unsigned i, len;

	for (i = 0; frames[i].hex; i++) {
		len = first_packet(frames[i].text, NULL, frame);
		ok(is_hex(frame, len, frames[i].hex), "%s is what Scapy makes of it",
		   frames[i].text);
	}
	len = first_packet("hex:ffffffffffff02000000000188b5", "14", frame);
	ok(is_hex(frame, len, "ffffffffffff02000000000188b5"), "hex is taken as it is");
	is_u(first_packet("udp", "1514", frame), 1514, "the size pads the payload");
	is_u(frame[16] << 8 | frame[17], 1500, "the IP length follows the size");
	is_u(frame[38] << 8 | frame[39], 1480, "the UDP length follows the size");
}

/* A naive sum over a whole IPv4 header; right headers give 0xffff. */
static unsigned naive_sum(const uint8_t *p, unsigned len)
{
	unsigned sum = 0, i;

	for (i = 0; i < len; i += 2)
		sum += (unsigned)(p[i] << 8) + (i + 1 < len ? p[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* RFC 768's sum over an eth/ip/udp frame. */
static unsigned naive_udp_sum(const uint8_t *frame, unsigned len)
{
	uint8_t pseudo[12] = {0};
	unsigned sum;

	memcpy(pseudo, frame + 26, 8);
	pseudo[9] = 17;
	pseudo[10] = frame[38];
	pseudo[11] = frame[39];
	sum = naive_sum(pseudo, 12) + naive_sum(frame + 34, len - 34);
	return (sum & 0xffff) + (sum >> 16);
}

static void test_patterns(void)
{
	struct packet *p =
		compile_sized("ip(src=10.1.0.0/30,ttl=list(1,64),dscp=inc(3..60,7),"
	                      "id=rand(0..65535))/udp(sport=rand(1000..1999),"
	                      "dport=inc(5..1))",
	                      "inc(61..90,1)");
	struct packet_source *s = packet_source_create(p, 0, 1);
	unsigned i, len, good = 0, ip_good = 0, udp_good = 0;
	uint8_t frame[PACKET_MAX];
	const void *held = NULL;

	for (i = 0; i < 10000; i++) {
		len = packet_write(s, frame, &held);
		good += len == 61 + i % 30 && frame[29] == i % 4 &&
		        frame[22] == (i % 2 ? 64 : 1) &&
		        frame[15] == (3 + i % 9 * 7) << 2 && frame[37] == 5 - i % 5 &&
		        (frame[34] << 8 | frame[35]) >= 1000 &&
		        (frame[34] << 8 | frame[35]) < 2000;
		ip_good += naive_sum(frame + 14, 20) == 0xffff;
		udp_good += naive_udp_sum(frame, len) == 0xffff;
	}
	is_u(good, 10000, "lists, ranges, blocks and sizes each walk in their own step");
	is_u(ip_good, 10000, "each IP checksum is right");
	is_u(udp_good, 10000, "each UDP checksum is right");
	packet_source_free(s);
	packet_free(p);
}

/* Packet i of one worker is packet i / 3 of worker i % 3. */
static void test_workers(void)
{
	struct packet *p =
		compile_sized("ip(src=10.0.0.0/28)/udp(sport=rand(1..65535))", "imix");
	struct packet_source *all = packet_source_create(p, 0, 1), *part[3];
	uint8_t a[PACKET_MAX], b[PACKET_MAX];
	const void *held_a = NULL, *held_b;
	unsigned i, len, same = 0;

	for (i = 0; i < 3; i++)
		part[i] = packet_source_create(p, i, 3);
	for (i = 0; i < 3000; i++) {
		held_b = NULL;
		len = packet_write(all, a, &held_a);
		same += packet_write(part[i % 3], b, &held_b) == len &&
		        !memcmp(a, b, len);
	}
	is_u(same, 3000, "three workers together send what one would");
	for (i = 0; i < 3; i++)
		packet_source_free(part[i]);
	packet_source_free(all);
	packet_free(p);
}

/* The caret stands under the first letter of `under`. */
static const struct {
	const char *text, *sizes, *under;
} refusals[] = {
	{"", NULL, ""},
	{"eth/", NULL, ""},
	{"eth/upd", NULL, "upd"},
	{"eth/ip(dts=10.0.0.1)", NULL, "dts"},
	{"eth/ip(dst=10.0.0.300)", NULL, "10.0.0.300"},
	{"eth/ip(dst=10.0.0.0/33)", NULL, "33"},
	{"eth/ip(ttl=256)", NULL, "256"},
	{"eth/ip(ttl=1,ttl=2)", NULL, "ttl=2"},
	{"eth/ip(ttl=)", NULL, ")"},
	{"eth/ip(ttl=1", NULL, ""},
	{"eth/ip(ttl=1;)", NULL, ";"},
	{"eth/ip(ttl=foo(1))", NULL, "foo"},
	{"eth/ip(ttl=inc(1..9,0))", NULL, "0))"},
	{"eth/ip(ttl=rand(9..1))", NULL, "rand"},
	{"eth/ip(64)", NULL, "64"},
	{"eth/arp/udp", NULL, "udp"},
	{"udp/ip", NULL, "ip"},
	{"eth udp", NULL, "udp"},
	{"hex:abc", NULL, "abc"},
	{"hex:abxd", NULL, "xd"},
	{"vlan(id=4096)", NULL, "4096"},
	{"tcp(flags=syn+foo)", NULL, "syn+foo"},
	{"udp + tpc", NULL, "tpc"},
	{"udp +", NULL, ""},
	{"udp @ 0", NULL, "0"},
	{"udp @ 1 tcp", NULL, "t"},
	{"udp @", NULL, ""},
	{"udp @ 5x", NULL, "5x"},
	{"udp @(rat=5kpps)", NULL, "rat"},
	{"udp @(gap=5ms)", NULL, "5ms"},
	{"udp @(gap=5,train=2)", NULL, "5"},
	{"udp @(rate=7kpps,weight=3)", NULL, "3"},
	{"udp @(ramp=3s,train=4,rate=4pps)", NULL, "3s"},
	{"udp @(arrivals=odd,rate=4pps)", NULL, "odd"},
	{"udp @(train=0,rate=4pps)", NULL, "0"},
	{"udp @(size=list(3,64))", NULL, "list(3,64)"},
	{"udp @ 10kpps + tcp", NULL, "t"},
	{"udp", "10", "10"},
	{"udp", "64..20000", "64..20000"},
	{"udp", "imix(64)", "64"},
	{"udp", "imix(64:0)", "0)"},
	{"udp", "huge", "huge"},
	{"udp", "41", "41"},
};

static void test_refusals(void)
{
	struct packet_opts opts = defaults;
	struct packet_error err;
	struct packet *p;
	const char *in;
	unsigned i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		opts.sizes = refusals[i].sizes;
		in = refusals[i].sizes ? refusals[i].sizes : refusals[i].text;
		memset(&err, 0, sizeof(err));
		if (!packet_compile(refusals[i].text, &opts, &p, &err)) {
			ok(false, "'%s' is refused", refusals[i].text);
			packet_free(p);
			continue;
		}
		/* "": at the end of the text */
		if (!ok(err.in == in &&
		                !strncmp(in + err.at, refusals[i].under,
		                         strlen(refusals[i].under)) &&
		                (refusals[i].under[0] || !in[err.at]),
		        "'%s' size %s: %s", refusals[i].text,
		        refusals[i].sizes ? refusals[i].sizes : "-", err.text))
			printf("# the caret is at %u\n", err.at);
	}
}

int main(void)
{
	test_frames();
	test_patterns();
	test_workers();
	test_refusals();
	return done();
}
