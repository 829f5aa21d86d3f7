// SPDX-License-Identifier: GPL-2.0
/*
 * Traffic through network interfaces, for tests in shell. What comes back is
 * compared byte by byte with what was sent; exit status 0 when all was right.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/client.h"

#define PORT		7	/* echo */
#define TYPE		0x88b5	/* for local experiments */
#define PATIENCE	10	/* seconds for an answer */
#define MOST		65536
#define BURST		32	/* frames that make a flood */
#define FLOWS		32

/* frames of the largest MTU, too */
static char out[MOST + ETH_HLEN], in[MOST + ETH_HLEN];

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17 ... 65536 */
static size_t next_size(size_t size)
{
	size_t power = 1;

	while (power < size + 1)
		power *= 2;
	if (size + 1 < power - 1)
		return power - 1;
	return size + 1;
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
	};

	if (text && inet_pton(AF_INET, text, &sin.sin_addr) != 1) {
		fprintf(stderr, "%s: no IPv4 address\n", text);
		exit(2);
	}
	return sin;
}

static int open_socket(int type)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* --- echo [GROUP]: answers for ever what comes by UDP and TCP -------------- */

static void echo_stream(int listener)
{
	int fd = accept(listener, NULL, NULL);
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = recv(fd, in, sizeof(in), 0)) > 0)
		if (send(fd, in, n, MSG_NOSIGNAL) != n)
			break;
	close(fd);
}

static void echo_datagram(int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, in, sizeof(in), 0, (void *)&from, &len);

	if (n > 0)
		sendto(fd, in, n, 0, (void *)&from, len);
}

static int echo(const char *group)
{
	struct sockaddr_in any = address(NULL);
	struct pollfd pfd[2] = {
		{ .fd = open_socket(SOCK_STREAM), .events = POLLIN },
		{ .fd = open_socket(SOCK_DGRAM), .events = POLLIN },
	};
	struct ip_mreq join = { 0 };

	if (bind(pfd[0].fd, (void *)&any, sizeof(any)) || listen(pfd[0].fd, 4) ||
	    bind(pfd[1].fd, (void *)&any, sizeof(any)))
		return fail("echo");
	if (group) {
		join.imr_multiaddr = address(group).sin_addr;
		if (setsockopt(pfd[1].fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)))
			return fail(group);
	}
	puts("ready");
	fflush(stdout);
	while (poll(pfd, 2, -1) > 0) {
		if (pfd[0].revents)
			echo_stream(pfd[0].fd);
		if (pfd[1].revents)
			echo_datagram(pfd[1].fd);
	}
	return fail("poll");
}

/* --- tcp ADDRESS, udp ADDRESS [MOST]: messages of all sizes and back -------- */

static int same(size_t size, ssize_t n)
{
	if (n < 0)
		return fail("no answer");
	if ((size_t)n == size && !memcmp(out, in, size))
		return 0;
	fprintf(stderr, "%zu bytes came back as %zd other ones\n", size, n);
	return 1;
}

static int tcp(const char *to)
{
	struct sockaddr_in sin = address(to);
	int fd = open_socket(SOCK_STREAM), bad = 0;
	size_t size;

	if (connect(fd, (void *)&sin, sizeof(sin)))
		return fail(to);
	for (size = 1; !bad && size <= MOST; size = next_size(size)) {
		fill_pattern(out, size, size);
		if (send(fd, out, size, MSG_NOSIGNAL) != (ssize_t)size)
			return fail("send");
		bad = same(size, recv(fd, in, size, MSG_WAITALL));
	}
	return bad;
}

static int udp(const char *to, size_t most)
{
	struct sockaddr_in sin = address(to);
	int fd = open_socket(SOCK_DGRAM), bad = 0;
	size_t size;

	for (size = 1; !bad && size <= most; size = next_size(size)) {
		fill_pattern(out, size, size);
		if (sendto(fd, out, size, 0, (void *)&sin, sizeof(sin)) != (ssize_t)size)
			return fail("sendto");
		bad = same(size, recv(fd, in, sizeof(in), 0));
	}
	return bad;
}

/* --- flows ADDRESS: datagrams that differ by their ports alone -------------- */

