/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mlx5 backend: rings of the card as mlx5dv_init_obj() names them, driven by hand.  Set-up
 * is ibverbs alone.  The ring functions (tx_*.c, rx_*.c) see plain pointers and no ibverbs.
 * Counters that end in pi (produced) and ci (consumed) run freely and are masked where used.
 */
#ifndef LIB_MLX5_MLX5_H
#define LIB_MLX5_MLX5_H

#include "lib/verbs/device.h"

#include "hw/mlx5.h"

#include <assert.h>
#include <infiniband/mlx5dv.h>

#define always_inline inline __attribute__((always_inline))
#define noinline      __attribute__((noinline))
#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)
#define PRAGMA(text)  _Pragma(#text)
#define NSEC_PER_SEC  UINT64_C(1000000000)
#define UNROLL(n)     PRAGMA(GCC unroll n)

#define MLX5_SEGMENTS_MAX 16u /* descriptors of a packet */
#define MLX5_LANES_MAX    8u
#define MLX5_INLINE_MAX                                                                  \
	256u /* beyond it a pointer is cheaper on every card that was measured */

/* ---- port ---- */

enum mlx5_clock_kind { MLX5_CLOCK_NONE, MLX5_CLOCK_REAL_TIME, MLX5_CLOCK_KERNEL };

struct mlx5_port {
	struct rdma_port rdma;
	struct mlx5dv_context dv;
	uint32_t min_inline; /* header bytes that a send WQE must carry: 0 or 18 */
	bool empw;           /* enhanced multi-packet WQEs */
	enum mlx5_clock_kind clock;
};

/* ---- completions ---- */

/* One CQ of 64-byte entries. */
struct mlx5_cq {
	struct hw_cqe *ring;
	be32 *dbrec; /* HW_DBR_CQ_* */
	uint32_t ci;
	uint32_t log_size;
	void *uar; /* for arming */
	uint32_t number;
	uint32_t arm_sn; /* of events taken so far */
	struct ibv_cq *cq;
	struct ibv_comp_channel *channel; /* NULL: polled only */
};

struct mlx5_cq_opts {
	uint32_t entries;     /* a power of two */
	uint32_t mini_format; /* MLX5DV_CQE_RES_FORMAT_*; 0: not compressed */
	bool events;          /* with a channel to sleep on */
	bool times;           /* entries with times */
};

int mlx5_cq_create(struct mlx5_port *p, const struct mlx5_cq_opts *o, struct mlx5_cq *cq);
void mlx5_cq_destroy(struct mlx5_cq *cq);
/* Forget all entries: what the NIC wrote for a queue that was reset since. */
void mlx5_cq_drain(struct mlx5_cq *cq);
/* Have the channel's descriptor become readable at the entry ci or later. */
int mlx5_cq_arm(struct mlx5_cq *cq);

/* What the owner bit is in entries of the lap that ci is in (PRM "CQE ownership"). */
static always_inline uint8_t mlx5_cq_parity(const struct mlx5_cq *cq, uint32_t ci)
{
	return (uint8_t)(ci >> cq->log_size & 1);
}

static always_inline struct hw_cqe *mlx5_cqe_at(const struct mlx5_cq *cq, uint32_t ci)
{
	return &cq->ring[ci & ((1u << cq->log_size) - 1)];
}

/* A completed entry?  Neither the state that the slot was made in, nor one of the lap before. */
static always_inline bool mlx5_cqe_is_ready(uint8_t op_own, uint8_t parity)
{
	return op_own >> HW_CQE_OPCODE_SHIFT != HW_CQE_OP_INVALID &&
	       (op_own & HW_CQE_OWNER) == parity;
}

/* The title of a session of compressed entries? */
static always_inline bool mlx5_cqe_is_title(uint8_t op_own)
{
	return (op_own & ~HW_CQE_OWNER) ==
	       (HW_CQE_OP_RECEIVED << HW_CQE_OPCODE_SHIFT | HW_CQE_COMPRESSED);
}

/* PRM "Completion with error": syndrome, in words. */
const char *mlx5_syndrome_text(uint8_t syndrome);

/* ---- send ---- */

/* One send queue of the card. */
struct mlx5_sq {
	uint8_t *ring;
	uint32_t wqebbs;       /* a power of two */
	uint32_t pi, ci;       /* in WQEBBs */
	uint32_t signalled_pi; /* end of the last WQE that asked for a completion */
	uint32_t qpn;
	be32 *dbrec;                 /* HW_DBR_SQ */
	uint8_t *bf;                 /* BlueFlame register, or where 8 bytes ring */
	uint32_t bf_size, bf_offset; /* of its two buffers; size 0: none, 8 bytes only */
	struct mlx5_cq cq;

