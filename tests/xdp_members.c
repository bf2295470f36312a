/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several processes with rules on one netdev, started, stopped and killed in any order.  Each child
 * is told by a pipe what to do and answers; a packet socket on the netdev is the kernel's view.
 */
#include "veth.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define PORTS 8u

struct child {
	pid_t pid;
	int to, from;
};
struct order {
	enum { ADD, DROP, REMOVE, COUNT, SEND, LIST, QUIT } what;
	uint16_t port;
	uint32_t priority;
};
struct answer {
	int ret;
	uint32_t n, mode;
	char text[256];
};

static struct rawq_error err;
static int far, near;

/* ---- a child ---- */

static struct {
	struct rawq_port *port;
	struct rawq_region *region;
	struct rawq_rxq *rxq;
	struct rawq_txq *txq;
	struct rawq_rule *rules[PORTS];
} c;

static struct rawq_rule_opts rule_for(uint16_t port, uint32_t priority)
{
	struct rawq_rule_opts o = {.size = sizeof(o),
	                           .queues = &c.rxq,
	                           .queue_count = 1,
	                           .priority = priority};

	o.value.ethertype = htons(ETH_P_IP);
	o.mask.ethertype = o.mask.dst_port = 0xffff;
	o.value.ip_proto = 17;
	o.mask.ip_proto = 0xff;
	o.value.dst_port = htons(port);
	return o;
}

static void child_open(void)
{
	must(rawq_port_open(
		"v0",
		&(struct rawq_port_opts){.size = sizeof(struct rawq_port_opts),
	                                 .backend = RAWQ_XDP},
		&c.port, &err));
	must(rawq_region_create(NULL, &c.region, &err));
	must(rawq_rxq_create(c.port, c.region, NULL, &c.rxq, &err));
	must(rawq_txq_create(c.port, c.region, NULL, &c.txq, &err));
	for (uint64_t i = 0; i < 512; i++)
		rawq_rx_post(c.rxq, &(uint64_t){i * 2048}, 1);
}

/* What has come within a moment. */
static uint32_t child_count(void)
{
	struct rawq_pkt pkts[64];
	uint32_t n = 0;

	for (int ms = 0; ms < 60; ms++) {
		unsigned got = rawq_rx_burst(c.rxq, pkts, 64);

		n += got;
		for (unsigned i = 0; i < got; i++)
			rawq_rx_post(c.rxq, &pkts[i].addr, 1);
		usleep(1000);
	}
	return n;
}

static void child_send(struct answer *a)
{
	uint64_t done;
	struct rawq_pkt pkt = {.addr = 600ull * 2048, .len = 60};
	struct rawq_queue_info info;

	numbered_frame((uint8_t *)rawq_region_base(c.region) + pkt.addr, 60, 77);
	a->n = rawq_tx_burst(c.txq, &pkt, 1);
	for (int ms = 0; ms < WAIT_MS && !rawq_tx_reap(c.txq, &done, 1); ms++)
		usleep(1000);
	rawq_txq_info(c.txq, &info);
	a->mode = info.mode;
}

static void obey(const struct order *o, struct answer *a)
{
	struct rawq_rule_opts opts = rule_for(o->port, o->priority);
	struct rawq_rule_info infos[16];
	struct rawq_queue_info info;

	switch (o->what) {
	case DROP:
		opts.queues = NULL;
		opts.queue_count = 0;
		/* fall through */
	case ADD:
		a->ret = rawq_rule_add(c.port, &opts, &c.rules[o->port % PORTS], &err);
		break;
	case REMOVE:
		rawq_rule_remove(c.rules[o->port % PORTS]);
		c.rules[o->port % PORTS] = NULL;
		break;
	case COUNT:
		a->n = child_count();
		break;
	case SEND:
		child_send(a);
		return;
	case LIST:
		a->ret = rawq_rule_list(c.port, infos, 16, &err);
		for (int i = 0; i < a->ret; i++)
			a->n += infos[i].owner == RAWQ_OWNER_RAWQ;
		break;
	case QUIT:
		for (unsigned i = 0; i < PORTS; i++)
			rawq_rule_remove(c.rules[i]);
		_exit(0);
	}
	rawq_rxq_info(c.rxq, &info);
	a->mode = info.mode;
	memcpy(a->text, err.text, sizeof(a->text));
}

static void child_main(int in, int out)
{
	struct order o;

	child_open();
	if (write(out, &(struct answer){0}, sizeof(struct answer)) < 0)
		_exit(1);
	while (read(in, &o, sizeof(o)) == sizeof(o)) {
		struct answer a = {0};

		err.text[0] = 0;
		obey(&o, &a);
		if (write(out, &a, sizeof(a)) != sizeof(a))
			break;
	}
	_exit(0);
}

