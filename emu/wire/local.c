/* SPDX-License-Identifier: BSD-2-Clause */
/* The wires that end in the process where they begin: drop, loop and the cable of two ports. */
#include "emu/wire/local.h"

#include <errno.h>
#include <stdlib.h>

int wire_no_argument(const char *name, const char *arg, char *err, size_t size)
{
	return arg ? wire_refuse(err, size, -EINVAL,
	                         "wire '%s' takes no argument, not '%s'", name, arg)
	           : 0;
}

static int local_open(const struct wire_ops *ops, const struct wire_client *client,
                      struct wire **out, char *err, size_t size)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (!w)
		return wire_refuse(err, size, -ENOMEM, "wire: no memory");
	wire_init(w, ops, client);
	*out = w;
	return 0;
}

static void local_close(struct wire *w)
{
	free(w);
}

/* ---- drop ---- */

static unsigned drop_send(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += frames[i].len;
	wire_discard(w, n, bytes);
	return n;
}

static int drop_check(const char *arg, char *err, size_t size)
{
	return wire_no_argument("drop", arg, err, size);
}

static int drop_open(const char *arg, const struct wire_client *client, struct wire **out,
                     char *err, size_t size)
{
	static const struct wire_ops ops = {drop_send, wire_nothing_to_poll,
	                                    wire_report_link, wire_any_rules,
	                                    local_close};
	int ret = local_open(&ops, client, out, err, size);

	(void)arg;
	if (!ret)
		(*out)->discards = true;
	return ret;
}

const struct wire_kind wire_drop = {"drop", ':', drop_check, drop_open};

/* ---- loop ---- */

static unsigned loop_send(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	if (w->link_up)
		return wire_deliver(w, w, frames, n);
	wire_lose(w, frames, n);
	return n;
}

static int loop_check(const char *arg, char *err, size_t size)
{
	return wire_no_argument("loop", arg, err, size);
}

static int loop_open(const char *arg, const struct wire_client *client, struct wire **out,
                     char *err, size_t size)
{
	static const struct wire_ops ops = {loop_send, wire_nothing_to_poll,
	                                    wire_report_link, wire_any_rules,
	                                    local_close};
	int ret = local_open(&ops, client, out, err, size);

	(void)arg;
	if (!ret)
		(*out)->pauses = true;
	return ret;
}

const struct wire_kind wire_loop = {"loop", ':', loop_check, loop_open};

/* ---- cable of one process ---- */

struct end {
	struct wire w;
	struct end *peer; /* NULL: not plugged in */
	bool up;          /* this port's side of the link */
};

/* The end that waits for the next cable to be opened. */
static struct end *loose_end;

static void ends_report(struct end *a)
{
	struct end *b = a->peer;
	bool up = b && a->up && b->up;

	wire_report_link(&a->w, up);
	if (b)
		wire_report_link(&b->w, up);
}

static unsigned end_send(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	struct end *e = (struct end *)w;

	if (w->link_up)
		return wire_deliver(w, &e->peer->w, frames, n);
	wire_lose(w, frames, n);
	return n;
}

static void end_set_link(struct wire *w, bool up)
{
	struct end *e = (struct end *)w;

	e->up = up;
	ends_report(e);
}

static void end_close(struct wire *w)
{
	struct end *e = (struct end *)w;

	if (e->peer) {
		e->peer->peer = NULL;
		ends_report(e->peer);
	}
	if (loose_end == e)
		loose_end = NULL;
	free(e);
}

int wire_open_local_cable(const struct wire_client *client, struct wire **out, char *err,
                          size_t size)
{
	static const struct wire_ops ops = {end_send, wire_nothing_to_poll, end_set_link,
	                                    wire_any_rules, end_close};
	struct end *e = calloc(1, sizeof(*e));

	if (!e)
		return wire_refuse(err, size, -ENOMEM, "wire 'cable': no memory");
	wire_init(&e->w, &ops, client);
	e->w.link_up = false;
	e->w.pauses = true;
	e->up = true;
	*out = &e->w;
	if (!loose_end) {
		loose_end = e;
		return 0;
	}
	e->peer = loose_end;
	loose_end->peer = e;
	loose_end = NULL;
	ends_report(e);
	return 0;
}
