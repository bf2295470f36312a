/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completion queues: slots, ownership, arming, overrun, and compressed sessions of receive CQEs.
 *
 * op_own is stored last and with release: pairs with the program's read of it before the rest.
 */
#include "emu/nic/card.h"

#include <errno.h>
#include <stdlib.h>

/* Where op_own is; what is before it is written before it. */
#define OP_OWN_AT 63

static struct hw_cqe *slot(const struct nic_cq *cq, uint32_t index)
{
	return (struct hw_cqe *)(void *)(cq->buf +
	                                 (size_t)(index & cq->mask) * cq->stride);
}

static void check_initial(struct nic_cq *cq)
{
	for (uint32_t i = 0; i <= cq->mask; i++) {
		if (slot(cq, i)->op_own >> HW_CQE_OPCODE_SHIFT == HW_CQE_OP_INVALID)
			continue;
		violate(cq->nic, &cq->shown, RULE_CQ_INITIAL,
		        "CQ 0x%x, slot %u: not marked invalid when the queue was made",
		        cq->number, i);
		return;
	}
}

int nic_cq_create(struct nic *nic, const struct nic_cq_opts *opts, struct nic_cq **out)
{
	struct nic_cq *cq = calloc(1, sizeof(*cq));
	unsigned at;
	int err;

	if (!cq)
		return -ENOMEM;
	err = table_add(&nic->cqs, cq, &at);
	if (err) {
		free(cq);
		return err;
	}
	cq->nic = nic;
	cq->number = FIRST_NUMBER + at;
	cq->opts = *opts;
	cq->buf = (uint8_t *)opts->buf + (opts->cqe_size - HW_CQE_SIZE);
	cq->stride = opts->cqe_size;
	cq->log_size = opts->log_size;
	cq->mask = (1u << opts->log_size) - 1;
	cq->dbrec = opts->dbrec;
	cq->arm_word = record_read(&cq->dbrec[HW_DBR_CQ_ARM]);
	check_initial(cq);
	*out = cq;
	return 0;
}

static void forget_pending(struct nic_cq *cq)
{
	struct nic_cq **p = &cq->nic->cqs_pending;

	while (*p && *p != cq)
		p = &(*p)->next_pending;
	if (*p)
		*p = cq->next_pending;
	cq->pending = false;
}

int nic_cq_destroy(struct nic_cq *cq)
{
	if (cq->users)
		return -EBUSY;
	if (cq->pending)
		forget_pending(cq);
	table_remove(&cq->nic->cqs, cq->number - FIRST_NUMBER);
	free(cq);
	return 0;
}

uint32_t nic_cq_number(const struct nic_cq *cq)
{
	return cq->number;
}

/* CQEs the program has not taken yet, by its record.  Some programs count to 16 bits only
 * (DPDK 22.11), which is enough unless the queue is longer than that can tell. */
static uint32_t unconsumed(const struct nic_cq *cq)
{
	uint32_t ci = record_read(&cq->dbrec[HW_DBR_CQ_CI]);

	return (cq->pi - ci) & (cq->log_size < 16 ? 0xffffu : HW_DBR_CQ_MASK);
}

void cq_check_consumer(struct nic_cq *cq)
{
	uint32_t used = unconsumed(cq);

	cq->room = used <= cq->mask + 1 ? cq->mask + 1 - used : 0;
	if (used <= cq->mask + 1 || cq->opts.ignore_overrun)
		return;
	violate(cq->nic, &cq->shown, RULE_CQ_CONSUMER,
	        "CQ 0x%x: consumer count %u in the doorbell record is ahead of the %u "
	        "CQEs written",
	        cq->number, record_read(&cq->dbrec[HW_DBR_CQ_CI]), cq->pi);
	cq->room = cq->mask + 1;
}

static bool has_room(struct nic_cq *cq, uint32_t n)
{
	if (cq->opts.ignore_overrun)
		cq->room = cq->mask + 1;
	else if (cq->room < n)
		cq_check_consumer(cq);
	return cq->room >= n;
}

