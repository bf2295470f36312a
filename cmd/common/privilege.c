/* SPDX-License-Identifier: BSD-2-Clause */
/* capabilities(7) by libcap. */
#include "privilege.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/capability.h>

static const cap_value_t kept[] = {CAP_BPF, CAP_DAC_OVERRIDE};

void privilege_drop(void)
{
	cap_t now = cap_get_proc(), then = cap_init();
	cap_flag_value_t has = CAP_CLEAR;
	size_t i;

	for (i = 0; now && then && i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (cap_get_flag(now, kept[i], CAP_PERMITTED, &has) || has != CAP_SET)
			continue;
		cap_set_flag(then, CAP_PERMITTED, 1, &kept[i], CAP_SET);
		cap_get_flag(now, kept[i], CAP_EFFECTIVE, &has);
		cap_set_flag(then, CAP_EFFECTIVE, 1, &kept[i], has);
	}
	/* Giving up cannot fail; without memory for it we go on as we were. */
	if (now && then)
		cap_set_proc(then);
	cap_free(now);
	cap_free(then);
}
