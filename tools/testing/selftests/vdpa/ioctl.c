// SPDX-License-Identifier: GPL-2.0
/*
 * Each call of /dev/vhost-vdpa-N: what it answers, and when it refuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <linux/virtio_ids.h>

#include "../kselftest_harness.h"
#include "lib/client.h"
#include "lib/device.h"

#define ALL_ONES (~0ULL)
/* newer than the headers of some distributions */
#define F_NOTIFICATION_DATA	38

FIXTURE(calls) {
	char name[32];
	char path[64];
	int fd;
	uint64_t features;
};

FIXTURE_VARIANT(calls) {
	const char *mgmtdev;
	uint32_t id;
	uint32_t nvqs, ngroups, nas;
	uint32_t config_size;
};

/* The default shapes of the simulated devices, on which clients' tests rely */
FIXTURE_VARIANT_ADD(calls, net) {
	.mgmtdev = "vdpasim_net", .id = VIRTIO_ID_NET,
	.nvqs = 3, .ngroups = 2, .nas = 2, .config_size = 24,
};

FIXTURE_VARIANT_ADD(calls, blk) {
	.mgmtdev = "vdpasim_blk", .id = VIRTIO_ID_BLOCK,
	.nvqs = 1, .ngroups = 1, .nas = 1, .config_size = 60,
};

FIXTURE_SETUP(calls)
{
	ASSERT_EQ(0, vdpa_create(variant->mgmtdev, 0, self->name, self->path));
	self->fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, vv_get_features(self->fd, &self->features));
}

FIXTURE_TEARDOWN(calls)
{
	close(self->fd);
	vdpa_del(self->name);
}

/* FEATURES_OK with all that is offered but what changes the rings' format */
static int negotiate(int fd, uint64_t features)
{
	int err = vv_set_status(fd, VV_S_ACK);

	if (!err)
		err = vv_set_status(fd, VV_S_DRIVER);
	if (!err)
		err = vv_set_features(fd, features & ~VV_BIT(VIRTIO_F_RING_PACKED));
	if (!err)
		err = vv_set_status(fd, VV_S_FEATURES);
	return err;
}

TEST_F(calls, device_id)
{
	uint32_t id = 0;

	EXPECT_EQ(0, vv_get_u32(self->fd, VHOST_VDPA_GET_DEVICE_ID, &id));
	EXPECT_EQ(variant->id, id);
}

TEST_F(calls, counts)
{
	uint32_t count = 0;

	EXPECT_EQ(0, vv_get_u32(self->fd, VHOST_VDPA_GET_VQS_COUNT, &count));
	EXPECT_EQ(variant->nvqs, count);
	EXPECT_EQ(0, vv_get_u32(self->fd, VHOST_VDPA_GET_GROUP_NUM, &count));
	EXPECT_EQ(variant->ngroups, count);
	EXPECT_EQ(0, vv_get_u32(self->fd, VHOST_VDPA_GET_AS_NUM, &count));
	EXPECT_EQ(variant->nas, count);
}

TEST_F(calls, config_size)
{
	uint32_t size = 0;

	EXPECT_EQ(0, vv_get_u32(self->fd, VHOST_VDPA_GET_CONFIG_SIZE, &size));
	EXPECT_EQ(variant->config_size, size);
}

TEST_F(calls, iova_range)
{
	uint64_t first = 1, last = 1;

	EXPECT_EQ(0, vv_get_iova_range(self->fd, &first, &last));
	EXPECT_EQ(0, first);
	EXPECT_EQ(ALL_ONES, last);
}

TEST_F(calls, vring_num)
{
	uint16_t num = 0;

	EXPECT_EQ(0, vv_get_vring_num(self->fd, &num));
	EXPECT_GE(num, 128);
	EXPECT_EQ(0, num & (num - 1));
}

