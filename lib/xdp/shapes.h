/* SPDX-License-Identifier: BSD-2-Clause */
/* The shapes of the book's rules.  Every call under the book's lock. */
#ifndef LIB_XDP_SHAPES_H
#define LIB_XDP_SHAPES_H

#include "lib/xdp/book.h"

/* Of a rule, of a slot for a shape. */
enum { FREE, USED, RESTING /* taken out: a run of the program may still read it */ };

/* Wait for the program's runs, and free what rests. */
void shapes_quiesce(struct maps *m);

/* Make a list of the shapes that have rules the current one. */
void list_publish(struct maps *m);
/* Describe a shape anew and publish; on failure the old description stays. */
int shape_publish(struct maps *m, struct book_shape *h, bool had_slot);

/* The rule's shape, mask and prefix alone, and its values as the program will look them up. */
void shape_place(struct book_rule *r, struct book_shape *h);
/* NULL: there is none. */
struct book_shape *shape_find(struct book *b, const struct book_shape *like);
/* A free place for a shape, described but still without rules; NULL: all are taken. */
struct book_shape *shape_make(struct book *b, const struct book_shape *like);

/* The set that the rule's value names, or a fresh one; set_put() when no rule of it is left.
 * -EMLINK: there are BOOK_SETS_MAX; what bpf(2) returns. */
int set_get(struct maps *m, struct book_rule *r);
void set_put(struct maps *m, const struct book_rule *r);

#endif
