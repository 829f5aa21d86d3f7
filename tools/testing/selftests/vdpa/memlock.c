// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned memory: a page is charged to its owner once, the limit holds, and all
 * of it comes back whatever happens.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "lib/client.h"
#include "lib/device.h"

#define PAGE		4096UL
#define PAGES		64
#define KIB(pages)	((pages) * 4LL)
#define HUGE_PAGE	(2UL << 20)
#define BASE		0x40000000ULL
#define RW		VHOST_ACCESS_RW
#define EVERYTHING	(~0ULL)
#define PATIENCE	5000	/* ms */
#define OFTEN		4096	/* how often one page can be mapped */
#define NOBODY		65534

#define FEATURES (VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) | \
		  VV_BIT(VHOST_BACKEND_F_IOTLB_BATCH) | \
		  VV_BIT(VHOST_BACKEND_F_IOTLB_ASID))

/* As seen from outside: of a process, and of the whole machine */
static long long vm_pin(void)
{
	return proc_field("/proc/self/status", "VmPin");
}

static long long vm_lck(void)
{
	return proc_field("/proc/self/status", "VmLck");
}

static long long pins(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	/* each CPU keeps a part of these to itself for a while */
	if (fd >= 0) {
		if (write(fd, "1", 1) != 1)
			perror("stat_refresh");
		close(fd);
	}
	return proc_field("/proc/vmstat", "nr_foll_pin_acquired") -
	       proc_field("/proc/vmstat", "nr_foll_pin_released");
}

static bool pins_return_to(long long before)
{
	uint64_t end = now_ns() + PATIENCE * 1000000ULL;

	while (pins() != before)
		if (now_ns() > end)
			return false;
	return true;
}

static int limit_pages(unsigned long n)
{
	struct rlimit limit = { n * PAGE, n * PAGE };

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

/* Gives CAP_IPC_LOCK and all the others up */
static int become_nobody(void)
{
	return setresuid(NOBODY, NOBODY, NOBODY) ? -errno : 0;
}

static int open_owned(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = vv_set_owner(fd);
	if (!err)
		err = vv_set_backend_features(fd, FEATURES);
	if (err)
		close(fd);
	return err ? err : fd;
}

static char *get_memory(int flags)
{
	return mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS,
		    -1, 0);
}

FIXTURE(memlock) {
	char name[32], other[40];
	char path[64], other_path[64];
	int fd;
	char *mem;
	long long pins;
};