TEST_F(calls, bad_address)
{
	void *bad = (void *)8;

	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_GET_FEATURES, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_SET_FEATURES, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_GET_BACKEND_FEATURES, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_SET_BACKEND_FEATURES, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_DEVICE_ID, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_STATUS, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_SET_STATUS, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_CONFIG, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_SET_CONFIG, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_VRING_NUM, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_SET_CONFIG_CALL, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_IOVA_RANGE, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_CONFIG_SIZE, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_AS_NUM, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_VQS_COUNT, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_GROUP_NUM, bad));

	ASSERT_EQ(0, vv_set_owner(self->fd));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_SET_VRING_NUM, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_SET_VRING_ADDR, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_SET_VRING_BASE, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_GET_VRING_BASE, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_SET_VRING_KICK, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_SET_VRING_CALL, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_SET_VRING_ENABLE, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_VRING_GROUP, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_SET_GROUP_ASID, bad));
	EXPECT_EQ(-EFAULT, vv_ioctl(self->fd, VHOST_VDPA_GET_VRING_SIZE, bad));
}

TEST_F(calls, unknown)
{
	EXPECT_EQ(-ENOTTY, vv_ioctl(self->fd, _IO(VHOST_VIRTIO, 0xff), NULL));
	ASSERT_EQ(0, vv_set_owner(self->fd));
	EXPECT_EQ(-ENOTTY, vv_ioctl(self->fd, _IO(VHOST_VIRTIO, 0xff), NULL));
}

TEST_F(calls, features)
{
	uint64_t bogus = VV_BIT(63);

	EXPECT_TRUE(self->features & VV_BIT(VIRTIO_F_VERSION_1));
	EXPECT_TRUE(self->features & VV_BIT(VIRTIO_F_ACCESS_PLATFORM));
	EXPECT_EQ(0, vv_set_status(self->fd, VV_S_ACK));
	EXPECT_EQ(0, vv_set_status(self->fd, VV_S_DRIVER));
	EXPECT_NE(0, vv_set_features(self->fd, self->features | bogus));
	EXPECT_EQ(0, vv_set_features(self->fd, self->features));
	EXPECT_EQ(0, vv_set_status(self->fd, VV_S_FEATURES));
	/* too late now */
	EXPECT_EQ(-EBUSY, vv_set_features(self->fd, self->features));
	EXPECT_EQ(0, vv_set_status(self->fd, 0));
	EXPECT_EQ(0, vv_set_features(self->fd, self->features));
}

TEST_F(calls, access_platform_is_needed)
{
	uint64_t without = self->features & ~VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
	uint8_t status = 0;
	int err;

	ASSERT_EQ(0, vv_set_status(self->fd, VV_S_ACK));
	ASSERT_EQ(0, vv_set_status(self->fd, VV_S_DRIVER));
	err = vv_set_features(self->fd, without);
	if (!err) {
		vv_set_status(self->fd, VV_S_FEATURES);
		ASSERT_EQ(0, vv_get_status(self->fd, &status));
		EXPECT_FALSE(status & VIRTIO_CONFIG_S_FEATURES_OK);
	} else {
		EXPECT_EQ(-EINVAL, err);
	}
}

