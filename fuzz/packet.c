/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet texts of any letters: compiled or refused with a caret inside the text, and what was
 * compiled is written, shown and turned into code.  Input: the sizes, a zero byte, the text.
 */
#include <stdlib.h>
#include <string.h>

#include "common/packet/edit_code.h"
#include "common/packet/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct packet *p, FILE *null)
{
	struct packet_source *s = packet_source_create(p, 1, 3);
	uint8_t *frame = malloc(packet_longest(p)); /* exact, for the address sanitizer */
	const void *held = NULL;
	struct edit_code code;
	unsigned i;
	uint32_t len;

	for (i = 0; s && frame && i < 8; i++) {
		len = packet_next_length(s);
		if (packet_write(s, frame, &held) != len || len > packet_longest(p) ||
		    len < packet_shortest(p))
			abort();
		packet_show(null, p, held, frame, len);
	}
	for (i = 0; s && frame && i < packet_count(p); i++) {
		len = packet_write_of(s, i, frame, &held);
		if (len > packet_longest(p) || !packet_text(p, i) ||
		    packet_stream(p, i)->has_rate != packet_has_rates(p))
			abort();
		held = NULL;
	}
	for (i = 0; i < 2; i++)
		if (!edit_code_build(p, 1, 3, i * 1000, 1000, 10, &code))
			edit_code_free(&code);
	packet_source_free(s);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	struct packet_opts opts = {.seed = 7};
	struct packet_error err;
	struct packet *p;
	char *copy = malloc(size + 2), *text;
	int ret;

	if (!null)
		null = fopen("/dev/null", "w");
	if (!copy || !null)
		return 0;
	memcpy(copy, data, size);
	copy[size] = copy[size + 1] = 0;
	text = strlen(copy) < size ? copy + strlen(copy) + 1 : copy;
	if (text != copy && *copy)
		opts.sizes = copy;
	ret = packet_compile(text, &opts, &p, &err);
	if (!ret) {
		use(p, null);
		packet_free(p);
	} else if (err.in && err.at > strlen(err.in)) {
		abort();
	}
	free(copy);
	return 0;
}
