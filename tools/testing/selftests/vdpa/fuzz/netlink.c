// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile user of the netlink family "vdpa": every command with any attributes,
 * of any length, nested or not, missing or twice, and requests that are none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vdpa.h>
#include <linux/virtio_config.h>

#include "../../kselftest.h"
#include "../lib/device.h"
#include "../lib/netlink.h"
#include "../lib/vhost_vdpa.h"
#include "core.h"

#define NAMES	4

enum {
	SEND,		/* a: command, b: flags; the attributes so far */
	ATTR,		/* a: type; b: length; c, d: of the value */
	STRING,		/* a: type; c: which string */
	NUMBER,		/* a: type; b: size; d: value */
	NEST,		/* a: type; the attributes so far become its value */
	MANGLE,		/* b: where, d: what, in the message */
	NEW,		/* a well-formed request: a: name and parent; b: with what; c, d: values */
	DEL,
	ASK,		/* well-formed: a: name, b: command */
	SET,		/* well-formed: a: name; d: address */
	LISTEN,		/* a: receive buffer of the socket */
	CLIENT,		/* a: name; b: status; d: features; holds the device open */
	PARENT_FAILS,	/* a: operation; b: error; c: calls before */
	SETTING,	/* of mock devices to come, a: which; c: value */
	NR_OPS
};

static const uint64_t numbers[] = {
	1, 4, 6, 8, 255, 256, 1500, 65535, 0x300000000ULL, 0x720000000ULL, 0x300018020ULL,
	0x320630028ULL, VV_BIT(VIRTIO_F_VERSION_1), 0x0202020202, 0
};

static const char *const strings[] = {
	"fuzz0", "fuzz1", "fuzz2", "fuzz3", "vdpasim_net", "vdpasim_blk", "vdpa_mock",
	"platform", "", "pci", "fuzz", "../fuzz0", "%s%n",
	"a-name-that-is-much-too-long-for-a-device-of-any-kind-or-a-bus-of-any-kind-as-well",
};

static const char *const parents[] = { "vdpasim_net", "vdpasim_blk", VDPA_MOCK };

/* What the mock parent can be told, and what it begins with */
static const struct setting {
	const char *name;
	unsigned int below;
	unsigned int usual;
} settings[] = {
	{ "add_error", 40, 0 }, { "set_error", 40, 0 }, { "queues", 300, 4 },
	{ "groups", 5, 1 }, { "spaces", 5, 1 }, { "config_size", 129, 128 },
	{ "num_max", 65536, 256 }, { "num_min", 65536, 1 },
};

static const char *const failing[] = {
	"get_vendor_vq_stats", "reset", "set_driver_features", "get_vq_group",
};

static int fd = -1;
static int client = -1;
static bool changed;
static struct nl_request empty, req;	/* empty: to the right family */

static void begin(void)
{
	req = empty;
}

static bool room(size_t len)
{
	return req.len + NLA_HDRLEN + NLA_ALIGN(len) <= sizeof(req.buf);
}

static void put(uint16_t type, const void *data, size_t len)
{
	if (room(len))
		nl_put(&req, type, data, len);
}

/* All that the kernel answers at once */
static void receive(void)
{
	_Alignas(4) static char buf[16384];
	unsigned int i;
	ssize_t len;

	for (i = 0; i < 64; i++) {
		struct nlmsghdr *nlh = (void *)buf;

		len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (len < (ssize_t)sizeof(*nlh)) {
			if (len < 0)
				fuzz_feature(0x1000 + errno);
			break;
		}
		if (nlh->nlmsg_type == NLMSG_ERROR)
			fuzz_feature(((struct nlmsgerr *)NLMSG_DATA(nlh))->error);
		/* the whole of it is not interesting, that it ends is */
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
			break;
	}
}

static void transmit(uint8_t command, uint16_t flags)
{
	struct nlmsghdr *nlh = (void *)req.buf;

	nlh->nlmsg_len = req.len;
	nlh->nlmsg_flags = flags | NLM_F_REQUEST;
	((struct genlmsghdr *)NLMSG_DATA(nlh))->cmd = command;
	send(fd, req.buf, req.len, MSG_DONTWAIT);
	receive();
	begin();
}

static void put_name(unsigned int which)
{
	put(VDPA_ATTR_DEV_NAME, strings[which % NAMES], strlen(strings[0]) + 1);
}

