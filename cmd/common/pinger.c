/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP echoes. */
#include "pinger.h"
#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An echo with the time it was sent at. */
struct echo {
	struct icmphdr icmp;
	uint64_t sent_ns;
};

int pinger_open(struct pinger *p, const char *ip)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int err;

	*p = (struct pinger){.id = (uint16_t)getpid()};
	inet_pton(AF_INET, ip, &to.sin_addr);
	p->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
	if (p->fd < 0)
		return -errno;
	if (!connect(p->fd, (struct sockaddr *)&to, sizeof(to)))
		return 0;
	err = -errno;
	pinger_close(p);
	return err;
}

void pinger_close(struct pinger *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* RFC 1071 */
static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *b = data;
	uint32_t sum = 0;
	uint16_t word;
	size_t i;

	for (i = 0; i + 1 < len; i += 2) {
		memcpy(&word, b + i, 2);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void pinger_send(struct pinger *p)
{
	struct echo echo = {.icmp.type = ICMP_ECHO};

	echo.icmp.un.echo.id = htons(p->id);
	echo.icmp.un.echo.sequence = htons(p->sequence++);
	echo.sent_ns = now_ns();
	echo.icmp.checksum = checksum(&echo, sizeof(echo));
	if (send(p->fd, &echo, sizeof(echo), 0) == sizeof(echo))
		p->sent++;
}

void pinger_read(struct pinger *p)
{
	uint8_t packet[256];
	struct iphdr ip;
	struct echo echo;
	ssize_t n;

	/* A raw socket hands out the IP header as well. */
	while ((n = recv(p->fd, packet, sizeof(packet), 0)) > 0) {
		if (n < (ssize_t)(sizeof(ip) + sizeof(echo)))
			continue;
		memcpy(&ip, packet, sizeof(ip));
		if (n < (ssize_t)(ip.ihl * 4 + sizeof(echo)))
			continue;
		memcpy(&echo, packet + ip.ihl * 4, sizeof(echo));
		if (echo.icmp.type != ICMP_ECHOREPLY ||
		    echo.icmp.un.echo.id != htons(p->id))
			continue;
		p->answered++;
		p->rtt_ns = now_ns() - echo.sent_ns;
	}
}
