/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UAR pages.  Each is a memfd mapped twice: by the program, and by the card for itself, so that
 * the card can take doorbells while the program's view is read-only (trap mode).
 *
 * A register holds what was stored last.  The card takes it by exchanging the first eight bytes
 * with zero: what is seen there is a doorbell that nobody has served.  Two queues that share a
 * register can overwrite each other's doorbell before the card looks; it therefore looks also at
 * the records of the queues that have rung at this page before, or nowhere yet.
 */
#include "emu/nic/trap.h"
#include "emu/nic/uar.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BF_BUFFERS (HW_UAR_BF_COUNT * HW_UAR_BF_SIZE / HW_UAR_BF_BUFFER)

int nic_uar_create(struct nic *nic, struct nic_uar **out)
{
	struct nic_uar *uar = calloc(1, sizeof(*uar));
	int err;

	if (!uar)
		return -ENOMEM;
	uar->nic = nic;
	uar->fd = memfd_create("rawq-emu-uar", MFD_CLOEXEC);
	if (uar->fd < 0) {
		err = -errno;
		goto free_uar;
	}
	if (ftruncate(uar->fd, HW_UAR_SIZE)) {
		err = -errno;
		goto close_fd;
	}
	uar->page =
		mmap(NULL, HW_UAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, uar->fd, 0);
	if (uar->page == MAP_FAILED) {
		err = -errno;
		goto close_fd;
	}
	uar->next = nic->uars;
	nic->uars = uar;
	*out = uar;
	return 0;
close_fd:
	close(uar->fd);
free_uar:
	free(uar);
	return err;
}

int nic_uar_destroy(struct nic_uar *uar)
{
	struct nic *nic = uar->nic;
	struct nic_uar **p = &nic->uars;

	while (*p != uar)
		p = &(*p)->next;
	*p = uar->next;
	for (unsigned i = 0; i < nic->sqs.size; i++) {
		struct nic_sq *sq = nic->sqs.slots[i];

		if (sq && sq->uar == uar)
			sq->uar = NULL;
	}
	munmap(uar->page, HW_UAR_SIZE);
	close(uar->fd);
	free(uar);
	return 0;
}

void *nic_uar_map(struct nic_uar *uar, void *addr, int flags)
{
	bool trap = uar->nic->opts.mode == NIC_TRAP;
	void *page = mmap(addr, HW_UAR_SIZE, trap ? PROT_READ : PROT_READ | PROT_WRITE,
	                  MAP_SHARED | (flags & MAP_FIXED), uar->fd, 0);

	if (page != MAP_FAILED && trap && !trap_watch(uar, page)) {
		munmap(page, HW_UAR_SIZE);
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return page;
}

int nic_uar_unmap(struct nic_uar *uar, void *addr)
{
	(void)uar;
	trap_forget(addr);
	return munmap(addr, HW_UAR_SIZE) ? -errno : 0;
}

static void *by_number(const struct table *t, uint32_t number)
{
	return table_get(t, number - FIRST_NUMBER);
}

/* A send doorbell is the first eight bytes of the control segment of the last WQE. */
static void send_doorbell(struct nic_uar *uar, uint64_t value)
{
	struct hw_ctrl_seg ctrl;
	struct nic_sq *sq;
	uint32_t number;

	memcpy(&ctrl, &value, sizeof(value));
	number = from_be32(ctrl.qpn_ds) >> 8;
	sq = by_number(&uar->nic->sqs, number);
	if (!sq) {
		violate(uar->nic, NULL, RULE_DOORBELL_UNKNOWN,
		        "doorbell 0x%016llx names queue 0x%x, which is not there",
		        (unsigned long long)be64toh(value), number);
		return;
	}
	uar->rung = true;
	sq_doorbell(sq, uar, true, (uint16_t)(from_be32(ctrl.opmod_index_opcode) >> 8));
}

static void look_at_neighbours(struct nic_uar *uar)
{
	struct table *t = &uar->nic->sqs;

	uar->rung = false;
	for (unsigned i = 0; i < t->size; i++) {
		struct nic_sq *sq = t->slots[i];

		if (sq && sq->state != NIC_QUEUE_RESET && (sq->uar == uar || !sq->uar))
			sq_doorbell(sq, uar, false, 0);
	}
}

/* Several CQs share the register: a record has a word that the card has not obeyed. */
static void arm_neighbours(struct nic *nic)
{
	for (unsigned i = 0; i < nic->cqs.size; i++) {
		struct nic_cq *cq = nic->cqs.slots[i];
		uint32_t word;

		if (!cq)
			continue;
		word = record_read(&cq->dbrec[HW_DBR_CQ_ARM]);
		if (word != cq->arm_word)
			cq_arm(cq, word);
	}
}

/* A program that arms again writes the record before the register: seen between the two, the record is
 * ahead of the doorbell, which is no mistake.  Trapped, the doorbell is seen when it is rung. */
static bool arm_record_is_wrong(const struct nic *nic, uint32_t record, uint32_t word)
{
	uint32_t ahead = (record - word) & HW_DBR_CQ_MASK; /* in consumer counts */

	if (nic->opts.mode == NIC_TRAP)
		return record != word;
	if (!ahead) /* by the events seen: the count before the doorbell's is wrong */
		return (((record >> HW_CQ_ARM_SN_SHIFT) + 1) & HW_CQ_ARM_SN_MASK) ==
		       word >> HW_CQ_ARM_SN_SHIFT;
	return ahead > HW_DBR_CQ_MASK / 2;
}

static void arm_doorbell(struct nic *nic, uint64_t value)
{
	uint64_t words = be64toh(value);
	uint32_t number = (uint32_t)words & 0xffffff, word = (uint32_t)(words >> 32);
	struct nic_cq *cq = by_number(&nic->cqs, number);
	uint32_t record;

	if (!cq) {
		violate(nic, NULL, RULE_DOORBELL_UNKNOWN,
		        "arm doorbell 0x%016llx names CQ 0x%x, which is not there",
		        (unsigned long long)words, number);
		return;
	}
	record = record_read(&cq->dbrec[HW_DBR_CQ_ARM]);
	if (arm_record_is_wrong(nic, record, word))
		violate(nic, &cq->shown, RULE_CQ_ARM,
		        "CQ 0x%x: armed by a doorbell that says 0x%08x, its record "
		        "0x%08x",
		        number, word, record);
	cq_arm(cq, word);
	arm_neighbours(nic);
}

static uint64_t take(uint8_t *reg)
{
	uint64_t *word = (uint64_t *)(void *)reg;

	if (__atomic_load_n(word, __ATOMIC_RELAXED) == 0)
		return 0;
	return __atomic_exchange_n(word, 0, __ATOMIC_ACQ_REL);
}

bool uar_scan(struct nic_uar *uar)
{
	bool found = false;

	for (unsigned i = 0; i < BF_BUFFERS; i++) {
		uint64_t value = take(uar->page + HW_UAR_BF + i * HW_UAR_BF_BUFFER);

		if (value) {
			send_doorbell(uar, value);
			found = true;
		}
	}
	if (uar->rung)
		look_at_neighbours(uar);
	if (__atomic_load_n((uint64_t *)(void *)(uar->page + HW_UAR_CQ_ARM),
	                    __ATOMIC_RELAXED)) {
		arm_doorbell(uar->nic, take(uar->page + HW_UAR_CQ_ARM));
		found = true;
	}
	return found;
}
