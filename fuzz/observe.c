/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames as a receiver gets them: looked at for signatures, accounted for, turned round, written
 * to a capture file's blocks and read again by libpcap.  The input is a list of frames, two bytes
 * of length before each.
 */
#include "common/account.h"
#include "common/pcapng.h"
#include "common/reflect.h"
#include "common/signature.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t file[1 << 18];

struct frames {
	const uint8_t *at[FRAMES_MAX];
	uint32_t len[FRAMES_MAX];
	unsigned n;
};

static struct frames split(const uint8_t *data, size_t size)
{
	struct frames f = {.n = 0};
	uint32_t len;

	while (size >= 2 && f.n < FRAMES_MAX) {
		len = (uint32_t)data[0] << 8 | data[1];
		data += 2;
		size -= 2;
		if (len > size)
			len = (uint32_t)size;
		f.at[f.n] = data;
		f.len[f.n++] = len;
		data += len;
		size -= len;
	}
	return f;
}

static void look(const struct frames *f)
{
	const struct account_opts opts = {.flows = 8, .window = 64};
	struct account *a = account_create(&opts);
	struct signature_memory memory = {0};
	struct signature sig;
	unsigned i;

	for (i = 0; i < f->n; i++) {
		/* a copy of its own, so that a byte too far is seen */
		uint8_t *frame = malloc(f->len[i] + !f->len[i]);

		memcpy(frame, f->at[i], f->len[i]);
		switch (signature_read(&memory, frame, f->len[i], &sig)) {
		case SIGNATURE_GOOD:
			account_packet(a, sig.flow, sig.sequence, sig.time_ns, i);
			break;
		case SIGNATURE_DAMAGED:
			account_damaged(a, sig.flow, sig.sequence, sig.time_ns);
			break;
		case SIGNATURE_NONE:
			break;
		}
		reflect(frame, f->len[i], (const uint8_t[6]){2, 0, 0, 0, 0, 1});
		free(frame);
	}
	account_total(a, true);
	account_free(a);
}

static void write_and_read(const struct frames *f)
{
	const struct pcapng_interface interface = {.name = "fuzz", .filter = "all"};
	const struct pcapng_statistics statistics = {.end_ns = 1, .received = f->n};
	struct pcapng to = {file, 0, sizeof(file)};
	char errors[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	unsigned i;
	pcap_t *p;

	pcapng_section(&to, "comment");
	pcapng_interface(&to, &interface);
	for (i = 0; i < f->n; i++)
		if (!pcapng_packet(&to, i, i % 2, f->at[i], f->len[i], f->len[i] + i))
			return; /* no room for all of them */
	pcapng_statistics(&to, &statistics);
	p = pcap_fopen_offline_with_tstamp_precision(fmemopen(file, to.len, "r"),
	                                             PCAP_TSTAMP_PRECISION_NANO, errors);
	if (!p)
		abort();
	for (i = 0; pcap_next_ex(p, &header, &bytes) == 1; i++)
		if (i >= f->n || header->caplen != f->len[i] ||
		    header->len != f->len[i] + i || header->ts.tv_usec != (int)i ||
		    memcmp(bytes, f->at[i], f->len[i]))
			abort();
	if (i != f->n)
		abort();
	pcap_close(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frames f = split(data, size);

	look(&f);
	write_and_read(&f);
	return 0;
}
