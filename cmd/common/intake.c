/* SPDX-License-Identifier: BSD-2-Clause */
/* Receive queues with rules: opened in one call, closed in one. */
#include "intake.h"

#include "privilege.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint32_t frames_per_queue(const struct intake *in, const struct intake_opts *opts)
{
	return opts->sends ? 2 * in->depth : in->depth;
}

static int open_queue(struct intake *in, const struct intake_opts *opts, unsigned i)
{
	struct intake_queue *q = &in->queue[i];
	struct rawq_queue_opts queue = {.size = sizeof(queue),
	                                .depth = in->depth,
	                                .number = i + 1,
	                                .busy_poll = opts->busy_poll};
	uint32_t frame_size = rawq_region_frame_size(in->region);
	uint32_t frames = frames_per_queue(in, opts);
	struct rawq_error err;

	queue.offloads =
		(in->segments ? RAWQ_RX_SEGMENTS : 0) | (in->times ? RAWQ_RX_TIME : 0);
	if (nic_rxq_create(&in->nic, in->region, &queue, &q->rx, &err))
		return fail_environment(opts->verb, "%s", err.text);
	queue.offloads =
		(in->segments ? RAWQ_TX_SEGMENTS : 0) | (in->times ? RAWQ_TX_TIME : 0);
	if (opts->sends && nic_txq_create(&in->nic, in->region, &queue, &q->tx, &err))
		return fail_environment(opts->verb, "%s", err.text);
	if (frames_init(&q->frames, (uint64_t)i * frames * frame_size, frames,
	                frame_size))
		return fail_environment(opts->verb, "no memory");
	frames_post(&q->frames, q->rx, in->depth);
	return EXIT_OK;
}

static int open_queues(struct intake *in, const struct intake_opts *opts)
{
	struct rawq_region_opts region = {.size = sizeof(region)};
	struct rawq_error err;
	unsigned i;
	int code = EXIT_OK;

	region.frame_size = nic_frame_size(&in->nic, &in->segments);
	in->depth = nic_depth(&in->nic, opts->depth);
	region.frames = in->queues * frames_per_queue(in, opts);
	if (rawq_region_create(&region, &in->region, &err))
		return fail_environment(opts->verb, "%s", err.text);
	in->queue = calloc(in->queues, sizeof(*in->queue));
	if (!in->queue)
		return fail_environment(opts->verb, "no memory");
	for (i = 0; i < in->queues && !code; i++)
		code = open_queue(in, opts, i);
	return code;
}

/* With the rule in place, so that the steering program's mode is known. */
static void look_up_mode(struct intake *in)
{
	struct rawq_queue_info info;

	rawq_rxq_info(in->queue[0].rx, &info);
	in->mode = info.mode;
	nic_describe(&in->nic, in->mode, in->how, sizeof(in->how));
}

/* The queues that a rule names, all if it names none. */
static int choose_queues(const struct intake *in, const struct verb *verb,
                         const struct rule *rule, struct rawq_rule_opts *opts)
{
	unsigned n = rule->queue_count ? rule->queue_count : in->queues, i, number;

	opts->queues = calloc(n, sizeof(struct rawq_rxq *));
	if (!opts->queues)
		return fail_environment(verb, "no memory");
	for (i = 0; i < n; i++) {
		number = rule->queue_count ? rule->queues[i] : i + 1;
		if (number > in->queues)
			return fail_usage(verb, "--rule '%s': queue %u: %u %s open",
			                  rule->text, number, in->queues,
			                  in->queues == 1 ? "is" : "are");
		opts->queues[i] = in->queue[number - 1].rx;
	}
	opts->queue_count = n;
	return EXIT_OK;
}

static int add_rule(struct intake *in, const struct intake_opts *opts, unsigned i)
{
	const struct rule *rule = &opts->wish->rule[i];
	struct rawq_rule_opts o = rule->opts;
	struct rawq_error err;
	int ret = 0, code = EXIT_OK;

	if (!rule->is_drop)
		code = choose_queues(in, opts->verb, rule, &o);
	if (!code)
		ret = rawq_rule_add(in->nic.port, &o, &in->rule[i], &err);
	free(o.queues);
	if (ret == -EACCES) {
		code = fail_usage(opts->verb, "%s", err.text);
		wish_suggest(opts->wish, &in->nic, i);
	} else if (ret) {
		code = fail_environment(opts->verb, "%s", err.text);
	}
	if (!code)
		in->rules++;
	return code;
}

static int add_rules(struct intake *in, const struct intake_opts *opts)
{
	int code = wish_check_session(opts->verb, opts->wish, &in->nic);
	unsigned i;

	for (i = 0; i < opts->wish->rule_count && !code; i++)
		code = add_rule(in, opts, i);
	return code;
}

static bool has_times(const struct rawq_port_info *info, const struct intake_opts *opts)
{
	return info->clock && (!opts->clock || info->clock == opts->clock) &&
	       info->rx_offloads & RAWQ_RX_TIME &&
	       (!opts->sends || info->tx_offloads & RAWQ_TX_TIME);
}

int intake_open(struct intake *in, const struct intake_opts *opts)
{
	int code;

	memset(in, 0, sizeof(*in));
	if (opts->depth & (opts->depth - 1))
		return fail_usage(opts->verb, "--depth %" PRIu64 ": give a power of two",
		                  opts->depth);
	code = nic_open(opts->verb, opts->netdev, opts->choice, &in->nic);
	if (!code)
		code = wish_settle(opts->verb, opts->wish, &in->nic);
	if (code)
		return code;
	in->times = opts->times && has_times(&in->nic.info, opts);
	in->queues = nic_queues(opts->verb, &in->nic, opts->queues, true);
	return in->queues ? open_queues(in, opts) : EXIT_ENVIRONMENT;
}

int intake_start(struct intake *in, const struct intake_opts *opts)
{
	int code = add_rules(in, opts);

	if (code)
		return code;
	look_up_mode(in);
	if (opts->wish->has_mac)
		code = answer_start(opts->verb, &in->nic, opts->wish, &in->answerer);
	privilege_drop();
	return code;
}

json_t *intake_json(const struct intake *in, const struct wish *wish)
{
	json_t *config = nic_json(&in->nic, in->mode);
	const uint8_t *m = wish->mac;
	char mac[18];

	json_object_set_new(config, "rule", json_string(wish->words));
	if (wish->as)
		json_object_set_new(config, "as", json_string(wish->as));
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2],
	         m[3], m[4], m[5]);
	if (wish->has_mac)
		json_object_set_new(config, "mac", json_string(mac));
	return config;
}

void intake_close(struct intake *in)
{
	unsigned i;

	answer_stop(in->answerer);
	while (in->rules)
		rawq_rule_remove(in->rule[--in->rules]);
	for (i = 0; in->queue && i < in->queues; i++) {
		nic_rxq_destroy(&in->nic, in->queue[i].rx);
		nic_txq_destroy(&in->nic, in->queue[i].tx);
		frames_free(&in->queue[i].frames);
	}
	free(in->queue);
	rawq_region_destroy(in->region);
	nic_close(&in->nic);
}
