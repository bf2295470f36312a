/* SPDX-License-Identifier: BSD-2-Clause */
/* The C library's own calls: dlsym(RTLD_NEXT) once. */
#include "emu/preload/real.h"

#include <dlfcn.h>
#include <string.h>

static struct real calls;
static bool bound;

/* ISO C has no cast from an object pointer to a function pointer. */
static void bind(void *slot, const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	memcpy(slot, &symbol, sizeof symbol);
}

const struct real *real(void)
{
	/* Two threads here at once write the same values; pairs with the release below. */
	if (__atomic_load_n(&bound, __ATOMIC_ACQUIRE))
		return &calls;
#define REAL_BIND(result, name, parameters) bind(&calls.name, #name);
	REAL_CALLS(REAL_BIND)
#undef REAL_BIND
	__atomic_store_n(&bound, true, __ATOMIC_RELEASE);
	return &calls;
}
