/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of receive queues, and the TIRs that select from them by hash. */
#include "emu/nic/rss.h"

#include <errno.h>
#include <stdlib.h>

int nic_rwqt_create(struct nic *nic, struct nic_rq *const *rqs, unsigned log_size,
                    struct nic_rwqt **out)
{
	size_t n = (size_t)1 << log_size;
	struct nic_rwqt *t = calloc(1, sizeof(*t) + n * sizeof(t->rqs[0]));

	int err;

	if (!t)
		return -ENOMEM;
	err = table_add(&nic->rwqts, t, &t->slot);
	if (err) {
		free(t);
		return err;
	}
	t->nic = nic;
	t->mask = (uint32_t)n - 1;
	memcpy(t->rqs, rqs, n * sizeof(t->rqs[0]));
	for (size_t i = 0; i < n; i++)
		t->rqs[i]->users++;
	*out = t;
	return 0;
}

int nic_rwqt_destroy(struct nic_rwqt *rwqt)
{
	if (rwqt->users)
		return -EBUSY;
	for (uint32_t i = 0; i <= rwqt->mask; i++)
		rwqt->rqs[i]->users--;
	table_remove(&rwqt->nic->rwqts, rwqt->slot);
	free(rwqt);
	return 0;
}

int nic_tir_create(struct nic *nic, const struct nic_tir_opts *opts, struct nic_tir **out)
{
	struct nic_tir *tir = calloc(1, sizeof(*tir));

	int err;

	if (!tir)
		return -ENOMEM;
	err = table_add(&nic->tirs, tir, &tir->slot);
	if (err) {
		free(tir);
		return err;
	}
	tir->nic = nic;
	tir->opts = *opts;
	toeplitz_init(&tir->toeplitz, opts->key);
	if (opts->rwqt)
		opts->rwqt->users++;
	else
		opts->rq->users++;
	*out = tir;
	return 0;
}

int nic_tir_destroy(struct nic_tir *tir)
{
	if (tir->opts.rwqt)
		tir->opts.rwqt->users--;
	else
		tir->opts.rq->users--;
	table_remove(&tir->nic->tirs, tir->slot);
	free(tir);
	return 0;
}

/* What is hashed of one kind of packet: in this order, source before destination. */
struct fields {
	uint32_t src, dst;            /* NIC_HASH_* that ask for it */
	uint8_t cqe_src, cqe_dst;     /* HW_CQE_HASH_* that tell of it */
	uint16_t src_at, dst_at, len; /* in the header */
};
static const struct fields ip_fields[] = {
	[L3_IPV4] = {NIC_HASH_SRC_IPV4, NIC_HASH_DST_IPV4, HW_CQE_HASH_SRC_IPV4,
                     HW_CQE_HASH_DST_IPV4, 12, 16, 4},
	[L3_IPV6] = {NIC_HASH_SRC_IPV6, NIC_HASH_DST_IPV6, HW_CQE_HASH_SRC_IPV6,
                     HW_CQE_HASH_DST_IPV6, 8, 24, 16},
};
static const struct fields port_fields[] = {
	[L4_TCP] = {NIC_HASH_SRC_TCP, NIC_HASH_DST_TCP, HW_CQE_HASH_SRC_TCP,
                    HW_CQE_HASH_DST_TCP, 0, 2, 2},
	[L4_UDP] = {NIC_HASH_SRC_UDP, NIC_HASH_DST_UDP, HW_CQE_HASH_SRC_UDP,
                    HW_CQE_HASH_DST_UDP, 0, 2, 2},
};
#define HASH_L4                                                                          \
	(NIC_HASH_SRC_TCP | NIC_HASH_DST_TCP | NIC_HASH_SRC_UDP | NIC_HASH_DST_UDP)
#define HASH_L3 (0xffu & ~HASH_L4)

struct input {
	uint8_t bytes[TOEPLITZ_INPUT_MAX];
	size_t len;
	uint8_t type;
};

static void add(struct input *in, uint32_t wanted, const struct fields *f,
                const uint8_t *header)
{
	if (wanted & f->src) {
		memcpy(in->bytes + in->len, header + f->src_at, f->len);
		in->len += f->len;
		in->type |= f->cqe_src;
	}
	if (wanted & f->dst) {
		memcpy(in->bytes + in->len, header + f->dst_at, f->len);
		in->len += f->len;
		in->type |= f->cqe_dst;
	}
}

/* False: the packet is not of the kind that the fields are for, and is not hashed. */
static bool gather(struct input *in, uint32_t wanted, const struct packet *p,
                   const struct packet_headers *h)
{
	const struct fields *l4 = NULL;

	if (h->l3_kind == L3_NONE)
		return false;
	if (wanted & HASH_L4) {
		if (h->fragment || (h->l4_kind != L4_TCP && h->l4_kind != L4_UDP))
			return false;
		l4 = &port_fields[h->l4_kind];
		if (!(wanted & (l4->src | l4->dst)))
			return false;
	}
	add(in, wanted, &ip_fields[h->l3_kind], p->head + h->l3);
	if (wanted & HASH_L3 && !in->len)
		return false;
	if (l4)
		add(in, wanted, l4, p->head + h->l4);
	return in->len != 0;
}

void rss_select(const struct nic_tir *tir, const struct packet *p, struct rss_result *out)
{
	const struct packet_headers *h = &p->outer;
	struct input in = {.len = 0};

	out->hash = 0;
	out->type = 0;
	if (!tir->opts.rwqt) {
		out->rq = tir->opts.rq;
		return;
	}
	if (tir->opts.inner && p->tunnel != TUNNEL_NONE)
		h = &p->inner;
	if (gather(&in, tir->opts.fields, p, h)) {
		out->hash = toeplitz_hash(&tir->toeplitz, in.bytes, in.len);
		out->type = in.type;
	}
	out->rq = tir->opts.rwqt->rqs[out->hash & tir->opts.rwqt->mask];
}