static void overrun(struct nic_cq *cq)
{
	violate(cq->nic, &cq->shown, RULE_CQ_OVERRUN,
	        "CQ 0x%x, CQE %u: overrun, all %u slots hold CQEs that the program has "
	        "not taken",
	        cq->number, cq->pi, cq->mask + 1);
	cq->dead = true;
	if (cq->opts.error)
		cq->opts.error(cq->opts.user);
}

static void fire(struct nic_cq *cq, bool error)
{
	if (!cq->armed || (cq->arm_word & HW_CQ_ARM_SOLICITED && !error))
		return;
	cq->armed = false;
	if (cq->opts.notify)
		cq->opts.notify(cq->opts.user);
}

/* Everything but op_own, which hands the slot over. */
static void put(struct nic_cq *cq, const struct hw_cqe *cqe, uint8_t op, uint32_t slots)
{
	struct hw_cqe *to = slot(cq, cq->pi);
	uint8_t owner = cq->pi >> cq->log_size & 1;

	memcpy(to, cqe, OP_OWN_AT);
	__atomic_store_n(&to->op_own, (uint8_t)(op | owner), __ATOMIC_RELEASE);
	cq->pi += slots;
	cq->room -= slots;
}

void cq_write(struct nic_cq *cq, struct hw_cqe *cqe, uint8_t opcode)
{
	if (cq->minis)
		cq_flush(cq);
	if (cq->dead)
		return;
	if (!has_room(cq, 1)) {
		overrun(cq);
		return;
	}
	put(cq, cqe, (uint8_t)(opcode << HW_CQE_OPCODE_SHIFT), 1);
	if (cq->armed)
		fire(cq, opcode >= HW_CQE_OP_SEND_ERROR);
}

void cq_write_error(struct nic_cq *cq, uint8_t opcode, uint8_t syndrome, uint8_t vendor,
                    uint32_t user_index, uint32_t opcode_qpn, uint16_t wqe_counter)
{
	union {
		struct hw_error_cqe error;
		struct hw_cqe cqe;
	} u = {.error = {.srqn_user_index = to_be32(user_index),
	                 .vendor_syndrome = vendor,
	                 .syndrome = syndrome,
	                 .opcode_qpn = to_be32(opcode_qpn),
	                 .wqe_counter = to_be16(wqe_counter)}};

	cq_write(cq, &u.cqe, opcode);
}

/* ---- Compression ---- */

static uint32_t strides_of(const struct hw_cqe *cqe)
{
	uint32_t strides = from_be32(cqe->byte_count) >> HW_STRIDING_STRIDES_SHIFT &
	                   HW_STRIDING_STRIDES_MASK;

	return strides ? strides : 1; /* cyclic: from WQE to WQE */
}

/* What a reader takes from the title, it must find there. */
static bool fits_session(const struct nic_cq *cq, const struct hw_cqe *cqe)
{
	const struct hw_cqe *t = &cq->title;

	if (t->flags_rqn.raw != cqe->flags_rqn.raw ||
	    t->srqn_user_index.raw != cqe->srqn_user_index.raw ||
	    t->vlan_info.raw != cqe->vlan_info.raw || t->hdr_type != cqe->hdr_type ||
	    t->hds_ip_ext != cqe->hds_ip_ext || t->pkt_info != cqe->pkt_info ||
	    t->rx_hash_type != cqe->rx_hash_type ||
	    t->sop_drop_qpn.raw != cqe->sop_drop_qpn.raw ||
	    t->wqe_id.raw != cqe->wqe_id.raw)
		return false;
	if (cq->opts.mini_format == HW_MINI_FORMAT_CSUM_STRIDX)
		return true;
	return from_be16(cqe->wqe_counter) ==
	       (uint16_t)(from_be16(t->wqe_counter) + cq->session_span);
}

