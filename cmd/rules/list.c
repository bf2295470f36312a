/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq rules list: rawq's rules on an interface, and what else is asked before the kernel is. */
#include "rules.h"

#include "others.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const owners[] = {[RAWQ_OWNER_PORT] = "rawq",
                                     [RAWQ_OWNER_RAWQ] = "rawq",
                                     [RAWQ_OWNER_OTHER] = "other"};

static void rule_text(const struct rawq_rule_info *r, char *text, size_t size)
{
	struct rawq_rule_opts o = {.value = r->value, .mask = r->mask};

	o.priority = r->priority;
	o.copy = r->copy;
	o.mark = r->mark;
	o.src_port_last = r->src_port_last;
	o.dst_port_last = r->dst_port_last;
	if (r->owner == RAWQ_OWNER_OTHER)
		snprintf(text, size, "%s", r->what);
	else
		rule_format(&o, text, size);
}

static void print_rule(const struct rawq_rule_info *r)
{
	char text[200], owner[48] = "unknown";

	rule_text(r, text, sizeof(text));
	if (r->pid)
		snprintf(owner, sizeof(owner), "%s (%d)", *r->comm ? r->comm : "?",
		         r->pid);
	printf("  %-6s %-22s %s%s", owners[r->owner], owner, text,
	       r->owner != RAWQ_OWNER_OTHER && !r->queue_count ? " drop" : "");
	if (r->count)
		printf("  %" PRIu64 " packets, %" PRIu64 " bytes", r->packets, r->bytes);
	putchar('\n');
}

static void dump_rule(const char *netdev, const struct rawq_rule_info *r)
{
	json_t *event;
	char text[200];

	rule_text(r, text, sizeof(text));
	event = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s}", "event", "rule", "interface",
	                  netdev, "owner", owners[r->owner], "pid", r->pid, "command",
	                  r->comm, r->owner == RAWQ_OWNER_OTHER ? "what" : "rule", text);
	if (r->owner != RAWQ_OWNER_OTHER)
		json_object_update_new(event, json_pack("{s:i, s:i, s:b}", "priority",
		                                        (int)r->priority, "queues",
		                                        (int)r->queue_count, "drop",
		                                        !r->queue_count));
	if (r->count)
		json_object_update_new(event, json_pack("{s:I, s:I}", "packets",
		                                        (json_int_t)r->packets, "bytes",
		                                        (json_int_t)r->bytes));
	rules_dump(event);
}

/* All that the port tells, however many came meanwhile; NULL: none or *code. */
static struct rawq_rule_info *read_rules(const struct verb *verb, struct nic *nic, int *n,
                                         int *code)
{
	struct rawq_rule_info *infos = NULL, *grown;
	struct rawq_error err;
	int room = 0;

	for (;;) {
		*n = rawq_rule_list(nic->port, infos, (uint32_t)room, &err);
		if (*n < 0)
			*code = fail_environment(verb, "%s", err.text);
		if (*n <= room)
			return infos;
		room = *n + 16;
		grown = realloc(infos, (size_t)room * sizeof(*infos));
		if (!grown) {
			*code = fail_environment(verb, "no memory");
			*n = 0;
			return infos;
		}
		infos = grown;
	}
}

static void tell_other(void *arg, const char *what)
{
	struct rawq_rule_info info = {.owner = RAWQ_OWNER_OTHER};
	const struct rules_list *list = arg;

	snprintf(info.what, sizeof(info.what), "%s", what);
	if (list->json)
		dump_rule(list->netdev, &info);
	else
		print_rule(&info);
}

int rules_list(const struct verb *verb, const struct rules_opts *opts, const char *netdev)
{
	struct rules_list list = {.netdev = netdev, .json = opts->json};
	struct rawq_rule_info *infos;
	struct nic nic = {0};
	unsigned others;
	int code = nic_open(verb, netdev, &opts->choice, &nic), n = 0, i;

	if (code)
		return code;
	infos = read_rules(verb, &nic, &n, &code);
	if (!code && !opts->json)
		printf("%s, %s\n", netdev, backend_names[nic.info.backend]);
	for (i = 0; i < n && !code; i++) {
		if (opts->json)
			dump_rule(netdev, &infos[i]);
		else
			print_rule(&infos[i]);
	}
	others = code ? 0 : others_tell(nic.info.ifindex, netdev, tell_other, &list);
	if (!code && !opts->json && n + (int)others == 0)
		puts("  nothing steers it: the kernel has every frame");
	free(infos);
	nic_close(&nic);
	return code;
}
