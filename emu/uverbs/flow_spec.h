/* SPDX-License-Identifier: BSD-2-Clause */
/* The specs behind ib_uverbs_flow_attr, as the kernel's mlx5 driver understands them. */
#ifndef EMU_UVERBS_FLOW_SPEC_H
#define EMU_UVERBS_FLOW_SPEC_H

#include "emu/nic/steering.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_specs {
	struct match match;
	bool drop, has_tag, has_counters;
	uint32_t tag;
	uint32_t counters; /* handle */
};

/* count specs in size bytes.  -EINVAL malformed or contradicting; -EOPNOTSUPP a spec or a mask
 * that mlx5_ib does not know. */
int flow_specs_parse(const uint8_t *bytes, size_t size, unsigned count,
                     struct flow_specs *out);

#endif
