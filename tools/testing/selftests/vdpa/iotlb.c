// SPDX-License-Identifier: GPL-2.0
/*
 * What is mapped after IOTLB messages: by a model, on parents of both kinds that
 * tell what they were told, and by data that a device moves.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "lib/blk.h"
#include "lib/device.h"
#include "lib/net.h"

#define PAGE		4096UL
#define WINDOW		192	/* pages of an address space that are looked at */
#define BASE		0x40000000ULL
#define SPACES		2
#define RO		VHOST_ACCESS_RO
#define WO		VHOST_ACCESS_WO
#define RW		VHOST_ACCESS_RW
#define EVERYTHING	(~0ULL)

#define FEATURES (VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) | \
		  VV_BIT(VHOST_BACKEND_F_IOTLB_BATCH) | \
		  VV_BIT(VHOST_BACKEND_F_IOTLB_ASID))
#define PERSIST		VV_BIT(VHOST_BACKEND_F_IOTLB_PERSIST)

/* Permission of each page of the window, 0 where nothing is mapped */
struct model {
	uint8_t perm[SPACES][WINDOW];
	unsigned int outside;	/* pages elsewhere */
};

FIXTURE(space) {
	char name[32];
	char path[64];
	char maps[96];
	int fd;
	char *mem;		/* WINDOW pages */
	long long violations;	/* of the rules that the parent knows, so far */
	struct model model;
};

FIXTURE_VARIANT(space) {
	const char *off;	/* operations that the parent lacks */
};

FIXTURE_VARIANT_ADD(space, set_map) {
	.off = "compat_reset,dma_map,dma_unmap",
};

FIXTURE_VARIANT_ADD(space, dma_map) {
	.off = "compat_reset,set_map",
};

/* As parents of Linux 6.12 are */
FIXTURE_VARIANT_ADD(space, exact) {
	.off = "compat_reset,set_map,dma_unmap_range",
};

/* What a parent of this kind is told by that memory goes */
static const char *unmap_op(const char *off)
{
	if (strstr(off, "dma_map"))
		return "set_map";
	return strstr(off, "dma_unmap_range") ? "dma_unmap" : "dma_unmap_range";
}

static long long violations(void)
{
	long long n = -1;
	FILE *file = fopen("/sys/module/vdpa_mock/parameters/violations", "re");

	if (file) {
		if (fscanf(file, "%lld", &n) != 1)
			n = -1;
		fclose(file);
	}
	return n;
}

static int open_owned(const char *path, uint64_t features)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = vv_set_owner(fd);
	if (!err)
		err = vv_set_backend_features(fd, features);
	if (err)
		close(fd);
	return err ? err : fd;
}

