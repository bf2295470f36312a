/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A relay that loses, delays, copies and damages by a script from a seed, and counts by itself
 * what a receiver must then report: between veths for xdp, by a capture file that comes out of
 * the emulated card's wire for mlx5 and verbs.  It knows frames only from
 * doc/packet-language.md (a signature's flow and sequence) and shares no code with rawq.
 *
 *   relay RAWQ [BACKEND [SEEDS]]    RAWQ: the program; SEEDS of each number of flows
 */
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <jansson.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* eth, ip, udp; then the signature: flow at 4, sequence at 8 */
#define SIGNATURE   42
#define FRAME_MAX   128
#define PACKETS_MAX 30000
#define EMITTED_MAX 32768 /* all fit into the receiver's ring */

struct frame {
	uint32_t len, flow;
	uint64_t sequence;
	uint8_t bytes[FRAME_MAX];
};

struct emission {
	uint64_t key; /* sorts them */
	uint32_t packet;
	uint16_t flip_at; /* 0: intact */
	uint16_t flips;   /* so many bytes from there on */
	uint8_t flip;
};

struct truth {
	uint64_t lost, reordered, duplicated, corrupted, unknown, late, flows;
};

static struct frame packets[PACKETS_MAX];
static unsigned packet_count;
static struct emission script[EMITTED_MAX];
static unsigned script_count;
static const char *rawq, *backend = "xdp";
static unsigned seeds = 4;
/* What the card's wire reads, in memory of this process. */
static char wire_file[64];
static int wire_fd = -1;

static uint64_t random_state;

/* splitmix64 */
static uint64_t random64(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)(random64() % n);
}

/* ---- the script ----------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	const struct emission *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static void damage(struct emission *e)
{
	uint32_t len = packets[e->packet].len;

	e->flip = (uint8_t)(1 + below(255));
	e->flips = 1;
	if (below(2)) {
		e->flip_at = (uint16_t)(SIGNATURE + below(len - SIGNATURE));
	} else { /* the payload, all of it from somewhere on */
		e->flip_at = (uint16_t)(SIGNATURE + 32 + below(len - SIGNATURE - 32));
		e->flips = (uint16_t)(len - e->flip_at);
	}
}

static void emit(uint32_t packet, uint64_t place, bool is_damaged)
{
	struct emission *e = &script[script_count];

	if (script_count == EMITTED_MAX)
		return;

	*e = (struct emission){.key = place << 32 | script_count, .packet = packet};
	if (is_damaged)
		damage(e);
	script_count++;
}

/* The first frame is left alone: a receiver learns from one where signatures are. */
static void write_script(uint64_t seed, unsigned farthest)
{
	uint32_t i;

	random_state = seed;
	script_count = 0;
	for (i = 0; i < packet_count; i++) {
		unsigned dice = i ? below(100) : 99;
		uint64_t place = i;

		if (dice < 2)
			continue;
		if (dice >= 10 && dice < 15)
			place += 1 + below(farthest);
		emit(i, place, dice >= 4 && dice < 7);
		if (dice >= 7 && dice < 12)
			emit(i, place + below(farthest), dice == 11);
	}
	qsort(script, script_count, sizeof(script[0]), by_key);
}

/* ---- what is true --------------------------------------------------------- */

/* By the definitions, packet after packet, with an array over everything that was sent. */
static struct truth tell_truth(unsigned flows, unsigned window)
{
	static uint64_t next[16384];
	static bool came[PACKETS_MAX];
	struct truth t = {0};
	unsigned i;

	memset(next, 0, sizeof(next));
	memset(came, 0, sizeof(came));
	for (i = 0; i < script_count; i++) {
		const struct emission *e = &script[i];
		const struct frame *p = &packets[e->packet];
		uint64_t *n = &next[p->flow % flows];
		bool is_new = !came[e->packet];
		bool is_behind = p->sequence < *n;
		bool is_late = is_behind && *n - p->sequence > window;

		t.flows += !*n; /* its first */
		t.corrupted += e->flip_at != 0;
		/* nothing vouches for a damaged packet so far off */
		t.unknown += e->flip_at && is_late;
		t.late += !e->flip_at && is_late;
		if (is_late)
			continue;
		t.duplicated += !e->flip_at && !is_new;
		t.reordered += !e->flip_at && is_new && is_behind;
		came[e->packet] = true;
		if (!is_behind)
			*n = p->sequence + 1;
	}
	for (i = 0; i < packet_count; i++)
		t.lost += !came[i] && packets[i].sequence < next[packets[i].flow % flows];
	return t;
}

