/* SPDX-License-Identifier: BSD-2-Clause */
/* rawq show: the packets that rawq tx would send, as text or as a pcap, without sending. */
#include "verbs.h"

#include "common/packet/packet.h"
#include "common/pcap_write.h"
#include "common/schedule.h"
#include "common/testfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct {
	uint64_t count, seed;
	const char *size, *file;
	bool yaml, json;
} opt = {.count = 3, .seed = 1};

static const struct option_row options[] = {
	ROW_COUNT("count", "N", &opt.count, 1, 0, "packets to show (default: 3)"),
	SIZES_ROW(&opt.size),
	SEED_ROW(&opt.seed),
	ROW_STRING("write", "FILE", &opt.file,
                   "write a pcap instead, times 1 us apart; - is stdout"),
	ROW_FLAG("yaml", &opt.yaml,
                 "print what follows -- (a verb, its operands and options), or\n"
                 "a FILE for rawq run, as YAML with all that is in effect"),
	ROW_FLAG("json", &opt.json, "the same as one line of JSON"),
	{.name = NULL},
};

/* The link that per cent are of, Mbit/s: here is none. */
enum { LINK_MBPS = 10000 };

/* One packet after the other, each with its time: 1 us apart, or as their own rates say. */
struct walk {
	struct packet_source *source;
	struct schedule schedule;
	const void *held;
	uint64_t time_ns;
};

static int walk_begin(struct walk *w, const struct packet *p,
                      struct packet_source *source)
{
	struct flow_plan plans[PACKETS_MAX];
	unsigned n = packet_has_rates(p) ? packet_count(p) : 0, i;

	for (i = 0; i < n; i++) {
		const struct packet_stream *stream = packet_stream(p, i);

		plans[i] = (struct flow_plan){
			.shape = stream->shape,
			.count = UINT64_MAX,
			.pps = rate_pps(&stream->rate, packet_stream_mean_length(p, i),
		                        LINK_MBPS)};
		plans[i].shape.seed = opt.seed + i;
	}
	*w = (struct walk){.source = source};
	return schedule_init(&w->schedule, plans, n, 0, 1, 0);
}

static uint32_t walk_on(struct walk *w, uint64_t i, uint8_t *frame)
{
	struct pick pick;
	uint64_t next;

	if (!w->schedule.count) {
		w->time_ns = i * 1000;
		packet_source_set_time(w->source, w->time_ns);
		return packet_write(w->source, frame, &w->held);
	}
	while (!schedule_take(&w->schedule, w->time_ns, 1, &pick)) {
		next = schedule_next_ns(&w->schedule);
		w->time_ns = next > w->time_ns ? next : w->time_ns + 1;
	}
	packet_source_set_time(w->source, w->time_ns);
	return packet_write_of(w->source, pick.flow, frame, &w->held);
}

static int show_text(struct walk *w, const struct packet *p)
{
	uint8_t frame[PACKET_MAX];
	uint64_t i;
	uint32_t len;

	for (i = 0; i < opt.count; i++) {
		len = walk_on(w, i, frame);
		printf("packet %" PRIu64 ", %u bytes\n", i, len);
		packet_show(stdout, p, w->held, frame, len);
	}
	return EXIT_OK;
}

static int write_packets(struct walk *w, FILE *to)
{
	uint8_t frame[PACKET_MAX];
	uint64_t i;
	uint32_t len;

	if (pcap_write_header(to))
		return -1;
	for (i = 0; i < opt.count; i++) {
		len = walk_on(w, i, frame);
		if (pcap_write_frame(to, frame, len, w->time_ns))
			return -1;
	}
	return 0;
}

static int write_file(struct walk *w)
{
	FILE *to = strcmp(opt.file, "-") ? fopen(opt.file, "wb") : stdout;
	int err;

	if (!to)
		return fail_environment(&verb_show, "%s: %s", opt.file, strerror(errno));
	err = write_packets(w, to);
	if (fflush(to) || err)
		err = fail_environment(&verb_show, "%s: %s", opt.file, strerror(errno));
	if (to != stdout)
		fclose(to);
	return err;
}

static int print_config(const struct verb *verb, int argc, char *const *argv)
{
	json_t *config = testfile_json(verb, argc, argv);

	if (opt.yaml) {
		testfile_print_yaml(stdout, config);
	} else {
		json_dumpf(config, stdout, JSON_COMPACT);
		putchar('\n');
	}
	json_decref(config);
	return EXIT_OK;
}

/* A verb's words, its own options among them. */
static int show_words(const struct verb *verb, int argc, char **argv)
{
	int code, first = options_parse(verb, &argc, argv, &code);

	if (first < 0)
		return code;
	return print_config(verb, argc - first, argv + first);
}

/* Words or a file as rawq run would have it. */
static int show_config(int argc, char **argv)
{
	struct testfile file;
	unsigned i;
	int code;

	for (i = 0; verbs[i]; i++)
		if (!strcmp(verbs[i]->name, argv[0]) && verbs[i] != &verb_show)
			return show_words(verbs[i], argc, argv);
	if (argc > 1)
		return fail_usage(&verb_show, "'%s' is no verb; rawq --help lists them",
		                  argv[0]);
	code = testfile_read(&verb_show, argv[0], verbs, &file);
	if (!code)
		code = print_config(file.verb, file.argc, file.argv);
	testfile_free(&file);
	return code;
}

static int show_run(int argc, char **argv)
{
	struct packet_opts opts = {
		.sizes = opt.size, .seed = opt.seed, .src_mac = {2, 0, 0, 0, 0, 1}};
	struct packet_source *source;
	struct packet_error err;
	struct packet *packet;
	struct walk walk = {NULL, {NULL, 0}, NULL, 0};
	int code;

	if (opt.yaml || opt.json)
		return show_config(argc, argv);
	if (argc > 1)
		return fail_usage(&verb_show, "unexpected '%s': rawq show PACKET",
		                  argv[1]);
	code = packet_compile(argv[0], &opts, &packet, &err);
	if (code == -EINVAL) {
		fputs("rawq show: ", stderr);
		packet_error_print(stderr, &err);
		return EXIT_USAGE;
	}
	if (code)
		return fail_environment(&verb_show, "no memory");
	source = packet_source_create(packet, 0, 1);
	if (!source || walk_begin(&walk, packet, source))
		code = fail_environment(&verb_show, "no memory");
	else
		code = opt.file ? write_file(&walk) : show_text(&walk, packet);
	schedule_free(&walk.schedule);
	packet_source_free(source);
	packet_free(packet);
	return code;
}

const struct verb verb_show = {
	.name = "show",
	.operands = "PACKET | FILE | -- VERB...",
	.summary = "the packets that tx would send, without sending",
	.help = "The source MAC, which tx takes from the interface, is 02:00:00:00:00:01 "
		"here.\n\n"
		"  rawq show 'eth/ip(dst=10.0.0.0/24)/udp(sport=rand(1024..65535))'\n"
		"  rawq show 'ip/tcp(flags=syn)' --count 1000 --write syn.pcap\n"
		"  rawq show --yaml -- tx eth0 udp --rate 1Mpps > test.yaml\n",
	.options = options,
	.operands_min = 1,
	.operands_max = 64,
	.run = show_run,
};
