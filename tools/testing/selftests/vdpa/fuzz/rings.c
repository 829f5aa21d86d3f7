// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile driver in user space on simulated devices that run: writes anything
 * into rings, indirect tables and requests, from two threads, while the device
 * looks at them; stops, starts, suspends it, takes memory away meanwhile.
 *
 * The device works in threads of the kernel, which KCOV does not follow from
 * here. What tells inputs apart is what the device counts and answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vdpa.h>

#include "../../kselftest.h"
#include "../lib/client.h"
#include "../lib/device.h"
#include "../lib/netlink.h"
#include "core.h"

/* newer than the headers of some distributions */
#ifndef VIRTIO_BLK_F_LIFETIME
#define VIRTIO_BLK_F_LIFETIME		15
#define VIRTIO_BLK_F_SECURE_ERASE	16
#endif

#define PAGES		48u
#define MEMORY		(PAGES * 4096)
#define QUEUES		3u
#define TABLES		12u	/* page of indirect tables */
#define BUFFERS		16u	/* first page of buffers */
#define PATIENCE	5000	/* ms for what a device does at once */

#define F_AVAIL		VV_BIT(VRING_PACKED_DESC_F_AVAIL)
#define F_USED		VV_BIT(VRING_PACKED_DESC_F_USED)

enum {
	DESC,		/* a: queue, flags; b: entry, next; c: length; d: address */
	TABLE,		/* the same in an indirect table */
	CHAIN,		/* right, a: queue; b: descriptors; c: lengths; d: first bytes */
	AVAIL,		/* a: queue; b: entry; c: index */
	EVENT,		/* a: queue; c: what the driver wants to be told */
	POKE,		/* b: where; d: what */
	KICK,		/* a: queue */
	SCRIBBLE,	/* a: a thread does, in which page; d: seed */
	SETTLE,		/* gives the device time */
	QUEUE,		/* a: queue; b: on, off, base, call */
	DEVICE,		/* b: suspend, resume, reset */
	REMAP,		/* b: page; a: permission */
	NR_OPS
};

static const char *const parents[] = { "vdpasim_net", "vdpasim_blk" };

static struct {
	char name[16];
	char path[64];
} device[ARRAY_SIZE(parents)];

static const uint64_t numbers[] = {
	CLIENT_IOVA + BUFFERS * 4096, CLIENT_IOVA + TABLES * 4096,
	CLIENT_IOVA + (PAGES - 1) * 4096, CLIENT_IOVA + BUFFERS * 4096 + 4090, 1, 12, 16,
	64, 512, 513, 1514, 4096, 0x10001, 0x100000000, 0x200000000, 0x8000, -4096ULL, 0
};

/* Of one input */
static int fd, kick, call;
static unsigned int which;		/* device */
static unsigned int num;
static uint64_t features;
static bool packed;
static struct {
	uint16_t avail;
	bool wrap;
} queue[QUEUES];

static uint8_t *memory;

static uint64_t iova(unsigned int page)
{
	return CLIENT_IOVA + page * 4096ULL;
}

static void write_at(unsigned int at, uint64_t value, unsigned int size)
{
	if (at + size <= MEMORY)
		memcpy(memory + at, &value, size);
}

/* --- the thread beside --------------------------------------------------- */

static struct {
	uint64_t seed;		/* 0: rests */
	unsigned int page;
} scribbler;

static void *scribble(void *unused)
{
	uint64_t x = 1, seed;

	for (;;) {
		seed = __atomic_load_n(&scribbler.seed, __ATOMIC_ACQUIRE);
		if (!seed) {
			usleep(200);
			x = 1;
			continue;
		}
		x = x * 6364136223846793005ULL + seed;
		/* mostly near the beginning, where rings are in use */
		write_at(scribbler.page * 4096 + (x >> 40) % (x >> 63 ? 4094 : 256),
			 x >> 33, 2);
		if (!(x >> 56))
			sched_yield();
	}
	return NULL;
}

/* --- steps --------------------------------------------------------------- */

static void write_desc(unsigned int at, unsigned int flags, unsigned int next,
		       uint32_t len, uint64_t addr)
{
	uint64_t word = len;

	if (packed)
		word |= (uint64_t)next << 32 | (uint64_t)flags << 48;
	else
		word |= (uint64_t)flags << 32 | (uint64_t)next << 48;
	write_at(at, addr, 8);
	write_at(at + 8, word, 8);
}

static void desc(const struct fuzz_step *s, unsigned int base, unsigned int n)
{
	unsigned int flags = s->a >> 2 & 7;

	if (packed)
		flags |= (s->a & 0x20 ? F_AVAIL : 0) | (s->a & 0x40 ? F_USED : 0);
	write_desc(base + (s->b & 0xff) % n * 16, flags, s->b >> 8, s->c, s->d);
}