FIXTURE_SETUP(memlock)
{
	self->pins = pins();
	ASSERT_EQ(0, vdpa_create("vdpasim_net", 0, self->name, self->path));
	snprintf(self->other, sizeof(self->other), "%s-2", self->name);
	ASSERT_EQ(0, vdpa_add(self->other, "vdpasim_blk", 0));
	ASSERT_EQ(0, vdpa_bind(self->other, "vhost_vdpa"));
	ASSERT_EQ(0, vdpa_chardev(self->other, self->other_path, sizeof(self->other_path)));
	chmod(self->path, 0666);
	chmod(self->other_path, 0666);
	self->fd = open_owned(self->path);
	ASSERT_GE(self->fd, 0);
	self->mem = get_memory(MAP_PRIVATE);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(memlock)
{
	if (self->fd >= 0)
		close(self->fd);
	munmap(self->mem, PAGES * PAGE);
	vdpa_del(self->other);
	vdpa_del(self->name);
}

#define MAP(asid, at, mem, n) vv_map(self->fd, asid, BASE + (at) * PAGE, mem, (n) * PAGE, RW)
#define UNMAP(asid, at, n) vv_unmap(self->fd, asid, BASE + (at) * PAGE, (n) * PAGE)

/* --- once ----------------------------------------------------------------------- */

TEST_F(memlock, to_the_page)
{
	EXPECT_EQ(0, vm_pin());
	ASSERT_EQ(0, MAP(0, 0, self->mem, 16));
	EXPECT_EQ(KIB(16), vm_pin());
	EXPECT_EQ(0, vm_lck());
	/* a byte on either side of a page's border is two pages */
	ASSERT_EQ(0, vv_map(self->fd, 0, BASE + 33 * PAGE - 1, self->mem + 33 * PAGE - 1,
			    2, RW));
	EXPECT_EQ(KIB(18), vm_pin());
	ASSERT_EQ(0, UNMAP(0, 5, 1));
	EXPECT_EQ(KIB(17), vm_pin());
	ASSERT_EQ(0, vv_unmap(self->fd, 0, 0, EVERYTHING));
	EXPECT_EQ(0, vm_pin());
	EXPECT_TRUE(pins_return_to(self->pins));
}

TEST_F(memlock, the_same_page_twice)
{
	ASSERT_EQ(0, MAP(0, 0, self->mem, 16));
	ASSERT_EQ(0, MAP(0, 100, self->mem + 8 * PAGE, 16));
	EXPECT_EQ(KIB(24), vm_pin());
	ASSERT_EQ(0, UNMAP(0, 0, 16));
	EXPECT_EQ(KIB(16), vm_pin());
	ASSERT_EQ(0, UNMAP(0, 100, 16));
	EXPECT_EQ(0, vm_pin());
}

TEST_F(memlock, in_two_address_spaces)
{
	ASSERT_EQ(0, MAP(0, 0, self->mem, 16));
	ASSERT_EQ(0, MAP(1, 50, self->mem, 16));
	EXPECT_EQ(KIB(16), vm_pin());
	ASSERT_EQ(0, UNMAP(0, 0, 16));
	EXPECT_EQ(KIB(16), vm_pin());
	ASSERT_EQ(0, UNMAP(1, 50, 4));
	EXPECT_EQ(KIB(12), vm_pin());
	ASSERT_EQ(0, vv_unmap(self->fd, 1, 0, EVERYTHING));
	EXPECT_EQ(0, vm_pin());
}

TEST_F(memlock, on_two_devices)
{
	int fd = open_owned(self->other_path);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, MAP(0, 0, self->mem, 16));
	ASSERT_EQ(0, vv_map(fd, 0, BASE, self->mem + 8 * PAGE, 16 * PAGE, RW));
	EXPECT_EQ(KIB(24), vm_pin());
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(KIB(16), vm_pin());
	close(fd);
	EXPECT_EQ(0, vm_pin());
}

