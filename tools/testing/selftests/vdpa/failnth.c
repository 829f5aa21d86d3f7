// SPDX-License-Identifier: GPL-2.0
/*
 * Each call of the char device, each netlink command and the ways to a bus
 * driver with one allocation after the other failing, see lib/failing.h.
 *
 * Needs a kernel with fault injection, see tools/testing/kernel. With an argument, it
 * has only calls that have it in their names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/vdpa.h>

#include "../kselftest.h"
#include "lib/device.h"
#include "lib/failing.h"
#include "lib/net.h"
#include "lib/netlink.h"

#define NUM		4	/* entries of a ring, which a few frames go around */
#define FRAME		60
#define PATIENCE	5000	/* ms */
#define MEMORY		(1 << 20)
#define MORE_IOVA	(CLIENT_IOVA + (1ULL << 30))
#define MORE		(4 << 20)

struct context {
	char name[32];
	char path[64];
	char other[32];		/* a device that comes and goes */
	struct client c;
	struct nl_request req;
	char *more;		/* memory that the device does not have yet */
	void *doorbell;
	int eventfd;
	long long pins;		/* kB that are pinned before the call */
	unsigned long asked;	/* one of the plain calls */
	int refusal;		/* what it says of this device */
	uint64_t answer[8], expected[8];
	struct snapshot reply, whole;	/* of netlink, now and undisturbed */
	bool counts;		/* the answer has numbers that change */
};

static struct context ctx;

/* --- the char device -------------------------------------------------------- */

static int nothing_open(void)
{
	ctx.c.fd = -1;
	return 0;
}

static int just_open(void)
{
	memset(&ctx.c, 0, sizeof(ctx.c));
	ctx.c.fd = open(ctx.path, O_RDWR | O_CLOEXEC);
	return ctx.c.fd < 0 ? -errno : 0;
}

static int owned(void)
{
	return client_open(&ctx.c, ctx.path, MEMORY);
}

static int negotiated(void)
{
	int err = owned();

	return err ? err : client_negotiate(&ctx.c, NET_WANTED);
}

static int with_queues(void)
{
	int err = negotiated();

	if (!err)
		err = client_add_queue(&ctx.c, NUM);
	return err ? err : client_add_queue(&ctx.c, NUM);
}

static int running(void)
{
	int err = with_queues();

	return err ? err : client_start(&ctx.c);
}

static int suspended(void)
{
	int err = running();

	return err ? err : vv_suspend(ctx.c.fd);
}

static void close_fd(void)
{
	if (ctx.c.fd >= 0)
		close(ctx.c.fd);
}

static void close_client(void)
{
	client_close(&ctx.c);
}

static int do_set_features(void)
{
	uint64_t features;
	int err = vv_get_features(ctx.c.fd, &features);

	return err ? err : vv_set_features(ctx.c.fd, features);
}

static int do_set_backend_features(void)
{
	return vv_set_backend_features(ctx.c.fd, VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) |
						 VV_BIT(VHOST_BACKEND_F_IOTLB_ASID));
}

static int do_get_config(void)
{
	char config[24];

	return vv_get_config(ctx.c.fd, 0, config, sizeof(config));
}

static int do_set_owner(void)		{ return vv_set_owner(ctx.c.fd); }
static int do_set_config_call(void)	{ return vv_set_config_call(ctx.c.fd, ctx.eventfd); }
static int do_driver_ok(void)		{ return vv_set_status(ctx.c.fd, VV_S_RUNNING); }
static int do_reset(void)		{ return vv_set_status(ctx.c.fd, 0); }
static int do_suspend(void)		{ return vv_suspend(ctx.c.fd); }
static int do_resume(void)		{ return vv_resume(ctx.c.fd); }

static int do_set_num(void)
{
	return vv_set_vring(ctx.c.fd, VHOST_SET_VRING_NUM, 0, NUM);
}

static int do_set_base(void)
{
	return vv_set_vring(ctx.c.fd, VHOST_SET_VRING_BASE, 0, 0);
}

static int do_set_addr(void)
{
	const struct vq *vq = &ctx.c.queue[0].vq;

	return vv_set_vring_addr(ctx.c.fd, 0, vq->desc_iova, vq->driver_iova,
				 vq->device_iova);
}

static int do_set_kick(void)
{
	return vv_set_vring_fd(ctx.c.fd, VHOST_SET_VRING_KICK, 0, ctx.c.queue[0].kick);
}

