/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver may ask of libmlx5 for receiving: cyclic and striding queues, each with CQEs
 * plain and compressed in the three formats, on CQs of 64 and 128-byte CQEs.  The rings are read
 * here from mlx5dv.h's description of them alone.
 */
#include "tests/emu/verbs.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <infiniband/mlx5dv.h>
#include <string.h>
#include <time.h>

#define WQES        16u
#define LOG_STRIDE  6u /* 64 bytes */
#define LOG_STRIDES 9u /* the least of ConnectX-4 and later */
#define STRIDES     (1u << LOG_STRIDES)
#define BUFFER      (STRIDES << LOG_STRIDE) /* one striding WQE's; cyclic uses 2 KB of it */
#define BATCH       16u                     /* frames a doorbell: one burst on the wire */
#define BATCHES     24u
#define CQE_FORMAT  3u /* op_own 3:2 */

static const uint8_t ours[6] = {0x02, 0, 0, 0, 0, 0x42};

struct mini {
	union {
		__be32 hash;
		struct {
			__be16 checksum, stride_index;
		};
	};
	__be32 byte_count;
};

struct rxq {
	struct rig *rig;
	bool striding;
	uint8_t format; /* enum mlx5dv_cqe_comp_res_format, 0: plain */
	struct ibv_cq *cq;
	struct ibv_wq *wq;
	struct ibv_rwq_ind_table *table;
	struct ibv_qp *hash_qp;
	struct ibv_flow *flow;
	struct ibv_mr *mr;
	struct mlx5dv_cq ring;
	struct mlx5dv_rwq rwq;
	uint8_t *buffers;
	uint32_t cq_ci, posted, taken, strides_taken;
	/* seen */
	unsigned sessions, longest, fillers;
	uint32_t hashes[BATCH * BATCHES];
};

/* ---- A queue of the kind asked for ---- */

static struct ibv_cq *create_cq(struct rig *r, uint8_t format, uint16_t cqe_size)
{
	struct ibv_cq_init_attr_ex attr = {.cqe = 255, .wc_flags = IBV_WC_STANDARD_FLAGS};
	struct mlx5dv_cq_init_attr driver = {
		.comp_mask = MLX5DV_CQ_INIT_ATTR_MASK_CQE_SIZE |
	                     (format ? MLX5DV_CQ_INIT_ATTR_MASK_COMPRESSED_CQE : 0u),
		.cqe_comp_res_format = format,
		.cqe_size = cqe_size,
	};
	struct ibv_cq_ex *cq = mlx5dv_create_cq(r->ctx, &attr, &driver);

	return cq ? ibv_cq_ex_to_cq(cq) : NULL;
}

static struct ibv_wq *create_wq(struct rxq *q)
{
	struct ibv_wq_init_attr attr = {.wq_type = IBV_WQT_RQ,
	                                .max_wr = WQES,
	                                .max_sge = 1,
	                                .pd = q->rig->pd,
	                                .cq = q->cq};
	struct mlx5dv_wq_init_attr driver = {
		.comp_mask = q->striding ? MLX5DV_WQ_INIT_ATTR_MASK_STRIDING_RQ : 0u,
		.striding_rq_attrs = {.single_stride_log_num_of_bytes = LOG_STRIDE,
	                              .single_wqe_log_num_of_strides = LOG_STRIDES},
	};

	return mlx5dv_create_wq(q->rig->ctx, &attr, &driver);
}

