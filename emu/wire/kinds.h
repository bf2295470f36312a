/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kinds of wire share; of no concern to the card. */
#ifndef EMU_WIRE_KINDS_H
#define EMU_WIRE_KINDS_H

#include "emu/wire/wire.h"

struct wire_kind {
	const char *name;
	char separator; /* between the name and the argument */
	/* arg: what follows the separator, NULL if there is none. */
	int (*check)(const char *arg, char *err, size_t size);
	int (*open)(const char *arg, const struct wire_client *client, struct wire **out,
	            char *err, size_t size);
};

extern const struct wire_kind wire_drop, wire_loop, wire_cable, wire_netdev, wire_pcap;

/* Write a sentence into err and return code. */
__attribute__((format(printf, 4, 5))) int wire_refuse(char *err, size_t size, int code,
                                                      const char *fmt, ...);

/* Fill in the open part of a wire whose link is up. */
void wire_init(struct wire *w, const struct wire_ops *ops,
               const struct wire_client *client);

/* Set the link and tell the card if it changed. */
void wire_report_link(struct wire *w, bool up);

/* Count frames as accepted and thrown away. */
void wire_lose(struct wire *w, const struct wire_frame *frames, unsigned n);

/* Hand frames[0..n) that w sends to the card behind `to`, counting on both; those that are too
 * long for w are lost.  Returns how many are done with. */
unsigned wire_deliver(struct wire *w, struct wire *to, const struct wire_frame *frames,
                      unsigned n);

/* set_rules and poll of wires that have nothing to do for them. */
int wire_any_rules(struct wire *w, const struct steering *rules, char *err, size_t size);
unsigned wire_nothing_to_poll(struct wire *w, unsigned budget);

#endif
