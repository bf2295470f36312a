/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often to look for packets in vain before going to sleep.
 *
 * Whoever brings the packets may be on another CPU, where a look costs him nothing and a wake-up
 * costs him much, or on ours, where he cannot go on while we look.  So the number of looks
 * doubles when looking paid and halves when it did not.  A kernel that polls its device shows
 * us packets 64 at a time, 15 us or more apart, which few looks never see: so now and then it
 * is the largest number again.
 */
#ifndef CMD_COMMON_PATIENCE_H
#define CMD_COMMON_PATIENCE_H

#include <stdbool.h>

#define LOOKS_MIN      16
#define LOOKS_MAX      1024 /* about 60 us on a 2.6 GHz x86 */
#define SLEEPS_A_TRIAL 64

struct patience {
	unsigned looks; /* before sleeping; less than LOOKS_MIN: LOOKS_MIN */
	unsigned vain;  /* in a row, since the last packet or sleep */
	unsigned sleeps;
};

static inline void cpu_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Nothing came: true if now is the time to sleep. */
static inline bool patience_over(struct patience *p)
{
	cpu_pause();
	if (++p->vain < LOOKS_MIN || p->vain < p->looks)
		return false;
	p->vain = 0;
	p->looks = ++p->sleeps % SLEEPS_A_TRIAL ? p->looks / 2 : LOOKS_MAX;
	return true;
}

/* Something came. */
static inline void patience_paid(struct patience *p)
{
	if (p->vain && p->looks < LOOKS_MAX)
		p->looks = p->looks < LOOKS_MIN ? 2 * LOOKS_MIN : 2 * p->looks;
	p->vain = 0;
}

#endif
