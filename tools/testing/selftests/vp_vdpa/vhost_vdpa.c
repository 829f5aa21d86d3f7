// SPDX-License-Identifier: GPL-2.0
/*
 * Functions driven from user space: what the IOMMU lets through and what not,
 * interrupts and doorbells, and clients and functions that go without a word.
 *
 * Run by vhost_vdpa.sh, which gives the functions to vp_vdpa and names them in
 * the environment: VPF_BLK and VPF_NET, as PCI addresses.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "../vdpa/lib/blk.h"
#include "../vdpa/lib/device.h"
#include "../vdpa/lib/net.h"

#define PAGE		4096
#define NUM		64
#define DEPTH		8
#define ROOM		65536
#define PATIENCE	5000
/* Where the device can see nothing unless a test maps it */
#define NOWHERE		0x3400000000ULL

#define KLOG_READ_ALL	3

static const char *function(const char *variable)
{
	const char *name = getenv(variable);

	return name ? name : "";
}

static int make_device(const char *variable, char name[32], char path[64])
{
	char mgmtdev[64];

	snprintf(mgmtdev, sizeof(mgmtdev), "pci/%s", function(variable));
	return vdpa_create(mgmtdev, 0, name, path);
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* --- a disk -------------------------------------------------------------- */

FIXTURE(disk) {
	char name[32];
	char path[64];
	struct blk b;
	char expected[ROOM];
};

FIXTURE_VARIANT(disk) {
	uint64_t features;
	uint64_t nowhere;	/* each is looked for in the kernel's log */
};

FIXTURE_VARIANT_ADD(disk, split) {
	.features = BLK_WANTED,
	.nowhere = NOWHERE,
};

FIXTURE_VARIANT_ADD(disk, packed) {
	.features = BLK_WANTED | VV_BIT(VIRTIO_F_RING_PACKED),
	.nowhere = NOWHERE + 1024 * PAGE,
};

FIXTURE_SETUP(disk)
{
	uint64_t packed = variant->features & VV_BIT(VIRTIO_F_RING_PACKED);
	int err;

	ASSERT_EQ(0, make_device("VPF_BLK", self->name, self->path));
	err = blk_open(&self->b, self->path, variant->features, NUM, DEPTH, ROOM);
	if (!err && (self->b.c.features & VV_BIT(VIRTIO_F_RING_PACKED)) != packed)
		err = -EOPNOTSUPP;
	if (err)
		vdpa_del(self->name);
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(disk)
{
	blk_close(&self->b);
	vdpa_del(self->name);
}

TEST_F(disk, data_polled)
{
	size_t len;

	for (len = 512; len <= ROOM; len *= 2) {
		fill_pattern(self->expected, len, len);
		memcpy(blk_data(&self->b, 0), self->expected, len);
		ASSERT_EQ(VIRTIO_BLK_S_OK,
			  blk_do(&self->b, 0, VIRTIO_BLK_T_OUT, len / 512, len));
		ASSERT_EQ(VIRTIO_BLK_S_OK,
			  blk_do(&self->b, 1, VIRTIO_BLK_T_IN, len / 512, len));
		ASSERT_EQ(0, memcmp(self->expected, blk_data(&self->b, 1), len));
	}
}

TEST_F(disk, data_by_interrupts)
{
	uint64_t interrupts;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		fill_pattern(self->expected, PAGE, i);
		memcpy(blk_data(&self->b, 0), self->expected, PAGE);
		ASSERT_EQ(VIRTIO_BLK_S_OK,
			  blk_do_wait(&self->b, 0, VIRTIO_BLK_T_OUT, i * 8, PAGE));
		ASSERT_EQ(VIRTIO_BLK_S_OK,
			  blk_do_wait(&self->b, 1, VIRTIO_BLK_T_IN, i * 8, PAGE));
		ASSERT_EQ(0, memcmp(self->expected, blk_data(&self->b, 1), PAGE));
	}
	ASSERT_EQ(0, vdpa_counter(self->name, 0, "interrupts", &interrupts));
	/* none for those that were done before we began to wait */
	EXPECT_LT(0, interrupts);
}

/* A driver that accepts nothing does not get past DRIVER */
TEST_F(disk, status_without_features)
{
	int fd = self->b.c.fd;
	uint8_t status;

	ASSERT_EQ(0, vv_set_status(fd, 0));
	ASSERT_EQ(0, vv_set_status(fd, VV_S_DRIVER));
	EXPECT_EQ(0, vv_set_status(fd, VV_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK));
	EXPECT_EQ(0, vv_get_status(fd, &status));
	EXPECT_EQ(VV_S_DRIVER, status);
	EXPECT_EQ(0, vv_set_status(fd, VV_S_RUNNING));
	EXPECT_EQ(0, vv_get_status(fd, &status));
	EXPECT_EQ(VV_S_DRIVER, status);

	ASSERT_EQ(0, vv_set_features(fd, self->b.c.features));
	EXPECT_EQ(0, vv_set_status(fd, VV_S_FEATURES));
	EXPECT_EQ(0, vv_get_status(fd, &status));
	EXPECT_EQ(VV_S_FEATURES, status);
}

/* The state of a queue is the function's secret, but its beginning is not */
TEST_F(disk, queue_state)
{
	int fd = self->b.c.fd;
	unsigned int base;

	EXPECT_EQ(-EOPNOTSUPP, vv_get_vring(fd, VHOST_GET_VRING_BASE, 0, &base));
	ASSERT_EQ(0, vv_set_status(fd, 0));
	EXPECT_EQ(0, vv_get_vring(fd, VHOST_GET_VRING_BASE, 0, &base));
	EXPECT_EQ(0, base);
	EXPECT_EQ(0, vv_set_vring(fd, VHOST_SET_VRING_BASE, 0, 0));
	EXPECT_EQ(-EOPNOTSUPP, vv_set_vring(fd, VHOST_SET_VRING_BASE, 0, 1));
}

/* Kicks by a store to the function's register, past the kernel */
TEST_F(disk, doorbell)
{
	uint64_t before, after;
	uint32_t token, used;
	uint16_t *bell;
	unsigned int i;

	bell = mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, self->b.c.fd, 0);
	ASSERT_NE(MAP_FAILED, bell);
	ASSERT_EQ(0, vdpa_counter(self->name, 0, "kicks", &before));
	for (i = 0; i < 50; i++) {
		fill_pattern(self->expected, PAGE, i);
		memcpy(blk_data(&self->b, 0), self->expected, PAGE);
		ASSERT_EQ(0, blk_add(&self->b, 0, VIRTIO_BLK_T_OUT, i * 8, PAGE));
		vq_publish(&self->b.c.queue[0].vq);
		__atomic_store_n(bell, 0, __ATOMIC_RELEASE);
		ASSERT_EQ(0, client_wait(&self->b.c, 0, &token, &used, PATIENCE));
		ASSERT_EQ(VIRTIO_BLK_S_OK, self->b.status[0]);
	}
	ASSERT_EQ(0, vdpa_counter(self->name, 0, "kicks", &after));
	EXPECT_EQ(before, after);
	EXPECT_EQ(0, munmap(bell, PAGE));

	ASSERT_EQ(VIRTIO_BLK_S_OK, blk_do(&self->b, 1, VIRTIO_BLK_T_IN, 49 * 8, PAGE));
	EXPECT_EQ(0, memcmp(self->expected, blk_data(&self->b, 1), PAGE));
}

