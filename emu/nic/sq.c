/* SPDX-License-Identifier: BSD-2-Clause */
/* Send queues: life, doorbells, errors.  send.c executes. */
#include "emu/nic/owned.h"
#include "emu/nic/ring.h"
#include "emu/nic/uar.h"

#include <errno.h>
#include <stdlib.h>

#define FINISH_BUDGET 256 /* WQEs at a time */

int nic_sq_create(struct nic *nic, const struct nic_sq_opts *opts, struct nic_sq **out)
{
	struct nic_sq *sq = calloc(1, sizeof(*sq));
	unsigned slot;
	int err = -ENOMEM;

	if (!sq)
		return -ENOMEM;
	if (nic->opts.thorough) {
		sq->owned = calloc(1u << opts->log_wqebbs, sizeof(*sq->owned));
		if (!sq->owned)
			goto free_sq;
	}
	err = table_add(&nic->sqs, sq, &slot);
	if (err)
		goto free_owned;
	sq->nic = nic;
	sq->number = FIRST_NUMBER + slot;
	sq->opts = *opts;
	sq->ring = opts->buf;
	sq->mask = (uint16_t)((1u << opts->log_wqebbs) - 1);
	sq->state = NIC_QUEUE_RESET;
	opts->cq->users++;
	*out = sq;
	return 0;
free_owned:
	free(sq->owned);
free_sq:
	free(sq);
	return err;
}

static void deactivate(struct nic_sq *sq)
{
	struct nic_sq **p = &sq->nic->sqs_active;

	while (*p && *p != sq)
		p = &(*p)->next_active;
	if (*p)
		*p = sq->next_active;
	sq->active = false;
}

/* A doorbell that was rung before a command reached the card before it. */
static void take_doorbells(struct nic *nic)
{
	for (struct nic_uar *uar = nic->opts.mode == NIC_POLL ? nic->uars : NULL; uar;
	     uar = uar->next)
		uar_scan(uar);
}

/* What was rung for is on the wire long before the command that ends the queue, unless the wire or
 * the queue's rate holds it back. */
static void finish(struct nic_sq *sq)
{
	take_doorbells(sq->nic);
	while (sq->state == NIC_QUEUE_READY && sq->ci != sq->pi &&
	       sq_run(sq, FINISH_BUDGET))
		;
	cq_flush_all(sq->nic);
}

int nic_sq_destroy(struct nic_sq *sq)
{
	uint16_t unrung;

	finish(sq);
	unrung = (uint16_t)(record_read(&sq->opts.dbrec[HW_DBR_SQ]) - sq->pi);
	if (sq->state == NIC_QUEUE_READY && unrung && unrung <= sq->mask + 1u)
		violate(sq->nic, &sq->shown, RULE_DESTROY,
		        "SQ 0x%x: destroyed with %u WQEBBs in the doorbell record that "
		        "were never rung for",
		        sq->number, unrung);
	if (sq->active)
		deactivate(sq);
	sq->opts.cq->users--;
	table_remove(&sq->nic->sqs, sq->number - FIRST_NUMBER);
	free(sq->owned);
	free(sq);
	return 0;
}

uint32_t nic_sq_number(const struct nic_sq *sq)
{
	return sq->number;
}

enum nic_queue_state nic_sq_state(const struct nic_sq *sq)
{
	return sq->state;
}

int nic_sq_modify(struct nic_sq *sq, enum nic_queue_state state)
{
	take_doorbells(sq->nic);
	if (state == NIC_QUEUE_READY && sq->state == NIC_QUEUE_ERROR)
		return -EINVAL;
	if (state == NIC_QUEUE_RESET) {
		if (sq->active)
			deactivate(sq);
		sq->ci = sq->pi = sq->reported = sq->judged = 0;
		sq->skip = 0;
		sq->late_ns = 0;
		sq->deaf = sq->errored = false;
		memset(&sq->shown, 0, sizeof(sq->shown));
	}
	sq->state = state;
	if (state == NIC_QUEUE_ERROR) {
		sq->skip = 0;
		sq_activate(sq);
	}
	return 0;
}

int nic_sq_set_rate(struct nic_sq *sq, uint32_t kbps, uint32_t burst, uint32_t frame)
{
	sq->rate_kbps = kbps;
	sq->burst = burst   ? burst
	            : frame ? frame
	                    : sq->nic->ports[sq->opts.port].frame_max;
	sq->tokens = (int64_t)sq->burst;
	sq->paced_ns = monotonic_ns();
	return 0;
}

void sq_activate(struct nic_sq *sq)
{
	if (sq->active)
		return;
	sq->active = true;
	sq->next_active = sq->nic->sqs_active;
	sq->nic->sqs_active = sq;
}

/* ---- Doorbells ---- */

/* The record says how far the program has posted; true if that can be. */
static bool record_is_sane(struct nic_sq *sq, uint16_t pi)
{
	uint16_t fresh = (uint16_t)(pi - sq->pi);
	uint32_t size = sq->mask + 1u;

	if ((uint16_t)(pi - sq->ci) <= size && fresh <= size)
		return true;
	if ((int16_t)fresh < 0)
		violate(sq->nic, &sq->shown, RULE_RECORD_BEHIND,
		        "SQ 0x%x: doorbell record %u is behind %u, which was rung for "
		        "already",
		        sq->number, pi, sq->pi);
	else
		violate(sq->nic, &sq->shown, RULE_RECORD_AHEAD,
		        "SQ 0x%x: doorbell record %u is ahead of WQE %u by more than the "
		        "ring's %u",
		        sq->number, pi, sq->ci, size);
	return false;
}

