// SPDX-License-Identifier: GPL-2.0
/*
 * For tests in shell, what the vdpa command of iproute2 does not do:
 *
 *   add name NAME mgmtdev DEVICE ...	with device_features, which it knows since
 *					version 6.2, otherwise in the same words
 *   counter NAME QUEUE WORDS		the sum of the vendor's counters with these
 *					words in their names; it shows those of
 *					network devices only
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/vdpa.h>

#include "lib/device.h"
#include "lib/netlink.h"

static int put_mac(struct nl_request *req, const char *text)
{
	unsigned char mac[6];

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5]) != 6)
		return -EINVAL;
	nl_put(req, VDPA_ATTR_DEV_NET_CFG_MACADDR, mac, sizeof(mac));
	return 0;
}

static int put(struct nl_request *req, const char *key, const char *value)
{
	uint64_t number = strtoull(value, NULL, 0);
	uint16_t small = number;

	if (!strcmp(key, "name"))
		nl_put_string(req, VDPA_ATTR_DEV_NAME, value);
	else if (!strcmp(key, "mgmtdev"))
		nl_put_string(req, VDPA_ATTR_MGMTDEV_DEV_NAME, value);
	else if (!strcmp(key, "device_features"))
		nl_put(req, VDPA_ATTR_DEV_FEATURES, &number, sizeof(number));
	else if (!strcmp(key, "mtu"))
		nl_put(req, VDPA_ATTR_DEV_NET_CFG_MTU, &small, sizeof(small));
	else if (!strcmp(key, "max_vqp"))
		nl_put(req, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, &small, sizeof(small));
	else if (!strcmp(key, "mac"))
		return put_mac(req, value);
	else
		return -EINVAL;
	return 0;
}

static int add(int argc, char **argv)
{
	struct nl_request req;
	int err, i;

	err = nl_begin(&req, VDPA_CMD_DEV_NEW, 0);
	for (i = 0; !err && i + 1 < argc; i += 2) {
		err = put(&req, argv[i], argv[i + 1]);
		if (err)
			fprintf(stderr, "%s %s: not understood\n", argv[i], argv[i + 1]);
	}
	return err ? err : nl_do(&req, NULL, NULL);
}

static int counter(const char *name, const char *queue, const char *words)
{
	uint64_t sum;
	int err = vdpa_counter(name, strtoul(queue, NULL, 0), words, &sum);

	if (!err)
		printf("%llu\n", (unsigned long long)sum);
	return err;
}

int main(int argc, char **argv)
{
	int err = -EINVAL;

	if (argc > 1 && !strcmp(argv[1], "add"))
		err = add(argc - 2, argv + 2);
	else if (argc == 5 && !strcmp(argv[1], "counter"))
		err = counter(argv[2], argv[3], argv[4]);
	if (err)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
	return err ? 1 : 0;
}
