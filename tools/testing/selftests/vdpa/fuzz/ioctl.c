// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile client of /dev/vhost-vdpa-N: ioctls in any order with any argument,
 * IOTLB messages of any kind, doorbells, kicks, memory that goes away, and parents
 * that fail meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "../lib/client.h"
#include "../lib/device.h"
#include "core.h"

#define MEMORY		(64 * 4096)	/* of the client, for the device */
#define NUM		16

enum {
	CALL,		/* a: which, b: how the argument is made, c, d: of it */
	RAW_CALL,	/* c: number; argument as above */
	MESSAGE,	/* a: type; b: version, length, where; c: size; d: I/O address */
	MMAP,		/* b: page of the file; a: pages, protection */
	BRING_UP,	/* as a good client, a: queues; b: size; d: features */
	KICK,		/* a: queue */
	LOOK,		/* read, poll, writev */
	REOPEN,
	MEMORY_CHANGES,	/* a: how; b: page */
	CONFIG,		/* a: get or set, b: offset, c: length */
	MESSAGES,	/* a: how many, of which kinds; b, c, d: of the first one */
	PARENT_FAILS,	/* a: operation; b: error; c: calls before */
	INTERRUPT,	/* a: queue or configuration */
	NR_OPS
};

/* newer than the headers of some distributions */
#ifndef VIRTIO_F_NOTIFICATION_DATA
#define VIRTIO_F_NOTIFICATION_DATA	38
#endif

#define EXTRA	(VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM) | \
		 VV_BIT(VIRTIO_F_RING_PACKED) | VV_BIT(VIRTIO_F_IN_ORDER) | \
		 VV_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VV_BIT(VIRTIO_RING_F_EVENT_IDX) | \
		 VV_BIT(VIRTIO_F_NOTIFICATION_DATA))

/*
 * Two address spaces, a configuration to write to, and of the mock parent the ways
 * to be told of memory: all of it, what changes, and by addresses of the process
 */
static struct {
	const char *parent;
	uint64_t features;
	const char *off;	/* operations that the mock parent lacks */
	const char *use_va;
	char name[16];
	char path[64];
} device[] = {
	{ "vdpasim_net", EXTRA | VV_BIT(VIRTIO_NET_F_MAC) | VV_BIT(VIRTIO_NET_F_CTRL_VQ) |
		VV_BIT(VIRTIO_NET_F_MQ) | VV_BIT(VIRTIO_NET_F_STATUS) },
	{ "vdpasim_blk", EXTRA | VV_BIT(VIRTIO_BLK_F_CONFIG_WCE) |
		VV_BIT(VIRTIO_BLK_F_FLUSH) | VV_BIT(VIRTIO_BLK_F_MQ) },
	{ VDPA_MOCK, 0, "compat_reset,dma_map,dma_unmap,dma_unmap_range", "N" },
	{ VDPA_MOCK, 0, "compat_reset,set_map", "N" },
	{ VDPA_MOCK, 0, "reset_map,set_map,dma_unmap_range,get_vq_size", "Y" },
};

/* Not those that take memory away: what they leave would be in the next one's way */
static const char *const failing[] = {
	"set_map", "dma_map", "set_group_asid", "suspend", "resume", "set_vq_state",
	"get_vq_state", "set_vq_address", "set_driver_features", "reset", "compat_reset",
	"bind_mm", "get_vq_desc_group",
};

static const uint64_t numbers[] = {
	CLIENT_IOVA, CLIENT_IOVA + 0x1000, CLIENT_IOVA + 0x4000, 4096, MEMORY, 1, 2, 3, 7, 15,
	128, VV_BIT(VIRTIO_F_VERSION_1), 0x300000000ULL, 0x720000000ULL, 0xf20010028ULL,
	VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) | VV_BIT(VHOST_BACKEND_F_IOTLB_BATCH) |
	VV_BIT(VHOST_BACKEND_F_IOTLB_ASID), 0xff, 0xffffffff, 0x8000, 0x80008000, 0
};

