/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another kernel, for LD_PRELOAD: one that does not know single features, and answers as such a
 * kernel does (LACKS=name,name), or one that has what this machine cannot show (HAS=name,name).
 * tests/features.sh runs rawq on it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <netlink/genl/ctrl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Of linux/if_xdp.h after Debian 12's: Linux 6.6 and 6.18. */
#define USE_SG        (1 << 4)
#define TX_SKB_BUDGET 9

/* Is the name in the comma-joined list of the environment variable? */
static bool listed(const char *variable, const char *name)
{
	const char *list = getenv(variable);
	size_t len = strlen(name);

	while (list && *list) {
		if (!strncmp(list, name, len) && (list[len] == ',' || !list[len]))
			return true;
		list = strchr(list, ',');
		list += !!list;
	}
	return false;
}

static bool lacks(const char *name)
{
	return listed("LACKS", name);
}

static bool has(const char *name)
{
	return listed("HAS", name);
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

/* The function that a name had before this file. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int socket(int domain, int type, int protocol)
{
	if (domain == AF_XDP && lacks("af-xdp"))
		return refuse(EAFNOSUPPORT);
	return REAL(socket)(domain, type, protocol);
}

/* xsk_bind(): EINVAL for a flag that is not known, whatever the netdev. */
int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_xdp *xdp = (const struct sockaddr_xdp *)(const void *)addr;

	if (addr->sa_family == AF_XDP) {
		if ((xdp->sxdp_flags & USE_SG) && lacks("sg"))
			return refuse(EINVAL);
		if ((xdp->sxdp_flags & XDP_USE_NEED_WAKEUP) && lacks("need-wakeup"))
			return refuse(EINVAL);
	}
	return REAL(bind)(fd, addr, len);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	if (level == SOL_SOCKET && option == SO_PREFER_BUSY_POLL &&
	    lacks("prefer-busy-poll"))
		return refuse(ENOPROTOOPT);
	if (level == SOL_XDP && option == TX_SKB_BUDGET && lacks("tx-budget"))
		return refuse(ENOPROTOOPT);
	return REAL(setsockopt)(fd, level, option, value, len);
}

int getsockopt(int fd, int level, int option, void *restrict value,
               socklen_t *restrict len)
{
	int ret;

	if (level == SOL_XDP && option == XDP_OPTIONS && lacks("xdp-options"))
		return refuse(ENOPROTOOPT);
	ret = REAL(getsockopt)(fd, level, option, value, len);
	if (!ret && level == SOL_XDP && option == XDP_OPTIONS && has("zero-copy"))
		((struct xdp_options *)value)->flags |= XDP_OPTIONS_ZEROCOPY;
	if (!ret && level == SOL_SOCKET && option == SO_INCOMING_NAPI_ID && has("napi"))
		*(int *)value = 8193;
	return ret;
}

/* No huge page is set aside, or there are as many as are asked for. */
void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (flags & MAP_HUGETLB && lacks("huge-pages")) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if (flags & MAP_HUGETLB && has("huge-pages"))
		flags &= ~MAP_HUGETLB;
	return REAL(mmap)(addr, len, prot, flags, fd, offset);
}

/* libbpf's way into the kernel. */
static bool bpf_refused(int command, const union bpf_attr *attr)
{
	if (command == BPF_LINK_CREATE && attr->link_create.attach_type == BPF_XDP) {
		errno = lacks("xdp-link") ? EINVAL : EOPNOTSUPP;
		return lacks("xdp-link") ||
		       (lacks("native-xdp") &&
		        attr->link_create.flags & XDP_FLAGS_DRV_MODE);
	}
	errno = EINVAL;
	return command == BPF_PROG_TEST_RUN &&
	       attr->test.flags & BPF_F_TEST_XDP_LIVE_FRAMES && lacks("live-frames");
}

long syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_bpf &&
	    bpf_refused((int)a[0], (const union bpf_attr *)(uintptr_t)a[1]))
		return -1;
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The generic netlink family "netdev" came with 6.3. */
int genl_ctrl_resolve(struct nl_sock *sock, const char *name)
{
	if (!strcmp(name, "netdev") && lacks("netdev-family"))
		return -NLE_OBJ_NOTFOUND;
	return REAL(genl_ctrl_resolve)(sock, name);
}

int uname(struct utsname *name)
{
	int ret = REAL(uname)(name);

	if (getenv("RELEASE"))
		snprintf(name->release, sizeof(name->release), "%s", getenv("RELEASE"));
	return ret;
}