FIXTURE_SETUP(space)
{
	ASSERT_EQ(0, vdpa_mock_shape("off", variant->off));
	ASSERT_EQ(0, vdpa_mock_shape("spaces", "2"));
	ASSERT_EQ(0, vdpa_mock_shape("iova_first", "0"));
	ASSERT_EQ(0, vdpa_mock_shape("iova_last", "0xffffffffffffffff"));
	ASSERT_EQ(0, vdpa_create(VDPA_MOCK, 0, self->name, self->path));
	snprintf(self->maps, sizeof(self->maps), "/sys/kernel/debug/vdpa_mock/%s/maps",
		 self->name);
	self->violations = violations();
	self->fd = open_owned(self->path, FEATURES);
	ASSERT_GE(self->fd, 0);
	self->mem = mmap(NULL, WINDOW * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	memset(&self->model, 0, sizeof(self->model));
}

FIXTURE_TEARDOWN(space)
{
	close(self->fd);
	munmap(self->mem, WINDOW * PAGE);
	vdpa_mock_order("fail", "set_map 0");
	vdpa_mock_order("fail", "dma_map 0");
	vdpa_mock_order("fail", "dma_unmap 0");
	vdpa_mock_order("fail", "dma_unmap_range 0");
	EXPECT_EQ(self->violations, violations());
	vdpa_del(self->name);
}

/* --- what the parent knows ---------------------------------------------------- */

static int read_maps(const char *path, struct model *m)
{
	FILE *file = fopen(path, "re");
	unsigned long long first, last;
	unsigned int asid, perm;

	memset(m, 0, sizeof(*m));
	if (!file)
		return -errno;
	while (fscanf(file, "%u %llx %llx %u %*s", &asid, &first, &last, &perm) == 4) {
		uint64_t page = first / PAGE, end = last / PAGE;

		for (; page <= end; page++) {
			uint64_t at = page - BASE / PAGE;

			if (at < WINDOW && asid < SPACES)
				m->perm[asid][at] = perm;
			else
				m->outside++;
		}
	}
	fclose(file);
	return 0;
}

static unsigned int differences(const char *path, const struct model *want)
{
	struct model is;
	unsigned int asid, i, n = 0;

	if (read_maps(path, &is))
		return ~0U;
	for (asid = 0; asid < SPACES; asid++)
		for (i = 0; i < WINDOW; i++)
			n += is.perm[asid][i] != want->perm[asid][i];
	return n + (is.outside != want->outside);
}

#define EXPECT_MODEL() EXPECT_EQ(0, differences(self->maps, &self->model))

static void model_set(struct model *m, unsigned int asid, unsigned int first,
		      unsigned int n, uint8_t perm)
{
	memset(&m->perm[asid][first], perm, n);
}

static bool model_any(const struct model *m, unsigned int asid, unsigned int first,
		      unsigned int n)
{
	while (n--)
		if (m->perm[asid][first + n])
			return true;
	return false;
}

/* By pages of the window, both ways at once */
static int map_pages(int fd, struct model *m, unsigned int asid, unsigned int first,
		     unsigned int n, const char *mem, uint8_t perm)
{
	int err = vv_map(fd, asid, BASE + first * PAGE, mem, n * PAGE, perm);

	if (!err)
		model_set(m, asid, first, n, perm);
	return err;
}

static int unmap_pages(int fd, struct model *m, unsigned int asid, unsigned int first,
		       unsigned int n)
{
	int err = vv_unmap(fd, asid, BASE + first * PAGE, n * PAGE);

	if (!err)
		model_set(m, asid, first, n, 0);
	return err;
}

#define MAP(asid, first, n, perm) \
	map_pages(self->fd, &self->model, asid, first, n, self->mem + (first) * PAGE, perm)
#define UNMAP(asid, first, n) unmap_pages(self->fd, &self->model, asid, first, n)

static long long vm_pin(void)
{
	return proc_field("/proc/self/status", "VmPin");
}

/* --- arguments ---------------------------------------------------------------- */

TEST_F(space, refuses_ranges_that_are_none)
{
	EXPECT_EQ(-EINVAL, vv_map(self->fd, 0, BASE, self->mem, 0, RW));
	EXPECT_EQ(-EINVAL, vv_map(self->fd, 0, EVERYTHING, self->mem, 2, RW));
	EXPECT_EQ(-EINVAL, vv_map(self->fd, 0, -PAGE, self->mem, 2 * PAGE, RW));
	EXPECT_EQ(-EINVAL, vv_map(self->fd, 0, PAGE, self->mem, EVERYTHING, RW));
	EXPECT_EQ(-EINVAL, vv_unmap(self->fd, 0, BASE, 0));
	EXPECT_EQ(-EINVAL, vv_unmap(self->fd, 0, PAGE, EVERYTHING));
	EXPECT_MODEL();
}

TEST_F(space, refuses_permissions_that_are_none)
{
	EXPECT_EQ(-EINVAL, MAP(0, 0, 1, 0));
	EXPECT_EQ(-EINVAL, MAP(0, 0, 1, 4));
	EXPECT_EQ(-EINVAL, MAP(0, 0, 1, RW | 8));
	EXPECT_MODEL();
}

TEST_F(space, refuses_spaces_that_are_not_there)
{
	EXPECT_EQ(-EINVAL, vv_map(self->fd, SPACES, BASE, self->mem, PAGE, RW));
	EXPECT_EQ(-EINVAL, vv_unmap(self->fd, SPACES, BASE, PAGE));
	EXPECT_EQ(-EINVAL, vv_iotlb_v2(self->fd, SPACES, VHOST_IOTLB_BATCH_BEGIN, NULL));
	EXPECT_EQ(-EINVAL, vv_iotlb_v2(self->fd, ~0U, VHOST_IOTLB_BATCH_END, NULL));
	EXPECT_MODEL();
}

TEST_F(space, refuses_memory_that_is_not_there)
{
	char *hole = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, hole);
	munmap(hole + 2 * PAGE, PAGE);
	EXPECT_EQ(-EFAULT, vv_map(self->fd, 0, BASE, hole, 4 * PAGE, RW));
	EXPECT_EQ(-EFAULT, vv_map(self->fd, 0, BASE, hole + 2 * PAGE, PAGE, RO));
	EXPECT_EQ(-EFAULT, vv_map(self->fd, 0, 0, NULL, EVERYTHING, RO));
	EXPECT_EQ(-EFAULT, vv_map(self->fd, 0, BASE, (void *)-PAGE, 2 * PAGE, RO));
	EXPECT_EQ(0, vm_pin());
	EXPECT_MODEL();
	munmap(hole, 4 * PAGE);
}

