// SPDX-License-Identifier: GPL-2.0
/*
 * What a parent hears of a client's memory and eventfds: by addresses and files in
 * virtual address mode, piece by piece where a huge page is cut, in which group
 * the rings are, and whose interrupts may pass the host by.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/vhost_vdpa.h"

#define PAGE		4096UL
#define HUGE_PAGE	(2UL << 20)
#define IOVA		0x40000000ULL
#define RW		VHOST_ACCESS_RW
#define MOCK		"/sys/kernel/debug/vdpa_mock/"
#define IRQ		77

#define FEATURES (VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) | \
		  VV_BIT(VHOST_BACKEND_F_IOTLB_BATCH) | \
		  VV_BIT(VHOST_BACKEND_F_IOTLB_ASID))

struct mock {
	char name[32];
	char path[64];
	int fd;
};

static const struct {
	const char *name;
	const char *usual;
} shape[] = {
	{ "off", "compat_reset,dma_map,dma_unmap" },
	{ "spaces", "2" },
	{ "groups", "1" },
	{ "use_va", "N" },
	{ "irq", "0" },
	{ "iova_first", "0" },
	{ "iova_last", "0xffffffffffffffff" },
};

static int usual_shape(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(shape); i++)
		err = vdpa_mock_shape(shape[i].name, shape[i].usual);
	return err;
}

static int forget_calls(void)
{
	int fd = open(MOCK "calls", O_WRONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = write(fd, "", 1) == 1 ? 0 : -errno;
	close(fd);
	return err;
}

/* How often the parent was called like that, or with more arguments */
static int calls(const char *call)
{
	FILE *file = fopen(MOCK "calls", "re");
	char line[256];
	int n = 0;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		const char *rest = strchr(line, ' ');
		size_t len = strlen(call);

		if (rest && !strncmp(rest + 1, call, len) &&
		    (rest[1 + len] == ' ' || rest[1 + len] == '\n'))
			n++;
	}
	fclose(file);
	return n;
}

static int mock_create(struct mock *m)
{
	int err = vdpa_create(VDPA_MOCK, 0, m->name, m->path);

	return err ? err : forget_calls();
}

static int mock_open(struct mock *m, uint64_t features)
{
	int err;

	m->fd = open(m->path, O_RDWR | O_CLOEXEC);
	if (m->fd < 0)
		return -errno;
	err = vv_set_owner(m->fd);
	return err ? err : vv_set_backend_features(m->fd, features);
}

/* --- a contiguous run that is cut -------------------------------------------- */

struct piece {
	unsigned long long first, last, addr;
	unsigned int asid, perm;
};

static int read_pieces(const struct mock *m, struct piece *pieces, int max)
{
	char path[96];
	FILE *file;
	int n = 0;

	snprintf(path, sizeof(path), MOCK "%s/maps", m->name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (n < max && fscanf(file, "%u %llx %llx %u %llx", &pieces[n].asid,
				 &pieces[n].first, &pieces[n].last, &pieces[n].perm,
				 &pieces[n].addr) == 5)
		n++;
	fclose(file);
	return n;
}

static int set_huge_pages(int n)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "we");

	if (!file)
		return -errno;
	fprintf(file, "%d\n", n);
	return fclose(file) ? -errno : 0;
}

FIXTURE(cut) {
	struct mock mock;
	char *mem;
};

FIXTURE_VARIANT(cut) {
	const char *off;
};

FIXTURE_VARIANT_ADD(cut, set_map) {
	.off = "compat_reset,dma_map,dma_unmap",
};

FIXTURE_VARIANT_ADD(cut, dma_map) {
	.off = "compat_reset,set_map",
};

FIXTURE_VARIANT_ADD(cut, exact) {
	.off = "compat_reset,set_map,dma_unmap_range",
};