/* The address is the same, the memory is not */
TEST_F(memlock, memory_that_was_replaced)
{
	ASSERT_EQ(0, MAP(0, 0, self->mem, 4));
	ASSERT_EQ(self->mem, mmap(self->mem, 4 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	ASSERT_EQ(0, MAP(0, 8, self->mem, 4));
	EXPECT_EQ(KIB(8), vm_pin());
	ASSERT_EQ(0, UNMAP(0, 0, 4));
	EXPECT_EQ(KIB(4), vm_pin());
}

/* One page at two addresses of the process */
TEST_F(memlock, memory_that_is_there_twice)
{
	int memfd = memfd_create("twice", MFD_CLOEXEC);
	char *a, *b;

	ASSERT_EQ(0, ftruncate(memfd, 4 * PAGE));
	a = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	b = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	ASSERT_NE(MAP_FAILED, a);
	ASSERT_NE(MAP_FAILED, b);
	ASSERT_EQ(0, MAP(0, 0, a, 4));
	ASSERT_EQ(0, MAP(0, 8, b, 4));
	EXPECT_EQ(KIB(4), vm_pin());
	close(memfd);
	munmap(a, 4 * PAGE);
	munmap(b, 4 * PAGE);
	EXPECT_EQ(KIB(4), vm_pin());
}

/*
 * One page everywhere: it is charged once, but it can't have more references than
 * its counter holds.
 */
TEST_F(memlock, pinned_too_often)
{
	int memfd = memfd_create("often", MFD_CLOEXEC);
	unsigned int i;
	char *mem;

	ASSERT_EQ(0, ftruncate(memfd, PAGE));
	mem = get_memory(MAP_PRIVATE);
	ASSERT_NE(MAP_FAILED, mem);
	for (i = 0; i < PAGES; i++)
		ASSERT_NE(MAP_FAILED, mmap(mem + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_FIXED, memfd, 0));
	for (i = 0; i < OFTEN / PAGES; i++)
		ASSERT_EQ(0, MAP(0, i * PAGES, mem, PAGES));
	EXPECT_EQ(-ENOMEM, MAP(1, 0, mem, 1));
	EXPECT_EQ(-ENOMEM, MAP(1, 0, mem, PAGES));
	EXPECT_EQ(KIB(1), vm_pin());
	ASSERT_EQ(0, UNMAP(0, 1, 1));
	EXPECT_EQ(0, MAP(1, 0, mem, 1));
	EXPECT_EQ(KIB(1), vm_pin());
	/* what has a page of its own is not concerned, nor what has none at all */
	EXPECT_EQ(0, MAP(1, 1, self->mem, PAGES));
	ASSERT_EQ(0, vv_unmap(self->fd, 0, 0, EVERYTHING));
	ASSERT_EQ(0, vv_unmap(self->fd, 1, 0, EVERYTHING));
	EXPECT_EQ(0, vm_pin());
	EXPECT_TRUE(pins_return_to(self->pins));
	munmap(mem, PAGES * PAGE);
	close(memfd);
}

static int set_huge_pages(const char *n)
{
	return write_file("/proc/sys/vm/nr_hugepages", n);
}

TEST_F(memlock, huge_pages)
{
	char *huge;

	ASSERT_EQ(0, set_huge_pages("2"));
	huge = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	ASSERT_NE(MAP_FAILED, huge);
	ASSERT_EQ(0, MAP(0, 0, huge, 1024));
	EXPECT_EQ(KIB(1024), vm_pin());
	/* again, and in parts that don't begin where a huge page does */
	ASSERT_EQ(0, MAP(1, 0, huge + 100 * PAGE, 700));
	EXPECT_EQ(KIB(1024), vm_pin());
	ASSERT_EQ(0, UNMAP(0, 0, 512));
	EXPECT_EQ(KIB(1024 - 100), vm_pin());
	ASSERT_EQ(0, UNMAP(1, 0, 1));
	EXPECT_EQ(KIB(1024 - 101), vm_pin());
	ASSERT_EQ(0, vv_unmap(self->fd, 0, 0, EVERYTHING));
	EXPECT_EQ(KIB(699), vm_pin());
	ASSERT_EQ(0, vv_unmap(self->fd, 1, 0, EVERYTHING));
	EXPECT_EQ(0, vm_pin());
	EXPECT_TRUE(pins_return_to(self->pins));
	munmap(huge, 2 * HUGE_PAGE);
	set_huge_pages("0");
}

/* --- the limit -------------------------------------------------------------------- */

TEST_F(memlock, the_limit_holds)
{
	ASSERT_EQ(0, limit_pages(16));
	ASSERT_EQ(0, become_nobody());
	EXPECT_EQ(-ENOMEM, MAP(0, 0, self->mem, 17));
	EXPECT_EQ(0, vm_pin());
	EXPECT_EQ(0, MAP(0, 0, self->mem, 16));
	EXPECT_EQ(-ENOMEM, MAP(0, 16, self->mem + 16 * PAGE, 1));
	EXPECT_EQ(KIB(16), vm_pin());

	/* what is charged already costs nothing */
	EXPECT_EQ(0, MAP(1, 0, self->mem, 16));
	EXPECT_EQ(-ENOMEM, MAP(0, 32, self->mem + 8 * PAGE, 9));
	EXPECT_EQ(KIB(16), vm_pin());

	EXPECT_EQ(0, UNMAP(0, 0, 1));
	EXPECT_EQ(-ENOMEM, MAP(0, 16, self->mem + 16 * PAGE, 1));
	EXPECT_EQ(0, UNMAP(1, 0, 1));
	EXPECT_EQ(0, MAP(0, 16, self->mem + 16 * PAGE, 1));
	EXPECT_EQ(KIB(16), vm_pin());
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(pins_return_to(self->pins));
}

TEST_F(memlock, the_limit_is_one_for_all_devices)
{
	int fd;

	ASSERT_EQ(0, limit_pages(16));
	fd = open_owned(self->other_path);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, become_nobody());
	EXPECT_EQ(0, MAP(0, 0, self->mem, 10));
	EXPECT_EQ(-ENOMEM, vv_map(fd, 0, BASE, self->mem + 10 * PAGE, 7 * PAGE, RW));
	EXPECT_EQ(0, vv_map(fd, 0, BASE, self->mem + 10 * PAGE, 6 * PAGE, RW));
	EXPECT_EQ(KIB(16), vm_pin());
	close(fd);
	EXPECT_EQ(KIB(10), vm_pin());
}

TEST_F(memlock, the_privileged_have_none)
{
	ASSERT_EQ(0, limit_pages(0));
	EXPECT_EQ(0, MAP(0, 0, self->mem, PAGES));
	EXPECT_EQ(KIB(PAGES), vm_pin());
}

/* --- half way ---------------------------------------------------------------------- */

TEST_F(memlock, memory_ends_half_way)
{
	/* more than is pinned at a time, and the last page is missing */
	size_t size = 1100 * PAGE;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	ASSERT_NE(MAP_FAILED, mem);
	munmap(mem + size - PAGE, PAGE);
	EXPECT_EQ(-EFAULT, vv_map(self->fd, 0, BASE, mem, size, RW));
	EXPECT_EQ(0, vm_pin());
	EXPECT_TRUE(pins_return_to(self->pins));
	EXPECT_EQ(0, vv_map(self->fd, 0, BASE, mem, size - PAGE, RW));
	EXPECT_EQ(KIB(1099), vm_pin());
	munmap(mem, size - PAGE);
}

TEST_F(memlock, the_limit_is_met_half_way)
{
	size_t size = 1100 * PAGE;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, limit_pages(1099));
	ASSERT_EQ(0, become_nobody());
	EXPECT_EQ(-ENOMEM, vv_map(self->fd, 0, BASE, mem, size, RW));
	EXPECT_EQ(0, vm_pin());
	EXPECT_TRUE(pins_return_to(self->pins));
	munmap(mem, size);
}

