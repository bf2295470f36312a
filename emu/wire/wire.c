/* SPDX-License-Identifier: BSD-2-Clause */
/* Wires by their specification, and what all kinds share. */
#include "emu/wire/kinds.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct wire_kind *const kinds[] = {&wire_drop, &wire_loop, &wire_cable,
                                                &wire_netdev, &wire_pcap};

int wire_refuse(char *err, size_t size, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, size, fmt, ap);
	va_end(ap);
	return code;
}

void wire_init(struct wire *w, const struct wire_ops *ops,
               const struct wire_client *client)
{
	w->ops = ops;
	w->client = *client;
	w->frame_max = WIRE_FRAME_MAX;
	w->link_up = true;
}

void wire_report_link(struct wire *w, bool up)
{
	if (w->link_up == up)
		return;
	w->link_up = up;
	w->client.link(w->client.card, up);
}

static void count_sent(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		w->stats.tx_bytes += frames[i].len;
	w->stats.tx_frames += n;
}

void wire_lose(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	count_sent(w, frames, n);
	w->stats.tx_lost += n;
}

/* How many frames from the first one on the wire can carry. */
static unsigned short_enough(const struct wire *w, const struct wire_frame *frames,
                             unsigned n)
{
	unsigned i = 0;

	while (i < n && frames[i].len <= w->frame_max)
		i++;
	return i;
}

unsigned wire_deliver(struct wire *w, struct wire *to, const struct wire_frame *frames,
                      unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		unsigned run = short_enough(w, frames + done, n - done), taken;

		if (!run) {
			wire_lose(w, frames + done, 1);
			done++;
			continue;
		}
		taken = to->client.rx(to->client.card, frames + done, run);
		count_sent(w, frames + done, taken);
		for (unsigned i = 0; i < taken; i++)
			to->stats.rx_bytes += frames[done + i].len;
		to->stats.rx_frames += taken;
		done += taken;
		if (taken < run)
			break;
	}
	return done;
}

int wire_any_rules(struct wire *w, const struct steering *rules, char *err, size_t size)
{
	(void)w, (void)rules, (void)err, (void)size;
	return 0;
}

unsigned wire_nothing_to_poll(struct wire *w, unsigned budget)
{
	(void)w, (void)budget;
	return 0;
}

void wire_gather(void *dst, const struct wire_frame *frame)
{
	char *at = dst;

	for (unsigned i = 0; i < frame->nsegs; i++) {
		memcpy(at, frame->segs[i].iov_base, frame->segs[i].iov_len);
		at += frame->segs[i].iov_len;
	}
}

/* The kind that spec names; *arg is what follows, NULL if nothing does. */
static const struct wire_kind *kind_of(const char *spec, const char **arg)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t len = strlen(kinds[i]->name);

		if (strncmp(spec, kinds[i]->name, len) != 0)
			continue;
		if (!spec[len] || spec[len] == kinds[i]->separator) {
			*arg = spec[len] ? spec + len + 1 : NULL;
			return kinds[i];
		}
	}
	return NULL;
}

static int unknown(const char *spec, char *err, size_t size)
{
	return wire_refuse(err, size, -EINVAL,
	                   "wire '%s': not one of drop, loop, cable, cable:NAME, "
	                   "cable:NAME,loss, netdev=IF, pcap=IN,OUT",
	                   spec);
}

int wire_check(const char *spec, char *err, size_t size)
{
	const char *arg;
	const struct wire_kind *kind = kind_of(spec, &arg);

	return kind ? kind->check(arg, err, size) : unknown(spec, err, size);
}

int wire_open(const char *spec, const struct wire_client *client, struct wire **out,
              char *err, size_t size)
{
	const char *arg;
	const struct wire_kind *kind = kind_of(spec, &arg);
	int ret;

	if (!kind)
		return unknown(spec, err, size);
	ret = kind->check(arg, err, size);
	return ret ? ret : kind->open(arg, client, out, err, size);
}

void wire_close(struct wire *w)
{
	if (w)
		w->ops->close(w);
}