FIXTURE_SETUP(cut)
{
	ASSERT_EQ(0, usual_shape());
	ASSERT_EQ(0, vdpa_mock_shape("off", variant->off));
	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, mock_open(&self->mock, FEATURES));
	ASSERT_EQ(0, set_huge_pages(1));
	self->mem = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	ASSERT_EQ(0, vv_map(self->mock.fd, 0, IOVA, self->mem, HUGE_PAGE, RW));
}

FIXTURE_TEARDOWN(cut)
{
	close(self->mock.fd);
	munmap(self->mem, HUGE_PAGE);
	set_huge_pages(0);
	vdpa_del(self->mock.name);
	usual_shape();
}

TEST_F(cut, the_middle_of_a_huge_page)
{
	struct piece p[4];
	unsigned long long start;

	/* one run, and so one piece for the parent */
	ASSERT_EQ(1, read_pieces(&self->mock, p, 4));
	start = p[0].addr;
	EXPECT_EQ(IOVA, p[0].first);
	EXPECT_EQ(IOVA + HUGE_PAGE - 1, p[0].last);

	ASSERT_EQ(0, vv_unmap(self->mock.fd, 0, IOVA + 3 * PAGE, 2 * PAGE));
	ASSERT_EQ(2, read_pieces(&self->mock, p, 4));
	EXPECT_EQ(IOVA, p[0].first);
	EXPECT_EQ(IOVA + 3 * PAGE - 1, p[0].last);
	EXPECT_EQ(start, p[0].addr);
	EXPECT_EQ(IOVA + 5 * PAGE, p[1].first);
	EXPECT_EQ(IOVA + HUGE_PAGE - 1, p[1].last);
	EXPECT_EQ(start + 5 * PAGE, p[1].addr);
	EXPECT_EQ(RW, p[1].perm);

	/* what is left of it is cut again, and all of it can go */
	ASSERT_EQ(0, vv_unmap(self->mock.fd, 0, IOVA + HUGE_PAGE - PAGE, PAGE));
	ASSERT_EQ(2, read_pieces(&self->mock, p, 4));
	EXPECT_EQ(IOVA + HUGE_PAGE - PAGE - 1, p[1].last);
	EXPECT_EQ(start + 5 * PAGE, p[1].addr);
	ASSERT_EQ(0, vv_unmap(self->mock.fd, 0, 0, ~0ULL));
	EXPECT_EQ(0, read_pieces(&self->mock, p, 4));
	EXPECT_EQ(0, proc_field("/proc/self/status", "VmPin:"));
}

TEST_F(cut, both_ends_of_a_huge_page)
{
	struct piece p[4];
	unsigned long long start;

	ASSERT_EQ(1, read_pieces(&self->mock, p, 4));
	start = p[0].addr;
	ASSERT_EQ(0, vv_unmap(self->mock.fd, 0, IOVA, PAGE));
	ASSERT_EQ(0, vv_unmap(self->mock.fd, 0, IOVA + HUGE_PAGE - PAGE, PAGE));
	ASSERT_EQ(1, read_pieces(&self->mock, p, 4));
	EXPECT_EQ(IOVA + PAGE, p[0].first);
	EXPECT_EQ(IOVA + HUGE_PAGE - PAGE - 1, p[0].last);
	EXPECT_EQ(start + PAGE, p[0].addr);
	EXPECT_EQ(HUGE_PAGE / 1024 - 8, proc_field("/proc/self/status", "VmPin:"));
}

/* --- virtual address mode ------------------------------------------------------ */

FIXTURE(va) {
	struct mock mock;
	int memfd;
	char *mem;		/* of memfd, from its second page on */
	unsigned long long ino;
};

