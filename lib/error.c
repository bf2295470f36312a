/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusing with a sentence. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void error_say(struct rawq_error *err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	errno = saved;
}
