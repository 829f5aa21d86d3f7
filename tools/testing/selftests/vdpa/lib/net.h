/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_NET_H
#define SELFTEST_VDPA_NET_H

/* A network driver on a client: queue 0 receives, 1 sends, 2 is for commands */

#include "client.h"

#define NET_RX		0
#define NET_TX		1
#define NET_CTRL	2

#define NET_HEADER	sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define NET_ETH		14	/* destination, source, type */

struct net {
	struct client c;
	uint8_t mac[6];
	unsigned int num;	/* ring size, and buffers a direction */
	size_t room;		/* bytes of a buffer, with header */
	size_t rx_room;		/* of it, what the device may fill */
	char *rx;
	char *tx;
	char *ctrl;		/* class, command, data, acknowledgment */
};

#define NET_WANTED (VV_BIT(VIRTIO_NET_F_MAC) | VV_BIT(VIRTIO_NET_F_CTRL_VQ) | \
		    VV_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) | VV_BIT(VIRTIO_NET_F_STATUS))

/* Opens, negotiates, starts and posts all receive buffers */
int net_open(struct net *n, const char *path, uint64_t wanted, unsigned int num,
	     size_t room);
/* The same with smaller receive buffers */
int net_open_small(struct net *n, const char *path, uint64_t wanted, unsigned int num,
		   size_t room, size_t rx_room);
void net_close(struct net *n);

/* The frame in buffer @slot, after the header */
char *net_tx_frame(struct net *n, unsigned int slot);
char *net_rx_frame(struct net *n, unsigned int slot);

/* Writes the addresses and a pattern of @seed behind them; @len without header */
void net_fill(struct net *n, unsigned int slot, size_t len, uint64_t seed);
/* True when receive buffer @slot holds what net_fill() makes of @seed */
bool net_check(struct net *n, unsigned int slot, size_t len, uint64_t seed);

int net_post_rx(struct net *n, unsigned int slot);
int net_send(struct net *n, unsigned int slot, size_t len);
/* Publishes a queue and kicks when the device wants it */
int net_flush(struct net *n, unsigned int queue);

/* One command; the device's acknowledgment (VIRTIO_NET_OK), or an errno */
int net_command(struct net *n, uint8_t class, uint8_t command, const void *data,
		size_t len);

#endif /* SELFTEST_VDPA_NET_H */
