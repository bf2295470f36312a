/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules and presets of the command line. */
#include "wish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* No more smaller rules than fit a line. */
#define SUGGESTIONS 2

bool wish_takes_second(const char *first, const char *second)
{
	uint8_t mac[6];

	/* An interface's name has at most 15 letters, a MAC written out has 17. */
	return !strcmp(first, "ip") || (!strcmp(first, "mac") && mac_parse(second, mac));
}

static bool read_address(const char *text, struct wish_address *out)
{
	memset(out, 0, sizeof(*out));
	out->v6 = strchr(text, ':');
	return inet_pton(out->v6 ? AF_INET6 : AF_INET, text, out->ip) == 1;
}

/* ---- words ---------------------------------------------------------------- */

static int read_as(const struct verb *verb, struct wish *w)
{
	static const char *const names[] = {"mac", "ip", "sniffer", "all"};
	const char *second = w->as + strcspn(w->as, " =");
	size_t len = (size_t)(second - w->as), i;

	second += strspn(second, " =");
	for (i = 0; i < 4 && (strlen(names[i]) != len || strncmp(w->as, names[i], len));)
		i++;
	w->model = i < 4 ? (enum wish_as)(AS_MAC + i) : AS_NONE;
	if (w->model == AS_NONE || (*second && w->model > AS_IP))
		return fail_usage(
			verb, "--as %s: give mac, mac MAC, ip ADDRESS, sniffer or all",
			w->as);
	if (w->model == AS_MAC && *second) {
		if (!mac_parse(second, w->mac) || (w->mac[0] & 1))
			return fail_usage(verb,
			                  "--as mac %s: give a unicast MAC, as "
			                  "02:00:00:00:00:01",
			                  second);
		w->has_mac = true;
	}
	if (w->model == AS_IP && !read_address(second, &w->address[w->address_count++]))
		return fail_usage(verb,
		                  "--as ip %s: give an address, as 10.0.0.5 or "
		                  "2001:db8::5",
		                  second);
	return EXIT_OK;
}

static int read_answers(const struct verb *verb, struct wish *w)
{
	unsigned i;

	if (w->answer.count && w->model != AS_MAC && w->model != AS_IP)
		return fail_usage(verb,
		                  "--answer %s: goes with --as mac or --as ip, which "
		                  "say at which MAC",
		                  w->answer.text[0]);
	if (w->answer.count && w->silent)
		return fail_usage(verb, "--answer and --no-answer: give one of them");
	for (i = 0; i < w->answer.count; i++) {
		if (!read_address(w->answer.text[i], &w->address[w->address_count]))
			return fail_usage(verb,
			                  "--answer %s: give an address, as 10.0.0.5 "
			                  "or 2001:db8::5",
			                  w->answer.text[i]);
		w->address_count++;
	}
	return EXIT_OK;
}

