/* SPDX-License-Identifier: BSD-2-Clause */
/* The --stats file: {"exit": code, "processes": [what each wrote at its end]}. */
#include "emu/run.h"

#include <dirent.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>

static void gather(const struct emu_run *run, json_t *processes)
{
	char path[PATH_MAX];
	struct dirent *e;
	json_error_t err;
	json_t *process;
	DIR *d;

	d = opendir(run->dir);
	while (d && (e = readdir(d))) {
		if (fnmatch("stats.*.json", e->d_name, 0))
			continue;
		snprintf(path, sizeof path, "%s/%s", run->dir, e->d_name);
		process = json_load_file(path, 0, &err);
		if (process)
			json_array_append_new(processes, process);
		else
			fprintf(stderr, "rawq emu: %s: %s\n", path, err.text);
	}
	if (d)
		closedir(d);
}

int emu_summary_write(const struct emu_run *run, int exit_code)
{
	json_t *processes = json_array();
	json_t *all = json_pack("{s:i, s:o}", "exit", exit_code, "processes", processes);
	int failed;

	if (!all)
		return fail_environment(run->verb, "no memory for the statistics");
	gather(run, processes);
	failed = json_dump_file(all, run->stats, JSON_INDENT(2));
	json_decref(all);
	if (failed)
		return fail_environment(run->verb, "--stats %s cannot be written",
		                        run->stats);
	return EXIT_OK;
}
