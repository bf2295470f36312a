/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/emu/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "emu/nic/card.h"

#define must(x)                                                                          \
	do {                                                                             \
		if (!(x)) {                                                              \
			printf("Bail out! %s:%d: %s\n", __FILE__, __LINE__, #x);         \
			exit(1);                                                         \
		}                                                                        \
	} while (0)

static unsigned send_frames(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	struct rig *rig = (struct rig *)(void *)((char *)w - offsetof(struct rig, wire));
	unsigned i;

	for (i = 0; i < n && rig->allow; i++, rig->allow--) {
		must(rig->sent < RIG_SENT_MAX);
		wire_gather(rig->frames[rig->sent].bytes, &frames[i]);
		rig->frames[rig->sent++].len = frames[i].len;
	}
	return i;
}

static unsigned poll_nothing(struct wire *w, unsigned budget)
{
	(void)w, (void)budget;
	return 0;
}

static void set_link(struct wire *w, bool up)
{
	w->link_up = up;
	w->client.link(w->client.card, up);
}

static const struct wire_ops ops = {
	.send = send_frames, .poll = poll_nothing, .set_link = set_link};

static void on_violation(void *user, const char *sentence)
{
	struct rig *rig = user;

	if (rig->sentences < RIG_SENTENCE_MAX)
		snprintf(rig->sentence[rig->sentences], sizeof(rig->sentence[0]), "%s",
		         sentence);
	rig->sentences++;
}

static void *memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	               -1, 0);

	must(p != MAP_FAILED);
	return p;
}

void rig_open(struct rig *rig, const struct rig_opts *opts)
{
	struct nic_opts nic = {.ports = 1,
	                       .mode = opts->mode,
	                       .thorough = opts->thorough,
	                       .faults = opts->faults,
	                       .events = {.user = rig, .violation = on_violation}};

	*rig = (struct rig){.allow = RIG_SENT_MAX};
	rig->frames = calloc(RIG_SENT_MAX, sizeof(*rig->frames));
	rig->memory = memory(RIG_MEMORY);
	must(rig->frames && !nic_create(&nic, &rig->nic));
	rig->wire = (struct wire){.ops = &ops,
	                          .client = nic_wire_client(rig->nic, 0),
	                          .frame_max = WIRE_FRAME_MAX,
	                          .link_up = true,
	                          .discards = opts->discards,
	                          .pauses = opts->pauses};
	rig->steering = steering_create();
	nic_lock(rig->nic);
	nic_port_plug(rig->nic, 0, &rig->wire, rig->steering);
	nic_port_set_frame_max(rig->nic, 0, 9014);
	must(!nic_uar_create(rig->nic, &rig->uar));
	rig->page = nic_uar_map(rig->uar, NULL, MAP_SHARED);
	must(rig->page != MAP_FAILED);
	must(!nic_mr_create(rig->nic,
	                    &(struct nic_mr_opts){.pd = 1,
	                                          .addr = rig->memory,
	                                          .iova = (uintptr_t)rig->memory,
	                                          .length = RIG_MEMORY,
	                                          .local_write = true},
	                    &rig->mr));
	rig->lkey = nic_mr_lkey(rig->mr);
	nic_unlock(rig->nic);
}

void rig_close(struct rig *rig)
{
	nic_lock(rig->nic);
	nic_uar_unmap(rig->uar, rig->page);
	nic_unlock(rig->nic);
	nic_destroy(rig->nic);
	steering_destroy(rig->steering);
	munmap(rig->memory, RIG_MEMORY);
	free(rig->frames);
}

void rig_allow(struct rig *rig, unsigned frames)
{
	nic_lock(rig->nic);
	rig->allow = frames;
	nic_unlock(rig->nic);
	rig_work(rig);
}

void rig_work(struct rig *rig)
{
	nic_lock(rig->nic);
	for (unsigned i = 0; i < 64 && engine_sweep(rig->nic); i++)
		;
	nic_unlock(rig->nic);
}

bool rig_said(const struct rig *rig, const char *words)
{
	for (unsigned i = 0; i < rig->sentences && i < RIG_SENTENCE_MAX; i++) {
		if (strstr(rig->sentence[i], words))
			return true;
	}
	return false;
}

/* ---- Completion queues ---- */

static void on_notify(void *user)
{
	((struct rig *)user)->notified++;
}

static void on_cq_error(void *user)
{
	((struct rig *)user)->cq_errors++;
}

static void on_queue_error(void *user)
{
	((struct rig *)user)->queue_errors++;
}

