/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows: offsets and widths in bits as the standards named beside them draw them. */
#include "layers.h"

#include "hw/sig.h"

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
/* In an optional group; flag: see struct field. */
#define IN_GROUP(n, g, b, w, v, f)                                                       \
	{                                                                                \
		.name = n, .bit = b, .width = w, .group = g, .value = v, .flag = f       \
	}
#define END_OF_FIELDS                                                                    \
	{                                                                                \
		.name = NULL                                                             \
	}

/* The default destination: a locally administered address that nobody has. */
/* Ethertype 0x88b5 and protocol 253 are for experiments: IEEE 802, RFC 3692. */
#define NOBODY_MAC 0x020000000002

/* IEEE 802.3 */
static const struct field eth_fields[] = {
	MAC("dst", 0, FILL_DEFAULT, NOBODY_MAC),
	MAC("src", 48, FILL_SRC_MAC, 0),
	FILLED("type", 96, 16, FILL_NEXT, 0x88b5),
	END_OF_FIELDS,
};

/* IEEE 802.1Q; the tag's type is the layer's name in the layer below */
static const struct field vlan_fields[] = {
	NUMBER("id", 4, 12, 1), NUMBER("pcp", 0, 3, 0),
	NUMBER("dei", 3, 1, 0), FILLED("type", 16, 16, FILL_NEXT, 0x88b5),
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
	FILLED("proto", 72, 8, FILL_NEXT, 253),
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
	FILLED("hlim", 56, 8, FILL_HOPS, 0),
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

/* RFC 4443, the echo form */
static const struct field_name icmp6_types[] = {{"request", 128},   {"reply", 129},
                                                {"unreachable", 1}, {"toobig", 2},
                                                {"exceeded", 3},    {NULL, 0}};

static const struct field icmp6_fields[] = {
	{.name = "type", .bit = 0, .width = 8, .value = 128, .names = icmp6_types},
	NUMBER("code", 8, 8, 0),
	FILLED("csum", 16, 16, FILL_SUM_PSEUDO, 0),
	NUMBER("id", 32, 16, 0),
	NUMBER("seq", 48, 16, 0),
	END_OF_FIELDS,
};

/* RFC 4861, 4.3 and 4.6.1; the option is there if lladdr is given */
static const struct field ns_fields[] = {
	NUMBER("type", 0, 8, 135),
	NUMBER("code", 8, 8, 0),
	FILLED("csum", 16, 16, FILL_SUM_PSEUDO, 0),
	IPV6("target", 64, 2),
	IN_GROUP("option", 1, 0, 8, 1, 0),
	IN_GROUP("optlen", 1, 8, 8, 1, 0),
	{.name = "lladdr",
         .bit = 16,
         .width = 48,
         .kind = FIELD_MAC,
         .fill = FILL_SRC_MAC,
         .group = 1},
	END_OF_FIELDS,
};

static const struct field_name na_flags[] = {
	{"router", 4}, {"solicited", 2}, {"override", 1}, {NULL, 0}};

/* RFC 4861, 4.4 */
static const struct field na_fields[] = {
	NUMBER("type", 0, 8, 136),
	NUMBER("code", 8, 8, 0),
	FILLED("csum", 16, 16, FILL_SUM_PSEUDO, 0),
	{.name = "flags", .bit = 32, .width = 3, .value = 3, .names = na_flags},
	IPV6("target", 64, 1),
	IN_GROUP("option", 1, 0, 8, 2, 0),
	IN_GROUP("optlen", 1, 8, 8, 1, 0),
	{.name = "lladdr",
         .bit = 16,
         .width = 48,
         .kind = FIELD_MAC,
         .fill = FILL_SRC_MAC,
         .group = 1},
	END_OF_FIELDS,
};

/* RFC 8200, 4.3 and 4.6; six bytes of padding (PadN) and then the options given */
static const struct field options_fields[] = {
	FILLED("next", 0, 8, FILL_NEXT, 59),
	{.name = "len",
         .bit = 8,
         .width = 8,
         .fill = FILL_HEADER,
         .unit = 8,
         .value = (uint64_t)-1},
	NUMBER("padding", 16, 48, 0x010400000000),
	{.name = "options", .kind = FIELD_BYTES},
	END_OF_FIELDS,
};

/* RFC 8200, 4.4; type 253 is for experiments (RFC 3692) */
static const struct field route_fields[] = {
	FILLED("next", 0, 8, FILL_NEXT, 59),
	{.name = "len",
         .bit = 8,
         .width = 8,
         .fill = FILL_HEADER,
         .unit = 8,
         .value = (uint64_t)-1},
	NUMBER("type", 16, 8, 253),
	NUMBER("left", 24, 8, 0),
	NUMBER("specific", 32, 32, 0),
	{.name = "data", .kind = FIELD_BYTES},
	END_OF_FIELDS,
};

/* RFC 8200, 4.5 */
static const struct field frag_fields[] = {
	FILLED("next", 0, 8, FILL_NEXT, 59),
	NUMBER("offset", 16, 13, 0),
	NUMBER("more", 31, 1, 0),
	NUMBER("id", 32, 32, 0),
	END_OF_FIELDS,
};

/* RFC 3032 */
static const struct field mpls_fields[] = {
	NUMBER("label", 0, 20, 16), /* 0..15 are reserved */
	NUMBER("tc", 20, 3, 0),     FILLED("bottom", 23, 1, FILL_BOTTOM, 0),
	NUMBER("ttl", 24, 8, 64),   END_OF_FIELDS,
};

/* RFC 9260, 3.1 */
static const struct field sctp_fields[] = {
	NUMBER("sport", 0, 16, 1024),
	NUMBER("dport", 16, 16, 9),
	NUMBER("vtag", 32, 32, 0),
	FILLED("csum", 64, 32, FILL_CRC_LAYER, 0),
	END_OF_FIELDS,
};

/* RFC 9260, 3.3.1: a DATA chunk; flags: beginning and ending fragment */
static const struct field data_fields[] = {
	NUMBER("type", 0, 8, 0),
	NUMBER("flags", 8, 8, 3),
	FILLED("len", 16, 16, FILL_LENGTH, 0),
	NUMBER("tsn", 32, 32, 0),
	NUMBER("stream", 64, 16, 0),
	NUMBER("seq", 80, 16, 0),
	NUMBER("ppid", 96, 32, 0),
	END_OF_FIELDS,
};

/* RFC 2784, RFC 2890: checksum, key and sequence number are there if given */
static const struct field gre_fields[] = {
	NUMBER("version", 13, 3, 0),
	FILLED("proto", 16, 16, FILL_NEXT, 0x88b5),
	{.name = "csum",
         .bit = 0,
         .width = 16,
         .fill = FILL_SUM_LAYER,
         .group = 1,
         .flag = 1 + 0},
	IN_GROUP("key", 2, 0, 32, 0, 1 + 2),
	IN_GROUP("seq", 3, 0, 32, 0, 1 + 3),
	END_OF_FIELDS,
};

/* RFC 7348 */
static const struct field vxlan_fields[] = {
	NUMBER("flags", 0, 8, 8),
	NUMBER("vni", 32, 24, 1),
	END_OF_FIELDS,
};

/* RFC 8926 */
static const struct field geneve_fields[] = {
	NUMBER("version", 0, 2, 0),
	{.name = "optlen", .bit = 2, .width = 6, .fill = FILL_TAIL, .unit = 4},
	NUMBER("control", 8, 1, 0),
	NUMBER("critical", 9, 1, 0),
	FILLED("proto", 16, 16, FILL_NEXT, 0x6558),
	NUMBER("vni", 32, 24, 1),
	{.name = "options", .kind = FIELD_BYTES},
	END_OF_FIELDS,
};

/* 3GPP TS 29.281, 5.1: a G-PDU; four more bytes if one of seq, npdu and next is given */
static const struct field gtpu_fields[] = {
	NUMBER("version", 0, 3, 1),
	NUMBER("pt", 3, 1, 1),
	NUMBER("type", 8, 8, 255),
	FILLED("len", 16, 16, FILL_LENGTH, (uint64_t)-8),
	NUMBER("teid", 32, 32, 1),
	IN_GROUP("seq", 1, 0, 16, 0, 1 + 6),
	IN_GROUP("npdu", 1, 16, 8, 0, 1 + 7),
	IN_GROUP("next", 1, 24, 8, 0, 1 + 5),
	END_OF_FIELDS,
};

static const struct field_name dhcp_types[] = {
	{"discover", 1}, {"offer", 2},   {"request", 3}, {"decline", 4}, {"ack", 5},
	{"nak", 6},      {"release", 7}, {"inform", 8},  {NULL, 0}};

/* RFC 2131, and the options message type and end of RFC 2132 */
static const struct field dhcp_fields[] = {
	NUMBER("op", 0, 8, 1),
	NUMBER("htype", 8, 8, 1),
	NUMBER("hlen", 16, 8, 6),
	NUMBER("hops", 24, 8, 0),
	NUMBER("xid", 32, 32, 1),
	NUMBER("secs", 64, 16, 0),
	NUMBER("broadcast", 80, 1, 1),
	IPV4("ciaddr", 96, 0),
	IPV4("yiaddr", 128, 0),
	IPV4("siaddr", 160, 0),
	IPV4("giaddr", 192, 0),
	MAC("chaddr", 224, FILL_SRC_MAC, 0),
	NUMBER("cookie", 1888, 32, 0x63825363),
	NUMBER("option", 1920, 16, 0x3501),
	{.name = "type", .bit = 1936, .width = 8, .value = 1, .names = dhcp_types},
	NUMBER("end", 1944, 8, 255),
	END_OF_FIELDS,
};

/* content.c */
static const struct field_name payload_fills[] = {
	{"inc", 0x100}, {"rand", 0x101}, {NULL, 0}};

const struct field payload_fields[] = {
	{.name = "len", .width = 14},
	{.name = "fill", .width = 9, .names = payload_fills},
	{.name = "hex", .kind = FIELD_BYTES},
	END_OF_FIELDS,
};

/* hw/sig.h; the writer fills in the rest */
static const struct field sig_fields[] = {
	NUMBER("magic", 0, 32, HW_SIG_MAGIC),
	FILLED("flow", 40, 24, FILL_FLOW, 0),
	FILLED("before", 192, 16, FILL_COVERED, 0),
	END_OF_FIELDS,
};

static const struct field no_fields[] = {END_OF_FIELDS};

const struct layer layers[] = {
	{.name = "eth",
         .fields = eth_fields,
         .header_len = 14,
         .space = SPACE_ETHERTYPE,
         .id = {[SPACE_ETHERTYPE] = ID(0x6558),
                [SPACE_FRAME] = ID(0),
                [SPACE_LABEL] = ID(0)},
         .help = "Ethernet"},
	{.name = "vlan",
         .fields = vlan_fields,
         .header_len = 4,
         .space = SPACE_ETHERTYPE,
         .id = {[SPACE_ETHERTYPE] = ID(0x8100)},
         .below = "eth",
         .help = "802.1Q tag"},
	{.name = "qinq",
         .fields = vlan_fields,
         .header_len = 4,
         .space = SPACE_ETHERTYPE,
         .id = {[SPACE_ETHERTYPE] = ID(0x88a8)},
         .below = "eth",
         .help = "802.1ad service tag"},
	{.name = "mpls",
         .fields = mpls_fields,
         .header_len = 4,
         .space = SPACE_LABEL,
         .id = {[SPACE_ETHERTYPE] = ID(0x8847),
                [SPACE_PROTOCOL] = ID(137),
                [SPACE_PORT] = ID(6635),
                [SPACE_LABEL] = ID(0)},
         .below = "eth",
         .help = "MPLS label"},
	{.name = "arp",
         .fields = arp_fields,
         .header_len = 28,
         .is_final = 1,
         .id = {[SPACE_ETHERTYPE] = ID(0x0806)},
         .below = "eth",
         .help = "ARP"},
	{.name = "ip",
         .fields = ip_fields,
         .header_len = 20,
         .tail_align = 4,
         .space = SPACE_PROTOCOL,
         .id = {[SPACE_ETHERTYPE] = ID(0x0800),
                [SPACE_PROTOCOL] = ID(4),
                [SPACE_IP] = ID(0),
                [SPACE_LABEL] = ID(0)},
         .below = "eth",
         .help = "IPv4"},
	{.name = "ip6",
         .fields = ip6_fields,
         .header_len = 40,
         .space = SPACE_PROTOCOL,
         .id = {[SPACE_ETHERTYPE] = ID(0x86dd),
                [SPACE_PROTOCOL] = ID(41),
                [SPACE_IP] = ID(0),
                [SPACE_LABEL] = ID(0)},
         .below = "eth",
         .help = "IPv6"},
	{.name = "hop",
         .fields = options_fields,
         .header_len = 8,
         .tail_align = 8,
         .space = SPACE_PROTOCOL,
         .id = {[SPACE_PROTOCOL] = ID(0)},
         .below = "ip6",
         .help = "IPv6 hop-by-hop options"},
	{.name = "dest",
         .fields = options_fields,
         .header_len = 8,
         .tail_align = 8,
         .space = SPACE_PROTOCOL,
         .id = {[SPACE_PROTOCOL] = ID(60)},
         .below = "ip6",
         .help = "IPv6 destination options"},
	{.name = "route",
         .fields = route_fields,
         .header_len = 8,
         .tail_align = 8,
         .space = SPACE_PROTOCOL,
         .id = {[SPACE_PROTOCOL] = ID(43)},
         .below = "ip6",
         .help = "IPv6 routing header"},
	{.name = "frag",
         .fields = frag_fields,
         .header_len = 8,
         .space = SPACE_PROTOCOL,
         .id = {[SPACE_PROTOCOL] = ID(44)},
         .below = "ip6",
         .help = "IPv6 fragment header"},
	{.name = "icmp",
         .fields = icmp_fields,
         .header_len = 8,
         .any_above = 1,
         .id = {[SPACE_PROTOCOL] = ID(1)},
         .below = "ip",
         .help = "ICMP"},
	{.name = "icmp6",
         .fields = icmp6_fields,
         .header_len = 8,
         .any_above = 1,
         .id = {[SPACE_PROTOCOL] = ID(58)},
         .below = "ip6",
         .help = "ICMPv6"},
	{.name = "ns",
         .fields = ns_fields,
         .header_len = 24,
         .group_len[1] = 8,
         .is_final = 1,
         .id = {[SPACE_PROTOCOL] = ID(58)},
         .below = "ip6",
         .help = "neighbour solicitation"},
	{.name = "na",
         .fields = na_fields,
         .header_len = 24,
         .group_len[1] = 8,
         .is_final = 1,
         .id = {[SPACE_PROTOCOL] = ID(58)},
         .below = "ip6",
         .help = "neighbour advertisement"},
	{.name = "udp",
         .fields = udp_fields,
         .header_len = 8,
         .space = SPACE_PORT,
         .id = {[SPACE_PROTOCOL] = ID(17)},
         .below = "ip",
         .help = "UDP"},
	{.name = "tcp",
         .fields = tcp_fields,
         .header_len = 20,
         .tail_align = 4,
         .id = {[SPACE_PROTOCOL] = ID(6)},
         .below = "ip",
         .help = "TCP"},
	{.name = "sctp",
         .fields = sctp_fields,
         .header_len = 12,
         .space = SPACE_CHUNK,
         .id = {[SPACE_PROTOCOL] = ID(132)},
         .below = "ip",
         .help = "SCTP"},
	{.name = "data",
         .fields = data_fields,
         .header_len = 16,
         .is_final = 1,
         .id = {[SPACE_CHUNK] = ID(0)},
         .below = "sctp",
         .help = "SCTP DATA chunk"},
	{.name = "gre",
         .fields = gre_fields,
         .header_len = 4,
         .group_len = {0, 4, 4, 4},
         .space = SPACE_ETHERTYPE,
         .id = {[SPACE_PROTOCOL] = ID(47)},
         .below = "ip",
         .help = "GRE"},
	{.name = "vxlan",
         .fields = vxlan_fields,
         .header_len = 8,
         .space = SPACE_FRAME,
         .id = {[SPACE_PORT] = ID(4789)},
         .below = "udp",
         .help = "VXLAN"},
	{.name = "geneve",
         .fields = geneve_fields,
         .header_len = 8,
         .tail_align = 4,
         .space = SPACE_ETHERTYPE,
         .id = {[SPACE_PORT] = ID(6081)},
         .below = "udp",
         .help = "Geneve"},
	{.name = "gtpu",
         .fields = gtpu_fields,
         .header_len = 8,
         .group_len[1] = 4,
         .space = SPACE_IP,
         .id = {[SPACE_PORT] = ID(2152)},
         .below = "udp",
         .help = "GTP-U"},
	{.name = "dhcp",
         .fields = dhcp_fields,
         .header_len = 244,
         .is_final = 1,
         .id = {[SPACE_PORT] = ID(67)},
         .below = "udp",
         .help = "DHCP"},
	{.name = "hex",
         .fields = no_fields,
         .any_above = 1,
         .content = CONTENT_HEX,
         .help = "bytes in hex"},
	{.name = "payload",
         .fields = payload_fields,
         .is_final = 1,
         .content = CONTENT_PAYLOAD,
         .help = "bytes: payload('text'), payload(len=100,fill=0xaa)"},
	{.name = "sig",
         .fields = sig_fields,
         .header_len = 32,
         .is_final = 1,
         .content = CONTENT_SIG,
         .help = "signature: flow, sequence, time, CRC32C"},
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