static void chain(const struct fuzz_step *s)
{
	unsigned int q = s->a % QUEUES, n = 1 + s->b % 4, nout = s->b >> 2 & 3, i;
	unsigned int base = q * 4 * 4096, head = queue[q].avail % num;
	unsigned int buffer = (BUFFERS + (s->b >> 8) % (PAGES - BUFFERS - 4)) * 4096;
	bool indirect = s->b & 0x80, wrap = queue[q].wrap;

	if (n > num)
		n = num;
	memcpy(memory + buffer, &s->d, sizeof(s->d));
	for (i = 0; i < n; i++) {
		unsigned int slot = (head + i) % num, flags = i + 1 < n ? VRING_DESC_F_NEXT : 0;
		/* a header, data, a status */
		uint32_t len = i + 1 < n || n == 1 ? s->c >> i * 8 & 0xfff : 1;

		flags |= i >= nout ? VRING_DESC_F_WRITE : 0;
		if (packed && !indirect)
			flags |= queue[q].wrap == !!i ? F_AVAIL : F_USED;
		write_desc(indirect ? TABLES * 4096 + (s->a >> 2) * 16 + i * 16 : base + slot * 16,
			   flags, indirect ? i + 1 : packed ? head : (slot + 1) % num,
			   i ? len : 16, iova(0) + buffer + i * 1024);
		if (!indirect && slot == num - 1)
			queue[q].wrap = !queue[q].wrap;
	}
	if (indirect) {
		write_desc(base + head * 16, VRING_DESC_F_INDIRECT, packed ? head : 0, n * 16,
			   iova(TABLES) + (s->a >> 2) * 16);
		n = 1;
		if (head == num - 1)
			queue[q].wrap = !queue[q].wrap;
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (packed) {
		unsigned int at = base + head * 16 + 14;
		uint16_t flags;

		memcpy(&flags, memory + at, 2);
		flags &= ~(F_AVAIL | F_USED);
		write_at(at, flags | (wrap ? F_AVAIL : F_USED), 2);
		queue[q].avail = (head + n) % num;
	} else {
		write_at(base + 4096 + 4 + queue[q].avail % num * 2, head, 2);
		write_at(base + 4096 + 2, ++queue[q].avail, 2);
	}
}

static void set_queue(unsigned int q)
{
	uint64_t at = iova(q * 4);

	vv_set_vring(fd, VHOST_SET_VRING_NUM, q, num);
	vv_set_vring_addr(fd, q, at, at + 4096, at + 2 * 4096);
	vv_set_vring(fd, VHOST_SET_VRING_BASE, q, packed ? 0x80008000 : 0);
	vv_set_vring_fd(fd, VHOST_SET_VRING_KICK, q, kick);
	vv_set_vring_fd(fd, VHOST_SET_VRING_CALL, q, call);
	vv_set_vring(fd, VHOST_VDPA_SET_VRING_ENABLE, q, 1);
	queue[q].avail = 0;
	queue[q].wrap = true;
}

static int bring_up(void)
{
	unsigned int q;
	int err = vv_set_status(fd, VV_S_DRIVER);

	if (!err)
		err = vv_set_features(fd, features);
	if (!err)
		err = vv_set_status(fd, VV_S_FEATURES);
	for (q = 0; q < QUEUES; q++)
		set_queue(q);
	if (!err)
		err = vv_set_status(fd, VV_S_RUNNING);
	return err;
}

static void change_queue(const struct fuzz_step *s)
{
	unsigned int q = s->a % QUEUES, base;

	switch (s->b % 5) {
	case 0:
		vv_set_vring(fd, VHOST_VDPA_SET_VRING_ENABLE, q, s->a & 0x80);
		break;
	case 1:
		if (!vv_get_vring(fd, VHOST_GET_VRING_BASE, q, &base))
			fuzz_feature(0x1000 + (base & 0x800f));
		break;
	case 2:
		vv_set_vring_fd(fd, VHOST_SET_VRING_CALL, q, s->a & 0x80 ? call : -1);
		break;
	case 3:
		vv_set_vring_fd(fd, VHOST_SET_VRING_KICK, q, s->a & 0x80 ? kick : -1);
		break;
	case 4:
		vv_set_vring(fd, VHOST_VDPA_SET_VRING_ENABLE, q, 0);
		vv_set_vring(fd, VHOST_SET_VRING_BASE, q, s->c);
		vv_set_vring(fd, VHOST_VDPA_SET_VRING_ENABLE, q, 1);
		break;
	}
}

static void change_device(const struct fuzz_step *s)
{
	switch (s->b % 3) {
	case 0:
		vv_suspend(fd);
		break;
	case 1:
		vv_resume(fd);
		break;
	case 2:
		vv_set_status(fd, 0);
		bring_up();
		break;
	}
}

static void remap(const struct fuzz_step *s)
{
	unsigned int page = s->b % PAGES;

	vv_unmap(fd, 0, iova(page), 4096);
	if (s->a % 4)
		vv_map(fd, 0, iova(page), memory + page * 4096, 4096, s->a % 4);
}

static void settle(const struct fuzz_step *s)
{
	if (s->a & 1)
		usleep(s->b % 1000);
	else
		sched_yield();
}

static void step(const struct fuzz_step *s)
{
	unsigned int base = (s->a & 3) % QUEUES * 4 * 4096;
	uint64_t one = 1;

	switch (s->op % NR_OPS) {
	case DESC:
		desc(s, base, num);
		break;
	case TABLE:
		desc(s, TABLES * 4096, 256);
		break;
	case CHAIN:
		chain(s);
		break;
	case AVAIL:
		write_at(base + 4096 + 4 + s->b % num * 2, s->d, 2);
		write_at(base + 4096 + 2, s->c, 2);
		break;
	case EVENT:
		write_at(base + 4096 + (packed || s->a & 4 ? 0 : 4 + num * 2), s->c,
			 packed ? 4 : 2);
		break;
	case POKE:
		write_at(s->b % PAGES * 4096 + s->c % 4096, s->d, 8);
		break;
	case KICK:
		if (write(kick, &one, sizeof(one)) < 0)
			fuzz_feature(0x2000);
		break;
	case SCRIBBLE:
		scribbler.page = s->b % PAGES;
		__atomic_store_n(&scribbler.seed, s->a & 1 ? s->d | 1 : 0, __ATOMIC_RELEASE);
		break;
	case SETTLE:
		settle(s);
		break;
	case QUEUE:
		change_queue(s);
		break;
	case DEVICE:
		change_device(s);
		break;
	case REMAP:
		remap(s);
		break;
	}
}

/* --- what came of it ----------------------------------------------------- */

struct counters {
	unsigned int n;
	uint64_t before[QUEUES][32];
	unsigned int q;
};

static void see_counter(void *arg, uint16_t type, const void *data, size_t len)
{
	struct counters *c = arg;
	uint64_t value, more;

	if (type != VDPA_ATTR_DEV_VENDOR_ATTR_VALUE || len != sizeof(value) ||
	    c->n == ARRAY_SIZE(c->before[0]))
		return;
	memcpy(&value, data, sizeof(value));
	more = value - c->before[c->q][c->n];
	c->before[c->q][c->n] = value;
	/* how many, roughly, of which, on what */
	fuzz_feature(0x100000 + (which << 14) + (packed << 13) + (c->q << 11) + (c->n << 6) +
		     (more ? 64 - __builtin_clzll(more) : 0));
	c->n++;
}

static void see_counters(void)
{
	static struct counters counters[ARRAY_SIZE(parents)];
	struct counters *c = &counters[which];
	struct nl_request req;
	uint32_t q;

	for (q = 0; q < QUEUES; q++) {
		if (nl_begin(&req, VDPA_CMD_DEV_VSTATS_GET, 0))
			return;
		nl_put_string(&req, VDPA_ATTR_DEV_NAME, device[which].name);
		nl_put(&req, VDPA_ATTR_DEV_QUEUE_INDEX, &q, sizeof(q));
		c->n = 0;
		c->q = q;
		nl_do(&req, see_counter, c);
	}
}

static void run(const struct fuzz_step *s, size_t n)
{
	static const uint16_t sizes[] = { 16, 4, 2, 1, 64, 256, 8, 128 };
	uint64_t offered;
	uint8_t status;
	size_t i;

	if (!n)
		return;
	/* the first step says what ring on which device, too */
	which = s->b >> 14 & 1;
	num = sizes[s->b >> 11 & 7];
	fd = open(device[which].path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || vv_set_owner(fd) || vv_get_features(fd, &offered)) {
		printf("# %s: %s\n", device[which].path, strerror(errno));
		exit(1);
	}
	features = offered;
	if (s->b & 1u << 10)
		features &= ~VV_BIT(VIRTIO_F_RING_PACKED);
	if (s->b & 1u << 9)
		features &= ~VV_BIT(VIRTIO_RING_F_EVENT_IDX);
	packed = features & VV_BIT(VIRTIO_F_RING_PACKED);
	kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vv_set_backend_features(fd, VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2));
	vv_map(fd, 0, CLIENT_IOVA, memory, MEMORY, VHOST_ACCESS_RW);
	bring_up();

	for (i = 0; i < n; i++)
		step(&s[i]);

	/* a reset waits for what the device is in the middle of */
	see_counters();
	if (!vv_get_status(fd, &status))
		fuzz_feature(0x3000 + status);
	vv_set_status(fd, 0);
	__atomic_store_n(&scribbler.seed, 0, __ATOMIC_RELEASE);
	close(fd);
	close(kick);
	close(call);
	memset(memory, 0, MEMORY);
}

