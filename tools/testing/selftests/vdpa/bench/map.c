// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to map memory for a device and to unmap it, by IOTLB messages
 * to /dev/vhost-vdpa-N: two lines a case, map_NAME and unmap_NAME, with the
 * nanoseconds for a page or a range, and how many of these were timed. On a VM's
 * clock that counts instructions at 2 ns each, half of it is instructions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../lib/client.h"
#include "../lib/device.h"
#include "mark.h"

#define PAGE		4096UL
#define HUGE_PAGE	(2UL << 20)
#define IOVA		0x100000000ULL

enum memory {
	ORDERED,	/* small pages, faulted in one after the other */
	SCATTERED,	/* no two that follow each other do so physically */
	HUGE,
};

struct bench {
	const char *name;
	size_t range;		/* bytes of a message */
	unsigned int ranges;	/* messages, each for other addresses */
	bool batch;		/* all of them in a batch */
	enum memory memory;
	unsigned int rounds;
	bool array;		/* several messages a write */
};

#define ARRAY_MESSAGES	64

#define KERNEL_RANGES 2048

/*
 * The kernel's own simulator has no room for more ranges than these that are
 * not contiguous in memory, and takes the time of all of them for each one that
 * is not in a batch. What is beyond that is there to see how ours grows.
 */
static const struct bench benches[] = {
	{ "pages", 4096 * PAGE, 1, false, ORDERED, 16 },
	{ "huge", 32 * HUGE_PAGE, 1, false, HUGE, 32 },
	{ "lone", PAGE, 1, false, SCATTERED, 256 },
	{ "lone_of_64", PAGE, 64, false, SCATTERED, 16 },
	{ "batch", PAGE, 1024, true, SCATTERED, 16 },
	{ "scattered", 1024 * PAGE, 1, true, SCATTERED, 16 },
	{ "array", PAGE, 1024, true, SCATTERED, 16, true },
	{ "batch_64k", PAGE, 1 << 16, true, SCATTERED, 2 },
	{ "batch_1m", PAGE, 1 << 20, true, SCATTERED, 1 },
	{ NULL }
};

/* Cases asked for, up to NULL; none for all */
static char **wanted;

/* Is "map_NAME" or "unmap_NAME" asked for? */
static bool is_wanted(const char *what, const char *name)
{
	char whole[32];
	char **w;

	snprintf(whole, sizeof(whole), "%s_%s", what, name);
	for (w = wanted; *w; w++)
		if (!strcmp(*w, whole))
			return true;
	return false;
}

static char *get_memory(size_t size, enum memory memory)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS |
		    (memory == HUGE ? MAP_HUGETLB | MAP_POPULATE : 0);
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	size_t pages = size / PAGE, step = memory == SCATTERED ? 389 : 1, i;

	if (mem == MAP_FAILED || memory == HUGE)
		return mem;
	madvise(mem, size, MADV_NOHUGEPAGE);
	/* frames are given out in the order of the faults */
	for (i = 0; i < pages; i++)
		mem[i * step % pages * PAGE] = 1;
	return mem;
}

static int map_one(int fd, const struct bench *b, unsigned int i, const char *mem,
		   size_t size)
{
	return vv_map(fd, 0, IOVA + i * b->range, mem + i * b->range % size, b->range,
		      VHOST_ACCESS_RW);
}

/* The same by arrays of messages; without @mem they unmap */
static int write_arrays(int fd, const struct bench *b, const char *mem, size_t size)
{
	static struct vhost_msg_v2 msgs[ARRAY_MESSAGES];
	unsigned int i, n = 0;
	int err = 0;

	for (i = 0; !err && i < b->ranges; i++) {
		struct vhost_msg_v2 *m = &msgs[n++];

		m->type = VHOST_IOTLB_MSG_V2;
		m->iotlb.iova = IOVA + i * b->range;
		m->iotlb.size = b->range;
		m->iotlb.uaddr = mem ? (uintptr_t)mem + i * b->range % size : 0;
		m->iotlb.perm = VHOST_ACCESS_RW;
		m->iotlb.type = mem ? VHOST_IOTLB_UPDATE : VHOST_IOTLB_INVALIDATE;
		if (n == ARRAY_MESSAGES || i + 1 == b->ranges) {
			err = vv_iotlb_array(fd, msgs, n);
			n = 0;
		}
	}
	return err;
}

