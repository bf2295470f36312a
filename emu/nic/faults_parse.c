/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a plan of faults: one per line, "KIND KEY=VALUE...", see doc/emulator.md. */
#include "emu/nic/faults_plan.h"
#include "emu/wire/kinds.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64 << 10)

enum key {
	KEY_QUEUE,
	KEY_NUMBER,
	KEY_AT,
	KEY_EVERY,
	KEY_CHANCE,
	KEY_DO,
	KEY_BY,
	KEY_PORT,
	KEY_WAY,
	KEY_FOR,
	KEY_STEP,
	KEY_NAME,
	KEY_ERRNO,
	KEY_SYNDROME,
	KEY_VENDOR,
	KEYS
};
#define BIT(key) (1u << (key))

static const char *const key_names[KEYS] = {
	"queue", "number", "at",   "every", "chance", "do",       "by",    "port",
	"way",   "for",    "step", "name",  "errno",  "syndrome", "vendor"};

/* When an event is counted: one of these three is given. */
#define WHEN (BIT(KEY_AT) | BIT(KEY_EVERY) | BIT(KEY_CHANCE))

static const struct {
	const char *name;
	uint32_t needed, allowed; /* allowed besides the needed ones */
	bool timed;               /* at and every are times */
} kinds[] = {
	[FAULT_WQE] = {"wqe", BIT(KEY_QUEUE) | BIT(KEY_SYNDROME),
                       WHEN | BIT(KEY_NUMBER) | BIT(KEY_VENDOR), false},
	[FAULT_DOORBELL] = {"doorbell", BIT(KEY_QUEUE) | BIT(KEY_DO),
                            WHEN | BIT(KEY_NUMBER) | BIT(KEY_BY), false},
	[FAULT_LINK] = {"link", BIT(KEY_AT) | BIT(KEY_FOR),
                        BIT(KEY_EVERY) | BIT(KEY_PORT), true},
	[FAULT_FRAME] = {"frame", BIT(KEY_WAY) | BIT(KEY_DO),
                         WHEN | BIT(KEY_PORT) | BIT(KEY_BY), false},
	[FAULT_CLOCK] = {"clock", BIT(KEY_AT) | BIT(KEY_STEP), BIT(KEY_EVERY), true},
	[FAULT_CALL] = {"call", BIT(KEY_NAME) | BIT(KEY_ERRNO), WHEN, false},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct choice {
	const char *name;
	unsigned value;
};
static const struct choice queues[] = {{"sq", FAULT_SQ}, {"rq", FAULT_RQ}, {NULL, 0}};
static const struct choice ways[] = {{"tx", WAY_TX}, {"rx", WAY_RX}, {NULL, 0}};
static const struct choice doorbells[] = {{"lose", FAULT_LOSE},
                                          {"late", FAULT_LATE},
                                          {"twice", FAULT_DUPLICATE},
                                          {NULL, 0}};
static const struct choice frames[] = {{"drop", FRAME_DROP},
                                       {"corrupt", FRAME_CORRUPT},
                                       {"duplicate", FRAME_DUPLICATE},
                                       {"reorder", FRAME_REORDER},
                                       {"delay", FRAME_DELAY},
                                       {"unplug", FRAME_UNPLUG},
                                       {NULL, 0}};

/* Where the reader is, for sentences about it. */
struct place {
	unsigned line;
	char *err;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int bad(const struct place *at,
                                                     const char *fmt, ...)
{
	int n = snprintf(at->err, at->size, "faults line %u: ", at->line);
	va_list ap;

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < at->size)
		vsnprintf(at->err + n, at->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- values ---- */

static bool read_number(const char *s, uint64_t max, uint64_t *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &end, 0);
	return !*end && !errno && *out <= max;
}

/* A signed time with its unit. */
static bool read_time(const char *s, int64_t *out)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	char *end;
	double v = strtod(s, &end);

	if (end == s || !isfinite(v))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		*out = (int64_t)(v * units[i].ns);
		return fabs(v * units[i].ns) < 1e18;
	}
	return false;
}

static bool read_choice(const char *s, const struct choice *choices, unsigned *out)
{
	for (; choices->name; choices++) {
		if (strcmp(s, choices->name) != 0)
			continue;
		*out = choices->value;
		return true;
	}
	return false;
}

static bool read_percent(const char *s, uint32_t *ppm)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || strcmp(end, "%") != 0 || !(v > 0 && v <= 100))
		return false;
	*ppm = (uint32_t)(v * 1e4);
	return *ppm > 0;
}

static bool read_errno(const char *s, int *out)
{
	for (int e = 1; e < 134; e++) {
		const char *name = strerrorname_np(e);

		if (!name || strcmp(name, s) != 0)
			continue;
		*out = e;
		return true;
	}
	return false;
}

static bool read_duration(const char *s, uint64_t *out)
{
	int64_t v;

	if (!read_time(s, &v) || v < 0)
		return false;
	*out = (uint64_t)v;
	return true;
}

