/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports that steer one netdev together: see members.h. */
#include "members.h"

#include "lib/error.h"
#include "lib/netdev.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* How long a member may take to hand over, and another to join or leave. */
#define ANSWER_MS 2000
#define START_MS  10000
#define ASK       'd' /* descriptors, please */
/* A process that ends closes its connections and its name in any order: look again for a second. */
#define SWEEPS   50
#define SWEEP_MS 20

/* The thread's descriptors: stop, listening socket, connections. */
enum { STOP, LISTEN, CONNECTIONS };
#define POLL_MAX (CONNECTIONS + 4 * STEER_MEMBERS_MAX)

struct membership {
	struct maps *maps;
	int ifindex;
	uint32_t number;
	pthread_t thread;
	struct pollfd fds[POLL_MAX];
	unsigned fd_count;
	unsigned sweeps; /* still to do */
};

/* ---- names ---- */

static socklen_t name_of(int ifindex, const char *what, struct sockaddr_un *name)
{
	int len;

	*name = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* A name that begins with a zero byte is abstract: unix(7). */
	len = snprintf(name->sun_path + 1, sizeof(name->sun_path) - 1, "rawq/xdp/%d/%s",
	               ifindex, what);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (unsigned)len);
}

static socklen_t member_name(int ifindex, uint32_t number, struct sockaddr_un *name)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	return name_of(ifindex, text, name);
}

static int unix_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A listening socket of that name, or -EADDRINUSE. */
static int take_name(const struct sockaddr_un *name, socklen_t len)
{
	int fd = unix_socket(), ret;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (const struct sockaddr *)name, len) &&
	    !listen(fd, 2 * STEER_MEMBERS_MAX))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

/* A connection to who has that name; -ECONNREFUSED: nobody. */
static int call_name(const struct sockaddr_un *name, socklen_t len)
{
	int fd = unix_socket(), ret;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)name, len))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int peer_pid(int fd, uid_t *uid)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return 0;
	if (uid)
		*uid = cred.uid;
	return cred.pid;
}

static int refuse_silent(int fd, const char *netdev, struct rawq_error *err)
{
	return fail(err, -EBUSY,
	            "%s: pid %d has rules on it and does not answer: is it stopped?",
	            netdev, peer_pid(fd, NULL));
}

/* Hold the right to join and leave; its end is close(2), or ours. */
static int start_lock(int ifindex, const char *netdev, struct rawq_error *err)
{
	struct sockaddr_un name;
	socklen_t len = name_of(ifindex, "start", &name);
	int ret = -EADDRINUSE;

	for (int tries = 0; tries < START_MS; tries++) {
		struct pollfd holder = {.fd = -1};

		ret = take_name(&name, len);
		if (ret != -EADDRINUSE)
			break;
		holder.fd = call_name(&name, len);
		if (holder.fd < 0) {
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
			continue;
		}
		/* It accepts nobody: the connection ends when it lets go. */
		if (!poll(&holder, 1, START_MS)) {
			ret = refuse_silent(holder.fd, netdev, err);
			close(holder.fd);
			return ret;
		}
		close(holder.fd);
	}
	return ret >= 0 ? ret
	                : fail(err, -ENOMEM, "%s: no unix socket: %s", netdev,
	                       strerror(-ret));
}

/* ---- handing over ---- */

static void hand_over(int to, const struct maps *m)
{
	char byte = ASK;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(m->fd))];
	} control = {0};
	struct iovec io = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &io,
	                     .msg_iovlen = 1,
	                     .msg_control = &control,
	                     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(m->fd));
	memcpy(CMSG_DATA(c), m->fd, sizeof(m->fd));
	sendmsg(to, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Ask the member at the other end for its descriptors; false: it does not answer. */
static bool receive(int from, struct maps *m)
{
	char byte = ASK;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(m->fd))];
	} control;
	struct iovec io = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &io,
	                     .msg_iovlen = 1,
	                     .msg_control = &control,
	                     .msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = from, .events = POLLIN};
	const struct cmsghdr *c;

	if (send(from, &byte, 1, MSG_NOSIGNAL) != 1 || poll(&p, 1, ANSWER_MS) != 1 ||
	    recvmsg(from, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1)
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(m->fd)))
		return false;
	memcpy(m->fd, CMSG_DATA(c), sizeof(m->fd));
	return true;
}

