// SPDX-License-Identifier: GPL-2.0
/*
 * A function's probe, the devices made of it and their way to a client behind an
 * IOMMU, with one allocation after the other failing, see ../vdpa/lib/failing.h.
 *
 * Run by failnth.sh, which gives the functions to vp_vdpa and names them in the
 * environment, as PCI addresses: VPF_NET, and VPF_RNG for virtio_vdpa, because
 * virtio_net of 6.12 forgets memory when its probe fails, and virtio_rng doesn't.
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
#include "../vdpa/lib/device.h"
#include "../vdpa/lib/failing.h"
#include "../vdpa/lib/net.h"
#include "../vdpa/lib/netlink.h"

#define NAME		"failing"
#define NUM		64
#define MEMORY		(1 << 20)
#define MORE_IOVA	(CLIENT_IOVA + (1ULL << 30))
/* goes on without some of the files below /proc/irq, and warns later */
#define IRQ_FILES	"register_irq_proc"

static const char *net, *rng;
static const char *function;	/* of those two, the one that is tried */
static char path[64];		/* of the char device */
static struct client client;
static struct nl_request req;
static char *more;
static int event;

/* write(bus, file, text): for example "pci", "drivers/vp_vdpa/bind" */
static int sysfs(const char *bus, const char *file, const char *text)
{
	char name[128];

	snprintf(name, sizeof(name), "/sys/bus/%s/%s", bus, file);
	return write_file(name, text);
}

static long long exists(const char *bus, const char *device, const char *what)
{
	char name[128];

	snprintf(name, sizeof(name), "/sys/bus/%s/devices/%s%s", bus, device, what);
	return !access(name, F_OK);
}

/* --- the function --------------------------------------------------------------- */

static long long taken(void)		{ return exists("pci", function, "/driver"); }
static int take(void)			{ return sysfs("pci", "drivers/vp_vdpa/bind", function); }

static int leave(void)
{
	return taken() ? sysfs("pci", "drivers/vp_vdpa/unbind", function) : 0;
}

static void left(void)
{
	leave();
}

/* --- a device of it --------------------------------------------------------------- */

static long long there(void)		{ return exists("vdpa", NAME, ""); }
static long long bound(void)		{ return exists("vdpa", NAME, "/driver"); }

static int request(uint8_t command, uint16_t flags)
{
	int err = nl_begin(&req, command, flags);

	if (!err && command != VDPA_CMD_MGMTDEV_GET)
		nl_put_string(&req, VDPA_ATTR_DEV_NAME, NAME);
	if (!err && (command == VDPA_CMD_DEV_NEW || command == VDPA_CMD_MGMTDEV_GET)) {
		nl_put_string(&req, VDPA_ATTR_MGMTDEV_BUS_NAME, "pci");
		nl_put_string(&req, VDPA_ATTR_MGMTDEV_DEV_NAME, function);
	}
	return err;
}

static int do_request(void)
{
	struct nl_request copy = req;

	return nl_do(&copy, NULL, NULL);
}

static int for_new(void)
{
	int err = taken() ? 0 : take();

	return err ? err : request(VDPA_CMD_DEV_NEW, 0);
}

static int for_mgmtdev(void)	{ return request(VDPA_CMD_MGMTDEV_GET, 0); }

static int made(void)
{
	int err = for_new();

	return err ? err : do_request();
}

static int for_del(void)
{
	int err = made();

	return err ? err : request(VDPA_CMD_DEV_DEL, 0);
}

static int for_config(void)
{
	int err = made();

	return err ? err : request(VDPA_CMD_DEV_CONFIG_GET, 0);
}

static void del(void)
{
	vdpa_del(NAME);
}

static int for_driver(const char *driver)
{
	int err = made();

	if (!err && bound())
		err = sysfs("vdpa", "devices/" NAME "/driver/unbind", NAME);
	return err ? err : sysfs("vdpa", "devices/" NAME "/driver_override", driver);
}

static int for_vhost(void)		{ return for_driver("vhost_vdpa"); }
static int do_bind_vhost(void)		{ return sysfs("vdpa", "drivers/vhost_vdpa/bind", NAME); }
static int do_bind_virtio(void)		{ return sysfs("vdpa", "drivers/virtio_vdpa/bind", NAME); }

static int for_virtio(void)
{
	function = rng;
	return for_driver("virtio_vdpa");
}

static void del_virtio(void)
{
	del();
	function = net;
}

/* --- a client of that -------------------------------------------------------------- */

static long long pinned(void)
{
	return proc_field("/proc/self/status", "VmPin");
}

static long long status(void)
{
	uint8_t now;

	return vv_get_status(client.fd, &now) ? -1 : now;
}

static int in_reach(void)
{
	int err = made();

	if (!err)
		err = vdpa_bind(NAME, "vhost_vdpa");
	return err ? err : vdpa_chardev(NAME, path, sizeof(path));
}

