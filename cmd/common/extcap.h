/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rawq as an extcap program (Wireshark's documentation "extcap: Developing a capture interface"):
 * Wireshark and tshark ask it for interfaces, link types and options, and have it write to a pipe.
 */
#ifndef CMD_COMMON_EXTCAP_H
#define CMD_COMMON_EXTCAP_H

#include <stdbool.h>

/* --extcap-interfaces and so on, as Wireshark gives them. */
struct extcap {
	bool interfaces, dlts, config, capture;
	const char *version; /* Wireshark's */
	const char *interface, *filter, *fifo;
};

#define EXTCAP_OPTION_ROWS(opts)                                                         \
	ROW_FLAG("extcap-interfaces", &(opts).interfaces,                                \
	         "Wireshark asks which interfaces there are"),                           \
		ROW_STRING("extcap-version", "V", &(opts).version,                       \
	                   "Wireshark tells its version"),                               \
		ROW_STRING("extcap-interface", "NAME", &(opts).interface,                \
	                   "the one that Wireshark means"),                              \
		ROW_FLAG("extcap-dlts", &(opts).dlts,                                    \
	                 "Wireshark asks for its link type"),                            \
		ROW_FLAG("extcap-config", &(opts).config,                                \
	                 "Wireshark asks for its options"),                              \
		ROW_FLAG("capture", &(opts).capture, "Wireshark has it capture"),        \
		ROW_STRING("extcap-capture-filter", "TEXT", &(opts).filter,              \
	                   "as --filter"),                                               \
		ROW_STRING("fifo", "FILE", &(opts).fifo, "as --write")

/* Answer a question on stdout; false if none was asked. */
bool extcap_answer(const struct extcap *x);

/* The netdev behind the interface's name, which is "rawq-" before it. */
const char *extcap_netdev(const struct extcap *x);

#endif
