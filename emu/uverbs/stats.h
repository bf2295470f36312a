/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port's numbers: as ethtool statistics, as files of the device's directory, and as the JSON
 * that the launcher gathers when the program has ended.
 */
#ifndef EMU_UVERBS_STATS_H
#define EMU_UVERBS_STATS_H

#include <stdint.h>

struct device;

unsigned stats_count(void);
const char *stats_name(unsigned i); /* as mlx5e's ethtool -S has it */
void stats_read(const struct device *dev, uint64_t *out, unsigned max);

void stats_write_files(const struct device *dev); /* counters/ and hw_counters/ */
void stats_write_state(const struct device *dev); /* state, phys_state */
void stats_write_process(void);                   /* stats.PID.json of the run */

#endif