static int just_open(void)
{
	memset(&client, 0, sizeof(client));
	client.fd = open(path, O_RDWR | O_CLOEXEC);
	return client.fd < 0 ? -errno : 0;
}

static int owned(void)
{
	int err = in_reach();

	return err ? err : client_open(&client, path, MEMORY);
}

static int with_queues(void)
{
	int err = owned();

	if (!err)
		err = client_negotiate(&client, NET_WANTED);
	if (!err)
		err = client_add_queue(&client, NUM);
	return err ? err : client_add_queue(&client, NUM);
}

static int running(void)
{
	int err = with_queues();

	return err ? err : client_start(&client);
}

static int mapped(void)
{
	int err = owned();

	return err ? err : vv_map(client.fd, 0, MORE_IOVA, more, MEMORY, VHOST_ACCESS_RW);
}

static int do_map(void)
{
	return vv_map(client.fd, 0, MORE_IOVA, more, MEMORY, VHOST_ACCESS_RW);
}

static int do_unmap(void)		{ return vv_unmap(client.fd, 0, MORE_IOVA, MEMORY); }
static int do_driver_ok(void)		{ return vv_set_status(client.fd, VV_S_RUNNING); }
static int do_reset(void)		{ return vv_set_status(client.fd, 0); }

static int do_set_call(void)
{
	return vv_set_vring_fd(client.fd, VHOST_SET_VRING_CALL, 0, event);
}

static void close_fd(void)
{
	if (client.fd >= 0)
		close(client.fd);
	del();
}

static void close_client(void)
{
	client_close(&client);
	del();
}

/* --- what a call that fails leaves as it was ------------------------------------------ */

static void state_of_function(struct snapshot *s)
{
	snapshot_add(s, "taken: %lld\n", taken());
}

static void state_of_device(struct snapshot *s)
{
	snapshot_add(s, "there: %lld\nbound: %lld\n", there(), bound());
}

static void state_of_client(struct snapshot *s)
{
	snapshot_add(s, "status: %lld\npinned: %lld\n", status(), pinned());
}

/* Without .least, all that must fail is a copy from or to the caller */
static const struct failing_call calls[] = {
	/*
	 * EINVAL is vp_modern_probe()'s word for a capability that can't be mapped, EBUSY
	 * that of the PCI core when it can't note a region as taken. ACPI's interpreter
	 * frees things twice when it has no memory.
	 */
	{ "probe", leave, take, left, state_of_function, .least = 1,
	  .also = { -EINVAL, -EBUSY }, .spare = "acpi_pci_irq_enable" },
	{ "DEV_NEW", for_new, do_request, del, state_of_device, .least = 1, .unsure = true },
	{ "MGMTDEV_GET", for_mgmtdev, do_request, .least = 1 },
	{ "DEV_CONFIG_GET", for_config, do_request, del, .least = 1 },
	{ "DEV_DEL", for_del, do_request, del, state_of_device, .least = 1, .unsure = true },
	{ "bind vhost_vdpa", for_vhost, do_bind_vhost, del, state_of_device, .least = 1 },
	{ "bind virtio_vdpa", for_virtio, do_bind_virtio, del_virtio, state_of_device,
	  .least = 1, .spare = IRQ_FILES },
	{ "open", in_reach, just_open, close_fd, .least = 1 },
	{ "IOTLB UPDATE", owned, do_map, close_client, state_of_client, .least = 1 },
	{ "IOTLB INVALIDATE", mapped, do_unmap, close_client, state_of_client },
	{ "SET_STATUS DRIVER_OK", with_queues, do_driver_ok, close_client, state_of_client,
	  .spare = IRQ_FILES },
	{ "SET_VRING_CALL", running, do_set_call, close_client },
	{ "SET_STATUS 0", running, do_reset, close_client, state_of_client },
};

int main(void)
{
	unsigned int i, total = 0;
	long long pins;
	struct failing_count count;
	bool ok;

	ksft_print_header();
	net = getenv("VPF_NET");
	rng = getenv("VPF_RNG");
	if (!net || !rng || geteuid())
		ksft_exit_skip("no functions: run by failnth.sh\n");
	function = net;
	if (!failing_set_up())
		ksft_exit_skip("a kernel without fault injection\n");
	if (module_load("vhost_vdpa") || module_load("virtio_vdpa"))
		ksft_exit_fail_msg("no modules\n");
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	more = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	ksft_set_plan(ARRAY_SIZE(calls) + 1);
	pins = pinned();
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ok = failing_torture(&calls[i], &count);
		total += count.faults;
		ksft_test_result(ok, "%s, %u faults, %u times no memory\n", calls[i].name,
				 count.faults, count.refused);
	}
	ksft_test_result(pins == pinned(), "no page stays pinned\n");
	ksft_print_msg("%u faults\n", total);
	ksft_finished();
}
