/* SPDX-License-Identifier: BSD-2-Clause */
/* Capture files: gathering, writing, rotating. */
#include "capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Written at once; the largest packet is far smaller. */
#define BUFFER_SIZE (1u << 18)
/* The statistics at a file's end. */
#define STATISTICS_MAX 128

static void name_file(const struct capture_file *f, uint64_t number, char *path)
{
	const char *slash = strrchr(f->opts.path, '/');
	const char *dot = strrchr(slash ? slash : f->opts.path, '.');
	int stem = (int)(dot ? (size_t)(dot - f->opts.path) : strlen(f->opts.path));

	if (f->opts.rotate_bytes || f->opts.rotate_ns)
		snprintf(path, PATH_MAX, "%.*s_%05" PRIu64 "%s", stem, f->opts.path,
		         number, dot ? dot : "");
	else
		snprintf(path, PATH_MAX, "%s", f->opts.path);
}

/* A short or failed write must not leave half a block behind. */
static int write_all(struct capture_file *f)
{
	ssize_t n = write(f->fd, f->buffer.bytes, f->buffer.len);
	int err = n < 0 ? errno : ENOSPC;

	if (n == (ssize_t)f->buffer.len) {
		f->bytes += f->buffer.len;
		f->buffer.len = 0;
		return 0;
	}
	if (!ftruncate(f->fd, (off_t)f->bytes))
		lseek(f->fd, (off_t)f->bytes, SEEK_SET);
	f->buffer.len = 0;
	return -err;
}

int capture_file_flush(struct capture_file *f)
{
	int err;

	if (!f->buffer.len)
		return 0;
	err = write_all(f);
	if (!err)
		f->written += f->gathered;
	f->gathered = 0;
	return err;
}

static int begin_file(struct capture_file *f, uint64_t now_ns)
{
	char oldest[PATH_MAX];

	f->number++;
	f->bytes = 0;
	f->before = f->written;
	f->opened_ns = now_ns;
	name_file(f, f->number, f->path);
	f->fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (f->fd < 0)
		return -errno;
	if (f->opts.ring && f->number > f->opts.ring) {
		name_file(f, f->number - f->opts.ring, oldest);
		unlink(oldest);
	}
	pcapng_section(&f->buffer, f->opts.comment);
	pcapng_interface(&f->buffer, &f->opts.interface);
	return write_all(f);
}

static int end_file(struct capture_file *f, struct pcapng_statistics *statistics)
{
	int err = capture_file_flush(f);

	statistics->accepted = f->written - f->before;
	if (!err) {
		pcapng_statistics(&f->buffer, statistics);
		err = write_all(f);
	}
	if (close(f->fd) && !err)
		err = -errno;
	f->fd = -1;
	return err;
}

int capture_file_open(struct capture_file *f, const struct capture_file_opts *opts,
                      uint64_t now_ns)
{
	memset(f, 0, sizeof(*f));
	f->opts = *opts;
	f->fd = -1;
	f->buffer.room = BUFFER_SIZE;
	f->buffer.bytes = malloc(BUFFER_SIZE);
	return f->buffer.bytes ? begin_file(f, now_ns) : -ENOMEM;
}

static bool is_full(const struct capture_file *f, uint64_t time_ns, uint32_t kept)
{
	if (!f->gathered && f->written == f->before)
		return false; /* no file without a packet, however small */
	return (f->opts.rotate_bytes &&
	        f->bytes + f->buffer.len + kept + PCAPNG_OVERHEAD + STATISTICS_MAX >
	                f->opts.rotate_bytes) ||
	       (f->opts.rotate_ns && time_ns >= f->opened_ns + f->opts.rotate_ns);
}

static int rotate(struct capture_file *f, uint64_t time_ns)
{
	struct pcapng_statistics statistics = {.start_ns = f->opened_ns,
	                                       .end_ns = time_ns};
	int err;

	statistics.received = f->written + f->gathered - f->before;
	err = end_file(f, &statistics);
	return err ? err : begin_file(f, time_ns);
}

int capture_file_packet(struct capture_file *f, uint64_t time_ns, bool is_sent,
                        const void *bytes, uint32_t kept, uint32_t len)
{
	int err = is_full(f, time_ns, kept) ? rotate(f, time_ns) : 0;

	if (!err && f->buffer.room - f->buffer.len < kept + PCAPNG_OVERHEAD)
		err = capture_file_flush(f);
	if (err)
		return err;
	pcapng_packet(&f->buffer, time_ns, is_sent, bytes, kept, len);
	f->gathered++;
	return 0;
}

int capture_file_close(struct capture_file *f, uint64_t now_ns, uint64_t received,
                       uint64_t dropped)
{
	struct pcapng_statistics statistics = {.start_ns = f->opened_ns,
	                                       .end_ns = now_ns,
	                                       .received = received,
	                                       .dropped = dropped};
	int err = f->fd >= 0 ? end_file(f, &statistics) : 0;

	free(f->buffer.bytes);
	f->buffer.bytes = NULL;
	return err;
}
