// SPDX-License-Identifier: GPL-2.0
/*
 * Which operations vhost_vdpa calls on a parent, in which order, for what real
 * clients do, step by step: a script of calls to the char device, and what the
 * mock parent recorded of it. And what becomes of operations that are missing
 * or fail, and of devices of odd shapes.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vdpa.h>
#include <linux/vhost.h>

#include "../kselftest.h"
#include "lib/device.h"
#include "lib/netlink.h"
#include "lib/vhost_vdpa.h"

#define NAME		"order"
#define MOCK		"/sys/kernel/debug/vdpa_mock/"
#define MEM_SIZE	0x100000
#define FDS		8
/* What a device of the usual shape lacks: it has set_map */
#define OFF		"compat_reset,dma_map,dma_unmap"

static struct {
	char path[64];
	int fd;
	int kicks[FDS];
	char *mem;
	bool v1;
} client;

static int shell(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return system(line);
}

/* --- what was called -------------------------------------------------------- */

/* All but questions, which may be asked at any time and as often as one likes */
static bool is_question(const char *op)
{
	return !strncmp(op, "get_", 4) && strncmp(op, "get_vq_state", 12);
}

/* How many ranges a table has depends on where the memory lies */
static void forget_ranges(char *line)
{
	char *count = strrchr(line, ' ');

	if (!strncmp(line, "set_map ", 8) && strcmp(count, " 0"))
		memcpy(count, " some", sizeof(" some"));
}

/* "op arg;op arg;" of all since forget() */
static const char *called(void)
{
	static char all[8192];
	char line[256];
	size_t len = 0;
	FILE *file = fopen(MOCK "calls", "r");

	all[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, NAME " ", sizeof(NAME)) || is_question(line + sizeof(NAME)))
			continue;
		forget_ranges(line + sizeof(NAME));
		len += snprintf(all + len, sizeof(all) - len, "%s;", line + sizeof(NAME));
		if (len >= sizeof(all))
			break;
	}
	if (file)
		fclose(file);
	return all;
}

static void forget(void)
{
	int fd = open(MOCK "calls", O_WRONLY);

	if (fd < 0 || write(fd, "", 1) != 1)
		ksft_exit_fail_msg("no record of calls\n");
	close(fd);
}

static void fail(const char *op, int err)
{
	int fd = open(MOCK "fail", O_WRONLY);

	if (fd < 0 || dprintf(fd, "%s %d", op, err) < 0)
		ksft_exit_fail_msg("no fault for %s\n", op);
	close(fd);
}

static void param(const char *setting, size_t len)
{
	size_t name = strcspn(setting, "=");
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/vdpa_mock/parameters/%.*s", (int)name,
		 setting);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, setting + name + 1, len - name - 1) != (ssize_t)(len - name - 1))
		ksft_exit_fail_msg("parameter %.*s refused\n", (int)len, setting);
	close(fd);
}

static void params(const char *settings)
{
	size_t len;

	for (; *settings; settings += len + (settings[len] == ' ')) {
		len = strcspn(settings, " ");
		if (len)
			param(settings, len);
	}
}

static int add(void)
{
	struct nl_request req;
	int err = nl_begin(&req, VDPA_CMD_DEV_NEW, 0);

	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, NAME);
	nl_put_string(&req, VDPA_ATTR_MGMTDEV_BUS_NAME, "platform");
	nl_put_string(&req, VDPA_ATTR_MGMTDEV_DEV_NAME, "vdpa_mock");
	return nl_do(&req, NULL, NULL);
}

/* A device of the shape that is usual but for the settings */
static void make(const char *settings)
{
	uint64_t kicks;
	int i;

	for (i = 0; i < FDS; i++)
		while (read(client.kicks[i], &kicks, sizeof(kicks)) > 0)
			;
	params("queues=4 groups=1 spaces=1 num_min=1 num_max=256 align=4096");
	params("iova_first=0 iova_last=0xffffffffffffffff doorbell=0 irq=0");
	params("config_size=128 features=0x300000000 off=" OFF);
	params(settings);
	if (add() || vdpa_bind(NAME, "vhost_vdpa") ||
	    vdpa_chardev(NAME, client.path, sizeof(client.path)))
		ksft_exit_fail_msg("no device: %s\n", settings);
	forget();
}

static void unmake(void)
{
	if (client.fd >= 0)
		close(client.fd);
	client.fd = -1;
	vdpa_del(NAME);
}

/* --- the words of a script -------------------------------------------------- */

struct word {
	const char *name;
	int (*run)(const unsigned long *arg);
};

static int word_open(const unsigned long *arg)
{
	int fd = open(client.path, arg[0] ? O_WRONLY : O_RDWR);

	if (fd < 0)
		return -errno;
	client.fd = fd;
	client.v1 = false;
	return 0;
}

static int word_close(const unsigned long *arg)
{
	close(client.fd);
	client.fd = -1;
	return 0;
}

static int word_owner(const unsigned long *arg)
{
	return vv_set_owner(client.fd);
}

