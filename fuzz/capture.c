/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap and pcapng files of any bytes: every packet found lies inside the file, and the end comes.
 * Each packet is put through an address map too. */
#include <stdlib.h>
#include <string.h>

#include "common/capture.h"
#include "common/remap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void change(const struct captured *p, enum remap_vlan vlan)
{
	struct remap m = {.ip_count = 1, .mac_count = 1, .vlan = vlan, .vlan_id = 5};
	uint8_t *frame = malloc(p->len + REMAP_GROWTH);

	if (!frame)
		return;
	memcpy(frame, p->bytes, p->len);
	if (remap_frame(&m, frame, p->len) > p->len + REMAP_GROWTH)
		abort();
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture *c;
	struct captured p = {0};
	size_t packets = 0;
	unsigned i;

	if (capture_open_bytes(data, size, &c))
		return 0;
	for (i = 0; i < 2; i++) {
		while (capture_next(c, &p)) {
			if (p.bytes < data || p.bytes + p.len > data + size ||
			    ++packets > 2 * size)
				abort();
			change(&p, packets % 3);
		}
		capture_rewind(c);
	}
	capture_close(c);
	return 0;
}
