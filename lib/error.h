/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusing with a sentence. */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

#include "rawq.h"

/* Write the sentence into err, if there is one, and return code, so that refusing is one line:
 * return fail(err, -EINVAL, "%s: ...", name). */
__attribute__((format(printf, 3, 4))) int fail(struct rawq_error *err, int code,
                                               const char *fmt, ...);

#endif
