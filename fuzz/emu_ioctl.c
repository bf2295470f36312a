/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulator's kernel part against calls full of anything.  An input is a sequence of records;
 * each is one call: a well-formed command of the kind that the first byte names, its bytes
 * changed by the record's, or (kind RAW) attributes made of the record alone.
 *
 *   record: kind, length n, n bytes
 */
#include "emu/preload/fds.h"
#include "emu/preload/real.h"
#include "emu/uverbs/config.h"
#include "emu/uverbs/device.h"

#include <fcntl.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/mlx5-abi.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EX(command) (IB_USER_VERBS_CMD_FLAG_EXTENDED | IB_USER_VERBS_EX_CMD_##command)

#define ARENA (1u << 20) /* rings and doorbell records; records may point elsewhere */
/* Far from everything else: a spoilt address or length leads to no memory of ours. */
#define ARENA_AT 0x200000000000
#define RECORDS  64u
#define OUT      1024u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *arena;
static struct config config = {
	.ports = 1,
	.port = {{.pci = "0000:e1:00.0", .mac = {2, 0, 0, 0, 0, 1}, .wire = "loop"}},
	.trap = true, /* no thread: every run alike */
};

/* Handles that the emulator returned last. */
static struct {
	uint32_t pd, cq, wq, table, qp, flow, mr, counters, matcher, uar;
} last;

/* One command, and where its response has the new handle. */
struct command {
	uint32_t number;
	size_t in, driver_in;
	union {
		uint8_t bytes[512];
		struct ib_uverbs_alloc_pd pd;
		struct ib_uverbs_reg_mr mr;
		struct ib_uverbs_dereg_mr dereg_mr;
		struct ib_uverbs_ex_create_cq cq;
		struct ib_uverbs_destroy_cq destroy_cq;
		struct ib_uverbs_ex_create_qp qp;
		struct ib_uverbs_ex_modify_qp modify_qp;
		struct ib_uverbs_destroy_qp destroy_qp;
		struct ib_uverbs_ex_create_wq wq;
		struct ib_uverbs_ex_modify_wq modify_wq;
		struct ib_uverbs_ex_destroy_wq destroy_wq;
		struct {
			struct ib_uverbs_ex_create_rwq_ind_table head;
			uint32_t wqs[4];
		} table;
		struct {
			struct ib_uverbs_create_flow head;
			struct ib_uverbs_flow_spec_eth eth;
			struct ib_uverbs_flow_spec_ipv4 ipv4;
			struct ib_uverbs_flow_spec_action_count count;
		} flow;
	} core;
	union {
		uint8_t bytes[256];
		struct mlx5_ib_create_cq cq;
		struct mlx5_ib_create_qp qp;
		struct mlx5_ib_create_qp_rss rss;
		struct mlx5_ib_create_wq wq;
		struct mlx5_ib_create_flow flow;
	} driver;
	uint32_t *handle; /* may be NULL */
	size_t handle_at;
};

enum kind {
	PD,
	MR,
	DEREG_MR,
	CQ,
	DESTROY_CQ,
	QP,
	RSS,
	MODIFY_QP,
	DESTROY_QP,
	WQ,
	MODIFY_WQ,
	DESTROY_WQ,
	TABLE,
	FLOW,
	KINDS,
	RAW = KINDS, /* and above */
};

static void core(struct command *c, uint32_t number, size_t in, uint32_t *handle,
                 size_t handle_at)
{
	c->number = number;
	c->in = in;
	c->handle = handle;
	c->handle_at = handle_at;
}

static void make_memory(struct command *c, enum kind kind)
{
	if (kind == PD)
		core(c, IB_USER_VERBS_CMD_ALLOC_PD, sizeof c->core.pd, &last.pd, 0);
	if (kind == DEREG_MR) {
		core(c, IB_USER_VERBS_CMD_DEREG_MR, sizeof c->core.dereg_mr, NULL, 0);
		c->core.dereg_mr.mr_handle = last.mr;
	}
	if (kind != MR)
		return;
	core(c, IB_USER_VERBS_CMD_REG_MR, sizeof c->core.mr, &last.mr, 0);
	c->core.mr.start = c->core.mr.hca_va = (uintptr_t)arena;
	c->core.mr.length = ARENA;
	c->core.mr.pd_handle = last.pd;
	c->core.mr.access_flags = IBV_ACCESS_LOCAL_WRITE;
}