TEST_F(disk, doorbell_of_no_queue)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, self->b.c.fd,
				   2 * PAGE));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(disk, client_killed_at_work)
{
	unsigned int i;
	int status;
	pid_t pid;

	blk_close(&self->b);
	for (i = 0; i < 5; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			if (blk_open(&self->b, self->path, variant->features, NUM, DEPTH, ROOM))
				_exit(1);
			for (;;) {
				if (blk_do(&self->b, 0, VIRTIO_BLK_T_IN, 0, ROOM))
					_exit(1);
			}
		}
		pause_ms(200);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(true, WIFSIGNALED(status));
	}
	ASSERT_EQ(0, blk_open(&self->b, self->path, variant->features, NUM, DEPTH, ROOM));
	EXPECT_EQ(VIRTIO_BLK_S_OK, blk_do_wait(&self->b, 0, VIRTIO_BLK_T_IN, 0, ROOM));
}

/* --- what the IOMMU does not let through --------------------------------- */

/*
 * What becomes of a request whose memory is out of reach is the function's
 * affair: QEMU's complete as if nothing was wrong. So the tests look at the
 * IOMMU's reports, and at the memory.
 */

static bool log_says(const char *text)
{
	static char log[1 << 20];
	int len = klogctl(KLOG_READ_ALL, log, sizeof(log) - 1);

	log[len < 0 ? 0 : len] = '\0';
	return strstr(log, text);
}

