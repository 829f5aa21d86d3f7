// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

#define CTRL_SIZE	4096
#define COMMAND_PATIENCE 5000

char *net_tx_frame(struct net *n, unsigned int slot)
{
	return n->tx + slot * n->room + NET_HEADER;
}

char *net_rx_frame(struct net *n, unsigned int slot)
{
	return n->rx + slot * n->room + NET_HEADER;
}

int net_post_rx(struct net *n, unsigned int slot)
{
	struct vq_seg seg = {
		.iova = client_iova(&n->c, n->rx + slot * n->room),
		.len = n->rx_room,
	};

	return vq_add(&n->c.queue[NET_RX].vq, &seg, 0, 1, slot);
}

int net_send(struct net *n, unsigned int slot, size_t len)
{
	struct vq_seg seg = {
		.iova = client_iova(&n->c, n->tx + slot * n->room),
		.len = NET_HEADER + len,
	};

	return vq_add(&n->c.queue[NET_TX].vq, &seg, 1, 0, slot);
}

int net_flush(struct net *n, unsigned int queue)
{
	return vq_publish(&n->c.queue[queue].vq) ? client_kick(&n->c, queue) : 0;
}

static int set_up(struct net *n, uint64_t wanted)
{
	struct client *c = &n->c;
	unsigned int i;
	int err = client_negotiate(c, wanted);

	if (!err)
		err = vv_get_config(c->fd, 0, n->mac, sizeof(n->mac));
	for (i = NET_RX; !err && i <= NET_TX; i++)
		err = client_add_queue(c, n->num);
	if (!err && c->features & VV_BIT(VIRTIO_NET_F_CTRL_VQ))
		err = client_add_queue(c, n->num < 64 ? n->num : 64);
	if (err)
		return err;

	n->rx = client_alloc(c, n->num * n->room, 4096);
	n->tx = client_alloc(c, n->num * n->room, 4096);
	n->ctrl = client_alloc(c, CTRL_SIZE, 4096);
	if (!n->rx || !n->tx || !n->ctrl)
		return -ENOMEM;
	for (i = 0; !err && i < n->num; i++)
		err = net_post_rx(n, i);
	if (!err)
		err = client_start(c);
	return err ? err : net_flush(n, NET_RX);
}

int net_open_small(struct net *n, const char *path, uint64_t wanted, unsigned int num,
		   size_t room, size_t rx_room)
{
	size_t size = 2 * num * room + 3 * vq_bytes(num) + CTRL_SIZE + 8 * 4096;
	int err;

	memset(n, 0, sizeof(*n));
	n->num = num;
	n->room = room;
	n->rx_room = rx_room;
	err = client_open(&n->c, path, (size + 4095) & ~4095UL);
	if (err)
		return err;
	err = set_up(n, wanted);
	if (err)
		client_close(&n->c);
	return err;
}

int net_open(struct net *n, const char *path, uint64_t wanted, unsigned int num,
	     size_t room)
{
	return net_open_small(n, path, wanted, num, room, room);
}

void net_close(struct net *n)
{
	client_close(&n->c);
}

/* Loopback: the frame is addressed to the device that sends it */
void net_fill(struct net *n, unsigned int slot, size_t len, uint64_t seed)
{
	char *frame = net_tx_frame(n, slot);

	memset(frame - NET_HEADER, 0, NET_HEADER);
	memcpy(frame, n->mac, 6);
	memcpy(frame + 6, n->mac, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;	/* for local experiments */
	fill_pattern(frame + NET_ETH, len - NET_ETH, seed);
}

bool net_check(struct net *n, unsigned int slot, size_t len, uint64_t seed)
{
	char *frame = net_rx_frame(n, slot);
	char *expected = malloc(len);
	bool same;

	fill_pattern(expected, len - NET_ETH, seed);
	same = !memcmp(frame, n->mac, 6) && !memcmp(frame + 6, n->mac, 6) &&
	       !memcmp(frame + NET_ETH, expected, len - NET_ETH);
	free(expected);
	return same;
}

int net_command(struct net *n, uint8_t class, uint8_t command, const void *data,
		size_t len)
{
	struct virtio_net_ctrl_hdr header = { .class = class, .cmd = command };
	char *ack = n->ctrl + CTRL_SIZE - 1;
	struct vq_seg seg[3] = {
		{ client_iova(&n->c, n->ctrl), sizeof(header) },
		{ client_iova(&n->c, n->ctrl + sizeof(header)), len },
		{ client_iova(&n->c, ack), 1 },
	};
	uint32_t token, used;
	int err;

	memcpy(n->ctrl, &header, sizeof(header));
	memcpy(n->ctrl + sizeof(header), data, len);
	*ack = (char)0xff;
	if (!len)
		seg[1] = seg[2];
	err = vq_add(&n->c.queue[NET_CTRL].vq, seg, len ? 2 : 1, 1, 0);
	if (!err)
		err = net_flush(n, NET_CTRL);
	if (!err)
		err = client_poll(&n->c, NET_CTRL, &token, &used, COMMAND_PATIENCE);
	return err ? err : (unsigned char)*ack;
}
