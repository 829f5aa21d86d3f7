// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/vdpa.h>

#include "device.h"
#include "netlink.h"

#define SYSFS		"/sys/bus/vdpa"
#define NODE_PATIENCE	5000	/* ms until udev or devtmpfs has made the node */

/* The modules are found by modprobe's own rules, ours before the kernel's */
int module_load(const char *name)
{
	char *const argv[] = { "modprobe", "-q", (char *)name, NULL };
	char path[PATH_MAX];
	int status, err;
	pid_t pid;

	/* a thousand devices need not ask a thousand times */
	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	if (!access(path, F_OK))
		return 0;
	err = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status ? -ENOENT : 0;
}

static int load_for(const char *mgmtdev)
{
	if (!strcmp(mgmtdev, "vdpasim_net"))
		return module_load("vdpa_sim_net");
	if (!strcmp(mgmtdev, "vdpasim_blk"))
		return module_load("vdpa_sim_blk");
	if (!strcmp(mgmtdev, VDPA_MOCK))
		return module_load("vdpa_mock");
	return 0;
}

/* "NAME" or "BUS/NAME" */
static void put_mgmtdev(struct nl_request *req, const char *mgmtdev)
{
	const char *slash = strchr(mgmtdev, '/');
	char bus[32];

	if (slash) {
		snprintf(bus, sizeof(bus), "%.*s", (int)(slash - mgmtdev), mgmtdev);
		nl_put_string(req, VDPA_ATTR_MGMTDEV_BUS_NAME, bus);
		mgmtdev = slash + 1;
	}
	nl_put_string(req, VDPA_ATTR_MGMTDEV_DEV_NAME, mgmtdev);
}

int vdpa_add(const char *name, const char *mgmtdev, uint64_t features)
{
	struct nl_request req;
	int err = load_for(mgmtdev);

	if (!err)
		err = nl_begin(&req, VDPA_CMD_DEV_NEW, 0);
	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, name);
	put_mgmtdev(&req, mgmtdev);
	if (features)
		nl_put(&req, VDPA_ATTR_DEV_FEATURES, &features, sizeof(features));
	return nl_do(&req, NULL, NULL);
}

int vdpa_del(const char *name)
{
	struct nl_request req;
	int err = nl_begin(&req, VDPA_CMD_DEV_DEL, 0);

	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, name);
	return nl_do(&req, NULL, NULL);
}

struct counter_sum {
	const char *word;
	bool counts;
	uint64_t sum;
};

/* Names and values alternate */
static void add_counter(void *arg, uint16_t type, const void *data, size_t len)
{
	struct counter_sum *c = arg;
	uint64_t value;

	if (type == VDPA_ATTR_DEV_VENDOR_ATTR_NAME) {
		c->counts = memmem(data, len, c->word, strlen(c->word));
	} else if (type == VDPA_ATTR_DEV_VENDOR_ATTR_VALUE && c->counts &&
		   len == sizeof(value)) {
		memcpy(&value, data, len);
		c->sum += value;
	}
}

int vdpa_counter(const char *name, uint32_t index, const char *word, uint64_t *sum)
{
	struct counter_sum c = { .word = word };
	struct nl_request req;
	int err = nl_begin(&req, VDPA_CMD_DEV_VSTATS_GET, 0);

	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, name);
	nl_put(&req, VDPA_ATTR_DEV_QUEUE_INDEX, &index, sizeof(index));
	err = nl_do(&req, add_counter, &c);
	*sum = c.sum;
	return err;
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int vdpa_mock_shape(const char *parameter, const char *value)
{
	char path[PATH_MAX];
	int err = load_for(VDPA_MOCK);

	snprintf(path, sizeof(path), "/sys/module/vdpa_mock/parameters/%s", parameter);
	return err ? err : write_file(path, value);
}

int vdpa_mock_order(const char *file, const char *order)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/kernel/debug/vdpa_mock/%s", file);
	return write_file(path, order);
}

/* Name of the driver that has the device; empty when none has */
static void current_driver(const char *name, char *driver, size_t size)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), SYSFS "/devices/%s/driver", name);
	n = readlink(path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	snprintf(driver, size, "%s", strrchr(link, '/') ? strrchr(link, '/') + 1 : "");
}

int vdpa_bind(const char *name, const char *driver)
{
	char path[PATH_MAX], now[64];
	int err = module_load(driver);

	if (err)
		return err;
	current_driver(name, now, sizeof(now));
	if (!strcmp(now, driver))
		return 0;

	snprintf(path, sizeof(path), SYSFS "/devices/%s/driver_override", name);
	err = write_file(path, driver);
	if (!err && now[0]) {
		snprintf(path, sizeof(path), SYSFS "/drivers/%s/unbind", now);
		err = write_file(path, name);
	}
	if (!err)
		err = write_file(SYSFS "/drivers_probe", name);
	current_driver(name, now, sizeof(now));
	if (!err && strcmp(now, driver))
		err = -ENODEV;
	return err;
}

int vdpa_chardev(const char *name, char *path, size_t size)
{
	char dir[PATH_MAX];
	struct dirent *entry;
	int err = -ENODEV, waited;
	DIR *sysfs;

	snprintf(dir, sizeof(dir), SYSFS "/devices/%s", name);
	sysfs = opendir(dir);
	if (!sysfs)
		return -errno;
	while ((entry = readdir(sysfs)))
		if (!strncmp(entry->d_name, "vhost-vdpa-", 11)) {
			snprintf(path, size, "/dev/%s", entry->d_name);
			err = 0;
		}
	closedir(sysfs);

	for (waited = 0; !err && access(path, F_OK); waited++) {
		if (waited == NODE_PATIENCE)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return err;
}

static int give_to_vhost(const char *name, char path[64])
{
	int err = vdpa_bind(name, "vhost_vdpa");

	if (!err)
		err = vdpa_chardev(name, path, 64);
	if (err)
		vdpa_del(name);
	return err;
}

int vdpa_create(const char *mgmtdev, uint64_t features, char name[32], char path[64])
{
	int err;

	snprintf(name, 32, "test%d", getpid());
	err = vdpa_add(name, mgmtdev, features);
	return err ? err : give_to_vhost(name, path);
}

int vdpa_create_pairs(uint16_t pairs, uint64_t features, char name[32], char path[64])
{
	struct nl_request req;
	int err = load_for("vdpasim_net");

	snprintf(name, 32, "test%d", getpid());
	if (!err)
		err = nl_begin(&req, VDPA_CMD_DEV_NEW, 0);
	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, name);
	put_mgmtdev(&req, "vdpasim_net");
	nl_put(&req, VDPA_ATTR_DEV_FEATURES, &features, sizeof(features));
	nl_put(&req, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, &pairs, sizeof(pairs));
	err = nl_do(&req, NULL, NULL);
	return err ? err : give_to_vhost(name, path);
}

long long proc_field(const char *path, const char *key)
{
	char line[256];
	long long value = -1;
	FILE *file = fopen(path, "re");

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key))) {
			value = strtoll(line + strlen(key) + strspn(line + strlen(key), ": \t"),
					NULL, 0);
			break;
		}
	fclose(file);
	return value;
}
