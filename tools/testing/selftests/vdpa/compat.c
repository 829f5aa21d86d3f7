// SPDX-License-Identifier: GPL-2.0
/*
 * The char device for 32-bit programs: the same calls through the other entry of
 * the kernel, which a 64-bit program can use as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/vhost_vdpa.h"

#define PAGE		4096UL

/* Numbers of i386 */
#define I386_WRITE	4
#define I386_GETPID	20
#define I386_IOCTL	54

#ifdef __x86_64__
static long i386_call(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret) : "a" (nr), "b" (a), "c" (b), "d" (c)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}
#else
static long i386_call(long nr, long a, long b, long c)
{
	return -EOPNOTSUPP;
}
#endif

FIXTURE(compat) {
	char name[32];
	char path[64];
	int fd;
	char *low;		/* memory that 32 bits can name */
	char *mem;
};

FIXTURE_SETUP(compat)
{
	if (i386_call(I386_GETPID, 0, 0, 0) != getpid())
		SKIP(return, "the kernel runs no 32-bit programs");
	ASSERT_EQ(0, vdpa_create("vdpasim_blk", 0, self->name, self->path));
	self->fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	self->low = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, self->low);
	self->mem = self->low + PAGE;
}

FIXTURE_TEARDOWN(compat)
{
	if (!self->low)
		return;
	close(self->fd);
	munmap(self->low, 2 * PAGE);
	vdpa_del(self->name);
}

/* Copies the argument there and back, since it lies where 32 bits don't reach */
static long compat_ioctl(int fd, char *low, unsigned int request, void *arg,
			 size_t size)
{
	long ret;

	memcpy(low, arg, size);
	ret = i386_call(I386_IOCTL, fd, request, (uintptr_t)low);
	memcpy(arg, low, size);
	return ret;
}

#define IOCTL(request, arg) \
	compat_ioctl(self->fd, self->low, request, arg, sizeof(*(arg)))

TEST_F(compat, every_shape_of_argument)
{
	struct vhost_vring_state state = { .index = 0, .num = 16 };
	struct vhost_vring_addr addr = { .index = 0 };
	struct vhost_vdpa_iova_range range = {};
	uint64_t features = 0, same, first, last;
	uint8_t status = VV_S_DRIVER;
	uint32_t id = 0, same_id;
	int unknown = 0;

	EXPECT_EQ(0, i386_call(I386_IOCTL, self->fd, VHOST_SET_OWNER, 0));
	EXPECT_EQ(-EBUSY, i386_call(I386_IOCTL, self->fd, VHOST_SET_OWNER, 0));
	EXPECT_EQ(0, IOCTL(VHOST_GET_FEATURES, &features));
	ASSERT_EQ(0, vv_get_features(self->fd, &same));
	EXPECT_EQ(same, features);
	EXPECT_EQ(0, IOCTL(VHOST_VDPA_GET_DEVICE_ID, &id));
	ASSERT_EQ(0, vv_get_u32(self->fd, VHOST_VDPA_GET_DEVICE_ID, &same_id));
	EXPECT_EQ(same_id, id);
	EXPECT_EQ(0, IOCTL(VHOST_VDPA_GET_IOVA_RANGE, &range));
	ASSERT_EQ(0, vv_get_iova_range(self->fd, &first, &last));
	EXPECT_EQ(first, range.first);
	EXPECT_EQ(last, range.last);

	EXPECT_EQ(0, IOCTL(VHOST_VDPA_SET_STATUS, &status));
	status = 0;
	EXPECT_EQ(0, vv_get_status(self->fd, &status));
	EXPECT_EQ(VV_S_DRIVER, status);

	EXPECT_EQ(0, IOCTL(VHOST_SET_VRING_NUM, &state));
	state.num = 5;
	EXPECT_EQ(0, IOCTL(VHOST_SET_VRING_BASE, &state));
	state.num = 0;
	EXPECT_EQ(0, IOCTL(VHOST_GET_VRING_BASE, &state));
	EXPECT_EQ(5, state.num);
	addr.desc_user_addr = 0x123456789000ULL;
	addr.avail_user_addr = 0x12345678a000ULL;
	addr.used_user_addr = 0x12345678b000ULL;
	EXPECT_EQ(0, IOCTL(VHOST_SET_VRING_ADDR, &addr));
	addr.used_user_addr++;
	EXPECT_EQ(-EINVAL, IOCTL(VHOST_SET_VRING_ADDR, &addr));
	EXPECT_EQ(-ENOTTY, IOCTL(_IOR(VHOST_VIRTIO, 0xff, int), &unknown));
}

TEST_F(compat, configuration)
{
	struct {
		struct vhost_vdpa_config head;
		uint8_t data[8];
	} call = { .head = { .off = 0, .len = 8 } };
	uint8_t same[8];

	ASSERT_EQ(0, vv_get_config(self->fd, 0, same, sizeof(same)));
	memcpy(self->low, &call, sizeof(call));
	EXPECT_EQ(0, i386_call(I386_IOCTL, self->fd, VHOST_VDPA_GET_CONFIG,
			       (uintptr_t)self->low));
	EXPECT_EQ(0, memcmp(self->low + sizeof(call.head), same, sizeof(same)));
}

TEST_F(compat, messages)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.iova = 0x123400000000ULL,
			.size = PAGE,
			.uaddr = (uintptr_t)self->mem,
			.perm = VHOST_ACCESS_RW,
			.type = VHOST_IOTLB_UPDATE,
		},
	};

	ASSERT_EQ(0, i386_call(I386_IOCTL, self->fd, VHOST_SET_OWNER, 0));
	memcpy(self->low, &msg, sizeof(msg));
	EXPECT_EQ(sizeof(msg), i386_call(I386_WRITE, self->fd, (uintptr_t)self->low,
					 sizeof(msg)));
	EXPECT_EQ(4, proc_field("/proc/self/status", "VmPin:"));
	EXPECT_EQ(-EEXIST, i386_call(I386_WRITE, self->fd, (uintptr_t)self->low,
				     sizeof(msg)));
	EXPECT_EQ(0, vv_unmap(self->fd, 0, 0x123400000000ULL, PAGE));
	EXPECT_EQ(0, proc_field("/proc/self/status", "VmPin:"));
}

TEST_HARNESS_MAIN