/* at= and every=: counts from 1, or times. */
static bool read_when(const struct fault *f, enum key key, const char *s, uint64_t *out)
{
	if (kinds[f->kind].timed)
		return read_duration(s, out) && (key == KEY_AT || *out);
	return read_number(s, UINT64_MAX, out) && *out;
}

static bool read_byte(const char *s, uint8_t *out)
{
	uint64_t v;

	if (!read_number(s, 255, &v))
		return false;
	*out = (uint8_t)v;
	return true;
}

static bool read_u32(const char *s, uint32_t *out)
{
	uint64_t v;

	if (!read_number(s, UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool read_name(const char *s, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "%s", s) < size && *s;
}

static bool read_value(struct fault *f, enum key key, const char *s)
{
	unsigned choice = 0;
	bool good = false;

	switch (key) {
	case KEY_QUEUE:
		good = read_choice(s, queues, &choice);
		f->queue = choice;
		return good;
	case KEY_WAY:
		good = read_choice(s, ways, &choice);
		f->way = choice;
		return good;
	case KEY_DO:
		return read_choice(s, f->kind == FAULT_FRAME ? frames : doorbells,
		                   &f->action);
	case KEY_NUMBER:
		return read_u32(s, &f->number);
	case KEY_PORT:
		return read_u32(s, &f->port);
	case KEY_AT:
		return read_when(f, key, s, &f->at);
	case KEY_EVERY:
		return read_when(f, key, s, &f->every);
	case KEY_CHANCE:
		return read_percent(s, &f->chance_ppm);
	case KEY_BY:
		return read_duration(s, &f->by_ns);
	case KEY_FOR:
		return read_duration(s, &f->for_ns) && f->for_ns;
	case KEY_STEP:
		return read_time(s, &f->step_ns);
	case KEY_NAME:
		return read_name(s, f->name, sizeof(f->name));
	case KEY_ERRNO:
		return read_errno(s, &f->err);
	case KEY_SYNDROME:
		return read_byte(s, &f->syndrome);
	case KEY_VENDOR:
		return read_byte(s, &f->vendor);
	case KEYS:
		break;
	}
	return good;
}

/* ---- lines ---- */

static int find_key(const char *word, size_t len)
{
	for (int k = 0; k < KEYS; k++)
		if (strlen(key_names[k]) == len && !strncmp(word, key_names[k], len))
			return k;
	return -1;
}

static int read_key(struct fault *f, const char *word, const struct place *at)
{
	size_t len = strcspn(word, "=");
	int key = find_key(word, len);

	if (!word[len])
		return bad(at, "'%s' is not KEY=VALUE", word);
	if (key < 0 || !((kinds[f->kind].needed | kinds[f->kind].allowed) & BIT(key)))
		return bad(at, "'%s' has no key '%.*s'", kinds[f->kind].name, (int)len,
		           word);
	if (f->given & BIT(key))
		return bad(at, "'%s' twice", key_names[key]);
	if (!read_value(f, key, word + len + 1))
		return bad(at, "'%s' is no value of '%s'", word + len + 1,
		           key_names[key]);
	f->given |= BIT(key);
	return 0;
}

static int check_fault(struct fault *f, const struct place *at)
{
	uint32_t missing = kinds[f->kind].needed & ~f->given;
	uint32_t when = f->given & WHEN;
	bool late = (f->kind == FAULT_DOORBELL && f->action == FAULT_LATE) ||
	            (f->kind == FAULT_FRAME &&
	             (f->action == FRAME_DELAY || f->action == FRAME_UNPLUG));

	for (int k = 0; k < KEYS; k++)
		if (missing & BIT(k))
			return bad(at, "'%s' needs '%s='", kinds[f->kind].name,
			           key_names[k]);
	if (!kinds[f->kind].timed && (!when || when & (when - 1)))
		return bad(at, "give one of at=, every= and chance=");
	if (late != !!(f->given & BIT(KEY_BY)))
		return bad(at,
		           "by= belongs to 'do=late', 'do=delay' and 'do=unplug', which "
		           "need it");
	if (f->every && f->kind == FAULT_LINK && f->for_ns >= f->every)
		return bad(at, "for= must be shorter than every=");
	f->any_number = !(f->given & BIT(KEY_NUMBER));
	f->any_port = !(f->given & BIT(KEY_PORT));
	return 0;
}

static int read_fault(struct faults *plan, char *kind, char **rest,
                      const struct place *at)
{
	struct fault f = {0};
	unsigned k = 0;
	char *word;
	int ret = 0;

	while (k < KINDS && strcmp(kind, kinds[k].name) != 0)
		k++;
	if (k == KINDS)
		return bad(at,
		           "'%s' is not one of wqe, doorbell, link, frame, clock, call, "
		           "seed",
		           kind);
	f.kind = k;
	while (!ret && (word = strtok_r(NULL, " \t\r", rest)))
		ret = read_key(&f, word, at);
	if (!ret)
		ret = check_fault(&f, at);
	if (!ret && plan->count == FAULTS_MAX)
		ret = bad(at, "more than %d faults", FAULTS_MAX);
	if (ret)
		return ret;
	plan->list[plan->count++] = f;
	plan->has[f.kind] = true;
	return 0;
}

static int read_line(struct faults *plan, char *line, const struct place *at)
{
	char *rest, *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t\r", &rest);
	if (!word)
		return 0;
	if (strcmp(word, "seed") != 0)
		return read_fault(plan, word, &rest, at);
	word = strtok_r(NULL, " \t\r", &rest);
	if (!word || !read_number(word, UINT64_MAX, &plan->random) ||
	    strtok_r(NULL, " \t\r", &rest))
		return bad(at, "want 'seed NUMBER'");
	return 0;
}

int faults_parse(const char *text, struct faults **out, char *err, size_t size)
{
	struct place at = {.line = 1, .err = err, .size = size};
	struct faults *plan = calloc(1, sizeof(*plan));
	char *copy = strdup(text), *line, *next;
	int ret = -ENOMEM;

	snprintf(err, size, "faults: no memory");
	if (!plan || !copy)
		goto out;
	plan->list = calloc(FAULTS_MAX, sizeof(*plan->list));
	if (!plan->list)
		goto out;
	plan->random = 1;
	pthread_mutex_init(&plan->call_lock, NULL);
	ret = 0;
	for (line = copy; line && !ret; line = next, at.line++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		ret = read_line(plan, line, &at);
	}
out:
	free(copy);
	if (!ret)
		*out = plan;
	else
		faults_free(plan);
	return ret;
}

void faults_free(struct faults *f)
{
	if (!f)
		return;
	if (f->list)
		pthread_mutex_destroy(&f->call_lock);
	free(f->list);
	free(f);
}

/* ---- files and seeds ---- */

/* A plan out of a seed: what a driver must survive without an error of its own. */
static void plan_of_seed(uint64_t seed, char *text, size_t size)
{
	struct faults f = {.random = seed};
	unsigned every[5];

	for (unsigned i = 0; i < 5; i++)
		every[i] = 200 + (unsigned)faults_draw(&f, 2000);
	snprintf(
		text, size,
		"seed %llu\n"
		"frame way=rx do=drop every=%u\n"
		"frame way=rx do=duplicate every=%u\n"
		"frame way=rx do=reorder every=%u\n"
		"frame way=rx do=delay every=%u by=%uus\n"
		"doorbell queue=sq do=late every=%u by=%uus\n"
		"doorbell queue=sq do=twice every=%u\n"
		"link at=%ums every=%ums for=%ums\n"
		"clock at=%ums step=%dus\n",
		(unsigned long long)seed, every[0], every[1], every[2], every[3],
		10 + (unsigned)faults_draw(&f, 2000), every[4],
		10 + (unsigned)faults_draw(&f, 500), 100 + (unsigned)faults_draw(&f, 400),
		200 + (unsigned)faults_draw(&f, 800),
		700 + (unsigned)faults_draw(&f, 1000),
		10 + (unsigned)faults_draw(&f, 100), 100 + (unsigned)faults_draw(&f, 900),
		(int)faults_draw(&f, 20000) - 10000);
}

static int read_file(const char *path, char *text, size_t room, char *err, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t len;
	int ret = 0;

	if (!file)
		return wire_refuse(err, size, -errno, "faults: %s: %s", path,
		                   strerror(errno));
	len = fread(text, 1, room, file);
	if (ferror(file))
		ret = wire_refuse(err, size, -EIO, "faults: cannot read %s", path);
	else if (len == room)
		ret = wire_refuse(err, size, -EINVAL,
		                  "faults: %s is longer than %d bytes", path, TEXT_MAX);
	else if (memchr(text, 0, len))
		ret = wire_refuse(err, size, -EINVAL, "faults: %s is not a text", path);
	else
		text[len] = '\0';
	fclose(file);
	return ret;
}

int faults_load(const char *path, struct faults **out, char *err, size_t size)
{
	char *text = malloc(TEXT_MAX);
	uint64_t seed;
	int ret = 0;

	if (!text)
		return wire_refuse(err, size, -ENOMEM, "faults: no memory");
	if (strncmp(path, "seed=", 5) != 0)
		ret = read_file(path, text, TEXT_MAX, err, size);
	else if (read_number(path + 5, UINT64_MAX, &seed))
		plan_of_seed(seed, text, TEXT_MAX);
	else
		ret = wire_refuse(err, size, -EINVAL, "faults: '%s' is not seed=NUMBER",
		                  path);
	if (!ret)
		ret = faults_parse(text, out, err, size);
	free(text);
	return ret;
}
