/* SPDX-License-Identifier: BSD-2-Clause */
/* TAP (testanything.org) for C tests: ok() per behaviour, done() at the end of main. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned tap_count, tap_failed;

#define ok(cond, ...) tap_ok((cond) ? 1 : 0, #cond, __FILE__, __LINE__, __VA_ARGS__)
/* Equal unsigned numbers, both printed when they are not. */
#define is_u(got, want, ...)                                                             \
	tap_is_u((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, __VA_ARGS__)

#include <stdarg.h>

static inline int tap_line(int good, const char *fmt, va_list ap)
{
	printf("%sok %u - ", good ? "" : "not ", ++tap_count);
	vprintf(fmt, ap);
	putchar('\n');
	tap_failed += good ? 0 : 1;
	return good;
}

__attribute__((format(printf, 5, 6))) static inline int tap_ok(int good, const char *what,
                                                               const char *file, int line,
                                                               const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_line(good, fmt, ap);
	va_end(ap);
	if (!good)
		printf("# %s:%d: %s\n", file, line, what);
	fflush(stdout);
	return good;
}

__attribute__((format(printf, 5, 6))) static inline int tap_is_u(
	uint64_t got, uint64_t want, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_line(got == want, fmt, ap);
	va_end(ap);
	if (got != want)
		printf("# %s:%d: got %" PRIu64 ", want %" PRIu64 "\n", file, line, got,
		       want);
	fflush(stdout);
	return got == want;
}

/* The whole program cannot run here; prints why. */
static inline void skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(0);
}

static inline int done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
