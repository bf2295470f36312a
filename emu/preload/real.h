/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library's own calls behind the ones that the preloaded library puts in front of them.
 */
#ifndef EMU_PRELOAD_REAL_H
#define EMU_PRELOAD_REAL_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/* X(result, name, parameters): one row per call. */
#define REAL_CALLS(X)                                                                    \
	X(int, open, (const char *, int, ...))                                           \
	X(int, openat, (int, const char *, int, ...))                                    \
	X(FILE *, fopen, (const char *, const char *))                                   \
	X(DIR *, opendir, (const char *))                                                \
	X(int, scandir,                                                                  \
	  (const char *, struct dirent ***, int (*)(const struct dirent *),              \
	   int (*)(const struct dirent **, const struct dirent **)))                     \
	X(int, stat, (const char *, struct stat *))                                      \
	X(int, lstat, (const char *, struct stat *))                                     \
	X(int, fstatat, (int, const char *, struct stat *, int))                         \
	X(int, statx, (int, const char *, int, unsigned, struct statx *))                \
	X(int, access, (const char *, int))                                              \
	X(int, faccessat, (int, const char *, int, int))                                 \
	X(ssize_t, readlink, (const char *, char *, size_t))                             \
	X(char *, realpath, (const char *, char *))                                      \
	X(ssize_t, read, (int, void *, size_t))                                          \
	X(int, close, (int))                                                             \
	X(int, close_range, (unsigned, unsigned, int))                                   \
	X(void, closefrom, (int))                                                        \
	X(int, dup, (int))                                                               \
	X(int, dup2, (int, int))                                                         \
	X(int, dup3, (int, int, int))                                                    \
	X(int, fcntl, (int, int, ...))                                                   \
	X(int, ioctl, (int, unsigned long, ...))                                         \
	X(void *, mmap, (void *, size_t, int, int, int, off_t))                          \
	X(int, munmap, (void *, size_t))                                                 \
	X(int, socket, (int, int, int))

struct real {
#define REAL_MEMBER(result, name, parameters) result(*name) parameters;
	REAL_CALLS(REAL_MEMBER)
#undef REAL_MEMBER
};

/* Looked up on first use: the dynamic loader may call us before any constructor ran. */
const struct real *real(void);

#endif
