// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family "vdpa", message by message: what each command answers,
 * attribute by attribute, what it refuses and with which words, who may ask,
 * and dumps of many devices, also while these come and go. On the mock parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/vdpa.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>

#include "../kselftest.h"
#include "lib/netlink.h"

#define A(name)		VDPA_ATTR_##name
#define ATTRS_MAX	64
#define ANSWER_MAX	64

/* --- small words ---------------------------------------------------------- */

static int shell(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return system(line);
}

/* A mock parent of this shape, in place of the one before */
static void load(const char *parameters)
{
	if (shell("modprobe -r vdpa_mock && modprobe vdpa_mock %s", parameters))
		ksft_exit_fail_msg("modprobe vdpa_mock %s failed\n", parameters);
}

static void param(const char *name, const char *value)
{
	if (shell("printf %%s '%s' >/sys/module/vdpa_mock/parameters/%s", value, name))
		ksft_exit_fail_msg("parameter %s=%s refused\n", name, value);
}

/* Bits that the status of a device shows whatever its driver sets */
static void impose_status(const char *device, unsigned int bits)
{
	shell("echo %u >/sys/kernel/debug/vdpa_mock/%s/status", bits, device);
}

/* An attribute to send: numbers by their size in bytes, others by their bytes */
struct attr {
	uint16_t type;
	uint16_t len;
	uint64_t number;
	const void *bytes;
};

#define STR(_type, _text)	{ A(_type), sizeof(_text), 0, _text }
#define BYTES(_type, _bytes)	{ A(_type), sizeof(_bytes) - 1, 0, _bytes }
#define NUM(_type, _bits, _n)	{ A(_type), (_bits) / 8, _n, NULL }

static void put(struct nl_request *req, const struct attr *attr)
{
	nl_put(req, attr->type, attr->bytes ?: &attr->number, attr->len);
}

/* What came back: the last message, attribute by attribute */
struct answer {
	struct {
		bool there;
		size_t len;
		unsigned char data[ANSWER_MAX];
	} attrs[ATTRS_MAX];
};

static void keep(void *arg, uint16_t type, const void *data, size_t len)
{
	struct answer *answer = arg;

	if (!type && !data)
		memset(answer, 0, sizeof(*answer));
	if (!type || type >= ATTRS_MAX || len > ANSWER_MAX)
		return;
	answer->attrs[type].there = true;
	answer->attrs[type].len = len;
	memcpy(answer->attrs[type].data, data, len);
}

static int ask(uint8_t command, const struct attr *attrs, size_t n,
	       struct answer *answer, struct nl_request *req)
{
	int err = nl_begin(req, command, 0);
	size_t i;

	for (i = 0; !err && i < n && attrs[i].type; i++)
		put(req, &attrs[i]);
	return err ?: nl_do(req, answer ? keep : NULL, answer);
}

static int ask_of(uint8_t command, const char *device, struct answer *answer)
{
	const struct attr name = { A(DEV_NAME), strlen(device) + 1, 0, device };
	struct nl_request req;

	return ask(command, &name, 1, answer, &req);
}

static int add(const char *name, uint64_t features)
{
	const struct attr attrs[] = {
		STR(MGMTDEV_BUS_NAME, "platform"),
		STR(MGMTDEV_DEV_NAME, "vdpa_mock"),
		{ A(DEV_NAME), strlen(name) + 1, 0, name },
		NUM(DEV_FEATURES, 64, features),
	};
	struct nl_request req;

	return ask(VDPA_CMD_DEV_NEW, attrs, ARRAY_SIZE(attrs), NULL, &req);
}

static int del(const char *name)
{
	return ask_of(VDPA_CMD_DEV_DEL, name, NULL);
}

static bool is_number(const struct answer *answer, uint16_t type, size_t len,
		      uint64_t number)
{
	uint64_t got = 0;

	if (!answer->attrs[type].there || answer->attrs[type].len != len)
		return false;
	memcpy(&got, answer->attrs[type].data, len);
	if (got != number)
		ksft_print_msg("attribute %u is 0x%llx\n", type, (unsigned long long)got);
	return got == number;
}

static bool is_string(const struct answer *answer, uint16_t type, const char *text)
{
	return answer->attrs[type].there &&
	       answer->attrs[type].len == strlen(text) + 1 &&
	       !memcmp(answer->attrs[type].data, text, strlen(text) + 1);
}

/* --- requests that are refused -------------------------------------------- */

#define BIT(n)		(1ULL << (n))
#define MODERN		(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ACCESS_PLATFORM))
#define LONG_NAME	"0123456789012345678901234567890123456789012345678901234567890123" \
			"456789012345678901234567890123456789012345678901234567890123456"
#define BUS		STR(MGMTDEV_BUS_NAME, "platform")
#define MGMT		STR(MGMTDEV_DEV_NAME, "vdpa_mock")
#define NEW		STR(DEV_NAME, "new")
#define DEV		STR(DEV_NAME, "dev")
#define MAC		BYTES(DEV_NET_CFG_MACADDR, "\2\0\0\0\0\1")

/* A request: the error, the words that it must say, the attribute it blames */
struct refusal {
	const char *name;
	uint8_t command;
	struct attr attrs[6];
	int err;
	const char *said;
	uint16_t blamed;
};

