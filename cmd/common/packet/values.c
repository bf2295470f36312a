/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers, addresses and names, and the patterns over them. */
#include "values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any number or address. */
enum { WORD_MAX = 64 };

static const char *kind_example(const struct field *field)
{
	switch ((enum field_kind)field->kind) {
	case FIELD_MAC:
		return "a MAC address is written 02:00:00:00:00:01";
	case FIELD_IPV4:
		return "an IPv4 address is written 10.0.0.1, a block of them 10.0.0.0/24";
	case FIELD_IPV6:
		return "an IPv6 address is written 2001:db8::1, a block of them "
		       "2001:db8::/64";
	case FIELD_BYTES:
		return "bytes are written in hex, as deadbeef, or as 'text'";
	case FIELD_NUMBER:
		break;
	}
	return "a number is written 10 or 0x0a; patterns: 1..9, inc(1..9,2), rand(1..9), "
	       "list(1,5,9)";
}

static bool parse_number(const char *word, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)word[0]))
		return false;
	errno = 0;
	*out = strtoull(word, &end, word[0] == '0' && (word[1] | 32) == 'x' ? 16 : 10);
	return !*end && !errno;
}

static bool parse_mac(const char *word, uint64_t *out)
{
	unsigned b[6], i;
	int used = 0;

	if (sscanf(word, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4],
	           &b[5], &used) != 6 ||
	    word[used])
		return false;
	*out = 0;
	for (i = 0; i < 6; i++)
		*out = *out << 8 | b[i];
	return true;
}

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v = 0;
	unsigned i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* syn+ack, or df */
static bool parse_names(const char *word, const struct field_name *names, uint64_t *out)
{
	const struct field_name *name;
	size_t len;

	*out = 0;
	for (;;) {
		len = strcspn(word, "+|");
		for (name = names; name->name; name++)
			if (strlen(name->name) == len && !strncmp(name->name, word, len))
				break;
		if (!name->name)
			return false;
		*out |= name->value;
		if (!word[len])
			return true;
		word += len + 1;
	}
}

static bool parse_word(const char *word, const struct field *field, struct value *out)
{
	struct in_addr v4;
	struct in6_addr v6;

	out->high = 0;
	switch ((enum field_kind)field->kind) {
	case FIELD_MAC:
		return parse_mac(word, &out->low);
	case FIELD_IPV4:
		if (inet_pton(AF_INET, word, &v4) != 1)
			return false;
		out->low = ntohl(v4.s_addr);
		return true;
	case FIELD_IPV6:
		if (inet_pton(AF_INET6, word, &v6) != 1)
			return false;
		out->high = load_be64(v6.s6_addr);
		out->low = load_be64(v6.s6_addr + 8);
		return true;
	case FIELD_NUMBER:
		if (field->names && parse_names(word, field->names, &out->low))
			return true;
		return parse_number(word, &out->low);
	case FIELD_BYTES:
		break;
	}
	return false;
}

static void list_names(const struct field *field, char *out, size_t room)
{
	const struct field_name *name;
	size_t used;

	used = (size_t)snprintf(out, room, "a number, or names joined by +:");
	for (name = field->names; name->name && used < room; name++)
		used += (size_t)snprintf(out + used, room - used, " %s", name->name);
}

static int refuse_word(const char *text, struct span span, const struct field *field,
                       struct packet_error *err)
{
	char names[sizeof(err->hint)];
	const char *hint = kind_example(field);

	if (field->names) {
		list_names(field, names, sizeof(names));
		hint = names;
	}
	return expr_error(err, text, span, hint, "'%.*s' is not a value for %s",
	                  (int)span.len, text + span.at, field->name);
}

int value_parse(const char *text, struct span span, const struct field *field,
                struct value *out, struct packet_error *err)
{
	char word[WORD_MAX];

	if (span.len >= sizeof(word))
		return refuse_word(text, span, field, err);
	memcpy(word, text + span.at, span.len);
	word[span.len] = 0;
	if (!parse_word(word, field, out))
		return refuse_word(text, span, field, err);
	if (field->width < 64 && out->low >> field->width)
		return expr_error(err, text, span, NULL,
		                  "%s does not fit into %s, which has %u bit%s (0..%llu)",
		                  word, field->name, field->width,
		                  field->width == 1 ? "" : "s",
		                  (1ull << field->width) - 1);
	return 0;
}

