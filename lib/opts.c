/* SPDX-License-Identifier: BSD-2-Clause */
/* Option structs that may grow. */
#include "opts.h"

#include "error.h"

#include <errno.h>
#include <string.h>

/* No struct of ours comes near; a larger .size is memory that was never set. */
#define OPTS_SIZE_MAX 4096

int opts_read(void *ours, size_t ours_size, const void *callers, const char *what,
              struct rawq_error *err)
{
	const uint8_t *bytes = callers;
	size_t size;

	memset(ours, 0, ours_size);
	if (!callers)
		return 0;
	memcpy(&size, callers, sizeof(size));
	if (size < sizeof(size) || size > OPTS_SIZE_MAX)
		return fail(err, -EINVAL, "%s: .size is %zu, not the size of the struct",
		            what, size);
	for (size_t i = ours_size; i < size; i++) {
		if (bytes[i])
			return fail(err, -EINVAL,
			            "%s: asks for something newer than this librawq "
			            "(byte %zu)",
			            what, i);
	}
	memcpy(ours, callers, size < ours_size ? size : ours_size);
	return 0;
}
