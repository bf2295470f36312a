/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet text becomes.  One template per frame length, complete but for the fields that
 * vary; for each of those an edit; for each checksum that depends on one a sum, which starts
 * from the template's own and to which the edits add.
 *
 * A 16-bit one's complement sum is a sum modulo 0xffff, in which 2^16 is 1: a field adds its
 * value shifted to where its last bit lies in its 16-bit word, whatever its width.
 */
#ifndef CMD_COMMON_PACKET_COMPILED_H
#define CMD_COMMON_PACKET_COMPILED_H

#include "crc32c.h"
#include "layers.h"
#include "packet.h"
#include "values.h"

enum {
	EDITS_MAX = 64, /* a field can take two */
	SUMS_MAX = 12,
	WEIGHTS_MAX = PACKETS_MAX, /* packets of a text, lengths of an imix */
	INTO_MAX = 6,              /* sums that one field can be in */
	/* Of all templates together: every length from 60 to 9,600 bytes is 46 MB. */
	TEMPLATE_BYTES_MAX = 64 << 20,
};

/* A sum that a value adds to, and where in its words. */
struct into {
	uint8_t sum, shift;
};

struct edit {
	uint8_t kind;  /* enum pattern_kind but PATTERN_ONE */
	uint8_t bytes; /* written, 1..8 */
	uint8_t shift; /* of the value in them */
	uint8_t into_count;
	uint16_t at;
	struct into into[INTO_MAX];
	uint64_t mask;               /* bits of the value that the field has */
	uint64_t keep;               /* bits of these bytes that belong to other fields */
	uint64_t first, step, count; /* count 0: 2^64 */
	const uint64_t *list;        /* PATTERN_LIST; the packet's */
	uint64_t seed;
};

/* payload(fill=inc), (fill=rand) */
enum { FILL_BYTE_INC = 0x100, FILL_BYTE_RANDOM };

enum sum_kind { SUM_ONES, SUM_CRC32C };

struct area {
	unsigned from, to; /* to 0: the end of the frame */
};

struct sum {
	uint8_t kind;
	uint8_t is_bad;       /* wrong on purpose */
	uint8_t zero_is_none; /* UDP: 0 says that there is none, so 0xffff is written */
	uint8_t is_active;    /* an edit adds to it: written with each packet */
	uint8_t into_count;
	uint8_t area_count;
	uint16_t at;
	struct into into[INTO_MAX];
	struct area areas[3]; /* the layer; pseudo header: source, destination */
	unsigned layer_at;    /* pseudo header: first byte counted in its length; */
	uint8_t protocol;     /* ... its protocol; 0: no pseudo header */
};

struct template
{
	uint32_t len;
	uint32_t crc_tail; /* sig: CRC of the bytes behind it, from 0 */
	struct crc_shift
		*shift; /* sig: over its CRC and those bytes; NULL: counted out */
	uint32_t base[SUMS_MAX]; /* of each sum, folded to 16 bits, varied fields as 0 */
	uint8_t *bytes;
};

/* What order the lengths come in: order[n % count], or at random. */
struct size_plan {
	uint32_t *lengths; /* distinct */
	uint32_t length_count;
	uint32_t *order; /* indices into lengths */
	uint32_t order_count;
	bool is_random;
};

/* A layer with its place in the frame. */
struct placed {
	const struct layer *layer;
	const struct layer_expr *expr; /* NULL: filled in */
	unsigned at;
	unsigned header_len;               /* fixed part, groups and tail */
	unsigned group_at[GROUPS_MAX + 1]; /* from `at`; 0: absent */
	unsigned tail_at;
	uint32_t given; /* bit i: the text gives fields[i] */
	bool bad_sum;   /* csum=bad */
};