static int word_features(const unsigned long *arg)
{
	return vv_set_features(client.fd, arg[0]);
}

static int word_backend(const unsigned long *arg)
{
	return vv_set_backend_features(client.fd, arg[0]);
}

static int word_status(const unsigned long *arg)
{
	return vv_set_status(client.fd, arg[0]);
}

/* All that can be asked of a device as such */
static int word_look(const unsigned long *arg)
{
	uint64_t features, first, last;
	uint8_t status, config[8];
	uint16_t num;
	uint32_t n;

	return vv_get_features(client.fd, &features) ?:
	       vv_get_backend_features(client.fd, &features) ?:
	       vv_get_status(client.fd, &status) ?:
	       vv_get_config(client.fd, 0, config, sizeof(config)) ?:
	       vv_get_iova_range(client.fd, &first, &last) ?:
	       vv_get_vring_num(client.fd, &num) ?:
	       vv_get_u32(client.fd, VHOST_VDPA_GET_DEVICE_ID, &n) ?:
	       vv_get_u32(client.fd, VHOST_VDPA_GET_VQS_COUNT, &n) ?:
	       vv_get_u32(client.fd, VHOST_VDPA_GET_CONFIG_SIZE, &n);
}

static int word_num(const unsigned long *arg)
{
	return vv_set_vring(client.fd, VHOST_SET_VRING_NUM, arg[0], arg[1]);
}

static int word_base(const unsigned long *arg)
{
	return vv_set_vring(client.fd, VHOST_SET_VRING_BASE, arg[0], arg[1]);
}

/* Must read the number that is given */
static int word_readbase(const unsigned long *arg)
{
	unsigned int base;
	int err = vv_get_vring(client.fd, VHOST_GET_VRING_BASE, arg[0], &base);

	return err ?: base == arg[1] ? 0 : -EBADMSG;
}

static int word_addr(const unsigned long *arg)
{
	uint64_t base = 0x10000 * (arg[0] + 1);

	return vv_set_vring_addr(client.fd, arg[0], base, base + 0x1000, base + 0x2000);
}

static int word_kickfd(const unsigned long *arg)
{
	return vv_set_vring_fd(client.fd, VHOST_SET_VRING_KICK, arg[0],
			       client.kicks[arg[0]]);
}

static int word_callfd(const unsigned long *arg)
{
	return vv_set_vring_fd(client.fd, VHOST_SET_VRING_CALL, arg[0],
			       client.kicks[FDS - 1]);
}

static int word_nocall(const unsigned long *arg)
{
	return vv_set_vring_fd(client.fd, VHOST_SET_VRING_CALL, arg[0], -1);
}

static int word_configfd(const unsigned long *arg)
{
	return vv_set_config_call(client.fd, client.kicks[FDS - 1]);
}

/* The eventfd is read as well, so that it tells nobody later */
static int word_kick(const unsigned long *arg)
{
	uint64_t one = 1;

	if (write(client.kicks[arg[0]], &one, 8) != 8 ||
	    (!arg[1] && read(client.kicks[arg[0]], &one, 8) != 8))
		return -errno;
	return 0;
}

static int word_enable(const unsigned long *arg)
{
	return vv_set_vring(client.fd, VHOST_VDPA_SET_VRING_ENABLE, arg[0], arg[1]);
}

static int word_group(const unsigned long *arg)
{
	unsigned int group;
	int err = vv_get_vring(client.fd, VHOST_VDPA_GET_VRING_GROUP, arg[0], &group);

	return err ?: group == arg[1] ? 0 : -EBADMSG;
}

static int word_descgroup(const unsigned long *arg)
{
	unsigned int group;
	int err = vv_get_vring(client.fd, VHOST_VDPA_GET_VRING_DESC_GROUP, arg[0], &group);

	return err ?: group == arg[1] ? 0 : -EBADMSG;
}

static int word_size(const unsigned long *arg)
{
	unsigned int size;
	int err = vv_get_vring(client.fd, VHOST_VDPA_GET_VRING_SIZE, arg[0], &size);

	return err ?: size == arg[1] ? 0 : -EBADMSG;
}

static int word_asid(const unsigned long *arg)
{
	return vv_set_vring(client.fd, VHOST_VDPA_SET_GROUP_ASID, arg[0], arg[1]);
}

static int word_suspend(const unsigned long *arg)
{
	return vv_suspend(client.fd);
}

static int word_resume(const unsigned long *arg)
{
	return vv_resume(client.fd);
}

static int word_v1(const unsigned long *arg)
{
	client.v1 = true;
	return 0;
}

static int iotlb(uint32_t asid, uint8_t type, const struct vv_range *range)
{
	return client.v1 ? vv_iotlb_v1(client.fd, type, range) :
			   vv_iotlb_v2(client.fd, asid, type, range);
}

/* map ASID IOVA SIZE: of memory that lies as far from a page as the address */
static int word_map(const unsigned long *arg)
{
	struct vv_range range = {
		.iova = arg[1], .size = arg[2], .perm = VHOST_ACCESS_RW,
		.uaddr = (unsigned long)client.mem + (arg[1] & 0xfff),
	};

	return iotlb(arg[0], VHOST_IOTLB_UPDATE, &range);
}