/* Physical address of a page of this process */
static uint64_t physical(const void *mem)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), (uintptr_t)mem / PAGE * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	return (entry & ((1ULL << 55) - 1)) * PAGE;
}

/* A read from the disk to, or a write from, one page at @iova */
static int transfer(struct blk *b, uint32_t type, uint64_t iova)
{
	bool in = type == VIRTIO_BLK_T_IN;
	struct virtio_blk_outhdr *header = &b->header[0];
	struct vq_seg seg[3] = {
		{ client_iova(&b->c, header), sizeof(*header) },
		{ iova, PAGE },
		{ client_iova(&b->c, &b->status[0]), 1 },
	};
	uint32_t token, used;
	int err;

	*header = (struct virtio_blk_outhdr){ .type = type };
	b->status[0] = 0xff;
	err = vq_add(&b->c.queue[0].vq, seg, in ? 1 : 2, in ? 2 : 1, 0);
	if (!err)
		err = blk_flush(b);
	if (!err)
		err = client_wait(&b->c, 0, &token, &used, 500);
	return err ? err : b->status[0];
}

static bool log_says_fault(uint64_t iova)
{
	char text[64];

	snprintf(text, sizeof(text), "fault addr 0x%" PRIx64, iova);
	return log_says(text);
}

/*
 * Has the disk write to @iova until the kernel says that the IOMMU was against
 * it. The report comes from a thread, and too many of them are held back.
 */
static bool write_faults(struct blk *b, uint64_t iova)
{
	int tries, i;

	for (tries = 0; tries < 10; tries++) {
		transfer(b, VIRTIO_BLK_T_IN, iova);
		for (i = 0; i < 10; i++) {
			if (log_says_fault(iova))
				return true;
			pause_ms(100);
		}
	}
	return false;
}

/* A page with a pattern, that nobody is to change */
static char *make_victim(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (page != MAP_FAILED) {
		fill_pattern(page, PAGE, 77);
		mlock(page, PAGE);
	}
	return page;
}

static bool intact(const char *page)
{
	static char expected[PAGE];

	fill_pattern(expected, PAGE, 77);
	return !memcmp(page, expected, PAGE);
}

/* The disk's first page is something else than the victim */
static int write_other(struct blk *b)
{
	fill_pattern(blk_data(b, 0), PAGE, 78);
	return blk_do(b, 0, VIRTIO_BLK_T_OUT, 0, PAGE);
}

/* Without an IOMMU this is where the write would go */
TEST_F(disk, memory_not_mapped_by_physical_address)
{
	char *victim = make_victim();
	uint64_t pa;

	ASSERT_NE(MAP_FAILED, victim);
	pa = physical(victim);
	ASSERT_NE(0, pa);
	ASSERT_EQ(VIRTIO_BLK_S_OK, write_other(&self->b));
	EXPECT_EQ(true, write_faults(&self->b, pa));
	EXPECT_EQ(true, intact(victim));
}

TEST_F(disk, memory_no_longer_mapped)
{
	char *victim = make_victim();
	uint64_t iova = variant->nowhere;
	int fd = self->b.c.fd;

	ASSERT_NE(MAP_FAILED, victim);
	ASSERT_EQ(VIRTIO_BLK_S_OK, write_other(&self->b));
	ASSERT_EQ(0, vv_map(fd, 0, iova, victim, PAGE, VHOST_ACCESS_RW));
	ASSERT_EQ(VIRTIO_BLK_S_OK, transfer(&self->b, VIRTIO_BLK_T_IN, iova));
	EXPECT_EQ(false, intact(victim));
	EXPECT_EQ(false, log_says_fault(iova));

	fill_pattern(victim, PAGE, 77);
	ASSERT_EQ(0, vv_unmap(fd, 0, iova, PAGE));
	EXPECT_EQ(true, write_faults(&self->b, iova));
	EXPECT_EQ(true, intact(victim));
}