static const unsigned long calls[] = {
	VHOST_GET_FEATURES, VHOST_SET_FEATURES, VHOST_SET_OWNER, VHOST_SET_MEM_TABLE,
	VHOST_GET_BACKEND_FEATURES, VHOST_SET_BACKEND_FEATURES, VHOST_SET_VRING_NUM,
	VHOST_SET_VRING_ADDR, VHOST_SET_VRING_BASE, VHOST_GET_VRING_BASE,
	VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,
	VHOST_SET_VRING_BUSYLOOP_TIMEOUT, VHOST_GET_VRING_BUSYLOOP_TIMEOUT,
	VHOST_VDPA_GET_DEVICE_ID, VHOST_VDPA_GET_STATUS, VHOST_VDPA_SET_STATUS,
	VHOST_VDPA_GET_CONFIG, VHOST_VDPA_SET_CONFIG, VHOST_VDPA_SET_VRING_ENABLE,
	VHOST_VDPA_GET_VRING_NUM, VHOST_VDPA_SET_CONFIG_CALL, VHOST_VDPA_GET_IOVA_RANGE,
	VHOST_VDPA_GET_CONFIG_SIZE, VHOST_VDPA_GET_AS_NUM, VHOST_VDPA_GET_VRING_GROUP,
	VHOST_VDPA_SET_GROUP_ASID, VHOST_VDPA_SUSPEND, VHOST_VDPA_RESUME,
	VHOST_VDPA_GET_VRING_DESC_GROUP, VHOST_VDPA_GET_VQS_COUNT,
	VHOST_VDPA_GET_GROUP_NUM, VHOST_VDPA_GET_VRING_SIZE, VHOST_RESET_OWNER,
	VHOST_SET_LOG_BASE, VHOST_SET_LOG_FD,
};

/* Of one input */
static int fd;
static const char *path;
static int events[2];
static int other_fds[3];	/* that are no eventfds */
static int sink;		/* what is written to it is read from memory */
static char *memory, *readonly;
static unsigned int which;	/* device */
static unsigned int failed;	/* bits of the operations that do */
static long long violations;	/* that the mock parent has seen */

static int some_fd(unsigned int which)
{
	switch (which % 8) {
	case 0:
		return -1;
	case 1:
		return fd;
	case 2:
		return 12345;
	case 3:
		return other_fds[which / 8 % ARRAY_SIZE(other_fds)];
	default:
		return events[which & 1];
	}
}

/* Addresses of the process that the device may as well write to, and bad ones */
static uint64_t some_address(unsigned int which)
{
	switch (which % 16) {
	case 0:
		return 0;
	case 1:
		return -4096ULL;
	case 2:
		return (uintptr_t)readonly;
	case 3:
		return (uintptr_t)memory + MEMORY - 4096;
	case 4:
		return (uintptr_t)memory + 1 + which / 16 % 4096;
	default:
		return (uintptr_t)memory + which / 16 % (MEMORY / 4096) * 4096;
	}
}

static void call(unsigned long request, const struct fuzz_step *s)
{
	unsigned int how = s->b >> 3 & 15;
	uint32_t index = how == 1 ? s->d : s->b & 7;
	uint64_t offered;
	union {
		struct vhost_vring_state state;
		struct vhost_vring_file file;
		struct vhost_vring_addr addr;
		int fd;
		uint64_t number;
		char room[512];	/* for a configuration */
	} arg = {};

	switch (request) {
	case VHOST_SET_VRING_ADDR:
		arg.addr = (struct vhost_vring_addr) {
			.index = index, .flags = s->b >> 8, .desc_user_addr = s->d,
			.avail_user_addr = s->d + (s->c & 0xffff),
			.used_user_addr = s->d + (s->c >> 16 << 2), .log_guest_addr = s->d,
		};
		break;
	case VHOST_SET_VRING_KICK:
	case VHOST_SET_VRING_CALL:
	case VHOST_SET_VRING_ERR:
		arg.file = (struct vhost_vring_file) { index, some_fd(s->c) };
		break;
	case VHOST_VDPA_SET_CONFIG_CALL:
		arg.fd = some_fd(s->c);
		break;
	case VHOST_SET_FEATURES:
		/* parents refuse others; this one would call it a broken rule */
		arg.number = s->d;
		if (device[which].off && !vv_get_features(fd, &offered))
			arg.number &= offered;
		break;
	case VHOST_SET_BACKEND_FEATURES:
		arg.number = s->d;
		break;
	default:
		if (_IOC_SIZE(request) == sizeof(arg.state))
			arg.state = (struct vhost_vring_state) { index, s->c };
		else
			arg.number = s->d;
		break;
	}
	if (how == 2 && request != VHOST_SET_FEATURES)
		vv_ioctl(fd, request, (void *)(uintptr_t)some_address(s->c));
	else
		fuzz_feature(request ^ (uint32_t)vv_ioctl(fd, request, &arg) << 16);
}

