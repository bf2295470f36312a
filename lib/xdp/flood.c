/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floods: BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES (Linux 5.18) has the kernel build
 * frames from a page pool and run a program on each; ours edits it and redirects it out of the
 * netdev.  The program is put together here, around the caller's instructions.
 */
#include "lib/backend.h"
#include "lib/error.h"
#include "lib/netdev.h"
#include "lib/opts.h"

#include "hw/netdev.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The kernel's batch, at most: one redirect flush each. */
#define BATCH 256
/* Packets per system call: setting up the page pool takes some 25 ms, so they must be many. */
#define CALL_PACKETS_MAX (UINT64_C(1) << 30)
/* A packet that is not due costs the kernel no less than this. */
#define SKIP_NS 20
/* What is later than this is given up. */
#define BEHIND_NS 1000000000
/* A flood that was held up sends, in no WINDOW_NS, more than the rate makes and a burst on top: a
 * batch, or what the rate makes in BURST_NS.  Half of it goes at once. */
#define WINDOW_NS 10000000
#define BURST_NS  100000
/* What a page holds beside the kernel's headroom and tailroom. */
#define FRAME_MIN 14
#define FRAME_MAX 3400
#define EDIT_MAX  4000
/* Times in 2^-16 ns. */
#define TIME_BITS 16

/* At the head of the map, written by the program. */
struct head {
	uint64_t sent, limit;
	uint64_t start_ns; /* 0: before the first packet */
	uint64_t next;     /* when the next packet is due, after the start, in 2^-16 ns */
	uint64_t shaped; /* the same of packets as close as a late flood may send them */
	uint64_t pad[3];
};

struct rawq_flood {
	struct rawq_port *port;
	struct head *head; /* mapped */
	size_t map_size, state_size;
	uint8_t *frame;
	uint32_t len;
	uint64_t gap; /* 2^-16 ns */
	uint64_t late_gap,
		late_burst; /* of a late flood: 2^-16 ns, and packets times that */
	int map_fd, program_fd;
};

/* ---- the program ---- */

struct code {
	struct bpf_insn insns[EDIT_MAX + 64];
	unsigned count;
};

static void put(struct code *c, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
                int32_t imm)
{
	/* as the kernel lays it out, the registers a nibble each */
	uint64_t word = code | (uint64_t)(src << 4 | dst) << 8 |
	                (uint64_t)(uint16_t)off << 16 | (uint64_t)(uint32_t)imm << 32;

	memcpy(&c->insns[c->count++], &word, sizeof(word));
}

static void put_imm64(struct code *c, uint8_t dst, uint8_t src, uint32_t low,
                      uint32_t high)
{
	put(c, BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (int32_t)low);
	put(c, 0, 0, 0, 0, (int32_t)high);
}

#define LOAD64       (BPF_LDX | BPF_MEM | BPF_DW)
#define LOAD32       (BPF_LDX | BPF_MEM | BPF_W)
#define STORE64      (BPF_STX | BPF_MEM | BPF_DW)
#define OP(op)       (BPF_ALU64 | (op) | BPF_X)
#define OP_IMM(op)   (BPF_ALU64 | (op) | BPF_K)
#define HEAD(member) ((int16_t)offsetof(struct head, member))

/* Where a jump lies whose distance is filled in once its target is known. */
static unsigned put_jump(struct code *c, uint8_t op, uint8_t dst, uint8_t src)
{
	put(c, BPF_JMP | op | BPF_X, dst, src, 0, 0);
	return c->count - 1;
}

static void land(struct code *c, unsigned jump)
{
	c->insns[jump].off = (int16_t)(c->count - jump - 1);
}

static void put_wide(struct code *c, uint8_t dst, uint64_t v)
{
	put_imm64(c, dst, 0, (uint32_t)v, (uint32_t)(v >> 32));
}

/* dst = max(dst, src) */
static void put_max(struct code *c, uint8_t dst, uint8_t src)
{
	put(c, BPF_JMP | BPF_JGE | BPF_X, dst, src, 1, 0);
	put(c, OP(BPF_MOV), dst, src, 0, 0);
}

