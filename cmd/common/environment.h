/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a number was measured: without it two of them cannot be compared. */
#ifndef CMD_COMMON_ENVIRONMENT_H
#define CMD_COMMON_ENVIRONMENT_H

#include <jansson.h>

/* The versions of rawq and the kernel, the CPUs, the clock, the machine's name and its load. */
json_t *environment_json(void);

#endif
