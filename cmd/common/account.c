/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounting by bitmap: a table look-up and a bit per packet, nothing allocated. */
#include "account.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A slot of the table: id in the low half, number of the flow plus 1 in the high; 0 is free. */
typedef uint64_t slot_t;

struct account {
	struct account_opts opts;
	uint32_t mask; /* of the sequences in a window */
	uint32_t slot_mask, slot_shift;
	size_t stride; /* from flow to flow, bytes */
	uint8_t *flows;
	struct histogram *histograms; /* NULL: none */
	slot_t *slots;
	uint32_t lock;  /* on adding a flow */
	uint32_t count; /* of flows */
	uint64_t strangers;
};

static void take_lock(uint32_t *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(lock, __ATOMIC_RELAXED))
			;
}

/* Pairs with take_lock() of another thread. */
static void give_lock(uint32_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

/* ---- the table ------------------------------------------------------------ */

static size_t flow_bytes(const struct account_opts *opts)
{
	/* whole cache lines: neighbours may be other threads' */
	return (sizeof(struct account_flow) + opts->window / 8 + 63) & ~(size_t)63;
}

static uint32_t slot_count(const struct account_opts *opts)
{
	uint32_t n = 64;

	while (n < opts->flows * 2)
		n *= 2;
	return n;
}

static size_t histogram_bytes(const struct account_opts *opts)
{
	return opts->histograms ? opts->flows * sizeof(struct histogram) : 0;
}

size_t account_memory(const struct account_opts *opts)
{
	return sizeof(struct account) + opts->flows * flow_bytes(opts) +
	       slot_count(opts) * sizeof(slot_t) + histogram_bytes(opts);
}

/* Zero pages that are real only once they are used. */
static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void unmap(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

struct account *account_create(const struct account_opts *opts)
{
	struct account *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->opts = *opts;
	a->mask = opts->window - 1;
	a->stride = flow_bytes(opts);
	a->slot_mask = slot_count(opts) - 1;
	a->slot_shift = (uint32_t)__builtin_clz(a->slot_mask);
	a->flows = map(opts->flows * a->stride);
	a->slots = map((a->slot_mask + 1) * sizeof(slot_t));
	if (opts->histograms)
		a->histograms = map(histogram_bytes(opts));
	if (a->flows && a->slots && (a->histograms || !opts->histograms))
		return a;
	account_free(a);
	return NULL;
}

void account_free(struct account *a)
{
	if (!a)
		return;
	unmap(a->flows, a->opts.flows * a->stride);
	unmap(a->histograms, histogram_bytes(&a->opts));
	unmap(a->slots, (a->slot_mask + 1) * sizeof(slot_t));
	free(a);
}

static struct account_flow *flow_at(const struct account *a, uint32_t i)
{
	return (void *)(a->flows + i * a->stride);
}

/* Where a flow is or would be: the table is at most half full, so that there is an end. */
static slot_t *find_slot(const struct account *a, uint32_t id, slot_t *content)
{
	uint32_t i = id * 0x9e3779b1u >> a->slot_shift; /* Fibonacci hashing */

	for (;; i++) {
		slot_t *slot = &a->slots[i & a->slot_mask];

		*content = __atomic_load_n(slot,
		                           __ATOMIC_ACQUIRE); /* add_flow()'s release */
		if (!*content || (uint32_t)*content == id)
			return slot;
	}
}

static struct account_flow *add_flow(struct account *a, uint32_t id)
{
	struct account_flow *flow = NULL;
	slot_t content, *slot;

	take_lock(&a->lock);
	slot = find_slot(a, id, &content);
	if (content) { /* another thread was faster */
		flow = flow_at(a, (uint32_t)(content >> 32) - 1);
	} else if (a->count < a->opts.flows) {
		flow = flow_at(a, a->count);
		flow->id = id;
		flow->first = a->opts.join ? UINT64_MAX : 0;
		flow->numbers.latency_min = UINT64_MAX;
		if (a->histograms)
			a->histograms[a->count].min = UINT64_MAX;
		__atomic_store_n(&a->count, a->count + 1, __ATOMIC_RELEASE);
		__atomic_store_n(slot, id | (slot_t)a->count << 32, __ATOMIC_RELEASE);
	}
	give_lock(&a->lock);
	return flow;
}

static struct account_flow *find_flow(const struct account *a, uint32_t id)
{
	slot_t content;

	find_slot(a, id, &content);
	return content ? flow_at(a, (uint32_t)(content >> 32) - 1) : NULL;
}

/* ---- the window ----------------------------------------------------------- */

static uint64_t *word_of(const struct account *a, struct account_flow *flow,
                         uint64_t sequence)
{
	return &flow->window[(sequence & a->mask) / 64];
}

static bool test_bit(const struct account *a, struct account_flow *flow,
                     uint64_t sequence)
{
	return *word_of(a, flow, sequence) >> sequence % 64 & 1;
}

static void set_bit(const struct account *a, struct account_flow *flow, uint64_t sequence)
{
	*word_of(a, flow, sequence) |= (uint64_t)1 << sequence % 64;
}

static void clear_bit(const struct account *a, struct account_flow *flow,
                      uint64_t sequence)
{
	*word_of(a, flow, sequence) &= ~((uint64_t)1 << sequence % 64);
}

/* The least sequence that the window still knows of. */
static uint64_t window_start(const struct account *a, const struct account_flow *flow)
{
	if (flow->next <= a->opts.window || flow->next - a->opts.window < flow->first)
		return flow->first;
	return flow->next - a->opts.window;
}

/* Sequences of the window that have not come. */
static uint64_t missing(const struct account *a, const struct account_flow *flow)
{
	uint64_t expected = flow->next - window_start(a, flow), have = 0;
	uint32_t i;

	if (flow->next <= flow->first)
		return 0;
	for (i = 0; i < a->opts.window / 64; i++)
		have += (unsigned)__builtin_popcountll(flow->window[i]);
	return expected - have;
}

/* Move the window over a gap and set the bit of the new highest sequence. */
static void advance(const struct account *a, struct account_flow *flow, uint64_t sequence)
{
	uint64_t q;

	if (sequence - flow->next >= a->opts.window) {
		flow->numbers.lost += missing(a, flow);
		flow->numbers.lost += sequence - a->opts.window + 1 - flow->next;
		memset(flow->window, 0, a->opts.window / 8);
	} else {
		for (q = flow->next; q <= sequence; q++) {
			if (q >= flow->first + a->opts.window && !test_bit(a, flow, q))
				flow->numbers.lost++;
			clear_bit(a, flow, q);
		}
	}
	flow->next = sequence + 1;
	set_bit(a, flow, sequence);
}

/* A new life of the sender: what the old one owes is lost. */
static void restart(const struct account *a, struct account_flow *flow)
{
	flow->numbers.lost += missing(a, flow);
	flow->numbers.restarts++;
	flow->previous_ns = flow->newest_ns;
	flow->first = flow->next = 0;
	memset(flow->window, 0, a->opts.window / 8);
}

static void account(const struct account *a, struct account_flow *flow, uint64_t sequence,
                    uint64_t time_ns)
{
	uint64_t distance;

	flow->numbers.received++;
	if (flow->previous_ns && time_ns <= flow->previous_ns) {
		flow->numbers.late++; /* a straggler of an earlier life */
		return;
	}
	if (flow->first == UINT64_MAX)
		flow->first = flow->next = sequence;
	/* a sequence sent after a higher one: nobody but a new sender does that */
	if (sequence < flow->next && time_ns > flow->newest_ns)
		restart(a, flow);
	if (time_ns > flow->newest_ns)
		flow->newest_ns = time_ns;
	if (sequence >= flow->next) {
		advance(a, flow, sequence);
		return;
	}
	distance = flow->next - 1 - sequence;
	if (sequence < window_start(a, flow)) {
		flow->numbers.late++;
	} else if (test_bit(a, flow, sequence)) {
		flow->numbers.duplicated++;
	} else {
		set_bit(a, flow, sequence);
		flow->numbers.reordered++;
		if (distance > flow->numbers.distance_max)
			flow->numbers.distance_max = distance;
	}
}

static struct histogram *histogram_of(const struct account *a,
                                      const struct account_flow *flow)
{
	return &a->histograms[(size_t)((const uint8_t *)flow - a->flows) / a->stride];
}

static void add_latency(struct account_numbers *n, uint64_t latency_ns)
{
	n->latency_n++;
	n->latency_sum += latency_ns;
	if (latency_ns < n->latency_min)
		n->latency_min = latency_ns;
	if (latency_ns > n->latency_max)
		n->latency_max = latency_ns;
}

bool account_packet(struct account *a, uint32_t id, uint64_t sequence, uint64_t time_ns,
                    uint64_t latency_ns)
{
	struct account_flow *flow = find_flow(a, id);

	if (!flow)
		flow = add_flow(a, id);
	if (!flow) {
		__atomic_fetch_add(&a->strangers, 1, __ATOMIC_RELAXED);
		return false;
	}
	take_lock(&flow->lock);
	account(a, flow, sequence, time_ns);
	if (latency_ns != LATENCY_NONE) {
		add_latency(&flow->numbers, latency_ns);
		if (a->histograms)
			histogram_add(histogram_of(a, flow), latency_ns);
	}
	give_lock(&flow->lock);
	return true;
}

bool account_damaged(struct account *a, uint32_t id, uint64_t sequence, uint64_t time_ns)
{
	struct account_flow *flow = find_flow(a, id);
	bool believed;

	if (!flow && !a->opts.join && sequence < a->opts.window)
		flow = add_flow(a, id);
	if (!flow)
		return false;
	take_lock(&flow->lock);
	believed = flow->first != UINT64_MAX && sequence >= window_start(a, flow) &&
	           sequence < flow->next + a->opts.window;
	if (believed) {
		flow->numbers.corrupted++;
		if (time_ns > flow->newest_ns)
			flow->newest_ns = time_ns;
		if (sequence >= flow->next)
			advance(a, flow, sequence);
		else
			set_bit(a, flow, sequence);
	}
	give_lock(&flow->lock);
	return believed;
}

/* ---- the numbers ---------------------------------------------------------- */

uint64_t account_strangers(const struct account *a)
{
	return __atomic_load_n(&a->strangers, __ATOMIC_RELAXED);
}

uint32_t account_flow_count(const struct account *a)
{
	return __atomic_load_n(&a->count, __ATOMIC_ACQUIRE); /* add_flow()'s release */
}

const struct account_flow *account_flow(const struct account *a, uint32_t i)
{
	return i < account_flow_count(a) ? flow_at(a, i) : NULL;
}

struct account_numbers account_flow_numbers(const struct account *a,
                                            const struct account_flow *flow, bool is_over)
{
	uint32_t *lock =
		(uint32_t *)&flow->lock; /* flows are a's own, in writable memory */
	struct account_numbers n;

	take_lock(lock);
	n = flow->numbers;
	if (is_over)
		n.lost += missing(a, flow);
	give_lock(lock);
	return n;
}

const struct histogram *account_flow_histogram(const struct account *a,
                                               const struct account_flow *flow)
{
	return a->histograms ? histogram_of(a, flow) : NULL;
}

struct account_numbers account_total(const struct account *a, bool is_over)
{
	struct account_numbers sum = {.latency_min = UINT64_MAX}, n;
	uint32_t i, count = account_flow_count(a);

	for (i = 0; i < count; i++) {
		n = account_flow_numbers(a, flow_at(a, i), is_over);
		sum.received += n.received;
		sum.lost += n.lost;
		sum.reordered += n.reordered;
		sum.duplicated += n.duplicated;
		sum.corrupted += n.corrupted;
		sum.late += n.late;
		sum.restarts += n.restarts;
		sum.latency_n += n.latency_n;
		sum.latency_sum += n.latency_sum;
		if (n.distance_max > sum.distance_max)
			sum.distance_max = n.distance_max;
		if (n.latency_min < sum.latency_min)
			sum.latency_min = n.latency_min;
		if (n.latency_max > sum.latency_max)
			sum.latency_max = n.latency_max;
	}
	return sum;
}
