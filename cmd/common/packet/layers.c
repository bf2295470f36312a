/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows: offsets and widths in bits as the standards named beside them draw them. */
#include "layers.h"

#include <stddef.h>
#include <string.h>

#define NUMBER(n, b, w, v)                                                               \
	{                                                                                \
		.name = n, .bit = b, .width = w, .value = v                              \
	}
#define FILLED(n, b, w, f, v)                                                            \
	{                                                                                \
		.name = n, .bit = b, .width = w, .fill = f, .value = v                   \
	}
#define MAC(n, b, f, v)                                                                  \
	{                                                                                \
		.name = n, .bit = b, .width = 48, .kind = FIELD_MAC, .fill = f,          \
		.value = v                                                               \
	}
#define IPV4(n, b, v)                                                                    \
	{                                                                                \
		.name = n, .bit = b, .width = 32, .kind = FIELD_IPV4, .value = v         \
	}
/* Defaults from the documentation prefix, RFC 3849. */
#define IPV6(n, b, v)                                                                    \
	{                                                                                \
		.name = n, .bit = b, .width = 128, .kind = FIELD_IPV6, .value = v,       \
		.value_high = 0x20010db800000000                                         \
	}
#define END_OF_FIELDS                                                                    \
	{                                                                                \
		.name = NULL                                                             \
	}

/* The default destination: a locally administered address that nobody has. */
#define NOBODY_MAC 0x020000000002

/* IEEE 802.3 */
static const struct field eth_fields[] = {
	MAC("dst", 0, FILL_DEFAULT, NOBODY_MAC),
	MAC("src", 48, FILL_SRC_MAC, 0),
	FILLED("type", 96, 16, FILL_NEXT, 0),
	END_OF_FIELDS,
};

/* IEEE 802.1Q; the tag's type is the layer's name in the layer below */
static const struct field vlan_fields[] = {
	NUMBER("id", 4, 12, 1), NUMBER("pcp", 0, 3, 0),
	NUMBER("dei", 3, 1, 0), FILLED("type", 16, 16, FILL_NEXT, 0),
	END_OF_FIELDS,
};

static const struct field_name arp_ops[] = {{"request", 1}, {"reply", 2}, {NULL, 0}};

/* RFC 826 */
static const struct field arp_fields[] = {
	NUMBER("htype", 0, 16, 1),
	NUMBER("ptype", 16, 16, 0x0800),
	NUMBER("hlen", 32, 8, 6),
	NUMBER("plen", 40, 8, 4),
	{.name = "op", .bit = 48, .width = 16, .value = 1, .names = arp_ops},
	MAC("sha", 64, FILL_SRC_MAC, 0),
	IPV4("spa", 112, 0x0a000001),
	MAC("tha", 144, FILL_DEFAULT, 0),
	IPV4("tpa", 192, 0x0a000002),
	END_OF_FIELDS,
};

static const struct field_name ip_flags[] = {
	{"df", 2}, {"mf", 1}, {"evil", 4}, {NULL, 0}};

/* RFC 791 */
static const struct field ip_fields[] = {
	NUMBER("version", 0, 4, 4),
	{.name = "ihl", .bit = 4, .width = 4, .fill = FILL_HEADER, .unit = 4},
	NUMBER("dscp", 8, 6, 0),
	NUMBER("ecn", 14, 2, 0),
	FILLED("len", 16, 16, FILL_LENGTH, 0),
	NUMBER("id", 32, 16, 0),
	{.name = "flags", .bit = 48, .width = 3, .names = ip_flags},
	NUMBER("frag", 51, 13, 0),
	NUMBER("ttl", 64, 8, 64),
	FILLED("proto", 72, 8, FILL_NEXT, 0),
	FILLED("csum", 80, 16, FILL_SUM_HEADER, 0),
	IPV4("src", 96, 0x0a000001),
	IPV4("dst", 128, 0x0a000002),
	{.name = "options", .kind = FIELD_BYTES},
	END_OF_FIELDS,
};

/* RFC 8200 */
static const struct field ip6_fields[] = {
	NUMBER("version", 0, 4, 6),
	NUMBER("tc", 4, 8, 0),
	NUMBER("flow", 12, 20, 0),
	FILLED("len", 32, 16, FILL_LENGTH, (uint64_t)-40),
	FILLED("next", 48, 8, FILL_NEXT, 59), /* 59: no next header */
	NUMBER("hlim", 56, 8, 64),
	IPV6("src", 64, 1),
	IPV6("dst", 192, 2),
	END_OF_FIELDS,
};