static void message(const struct fuzz_step *s)
{
	struct vhost_msg_v2 msg = {
		.type = s->b & 1 ? VHOST_IOTLB_MSG : s->b & 2 ? s->b : VHOST_IOTLB_MSG_V2,
		.asid = s->b >> 2 & 3,
		.iotlb = {
			.iova = s->d, .size = s->c, .uaddr = some_address(s->b >> 4),
			.perm = s->a >> 3 & 7, .type = s->a & 7,
		},
	};
	static const uint8_t types[] = {
		VHOST_IOTLB_UPDATE, VHOST_IOTLB_UPDATE, VHOST_IOTLB_UPDATE,
		VHOST_IOTLB_INVALIDATE, VHOST_IOTLB_BATCH_BEGIN, VHOST_IOTLB_BATCH_END,
	};
	size_t len = sizeof(msg);

	if ((s->a & 7) < ARRAY_SIZE(types))
		msg.iotlb.type = types[s->a & 7];
	if (s->a & 0x40)
		msg.iotlb.size = s->c % MEMORY;
	if (s->a & 0x80)
		len = s->c % (2 * sizeof(msg));
	fuzz_feature(0x10000 + write(fd, &msg, len > sizeof(msg) ? sizeof(msg) : len));
}

/* Up to 16 at once, one behind the other, or pages that lie apart; parts of batches */
static void messages(const struct fuzz_step *s)
{
	static const uint8_t types[] = {
		VHOST_IOTLB_UPDATE, VHOST_IOTLB_INVALIDATE, VHOST_IOTLB_BATCH_BEGIN,
		VHOST_IOTLB_BATCH_END,
	};
	unsigned int n = 1 + s->a % 16, i;
	uint64_t size = s->c % MEMORY;
	struct vhost_msg_v2 msg[16];

	memset(msg, 0, sizeof(msg));
	for (i = 0; i < n; i++) {
		msg[i].type = VHOST_IOTLB_MSG_V2;
		msg[i].asid = s->b >> (s->b & 1 ? i % 8 : 2) & 1;
		msg[i].iotlb.type = types[s->a & 0x20 ? s->d >> (2 * i + 32) & 3 : s->a >> 4 & 1];
		msg[i].iotlb.iova = CLIENT_IOVA + (s->d & 0xffffff) +
				    i * (s->a & 0x40 ? 2 * size : size);
		msg[i].iotlb.size = size;
		msg[i].iotlb.uaddr = (uintptr_t)memory + i * size % MEMORY;
		msg[i].iotlb.perm = s->b >> 10 & 3;
	}
	if (s->a & 0x80) {
		msg[0].iotlb.type = VHOST_IOTLB_BATCH_BEGIN;
		msg[n - 1].iotlb.type = VHOST_IOTLB_BATCH_END;
	}
	/* some end in the middle of one */
	fuzz_feature(0x60000 + write(fd, msg, n * sizeof(*msg) - (s->b & 2 ? s->b >> 12 : 0)));
}

