// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/virtio_ids.h>

#include "device.h"
#include "subject.h"

#define FRAME 64

int subject_find(struct subject *s, const char *name)
{
	int fd, err;

	memset(s, 0, sizeof(*s));
	s->name = name;
	err = vdpa_chardev(name, s->path, sizeof(s->path));
	if (err)
		return err;
	fd = open(s->path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = vv_get_u32(fd, VHOST_VDPA_GET_DEVICE_ID, &s->id);
	close(fd);
	return err;
}

bool subject_has_driver(const struct subject *s)
{
	return s->id == VIRTIO_ID_NET || s->id == VIRTIO_ID_BLOCK;
}

int subject_start(struct subject *s, uint64_t ring)
{
	int err;

	if (s->id == VIRTIO_ID_NET)
		err = net_open(&s->n, s->path,
			       (NET_WANTED & ~VV_BIT(VIRTIO_NET_F_CTRL_VQ)) | ring,
			       SUBJECT_NUM, SUBJECT_ROOM);
	else
		err = blk_open(&s->b, s->path, BLK_WANTED | ring, SUBJECT_NUM * 4,
			       SUBJECT_NUM, SUBJECT_ROOM);
	s->started = !err;
	return err;
}

struct client *subject_client(struct subject *s)
{
	return s->id == VIRTIO_ID_NET ? &s->n.c : &s->b.c;
}

void subject_stop(struct subject *s)
{
	if (s->started)
		client_close(subject_client(s));
	s->started = false;
}

unsigned int subject_queue(const struct subject *s)
{
	return s->id == VIRTIO_ID_NET ? NET_TX : 0;
}

unsigned int subject_descs(const struct subject *s)
{
	return s->id == VIRTIO_ID_NET ? 1 : 3;
}

int subject_give(struct subject *s, unsigned int slot)
{
	int err;

	if (s->id == VIRTIO_ID_NET) {
		net_fill(&s->n, slot, FRAME, slot);
		err = net_send(&s->n, slot, FRAME);
		return err ? err : net_flush(&s->n, NET_TX);
	}
	err = blk_add(&s->b, slot, VIRTIO_BLK_T_IN, 0, BLK_SECTOR);
	return err ? err : blk_flush(&s->b);
}

static int check(struct subject *s, unsigned int slot, uint32_t len)
{
	if (slot >= SUBJECT_NUM)
		return -EPROTO;
	if (s->id == VIRTIO_ID_NET)
		return len ? -EPROTO : 0;
	return s->b.status[slot] == VIRTIO_BLK_S_OK && len == BLK_SECTOR + 1 ? 0 : -EIO;
}

int subject_take(struct subject *s, unsigned int *slot)
{
	uint32_t len;
	int err = client_poll(subject_client(s), subject_queue(s), slot, &len,
			      SUBJECT_PATIENCE);

	return err ? err : check(s, *slot, len);
}

int subject_take_called(struct subject *s, unsigned int *slot)
{
	uint32_t len;
	int err = client_wait(subject_client(s), subject_queue(s), slot, &len,
			      SUBJECT_PATIENCE);

	return err ? err : check(s, *slot, len);
}

char *subject_target(struct subject *s, size_t *size)
{
	*size = SUBJECT_NUM * SUBJECT_ROOM;
	return s->id == VIRTIO_ID_NET ? s->n.rx : blk_data(&s->b, 0);
}

bool subject_has_written(struct subject *s, unsigned int ms)
{
	unsigned int slot;
	uint32_t len;

	if (client_poll(subject_client(s), subject_queue(s), &slot, &len, ms))
		return false;
	if (s->id != VIRTIO_ID_NET)
		return !check(s, slot, len);
	/* an empty buffer is one that was given back */
	if (client_poll(&s->n.c, NET_RX, &slot, &len, ms) || !len)
		return false;
	return !net_post_rx(&s->n, slot) && !net_flush(&s->n, NET_RX);
}

bool subject_is_behind_iommu(const struct subject *s)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/../iommu_group", s->name);
	return !access(path, F_OK);
}

int subject_once(struct subject *s)
{
	unsigned int slot;
	int err = subject_give(s, 0);

	return err ? err : subject_take(s, &slot);
}