static int word_unmap(const unsigned long *arg)
{
	struct vv_range range = { .iova = arg[1], .size = arg[2] };

	return iotlb(arg[0], VHOST_IOTLB_INVALIDATE, &range);
}

static int word_begin(const unsigned long *arg)
{
	struct vv_range range = {};

	return iotlb(arg[0], VHOST_IOTLB_BATCH_BEGIN, &range);
}

static int word_end(const unsigned long *arg)
{
	struct vv_range range = {};

	return iotlb(arg[0], VHOST_IOTLB_BATCH_END, &range);
}

static int word_memtable(const unsigned long *arg)
{
	struct vhost_memory memory = {};

	return vv_ioctl(client.fd, VHOST_SET_MEM_TABLE, &memory);
}

static int word_bell(const unsigned long *arg)
{
	void *bell = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, client.fd, arg[0] * 4096);

	return bell == MAP_FAILED ? -errno : munmap(bell, 4096);
}

/* As a hypervisor, waits for interrupts in the place of the eventfd for calls */
static int word_watch(const unsigned long *arg)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", client.kicks[FDS - 1]);
	return vdpa_mock_order("bypass", number);
}

static int word_nowatch(const unsigned long *arg)
{
	return vdpa_mock_order("bypass", "-1");
}

/* Must see as many interrupts of queues */
static int word_producers(const unsigned long *arg)
{
	unsigned int came, left;
	FILE *file = fopen(MOCK "bypass", "r");
	int n = file ? fscanf(file, "%u %u", &came, &left) : 0;

	if (file)
		fclose(file);
	return n == 2 && came - left == arg[0] ? 0 : -EBADMSG;
}

static int word_unbind(const unsigned long *arg)
{
	return shell("echo " NAME " >/sys/bus/vdpa/drivers/vhost_vdpa/unbind") ? -EIO : 0;
}

static int word_bind(const unsigned long *arg)
{
	return vdpa_bind(NAME, "vhost_vdpa") ?:
	       vdpa_chardev(NAME, client.path, sizeof(client.path));
}

static int word_del(const unsigned long *arg)
{
	return vdpa_del(NAME);
}

#define WORD(name)	{ #name, word_##name }

static const struct word words[] = {
	WORD(open), WORD(close), WORD(owner), WORD(features), WORD(backend), WORD(status),
	WORD(look), WORD(num), WORD(base), WORD(readbase), WORD(addr), WORD(kickfd),
	WORD(callfd), WORD(nocall), WORD(configfd), WORD(kick), WORD(enable), WORD(group),
	WORD(descgroup), WORD(size), WORD(asid), WORD(suspend), WORD(resume), WORD(v1),
	WORD(map), WORD(unmap), WORD(begin), WORD(end), WORD(memtable), WORD(bell),
	WORD(watch), WORD(nowatch), WORD(producers), WORD(unbind), WORD(bind), WORD(del),
};

/* "name arg arg" and, where it must fail, "!errno" */
static bool run_word(char *text)
{
	unsigned long arg[4] = {};
	char *failure = strchr(text, '!'), *at;
	int wanted = failure ? -strtol(failure + 1, NULL, 0) : 0, got;
	unsigned int i, n;

	at = text + strcspn(text, " !");
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].name) == (size_t)(at - text) &&
		    !strncmp(words[i].name, text, at - text))
			break;
	}
	if (i == ARRAY_SIZE(words))
		ksft_exit_fail_msg("no word %s\n", text);
	for (n = 0; n < ARRAY_SIZE(arg) && *at == ' ' && at[1] != '!'; n++)
		arg[n] = strtoul(at, &at, 0);
	got = words[i].run(arg);
	if (got != wanted)
		ksft_print_msg("%s: %s\n", text, strerror(-got));
	return got == wanted;
}

/* Whether the parent was asked for nothing that it must not be since the last time */
static bool rules_kept(void)
{
	static long long before;
	long long n = proc_field("/sys/module/vdpa_mock/parameters/violations", "");
	bool kept = n == before;

	if (!kept)
		ksft_print_msg("%lld rules are broken\n", n - before);
	before = n;
	return kept;
}

static bool run(const char *script)
{
	char copy[1024], *at = copy, *text;
	bool ok = true;

	snprintf(copy, sizeof(copy), "%s", script);
	while ((text = strsep(&at, ";"))) {
		while (isspace(*text))
			text++;
		if (*text)
			ok = run_word(text) && ok;
	}
	return ok;
}

/* --- scripts ----------------------------------------------------------------- */

/* Runs from one to the next with a new device where @shape says so */
struct step {
	const char *name;
	const char *shape;
	const char *script;
	const char *calls;
};

#define SHAPE	"queues=3 groups=2 spaces=2 "
#define NET	"0x300000000"

