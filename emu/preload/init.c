/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading and unloading of the preloaded library: read the run's configuration, make the devices
 * visible, and at the end say what is to be said.
 */
#undef _FILE_OFFSET_BITS

#include "emu/preload/fds.h"
#include "emu/preload/paths.h"
#include "emu/preload/real.h"
#include "emu/uverbs/config.h"
#include "emu/uverbs/context.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/discovery.h"
#include "emu/uverbs/netdev.h"
#include "emu/uverbs/report.h"
#include "emu/uverbs/uar.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Exit codes of the rawq command. */
#define EXIT_BAD_USAGE   2
#define EXIT_BAD_MACHINE 3

static struct config config;
static char tree[PATH_MAX];
static struct sigaction old_segv, old_trap;

/* ---- Trapped doorbells ---- */

/* Not ours: what the program would have got without us. */
static void pass_on(const struct sigaction *old, int sig, siginfo_t *info, void *ucontext)
{
	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(sig, info, ucontext);
	} else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
		old->sa_handler(sig);
	} else {
		/* Returning runs the faulting instruction again, under the default. */
		signal(sig, SIG_DFL);
		if (sig == SIGTRAP)
			raise(sig);
	}
}

static void on_segv(int sig, siginfo_t *info, void *ucontext)
{
	if (!nic_trap_segv(sig, info, ucontext))
		pass_on(&old_segv, sig, info, ucontext);
}

static void on_trap(int sig, siginfo_t *info, void *ucontext)
{
	if (!nic_trap_step(sig, info, ucontext))
		pass_on(&old_trap, sig, info, ucontext);
}

static void catch_traps(void)
{
	struct sigaction segv = {.sa_sigaction = on_segv,
	                         .sa_flags = SA_SIGINFO | SA_NODEFER};
	struct sigaction trap = {.sa_sigaction = on_trap,
	                         .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &segv, &old_segv);
	sigaction(SIGTRAP, &trap, &old_trap);
}

/* ---- Process ---- */

static void after_fork(void)
{
	fds_forget();
	context_forget();
	uar_forget();
	netdev_forget();
	device_forget();
}

/* The program is not to run on anything else than was asked for. */
__attribute__((noreturn)) static void refuse(int code, const char *sentence)
{
	if (sentence)
		report_trouble("%s", sentence);
	_exit(code);
}

static void check_wires(void)
{
	char err[256];
	unsigned i;

	for (i = 0; i < config.ports; i++)
		if (wire_check(config.port[i].wire, err, sizeof err))
			refuse(EXIT_BAD_USAGE, err);
}

__attribute__((constructor)) static void load(void)
{
	const char *dir = getenv(CONFIG_ENV);
	char err[PATH_MAX + 64];
	int ret;

	if (!dir || !*dir)
		return;
	if (config_load(dir, &config, err, sizeof err))
		refuse(EXIT_BAD_MACHINE, err);
	report_start(config.strict, config.trace);
	check_wires();
	if (device_start(&config))
		refuse(EXIT_BAD_USAGE, NULL);
	ret = discovery_start(&config);
	if (ret) {
		snprintf(err, sizeof err, "%s: the device's files cannot be made: %s",
		         config.dir, strerror(-ret));
		refuse(EXIT_BAD_MACHINE, err);
	}
	snprintf(tree, sizeof tree, "%.*s/" DISCOVERY_TREE, PATH_MAX - 8, config.dir);
	paths_set(tree);
	if (config.trap)
		catch_traps();
	pthread_atfork(NULL, NULL, after_fork);
}

__attribute__((destructor)) static void unload(void)
{
	device_finish();
}

/* A program that leaves without atexit handlers leaves numbers all the same. */
__attribute__((visibility("default"), noreturn)) void _exit(int status)
{
	__attribute__((noreturn)) void (*leave)(int);
	void *symbol = dlsym(RTLD_NEXT, "_exit");

	device_finish();
	memcpy(&leave, &symbol, sizeof leave);
	leave(status);
}
