/* SPDX-License-Identifier: BSD-2-Clause */
/* What the emulator says; see report.h. */
#include "emu/uverbs/report.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Sentences printed; a broken driver breaks the same rule with every packet. */
#define SENTENCES_MAX 64

static bool strict;
static int trace_fd = -1;
static uint64_t violations, leaks;

void report_start(bool is_strict, const char *trace)
{
	strict = is_strict;
	if (!trace || !*trace)
		return;
	trace_fd = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (trace_fd < 0)
		report_trouble("%s: cannot be opened for the trace", trace);
}

/* One write() per line, so that lines of several processes and threads do not mix. */
static void say(int fd, const char *kind, const char *fmt, va_list args)
{
	char line[1024];
	int at = snprintf(line, sizeof line, "%s", kind);
	int len = vsnprintf(line + at, sizeof line - (size_t)at - 1, fmt, args);
	size_t end = (size_t)at + (len < 0 ? 0 : (size_t)len);

	if (end > sizeof line - 2)
		end = sizeof line - 2;
	line[end++] = '\n';
	if (write(fd, line, end) < 0)
		return; /* nobody reads what we say */
}

void report_violation(const char *fmt, ...)
{
	uint64_t n = __atomic_add_fetch(&violations, 1, __ATOMIC_RELAXED);
	va_list args;

	va_start(args, fmt);
	if (n <= SENTENCES_MAX)
		say(STDERR_FILENO, "rawq emu: violation: ", fmt, args);
	va_end(args);
	if (n == SENTENCES_MAX)
		report_trouble("further violations are counted, not printed");
	if (trace_fd >= 0) {
		va_start(args, fmt);
		say(trace_fd, "violation ", fmt, args);
		va_end(args);
	}
	if (strict)
		abort();
}

void report_leak(const char *fmt, ...)
{
	uint64_t n = __atomic_add_fetch(&leaks, 1, __ATOMIC_RELAXED);
	va_list args;

	va_start(args, fmt);
	if (n <= SENTENCES_MAX)
		say(STDERR_FILENO, "rawq emu: leak: ", fmt, args);
	va_end(args);
}

void report_trouble(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(STDERR_FILENO, "rawq emu: ", fmt, args);
	va_end(args);
}

uint64_t report_violations(void)
{
	return __atomic_load_n(&violations, __ATOMIC_RELAXED);
}

uint64_t report_leaks(void)
{
	return __atomic_load_n(&leaks, __ATOMIC_RELAXED);
}

void report_trace(const char *fmt, ...)
{
	struct timespec now;
	char stamp[64];
	va_list args;

	if (trace_fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(stamp, sizeof stamp, "%" PRId64 ".%09ld %d ", (int64_t)now.tv_sec,
	         now.tv_nsec, (int)getpid());
	va_start(args, fmt);
	say(trace_fd, stamp, fmt, args);
	va_end(args);
}