/* What a queue is told on the way up, by all clients; the base is theirs */
#define UP(q)	"num " #q " 256; base " #q " 0; addr " #q "; kickfd " #q "; callfd " #q ";"
#define UP_CALLS(q, address)						\
	"set_vq_num " #q " 256;set_vq_state " #q " 0;set_vq_address " #q " " address ";" \
	"set_vq_cb " #q " 1;"
/* What a kernel driver may have seen is away with each reset, and back at the end */
#define EMPTY	"set_map 0 0;set_map 1 0;"
#define BACK	"reset_map 0;reset_map 1;"
#define A0	"0x10000 0x11000 0x12000"
#define A1	"0x20000 0x21000 0x22000"
#define A2	"0x30000 0x31000 0x32000"

static const struct step steps[] = {
	/* the life of a file */
	{ "bind asks, and changes nothing", SHAPE, "", "" },
	{ "open resets", NULL, "open", "reset;" EMPTY },
	{ "a second client changes nothing", NULL, "open !16", "" },
	{ "close resets", "again", "open; close", "reset;" EMPTY "reset;" BACK },
	{ "unbind without a client", NULL, "unbind", "" },
	{ "bind again", NULL, "bind", "" },
	{ "unbind under a client", NULL, "open; unbind", "reset;" EMPTY "reset;" BACK },
	{ "whose calls fail from then on", NULL, "owner !19; status 0 !19; close", "" },
	{ "unplug without a client", NULL, "bind; del", "free;" },
	{ "unplug under a client", SHAPE, "open; owner; del",
	  "reset;" EMPTY "reset;" BACK "free;" },
	{ "whose calls fail, too", NULL, "look !19; close", "" },

	/* QEMU 7.2: net, one pair */
	{ "QEMU 7.2: looks first", SHAPE, "open; look; status 0; look",
	  "reset;" EMPTY "set_driver_features 0;reset;" EMPTY "set_driver_features 0;" },
	{ "QEMU 7.2: device", NULL,
	  "owner; look; backend 0x6; status 1; status 3; features " NET "; status 11",
	  "set_status 1;set_status 3;set_driver_features 0x300000000;set_status 11;" },
	{ "QEMU 7.2: memory", NULL,
	  "begin; map 0 0 0x80000; map 0 0x100000 0x80000; end", "set_map 0 some;" },
	{ "QEMU 7.2: queues", NULL, UP(0) UP(1),
	  UP_CALLS(0, A0) UP_CALLS(1, A1) },
	{ "QEMU 7.2: enables, then runs", NULL, "enable 0 1; enable 1 1; status 15",
	  "set_vq_ready 0 1;set_vq_ready 1 1;set_status 15;" },
	{ "QEMU 7.2: kicks", NULL, "kick 1; kick 0", "kick_vq 1;kick_vq 0;" },
	{ "QEMU 7.2: masks an interrupt", NULL, "nocall 0; callfd 0",
	  "set_vq_cb 0 0;set_vq_cb 0 1;" },
	{ "QEMU 7.2: stops", NULL, "enable 0 0; enable 1 0; readbase 0 0; readbase 1 0",
	  "set_vq_ready 0 0;set_vq_ready 1 0;get_vq_state 0;get_vq_state 1;" },
	{ "QEMU 7.2: resets, with its calls set up again", NULL, "status 0; status 1; status 3",
	  "reset;set_map 0 0;" EMPTY "set_vq_cb 0 1;set_vq_cb 1 1;set_status 1;"
	  "set_status 3;" },
	{ "QEMU 7.2: unmaps what is gone already", NULL,
	  "begin; unmap 0 0 0x80000; unmap 0 0x100000 0x80000; end", "" },

	/* QEMU 10: net with a control queue in an address space of its own */
	{ "QEMU 10: isolation probe", SHAPE,
	  "open; look; backend 0xe; features " NET "; status 11; owner; group 2 0; status 0",
	  "reset;" EMPTY "set_driver_features 0;set_driver_features 0x300000000;"
	  "set_status 11;reset;" EMPTY },
	{ "QEMU 10: device", NULL, "status 1; status 3; features " NET "; status 11; backend 0x1e",
	  "set_status 1;set_status 3;set_driver_features 0x300000000;set_status 11;" },
	{ "QEMU 10: control queue's space", NULL,
	  "asid 1 1; map 1 0x1000 0x1000; map 1 0x2000 0x1000",
	  "set_group_asid 1 1;set_map 1 some;set_map 1 some;" },
	{ "QEMU 10: queues", NULL, UP(0) UP(1) UP(2),
	  UP_CALLS(0, A0) UP_CALLS(1, A1) UP_CALLS(2, A2) },
	{ "QEMU 10: memory", NULL, "begin; map 0 0 0x10000; map 0 0x20000 0x10000; "
	  "map 0 0x40000 0x10000; end", "set_map 0 some;" },
	{ "QEMU 10: runs, then enables control and data", NULL,
	  "status 15; enable 2 1; kick 2; enable 0 1; enable 1 1",
	  "set_status 15;set_vq_ready 2 1;kick_vq 2;set_vq_ready 0 1;set_vq_ready 1 1;" },
	{ "QEMU 10: stops", NULL, "suspend; readbase 0 0; readbase 1 0; readbase 2 0",
	  "suspend;get_vq_state 0;get_vq_state 1;get_vq_state 2;" },
	{ "QEMU 10: resets", NULL, "status 0",
	  "reset;set_map 0 0;set_map 1 0;" EMPTY "set_vq_cb 0 1;set_vq_cb 1 1;set_vq_cb 2 1;" },

	/* DPDK 22.11: everything away before anything is mapped, packed rings */
	{ "DPDK: device", SHAPE "features=0x700000000",
	  "open; owner; backend 0x6; look; status 0; status 1; status 3; "
	  "features 0x700000000; status 11",
	  "reset;" EMPTY "set_driver_features 0;reset;" EMPTY "set_status 1;set_status 3;"
	  "set_driver_features 0x700000000;set_status 11;" },
	{ "DPDK: memory", NULL, "begin; unmap 0 0 0xffffffffffffffff; map 0 0x4000000 0x40000; "
	  "map 0 0x8000000 0x40000; end", "set_map 0 some;" },
	{ "DPDK: queue with the half of a packed base", NULL,
	  "num 0 256; base 0 0x8000; addr 0; kickfd 0; callfd 0",
	  "set_vq_num 0 256;set_vq_state 0 0 1 0 1;set_vq_address 0 " A0 ";set_vq_cb 0 1;" },
	{ "DPDK: enables, then runs", NULL, "enable 0 1; status 15",
	  "set_vq_ready 0 1;set_status 15;" },
	{ "DPDK: stops", NULL, "enable 0 0; readbase 0 0x80008000; status 0",
	  "set_vq_ready 0 0;get_vq_state 0;reset;set_map 0 0;" EMPTY "set_vq_cb 0 1;" },
	{ "DPDK: leaves", NULL, "close", "reset;" BACK "set_vq_cb 0 0;" },

	/* libblkio: write only, version 1 messages, lengths that are odd */
	{ "libblkio: device", SHAPE,
	  "open 1; look; owner; backend 0; status 0; status 1; status 3; features " NET
	  "; status 11",
	  "reset;" EMPTY "set_driver_features 0;reset;" EMPTY "set_status 1;set_status 3;"
	  "set_driver_features 0x300000000;set_status 11;" },
	{ "libblkio: queue", NULL, UP(0) "enable 0 1; status 15",
	  UP_CALLS(0, A0) "set_vq_ready 0 1;set_status 15;" },
	{ "libblkio: memory later", NULL, "v1; map 0 0x40000 0x1801", "set_map 0 some;" },
	{ "libblkio: unmaps as much", NULL, "unmap 0 0x40000 0x1801", "set_map 0 0;" },
	{ "libblkio: leaves a device that runs", NULL, "close",
	  "reset;" BACK "set_vq_cb 0 0;" },

	/* rust-vmm: features before the owner, an unaligned size */
	{ "rust-vmm: features first", SHAPE, "open; features " NET "; owner; backend 0xa",
	  "reset;" EMPTY "set_driver_features 0x300000000;" },
	{ "rust-vmm: memory", NULL, "memtable; map 0 0xffff0000 0xffff; unmap 0 0xffff0000 0xffff",
	  "set_map 0 some;set_map 0 0;" },
	{ "rust-vmm: queue", NULL, "num 0 32; base 0 10; addr 0; readbase 0 10; enable 0 1",
	  "set_vq_num 0 32;set_vq_state 0 10;set_vq_address 0 " A0 ";get_vq_state 0;"
	  "set_vq_ready 0 1;" },
	{ "rust-vmm: configuration", NULL, "configfd", "set_config_cb 1;" },
	{ "rust-vmm: reset sets that up again", NULL, "status 0",
	  "reset;" EMPTY "set_config_cb 1;" },

	/* parents that translate in steps */
	{ "steps: maps", SHAPE "off=set_map,compat_reset,dma_unmap_range",
	  "open; owner; backend 0xa; map 0 0x10000 0x1000; map 1 0x10000 0x1000",
	  "reset;dma_unmap 0 0 0xfffffffffffff000;dma_unmap 1 0 0xfffffffffffff000;"
	  "dma_map 0 0x10000 4096 3;dma_map 1 0x10000 4096 3;" },
	{ "steps: unmaps", NULL, "unmap 0 0x10000 0x1000", "dma_unmap 0 0x10000 4096;" },

	/* mappings and resets */
	{ "persist: reset keeps", SHAPE "off=compat_reset,dma_map,dma_unmap",
	  "open; owner; backend 0x10a; map 0 0x1000 0x1000; status 0",
	  "reset;" EMPTY "set_map 0 some;reset;" },
	{ "clean: a parent that can is told to", SHAPE "off=dma_map,dma_unmap",
	  "open; owner; backend 0x2; map 0 0x1000 0x1000; status 0",
	  "compat_reset 1;" EMPTY "set_map 0 some;compat_reset 1;set_map 0 0;" EMPTY },
	{ "persist: a parent that can is not told to clean", SHAPE "off=dma_map,dma_unmap",
	  "open; owner; backend 0x10a; map 0 0x1000 0x1000; status 0",
	  "compat_reset 1;" EMPTY "set_map 0 some;reset;" },

	/* kicks and readiness */
	{ "kick: before the queue is there", SHAPE,
	  "open; owner; features " NET "; status 11; kick 0 1; kickfd 0", NULL },
	{ "kick: is repeated when the queue is enabled", NULL, "enable 0 1", NULL },
	{ "enable toggles", NULL, "enable 1 1; enable 1 0; enable 1 1",
	  "set_vq_ready 1 1;set_vq_ready 1 0;set_vq_ready 1 1;" },

	/* what must not reach a parent */
	{ "refused: sizes", SHAPE, "open; owner; num 0 0 !22; num 0 3 !22; num 0 512 !22; "
	  "num 3 256 !105", "reset;" EMPTY },
	{ "refused: before the owner", SHAPE,
	  "open; num 0 256 !1; base 0 0 !1; addr 0 !1; enable 0 1 !1; asid 0 0 !1",
	  "reset;" EMPTY },
	{ "refused: features after FEATURES_OK", SHAPE,
	  "open; owner; features " NET "; status 11; features 0x100000000 !16",
	  "reset;" EMPTY "set_driver_features 0x300000000;set_status 11;" },
	{ "refused: status backwards", NULL, "status 3 !22; status 8 !22", "" },
	{ "refused: addresses of a queue that runs", NULL,
	  UP(0) "enable 0 1; status 15; addr 0 !22; base 0 1 !22; num 0 128 !16",
	  UP_CALLS(0, A0) "set_vq_ready 0 1;set_status 15;" },
	{ "refused: also when a reset ended a suspend", SHAPE,
	  "open; owner; backend 0xe; features " NET "; status 11; status 15; suspend; "
	  "status 0; features " NET "; status 11; " UP(0) "enable 0 1; status 15; addr 0 !22",
	  "reset;" EMPTY "set_driver_features 0x300000000;set_status 11;set_status 15;suspend;"
	  "reset;" EMPTY "set_driver_features 0x300000000;set_status 11;" UP_CALLS(0, A0)
	  "set_vq_ready 0 1;set_status 15;" },
	{ "close: nobody is called from then on", SHAPE, "open; owner; configfd; close",
	  "reset;" EMPTY "set_config_cb 1;set_config_cb 0;reset;" BACK },
	{ "refused: groups and spaces", SHAPE, "open; owner; asid 2 0 !22; asid 0 2 !22; "
	  "asid 0 1", "reset;" EMPTY "set_group_asid 0 1;" },
	{ "refused: suspend of a device at rest", NULL, "suspend; resume", "" },
};

