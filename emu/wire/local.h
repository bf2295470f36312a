/* SPDX-License-Identifier: BSD-2-Clause */
/* What the wires of one process offer to the other kinds. */
#ifndef EMU_WIRE_LOCAL_H
#define EMU_WIRE_LOCAL_H

#include "emu/wire/kinds.h"

/* -EINVAL with a sentence if there is an argument. */
int wire_no_argument(const char *name, const char *arg, char *err, size_t size);

/* `cable` without a name: joined with the next one that is opened.  Its link is down until then,
 * and client->link() may be called before the wire is returned. */
int wire_open_local_cable(const struct wire_client *client, struct wire **out, char *err,
                          size_t size);

#endif