	struct ibv_qp *qp;
	struct ibv_td *td; /* gives this queue a register of its own; NULL: shared */
	struct ibv_pd *pd; /* the port's, with td */
};

/* What one completion covers: packets in a row on one lane. */
struct mlx5_group {
	uint32_t addr_end;  /* descriptors of the queue up to here */
	uint32_t sq_end;    /* WQEBBs of the lane up to here */
	uint16_t wqe_index; /* of the WQE that completes */
	uint8_t lane;
	bool failed; /* no completion comes any more */
};

/* What a burst function is made for. */
enum {
	TX_CSUM = 1 << 0,
	TX_SEGMENTS = 1 << 1,   /* packets of several descriptors */
	TX_HEADERS = 1 << 2,    /* VLAN insertion and TSO */
	TX_MIN_INLINE = 1 << 3, /* the card wants the L2 header in the WQE */
	TX_EMPW = 1 << 4,
	TX_INLINE = 1 << 5, /* eMPW: short frames into the WQE */
	TX_AVX2 =
		1
		<< 6, /* what the CPU has; no meaning where MLX5_HAS_AVX2 is not defined */
};

struct mlx5_txq {
	struct txq txq;
	struct mlx5_sq *sq; /* the lane in use */
	uint64_t base; /* of the region in this process, which is what the MR calls it */
	uint32_t lkey;
	uint32_t len_max;
	uint32_t inline_max;   /* TX_INLINE: frames up to this length */
	uint32_t depth;        /* a power of two */
	uint32_t signal_every; /* descriptors */
	uint32_t addr_pi;      /* descriptors sent, ... */
	uint32_t addr_done;    /* ... completed, ... */
	uint32_t addr_ci;      /* ... and returned to the caller */
	uint64_t *addrs;       /* of the descriptors between */
	uint64_t packets, bytes;

	struct mlx5_group *groups; /* signalled, in the order they were sent */
	uint32_t group_mask, group_pi, group_ci;
	uint32_t group_start; /* descriptors: where the open group began */
	uint32_t nudge_pi;    /* addr_pi when a reap last found nothing */
	uint32_t lanes;
	uint32_t features; /* TX_* */
	uint64_t errors;
	const char *last_error;
	int status;
	bool is_timed; /* RAWQ_TX_TIME: bursts are reaped one by one */
	struct mlx5_sq lane[MLX5_LANES_MAX];
};

int mlx5_txq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, struct rawq_txq **out,
                    struct rawq_error *err);
void mlx5_txq_destroy(struct rawq_txq *q);
int mlx5_txq_status(const struct rawq_txq *q, struct rawq_queue_stats *stats);
void mlx5_txq_info(const struct rawq_txq *q, struct rawq_queue_info *info);
int mlx5_txq_arm(struct rawq_txq *q);

unsigned (*mlx5_tx_burst_for(uint32_t features))(struct rawq_txq *,
                                                 const struct rawq_pkt *, unsigned);
unsigned (*mlx5_tx_burst_for_avx2(uint32_t features))(struct rawq_txq *,
                                                      const struct rawq_pkt *, unsigned);
unsigned mlx5_tx_burst_stopped(struct rawq_txq *q, const struct rawq_pkt *pkts,
                               unsigned n);
unsigned mlx5_tx_reap(struct rawq_txq *q, uint64_t *addrs, unsigned n);
/* Bring a failed lane back: reset, its frames returned.  0 or -errno. */
int mlx5_sq_reset(struct mlx5_sq *sq, const struct rdma_port *p);

/* ---- receive ---- */

enum {
	RX_VERDICTS = 1 << 0, /* checksums */
	RX_META = 1 << 1,     /* mark, hash, VLAN */
	RX_TIME = 1 << 2,
	RX_SEGMENTS = 1 << 3,
	RX_COMPRESSED = 1 << 4,
	RX_STRIDES = 1 << 5, /* a WQE is one frame for many packets */
};

/* Whichever the format, the length is at the same place. */
union mlx5_mini {
	struct hw_mini_hash hash;
	struct hw_mini_csum csum;
};
static_assert(offsetof(struct hw_mini_hash, byte_count) ==
                      offsetof(struct hw_mini_csum, byte_count),
              "lengths are read without asking for the format");