static void new_device(const struct fuzz_step *s)
{
	static const char *const mgmtdevs[] = { "vdpasim_net", "vdpasim_blk", "vdpa_mock" };
	unsigned int parent = s->a / NAMES % 3;
	uint64_t features = s->d | VV_BIT(VIRTIO_F_VERSION_1) |
			    VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
	uint16_t number = s->c;

	begin();
	put_name(s->a);
	if (parent == 2)
		put(VDPA_ATTR_MGMTDEV_BUS_NAME, "platform", 9);
	put(VDPA_ATTR_MGMTDEV_DEV_NAME, mgmtdevs[parent], strlen(mgmtdevs[parent]) + 1);
	if (s->b & 1)
		put(VDPA_ATTR_DEV_NET_CFG_MACADDR, &s->d, 6);
	if (s->b & 2)
		put(VDPA_ATTR_DEV_NET_CFG_MTU, &number, sizeof(number));
	if (s->b & 4)
		put(VDPA_ATTR_DEV_NET_CFG_MAX_VQP, &number, sizeof(number));
	if (s->b & 8)
		put(VDPA_ATTR_DEV_FEATURES, s->b & 16 ? &s->d : &features, sizeof(features));
	transmit(VDPA_CMD_DEV_NEW, NLM_F_ACK);
}

static void nest(uint16_t type)
{
	char *first = (char *)req.buf + NLMSG_HDRLEN + GENL_HDRLEN;
	size_t len = req.buf + req.len - first;
	struct nlattr *attr = (void *)first;

	if (!room(len))
		return;
	memmove(first + NLA_HDRLEN, first, len);
	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	req.len += NLA_HDRLEN;
}

/* Of the message's attributes, and seldom of its header */
static void mangle(const struct fuzz_step *s)
{
	size_t from = s->a % 16 ? NLMSG_HDRLEN + GENL_HDRLEN : sizeof(uint32_t);
	size_t at = from + s->b % (sizeof(req.buf) - from - sizeof(uint16_t));

	memcpy(req.buf + (at & ~1ul), &s->d, sizeof(uint16_t));
	if (s->a % 16 == 1 && req.len > NLMSG_HDRLEN)
		req.len -= s->c % (req.len - NLMSG_HDRLEN + 1);
}

