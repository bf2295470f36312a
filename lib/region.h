/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory cut into frames, and what the backends registered of it with their devices. */
#ifndef LIB_REGION_H
#define LIB_REGION_H

#include "rawq.h"

#include <stdbool.h>

/* What a backend keeps for a region, for instance an ibv_mr or a UMEM; first in its own struct.
 * Found by key: an address that means "this kind, of this port". */
struct region_attachment {
	struct region_attachment *next;
	const void *key;
	void (*release)(struct region_attachment *a); /* undoes and frees it */
};

struct rawq_region {
	uint8_t *base;
	size_t size; /* bytes, frames * frame_size */
	uint32_t frame_size, frames;
	bool read_only, huge_pages;
	bool mapped;     /* base is ours to unmap */
	unsigned queues; /* alive */
	struct region_attachment *attachments;
};

/* NULL: none of that key. */
struct region_attachment *region_find(const struct rawq_region *region, const void *key);
/* The region owns it until region_detach() or rawq_region_destroy(), which release it. */
void region_attach(struct rawq_region *region, struct region_attachment *a);
/* Release the attachment of this key, if any: a port that closes takes its own along. */
void region_detach(struct rawq_region *region, const void *key);

#endif
