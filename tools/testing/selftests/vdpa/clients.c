// SPDX-License-Identifier: GPL-2.0
/*
 * What real clients send, call by call and in their order, on the way to
 * moving data and back. Something stricter than this breaks a client.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/virtio_ids.h>

#include "../kselftest_harness.h"
#include "lib/blk.h"
#include "lib/device.h"
#include "lib/net.h"

#define NUM		64
#define ROOM		2048
#define PATIENCE	5000	/* ms */
#define MEMORY		0x100000
#define EVERYTHING	(~0ULL)

/* What QEMU's shadow virtqueues can do with a transport */
#define QEMU_TRANSPORT	(VV_BIT(VIRTIO_F_ANY_LAYOUT) | VV_BIT(VIRTIO_RING_F_EVENT_IDX) | \
			 VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM))

/* A client with memory, before its first call */
static int assemble(struct client *c, const char *path, int flags)
{
	memset(c, 0, sizeof(*c));
	c->size = MEMORY;
	c->mem = mmap(NULL, c->size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c->mem == MAP_FAILED)
		return -errno;
	c->fd = open(path, flags | O_CLOEXEC);
	return c->fd < 0 ? -errno : 0;
}

static struct vv_range whole(const struct client *c)
{
	return (struct vv_range) {
		.iova = CLIENT_IOVA, .size = c->size, .uaddr = (uintptr_t)c->mem,
		.perm = VHOST_ACCESS_RW,
	};
}

/* Status by status; the device must follow */
#define END 0xff

static int go(struct client *c, const uint8_t *status)
{
	uint8_t now;
	int err = 0;

	for (; !err && *status != END; status++) {
		err = vv_set_status(c->fd, *status);
		if (!err)
			err = vv_get_status(c->fd, &now);
		if (!err && now != *status)
			err = -EPROTO;
	}
	return err;
}

static const uint8_t to_driver[] = { 0, VV_S_ACK, VV_S_DRIVER, END };
static const uint8_t to_features[] = { VV_S_FEATURES, END };
static const uint8_t to_running[] = { VV_S_RUNNING, END };

static int enable(struct client *c, unsigned int index, bool on)
{
	return vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, index, on);
}

/* --- a network device ---------------------------------------------------------- */

FIXTURE(net) {
	char name[32];
	char path[64];
	struct net n;
};

FIXTURE_VARIANT(net) {
	uint64_t ring;	/* features that have to be asked for */
};

FIXTURE_VARIANT_ADD(net, split) {};

FIXTURE_VARIANT_ADD(net, packed) {
	.ring = VV_BIT(VIRTIO_F_RING_PACKED),
};

FIXTURE_SETUP(net)
{
	uint64_t features = 0;

	if (variant->ring)
		features = variant->ring | NET_WANTED | VV_BIT(VIRTIO_F_VERSION_1) |
			   VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
	ASSERT_EQ(0, vdpa_create("vdpasim_net", features, self->name, self->path));
	memset(&self->n, 0, sizeof(self->n));
	self->n.num = NUM;
	self->n.room = ROOM;
	self->n.rx_room = ROOM;
	ASSERT_EQ(0, assemble(&self->n.c, self->path, O_RDWR));
}

FIXTURE_TEARDOWN(net)
{
	client_close(&self->n.c);
	vdpa_del(self->name);
}

static int net_memory(struct net *n)
{
	n->rx = client_alloc(&n->c, NUM * ROOM, 4096);
	n->tx = client_alloc(&n->c, NUM * ROOM, 4096);
	n->ctrl = client_alloc(&n->c, 4096, 4096);
	return n->rx && n->tx && n->ctrl ? 0 : -ENOMEM;
}

static int post_all(struct net *n)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < NUM; i++)
		err = net_post_rx(n, i);
	return err ? err : net_flush(n, NET_RX);
}

static int frames(struct net *n, unsigned int count)
{
	uint32_t slot, used;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < count; i++) {
		net_fill(n, 0, 100, i);
		err = net_send(n, 0, 100);
		if (!err)
			err = net_flush(n, NET_TX);
		if (!err)
			err = client_wait(&n->c, NET_RX, &slot, &used, PATIENCE);
		if (!err && !net_check(n, slot, 100, i))
			err = -EBADMSG;
		if (!err)
			err = net_post_rx(n, slot);
		if (!err)
			err = client_poll(&n->c, NET_TX, &slot, &used, PATIENCE);
	}
	return err ? err : net_flush(n, NET_RX);
}

