/* SPDX-License-Identifier: BSD-2-Clause */
/* Receive queues: life, doorbell records, errors.  receive.c fills them. */
#include "emu/nic/owned.h"

#include <errno.h>
#include <stdlib.h>

/* Does rq_watch() have work on it? */
static bool is_watched(const struct nic_rq *rq)
{
	return rq->state == NIC_QUEUE_ERROR ||
	       (rq->owned && rq->state == NIC_QUEUE_READY);
}

static void set_state(struct nic_rq *rq, enum nic_queue_state state)
{
	rq->nic->rqs_watched -= is_watched(rq);
	rq->state = state;
	rq->nic->rqs_watched += is_watched(rq);
}

int nic_rq_create(struct nic *nic, const struct nic_rq_opts *opts, struct nic_rq **out)
{
	struct nic_rq *rq = calloc(1, sizeof(*rq));
	unsigned slot;
	int err = -ENOMEM;

	if (!rq)
		return -ENOMEM;
	if (nic->opts.thorough) {
		rq->owned = calloc(1u << opts->log_wqes, sizeof(*rq->owned));
		if (!rq->owned)
			goto free_rq;
	}
	err = table_add(&nic->rqs, rq, &slot);
	if (err)
		goto free_owned;
	rq->nic = nic;
	rq->number = FIRST_NUMBER + slot;
	rq->opts = *opts;
	rq->ring = opts->buf;
	rq->mask = (uint16_t)((1u << opts->log_wqes) - 1);
	rq->wqe_size = 1u << opts->log_wqe_size;
	rq->state = NIC_QUEUE_RESET;
	rq->next = nic->rqs_all;
	nic->rqs_all = rq;
	opts->cq->users++;
	*out = rq;
	return 0;
free_owned:
	free(rq->owned);
free_rq:
	free(rq);
	return err;
}

int nic_rq_destroy(struct nic_rq *rq)
{
	struct nic_rq **p = &rq->nic->rqs_all;

	if (rq->users)
		return -EBUSY;
	set_state(rq, NIC_QUEUE_RESET);
	while (*p != rq)
		p = &(*p)->next;
	*p = rq->next;
	rq->opts.cq->users--;
	table_remove(&rq->nic->rqs, rq->number - FIRST_NUMBER);
	free(rq->owned);
	free(rq);
	return 0;
}

uint32_t nic_rq_number(const struct nic_rq *rq)
{
	return rq->number;
}

enum nic_queue_state nic_rq_state(const struct nic_rq *rq)
{
	return rq->state;
}

void nic_rq_set_vlan_strip(struct nic_rq *rq, bool on)
{
	rq->opts.vlan_strip = on;
}

uint64_t nic_rq_out_of_buffer(const struct nic_rq *rq)
{
	return rq->out_of_buffer;
}

/* Every posted WQE comes back. */
static void flush(struct nic_rq *rq)
{
	for (; rq->ci != rq->pi; rq->ci++) {
		cq_write_error(rq->opts.cq, HW_CQE_OP_RECV_ERROR, HW_SYNDROME_WR_FLUSH,
		               VENDOR_FLUSH, rq->opts.user_index, rq->number, rq->ci);
		rq->nic->ports[rq->opts.port].counters.cqe_errors++;
	}
	rq->stride = 0;
}

int nic_rq_modify(struct nic_rq *rq, enum nic_queue_state state)
{
	if (state == NIC_QUEUE_READY && rq->state == NIC_QUEUE_ERROR)
		return -EINVAL;
	if (state == NIC_QUEUE_RESET) {
		rq->ci = rq->pi = 0;
		rq->stride = 0;
		rq->stalled_ns = rq->late_ns = 0;
		rq->lost = false;
		memset(&rq->shown, 0, sizeof(rq->shown));
	}
	if (state == NIC_QUEUE_ERROR && rq->state == NIC_QUEUE_READY)
		rq_look(rq);
	set_state(rq, state);
	if (state == NIC_QUEUE_ERROR)
		flush(rq);
	return 0;
}

void rq_to_error(struct nic_rq *rq)
{
	nic_rq_modify(rq, NIC_QUEUE_ERROR);
	if (rq->opts.error)
		rq->opts.error(rq->opts.user);
}

/* The fault plan may keep a record from being seen: for good, or until it changes again. */
static bool is_kept_back(struct nic_rq *rq, uint16_t pi)
{
	uint64_t delay_ns;

	if (rq->late_ns) {
		if (monotonic_ns() < rq->late_ns)
			return true;
		rq->late_ns = 0;
		return false;
	}
	if (rq->lost && rq->lost_pi == pi)
		return true;
	switch (faults_doorbell(rq->nic->opts.faults, FAULT_RQ, rq->number, &delay_ns)) {
	case FAULT_LOSE:
		rq->lost = true;
		rq->lost_pi = pi;
		return true;
	case FAULT_LATE:
		rq->late_ns = monotonic_ns() + delay_ns;
		return true;
	default:
		return false; /* seeing it twice is seeing it once */
	}
}

void rq_look(struct nic_rq *rq)
{
	uint16_t pi =
		(uint16_t)(record_read(&rq->opts.dbrec[HW_DBR_RQ]) & HW_DBR_QP_MASK);
	uint16_t fresh = (uint16_t)(pi - rq->pi);
	uint32_t size = rq->mask + 1u;

	if (!fresh || (rq->nic->opts.faults && is_kept_back(rq, pi)))
		return;
	if ((uint16_t)(pi - rq->ci) > size || fresh > size) {
		if ((int16_t)fresh < 0)
			violate(rq->nic, &rq->shown, RULE_RECORD_BEHIND,
			        "RQ 0x%x: doorbell record %u is behind %u, which it said "
			        "before",
			        rq->number, pi, rq->pi);
		else
			violate(rq->nic, &rq->shown, RULE_RECORD_AHEAD,
			        "RQ 0x%x: doorbell record %u is ahead of WQE %u by more "
			        "than the ring's %u",
			        rq->number, pi, rq->ci, size);
		return;
	}
	if (rq->owned)
		owned_rq_take(rq, rq->pi, pi);
	rq->pi = pi;
	rq->stalled_ns = 0;
}

void rq_watch(struct nic_rq *rq)
{
	if (!is_watched(rq))
		return;
	rq_look(rq);
	if (rq->state == NIC_QUEUE_ERROR)
		flush(rq);
}