/* What the limit forbids is not brought in before that is found out */
TEST_F(memlock, the_limit_is_met_early)
{
	size_t size = 256 << 20;
	unsigned char *there = calloc(size / PAGE, 1);
	unsigned long i, n = 0;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_NE(NULL, there);
	madvise(mem, size, MADV_NOHUGEPAGE);
	ASSERT_EQ(0, limit_pages(256));
	ASSERT_EQ(0, become_nobody());
	EXPECT_EQ(-ENOMEM, vv_map(self->fd, 0, BASE, mem, size, RW));
	EXPECT_EQ(0, vm_pin());
	ASSERT_EQ(0, mincore(mem, size, there));
	for (i = 0; i < size / PAGE; i++)
		n += there[i] & 1;
	EXPECT_LE(n, 8192);
	free(there);
	munmap(mem, size);
}

static int open_mock(const char *name)
{
	char path[64];
	int err = vdpa_mock_shape("off", "compat_reset,set_map");

	err = err ?: vdpa_add(name, VDPA_MOCK, 0);
	err = err ?: vdpa_bind(name, "vhost_vdpa");
	err = err ?: vdpa_chardev(name, path, sizeof(path));
	return err ?: open_owned(path);
}

/* Frames in the order of the faults: each page is a mapping of its own */
static void scatter(char *mem)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		mem[i * 37 % PAGES * PAGE] = 1;
}

/* It maps half, and takes nothing back: its device may go on to write there */
TEST_F(memlock, the_parent_keeps_what_it_refused)
{
	char name[40];
	int fd;

	snprintf(name, sizeof(name), "%s-3", self->name);
	fd = open_mock(name);
	ASSERT_GE(fd, 0);
	scatter(self->mem);
	EXPECT_EQ(0, vdpa_mock_order("fail", "dma_map -28 20"));
	EXPECT_EQ(0, vdpa_mock_order("fail", "dma_unmap_range -5"));
	EXPECT_EQ(-ENOSPC, vv_map(fd, 0, BASE, self->mem, PAGES * PAGE, RW));
	EXPECT_EQ(KIB(20), vm_pin());
	EXPECT_EQ(0, vdpa_mock_order("fail", "dma_map 0"));
	EXPECT_EQ(-EIO, vv_map(fd, 0, BASE, self->mem, PAGE, RW));
	EXPECT_EQ(KIB(20), vm_pin());
	EXPECT_EQ(0, vdpa_mock_order("fail", "dma_unmap_range 0"));
	EXPECT_EQ(0, vv_map(fd, 0, BASE, self->mem, PAGE, RW));
	EXPECT_EQ(KIB(1), vm_pin());
	close(fd);
	EXPECT_TRUE(pins_return_to(self->pins));
	vdpa_del(name);
}

TEST_F(memlock, the_parent_refuses_half_way)
{
	char name[40];
	int fd;

	snprintf(name, sizeof(name), "%s-3", self->name);
	fd = open_mock(name);
	ASSERT_GE(fd, 0);
	scatter(self->mem);
	EXPECT_EQ(0, vdpa_mock_order("fail", "dma_map -28 20"));
	EXPECT_EQ(-ENOSPC, vv_map(fd, 0, BASE, self->mem, PAGES * PAGE, RW));
	EXPECT_EQ(0, vm_pin());
	EXPECT_TRUE(pins_return_to(self->pins));
	vdpa_mock_order("fail", "dma_map 0");
	close(fd);
	vdpa_del(name);
}