void rig_cq_open(struct rig *rig, struct rig_cq *cq, unsigned log_size, unsigned cqe_size,
                 unsigned mini_format)
{
	uint8_t *buf = memory((size_t)cqe_size << log_size);

	*cq = (struct rig_cq){
		.buf = buf + cqe_size - 64, .stride = cqe_size, .slots = 1u << log_size};
	for (uint32_t i = 0; i < cq->slots; i++)
		rig_cqe(cq, i)->op_own = HW_CQE_OP_INVALID << 4;
	nic_lock(rig->nic);
	must(!nic_cq_create(rig->nic,
	                    &(struct nic_cq_opts){.buf = buf,
	                                          .log_size = log_size,
	                                          .cqe_size = cqe_size,
	                                          .dbrec = cq->dbrec,
	                                          .mini_format = mini_format,
	                                          .user = rig,
	                                          .notify = on_notify,
	                                          .error = on_cq_error},
	                    &cq->cq));
	nic_unlock(rig->nic);
}

struct hw_cqe *rig_cqe(const struct rig_cq *cq, uint32_t n)
{
	return (struct hw_cqe *)(void *)(cq->buf +
	                                 (size_t)(n & (cq->slots - 1)) * cq->stride);
}

struct hw_cqe *rig_poll(struct rig_cq *cq)
{
	struct hw_cqe *cqe = rig_cqe(cq, cq->ci);
	uint8_t op_own = __atomic_load_n(&cqe->op_own, __ATOMIC_ACQUIRE);

	if (op_own >> 4 == HW_CQE_OP_INVALID || (op_own & 1) != (cq->ci / cq->slots & 1))
		return NULL;
	cq->ci++;
	__atomic_store_n(&cq->dbrec[0].raw, to_be32(cq->ci & 0xffffff).raw,
	                 __ATOMIC_RELEASE);
	return cqe;
}

/* ---- Send queues ---- */

void rig_sq_open(struct rig *rig, struct rig_sq *sq, struct rig_cq *cq,
                 unsigned log_wqebbs, unsigned min_inline)
{
	*sq = (struct rig_sq){.ring = memory((size_t)64 << log_wqebbs),
	                      .wqebbs = 1u << log_wqebbs};
	nic_lock(rig->nic);
	must(!nic_sq_create(rig->nic,
	                    &(struct nic_sq_opts){.buf = sq->ring,
	                                          .log_wqebbs = log_wqebbs,
	                                          .dbrec = sq->dbrec,
	                                          .cq = cq->cq,
	                                          .pd = 1,
	                                          .user_index = 0x55,
	                                          .min_inline = min_inline,
	                                          .user = rig,
	                                          .error = on_queue_error},
	                    &sq->sq));
	must(!nic_sq_modify(sq->sq, NIC_QUEUE_READY));
	sq->number = nic_sq_number(sq->sq);
	nic_unlock(rig->nic);
}

void rig_post(struct rig_sq *sq, uint8_t opcode, uint8_t ce, const void *segs,
              unsigned ds)
{
	struct hw_ctrl_seg ctrl = {.opmod_index_opcode =
	                                   to_be32((uint32_t)sq->pi << 8 | opcode),
	                           .qpn_ds = to_be32(sq->number << 8 | (ds & 0x3f)),
	                           .fm_ce_se = ce};
	const uint8_t *from = segs;

	for (unsigned i = 0; i < ds; i++) {
		size_t at = ((size_t)sq->pi * 64 + i * 16) % (sq->wqebbs * 64);

		memcpy(sq->ring + at, i ? from + (i - 1) * 16 : (const void *)&ctrl, 16);
	}
	sq->last = sq->pi;
	sq->pi = (uint16_t)(sq->pi + (ds + 3) / 4);
}

void rig_post_send(struct rig *rig, struct rig_sq *sq, uint8_t ce, const void *frame,
                   uint32_t len)
{
	struct {
		struct hw_eth_seg eth;
		struct hw_data_seg data;
	} w = {.data = rig_seg(rig, frame, len)};

	rig_post(sq, HW_WQE_OP_SEND, ce, &w, 3);
}

void rig_ring(struct rig *rig, struct rig_sq *sq)
{
	uint64_t first;

	memcpy(&first, sq->ring + (size_t)(sq->last % sq->wqebbs) * 64, 8);
	__atomic_store_n(&sq->dbrec[1].raw, to_be32(sq->pi).raw, __ATOMIC_RELEASE);
	__atomic_store_n((uint64_t *)(void *)(rig->page + 0x800 + rig->bf), first,
	                 __ATOMIC_RELEASE);
	rig->bf ^= 0x100;
	rig_work(rig);
}