/* What a session's title says of all its packets, as in rawq_pkt. */
struct mlx5_shared {
	uint16_t flags, vlan;
	uint32_t mark;
};

/* A session of compressed completions that is being taken apart. */
struct mlx5_session {
	uint32_t left;  /* minis not delivered */
	uint32_t index; /* of the next one */
	struct mlx5_shared shared;
	union mlx5_mini
		minis[HW_MINI_PER_SLOT]; /* of an array that was begun and not finished */
};

/* A WQE of a striding queue: libmlx5 leaves room for a link, which raw packets do not use. */
struct mlx5_striding_wqe {
	struct hw_next_seg next;
	struct hw_data_seg data;
};
HW_SIZE(mlx5_striding_wqe, 32);

struct mlx5_rxq {
	struct rdma_rxq rdma;
	struct mlx5_cq cq;
	union {
		struct hw_data_seg *ring;           /* wqes << log_segments */
		struct mlx5_striding_wqe *striding; /* RX_STRIDES */
	};
	be32 *dbrec;    /* HW_DBR_RQ */
	uint64_t *held; /* per segment: the frame posted there, as offset in the region */
	uint64_t base;
	uint64_t frame_mask; /* frame_size - 1 */
	uint32_t wqes;       /* a power of two */
	uint32_t rq_pi, rq_ci;
	uint32_t log_segments; /* of a WQE */
	uint64_t packets, bytes, no_frame;
	struct mlx5_session session;

	/* RX_SEGMENTS */
	uint8_t *missing;      /* per WQE: first segments without a frame */
	uint32_t post_segment; /* of WQE rq_pi: filled so far */
	uint32_t given;        /* of WQE rq_ci: segments already delivered */

	/* RX_STRIDES */
	uint32_t strides;    /* of a WQE */
	uint32_t log_stride; /* bytes of one */
	uint32_t stride;     /* of WQE rq_ci: so many are used */

	uint64_t errors;
	const char *last_error;
	int status;
	uint64_t *spare; /* room for all addresses, for recovery */
	uint32_t lkey;
	uint32_t features;
	uint32_t mini_format; /* MLX5DV_CQE_RES_FORMAT_*; 0: not compressed */
	enum mlx5_clock_kind clock_kind;
	struct mlx5dv_clock_info clock;
};

int mlx5_rxq_create(struct rawq_port *port, struct rawq_region *region,
                    const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                    struct rawq_error *err);
void mlx5_rxq_destroy(struct rawq_rxq *q);
int mlx5_rxq_status(const struct rawq_rxq *q, struct rawq_queue_stats *stats);
void mlx5_rxq_info(const struct rawq_rxq *q, struct rawq_queue_info *info);
int mlx5_rxq_arm(struct rawq_rxq *q);

/* The burst functions are there twice: as plain C, and for processors with AVX2 (x86-64 alone). */
#ifdef MLX5_AVX2
#define RX_NAME(name) name##_avx2
#else
#define RX_NAME(name) name
#endif
typedef unsigned mlx5_rx_burst_fn(struct rawq_rxq *q, struct rawq_pkt *pkts, unsigned n);
mlx5_rx_burst_fn *mlx5_rx_burst_for(uint32_t features);
mlx5_rx_burst_fn *mlx5_rx_burst_for_avx2(uint32_t features);
mlx5_rx_burst_fn *mlx5_rx_strides_for(uint32_t features);
mlx5_rx_burst_fn *mlx5_rx_strides_for_avx2(uint32_t features);
unsigned mlx5_rx_post(struct rawq_rxq *q, const uint64_t *addrs, unsigned n);
unsigned mlx5_rx_post_avx2(struct rawq_rxq *q, const uint64_t *addrs, unsigned n);
unsigned mlx5_rx_post_segments(struct rawq_rxq *q, const uint64_t *addrs, unsigned n);
unsigned mlx5_rx_post_strides(struct rawq_rxq *q, const uint64_t *addrs, unsigned n);
/* The constants of every WQE; once, and after a reset nothing has changed them. */
void mlx5_rx_ring_init(struct mlx5_rxq *q);
/* Deal with the entry that stopped a run.  True: it opened a session, go on. */
bool mlx5_rx_other(struct mlx5_rxq *q);
/* The rest of the session at hand makes no sense: start the queue anew. */
void mlx5_rx_out_of_turn(struct mlx5_rxq *q);
/* What to turn this burst's times into the host's clock with. */
void mlx5_clock_read(struct mlx5_rxq *q);

#endif