static struct ibv_qp *create_hash_qp(struct rxq *q)
{
	static uint8_t key[40] = {0x6d, 0x5a, 0x56, 0xda, 1, 2, 3, 4, 5, 6, 7, 8};
	struct ibv_rwq_ind_table_init_attr table = {.ind_tbl = &q->wq};
	struct ibv_qp_init_attr_ex attr = {
		.qp_type = IBV_QPT_RAW_PACKET,
		.comp_mask = IBV_QP_INIT_ATTR_RX_HASH | IBV_QP_INIT_ATTR_IND_TABLE |
	                     IBV_QP_INIT_ATTR_PD,
		.pd = q->rig->pd,
		.rx_hash_conf = {.rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ,
	                         .rx_hash_key_len = sizeof key,
	                         .rx_hash_key = key,
	                         .rx_hash_fields_mask = IBV_RX_HASH_SRC_IPV4 |
	                                                IBV_RX_HASH_DST_IPV4 |
	                                                IBV_RX_HASH_SRC_PORT_UDP |
	                                                IBV_RX_HASH_DST_PORT_UDP},
	};

	q->table = ibv_create_rwq_ind_table(q->rig->ctx, &table);
	attr.rwq_ind_tbl = q->table;
	return q->table ? ibv_create_qp_ex(q->rig->ctx, &attr) : NULL;
}

/* WQEs hold as many buffers; the ring's count goes up to q->posted. */
static void post(struct rxq *q, uint32_t upto)
{
	for (; q->posted != upto; q->posted++) {
		uint32_t at = q->posted & (q->rwq.wqe_cnt - 1);
		uint8_t *wqe = (uint8_t *)q->rwq.buf + (size_t)at * q->rwq.stride;
		struct mlx5_wqe_data_seg *seg =
			(void *)(wqe + (q->striding ? sizeof(struct mlx5_wqe_srq_next_seg)
		                                    : 0));

		mlx5dv_set_data_seg(seg, q->striding ? BUFFER : FRAME_SIZE, q->mr->lkey,
		                    (uintptr_t)q->buffers + (size_t)at * BUFFER);
	}
	__atomic_store_n(&q->rwq.dbrec[0], htobe32(upto & 0xffff), __ATOMIC_RELEASE);
}

static bool open_rings(struct rxq *q)
{
	struct mlx5dv_obj obj = {.cq = {.in = q->cq, .out = &q->ring},
	                         .rwq = {.in = q->wq, .out = &q->rwq}};
	struct ibv_wq_attr ready = {.attr_mask = IBV_WQ_ATTR_STATE,
	                            .wq_state = IBV_WQS_RDY};

	return !mlx5dv_init_obj(&obj, MLX5DV_OBJ_CQ | MLX5DV_OBJ_RWQ) &&
	       !ibv_modify_wq(q->wq, &ready);
}

static bool rxq_open(struct rxq *q, struct rig *r, bool striding, uint8_t format,
                     uint16_t cqe_size)
{
	*q = (struct rxq){.rig = r, .striding = striding, .format = format};
	q->buffers = aligned_alloc(4096, (size_t)WQES * BUFFER);
	memset(q->buffers, 0, (size_t)WQES * BUFFER);
	q->mr = ibv_reg_mr(r->pd, q->buffers, (size_t)WQES * BUFFER,
	                   IBV_ACCESS_LOCAL_WRITE);
	q->cq = create_cq(r, format, cqe_size);
	q->wq = q->cq ? create_wq(q) : NULL;
	q->hash_qp = q->wq ? create_hash_qp(q) : NULL;
	if (!q->mr || !q->hash_qp || !open_rings(q))
		return false;
	q->flow = flow_to_mac(q->hash_qp, ours, 0, 0);
	post(q, q->rwq.wqe_cnt);
	return q->flow;
}

static bool rxq_close(struct rxq *q)
{
	bool gone = !ibv_destroy_flow(q->flow) && !ibv_destroy_qp(q->hash_qp) &&
	            !ibv_destroy_rwq_ind_table(q->table) && !ibv_destroy_wq(q->wq) &&
	            !ibv_destroy_cq(q->cq) && !ibv_dereg_mr(q->mr);

	free(q->buffers);
	return gone;
}

/* ---- Frames that can be told apart ---- */

static unsigned frame_len(unsigned number)
{
	return 60 + number * 37 % 700; /* up to twelve strides */
}