static void open_socket(unsigned int size)
{
	int on = 1;

	if (fd >= 0)
		close(fd);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (size & 1)
		setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	if (size & 2)
		setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (size & 4)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static void open_device(const struct fuzz_step *s)
{
	char path[64];

	if (client >= 0)
		close(client);
	client = -1;
	if (vdpa_chardev(strings[s->a % NAMES], path, sizeof(path)))
		return;
	client = open(path, O_RDWR | O_CLOEXEC);
	if (client < 0)
		return;
	vv_set_status(client, VV_S_DRIVER);
	vv_set_features(client, s->d);
	vv_set_status(client, s->b & 1 ? VV_S_FEATURES : s->b & 2 ? VV_S_RUNNING : s->b >> 2);
}

static void parent_fails(const struct fuzz_step *s)
{
	static const int errors[] = { ENOMEM, EIO, EAGAIN, EINVAL, EOPNOTSUPP, EMSGSIZE };
	char order[64];

	snprintf(order, sizeof(order), "%s %d %u", failing[s->a % ARRAY_SIZE(failing)],
		 -errors[s->b % ARRAY_SIZE(errors)], s->c % 4);
	vdpa_mock_order("fail", order);
	changed = true;
}

static void set_up(const struct setting *setting, unsigned int value)
{
	char text[16];

	/* an error is a negative number */
	snprintf(text, sizeof(text), "%s%u", strstr(setting->name, "error") ? "-" : "", value);
	vdpa_mock_shape(setting->name, text);
}

static void parent_as_usual(void)
{
	char order[64];
	unsigned int i;

	if (!changed)
		return;
	for (i = 0; i < ARRAY_SIZE(failing); i++) {
		snprintf(order, sizeof(order), "%s 0", failing[i]);
		vdpa_mock_order("fail", order);
	}
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		set_up(&settings[i], settings[i].usual);
	changed = false;
}

static void step(const struct fuzz_step *s)
{
	const struct setting *setting = &settings[s->a % ARRAY_SIZE(settings)];
	const char *string = strings[s->c % ARRAY_SIZE(strings)];
	char value[256];
	unsigned int i;

	switch (s->op % NR_OPS) {
	case SEND:
		transmit(s->a, s->b & (NLM_F_ACK | NLM_F_DUMP | NLM_F_ECHO | NLM_F_CREATE |
				       NLM_F_EXCL));
		break;
	case ATTR:
		for (i = 0; i < sizeof(value); i++)
			value[i] = s->d >> i % 8 * 8;
		put(s->b & 0x8000 ? s->a | NLA_F_NESTED : s->a, value, s->b % sizeof(value));
		break;
	case STRING:
		put(s->a, string, strlen(string) + !(s->b & 1));
		break;
	case NUMBER:
		put(s->a, &s->d, 1u << s->b % 4);
		break;
	case NEST:
		nest(s->a | NLA_F_NESTED);
		break;
	case MANGLE:
		mangle(s);
		break;
	case NEW:
		new_device(s);
		break;
	case DEL:
		begin();
		put_name(s->a);
		transmit(VDPA_CMD_DEV_DEL, NLM_F_ACK);
		break;
	case ASK:
		begin();
		if (!(s->b & 1))
			put_name(s->a);
		if (s->b & 2)
			put(VDPA_ATTR_DEV_QUEUE_INDEX, &s->c, sizeof(s->c));
		transmit(VDPA_CMD_MGMTDEV_GET + s->b / 4 % 7,
			 s->b & 1 ? NLM_F_DUMP : NLM_F_ACK);
		break;
	case SET:
		begin();
		put_name(s->a);
		put(VDPA_ATTR_DEV_NET_CFG_MACADDR, &s->d, 6);
		transmit(VDPA_CMD_DEV_ATTR_SET, NLM_F_ACK);
		break;
	case LISTEN:
		open_socket(s->a);
		break;
	case CLIENT:
		open_device(s);
		break;
	case PARENT_FAILS:
		parent_fails(s);
		break;
	case SETTING:
		set_up(setting, s->c % setting->below);
		changed = true;
		break;
	}
}

struct names {
	unsigned int n;
	char name[64][64];
};

static void see_name(void *arg, uint16_t type, const void *data, size_t len)
{
	struct names *names = arg;

	if (type == VDPA_ATTR_DEV_NAME && names->n < ARRAY_SIZE(names->name))
		snprintf(names->name[names->n++], sizeof(*names->name), "%.*s", (int)len,
			 (const char *)data);
}

/* Whatever their names are: inputs also make them of attributes at random */
static void delete_all(void)
{
	struct nl_request all;
	struct names names = {};
	unsigned int i;

	if (nl_begin(&all, VDPA_CMD_DEV_GET, NLM_F_DUMP) || nl_do(&all, see_name, &names))
		return;
	for (i = 0; i < names.n; i++)
		vdpa_del(names.name[i]);
}

static void run(const struct fuzz_step *s, size_t n)
{
	size_t i;

	open_socket(1);
	begin();
	for (i = 0; i < n; i++)
		step(&s[i]);
	delete_all();
	/* its device is gone already */
	if (client >= 0)
		close(client);
	client = -1;
	parent_as_usual();
}

/* Devices come and go as always, and none but those asked for is there */
static int check(void)
{
	struct nl_request all;
	unsigned int i;
	int err;

	open_socket(1);
	for (i = 0; i < ARRAY_SIZE(parents); i++) {
		/* not by vdpa_add(), which looks for modules each time */
		new_device(&(struct fuzz_step) { .a = i * NAMES });
		err = vdpa_del(strings[0]);
		if (err)
			return err;
	}
	err = nl_begin(&all, VDPA_CMD_DEV_GET, NLM_F_DUMP);
	if (!err)
		err = nl_do(&all, NULL, NULL);
	return err ? err : all.messages ? -ENOTEMPTY : 0;
}

static int setup(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(parents); i++) {
		/* loads what it needs */
		vdpa_del(strings[i]);
		err = vdpa_add(strings[i], parents[i], 0);
		if (!err)
			err = vdpa_del(strings[i]);
		if (err)
			return err;
	}
	/* then devices are given to it, and clients can have them open */
	err = module_load("vhost_vdpa");
	return err ? err : nl_begin(&empty, 0, 0);
}

static const char *const modules[] = {
	"vdpa_sim_net", "vdpa_sim_blk", "vdpa_mock", "vhost_vdpa", NULL
};

static const struct fuzz_surface netlink_surface = {
	.name = "netlink",
	.nops = NR_OPS,
	.numbers = numbers,
	.modules = modules,
	.setup = setup,
	.run = run,
	.check = check,
};

int main(int argc, char *argv[])
{
	return fuzz_main(&netlink_surface, argc, argv);
}
