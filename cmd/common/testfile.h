/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run of a verb as a file, in YAML or JSON, of which YAML is a superset:
 *
 *     verb: tx
 *     if: eth0
 *     packet: eth/ip(dst=10.0.0.2)/udp(dport=9)
 *     rate: 1Mpps
 *     for: 5s
 *
 * The schema is the verb's own: its operands by their names in its synopsis, in small letters,
 * and its options.  What the words can say the file can, and nothing else.
 */
#ifndef CMD_COMMON_TESTFILE_H
#define CMD_COMMON_TESTFILE_H

#include "options.h"

#include <jansson.h>
#include <stdio.h>

#define TESTFILE_OPERANDS_MAX 16
#define TESTFILE_FIELDS_MAX   256

struct testfile {
	const struct verb *verb;
	int argc;
	char *argv[TESTFILE_OPERANDS_MAX]; /* operands */
	char *values[TESTFILE_FIELDS_MAX]; /* what options point at */
	unsigned value_count;
};

/* Read FILE, find its verb among verbs[] (NULL-terminated) and set the verb's options.  Returns an
 * exit_code; what is wrong is printed with file, line and field.  Strings live until
 * testfile_free(). */
int testfile_read(const struct verb *self, const char *path,
                  const struct verb *const *verbs, struct testfile *out);
/* The same of a text; name is what errors call it. */
int testfile_read_text(const struct verb *self, const char *name, const char *text,
                       size_t size, const struct verb *const *verbs,
                       struct testfile *out);
void testfile_free(struct testfile *file);

/* What the verb would run with now: operands and all options that are set, defaults too. */
json_t *testfile_json(const struct verb *verb, int argc, char *const *argv);
void testfile_print_yaml(FILE *to, const json_t *config);

#endif
