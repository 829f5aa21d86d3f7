// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells mapped by the client, of the mock parent, which tells what was
 * written to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vdpa.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/netlink.h"
#include "lib/vhost_vdpa.h"

#define PAGE	4096

FIXTURE(doorbell) {
	char name[32];
	char path[64];
	int fd;
};

static int add_mock(const char *name, bool doorbell)
{
	struct nl_request req;
	FILE *param;
	int err;

	err = module_load("vdpa_mock");
	if (err)
		return err;
	param = fopen("/sys/module/vdpa_mock/parameters/doorbell", "we");
	if (!param)
		return -errno;
	fputc(doorbell ? 'Y' : 'N', param);
	fclose(param);

	err = nl_begin(&req, VDPA_CMD_DEV_NEW, 0);
	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, name);
	nl_put_string(&req, VDPA_ATTR_MGMTDEV_BUS_NAME, "platform");
	nl_put_string(&req, VDPA_ATTR_MGMTDEV_DEV_NAME, "vdpa_mock");
	return nl_do(&req, NULL, NULL);
}

static int open_mock(const char *name, char path[64], bool doorbell)
{
	int err = add_mock(name, doorbell);

	if (!err)
		err = vdpa_bind(name, "vhost_vdpa");
	if (!err)
		err = vdpa_chardev(name, path, 64);
	if (err)
		return err;
	err = open(path, O_RDWR | O_CLOEXEC);
	return err < 0 ? -errno : err;
}

FIXTURE_SETUP(doorbell)
{
	snprintf(self->name, sizeof(self->name), "test%d", getpid());
	self->fd = open_mock(self->name, self->path, true);
	if (self->fd == -ENOENT)
		SKIP(return, "vdpa_mock is not built");
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(doorbell)
{
	close(self->fd);
	vdpa_del(self->name);
}

static void *map(int fd, size_t len, int prot, int flags, unsigned int index)
{
	return mmap(NULL, len, prot, flags, fd, (off_t)index * PAGE);
}

static void ring(uint32_t *bell, uint32_t value)
{
	__atomic_store_n(bell, value, __ATOMIC_RELEASE);
}

static long long written(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/vdpa_mock/%s/doorbell", name);
	return proc_field(path, "");
}

TEST_F(doorbell, what_cannot_be_mapped)
{
	uint32_t nvqs;

	ASSERT_EQ(0, vv_get_u32(self->fd, VHOST_VDPA_GET_VQS_COUNT, &nvqs));
	EXPECT_EQ(MAP_FAILED, map(self->fd, 2 * PAGE, PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(self->fd, PAGE, PROT_WRITE, MAP_PRIVATE, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(self->fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(self->fd, PAGE, PROT_WRITE, MAP_SHARED, nvqs));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(self->fd, PAGE, PROT_WRITE, MAP_SHARED, 65536));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(doorbell, a_write_gets_there)
{
	uint32_t *bell = map(self->fd, PAGE, PROT_WRITE, MAP_SHARED, 0);

	ASSERT_NE(MAP_FAILED, bell);
	ring(bell, 0x1234);
	EXPECT_EQ(0x1234, written(self->name));
	/* the mapping is a use of the file */
	close(self->fd);
	ring(bell, 0x5678);
	EXPECT_EQ(0x5678, written(self->name));
	EXPECT_EQ(-1, open(self->path, O_RDWR));
	EXPECT_EQ(EBUSY, errno);
	munmap(bell, PAGE);
	self->fd = open(self->path, O_RDWR | O_CLOEXEC);
	EXPECT_GE(self->fd, 0);
}

static sigjmp_buf after_bus_error;

static void on_bus_error(int signal)
{
	siglongjmp(after_bus_error, 1);
}

/* Both a doorbell that was used before and one that was not */
static bool faults(uint32_t *bell)
{
	if (sigsetjmp(after_bus_error, 1))
		return true;
	ring(bell, 1);
	return false;
}

TEST_F(doorbell, unplug_takes_it_away)
{
	uint32_t *used, *fresh;

	used = map(self->fd, PAGE, PROT_WRITE, MAP_SHARED, 0);
	fresh = map(self->fd, PAGE, PROT_WRITE, MAP_SHARED, 1);
	ASSERT_NE(MAP_FAILED, used);
	ASSERT_NE(MAP_FAILED, fresh);
	signal(SIGBUS, on_bus_error);
	EXPECT_FALSE(faults(used));
	ASSERT_EQ(0, vdpa_del(self->name));
	EXPECT_TRUE(faults(used));
	EXPECT_TRUE(faults(fresh));
	EXPECT_EQ(MAP_FAILED, map(self->fd, PAGE, PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(doorbell, a_parent_without)
{
	int fd;

	close(self->fd);
	ASSERT_EQ(0, vdpa_del(self->name));
	fd = open_mock(self->name, self->path, false);
	ASSERT_GE(fd, 0);
	self->fd = fd;
	EXPECT_EQ(MAP_FAILED, map(fd, PAGE, PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

TEST_HARNESS_MAIN