TEST_F(disk, memory_mapped_read_only)
{
	char *victim = make_victim();
	uint64_t iova = variant->nowhere + 16 * PAGE;

	ASSERT_NE(MAP_FAILED, victim);
	ASSERT_EQ(0, vv_map(self->b.c.fd, 0, iova, victim, PAGE, VHOST_ACCESS_RO));
	ASSERT_EQ(VIRTIO_BLK_S_OK, write_other(&self->b));
	EXPECT_EQ(true, write_faults(&self->b, iova));
	EXPECT_EQ(true, intact(victim));
	ASSERT_EQ(VIRTIO_BLK_S_OK, transfer(&self->b, VIRTIO_BLK_T_OUT, iova));
	ASSERT_EQ(VIRTIO_BLK_S_OK, blk_do(&self->b, 0, VIRTIO_BLK_T_IN, 0, PAGE));
	EXPECT_EQ(0, memcmp(victim, blk_data(&self->b, 0), PAGE));
}

/* Addresses that never get to the IOMMU, such as those by which interrupts are raised */
static bool reserved_region(const char *bdf, uint64_t *first, uint64_t *last)
{
	char path[128], type[32];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/iommu_group/reserved_regions", bdf);
	file = fopen(path, "re");
	while (file && !found &&
	       fscanf(file, "%" SCNx64 " %" SCNx64 " %31s", first, last, type) == 3)
		found = !strcmp(type, "msi");
	if (file)
		fclose(file);
	return found;
}

TEST_F(disk, memory_at_reserved_addresses)
{
	int fd = self->b.c.fd;
	uint64_t first, last;
	char *mem;

	ASSERT_EQ(true, reserved_region(function("VPF_BLK"), &first, &last));
	mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_EQ(-EINVAL, vv_map(fd, 0, first, mem, PAGE, VHOST_ACCESS_RW));
	EXPECT_EQ(-EINVAL, vv_map(fd, 0, first - PAGE, mem, 2 * PAGE, VHOST_ACCESS_RW));
	EXPECT_EQ(-EINVAL, vv_map(fd, 0, last, mem, PAGE + 1, VHOST_ACCESS_RW));
	/* nobody has even looked at the memory */
	EXPECT_EQ(0, physical(mem));

	EXPECT_EQ(0, vv_map(fd, 0, first - PAGE, mem, PAGE, VHOST_ACCESS_RW));
	EXPECT_EQ(0, vv_map(fd, 0, last + 1, mem + PAGE, PAGE, VHOST_ACCESS_RW));
	EXPECT_EQ(VIRTIO_BLK_S_OK, transfer(&self->b, VIRTIO_BLK_T_IN, first - PAGE));
	EXPECT_EQ(VIRTIO_BLK_S_OK, transfer(&self->b, VIRTIO_BLK_T_IN, last + 1));
	EXPECT_EQ(0, vv_unmap(fd, 0, first - PAGE, PAGE));
	EXPECT_EQ(0, vv_unmap(fd, 0, last + 1, PAGE));
}