/* With a network device "dev", and "mock_bare" that nothing manages */
static const struct refusal net_refusals[] = {
	{ "mgmtdev get: no name", VDPA_CMD_MGMTDEV_GET, { BUS },
	  -EINVAL, "", A(MGMTDEV_DEV_NAME) },
	{ "mgmtdev get: no such", VDPA_CMD_MGMTDEV_GET,
	  { BUS, STR(MGMTDEV_DEV_NAME, "vdpa_moc") },
	  -ENODEV, "no management device of this name", A(MGMTDEV_DEV_NAME) },
	{ "mgmtdev get: longer name", VDPA_CMD_MGMTDEV_GET,
	  { BUS, STR(MGMTDEV_DEV_NAME, "vdpa_mock2") },
	  -ENODEV, "no management device", A(MGMTDEV_DEV_NAME) },
	{ "mgmtdev get: another bus", VDPA_CMD_MGMTDEV_GET,
	  { STR(MGMTDEV_BUS_NAME, "pci"), STR(MGMTDEV_DEV_NAME, "vdpa_mock") },
	  -ENODEV, "no management device", A(MGMTDEV_DEV_NAME) },
	{ "mgmtdev get: bus with more letters", VDPA_CMD_MGMTDEV_GET,
	  { STR(MGMTDEV_BUS_NAME, "platforms"), STR(MGMTDEV_DEV_NAME, "vdpa_mock") },
	  -ENODEV, "no management device", A(MGMTDEV_DEV_NAME) },
	{ "mgmtdev get: no bus", VDPA_CMD_MGMTDEV_GET,
	  { STR(MGMTDEV_DEV_NAME, "vdpa_mock") },
	  -ENODEV, "no management device", A(MGMTDEV_DEV_NAME) },
	{ "mgmtdev get: name without its end", VDPA_CMD_MGMTDEV_GET,
	  { BUS, BYTES(MGMTDEV_DEV_NAME, "vdpa_mock") },
	  -EINVAL, "", A(MGMTDEV_DEV_NAME) },
	{ "mgmtdev get: bus without its end", VDPA_CMD_MGMTDEV_GET,
	  { BYTES(MGMTDEV_BUS_NAME, "platform"), STR(MGMTDEV_DEV_NAME, "vdpa_mock") },
	  -EINVAL, "", A(MGMTDEV_BUS_NAME) },
	{ "mgmtdev get: too long", VDPA_CMD_MGMTDEV_GET,
	  { BUS, STR(MGMTDEV_DEV_NAME, LONG_NAME "x") },
	  -EINVAL, "", A(MGMTDEV_DEV_NAME) },
	{ "mgmtdev get: as long as may be", VDPA_CMD_MGMTDEV_GET,
	  { BUS, STR(MGMTDEV_DEV_NAME, LONG_NAME) },
	  -ENODEV, "no management device", A(MGMTDEV_DEV_NAME) },
	{ "mgmtdev get: empty name", VDPA_CMD_MGMTDEV_GET,
	  { BUS, STR(MGMTDEV_DEV_NAME, "") }, -ENODEV, "no management device",
	  A(MGMTDEV_DEV_NAME) },

	{ "dev new: no name", VDPA_CMD_DEV_NEW, { BUS, MGMT }, -EINVAL, "", A(DEV_NAME) },
	{ "dev new: no mgmtdev", VDPA_CMD_DEV_NEW, { STR(DEV_NAME, "new") },
	  -EINVAL, "", A(MGMTDEV_DEV_NAME) },
	{ "dev new: no such mgmtdev", VDPA_CMD_DEV_NEW,
	  { STR(MGMTDEV_DEV_NAME, "nobody"), STR(DEV_NAME, "new") },
	  -ENODEV, "no management device of this name", A(MGMTDEV_DEV_NAME) },
	{ "dev new: empty name", VDPA_CMD_DEV_NEW, { BUS, MGMT, STR(DEV_NAME, "") },
	  -EINVAL, "directory", A(DEV_NAME) },
	{ "dev new: name .", VDPA_CMD_DEV_NEW, { BUS, MGMT, STR(DEV_NAME, ".") },
	  -EINVAL, "directory", A(DEV_NAME) },
	{ "dev new: name ..", VDPA_CMD_DEV_NEW, { BUS, MGMT, STR(DEV_NAME, "..") },
	  -EINVAL, "directory", A(DEV_NAME) },
	{ "dev new: name with a slash", VDPA_CMD_DEV_NEW, { BUS, MGMT, STR(DEV_NAME, "a/b") },
	  -EINVAL, "directory", A(DEV_NAME) },
	{ "dev new: too long a name", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, STR(DEV_NAME, LONG_NAME "x") }, -EINVAL, "", A(DEV_NAME) },
	{ "dev new: name without its end", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, BYTES(DEV_NAME, "new") }, -EINVAL, "", A(DEV_NAME) },
	{ "dev new: name is taken", VDPA_CMD_DEV_NEW, { BUS, MGMT, DEV },
	  -EEXIST, "name is taken", A(DEV_NAME) },
	{ "dev new: by one without mgmtdev", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, STR(DEV_NAME, "mock_bare") }, -EEXIST, "name is taken", A(DEV_NAME) },
	{ "dev new: short MAC", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, BYTES(DEV_NET_CFG_MACADDR, "\2\0\0\0\0") },
	  -ERANGE, "", A(DEV_NET_CFG_MACADDR) },
	{ "dev new: MTU too small", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_NET_CFG_MTU, 16, 67) }, -ERANGE, "", A(DEV_NET_CFG_MTU) },
	{ "dev new: MTU of one byte", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_NET_CFG_MTU, 8, 255) }, -EINVAL, "", A(DEV_NET_CFG_MTU) },
	{ "dev new: no queue pair", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_NET_CFG_MAX_VQP, 16, 0) },
	  -EINVAL, "at least one queue pair", A(DEV_NET_CFG_MAX_VQP) },
	{ "dev new: queue pairs in one byte", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_NET_CFG_MAX_VQP, 8, 1) }, -EINVAL, "", A(DEV_NET_CFG_MAX_VQP) },
	{ "dev new: features in 32 bits", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_FEATURES, 32, 0) }, -EINVAL, "", A(DEV_FEATURES) },
	{ "dev new: MAC without its feature", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_FEATURES, 64, MODERN), MAC },
	  -EINVAL, "features 0x20 are missing", A(DEV_FEATURES) },
	{ "dev new: MTU without its feature", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_FEATURES, 64, MODERN), NUM(DEV_NET_CFG_MTU, 16, 1500) },
	  -EINVAL, "features 0x8 are missing", A(DEV_FEATURES) },
	{ "dev new: queue pairs without their feature", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_FEATURES, 64, MODERN), NUM(DEV_NET_CFG_MAX_VQP, 16, 2) },
	  -EINVAL, "features 0x400000 are missing", A(DEV_FEATURES) },

	{ "dev del: no name", VDPA_CMD_DEV_DEL, {}, -EINVAL, "", A(DEV_NAME) },
	{ "dev del: no such", VDPA_CMD_DEV_DEL, { STR(DEV_NAME, "nobody") },
	  -ENODEV, "no device of this name", A(DEV_NAME) },
	{ "dev del: a prefix", VDPA_CMD_DEV_DEL, { STR(DEV_NAME, "de") },
	  -ENODEV, "no device", A(DEV_NAME) },
	{ "dev del: a newline more", VDPA_CMD_DEV_DEL, { STR(DEV_NAME, "dev\n") },
	  -ENODEV, "no device", A(DEV_NAME) },
	{ "dev del: not managed", VDPA_CMD_DEV_DEL, { STR(DEV_NAME, "mock_bare") },
	  -EINVAL, "device has no management device", A(DEV_NAME) },

	{ "dev get: no name", VDPA_CMD_DEV_GET, {}, -EINVAL, "", A(DEV_NAME) },
	{ "dev get: no such", VDPA_CMD_DEV_GET, { STR(DEV_NAME, "nobody") },
	  -ENODEV, "no device of this name", A(DEV_NAME) },
	{ "dev get: a newline more", VDPA_CMD_DEV_GET, { STR(DEV_NAME, "dev\n") },
	  -ENODEV, "no device", A(DEV_NAME) },
	{ "dev get: not managed", VDPA_CMD_DEV_GET, { STR(DEV_NAME, "mock_bare") },
	  -EINVAL, "no management device", A(DEV_NAME) },
	{ "dev get: too long a name", VDPA_CMD_DEV_GET, { STR(DEV_NAME, LONG_NAME "x") },
	  -EINVAL, "", A(DEV_NAME) },

	{ "config get: no name", VDPA_CMD_DEV_CONFIG_GET, {}, -EINVAL, "", A(DEV_NAME) },
	{ "config get: no such", VDPA_CMD_DEV_CONFIG_GET, { STR(DEV_NAME, "nobody") },
	  -ENODEV, "no device", A(DEV_NAME) },
	{ "config get: not managed", VDPA_CMD_DEV_CONFIG_GET,
	  { STR(DEV_NAME, "mock_bare") }, -EINVAL, "no management", A(DEV_NAME) },

	{ "vstats get: no name", VDPA_CMD_DEV_VSTATS_GET,
	  { NUM(DEV_QUEUE_INDEX, 32, 0) }, -EINVAL, "", A(DEV_NAME) },
	{ "vstats get: no queue", VDPA_CMD_DEV_VSTATS_GET, { DEV },
	  -EINVAL, "", A(DEV_QUEUE_INDEX) },
	{ "vstats get: no such queue", VDPA_CMD_DEV_VSTATS_GET,
	  { DEV, NUM(DEV_QUEUE_INDEX, 32, 4) },
	  -ERANGE, "no virtqueue of this index", A(DEV_QUEUE_INDEX) },
	{ "vstats get: not even in 16 bits", VDPA_CMD_DEV_VSTATS_GET,
	  { DEV, NUM(DEV_QUEUE_INDEX, 32, 0x10000) },
	  -ERANGE, "no virtqueue of this index", A(DEV_QUEUE_INDEX) },
	{ "vstats get: queue in 16 bits", VDPA_CMD_DEV_VSTATS_GET,
	  { DEV, NUM(DEV_QUEUE_INDEX, 16, 0) }, -EINVAL, "", A(DEV_QUEUE_INDEX) },
	{ "vstats get: no driver yet", VDPA_CMD_DEV_VSTATS_GET,
	  { DEV, NUM(DEV_QUEUE_INDEX, 32, 0) }, -EAGAIN, "not negotiated", 0 },
	{ "vstats get: no such device", VDPA_CMD_DEV_VSTATS_GET,
	  { STR(DEV_NAME, "nobody"), NUM(DEV_QUEUE_INDEX, 32, 0) },
	  -ENODEV, "no device", A(DEV_NAME) },

	{ "attr set: no name", VDPA_CMD_DEV_ATTR_SET, { MAC }, -EINVAL, "", A(DEV_NAME) },
	{ "attr set: nothing to set", VDPA_CMD_DEV_ATTR_SET, { DEV },
	  -EINVAL, "", A(DEV_NET_CFG_MACADDR) },
	{ "attr set: no such device", VDPA_CMD_DEV_ATTR_SET,
	  { STR(DEV_NAME, "nobody"), MAC }, -ENODEV, "no device", A(DEV_NAME) },
	{ "attr set: not managed", VDPA_CMD_DEV_ATTR_SET,
	  { STR(DEV_NAME, "mock_bare"), MAC }, -EINVAL, "no management", A(DEV_NAME) },
	{ "attr set: no MAC feature", VDPA_CMD_DEV_ATTR_SET,
	  { STR(DEV_NAME, "plain"), MAC }, -EINVAL, "no MAC address",
	  A(DEV_NET_CFG_MACADDR) },
	{ "attr set: multicast", VDPA_CMD_DEV_ATTR_SET,
	  { DEV, BYTES(DEV_NET_CFG_MACADDR, "\1\0\0\0\0\1") },
	  -EINVAL, "not the address of one interface", A(DEV_NET_CFG_MACADDR) },
	{ "attr set: zero", VDPA_CMD_DEV_ATTR_SET,
	  { DEV, BYTES(DEV_NET_CFG_MACADDR, "\0\0\0\0\0\0") },
	  -EINVAL, "not the address of one interface", A(DEV_NET_CFG_MACADDR) },
	{ "attr set: short MAC", VDPA_CMD_DEV_ATTR_SET,
	  { DEV, BYTES(DEV_NET_CFG_MACADDR, "\2\0\0") },
	  -ERANGE, "", A(DEV_NET_CFG_MACADDR) },
	{ "attr set: unknown attribute", VDPA_CMD_DEV_ATTR_SET,
	  { DEV, MAC, { VDPA_ATTR_MAX, 4, 0, NULL } }, -EINVAL, "", VDPA_ATTR_MAX },

	{ "a reply as a command", VDPA_CMD_MGMTDEV_NEW, {}, -EOPNOTSUPP, "", 0 },
	{ "no command", VDPA_CMD_UNSPEC, {}, -EOPNOTSUPP, "", 0 },
	{ "command of the future", VDPA_CMD_DEV_ATTR_SET + 1, {}, -EOPNOTSUPP, "", 0 },
};