/* RFC 768 */
static const struct field udp_fields[] = {
	NUMBER("sport", 0, 16, 1024),
	FILLED("dport", 16, 16, FILL_NEXT, 9), /* 9: discard */
	FILLED("len", 32, 16, FILL_LENGTH, 0),
	FILLED("csum", 48, 16, FILL_SUM_PSEUDO, 0),
	END_OF_FIELDS,
};

static const struct field_name tcp_flags[] = {
	{"fin", 1},  {"syn", 2},  {"rst", 4},   {"psh", 8},  {"ack", 16},
	{"urg", 32}, {"ece", 64}, {"cwr", 128}, {"ae", 256}, {NULL, 0}};

/* RFC 9293 */
static const struct field tcp_fields[] = {
	NUMBER("sport", 0, 16, 1024),
	NUMBER("dport", 16, 16, 9),
	NUMBER("seq", 32, 32, 0),
	NUMBER("ack", 64, 32, 0),
	{.name = "off", .bit = 96, .width = 4, .fill = FILL_HEADER, .unit = 4},
	{.name = "flags", .bit = 103, .width = 9, .value = 2, .names = tcp_flags},
	NUMBER("window", 112, 16, 65535),
	FILLED("csum", 128, 16, FILL_SUM_PSEUDO, 0),
	NUMBER("urg", 144, 16, 0),
	{.name = "options", .kind = FIELD_BYTES},
	END_OF_FIELDS,
};

static const struct field_name icmp_types[] = {
	{"reply", 0}, {"unreachable", 3}, {"request", 8}, {"exceeded", 11}, {NULL, 0}};

/* RFC 792, the echo form */
static const struct field icmp_fields[] = {
	{.name = "type", .bit = 0, .width = 8, .value = 8, .names = icmp_types},
	NUMBER("code", 8, 8, 0),
	FILLED("csum", 16, 16, FILL_SUM_LAYER, 0),
	NUMBER("id", 32, 16, 0),
	NUMBER("seq", 48, 16, 0),
	END_OF_FIELDS,
};

/* No header: content.c makes the bytes. */
static const struct field no_fields[] = {END_OF_FIELDS};

const struct layer layers[] = {
	{.name = "eth",
         .fields = eth_fields,
         .header_len = 14,
         .space = SPACE_ETHERTYPE,
         .id = {[SPACE_ETHERTYPE] = 0x6558},
         .help = "Ethernet"},
	{.name = "vlan",
         .fields = vlan_fields,
         .header_len = 4,
         .space = SPACE_ETHERTYPE,
         .id = {[SPACE_ETHERTYPE] = 0x8100},
         .below = "eth",
         .help = "802.1Q tag"},
	{.name = "arp",
         .fields = arp_fields,
         .header_len = 28,
         .is_final = 1,
         .id = {[SPACE_ETHERTYPE] = 0x0806},
         .below = "eth",
         .help = "ARP"},
	{.name = "ip",
         .fields = ip_fields,
         .header_len = 20,
         .tail_align = 4,
         .space = SPACE_PROTOCOL,
         .id = {[SPACE_ETHERTYPE] = 0x0800, [SPACE_PROTOCOL] = 4},
         .below = "eth",
         .help = "IPv4"},
	{.name = "ip6",
         .fields = ip6_fields,
         .header_len = 40,
         .space = SPACE_PROTOCOL,
         .id = {[SPACE_ETHERTYPE] = 0x86dd, [SPACE_PROTOCOL] = 41},
         .below = "eth",
         .help = "IPv6"},
	{.name = "icmp",
         .fields = icmp_fields,
         .header_len = 8,
         .any_above = 1,
         .id = {[SPACE_PROTOCOL] = 1},
         .below = "ip",
         .help = "ICMP"},
	{.name = "udp",
         .fields = udp_fields,
         .header_len = 8,
         .space = SPACE_PORT,
         .id = {[SPACE_PROTOCOL] = 17},
         .below = "ip",
         .help = "UDP"},
	{.name = "tcp",
         .fields = tcp_fields,
         .header_len = 20,
         .tail_align = 4,
         .id = {[SPACE_PROTOCOL] = 6},
         .below = "ip",
         .help = "TCP"},
	{.name = "hex",
         .fields = no_fields,
         .any_above = 1,
         .content = CONTENT_HEX,
         .help = "bytes in hex"},
	{.name = NULL},
};

const struct layer *layer_find(const char *name, unsigned len)
{
	const struct layer *layer;

	for (layer = layers; layer->name; layer++)
		if (strlen(layer->name) == len && !strncmp(layer->name, name, len))
			return layer;
	return NULL;
}

const struct field *layer_field(const struct layer *layer, const char *name, unsigned len)
{
	const struct field *field;

	for (field = layer->fields; field->name; field++)
		if (strlen(field->name) == len && !strncmp(field->name, name, len))
			return field;
	return NULL;
}