FIXTURE_SETUP(va)
{
	struct stat st;

	ASSERT_EQ(0, usual_shape());
	ASSERT_EQ(0, vdpa_mock_shape("off", "compat_reset,set_map"));
	ASSERT_EQ(0, vdpa_mock_shape("use_va", "Y"));
	self->mock.fd = -1;
	self->memfd = memfd_create("va", MFD_CLOEXEC);
	ASSERT_GE(self->memfd, 0);
	ASSERT_EQ(0, ftruncate(self->memfd, 16 * PAGE));
	ASSERT_EQ(0, fstat(self->memfd, &st));
	self->ino = st.st_ino;
	self->mem = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->memfd, PAGE);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(va)
{
	if (self->mock.fd >= 0)
		close(self->mock.fd);
	munmap(self->mem, 8 * PAGE);
	close(self->memfd);
	vdpa_del(self->mock.name);
	usual_shape();
}

TEST_F(va, addresses_and_files)
{
	char call[160];

	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, mock_open(&self->mock, FEATURES));
	/* who maps is who was bound, before anything is mapped */
	EXPECT_EQ(1, calls("bind_mm 1"));

	ASSERT_EQ(0, vv_map(self->mock.fd, 0, IOVA, self->mem + 2 * PAGE, 4 * PAGE, RW));
	snprintf(call, sizeof(call), "dma_map 0 0x%llx %lu %u 0x%llx %llu %lu", IOVA,
		 4 * PAGE, RW, (unsigned long long)(uintptr_t)(self->mem + 2 * PAGE),
		 self->ino, 3 * PAGE);
	EXPECT_EQ(1, calls(call));
	/* nothing is pinned */
	EXPECT_EQ(0, proc_field("/proc/self/status", "VmPin:"));
}

TEST_F(va, what_is_left_keeps_its_place)
{
	char call[160];

	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, mock_open(&self->mock, FEATURES));
	ASSERT_EQ(0, vv_map(self->mock.fd, 0, IOVA, self->mem, 8 * PAGE, RW));
	ASSERT_EQ(0, forget_calls());
	ASSERT_EQ(0, vv_unmap(self->mock.fd, 0, IOVA, 5 * PAGE));
	snprintf(call, sizeof(call), "dma_map 0 0x%llx %lu %u 0x%llx %llu %lu",
		 IOVA + 5 * PAGE, 3 * PAGE, RW,
		 (unsigned long long)(uintptr_t)(self->mem + 5 * PAGE), self->ino,
		 6 * PAGE);
	EXPECT_EQ(1, calls(call));
}

TEST_F(va, memory_without_a_file_needs_bind_mm)
{
	char *anon = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char call[160];

	ASSERT_NE(MAP_FAILED, anon);
	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, mock_open(&self->mock, FEATURES));
	EXPECT_EQ(0, vv_map(self->mock.fd, 0, IOVA, anon, PAGE, RW));
	snprintf(call, sizeof(call), "dma_map 0 0x%llx %lu %u 0x%llx 0 0", IOVA, PAGE, RW,
		 (unsigned long long)(uintptr_t)anon);
	EXPECT_EQ(1, calls(call));
	close(self->mock.fd);
	ASSERT_EQ(0, vdpa_del(self->mock.name));

	ASSERT_EQ(0, vdpa_mock_shape("off", "compat_reset,set_map,bind_mm,unbind_mm"));
	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, mock_open(&self->mock, FEATURES));
	EXPECT_EQ(-EOPNOTSUPP, vv_map(self->mock.fd, 0, IOVA, anon, PAGE, RW));
	EXPECT_EQ(0, vv_map(self->mock.fd, 0, IOVA, self->mem, PAGE, RW));
	munmap(anon, PAGE);
}

TEST_F(va, is_unbound_on_close)
{
	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, mock_open(&self->mock, FEATURES));
	ASSERT_EQ(0, vv_map(self->mock.fd, 0, IOVA, self->mem, PAGE, RW));
	EXPECT_EQ(0, calls("unbind_mm"));
	close(self->mock.fd);
	self->mock.fd = -1;
	EXPECT_EQ(1, calls("unbind_mm"));
}