static const struct refusal limited_refusals[] = {
	{ "limited: MAC", VDPA_CMD_DEV_NEW, { BUS, MGMT, NEW, MAC },
	  -EOPNOTSUPP, "attribute mac is not supported", A(DEV_NET_CFG_MACADDR) },
	{ "limited: MTU", VDPA_CMD_DEV_NEW, { BUS, MGMT, NEW, NUM(DEV_NET_CFG_MTU, 16, 1500) },
	  -EOPNOTSUPP, "attribute mtu is not supported", A(DEV_NET_CFG_MTU) },
	{ "limited: queue pairs", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_NET_CFG_MAX_VQP, 16, 2) },
	  -EOPNOTSUPP, "attribute max_vqp is not supported", A(DEV_NET_CFG_MAX_VQP) },
	{ "limited: features of others", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_FEATURES, 64, MODERN | BIT(VIRTIO_NET_F_MAC)) },
	  -EINVAL, "features 0x20 are not supported", A(DEV_FEATURES) },
};

static const struct refusal featureless_refusals[] = {
	{ "featureless: features", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_FEATURES, 64, MODERN) },
	  -EOPNOTSUPP, "attribute device_features is not supported", A(DEV_FEATURES) },
};

static const struct refusal several_refusals[] = {
	{ "several classes: features of a class", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_FEATURES, 64, MODERN | BIT(VIRTIO_NET_F_MAC)) },
	  -EINVAL, "features are ambiguous", A(DEV_FEATURES) },
};