static long long number_in(const char *path)
{
	long long value = 0;
	FILE *file = fopen(path, "re");

	if (!file || fscanf(file, "%lld", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

static void order(const char *file, const char *format, const char *name, int a, int b)
{
	char line[64];

	snprintf(line, sizeof(line), format, name, a, b);
	vdpa_mock_order(file, line);
}

static void parent_fails(const struct fuzz_step *s)
{
	static const int errors[] = { ENOMEM, EIO, EAGAIN, EINVAL, EOPNOTSUPP, ENODEV, EINTR };
	unsigned int op = s->a % ARRAY_SIZE(failing);

	order("fail", "%s %d %d", failing[op], -errors[s->b % ARRAY_SIZE(errors)], s->c % 8);
	failed |= 1u << op;
}

static void nothing_fails(void)
{
	unsigned int op;

	for (op = 0; op < ARRAY_SIZE(failing); op++)
		if (failed & 1u << op)
			order("fail", "%s %d", failing[op], 0, 0);
	failed = 0;
}

static void interrupt(const struct fuzz_step *s)
{
	char file[48], queue[8];

	snprintf(file, sizeof(file), "%s/interrupt", device[which].name);
	snprintf(queue, sizeof(queue), "%u", s->a % 8);
	vdpa_mock_order(file, s->a & 0x80 ? "config" : queue);
}

static void map_doorbell(const struct fuzz_step *s)
{
	size_t len = (1 + (s->a & 3)) * 4096;
	char *at;

	at = mmap(NULL, len, s->a >> 2 & 7, s->a & 0x20 ? MAP_PRIVATE : MAP_SHARED, fd,
		  s->b * 4096ULL);
	if (at == MAP_FAILED)
		return;
	if (s->a & 0x40)
		madvise(at, len, MADV_DONTNEED);
	/* the kernel looks for us: an access would be a signal where there is none */
	if (pwrite(sink, at + s->c % len, 1, 0) < 0)
		fuzz_feature(0x20000 + errno);
	munmap(at, len);
}

static void bring_up(const struct fuzz_step *s)
{
	unsigned int i, num = s->b % 4 ? NUM : s->b >> 2;
	uint64_t features, at = CLIENT_IOVA;

	vv_set_owner(fd);
	vv_set_status(fd, VV_S_DRIVER);
	vv_get_features(fd, &features);
	vv_set_features(fd, features & s->d);
	vv_set_backend_features(fd, VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) |
				VV_BIT(VHOST_BACKEND_F_IOTLB_BATCH) |
				VV_BIT(VHOST_BACKEND_F_IOTLB_ASID));
	vv_set_status(fd, VV_S_FEATURES);
	vv_map(fd, 0, CLIENT_IOVA, memory, MEMORY, VHOST_ACCESS_RW);
	for (i = 0; i < s->a % 4u; i++, at += 4 * 4096) {
		vv_set_vring(fd, VHOST_SET_VRING_NUM, i, num);
		vv_set_vring_addr(fd, i, at, at + 4096, at + 2 * 4096);
		vv_set_vring(fd, VHOST_SET_VRING_BASE, i, s->c);
		vv_set_vring_fd(fd, VHOST_SET_VRING_KICK, i, events[0]);
		vv_set_vring_fd(fd, VHOST_SET_VRING_CALL, i, events[1]);
		vv_set_vring(fd, VHOST_VDPA_SET_VRING_ENABLE, i, 1);
	}
	vv_set_status(fd, VV_S_RUNNING);
}

static void look(const struct fuzz_step *s)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	struct iovec vec[2] = { { memory, s->c % 100 }, { memory + 4096, s->b % 100 } };
	char buf[128];

	switch (s->a % 4) {
	case 0:
		poll(&pfd, 1, 0);
		break;
	case 1:
		fuzz_feature(0x30000 + read(fd, buf, s->b % sizeof(buf)));
		break;
	case 2:
		fuzz_feature(0x40000 + writev(fd, vec, 2));
		break;
	case 3:
		fuzz_feature(0x50000 + lseek(fd, s->d, SEEK_SET));
		break;
	}
}

/* As the process does to memory that is pinned */
static void change_memory(const struct fuzz_step *s)
{
	char *at = memory + s->b % (MEMORY / 4096) * 4096;

	switch (s->a % 5) {
	case 0:
		madvise(at, 4096, MADV_DONTNEED);
		break;
	case 1:
		mprotect(at, 4096, PROT_READ);
		break;
	case 2:
		mprotect(memory, MEMORY, PROT_READ | PROT_WRITE);
		break;
	case 3:
		/* others are there, of the same address */
		mmap(at, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 4:
		/* what a device finds in a ring */
		mprotect(at, 4096, PROT_READ | PROT_WRITE);
		memset(at, s->c, 4096);
		memcpy(at + s->c % 4000, &s->d, sizeof(s->d));
		break;
	}
}

static void config(const struct fuzz_step *s)
{
	char buf[1024] = "";
	uint32_t off = s->a & 2 ? s->d : s->b, len = s->c;

	if (len > sizeof(buf) && !(s->a & 4))
		len %= sizeof(buf);
	/* the kernel refuses more than a configuration has, or faults */
	if (s->a & 1)
		vv_set_config(fd, off, buf, len > sizeof(buf) ? sizeof(buf) : len);
	else
		vv_get_config(fd, off, buf, len > sizeof(buf) ? sizeof(buf) : len);
}

static void reopen(const struct fuzz_step *s)
{
	int again;

	/* before: there is one at a time */
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0)
		close(again);
	close(fd);
	fd = open(path, (s->a & 1 ? O_WRONLY : O_RDWR) | O_CLOEXEC);
}

static void step(const struct fuzz_step *s)
{
	uint64_t one = 1;

	switch (s->op % NR_OPS) {
	case CALL:
		call(calls[s->a % ARRAY_SIZE(calls)], s);
		break;
	case RAW_CALL:
		call(s->a & 1 ? _IO(VHOST_VIRTIO, s->c & 0xff) : s->c, s);
		break;
	case MESSAGE:
		message(s);
		break;
	case MMAP:
		map_doorbell(s);
		break;
	case BRING_UP:
		bring_up(s);
		break;
	case KICK:
		if (write(events[s->a & 1], &one, sizeof(one)) < 0)
			break;
		break;
	case LOOK:
		look(s);
		break;
	case REOPEN:
		reopen(s);
		break;
	case MEMORY_CHANGES:
		change_memory(s);
		break;
	case CONFIG:
		config(s);
		break;
	case MESSAGES:
		messages(s);
		break;
	case PARENT_FAILS:
		parent_fails(s);
		break;
	case INTERRUPT:
		interrupt(s);
		break;
	}
}

/* The mock parent counts what it must not be asked for, and logs what it was */
static bool rules_kept(void)
{
	long long before = violations;

	violations = number_in("/sys/module/vdpa_mock/parameters/violations");
	return violations <= before;
}

static void run(const struct fuzz_step *s, size_t n)
{
	size_t i;

	if (!n)
		return;
	/* the first step says which device, too */
	which = s->b >> 12 & 7;
	which = which ? (which - 1) % ARRAY_SIZE(device) : 0;
	path = device[which].path;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		printf("# %s: %s\n", path, strerror(errno));
		exit(1);
	}
	events[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	events[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (i = 0; i < n; i++)
		step(&s[i]);
	close(fd);
	nothing_fails();
	if (device[which].off && !rules_kept()) {
		printf("# the mock parent was called against the rules, see the log: \"not so\"\n");
		exit(1);
	}
	close(events[0]);
	close(events[1]);
	mprotect(memory, MEMORY, PROT_READ | PROT_WRITE);
	memset(memory, 0, MEMORY);
}

/* Each device still does what a good client asks, and nothing stays pinned */
static int check(void)
{
	struct client c;
	unsigned int i;
	long long kib;
	int err;

	for (i = 0; i < ARRAY_SIZE(device); i++) {
		err = client_open(&c, device[i].path, 1 << 20);
		if (err)
			return err;
		err = client_negotiate(&c, 0);
		if (!err)
			err = client_add_queue(&c, NUM);
		if (!err)
			err = client_start(&c);
		if (!err)
			err = client_stop(&c);
		client_close(&c);
		if (err)
			return err;
	}
	kib = proc_field("/proc/self/status", "VmPin");
	if (kib > 0) {
		printf("# %lld KiB stay pinned\n", kib);
		return -ENOTEMPTY;
	}
	return 0;
}

static int make(unsigned int i)
{
	int err;

	if (device[i].off) {
		err = vdpa_mock_shape("off", device[i].off);
		if (!err)
			err = vdpa_mock_shape("use_va", device[i].use_va);
		if (err)
			return err;
	}
	snprintf(device[i].name, sizeof(device[i].name), "fuzz%u", i);
	vdpa_del(device[i].name);
	err = vdpa_add(device[i].name, device[i].parent, device[i].features);
	if (!err)
		err = vdpa_bind(device[i].name, "vhost_vdpa");
	if (!err)
		err = vdpa_chardev(device[i].name, device[i].path, sizeof(device[i].path));
	return err;
}

static int setup(void)
{
	unsigned int i;
	int err, pipes[2];

	err = vdpa_mock_shape("groups", "3");
	if (!err)
		err = vdpa_mock_shape("spaces", "2");
	if (!err)
		err = vdpa_mock_shape("doorbell", "Y");
	for (i = 0; !err && i < ARRAY_SIZE(device); i++)
		err = make(i);
	if (err)
		return err;
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || readonly == MAP_FAILED || pipe2(pipes, O_CLOEXEC))
		return -errno;
	/* an earlier program's are none of ours */
	rules_kept();
	other_fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	other_fds[1] = pipes[0];
	other_fds[2] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sink = memfd_create("sink", MFD_CLOEXEC);
	return 0;
}

static const char *const modules[] = {
	"vdpa_sim_net", "vdpa_sim_blk", "vdpa_mock", "vhost_vdpa", NULL
};

static const struct fuzz_surface ioctl_surface = {
	.name = "ioctl",
	.nops = NR_OPS,
	.numbers = numbers,
	.modules = modules,
	.setup = setup,
	.run = run,
	.check = check,
};

int main(int argc, char *argv[])
{
	return fuzz_main(&ioctl_surface, argc, argv);
}
