/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated card against rings full of anything: whatever a program writes into its WQEs,
 * records and registers, the card neither crashes nor touches memory that is not registered.
 * Rings, records and the registered region are heap blocks of exactly their size, so that the
 * address sanitizer sees the first byte outside.
 *
 * Input: bytes that say which queues, then commands; each takes what it needs from the input.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "emu/nic/card.h"

#define LOG_WQEBBS 4
#define RING       (64u << LOG_WQEBBS)
#define LOG_WQES   3
#define WQE_SIZE   64u
#define RQ_RING    (WQE_SIZE << LOG_WQES)
#define REGION     8192u
#define IOVA       0x100000u /* of the region: known, so that an input can name it */
#define COMMANDS   64

struct input {
	const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

struct card {
	struct nic *nic;
	struct wire wire;
	struct steering *steering;
	struct nic_uar *uar;
	uint8_t *page, *region, *ring, *rq_ring, *cq_ring;
	be32 *cq_record, *record;
	struct nic_mr *mr;
	struct nic_cq *cq;
	struct nic_sq *sq;
	struct nic_rq *rq;
	struct nic_rwqt *rwqt;
	struct nic_tir *tir;
	struct steering_rule *rule;
	uint16_t pi;
	volatile uint8_t sink;
};

/* Looks at every byte, and now and then is full. */
static unsigned send_frames(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	struct card *c = (struct card *)(void *)((char *)w - offsetof(struct card, wire));
	unsigned take = n > 3 ? n - 1 : n;

	for (unsigned i = 0; i < take; i++) {
		for (unsigned k = 0; k < frames[i].nsegs; k++) {
			const uint8_t *bytes = frames[i].segs[k].iov_base;

			for (size_t b = 0; b < frames[i].segs[k].iov_len; b++)
				c->sink ^= bytes[b];
		}
	}
	return take;
}

static unsigned poll_nothing(struct wire *w, unsigned budget)
{
	(void)w, (void)budget;
	return 0;
}

static const struct wire_ops ops = {.send = send_frames, .poll = poll_nothing};

static void say_nothing(void *user, const char *sentence)
{
	(void)user, (void)sentence;
}

static void must(int err)
{
	if (err)
		abort();
}

static void open_card(struct card *c)
{
	struct nic_opts opts = {
		.ports = 1, .thorough = true, .events = {.violation = say_nothing}};

	must(nic_create(&opts, &c->nic));
	c->wire = (struct wire){.ops = &ops, .client = nic_wire_client(c->nic, 0)};
	c->steering = steering_create();
	nic_lock(c->nic);
	nic_port_plug(c->nic, 0, &c->wire, c->steering);
	must(nic_uar_create(c->nic, &c->uar));
	c->page = nic_uar_map(c->uar, NULL, MAP_SHARED);
	c->region = calloc(1, REGION);
	must(nic_mr_create(c->nic,
	                   &(struct nic_mr_opts){.addr = c->region,
	                                         .iova = IOVA,
	                                         .length = REGION,
	                                         .local_write = true},
	                   &c->mr));
	nic_unlock(c->nic);
}

static void open_rq(struct card *c, uint8_t how)
{
	struct nic_rq_opts opts = {.buf = c->rq_ring,
	                           .log_wqes = LOG_WQES,
	                           .log_wqe_size = 6,
	                           .dbrec = c->record,
	                           .cq = c->cq,
	                           .vlan_strip = how & 1,
	                           .scatter_fcs = how & 2,
	                           .striding = how & 4,
	                           .linked = how & 8,
	                           .two_byte_shift = how & 16,
	                           .log_strides = 3,
	                           .log_stride_size = 6};
	struct nic_tir_opts tir = {.fields = how & 32 ? 0x33 : 0xcc, .inner = how & 64};

	must(nic_rq_create(c->nic, &opts, &c->rq));
	must(nic_rq_modify(c->rq, NIC_QUEUE_READY));
	must(nic_rwqt_create(c->nic, &c->rq, 0, &c->rwqt));
	tir.rwqt = c->rwqt;
	memset(tir.key, 0x5a, sizeof(tir.key));
	must(nic_tir_create(c->nic, &tir, &c->tir));
	must(steering_add(
		c->steering,
		&(struct steering_rule_opts){.kind = STEERING_NORMAL, .dest = c->tir},
		&c->rule));
}

static void open_queues(struct card *c, struct input *in)
{
	uint8_t how = byte(in);
	unsigned cqe_size = how & 1 ? 128 : 64;
	static const unsigned formats[] = {0, HW_MINI_FORMAT_HASH, HW_MINI_FORMAT_CSUM,
	                                   HW_MINI_FORMAT_CSUM_STRIDX};

	c->ring = calloc(1, RING);
	c->rq_ring = calloc(1, RQ_RING);
	c->cq_ring = calloc(16, cqe_size);
	c->cq_record = calloc(2, sizeof(be32));
	c->record = calloc(2, sizeof(be32));
	must(nic_cq_create(c->nic,
	                   &(struct nic_cq_opts){.buf = c->cq_ring,
	                                         .log_size = 4,
	                                         .cqe_size = cqe_size,
	                                         .dbrec = c->cq_record,
	                                         .mini_format = formats[how >> 1 & 3],
	                                         .ignore_overrun = how & 8},
	                   &c->cq));
	must(nic_sq_create(c->nic,
	                   &(struct nic_sq_opts){.buf = c->ring,
	                                         .log_wqebbs = LOG_WQEBBS,
	                                         .dbrec = c->record,
	                                         .cq = c->cq,
	                                         .min_inline = how & 16 ? 18 : 0},
	                   &c->sq));
	must(nic_sq_modify(c->sq, NIC_QUEUE_READY));
	open_rq(c, byte(in));
	c->wire.discards = how & 32;
	c->wire.pauses = how & 64;
	c->pi = 0;
}

static void close_queues(struct card *c)
{
	steering_remove(c->steering, c->rule);
	must(nic_tir_destroy(c->tir));
	must(nic_rwqt_destroy(c->rwqt));
	must(nic_rq_destroy(c->rq));
	must(nic_sq_destroy(c->sq));
	must(nic_cq_destroy(c->cq));
	free(c->ring);
	free(c->rq_ring);
	free(c->cq_ring);
	free(c->cq_record);
	free(c->record);
}

/* A WQE that is right but for what the input turns over. */
static void post(struct card *c, struct input *in)
{
	static const uint8_t opcodes[] = {HW_WQE_OP_SEND, HW_WQE_OP_EMPW, HW_WQE_OP_TSO,
	                                  HW_WQE_OP_NOP};
	struct {
		struct hw_ctrl_seg ctrl;
		struct hw_eth_seg eth;
		uint8_t header[64];
		struct hw_data_seg data[4];
	} w = {.ctrl = {.opmod_index_opcode =
	                        to_be32((uint32_t)c->pi << 8 | opcodes[byte(in) & 3]),
	                .fm_ce_se = byte(in)}};
	uint8_t *bytes = (uint8_t *)&w;
	uint16_t header = byte(in) & 0x7f;
	unsigned ds = byte(in) & HW_WQE_DS_MASK, size;

	w.ctrl.qpn_ds = to_be32(nic_sq_number(c->sq) << 8 | ds);
	w.eth.inline_hdr_sz = to_be16(header);
	w.eth.mss = to_be16(byte(in));
	for (unsigned i = 0; i < sizeof(w.header) / 16; i++)
		memcpy(w.header + 16 * i, &w.data[0], 16);
	for (unsigned at = header ? 16 + ((14 + header + 15) / 16) * 16 : 32;
	     at + 16 <= sizeof(w); at += 16) {
		struct hw_data_seg seg = {to_be32(64), to_be32(nic_mr_lkey(c->mr)),
		                          to_be64(IOVA + 16 * byte(in))};

		memcpy(bytes + at, &seg, sizeof(seg));
	}
	for (unsigned n = byte(in) & 15; n; n--) {
		unsigned at = byte(in) % sizeof(w);

		bytes[at] ^= byte(in);
	}
	size = ds ? (ds + 3) / 4 : 1;
	for (unsigned i = 0; i < size * 64; i += 16)
		memcpy(c->ring + ((size_t)c->pi * 64 + i) % RING, bytes + i % sizeof(w),
		       16);
	c->pi = (uint16_t)(c->pi + size);
	__atomic_store_n(&c->record[1].raw, to_be32(c->pi).raw, __ATOMIC_RELEASE);
}

static void post_receive(struct card *c, struct input *in)
{
	unsigned n = byte(in) & 7, at = byte(in) % (RQ_RING / 16);

	for (unsigned i = 0; i < n; i++) {
		struct hw_data_seg seg = {
			to_be32(byte(in) * 8u),
			to_be32(byte(in) & 3 ? nic_mr_lkey(c->mr) : HW_LKEY_INVALID),
			to_be64(IOVA + 37 * byte(in))};

		memcpy(c->rq_ring + (at + i) % (RQ_RING / 16) * 16, &seg, sizeof(seg));
	}
	__atomic_store_n(&c->record[0].raw,
	                 to_be32(from_be32(c->record[0]) + (byte(in) & 3)).raw,
	                 __ATOMIC_RELEASE);
}

static void doorbell(struct card *c, struct input *in)
{
	uint8_t how = byte(in);
	uint64_t value = htobe64((uint64_t)c->pi << 40 | nic_sq_number(c->sq) << 8);

	if (how & 1)
		value ^= (uint64_t)byte(in) << (how >> 2 & 56);
	__atomic_store_n(
		(uint64_t *)(void *)(c->page + (how & 2 ? HW_UAR_BF : HW_UAR_CQ_ARM)),
		value, __ATOMIC_RELEASE);
}

static void arrive(struct card *c, struct input *in)
{
	size_t len = byte(in) * 4u + 14, have = (size_t)(in->end - in->at);
	uint8_t *frame = calloc(1, len);
	struct iovec pieces[2] = {{frame, len / 3}, {frame + len / 3, len - len / 3}};
	struct wire_frame f = {.segs = pieces, .nsegs = 2, .len = (uint32_t)len};

	have = have < len ? have : len;
	memcpy(frame, in->at, have);
	in->at += have;
	c->wire.client.rx(c->wire.client.card, &f, 1);
	free(frame);
}

static void command(struct card *c, struct input *in)
{
	switch (byte(in) & 7) {
	case 0:
	case 1:
		post(c, in);
		break;
	case 2:
		post_receive(c, in);
		break;
	case 3:
		doorbell(c, in);
		break;
	case 4:
		arrive(c, in);
		break;
	case 5:
		nic_sq_modify(c->sq, byte(in) % 3);
		nic_rq_modify(c->rq, byte(in) % 3);
		break;
	case 6:
		c->cq_record[0] = to_be32(byte(in));
		c->record[byte(in) & 1] = to_be32(byte(in));
		break;
	case 7:
		c->ring[(byte(in) * 8u + byte(in)) % RING] = byte(in);
		c->rq_ring[(byte(in) * 2u) % RQ_RING] = byte(in);
		break;
	}
	for (unsigned i = 0; i < 8 && engine_sweep(c->nic); i++)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct card c;
	struct input in = {data, data + size};

	if (!c.nic)
		open_card(&c);
	nic_lock(c.nic);
	open_queues(&c, &in);
	for (unsigned i = 0; i < COMMANDS && in.at < in.end; i++)
		command(&c, &in);
	close_queues(&c);
	nic_unlock(c.nic);
	return 0;
}
