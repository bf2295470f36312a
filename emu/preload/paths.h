/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the emulated device's files are: paths below /sys and /dev/infiniband are looked for in
 * the run's directory first.
 */
#ifndef EMU_PRELOAD_PATHS_H
#define EMU_PRELOAD_PATHS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* `dir` has the tree (sys, dev); it must stay. NULL: rewrite nothing. */
void paths_set(const char *dir);

/* What to open instead of `path`: something in buf, or path itself.  `list` is for opendir():
 * a directory that the system has too is listed as the system has it, unless all of it is ours. */
const char *paths_rewrite(const char *path, bool list, char buf[PATH_MAX]);

/* Undo it for an answer (realpath, readlink): drops the run's directory from its front. */
void paths_restore(char *path);

/* The port whose character device this is ("/dev/infiniband/uverbs1"), or -1. */
int paths_device(const char *path);

/* A file of counters, which are to be fresh when it is opened? */
bool paths_is_counter(const char *path);

#endif
