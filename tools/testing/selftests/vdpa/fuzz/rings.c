// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile driver in user space on simulated devices that run: writes anything
 * into rings, indirect tables and requests, from two threads, while the device
 * looks at them; stops, starts, suspends it, takes memory away meanwhile.
 *
 * The device works in threads of the kernel, which KCOV follows as they work for
 * this process. What the device counts and answers tells inputs apart as well,
 * also where there is no KCOV.
 */
#include <arpa/inet.h>
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
#ifndef VIRTIO_NET_F_NOTF_COAL
#define VIRTIO_NET_F_NOTF_COAL		53
#endif
#ifndef VIRTIO_NET_F_VQ_NOTF_COAL
#define VIRTIO_NET_F_VQ_NOTF_COAL	52
#endif
#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_GUEST_USO4		54
#define VIRTIO_NET_F_GUEST_USO6		55
#define VIRTIO_NET_F_HOST_USO		56
#endif

#define PAGES		48u
#define FEW_QUEUES	3u	/* whose rings lie before all else */
#define MANY_QUEUES	5u	/* and those of more queues behind it */
#define RING_PAGES	4u
#define ALL_PAGES	(PAGES + (MANY_QUEUES - FEW_QUEUES) * RING_PAGES)
#define MEMORY		(ALL_PAGES * 4096)
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
	REQUEST,	/* as CHAIN; what is in it makes sense to the device, d */
	NR_OPS
};

#define BOTH	(VV_BIT(VIRTIO_F_RING_PACKED) | VV_BIT(VIRTIO_F_IN_ORDER) | \
		 VV_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VV_BIT(VIRTIO_RING_F_EVENT_IDX) | \
		 VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM))
#define NET	(BOTH | VV_BIT(VIRTIO_NET_F_MAC) | VV_BIT(VIRTIO_NET_F_STATUS) | \
		 VV_BIT(VIRTIO_NET_F_CTRL_VQ) | VV_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) | \
		 VV_BIT(VIRTIO_NET_F_CTRL_RX) | VV_BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | \
		 VV_BIT(VIRTIO_NET_F_CTRL_VLAN) | VV_BIT(VIRTIO_NET_F_MTU) | \
		 VV_BIT(VIRTIO_NET_F_CSUM) | VV_BIT(VIRTIO_NET_F_HOST_TSO4) | \
		 VV_BIT(VIRTIO_NET_F_HOST_TSO6) | VV_BIT(VIRTIO_NET_F_HOST_ECN) | \
		 VV_BIT(VIRTIO_NET_F_HOST_UFO) | VV_BIT(VIRTIO_NET_F_HOST_USO) | \
		 VV_BIT(VIRTIO_NET_F_GUEST_CSUM) | VV_BIT(VIRTIO_NET_F_GUEST_TSO4) | \
		 VV_BIT(VIRTIO_NET_F_GUEST_TSO6) | VV_BIT(VIRTIO_NET_F_GUEST_ECN) | \
		 VV_BIT(VIRTIO_NET_F_GUEST_UFO) | VV_BIT(VIRTIO_NET_F_GUEST_USO4) | \
		 VV_BIT(VIRTIO_NET_F_GUEST_USO6) | VV_BIT(VIRTIO_NET_F_MRG_RXBUF) | \
		 VV_BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | \
		 VV_BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | VV_BIT(VIRTIO_NET_F_NOTF_COAL) | \
		 VV_BIT(VIRTIO_NET_F_VQ_NOTF_COAL))
#define BLK	(BOTH | VV_BIT(VIRTIO_BLK_F_SEG_MAX) | VV_BIT(VIRTIO_BLK_F_BLK_SIZE) | \
		 VV_BIT(VIRTIO_BLK_F_FLUSH) | VV_BIT(VIRTIO_BLK_F_DISCARD) | \
		 VV_BIT(VIRTIO_BLK_F_WRITE_ZEROES) | VV_BIT(VIRTIO_BLK_F_LIFETIME) | \
		 VV_BIT(VIRTIO_BLK_F_CONFIG_WCE) | VV_BIT(VIRTIO_BLK_F_SECURE_ERASE))

