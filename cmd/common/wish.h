/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a verb wants of a port, as the command line says it: rules, and who on the network the
 * program is (--as).  The presets are the models of doc/steering.md:
 *
 *   mac [MAC]   a MAC of one's own, as a MACVLAN device has
 *   ip ADDRESS  the netdev's MAC and an address of one's own, as an IPVLAN device has
 *   sniffer     a copy of everything
 *   all         everything, --take-everything said
 *
 * Rules beside a preset narrow it.
 */
#ifndef CMD_COMMON_WISH_H
#define CMD_COMMON_WISH_H

#include "nic.h"
#include "options.h"
#include "rule.h"

#define WISH_ADDRESSES_MAX STRING_LIST_MAX

enum wish_as { AS_NONE, AS_MAC, AS_IP, AS_SNIFFER, AS_ALL };

struct wish_address {
	bool v6;
	uint8_t ip[16]; /* IPv4 in the first four */
};

struct wish {
	/* The options */
	struct string_list rules;  /* --rule */
	const char *as;            /* --as; NULL: nobody in particular */
	struct string_list answer; /* --answer */
	bool silent;               /* --no-answer */
	bool take_everything, copy;

	/* Of wish_read() */
	enum wish_as model;
	bool has_mac; /* mac is set: by the words, or the port's own by wish_settle() */
	uint8_t mac[6];
	struct wish_address address[WISH_ADDRESSES_MAX + 1]; /* to answer for */
	unsigned address_count;
	struct rule rule[STRING_LIST_MAX];
	unsigned rule_count;

	/* Of wish_settle(): all of it in words */
	char words[256];
};

/* `--as mac 02:..` and `--as ip 10.0.0.5` are two words; see option_row.takes_second. */
bool wish_takes_second(const char *first, const char *second);

#define WISH_RULE_ROWS(wish, what)                                                       \
	ROW_STRINGS("rule", "TEXT", &(wish).rules, what),                                \
	{                                                                                \
		.name = "as", .metavar = "WHO", .type = OPTION_STRING,                   \
		.value = &(wish).as, .takes_second = wish_takes_second,                  \
		.help = "mac [MAC]: a MAC of one's own, random unless given;\n"          \
			"ip ADDRESS: the netdev's MAC, an address of one's own;\n"       \
			"sniffer: a copy of everything; all: everything"                 \
	}

#define WISH_OPTION_ROWS(wish, what)                                                     \
	WISH_RULE_ROWS(wish, what),                                                      \
		ROW_STRINGS("answer", "ADDRESS", &(wish).answer,                         \
	                    "answer ARP, neighbour discovery and ping for it, at the\n"  \
	                    "MAC of --as (--as ip does for its own)"),                   \
		ROW_FLAG("no-answer", &(wish).silent, "answer nothing"),                 \
		ROW_FLAG("take-everything", &(wish).take_everything,                     \
	                 "let the rule take what the kernel lives on: all, all IP, "     \
	                 "ARP..")

/* Read the words; usual: the rule where none is given, NULL: one must be.  Returns an exit_code,
 * what is wrong having been printed. */
int wish_read(const struct verb *verb, struct wish *wish, const char *usual);

/* Make the rules of an open port's: its MAC, a random one, narrowed by the preset.  Returns an
 * exit_code likewise. */
int wish_settle(const struct verb *verb, struct wish *wish, const struct nic *nic);

/* Would a rule take the session one is typing in?  Then refused, unless everything may be taken.
 * Returns an exit_code likewise. */
int wish_check_session(const struct verb *verb, const struct wish *wish,
                       const struct nic *nic);

/* SSH_CONNECTION as a plan wants it; ethertype 0: there is none. */
struct rawq_rule_key wish_session(void);

/* Below a refusal of the guard: the smaller rules that would do.  At most one line. */
void wish_suggest(const struct wish *wish, const struct nic *nic, unsigned rule);

#endif
