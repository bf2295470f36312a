/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * librawq is loaded when a netdev wire is opened: libbpf and what it needs have no place in every
 * program that runs on the emulator.  The one that lies beside the emulator's own library comes first.
 */
#include "emu/wire/netdev.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SONAME "librawq.so.0"
/* Never unloaded: what it stands on (libnl) keeps memory that its globals alone name. */
#define MODE (RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)

static void *load_from(const char *dir, int len, const char *rest)
{
	char path[512];
	int n = snprintf(path, sizeof(path), "%.*s%s" SONAME, len, dir, rest);

	return n > 0 && (size_t)n < sizeof(path) ? dlopen(path, MODE) : NULL;
}

static void *load(void)
{
	Dl_info self = {0};
	const char *slash = NULL;
	void *handle = NULL;

	if (dladdr(&wire_netdev, &self))
		slash = strrchr(self.dli_fname, '/');
	if (slash) {
		int len = (int)(slash - self.dli_fname);

		handle = load_from(self.dli_fname, len, "/"); /* installed */
		if (!handle)
			handle = load_from(self.dli_fname, len,
			                   "/../lib/"); /* the build tree */
	}
	return handle ? handle : dlopen(SONAME, MODE);
}

int netdev_library_open(struct netdev_library *l, char *err, size_t size)
{
	const struct {
		const char *name;
		void *at;
	} symbols[] = {
		{"rawq_port_open", &l->port_open},
		{"rawq_port_close", &l->port_close},
		{"rawq_port_info", &l->port_info},
		{"rawq_region_create", &l->region_create},
		{"rawq_region_destroy", &l->region_destroy},
		{"rawq_region_base", &l->region_base},
		{"rawq_rxq_create", &l->rxq_create},
		{"rawq_txq_create", &l->txq_create},
		{"rawq_rxq_destroy", &l->rxq_destroy},
		{"rawq_txq_destroy", &l->txq_destroy},
		{"rawq_rxq_status", &l->rxq_status},
		{"rawq_rule_add", &l->rule_add},
		{"rawq_rule_remove", &l->rule_remove},
	};

	l->handle = load();
	if (!l->handle)
		return wire_refuse(err, size, -ENOENT, "wire 'netdev': %s", dlerror());
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		void *f = dlsym(l->handle, symbols[i].name);

		if (!f) {
			dlclose(l->handle);
			return wire_refuse(err, size, -ENOENT,
			                   "wire 'netdev': " SONAME
			                   " lacks %s; is it of this "
			                   "version?",
			                   symbols[i].name);
		}
		memcpy(symbols[i].at, &f, sizeof(f));
	}
	return 0;
}

void netdev_library_close(struct netdev_library *l)
{
	dlclose(l->handle);
}