/* ---- Receive queues ---- */

void rig_rq_open(struct rig *rig, struct rig_rq *rq, struct rig_cq *cq,
                 const struct nic_rq_opts *opts)
{
	struct nic_rq_opts o = *opts;

	*rq = (struct rig_rq){.wqes = 1u << opts->log_wqes,
	                      .wqe_size = 1u << opts->log_wqe_size};
	rq->ring = memory((size_t)rq->wqes * rq->wqe_size);
	o.buf = rq->ring;
	o.dbrec = rq->dbrec;
	o.cq = cq->cq;
	o.pd = 1;
	o.user_index = 0x77;
	o.user = rig;
	o.error = on_queue_error;
	nic_lock(rig->nic);
	must(!nic_rq_create(rig->nic, &o, &rq->rq));
	must(!nic_rq_modify(rq->rq, NIC_QUEUE_READY));
	must(!nic_tir_create(rig->nic, &(struct nic_tir_opts){.rq = rq->rq}, &rq->tir));
	must(!steering_add(rig->steering,
	                   &(struct steering_rule_opts){.kind = STEERING_NORMAL,
	                                                .dest = rq->tir,
	                                                .has_tag = true,
	                                                .tag = 0xabcde},
	                   &rq->rule));
	nic_unlock(rig->nic);
}

void rig_recv(struct rig_rq *rq, const struct hw_data_seg *segs, unsigned n)
{
	uint8_t *wqe = rq->ring + (size_t)(rq->pi % rq->wqes) * rq->wqe_size;

	memcpy(wqe, segs, n * sizeof(*segs));
	if (n * sizeof(*segs) < rq->wqe_size)
		memcpy(wqe + n * sizeof(*segs),
		       &(struct hw_data_seg){.lkey = to_be32(HW_LKEY_INVALID)},
		       sizeof(*segs));
	rq->pi++;
	__atomic_store_n(&rq->dbrec[0].raw, to_be32(rq->pi).raw, __ATOMIC_RELEASE);
}

void rig_recv_buffer(struct rig *rig, struct rig_rq *rq, void *to, uint32_t len)
{
	struct hw_data_seg seg = rig_seg(rig, to, len);

	rig_recv(rq, &seg, 1);
}

unsigned rig_arrive(struct rig *rig, const void *frame, uint32_t len)
{
	struct iovec piece = {(void *)(uintptr_t)frame, len};
	struct wire_frame f = {.segs = &piece, .nsegs = 1, .len = len};
	unsigned taken;

	nic_lock(rig->nic);
	taken = rig->wire.client.rx(rig->wire.client.card, &f, 1);
	nic_unlock(rig->nic);
	rig_work(rig);
	return taken;
}

struct hw_data_seg rig_seg(const struct rig *rig, const void *addr, uint32_t len)
{
	return (struct hw_data_seg){.byte_count = to_be32(len),
	                            .lkey = to_be32(rig->lkey),
	                            .addr = to_be64((uintptr_t)addr)};
}

/* Sums by the definition, not by the card's arithmetic. */
static uint16_t sum16(const uint8_t *p, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t rig_udp(uint8_t *f, uint32_t len, unsigned seed)
{
	static const uint8_t head[42] = {2,  0,    0, 0,    0,  1, 2, 0, 0,  0, 0,
	                                 2,  8,    0, 0x45, 0,  0, 0, 0, 1,  0, 0,
	                                 64, 17,   0, 0,    10, 0, 0, 1, 10, 0, 0,
	                                 2,  0x10, 0, 0x20, 0,  0, 0, 0, 0};
	uint16_t sum;

	memcpy(f, head, sizeof(head));
	for (uint32_t i = sizeof(head); i < len; i++)
		f[i] = (uint8_t)(seed * 31 + i * 7);
	f[16] = (uint8_t)((len - 14) >> 8);
	f[17] = (uint8_t)(len - 14);
	f[38] = (uint8_t)((len - 34) >> 8);
	f[39] = (uint8_t)(len - 34);
	sum = sum16(f + 14, 20, 0);
	f[24] = (uint8_t)(sum >> 8);
	f[25] = (uint8_t)sum;
	sum = sum16(f + 26, len - 26, 17 + len - 34);
	f[40] = (uint8_t)(sum >> 8);
	f[41] = (uint8_t)sum;
	return len;
}