static void make_cq(struct command *c, enum kind kind)
{
	if (kind == DESTROY_CQ) {
		core(c, IB_USER_VERBS_CMD_DESTROY_CQ, sizeof c->core.destroy_cq, NULL, 0);
		c->core.destroy_cq.cq_handle = last.cq;
		return;
	}
	core(c, EX(CREATE_CQ), sizeof c->core.cq, &last.cq, 0);
	c->core.cq.cqe = 63;
	c->core.cq.comp_channel = -1;
	c->driver_in = sizeof c->driver.cq;
	c->driver.cq.buf_addr = (uintptr_t)arena;
	c->driver.cq.db_addr = (uintptr_t)arena + 0x80000;
	c->driver.cq.cqe_size = 64;
}

static void make_qp(struct command *c, enum kind kind)
{
	core(c, EX(CREATE_QP), sizeof c->core.qp, &last.qp, 0);
	c->core.qp.pd_handle = last.pd;
	c->core.qp.qp_type = IBV_QPT_RAW_PACKET;
	if (kind == RSS) {
		c->core.qp.comp_mask = IB_UVERBS_CREATE_QP_MASK_IND_TABLE;
		c->core.qp.rwq_ind_tbl_handle = last.table;
		c->driver_in = sizeof c->driver.rss;
		c->driver.rss.rx_hash_fields_mask = MLX5_RX_HASH_SRC_IPV4;
		c->driver.rss.rx_hash_function = MLX5_RX_HASH_FUNC_TOEPLITZ;
		c->driver.rss.rx_key_len = 40;
		return;
	}
	c->core.qp.send_cq_handle = c->core.qp.recv_cq_handle = last.cq;
	c->core.qp.max_send_wr = c->core.qp.max_recv_wr = 64;
	c->driver_in = sizeof c->driver.qp;
	c->driver.qp.buf_addr = (uintptr_t)arena + 0x10000;
	c->driver.qp.sq_buf_addr = (uintptr_t)arena + 0x20000;
	c->driver.qp.db_addr = (uintptr_t)arena + 0x80040;
	c->driver.qp.sq_wqe_count = c->driver.qp.rq_wqe_count = 64;
	c->driver.qp.rq_wqe_shift = 4;
}

static void use_qp(struct command *c, enum kind kind)
{
	if (kind == DESTROY_QP) {
		core(c, IB_USER_VERBS_CMD_DESTROY_QP, sizeof c->core.destroy_qp, NULL, 0);
		c->core.destroy_qp.qp_handle = last.qp;
		return;
	}
	core(c, EX(MODIFY_QP), sizeof c->core.modify_qp, NULL, 0);
	c->core.modify_qp.base.qp_handle = last.qp;
	c->core.modify_qp.base.attr_mask = IBV_QP_STATE | IBV_QP_PORT;
	c->core.modify_qp.base.qp_state = IBV_QPS_INIT;
	c->core.modify_qp.base.port_num = 1;
}

static void make_wq(struct command *c, enum kind kind)
{
	if (kind == DESTROY_WQ) {
		core(c, EX(DESTROY_WQ), sizeof c->core.destroy_wq, NULL, 0);
		c->core.destroy_wq.wq_handle = last.wq;
		return;
	}
	if (kind == MODIFY_WQ) {
		core(c, EX(MODIFY_WQ), sizeof c->core.modify_wq, NULL, 0);
		c->core.modify_wq.wq_handle = last.wq;
		c->core.modify_wq.attr_mask = IBV_WQ_ATTR_STATE;
		c->core.modify_wq.wq_state = IBV_WQS_RDY;
		return;
	}
	core(c, EX(CREATE_WQ), sizeof c->core.wq, &last.wq, 8);
	c->core.wq.pd_handle = last.pd;
	c->core.wq.cq_handle = last.cq;
	c->core.wq.max_wr = 64;
	c->driver_in = sizeof c->driver.wq;
	c->driver.wq.buf_addr = (uintptr_t)arena + 0x30000;
	c->driver.wq.db_addr = (uintptr_t)arena + 0x80080;
	c->driver.wq.rq_wqe_count = 64;
	c->driver.wq.rq_wqe_shift = 4;
}