static int do_set_call(void)
{
	return vv_set_vring_fd(ctx.c.fd, VHOST_SET_VRING_CALL, 0, ctx.c.queue[0].call);
}

static int do_set_err(void)
{
	return vv_set_vring_fd(ctx.c.fd, VHOST_SET_VRING_ERR, 0, ctx.eventfd);
}

static int do_enable(void)
{
	return vv_set_vring(ctx.c.fd, VHOST_VDPA_SET_VRING_ENABLE, 0, 1);
}

static int do_get_base(void)
{
	unsigned int base = 0;
	int err = vv_get_vring(ctx.c.fd, VHOST_GET_VRING_BASE, 0, &base);

	ctx.answer[0] = base;
	return err;
}

static int do_set_group_asid(void)
{
	return vv_set_vring(ctx.c.fd, VHOST_VDPA_SET_GROUP_ASID, 1, 1);
}

static int do_map(void)
{
	return vv_map(ctx.c.fd, 0, MORE_IOVA, ctx.more, MORE, VHOST_ACCESS_RW);
}

static int do_map_asid(void)
{
	return vv_map(ctx.c.fd, 1, MORE_IOVA, ctx.more, MORE, VHOST_ACCESS_RO);
}

static long long pinned(void)
{
	return proc_field("/proc/self/status", "VmPin");
}

static int owned_asid(void)
{
	int err = owned();

	ctx.pins = pinned();
	return err ? err : do_set_backend_features();
}

static int owned_pins(void)
{
	int err = owned();

	ctx.pins = pinned();
	return err;
}

static int mapped(void)
{
	int err = owned_pins();

	return err ? err : do_map();
}

static int do_unmap(void)
{
	return vv_unmap(ctx.c.fd, 0, MORE_IOVA, MORE);
}

/* Leaves a range on either side */
static int do_unmap_part(void)
{
	return vv_unmap(ctx.c.fd, 0, MORE_IOVA + MORE / 4, MORE / 2);
}

/* Every other page, so that nothing of it is one range */
static int do_batch(void)
{
	struct vv_range range = { .size = 4096, .perm = VHOST_ACCESS_RW };
	int err = vv_iotlb_v2(ctx.c.fd, 0, VHOST_IOTLB_BATCH_BEGIN, &range), end;
	unsigned int i;

	for (i = 0; !err && i < 8; i++) {
		range.iova = MORE_IOVA + i * 8192;
		range.uaddr = (uintptr_t)ctx.more + i * 8192;
		err = vv_iotlb_v2(ctx.c.fd, 0, VHOST_IOTLB_UPDATE, &range);
		if (err == -EEXIST)	/* from the attempt before */
			err = 0;
	}
	end = vv_iotlb_v2(ctx.c.fd, 0, VHOST_IOTLB_BATCH_END, &range);
	return err ? err : end;
}

/* Calls that only tell something, or that have a fixed answer */
static const struct {
	const char *name;
	unsigned long request;
	int refusal;
	bool none;
} plain_calls[] = {
	{ "GET_FEATURES", VHOST_GET_FEATURES },
	{ "GET_BACKEND_FEATURES", VHOST_GET_BACKEND_FEATURES },
	{ "GET_DEVICE_ID", VHOST_VDPA_GET_DEVICE_ID },
	{ "GET_STATUS", VHOST_VDPA_GET_STATUS },
	{ "GET_VRING_NUM", VHOST_VDPA_GET_VRING_NUM },
	{ "GET_VRING_SIZE", VHOST_VDPA_GET_VRING_SIZE },
	{ "GET_VRING_GROUP", VHOST_VDPA_GET_VRING_GROUP },
	{ "GET_VRING_DESC_GROUP", VHOST_VDPA_GET_VRING_DESC_GROUP, -EOPNOTSUPP },
	{ "GET_IOVA_RANGE", VHOST_VDPA_GET_IOVA_RANGE },
	{ "GET_CONFIG_SIZE", VHOST_VDPA_GET_CONFIG_SIZE },
	{ "GET_AS_NUM", VHOST_VDPA_GET_AS_NUM },
	{ "GET_VQS_COUNT", VHOST_VDPA_GET_VQS_COUNT },
	{ "GET_GROUP_NUM", VHOST_VDPA_GET_GROUP_NUM },
	{ "SET_MEM_TABLE", VHOST_SET_MEM_TABLE },
	{ "SET_VRING_BUSYLOOP_TIMEOUT", VHOST_SET_VRING_BUSYLOOP_TIMEOUT },
	{ "GET_VRING_BUSYLOOP_TIMEOUT", VHOST_GET_VRING_BUSYLOOP_TIMEOUT },
	{ "RESET_OWNER", VHOST_RESET_OWNER, -ENOTTY, true },
};