/* r0 = time since the start, which is the first packet's unless it was set.  Uses r1 to r5. */
static void put_clock(struct code *c)
{
	put(c, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns);
	put(c, LOAD64, 1, 8, HEAD(start_ns), 0);
	put(c, BPF_JMP | BPF_JNE | BPF_K, 1, 0, 2, 0);
	put(c, OP(BPF_MOV), 1, 0, 0, 0);
	put(c, STORE64, 8, 1, HEAD(start_ns), 0);
	put(c, OP(BPF_SUB), 0, 1, 0, 0);
	put(c, OP_IMM(BPF_LSH), 0, 0, 0, TIME_BITS);
}

/* Unless the next packet is due, and not too close behind others for a late one, jump; else say
 * when the one after it is.  Two jumps.  Uses r0 to r5. */
static void put_pacing(struct code *c, const struct rawq_flood *f, unsigned jumps[2])
{
	put_clock(c);
	put(c, LOAD64, 2, 8, HEAD(next), 0);
	jumps[0] = put_jump(c, BPF_JLT, 0, 2);
	put(c, LOAD64, 4, 8, HEAD(shaped), 0);
	put_wide(c, 3, f->late_burst);
	put(c, OP(BPF_ADD), 3, 0, 0, 0);
	jumps[1] = put_jump(c, BPF_JLT, 3, 4);
	put_max(c, 4, 0);
	put_wide(c, 3, f->late_gap);
	put(c, OP(BPF_ADD), 4, 3, 0, 0);
	put(c, STORE64, 8, 4, HEAD(shaped), 0);
	/* next = max(next, now - BEHIND) + gap; at first now is less than that */
	put_wide(c, 3, (uint64_t)BEHIND_NS << TIME_BITS);
	put(c, OP(BPF_ADD), 2, 3, 0, 0);
	put_max(c, 2, 0);
	put(c, OP(BPF_SUB), 2, 3, 0, 0);
	put_wide(c, 3, f->gap);
	put(c, OP(BPF_ADD), 2, 3, 0, 0);
	put(c, STORE64, 8, 2, HEAD(next), 0);
}

/* r6 the frame, r7 the packets before, r8 the head. */
static void build_program(struct code *c, const struct rawq_flood *f,
                          const struct rawq_flood_opts *o)
{
	unsigned drops[4], n = 0, i;

	put(c, LOAD32, 6, 1, offsetof(struct xdp_md, data), 0);
	put(c, LOAD32, 3, 1, offsetof(struct xdp_md, data_end), 0);
	put(c, OP(BPF_MOV), 2, 6, 0, 0);
	put(c, OP_IMM(BPF_ADD), 2, 0, 0, (int32_t)o->len);
	drops[n++] = put_jump(c, BPF_JGT, 2, 3);
	put_imm64(c, 8, BPF_PSEUDO_MAP_VALUE, (uint32_t)f->map_fd, 0);
	put(c, LOAD64, 7, 8, HEAD(sent), 0);
	put(c, LOAD64, 2, 8, HEAD(limit), 0);
	drops[n++] = put_jump(c, BPF_JGE, 7, 2);
	if (f->gap) {
		put_pacing(c, f, drops + n);
		n += 2;
	}
	put(c, OP(BPF_MOV), 2, 7, 0, 0);
	put(c, OP_IMM(BPF_ADD), 2, 0, 0, 1);
	put(c, STORE64, 8, 2, HEAD(sent), 0);
	put(c, OP_IMM(BPF_ADD), 8, 0, 0, sizeof(struct head));
	memcpy(c->insns + c->count, o->edit, o->edit_count * sizeof(*o->edit));
	c->count += o->edit_count;
	put(c, OP_IMM(BPF_MOV), 1, 0, 0, f->port->info.ifindex);
	put(c, OP_IMM(BPF_MOV), 2, 0, 0, 0);
	put(c, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect);
	put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (i = 0; i < n; i++)
		land(c, drops[i]);
	put(c, OP_IMM(BPF_MOV), 0, 0, 0, XDP_DROP);
	put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int load_program(struct rawq_flood *f, const struct rawq_flood_opts *o,
                        struct rawq_error *err)
{
	struct code *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return fail(err, -ENOMEM, "%s: out of memory", f->port->info.netdev);
	build_program(c, f, o);
	f->program_fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "rawq_flood", "Dual BSD/GPL",
	                              c->insns, c->count, NULL);
	ret = f->program_fd < 0 ? -errno : 0;
	free(c);
	if (ret == -EPERM)
		return fail(err, ret,
		            "%s: live frames need the capabilities CAP_BPF and "
		            "CAP_NET_ADMIN",
		            f->port->info.netdev);
	if (ret)
		return fail(err, -EINVAL, "%s: the kernel did not take the edit: %s",
		            f->port->info.netdev, strerror(-ret));
	return 0;
}

