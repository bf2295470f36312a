/* SPDX-License-Identifier: BSD-2-Clause */
/* Children: fork, enter the namespace, exec ourselves; lines of JSON on the way back. */
#include "child.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child; never returns. */
static void become(pid_t parent, int netns, bool urgent, int out, char **argv)
{
	static const struct sched_param lowest = {.sched_priority = 1};
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	sigset_t none;

	/* Its own group: ^C is for the parent to deal with. */
	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(127);
	if (urgent) /* if we may */
		sched_setscheduler(0, SCHED_RR, &lowest);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if ((netns >= 0 && namespace_enter(netns)) || dup2(out, STDOUT_FILENO) < 0)
		_exit(127);
	self[len < 0 ? 0 : len] = '\0'; /* by its path, so that ps(1) shows the name */
	execv(self, argv);
	_exit(127);
}

int child_start(struct child *child, const char *name, int netns, bool urgent,
                const char *const *arguments)
{
	char *argv[CHILD_ARGS_MAX + 2] = {(char *)"rawq"};
	pid_t parent = getpid();
	int fds[2], i, err;

	for (i = 0; i < CHILD_ARGS_MAX && arguments[i]; i++)
		argv[i + 1] = (char *)arguments[i];
	memset(child, 0, sizeof(*child));
	child->name = name;
	child->fd = -1;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	child->pid = fork();
	if (!child->pid)
		become(parent, netns, urgent, fds[1], argv);
	err = errno;
	close(fds[1]);
	if (child->pid < 0) {
		child->pid = 0;
		close(fds[0]);
		return -err;
	}
	child->fd = fds[0];
	fcntl(child->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

static void take_event(struct child *child, const char *line, size_t len)
{
	json_t *event = json_loadb(line, len, 0, NULL), **keep = NULL;
	const char *kind = json_string_value(json_object_get(event, "event"));

	if (!kind) {
		json_decref(event);
		return;
	}
	if (!strcmp(kind, "start"))
		keep = &child->start;
	else if (!strcmp(kind, "interval"))
		keep = &child->interval;
	else if (!strcmp(kind, "end"))
		keep = &child->end;
	if (keep) {
		json_decref(*keep);
		*keep = event;
	} else {
		json_decref(event);
	}
}

/* Take the whole lines off the buffer. */
static void take_lines(struct child *child)
{
	char *newline;
	size_t used;

	while ((newline = memchr(child->line, '\n', child->len))) {
		used = (size_t)(newline - child->line) + 1;
		take_event(child, child->line, used);
		child->len -= used;
		memmove(child->line, child->line + used, child->len);
	}
	if (child->len == sizeof(child->line))
		child->len = 0; /* no event of ours */
}

bool child_read(struct child *child)
{
	ssize_t n;

	if (child->fd < 0)
		return false;
	while ((n = read(child->fd, child->line + child->len,
	                 sizeof(child->line) - child->len)) > 0) {
		child->len += (size_t)n;
		take_lines(child);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	close(child->fd);
	child->fd = -1;
	return false;
}

void child_interrupt(const struct child *child)
{
	/* with whatever it runs in turn */
	if (child->pid)
		kill(-child->pid, SIGINT);
}

int child_finish(struct child *child)
{
	int status = -1;

	if (child->pid) {
		if (child->fd >= 0)
			kill(child->pid, SIGKILL);
		waitpid(child->pid, &status, 0);
	}
	if (child->fd >= 0)
		close(child->fd);
	json_decref(child->start);
	json_decref(child->interval);
	json_decref(child->end);
	memset(child, 0, sizeof(*child));
	child->fd = -1;
	return status;
}
