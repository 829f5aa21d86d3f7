// SPDX-License-Identifier: GPL-2.0
/*
 * The workers of a simulated device: one a queue in use, where they run, when
 * they look by themselves and when they have to be kicked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "lib/blk.h"
#include "lib/device.h"

#define NUM		256
#define DEPTH		64
#define ROOM		65536
#define PATIENCE	10000	/* ms */
#define SECOND		1000000000ULL

/* newer than some installed headers */
#define F_NOTIFICATION_DATA	38

#define PARAMETERS	"/sys/module/vdpa_sim%s/parameters/%s"

static int set_parameter(const char *module, const char *name, unsigned int value)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), PARAMETERS, module, name);
	snprintf(text, sizeof(text), "%u", value);
	return write_file(path, text);
}

static bool is_worker(const char *pid, const char *device, int queue)
{
	char path[300], want[64], comm[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = '\0';
	fclose(file);
	snprintf(want, sizeof(want), "vdpa-%s/%d", device, queue);
	return !strcmp(comm, want);
}

/* The worker's process, 0 for none */
static pid_t worker_of(const char *device, int queue)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	pid_t pid = 0;

	while (proc && !pid && (entry = readdir(proc)))
		if (is_worker(entry->d_name, device, queue))
			pid = atoi(entry->d_name);
	if (proc)
		closedir(proc);
	return pid;
}

static bool asleep(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (file)
		fclose(file);
	return state == 'I';
}

static bool falls_asleep(pid_t pid)
{
	uint64_t end = now_ns() + 10 * SECOND;

	while (!asleep(pid) && now_ns() < end)
		usleep(1000);
	return asleep(pid);
}

static bool goes_away(pid_t pid)
{
	uint64_t end = now_ns() + 10 * SECOND;

	while (!kill(pid, 0) && now_ns() < end)
		usleep(1000);
	return kill(pid, 0) && errno == ESRCH;
}

FIXTURE(worker) {
	char name[32];
	char path[64];
	struct blk b;
};

FIXTURE_SETUP(worker)
{
	ASSERT_EQ(0, vdpa_create("vdpasim_blk", 0, self->name, self->path));
	ASSERT_EQ(0, blk_open(&self->b, self->path, BLK_WANTED, NUM, DEPTH, ROOM));
}

FIXTURE_TEARDOWN(worker)
{
	blk_close(&self->b);
	vdpa_del(self->name);
	set_parameter("", "poll_us", 50);
}

/* One request; *kicked says whether the device wanted a kick for it */
static int request(struct blk *b, bool *kicked)
{
	uint32_t slot, len;
	int err = blk_add(b, 0, VIRTIO_BLK_T_IN, 0, BLK_SECTOR);

	if (err)
		return err;
	*kicked = vq_publish(&b->c.queue[0].vq);
	if (*kicked)
		err = client_kick(&b->c, 0);
	return err ? err : client_poll(&b->c, 0, &slot, &len, PATIENCE);
}

TEST_F(worker, lives_from_driver_ok_to_reset)
{
	pid_t pid = worker_of(self->name, 0);

	EXPECT_NE(0, pid);
	EXPECT_EQ(0, worker_of(self->name, 1));
	ASSERT_EQ(0, vv_set_status(self->b.c.fd, 0));
	/* it has done its last work; its number goes a little later */
	EXPECT_TRUE(goes_away(pid));
	ASSERT_EQ(0, client_restart(&self->b.c, true));
	EXPECT_NE(0, worker_of(self->name, 0));
}

TEST_F(worker, needs_no_kick_while_it_looks)
{
	unsigned int i, kicks = 0;
	bool kicked;

	ASSERT_EQ(0, set_parameter("", "poll_us", 10000000));
	/* each sleep that is short makes it look for longer, up to the limit */
	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, request(&self->b, &kicked));
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(0, request(&self->b, &kicked));
		kicks += kicked;
	}
	/* all but those for which it slept as others had the CPU for too long */
	EXPECT_LT(kicks, 16);
}

TEST_F(worker, sleeps_at_once_where_it_shall_not_look)
{
	uint64_t polls, sleeps, more;
	unsigned int i;
	bool kicked;

	ASSERT_EQ(0, set_parameter("", "poll_us", 0));
	ASSERT_EQ(0, request(&self->b, &kicked));
	ASSERT_TRUE(falls_asleep(worker_of(self->name, 0)));
	ASSERT_EQ(0, vdpa_counter(self->name, 0, "polls", &polls));
	ASSERT_EQ(0, vdpa_counter(self->name, 0, "sleeps", &sleeps));
	for (i = 0; i < 16; i++) {
		ASSERT_EQ(0, request(&self->b, &kicked));
		EXPECT_TRUE(kicked);
		ASSERT_TRUE(falls_asleep(worker_of(self->name, 0)));
	}
	ASSERT_EQ(0, vdpa_counter(self->name, 0, "polls", &more));
	EXPECT_EQ(polls, more);
	ASSERT_EQ(0, vdpa_counter(self->name, 0, "sleeps", &more));
	EXPECT_EQ(sleeps + 16, more);
}