static const struct refusal unknown_refusals[] = {
	{ "unknown class: MAC", VDPA_CMD_DEV_NEW, { BUS, MGMT, NEW, MAC },
	  -EINVAL, "makes no network devices", A(DEV_NET_CFG_MACADDR) },
	{ "unknown class: MTU", VDPA_CMD_DEV_NEW,
	  { BUS, MGMT, NEW, NUM(DEV_NET_CFG_MTU, 16, 1500) },
	  -EINVAL, "makes no network devices", A(DEV_NET_CFG_MTU) },
	{ "unknown class: attr set", VDPA_CMD_DEV_ATTR_SET, { DEV, MAC },
	  -EINVAL, "no MAC address", A(DEV_NET_CFG_MACADDR) },
};

static void refuse(const struct refusal *refusals, size_t n)
{
	struct nl_request req;
	size_t i;
	int err;

	for (i = 0; i < n; i++) {
		const struct refusal *r = &refusals[i];
		bool ok;

		err = ask(r->command, r->attrs, ARRAY_SIZE(r->attrs), NULL, &req);
		ok = err == r->err && strstr(req.said, r->said) &&
		     req.blamed == r->blamed;
		if (!ok)
			ksft_print_msg("%s, \"%s\", attribute %u\n", strerror(-err),
				       req.said, req.blamed);
		ksft_test_result(ok, "%s\n", r->name);
	}
	err = ask_of(VDPA_CMD_DEV_GET, "new", NULL);
	ksft_test_result(err == -ENODEV, "%s and the like: nothing was made\n",
			 refusals[0].name);
}

#define REFUSALS(list)	(ARRAY_SIZE(list) + 1)

/* --- requests that break the form ------------------------------------------ */

struct malformed {
	const char *name;
	void (*spoil)(struct nl_request *req);
};

static struct nlattr *first_attr(struct nl_request *req)
{
	return (void *)(req->buf + NLMSG_HDRLEN + 4);
}

static void attr_too_long(struct nl_request *req)
{
	first_attr(req)->nla_len = 1000;
}

static void attr_too_short(struct nl_request *req)
{
	first_attr(req)->nla_len = 3;
}

static void attr_of_nothing(struct nl_request *req)
{
	first_attr(req)->nla_len = 0;
}

static void attr_nested(struct nl_request *req)
{
	first_attr(req)->nla_type |= NLA_F_NESTED | NLA_F_NET_BYTEORDER;
}

static void no_header(struct nl_request *req)
{
	req->len = NLMSG_HDRLEN + 2;
}

static void cut(struct nl_request *req)
{
	req->len -= 3;
}

static void attr_a_thousand(struct nl_request *req)
{
	while (req->len + 4 <= sizeof(req->buf))
		nl_put(req, A(DEV_NAME), NULL, 0);
}

static const struct malformed malformed[] = {
	{ "longer than the message", attr_too_long },
	{ "shorter than its header", attr_too_short },
	{ "of no length", attr_of_nothing },
	{ "of wrong flags", attr_nested },
	{ "without generic header", no_header },
	{ "cut off", cut },
	{ "many, empty", attr_a_thousand },
};

