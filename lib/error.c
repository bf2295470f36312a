/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusing with a sentence. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

int fail(struct rawq_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}
