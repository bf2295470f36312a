/* SPDX-License-Identifier: BSD-2-Clause */
/* Trap mode: which addresses are UAR pages as the program sees them. */
#ifndef EMU_NIC_TRAP_H
#define EMU_NIC_TRAP_H

#include "emu/nic/card.h"

bool trap_watch(struct nic_uar *uar, void *page); /* false: too many */
void trap_forget(void *page);

#endif