/* Any error but the device, which a wrong message must not find */
static void deform(void)
{
	static const uint8_t commands[] = {
		VDPA_CMD_DEV_DEL, VDPA_CMD_DEV_VSTATS_GET, VDPA_CMD_DEV_ATTR_SET,
	};
	struct nl_request req;
	size_t i, c;

	for (i = 0; i < ARRAY_SIZE(malformed); i++) {
		int err = 0;

		for (c = 0; !err && c < ARRAY_SIZE(commands); c++) {
			nl_begin(&req, commands[c], 0);
			nl_put_string(&req, A(DEV_NAME), "dev");
			malformed[i].spoil(&req);
			err = nl_do(&req, NULL, NULL) ? 0 : 1;
		}
		ksft_test_result(!err && !ask_of(VDPA_CMD_DEV_GET, "dev", NULL),
				 "malformed: %s\n", malformed[i].name);
	}
}

/* --- answers --------------------------------------------------------------- */

static void answers(void)
{
	const struct attr mgmt[] = { BUS, MGMT };
	struct nl_request req;
	struct answer got;
	int err;

	err = ask(VDPA_CMD_MGMTDEV_GET, mgmt, ARRAY_SIZE(mgmt), &got, &req);
	ksft_test_result(!err && req.messages == 1, "mgmtdev get\n");
	ksft_test_result(is_string(&got, A(MGMTDEV_BUS_NAME), "platform"),
			 "mgmtdev get: bus\n");
	ksft_test_result(is_string(&got, A(MGMTDEV_DEV_NAME), "vdpa_mock"),
			 "mgmtdev get: name\n");
	ksft_test_result(is_number(&got, A(MGMTDEV_SUPPORTED_CLASSES), 8,
				   BIT(VIRTIO_ID_NET)), "mgmtdev get: classes\n");
	ksft_test_result(is_number(&got, A(DEV_MGMTDEV_MAX_VQS), 4, 256),
			 "mgmtdev get: queues\n");
	ksft_test_result(is_number(&got, A(DEV_SUPPORTED_FEATURES), 8, ~0ULL),
			 "mgmtdev get: features\n");

	err = ask_of(VDPA_CMD_DEV_GET, "dev", &got);
	ksft_test_result(!err, "dev get\n");
	ksft_test_result(is_string(&got, A(MGMTDEV_BUS_NAME), "platform") &&
			 is_string(&got, A(MGMTDEV_DEV_NAME), "vdpa_mock"),
			 "dev get: management device\n");
	ksft_test_result(is_string(&got, A(DEV_NAME), "dev"), "dev get: name\n");
	ksft_test_result(is_number(&got, A(DEV_ID), 4, VIRTIO_ID_NET), "dev get: class\n");
	ksft_test_result(is_number(&got, A(DEV_VENDOR_ID), 4, 0x6d6f636b),
			 "dev get: vendor\n");
	ksft_test_result(is_number(&got, A(DEV_MAX_VQS), 4, 4), "dev get: queues\n");
	ksft_test_result(is_number(&got, A(DEV_MAX_VQ_SIZE), 2, 256),
			 "dev get: largest queue\n");
	ksft_test_result(is_number(&got, A(DEV_MIN_VQ_SIZE), 2, 1),
			 "dev get: smallest queue\n");
}

static void after_negotiation(void)
{
	const struct attr queue[] = { DEV, NUM(DEV_QUEUE_INDEX, 32, 3) };
	struct nl_request req;
	struct answer got;
	int err;

	ask_of(VDPA_CMD_DEV_CONFIG_GET, "dev", &got);
	ksft_test_result(!got.attrs[A(DEV_NEGOTIATED_FEATURES)].there,
			 "negotiated features: not before the driver has set them\n");
	impose_status("dev", VIRTIO_CONFIG_S_FEATURES_OK);
	ask_of(VDPA_CMD_DEV_CONFIG_GET, "dev", &got);
	ksft_test_result(is_number(&got, A(DEV_NEGOTIATED_FEATURES), 8, 0),
			 "negotiated features: once it has\n");

	err = ask(VDPA_CMD_DEV_VSTATS_GET, queue, ARRAY_SIZE(queue), &got, &req);
	ksft_test_result(!err && req.messages == 1, "vstats get\n");
	ksft_test_result(is_string(&got, A(DEV_NAME), "dev"), "vstats get: name\n");
	ksft_test_result(is_number(&got, A(DEV_ID), 4, VIRTIO_ID_NET),
			 "vstats get: class\n");
	ksft_test_result(is_number(&got, A(DEV_NET_CFG_MAX_VQP), 2, 1),
			 "vstats get: queue pairs\n");
	ksft_test_result(is_number(&got, A(DEV_NEGOTIATED_FEATURES), 8, 0),
			 "vstats get: features\n");
	ksft_test_result(is_number(&got, A(DEV_QUEUE_INDEX), 4, 3),
			 "vstats get: queue\n");
	ksft_test_result(is_string(&got, A(DEV_VENDOR_ATTR_NAME), "queue"),
			 "vstats get: vendor's name\n");
	ksft_test_result(is_number(&got, A(DEV_VENDOR_ATTR_VALUE), 8, 3),
			 "vstats get: vendor's value\n");
	shell("echo get_vendor_vq_stats -5 >/sys/kernel/debug/vdpa_mock/fail");
	err = ask(VDPA_CMD_DEV_VSTATS_GET, queue, ARRAY_SIZE(queue), &got, &req);
	ksft_test_result(err == -EIO, "vstats get: the parent's error\n");
	shell("echo get_vendor_vq_stats 0 >/sys/kernel/debug/vdpa_mock/fail");
	impose_status("dev", 0);

	param("off", "dma_map,dma_unmap,get_vendor_vq_stats,get_vq_num_min");
	add("less", MODERN);
	impose_status("less", VIRTIO_CONFIG_S_FEATURES_OK);
	{
		const struct attr of[] = { STR(DEV_NAME, "less"),
					   NUM(DEV_QUEUE_INDEX, 32, 0) };

		err = ask(VDPA_CMD_DEV_VSTATS_GET, of, ARRAY_SIZE(of), &got, &req);
	}
	ksft_test_result(err == -EOPNOTSUPP && strstr(req.said, "no vendor statistics"),
			 "vstats get: a parent without\n");
	ask_of(VDPA_CMD_DEV_GET, "less", &got);
	ksft_test_result(is_number(&got, A(DEV_MIN_VQ_SIZE), 2, 1),
			 "dev get: smallest queue of a parent that doesn't tell\n");
	del("less");
	param("off", "dma_map,dma_unmap");
}