TEST_F(space, refuses_writes_to_memory_that_is_read_only)
{
	ASSERT_EQ(0, mprotect(self->mem, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, MAP(0, 0, 2, RW));
	EXPECT_EQ(-EFAULT, MAP(0, 0, 1, WO));
	EXPECT_MODEL();
	EXPECT_EQ(0, MAP(0, 0, 2, RO));
	EXPECT_MODEL();
}

TEST_F(space, refuses_what_the_device_cannot_reach)
{
	close(self->fd);
	vdpa_del(self->name);
	ASSERT_EQ(0, vdpa_mock_shape("iova_first", "0x40000000"));
	ASSERT_EQ(0, vdpa_mock_shape("iova_last", "0x4000ffff"));
	ASSERT_EQ(0, vdpa_create(VDPA_MOCK, 0, self->name, self->path));
	self->fd = open_owned(self->path, FEATURES);
	ASSERT_GE(self->fd, 0);

	EXPECT_EQ(-EINVAL, vv_map(self->fd, 0, BASE - PAGE, self->mem, PAGE, RW));
	EXPECT_EQ(-EINVAL, vv_map(self->fd, 0, BASE - PAGE, self->mem, 2 * PAGE, RW));
	EXPECT_EQ(-EINVAL, MAP(0, 15, 2, RW));
	EXPECT_EQ(-EINVAL, MAP(0, 16, 1, RW));
	EXPECT_MODEL();
	EXPECT_EQ(0, MAP(0, 0, 16, RW));
	EXPECT_MODEL();
}

/* --- single messages ----------------------------------------------------------- */

TEST_F(space, overlaps_are_refused)
{
	ASSERT_EQ(0, MAP(0, 10, 10, RW));
	EXPECT_EQ(-EEXIST, MAP(0, 10, 10, RW));
	EXPECT_EQ(-EEXIST, MAP(0, 9, 2, RW));
	EXPECT_EQ(-EEXIST, MAP(0, 19, 2, RW));
	EXPECT_EQ(-EEXIST, MAP(0, 14, 1, RO));
	EXPECT_EQ(-EEXIST, MAP(0, 0, 40, RW));
	EXPECT_EQ(-EEXIST, vv_map(self->fd, 0, BASE + 20 * PAGE - 1, self->mem, 1, RW));
	EXPECT_MODEL();

	EXPECT_EQ(0, MAP(0, 9, 1, RO));
	EXPECT_EQ(0, MAP(0, 20, 1, WO));
	EXPECT_EQ(0, MAP(1, 10, 10, RO));
	EXPECT_MODEL();
}

TEST_F(space, a_part_goes_and_the_rest_stays)
{
	ASSERT_EQ(0, MAP(0, 0, 64, RW));
	EXPECT_EQ(0, UNMAP(0, 30, 3));
	EXPECT_MODEL();
	EXPECT_EQ(0, UNMAP(0, 0, 1));
	EXPECT_EQ(0, UNMAP(0, 63, 1));
	EXPECT_MODEL();
	EXPECT_EQ((64 - 5) * 4, vm_pin());

	/* the hole, and what is on both sides of it */
	EXPECT_EQ(0, MAP(0, 31, 1, RO));
	EXPECT_MODEL();
	EXPECT_EQ(0, UNMAP(0, 20, 20));
	EXPECT_MODEL();
}

TEST_F(space, many_go_at_once)
{
	unsigned int i;

	for (i = 0; i < WINDOW; i += 3) {
		ASSERT_EQ(0, MAP(0, i, 2, RW));
	}
	EXPECT_EQ(0, UNMAP(0, 1, WINDOW - 3));
	EXPECT_MODEL();
	EXPECT_EQ(0, UNMAP(0, 0, WINDOW));
	EXPECT_MODEL();
	EXPECT_EQ(0, vm_pin());
}

TEST_F(space, nothing_to_unmap_is_no_error)
{
	EXPECT_EQ(0, vv_unmap(self->fd, 0, 0, EVERYTHING));
	EXPECT_EQ(0, UNMAP(0, 0, WINDOW));
	ASSERT_EQ(0, MAP(0, 8, 8, RW));
	EXPECT_EQ(0, UNMAP(0, 0, 8));
	EXPECT_EQ(0, UNMAP(0, 16, 8));
	EXPECT_MODEL();
}

TEST_F(space, everything_is_one_space)
{
	ASSERT_EQ(0, MAP(0, 0, 8, RW));
	ASSERT_EQ(0, MAP(1, 4, 8, RW));
	EXPECT_EQ(0, vv_unmap(self->fd, 0, 0, EVERYTHING));
	model_set(&self->model, 0, 0, WINDOW, 0);
	EXPECT_MODEL();
	EXPECT_EQ(0, vv_unmap(self->fd, 1, 0, EVERYTHING));
	model_set(&self->model, 1, 0, WINDOW, 0);
	EXPECT_MODEL();
	EXPECT_EQ(0, vm_pin());
}

/* As rust-vmm and libblkio write them */
TEST_F(space, odd_sizes_are_whole_pages)
{
	EXPECT_EQ(0, vv_map(self->fd, 0, BASE, self->mem, PAGE - 1, RW));
	EXPECT_EQ(0, vv_map(self->fd, 0, BASE + PAGE, self->mem, 2 * PAGE + 17, RW));
	EXPECT_EQ(0, vv_map(self->fd, 0, BASE + 8 * PAGE + 5, self->mem + 5, PAGE - 5, RO));
	model_set(&self->model, 0, 0, 4, RW);
	model_set(&self->model, 0, 8, 1, RO);
	EXPECT_MODEL();

	EXPECT_EQ(0, vv_unmap(self->fd, 0, BASE, PAGE - 1));
	EXPECT_EQ(0, vv_unmap(self->fd, 0, BASE + PAGE, 2 * PAGE + 17));
	EXPECT_EQ(0, vv_unmap(self->fd, 0, BASE + 8 * PAGE + 5, PAGE - 5));
	memset(&self->model, 0, sizeof(self->model));
	EXPECT_MODEL();
	EXPECT_EQ(0, vm_pin());
}

TEST_F(space, the_ends_of_the_space)
{
	EXPECT_EQ(0, vv_map(self->fd, 0, -PAGE, self->mem, PAGE, RW));
	EXPECT_EQ(0, vv_map(self->fd, 0, 0, self->mem, PAGE, RW));
	self->model.outside = 2;
	EXPECT_MODEL();
	EXPECT_EQ(-EEXIST, vv_map(self->fd, 0, EVERYTHING, self->mem, 1, RW));

	EXPECT_EQ(0, vv_unmap(self->fd, 0, EVERYTHING, 1));
	self->model.outside = 1;
	EXPECT_MODEL();
	EXPECT_EQ(0, vv_unmap(self->fd, 0, 0, EVERYTHING));
	self->model.outside = 0;
	EXPECT_MODEL();
}

/* --- batches -------------------------------------------------------------------- */

#define BATCH_BEGIN(asid) vv_iotlb_v2(self->fd, asid, VHOST_IOTLB_BATCH_BEGIN, NULL)
#define BATCH_END(asid) vv_iotlb_v2(self->fd, asid, VHOST_IOTLB_BATCH_END, NULL)

TEST_F(space, a_batch_is_seen_at_its_end)
{
	unsigned int i;

	ASSERT_EQ(0, MAP(0, 0, 8, RW));
	ASSERT_EQ(0, BATCH_BEGIN(0));
	EXPECT_EQ(0, UNMAP(0, 0, 8));
	for (i = 0; i < 32; i += 2)
		EXPECT_EQ(0, MAP(0, i, 1, RO));
	EXPECT_EQ(0, UNMAP(0, 4, 1));
	EXPECT_EQ(-EEXIST, MAP(0, 6, 1, RO));
	EXPECT_EQ(0, BATCH_END(0));
	EXPECT_MODEL();
	EXPECT_EQ(15 * 4, vm_pin());
}

TEST_F(space, a_batch_maps_again_what_it_unmapped)
{
	unsigned int i;

	for (i = 0; i < 32; i++) {
		ASSERT_EQ(0, MAP(0, i, 1, RW));
	}
	ASSERT_EQ(0, BATCH_BEGIN(0));
	/* neighbours in ascending order, in descending order, and cut */
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, UNMAP(0, i, 1));
	for (i = 16; i > 8; i--)
		EXPECT_EQ(0, UNMAP(0, i, 1));
	EXPECT_EQ(0, MAP(0, 3, 10 - 8, RO));
	EXPECT_EQ(0, MAP(0, 9, 4, RO));
	EXPECT_EQ(0, UNMAP(0, 10, 1));
	EXPECT_EQ(0, MAP(0, 10, 1, RW));
	EXPECT_EQ(0, BATCH_END(0));
	EXPECT_MODEL();
	EXPECT_EQ(0, vv_unmap(self->fd, 0, 0, EVERYTHING));
	EXPECT_EQ(0, vm_pin());
}