/* What QEMU asks before there is an owner */
static void ask_before_owner(struct __test_metadata *_metadata, struct client *c)
{
	uint64_t features, first, last;
	unsigned char config[24];
	uint32_t value;
	uint16_t num;
	uint8_t status;

	ASSERT_EQ(0, vv_get_features(c->fd, &features));
	ASSERT_EQ(0, vv_get_backend_features(c->fd, &features));
	ASSERT_EQ(0, vv_set_backend_features(c->fd, features));
	ASSERT_EQ(0, vv_get_status(c->fd, &status));
	ASSERT_EQ(0, vv_set_status(c->fd, 0));
	ASSERT_EQ(0, vv_get_config(c->fd, 0, config, sizeof(config)));
	ASSERT_EQ(0, vv_get_iova_range(c->fd, &first, &last));
	ASSERT_EQ(0, vv_get_u32(c->fd, VHOST_VDPA_GET_DEVICE_ID, &value));
	ASSERT_EQ(VIRTIO_ID_NET, value);
	ASSERT_EQ(0, vv_get_vring_num(c->fd, &num));
	ASSERT_EQ(0, vv_get_u32(c->fd, VHOST_VDPA_GET_VQS_COUNT, &value));
}

/* Is the command queue in a group of its own? */
static void qemu_probe(struct __test_metadata *_metadata, struct client *c)
{
	unsigned int group[3], i;
	uint64_t features;

	ASSERT_EQ(0, vv_get_features(c->fd, &features));
	ASSERT_EQ(0, go(c, to_driver));
	ASSERT_EQ(0, vv_set_features(c->fd, features));
	ASSERT_EQ(0, go(c, to_features));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, vv_get_vring(c->fd, VHOST_VDPA_GET_VRING_GROUP, i, &group[i]));
	EXPECT_EQ(group[NET_RX], group[NET_TX]);
	EXPECT_NE(group[NET_RX], group[NET_CTRL]);
	ASSERT_EQ(0, vv_set_status(c->fd, 0));
}

/* In one batch, in pieces, as a guest's memory is */
static int map_in_batch(struct client *c)
{
	struct vv_range part = whole(c);
	unsigned int i;
	int err;

	err = vv_iotlb_v2(c->fd, 0, VHOST_IOTLB_BATCH_BEGIN, NULL);
	part.size /= 4;
	for (i = 0; !err && i < 4; i++) {
		err = vv_iotlb_v2(c->fd, 0, VHOST_IOTLB_UPDATE, &part);
		part.iova += part.size;
		part.uaddr += part.size;
	}
	return err ? err : vv_iotlb_v2(c->fd, 0, VHOST_IOTLB_BATCH_END, NULL);
}

/* The shadow of the command queue has its own address space, with two maps */
static int map_command_queue(struct client *c)
{
	int err = vv_set_vring(c->fd, VHOST_VDPA_SET_GROUP_ASID, 1, 1);

	if (!err)
		err = vv_map(c->fd, 1, CLIENT_IOVA, c->mem, c->size / 2, VHOST_ACCESS_RO);
	if (!err)
		err = vv_map(c->fd, 1, CLIENT_IOVA + c->size / 2, c->mem + c->size / 2,
			     c->size / 2, VHOST_ACCESS_RW);
	return err;
}

static void qemu_start(struct __test_metadata *_metadata, struct net *n, uint64_t ring)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
	struct client *c = &n->c;
	uint64_t offered;
	void *doorbell;

	ASSERT_EQ(0, go(c, to_driver));
	ASSERT_EQ(0, vv_get_features(c->fd, &offered));
	c->features = offered & (NET_WANTED | QEMU_TRANSPORT | ring);
	ASSERT_EQ(0, vv_set_features(c->fd, c->features));
	ASSERT_EQ(0, go(c, to_features));
	ASSERT_EQ(0, vv_get_backend_features(c->fd, &offered));
	ASSERT_EQ(0, vv_set_backend_features(c->fd, offered));

	/* the queues of the data, NUM, BASE, ADDR, KICK, CALL each */
	ASSERT_EQ(0, client_add_queue(c, NUM));
	doorbell = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, c->fd, 0);
	ASSERT_EQ(MAP_FAILED, doorbell);
	EXPECT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(0, client_add_queue(c, NUM));
	ASSERT_EQ(0, map_command_queue(c));
	ASSERT_EQ(0, net_memory(n));
	/* so high that commands lie in what the device may write, too */
	c->taken = c->size / 2;
	n->ctrl = client_alloc(c, 4096, 4096);
	ASSERT_EQ(0, client_add_queue(c, NUM));
	ASSERT_EQ(0, map_in_batch(c));
	ASSERT_EQ(0, go(c, to_running));

	/* commands first, and then the data */
	ASSERT_EQ(0, enable(c, NET_CTRL, true));
	ASSERT_EQ(VIRTIO_NET_OK, net_command(n, VIRTIO_NET_CTRL_MAC,
					     VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6));
	ASSERT_EQ(0, enable(c, NET_RX, true));
	ASSERT_EQ(0, enable(c, NET_TX, true));
	memcpy(n->mac, mac, 6);
	ASSERT_EQ(0, post_all(n));
}

