/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receive queues of a port, all on one region, with the rules that fill them: what a verb that
 * looks at packets opens first.  With send queues on the same frames, if it sends.
 */
#ifndef CMD_COMMON_INTAKE_H
#define CMD_COMMON_INTAKE_H

#include "answer.h"
#include "frames.h"
#include "nic.h"
#include "wish.h"

#include "rawq.h"

struct intake_opts {
	const struct verb *verb;
	const char *netdev;
	const struct nic_choice *choice;
	uint64_t queues;    /* 0: all that the netdev has */
	uint64_t depth;     /* of a queue, a power of two; 0: nic_depth() */
	uint32_t busy_poll; /* as in rawq_queue_opts */
	bool times;         /* the card's times, both ways, if it has them */
	uint32_t clock;     /* ... by this clock of rawq_port_info; 0: any */
	bool sends;         /* a send queue beside every receive queue */
	struct wish *wish;  /* wish_read() */
};

/* One queue number; its frames beyond those posted are the thread's. */
struct intake_queue {
	struct rawq_rxq *rx;
	struct rawq_txq *tx;  /* NULL unless it sends */
	struct frames frames; /* twice the depth if it sends */
};

struct intake {
	struct nic nic;
	struct rawq_region *region;
	struct rawq_rule *rule[STRING_LIST_MAX];
	unsigned rules;
	struct answerer *answerer; /* NULL: nothing is answered */
	struct intake_queue *queue;
	unsigned queues;
	uint32_t depth; /* of each */
	bool times;     /* packets carry the card's times, sent ones too */
	bool segments;  /* packets may have several descriptors */
	uint32_t mode;  /* of the queues, as rawq_queue_info tells it */
	char how[80];   /* nic_describe() */
};

/* Open port and queues, frames posted.  Returns an exit_code, the reason having been printed;
 * intake_close() in any case. */
int intake_open(struct intake *in, const struct intake_opts *opts);

/* Put the rules in place, once the verb is ready for packets, answer if that is wished for, and
 * give up the capabilities that only set-up needs.  Returns an exit_code likewise. */
int intake_start(struct intake *in, const struct intake_opts *opts);
void intake_close(struct intake *in);

/* nic_json(), the rules in words, and with --as who the program is. */
json_t *intake_json(const struct intake *in, const struct wish *wish);

/* Answer the requests among received packets; how many were answered. */
static inline unsigned intake_answer(const struct intake *in, const struct rawq_pkt *pkts,
                                     unsigned n)
{
	uint8_t *base = rawq_region_base(in->region);
	unsigned answered = 0, i;

	for (i = 0; in->answerer && i < n; i++)
		answered += answer_frame(in->answerer, base + pkts[i].addr, pkts[i].len);
	return answered;
}

static inline uint8_t *intake_base(const struct intake *in)
{
	return rawq_region_base(in->region);
}

#endif
