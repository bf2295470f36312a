/* SPDX-License-Identifier: BSD-2-Clause */
/* A run as a picture in characters: what each program carried, what became of the packets, and
 * how long they took. */
#ifndef CMD_COMMON_PICTURE_H
#define CMD_COMMON_PICTURE_H

#include <jansson.h>
#include <stdio.h>

/* A program's bar: its name, and a rate in its end event. */
struct picture_rate {
	const char *name, *field;
	const json_t *end;
};

void picture_rates(const struct picture_rate *rates, unsigned n, FILE *to);

/* rx: the end event of a receiver that had --histograms. */
void picture_fates(const json_t *rx, FILE *to);
void picture_latency(const json_t *rx, FILE *to);

#endif