/* Requests come just when the worker gives up, a little later, or before */
TEST_F(worker, hears_of_requests_whenever_they_come)
{
	unsigned int i, seed = 1;
	bool kicked;

	for (i = 0; i < 2000; i++) {
		uint64_t until = now_ns() + rand_r(&seed) % 150000;

		while (now_ns() < until)
			;
		ASSERT_EQ(0, request(&self->b, &kicked)) {
			TH_LOG("request %u got lost", i);
		}
	}
}

TEST_F(worker, sleeps_when_there_is_nothing_to_do)
{
	pid_t pid = worker_of(self->name, 0);
	uint64_t before, after;
	unsigned int i;
	bool kicked;

	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, request(&self->b, &kicked));
	ASSERT_TRUE(falls_asleep(pid));
	ASSERT_EQ(0, vdpa_counter(self->name, 0, "sleeps", &before));
	usleep(100000);
	EXPECT_TRUE(asleep(pid));
	ASSERT_EQ(0, vdpa_counter(self->name, 0, "sleeps", &after));
	EXPECT_EQ(before, after);
}

/* As many large requests as there is room for, of which none is waited for */
static int fill(struct blk *b)
{
	unsigned int slot;
	int err = 0;

	for (slot = 0; !err && slot < DEPTH; slot++)
		err = blk_add(b, slot, VIRTIO_BLK_T_IN, 0, ROOM);
	return err ? err : blk_flush(b);
}

TEST_F(worker, suspends_and_resumes_in_the_middle_of_work)
{
	unsigned int base, again, round, i;
	uint32_t slot, len;
	uint64_t start;

	for (round = 0; round < 8; round++) {
		ASSERT_EQ(0, fill(&self->b));
		usleep(round * 200);
		start = now_ns();
		ASSERT_EQ(0, vv_suspend(self->b.c.fd));
		EXPECT_LT(now_ns() - start, SECOND);

		ASSERT_EQ(0, vv_get_vring(self->b.c.fd, VHOST_GET_VRING_BASE, 0, &base));
		usleep(2000);
		ASSERT_EQ(0, vv_get_vring(self->b.c.fd, VHOST_GET_VRING_BASE, 0, &again));
		EXPECT_EQ(base, again);

		ASSERT_EQ(0, vv_resume(self->b.c.fd));
		for (i = 0; i < DEPTH; i++) {
			ASSERT_EQ(0, client_poll(&self->b.c, 0, &slot, &len, PATIENCE));
			EXPECT_EQ(VIRTIO_BLK_S_OK, self->b.status[slot]);
		}
	}
}

struct flood {
	struct blk *b;
	bool stop;
	int err;
};

/* Keeps a ring full; whatever comes back is given to the device again */
static void *flood(void *arg)
{
	struct flood *f = arg;
	uint32_t slot, len;

	f->err = fill(f->b);
	while (!f->err && !__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		f->err = client_poll(&f->b->c, 0, &slot, &len, PATIENCE);
		if (!f->err)
			f->err = blk_add(f->b, slot, VIRTIO_BLK_T_IN, 0, ROOM);
		if (!f->err)
			f->err = blk_flush(f->b);
	}
	return NULL;
}

TEST_F(worker, leaves_the_cpu_to_others)
{
	struct flood f = { .b = &self->b };
	char name[40], path[64];
	cpu_set_t first;
	unsigned int i;
	pthread_t thread;
	struct blk other;
	bool kicked;

	snprintf(name, sizeof(name), "%s.b", self->name);
	ASSERT_EQ(0, vdpa_add(name, "vdpasim_blk", 0));
	ASSERT_EQ(0, vdpa_bind(name, "vhost_vdpa"));
	ASSERT_EQ(0, vdpa_chardev(name, path, sizeof(path)));
	ASSERT_EQ(0, blk_open(&other, path, BLK_WANTED, NUM, 1, BLK_SECTOR));

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	EXPECT_EQ(0, sched_setaffinity(worker_of(self->name, 0), sizeof(first), &first));
	EXPECT_EQ(0, sched_setaffinity(worker_of(name, 0), sizeof(first), &first));

	ASSERT_EQ(0, pthread_create(&thread, NULL, flood, &f));
	for (i = 0; i < 64; i++)
		EXPECT_EQ(0, request(&other, &kicked));
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, f.err);

	blk_close(&other);
	vdpa_del(name);
}