/* A frame is sent; a block is read: both come back */
static int round_trip(unsigned int which, uint64_t wanted)
{
	unsigned int queues = which ? 1 : 2, i;
	struct client c;
	struct vq_seg seg[3];
	uint32_t token, len;
	char *buf;
	int err;

	err = client_open(&c, device[which].path, 1 << 20);
	if (err)
		return err;
	err = client_negotiate(&c, wanted);
	for (i = 0; !err && i < queues; i++)
		err = client_add_queue(&c, 16);
	buf = client_alloc(&c, 4096, 4096);
	if (!err)
		err = client_start(&c);
	if (!err) {
		seg[0] = (struct vq_seg) { client_iova(&c, buf), which ? 16 : 100 };
		seg[1] = (struct vq_seg) { client_iova(&c, buf) + 512, 512 };
		seg[2] = (struct vq_seg) { client_iova(&c, buf) + 2048, 1 };
		err = vq_add(&c.queue[queues - 1].vq, seg, 1, which ? 2 : 0, 77);
	}
	if (!err) {
		vq_publish(&c.queue[queues - 1].vq);
		client_kick(&c, queues - 1);
		err = client_poll(&c, queues - 1, &token, &len, PATIENCE);
	}
	if (!err && (token != 77 || (which && buf[2048])))
		err = -EPROTO;
	client_close(&c);
	return err;
}

