// SPDX-License-Identifier: GPL-2.0
/*
 * What a frame costs from a packet socket through a network interface whose
 * other end gives it back: sends bursts of frames to the interface's own
 * address and waits for all of them. Prints nanoseconds a frame, and of how many
 * frames.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"

#define BURST		64
#define TYPE		0x88b5	/* for local experiments */
#define PATIENCE	5000

struct burst {
	struct mmsghdr msg[BURST];
	struct iovec iov[BURST];
	char frame[BURST][2048];
};

static struct burst out, in;

static int open_socket(const char *ifname, unsigned char mac[ETH_ALEN])
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(TYPE),
		.sll_ifindex = if_nametoindex(ifname),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(TYPE));
	struct ifreq ifr = { 0 };
	int size = 1 << 22, one = 1;

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", ifname);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		return -1;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	return fd;
}

static void prepare(struct burst *b, size_t len, const unsigned char *mac)
{
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		memcpy(b->frame[i], mac, ETH_ALEN);
		memcpy(b->frame[i] + ETH_ALEN, mac, ETH_ALEN);
		b->frame[i][12] = TYPE >> 8;
		b->frame[i][13] = (char)TYPE;
		b->iov[i] = (struct iovec){ b->frame[i], len };
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

static int turn(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int n = 0, got;

	while (n < BURST) {
		got = sendmmsg(fd, out.msg + n, BURST - n, 0);
		if (got < 0)
			return -1;
		n += got;
	}
	for (n = 0; n < BURST; n += got) {
		if (poll(&pfd, 1, PATIENCE) != 1) {
			errno = ETIMEDOUT;
			return -1;
		}
		got = recvmmsg(fd, in.msg, BURST, MSG_DONTWAIT, NULL);
		if (got < 0)
			return -1;
	}
	return 0;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned int turns = 500, i;
	unsigned char mac[ETH_ALEN];
	uint64_t start = 0;
	size_t len;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "Usage: %s INTERFACE LENGTH\n", argv[0]);
		return 2;
	}
	len = strtoul(argv[2], NULL, 0);
	fd = open_socket(argv[1], mac);
	if (fd < 0 || len < ETH_HLEN || len > sizeof(out.frame[0])) {
		perror(argv[1]);
		return 1;
	}
	prepare(&out, len, mac);
	prepare(&in, sizeof(in.frame[0]), mac);
	for (i = 0; i < turns + 8; i++) {
		if (i == 8) {
			mark();
			start = now();
		}
		if (turn(fd) < 0) {
			perror(argv[1]);
			return 1;
		}
	}
	mark();
	printf("%.1f %u\n", (double)(now() - start) / turns / BURST, turns * BURST);
	return 0;
}