/* A session does not wrap: DPDK's vector receive reads its arrays and buffers in one sweep. */
static bool ends_ring(const struct nic_cq *cq)
{
	uint32_t size = 1u << cq->opts.log_size;

	return (cq->pi & (size - 1)) + cq->minis == size;
}

static void add_mini(struct nic_cq *cq, const struct hw_cqe *cqe)
{
	struct hw_mini_csum *mini = &cq->mini[cq->minis++];
	struct hw_mini_hash hash = {cqe->rx_hash, cqe->byte_count};

	cq->session_span += strides_of(cqe);
	if (cq->opts.mini_format == HW_MINI_FORMAT_HASH) {
		memcpy(mini, &hash, sizeof(hash));
		return;
	}
	*mini = (struct hw_mini_csum){.checksum = cqe->checksum,
	                              .byte_count = cqe->byte_count};
	if (cq->opts.mini_format == HW_MINI_FORMAT_CSUM_STRIDX)
		mini->stride_index = cqe->wqe_counter;
}

static void start_session(struct nic_cq *cq, const struct hw_cqe *cqe)
{
	cq->title = *cqe;
	cq->session_span = 0;
	add_mini(cq, cqe);
	if (cq->pending)
		return;
	cq->pending = true;
	cq->next_pending = cq->nic->cqs_pending;
	cq->nic->cqs_pending = cq;
}

void cq_write_received(struct nic_cq *cq, struct hw_cqe *cqe)
{
	if (!cq->opts.mini_format) {
		cq_write(cq, cqe, HW_CQE_OP_RECEIVED);
		return;
	}
	if (cq->dead)
		return;
	if (cq->minis &&
	    (!has_room(cq, cq->minis + 1) || ends_ring(cq) || !fits_session(cq, cqe)))
		cq_flush(cq);
	if (cq->minis)
		add_mini(cq, cqe);
	else
		start_session(cq, cqe);
	/* Nor does a session go round the ring's end: readers take it for one piece of memory. */
	if (cq->minis == CQ_MINIS_MAX || ((cq->pi + cq->minis) & cq->mask) == 0)
		cq_flush(cq);
}

/* Arrays lie over the slots 1, 8, 16, ... of the session, the title over slot 0. */
static void put_session(struct nic_cq *cq, unsigned minis)
{
	const uint8_t op = HW_CQE_OP_RECEIVED << HW_CQE_OPCODE_SHIFT | HW_CQE_COMPRESSED;

	for (unsigned i = 0; i < minis; i += HW_MINI_PER_SLOT) {
		unsigned n = minis - i < HW_MINI_PER_SLOT ? minis - i : HW_MINI_PER_SLOT;

		memcpy(slot(cq, cq->pi + (i ? i : 1)), &cq->mini[i],
		       n * sizeof(cq->mini[0]));
	}
	cq->title.byte_count = to_be32(minis);
	put(cq, &cq->title, op, minis);
}

void cq_flush(struct nic_cq *cq)
{
	unsigned minis = cq->minis;

	cq->minis = 0;
	if (minis == 1) {
		cq_write(cq, &cq->title, HW_CQE_OP_RECEIVED);
		return;
	}
	if (!minis || cq->dead)
		return;
	put_session(cq, minis); /* there is room: asked for before each mini was added */
	fire(cq, false);
}

void cq_flush_all(struct nic *nic)
{
	while (nic->cqs_pending) {
		struct nic_cq *cq = nic->cqs_pending;

		nic->cqs_pending = cq->next_pending;
		cq->pending = false;
		cq_flush(cq);
	}
}

/* ---- Events ---- */

void cq_arm(struct nic_cq *cq, uint32_t word)
{
	cq->arm_word = word;
	cq->armed = true;
	if (((cq->pi ^ word) & HW_DBR_CQ_MASK) != 0)
		fire(cq, false); /* there is one already that the program has not seen */
}