/* Of each class one as most drivers want it, and one that is for many CPUs */
static struct {
	bool disk;
	bool many;
	uint64_t features;
	char name[16];
	char path[64];
} device[] = {
	{ false, false, NET },
	{ true, false, BLK },
	{ false, true, NET | VV_BIT(VIRTIO_NET_F_MQ) |
		VV_BIT(VIRTIO_NET_F_RSS) | VV_BIT(VIRTIO_NET_F_HASH_REPORT) },
	{ true, true, BLK | VV_BIT(VIRTIO_BLK_F_MQ) |
		VV_BIT(VIRTIO_BLK_F_TOPOLOGY) | VV_BIT(VIRTIO_BLK_F_RO) },
};

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
} queue[MANY_QUEUES];

static uint8_t *memory;

static uint64_t iova(unsigned int page)
{
	return CLIENT_IOVA + page * 4096ULL;
}

static unsigned int queues(void)
{
	return device[which].many ? MANY_QUEUES : FEW_QUEUES;
}

static unsigned int pages(void)
{
	return device[which].many ? ALL_PAGES : PAGES;
}

static unsigned int ring_page(unsigned int q)
{
	return q < FEW_QUEUES ? q * RING_PAGES : PAGES + (q - FEW_QUEUES) * RING_PAGES;
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

/* A part of memory in a chain */
struct segment {
	uint32_t at;
	uint32_t len;
};

/* Makes buffers available as the format wants, in the next free entries */
static void submit(unsigned int q, const struct segment *seg, unsigned int n,
		   unsigned int nout, unsigned int table)
{
	unsigned int base = ring_page(q) * 4096, head = queue[q].avail % num, i;
	bool wrap = queue[q].wrap;

	if (n > num)
		n = num;
	for (i = 0; i < n; i++) {
		unsigned int slot = (head + i) % num, flags = i + 1 < n ? VRING_DESC_F_NEXT : 0;

		flags |= i >= nout ? VRING_DESC_F_WRITE : 0;
		if (packed && !table)
			flags |= queue[q].wrap == !!i ? F_AVAIL : F_USED;
		write_desc(table ? table + i * 16 : base + slot * 16, flags,
			   table ? i + 1 : packed ? head : (slot + 1) % num,
			   seg[i].len, iova(0) + seg[i].at);
		if (!table && slot == num - 1)
			queue[q].wrap = !queue[q].wrap;
	}
	if (table) {
		write_desc(base + head * 16, VRING_DESC_F_INDIRECT, packed ? head : 0, n * 16,
			   iova(0) + table);
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

static unsigned int buffer_of(const struct fuzz_step *s, unsigned int pages)
{
	return (BUFFERS + (s->b >> 8) % (PAGES - BUFFERS - pages)) * 4096;
}

static unsigned int table_of(const struct fuzz_step *s)
{
	return s->b & 0x80 ? TABLES * 4096 + (s->a >> 2) * 16 : 0;
}

static void chain(const struct fuzz_step *s)
{
	unsigned int n = 1 + s->b % 4, buffer = buffer_of(s, 4), i;
	struct segment seg[4];

	memcpy(memory + buffer, &s->d, sizeof(s->d));
	/* a header, data, a status */
	for (i = 0; i < n; i++)
		seg[i] = (struct segment) {
			buffer + i * 1024,
			i + 1 == n && i ? 1 : i ? s->c >> i * 8 & 0xfff : 16,
		};
	submit(s->a % queues(), seg, n, s->b >> 2 & 3, table_of(s));
}

/* What ends a command about hashes; returns where it ends */
static unsigned int hash_key(const struct fuzz_step *s, unsigned int at)
{
	unsigned int len = s->d >> 24 & 1 ? 40 : s->d >> 25 & 63;

	write_at(at, len, 1);
	memset(memory + at + 1, s->d >> 32, len);
	return at + 1 + len;
}

/* Where frames of which kinds go by their hash */
static unsigned int hash_table(const struct fuzz_step *s, unsigned int at)
{
	unsigned int n = 1 << (s->d >> 17 & 7), i;

	write_at(at, s->d >> 8 & 0x1ff, 4);
	write_at(at + 4, n - 1, 2);
	write_at(at + 6, s->d >> 20 & 3, 2);
	for (i = 0; i < n; i++)
		write_at(at + 8 + 2 * i, (i + (s->d >> 40)) & s->d >> 48 & 3, 2);
	at += 8 + 2 * n;
	write_at(at, s->d >> 22 & 3, 2);
	return hash_key(s, at + 2);
}

/* A command of the network device's control queue; longer ones are tables */
static void command(const struct fuzz_step *s, unsigned int q, unsigned int at)
{
	unsigned int class = s->d & 7, cmd = s->d >> 3 & 7, len = s->c % 600;
	struct segment seg[3] = { { at, 2 }, { at + 2, len }, { at + 4096, 1 } };

	write_at(at, class | cmd << 8, 2);
	if (class != VIRTIO_NET_CTRL_MQ || cmd == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET) {
		write_at(at + 2, s->d >> 8, 7);
	} else {
		if (cmd == VIRTIO_NET_CTRL_MQ_RSS_CONFIG) {
			len = hash_table(s, at + 2);
		} else {
			write_at(at + 2, s->d >> 8 & 0x1ff, 4);
			len = hash_key(s, at + 2 + 12);
		}
		if (s->c & 1)
			seg[1].len = len - at - 2;
	}
	submit(q, seg, 3, 2, table_of(s));
}

/* A frame to whoever has the device's address, or all, with a header as for offloads */
static void frame(const struct fuzz_step *s, unsigned int q, unsigned int at)
{
	/* room for a hash comes behind, if it was negotiated */
	unsigned int head = features & VV_BIT(VIRTIO_NET_F_HASH_REPORT) ?
			    sizeof(struct virtio_net_hdr_v1_hash) :
			    sizeof(struct virtio_net_hdr_v1);
	struct virtio_net_hdr_v1 hdr = {
		.flags = s->d & 7,
		.gso_type = (s->d >> 3 & 7) | (s->d >> 6 & 1) << 7,
		.hdr_len = s->d >> 8 & 0xff,
		.gso_size = s->d >> 16 & 0xfff,
		.csum_start = s->d >> 32 & 0xff,
		.csum_offset = s->d >> 40 & 0x3f,
	};
	bool six = s->d >> 48 & 1, vlan = s->d >> 49 & 1;
	unsigned int len = s->c % (3 * 4096), ip = at + head + 14 + (vlan ? 4 : 0);
	unsigned int l4 = ip + (six ? 40 : 20);
	uint16_t total = htons(len > l4 - at ? len - (l4 - at) + (six ? 0 : 20) : 0);
	struct segment seg[2] = { { at, head }, { at + head, len } };

	if (!(s->d >> 50 & 3)) {
		/* the right places, seldom met */
		hdr.csum_start = l4 - at - head;
		hdr.csum_offset = s->d >> 52 & 1 ? 6 : 16;
	}
	memcpy(memory + at, &hdr, sizeof(hdr));
	memset(memory + at + head, s->d >> 53 & 1 ? 0x02 : 0xff, 6);
	if (vlan)
		write_at(ip - 6, htons(0x8100) | (uint32_t)htons(s->d >> 54) << 16, 4);
	write_at(ip - 2, htons(six ? 0x86dd : 0x0800), 2);
	write_at(ip, six ? 0x60 : 0x45, 1);
	write_at(ip + (six ? 4 : 2), total, 2);
	write_at(ip + (six ? 6 : 9), s->d >> 52 & 1 ? 17 : 6, 1);
	write_at(l4 + 12, 0x50, 1);
	if (s->a & 0x40) {
		seg[0].len += len;
		submit(q, seg, 1, 1, table_of(s));
	} else {
		submit(q, seg, 2, 2, table_of(s));
	}
}

static void disk_request(const struct fuzz_step *s, unsigned int q, unsigned int at)
{
	static const uint8_t types[] = { 0, 1, 4, 8, 10, 11, 13, 14 };
	struct segment seg[3] = { { at, 16 }, { at + 16, s->c & 0xffff }, { at + 8, 1 } };
	unsigned int nout = s->d & 0x10 ? 2 : 1;

	if (seg[1].len > 3 * 4096)
		seg[1].len %= 3 * 4096;
	if (s->d & 0x20)
		seg[1].len &= ~511u;
	write_at(at, s->d & 8 ? s->d >> 32 : types[s->d & 7], 4);
	write_at(at + 8, s->d >> 8 & 0x3ffff, 8);
	/* ranges to discard or to zero */
	write_at(at + 16, s->d >> 12 & 0x3ffff, 8);
	write_at(at + 24, s->d >> 30 & 0xff, 4);
	write_at(at + 28, s->d >> 38 & 3, 4);
	if (s->d & 0x40) {
		/* with no data between */
		seg[1] = seg[2];
		submit(q, seg, 2, 1, table_of(s));
	} else {
		submit(q, seg, 3, nout, table_of(s));
	}
}

/* The one for commands is the last one of those that the driver knows */
static unsigned int control_queue(void)
{
	bool all = features & (VV_BIT(VIRTIO_NET_F_MQ) | VV_BIT(VIRTIO_NET_F_RSS));

	return all ? queues() - 1 : FEW_QUEUES - 1;
}

static void request(const struct fuzz_step *s)
{
	const struct segment room = { buffer_of(s, 17), s->c & 0x1ffff };
	unsigned int at = buffer_of(s, 4), q = s->a % queues();

	if (device[which].disk)
		disk_request(s, device[which].many ? q : 0, at);
	else if (q == control_queue())
		command(s, q, at);
	else if (q & 1)
		frame(s, q, at);
	else
		submit(q, &room, 1, 0, table_of(s));
}

static void set_queue(unsigned int q)
{
	uint64_t at = iova(ring_page(q));

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
	for (q = 0; q < queues(); q++)
		set_queue(q);
	if (!err)
		err = vv_set_status(fd, VV_S_RUNNING);
	return err;
}

static void change_queue(const struct fuzz_step *s)
{
	unsigned int q = s->a % queues(), base;

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
	unsigned int page = s->b % pages();

	vv_unmap(fd, 0, iova(page), 4096);
	if (s->a % 4)
		vv_map(fd, 0, iova(page), memory + page * 4096, 4096, s->a % 4);
}

static void settle(const struct fuzz_step *s)
{
	if (s->a & 1)
		usleep(s->b % 4096);
	else
		sched_yield();
}

static void step(const struct fuzz_step *s)
{
	unsigned int q = device[which].many ? (s->a & 3) + (s->a >> 7) : s->a & 3;
	unsigned int base = ring_page(q % queues()) * 4096;
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
		write_at(s->b % pages() * 4096 + s->c % 4096, s->d, 8);
		break;
	case KICK:
		if (write(kick, &one, sizeof(one)) < 0)
			fuzz_feature(0x2000);
		break;
	case SCRIBBLE:
		scribbler.page = s->b % pages();
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
	case REQUEST:
		request(s);
		break;
	}
}

/* --- what came of it ----------------------------------------------------- */

struct counters {
	unsigned int n;
	uint64_t before[MANY_QUEUES][32];
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
	fuzz_feature(0x100000 + (which << 15) + (packed << 14) + (c->q << 11) + (c->n << 6) +
		     (more ? 64 - __builtin_clzll(more) : 0));
	c->n++;
}

static void see_counters(void)
{
	static struct counters counters[ARRAY_SIZE(device)];
	struct counters *c = &counters[which];
	struct nl_request req;
	uint32_t q;

	for (q = 0; q < queues(); q++) {
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
	which = s->b >> 14 & 3;
	num = sizes[s->b >> 11 & 7];
	fd = open(device[which].path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || vv_set_owner(fd) || vv_get_features(fd, &offered)) {
		printf("# %s: %s\n", device[which].path, strerror(errno));
		exit(1);
	}
	features = offered;
	/* and with fewer */
	if (s->b & 1u << 8)
		features &= s->d | VV_BIT(VIRTIO_F_VERSION_1) |
			    VV_BIT(VIRTIO_F_ACCESS_PLATFORM) | VV_BIT(VIRTIO_F_RING_PACKED);
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
	bool disk = device[which].disk;
	unsigned int n = disk ? 1 : 2, i;
	struct client c;
	struct vq_seg seg[3];
	uint32_t token, len;
	char *buf;
	int err;

	err = client_open(&c, device[which].path, 1 << 20);
	if (err)
		return err;
	err = client_negotiate(&c, wanted);
	for (i = 0; !err && i < n; i++)
		err = client_add_queue(&c, 16);
	buf = client_alloc(&c, 4096, 4096);
	if (!err)
		err = client_start(&c);
	if (!err) {
		seg[0] = (struct vq_seg) { client_iova(&c, buf), disk ? 16 : 100 };
		seg[1] = (struct vq_seg) { client_iova(&c, buf) + 512, 512 };
		seg[2] = (struct vq_seg) { client_iova(&c, buf) + 2048, 1 };
		err = vq_add(&c.queue[n - 1].vq, seg, 1, disk ? 2 : 0, 77);
	}
	if (!err) {
		vq_publish(&c.queue[n - 1].vq);
		client_kick(&c, n - 1);
		err = client_poll(&c, n - 1, &token, &len, PATIENCE);
	}
	if (!err && (token != 77 || (disk && buf[2048])))
		err = -EPROTO;
	client_close(&c);
	return err;
}

static int check(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(device); i++) {
		err = round_trip(i, 0);
		if (!err)
			err = round_trip(i, VV_BIT(VIRTIO_F_RING_PACKED));
	}
	return err;
}

static int add_net(const char *name, uint16_t pairs, uint64_t features)
{
	struct nl_request req;
	int err = nl_begin(&req, VDPA_CMD_DEV_NEW, 0);

	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, name);
	nl_put_string(&req, VDPA_ATTR_MGMTDEV_DEV_NAME, "vdpasim_net");
	nl_put(&req, VDPA_ATTR_DEV_FEATURES, &features, sizeof(features));
	if (pairs > 1)
		nl_put(&req, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, &pairs, sizeof(pairs));
	return nl_do(&req, NULL, NULL);
}

static int add_disk(const char *name, unsigned int queues, uint64_t features)
{
	static const char path[] = "/sys/module/vdpa_sim_blk/parameters/num_queues";
	char number[8];
	int err;

	snprintf(number, sizeof(number), "%u", queues);
	err = write_file(path, number);
	if (!err)
		err = vdpa_add(name, "vdpasim_blk", features);
	write_file(path, "1");
	return err;
}

static int make(unsigned int i)
{
	char *name = device[i].name;
	int err;

	snprintf(name, sizeof(device[i].name), "fuzz%u", i);
	vdpa_del(name);
	if (device[i].disk)
		err = add_disk(name, device[i].many ? MANY_QUEUES : 1, device[i].features);
	else
		err = add_net(name, device[i].many ? MANY_QUEUES / 2 : 1, device[i].features);
	if (!err)
		err = vdpa_bind(name, "vhost_vdpa");
	if (!err)
		err = vdpa_chardev(name, device[i].path, sizeof(device[i].path));
	return err;
}

static int setup(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(device); i++) {
		err = make(i);
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

static const char *const modules[] = {
	"vdpa_sim_net", "vdpa_sim_blk", "vhost_vdpa", NULL
};

static const struct fuzz_surface rings_surface = {
	.name = "rings",
	.nops = NR_OPS,
	.numbers = numbers,
	.modules = modules,
	.setup = setup,
	.run = fuzz_rings,
	.check = check,
};

int main(int argc, char *argv[])
{
	return fuzz_main(&rings_surface, argc, argv);
}
