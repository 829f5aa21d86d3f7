// SPDX-License-Identifier: GPL-2.0
/*
 * "vdpa dev add" with device_features, which the vdpa command of iproute2 has
 * only since its version 6.2, in the same words.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/vdpa.h>

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

int main(int argc, char **argv)
{
	struct nl_request req;
	int err, i;

	err = nl_begin(&req, VDPA_CMD_DEV_NEW, 0);
	for (i = 1; !err && i + 1 < argc; i += 2) {
		err = put(&req, argv[i], argv[i + 1]);
		if (err)
			fprintf(stderr, "%s %s: not understood\n", argv[i], argv[i + 1]);
	}
	if (!err)
		err = nl_do(&req, NULL, NULL);
	if (err)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
	return err ? 1 : 0;
}
