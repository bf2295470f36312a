/* SPDX-License-Identifier: BSD-2-Clause */
/* What `rawq emu` asks of the preloaded library; see config.h. */
#include "emu/uverbs/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool parse_port(struct config *c, const char *text)
{
	struct config_port *p = &c->port[c->ports];
	int at = 0;

	if (c->ports == CONFIG_PORTS_MAX)
		return false;
	if (sscanf(text, "%15s %15s %2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx %n", p->pci,
	           p->netdev, &p->mac[0], &p->mac[1], &p->mac[2], &p->mac[3], &p->mac[4],
	           &p->mac[5], &at) != 8 ||
	    !at || strlen(text + at) >= sizeof p->wire)
		return false;
	if (!strcmp(p->netdev, "-"))
		p->netdev[0] = 0;
	strcpy(p->wire, text + at);
	c->ports++;
	return true;
}

static bool parse_line(struct config *c, char *line)
{
	char *value = strchr(line, ' ');

	if (value)
		*value++ = 0;
	else
		value = line + strlen(line);
	if (!strcmp(line, "port"))
		return parse_port(c, value);
	if (!strcmp(line, "strict"))
		return c->strict = true;
	if (!strcmp(line, "thorough"))
		return c->thorough = true;
	if (!strcmp(line, "doorbell")) {
		c->trap = !strcmp(value, "trap");
		return c->trap || !strcmp(value, "poll");
	}
	if (!strcmp(line, "faults"))
		return snprintf(c->faults, PATH_MAX, "%s", value) < PATH_MAX;
	if (!strcmp(line, "trace"))
		return snprintf(c->trace, PATH_MAX, "%s", value) < PATH_MAX;
	return false;
}

int config_load(const char *dir, struct config *out, char *err, size_t size)
{
	char path[PATH_MAX], line[PATH_MAX + 64];
	unsigned number = 0;
	int ret = 0;
	FILE *f;

	memset(out, 0, sizeof *out);
	if (snprintf(out->dir, sizeof out->dir, "%s", dir) >= PATH_MAX ||
	    snprintf(path, sizeof path, "%s/config", dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	f = fopen(path, "re");
	if (!f) {
		ret = -errno;
		snprintf(err, size, "%s: %s", path, strerror(errno));
		return ret;
	}
	while (!ret && fgets(line, sizeof line, f)) {
		number++;
		line[strcspn(line, "\n")] = 0;
		if (!parse_line(out, line)) {
			snprintf(err, size, "%s: line %u is not understood", path,
			         number);
			ret = -EINVAL;
		}
	}
	fclose(f);
	return ret;
}
