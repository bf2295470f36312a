/* SPDX-License-Identifier: BSD-2-Clause */
/* The pages of the device's clock; see clock.h. */
#include "emu/uverbs/clock.h"
#include "emu/nic/nic.h"
#include "emu/preload/real.h"

#include <errno.h>
#include <rdma/mlx5-abi.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

/* With a 1 GHz counter, cycles are nanoseconds: any shift will do; the kernel's is about this. */
#define SHIFT 21u

static int fd = -1;

/* The kernel's page says: ns = nsec + ((cycles - then) * mult + frac) >> shift. */
static void fill_info(struct mlx5_ib_clock_info *info, struct nic *nic)
{
	info->nsec = nic_real_ns(nic);
	info->cycles = nic_clock_at(nic, info->nsec);
	info->mult = 1u << SHIFT;
	info->shift = SHIFT;
	info->frac = 0;
	info->mask =
		UINT64_MAX >> (64 - 41); /* what mult 2^21 leaves of 63 bits, less one */
	info->overflow_period = UINT64_C(1) << 40;
	info->sign = 0; /* an odd number would mean "being written" */
}

int clock_start(struct nic *nic)
{
	void *pages;
	int err;

	fd = memfd_create("rawq-emu-clock", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, CLOCK_PAGES * PAGE))
		goto fail;
	pages = real()->mmap(NULL, CLOCK_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
	                     fd, 0);
	if (pages == MAP_FAILED)
		goto fail;
	nic_lock(nic);
	fill_info((void *)((uint8_t *)pages + CLOCK_PAGE_INFO * PAGE), nic);
	nic_clock_page(nic, (be32 *)pages);
	nic_unlock(nic);
	return 0;
fail:
	err = -errno;
	real()->close(fd);
	fd = -1;
	return err;
}

void *clock_mmap(enum clock_page page, void *addr, int prot, int flags)
{
	if (prot & PROT_WRITE) {
		errno = EPERM;
		return MAP_FAILED;
	}
	return real()->mmap(addr, PAGE, PROT_READ, flags, fd, page * PAGE);
}
