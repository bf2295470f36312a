/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory regions: an lkey is slot[31:8] and a variant[7:0] that changes with each registration. */
#include "emu/nic/mr.h"

#include <errno.h>
#include <stdlib.h>

/* lkey 0x100 ends receive lists, so that slot 1 is out; 0..15 are left unused. */
#define FIRST_SLOT 16

int nic_mr_create(struct nic *nic, const struct nic_mr_opts *opts, struct nic_mr **out)
{
	struct nic_mr *mr;
	unsigned slot;
	int err;

	mr = calloc(1, sizeof(*mr));
	if (!mr)
		return -ENOMEM;
	err = table_add(&nic->mrs, mr, &slot);
	if (err) {
		free(mr);
		return err;
	}
	*mr = (struct nic_mr){.nic = nic,
	                      .pd = opts->pd,
	                      .addr = opts->addr,
	                      .iova = opts->iova,
	                      .length = opts->length,
	                      .local_write = opts->local_write};
	mr->lkey = (slot + FIRST_SLOT) << 8 | (nic->mr_variant++ & 0xff);
	nic->mr_generation++;
	*out = mr;
	return 0;
}

void nic_mr_destroy(struct nic_mr *mr)
{
	table_remove(&mr->nic->mrs, (mr->lkey >> 8) - FIRST_SLOT);
	mr->nic->mr_generation++;
	free(mr);
}

uint32_t nic_mr_lkey(const struct nic_mr *mr)
{
	return mr->lkey;
}

static const struct nic_mr *find(struct nic *nic, uint32_t lkey)
{
	const struct nic_mr *mr = table_get(&nic->mrs, (lkey >> 8) - FIRST_SLOT);

	return mr && mr->lkey == lkey ? mr : NULL;
}

bool mr_load(struct nic *nic, struct mr_cache *cache, uint32_t lkey, uint32_t pd,
             bool write)
{
	const struct nic_mr *mr = find(nic, lkey);

	if (!mr || mr->pd != pd || (write && !mr->local_write))
		return false;
	cache->mr = mr;
	cache->generation = nic->mr_generation;
	return true;
}

const char *mr_refusal(struct nic *nic, uint32_t lkey, uint64_t iova, uint64_t length,
                       uint32_t pd, bool write)
{
	const struct nic_mr *mr = find(nic, lkey);

	if (!mr)
		return "its lkey names no memory region";
	if (mr->pd != pd)
		return "its memory region is of another protection domain";
	if (write && !mr->local_write)
		return "its memory region was registered without local write";
	if (!mr_inside(mr, iova, length))
		return "it reaches outside its memory region";
	return "its memory region is fine";
}