static int read_rule(const struct verb *verb, struct wish *w, const char *text)
{
	struct packet_error err;
	struct rule *rule = &w->rule[w->rule_count++];

	if (rule_parse(text, rule, &err)) {
		fprintf(stderr, "rawq %s: --rule: ", verb->name);
		packet_error_print(stderr, &err);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

int wish_read(const struct verb *verb, struct wish *w, const char *usual)
{
	int code = w->as ? read_as(verb, w) : EXIT_OK;
	unsigned i;

	if (!code)
		code = read_answers(verb, w);
	for (i = 0; i < w->rules.count && !code; i++)
		code = read_rule(verb, w, w->rules.text[i]);
	if (!code && !w->rule_count && (w->model || usual))
		code = read_rule(verb, w, w->model ? "all" : usual);
	return code;
}

/* ---- with a port ---------------------------------------------------------- */

/* Locally administered, unicast: IEEE 802 section 8.2.2. */
static void random_mac(uint8_t mac[6])
{
	ssize_t got = getrandom(mac, 6, 0);

	(void)got; /* six bytes are never cut short, see getrandom(2) */
	mac[0] = (uint8_t)((mac[0] & ~1) | 2);
}

static void of_mac(struct rawq_rule_opts *o, const uint8_t mac[6])
{
	memcpy(o->value.dst_mac, mac, 6);
	memset(o->mask.dst_mac, 0xff, 6);
}

static void to_address(struct rawq_rule_opts *o, const struct wish_address *a)
{
	size_t len = a->v6 ? 16 : 4;

	o->value.ethertype = htons(a->v6 ? 0x86dd : 0x0800);
	o->mask.ethertype = 0xffff;
	memcpy(o->value.dst_ip, a->ip, len);
	memset(o->mask.dst_ip, 0xff, len);
}

static int narrow(const struct verb *verb, const struct wish *w, struct rule *rule)
{
	struct rawq_rule_opts preset = {0};

	if (w->model == AS_MAC || w->model == AS_IP)
		of_mac(&preset, w->mac);
	if (w->model == AS_IP)
		to_address(&preset, &w->address[0]);
	if (rule_narrow(&rule->opts, &preset))
		return fail_usage(verb, "--rule '%s': no frame can match it and --as %s",
		                  rule->text, w->as);
	rule->opts.take_everything = w->take_everything;
	rule->opts.copy |= w->copy || w->model == AS_SNIFFER;
	return EXIT_OK;
}

/* A preset's rules as they came out; others as they were given. */
static void put_words(struct wish *w)
{
	char text[160];
	size_t used = 0;
	unsigned i;

	for (i = 0; i < w->rule_count && used < sizeof(w->words); i++) {
		rule_format(&w->rule[i].opts, text, sizeof(text));
		used += (size_t)snprintf(w->words + used, sizeof(w->words) - used,
		                         "%s%s%s", i ? "; " : "",
		                         w->model ? text : w->rule[i].text,
		                         w->model && w->rule[i].is_drop ? " drop" : "");
	}
}

int wish_settle(const struct verb *verb, struct wish *w, const struct nic *nic)
{
	unsigned i;
	int code = EXIT_OK;

	if (w->model == AS_IP)
		memcpy(w->mac, nic->info.mac, 6);
	else if (w->model == AS_MAC && !w->has_mac)
		random_mac(w->mac);
	w->has_mac = w->model == AS_MAC || w->model == AS_IP;
	for (i = 0; i < w->rule_count && !code; i++)
		code = narrow(verb, w, &w->rule[i]);
	put_words(w);
	return code;
}

/* "client port server port", sshd(8) */
struct rawq_rule_key wish_session(void)
{
	const char *text = getenv("SSH_CONNECTION");
	struct rawq_rule_key key = {0};
	char client[64], server[64];
	struct wish_address from, to;
	unsigned from_port, to_port;

	if (!text ||
	    sscanf(text, "%63s %u %63s %u", client, &from_port, server, &to_port) != 4 ||
	    !read_address(client, &from) || !read_address(server, &to) ||
	    from.v6 != to.v6 || from_port > 65535 || to_port > 65535)
		return key;
	key.ethertype = htons(to.v6 ? 0x86dd : 0x0800);
	key.ip_proto = 6;
	memcpy(key.src_ip, from.ip, 16);
	memcpy(key.dst_ip, to.ip, 16);
	key.src_port = htons((uint16_t)from_port);
	key.dst_port = htons((uint16_t)to_port);
	return key;
}

static struct rawq_plan *make_plan(const struct wish *w, const struct nic *nic)
{
	const struct rawq_rule_opts *rules[STRING_LIST_MAX];
	struct rawq_plan_opts opts = {.size = sizeof(opts),
	                              .backend = nic->info.backend,
	                              .rules = rules,
	                              .rule_count = w->rule_count,
	                              .session = wish_session()};
	struct rawq_plan *plan = NULL;
	unsigned i;

	for (i = 0; i < w->rule_count; i++)
		rules[i] = &w->rule[i].opts;
	rawq_plan_create(nic->info.netdev, &opts, &plan, NULL);
	return plan;
}

int wish_check_session(const struct verb *verb, const struct wish *w,
                       const struct nic *nic)
{
	const struct rawq_stake *stake;
	struct rawq_plan *plan;
	unsigned i;
	int code = EXIT_OK;

	if (!wish_session().ethertype || w->take_everything)
		return EXIT_OK;
	plan = make_plan(w, nic);
	if (!plan)
		return EXIT_OK; /* rawq_rule_add() says what is wrong */
	for (i = 0; !code && (stake = rawq_plan_stake(plan, i)); i++) {
		if (stake->kind == RAWQ_STAKE_SESSION &&
		    (stake->fate == RAWQ_LOST || stake->fate == RAWQ_LOST_PARTLY))
			code = fail_usage(verb,
			                  "--rule '%s': %s would lose %s: name less, or "
			                  "say --take-everything",
			                  w->rule[stake->rule].text, nic->info.netdev,
			                  stake->what);
	}
	rawq_plan_free(plan);
	return code;
}

void wish_suggest(const struct wish *w, const struct nic *nic, unsigned rule)
{
	struct rawq_rule_opts instead[SUGGESTIONS];
	struct rawq_plan *plan = make_plan(w, nic);
	unsigned n = plan ? rawq_plan_instead(plan, rule, instead, SUGGESTIONS) : 0, i;
	char text[160];

	for (i = 0; i < n; i++) {
		rule_format(&instead[i], text, sizeof(text));
		fprintf(stderr, "%s'%s'%s", i ? " or " : "  this would do: ", text,
		        i + 1 == n ? "\n" : "");
	}
	rawq_plan_free(plan);
}
