/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trap mode.  The program's view of a UAR page is read-only: a doorbell faults.  The fault makes
 * the page writable and lets the program go for one instruction (trap flag); the step after it
 * closes the page again and does the card's work, in the same thread, before the program's next
 * instruction.  A store by another thread while the page is open is seen by the scan that
 * follows, since it is in the page's memory.
 *
 * A doorbell store holds no lock of libc, so that the card may call it from here.
 */
#include "emu/nic/trap.h"
#include "emu/nic/uar.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

/* Pages of all devices of the process.  Written under trap_lock; read by handlers without. */
#define WATCHED_MAX 1024
static pthread_mutex_t trap_lock = PTHREAD_MUTEX_INITIALIZER;
static struct watched {
	_Atomic(uint8_t *) page;
	struct nic_uar *uar;
} watched[WATCHED_MAX];

bool trap_watch(struct nic_uar *uar, void *page)
{
	bool found = false;

	pthread_mutex_lock(&trap_lock);
	for (unsigned i = 0; i < WATCHED_MAX && !found; i++) {
		if (atomic_load(&watched[i].page))
			continue;
		watched[i].uar = uar;
		atomic_store(&watched[i].page, page);
		found = true;
	}
	pthread_mutex_unlock(&trap_lock);
	return found;
}

void trap_forget(void *page)
{
	pthread_mutex_lock(&trap_lock);
	for (unsigned i = 0; i < WATCHED_MAX; i++) {
		if (atomic_load(&watched[i].page) == page)
			atomic_store(&watched[i].page, NULL);
	}
	pthread_mutex_unlock(&trap_lock);
}

#ifdef __x86_64__

#define TRAP_FLAG 0x100 /* of EFLAGS */

/* The store that this thread is stepping over. */
static _Thread_local struct {
	struct nic_uar *uar;
	uint8_t *page;
	sigset_t mask;
} step;

static struct watched *find(const uint8_t *addr)
{
	uint8_t *page = (uint8_t *)((uintptr_t)addr & ~(uintptr_t)(HW_UAR_SIZE - 1));

	for (unsigned i = 0; i < WATCHED_MAX; i++) {
		if (atomic_load(&watched[i].page) == page)
			return &watched[i];
	}
	return NULL;
}

bool nic_trap_segv(int sig, void *siginfo, void *ucontext)
{
	const siginfo_t *info = siginfo;
	ucontext_t *uc = ucontext;
	struct watched *w;

	if (sig != SIGSEGV || !info->si_addr || step.uar)
		return false;
	w = find(info->si_addr);
	if (!w)
		return false;
	step.uar = w->uar;
	step.page = atomic_load(&w->page);
	step.mask = uc->uc_sigmask;
	sigfillset(&uc->uc_sigmask); /* nothing else in between, but the step itself */
	sigdelset(&uc->uc_sigmask, SIGTRAP);
	sigdelset(&uc->uc_sigmask, SIGSEGV);
	mprotect(step.page, HW_UAR_SIZE, PROT_READ | PROT_WRITE);
	uc->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
	return true;
}

bool nic_trap_step(int sig, void *siginfo, void *ucontext)
{
	ucontext_t *uc = ucontext;
	struct nic_uar *uar = step.uar;

	(void)siginfo;
	if (sig != SIGTRAP || !uar)
		return false;
	mprotect(step.page, HW_UAR_SIZE, PROT_READ);
	uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	uc->uc_sigmask = step.mask;
	step.uar = NULL;
	nic_lock(uar->nic);
	uar_scan(uar);
	engine_run_queues(uar->nic);
	nic_unlock(uar->nic);
	return true;
}

#else

bool nic_trap_segv(int sig, void *siginfo, void *ucontext)
{
	(void)sig, (void)siginfo, (void)ucontext;
	return false; /* nic_create() refuses trap mode */
}

bool nic_trap_step(int sig, void *siginfo, void *ucontext)
{
	(void)sig, (void)siginfo, (void)ucontext;
	return false;
}

#endif
