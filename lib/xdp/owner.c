/* SPDX-License-Identifier: BSD-2-Clause */
/* Who steers a netdev: the XDP program on it, and the process that holds it. */
#include "xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t program_id(int ifindex)
{
	struct bpf_xdp_query_opts q = {.sz = sizeof(q)};

	if (bpf_xdp_query(ifindex, 0, &q))
		return 0;
	return q.prog_id ? q.prog_id : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
}

static void program_name(uint32_t id, char *name, size_t size)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	snprintf(name, size, "a program");
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.name[0])
		snprintf(name, size, "%s", info.name);
	close(fd);
}

/* Does /proc/PID/fdinfo/FD speak of a link or a program of this id? */
static bool fd_holds(int fdinfo_dir, const char *fd_name, uint32_t id)
{
	char text[1024], *at;
	int fd = openat(fdinfo_dir, fd_name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, "prog_id:");
	return at && strtoul(at + strlen("prog_id:"), NULL, 10) == id;
}

static bool process_holds(const char *pid, uint32_t id)
{
	char path[300];
	const struct dirent *e;
	bool holds = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!holds && (e = readdir(dir)))
		holds = e->d_name[0] != '.' && fd_holds(dirfd(dir), e->d_name, id);
	closedir(dir);
	return holds;
}

static void process_name(const char *pid, char *name, size_t size)
{
	char path[300];
	FILE *f;

	snprintf(name, size, "a process");
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(name, (int)size, f))
		name[strcspn(name, "\n")] = '\0';
	fclose(f);
}

static bool find_process(uint32_t id, struct steering_owner *o)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e = NULL;

	while (proc && (e = readdir(proc))) {
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		    process_holds(e->d_name, id))
			break;
	}
	if (e) {
		o->pid = atoi(e->d_name);
		process_name(e->d_name, o->comm, sizeof(o->comm));
	}
	if (proc)
		closedir(proc);
	return e;
}

bool steering_owner(int ifindex, struct steering_owner *o)
{
	*o = (struct steering_owner){.program_id = program_id(ifindex)};
	if (!o->program_id)
		return false;
	program_name(o->program_id, o->program, sizeof(o->program));
	find_process(o->program_id, o);
	return true;
}

void steering_owner_text(int ifindex, char *text, size_t size)
{
	struct steering_owner o;

	if (!steering_owner(ifindex, &o))
		snprintf(text, size, "a program that is gone by now");
	else if (o.pid)
		snprintf(text, size, "%s (program %u) of %s, pid %d", o.program,
		         o.program_id, o.comm, o.pid);
	else
		snprintf(text, size,
		         "%s (program %u) of no process: it was left attached", o.program,
		         o.program_id);
}
