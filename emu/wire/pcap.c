/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcap=IN,OUT: frames of file IN arrive as fast as the card takes them, from the moment the port has a
 * rule; frames sent go to file OUT with the time of sending, ns.
 *
 * libpcap is loaded when such a wire is opened and not before: it brings libdbus and libsystemd along,
 * which have no place in every program that runs on the emulator.
 */
#include "emu/wire/kinds.h"
#include "emu/nic/steering.h"

#include <dlfcn.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct library {
	void *handle;
	pcap_t *(*open_offline)(const char *, u_int, char *);
	pcap_t *(*open_dead)(int, int, u_int);
	pcap_dumper_t *(*dump_open)(pcap_t *, const char *);
	int (*next_ex)(pcap_t *, struct pcap_pkthdr **, const u_char **);
	int (*datalink)(pcap_t *);
	char *(*geterr)(pcap_t *);
	void (*dump)(u_char *, const struct pcap_pkthdr *, const u_char *);
	int (*dump_flush)(pcap_dumper_t *);
	void (*dump_close)(pcap_dumper_t *);
	void (*close)(pcap_t *);
};

struct wire_pcap {
	struct wire w;
	struct library lib;
	pcap_t *in, *out;
	pcap_dumper_t *dumper;
	struct pcap_pkthdr *pending; /* read and not yet taken */
	const u_char *pending_data;
	bool listening, ended, unflushed;
	uint8_t frame[WIRE_FRAME_MAX];
};

static int library_open(struct library *l, char *err, size_t size)
{
	const struct {
		const char *name;
		void *at;
	} symbols[] = {
		{"pcap_open_offline_with_tstamp_precision", &l->open_offline},
		{"pcap_open_dead_with_tstamp_precision", &l->open_dead},
		{"pcap_dump_open", &l->dump_open},
		{"pcap_next_ex", &l->next_ex},
		{"pcap_datalink", &l->datalink},
		{"pcap_geterr", &l->geterr},
		{"pcap_dump", &l->dump},
		{"pcap_dump_flush", &l->dump_flush},
		{"pcap_dump_close", &l->dump_close},
		{"pcap_close", &l->close},
	};

	l->handle = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
	if (!l->handle)
		return wire_refuse(err, size, -ENOENT, "wire 'pcap': %s", dlerror());
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		void *f = dlsym(l->handle, symbols[i].name);

		if (!f)
			return wire_refuse(err, size, -ENOENT,
			                   "wire 'pcap': libpcap lacks %s",
			                   symbols[i].name);
		memcpy(symbols[i].at, &f, sizeof(f));
	}
	return 0;
}

/* ---- sending ---- */

static void write_frame(struct wire_pcap *p, const struct wire_frame *f)
{
	struct pcap_pkthdr h = {.caplen = f->len, .len = f->len};
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	h.ts.tv_sec = ts.tv_sec;
	h.ts.tv_usec = ts.tv_nsec; /* the file's precision is ns */
	wire_gather(p->frame, f);
	p->lib.dump((u_char *)p->dumper, &h, p->frame);
}

static unsigned pcap_send(struct wire *w, const struct wire_frame *frames, unsigned n)
{
	struct wire_pcap *p = (struct wire_pcap *)w;

	for (unsigned i = 0; i < n; i++) {
		if (!w->link_up || frames[i].len > w->frame_max) {
			wire_lose(w, frames + i, 1);
			continue;
		}
		wire_discard(w, 1, frames[i].len);
		if (p->dumper)
			write_frame(p, frames + i);
	}
	p->unflushed = true;
	return n;
}

/* ---- receiving ---- */

/* Have the next frame of IN pending; false at its end. */
static bool read_frame(struct wire_pcap *p)
{
	if (p->pending)
		return true;
	while (!p->ended) {
		if (p->lib.next_ex(p->in, &p->pending, &p->pending_data) != 1) {
			p->ended = true;
			break;
		}
		if (p->pending->caplen == p->pending->len &&
		    p->pending->len <= p->w.frame_max)
			return true;
		p->w.stats.rx_lost++; /* cut short when it was captured, or too long */
	}
	p->pending = NULL;
	return false;
}