static void qemu_stop(struct __test_metadata *_metadata, struct net *n)
{
	struct client *c = &n->c;
	unsigned int base, i;

	ASSERT_EQ(0, vv_suspend(c->fd));
	for (i = 0; i < c->nqueues; i++) {
		ASSERT_EQ(0, vv_get_vring(c->fd, VHOST_GET_VRING_BASE, i, &base));
		/* nothing is on its way but receive buffers */
		if (i != NET_RX)
			EXPECT_EQ(vq_base(&c->queue[i].vq), base);
	}
	ASSERT_EQ(0, vv_set_status(c->fd, 0));
	ASSERT_EQ(0, vv_unmap(c->fd, 0, CLIENT_IOVA, c->size));
	ASSERT_EQ(0, vv_unmap(c->fd, 1, CLIENT_IOVA, c->size));
}

TEST_F(net, qemu)
{
	struct client *c = &self->n.c;
	unsigned int i;

	ask_before_owner(_metadata, c);
	ASSERT_EQ(0, vv_set_owner(c->fd));
	qemu_probe(_metadata, c);
	for (i = 0; i < 3; i++) {
		qemu_start(_metadata, &self->n, variant->ring);
		ASSERT_EQ(0, frames(&self->n, 50));
		qemu_stop(_metadata, &self->n);
		/* the guest boots again */
		while (c->nqueues) {
			c->nqueues--;
			close(c->queue[c->nqueues].kick);
			close(c->queue[c->nqueues].call);
			vq_free(&c->queue[c->nqueues].vq);
		}
		c->taken = 0;
		memset(c->mem, 0, c->size);
	}
}

/* Memory comes and goes while it runs: all is dropped first, each time */
static int dpdk_memory_table(struct client *c)
{
	struct vv_range all = { .size = EVERYTHING }, mem = whole(c);
	int err = vv_iotlb_v2(c->fd, 0, VHOST_IOTLB_BATCH_BEGIN, NULL);

	if (!err)
		err = vv_iotlb_v2(c->fd, 0, VHOST_IOTLB_INVALIDATE, &all);
	if (!err)
		err = vv_iotlb_v2(c->fd, 0, VHOST_IOTLB_UPDATE, &mem);
	return err ? err : vv_iotlb_v2(c->fd, 0, VHOST_IOTLB_BATCH_END, NULL);
}

TEST_F(net, dpdk)
{
	struct client *c = &self->n.c;
	unsigned int base, i;
	uint64_t offered;

	ASSERT_EQ(0, vv_set_owner(c->fd));
	ASSERT_EQ(0, vv_get_features(c->fd, &offered));
	ASSERT_EQ(0, vv_get_backend_features(c->fd, &c->features));
	ASSERT_EQ(0, vv_set_backend_features(c->fd, VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) |
						    VV_BIT(VHOST_BACKEND_F_IOTLB_BATCH)));
	c->features = offered & (NET_WANTED | QEMU_TRANSPORT | variant->ring);
	ASSERT_EQ(0, go(c, to_driver));
	ASSERT_EQ(0, vv_get_config(c->fd, 0, self->n.mac, 6));
	ASSERT_EQ(0, vv_set_features(c->fd, c->features));
	ASSERT_EQ(0, go(c, to_features));
	ASSERT_EQ(0, dpdk_memory_table(c));

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, client_add_queue(c, NUM));
		/* the wrap counter of its own half, and nothing of the used one */
		ASSERT_EQ(0, vv_set_vring(c->fd, VHOST_SET_VRING_BASE, i,
					  variant->ring ? 0x8000 : 0));
		ASSERT_EQ(0, vv_get_vring(c->fd, VHOST_GET_VRING_BASE, i, &base));
		EXPECT_EQ(variant->ring ? 0x80008000 : 0, base);
		ASSERT_EQ(0, enable(c, i, true));
	}
	ASSERT_EQ(0, net_memory(&self->n));
	ASSERT_EQ(0, go(c, to_running));
	ASSERT_EQ(0, post_all(&self->n));
	ASSERT_EQ(0, frames(&self->n, 50));

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, enable(c, i, false));
	ASSERT_EQ(0, dpdk_memory_table(c));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, enable(c, i, true));
	EXPECT_EQ(0, frames(&self->n, 50));
	ASSERT_EQ(0, client_stop(c));
}

