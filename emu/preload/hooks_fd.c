/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library's calls that take a file descriptor, in front of its own: those of the emulated
 * device's descriptors are answered by emu/uverbs, and SIOCETHTOOL on the emulated netdevs too.
 */
#undef _FILE_OFFSET_BITS

#include "emu/preload/fds.h"
#include "emu/preload/real.h"
#include "emu/uverbs/device.h"
#include "emu/uverbs/netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static int result(int err)
{
	if (err >= 0)
		return err;
	errno = -err;
	return -1;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	struct emu_file *f;
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	f = fds_get(fd);
	if (f) {
		ret = f->ops->ioctl ? f->ops->ioctl(f, request, arg) : -ENOTTY;
		fds_put(f);
		return result(ret);
	}
	if (netdev_answers(request, arg, &ret))
		return result(ret);
	ret = real()->ioctl(fd, request, arg);
	return netdev_amend(request, arg, ret);
}

EXPORT ssize_t read(int fd, void *buf, size_t size)
{
	struct emu_file *f = fds_get(fd);
	ssize_t ret;

	if (!f)
		return real()->read(fd, buf, size);
	if (f->ops->read)
		ret = f->ops->read(f, fd, buf, size);
	else
		ret = -EINVAL;
	fds_put(f);
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

EXPORT int close(int fd)
{
	fds_remove(fd);
	return real()->close(fd);
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	/* CLOSE_RANGE_CLOEXEC closes nothing yet. */
	if (!flags)
		fds_remove_range(first, last);
	return real()->close_range(first, last, flags);
}

EXPORT void closefrom(int first)
{
	fds_remove_range(first < 0 ? 0 : (unsigned)first, UINT32_MAX);
	real()->closefrom(first);
}

static int copied(int from, int to)
{
	if (to >= 0)
		fds_copy(from, to);
	return to;
}

EXPORT int dup(int fd)
{
	return copied(fd, real()->dup(fd));
}

EXPORT int dup2(int from, int to)
{
	return copied(from, real()->dup2(from, to));
}

EXPORT int dup3(int from, int to, int flags)
{
	return copied(from, real()->dup3(from, to, flags));
}

static int do_fcntl(int fd, int command, void *arg)
{
	int ret = real()->fcntl(fd, command, arg);

	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, ret) : ret;
}

EXPORT int fcntl(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	return do_fcntl(fd, command, arg);
}

EXPORT int fcntl64(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	return do_fcntl(fd, command, arg);
}

static void *do_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	struct emu_file *f = flags & MAP_ANONYMOUS ? NULL : fds_get(fd);
	void *at;

	if (!f)
		return real()->mmap(addr, length, prot, flags, fd, offset);
	if (f->ops->mmap) {
		at = f->ops->mmap(f, addr, length, prot, flags, offset);
	} else {
		errno = ENODEV;
		at = MAP_FAILED;
	}
	fds_put(f);
	return at;
}

EXPORT void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	return do_mmap(addr, length, prot, flags, fd, offset);
}

EXPORT void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	return do_mmap(addr, length, prot, flags, fd, offset);
}

EXPORT int munmap(void *addr, size_t length)
{
	int ret;

	if (device_munmap(addr, length, &ret))
		return result(ret);
	return real()->munmap(addr, length);
}

/* A machine with RDMA of its own would answer libibverbs' netlink discovery with its own devices
 * alone; without it the library reads sysfs, where ours are. */
EXPORT int socket(int domain, int type, int protocol)
{
	if (domain == AF_NETLINK && protocol == NETLINK_RDMA && device_count()) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return real()->socket(domain, type, protocol);
}