/* That refusal is an answer, too */
static int do_plain(void)
{
	int err;

	memset(ctx.answer, 0, sizeof(ctx.answer));
	err = vv_ioctl(ctx.c.fd, ctx.asked, ctx.answer);
	if (err == ctx.refusal)
		return 0;
	return err ? err : -EPROTO;
}

static int for_plain(void)
{
	int err = owned();

	if (!err)
		err = do_plain();
	memcpy(ctx.expected, ctx.answer, sizeof(ctx.answer));
	return err;
}

static int answered(void)
{
	return memcmp(ctx.answer, ctx.expected, sizeof(ctx.answer)) ? -EBADMSG : 0;
}

/* --- what calls of the char device are for -------------------------------------- */

static int put(unsigned int queue, const struct vq_seg *seg)
{
	struct vq *vq = &ctx.c.queue[queue].vq;
	int err = vq_add(vq, seg, queue == NET_TX, queue == NET_RX, 0);

	return !err && vq_publish(vq) ? client_kick(&ctx.c, queue) : err;
}

/* Both buffers are one page; the frame is to the device itself */
static int one_frame(char *from, char *to, uint32_t size)
{
	struct vq_seg rx = { client_iova(&ctx.c, to), 4096 };
	struct vq_seg tx = { client_iova(&ctx.c, from), NET_HEADER + size };
	uint32_t token, used, len;
	int err = put(NET_RX, &rx);

	if (!err)
		err = put(NET_TX, &tx);
	if (!err)
		err = client_wait(&ctx.c, NET_RX, &token, &used, PATIENCE);
	if (!err)
		err = client_wait(&ctx.c, NET_TX, &token, &len, PATIENCE);
	if (!err && (used != NET_HEADER + size || memcmp(from + NET_HEADER, to + NET_HEADER, size)))
		err = -EBADMSG;
	return err;
}

/*
 * More of them than the rings have entries, and each has another length: a device that
 * believes a ring to be larger writes behind it, and the entry of an earlier one is found.
 */
static int frames_go(void)
{
	char *from = client_alloc(&ctx.c, 4096, 4096), *to = client_alloc(&ctx.c, 4096, 4096);
	unsigned int i;
	int err = vv_get_config(ctx.c.fd, 0, from + NET_HEADER, 6);

	for (i = 0; !err && i < 2 * NUM; i++) {
		fill_pattern(from + NET_HEADER + NET_ETH, FRAME + i - NET_ETH, i);
		err = one_frame(from, to, FRAME + i);
	}
	return err;
}

/* A device that could not start a ring has said so, and does it after a reset */
static int works(void)
{
	uint8_t status;
	int err = vv_get_status(ctx.c.fd, &status);

	if (!err && !(status & VIRTIO_CONFIG_S_DRIVER_OK))
		err = -ENODEV;
	if (!err && status & VIRTIO_CONFIG_S_NEEDS_RESET) {
		err = vv_set_status(ctx.c.fd, 0);
		if (!err)
			err = client_restart(&ctx.c, true);
	}
	return err ? err : frames_go();
}

static int starts(void)
{
	int err = client_start(&ctx.c);

	return err ? err : works();
}

static int is_open(void)
{
	uint8_t status;

	return vv_get_status(ctx.c.fd, &status);
}

static int has_owner(void)
{
	return vv_set_owner(ctx.c.fd) == -EBUSY ? 0 : -EPERM;
}

/* Features that were not accepted can't be confirmed */
static int has_features(void)
{
	uint8_t status;
	int err = vv_set_status(ctx.c.fd, VV_S_FEATURES);

	if (!err)
		err = vv_get_status(ctx.c.fd, &status);
	return !err && status != VV_S_FEATURES ? -EPROTO : err;
}

/* Who has not acknowledged address spaces may write anything there */
static int has_backend_features(void)
{
	return vv_unmap(ctx.c.fd, 99, MORE_IOVA, 4096) == -EINVAL ? 0 : -EPROTO;
}