/* The one file that @pattern stands for, once it is there */
static int find(const char *pattern, char *path, size_t size)
{
	uint64_t end = now_ns() + 10 * SECOND;
	glob_t found;
	int err;

	while ((err = glob(pattern, 0, NULL, &found)) == GLOB_NOMATCH && now_ns() < end)
		usleep(1000);
	if (err)
		return -ENOENT;
	snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return 0;
}

static int read_start(const char *path, void *buf, size_t len, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags), err = 0;

	if (fd < 0)
		return -errno;
	if (read(fd, buf, len) != (ssize_t)len)
		err = -EIO;
	close(fd);
	return err;
}

FIXTURE(notification_data) {
	char name[32];
};

FIXTURE_VARIANT(notification_data) {
	uint64_t ring;
};

FIXTURE_VARIANT_ADD(notification_data, split) {
};

FIXTURE_VARIANT_ADD(notification_data, packed) {
	.ring = VV_BIT(VIRTIO_F_RING_PACKED),
};

FIXTURE_SETUP(notification_data)
{
	snprintf(self->name, sizeof(self->name), "test%d", getpid());
	ASSERT_EQ(0, vdpa_add(self->name, "vdpasim_blk",
			      BLK_WANTED | variant->ring |
			      VV_BIT(F_NOTIFICATION_DATA) |
			      VV_BIT(VIRTIO_F_VERSION_1) |
			      VV_BIT(VIRTIO_F_ACCESS_PLATFORM)));
	/* without looking by itself it lives by kicks */
	ASSERT_EQ(0, set_parameter("", "poll_us", 0));
}

FIXTURE_TEARDOWN(notification_data)
{
	vdpa_del(self->name);
	set_parameter("", "poll_us", 50);
}

TEST_F(notification_data, reaches_the_queue)
{
	static _Alignas(4096) char block[4096];
	char pattern[128], path[256], dev[64], bits[64];
	unsigned int i;

	EXPECT_EQ(0, vdpa_bind(self->name, "virtio_vdpa"));
	EXPECT_EQ(0, module_load("virtio_blk"));
	snprintf(pattern, sizeof(pattern), "/sys/bus/vdpa/devices/%s/virtio*/block/vd*",
		 self->name);
	ASSERT_EQ(0, find(pattern, path, sizeof(path)));
	snprintf(dev, sizeof(dev), "/dev/%s", strrchr(path, '/') + 1);
	ASSERT_EQ(0, find(dev, path, sizeof(path)));
	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, read_start(dev, block, sizeof(block), O_DIRECT));

	snprintf(pattern, sizeof(pattern), "/sys/bus/vdpa/devices/%s/virtio*/features",
		 self->name);
	ASSERT_EQ(0, find(pattern, path, sizeof(path)));
	ASSERT_EQ(0, read_start(path, bits, sizeof(bits), 0));
	EXPECT_EQ('1', bits[F_NOTIFICATION_DATA]);
	EXPECT_EQ(variant->ring ? '1' : '0', bits[VIRTIO_F_RING_PACKED]);
}

/* The kernel's drivers spread their queues over the CPUs */
TEST(workers_run_where_the_driver_wants_them)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), queue;
	char name[32];

	if (cpus < 2)
		SKIP(return, "one CPU");
	ASSERT_EQ(0, module_load("vdpa_sim_blk"));
	ASSERT_EQ(0, set_parameter("_blk", "num_queues", 2));
	snprintf(name, sizeof(name), "test%d", getpid());
	EXPECT_EQ(0, vdpa_add(name, "vdpasim_blk", 0));
	set_parameter("_blk", "num_queues", 1);
	EXPECT_EQ(0, vdpa_bind(name, "virtio_vdpa"));
	EXPECT_EQ(0, module_load("virtio_blk"));

	for (queue = 0; queue < 2; queue++) {
		uint64_t end = now_ns() + 10 * SECOND;
		pid_t pid;
		cpu_set_t set;

		while (!(pid = worker_of(name, queue)) && now_ns() < end)
			usleep(1000);
		ASSERT_NE(0, pid);
		ASSERT_EQ(0, sched_getaffinity(pid, sizeof(set), &set));
		EXPECT_EQ(cpus / 2, CPU_COUNT(&set));
		EXPECT_TRUE(CPU_ISSET(queue * cpus / 2, &set));
	}
	vdpa_del(name);
}

TEST_HARNESS_MAIN