/* ---- the thread ---- */

/* Under the book's lock. */
static bool is_alive(int ifindex, uint32_t number)
{
	struct sockaddr_un name;
	socklen_t len = member_name(ifindex, number, &name);
	int fd = take_name(&name, len);

	if (fd >= 0)
		close(fd);
	return fd == -EADDRINUSE;
}

/* Take the rules of members that died out of the book. */
static void sweep(const struct membership *s)
{
	struct maps *m = s->maps;

	if (book_lock(m))
		return;
	for (uint32_t i = 0; i < STEER_MEMBERS_MAX; i++) {
		if (i != s->number && m->book->members[i].present &&
		    !is_alive(s->ifindex, i))
			book_remove_member(m, i);
	}
	book_unlock(m);
}

static void welcome(struct membership *s)
{
	int fd = accept4(s->fds[LISTEN].fd, NULL, NULL, SOCK_CLOEXEC);
	uid_t uid = 0;

	if (fd < 0)
		return;
	/* Who may not do as we do gets nothing. */
	if (!peer_pid(fd, &uid) || (uid && uid != geteuid()) || s->fd_count == POLL_MAX)
		close(fd);
	else
		s->fds[s->fd_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* A request, or the end, of connection i. */
static void serve(struct membership *s, unsigned i)
{
	char byte;

	if (recv(s->fds[i].fd, &byte, 1, MSG_DONTWAIT) == 1) {
		hand_over(s->fds[i].fd, s->maps);
		return;
	}
	close(s->fds[i].fd);
	s->fds[i] = s->fds[--s->fd_count];
	s->sweeps = SWEEPS;
}

static void *watch(void *arg)
{
	struct membership *s = arg;

	for (;;) {
		if (s->sweeps) {
			s->sweeps--;
			sweep(s);
		}
		if (poll(s->fds, s->fd_count, s->sweeps ? SWEEP_MS : -1) <= 0)
			continue;
		if (s->fds[STOP].revents)
			return NULL;
		for (unsigned i = s->fd_count; i-- > CONNECTIONS;) {
			if (s->fds[i].revents)
				serve(s, i);
		}
		if (s->fds[LISTEN].revents)
			welcome(s);
	}
}

/* The thread takes no signal that the program waits for. */
static int start_thread(struct membership *s)
{
	sigset_t all, was;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	ret = pthread_create(&s->thread, NULL, watch, s);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (!ret)
		pthread_setname_np(s->thread, "rawq-steer");
	return -ret;
}

/* ---- joining and leaving ---- */

static void hang_up(struct membership *s)
{
	for (unsigned i = 0; i < s->fd_count; i++) {
		if (s->fds[i].fd >= 0)
			close(s->fds[i].fd);
	}
	free(s);
}

/* Connect to all members that live, and have the descriptors from the first that answers.
 * 1, or 0 without any; -EBUSY. */
static int call_members(struct membership *s, int ifindex, const char *netdev,
                        struct maps *m, struct rawq_error *err)
{
	int silent = -1, answered = 0, ret = 0;

	for (uint32_t i = 0; i < STEER_MEMBERS_MAX; i++) {
		struct sockaddr_un name;
		socklen_t len = member_name(ifindex, i, &name);
		int fd = call_name(&name, len);

		if (fd < 0)
			continue;
		s->fds[s->fd_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
		if (!answered && receive(fd, m))
			answered = 1;
		else if (!answered)
			silent = fd;
	}
	if (!answered && silent >= 0)
		ret = refuse_silent(silent, netdev, err);
	return answered ? answered : ret;
}

static void no_descriptors(struct maps *m)
{
	*m = (struct maps){0};
	for (unsigned i = 0; i < FD_COUNT; i++)
		m->fd[i] = -1;
}

/* Take the first free place; under the start lock. */
static int take_place(struct membership *s)
{
	struct maps *m = s->maps;
	int ret = book_lock(m);

	if (ret)
		return ret;
	ret = -ENOSPC;
	for (uint32_t i = 0; i < STEER_MEMBERS_MAX; i++) {
		struct sockaddr_un name;
		socklen_t len = member_name(s->ifindex, i, &name);
		int fd = take_name(&name, len);

		if (fd < 0)
			continue;
		/* The last one of that place died and nobody has swept yet. */
		if (m->book->members[i].present)
			book_remove_member(m, i);
		m->book->members[i].present = 1;
		process_self(&m->book->members[i].pid, m->book->members[i].comm);
		s->number = i;
		s->fds[LISTEN].fd = fd;
		ret = 0;
		break;
	}
	book_unlock(m);
	return ret;
}

static int begin(struct membership *s, const char *netdev,
                 int (*create)(void *arg, struct maps *m, struct rawq_error *err),
                 void *arg, struct rawq_error *err)
{
	struct maps *m = s->maps;
	int ret = call_members(s, s->ifindex, netdev, m, err);

	if (ret < 0)
		return ret;
	if (!ret)
		ret = create(arg, m, err);
	if (ret < 0)
		return ret;
	ret = maps_open(m);
	if (!ret)
		ret = take_place(s);
	if (!ret)
		ret = start_thread(s);
	if (ret == -ENOSPC)
		return fail(err, ret, "%s: %u ports steer it already", netdev,
		            STEER_MEMBERS_MAX);
	return ret ? fail(err, ret == -EBUSY ? ret : -ENOMEM,
	                  "%s: the rules could not be shared: %s", netdev, strerror(-ret))
	           : 0;
}

int members_join(int ifindex, const char *netdev, struct maps *m,
                 int (*create)(void *arg, struct maps *m, struct rawq_error *err),
                 void *arg, struct membership **out, struct rawq_error *err)
{
	struct membership *s = calloc(1, sizeof(*s));
	int lock, ret;

	if (!s)
		return fail(err, -ENOMEM, "%s: out of memory", netdev);
	no_descriptors(m);
	s->maps = m;
	s->ifindex = ifindex;
	s->fd_count = CONNECTIONS;
	s->fds[LISTEN] = (struct pollfd){.fd = -1, .events = POLLIN};
	s->fds[STOP] = (struct pollfd){.fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN};
	lock = s->fds[STOP].fd < 0 ? fail(err, -ENOMEM, "%s: no eventfd", netdev)
	                           : start_lock(ifindex, netdev, err);
	ret = lock < 0 ? lock : begin(s, netdev, create, arg, err);
	if (ret) {
		maps_close(m);
		hang_up(s);
	} else {
		*out = s;
	}
	if (lock >= 0)
		close(lock);
	return ret;
}

uint32_t members_number(const struct membership *s)
{
	return s->number;
}

void members_leave(struct membership *s)
{
	struct maps *m = s->maps;
	uint64_t one = 1;
	int lock = start_lock(s->ifindex, "", NULL);

	if (write(s->fds[STOP].fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(s->thread, NULL);
	/* Without the lock, which somebody stopped may hold, others find us dead: the same. */
	if (!book_lock(m)) {
		book_remove_member(m, s->number);
		book_unlock(m);
	}
	maps_close(m);
	hang_up(s);
	if (lock >= 0)
		close(lock);
}

int members_visit(int ifindex, const char *netdev, struct maps *m, struct rawq_error *err)
{
	struct membership *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return fail(err, -ENOMEM, "%s: out of memory", netdev);
	no_descriptors(m);
	ret = call_members(s, ifindex, netdev, m, err);
	hang_up(s);
	if (ret == 1 && maps_open(m)) {
		maps_close(m);
		ret = fail(err, -ENOMEM, "%s: the rules cannot be mapped", netdev);
	}
	return ret;
}