/* The two letters ".." in a span, or NULL. */
static const char *find_dots(const char *text, struct span span)
{
	return memmem(text + span.at, span.len, "..", 2);
}

static int refuse_pattern(const struct expr *expr, struct span where, const char *why,
                          struct packet_error *err)
{
	return expr_error(err, expr->text, where, NULL, "%s", why);
}

/* a..b */
static int parse_range(const struct expr *expr, struct span span,
                       const struct field *field, struct pattern *out,
                       struct packet_error *err)
{
	const char *dots = find_dots(expr->text, span);
	unsigned at = (unsigned)(dots - expr->text);
	struct span a = {span.at, at - span.at};
	struct span b = {at + 2, span.at + span.len - at - 2};
	struct value last = {0};
	int ret;

	ret = value_parse(expr->text, a, field, &out->first, err);
	if (!ret)
		ret = value_parse(expr->text, b, field, &last, err);
	if (ret)
		return ret;
	if (last.high != out->first.high)
		return refuse_pattern(
			expr, span,
			"the ends of this range differ in their first 64 bits", err);
	out->step = last.low < out->first.low ? (uint64_t)-1 : 1;
	out->count = (last.low - out->first.low) * out->step + 1;
	return 0;
}

static uint64_t low_mask(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

/* 10.0.0.0/24; the bits beyond the prefix are taken as 0 */
static int parse_block(const struct expr *expr, struct span span,
                       const struct field *field, struct pattern *out,
                       struct packet_error *err)
{
	const char *slash = memchr(expr->text + span.at, '/', span.len);
	struct span address = {span.at, (unsigned)(slash - expr->text) - span.at};
	struct span digits = {address.at + address.len + 1, span.len - address.len - 1};
	static const struct field prefix_field = {.name = "a prefix length", .width = 8};
	struct value prefix = {0};
	unsigned host_bits;
	int ret;

	ret = value_parse(expr->text, address, field, &out->first, err);
	if (!ret)
		ret = value_parse(expr->text, digits, &prefix_field, &prefix, err);
	if (ret)
		return ret;
	if (prefix.low > field->width)
		return expr_error(err, expr->text, digits, NULL,
		                  "a prefix of %s has at most %u bits", field->name,
		                  field->width);
	host_bits = field->width - (unsigned)prefix.low;
	out->step = 1;
	out->count = host_bits >= 64 ? 0 : 1ull << host_bits;
	out->first.low &= ~low_mask(host_bits);
	if (host_bits > 64) {
		out->first.high &= ~low_mask(host_bits - 64);
		out->random_high = low_mask(host_bits - 64) + 1;
		out->wide = 1;
	}
	return 0;
}

static bool is_block(const struct expr *expr, struct span span, const struct field *field)
{
	return (field->kind == FIELD_IPV4 || field->kind == FIELD_IPV6) &&
	       memchr(expr->text + span.at, '/', span.len);
}

/* A set of consecutive values: a..b, a block, or a single one. */
static int parse_set(const struct expr *expr, struct span span, const struct field *field,
                     struct pattern *out, struct packet_error *err)
{
	if (is_block(expr, span, field))
		return parse_block(expr, span, field, out, err);
	if (find_dots(expr->text, span))
		return parse_range(expr, span, field, out, err);
	out->count = 1;
	out->step = 1;
	return value_parse(expr->text, span, field, &out->first, err);
}

/* The second argument of inc(): every step-th value of the set. */
static int apply_step(const struct expr *expr, const struct arg *arg, struct pattern *out,
                      struct packet_error *err)
{
	static const struct field step_field = {.name = "a step", .width = 64};
	struct span span = expr->items[arg->first_item + 1];
	struct value step = {0};
	int ret;

	ret = value_parse(expr->text, span, &step_field, &step, err);
	if (ret)
		return ret;
	if (!step.low)
		return refuse_pattern(expr, span, "a step of 0 never gets on", err);
	/* count 0 is 2^64 */
	out->count = (out->count - 1) / step.low + 1;
	out->step *= step.low;
	return 0;
}

static int parse_inc(const struct expr *expr, const struct arg *arg,
                     const struct field *field, struct pattern *out,
                     struct packet_error *err)
{
	int ret;

	if (arg->items > 2)
		return refuse_pattern(expr, expr->items[arg->first_item + 2],
		                      "inc() takes a range and a step, as inc(1..9,2)",
		                      err);
	ret = parse_set(expr, expr->items[arg->first_item], field, out, err);
	if (!ret && arg->items == 2)
		ret = apply_step(expr, arg, out, err);
	out->kind = PATTERN_INC;
	return ret;
}

static int parse_rand(const struct expr *expr, const struct arg *arg,
                      const struct field *field, struct pattern *out,
                      struct packet_error *err)
{
	int ret;

	if (arg->items > 1)
		return refuse_pattern(expr, expr->items[arg->first_item + 1],
		                      "rand() takes one range, as rand(1..9)", err);
	ret = parse_set(expr, expr->items[arg->first_item], field, out, err);
	if (!ret && out->step != 1)
		return refuse_pattern(expr, arg->whole, "this range runs backwards", err);
	out->kind = PATTERN_RAND;
	return ret;
}

static int parse_list(const struct expr *expr, const struct arg *arg,
                      const struct field *field, struct pattern *out,
                      struct packet_error *err)
{
	unsigned i;
	int ret = 0;

	out->kind = PATTERN_LIST;
	out->count = arg->items;
	out->list = calloc(arg->items, sizeof(*out->list));
	if (!out->list)
		return -ENOMEM;
	for (i = 0; i < arg->items && !ret; i++)
		ret = value_parse(expr->text, expr->items[arg->first_item + i], field,
		                  &out->list[i], err);
	if (ret) {
		free(out->list);
		out->list = NULL;
	}
	return ret;
}

int pattern_parse(const struct expr *expr, const struct arg *arg,
                  const struct field *field, struct pattern *out,
                  struct packet_error *err)
{
	int ret;

	*out = (struct pattern){.count = 1, .step = 1};
	if (!arg->function.len) {
		ret = parse_set(expr, expr->items[arg->first_item], field, out, err);
		out->kind = out->count == 1 ? PATTERN_ONE : PATTERN_INC;
		return ret;
	}
	if (span_is(expr->text, arg->function, "inc"))
		return parse_inc(expr, arg, field, out, err);
	if (span_is(expr->text, arg->function, "rand"))
		return parse_rand(expr, arg, field, out, err);
	if (span_is(expr->text, arg->function, "list"))
		return parse_list(expr, arg, field, out, err);
	return expr_error(err, expr->text, arg->function,
	                  "inc(a..b,step), rand(a..b), list(a,b,c) or a block a/n",
	                  "there is no pattern '%.*s'", (int)arg->function.len,
	                  expr->text + arg->function.at);
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_hex(const char *text, struct span span, uint8_t *out,
                     struct packet_error *err)
{
	unsigned i;
	int digit;

	for (i = 0; i < span.len; i++) {
		digit = hex_digit(text[span.at + i]);
		if (digit < 0)
			return expr_error(err, text, (struct span){span.at + i, 1}, NULL,
			                  "'%c' is not a hex digit", text[span.at + i]);
		out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] << 4 | digit : digit);
	}
	if (span.len % 2)
		return expr_error(err, text, span, NULL,
		                  "an odd number of hex digits: a byte takes two");
	return (int)(span.len / 2);
}

int bytes_parse(const char *text, struct span span, uint8_t *out, unsigned room,
                struct packet_error *err)
{
	char first = text[span.at];
	bool is_quoted = first == '\'' || first == '"';
	unsigned bytes = is_quoted ? span.len - 2 : (span.len + 1) / 2;

	if (bytes > room)
		return expr_error(err, text, span, NULL, "%u bytes, where %u have room",
		                  bytes, room);
	if (!is_quoted)
		return parse_hex(text, span, out, err);
	memcpy(out, text + span.at + 1, bytes);
	return (int)bytes;
}