static int set_mac(uint8_t last)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, last };
	struct nl_request req;
	int err = nl_begin(&req, VDPA_CMD_DEV_ATTR_SET, 0);

	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, ctx.name);
	nl_put(&req, VDPA_ATTR_DEV_NET_CFG_MACADDR, mac, sizeof(mac));
	return nl_do(&req, NULL, NULL);
}

/* Who changes the address from outside makes a change of the configuration */
static int is_told_of_config(void)
{
	uint64_t count;
	int err = set_mac(1);

	return !err && read(ctx.eventfd, &count, sizeof(count)) < 0 ? -errno : err;
}

static int base_is_zero(void)
{
	unsigned int base = 1;
	int err = vv_get_vring(ctx.c.fd, VHOST_GET_VRING_BASE, 0, &base);

	return !err && (base || ctx.answer[0]) ? -EPROTO : err;
}

static int starts_at_zero(void)
{
	int err = base_is_zero();

	return err ? err : starts();
}

/* Commands are of the group, and their ring is in an address space with nothing in it */
static int group_moved(void)
{
	uint8_t status;
	int err = client_start(&ctx.c);

	if (!err)
		err = vv_get_status(ctx.c.fd, &status);
	return !err && !(status & VIRTIO_CONFIG_S_NEEDS_RESET) ? -EPROTO : err;
}

static int is_reset(void)
{
	uint8_t status = 1;
	int err = vv_get_status(ctx.c.fd, &status);

	return !err && (status || pinned() != ctx.pins) ? -EPROTO : err;
}

/* It takes nothing that is new, and what it is at can be changed */
static int rests(void)
{
	struct vq_seg tx = { CLIENT_IOVA, NET_HEADER + FRAME };
	uint32_t token, len;
	int err = put(NET_TX, &tx);

	if (!err && client_poll(&ctx.c, NET_TX, &token, &len, 50) != -ETIMEDOUT)
		err = -EBUSY;
	return err ? err : do_set_num();
}

static int is_mapped(void)
{
	if (pinned() != ctx.pins + MORE / 1024)
		return -EPROTO;
	return do_map() == -EEXIST ? 0 : -ENOENT;
}

static int is_mapped_asid(void)
{
	if (pinned() != ctx.pins + MORE / 1024)
		return -EPROTO;
	return do_map_asid() == -EEXIST ? 0 : -ENOENT;
}

static int is_unmapped(void)
{
	return pinned() == ctx.pins ? do_map() : -EBUSY;
}

/* The room is there; of what was beside it more may be gone after a fault */
static int part_is_unmapped(void)
{
	if (pinned() > ctx.pins + MORE / 2 / 1024)
		return -EBUSY;
	return vv_map(ctx.c.fd, 0, MORE_IOVA + MORE / 4, ctx.more, MORE / 2, VHOST_ACCESS_RW);
}

static int batch_is_mapped(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (vv_map(ctx.c.fd, 0, MORE_IOVA + i * 8192, ctx.more + i * 8192, 4096,
			   VHOST_ACCESS_RW) != -EEXIST)
			return -ENOENT;
	return pinned() == ctx.pins + 8 * 4 ? 0 : -EPROTO;
}

/* --- and what they find --------------------------------------------------------- */

static int for_features(void)
{
	int err = just_open();

	if (!err)
		err = vv_set_status(ctx.c.fd, VV_S_ACK);
	return err ? err : vv_set_status(ctx.c.fd, VV_S_DRIVER);
}

static int for_num(void)
{
	int err = with_queues();

	return err ? err : vv_set_vring(ctx.c.fd, VHOST_SET_VRING_NUM, 0, 16 * NUM);
}

static int for_base(void)
{
	int err = with_queues();

	ctx.answer[0] = 0;
	return err ? err : vv_set_vring(ctx.c.fd, VHOST_SET_VRING_BASE, 0, 2);
}

static int for_get_base(void)
{
	int err = running();

	ctx.answer[0] = 1;
	return err;
}

static int for_addr(void)
{
	int err = with_queues();

	return err ? err : vv_set_vring_addr(ctx.c.fd, 0, 0, 0, 0);
}

static int for_kick(void)
{
	int err = with_queues();

	return err ? err : vv_set_vring_fd(ctx.c.fd, VHOST_SET_VRING_KICK, 0, -1);
}

static int for_call(void)
{
	int err = with_queues();

	return err ? err : vv_set_vring_fd(ctx.c.fd, VHOST_SET_VRING_CALL, 0, -1);
}