static void check_doorbell(struct nic_sq *sq, uint16_t pi, uint16_t index)
{
	if ((uint16_t)(index - pi) < 0x8000)
		violate(sq->nic, &sq->shown, RULE_DOORBELL_RECORD,
		        "SQ 0x%x: doorbell for WQE %u while the record says %u; the "
		        "record is to be written first",
		        sq->number, index, pi);
	else if (pi == sq->pi && sq->nic->opts.mode == NIC_TRAP)
		violate(sq->nic, &sq->shown, RULE_DOORBELL_NOTHING,
		        "SQ 0x%x: doorbell for WQE %u, and nothing new since the last "
		        "one",
		        sq->number, index);
}

static void serve(struct nic_sq *sq, bool by_name, uint16_t index)
{
	uint16_t pi =
		(uint16_t)(record_read(&sq->opts.dbrec[HW_DBR_SQ]) & HW_DBR_QP_MASK);

	if (by_name)
		check_doorbell(sq, pi, index);
	if (pi == sq->pi || !record_is_sane(sq, pi))
		return;
	if ((uint16_t)(pi - sq->reported) > sq->mask + 1u)
		violate(sq->nic, &sq->shown, RULE_OVERRUN,
		        "SQ 0x%x, WQE %u: posted over WQE %u, whose completion was not "
		        "reported yet",
		        sq->number, sq->pi, sq->reported);
	if (sq->owned) {
		owned_sq_check(sq, sq->reported, sq->pi);
		owned_sq_take(sq, sq->pi, pi);
	}
	sq->pi = pi;
	sq_activate(sq);
}

void sq_doorbell(struct nic_sq *sq, struct nic_uar *uar, bool by_name, uint16_t index)
{
	uint64_t delay_ns = 0;

	if (sq->state == NIC_QUEUE_RESET) {
		violate(sq->nic, &sq->shown, RULE_DOORBELL_STATE,
		        "SQ 0x%x: doorbell for WQE %u while the queue is in reset",
		        sq->number, index);
		return;
	}
	sq->uar = uar;
	if (!by_name || !sq->nic->opts.faults) {
		if (!sq->deaf)
			serve(sq, by_name, index);
		return;
	}
	sq->deaf = false;
	switch (faults_doorbell(sq->nic->opts.faults, FAULT_SQ, sq->number, &delay_ns)) {
	case FAULT_LOSE:
		sq->deaf = true;
		break;
	case FAULT_LATE:
		sq->deaf = true;
		sq->late_ns = monotonic_ns() + delay_ns;
		sq_activate(sq);
		break;
	case FAULT_DUPLICATE:
		serve(sq, by_name, index);
		serve(sq, false, index);
		break;
	case FAULT_SERVE:
		serve(sq, by_name, index);
		break;
	}
}

/* A doorbell that came late is due: true if it was. */
bool sq_late(struct nic_sq *sq)
{
	if (!sq->late_ns || monotonic_ns() < sq->late_ns)
		return false;
	sq->late_ns = 0;
	sq->deaf = false;
	serve(sq, false, 0);
	return true;
}

/* ---- Errors ---- */

void sq_to_error(struct nic_sq *sq)
{
	sq->state = NIC_QUEUE_ERROR;
	sq->skip = 0;
	sq_activate(sq);
	if (sq->opts.error)
		sq->opts.error(sq->opts.user);
}

void sq_fail(struct nic_sq *sq, uint16_t wqebbs, uint8_t opcode, uint8_t syndrome,
             uint8_t vendor)
{
	cq_write_error(sq->opts.cq, HW_CQE_OP_SEND_ERROR, syndrome, vendor,
	               sq->opts.user_index, (uint32_t)opcode << 24 | sq->number, sq->ci);
	sq->nic->ports[sq->opts.port].counters.cqe_errors++;
	sq->ci = (uint16_t)(sq->ci + wqebbs);
	sq->reported = sq->judged = sq->ci;
	sq->errored = true;
	sq_to_error(sq);
}

/* In the error state every WQE that was rung for comes back with a CQE, unless it asked to hear
 * of the first error only. */
void sq_flush_one(struct nic_sq *sq)
{
	struct hw_ctrl_seg ctrl;
	uint8_t opcode;

	ring_segment(sq, (uint32_t)sq->ci * DS_PER_WQEBB, &ctrl);
	opcode = (uint8_t)from_be32(ctrl.opmod_index_opcode);
	if (!sq->errored || (ctrl.fm_ce_se & HW_CE_MASK) != HW_CE_ONLY_1ST_ERROR) {
		cq_write_error(sq->opts.cq, HW_CQE_OP_SEND_ERROR, HW_SYNDROME_WR_FLUSH,
		               VENDOR_FLUSH, sq->opts.user_index,
		               (uint32_t)opcode << 24 | sq->number, sq->ci);
		sq->nic->ports[sq->opts.port].counters.cqe_errors++;
		sq->errored = true;
	}
	sq->ci =
		(uint16_t)(sq->ci + ring_wqebbs(from_be32(ctrl.qpn_ds) & HW_WQE_DS_MASK));
	if ((int16_t)(sq->pi - sq->ci) < 0)
		sq->ci = sq->pi; /* a size that reaches past what was rung for */
	sq->reported = sq->ci;
}
