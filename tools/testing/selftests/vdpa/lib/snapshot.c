// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/vdpa.h>

#include "device.h"
#include "snapshot.h"

#define QUEUES		4	/* looked at, also where there are fewer */
#define CONFIG_MAX	256
/* No device has that many address spaces, and no test maps anything there */
#define NO_ASID		1000
#define NO_IOVA		0x7654321000ULL

void snapshot_clear(struct snapshot *s)
{
	s->len = 0;
	s->text[0] = '\0';
}

void snapshot_add(struct snapshot *s, const char *format, ...)
{
	size_t room = sizeof(s->text) - s->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(s->text + s->len, room, format, args);
	va_end(args);
	s->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_bytes(struct snapshot *s, const void *data, size_t len)
{
	const unsigned char *byte = data;

	while (len--)
		snapshot_add(s, "%02x", *byte++);
	snapshot_add(s, "\n");
}

/* --- the char device ---------------------------------------------------------- */

/* Numbers of any size: the rest of the buffer stays 0 */
static void add_call(struct snapshot *s, const char *name, int fd, unsigned long request)
{
	uint64_t answer[2] = { 0 };
	int err = vv_ioctl(fd, request, answer);

	snapshot_add(s, "%s %d %#llx %#llx\n", name, err, (unsigned long long)answer[0],
		     (unsigned long long)answer[1]);
}

static void add_vring(struct snapshot *s, const char *name, int fd, unsigned long request,
		      unsigned int index)
{
	unsigned int num = 0;
	int err = vv_get_vring(fd, request, index, &num);

	snapshot_add(s, "%s of %u: %d %u\n", name, index, err, num);
}

static void add_vrings(struct snapshot *s, int fd)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		add_vring(s, "base", fd, VHOST_GET_VRING_BASE, i);
		add_vring(s, "size", fd, VHOST_VDPA_GET_VRING_SIZE, i);
		add_vring(s, "group", fd, VHOST_VDPA_GET_VRING_GROUP, i);
		add_vring(s, "group of descriptors", fd, VHOST_VDPA_GET_VRING_DESC_GROUP, i);
		add_vring(s, "busyloop", fd, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, i);
	}
}

static void add_config(struct snapshot *s, int fd)
{
	char config[CONFIG_MAX];
	uint32_t size = 0;

	if (vv_get_u32(fd, VHOST_VDPA_GET_CONFIG_SIZE, &size) || size > sizeof(config) ||
	    vv_get_config(fd, 0, config, size))
		size = 0;
	snapshot_add(s, "config of %u: ", size);
	add_bytes(s, config, size);
}

/* What no call tells: a device that runs refuses this, one that is suspended doesn't */
static void add_suspended(struct snapshot *s, const struct client *c)
{
	uint8_t status = 0;

	vv_get_status(c->fd, &status);
	if (status & VIRTIO_CONFIG_S_DRIVER_OK && c->nqueues)
		snapshot_add(s, "its own size again: %d\n",
			     vv_set_vring(c->fd, VHOST_SET_VRING_NUM, 0,
					  c->queue[0].vq.num));
}

void snapshot_client(struct snapshot *s, const struct client *c)
{
	add_call(s, "status", c->fd, VHOST_VDPA_GET_STATUS);
	add_call(s, "features", c->fd, VHOST_GET_FEATURES);
	add_call(s, "backend features", c->fd, VHOST_GET_BACKEND_FEATURES);
	add_call(s, "device id", c->fd, VHOST_VDPA_GET_DEVICE_ID);
	add_call(s, "largest vring", c->fd, VHOST_VDPA_GET_VRING_NUM);
	add_call(s, "vrings", c->fd, VHOST_VDPA_GET_VQS_COUNT);
	add_call(s, "groups", c->fd, VHOST_VDPA_GET_GROUP_NUM);
	add_call(s, "address spaces", c->fd, VHOST_VDPA_GET_AS_NUM);
	add_call(s, "range", c->fd, VHOST_VDPA_GET_IOVA_RANGE);
	/* only who has acknowledged them can name address spaces; only the owner anything */
	snapshot_add(s, "an address space: %d\n", vv_unmap(c->fd, NO_ASID, NO_IOVA, 4096));
	add_vrings(s, c->fd);
	add_config(s, c->fd);
	add_suspended(s, c);
}

void snapshot_pins(struct snapshot *s)
{
	snapshot_add(s, "pinned: %lld kB\n", proc_field("/proc/self/status", "VmPin"));
}

/* --- the device ----------------------------------------------------------------- */

void snapshot_attr(void *arg, uint16_t type, const void *data, size_t len)
{
	snapshot_add(arg, "attribute %u: ", type);
	add_bytes(arg, data, len);
}

static void add_answer(struct snapshot *s, const char *name, uint8_t command)
{
	struct nl_request req;
	int err = nl_begin(&req, command, 0);

	if (!err) {
		nl_put_string(&req, VDPA_ATTR_DEV_NAME, name);
		err = nl_do(&req, snapshot_attr, s);
	}
	snapshot_add(s, "command %u: %d\n", command, err);
}

void snapshot_device(struct snapshot *s, const char *name)
{
	char path[PATH_MAX], text[PATH_MAX];
	ssize_t n;
	int fd;

	add_answer(s, name, VDPA_CMD_DEV_GET);
	add_answer(s, name, VDPA_CMD_DEV_CONFIG_GET);
	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/driver", name);
	n = readlink(path, text, sizeof(text));
	snapshot_add(s, "driver: %.*s\n", n < 0 ? 0 : (int)n, text);
	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/driver_override", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	snapshot_add(s, "override: %.*s\n", n < 0 ? 0 : (int)n, text);
	if (fd >= 0)
		close(fd);
}

bool snapshot_differs(const struct snapshot *a, const struct snapshot *b, char *line,
		      size_t size)
{
	size_t at = 0, start = 0;

	while (a->text[at] && a->text[at] == b->text[at])
		if (a->text[at++] == '\n')
			start = at;
	if (a->text[at] == b->text[at])
		return false;
	snprintf(line, size, "\"%.*s\" after \"%.*s\"",
		 (int)strcspn(b->text + start, "\n"), b->text + start,
		 (int)strcspn(a->text + start, "\n"), a->text + start);
	return true;
}
