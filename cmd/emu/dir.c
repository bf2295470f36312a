/* SPDX-License-Identifier: BSD-2-Clause */
/* The run's directory, and where the preloaded library is. */
#include "emu/run.h"

#include <errno.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY "librawq-emu.so"

int emu_find_library(struct emu_run *run)
{
	/* Beside the command in the build tree; where it was installed; and there after the
	 * whole tree was moved. */
	static const char *const places[] = {"%s/emu/" LIBRARY, RAWQ_LIBDIR "/" LIBRARY,
	                                     "%s/../" RAWQ_LIBDIR_RELATIVE "/" LIBRARY};
	char self[PATH_MAX], path[2 * PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	const char *dir;
	unsigned i;

	if (len < 0)
		return fail_environment(run->verb, "/proc/self/exe: %s", strerror(errno));
	self[len] = 0;
	dir = dirname(self);
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof path, places[i], dir);
		if (realpath(path, run->library))
			return EXIT_OK;
	}
	return fail_environment(run->verb,
	                        LIBRARY " is neither beside %s nor in " RAWQ_LIBDIR
	                                "; install rawq with the emulator",
	                        dir);
}

/* Files are the user's, relative to where the command was started; the program may go elsewhere.
 */
static int write_path(FILE *f, const char *key, const char *path)
{
	char here[PATH_MAX];

	if (!path)
		return 0;
	/* A plan drawn from a number is no file. */
	if (*path == '/' || !strncmp(path, "seed=", 5))
		return fprintf(f, "%s %s\n", key, path);
	if (!getcwd(here, sizeof here))
		return -1;
	return fprintf(f, "%s %s/%s\n", key, here, path);
}

static int write_config(const struct emu_run *run, FILE *f)
{
	const struct emu_port *p;
	unsigned i;

	for (i = 0; i < run->ports; i++) {
		p = &run->port[i];
		fprintf(f, "port %s %s %02x:%02x:%02x:%02x:%02x:%02x %s\n", p->pci,
		        *p->netdev ? p->netdev : "-", p->mac[0], p->mac[1], p->mac[2],
		        p->mac[3], p->mac[4], p->mac[5], p->wire);
	}
	if (run->strict)
		fprintf(f, "strict\n");
	if (run->thorough)
		fprintf(f, "thorough\n");
	fprintf(f, "doorbell %s\n", run->trap ? "trap" : "poll");
	if (write_path(f, "faults", run->faults) < 0 ||
	    write_path(f, "trace", run->trace) < 0)
		return -1;
	return 0;
}

int emu_dir_make(struct emu_run *run)
{
	char path[sizeof run->dir + 16];
	int failed;
	FILE *f;

	snprintf(run->dir, sizeof run->dir, "/tmp/rawq-emu.XXXXXX");
	if (!mkdtemp(run->dir))
		return fail_environment(run->verb, "%s: %s", run->dir, strerror(errno));
	/* The program may become another user, who is to read it and leave numbers. */
	chmod(run->dir, 01777);
	snprintf(path, sizeof path, "%s/config", run->dir);
	f = fopen(path, "we");
	failed = !f || write_config(run, f);
	if (f && fclose(f))
		failed = 1;
	if (!failed)
		return EXIT_OK;
	failed = fail_environment(run->verb, "%s: %s", path, strerror(errno));
	emu_dir_remove(run);
	return failed;
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void emu_dir_remove(const struct emu_run *run)
{
	nftw(run->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