/* The tests of rust-vmm's library */
TEST_F(net, rust_vmm)
{
	struct client *c = &self->n.c;
	uint64_t offered, features;
	struct vv_range odd = {
		.iova = 0xFFFF0000, .size = 0xFFFF, .uaddr = (uintptr_t)c->mem,
		.perm = VHOST_ACCESS_RW,
	};
	unsigned int group;

	/* before everything else */
	ASSERT_EQ(0, vv_get_features(c->fd, &offered));
	ASSERT_EQ(0, vv_set_features(c->fd, offered));
	ASSERT_EQ(0, vv_get_backend_features(c->fd, &features));
	ASSERT_EQ(0, vv_set_backend_features(c->fd, features));
	ASSERT_EQ(0, vv_set_owner(c->fd));
	EXPECT_EQ(0, vv_get_vring(c->fd, VHOST_VDPA_GET_VRING_GROUP, 0, &group));
	EXPECT_EQ(0, vv_set_vring(c->fd, VHOST_VDPA_SET_GROUP_ASID, 0, 1));
	EXPECT_EQ(0, vv_suspend(c->fd));
	EXPECT_EQ(0, vv_iotlb_v2(c->fd, 0, VHOST_IOTLB_UPDATE, &odd));
	EXPECT_EQ(16, proc_field("/proc/self/status", "VmPin") / 4);
	EXPECT_EQ(0, vv_iotlb_v2(c->fd, 0, VHOST_IOTLB_INVALIDATE, &odd));
	EXPECT_EQ(0, proc_field("/proc/self/status", "VmPin"));
}

/* As in other vhost devices; it changes nothing */
TEST_F(net, memory_table_by_ioctl)
{
	struct {
		struct vhost_memory memory;
		struct vhost_memory_region region;
	} table = {
		.memory.nregions = 1,
		.region = {
			.guest_phys_addr = CLIENT_IOVA, .memory_size = MEMORY,
			.userspace_addr = (uintptr_t)self->n.c.mem,
		},
	};

	ASSERT_EQ(0, vv_set_owner(self->n.c.fd));
	EXPECT_EQ(0, vv_ioctl(self->n.c.fd, VHOST_SET_MEM_TABLE, &table));
	EXPECT_EQ(0, proc_field("/proc/self/status", "VmPin"));
}

/* --- a disk ---------------------------------------------------------------------- */

FIXTURE(disk) {
	char name[32];
	char path[64];
	struct blk b;
};

FIXTURE_VARIANT(disk) {
	int flags;
};

FIXTURE_VARIANT_ADD(disk, read_write) {
	.flags = O_RDWR,
};

/* The device's memory is mapped by the client, and its file is only written to */
FIXTURE_VARIANT_ADD(disk, write_only) {
	.flags = O_WRONLY,
};

FIXTURE_SETUP(disk)
{
	ASSERT_EQ(0, vdpa_create("vdpasim_blk", 0, self->name, self->path));
	memset(&self->b, 0, sizeof(self->b));
	self->b.depth = 1;
	self->b.room = 4096;
	ASSERT_EQ(0, assemble(&self->b.c, self->path, variant->flags));
}

FIXTURE_TEARDOWN(disk)
{
	client_close(&self->b.c);
	vdpa_del(self->name);
}

static int blk_memory(struct blk *b)
{
	b->header = client_alloc(&b->c, sizeof(*b->header), 64);
	b->status = client_alloc(&b->c, 1, 64);
	b->data = client_alloc(&b->c, b->room, 4096);
	return b->header && b->status && b->data ? 0 : -ENOMEM;
}

