/* SPDX-License-Identifier: BSD-2-Clause */
/* Protection domains, for the objects in them. */
#ifndef EMU_UVERBS_MR_H
#define EMU_UVERBS_MR_H

#include "emu/uverbs/object.h"

struct pd {
	struct object object;
	uint32_t number; /* 24 bits */
};

#endif
