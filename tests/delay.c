/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A relay between veths that keeps each frame back for a time of its own choosing, and knows by
 * its own clock when it let go of it: what rawq rx tells of the latency must be that, within 5 %
 * or the error that it states.  Shares no code with rawq: a signature's time is at 16 of
 * doc/packet-language.md's 32 bytes.
 *
 *   delay RAWQ
 */
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <linux/if_packet.h>
#include <math.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIGNATURE 42 /* behind eth, ip, udp */
#define FRAME_MAX 128
#define PACKETS   2000
#define TRIES     3 /* something else may have had the CPUs */
/* Closer to the time than this, the relay no longer sleeps. */
#define SPIN_NS 20000

struct frame {
	int64_t release_ns, sent_ns; /* to be let go at; by the signature */
	uint32_t len;
	uint8_t bytes[FRAME_MAX];
};

static struct frame frames[PACKETS];
static unsigned held[PACKETS]; /* frames that wait, those to go first last */
static unsigned held_count;
/* From the signature's time to the letting go, ns: when that began, and when it was done. */
static int64_t least[PACKETS], most[PACKETS];
static unsigned relayed;
static const char *rawq;
static cpu_set_t own, other; /* CPUs: the relay's, rawq's */
static uint64_t random_state = 1;

/* splitmix64, as a number in (0, 1] */
static double random01(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (double)((z ^ z >> 31) >> 11) / 0x1p53 + 0x1p-53;
}

static int64_t real_time_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- what to add ---------------------------------------------------------- */

static double constant(double ns)
{
	return ns;
}

static double bimodal(double ns)
{
	return random01() < 0.7 ? ns / 10 : ns * 2;
}

static double exponential(double ns)
{
	return -log(random01()) * ns;
}

/* ---- the relay ------------------------------------------------------------ */

static int packet_socket(const char *netdev)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
	                           .sll_protocol = htons(ETH_P_IP),
	                           .sll_ifindex = (int)if_nametoindex(netdev)};
	int room = 8 << 20, fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return fd;
}

static void hold(unsigned i)
{
	unsigned at = held_count++;

	while (at && frames[held[at - 1]].release_ns < frames[i].release_ns) {
		held[at] = held[at - 1];
		at--;
	}
	held[at] = i;
}

/* A signed frame, if one has come. */
static bool take(int fd, unsigned i, double (*added)(double), double ns)
{
	struct frame *f = &frames[i];
	ssize_t len = recv(fd, f->bytes, FRAME_MAX, MSG_DONTWAIT);
	int64_t now = real_time_ns();
	unsigned k;

	if (len < SIGNATURE + 32 || memcmp(f->bytes + SIGNATURE, "RaWQ", 4) != 0)
		return false;
	f->len = (uint32_t)len;
	f->sent_ns = 0;
	for (k = 0; k < 8; k++)
		f->sent_ns = f->sent_ns << 8 | f->bytes[SIGNATURE + 16 + k];
	f->release_ns = now + (int64_t)added(ns);
	hold(i);
	return true;
}

static void let_go(int fd)
{
	const struct frame *f = &frames[held[held_count - 1]];

	least[relayed] = real_time_ns() - f->sent_ns;
	if (send(fd, f->bytes, f->len, 0) != (ssize_t)f->len)
		return;
	most[relayed++] = real_time_ns() - f->sent_ns;
	held_count--;
}

/* Sleep until a frame comes or shortly before one is due. */
static void rest(int fd)
{
	int64_t left = held_count ? frames[held[held_count - 1]].release_ns -
	                                    real_time_ns() - SPIN_NS
	                          : 100000000;
	struct timespec ts = {.tv_nsec = left > 0 ? left : 0};
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ppoll(&p, 1, &ts, NULL);
}

static void relay(int from, int to, double (*added)(double), double ns)
{
	int64_t deadline = real_time_ns() + INT64_C(20000000000);
	unsigned came = 0;

	held_count = relayed = 0;
	while (relayed < PACKETS && real_time_ns() < deadline) {
		while (came < PACKETS && take(from, came, added, ns))
			came++;
		if (held_count &&
		    frames[held[held_count - 1]].release_ns <= real_time_ns())
			let_go(to);
		else
			rest(from);
	}
}

/* ---- judging -------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* By nearest rank. */
static int64_t percentile(const int64_t *delays, unsigned percent)
{
	return delays[(PACKETS * percent + 99) / 100 - 1];
}

static bool is_near(const json_t *latency, const char *name, unsigned percent)
{
	int64_t told = json_integer_value(json_object_get(latency, name));
	int64_t error = json_integer_value(json_object_get(latency, "error"));
	int64_t from = percentile(least, percent), to = percentile(most, percent);
	int64_t room = to / 20 > error ? to / 20 : error;

	if (told >= from && told <= to + room)
		return true;
	printf("# %s: told %" PRId64 " ns, by the relay %" PRId64 " to %" PRId64
	       ", error %" PRId64 "\n",
	       name, told, from, to, error);
	return false;
}