/* ---- the parent ---- */

static struct answer hear(const struct child *k)
{
	struct answer a;

	if (read(k->from, &a, sizeof(a)) != sizeof(a)) {
		printf("Bail out! a child died\n");
		exit(1);
	}
	return a;
}

static struct child child_start(void)
{
	int to[2], from[2];
	struct child k;

	fflush(stdout);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		exit(1);
	k.pid = fork();
	if (!k.pid) {
		close(to[1]);
		close(from[0]);
		close(far);
		close(near);
		child_main(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	k.to = to[1];
	k.from = from[0];
	hear(&k);
	return k;
}

static struct answer tell(const struct child *k, int what, uint16_t port,
                          uint32_t priority)
{
	struct order o = {what, port, priority};

	if (write(k->to, &o, sizeof(o)) != sizeof(o))
		exit(1);
	return hear(k);
}

static void child_end(const struct child *k, int sig)
{
	struct order quit = {.what = QUIT};

	if (sig ? kill(k->pid, sig) : write(k->to, &quit, sizeof(quit)) < 0)
		exit(1);
	close(k->to);
	close(k->from);
	waitpid(k->pid, NULL, 0);
}

static void send_udp(uint16_t port)
{
	/* IPv4, UDP, to 02:..:02; the checksums are nobody's concern here. */
	uint8_t f[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46};

	f[22] = 64;
	f[23] = 17;
	f[26] = f[30] = 10;
	f[29] = 1;
	f[33] = 2;
	f[36] = (uint8_t)(port >> 8);
	f[37] = (uint8_t)port;
	f[39] = 26;
	send_frame(far, f, sizeof(f));
}

static unsigned kernel_count(int wait_ms)
{
	uint8_t f[2048];
	unsigned n = 0;

	while (witness_next(near, f, sizeof(f), wait_ms))
		n++;
	return n;
}

static uint32_t program_on(const char *netdev)
{
	uint32_t id = 0;

	bpf_xdp_query_id((int)if_nametoindex(netdev), 0, &id);
	return id;
}

static int names_left(void)
{
	FILE *f = fopen("/proc/net/unix", "r");
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, "@rawq/") != NULL;
	if (f)
		fclose(f);
	return n;
}

/* Within a second the kernel has the packets to that port; each look sends one. */
static int kernel_gets(uint16_t port)
{
	for (int i = 0; i < 100; i++) {
		send_udp(port);
		if (kernel_count(10))
			return 1;
	}
	return 0;
}

static void send_ten(uint16_t dport)
{
	for (int i = 0; i < 10; i++)
		send_udp(dport);
}

static void two_programs(void)
{
	struct child a = child_start(), b = child_start();
	struct answer x;

	is_u(-tell(&a, ADD, 1001, 1).ret, 0, "a process has a rule");
	is_u(-tell(&b, ADD, 1002, 1).ret, 0, "another one has one as well");
	kernel_count(0);
	for (int i = 0; i < 10; i++) {
		send_udp(1001);
		send_udp(1002);
		send_udp(1003);
	}
	x = tell(&a, COUNT, 0, 0);
	is_u(x.n, 10, "the first gets its packets");
	ok(!(x.mode & RAWQ_BPF_RING), "by an AF_XDP socket");
	x = tell(&b, COUNT, 0, 0);
	is_u(x.n, 10, "the second gets its packets");
	ok(x.mode & RAWQ_BPF_RING, "by a BPF ring, and says so");
	is_u(kernel_count(0), 10, "the kernel has the rest");

	x = tell(&b, ADD, 1001, 1);
	is_u(-x.ret, EBUSY, "the same rule is refused");
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", (int)a.pid);
	ok(strstr(x.text, pid) && strstr(x.text, "xdp_members"),
	   "with the owner's name: '%s'", x.text);
	x = tell(&b, LIST, 0, 0);
	is_u(x.n, 1, "the list has the other one's rule");
	is_u(x.ret, 2, "and both in all");

	x = tell(&b, SEND, 0, 0);
	ok(x.n == 1 && x.mode & RAWQ_PACKET_SOCKET,
	   "the second sends by a packet socket, and says so");
	uint8_t f[2048];
	int seen = 0;
	size_t len;
	while ((len = witness_next(far, f, sizeof(f), 200)))
		seen += len == 60 && frame_is(f, 60, 77);
	is_u(seen, 1, "and what it sends arrives");

	tell(&b, DROP, 1001, 0);
	send_ten(1001);
	is_u(tell(&a, COUNT, 0, 0).n, 0, "one process's drop comes first by priority");
	tell(&b, REMOVE, 1001, 0);
	send_ten(1001);
	is_u(tell(&a, COUNT, 0, 0).n, 10, "until it is removed");

	child_end(&a, SIGKILL);
	ok(kernel_gets(1001), "the first is killed: the kernel has its packets");
	kernel_count(0);
	send_ten(1002);
	is_u(tell(&b, COUNT, 0, 0).n, 10, "the second goes on");
	for (int i = 0; i < 100 && tell(&b, LIST, 0, 0).n; i++)
		usleep(10000);
	is_u(tell(&b, LIST, 0, 0).n, 0, "and has swept the dead one's rule");
	a = child_start();
	is_u(-tell(&a, ADD, 1001, 1).ret, 0, "a third may have it");
	child_end(&b, 0);
	send_ten(1001);
	is_u(tell(&a, COUNT, 0, 0).n, 10, "and keeps it when the second leaves");
	ok(program_on("v0"), "the program is there");
	child_end(&a, SIGKILL);
	for (int i = 0; i < 100 && program_on("v0"); i++)
		usleep(10000);
	ok(!program_on("v0"), "with the last process it is gone");
	is_u(names_left(), 0, "and no name is left");
}

static void stopped_program(void)
{
	struct child a = child_start(), b = child_start();
	struct answer x;
	char pid[16];

	tell(&a, ADD, 1001, 1);
	kill(a.pid, SIGSTOP);
	waitpid(a.pid, NULL, WUNTRACED);
	x = tell(&b, ADD, 1002, 1);
	snprintf(pid, sizeof(pid), "%d", (int)a.pid);
	is_u(-x.ret, EBUSY, "nobody can join a process that is stopped");
	ok(strstr(x.text, pid) != NULL, "which is named: '%s'", x.text);
	kill(a.pid, SIGCONT);
	is_u(-tell(&b, ADD, 1002, 1).ret, 0, "until it goes on");
	child_end(&a, 0);
	child_end(&b, 0);
}

/* ---- killed at any moment ---- */

static void restless(unsigned seed)
{
	struct rawq_rule *out;

	srand(seed);
	child_open();
	for (;;) {
		unsigned i = (unsigned)rand() % PORTS;
		struct rawq_rule_opts o =
			rule_for((uint16_t)(2000 + i), (uint32_t)rand() % 3);

		if (!c.rules[i]) {
			rawq_rule_add(c.port, &o, &c.rules[i], &err);
		} else if (rand() % 2) {
			if (!rawq_rule_replace(c.rules[i], &o, &out, &err))
				c.rules[i] = out;
		} else {
			rawq_rule_remove(c.rules[i]);
			c.rules[i] = NULL;
		}
	}
}

static pid_t restless_start(unsigned seed)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(far);
		close(near);
		restless(seed);
	}
	return pid;
}

