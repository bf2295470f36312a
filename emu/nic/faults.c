/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking a plan whether something goes wrong now. */
#include "emu/nic/faults_plan.h"

#include <string.h>

/* splitmix64 (Steele, Lea, Flood 2014): good enough from any seed, 0 included. */
uint64_t faults_draw(struct faults *f, uint64_t below)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

bool fault_fires(struct faults *f, struct fault *fault)
{
	fault->seen++;
	if (fault->at)
		return fault->seen == fault->at;
	if (fault->every)
		return fault->seen % fault->every == 0;
	return faults_draw(f, 1000000) < fault->chance_ppm;
}

static bool is_of_queue(const struct fault *fault, enum fault_queue kind, uint32_t number)
{
	return fault->queue == kind && (fault->any_number || fault->number == number);
}

bool faults_wqe(struct faults *f, enum fault_queue kind, uint32_t number,
                struct fault_cqe *out)
{
	bool fires = false;

	if (!f || !f->has[FAULT_WQE])
		return false;
	for (unsigned i = 0; i < f->count; i++) {
		struct fault *fault = &f->list[i];

		if (fault->kind != FAULT_WQE || !is_of_queue(fault, kind, number) ||
		    !fault_fires(f, fault))
			continue;
		*out = (struct fault_cqe){fault->syndrome, fault->vendor};
		fires = true;
	}
	return fires;
}

enum fault_doorbell faults_doorbell(struct faults *f, enum fault_queue kind,
                                    uint32_t number, uint64_t *delay_ns)
{
	enum fault_doorbell action = FAULT_SERVE;

	if (!f || !f->has[FAULT_DOORBELL])
		return FAULT_SERVE;
	for (unsigned i = 0; i < f->count; i++) {
		struct fault *fault = &f->list[i];

		if (fault->kind != FAULT_DOORBELL || !is_of_queue(fault, kind, number) ||
		    !fault_fires(f, fault))
			continue;
		action = (enum fault_doorbell)fault->action;
		*delay_ns = fault->by_ns;
	}
	return action;
}

/* How many times a timed fault has begun by now, and how long ago the last time was. */
static uint64_t times_begun(const struct fault *fault, uint64_t now_ns,
                            uint64_t *since_ns)
{
	if (now_ns < fault->at)
		return 0;
	*since_ns = now_ns - fault->at;
	if (!fault->every)
		return 1;
	*since_ns %= fault->every;
	return 1 + (now_ns - fault->at) / fault->every;
}

bool faults_link_down(struct faults *f, unsigned port, uint64_t now_ns)
{
	uint64_t since;

	if (!f || !f->has[FAULT_LINK])
		return false;
	for (unsigned i = 0; i < f->count; i++) {
		const struct fault *fault = &f->list[i];

		if (fault->kind == FAULT_LINK &&
		    (fault->any_port || fault->port == port) &&
		    times_begun(fault, now_ns, &since) && since < fault->for_ns)
			return true;
	}
	return false;
}

int64_t faults_clock(struct faults *f, uint64_t now_ns)
{
	int64_t sum = 0;
	uint64_t since;

	if (!f || !f->has[FAULT_CLOCK])
		return 0;
	for (unsigned i = 0; i < f->count; i++)
		if (f->list[i].kind == FAULT_CLOCK)
			sum += f->list[i].step_ns *
			       (int64_t)times_begun(&f->list[i], now_ns, &since);
	return sum;
}

int faults_call(struct faults *f, const char *name)
{
	int err = 0;

	if (!f || !f->has[FAULT_CALL])
		return 0;
	pthread_mutex_lock(&f->call_lock);
	for (unsigned i = 0; i < f->count; i++) {
		struct fault *fault = &f->list[i];

		if (fault->kind == FAULT_CALL &&
		    (!strcmp(fault->name, name) || !strcmp(fault->name, "any")) &&
		    fault_fires(f, fault))
			err = fault->err;
	}
	pthread_mutex_unlock(&f->call_lock);
	return err;
}

enum frame_fault faults_frame(struct faults *f, unsigned port, enum fault_way way,
                              uint64_t *by_ns)
{
	enum frame_fault action = 0;

	for (unsigned i = 0; i < f->count; i++) {
		struct fault *fault = &f->list[i];

		if (fault->kind != FAULT_FRAME || fault->way != way ||
		    !(fault->any_port || fault->port == port) || !fault_fires(f, fault))
			continue;
		action = (enum frame_fault)fault->action;
		*by_ns = fault->by_ns;
	}
	return action;
}
