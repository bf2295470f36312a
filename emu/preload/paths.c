/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the emulated device's files are; see paths.h. */
#include "emu/preload/paths.h"
#include "emu/preload/real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *root;
static size_t root_len;

void paths_set(const char *dir)
{
	root = dir;
	root_len = dir ? strlen(dir) : 0;
}

/* Directories of the system that have entries of ours among others. */
static bool is_shared(const char *path)
{
	static const char *const shared[] = {
		"/sys",         "/sys/class",     "/sys/bus", "/sys/bus/pci",
		"/sys/devices", "/sys/class/net", NULL};
	size_t len = strlen(path);
	unsigned i;

	while (len > 1 && path[len - 1] == '/')
		len--;
	for (i = 0; shared[i]; i++)
		if (strlen(shared[i]) == len && !strncmp(path, shared[i], len))
			return true;
	return false;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (path[len] == '/' || !path[len]);
}

const char *paths_rewrite(const char *path, bool list, char buf[PATH_MAX])
{
	struct stat st;

	if (!root || !path || path[0] != '/')
		return path;
	if (!is_below(path, "/sys") && !is_below(path, "/dev/infiniband"))
		return path;
	if (list && is_shared(path))
		return path;
	if (snprintf(buf, PATH_MAX, "%s%s", root, path) >= PATH_MAX)
		return path;
	return real()->lstat(buf, &st) ? path : buf;
}

void paths_restore(char *path)
{
	if (root && is_below(path, root) && path[root_len])
		memmove(path, path + root_len, strlen(path + root_len) + 1);
}

int paths_device(const char *path)
{
	static const char prefix[] = "/dev/infiniband/uverbs";
	char *end;
	long n;

	if (!root || !path || strncmp(path, prefix, sizeof prefix - 1))
		return -1;
	n = strtol(path + sizeof prefix - 1, &end, 10);
	return *end || end == path + sizeof prefix - 1 || n < 0 || n > INT_MAX ? -1
	                                                                       : (int)n;
}

bool paths_is_counter(const char *path)
{
	return root && path && is_below(path, root) &&
	       (strstr(path, "/counters/") || strstr(path, "/hw_counters/"));
}
