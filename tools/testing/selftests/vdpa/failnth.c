// SPDX-License-Identifier: GPL-2.0
/*
 * Each call of the char device, each netlink command and the ways to a bus
 * driver with one allocation after the other failing, see lib/failing.h.
 *
 * Needs a kernel with fault injection, see tools/testing/kernel.
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

#define NUM		64
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
	unsigned long asked;	/* one of the plain calls */
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

static int do_set_config(void)
{
	char config[6] = { 2 };
	int err = vv_set_config(ctx.c.fd, 0, config, sizeof(config));

	/* the simulated device has nothing to write there */
	return err == -EOPNOTSUPP || err == -EINVAL ? 0 : err;
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
	return vv_set_vring_fd(ctx.c.fd, VHOST_SET_VRING_KICK, 0, ctx.eventfd);
}

static int do_set_call(void)
{
	return vv_set_vring_fd(ctx.c.fd, VHOST_SET_VRING_CALL, 0, ctx.eventfd);
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
	unsigned int base;

	return vv_get_vring(ctx.c.fd, VHOST_GET_VRING_BASE, 0, &base);
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

static int owned_asid(void)
{
	int err = owned();

	return err ? err : do_set_backend_features();
}

static int mapped(void)
{
	int err = owned();

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
} plain_calls[] = {
	{ "GET_FEATURES", VHOST_GET_FEATURES },
	{ "GET_BACKEND_FEATURES", VHOST_GET_BACKEND_FEATURES },
	{ "GET_DEVICE_ID", VHOST_VDPA_GET_DEVICE_ID },
	{ "GET_STATUS", VHOST_VDPA_GET_STATUS },
	{ "GET_VRING_NUM", VHOST_VDPA_GET_VRING_NUM },
	{ "GET_VRING_SIZE", VHOST_VDPA_GET_VRING_SIZE },
	{ "GET_VRING_GROUP", VHOST_VDPA_GET_VRING_GROUP },
	{ "GET_VRING_DESC_GROUP", VHOST_VDPA_GET_VRING_DESC_GROUP },
	{ "GET_IOVA_RANGE", VHOST_VDPA_GET_IOVA_RANGE },
	{ "GET_CONFIG_SIZE", VHOST_VDPA_GET_CONFIG_SIZE },
	{ "GET_AS_NUM", VHOST_VDPA_GET_AS_NUM },
	{ "GET_VQS_COUNT", VHOST_VDPA_GET_VQS_COUNT },
	{ "GET_GROUP_NUM", VHOST_VDPA_GET_GROUP_NUM },
	{ "SET_MEM_TABLE", VHOST_SET_MEM_TABLE },
	{ "SET_VRING_BUSYLOOP_TIMEOUT", VHOST_SET_VRING_BUSYLOOP_TIMEOUT },
	{ "GET_VRING_BUSYLOOP_TIMEOUT", VHOST_GET_VRING_BUSYLOOP_TIMEOUT },
	{ "RESET_OWNER", VHOST_RESET_OWNER },
};

/* Any other refusal is an answer, too */
static int do_plain(void)
{
	char buf[64] = { 0 };
	int err = vv_ioctl(ctx.c.fd, ctx.asked, buf);

	return err == -ENOMEM || err == -EFAULT ? err : 0;
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

static int do_request(void)
{
	struct nl_request req = ctx.req;

	return nl_do(&req, NULL, NULL);
}

static int for_new(void)	{ return request_new("vdpasim_net"); }
static int for_new_disk(void)	{ return request_new("vdpasim_blk"); }
static int for_new_mock(void)	{ return request_new("vdpa_mock"); }
static int for_get(void)	{ return request(VDPA_CMD_DEV_GET, 0, ctx.name); }
static int for_dump(void)	{ return request(VDPA_CMD_DEV_GET, NLM_F_DUMP, NULL); }
static int for_config(void)	{ return request(VDPA_CMD_DEV_CONFIG_GET, 0, ctx.name); }
static int for_mgmt_dump(void)	{ return request(VDPA_CMD_MGMTDEV_GET, NLM_F_DUMP, NULL); }

static int for_config_dump(void)
{
	return request(VDPA_CMD_DEV_CONFIG_GET, NLM_F_DUMP, NULL);
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
	return err;
}

static int for_vstats(void)
{
	uint32_t index = 0;
	int err = running();

	if (!err)
		err = request(VDPA_CMD_DEV_VSTATS_GET, 0, ctx.name);
	if (!err)
		nl_put(&ctx.req, VDPA_ATTR_DEV_QUEUE_INDEX, &index, sizeof(index));
	return err;
}

static int for_attr_set(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 7 };
	int err = request(VDPA_CMD_DEV_ATTR_SET, 0, ctx.name);

	if (!err)
		nl_put(&ctx.req, VDPA_ATTR_DEV_NET_CFG_MACADDR, mac, sizeof(mac));
	return err;
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

/* --- what a failure leaves as it was ----------------------------------------- */

static long long pinned(void)
{
	return proc_field("/proc/self/status", "VmPin");
}

static long long there(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s", ctx.other);
	return !access(path, F_OK);
}

static long long bound(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/driver", ctx.other);
	return !access(path, F_OK);
}

static long long status(void)
{
	uint8_t now;

	return vv_get_status(ctx.c.fd, &now) ? -1 : now;
}

static const struct failing_call calls[] = {
	{ "open", nothing_open, just_open, close_fd },
	{ "SET_OWNER", just_open, do_set_owner, close_fd },
	{ "SET_FEATURES", just_open, do_set_features, close_fd },
	{ "SET_BACKEND_FEATURES", just_open, do_set_backend_features, close_fd },
	{ "GET_CONFIG", just_open, do_get_config, close_fd },
	{ "SET_CONFIG", just_open, do_set_config, close_fd },
	{ "SET_CONFIG_CALL", owned, do_set_config_call, close_client },
	{ "SET_VRING_NUM", negotiated, do_set_num, close_client },
	{ "SET_VRING_BASE", negotiated, do_set_base, close_client },
	{ "SET_VRING_ADDR", with_queues, do_set_addr, close_client },
	{ "SET_VRING_KICK", negotiated, do_set_kick, close_client },
	{ "SET_VRING_CALL", negotiated, do_set_call, close_client },
	{ "SET_VRING_ERR", negotiated, do_set_err, close_client },
	{ "SET_VRING_ENABLE", with_queues, do_enable, close_client },
	{ "GET_VRING_BASE", running, do_get_base, close_client },
	{ "SET_GROUP_ASID", owned, do_set_group_asid, close_client },
	{ "SET_STATUS DRIVER_OK", with_queues, do_driver_ok, close_client, status },
	{ "SET_STATUS 0", running, do_reset, close_client, status },
	{ "SUSPEND", running, do_suspend, close_client, status },
	{ "RESUME", suspended, do_resume, close_client, status },
	{ "IOTLB UPDATE", owned, do_map, close_client, pinned },
	{ "IOTLB UPDATE of ASID 1", owned_asid, do_map_asid, close_client, pinned },
	{ "IOTLB INVALIDATE", mapped, do_unmap, close_client, pinned },
	{ "IOTLB INVALIDATE of a part", mapped, do_unmap_part, close_client },
	{ "IOTLB batch", owned, do_batch, close_client },
	{ "netlink DEV_NEW, net", for_new, do_request, del_other, there, true },
	{ "netlink DEV_NEW, blk", for_new_disk, do_request, del_other, there, true },
	{ "netlink DEV_NEW, mock", for_new_mock, do_request, del_other, there, true },
	{ "netlink DEV_DEL", for_del, do_request, del_other, there, true },
	{ "netlink DEV_GET", for_get, do_request },
	{ "netlink DEV_GET, all", for_dump, do_request },
	{ "netlink DEV_CONFIG_GET", for_config, do_request },
	{ "netlink DEV_CONFIG_GET, all", for_config_dump, do_request },
	{ "netlink MGMTDEV_GET", for_mgmt_get, do_request },
	{ "netlink MGMTDEV_GET, all", for_mgmt_dump, do_request },
	{ "netlink DEV_VSTATS_GET", for_vstats, do_request, close_client },
	{ "netlink DEV_ATTR_SET", for_attr_set, do_request },
	{ "bind vhost_vdpa", for_vhost, do_bind_vhost, del_other, bound },
	{ "bind virtio_vdpa", for_virtio, do_bind_virtio, del_other, bound },
	{ "driver_override", make_other, do_override, del_other },
	{ "mmap", with_doorbell, do_mmap, unmap_doorbell },
};

static unsigned int total;

static void torture(const struct failing_call *call)
{
	int faults = failing_torture(call);

	if (faults > 0)
		total += faults;
	ksft_test_result(faults >= 0, "%s, %d faults\n", call->name, faults);
}

int main(void)
{
	struct failing_call plain = { NULL, owned, do_plain, close_client };
	unsigned int i;
	long long pins;
	int err;

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
		ctx.asked = plain_calls[i].request;
		torture(&plain);
	}
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		torture(&calls[i]);
	ksft_test_result(pins == pinned(), "no page stays pinned\n");
	ksft_print_msg("%u faults\n", total);
	vdpa_del(ctx.name);
	ksft_finished();
}