/* NULL: the same device; "again": the same, after the file was closed */
static void run_steps(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct step *s = &steps[i];
		const char *got;
		bool ok;

		if (s->shape && strcmp(s->shape, "again")) {
			unmake();
			make(s->shape);
		} else if (s->shape) {
			run("close");
		}
		if (!s->shape || !strcmp(s->shape, "again"))
			forget();
		ok = run(s->script);
		got = called();
		if (s->calls && strcmp(got, s->calls)) {
			ksft_print_msg("called %s\n", got);
			ok = false;
		}
		if (!s->calls && !strstr(got, "kick_vq 0;")) {
			ksft_print_msg("no kick: %s\n", got);
			ok = false;
		}
		ksft_test_result(rules_kept() && ok, "%s\n", s->name);
	}
	unmake();
}

/* --- operations that fail ----------------------------------------------------- */

#define READY	"open; owner; backend 0xe; status 1; status 3; "
#define RUNS	READY "features " NET "; status 11; " UP(0) "enable 0 1; status 15; "

struct failure {
	const char *op;
	int err;
	const char *before;
	const char *script;
	const char *after;
	const char *shape;
};

/* Parents that have it are told to reset by this, unless mappings persist */
#define COMPAT	"off=dma_map,dma_unmap"

static const struct failure failures[] = {
	{ "reset", 5, "", "open !5", "open" },
	{ "reset", 5, RUNS, "status 0 !5", "status 0" },
	{ "reset", 5, RUNS, "close", "open" },
	{ "reset", 5, RUNS, "unbind", "close; bind; open" },
	{ "set_driver_features", 95, READY, "features " NET " !22", "features " NET },
	{ "set_vq_address", 22, READY, "addr 0 !22", "addr 0" },
	{ "set_vq_address", 5, READY, "addr 0 !22", "addr 0" },
	{ "set_vq_state", 95, READY, "base 0 1 !95", "base 0 1; readbase 0 1" },
	{ "get_vq_state", 95, READY, "readbase 0 0 !95", "readbase 0 0" },
	{ "get_vq_state", 5, RUNS, "readbase 0 0 !5", "readbase 0 0" },
	{ "suspend", 16, RUNS, "suspend !16; base 0 1 !22", "suspend; base 0 1" },
	{ "resume", 16, RUNS "suspend; ", "resume !16; base 0 1", "resume; base 0 1 !22" },
	{ "set_group_asid", 22, READY, "asid 0 1 !22", "asid 0 1" },
	{ "set_group_asid", 5, READY, "asid 0 1 !5", "asid 0 1" },
	{ "set_map", 5, "", "open !5", "open" },
	{ "set_map", 5, RUNS, "status 0 !5", "status 0" },
	{ "set_map", 11, READY, "map 0 0x1000 0x1000 !11", "map 0 0x1000 0x1000" },
	{ "set_map", 12, READY, "map 0 0x1000 0x1000 !12", "map 0 0x1000 0x1000" },
	{ "set_map", 28, READY "begin; map 0 0x1000 0x1000; ", "end !28", "begin; end" },
	{ "set_map", 5, READY "map 0 0x1000 0x1000; ", "close", "open; owner" },
	{ "get_vq_notification", 5, READY, "bell 0 !95", "bell 0" },
	{ "get_vq_irq", 5, RUNS "watch; producers 1; ", "callfd 0; producers 0",
	  "callfd 0; producers 1" },
	{ "get_vq_size", 5, READY, "num 0 256 !22", "num 0 256" },
	{ "get_vq_group", 5, READY, "group 0 0 !5", "group 0 0" },
	{ "get_vq_desc_group", 5, READY, "descgroup 0 1 !5", "descgroup 0 1" },
	{ "compat_reset", 5, "", "open !5", "open", COMPAT },
	{ "compat_reset", 5, RUNS, "status 0 !5; addr 0 !22", "status 0; addr 0", COMPAT },
	{ "compat_reset", 5, RUNS, "close", "open", COMPAT },
	{ "reset_map", 5, READY "map 0 0x1000 0x1000; ", "close",
	  "open; owner; map 0 0x1000 0x1000" },
};

