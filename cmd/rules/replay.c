/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq rules explain --pcap: a capture through the plan. */
#include "rules.h"

#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

enum { TO_PROGRAM, TO_KERNEL, TO_BOTH, DROPPED, WAYS };

static const char *const ways[WAYS] = {"program", "kernel", "both", "dropped"};

struct replay {
	const struct rules_opts *opts;
	const struct rawq_plan *plan;
	uint64_t frames[WAYS], bytes[WAYS];
	uint64_t rule[STRING_LIST_MAX]; /* frames by the first rule that matched */
	uint64_t number, cut;
};

static unsigned way_of(uint32_t to)
{
	return to == (RAWQ_TO_PROGRAM | RAWQ_TO_KERNEL) ? TO_BOTH
	       : to == RAWQ_TO_PROGRAM                  ? TO_PROGRAM
	       : to == RAWQ_TO_KERNEL                   ? TO_KERNEL
	                                                : DROPPED;
}

static void tell_frame(const struct replay *r, const struct rawq_plan_fate *fate)
{
	if (!r->opts->frames)
		return;
	if (r->opts->json)
		printf("{\"event\":\"frame\",\"number\":%" PRIu64
		       ",\"to\":\"%s\",\"rule\":%d}\n",
		       r->number, ways[way_of(fate->to)], fate->rule);
	else if (fate->rule < 0)
		printf("  frame %-8" PRIu64 "%s\n", r->number, ways[way_of(fate->to)]);
	else
		printf("  frame %-8" PRIu64 "%s, rule %d\n", r->number,
		       ways[way_of(fate->to)], fate->rule + 1);
}

static void take_frame(u_char *arg, const struct pcap_pkthdr *header, const u_char *frame)
{
	struct replay *r = (struct replay *)(void *)arg;
	struct rawq_plan_fate fate;

	rawq_plan_frame(r->plan, frame, header->caplen, &fate);
	r->number++;
	r->cut += header->caplen < header->len;
	r->frames[way_of(fate.to)]++;
	r->bytes[way_of(fate.to)] += header->len;
	if (fate.rule >= 0)
		r->rule[fate.rule]++;
	tell_frame(r, &fate);
}

static json_t *replay_json(const struct replay *r)
{
	json_t *json = json_pack("{s:s, s:I, s:I}", "file", r->opts->pcap, "frames",
	                         (json_int_t)r->number, "cut", (json_int_t)r->cut);
	json_t *rules = json_array();
	unsigned i;

	for (i = 0; i < WAYS; i++)
		json_object_set_new(json, ways[i],
		                    json_integer((json_int_t)r->frames[i]));
	for (i = 0; i < r->opts->wish.rule_count; i++)
		json_array_append_new(rules, json_integer((json_int_t)r->rule[i]));
	json_object_set_new(json, "by_rule", rules);
	return json;
}

static void print_replay(const struct replay *r)
{
	unsigned i;

	printf("%s: %" PRIu64 " frames\n", r->opts->pcap, r->number);
	for (i = 0; i < WAYS; i++) {
		if (r->frames[i])
			printf("  %-13s %10" PRIu64 " frames %14" PRIu64 " bytes\n",
			       ways[i], r->frames[i], r->bytes[i]);
	}
	for (i = 0; i < r->opts->wish.rule_count && r->opts->wish.rule_count > 1; i++)
		printf("  by rule %-5u %10" PRIu64 " frames\n", i + 1, r->rule[i]);
	if (r->cut)
		printf("  %" PRIu64
		       " frames are cut short in the file: what is not there "
		       "cannot match\n",
		       r->cut);
}

int rules_replay(const struct verb *verb, const struct rules_opts *opts,
                 const struct rawq_plan *plan, json_t *event)
{
	struct replay r = {.opts = opts, .plan = plan};
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *file = pcap_open_offline(opts->pcap, why);
	int code = EXIT_OK;

	if (!file)
		return fail_environment(verb, "--pcap: %s", why);
	if (pcap_datalink(file) != DLT_EN10MB)
		code = fail_environment(verb, "--pcap: %s has no Ethernet frames but %s",
		                        opts->pcap,
		                        pcap_datalink_val_to_name(pcap_datalink(file)));
	else if (pcap_loop(file, 0, take_frame, (u_char *)&r) < 0)
		code = fail_environment(verb, "--pcap: %s: frame %" PRIu64 ": %s",
		                        opts->pcap, r.number + 1, pcap_geterr(file));
	pcap_close(file);
	if (!code)
		json_object_set_new(event, "pcap", replay_json(&r));
	if (!code && !opts->json)
		print_replay(&r);
	return code;
}