/* A kick by an eventfd can't carry the data */
TEST(notification_data_is_not_offered)
{
	uint64_t features = VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
	uint64_t offered = 0;
	char name[32], path[64];
	int fd;

	ASSERT_EQ(0, vdpa_create("vdpasim_blk", features | VV_BIT(F_NOTIFICATION_DATA),
				 name, path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(0, vv_get_features(fd, &offered));
	EXPECT_EQ(features, offered);
	EXPECT_EQ(0, vv_set_status(fd, VV_S_ACK));
	EXPECT_EQ(0, vv_set_status(fd, VV_S_DRIVER));
	EXPECT_EQ(-EINVAL, vv_set_features(fd, features | VV_BIT(F_NOTIFICATION_DATA)));
	EXPECT_EQ(0, vv_set_features(fd, features));
	close(fd);
	EXPECT_EQ(0, vdpa_del(name));
}

TEST_F(calls, backend_features)
{
	const uint64_t always = VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) |
				VV_BIT(VHOST_BACKEND_F_IOTLB_BATCH) |
				VV_BIT(VHOST_BACKEND_F_IOTLB_ASID);
	uint64_t offered = 0;

	ASSERT_EQ(0, vv_get_backend_features(self->fd, &offered));
	EXPECT_EQ(always, offered & always);
	EXPECT_TRUE(offered & VV_BIT(VHOST_BACKEND_F_SUSPEND));
	EXPECT_TRUE(offered & VV_BIT(VHOST_BACKEND_F_RESUME));
	EXPECT_TRUE(offered & VV_BIT(VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK));

	EXPECT_EQ(0, vv_set_backend_features(self->fd, offered));
	EXPECT_EQ(0, vv_set_backend_features(self->fd, 0));
	EXPECT_EQ(-EOPNOTSUPP, vv_set_backend_features(self->fd, VV_BIT(40)));
	EXPECT_EQ(-EOPNOTSUPP, vv_set_backend_features(self->fd, offered | VV_BIT(63)));
}

/* The simulated devices have no descriptor groups by default */
TEST_F(calls, backend_feature_that_the_parent_lacks)
{
	uint64_t offered = 0;
	unsigned int group;

	ASSERT_EQ(0, vv_get_backend_features(self->fd, &offered));
	if (offered & VV_BIT(VHOST_BACKEND_F_DESC_ASID))
		SKIP(return, "the device has descriptor groups");
	EXPECT_EQ(-EOPNOTSUPP, vv_set_backend_features(self->fd,
		VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) | VV_BIT(VHOST_BACKEND_F_IOTLB_ASID) |
		VV_BIT(VHOST_BACKEND_F_DESC_ASID)));
	ASSERT_EQ(0, vv_set_owner(self->fd));
	EXPECT_EQ(-EOPNOTSUPP, vv_get_vring(self->fd, VHOST_VDPA_GET_VRING_DESC_GROUP,
					    0, &group));
}

TEST_F(calls, owner)
{
	EXPECT_EQ(0, vv_set_owner(self->fd));
	EXPECT_EQ(-EBUSY, vv_set_owner(self->fd));
}

TEST_F(calls, needs_owner)
{
	struct vhost_memory memory = { .nregions = 0 };
	unsigned int num;

	EXPECT_EQ(-EPERM, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, 0, 64));
	EXPECT_EQ(-EPERM, vv_set_vring_addr(self->fd, 0, 0, 0, 0));
	EXPECT_EQ(-EPERM, vv_set_vring(self->fd, VHOST_SET_VRING_BASE, 0, 0));
	EXPECT_EQ(-EPERM, vv_get_vring(self->fd, VHOST_GET_VRING_BASE, 0, &num));
	EXPECT_EQ(-EPERM, vv_set_vring_fd(self->fd, VHOST_SET_VRING_KICK, 0, -1));
	EXPECT_EQ(-EPERM, vv_set_vring_fd(self->fd, VHOST_SET_VRING_CALL, 0, -1));
	EXPECT_EQ(-EPERM, vv_set_vring_fd(self->fd, VHOST_SET_VRING_ERR, 0, -1));
	EXPECT_EQ(-EPERM, vv_set_vring(self->fd, VHOST_VDPA_SET_VRING_ENABLE, 0, 1));
	EXPECT_EQ(-EPERM, vv_get_vring(self->fd, VHOST_VDPA_GET_VRING_GROUP, 0, &num));
	EXPECT_EQ(-EPERM, vv_set_vring(self->fd, VHOST_VDPA_SET_GROUP_ASID, 0, 0));
	EXPECT_EQ(-EPERM, vv_ioctl(self->fd, VHOST_SET_MEM_TABLE, &memory));
}

TEST_F(calls, iotlb_needs_owner)
{
	static _Alignas(4096) char page[4096];

	EXPECT_EQ(0, vv_set_backend_features(self->fd, VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2)));
	EXPECT_NE(0, vv_map(self->fd, 0, 0x10000, page, 4096, VHOST_ACCESS_RW));
	EXPECT_EQ(0, vv_set_owner(self->fd));
	EXPECT_EQ(0, vv_map(self->fd, 0, 0x10000, page, 4096, VHOST_ACCESS_RW));
}