/* One that can't go on says so by status and interrupt, and is reset */
TEST_F(disk, function_that_gave_up)
{
	int call = eventfd(0, EFD_CLOEXEC), fd = self->b.c.fd;
	struct pollfd pfd = { .fd = call, .events = POLLIN };
	struct vq_seg seg = { .len = sizeof(struct virtio_blk_outhdr) };
	uint8_t status;

	ASSERT_EQ(0, vv_set_config_call(fd, call));
	ASSERT_EQ(VIRTIO_BLK_S_OK, blk_do(&self->b, 0, VIRTIO_BLK_T_IN, 0, PAGE));
	/* a request without room for an answer */
	seg.iova = client_iova(&self->b.c, &self->b.header[0]);
	ASSERT_EQ(0, vq_add(&self->b.c.queue[0].vq, &seg, 1, 0, 0));
	ASSERT_EQ(0, blk_flush(&self->b));
	EXPECT_EQ(1, poll(&pfd, 1, PATIENCE));
	ASSERT_EQ(0, vv_get_status(fd, &status));
	EXPECT_EQ(VIRTIO_CONFIG_S_NEEDS_RESET, status & VIRTIO_CONFIG_S_NEEDS_RESET);

	close(call);
	blk_close(&self->b);
	ASSERT_EQ(0, blk_open(&self->b, self->path, variant->features, NUM, DEPTH, ROOM));
	EXPECT_EQ(VIRTIO_BLK_S_OK, blk_do_wait(&self->b, 0, VIRTIO_BLK_T_IN, 0, PAGE));
}

/* The same from the other side: the function is reset under its driver */
TEST_F(disk, function_reset_in_use)
{
	int call = eventfd(0, EFD_CLOEXEC), fd = self->b.c.fd;
	struct pollfd pfd = { .fd = call, .events = POLLIN };
	char path[128];
	uint8_t status;

	ASSERT_EQ(0, vv_set_config_call(fd, call));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", function("VPF_BLK"));
	ASSERT_EQ(0, write_file(path, "1"));
	EXPECT_EQ(1, poll(&pfd, 1, PATIENCE));
	ASSERT_EQ(0, vv_get_status(fd, &status));
	EXPECT_EQ(VIRTIO_CONFIG_S_NEEDS_RESET, status & VIRTIO_CONFIG_S_NEEDS_RESET);
	/* nothing but a reset helps, and that does */
	vv_set_status(fd, VV_S_RUNNING);
	EXPECT_EQ(-ETIMEDOUT, transfer(&self->b, VIRTIO_BLK_T_IN, CLIENT_IOVA));

	close(call);
	blk_close(&self->b);
	ASSERT_EQ(0, blk_open(&self->b, self->path, variant->features, NUM, DEPTH, ROOM));
	EXPECT_EQ(VIRTIO_BLK_S_OK, blk_do_wait(&self->b, 0, VIRTIO_BLK_T_IN, 0, PAGE));
}

/* --- a network ----------------------------------------------------------- */

struct arp {
	uint8_t destination[6], source[6];
	uint16_t type, hardware, protocol;
	uint8_t hardware_len, protocol_len;
	uint16_t operation;
	uint8_t sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
};

_Static_assert(sizeof(struct arp) == 42, "as on the wire");

static const struct arp arp_request = {
	.destination = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	.type = 0x0608, .hardware = 0x0100, .protocol = 0x0008,
	.hardware_len = 6, .protocol_len = 4, .operation = 0x0100,
	.sender_ip = { 10, 0, 2, 15 }, .target_ip = { 10, 0, 2, 2 },
};

/* Asks QEMU's user network for the gateway's address and gets it */
TEST(frames_both_ways)
{
	uint32_t token, used;
	char name[32], path[64];
	struct arp *reply;
	struct arp *frame;
	struct net n;
	unsigned int i;

	ASSERT_EQ(0, make_device("VPF_NET", name, path));
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED, NUM, 2048));
	for (i = 0; i < 20; i++) {
		frame = (struct arp *)net_tx_frame(&n, 0);
		*frame = arp_request;
		memcpy(frame->source, n.mac, 6);
		memcpy(frame->sender_mac, n.mac, 6);
		ASSERT_EQ(0, net_send(&n, 0, sizeof(*frame)));
		ASSERT_EQ(0, net_flush(&n, NET_TX));
		ASSERT_EQ(0, client_wait(&n.c, NET_TX, &token, &used, PATIENCE));
		do {
			ASSERT_EQ(0, client_wait(&n.c, NET_RX, &token, &used, PATIENCE));
			reply = (struct arp *)net_rx_frame(&n, token);
			ASSERT_EQ(0, net_post_rx(&n, token));
			net_flush(&n, NET_RX);
		} while (reply->type != 0x0608);
		EXPECT_EQ(0x0200, reply->operation);
		EXPECT_EQ(0, memcmp(reply->sender_ip, arp_request.target_ip, 4));
		EXPECT_EQ(0, memcmp(reply->target_mac, n.mac, 6));
	}
	net_close(&n);
	EXPECT_EQ(0, vdpa_del(name));
}