/* Settings of a new device arrive, and one of them can be changed later */
static void new_settings(void)
{
	const struct attr new[] = {
		BUS, MGMT, NEW, MAC, NUM(DEV_NET_CFG_MTU, 16, 68), NUM(DEV_NET_CFG_MAX_VQP, 16, 7),
	};
	const struct attr set[] = {
		STR(DEV_NAME, "new"), BYTES(DEV_NET_CFG_MACADDR, "\2\0\0\0\0\2"),
	};
	struct nl_request req;
	struct answer got;
	int err;

	param("features", "0x300400028"); /* MODERN, MQ, MAC, MTU */
	err = ask(VDPA_CMD_DEV_NEW, new, ARRAY_SIZE(new), NULL, &req);
	ksft_test_result(!err, "settings: dev new\n");
	ask_of(VDPA_CMD_DEV_CONFIG_GET, "new", &got);
	ksft_test_result(!memcmp(got.attrs[A(DEV_NET_CFG_MACADDR)].data,
				 "\2\0\0\0\0\1", 6), "settings: MAC\n");
	ksft_test_result(is_number(&got, A(DEV_NET_CFG_MTU), 2, 68), "settings: MTU\n");
	ksft_test_result(is_number(&got, A(DEV_NET_CFG_MAX_VQP), 2, 7),
			 "settings: queue pairs\n");
	ksft_test_result(is_number(&got, A(DEV_FEATURES), 8, 0x300400028),
			 "settings: features\n");

	err = ask(VDPA_CMD_DEV_ATTR_SET, set, ARRAY_SIZE(set), NULL, &req);
	ksft_test_result(!err, "attr set\n");
	ask_of(VDPA_CMD_DEV_CONFIG_GET, "new", &got);
	ksft_test_result(!memcmp(got.attrs[A(DEV_NET_CFG_MACADDR)].data,
				 "\2\0\0\0\0\2", 6), "attr set: MAC\n");
	param("set_error", "-16");
	err = ask(VDPA_CMD_DEV_ATTR_SET, set, ARRAY_SIZE(set), NULL, &req);
	ksft_test_result(err == -EBUSY, "attr set: the parent's error\n");
	param("set_error", "0");
	ksft_test_result(!del("new"), "settings: dev del\n");

	ksft_test_result(!add(LONG_NAME, MODERN), "dev new: as long a name as may be\n");
	ask_of(VDPA_CMD_DEV_GET, LONG_NAME, &got);
	ksft_test_result(!del(LONG_NAME), "dev del: it\n");
	param("add_error", "-5");
	ksft_test_result(add("new", MODERN) == -EIO, "dev new: the parent's error\n");
	param("add_error", "0");
}

/* A field of the configuration space: its feature, where it is, how wide */
struct field {
	const char *name;
	uint64_t feature;
	uint16_t attr, offset, len;
};