TEST_F(space, batches_of_two_spaces)
{
	ASSERT_EQ(0, BATCH_BEGIN(0));
	ASSERT_EQ(0, BATCH_BEGIN(1));
	EXPECT_EQ(0, MAP(0, 0, 4, RW));
	EXPECT_EQ(0, MAP(1, 2, 4, RO));
	EXPECT_EQ(0, BATCH_END(1));
	EXPECT_EQ(0, BATCH_END(0));
	EXPECT_MODEL();
	/* an end without a beginning, and a beginning without an end */
	EXPECT_EQ(0, BATCH_END(0));
	EXPECT_EQ(0, BATCH_BEGIN(0));
	EXPECT_EQ(0, UNMAP(0, 0, 2));
	EXPECT_EQ(0, UNMAP(1, 2, 4));
	close(self->fd);
	self->fd = open_owned(self->path, FEATURES);
	ASSERT_GE(self->fd, 0);
	memset(&self->model, 0, sizeof(self->model));
	EXPECT_MODEL();
	EXPECT_EQ(0, vm_pin());
}

/* --- random messages ------------------------------------------------------------ */

static unsigned int pick(unsigned int n)
{
	return random() % n;
}

/* No two pages that follow each other do so physically: each is a call of its own */
static void scatter(char *mem)
{
	unsigned int i;

	for (i = 0; i < WINDOW; i++)
		mem[i * 53 % WINDOW * PAGE] = 1;
}

