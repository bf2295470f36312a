/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of the UAR pages. */
#ifndef EMU_NIC_UAR_H
#define EMU_NIC_UAR_H

#include "emu/nic/card.h"

/* Serve what was written to one page; true if there was something. */
bool uar_scan(struct nic_uar *uar);

#endif
