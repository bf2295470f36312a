/* SPDX-License-Identifier: BSD-2-Clause */
/* Expectations: which are met, which are missed, and which are refused with which sentence. */
#include "tap.h"
#include "common/expect.h"

#include <string.h>

static const struct metric metrics[] = {
	{.name = "loss",
         .has_percent = true,
         .is_known = true,
         .value = 5,
         .whole = 1000},
	{.name = "reorder", .is_known = true, .value = 0},
	{.name = "p99", .kind = METRIC_NS, .is_known = true, .value = 50000},
	{.name = "p99.9", .kind = METRIC_NS, .is_known = false},
	{.name = "rate",
         .kind = METRIC_RATE,
         .has_percent = true,
         .is_known = true,
         .value = 9.9e5,
         .bps = 5e8,
         .whole = 1e6},
	{.name = NULL},
};

static const struct {
	const char *text;
	bool met;
} verdicts[] = {
	{"loss==5", true},
	{"loss=5", true},
	{"loss==0", false},
	{"loss!=5", false},
	{"loss!=4", true},
	{"loss<5", false},
	{"loss<=5", true},
	{"loss>5", false},
	{"loss>=5", true},
	{"loss<1k", true},
	{"loss<=0.5%", true},
	{"loss<0.5%", false},
	{"p99<50us", false},
	{"p99<=50us", true},
	{"p99 < 0.051ms", true},
	{"p99>0", true},
	{"p99.9<1s", false},
	{"p99.9>0", false},
	{"rate>=99%", true},
	{"rate>99%", false},
	{"rate>=0.99Mpps", true},
	{"rate>=0.6Gbps", false},
	{"rate<0.6Gbps", true},
	{"loss==5, reorder==0", true},
	{"  reorder == 0 ,p99<1ms,loss<6  ", true},
	{"reorder==0,loss==0,p99<1ms", false},
};

static const struct {
	const char *text, *says;
} malformed[] = {
	{"", "give NAME"},
	{",", "give NAME"},
	{"loss==0,", "give NAME"},
	{"loss", "give NAME"},
	{"==0", "give NAME"},
	{"loss 0", "give NAME"},
	{"loss=>0", "at 'loss=>0'"},
	{"loss==", "at 'loss=='"},
	{"loss==x", "at 'loss==x'"},
	{"loss==-1", "at 'loss==-1'"},
	{"loss==5us", "at 'loss==5us'"},
	{"loss==1Mpps", "at 'loss==1Mpps'"},
	{"p99<50", "at 'p99<50'"},
	{"p99<50%", "it has no percentage"},
	{"reorder<1%", "it has no percentage"},
	{"rate>=5", "a rate as"},
	{"los==0", "did you mean 'loss'"},
	{"latency<1us", "give one of loss reorder p99 p99.9 rate"},
	{"loss==0; p99<1us", "at 'loss==0; p99<1us'"},
	{"loss==0000000000000000000000000000000000000000000000000000", "too long"},
};

static void judged(void)
{
	struct expect_error err;
	struct expect e;
	unsigned i;

	for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		err.text[0] = '\0';
		ok(!expect_parse(verdicts[i].text, metrics, &e, &err) &&
		           expect_is_met(&e, metrics) == verdicts[i].met,
		   "'%s' is %s %s", verdicts[i].text, verdicts[i].met ? "met" : "missed",
		   err.text);
	}
}

static void refused(void)
{
	struct expect_error err;
	struct expect e;
	unsigned i;

	for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		err.text[0] = '\0';
		ok(expect_parse(malformed[i].text, metrics, &e, &err) &&
		           strstr(err.text, malformed[i].says),
		   "'%s' is refused: %s", malformed[i].text, err.text);
	}
}

static void told(void)
{
	struct expect_error err;
	char *text = NULL, *json;
	struct expect e;
	json_t *list;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	expect_parse("loss==0,p99<51us,rate>=99%,p99.9<1s", metrics, &e, &err);
	expect_print(&e, metrics, f);
	fclose(f);
	ok(!strcmp(text, "  expected loss==0: MISSED, 5\n"
	                 "  expected p99<51us: met, 50.0 us\n"
	                 "  expected rate>=99%: met, 99%\n"
	                 "  expected p99.9<1s: MISSED, not measured\n"),
	   "one line each");
	free(text);
	list = expect_json(&e, metrics);
	json = json_dumps(json_array_get(list, 3), JSON_COMPACT);
	ok(!strcmp(json, "{\"expect\":\"p99.9<1s\",\"met\":false,\"value\":null}"),
	   "and as JSON: %s", json);
	free(json);
	json_decref(list);
}

int main(void)
{
	judged();
	refused();
	told();
	return done();
}