static unsigned make_frame(uint8_t *at, unsigned number)
{
	unsigned len = frame_len(number), i;

	put_frame(at, ours, (uint16_t)(number % 7), len);
	for (i = 42; i < len; i++)
		at[i] = (uint8_t)(number * 3 + i);
	return len;
}

/* RFC 1071 over what follows the Ethernet header, word by word. */
static uint16_t sum_of(const uint8_t *frame, unsigned len)
{
	uint32_t sum = 0;
	unsigned i;

	for (i = 14; i < len; i++)
		sum += i % 2 ? frame[i] : (uint32_t)frame[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static bool send_batch(struct rig *r, unsigned first)
{
	struct ibv_send_wr wr[BATCH] = {{0}}, *bad;
	struct ibv_sge sge[BATCH];
	struct ibv_wc wc;
	unsigned i;

	for (i = 0; i < BATCH; i++) {
		uint8_t *frame = r->frames + (size_t)i * FRAME_SIZE;

		sge[i] = (struct ibv_sge){(uintptr_t)frame, make_frame(frame, first + i),
		                          r->mr->lkey};
		wr[i].next = i + 1 < BATCH ? &wr[i + 1] : NULL;
		wr[i].sg_list = &sge[i];
		wr[i].num_sge = 1;
		wr[i].opcode = IBV_WR_SEND;
		wr[i].send_flags = i + 1 < BATCH ? 0 : IBV_SEND_SIGNALED;
	}
	return !ibv_post_send(r->qp, wr, &bad) && poll_one(r->send_cq, &wc) == 1 &&
	       wc.status == IBV_WC_SUCCESS;
}

/* ---- Reading the CQ ---- */

static struct mlx5_cqe64 *slot(const struct rxq *q, uint32_t index)
{
	uint8_t *at = (uint8_t *)q->ring.buf +
	              (size_t)(index & (q->ring.cqe_cnt - 1)) * q->ring.cqe_size;

	return (void *)(at + q->ring.cqe_size - 64);
}

/* The next CQE when it is the program's, within five seconds; NULL. */
static struct mlx5_cqe64 *wait_cqe(const struct rxq *q)
{
	struct mlx5_cqe64 *cqe = slot(q, q->cq_ci);
	uint8_t lap = !!(q->cq_ci & q->ring.cqe_cnt);
	struct timespec pause = {.tv_nsec = 1000000};
	unsigned ms;

	for (ms = 0; ms < 5000; ms++) {
		uint8_t op_own = __atomic_load_n(&cqe->op_own, __ATOMIC_ACQUIRE);

		if (op_own >> 4 != MLX5_CQE_INVALID && (op_own & 1) == lap)
			return cqe;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* One frame, by the fields that a mini CQE has or that follow from its title. */
static bool take_frame(struct rxq *q, unsigned number, uint32_t byte_count, uint16_t at)
{
	uint32_t len = byte_count & (q->striding ? 0xffffu : UINT32_MAX);
	uint32_t strides = byte_count >> 16 & 0x7fff, wqe = q->taken & (WQES - 1);
	uint8_t want[FRAME_SIZE];
	const uint8_t *got;

	if (!q->striding) {
		got = q->buffers + (size_t)(at & (WQES - 1)) * BUFFER;
		q->taken++;
	} else {
		got = q->buffers + (size_t)wqe * BUFFER + ((size_t)at << LOG_STRIDE);
		if (at != q->strides_taken % STRIDES ||
		    strides != (len + (1u << LOG_STRIDE) - 1) >> LOG_STRIDE)
			return false;
		q->strides_taken += strides;
		q->taken = q->strides_taken >> LOG_STRIDES;
	}
	return len == make_frame(want, number) && !memcmp(want, got, len);
}

static bool take_filler(struct rxq *q, uint32_t byte_count)
{
	uint32_t strides = byte_count >> 16 & 0x7fff;

	q->fillers++;
	q->strides_taken += strides;
	q->taken = q->strides_taken >> LOG_STRIDES;
	return q->striding && strides && q->strides_taken % STRIDES == 0;
}

/* What mlx5dv.h gives no name to, at the offsets of the kernel's mlx5/device.h. */
static uint32_t hash_of(const struct mlx5_cqe64 *cqe)
{
	__be32 v;

	memcpy(&v, (const uint8_t *)cqe + 12, sizeof v);
	return be32toh(v);
}

static uint16_t checksum_of(const struct mlx5_cqe64 *cqe)
{
	__be16 v;

	memcpy(&v, (const uint8_t *)cqe + 20, sizeof v);
	return be16toh(v);
}

static uint16_t sum_of_frame(unsigned number)
{
	uint8_t frame[FRAME_SIZE];
	unsigned len = make_frame(frame, number);

	return sum_of(frame, len);
}

/* Returns the frames it told of: 1, or 0 of a filler, or -1. */
static int take_plain(struct rxq *q, const struct mlx5_cqe64 *cqe, unsigned number)
{
	uint32_t byte_count = be32toh(cqe->byte_cnt);

	if (q->striding && byte_count >> 31)
		return take_filler(q, byte_count) ? 0 : -1;
	q->hashes[number] = hash_of(cqe);
	if (!take_frame(q, number, byte_count, be16toh(cqe->wqe_counter)))
		return -1;
	return checksum_of(cqe) == sum_of_frame(number) ? 1 : -1;
}

static int take_mini(struct rxq *q, const struct mini *mini, uint16_t at, unsigned number)
{
	uint32_t byte_count = be32toh(mini->byte_count);

	if (q->striding && byte_count >> 31)
		return take_filler(q, byte_count) ? 0 : -1;
	if (q->format == MLX5DV_CQE_RES_FORMAT_HASH)
		q->hashes[number] = be32toh(mini->hash);
	else if (be16toh(mini->checksum) != sum_of_frame(number))
		return -1;
	if (q->format == MLX5DV_CQE_RES_FORMAT_CSUM_STRIDX)
		at = be16toh(mini->stride_index);
	return take_frame(q, number, byte_count, at) ? 1 : -1;
}

/* A title says how many; arrays of eight minis lie over its 2nd slot and each 8th after it.
 * Returns the frames, or -1. */
static int take_session(struct rxq *q, const struct mlx5_cqe64 *title, unsigned number)
{
	uint32_t minis = be32toh(title->byte_cnt), i;
	uint16_t at = be16toh(title->wqe_counter);
	int frames = 0;

	q->sessions++;
	q->longest = minis > q->longest ? minis : q->longest;
	for (i = 0; i < minis; i++) {
		struct mini mini;
		int one;

		memcpy(&mini,
		       (uint8_t *)slot(q, q->cq_ci + (i < 8 ? 1 : i & ~7u)) +
		               i % 8 * sizeof mini,
		       sizeof mini);
		one = take_mini(q, &mini, at, number + (unsigned)frames);
		if (one < 0)
			return -1;
		frames += one;
		at = (uint16_t)(at + (q->striding
		                              ? be32toh(mini.byte_count) >> 16 & 0x7fff
		                              : 1));
	}
	/* Owned by the program for the next lap: nothing of them is a CQE. */
	for (i = 1; i < minis; i++)
		slot(q, q->cq_ci + i)->op_own = MLX5_CQE_INVALID << 4;
	q->cq_ci += minis;
	return minis <= 64 ? frames : -1;
}

static bool receive_batch(struct rxq *q, unsigned first)
{
	unsigned number = first;

	while (number < first + BATCH) {
		struct mlx5_cqe64 *cqe = wait_cqe(q);
		int n = -1;

		if (cqe && mlx5dv_get_cqe_format(cqe) == CQE_FORMAT) {
			n = q->format ? take_session(q, cqe, number) : -1;
		} else if (cqe && cqe->op_own >> 4 == MLX5_CQE_RESP_SEND) {
			n = take_plain(q, cqe, number);
			q->cq_ci++;
		}
		if (n < 0)
			return false;
		number += (unsigned)n;
		__atomic_store_n(&q->ring.dbrec[0], htobe32(q->cq_ci & 0xffffff),
		                 __ATOMIC_RELEASE);
		post(q, q->taken + q->rwq.wqe_cnt);
	}
	return number == first + BATCH;
}

/* ---- Every kind of queue ---- */

static const struct kind {
	const char *name;
	uint8_t format;
	uint16_t cqe_size;
} kinds[] = {
	{"plain", 0, 64},
	{"plain, of 128 bytes", 0, 128},
	{"hash", MLX5DV_CQE_RES_FORMAT_HASH, 64},
	{"csum", MLX5DV_CQE_RES_FORMAT_CSUM, 64},
	{"csum and stride index", MLX5DV_CQE_RES_FORMAT_CSUM_STRIDX, 64},
};

static void run(struct rig *r, bool striding, const struct kind *kind,
                uint32_t hashes[BATCH * BATCHES])
{
	struct rxq q;
	unsigned batch;
	bool good = true;

	ok(rxq_open(&q, r, striding, kind->format, kind->cqe_size),
	   "%s receive queue, %s", striding ? "striding" : "cyclic", kind->name);
	for (batch = 0; batch < BATCHES && good; batch++) {
		good = send_batch(r, batch * BATCH) && receive_batch(&q, batch * BATCH);
	}
	ok(good, "%u frames, bytes, lengths and checksums (batch %u)", BATCH * BATCHES,
	   batch);
	ok(!kind->format == !q.sessions, "compressed sessions: %u, of up to %u",
	   q.sessions, q.longest);
	ok(!striding == !q.fillers, "fillers: %u", q.fillers);
	if (!kind->format)
		memcpy(hashes, q.hashes, sizeof q.hashes);
	else if (kind->format == MLX5DV_CQE_RES_FORMAT_HASH)
		ok(!memcmp(hashes, q.hashes, sizeof q.hashes), "hashes as uncompressed");
	ok(rxq_close(&q), "which is destroyed");
}

/* What libmlx5 or the device would not have. */
static void refusals(struct rig *r)
{
	ok(!create_cq(r, MLX5DV_CQE_RES_FORMAT_HASH, 128),
	   "compressed, of 128 bytes: refused");
	ok(!create_cq(r, MLX5DV_CQE_RES_FORMAT_HASH | MLX5DV_CQE_RES_FORMAT_CSUM, 64),
	   "two formats at once: refused");
	ok(!create_cq(r, 8, 64), "an unknown format: refused");
}

static void capabilities(struct rig *r)
{
	struct mlx5dv_context c = {.comp_mask = MLX5DV_CONTEXT_MASK_CQE_COMPRESION |
	                                        MLX5DV_CONTEXT_MASK_STRIDING_RQ};

	is_u(mlx5dv_query_device(r->ctx, &c), 0, "the device is asked");
	is_u(c.cqe_comp_caps.supported_format, 7, "and has three formats");
	is_u(c.cqe_comp_caps.max_num, 64, "of up to 64 mini CQEs");
	ok(c.striding_rq_caps.supported_qpts & 1u << IBV_QPT_RAW_PACKET,
	   "and striding queues for raw packets");
}

int main(void)
{
	uint32_t hashes[BATCH * BATCHES] = {0};
	struct rig r;
	unsigned i;

	rig_open(&r, "mlx5_0");
	capabilities(&r);
	refusals(&r);
	for (i = 0; i < 2 * sizeof kinds / sizeof kinds[0]; i++)
		run(&r, i % 2, &kinds[i / 2], hashes);
	is_u(rig_close(&r), 0, "everything can be destroyed");
	return done();
}