/* One message; returns false when the answer is not the model's */
static bool random_message(int fd, struct model *m, const char *mem)
{
	static const uint8_t perms[] = { RO, WO, RW };
	unsigned int asid = pick(SPACES), first = pick(WINDOW);
	unsigned int n = 1 + pick(pick(8) ? 12 : WINDOW);
	uint8_t perm = perms[pick(3)];
	int want;

	if (n > WINDOW - first)
		n = WINDOW - first;
	switch (pick(16)) {
	case 0:
		return !vv_iotlb_v2(fd, asid, VHOST_IOTLB_BATCH_BEGIN, NULL);
	case 1 ... 2:
		return !vv_iotlb_v2(fd, asid, VHOST_IOTLB_BATCH_END, NULL);
	case 3 ... 9:
		want = model_any(m, asid, first, n) ? -EEXIST : 0;
		return map_pages(fd, m, asid, first, n, mem + pick(WINDOW - n + 1) * PAGE,
				 perm) == want;
	default:
		return !unmap_pages(fd, m, asid, first, n);
	}
}

TEST_F_TIMEOUT(space, random_messages, 120)
{
	unsigned int turn, i;

	scatter(self->mem);
	srandom(20261121);
	for (turn = 0; turn < 300; turn++) {
		for (i = 0; i < 16; i++) {
			ASSERT_TRUE(random_message(self->fd, &self->model, self->mem));
		}
		ASSERT_EQ(0, BATCH_END(0));
		ASSERT_EQ(0, BATCH_END(1));
		ASSERT_EQ(0, differences(self->maps, &self->model)) {
			TH_LOG("after %u messages", 16 * (turn + 1));
		}
	}
	for (i = 0; i < SPACES; i++)
		EXPECT_EQ(0, vv_unmap(self->fd, i, 0, EVERYTHING));
	memset(&self->model, 0, sizeof(self->model));
	EXPECT_MODEL();
	EXPECT_EQ(0, vm_pin());
}