TEST_F(calls, config_get)
{
	unsigned char whole[256] = { 0 }, part[4];
	uint32_t size = variant->config_size;

	ASSERT_EQ(0, vv_get_config(self->fd, 0, whole, size));
	EXPECT_EQ(0, vv_get_config(self->fd, size - 4, part, 4));
	EXPECT_EQ(0, memcmp(part, whole + size - 4, 4));
	EXPECT_EQ(-EINVAL, vv_get_config(self->fd, 0, whole, size + 1));
	EXPECT_EQ(-EINVAL, vv_get_config(self->fd, size - 3, part, 4));
	EXPECT_EQ(-EINVAL, vv_get_config(self->fd, 0, part, 0));
	/* offset and length whose sum wraps */
	EXPECT_EQ(-EINVAL, vv_get_config(self->fd, ~0u - 1, part, 4));
}

TEST_F(calls, config_set)
{
	unsigned char byte[4] = { 0 };
	uint32_t size = variant->config_size;

	EXPECT_EQ(-EINVAL, vv_set_config(self->fd, size - 3, byte, 4));
	EXPECT_EQ(-EINVAL, vv_set_config(self->fd, 0, byte, 0));
	EXPECT_EQ(-EINVAL, vv_set_config(self->fd, ~0u - 1, byte, 4));
}

TEST_F(calls, config_call)
{
	int event = eventfd(0, EFD_CLOEXEC);

	ASSERT_GE(event, 0);
	EXPECT_EQ(0, vv_set_config_call(self->fd, event));
	EXPECT_EQ(0, vv_set_config_call(self->fd, event));
	EXPECT_EQ(0, vv_set_config_call(self->fd, VHOST_FILE_UNBIND));
	EXPECT_EQ(-EBADF, vv_set_config_call(self->fd, 12345));
	EXPECT_EQ(-EINVAL, vv_set_config_call(self->fd, self->fd));
	close(event);
}

TEST_F(calls, status_goes_up_only)
{
	uint8_t status = 99;

	EXPECT_EQ(0, vv_get_status(self->fd, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, vv_set_status(self->fd, VV_S_ACK));
	EXPECT_EQ(0, vv_set_status(self->fd, VV_S_DRIVER));
	EXPECT_EQ(-EINVAL, vv_set_status(self->fd, VV_S_ACK));
	EXPECT_EQ(-EINVAL, vv_set_status(self->fd, VIRTIO_CONFIG_S_DRIVER));
	EXPECT_EQ(0, vv_get_status(self->fd, &status));
	EXPECT_EQ(VV_S_DRIVER, status);
	EXPECT_EQ(0, vv_set_status(self->fd, 0));
	EXPECT_EQ(0, vv_get_status(self->fd, &status));
	EXPECT_EQ(0, status);
}

TEST_F(calls, status_failed)
{
	uint8_t status = 0;

	EXPECT_EQ(0, vv_set_status(self->fd, VV_S_ACK));
	EXPECT_EQ(0, vv_set_status(self->fd, VV_S_ACK | VIRTIO_CONFIG_S_FAILED));
	EXPECT_EQ(0, vv_get_status(self->fd, &status));
	EXPECT_TRUE(status & VIRTIO_CONFIG_S_FAILED);
	EXPECT_EQ(0, vv_set_status(self->fd, 0));
}

TEST_F(calls, vring_index)
{
	unsigned int num, out = variant->nvqs;

	ASSERT_EQ(0, vv_set_owner(self->fd));
	EXPECT_EQ(-ENOBUFS, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, out, 64));
	EXPECT_EQ(-ENOBUFS, vv_set_vring_addr(self->fd, out, 0, 0, 0));
	EXPECT_EQ(-ENOBUFS, vv_set_vring(self->fd, VHOST_SET_VRING_BASE, out, 0));
	EXPECT_EQ(-ENOBUFS, vv_get_vring(self->fd, VHOST_GET_VRING_BASE, out, &num));
	EXPECT_EQ(-ENOBUFS, vv_set_vring_fd(self->fd, VHOST_SET_VRING_KICK, out, -1));
	EXPECT_EQ(-ENOBUFS, vv_set_vring_fd(self->fd, VHOST_SET_VRING_CALL, out, -1));
	EXPECT_EQ(-ENOBUFS, vv_set_vring(self->fd, VHOST_VDPA_SET_VRING_ENABLE, out, 1));
	EXPECT_EQ(-ENOBUFS, vv_get_vring(self->fd, VHOST_VDPA_GET_VRING_GROUP, out, &num));
	EXPECT_EQ(-ENOBUFS, vv_get_vring(self->fd, VHOST_VDPA_GET_VRING_SIZE, out, &num));
	EXPECT_EQ(-ENOBUFS, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, ~0u, 64));
}