/* ---- sockets and processes ------------------------------------------------ */

static int packet_socket(const char *netdev)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
	                           .sll_protocol = htons(ETH_P_IP),
	                           .sll_ifindex = (int)if_nametoindex(netdev)};
	int room = 64 << 20, fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return fd;
}

/* Start rawq; its output is the returned stream. */
static FILE *start(char *const *argv, pid_t *pid)
{
	int fds[2];

	*pid = -1;
	if (pipe(fds))
		return NULL;
	*pid = fork();
	if (!*pid) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(rawq, argv);
		_exit(127);
	}
	close(fds[1]);
	return fdopen(fds[0], "r");
}

static json_t *next_event(FILE *from, const char *name)
{
	static char line[1 << 22];
	json_t *event;

	while (fgets(line, sizeof(line), from)) {
		event = json_loads(line, 0, NULL);
		if (event &&
		    !strcmp(json_string_value(json_object_get(event, "event")), name))
			return event;
		json_decref(event);
	}
	return NULL;
}

static int stop(FILE *from, pid_t pid)
{
	int status = 0;

	fclose(from);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static uint64_t big_endian(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* Have rawq tx make the packets, and keep what comes out at the other end. */
static bool record(unsigned flows, unsigned count)
{
	char packet[128], n[16];
	char *argv[] = {"rawq",    "tx", "made",   packet,    "--size", "96",
	                "--count", n,    "--rate", "200kpps", NULL};
	int fd = packet_socket("kept");
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t buffer[2048];
	ssize_t len;
	pid_t pid;
	FILE *out;

	snprintf(packet, sizeof(packet),
	         "eth/ip(dst=10.0.0.2)/udp(dport=9)/sig(flow=inc(0..%u))", flows - 1);
	snprintf(n, sizeof(n), "%u", count);
	out = start(argv, &pid);
	packet_count = 0;
	while (packet_count < count && poll(&p, 1, 5000) == 1) {
		struct frame *f = &packets[packet_count];

		len = recv(fd, buffer, sizeof(buffer), 0);
		if (len < SIGNATURE + 32 || len > FRAME_MAX ||
		    big_endian(buffer + SIGNATURE, 4) != 0x52615751)
			continue;
		f->len = (uint32_t)len;
		memcpy(f->bytes, buffer, (size_t)len);
		f->flow = (uint32_t)big_endian(buffer + SIGNATURE + 4, 4);
		f->sequence = big_endian(buffer + SIGNATURE + 8, 8);
		packet_count++;
	}
	close(fd);
	stop(out, pid);
	return packet_count == count;
}

/* Frames that have come out of the receiver's veth, by the kernel's count. */
static uint32_t arrived(void)
{
	struct ifaddrs *all, *i;
	uint32_t n = 0;

	if (getifaddrs(&all))
		return 0;
	for (i = all; i; i = i->ifa_next)
		if (!strcmp(i->ifa_name, "received") && i->ifa_addr &&
		    i->ifa_addr->sa_family == AF_PACKET && i->ifa_data)
			n = ((struct rtnl_link_stats *)i->ifa_data)->rx_packets;
	freeifaddrs(all);
	return n;
}

/* The frame as the script has it emitted. */
static uint32_t emitted(const struct emission *e, uint8_t *bytes)
{
	const struct frame *p = &packets[e->packet];
	unsigned k;

	memcpy(bytes, p->bytes, p->len);
	for (k = 0; e->flip_at && k < e->flips; k++)
		bytes[e->flip_at + k] ^= e->flip;
	return p->len;
}

/* A veth's ring holds 256 frames: no more than that are on their way. */
static void play(int fd)
{
	uint32_t before = arrived();
	uint8_t bytes[FRAME_MAX];
	unsigned i, waits;

	for (i = 0; i < script_count; i++) {
		if (send(fd, bytes, emitted(&script[i], bytes), 0) < 0)
			return;
		for (waits = 0; i % 128 == 127 && waits < 50000; waits++) {
			if (arrived() - before > i)
				break;
			usleep(200);
		}
	}
}

/* A pcap file (draft-ietf-opsawg-pcap: magic of us, version 2.4, link type Ethernet). */
static bool write_wire(void)
{
	static const uint32_t head[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};
	FILE *to = fdopen(dup(wire_fd), "w");
	uint8_t bytes[FRAME_MAX];
	unsigned i;
	bool good;

	if (!to || ftruncate(wire_fd, 0))
		return false;
	rewind(to);
	fwrite(head, sizeof(head), 1, to);
	for (i = 0; i < script_count; i++) {
		uint32_t len = emitted(&script[i], bytes);

		fwrite((uint32_t[4]){i / 1000000, i % 1000000, len, len}, 16, 1, to);
		fwrite(bytes, len, 1, to);
	}
	good = !ferror(to);
	return !fclose(to) && good;
}

static bool same(const json_t *end, const char *field, uint64_t want)
{
	uint64_t got = (uint64_t)json_integer_value(json_object_get(end, field));

	if (got != want)
		printf("# %s: told %" PRIu64 ", true is %" PRIu64 "\n", field, got, want);
	return got == want;
}

static bool report_is_true(const json_t *end, const struct truth *t)
{
	return end && same(end, "rx_packets", script_count) && same(end, "dropped", 0) &&
	       same(end, "lost", t->lost) && same(end, "reordered", t->reordered) &&
	       same(end, "duplicated", t->duplicated) &&
	       same(end, "corrupted", t->corrupted) && same(end, "late", t->late) &&
	       same(end, "corrupted_unknown", t->unknown) &&
	       same(end, "unsigned_packets", 0) &&
	       same(end, "signed_packets", script_count) &&
	       same(end, "flows", t->flows) && same(end, "restarts", 0);
}

/* Start a receiver that ends after the script's last packet. */
static FILE *start_receiver(unsigned window, pid_t *pid)
{
	char count[16], width[16], wire[80];
	char *argv[] = {"rawq",       "emu",   "--wire",   wire,        "--",
	                (char *)rawq, "rx",    "rqemu0",   "--backend", (char *)backend,
	                "--json",     "--for", "60s",      "--count",   count,
	                "--depth",    "32768", "--window", width,       "--flows",
	                "10000",      NULL};
	unsigned first = wire_fd < 0 ? 5 : 0;

	snprintf(count, sizeof(count), "%u", script_count);
	snprintf(width, sizeof(width), "%u", window);
	snprintf(wire, sizeof(wire), "pcap=%s,", wire_file);
	if (wire_fd < 0)
		argv[7] = "received";
	else if (!write_wire())
		return NULL;
	return start(argv + first, pid);
}

/* One script through one receiver. */
static bool run(int fd, uint64_t seed, unsigned flows, unsigned window, unsigned farthest)
{
	struct truth truth;
	json_t *event, *end;
	pid_t pid;
	FILE *out;
	bool good;

	write_script(seed, farthest);
	truth = tell_truth(flows, window);
	out = start_receiver(window, &pid);
	if (!out)
		return false;
	event = next_event(out, "start");
	if (event && wire_fd < 0)
		play(fd);
	end = next_event(out, "end");
	good = report_is_true(end, &truth);
	json_decref(event);
	json_decref(end);
	return stop(out, pid) == 0 && good;
}

static void scripts(unsigned flows, unsigned count, unsigned window, unsigned farthest)
{
	int fd = packet_socket("relayed");
	unsigned bad = 0;
	uint64_t seed;

	ok(record(flows, count), "%u packets of %u flows were made", count, flows);
	for (seed = 1; seed <= seeds; seed++)
		if (!run(fd, seed, flows, window, farthest)) {
			printf("# seed %" PRIu64 "\n", seed);
			bad++;
		}
	is_u(bad, 0,
	     "%s: %u flows, window %u, delayed by up to %u: the report is the script, %u "
	     "seeds",
	     backend, flows, window, farthest, seeds);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		skip_all("usage: relay RAWQ [BACKEND [SEEDS]]");
	rawq = argv[1];
	if (argc > 2)
		backend = argv[2];
	if (argc > 3)
		seeds = (unsigned)atoi(argv[3]);
	if (strcmp(backend, "xdp") != 0)
		wire_fd = memfd_create("wire", 0);
	snprintf(wire_file, sizeof(wire_file), "/proc/%d/fd/%d", getpid(), wire_fd);
	if (unshare(CLONE_NEWNET))
		skip_all("no network namespace of its own without CAP_SYS_ADMIN");
	if (system("sysctl -qw net.ipv6.conf.all.disable_ipv6=1;"
	           "ip link add name made type veth peer name kept && "
	           "ip link add name relayed type veth peer name received && "
	           "for i in made kept relayed received; do ip link set dev $i up; "
	           "done")) {
		ok(false, "veths");
		return done();
	}
	scripts(1, 3000, 4096, 100);
	scripts(1, 3000, 64, 300);
	scripts(100, 5000, 4096, 1000);
	scripts(10000, 30000, 64, 25000);
	return done();
}