static void make_flow(struct command *c)
{
	core(c, EX(CREATE_FLOW), sizeof c->core.flow, &last.flow, 4);
	c->core.flow.head.qp_handle = last.qp;
	c->core.flow.head.flow_attr.num_of_specs = 2;
	c->core.flow.head.flow_attr.size =
		sizeof c->core.flow.eth + sizeof c->core.flow.ipv4;
	c->core.flow.head.flow_attr.port = 1;
	c->core.flow.eth.type = IBV_FLOW_SPEC_ETH;
	c->core.flow.eth.size = sizeof c->core.flow.eth;
	c->core.flow.ipv4.type = IBV_FLOW_SPEC_IPV4;
	c->core.flow.ipv4.size = sizeof c->core.flow.ipv4;
	c->core.flow.count.type = IBV_FLOW_SPEC_ACTION_COUNT;
	c->core.flow.count.size = sizeof c->core.flow.count;
	c->core.flow.count.handle = last.counters;
	c->driver_in = sizeof c->driver.flow;
}

static void make_command(struct command *c, enum kind kind)
{
	memset(c, 0, sizeof *c);
	if (kind <= DEREG_MR)
		make_memory(c, kind);
	else if (kind <= DESTROY_CQ)
		make_cq(c, kind);
	else if (kind <= RSS)
		make_qp(c, kind);
	else if (kind <= DESTROY_QP)
		use_qp(c, kind);
	else if (kind <= DESTROY_WQ)
		make_wq(c, kind);
	else if (kind == FLOW)
		make_flow(c);
	if (kind != TABLE)
		return;
	core(c, EX(CREATE_RWQ_IND_TBL), sizeof c->core.table, &last.table, 8);
	c->core.table.wqs[0] = c->core.table.wqs[1] = last.wq;
	c->core.table.head.log_ind_tbl_size = 1;
}

/* Pairs of offset and value: the byte there is exclusive-ored. */
static void spoil(struct command *c, const uint8_t *bytes, size_t n)
{
	size_t i, at;

	for (i = 0; i + 1 < n; i += 2) {
		at = bytes[i];
		if (at < c->in)
			c->core.bytes[at] ^= bytes[i + 1];
		else if (at - c->in < c->driver_in)
			c->driver.bytes[at - c->in] ^= bytes[i + 1];
	}
}

/* Addresses lead into the arena's 4 GiB or to nothing: not into the sanitizer's own memory, which
 * is there but not to be touched. */
static void tame(uint8_t *bytes, size_t n)
{
	uint64_t word;
	size_t at;

	for (at = 0; at + 8 <= n; at += 8) {
		memcpy(&word, bytes + at, 8);
		if (word >> 40 && word >> 32 != ARENA_AT >> 32)
			memset(bytes + at + 2, 0, 6);
	}
}

/* ---- Calls ---- */

struct request {
	struct ib_uverbs_ioctl_hdr hdr;
	struct ib_uverbs_attr attrs[16];
};

static void put_attr(struct request *r, uint16_t id, const void *data, size_t len)
{
	struct ib_uverbs_attr *a = &r->attrs[r->hdr.num_attrs++];

	a->attr_id = id;
	a->len = (uint16_t)len;
	a->flags = UVERBS_ATTR_F_MANDATORY;
	if (len <= 8)
		memcpy(&a->data, data, len);
	else
		a->data = (uintptr_t)data;
}

static int call(struct emu_file *f, struct request *r)
{
	r->hdr.length = (uint16_t)(sizeof r->hdr + r->hdr.num_attrs * sizeof *r->attrs);
	r->hdr.driver_id = RDMA_DRIVER_MLX5;
	return f->ops->ioctl(f, RDMA_VERBS_IOCTL, r);
}

static void put_out(struct request *r, uint16_t id, void *out)
{
	put_attr(r, id, out, OUT);
}

