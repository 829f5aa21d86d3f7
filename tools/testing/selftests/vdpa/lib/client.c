// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define TRANSPORT_NEEDED (VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM))

int client_map_memory(struct client *c)
{
	return vv_map(c->fd, 0, CLIENT_IOVA, c->mem, c->size, VHOST_ACCESS_RW);
}

int client_open(struct client *c, const char *path, size_t size)
{
	int err;

	memset(c, 0, sizeof(*c));
	c->size = size;
	c->mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c->mem == MAP_FAILED)
		return -errno;
	c->fd = open(path, O_RDWR | O_CLOEXEC);
	if (c->fd < 0) {
		err = -errno;
		munmap(c->mem, size);
		return err;
	}
	err = vv_set_owner(c->fd);
	if (!err)
		err = vv_set_backend_features(c->fd, VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) |
						     VV_BIT(VHOST_BACKEND_F_IOTLB_BATCH));
	if (!err)
		err = client_map_memory(c);
	if (err)
		client_close(c);
	return err;
}

int client_announce(struct client *c)
{
	int err = vv_set_status(c->fd, VV_S_ACK);

	if (!err)
		err = vv_set_status(c->fd, VV_S_DRIVER);
	if (!err)
		err = vv_set_features(c->fd, c->features);
	if (!err)
		err = vv_set_status(c->fd, VV_S_FEATURES);
	return err;
}

int client_negotiate(struct client *c, uint64_t wanted)
{
	uint64_t offered;
	uint8_t status;
	int err = vv_get_features(c->fd, &offered);

	if (err)
		return err;
	c->features = offered & (wanted | TRANSPORT_NEEDED);
	err = client_announce(c);
	if (!err)
		err = vv_get_status(c->fd, &status);
	if (!err && status != VV_S_FEATURES)
		err = -EPROTO;
	return err;
}

static int program_queue(struct client *c, unsigned int index, uint32_t base)
{
	struct client_queue *q = &c->queue[index];
	int fd = c->fd, err;

	err = vv_set_vring(fd, VHOST_SET_VRING_NUM, index, q->vq.num);
	if (!err)
		err = vv_set_vring(fd, VHOST_SET_VRING_BASE, index, base);
	if (!err)
		err = vv_set_vring_addr(fd, index, q->vq.desc_iova,
					q->vq.driver_iova, q->vq.device_iova);
	if (!err)
		err = vv_set_vring_fd(fd, VHOST_SET_VRING_KICK, index, q->kick);
	if (!err)
		err = vv_set_vring_fd(fd, VHOST_SET_VRING_CALL, index, q->call);
	return err;
}

int client_add_queue(struct client *c, unsigned int num)
{
	struct client_queue *q = &c->queue[c->nqueues];
	void *mem = client_alloc(c, vq_bytes(num), 4096);
	int err;

	if (!mem || c->nqueues == CLIENT_QUEUES)
		return -ENOMEM;
	err = vq_init(&q->vq, num, c->features, mem, client_iova(c, mem));
	if (err)
		return err;
	q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->calls = 0;
	c->nqueues++;
	return program_queue(c, c->nqueues - 1, vq_base(&q->vq));
}

int client_start(struct client *c)
{
	int err = vv_set_status(c->fd, VV_S_RUNNING);
	unsigned int i;

	for (i = 0; !err && i < c->nqueues; i++)
		err = vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, i, 1);
	return err;
}

int client_stop(struct client *c)
{
	unsigned int i, base;
	int err = 0;

	for (i = 0; !err && i < c->nqueues; i++) {
		err = vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, i, 0);
		if (!err)
			err = vv_get_vring(c->fd, VHOST_GET_VRING_BASE, i, &base);
	}
	if (!err)
		err = vv_set_status(c->fd, 0);
	if (!err)
		err = vv_unmap(c->fd, 0, CLIENT_IOVA, c->size);
	return err;
}

int client_program(struct client *c, bool rewind)
{
	unsigned int i;
	int err = client_map_memory(c);

	if (!err)
		err = client_announce(c);
	for (i = 0; !err && i < c->nqueues; i++) {
		struct vq *vq = &c->queue[i].vq;

		if (rewind)
			vq_rewind(vq, vq->packed ? 0x80008000 : 0);
		err = program_queue(c, i, vq_base(vq));
	}
	return err;
}

int client_restart(struct client *c, bool rewind)
{
	int err = client_program(c, rewind);

	return err ? err : client_start(c);
}

void client_close(struct client *c)
{
	unsigned int i;

	close(c->fd);
	for (i = 0; i < c->nqueues; i++) {
		close(c->queue[i].kick);
		close(c->queue[i].call);
		vq_free(&c->queue[i].vq);
	}
	munmap(c->mem, c->size);
	c->nqueues = 0;
}

void *client_alloc(struct client *c, size_t size, size_t align)
{
	size_t at = (c->taken + align - 1) & ~(align - 1);

	if (at + size > c->size)
		return NULL;
	c->taken = at + size;
	return c->mem + at;
}

uint64_t client_iova(const struct client *c, const void *mem)
{
	return CLIENT_IOVA + ((const char *)mem - c->mem);
}

int client_kick(struct client *c, unsigned int index)
{
	uint64_t one = 1;

	return write(c->queue[index].kick, &one, sizeof(one)) < 0 ? -errno : 0;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int client_poll(struct client *c, unsigned int index, uint32_t *token,
		uint32_t *len, unsigned int ms)
{
	struct vq *vq = &c->queue[index].vq;
	unsigned int turns = 0;
	uint64_t end = 0;

	while (!vq_get(vq, token, len)) {
		/* the clock costs more than a look at the ring */
		if (++turns % 64 == 0) {
			if (!end)
				end = now_ns() + ms * 1000000ULL;
			else if (now_ns() > end)
				return -ETIMEDOUT;
		}
		sched_yield();
	}
	return 0;
}

int client_wait(struct client *c, unsigned int index, uint32_t *token,
		uint32_t *len, unsigned int ms)
{
	struct client_queue *q = &c->queue[index];
	struct pollfd pfd = { .fd = q->call, .events = POLLIN };
	uint64_t count;

	while (!vq_get(&q->vq, token, len)) {
		vq_call_after(&q->vq, 1);
		if (vq_pending(&q->vq))
			continue;
		switch (poll(&pfd, 1, ms)) {
		case 0:
			return -ETIMEDOUT;
		case 1:
			if (read(q->call, &count, sizeof(count)) < 0)
				return -errno;
			q->calls += count;
			break;
		default:
			return -errno;
		}
	}
	return 0;
}

uint64_t client_calls(struct client *c, unsigned int index)
{
	struct client_queue *q = &c->queue[index];
	uint64_t count;

	if (read(q->call, &count, sizeof(count)) == sizeof(count))
		q->calls += count;
	return q->calls;
}

void fill_pattern(void *mem, size_t len, uint64_t seed)
{
	unsigned char *byte = mem;
	size_t i;

	for (i = 0; i < len; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		byte[i] = seed >> 56;
	}
}
