/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq rules explain: a plan in words. */
#include "rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of connections and listeners, how many are named; the rest are counted. */
#define NAMED_MAX   12
#define INSTEAD_MAX 4

static const char *const kind_names[] = {
	[RAWQ_STAKE_MAC] = "mac",
	[RAWQ_STAKE_BROADCAST] = "broadcast",
	[RAWQ_STAKE_ADDRESS] = "address",
	[RAWQ_STAKE_GATEWAY] = "gateway",
	[RAWQ_STAKE_CHILD] = "child",
	[RAWQ_STAKE_MASTER] = "master",
	[RAWQ_STAKE_SERVICE] = "service",
	[RAWQ_STAKE_LISTENER] = "listener",
	[RAWQ_STAKE_CONNECTION] = "connection",
	[RAWQ_STAKE_SESSION] = "session",
};
static const char *const fate_names[] = {[RAWQ_KEPT] = "kept",
                                         [RAWQ_COPIED] = "copied",
                                         [RAWQ_LOST_PARTLY] = "lost partly",
                                         [RAWQ_LOST] = "lost"};
static const char *const fate_words[] = {[RAWQ_KEPT] = "keeps",
                                         [RAWQ_COPIED] = "keeps, copied",
                                         [RAWQ_LOST_PARTLY] = "may lose of",
                                         [RAWQ_LOST] = "loses"};