#define NET(_name, _feature, _attr, _member)				\
	{ _name, BIT(VIRTIO_NET_F_##_feature), VDPA_ATTR_DEV_NET_##_attr, \
	  offsetof(struct virtio_net_config, _member),			\
	  sizeof(((struct virtio_net_config *)0)->_member) }

#define BLK(_name, _feature, _attr, _member)				\
	{ _name, _feature, VDPA_ATTR_DEV_BLK_CFG_##_attr,		\
	  offsetof(struct virtio_blk_config, _member),			\
	  sizeof(((struct virtio_blk_config *)0)->_member) }

static const struct field net_fields[] = {
	NET("mac", MAC, CFG_MACADDR, mac),
	NET("link", STATUS, STATUS, status),
	NET("queue pairs by MQ", MQ, CFG_MAX_VQP, max_virtqueue_pairs),
	NET("queue pairs by RSS", RSS, CFG_MAX_VQP, max_virtqueue_pairs),
	NET("mtu", MTU, CFG_MTU, mtu),
};

#define B(feature)	BIT(VIRTIO_BLK_F_##feature)

static const struct field blk_fields[] = {
	BLK("capacity", 0, CAPACITY, capacity),
	BLK("size max", B(SIZE_MAX), SIZE_MAX, size_max),
	BLK("block size", B(BLK_SIZE), BLK_SIZE, blk_size),
	BLK("segments", B(SEG_MAX), SEG_MAX, seg_max),
	BLK("queues", B(MQ), NUM_QUEUES, num_queues),
	BLK("physical exponent", B(TOPOLOGY), PHY_BLK_EXP, physical_block_exp),
	BLK("alignment", B(TOPOLOGY), ALIGN_OFFSET, alignment_offset),
	BLK("smallest I/O", B(TOPOLOGY), MIN_IO_SIZE, min_io_size),
	BLK("best I/O", B(TOPOLOGY), OPT_IO_SIZE, opt_io_size),
	BLK("discard sectors", B(DISCARD), MAX_DISCARD_SEC, max_discard_sectors),
	BLK("discard segments", B(DISCARD), MAX_DISCARD_SEG, max_discard_seg),
	BLK("discard alignment", B(DISCARD), DISCARD_SEC_ALIGN, discard_sector_alignment),
	BLK("zeroes sectors", B(WRITE_ZEROES), MAX_WRITE_ZEROES_SEC,
	    max_write_zeroes_sectors),
	BLK("zeroes segments", B(WRITE_ZEROES), MAX_WRITE_ZEROES_SEG,
	    max_write_zeroes_seg),
};

/* The mock's byte n is n + 1 */
static bool field_right(const struct answer *got, const struct field *field)
{
	unsigned int i;

	if (!got->attrs[field->attr].there || got->attrs[field->attr].len != field->len)
		return false;
	for (i = 0; i < field->len; i++) {
		if (got->attrs[field->attr].data[i] != field->offset + i + 1)
			return false;
	}
	return true;
}

/* With its feature the field is there, and those of other features are not */
static void config_fields(const char *class, const struct field *fields, size_t n)
{
	struct answer got;
	size_t i, j;

	for (i = 0; i < n; i++) {
		const struct field *field = &fields[i];
		bool alone = true;

		add("field", MODERN | field->feature);
		ask_of(VDPA_CMD_DEV_CONFIG_GET, "field", &got);
		for (j = 0; j < n; j++) {
			if (fields[j].feature && fields[j].feature != field->feature &&
			    fields[j].attr != field->attr &&
			    got.attrs[fields[j].attr].there)
				alone = false;
		}
		ksft_test_result(field_right(&got, field) && alone,
				 "config get: %s: %s\n", class, field->name);
		del("field");
	}
	/* a space that ends in the middle of the last field */
	char size[8];

	snprintf(size, sizeof(size), "%u",
		 fields[n - 1].offset + fields[n - 1].len - 1);
	param("config_size", size);
	add("short", ~0ULL);
	ask_of(VDPA_CMD_DEV_CONFIG_GET, "short", &got);
	ksft_test_result(!got.attrs[fields[n - 1].attr].there &&
			 field_right(&got, &fields[0]),
			 "config get: %s: no field that the space has no room for\n", class);
	del("short");
	param("config_size", "128");
}

#define FIELDS(fields)	(ARRAY_SIZE(fields) + 1)

static void blk_flags(void)
{
	struct answer got;

	add("flags", MODERN | B(RO) | B(FLUSH));
	ask_of(VDPA_CMD_DEV_CONFIG_GET, "flags", &got);
	ksft_test_result(is_number(&got, A(DEV_BLK_READ_ONLY), 1, 1) &&
			 is_number(&got, A(DEV_BLK_FLUSH), 1, 1),
			 "config get: disk: read-only, flush\n");
	del("flags");
	add("flags", MODERN);
	ask_of(VDPA_CMD_DEV_CONFIG_GET, "flags", &got);
	ksft_test_result(is_number(&got, A(DEV_BLK_READ_ONLY), 1, 0) &&
			 is_number(&got, A(DEV_BLK_FLUSH), 1, 0),
			 "config get: disk: neither\n");
	del("flags");
}

/* --- who may ask ------------------------------------------------------------ */

struct permission {
	const char *name;
	uint8_t command;
	uint16_t flags;
	struct attr attrs[4];
	int err;
};

static const struct permission permissions[] = {
	{ "mgmtdev get", VDPA_CMD_MGMTDEV_GET, 0, { BUS, MGMT }, 0 },
	{ "mgmtdev dump", VDPA_CMD_MGMTDEV_GET, NLM_F_DUMP, {}, 0 },
	{ "dev get", VDPA_CMD_DEV_GET, 0, { DEV }, 0 },
	{ "dev dump", VDPA_CMD_DEV_GET, NLM_F_DUMP, {}, 0 },
	{ "config get", VDPA_CMD_DEV_CONFIG_GET, 0, { DEV }, 0 },
	{ "config dump", VDPA_CMD_DEV_CONFIG_GET, NLM_F_DUMP, {}, 0 },
	{ "dev new", VDPA_CMD_DEV_NEW, 0, { BUS, MGMT, NEW }, -EPERM },
	{ "dev del", VDPA_CMD_DEV_DEL, 0, { DEV }, -EPERM },
	{ "vstats get", VDPA_CMD_DEV_VSTATS_GET, 0,
	  { DEV, NUM(DEV_QUEUE_INDEX, 32, 0) }, -EPERM },
	{ "attr set", VDPA_CMD_DEV_ATTR_SET, 0, { DEV, MAC }, -EPERM },
};

static int ask_as_nobody(const struct permission *p)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct nl_request req;
		size_t i;

		if (setgid(65534) || setuid(65534) || nl_begin(&req, p->command, p->flags))
			_exit(255);
		for (i = 0; i < ARRAY_SIZE(p->attrs) && p->attrs[i].type; i++)
			put(&req, &p->attrs[i]);
		_exit(-nl_do(&req, NULL, NULL));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static void permission(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(permissions); i++) {
		int err = ask_as_nobody(&permissions[i]);

		ksft_test_result(err == permissions[i].err, "%s: %s without CAP_NET_ADMIN\n",
				 permissions[i].name,
				 permissions[i].err ? "refused" : "allowed");
	}
	ksft_test_result(shell("unshare -rn vdpa dev show 2>&1 | grep -q .") == 0,
			 "no such family in another network namespace\n");
}

/* --- dumps ------------------------------------------------------------------ */

#define MANY	1000

struct dump {
	unsigned int seen[MANY];
	unsigned int last, others;
	bool ordered;
};

static void count(void *arg, uint16_t type, const void *data, size_t len)
{
	struct dump *dump = arg;
	unsigned int n;

	if (type != A(DEV_NAME))
		return;
	if (sscanf(data, "many%u", &n) != 1 || n >= MANY) {
		dump->others++;
		return;
	}
	dump->ordered = dump->ordered && (n > dump->last || !n);
	dump->last = n;
	dump->seen[n]++;
}

static bool dump_all(uint8_t command, unsigned int n, struct nl_request *req)
{
	struct dump dump = { .ordered = true };
	unsigned int i;
	int err = nl_begin(req, command, NLM_F_DUMP) ?: nl_do(req, count, &dump);

	for (i = 0; i < n; i++) {
		if (dump.seen[i] != 1) {
			ksft_print_msg("device %u was seen %u times\n", i, dump.seen[i]);
			return false;
		}
	}
	return !err && dump.ordered;
}

