/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thorough checking: what a WQE and the memory it names looked like when the card got them, so
 * that a change while the card owns them is seen.
 */
#ifndef EMU_NIC_OWNED_H
#define EMU_NIC_OWNED_H

#include "emu/nic/card.h"

/* Remember send WQEs [from, to). */
void owned_sq_take(struct nic_sq *sq, uint16_t from, uint16_t to);
/* Compare send WQEs [from, to): all of them rung for, none of them reported complete. */
void owned_sq_check(struct nic_sq *sq, uint16_t from, uint16_t to);
void owned_rq_take(struct nic_rq *rq, uint16_t from, uint16_t to);
void owned_rq_check(struct nic_rq *rq, uint16_t index);

#endif