/* --- reset and close ------------------------------------------------------------- */

TEST_F(space, a_reset_takes_all_away)
{
	ASSERT_EQ(0, MAP(0, 0, 8, RW));
	ASSERT_EQ(0, MAP(1, 0, 8, RW));
	ASSERT_EQ(0, vv_set_status(self->fd, VV_S_ACK));
	EXPECT_EQ(0, vv_set_status(self->fd, 0));
	memset(&self->model, 0, sizeof(self->model));
	EXPECT_MODEL();
	EXPECT_EQ(0, vm_pin());
	EXPECT_EQ(0, MAP(0, 0, 8, RW));
	EXPECT_MODEL();
}

TEST_F(space, a_reset_takes_nothing_away_with_persist)
{
	ASSERT_EQ(0, vv_set_backend_features(self->fd, FEATURES | PERSIST));
	ASSERT_EQ(0, MAP(0, 0, 8, RW));
	ASSERT_EQ(0, MAP(1, 0, 8, RO));
	ASSERT_EQ(0, vv_set_status(self->fd, VV_S_ACK));
	EXPECT_EQ(0, vv_set_status(self->fd, 0));
	EXPECT_MODEL();
	EXPECT_EQ(-EEXIST, MAP(0, 7, 1, RW));
	EXPECT_EQ(0, UNMAP(0, 7, 1));
	EXPECT_MODEL();
}