/* The ring starts at once */
static int for_enable(void)
{
	int err = with_queues();

	if (!err)
		err = vv_set_status(ctx.c.fd, VV_S_RUNNING);
	return err ? err : vv_set_vring(ctx.c.fd, VHOST_VDPA_SET_VRING_ENABLE, 1, 1);
}

/* All rings start at once */
static int for_driver_ok(void)
{
	int err = with_queues();

	if (!err)
		err = do_enable();
	return err ? err : vv_set_vring(ctx.c.fd, VHOST_VDPA_SET_VRING_ENABLE, 1, 1);
}

static int for_group(void)
{
	int err = with_queues();

	return err ? err : client_add_queue(&ctx.c, NUM);
}

static int for_config_call(void)
{
	uint64_t count;

	while (read(ctx.eventfd, &count, sizeof(count)) > 0)
		;
	return owned();
}

static int for_reset(void)
{
	ctx.pins = pinned();
	return running();
}

/* --- netlink ---------------------------------------------------------------- */

/* The request is made beforehand, so that faults hit what the kernel does with it */
static int request(uint8_t command, uint16_t flags, const char *name)
{
	int err = nl_begin(&ctx.req, command, flags);

	if (!err && name)
		nl_put_string(&ctx.req, VDPA_ATTR_DEV_NAME, name);
	return err;
}

static int request_new(const char *mgmtdev)
{
	int err = request(VDPA_CMD_DEV_NEW, 0, ctx.other);

	if (!err && !strcmp(mgmtdev, "vdpa_mock"))
		nl_put_string(&ctx.req, VDPA_ATTR_MGMTDEV_BUS_NAME, "platform");
	if (!err)
		nl_put_string(&ctx.req, VDPA_ATTR_MGMTDEV_DEV_NAME, mgmtdev);
	return err;
}

static void note_attr(void *arg, uint16_t type, const void *data, size_t len)
{
	snapshot_attr(arg, type, data, ctx.counts ? 0 : len);
}

static int do_request(void)
{
	struct nl_request req = ctx.req;

	snapshot_clear(&ctx.reply);
	return nl_do(&req, note_attr, &ctx.reply);
}

/* After a request that only asks: what it says undisturbed */
static int expect(int err)
{
	if (!err)
		err = do_request();
	ctx.whole = ctx.reply;
	return err;
}

static int is_whole(void)
{
	char line[256];

	if (!snapshot_differs(&ctx.whole, &ctx.reply, line, sizeof(line)))
		return 0;
	ksft_print_msg("%s\n", line);
	return -EBADMSG;
}

static int for_new(void)	{ return request_new("vdpasim_net"); }
static int for_new_disk(void)	{ return request_new("vdpasim_blk"); }
static int for_new_mock(void)	{ return request_new("vdpa_mock"); }
static int for_get(void)	{ return expect(request(VDPA_CMD_DEV_GET, 0, ctx.name)); }

static int for_dump(void)
{
	return expect(request(VDPA_CMD_DEV_GET, NLM_F_DUMP, NULL));
}

static int for_config(void)
{
	return expect(request(VDPA_CMD_DEV_CONFIG_GET, 0, ctx.name));
}

static int for_mgmt_dump(void)
{
	return expect(request(VDPA_CMD_MGMTDEV_GET, NLM_F_DUMP, NULL));
}

static int for_config_dump(void)
{
	return expect(request(VDPA_CMD_DEV_CONFIG_GET, NLM_F_DUMP, NULL));
}

static int make_other(void)
{
	int err = for_new();

	return err ? err : do_request();
}

static int for_del(void)
{
	int err = make_other();

	return err ? err : request(VDPA_CMD_DEV_DEL, 0, ctx.other);
}

static void del_other(void)
{
	vdpa_del(ctx.other);
}

static int for_mgmt_get(void)
{
	int err = request(VDPA_CMD_MGMTDEV_GET, 0, NULL);

	if (!err)
		nl_put_string(&ctx.req, VDPA_ATTR_MGMTDEV_DEV_NAME, "vdpasim_net");
	return expect(err);
}

static int for_vstats(void)
{
	uint32_t index = 0;
	int err = running();

	ctx.counts = true;
	if (!err)
		err = request(VDPA_CMD_DEV_VSTATS_GET, 0, ctx.name);
	if (!err)
		nl_put(&ctx.req, VDPA_ATTR_DEV_QUEUE_INDEX, &index, sizeof(index));
	return expect(err);
}

