/* SPDX-License-Identifier: BSD-2-Clause */
/* A written packet in words: each layer at its offset, each field as the language writes it. */
#include "compiled.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

enum { LINE_MAX_WIDTH = 96, INDENT = 14 };

static struct value get_bits(const uint8_t *bytes, unsigned bit, unsigned width)
{
	struct value v = {0, 0};
	unsigned i, at;

	for (i = 0; i < width; i++) {
		at = bit + i;
		v.high = v.high << 1 | v.low >> 63;
		v.low = v.low << 1 | (bytes[at / 8] >> (7 - at % 8) & 1);
	}
	return v;
}

static void format_names(uint64_t v, const struct field *field, char *out, size_t room)
{
	const struct field_name *name;
	size_t used = 0;
	uint64_t left = v;

	for (name = field->names; name->name; name++)
		if (name->value == v) {
			snprintf(out, room, "%s", name->name);
			return;
		}
	/* only flags, each a bit, are joined */
	for (name = field->names; name->name && used < room; name++)
		if (name->value && (left & name->value) == name->value) {
			used += (size_t)snprintf(out + used, room - used, "%s%s",
			                         used ? "+" : "", name->name);
			left &= ~name->value;
		}
	if (left || !v)
		snprintf(out, room, "%" PRIu64, v);
}

static void format_address(const struct field *field, struct value v, char *out,
                           size_t room)
{
	uint8_t b[16];
	unsigned i;

	for (i = 0; i < 8; i++) {
		b[i] = (uint8_t)(v.high >> (56 - 8 * i));
		b[8 + i] = (uint8_t)(v.low >> (56 - 8 * i));
	}
	if (field->kind == FIELD_MAC)
		snprintf(out, room, "%02x:%02x:%02x:%02x:%02x:%02x", b[10], b[11], b[12],
		         b[13], b[14], b[15]);
	else if (field->kind == FIELD_IPV4)
		inet_ntop(AF_INET, b + 12, out, (socklen_t)room);
	else
		inet_ntop(AF_INET6, b, out, (socklen_t)room);
}

static bool is_hex(const struct field *field)
{
	return field->fill >= FILL_SUM_HEADER || !strcmp(field->name, "type") ||
	       !strcmp(field->name, "magic") || !strcmp(field->name, "cookie");
}

static void format_field(const uint8_t *frame, const struct placed *p,
                         const struct field *field, char *out, size_t room)
{
	struct value v = get_bits(frame, field_bit(p, field), field->width);
	char text[64];

	if (field->kind != FIELD_NUMBER)
		format_address(field, v, text, sizeof(text));
	else if (field->names)
		format_names(v.low, field, text, sizeof(text));
	else if (is_hex(field))
		snprintf(text, sizeof(text), "0x%0*" PRIx64, field->width / 4, v.low);
	else
		snprintf(text, sizeof(text), "%" PRIu64, v.low);
	snprintf(out, room, "%s=%s", field->name, text);
}

static void show_header(FILE *to, const uint8_t *frame, const struct placed *p)
{
	const struct field *field;
	unsigned column = INDENT;
	char text[128];

	fprintf(to, "%6u  %-6s", p->at, p->layer->name);
	for (field = p->layer->fields; field->name; field++) {
		if (field->kind == FIELD_BYTES ||
		    (field->group && !p->group_at[field->group]))
			continue;
		format_field(frame, p, field, text, sizeof(text));
		if (column + 1 + strlen(text) > LINE_MAX_WIDTH) {
			fprintf(to, "\n%*s", INDENT, "");
			column = INDENT;
		}
		column += (unsigned)fprintf(to, " %s", text);
	}
	fputc('\n', to);
}

static void show_bytes(FILE *to, unsigned at, const char *name, unsigned len)
{
	if (len)
		fprintf(to, "%6u  %-6s %u byte%s\n", at, name, len, len == 1 ? "" : "s");
}

static void dump(FILE *to, const uint8_t *frame, unsigned len)
{
	unsigned i;

	for (i = 0; i < len; i++) {
		if (i % 16 == 0)
			fprintf(to, "%s  %04x ", i ? "\n" : "", i);
		fprintf(to, "%s%02x", i % 8 ? " " : "  ", frame[i]);
	}
	fputc('\n', to);
}

static bool has_template(const struct packet *p, const void *held)
{
	uintptr_t at = (uintptr_t)held, from = (uintptr_t)p->templates;

	return at >= from && at < (uintptr_t)(p->templates + p->sizes.length_count);
}

void packet_show(FILE *to, const struct packet *p, const void *held, const void *frame,
                 uint32_t len)
{
	const struct placed *placed;
	unsigned end = 0, i;

	while (p->next && !has_template(p, held))
		p = p->next;
	for (i = 0; i < p->placed_count; i++) {
		placed = &p->placed[i];
		end = placed->at + placed->header_len;
		if (placed->layer->content == CONTENT_HEX ||
		    placed->layer->content == CONTENT_PAYLOAD)
			show_bytes(to, placed->at, placed->layer->name,
			           placed->header_len);
		else
			show_header(to, frame, placed);
	}
	show_bytes(to, end, "fill", len - end);
	dump(to, frame, len);
}
