/* SPDX-License-Identifier: BSD-2-Clause */
/* Running the program with the library loaded before it. */
#include "emu/run.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child;

/* ---- Static programs ---- */

/* As execvp() looks for it. */
static bool find_program(const char *name, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH"), *end;

	if (strchr(name, '/'))
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
	for (; dirs && *dirs; dirs = *end ? end + 1 : end) {
		end = strchrnul(dirs, ':');
		snprintf(path, PATH_MAX, "%.*s/%s", (int)(end - dirs), dirs, name);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static bool has_interpreter(int fd, const Elf64_Ehdr *head)
{
	Elf64_Phdr ph;
	unsigned i;

	for (i = 0; i < head->e_phnum; i++) {
		if (pread(fd, &ph, sizeof ph, (off_t)(head->e_phoff + i * sizeof ph)) !=
		    sizeof ph)
			return true;
		if (ph.p_type == PT_INTERP)
			return true;
	}
	return false;
}

bool emu_program_is_dynamic(const struct verb *verb, const char *name)
{
	char path[PATH_MAX];
	Elf64_Ehdr head;
	bool dynamic = true;
	int fd;

	/* What is not there or no ELF file is execvp()'s to judge. */
	if (!find_program(name, path))
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, &head, sizeof head) == sizeof head &&
	    !memcmp(head.e_ident, ELFMAG, SELFMAG) &&
	    head.e_ident[EI_CLASS] == ELFCLASS64)
		dynamic = has_interpreter(fd, &head);
	if (fd >= 0)
		close(fd);
	if (!dynamic)
		fail_environment(verb,
		                 "%s is statically linked: no library can be put before "
		                 "its calls; link it dynamically",
		                 path);
	return dynamic;
}

/* ---- Running ---- */

static void pass_on(int sig)
{
	if (child > 0)
		kill(child, sig);
}

/* A terminal sends these to the program as well; we stay to clear up behind it. */
static void keep_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction forward = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGQUIT, &ignore, NULL);
	sigaction(SIGTERM, &forward, NULL);
	sigaction(SIGHUP, &forward, NULL);
}

static void preload(const struct emu_run *run)
{
	const char *others = getenv("LD_PRELOAD");
	char text[2 * PATH_MAX];

	/* Behind what the user preloads: a sanitizer's runtime has to be the first. */
	snprintf(text, sizeof text, "%s%s%s", others ? others : "",
	         others && *others ? ":" : "", run->library);
	setenv("LD_PRELOAD", text, 1);
	setenv("RAWQ_EMU", run->dir, 1);
}

static int start(const struct emu_run *run, char **argv)
{
	pid_t parent = getpid();

	child = fork();
	if (child)
		return child < 0 ? -errno : 0;
	/* It cannot outlive its directory and netdevs. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_ENVIRONMENT);
	preload(run);
	execvp(argv[0], argv);
	_exit(fail_environment(run->verb, "%s: %s", argv[0], strerror(errno)));
}

int emu_program_run(const struct emu_run *run, char **argv)
{
	int err, status;

	fflush(NULL);
	err = start(run, argv);
	if (err)
		return fail_environment(run->verb, "%s: %s", argv[0], strerror(-err));
	keep_signals();
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail_environment(run->verb, "%s: %s", argv[0],
			                        strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