/* ---- memory ---- */

static int map_state(struct rawq_flood *f, struct rawq_error *err)
{
	struct bpf_map_create_opts opts = {.sz = sizeof(opts),
	                                   .map_flags = BPF_F_MMAPABLE};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = sizeof(struct head) + f->state_size;
	void *at;

	f->map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rawq_flood", sizeof(uint32_t),
	                           (uint32_t)size, 1, &opts);
	if (f->map_fd < 0)
		return fail(err, errno == EPERM ? -EPERM : -ENOMEM,
		            "%s: no BPF map of %zu bytes: %s%s", f->port->info.netdev,
		            size, strerror(errno),
		            errno == EPERM
		                    ? " (live frames need the capabilities CAP_BPF "
		                      "and CAP_NET_ADMIN)"
		                    : "");
	f->map_size = (size + page - 1) / page * page;
	at = mmap(NULL, f->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, f->map_fd, 0);
	if (at == MAP_FAILED) {
		f->map_size = 0;
		return fail(err, -ENOMEM, "%s: mapping the state: %s",
		            f->port->info.netdev, strerror(errno));
	}
	f->head = at;
	return 0;
}

void rawq_flood_destroy(struct rawq_flood *f)
{
	if (!f)
		return;
	if (f->program_fd >= 0)
		close(f->program_fd);
	if (f->head)
		munmap(f->head, f->map_size);
	if (f->map_fd >= 0)
		close(f->map_fd);
	free(f->frame);
	free(f);
}

static int check(const struct rawq_port *port, const struct rawq_flood_opts *o,
                 struct rawq_error *err)
{
	const char *name = port->info.netdev;
	uint64_t features = 0;

	if (o->len < FRAME_MIN || o->len > FRAME_MAX || !o->frame)
		return fail(err, -EINVAL, "rawq_flood_opts.len: %u; from %d to %d",
		            o->len, FRAME_MIN, FRAME_MAX);
	if (o->edit_count > EDIT_MAX || (o->edit_count && !o->edit))
		return fail(err, -EINVAL,
		            "rawq_flood_opts.edit_count: %u; at most %d instructions",
		            o->edit_count, EDIT_MAX);
	if (o->gap_ps > UINT64_C(1000000000000))
		return fail(err, -EINVAL, "rawq_flood_opts.gap_ps: at most a second");
	if (netdev_xdp_features(port->info.ifindex, &features) &&
	    !(features & HW_XDP_ACT_NDO_XMIT))
		return fail(
			err, -ENOTSUP,
			"%s: the driver takes no redirected frames now (on a veth the "
			"peer needs an XDP program or GRO: ethtool -K PEER gro on)",
			name);
	return 0;
}