static void killed(unsigned times, unsigned seed)
{
	struct child steady = child_start();
	unsigned good = 0, kept = 0;
	pid_t pids[3] = {0};

	printf("# seed %u\n", seed);
	srand(seed);
	tell(&steady, ADD, 1001, 1);
	for (unsigned i = 0; i < times; i++) {
		pid_t *p = &pids[(unsigned)rand() % 3];

		if (!*p)
			*p = restless_start(seed + i);
		usleep((unsigned)rand() % 60000);
		kill(*p, SIGKILL);
		waitpid(*p, NULL, 0);
		*p = restless_start(seed + i + 1000);
		usleep((unsigned)rand() % 5000);
		send_udp(1001);
		kept += tell(&steady, COUNT, 0, 0).n;
	}
	for (unsigned i = 0; i < 3; i++) {
		if (pids[i]) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	}
	for (uint16_t i = 0; i < PORTS; i++)
		good += (unsigned)kernel_gets((uint16_t)(2000 + i));
	is_u(kept, times, "%u kills beside it: the steady one gets its packets", times);
	is_u(good, PORTS, "and the kernel those of the dead");
	for (int i = 0; i < 100 && tell(&steady, LIST, 0, 0).n; i++)
		usleep(10000);
	is_u(tell(&steady, LIST, 0, 0).n, 0, "no rule of theirs is left");
	child_end(&steady, SIGKILL);
	for (int i = 0; i < 100 && program_on("v0"); i++)
		usleep(10000);
	ok(!program_on("v0") && !names_left(), "nor, in the end, program or name");
}

int main(int argc, char **argv)
{
	unsigned times = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
	unsigned seed = argc > 2 ? (unsigned)atoi(argv[2]) : (unsigned)time(NULL);

	veth_pair(1, 1500);
	far = witness("v1");
	near = witness("v0");
	two_programs();
	stopped_program();
	killed(times, seed);
	return done();
}
