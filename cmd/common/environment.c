/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine, from uname(2), /proc and /sys. */
#include "environment.h"

#include "rawq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The first line of a small file, or of its first line that begins so what follows the colon. */
static void read_line(const char *path, const char *key, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	char line[256], *value = NULL;

	out[0] = '\0';
	while (f && !value && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!key)
			value = line;
		else if (!strncmp(line, key, strlen(key)) && strchr(line, ':'))
			value = strchr(line, ':') + 1;
	}
	if (value)
		snprintf(out, size, "%s", value + strspn(value, " \t"));
	if (f)
		fclose(f);
}

json_t *environment_json(void)
{
	char cpu[128], clock[32];
	struct utsname name;
	double load = 0;

	memset(&name, 0, sizeof(name));
	uname(&name);
	getloadavg(&load, 1);
	read_line("/proc/cpuinfo", "model name", cpu, sizeof(cpu));
	read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource",
	          NULL, clock, sizeof(clock));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:f}", "rawq", RAWQ_VERSION,
	                 "host", name.nodename, "kernel", name.release, "machine",
	                 name.machine, "cpu", cpu, "cpus",
	                 (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "clock", clock,
	                 "load", load);
}
