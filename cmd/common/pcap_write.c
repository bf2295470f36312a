/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap, draft-ietf-opsawg-pcap: a file header, then a record header before each frame. */
#include "pcap_write.h"

#define MAGIC_NS          0xa1b23c4du
#define LINKTYPE_ETHERNET 1
#define SNAPLEN           262144

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snaplen, linktype;
};

struct record_header {
	uint32_t seconds, ns;
	uint32_t captured, original;
};

int pcap_write_header(FILE *to)
{
	struct file_header h = {.magic = MAGIC_NS,
	                        .major = 2,
	                        .minor = 4,
	                        .snaplen = SNAPLEN,
	                        .linktype = LINKTYPE_ETHERNET};

	return fwrite(&h, sizeof(h), 1, to) == 1 ? 0 : -1;
}

int pcap_write_frame(FILE *to, const void *frame, uint32_t len, uint64_t time_ns)
{
	struct record_header h = {.seconds = (uint32_t)(time_ns / 1000000000),
	                          .ns = (uint32_t)(time_ns % 1000000000),
	                          .captured = len,
	                          .original = len};

	if (fwrite(&h, sizeof(h), 1, to) != 1 || fwrite(frame, len, 1, to) != 1)
		return -1;
	return 0;
}
