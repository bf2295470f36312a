/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the emulator says: violations, leaks and troubles as sentences on stderr, calls and events
 * in the trace.  Any thread, any lock.
 */
#ifndef EMU_UVERBS_REPORT_H
#define EMU_UVERBS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/* trace: NULL or a file to append to. */
void report_start(bool strict, const char *trace);

/* The program broke a rule.  Aborts the program when strict. */
void report_violation(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The program left objects behind. */
void report_leak(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Something that the emulator wanted did not work; no fault of the program's. */
void report_trouble(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

uint64_t report_violations(void);
uint64_t report_leaks(void);

/* A line of the trace, if there is one. */
void report_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