static void close_vstats(void)
{
	ctx.counts = false;
	close_client();
}

#define NEW_MAC	7

static int for_attr_set(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, NEW_MAC };
	int err = set_mac(1);

	if (!err)
		err = request(VDPA_CMD_DEV_ATTR_SET, 0, ctx.name);
	if (!err)
		nl_put(&ctx.req, VDPA_ATTR_DEV_NET_CFG_MACADDR, mac, sizeof(mac));
	return err;
}

static void find_mac(void *arg, uint16_t type, const void *data, size_t len)
{
	if (type == VDPA_ATTR_DEV_NET_CFG_MACADDR && len == 6)
		*(uint8_t *)arg = ((const uint8_t *)data)[5];
}

static int has_new_mac(void)
{
	struct nl_request req;
	uint8_t last = 0;
	int err = nl_begin(&req, VDPA_CMD_DEV_CONFIG_GET, 0);

	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, ctx.name);
	err = nl_do(&req, find_mac, &last);
	return !err && last != NEW_MAC ? -EPROTO : err;
}

/* --- drivers ---------------------------------------------------------------- */

static int sysfs(const char *file, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/%s", file);
	return write_file(path, text);
}

static int for_driver(const char *driver)
{
	char file[128];
	int err = make_other();

	if (err)
		return err;
	snprintf(file, sizeof(file), "devices/%s/driver/unbind", ctx.other);
	sysfs(file, ctx.other);
	snprintf(file, sizeof(file), "devices/%s/driver_override", ctx.other);
	return sysfs(file, driver);
}

static int for_vhost(void)	{ return for_driver("vhost_vdpa"); }
static int for_virtio(void)	{ return for_driver("virtio_vdpa"); }
static int do_bind_vhost(void)	{ return sysfs("drivers/vhost_vdpa/bind", ctx.other); }

/* Without a virtio driver for the device the bus driver keeps it */
static int do_bind_virtio(void)
{
	return sysfs("drivers/virtio_vdpa/bind", ctx.other);
}

static int do_override(void)
{
	char file[128];

	snprintf(file, sizeof(file), "devices/%s/driver_override", ctx.other);
	return sysfs(file, "vhost_vdpa");
}

/* --- doorbells, of a parent that has them -------------------------------------- */

static int with_doorbell(void)
{
	char file[64];
	int err = vdpa_mock_shape("doorbell", "Y");

	if (!err)
		err = for_new_mock();
	if (!err)
		err = do_request();
	if (!err)
		err = vdpa_bind(ctx.other, "vhost_vdpa");
	if (!err)
		err = vdpa_chardev(ctx.other, file, sizeof(file));
	if (err)
		return err;
	ctx.doorbell = MAP_FAILED;
	ctx.c.fd = open(file, O_RDWR | O_CLOEXEC);
	return ctx.c.fd < 0 ? -errno : 0;
}

static int do_mmap(void)
{
	ctx.doorbell = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, ctx.c.fd, 0);
	return ctx.doorbell == MAP_FAILED ? -errno : 0;
}

static void unmap_doorbell(void)
{
	if (ctx.doorbell != MAP_FAILED)
		munmap(ctx.doorbell, 4096);
	close_fd();
	del_other();
	vdpa_mock_shape("doorbell", "N");
}

static int rings(void)
{
	char path[96];

	*(volatile uint32_t *)ctx.doorbell = 0x1234;
	snprintf(path, sizeof(path), "/sys/kernel/debug/vdpa_mock/%s/doorbell", ctx.other);
	return proc_field(path, "0x1234") < 0 ? -EPROTO : 0;
}

/* --- a parent that shows more ------------------------------------------------------ */

static int with_mock(void)
{
	char file[64];
	int err = for_new_mock();

	memset(&ctx.c, 0, sizeof(ctx.c));
	ctx.c.fd = -1;
	if (!err)
		err = do_request();
	if (!err)
		err = vdpa_bind(ctx.other, "vhost_vdpa");
	if (!err)
		err = vdpa_chardev(ctx.other, file, sizeof(file));
	if (err)
		return err;
	ctx.c.fd = open(file, O_RDWR | O_CLOEXEC);
	return ctx.c.fd < 0 ? -errno : 0;
}

static void close_mock(void)
{
	close_fd();
	del_other();
}

static const char config_text[] = "written";

static int do_set_config(void)
{
	return vv_set_config(ctx.c.fd, 3, config_text, sizeof(config_text));
}