/* --- provisioning that iproute2 may be too old for ----------------------- */

static uint32_t count_queues(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint32_t n = 0;

	vv_get_u32(fd, VHOST_VDPA_GET_VQS_COUNT, &n);
	close(fd);
	return n;
}

TEST(features_chosen)
{
	uint64_t needed = VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
	uint64_t chosen = needed | VV_BIT(VIRTIO_NET_F_MAC), features;
	char mgmtdev[64], path[64];
	int fd;

	snprintf(mgmtdev, sizeof(mgmtdev), "pci/%s", function("VPF_NET"));
	EXPECT_EQ(-EINVAL, vdpa_add("few", mgmtdev, chosen & ~VV_BIT(VIRTIO_F_VERSION_1)));
	EXPECT_EQ(-EINVAL, vdpa_add("few", mgmtdev,
				    chosen & ~VV_BIT(VIRTIO_F_ACCESS_PLATFORM)));
	EXPECT_EQ(-EINVAL, vdpa_add("few", mgmtdev, chosen | VV_BIT(VIRTIO_F_SR_IOV)));
	EXPECT_EQ(-EINVAL, vdpa_add("few", mgmtdev, chosen | VV_BIT(VIRTIO_F_RING_RESET)));

	ASSERT_EQ(0, vdpa_add("few", mgmtdev, chosen));
	ASSERT_EQ(0, vdpa_bind("few", "vhost_vdpa"));
	ASSERT_EQ(0, vdpa_chardev("few", path, sizeof(path)));
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, vv_get_features(fd, &features));
	EXPECT_EQ(chosen, features);
	EXPECT_EQ(0, vv_set_owner(fd));
	EXPECT_EQ(0, vv_set_status(fd, VV_S_DRIVER));
	EXPECT_EQ(-EINVAL, vv_set_features(fd, VV_BIT(VIRTIO_NET_F_MAC)));
	EXPECT_EQ(-EINVAL, vv_set_features(fd, chosen | VV_BIT(VIRTIO_NET_F_STATUS)));
	EXPECT_EQ(0, vv_set_features(fd, needed));
	close(fd);
	/* neither multiqueue nor a control queue */
	EXPECT_EQ(2, count_queues(path));
	EXPECT_EQ(0, vdpa_del("few"));
}

/* --- last: a function that is taken away --------------------------------- */

static void unplug(const char *bdf)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf);
	write_file(path, "1");
}

FIXTURE(removed) {
	struct blk b;
};

FIXTURE_SETUP(removed)
{
	char name[32], path[64];

	ASSERT_EQ(0, make_device("VPF_BLK", name, path));
	ASSERT_EQ(0, blk_open(&self->b, path, BLK_WANTED, NUM, DEPTH, ROOM));
}

FIXTURE_TEARDOWN(removed)
{
	blk_close(&self->b);
}

TEST_F(removed, in_use)
{
	struct pollfd pfd = { .events = POLLIN };
	struct blk b = self->b;
	uint8_t status;

	ASSERT_EQ(VIRTIO_BLK_S_OK, blk_do(&b, 0, VIRTIO_BLK_T_IN, 0, ROOM));
	ASSERT_EQ(0, blk_add(&b, 0, VIRTIO_BLK_T_IN, 0, ROOM));
	ASSERT_EQ(0, blk_flush(&b));
	unplug(function("VPF_BLK"));

	EXPECT_EQ(-ENODEV, vv_get_status(b.c.fd, &status));
	EXPECT_EQ(-ENODEV, vv_map(b.c.fd, 0, NOWHERE, b.c.mem, PAGE, VHOST_ACCESS_RW));
	pfd.fd = b.c.fd;
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP, pfd.revents & POLLHUP);
	EXPECT_EQ(0, client_kick(&b.c, 0));
}

TEST_HARNESS_MAIN