static int check(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(parents); i++) {
		err = round_trip(i, 0);
		if (!err)
			err = round_trip(i, VV_BIT(VIRTIO_F_RING_PACKED));
	}
	return err;
}

static int setup(void)
{
	static const uint64_t extra = VV_BIT(VIRTIO_F_RING_PACKED) |
		VV_BIT(VIRTIO_F_IN_ORDER) | VV_BIT(VIRTIO_RING_F_INDIRECT_DESC) |
		VV_BIT(VIRTIO_RING_F_EVENT_IDX) | VV_BIT(VIRTIO_F_VERSION_1) |
		VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
	static const uint64_t class[] = {
		VV_BIT(VIRTIO_NET_F_MAC) | VV_BIT(VIRTIO_NET_F_STATUS) |
		VV_BIT(VIRTIO_NET_F_CTRL_VQ) | VV_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) |
		VV_BIT(VIRTIO_NET_F_CTRL_RX) | VV_BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) |
		VV_BIT(VIRTIO_NET_F_CTRL_VLAN),
		VV_BIT(VIRTIO_BLK_F_SEG_MAX) | VV_BIT(VIRTIO_BLK_F_BLK_SIZE) |
		VV_BIT(VIRTIO_BLK_F_FLUSH) | VV_BIT(VIRTIO_BLK_F_DISCARD) |
		VV_BIT(VIRTIO_BLK_F_WRITE_ZEROES) | VV_BIT(VIRTIO_BLK_F_LIFETIME) |
		VV_BIT(VIRTIO_BLK_F_CONFIG_WCE) | VV_BIT(VIRTIO_BLK_F_SECURE_ERASE),
	};
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(parents); i++) {
		snprintf(device[i].name, sizeof(device[i].name), "fuzz%u", i);
		vdpa_del(device[i].name);
		err = vdpa_add(device[i].name, parents[i], extra | class[i]);
		if (!err)
			err = vdpa_bind(device[i].name, "vhost_vdpa");
		if (!err)
			err = vdpa_chardev(device[i].name, device[i].path, sizeof(device[i].path));
		if (err)
			return err;
	}
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? -errno : 0;
}

static void fuzz_rings(const struct fuzz_step *s, size_t n)
{
	static bool started;
	pthread_t thread;

	/* in the process that runs inputs, of which this is not the parent */
	if (!started)
		pthread_create(&thread, NULL, scribble, NULL);
	started = true;
	run(s, n);
}

static const struct fuzz_surface rings_surface = {
	.name = "rings",
	.nops = NR_OPS,
	.numbers = numbers,
	.setup = setup,
	.run = fuzz_rings,
	.check = check,
};

int main(int argc, char *argv[])
{
	return fuzz_main(&rings_surface, argc, argv);
}
