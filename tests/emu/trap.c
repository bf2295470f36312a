/* SPDX-License-Identifier: BSD-2-Clause */
/* Trap mode: every doorbell is seen, and served before the store's next instruction. */
#include "tests/emu/rig.h"
#include "tests/tap.h"

#include <signal.h>
#include <string.h>

static unsigned traps;

static void on_segv(int sig, siginfo_t *info, void *context)
{
	if (!nic_trap_segv(sig, info, context))
		signal(SIGSEGV, SIG_DFL);
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	traps++;
	if (!nic_trap_step(sig, info, context))
		signal(SIGTRAP, SIG_DFL);
}

int main(void)
{
	static struct rig rig;
	static struct rig_cq cq;
	static struct rig_sq sq;
	bool good = true;
	struct sigaction segv = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO},
			 trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

#ifndef __x86_64__
	skip_all("trap mode steps by the x86 trap flag");
#endif
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGTRAP, &trap, NULL);
	rig_open(&rig, &(struct rig_opts){.mode = NIC_TRAP, .discards = true});
	rig_cq_open(&rig, &cq, 6, 64, 0);
	rig_sq_open(&rig, &sq, &cq, 4, 0);
	rig_udp(rig.memory, 64, 0);
	for (unsigned i = 0; i < 4097; i++) {
		uint64_t first;

		rig_post_send(&rig, &sq, HW_CE_ALWAYS, rig.memory, 64);
		memcpy(&first, sq.ring + (sq.last % 16) * 64, 8);
		sq.dbrec[1] = to_be32(sq.pi);
		/* A whole BlueFlame buffer, word by word: the first one is the doorbell. */
		for (unsigned k = 0; k < 8; k++)
			*(volatile uint64_t *)(void *)(rig.page + 0x800 + rig.bf +
			                               8 * k) = k ? 0 : first;
		rig.bf ^= 0x100;
		good &= rig.wire.stats.tx_frames == i + 1 && rig_poll(&cq);
	}
	ok(good, "each of 4,097 doorbells is served at once");
	is_u(traps, 8 * 4097, "each store trapped, and was let go");
	is_u(rig.sentences, 0, "nothing was wrong");
	*(volatile uint64_t *)(void *)(rig.page + 0x800) =
		to_be64(4096ull << 40 | 0x0aull << 32 | sq.number << 8 | 3).raw;
	ok(rig_said(&rig, "and nothing new since the last one"),
	   "a doorbell for nothing is noticed");
	rig_close(&rig);
	return done();
}
