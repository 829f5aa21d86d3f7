// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "blk.h"

#define REQUEST_PATIENCE 5000

char *blk_data(struct blk *b, unsigned int slot)
{
	return b->data + slot * b->room;
}

static int set_up(struct blk *b, uint64_t wanted, unsigned int num)
{
	struct client *c = &b->c;
	uint32_t size = 0;
	int err = client_negotiate(c, wanted);

	/* the headers here may know fields that the device does not, or the reverse */
	if (!err)
		err = vv_get_u32(c->fd, VHOST_VDPA_GET_CONFIG_SIZE, &size);
	if (size > sizeof(b->config))
		size = sizeof(b->config);
	if (!err)
		err = vv_get_config(c->fd, 0, &b->config, size);
	if (!err)
		err = client_add_queue(c, num);
	if (err)
		return err;

	b->header = client_alloc(c, b->depth * sizeof(*b->header), 64);
	b->status = client_alloc(c, b->depth, 64);
	b->data = client_alloc(c, b->depth * b->room, 4096);
	if (!b->header || !b->status || !b->data)
		return -ENOMEM;
	return client_start(c);
}

int blk_open(struct blk *b, const char *path, uint64_t wanted, unsigned int num,
	     unsigned int depth, size_t room)
{
	size_t size = vq_bytes(num) + depth * (room + 64) + 8 * 4096;
	int err;

	memset(b, 0, sizeof(*b));
	b->depth = depth;
	b->room = room;
	err = client_open(&b->c, path, (size + 4095) & ~4095UL);
	if (err)
		return err;
	err = set_up(b, wanted, num);
	if (err)
		client_close(&b->c);
	return err;
}

void blk_close(struct blk *b)
{
	client_close(&b->c);
}

int blk_add(struct blk *b, unsigned int slot, uint32_t type, uint64_t sector,
	    size_t len)
{
	bool reads = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID ||
		     type == BLK_T_GET_LIFETIME;
	struct virtio_blk_outhdr *header = &b->header[slot];
	struct vq_seg seg[3] = {
		{ client_iova(&b->c, header), sizeof(*header) },
		{ client_iova(&b->c, blk_data(b, slot)), len },
		{ client_iova(&b->c, &b->status[slot]), 1 },
	};

	*header = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	b->status[slot] = 0xff;
	if (!len) {
		seg[1] = seg[2];
		return vq_add(&b->c.queue[0].vq, seg, 1, 1, slot);
	}
	return vq_add(&b->c.queue[0].vq, seg, reads ? 1 : 2, reads ? 2 : 1, slot);
}

int blk_flush(struct blk *b)
{
	return vq_publish(&b->c.queue[0].vq) ? client_kick(&b->c, 0) : 0;
}

static int one(struct blk *b, unsigned int slot, uint32_t type, uint64_t sector,
	       size_t len, bool wait)
{
	uint32_t token, used;
	int err = blk_add(b, slot, type, sector, len);

	if (!err)
		err = blk_flush(b);
	if (!err)
		err = wait ? client_wait(&b->c, 0, &token, &used, REQUEST_PATIENCE) :
			     client_poll(&b->c, 0, &token, &used, REQUEST_PATIENCE);
	if (!err && token != slot)
		err = -EPROTO;
	return err ? err : b->status[slot];
}

int blk_do(struct blk *b, unsigned int slot, uint32_t type, uint64_t sector,
	   size_t len)
{
	return one(b, slot, type, sector, len, false);
}

int blk_do_wait(struct blk *b, unsigned int slot, uint32_t type, uint64_t sector,
		size_t len)
{
	return one(b, slot, type, sector, len, true);
}