static void run_failures(void)
{
	char shape[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(failures); i++) {
		const struct failure *f = &failures[i];
		bool ok;

		snprintf(shape, sizeof(shape), SHAPE "irq=40 doorbell=1 %s", f->shape ?: "");
		make(shape);
		ok = run(f->before);
		fail(f->op, -f->err);
		ok = run(f->script) && ok;
		fail(f->op, 0);
		ok = run(f->after) && ok;
		ksft_test_result(rules_kept() && ok, "%s fails with %s: %s\n", f->op, strerror(f->err),
				 f->script);
		unmake();
	}
	run("nowatch");
}

/* What has no way to fail can't be told to */
static void refuse_to_fail(void)
{
	static const char *const sure[] = {
		"kick_vq", "get_status", "set_config_cb", "get_device_features",
		"get_vq_align", "get_generation", "get_config_size", "free",
	};
	bool refused = true;
	char order[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sure); i++) {
		snprintf(order, sizeof(order), "%s -5", sure[i]);
		refused = vdpa_mock_order("fail", order) == -EINVAL && refused;
	}
	ksft_test_result(refused, "operations that can't fail\n");
}

/* --- operations that are missing ------------------------------------------------ */

struct missing {
	const char *op;
	uint64_t backend;	/* feature that goes with it */
	const char *script;
};