static bool give_frame(struct wire_pcap *p)
{
	const struct pcap_pkthdr *h = p->pending;
	union {
		const u_char *read;
		void *base;
	} data = {p->pending_data};
	struct iovec seg = {data.base, h->len};
	struct wire_frame f = {&seg, 1, h->len, 0};

	if (!p->w.client.rx(p->w.client.card, &f, 1))
		return false;
	p->w.stats.rx_frames++;
	p->w.stats.rx_bytes += f.len;
	p->pending = NULL;
	return true;
}

static unsigned pcap_poll(struct wire *w, unsigned budget)
{
	struct wire_pcap *p = (struct wire_pcap *)w;
	unsigned taken = 0;

	if (p->unflushed && p->dumper)
		p->lib.dump_flush(p->dumper);
	p->unflushed = false;
	if (!p->in || !p->listening || !w->link_up)
		return 0;
	while (taken < budget && read_frame(p) && give_frame(p))
		taken++;
	return taken;
}

static int a_rule(void *arg, const struct steering_rule_opts *rule)
{
	(void)arg, (void)rule;
	return 1;
}

static int pcap_set_rules(struct wire *w, const struct steering *rules, char *err,
                          size_t size)
{
	struct wire_pcap *p = (struct wire_pcap *)w;

	(void)err, (void)size;
	if (steering_visit(rules, a_rule, NULL))
		p->listening = true;
	return 0;
}

/* ---- opening ---- */

static int pcap_check(const char *arg, char *err, size_t size)
{
	const char *comma = arg ? strchr(arg, ',') : NULL;

	if (comma && !strchr(comma + 1, ',') && strlen(arg) > 1)
		return 0;
	return wire_refuse(
		err, size, -EINVAL,
		"wire 'pcap=%s': want pcap=IN,OUT with two file names, one of which "
		"may be empty; a name cannot have a comma",
		arg ? arg : "");
}

static int open_in(struct wire_pcap *p, const char *path, char *err, size_t size)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	p->in = p->lib.open_offline(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!p->in)
		return wire_refuse(err, size, -ENOENT, "wire 'pcap': %s", why);
	if (p->lib.datalink(p->in) != DLT_EN10MB)
		return wire_refuse(err, size, -EINVAL,
		                   "wire 'pcap': %s is not of Ethernet frames", path);
	return 0;
}

static int open_out(struct wire_pcap *p, const char *path, char *err, size_t size)
{
	p->out = p->lib.open_dead(DLT_EN10MB, WIRE_FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
	if (!p->out)
		return wire_refuse(err, size, -ENOMEM, "wire 'pcap': no memory");
	p->dumper = p->lib.dump_open(p->out, path);
	if (!p->dumper)
		return wire_refuse(err, size, -EACCES, "wire 'pcap': %s",
		                   p->lib.geterr(p->out));
	p->lib.dump_flush(
		p->dumper); /* the header: a run that sends nothing leaves a valid file */
	return 0;
}

static void pcap_wire_close(struct wire *w)
{
	struct wire_pcap *p = (struct wire_pcap *)w;

	if (p->dumper)
		p->lib.dump_close(p->dumper);
	if (p->out)
		p->lib.close(p->out);
	if (p->in)
		p->lib.close(p->in);
	if (p->lib.handle)
		dlclose(p->lib.handle);
	free(p);
}

static int open_files(struct wire_pcap *p, const char *arg, char *err, size_t size)
{
	size_t in_len = strcspn(arg, ",");
	const char *out_path = arg + in_len + 1;
	char *in_path = strndup(arg, in_len);
	int ret = in_path ? library_open(&p->lib, err, size) : -ENOMEM;

	if (!ret && in_len)
		ret = open_in(p, in_path, err, size);
	if (!ret && *out_path)
		ret = open_out(p, out_path, err, size);
	free(in_path);
	return ret;
}

static int pcap_wire_open(const char *arg, const struct wire_client *client,
                          struct wire **out, char *err, size_t size)
{
	static const struct wire_ops ops = {pcap_send, pcap_poll, wire_report_link,
	                                    pcap_set_rules, pcap_wire_close};
	struct wire_pcap *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return wire_refuse(err, size, -ENOMEM, "wire 'pcap': no memory");
	wire_init(&p->w, &ops, client);
	p->w.pauses = true;
	ret = open_files(p, arg, err, size);
	if (ret) {
		pcap_wire_close(&p->w);
		return ret;
	}
	*out = &p->w;
	return 0;
}

const struct wire_kind wire_pcap = {"pcap", '=', pcap_check, pcap_wire_open};