TEST_F(space, close_takes_all_away)
{
	ASSERT_EQ(0, MAP(0, 0, 8, RW));
	ASSERT_EQ(0, MAP(1, 0, 8, RW));
	close(self->fd);
	EXPECT_EQ(0, vm_pin());
	memset(&self->model, 0, sizeof(self->model));
	EXPECT_MODEL();
	self->fd = open_owned(self->path, FEATURES);
	ASSERT_GE(self->fd, 0);
	EXPECT_EQ(0, MAP(0, 0, 8, RW));
	EXPECT_MODEL();
}

/* --- parents that refuse ---------------------------------------------------------- */

static int refuse(const char *op, int err, unsigned int skip)
{
	char order[64];

	snprintf(order, sizeof(order), "%s %d %u", op, err, skip);
	return vdpa_mock_order("fail", order);
}

TEST_F(space, a_parent_that_refuses_to_map)
{
	bool table = strstr(variant->off, "dma_map");
	const char *op = table ? "set_map" : "dma_map";

	scatter(self->mem);
	ASSERT_EQ(0, MAP(0, 0, 4, RW));
	ASSERT_EQ(0, refuse(op, -ENOSPC, table ? 0 : 7));
	EXPECT_EQ(-ENOSPC, MAP(0, 8, 16, RW));
	EXPECT_MODEL();
	EXPECT_EQ(4 * 4, vm_pin());

	ASSERT_EQ(0, refuse(op, 0, 0));
	EXPECT_EQ(0, MAP(0, 8, 16, RW));
	EXPECT_MODEL();
}

TEST_F(space, a_parent_that_refuses_to_unmap)
{
	const char *op = unmap_op(variant->off);

	ASSERT_EQ(0, MAP(0, 0, 4, RW));
	ASSERT_EQ(0, MAP(0, 8, 4, RW));
	ASSERT_EQ(0, refuse(op, -EIO, 0));
	EXPECT_EQ(-EIO, vv_unmap(self->fd, 0, BASE, 4 * PAGE));
	EXPECT_MODEL();
	/* the device may still write there */
	EXPECT_EQ(8 * 4, vm_pin());

	ASSERT_EQ(0, refuse(op, 0, 0));
	EXPECT_EQ(0, UNMAP(0, 0, 4));
	EXPECT_MODEL();
	EXPECT_EQ(4 * 4, vm_pin());
}

TEST_F(space, a_parent_that_refuses_the_end_of_a_batch)
{
	const char *op = unmap_op(variant->off);

	ASSERT_EQ(0, MAP(0, 0, 4, RW));
	ASSERT_EQ(0, MAP(0, 4, 4, RW));
	ASSERT_EQ(0, refuse(op, -EIO, 0));
	ASSERT_EQ(0, BATCH_BEGIN(0));
	EXPECT_EQ(0, vv_unmap(self->fd, 0, BASE, 4 * PAGE));
	EXPECT_EQ(0, vv_unmap(self->fd, 0, BASE + 4 * PAGE, 4 * PAGE));
	EXPECT_EQ(-EIO, BATCH_END(0));
	EXPECT_MODEL();
	EXPECT_EQ(8 * 4, vm_pin());

	ASSERT_EQ(0, refuse(op, 0, 0));
	EXPECT_EQ(0, BATCH_END(0));
	model_set(&self->model, 0, 0, 8, 0);
	EXPECT_MODEL();
	EXPECT_EQ(0, vm_pin());
}

/* --- several messages a call -------------------------------------------------- */

static struct vhost_msg_v2 message(uint8_t type, unsigned int page, unsigned int n,
				   const char *mem)
{
	return (struct vhost_msg_v2) {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.type = type,
			.iova = BASE + page * PAGE,
			.size = n * PAGE,
			.uaddr = (uintptr_t)mem,
			.perm = RW,
		},
	};
}