static const struct missing missing[] = {
	{ "suspend", VV_BIT(VHOST_BACKEND_F_SUSPEND), RUNS "suspend !95" },
	{ "resume", VV_BIT(VHOST_BACKEND_F_RESUME), RUNS "suspend; resume !95" },
	{ "get_vq_desc_group", VV_BIT(VHOST_BACKEND_F_DESC_ASID), READY "descgroup 0 0 !95" },
	{ "reset_map", VV_BIT(VHOST_BACKEND_F_IOTLB_PERSIST),
	  READY "backend 0x100 !95; backend 0xe; map 0 0x1000 0x1000; status 0; "
	  "map 0 0x1000 0x1000" },
	{ "get_vq_group", 0, READY "group 0 0 !95" },
	{ "set_group_asid", 0, READY "asid 0 1 !95" },
	{ "get_vq_size", 0, READY "size 0 256 !95; num 0 256" },
	{ "get_vq_num_min", 0, READY "num 0 1" },
	{ "get_iova_range", 0, READY "look; map 0 0xfffffffffffff000 0x1000" },
	{ "get_vq_irq", 0, RUNS "watch; callfd 0; producers 0; nowatch" },
	{ "get_backend_features", 0, READY "look" },
	{ "get_vq_notification", 0, RUNS "bell 0 !95" },
};

static void run_missing(void)
{
	char shape[256];
	uint64_t features;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(missing); i++) {
		const struct missing *m = &missing[i];
		bool ok;

		snprintf(shape, sizeof(shape), SHAPE "irq=40 doorbell=1 off=" OFF ",%s",
			 m->op);
		make(shape);
		ok = run(m->script);
		if (client.fd >= 0)
			ok = !vv_get_backend_features(client.fd, &features) &&
			     !(features & m->backend) && ok;
		ksft_test_result(rules_kept() && ok, "without %s\n", m->op);
		unmake();
	}
}