/* Without @mem all is unmapped */
static int change_all(int fd, const struct bench *b, const char *mem, size_t size)
{
	unsigned int i;
	int err = 0;

	if (b->batch)
		err = vv_iotlb_v2(fd, 0, VHOST_IOTLB_BATCH_BEGIN, NULL);
	if (!err && b->array)
		err = write_arrays(fd, b, mem, size);
	for (i = 0; !err && !b->array && i < b->ranges; i++)
		err = mem ? map_one(fd, b, i, mem, size) :
			    vv_unmap(fd, 0, IOVA + i * b->range, b->range);
	if (!err && b->batch)
		err = vv_iotlb_v2(fd, 0, VHOST_IOTLB_BATCH_END, NULL);
	return err;
}

/* Adds up the time it takes */
static int time_change(int fd, const struct bench *b, const char *mem, size_t size,
		       bool marked, uint64_t *sum)
{
	uint64_t start = now_ns();
	int err;

	if (marked)
		mark();
	err = change_all(fd, b, mem, size);
	if (marked)
		mark();
	*sum += now_ns() - start;
	return err;
}

static int run_rounds(int fd, const struct bench *b, const char *mem, size_t size)
{
	double units = (double)b->rounds * b->ranges * b->range / PAGE;
	bool mark_map = is_wanted("map", b->name);
	bool mark_unmap = is_wanted("unmap", b->name);
	unsigned int i, warm = b->rounds > 1;
	uint64_t map = 0, unmap = 0;
	int err = 0;

	for (i = 0; !err && i < b->rounds + warm; i++) {
		if (i == warm) {
			map = 0;
			unmap = 0;
		}
		err = time_change(fd, b, mem, size, mark_map && i >= warm, &map);
		if (!err)
			err = time_change(fd, b, NULL, 0, mark_unmap && i >= warm,
					  &unmap);
	}
	if (!err)
		printf("map_%s %.1f %.0f\nunmap_%s %.1f %.0f\n", b->name, map / units,
		       units, b->name, unmap / units, units);
	return err;
}

static int run_bench(int fd, const struct bench *b)
{
	size_t size = b->range * b->ranges, most = 4096 * PAGE;
	char *mem;
	int err;

	if (size > most && b->range < most)
		size = most;
	mem = get_memory(size, b->memory);
	if (mem == MAP_FAILED)
		return -errno;
	err = run_rounds(fd, b, mem, size);
	vv_unmap(fd, 0, 0, ~0ULL);
	munmap(mem, size);
	return err;
}

static int set_huge_pages(unsigned int n)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "we");
	int err = 0;

	if (!file)
		return -errno;
	if (fprintf(file, "%u\n", n) < 0 || fflush(file))
		err = -errno;
	fclose(file);
	return err;
}

static int open_device(const char *path)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	uint64_t features;
	int fd, err;

	if (setrlimit(RLIMIT_MEMLOCK, &unlimited))
		return -errno;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = vv_set_owner(fd);
	if (!err)
		err = vv_get_backend_features(fd, &features);
	if (!err)
		err = vv_set_backend_features(fd, features & (VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) |
							     VV_BIT(VHOST_BACKEND_F_IOTLB_BATCH) |
							     VV_BIT(VHOST_BACKEND_F_IOTLB_ASID)));
	if (err)
		close(fd);
	return err ? err : fd;
}

/* Without arguments all cases, else those that are named */
int main(int argc, char **argv)
{
	const struct bench *b;
	char name[32], path[64];
	int fd, err, failed = 0;

	wanted = argv + 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	err = set_huge_pages(32);
	if (!err)
		err = vdpa_create("vdpasim_blk", 0, name, path);
	if (err) {
		fprintf(stderr, "map: no device, or no huge pages: %s\n", strerror(-err));
		return 1;
	}
	fd = open_device(path);
	for (b = benches; fd >= 0 && b->name; b++) {
		bool run = !*wanted || is_wanted("map", b->name) ||
			   is_wanted("unmap", b->name);

		err = run ? run_bench(fd, b) : 0;
		if (err == -EFAULT && b->ranges > KERNEL_RANGES) {
			printf("map_%s -\nunmap_%s -\n", b->name, b->name);
		} else if (err) {
			fprintf(stderr, "%s: %s\n", b->name, strerror(-err));
			failed = 1;
		}
	}
	if (fd >= 0)
		close(fd);
	else
		fprintf(stderr, "%s: %s\n", path, strerror(-fd));
	vdpa_del(name);
	set_huge_pages(0);
	return failed || fd < 0;
}