/* Start rawq, which is to come before all others or after all others; its output. */
static FILE *start(const char *const *argv, bool is_first, pid_t *pid)
{
	struct sched_param none = {0};
	int fds[2];

	if (pipe(fds))
		return NULL;
	*pid = fork();
	if (!*pid) {
		sched_setaffinity(0, sizeof(other), &other);
		if (!is_first)
			sched_setscheduler(0, SCHED_OTHER, &none);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(rawq, (char *const *)argv);
		_exit(127);
	}
	close(fds[1]);
	return fdopen(fds[0], "r");
}

/* From rawq tx through us to rawq rx, whose end event it returns, or NULL. */
static json_t *measure(int from, int to, double (*added)(double), double ns)
{
	static const char *const rx[] = {"rawq", "rx",      "received", "--json", "--for",
	                                 "30s",  "--count", "2000",     NULL};
	static const char *const tx[] = {
		"rawq",    "tx",   "made",     "eth/ip(dst=10.0.0.2)/udp(dport=9)/sig()",
		"--count", "2000", "--rate",   "4kpps",
		"--burst", "1",    "--engine", "queues",
		NULL};
	char line[65536];
	json_t *end = NULL;
	pid_t rx_pid, tx_pid = -1;
	FILE *out = start(rx, true, &rx_pid), *sent = NULL;

	while (out && fgets(line, sizeof(line), out)) {
		json_decref(end);
		end = json_loads(line, 0, NULL);
		if (sent)
			continue;
		sent = start(tx, false, &tx_pid);
		if (sent)
			relay(from, to, added, ns);
	}
	if (out) {
		fclose(out);
		waitpid(rx_pid, NULL, 0);
	}
	if (sent) {
		fclose(sent);
		waitpid(tx_pid, NULL, 0);
	}
	qsort(least, PACKETS, sizeof(least[0]), ascending);
	qsort(most, PACKETS, sizeof(most[0]), ascending);
	return end;
}

static bool is_told(int from, int to, double (*added)(double), double ns)
{
	json_t *end = measure(from, to, added, ns);
	const json_t *latency = json_object_get(end, "latency_ns");
	bool good = relayed == PACKETS &&
	            json_integer_value(json_object_get(latency, "packets")) == PACKETS;

	if (!good)
		printf("# %u relayed, %" JSON_INTEGER_FORMAT " measured\n", relayed,
		       json_integer_value(json_object_get(latency, "packets")));
	good = good && is_near(latency, "p50", 50) && is_near(latency, "p99", 99);
	json_decref(end);
	return good;
}

static void delayed(const char *name, double (*added)(double), double ns)
{
	int from = packet_socket("in"), to = packet_socket("out");
	bool good = false;
	int i;

	for (i = 0; i < TRIES && !good; i++)
		good = is_told(from, to, added, ns);
	ok(good, "%s, %g us: median and p99 are the relay's own", name, ns / 1000);
	close(from);
	close(to);
}

/* The first CPU is the relay's, which is never to wait for rawq's threads, the others are
 * theirs; ahead of whatever else runs here, if we may be. */
static void share_cpus(void)
{
	struct sched_param first = {.sched_priority = 1};
	int cpu = 0;

	sched_getaffinity(0, sizeof(other), &other);
	while (!CPU_ISSET(cpu, &other))
		cpu++;
	CPU_ZERO(&own);
	CPU_SET(cpu, &own);
	if (CPU_COUNT(&other) > 1)
		CPU_CLR(cpu, &other);
	sched_setaffinity(0, sizeof(own), &own);
	sched_setscheduler(0, SCHED_RR, &first); /* rawq inherits it */
}

int main(int argc, char **argv)
{
	if (argc < 2)
		skip_all("usage: delay RAWQ");
	rawq = argv[1];
	if (unshare(CLONE_NEWNET))
		skip_all("no network namespace of its own without CAP_SYS_ADMIN");
	share_cpus();
	if (system("sysctl -qw net.ipv6.conf.all.disable_ipv6=1;"
	           "ip link add name made type veth peer name in && "
	           "ip link add name out type veth peer name received && "
	           "for i in made in out received; do ip link set dev $i up; done")) {
		ok(false, "veths");
		return done();
	}
	delayed("constant", constant, 10e3);
	delayed("constant", constant, 100e3);
	delayed("constant", constant, 1e6);
	delayed("constant", constant, 10e6);
	delayed("bimodal", bimodal, 1e6);
	delayed("exponential", exponential, 1e6);
	return done();
}
