/* SPDX-License-Identifier: BSD-2-Clause */
#include "emu/nic/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "emu/nic/card.h"

void violate(struct nic *nic, struct shown *shown, enum rule rule, const char *fmt, ...)
{
	char sentence[256];
	size_t used;
	va_list ap;

	if (shown && shown->count[rule]++ >= SHOWN_MAX)
		return;
	if (!nic->opts.events.violation)
		return;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	used = strlen(sentence);
	if (shown && shown->count[rule] == SHOWN_MAX)
		snprintf(sentence + used, sizeof(sentence) - used,
		         " (and so on: no more of this kind for this queue)");
	nic->opts.events.violation(nic->opts.events.user, sentence);
}