static int flows(const char *to)
{
	struct sockaddr_in sin = address(to);
	int fd, i, bad = 0;

	for (i = 0; !bad && i < FLOWS; i++) {
		fd = open_socket(SOCK_DGRAM);
		fill_pattern(out, FLOWS, i);
		if (sendto(fd, out, FLOWS, 0, (void *)&sin, sizeof(sin)) != FLOWS)
			return fail("sendto");
		bad = same(FLOWS, recv(fd, in, sizeof(in), 0));
		close(fd);
	}
	return bad;
}

/* --- frames by a packet socket --------------------------------------------- */

static int open_packet(const char *ifname, char mac[ETH_ALEN], int *mtu)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(TYPE),
		.sll_ifindex = if_nametoindex(ifname),
	};
	struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(TYPE)), one = 1;
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", ifname);
	if (fd < 0 || bind(fd, (void *)&addr, sizeof(addr)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    ioctl(fd, SIOCGIFHWADDR, &ifr))
		return -1;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	if (ioctl(fd, SIOCGIFMTU, &ifr))
		return -1;
	*mtu = ifr.ifr_mtu;
	return fd;
}

static void make_frame(char *frame, size_t size, const char *to, const char *from)
{
	struct ethhdr *eth = (struct ethhdr *)frame;

	fill_pattern(frame, size, size);
	memcpy(eth->h_dest, to, ETH_ALEN);
	memcpy(eth->h_source, from, ETH_ALEN);
	eth->h_proto = htons(TYPE);
}

/* Each of the small ones, every now and then a larger one, and the largest */
static size_t next_frame(size_t size, size_t most)
{
	if (size < 100 || size == most)
		return size + 1;
	return size + 41 < most ? size + 41 : most;
}

/*
 * frames INTERFACE [DESTINATION]: frames of all sizes that the MTU permits, which
 * a loopback gives back; to the interface itself unless told otherwise.
 */
static int frames(const char *ifname, const char *destination)
{
	char mac[ETH_ALEN], to[ETH_ALEN];
	int mtu, fd = open_packet(ifname, mac, &mtu), bad = 0;
	size_t size, most;

	if (fd < 0)
		return fail(ifname);
	most = (size_t)mtu + ETH_HLEN;
	memcpy(to, mac, ETH_ALEN);
	if (destination &&
	    sscanf(destination, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &to[0], &to[1], &to[2],
		   &to[3], &to[4], &to[5]) != ETH_ALEN)
		return 2;
	for (size = ETH_HLEN + 1; !bad && size <= most; size = next_frame(size, most)) {
		make_frame(out, size, to, mac);
		if (send(fd, out, size, 0) != (ssize_t)size)
			return fail("send");
		bad = same(size, recv(fd, in, sizeof(in), 0));
	}
	return bad;
}

/*
 * flood INTERFACE: frames to the interface's own and to a group address, until
 * it goes down or away. Tells when it has begun.
 */
static int flood(const char *ifname)
{
	static const char group[ETH_ALEN] = { 0x33, 0x33, 0, 0, 0, 1 };
	char mac[ETH_ALEN];
	unsigned long sent;
	int mtu, fd = open_packet(ifname, mac, &mtu);

	if (fd < 0)
		return fail(ifname);
	for (sent = 0; ; sent++) {
		make_frame(out, 60 + sent % 1000, sent & 1 ? group : mac, mac);
		if (send(fd, out, 60 + sent % 1000, 0) < 0 && errno != ENOBUFS)
			break;
		if (sent == BURST) {
			puts("ready");
			fflush(stdout);
		}
	}
	return errno == ENETDOWN || errno == ENXIO || errno == ENODEV ? 0 : fail("send");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : NULL;

	if (!strcmp(mode, "echo"))
		return echo(arg);
	if (!strcmp(mode, "tcp") && arg)
		return tcp(arg);
	if (!strcmp(mode, "udp") && arg)
		return udp(arg, argc > 3 ? strtoul(argv[3], NULL, 0) : 65507);
	if (!strcmp(mode, "flows") && arg)
		return flows(arg);
	if (!strcmp(mode, "frames") && arg)
		return frames(arg, argc > 3 ? argv[3] : NULL);
	if (!strcmp(mode, "flood") && arg)
		return flood(arg);
	fprintf(stderr, "Usage: %s echo [GROUP] | tcp ADDRESS | udp ADDRESS [SIZE] |\n"
		"       flows ADDRESS | frames INTERFACE [DESTINATION] | flood INTERFACE\n", argv[0]);
	return 2;
}