TEST_F(va, is_unbound_when_the_owner_dies)
{
	pid_t pid;
	int status;

	ASSERT_EQ(0, mock_create(&self->mock));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (mock_open(&self->mock, FEATURES) ||
		    vv_map(self->mock.fd, 0, IOVA, self->mem, PAGE, RW))
			_exit(1);
		raise(SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(1, calls("bind_mm 1"));
	EXPECT_EQ(1, calls("unbind_mm"));
}

TEST_F(va, a_parent_that_refuses_to_be_bound)
{
	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, vdpa_mock_order("fail", "bind_mm -28"));
	self->mock.fd = open(self->mock.path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->mock.fd, 0);
	EXPECT_EQ(-ENOSPC, vv_set_owner(self->mock.fd));
	ASSERT_EQ(0, vdpa_mock_order("fail", "bind_mm 0"));
	EXPECT_EQ(0, vv_set_owner(self->mock.fd));
	EXPECT_EQ(0, calls("unbind_mm"));
}

/* --- groups of rings ------------------------------------------------------------ */

FIXTURE(groups) {
	struct mock mock;
};

FIXTURE_SETUP(groups)
{
	ASSERT_EQ(0, usual_shape());
	ASSERT_EQ(0, vdpa_mock_shape("groups", "3"));
}

FIXTURE_TEARDOWN(groups)
{
	close(self->mock.fd);
	vdpa_del(self->mock.name);
	usual_shape();
}

TEST_F(groups, rings_in_a_group_of_their_own)
{
	uint64_t desc = VV_BIT(VHOST_BACKEND_F_DESC_ASID), features;
	unsigned int group;

	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, mock_open(&self->mock, FEATURES));
	ASSERT_EQ(0, vv_get_backend_features(self->mock.fd, &features));
	EXPECT_EQ(desc, features & desc);
	/* it needs the message that names an address space */
	EXPECT_EQ(-EINVAL, vv_set_backend_features(self->mock.fd, desc));
	EXPECT_EQ(0, vv_set_backend_features(self->mock.fd, FEATURES | desc));

	EXPECT_EQ(0, vv_get_vring(self->mock.fd, VHOST_VDPA_GET_VRING_GROUP, 1, &group));
	EXPECT_EQ(1, group);
	EXPECT_EQ(0, vv_get_vring(self->mock.fd, VHOST_VDPA_GET_VRING_DESC_GROUP, 1, &group));
	EXPECT_EQ(2, group);
	EXPECT_EQ(-ENOBUFS, vv_get_vring(self->mock.fd, VHOST_VDPA_GET_VRING_DESC_GROUP,
					 4, &group));

	/* rings and buffers of a queue in two address spaces, each with its own map */
	EXPECT_EQ(0, vv_set_vring(self->mock.fd, VHOST_VDPA_SET_GROUP_ASID, 2, 1));
	EXPECT_EQ(1, calls("set_group_asid 2 1"));
	EXPECT_EQ(0, calls("set_group_asid 1"));
}

TEST_F(groups, a_parent_without_them)
{
	uint64_t desc = VV_BIT(VHOST_BACKEND_F_DESC_ASID), features;
	unsigned int group;

	ASSERT_EQ(0, vdpa_mock_shape("off",
				     "compat_reset,dma_map,dma_unmap,get_vq_desc_group"));
	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, mock_open(&self->mock, FEATURES));
	ASSERT_EQ(0, vv_get_backend_features(self->mock.fd, &features));
	EXPECT_EQ(0, features & desc);
	EXPECT_EQ(-EOPNOTSUPP, vv_set_backend_features(self->mock.fd, FEATURES | desc));
	EXPECT_EQ(-EOPNOTSUPP, vv_get_vring(self->mock.fd, VHOST_VDPA_GET_VRING_DESC_GROUP,
					    1, &group));
}

/* --- interrupts that pass the host by ------------------------------------------- */

FIXTURE(bypass) {
	struct mock mock;
	int call;
	int other;
};