/* A kernel without live frames says EINVAL; a call of no packets asks it. */
static int try_call(struct rawq_flood *f, struct rawq_error *err)
{
	struct bpf_test_run_opts opts = {.sz = sizeof(opts),
	                                 .data_in = f->frame,
	                                 .data_size_in = f->len,
	                                 .repeat = 1,
	                                 .flags = BPF_F_TEST_XDP_LIVE_FRAMES};
	int ret;

	f->head->limit = 0;
	ret = bpf_prog_test_run_opts(f->program_fd, &opts);
	if (!ret)
		return 0;
	return fail(err, ret == -EPERM ? -EPERM : -ENOTSUP,
	            "%s: this kernel runs no XDP live frames of %u bytes: %s",
	            f->port->info.netdev, f->len, strerror(-ret));
}

/* Half a burst at once, half a burst per window besides the rate. */
static void set_late_rate(struct rawq_flood *f)
{
	double gap_ns = (double)f->gap / (1 << TIME_BITS), burst;

	if (!f->gap)
		return;
	burst = BURST_NS / gap_ns > BATCH ? BURST_NS / gap_ns : BATCH;
	gap_ns = 1 / (1 / gap_ns + burst / 2 / WINDOW_NS);
	f->late_gap = (uint64_t)(gap_ns * (1 << TIME_BITS));
	f->late_burst = (uint64_t)(burst / 2 * gap_ns * (1 << TIME_BITS));
}

int rawq_flood_create(struct rawq_port *port, const struct rawq_flood_opts *opts,
                      struct rawq_flood **out, struct rawq_error *err)
{
	struct rawq_flood_opts o;
	struct rawq_flood *f;
	int ret;

	ret = opts_read(&o, sizeof(o), opts, "rawq_flood_opts", err);
	if (!ret)
		ret = check(port, &o, err);
	if (ret)
		return ret;
	f = calloc(1, sizeof(*f));
	if (!f)
		return fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	*f = (struct rawq_flood){.port = port,
	                         .state_size = o.state_size,
	                         .len = o.len,
	                         .gap = (o.gap_ps << TIME_BITS) / 1000,
	                         .map_fd = -1,
	                         .program_fd = -1};
	set_late_rate(f);
	f->frame = malloc(o.len);
	ret = f->frame ? map_state(f, err)
	               : fail(err, -ENOMEM, "%s: out of memory", port->info.netdev);
	if (!ret) {
		memcpy(f->frame, o.frame, o.len);
		ret = load_program(f, &o, err);
	}
	if (!ret)
		ret = try_call(f, err);
	if (ret) {
		rawq_flood_destroy(f);
		return ret;
	}
	*out = f;
	return 0;
}

void *rawq_flood_state(struct rawq_flood *f)
{
	return f->state_size ? f->head + 1 : NULL;
}

uint64_t rawq_flood_sent(const struct rawq_flood *f)
{
	return __atomic_load_n(&f->head->sent, __ATOMIC_RELAXED);
}

void rawq_flood_skip(struct rawq_flood *f, uint64_t packets, uint64_t start_ns)
{
	__atomic_store_n(&f->head->sent, rawq_flood_sent(f) + packets, __ATOMIC_RELAXED);
	f->head->next = rawq_flood_sent(f) * f->gap;
	f->head->start_ns = start_ns;
}

/* How often the program runs in one call: not much more often than packets are still due. */
static uint64_t call_packets(const struct rawq_flood *f, uint64_t left)
{
	uint64_t skips = f->gap / (SKIP_NS << TIME_BITS);

	if (left > CALL_PACKETS_MAX || (skips + 1) * left > CALL_PACKETS_MAX)
		return CALL_PACKETS_MAX;
	return (skips + 1) * left;
}

int rawq_flood_run(struct rawq_flood *f, uint64_t packets)
{
	struct bpf_test_run_opts opts = {.sz = sizeof(opts),
	                                 .data_in = f->frame,
	                                 .data_size_in = f->len,
	                                 .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
	                                 .batch_size = BATCH};
	uint64_t sent;
	int ret = 0;

	__atomic_store_n(&f->head->limit, packets, __ATOMIC_RELAXED);
	while (!ret && (sent = rawq_flood_sent(f)) < packets) {
		opts.repeat = (int)call_packets(f, packets - sent);
		ret = bpf_prog_test_run_opts(f->program_fd, &opts);
	}
	return ret;
}