TEST_F(calls, vring_size)
{
	uint16_t max = 0;

	ASSERT_EQ(0, vv_set_owner(self->fd));
	ASSERT_EQ(0, vv_get_vring_num(self->fd, &max));
	EXPECT_EQ(0, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, 0, max));
	EXPECT_EQ(0, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, 0, 64));
	EXPECT_EQ(-EINVAL, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, 0, 0));
	EXPECT_EQ(-EINVAL, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, 0, 100));
	EXPECT_EQ(-EINVAL, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, 0, max * 2));
	EXPECT_EQ(-EINVAL, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, 0, 0x10000));
	EXPECT_EQ(-EINVAL, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, 0, 0x10040));
}

/* A parent need not know sizes queue by queue */
TEST_F(calls, size_of_one_vring)
{
	unsigned int size = 0;
	uint16_t max = 0;
	int err;

	ASSERT_EQ(0, vv_set_owner(self->fd));
	ASSERT_EQ(0, vv_get_vring_num(self->fd, &max));
	err = vv_get_vring(self->fd, VHOST_VDPA_GET_VRING_SIZE, 0, &size);
	if (err == -EOPNOTSUPP)
		SKIP(return, "the parent has one size for all queues");
	EXPECT_EQ(0, err);
	EXPECT_EQ(max, size);
}

TEST_F(calls, vring_base)
{
	unsigned int base = 1;

	ASSERT_EQ(0, vv_set_owner(self->fd));
	ASSERT_EQ(0, negotiate(self->fd, self->features));
	ASSERT_EQ(0, vv_set_vring(self->fd, VHOST_SET_VRING_NUM, 0, 64));
	EXPECT_EQ(0, vv_get_vring(self->fd, VHOST_GET_VRING_BASE, 0, &base));
	EXPECT_EQ(0, base);
	EXPECT_EQ(0, vv_set_vring(self->fd, VHOST_SET_VRING_BASE, 0, 65535));
	EXPECT_EQ(0, vv_get_vring(self->fd, VHOST_GET_VRING_BASE, 0, &base));
	EXPECT_EQ(65535, base);
	EXPECT_EQ(-EINVAL, vv_set_vring(self->fd, VHOST_SET_VRING_BASE, 0, 65536));
}

/* Nobody polls for it here: it is kept for whoever asks, of each queue */
TEST_F(calls, busyloop)
{
	unsigned int us = 1;

	EXPECT_EQ(-EPERM, vv_set_vring(self->fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 0, 50));
	ASSERT_EQ(0, vv_set_owner(self->fd));
	EXPECT_EQ(0, vv_get_vring(self->fd, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, 0, &us));
	EXPECT_EQ(0, us);
	EXPECT_EQ(0, vv_set_vring(self->fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 0, 50));
	EXPECT_EQ(0, vv_get_vring(self->fd, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, 0, &us));
	EXPECT_EQ(50, us);
	EXPECT_EQ(-ENOBUFS, vv_set_vring(self->fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
					 variant->nvqs, 50));
}

