/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusing with a sentence. */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

#include "rawq.h"

#include <assert.h>

/* Write the sentence into err, if there is one; errno stays as it was. */
__attribute__((format(printf, 2, 3))) void error_say(struct rawq_error *err,
                                                     const char *fmt, ...);

static inline int refusal(int code)
{
	assert(code < 0 && "a refusal is an -errno");
	return code;
}

/* Say it and be code, so that refusing is one line: return fail(err, -EINVAL, "%s: ...", name).
 * Not a function: a compiler and an analyzer are to see that the caller got a failure. */
#define fail(err, code, ...) (error_say(err, __VA_ARGS__), refusal(code))

#endif