/* --- owners -------------------------------------------------------------------------- */

static int child_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

TEST_F(memlock, a_child_is_not_the_owner)
{
	pid_t pid;

	ASSERT_EQ(0, MAP(0, 0, self->mem, 8));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int err = MAP(0, 32, self->mem, 8);

		/* its end must not take anything from the owner */
		_exit(err == -EPERM && vm_pin() == 0 ? 0 : 1);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(KIB(8), vm_pin());
	EXPECT_EQ(0, MAP(0, 32, self->mem + 32 * PAGE, 8));
	EXPECT_EQ(KIB(16), vm_pin());
}

TEST_F(memlock, each_owner_pays)
{
	char *shared = get_memory(MAP_SHARED);
	int ready[2], go[2];
	char byte = 0;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, shared);
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, MAP(0, 0, shared, 8));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int fd = open_owned(self->other_path);
		int err = vv_map(fd, 0, BASE, shared, 8 * PAGE, RW);

		byte = !err && vm_pin() == KIB(8);
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		_exit(read(go[0], &byte, 1) == 1 ? 0 : 1);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(1, byte);
	EXPECT_EQ(KIB(8), vm_pin());
	ASSERT_EQ(0, vv_unmap(self->fd, 0, 0, EVERYTHING));
	EXPECT_EQ(0, vm_pin());
	EXPECT_EQ(self->pins + 8, pins());
	ASSERT_EQ(1, write(go[1], &byte, 1));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_TRUE(pins_return_to(self->pins));
	munmap(shared, PAGES * PAGE);
}

/* The file lives on in its parent; it is the last who holds it that gives back */
TEST_F(memlock, the_owner_dies_before_the_file)
{
	int fd = open(self->other_path, O_RDWR | O_CLOEXEC);
	pid_t pid;

	ASSERT_GE(fd, 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int err = vv_set_owner(fd);

		_exit(err || vv_map(fd, 0, BASE, self->mem, PAGES * PAGE, RW) ? 1 : 0);
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(self->pins + PAGES, pins());
	EXPECT_EQ(0, vm_pin());
	EXPECT_EQ(-EPERM, vv_map(fd, 0, 2 * BASE, self->mem, PAGE, RW));
	close(fd);
	EXPECT_TRUE(pins_return_to(self->pins));
}

TEST_F(memlock, the_owner_is_killed)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int fd = open_owned(self->other_path);
		uint64_t at;

		if (vv_map(fd, 0, 2 * BASE, self->mem, PAGES * PAGE, RW) ||
		    write(ready[1], &byte, 1) != 1)
			_exit(1);
		/* killed at any point of this */
		for (at = 0;; at = (at + 1) % 64)
			if (vv_map(fd, 0, BASE + at * PAGE, self->mem, PAGE, RW))
				vv_unmap(fd, 0, BASE, 64 * PAGE);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(256 + SIGKILL, child_status(pid));
	EXPECT_TRUE(pins_return_to(self->pins));
}

/* --- the device goes -------------------------------------------------------------------- */

TEST_F(memlock, unplugged)
{
	int fd = open_owned(self->other_path);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, MAP(0, 0, self->mem, 16));
	ASSERT_EQ(0, vv_map(fd, 0, BASE, self->mem, PAGES * PAGE, RW));
	EXPECT_EQ(KIB(PAGES), vm_pin());
	ASSERT_EQ(0, vdpa_del(self->other));
	EXPECT_EQ(KIB(16), vm_pin());
	EXPECT_EQ(-ENODEV, vv_unmap(fd, 0, 0, EVERYTHING));
	EXPECT_EQ(-ENODEV, vv_map(fd, 0, 2 * BASE, self->mem, PAGE, RW));
	ASSERT_EQ(0, vdpa_del(self->name));
	EXPECT_EQ(0, vm_pin());
	EXPECT_EQ(0, vm_lck());
	EXPECT_TRUE(pins_return_to(self->pins));
	close(fd);
	EXPECT_EQ(0, vm_pin());
}

TEST_HARNESS_MAIN