void rules_dump(json_t *event)
{
	json_dumpf(event, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(event);
}

/* ---- for a person --------------------------------------------------------- */

static void print_fate(const struct rawq_plan *plan, enum rawq_stake_fate fate)
{
	const struct rawq_stake *s;
	unsigned named = 0, more = 0, i;

	for (i = 0; (s = rawq_plan_stake(plan, i)); i++) {
		if (s->fate != fate || !s->in_use)
			continue;
		if (named < NAMED_MAX)
			printf("  %-13s %s\n", named ? "" : fate_words[fate], s->what);
		more += named >= NAMED_MAX;
		named++;
	}
	if (more)
		printf("  %-13s and %u more (--json has all)\n", "", more);
}

/* What a rule takes that nobody here is known to use. */
static void print_unused(const struct rawq_plan *plan)
{
	const struct rawq_stake *s;
	unsigned n = 0, i;

	for (i = 0; (s = rawq_plan_stake(plan, i)); i++) {
		if (s->in_use || s->fate != RAWQ_LOST)
			continue;
		printf("%s%s", n++ ? ", " : "  takes too     ", s->what);
	}
	if (n)
		puts(" (nobody here is known to use it)");
}

static void print_kept(const struct rawq_plan *plan)
{
	unsigned count[sizeof(kind_names) / sizeof(kind_names[0])] = {0}, i, n = 0;
	const struct rawq_stake *s;

	for (i = 0; (s = rawq_plan_stake(plan, i)); i++)
		count[s->kind] += s->fate == RAWQ_KEPT && s->in_use;
	for (i = 0; i < sizeof(count) / sizeof(count[0]); i++) {
		if (count[i])
			printf("%s%s (%u)", n++ ? ", " : "  keeps whole   ",
			       kind_names[i], count[i]);
	}
	puts(n ? "; --all names them" : "  keeps whole   nothing of its own");
}

static const char *backend_of(const struct rawq_plan *plan)
{
	return rawq_plan_backend(plan) == RAWQ_AUTO
	               ? "no backend"
	               : backend_names[rawq_plan_backend(plan)];
}

static void print_rule(const struct wish *w, const struct rawq_plan *plan, unsigned i)
{
	struct rawq_rule_opts instead[INSTEAD_MAX];
	struct rawq_error err;
	char text[200];
	unsigned n, k;

	rule_format(&w->rule[i].opts, text, sizeof(text));
	printf("  %-13s '%s'%s\n", w->rule[i].is_drop ? "is dropped" : "program gets",
	       text, w->rule[i].opts.copy ? ", and the kernel as well" : "");
	if (!rawq_plan_verdict(plan, i, &err))
		return;
	printf("  refused       %s\n", err.text);
	n = rawq_plan_instead(plan, i, instead, INSTEAD_MAX);
	for (k = 0; k < n; k++) {
		rule_format(&instead[k], text, sizeof(text));
		printf("  %-13s '%s'\n", k ? "" : "would do", text);
	}
}

static void print_plan(const struct rules_opts *o, const char *netdev,
                       const struct rawq_plan *plan)
{
	unsigned i;

	printf("%s, %s: nothing is changed\n", netdev, backend_of(plan));
	for (i = 0; i < o->wish.rule_count; i++)
		print_rule(&o->wish, plan, i);
	puts("the kernel");
	print_fate(plan, RAWQ_LOST);
	print_fate(plan, RAWQ_LOST_PARTLY);
	print_fate(plan, RAWQ_COPIED);
	print_unused(plan);
	if (o->all)
		print_fate(plan, RAWQ_KEPT);
	else
		print_kept(plan);
}

/* ---- for a program -------------------------------------------------------- */

static json_t *stakes_json(const struct rawq_plan *plan)
{
	const struct rawq_stake *s;
	json_t *list = json_array(), *item;
	unsigned i;

	for (i = 0; (s = rawq_plan_stake(plan, i)); i++) {
		item = json_pack("{s:s, s:s, s:s, s:b, s:b}", "what", s->what, "kind",
		                 kind_names[s->kind], "fate", fate_names[s->fate],
		                 "vital", !!s->vital, "in_use", !!s->in_use);
		if (s->fate != RAWQ_KEPT)
			json_object_set_new(item, "rule", json_integer(s->rule));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *rule_json(const struct wish *w, const struct rawq_plan *plan, unsigned i)
{
	struct rawq_rule_opts instead[INSTEAD_MAX];
	struct rawq_error err;
	json_t *list = json_array(), *rule;
	char text[200];
	unsigned n, k;

	rule_format(&w->rule[i].opts, text, sizeof(text));
	rule = json_pack("{s:s, s:b}", "rule", text, "drop", w->rule[i].is_drop);
	if (!rawq_plan_verdict(plan, i, &err)) {
		json_decref(list);
		return rule;
	}
	n = rawq_plan_instead(plan, i, instead, INSTEAD_MAX);
	for (k = 0; k < n; k++) {
		rule_format(&instead[k], text, sizeof(text));
		json_array_append_new(list, json_string(text));
	}
	json_object_set_new(rule, "refused", json_string(err.text));
	json_object_set_new(rule, "instead", list);
	return rule;
}

static json_t *plan_json(const struct rules_opts *o, const char *netdev,
                         const struct rawq_plan *plan)
{
	json_t *rules = json_array();
	unsigned i;

	for (i = 0; i < o->wish.rule_count; i++)
		json_array_append_new(rules, rule_json(&o->wish, plan, i));
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "event", "plan", "interface",
	                 netdev, "backend", backend_of(plan), "rules", rules, "kernel",
	                 stakes_json(plan));
}

/* ---- both ----------------------------------------------------------------- */

static int make_plan(const struct verb *verb, struct rules_opts *o, const char *netdev,
                     struct rawq_plan **plan)
{
	const struct rawq_rule_opts *rules[STRING_LIST_MAX];
	struct rawq_plan_opts opts = {.size = sizeof(opts),
	                              .backend = (enum rawq_backend)o->choice.backend,
	                              .rules = rules,
	                              .rule_count = o->wish.rule_count,
	                              .session = wish_session()};
	struct rawq_error err;
	unsigned i;
	int ret;

	for (i = 0; i < o->wish.rule_count; i++) {
		struct rule *r = &o->wish.rule[i];

		r->opts.queue_count = r->is_drop       ? 0
		                      : r->queue_count ? r->queue_count
		                                       : UINT32_MAX;
		rules[i] = &r->opts;
	}
	ret = rawq_plan_create(netdev, &opts, plan, &err);
	if (ret == -EINVAL)
		return fail_usage(verb, "%s", err.text);
	return ret ? fail_environment(verb, "%s", err.text) : EXIT_OK;
}

/* 1: a rule would be refused. */
static int verdict(const struct rules_opts *o, const struct rawq_plan *plan)
{
	unsigned i;
	int code = EXIT_OK;

	for (i = 0; i < o->wish.rule_count; i++) {
		if (rawq_plan_verdict(plan, i, NULL))
			code = EXIT_EXPECTATION;
	}
	return code;
}

int rules_explain(const struct verb *verb, struct rules_opts *o, const char *netdev)
{
	struct rawq_plan *plan = NULL;
	json_t *event;
	struct nic nic;
	int code = wish_read(verb, &o->wish, NULL);

	if (!code)
		code = nic_read_mac(verb, netdev, &nic);
	if (!code)
		code = wish_settle(verb, &o->wish, &nic);
	if (!code)
		code = make_plan(verb, o, netdev, &plan);
	if (code)
		return code;
	event = plan_json(o, netdev, plan);
	if (!o->json)
		print_plan(o, netdev, plan);
	if (o->pcap)
		code = rules_replay(verb, o, plan, event);
	if (o->json && !code)
		rules_dump(event);
	else
		json_decref(event);
	if (!code)
		code = verdict(o, plan);
	rawq_plan_free(plan);
	return code;
}
