/* SPDX-License-Identifier: BSD-2-Clause */
/* Option structs that may grow: .size tells which version of the struct the caller knows. */
#ifndef LIB_OPTS_H
#define LIB_OPTS_H

#include "rawq.h"

/* Copy the caller's opts (NULL: all defaults) over our zeroed version, both of which begin with
 * size.  -EINVAL: no size, or a field that this library is too old to know is not zero. */
int opts_read(void *ours, size_t ours_size, const void *callers, const char *what,
              struct rawq_error *err);

#endif
