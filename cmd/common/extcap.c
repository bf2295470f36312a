/* SPDX-License-Identifier: BSD-2-Clause */
/* Sentences in the form that extcap wants: a word, and {key=value} after it. */
#include "extcap.h"

#include "rawq.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "rawq-"

static void tell_interfaces(void)
{
	struct if_nameindex *all = if_nameindex(), *i;

	puts("extcap {version=" RAWQ_VERSION "}{display=rawq}");
	for (i = all; i && i->if_index; i++)
		if (strcmp(i->if_name, "lo") != 0)
			printf("interface {value=" PREFIX
			       "%s}{display=rawq: beside the kernel on %s}\n",
			       i->if_name, i->if_name);
	if_freenameindex(all);
}

static void tell_options(void)
{
	puts("arg {number=0}{call=--rule}{display=Rule}{type=string}"
	     "{tooltip=What to take from the wire and from the kernel, as 'udp dport "
	     "4791'. "
	     "Empty: see what another rawq process sends and receives there}");
	puts("arg {number=1}{call=--take-everything}{display=Take everything}"
	     "{type=boolflag}{default=false}"
	     "{tooltip=Let the rule take what the kernel lives on}");
	puts("arg {number=2}{call=--copy}{display=Copy}{type=boolflag}{default=false}"
	     "{tooltip=The kernel gets the packets as well (not on xdp)}");
	puts("arg {number=3}{call=--snap}{display=Bytes of a packet}{type=string}"
	     "{tooltip=Keep only so many bytes of each packet}");
	puts("arg {number=4}{call=--pid}{display=Process}{type=string}"
	     "{tooltip=Without a rule: the rawq process to look at, if there are "
	     "several}");
}

bool extcap_answer(const struct extcap *x)
{
	if (x->interfaces)
		tell_interfaces();
	else if (x->dlts)
		puts("dlt {number=1}{name=EN10MB}{display=Ethernet}");
	else if (x->config)
		tell_options();
	else
		return false;
	return true;
}

const char *extcap_netdev(const struct extcap *x)
{
	const char *name = x->interface ? x->interface : "";

	return strncmp(name, PREFIX, strlen(PREFIX)) ? name : name + strlen(PREFIX);
}