static void get_context(struct emu_file *f)
{
	struct mlx5_ib_alloc_ucontext_req_v2 req = {.total_num_bfregs = 1,
	                                            .max_cqe_version = 1,
	                                            .lib_caps = MLX5_LIB_CAP_DYN_UAR};
	struct request r = {.hdr = {.object_id = UVERBS_OBJECT_DEVICE,
	                            .method_id = UVERBS_METHOD_GET_CONTEXT}};
	uint8_t out[OUT];

	put_attr(&r, UVERBS_ATTR_UHW_IN, &req, sizeof req);
	put_out(&r, UVERBS_ATTR_UHW_OUT, out);
	if (call(f, &r))
		abort();
}

static void run_command(struct emu_file *f, const struct command *c)
{
	struct request r = {.hdr = {.object_id = UVERBS_OBJECT_DEVICE,
	                            .method_id = UVERBS_METHOD_INVOKE_WRITE}};
	uint8_t out[OUT] = {0}, driver_out[OUT];
	uint64_t number = c->number;

	put_attr(&r, UVERBS_ATTR_WRITE_CMD, &number, sizeof number);
	put_attr(&r, UVERBS_ATTR_CORE_IN, c->core.bytes, c->in);
	put_out(&r, UVERBS_ATTR_CORE_OUT, out);
	if (c->driver_in)
		put_attr(&r, UVERBS_ATTR_UHW_IN, c->driver.bytes, c->driver_in);
	put_out(&r, UVERBS_ATTR_UHW_OUT, driver_out);
	if (!call(f, &r) && c->handle)
		memcpy(c->handle, out + c->handle_at, sizeof *c->handle);
}

/* Object, method, then attributes of four bytes each: id (of either kind), length, what data is
 * (a pointer to output, to the record, nowhere; or a handle), and a value. */
static void run_raw(struct emu_file *f, const uint8_t *bytes, size_t n)
{
	uint8_t out[OUT];
	struct request r = {0};
	size_t i;

	if (n < 3)
		return;
	r.hdr.object_id = (uint16_t)((bytes[0] & 0x1f) | (bytes[2] & 1 ? 0x1000 : 0));
	r.hdr.method_id = (uint16_t)((bytes[1] & 0xf) | (bytes[2] & 2 ? 0x1000 : 0));
	for (i = 3; i + 4 <= n && r.hdr.num_attrs < 16; i += 4) {
		struct ib_uverbs_attr *a = &r.attrs[r.hdr.num_attrs++];

		a->attr_id =
			(uint16_t)((bytes[i] & 0xf) | (bytes[i] & 0x80 ? 0x1000 : 0));
		a->len = bytes[i + 1];
		a->flags = bytes[i + 2] >> 4;
		a->attr_data.enum_data.elem_id = bytes[i + 2] & 3;
		switch (bytes[i + 2] >> 2 & 3) {
		case 0:
			a->data = (uintptr_t)out;
			break;
		case 1:
			a->data = (uintptr_t)arena + bytes[i + 3];
			break;
		case 2:
			a->data = (uint64_t)bytes[i + 3] << 40;
			break;
		default:
			a->data = bytes[i + 3];
		}
	}
	call(f, &r);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	arena = mmap((void *)ARENA_AT, ARENA, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (arena == MAP_FAILED)
		abort();
	return device_start(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct emu_file *f;
	struct command c;
	unsigned records;
	uint8_t kind, n;
	int fd;

	memset(&last, 0, sizeof last);
	fd = device_open(0, O_RDWR);
	f = fds_get(fd);
	if (!f)
		abort();
	get_context(f);
	for (records = 0; size >= 2 && records < RECORDS; records++) {
		kind = data[0] % (KINDS + 4);
		n = data[1];
		data += 2;
		size -= 2;
		if (n > size)
			n = (uint8_t)size;
		if (kind < KINDS) {
			make_command(&c, (enum kind)kind);
			spoil(&c, data, n);
			tame(c.core.bytes, c.in);
			tame(c.driver.bytes, c.driver_in);
			run_command(f, &c);
		} else {
			run_raw(f, data, n);
		}
		data += n;
		size -= n;
	}
	fds_remove(fd);
	fds_put(f); /* everything is freed: LeakSanitizer sees to it */
	real()->close(fd);
	return 0;
}