static int write_and_read(struct blk *b)
{
	char expected[4096];
	int err;

	fill_pattern(expected, sizeof(expected), 7);
	memcpy(b->data, expected, sizeof(expected));
	err = blk_do_wait(b, 0, VIRTIO_BLK_T_OUT, 8, sizeof(expected));
	memset(b->data, 0, sizeof(expected));
	if (!err)
		err = blk_do_wait(b, 0, VIRTIO_BLK_T_IN, 8, sizeof(expected));
	if (!err && memcmp(b->data, expected, sizeof(expected)))
		err = -EBADMSG;
	return err;
}

TEST_F(disk, libblkio)
{
	struct client *c = &self->b.c;
	struct vv_range odd = whole(c);
	uint64_t offered;

	/* an odd length at an aligned start */
	odd.size -= 1001;
	ASSERT_EQ(0, vv_set_owner(c->fd));
	ASSERT_EQ(0, vv_get_backend_features(c->fd, &offered));
	/* it masks with the bit's number, and so acknowledges none */
	ASSERT_EQ(0, vv_set_backend_features(c->fd,
					     offered & VHOST_BACKEND_F_IOTLB_MSG_V2));
	ASSERT_EQ(0, vv_get_features(c->fd, &offered));
	c->features = offered & QEMU_TRANSPORT;
	ASSERT_EQ(0, go(c, to_driver));
	ASSERT_EQ(0, vv_set_features(c->fd, c->features));
	ASSERT_EQ(0, go(c, to_features));
	ASSERT_EQ(0, vv_iotlb_v1(c->fd, VHOST_IOTLB_UPDATE, &odd));
	EXPECT_EQ(MEMORY / 1024, proc_field("/proc/self/status", "VmPin"));

	ASSERT_EQ(0, client_add_queue(c, NUM));
	ASSERT_EQ(0, blk_memory(&self->b));
	ASSERT_EQ(0, enable(c, 0, true));
	ASSERT_EQ(0, go(c, to_running));
	EXPECT_EQ(0, write_and_read(&self->b));

	ASSERT_EQ(0, vv_set_status(c->fd, 0));
	ASSERT_EQ(0, vv_iotlb_v1(c->fd, VHOST_IOTLB_INVALIDATE, &odd));
	EXPECT_EQ(0, proc_field("/proc/self/status", "VmPin"));
}

/* QEMU's vhost-vdpa-device, for devices of which it knows nothing else */
TEST_F(disk, vhost_vdpa_device)
{
	struct client *c = &self->b.c;
	unsigned char config[256];
	uint32_t size = 0, count = 0;
	int event = eventfd(0, EFD_CLOEXEC);
	unsigned int i;

	ASSERT_EQ(0, vv_get_u32(c->fd, VHOST_VDPA_GET_DEVICE_ID, &count));
	ASSERT_EQ(VIRTIO_ID_BLOCK, count);
	ASSERT_EQ(0, vv_get_u32(c->fd, VHOST_VDPA_GET_VQS_COUNT, &count));
	ASSERT_EQ(0, vv_get_u32(c->fd, VHOST_VDPA_GET_CONFIG_SIZE, &size));
	ASSERT_GE(sizeof(config), size);
	ASSERT_EQ(0, vv_set_owner(c->fd));
	ASSERT_EQ(0, vv_get_config(c->fd, 0, config, size));
	ASSERT_EQ(0, vv_set_config_call(c->fd, event));

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, go(c, to_driver));
		ASSERT_EQ(0, vv_get_features(c->fd, &c->features));
		c->features &= QEMU_TRANSPORT;
		ASSERT_EQ(0, vv_set_features(c->fd, c->features));
		ASSERT_EQ(0, go(c, to_features));
		ASSERT_EQ(0, map_in_batch(c));
		ASSERT_EQ(0, client_add_queue(c, NUM));
		ASSERT_EQ(0, blk_memory(&self->b));
		ASSERT_EQ(0, enable(c, 0, true));
		ASSERT_EQ(0, go(c, to_running));
		EXPECT_EQ(0, write_and_read(&self->b));
		EXPECT_EQ(0, client_stop(c));

		c->nqueues = 0;
		c->taken = 0;
		close(c->queue[0].kick);
		close(c->queue[0].call);
		vq_free(&c->queue[0].vq);
	}
	close(event);
}

TEST_HARNESS_MAIN