/* --- shapes ---------------------------------------------------------------------- */

struct shape {
	const char *name;
	const char *shape;
	const char *script;
};

static const struct shape shapes[] = {
	{ "no queue", "queues=0", "open; owner; num 0 1 !105" },
	{ "one queue", "queues=1", RUNS "num 1 1 !105" },
	{ "256 queues", "queues=256", "open; owner; num 255 256; num 256 256 !105" },
	{ "one group, one space", "queues=2", READY "asid 0 0; asid 0 1 !22; map 1 0 0x1000 !22" },
	{ "8 groups, 64 spaces", "queues=8 groups=8 spaces=64",
	  READY "group 7 7; descgroup 7 0; asid 7 63; map 63 0 0x1000; unmap 63 0 0x1000" },
	{ "smallest queue", "num_min=64", "open; owner; num 0 32 !22; num 0 64" },
	{ "largest queue", "num_max=1024", "open; owner; num 0 2048 !22; num 0 1024" },
	{ "largest queue is no power of 2", "num_max=100", "open; owner; num 0 128 !22; num 0 64" },
	{ "range: below", "iova_first=0x10000 iova_last=0x1ffff",
	  READY "map 0 0xf000 0x1000 !22; map 0 0xf000 0x2000 !22" },
	{ "range: above", "iova_first=0x10000 iova_last=0x1ffff",
	  READY "map 0 0x1f000 0x2000 !22; map 0 0x20000 0x1000 !22" },
	{ "range: all of it", "iova_first=0x10000 iova_last=0x1ffff",
	  READY "map 0 0x10000 0x10000" },
	{ "range: around it", "iova_first=0x10000 iova_last=0x1ffff",
	  READY "map 0 0 0x40000 !22; unmap 0 0 0xffffffffffffffff" },
	{ "no configuration", "config_size=0", "open; look !22; owner" },
	{ "interrupts", "irq=40 queues=3", RUNS "watch; producers 1; nocall 0; producers 0; "
	  "callfd 0; producers 1; status 0; producers 0; nowatch" },
};

static void run_shapes(void)
{
	unsigned int i;
	bool ok;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		make(shapes[i].shape);
		ok = run(shapes[i].script);
		ksft_test_result(rules_kept() && ok, "shape: %s\n", shapes[i].name);
		unmake();
	}
}

static unsigned int rings(void)
{
	unsigned int value = 0;
	FILE *file = fopen(MOCK NAME "/doorbell", "r");

	if (!file || fscanf(file, "%x", &value) != 1)
		value = ~0;
	if (file)
		fclose(file);
	return value;
}

/* A doorbell reaches the parent's page, and no longer once the device is gone */
static void try_doorbell(void)
{
	uint32_t *bell;

	make(SHAPE "doorbell=1");
	run("open; owner");
	bell = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, client.fd, 0);
	ksft_test_result(bell != MAP_FAILED, "doorbell: mapped\n");
	if (bell != MAP_FAILED)
		*bell = 0x1234;
	ksft_test_result(rings() == 0x1234, "doorbell: rings\n");
	ksft_test_result(mmap(NULL, 4096, PROT_READ, MAP_SHARED, client.fd, 0) == MAP_FAILED,
			 "doorbell: not to be read\n");
	ksft_test_result(mmap(NULL, 8192, PROT_WRITE, MAP_SHARED, client.fd, 0) == MAP_FAILED,
			 "doorbell: one page\n");
	ksft_test_result(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, client.fd, 3 * 4096) ==
			 MAP_FAILED, "doorbell: of a queue that is there\n");
	unmake();
	make(SHAPE);
	run("open; owner");
	ksft_test_result(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, client.fd, 0) == MAP_FAILED,
			 "doorbell: of a parent that has none\n");
	unmake();
}

int main(void)
{
	unsigned int i;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root\n");
	if (module_load("vdpa_mock") || module_load("vhost_vdpa"))
		ksft_exit_skip("no module vdpa_mock or vhost_vdpa\n");
	ksft_set_plan(ARRAY_SIZE(steps) + ARRAY_SIZE(failures) + ARRAY_SIZE(missing) +
		      ARRAY_SIZE(shapes) + 6 + 3);
	client.fd = -1;
	rules_kept(); /* from here on */
	client.mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < FDS; i++)
		client.kicks[i] = eventfd(0, EFD_NONBLOCK);

	run_steps();
	run_failures();
	refuse_to_fail();
	run_missing();
	run_shapes();
	try_doorbell();
	ksft_test_result(rules_kept(), "rules are kept by doorbells\n");
	ksft_test_result(shell("grep -qx 0 /sys/module/vdpa_mock/parameters/allocated") == 0,
			 "all devices were freed\n");
	shell("modprobe -r vdpa_mock");
	ksft_finished();
}