TEST_F(space, messages_in_one_write)
{
	struct vhost_msg_v2 msgs[40];
	unsigned int i;

	for (i = 0; i < 40; i++)
		msgs[i] = message(VHOST_IOTLB_UPDATE, 2 * i, 1, self->mem + i * PAGE);
	EXPECT_EQ(sizeof(msgs), write(self->fd, msgs, sizeof(msgs)));
	for (i = 0; i < 40; i++)
		model_set(&self->model, 0, 2 * i, 1, RW);
	EXPECT_MODEL();

	/* they take effect in their order */
	msgs[0] = message(VHOST_IOTLB_INVALIDATE, 0, 80, NULL);
	msgs[1] = message(VHOST_IOTLB_UPDATE, 4, 2, self->mem);
	EXPECT_EQ(2 * sizeof(*msgs), write(self->fd, msgs, 2 * sizeof(*msgs)));
	model_set(&self->model, 0, 0, 80, 0);
	model_set(&self->model, 0, 4, 2, RW);
	EXPECT_MODEL();
	EXPECT_EQ(2 * 4, vm_pin());
}

TEST_F(space, a_write_ends_before_the_message_that_fails)
{
	struct vhost_msg_v2 msgs[12];
	unsigned int i;

	for (i = 0; i < 12; i++)
		msgs[i] = message(VHOST_IOTLB_UPDATE, i, 1, self->mem + i * PAGE);
	msgs[9].iotlb.iova = BASE;	/* which is taken then */
	EXPECT_EQ(9 * sizeof(*msgs), write(self->fd, msgs, sizeof(msgs)));
	model_set(&self->model, 0, 0, 9, RW);
	EXPECT_MODEL();
	/* its error is that of the call that begins with it */
	EXPECT_EQ(-1, write(self->fd, msgs + 9, 3 * sizeof(*msgs)));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_MODEL();
}

TEST_F(space, what_is_no_message_ends_a_write)
{
	struct vhost_msg_v2 msgs[3] = { message(VHOST_IOTLB_UPDATE, 0, 1, self->mem) };

	/* a buffer that is larger than the message, as a client may have it */
	EXPECT_EQ(sizeof(*msgs), write(self->fd, msgs, sizeof(msgs)));
	model_set(&self->model, 0, 0, 1, RW);
	msgs[0] = message(VHOST_IOTLB_UPDATE, 1, 1, self->mem);
	EXPECT_EQ(sizeof(*msgs), write(self->fd, msgs, 2 * sizeof(*msgs) - 1));
	model_set(&self->model, 0, 1, 1, RW);
	EXPECT_MODEL();
}

TEST_F(space, memory_that_is_not_there_yet)
{
	struct vhost_msg_v2 msgs[16];
	unsigned int i;
	char *mem;

	/* each of them has to be brought in */
	mem = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	for (i = 0; i < 16; i++)
		msgs[i] = message(VHOST_IOTLB_UPDATE, i, 1, mem + i * PAGE);
	EXPECT_EQ(sizeof(msgs), write(self->fd, msgs, sizeof(msgs)));
	model_set(&self->model, 0, 0, 16, RW);
	EXPECT_MODEL();
	EXPECT_EQ(16 * 4, vm_pin());
	munmap(mem, 16 * PAGE);
}

TEST_F(space, a_parent_that_refuses_until_it_is_closed)
{
	const char *op = unmap_op(variant->off);

	ASSERT_EQ(0, MAP(0, 0, 4, RW));
	ASSERT_EQ(0, refuse(op, -EIO, 0));
	EXPECT_EQ(-EIO, vv_unmap(self->fd, 0, 0, EVERYTHING));
	close(self->fd);
	EXPECT_EQ(0, vm_pin());
	ASSERT_EQ(0, refuse(op, 0, 0));
	self->fd = open_owned(self->path, FEATURES);
	ASSERT_GE(self->fd, 0);
}

TEST_HARNESS_MAIN