struct packet {
	struct packet *next; /* of several packets in turn */
	char *text;          /* its own part of the whole, and where that begins */
	unsigned text_at;
	struct packet_stream stream;
	uint32_t weight;
	uint32_t *turns; /* of the first one: whose turn it is, turn_count of them */
	uint32_t turn_count;
	struct template *templates; /* as size_plan.lengths */
	uint8_t *bytes;             /* of all templates */
	struct size_plan sizes;
	struct edit edits[EDITS_MAX];
	struct sum sums[SUMS_MAX]; /* inner ones first */
	unsigned edit_count, sum_count;
	uint64_t *lists[EDITS_MAX];
	uint64_t seed;
	struct placed *placed; /* for showing */
	unsigned placed_count;
	unsigned sig_at;   /* 0: no signature */
	unsigned sig_from; /* first byte that its CRC covers */
	int flow_edit;     /* the edit that gives its flow; -1: none */
	bool sig_first;    /* a checksum layer's CRC covers the signature */
	uint32_t flow;     /* if no edit does */
};

/* A compilation under way. */
struct build {
	const struct expr *expr;
	const struct expr *settings; /* behind '@' */
	const struct arg *size;      /* among them; NULL: opts->sizes */
	const struct packet_opts *opts;
	struct packet_error *err;
	struct packet *packet;
	struct placed placed[2 * EXPR_LAYERS_MAX];
	unsigned placed_count;
	unsigned fill;               /* 0..255, FILL_BYTE_* */
	unsigned content_len;        /* all headers and contents */
	uint8_t content[PACKET_MAX]; /* constant bytes, lengths and sums left 0 */
};

/* stream.c: what stands behind '@' into p; *size: its sizes.  0, -EINVAL. */
int stream_parse(const struct expr *expr, struct packet *p, const struct arg **size,
                 struct packet_error *err);
/* stream.c: all packets of a text have rates, or none. */
int streams_check(const struct packet *first, const char *text, struct packet_error *err);
/* place.c: which layers, and where.  Each returns 0, -EINVAL, -ENOMEM. */
int place_layers(struct build *b);
/* place.c: the field that an argument names; NULL with *err. */
const struct field *arg_field(struct build *b, const struct placed *p,
                              const struct arg *arg);
/* content.c: the bytes of a layer that is no header, written and measured. */
int content_place(struct build *b, struct placed *p);
/* content.c: bytes as payload(fill=) says. */
void content_fill(const struct build *b, uint8_t *bytes, unsigned len);
/* fill.c: the given values and the defaults, edits, sums. */
int fill_content(struct build *b);
/* sig.c: what its CRC covers, and whose edits it has; 0, -EINVAL. */
int sig_prepare(struct build *b);
/* sig.c: what is constant behind it in a template; 0, -ENOMEM. */
int sig_prepare_template(const struct packet *p, struct template *t);
/* sig.c: how many flows have sequences of their own. */
uint64_t sig_flows(const struct packet *p);
/* sums.c: which edits and sums add to which sums. */
void sums_connect(struct packet *p);
/* sums.c: the template of one length. */
/* sums.c: a sum as it is written. */
uint16_t sum_finish(const struct sum *s, uint64_t sum);
uint32_t crc_finish(const struct sum *s, const uint8_t *bytes, unsigned len);
void crc_store(uint8_t *at, uint32_t crc);
void fill_template(struct build *b, struct template *t);
/* sizes.c: n members in an order that spreads each evenly, as often as its weight; the order
 * has as many places as the weights add up to. */
void spread(const uint32_t *weights, unsigned n, uint32_t *order);
/* sizes.c; min: the shortest that holds the content. */
int sizes_plan(const struct expr *expr, const struct arg *arg, unsigned min,
               struct size_plan *out, struct packet_error *err);
int sizes_parse(const char *text, unsigned min, struct size_plan *out,
                struct packet_error *err);
void sizes_free(struct size_plan *plan);

/* The field numbered so in its layer, at its bit from the frame's start. */
unsigned field_bit(const struct placed *p, const struct field *field);
void set_bits(uint8_t *bytes, unsigned bit, unsigned width, struct value v);

#endif
