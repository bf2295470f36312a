/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities that a verb had for its set-up are given up before it works. */
#ifndef CMD_COMMON_PRIVILEGE_H
#define CMD_COMMON_PRIVILEGE_H

/* Give up, for this thread and those it starts, all capabilities but CAP_BPF, which changes rules
 * later, and CAP_DAC_OVERRIDE, with which root writes its files. */
void privilege_drop(void);

#endif
