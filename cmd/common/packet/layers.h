/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layers as data.  A layer is a row: its fixed header, the groups of optional bytes that
 * follow it when one of their fields is given, and a tail of bytes of any length.  A new layer is
 * a row and its fields; only a fill that no other layer has needs code (fill.c).
 */
#ifndef CMD_COMMON_PACKET_LAYERS_H
#define CMD_COMMON_PACKET_LAYERS_H

#include <stdint.h>

/* How a field's value is written. */
enum field_kind {
	FIELD_NUMBER, /* 10, 0x0a; or one of the row's names, or several with + between */
	FIELD_MAC,
	FIELD_IPV4,
	FIELD_IPV6,
	FIELD_BYTES, /* the layer's tail: hex digits */
};

/* What goes into a field that the text leaves out. */
enum field_fill {
	FILL_DEFAULT, /* the row's value */
	FILL_NEXT,    /* what names the next layer in this layer's space */
	FILL_LENGTH,  /* bytes from this layer's first to the end, plus value */
	FILL_HEADER,  /* bytes of the header / unit + value */
	FILL_TAIL,    /* bytes of the optional groups and tail / unit */
	FILL_SRC_MAC, /* the port's */
	FILL_BOTTOM,  /* 1 if the next layer is of another kind */
	FILL_HOPS,    /* 255 below neighbour discovery (RFC 4861), else 64 */
	FILL_COVERED, /* bytes from the frame's start, or a CRC32C layer's end, to here */
	FILL_FLOW,    /* the caller's flow number */
	FILL_SUM_HEADER, /* one's complement over the header */
	FILL_SUM_LAYER,  /* ... from the header to the end */
	FILL_SUM_PSEUDO, /* ... and the pseudo header of the IP below */
	FILL_CRC_LAYER,  /* CRC32C from the header to the end, RFC 9260 */
};

struct field_name {
	const char *name;
	uint64_t value;
};

struct field {
	const char *name;
	uint16_t bit, width; /* from the start of the header or of the group */
	uint8_t kind;
	uint8_t fill;
	uint8_t unit;   /* FILL_HEADER, FILL_TAIL */
	uint8_t group;  /* 0: the fixed header; else the optional group that it lies in */
	uint16_t flag;  /* 1 + bit of the header set when this field is given; 0: none */
	uint64_t value; /* added, or the default; addresses: the low 64 bits */
	uint64_t value_high;
	const struct field_name *names; /* ends with a NULL name */
};

/* By what the layer below names the one above it. */
enum space {
	SPACE_NONE,
	SPACE_ETHERTYPE,
	SPACE_PROTOCOL, /* IP protocol numbers */
	SPACE_PORT,     /* UDP destination ports */
	/* these have no number: what is above is known, or guessed by its first bits */
	SPACE_FRAME, /* an Ethernet frame */
	SPACE_IP,    /* IPv4 or IPv6 */
	SPACE_LABEL, /* behind an MPLS label */
	SPACE_CHUNK, /* of SCTP */
	SPACES
};

/* A layer's number in a space, which may be 0, marked as being there. */
#define ID(number) (0x10000u | (number))

/* Layers that are no header. */
enum content_kind { CONTENT_NONE, CONTENT_HEX, CONTENT_PAYLOAD, CONTENT_SIG };

enum { GROUPS_MAX = 3 };

struct layer {
	const char *name;
	const struct field *fields; /* ends with a NULL name */
	uint8_t header_len;
	uint8_t group_len[GROUPS_MAX + 1]; /* from 1 */
	uint8_t tail_align;                /* tail padded to this */
	uint8_t space;                     /* in which FILL_NEXT is written */
	uint8_t content;                   /* enum content_kind */
	uint8_t is_final;                  /* no layer can be above */
	uint8_t any_above;                 /* nothing in the header names what is above */
	uint32_t id[SPACES];               /* ID(number); 0: cannot be there */
	const char *below; /* put there if the text has nothing fitting; NULL: first */
	const char *help;
};

/* Ends with a row without a name. */
extern const struct layer layers[];

/* payload's: len, fill, hex */
extern const struct field payload_fields[];

const struct layer *layer_find(const char *name, unsigned len);
const struct field *layer_field(const struct layer *layer, const char *name,
                                unsigned len);

#endif
