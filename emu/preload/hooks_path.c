/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library's calls that take a path, in front of its own: the emulated device's files are
 * found where the kernel would have them.  Each glibc entry point needs its own wrapper, because
 * glibc calls itself without going through the PLT.
 */
/* Else <fcntl.h> and the like rename open to open64 and we could not define both. */
#undef _FILE_OFFSET_BITS

#include "emu/preload/paths.h"
#include "emu/preload/real.h"
#include "emu/uverbs/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static int open_path(int dir, const char *path, int flags, mode_t mode)
{
	char buf[PATH_MAX];
	const char *where;
	int port = paths_device(path);

	if (port >= 0)
		return device_open((unsigned)port, flags);
	where = paths_rewrite(path, (flags & O_DIRECTORY) != 0, buf);
	if (paths_is_counter(where))
		device_refresh_counters(where);
	return real()->openat(dir, where, flags, mode);
}

static mode_t mode_argument(int flags, va_list args)
{
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		return va_arg(args, mode_t);
	return 0;
}

#define DEFINE_OPEN(name)                                                                \
	EXPORT int name(const char *path, int flags, ...)                                \
	{                                                                                \
		va_list args;                                                            \
		mode_t mode;                                                             \
                                                                                         \
		va_start(args, flags);                                                   \
		mode = mode_argument(flags, args);                                       \
		va_end(args);                                                            \
		return open_path(AT_FDCWD, path, flags, mode);                           \
	}
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                              \
	EXPORT int name(int dir, const char *path, int flags, ...)                       \
	{                                                                                \
		va_list args;                                                            \
		mode_t mode;                                                             \
                                                                                         \
		va_start(args, flags);                                                   \
		mode = mode_argument(flags, args);                                       \
		va_end(args);                                                            \
		return open_path(dir, path, flags, mode);                                \
	}
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

/* What open() becomes under _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
char *__realpath_chk(const char *path, char *resolved, size_t size);

EXPORT int __open_2(const char *path, int flags)
{
	return open_path(AT_FDCWD, path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
	return open_path(AT_FDCWD, path, flags, 0);
}

EXPORT int __openat_2(int dir, const char *path, int flags)
{
	return open_path(dir, path, flags, 0);
}

EXPORT int __openat64_2(int dir, const char *path, int flags)
{
	return open_path(dir, path, flags, 0);
}

static FILE *fopen_path(const char *path, const char *mode)
{
	char buf[PATH_MAX];
	const char *where = paths_rewrite(path, false, buf);

	if (paths_is_counter(where))
		device_refresh_counters(where);
	return real()->fopen(where, mode);
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
	return fopen_path(path, mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
	return fopen_path(path, mode);
}

EXPORT DIR *opendir(const char *path)
{
	char buf[PATH_MAX];

	return real()->opendir(paths_rewrite(path, true, buf));
}

EXPORT int scandir(const char *path, struct dirent ***list,
                   int (*filter)(const struct dirent *),
                   int (*compare)(const struct dirent **, const struct dirent **))
{
	char buf[PATH_MAX];

	return real()->scandir(paths_rewrite(path, true, buf), list, filter, compare);
}

EXPORT int stat(const char *restrict path, struct stat *restrict st)
{
	char buf[PATH_MAX];

	return real()->stat(paths_rewrite(path, false, buf), st);
}

EXPORT int lstat(const char *restrict path, struct stat *restrict st)
{
	char buf[PATH_MAX];

	return real()->lstat(paths_rewrite(path, false, buf), st);
}

EXPORT int fstatat(int dir, const char *restrict path, struct stat *restrict st,
                   int flags)
{
	char buf[PATH_MAX];

	return real()->fstatat(dir, paths_rewrite(path, false, buf), st, flags);
}

/* On 64-bit machines the two structures are one. */
_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "stat64 is stat");

EXPORT int stat64(const char *restrict path, struct stat64 *restrict st)
{
	char buf[PATH_MAX];

	return real()->stat(paths_rewrite(path, false, buf), (struct stat *)st);
}

EXPORT int lstat64(const char *restrict path, struct stat64 *restrict st)
{
	char buf[PATH_MAX];

	return real()->lstat(paths_rewrite(path, false, buf), (struct stat *)st);
}

EXPORT int fstatat64(int dir, const char *restrict path, struct stat64 *restrict st,
                     int flags)
{
	char buf[PATH_MAX];

	return real()->fstatat(dir, paths_rewrite(path, false, buf), (struct stat *)st,
	                       flags);
}

EXPORT int statx(int dir, const char *restrict path, int flags, unsigned mask,
                 struct statx *restrict st)
{
	char buf[PATH_MAX];

	return real()->statx(dir, paths_rewrite(path, false, buf), flags, mask, st);
}

EXPORT int access(const char *path, int mode)
{
	char buf[PATH_MAX];

	return real()->access(paths_rewrite(path, false, buf), mode);
}

EXPORT int faccessat(int dir, const char *path, int mode, int flags)
{
	char buf[PATH_MAX];

	return real()->faccessat(dir, paths_rewrite(path, false, buf), mode, flags);
}

EXPORT ssize_t readlink(const char *restrict path, char *restrict out, size_t size)
{
	char buf[PATH_MAX];

	return real()->readlink(paths_rewrite(path, false, buf), out, size);
}

EXPORT char *realpath(const char *restrict path, char *restrict resolved)
{
	char buf[PATH_MAX];
	char *answer = real()->realpath(paths_rewrite(path, false, buf), resolved);

	if (answer)
		paths_restore(answer);
	return answer;
}

EXPORT char *__realpath_chk(const char *path, char *resolved, size_t size)
{
	if (resolved && size < PATH_MAX) {
		errno = ERANGE;
		return NULL;
	}
	return realpath(path, resolved);
}