/* A consumer for this eventfd, as a hypervisor registers with it */
static int watch(int eventfd)
{
	int fd = open(MOCK "bypass", O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%d", eventfd) < 0)
		err = -errno;
	close(fd);
	return err;
}

static const char *watched(void)
{
	static char line[64];
	FILE *file = fopen(MOCK "bypass", "re");

	line[0] = '\0';
	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
	return line;
}

static int start(int fd)
{
	int err = vv_set_status(fd, VV_S_DRIVER);

	if (!err)
		err = vv_set_features(fd, VV_BIT(VIRTIO_F_VERSION_1) |
				      VV_BIT(VIRTIO_F_ACCESS_PLATFORM));
	if (!err)
		err = vv_set_status(fd, VV_S_FEATURES);
	return err ? err : vv_set_status(fd, VV_S_RUNNING);
}

FIXTURE_SETUP(bypass)
{
	char irq[8];

	ASSERT_EQ(0, usual_shape());
	snprintf(irq, sizeof(irq), "%d", IRQ);
	ASSERT_EQ(0, vdpa_mock_shape("irq", irq));
	ASSERT_EQ(0, mock_create(&self->mock));
	ASSERT_EQ(0, mock_open(&self->mock, FEATURES));
	self->call = eventfd(0, EFD_CLOEXEC);
	self->other = eventfd(0, EFD_CLOEXEC);
	ASSERT_EQ(0, watch(self->call));
	ASSERT_EQ(0, vv_set_vring_fd(self->mock.fd, VHOST_SET_VRING_CALL, 1, self->call));
}

FIXTURE_TEARDOWN(bypass)
{
	watch(-1);
	if (self->mock.fd >= 0)
		close(self->mock.fd);
	close(self->call);
	close(self->other);
	vdpa_del(self->mock.name);
	usual_shape();
}

TEST_F(bypass, while_the_device_runs)
{
	/* came, left, interrupt: of queue 1, whose is the second one */
	EXPECT_STREQ("0 0 0", watched());
	ASSERT_EQ(0, start(self->mock.fd));
	EXPECT_STREQ("1 0 78", watched());
	ASSERT_EQ(0, vv_set_status(self->mock.fd, 0));
	EXPECT_STREQ("1 1 0", watched());
	ASSERT_EQ(0, start(self->mock.fd));
	EXPECT_STREQ("2 1 78", watched());
}

TEST_F(bypass, goes_with_the_eventfd)
{
	ASSERT_EQ(0, start(self->mock.fd));
	ASSERT_EQ(0, vv_set_vring_fd(self->mock.fd, VHOST_SET_VRING_CALL, 1, self->other));
	EXPECT_STREQ("1 1 0", watched());
	ASSERT_EQ(0, vv_set_vring_fd(self->mock.fd, VHOST_SET_VRING_CALL, 1, self->call));
	EXPECT_STREQ("2 1 78", watched());
	ASSERT_EQ(0, vv_set_vring_fd(self->mock.fd, VHOST_SET_VRING_CALL, 1, -1));
	EXPECT_STREQ("2 2 0", watched());
}

TEST_F(bypass, ends_with_the_session)
{
	ASSERT_EQ(0, start(self->mock.fd));
	close(self->mock.fd);
	self->mock.fd = -1;
	EXPECT_STREQ("1 1 0", watched());
}

TEST_F(bypass, ends_with_the_device)
{
	ASSERT_EQ(0, start(self->mock.fd));
	ASSERT_EQ(0, vdpa_del(self->mock.name));
	EXPECT_STREQ("1 1 0", watched());
}

TEST_F(bypass, of_two_queues_with_one_eventfd)
{
	ASSERT_EQ(0, vv_set_vring_fd(self->mock.fd, VHOST_SET_VRING_CALL, 2, self->call));
	ASSERT_EQ(0, start(self->mock.fd));
	/* the second one goes the usual way */
	EXPECT_STREQ("1 0 78", watched());
}

TEST_HARNESS_MAIN
