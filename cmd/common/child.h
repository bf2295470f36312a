/* SPDX-License-Identifier: BSD-2-Clause */
/* This program again as a child process, in another network namespace, its events read from a
 * pipe.  It dies with its parent. */
#ifndef CMD_COMMON_CHILD_H
#define CMD_COMMON_CHILD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* An event line is well below this. */
#define CHILD_LINE_MAX 131072
#define CHILD_ARGS_MAX 24

struct child {
	const char *name; /* for people */
	pid_t pid;        /* 0: none */
	int fd;           /* its stdout; -1 at the end of it */
	char line[CHILD_LINE_MAX];
	size_t len;
	json_t *start, *interval, *end; /* the last event of each kind, NULL before it */
};

/* Start rawq in a network namespace (-1: ours) with these arguments, NULL-terminated, --json among them; urgent: ahead of all that
 * is not (SCHED_RR), for one that sleeps when it has nothing to do.  0 or -errno. */
int child_start(struct child *child, const char *name, int netns, bool urgent,
                const char *const *arguments);

/* Read what there is.  False once it has closed its end: then it has ended or is about to. */
bool child_read(struct child *child);

/* SIGINT, to the programs it runs as well: it ends with its report. */
void child_interrupt(const struct child *child);

/* Kill it if it still runs, and wait for it; its wait status, -1 if there was none. */
int child_finish(struct child *child);

#endif
