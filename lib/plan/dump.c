/* SPDX-License-Identifier: BSD-2-Clause */
/* Netlink dumps by libnl. */
#include "dump.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct taking {
	dump_take take;
	void *arg;
	int ret;
};

static int take_message(struct nl_msg *msg, void *arg)
{
	struct taking *t = arg;
	int ret = t->take(nlmsg_hdr(msg), t->arg);

	if (ret && !t->ret)
		t->ret = ret;
	return NL_OK;
}

/* The kernel's own errno, where libnl would give one of its numbers. */
static int take_refusal(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct taking *t = arg;

	(void)from;
	t->ret = e->error;
	return NL_STOP;
}

int dump_open(struct dump *d, int protocol)
{
	int on = 1, ret;

	d->sock = nl_socket_alloc();
	if (!d->sock)
		return -ENOMEM;
	ret = nl_connect(d->sock, protocol);
	if (ret) {
		dump_close(d);
		return ret == -NLE_NOMEM ? -ENOMEM : -EPROTONOSUPPORT;
	}
	/* An older kernel sends more than was asked for; every answer is looked at anyway. */
	(void)setsockopt(nl_socket_get_fd(d->sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK,
	                 &on, sizeof(on));
	return 0;
}

void dump_close(struct dump *d)
{
	nl_socket_free(d->sock);
	d->sock = NULL;
}

int dump_all(struct dump *d, int type, const void *header, size_t size, dump_take take,
             void *arg)
{
	struct taking t = {.take = take, .arg = arg};
	int ret;

	nl_socket_modify_cb(d->sock, NL_CB_VALID, NL_CB_CUSTOM, take_message, &t);
	nl_socket_modify_err_cb(d->sock, NL_CB_CUSTOM, take_refusal, &t);
	ret = nl_send_simple(d->sock, type, NLM_F_DUMP, (void *)(uintptr_t)header, size);
	if (ret >= 0)
		ret = nl_recvmsgs_default(d->sock);
	if (t.ret)
		return t.ret;
	return ret >= 0 ? 0 : ret == -NLE_NOMEM ? -ENOMEM : -EIO;
}

void *dump_append(void **array, unsigned *count, size_t size)
{
	unsigned n = *count;
	void *grown;

	/* Doubled at every power of two. */
	if (!(n & (n - 1))) {
		grown = realloc(*array, (n ? 2 * n : 1) * size);
		if (!grown)
			return NULL;
		*array = grown;
	}
	*count = n + 1;
	return memset((char *)*array + n * size, 0, size);
}