static int config_is_set(void)
{
	char now[sizeof(config_text)];
	int err = vv_get_config(ctx.c.fd, 3, now, sizeof(now));

	return !err && memcmp(now, config_text, sizeof(now)) ? -EPROTO : err;
}

/* --- what a failure leaves as it was ----------------------------------------- */

static void session_with(struct snapshot *s, const char *name)
{
	snapshot_client(s, &ctx.c);
	snapshot_device(s, name);
	snapshot_pins(s);
}

static void session(struct snapshot *s)
{
	session_with(s, ctx.name);
}

/* No file, and what goes with one */
static void device(struct snapshot *s)
{
	snapshot_device(s, ctx.name);
	snapshot_pins(s);
}

static void mock_session(struct snapshot *s)
{
	session_with(s, ctx.other);
}

static void other(struct snapshot *s)
{
	snapshot_device(s, ctx.other);
}

static int is_there(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s", ctx.other);
	return access(path, F_OK) ? -errno : 0;
}

static int is_gone(void)
{
	return is_there() == -ENOENT ? 0 : -EEXIST;
}

static int has_driver(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/driver", ctx.other);
	return access(path, F_OK) ? -errno : 0;
}

static int has_file(void)
{
	char path[64];
	int err = vdpa_chardev(ctx.other, path, sizeof(path)), fd;

	if (err)
		return err;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int has_override(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/driver_override", ctx.other);
	return proc_field(path, "vhost_vdpa") < 0 ? -EPROTO : 0;
}

/*
 * Without .least, all that can fail is a copy from or to the caller. INVALIDATE of a part
 * and a batch may have done some of their work when they fail.
 */
static const struct failing_call calls[] = {
	{ "open", nothing_open, just_open, close_fd, device, is_open, .least = 1 },
	{ "SET_OWNER", just_open, do_set_owner, close_fd, session, has_owner, .least = 1 },
	{ "SET_FEATURES", for_features, do_set_features, close_fd, session, has_features },
	{ "SET_BACKEND_FEATURES", owned, do_set_backend_features, close_client, session,
	  has_backend_features },
	{ "GET_CONFIG", just_open, do_get_config, close_fd, session, .least = 1 },
	{ "SET_CONFIG", with_mock, do_set_config, close_mock, mock_session, config_is_set,
	  .least = 1 },
	{ "SET_CONFIG_CALL", for_config_call, do_set_config_call, close_client, session,
	  is_told_of_config },
	{ "SET_VRING_NUM", for_num, do_set_num, close_client, session, starts },
	{ "SET_VRING_BASE", for_base, do_set_base, close_client, session, starts_at_zero },
	{ "SET_VRING_ADDR", for_addr, do_set_addr, close_client, session, starts },
	{ "SET_VRING_KICK", for_kick, do_set_kick, close_client, session, starts },
	{ "SET_VRING_CALL", for_call, do_set_call, close_client, session, starts },
	{ "SET_VRING_ERR", negotiated, do_set_err, close_client, session },
	{ "SET_VRING_ENABLE", for_enable, do_enable, close_client, session, works },
	{ "GET_VRING_BASE", for_get_base, do_get_base, close_client, session, base_is_zero },
	{ "SET_GROUP_ASID", for_group, do_set_group_asid, close_client, session, group_moved },
	{ "SET_STATUS DRIVER_OK", for_driver_ok, do_driver_ok, close_client, session, works },
	{ "SET_STATUS 0", for_reset, do_reset, close_client, session, is_reset },
	{ "SUSPEND", running, do_suspend, close_client, session, rests, .none = true },
	{ "RESUME", suspended, do_resume, close_client, session, works, .none = true },
	/* what it needs may be there already, in the cache of the session and by chance */
	{ "IOTLB UPDATE", owned_pins, do_map, close_client, session, is_mapped },
	{ "IOTLB UPDATE of ASID 1", owned_asid, do_map_asid, close_client, session,
	  is_mapped_asid, .least = 1 },
	{ "IOTLB INVALIDATE", mapped, do_unmap, close_client, session, is_unmapped },
	{ "IOTLB INVALIDATE of a part", mapped, do_unmap_part, close_client, NULL,
	  part_is_unmapped, .least = 1 },
	{ "IOTLB batch", owned_pins, do_batch, close_client, NULL, batch_is_mapped,
	  .least = 1 },
	{ "netlink DEV_NEW, net", for_new, do_request, del_other, other, is_there,
	  .least = 1, .unsure = true },
	{ "netlink DEV_NEW, blk", for_new_disk, do_request, del_other, other, is_there,
	  .least = 1, .unsure = true },
	{ "netlink DEV_NEW, mock", for_new_mock, do_request, del_other, other, is_there,
	  .least = 1, .unsure = true },
	{ "netlink DEV_DEL", for_del, do_request, del_other, other, is_gone, .least = 1,
	  .unsure = true },
	{ "netlink DEV_GET", for_get, do_request, NULL, device, is_whole, .least = 1 },
	{ "netlink DEV_GET, all", for_dump, do_request, NULL, device, is_whole, .least = 1 },
	{ "netlink DEV_CONFIG_GET", for_config, do_request, NULL, device, is_whole,
	  .least = 1 },
	{ "netlink DEV_CONFIG_GET, all", for_config_dump, do_request, NULL, device, is_whole,
	  .least = 1 },
	{ "netlink MGMTDEV_GET", for_mgmt_get, do_request, NULL, device, is_whole, .least = 1 },
	{ "netlink MGMTDEV_GET, all", for_mgmt_dump, do_request, NULL, device, is_whole,
	  .least = 1 },
	{ "netlink DEV_VSTATS_GET", for_vstats, do_request, close_vstats, session, is_whole,
	  .least = 1 },
	{ "netlink DEV_ATTR_SET", for_attr_set, do_request, NULL, device, has_new_mac,
	  .least = 1, .unsure = true },
	{ "bind vhost_vdpa", for_vhost, do_bind_vhost, del_other, other, has_file, .least = 1 },
	{ "bind virtio_vdpa", for_virtio, do_bind_virtio, del_other, other, has_driver,
	  .least = 1 },
	{ "driver_override", make_other, do_override, del_other, other, has_override,
	  .least = 1 },
	{ "mmap", with_doorbell, do_mmap, unmap_doorbell, mock_session, rings, .least = 1 },
};

static unsigned int total;
static const char *only = "";	/* calls with this in their names */

static void torture(const struct failing_call *call)
{
	struct failing_count count;
	bool ok;

	if (!strstr(call->name, only)) {
		ksft_test_result_skip("%s: not asked for\n", call->name);
		return;
	}
	ok = failing_torture(call, &count);
	total += count.faults;
	ksft_test_result(ok, "%s, %u faults, %u times no memory\n", call->name, count.faults,
			 count.refused);
}

int main(int argc, char **argv)
{
	struct failing_call plain = { NULL, for_plain, do_plain, close_client, session, answered };
	unsigned int i;
	long long pins;
	int err;

	if (argc > 1)
		only = argv[1];
	ksft_print_header();
	if (!failing_set_up())
		ksft_exit_skip("a kernel without fault injection\n");

	err = vdpa_create("vdpasim_net", 0, ctx.name, ctx.path);
	if (!err)
		err = module_load("vdpa_sim_blk");
	if (!err)
		err = module_load("vdpa_mock");
	if (err)
		ksft_exit_fail_msg("no device: %s\n", strerror(-err));
	module_load("virtio_vdpa");
	/* of an earlier program; what these keep of a probe that fails isn't ours */
	if (system("modprobe -qr virtio_net virtio_blk"))
		ksft_exit_fail_msg("other devices need virtio_net or virtio_blk\n");
	snprintf(ctx.other, sizeof(ctx.other), "other%d", getpid());
	ctx.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ctx.more = mmap(NULL, MORE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	ksft_set_plan(ARRAY_SIZE(calls) + ARRAY_SIZE(plain_calls) + 2);
	/* of the device that was just made, for one */
	if (access("/sys/kernel/debug/slab/kmalloc-1k/alloc_traces", R_OK))
		ksft_test_result_skip("objects are counted: no slub_debug=U\n");
	else
		ksft_test_result(failing_objects() > 0, "objects are counted\n");
	pins = pinned();
	for (i = 0; i < ARRAY_SIZE(plain_calls); i++) {
		plain.name = plain_calls[i].name;
		plain.none = plain_calls[i].none;
		ctx.asked = plain_calls[i].request;
		ctx.refusal = plain_calls[i].refusal;
		torture(&plain);
	}
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		torture(&calls[i]);
	ksft_test_result(pins == pinned(), "no page stays pinned\n");
	ksft_print_msg("%u faults\n", total);
	vdpa_del(ctx.name);
	ksft_finished();
}