TEST_F(calls, vring_fds)
{
	static const unsigned long requests[] = {
		VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,
	};
	int event = eventfd(0, EFD_CLOEXEC);
	unsigned int i;

	ASSERT_GE(event, 0);
	ASSERT_EQ(0, vv_set_owner(self->fd));
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		EXPECT_EQ(0, vv_set_vring_fd(self->fd, requests[i], 0, event));
		EXPECT_EQ(0, vv_set_vring_fd(self->fd, requests[i], 0, event));
		EXPECT_EQ(-EBADF, vv_set_vring_fd(self->fd, requests[i], 0, 12345));
		EXPECT_EQ(-EINVAL, vv_set_vring_fd(self->fd, requests[i], 0, self->fd));
		EXPECT_EQ(0, vv_set_vring_fd(self->fd, requests[i], 0, -1));
	}
	close(event);
}

TEST_F(calls, vring_is_frozen_while_running)
{
	struct client c;
	unsigned int i;

	close(self->fd);
	ASSERT_EQ(0, client_open(&c, self->path, 1 << 20));
	self->fd = dup(c.fd);
	ASSERT_EQ(0, client_negotiate(&c, 0));
	for (i = 0; i < variant->nvqs; i++)
		ASSERT_EQ(0, client_add_queue(&c, 64));
	ASSERT_EQ(0, client_start(&c));

	EXPECT_EQ(-EINVAL, vv_set_vring(c.fd, VHOST_SET_VRING_BASE, 0, 0));
	EXPECT_EQ(-EINVAL, vv_set_vring_addr(c.fd, 0, c.queue[0].vq.desc_iova,
					     c.queue[0].vq.driver_iova,
					     c.queue[0].vq.device_iova));
	client_close(&c);
}

TEST_F(calls, groups)
{
	unsigned int group = 99, i;
	int err;

	ASSERT_EQ(0, vv_set_owner(self->fd));
	for (i = 0; i < variant->nvqs; i++) {
		EXPECT_EQ(0, vv_get_vring(self->fd, VHOST_VDPA_GET_VRING_GROUP, i, &group));
		/* the command queue has a group of its own */
		EXPECT_EQ(i == 2 ? 1 : 0, group);
	}
	for (i = 0; i < variant->ngroups; i++)
		EXPECT_EQ(0, vv_set_vring(self->fd, VHOST_VDPA_SET_GROUP_ASID, i, 0));
	EXPECT_EQ(0, vv_set_vring(self->fd, VHOST_VDPA_SET_GROUP_ASID, 0,
				  variant->nas - 1));
	EXPECT_EQ(-EINVAL, vv_set_vring(self->fd, VHOST_VDPA_SET_GROUP_ASID, 0,
					variant->nas));
	/* with fewer queues than groups the kernel's own says ENOBUFS */
	err = vv_set_vring(self->fd, VHOST_VDPA_SET_GROUP_ASID, variant->ngroups, 0);
	EXPECT_TRUE(err == -EINVAL || err == -ENOBUFS);
}

TEST_F(calls, suspend_and_resume_before_driver_ok)
{
	EXPECT_EQ(0, vv_suspend(self->fd));
	EXPECT_EQ(0, vv_resume(self->fd));
	ASSERT_EQ(0, negotiate(self->fd, self->features));
	EXPECT_EQ(0, vv_suspend(self->fd));
	EXPECT_EQ(0, vv_resume(self->fd));
}

TEST_F(calls, one_opener)
{
	int second = open(self->path, O_RDWR | O_CLOEXEC);

	EXPECT_EQ(-1, second);
	EXPECT_EQ(EBUSY, errno);
	close(self->fd);
	self->fd = open(self->path, O_RDWR | O_CLOEXEC);
	EXPECT_GE(self->fd, 0);
}

TEST_F(calls, release_resets)
{
	uint8_t status = 99;

	ASSERT_EQ(0, vv_set_owner(self->fd));
	ASSERT_EQ(0, negotiate(self->fd, self->features));
	close(self->fd);
	self->fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	EXPECT_EQ(0, vv_get_status(self->fd, &status));
	EXPECT_EQ(0, status);
	/* ownership went too */
	EXPECT_EQ(0, vv_set_owner(self->fd));
}

TEST_HARNESS_MAIN