static bool run_come_and_go;

static void *come_and_go(void *arg)
{
	unsigned int i;
	char name[16];

	for (i = 0; __atomic_load_n(&run_come_and_go, __ATOMIC_RELAXED); i++) {
		snprintf(name, sizeof(name), "fleeting%u", i % 10);
		if (add(name, MODERN))
			del(name);
	}
	return arg;
}

static void dump_many(void)
{
	struct nl_request req;
	pthread_t thread;
	bool right = true;
	char name[16];
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < MANY; i++) {
		snprintf(name, sizeof(name), "many%u", i);
		err = add(name, MODERN);
	}
	ksft_test_result(!err, "many: %u devices\n", i);
	ksft_test_result(dump_all(VDPA_CMD_DEV_GET, MANY, &req) && req.reads > 3,
			 "many: each once, in order, in several messages\n");
	ksft_test_result(dump_all(VDPA_CMD_DEV_CONFIG_GET, MANY, &req) && req.reads > 3,
			 "many: configurations likewise\n");

	run_come_and_go = true;
	pthread_create(&thread, NULL, come_and_go, NULL);
	for (i = 0; i < 10; i++)
		right = dump_all(i % 2 ? VDPA_CMD_DEV_GET : VDPA_CMD_DEV_CONFIG_GET,
				 MANY, &req) && right;
	__atomic_store_n(&run_come_and_go, false, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ksft_test_result(right, "many: each once, while others come and go\n");

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many%u", i);
		err = del(name) ?: err;
	}
	ksft_test_result(!err, "many: deleted\n");
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "fleeting%u", i);
		del(name);
	}
}

static void count_mgmtdevs(void *arg, uint16_t type, const void *data, size_t len)
{
	static const char *const names[] = { "vdpa_mock", "vdpasim_net", "vdpasim_blk" };
	unsigned int *seen = arg, i;

	for (i = 0; type == A(MGMTDEV_DEV_NAME) && i < ARRAY_SIZE(names); i++)
		seen[i] += !strcmp(data, names[i]);
}

static void mgmtdevs(void)
{
	unsigned int seen[3] = {};
	struct nl_request req;
	int err;

	shell("modprobe vdpa_sim_net; modprobe vdpa_sim_blk");
	err = nl_begin(&req, VDPA_CMD_MGMTDEV_GET, NLM_F_DUMP) ?:
	      nl_do(&req, count_mgmtdevs, seen);
	ksft_test_result(!err && seen[0] == 1 && seen[1] == 1 && seen[2] == 1,
			 "mgmtdev dump: each once\n");
	shell("modprobe -r vdpa_sim_net vdpa_sim_blk");
}

/* --- all of them ------------------------------------------------------------ */

static void with_net(void)
{
	load("classes=1 bare=1");
	param("off", "dma_map,dma_unmap");
	add("dev", MODERN | BIT(VIRTIO_NET_F_MAC));
	add("plain", MODERN);
	refuse(net_refusals, ARRAY_SIZE(net_refusals));
	deform();
	answers();
	after_negotiation();
	new_settings();
	config_fields("net", net_fields, ARRAY_SIZE(net_fields));
	permission();
	mgmtdevs();
	dump_many();
}

static void with_others(void)
{
	struct answer got;
	int err;

	load("classes=2");
	config_fields("disk", blk_fields, ARRAY_SIZE(blk_fields));
	blk_flags();

	load("classes=1 supported=0x300000000 attrs=0x100000");
	refuse(limited_refusals, ARRAY_SIZE(limited_refusals));
	ksft_test_result(!add("dev", MODERN), "limited: features that it supports\n");
	load("classes=1 attrs=0");
	refuse(featureless_refusals, ARRAY_SIZE(featureless_refusals));
	load("classes=1 supported=0");
	ksft_test_result(!add("dev", MODERN | BIT(VIRTIO_NET_F_MAC)),
			 "silent: features are the parent's to judge\n");

	load("classes=1,2");
	refuse(several_refusals, ARRAY_SIZE(several_refusals));
	ksft_test_result(!add("dev", MODERN), "several classes: features of the transport\n");
	{
		const struct attr new[] = {
			BUS, MGMT, NEW, MAC, NUM(DEV_FEATURES, 64, MODERN | BIT(VIRTIO_NET_F_MAC)),
		};
		struct nl_request req;

		err = ask(VDPA_CMD_DEV_NEW, new, ARRAY_SIZE(new), NULL, &req);
	}
	ksft_test_result(!err, "several classes: features of the class that is meant\n");

	load("classes=63");
	add("dev", MODERN);
	refuse(unknown_refusals, ARRAY_SIZE(unknown_refusals));
	err = ask_of(VDPA_CMD_DEV_CONFIG_GET, "dev", &got);
	ksft_test_result(!err && is_string(&got, A(DEV_NAME), "dev") &&
			 is_number(&got, A(DEV_ID), 4, 63) &&
			 is_number(&got, A(DEV_FEATURES), 8, MODERN),
			 "unknown class: config get\n");
}

int main(void)
{
	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root\n");
	ksft_set_plan(REFUSALS(net_refusals) + ARRAY_SIZE(malformed) + 14 + 13 + 12 +
		      FIELDS(net_fields) + ARRAY_SIZE(permissions) + 1 + 1 + 5 +
		      FIELDS(blk_fields) + 2 + REFUSALS(limited_refusals) + 1 +
		      REFUSALS(featureless_refusals) + 1 +
		      REFUSALS(several_refusals) + 2 + REFUSALS(unknown_refusals) + 1 + 1);
	with_net();
	ksft_test_result(shell("grep -qx 0 /sys/module/vdpa_mock/parameters/violations") == 0,
			 "rules are kept\n");
	with_others();
	shell("modprobe -r vdpa_mock");
	ksft_finished();
}
